"""A little day of facts that is legal by construction, with a model of the rows that must come of it.

It knows nothing of SQL and nothing of the engine: what it expects is written down a second time, in plain Python.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from routing.core.events import Event, HoldTick
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, Channel, ContactState, OfferState, Outcome
from routing.core.model.declare import CALLER, END, STATE
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.stored import KEYS, ROWS, Change, ChangeLog

SERVICE = ServiceId("psikososyal")
VOICE = Channel.VOICE


class Turn(NamedTuple):
    """The content of one commit."""

    events: list[tuple[float, Event | None]]
    facts: list[Fact]
    changes: Sequence[Change] = ()


class Day:
    """Makes facts, one method for each thing that may happen, and remembers what is true after it."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now
        self.seq = 0
        self.next_offer = 1
        self.facts: list[Fact] = []
        self.taken = 0
        self.contacts: dict[str, dict[str, Any]] = {}
        self.offers: dict[int, dict[str, Any]] = {}
        self.agents: dict[str, dict[str, Any]] = {}
        self.rows: dict[Any, Any] = {}
        """The row of each contact, offer and agent, by class and key."""
        self._log = ChangeLog()

    def turn(self, events: int = 1) -> Turn:
        """The facts since the last turn, with some inputs."""
        made = self.facts[self.taken:]
        self.taken = len(self.facts)
        inputs: list[tuple[float, Event | None]] = [
            (self.now, HoldTick(ContactId(f"{self.now}"))) for _ in range(events)]
        return Turn(inputs, list(made), self._log.take())

    def _put(self, kind: type, key: Any, groups: int = STATE | CALLER, **values: Any) -> None:
        """Change a row; an offer's version counts its changes."""
        old = self.rows.get((kind, key))
        if kind is Offer:
            values["version"] = 1 if old is None else old.version + 1
        if old is None or values.get("version") == 1:
            before, row = 0, ROWS[kind](**{KEYS[kind]: key, **values})
        else:
            before, row = old.version, old._replace(**values)
        self.rows[kind, key] = row
        self._log.add([Change(kind, before, groups, self.now, row)])

    def _add(self, kind: type, **values: Any) -> Any:
        self.seq += 1
        self.now += 0.5
        fact = kind(seq=self.seq, at=self.now, **values)
        self.facts.append(fact)
        return fact

    def sign_in(self, agent: str, seat: str | None = None) -> None:
        """The agent is ready at a seat."""
        self.agent(agent, AgentState.READY, seat or f"seat-{agent}")

    def agent(self, agent: str, state: AgentState, seat: str | None) -> None:
        """An agent's change of state."""
        row = self.agents.setdefault(agent, {"version": 0, "state": AgentState.SIGNED_OUT})
        self._add(f.AgentChanged, agent=AgentId(agent), version=row["version"] + 1, team="genel", before=row["state"],
                  state=state, reason="", seat=None if seat is None else SeatId(seat), before_s=1.0,
                  services=(SERVICE,), rna_count=0)
        row.update(version=row["version"] + 1, state=state, seat=seat)
        self._put(AgentRecord, agent, version=row["version"], state=state, seat=seat, since=self.now, team="genel")

    def queue(self, contact: str, channel: Channel = VOICE) -> None:
        """A caller waits."""
        self._add(f.Queued, contact=ContactId(contact), version=1, service=SERVICE, channel=channel,
                  since=self.now - 3.0, priority=2, position=1, caller_hash="h",
                  number_encrypted="b", slow=True, node="a")
        self.contacts[contact] = {"state": ContactState.PENDING, "version": 1, "offer": None, "outcome": None,
                                  "channel": channel}
        self._put(Contact, contact, version=1, service=SERVICE, channel=channel, since=self.now - 3.0, priority=2,
                  queued_at=self.now, leg=f"PJSIP/trunk-{contact}", caller_hash="h", number_encrypted="b", slow=True,
                  node="a")

    def _move(self, contact: str, state: ContactState, **values: Any) -> int:
        row = self.contacts[contact]
        row.update(state=state, version=row["version"] + 1, **values)
        self._put(Contact, contact, state=state, version=row["version"], **values)
        return int(row["version"])

    def offer(self, contact: str, agent: str) -> int:
        """Ring this agent."""
        number, self.next_offer = self.next_offer, self.next_offer + 1
        channel = self.contacts[contact]["channel"]
        version = self._move(contact, ContactState.RESERVED, offer=number)
        self._add(f.Offered, offer=OfferId(number), contact=ContactId(contact), version=version, agent=AgentId(agent),
                  agent_version=1, seat=SeatId(f"seat-{agent}"), service=SERVICE, channel=channel, ring_s=15.0,
                  step=0, level=50, idle_s=4.0, runners_up=(), agents_ready=1, agents_signed_in=1, waiting=1)
        self.offers[number] = {"contact": contact, "agent": agent, "state": OfferState.PENDING, "held_s": 0.0}
        self._put(Offer, number, contact=ContactId(contact), agent=AgentId(agent), seat=SeatId(f"seat-{agent}"),
                  offered_at=self.now, ring_s=15.0, step=0, level=50, channel=channel, service=SERVICE)
        return number

    def ring(self, offer: int) -> None:
        """The phone rings for sure."""
        row = self.offers[offer]
        self._add(f.OfferRang, offer=OfferId(offer), contact=ContactId(row["contact"]), agent=AgentId(row["agent"]))
        self._put(Offer, offer, rang_at=self.now)

    def close(self, offer: int, state: OfferState, back: bool = True) -> None:
        """Not accepted. `back`: the caller waits again."""
        row = self.offers[offer]
        version = self._move(row["contact"], ContactState.PENDING, offer=None) if back else None
        self._add(f.OfferClosed, offer=OfferId(offer), contact=ContactId(row["contact"]), agent=AgentId(row["agent"]),
                  agent_version=2, service=SERVICE, channel=self.contacts[row["contact"]]["channel"], state=state,
                  reason="no_answer", rang_s=3.0, contact_version=version)
        row["state"] = state
        self._put(Offer, offer, state=state, reason="no_answer", ended_at=self.now)

    def connect(self, offer: int) -> None:
        """They talk."""
        row = self.offers[offer]
        version = self._move(row["contact"], ContactState.ASSIGNED)
        self._add(tf.Connected, offer=OfferId(offer), contact=ContactId(row["contact"]), version=version,
                  agent=AgentId(row["agent"]), agent_version=3, seat=SeatId("s"), service=SERVICE,
                  channel=self.contacts[row["contact"]]["channel"], wait_s=7.0, ring_s=3.0, original_position=1,
                  within=True)
        row["state"] = OfferState.ACCEPTED
        self._put(Offer, offer, state=row["state"], connected_at=self.now)

    def hold(self, offer: int, held_s: float, on: bool = False) -> None:
        """The caller was on hold, or is `on` it again."""
        row = self.offers[offer]
        self._add(tf.HoldSetRecorded, offer=OfferId(offer), contact=ContactId(row["contact"]),
            agent=AgentId(row["agent"]),
                  on=on, held_s=held_s)
        row["held_s"] = held_s
        self._put(Offer, offer, held_s=held_s, held_since=self.now if on else None)

    def want_wrap_up(self, offer: int) -> None:
        """The agent asks for a wrap-up after this talk."""
        row = self.offers[offer]
        self._add(tf.WrapUpRequestedRecorded, offer=OfferId(offer), contact=ContactId(row["contact"]),
            agent=AgentId(row["agent"]))
        self._put(Offer, offer, wrapup_requested=True)

    def talk_over(self, offer: int, lost: bool = False) -> None:
        """The talk ended; lost: the caller waits again."""
        row = self.offers[offer]
        state = ContactState.PENDING if lost else ContactState.WRAPPING
        version = self._move(row["contact"], state, **({"offer": None} if lost else {}))
        self._add(tf.TalkEndedRecorded, offer=OfferId(offer), contact=ContactId(row["contact"]), version=version,
            state=state,
                  agent=AgentId(row["agent"]), agent_version=4, service=SERVICE,
                  channel=self.contacts[row["contact"]]["channel"], by="lost" if lost else "caller", wait_s=7.0,
                  talk_s=60.0, held_s=row["held_s"], original_position=1)
        row["state"] = OfferState.COMPLETED if lost else OfferState.WRAPPING
        self._put(Offer, offer, state=row["state"], talk_ended_at=self.now, talk_s=60.0)
        if not lost:
            self.end(row["contact"], Outcome.ANSWERED)

    def wrap(self, offer: int) -> None:
        """The wrap-up is over."""
        row = self.offers[offer]
        version = self._move(row["contact"], ContactState.COMPLETED)
        self._add(tf.WrappedUp, offer=OfferId(offer), contact=ContactId(row["contact"]), version=version,
                  agent=AgentId(row["agent"]), agent_version=5, service=SERVICE,
                  channel=self.contacts[row["contact"]]["channel"], wrapup_s=15.0)
        row["state"] = OfferState.COMPLETED
        self._put(Offer, offer, state=row["state"], wrapup_s=15.0)

    def end(self, contact: str, outcome: Outcome) -> None:
        """The final outcome; a ringing offer is canceled first."""
        row = self.contacts[contact]
        if outcome is Outcome.ANSWERED:
            state, version = row["state"], row["version"]
        else:
            if row["state"] is ContactState.RESERVED:
                self.close(row["offer"], OfferState.CANCELED, back=False)
            state = ContactState.CANCELED
            version = self._move(contact, state)
        row["outcome"] = outcome
        self._add(f.Ended, contact=ContactId(contact), version=version, state=state, service=SERVICE,
                  channel=row["channel"], outcome=outcome, wait_s=7.0, position=1, original_position=1, key="")
        self._put(Contact, contact, END, outcome=outcome, ended_at=self.now)
