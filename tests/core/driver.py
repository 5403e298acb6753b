"""A driver that tells the engine events as unreliably as reality does, and checks its output after every event."""

from __future__ import annotations

import random
from typing import Any

from routing.core import events as e
from routing.core.engine import Engine
from routing.core.model import facts as f
from routing.core.model.centre_model import RINGING_OFFER, AgentState, Channel, ContactState, OfferState
from routing.core.model.commands import Command, ConnectCallback, DialCaller, Offer, Rescind
from routing.core.model.errors import Refused
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.reasons import FOUND
from routing.core.stored import ChangeLog
from tests.core.centres import CENTRES, EDU, PSY, TIP
from tests.core.checker import Checker

CHANNELS = (Channel.VOICE,) * 8 + (Channel.CHAT, Channel.CHAT, Channel.EMAIL, Channel.TASK)
ENDINGS = ("no_answer", "busy", "rejected", "unreachable", "failed", "hangup", "lost")


class Driver:
    """Tells the engine events in any order and checks the output."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.now = 1_000.0
        self.grain_s = 0.0
        """Time between two events. With 0 many events come at the same time."""
        self.entries: list[tuple[float, e.Event | None]] = []
        self.facts: list[f.Fact] = []
        self.changes = ChangeLog()
        self.commands: list[Command] = []
        self.checker = Checker()
        self.centre = CENTRES[0]
        self.offers: list[tuple[OfferId, ContactId]] = []
        self.numbers = 0
        self.tell(e.Configured(self.centre))

    def tell(self, event: e.Event | None) -> None:
        """Tell one event, or run the clock for None, then make every check."""
        if isinstance(event, e.Configured):
            self.centre = event.centre
        elif isinstance(event, e.LinkChanged):
            for node in {event.node, ""}:
                (self.checker.down.discard if event.up else self.checker.down.add)(node)
        self.now += self.grain_s
        self.entries.append((self.now, event))
        try:
            done = self.engine.tick(self.now) if event is None else self.engine.handle(event, self.now)
        except Refused:
            assert not self.engine.take_facts(), "a refusal changes nothing"
            return
        self.changes.add(self.engine.take_changes())
        new = self.engine.take_facts()
        self.facts += new
        self.commands += done
        self.checker.fold(new, self.centre)
        if event is None:
            self.checker.ticked = self.now
        self._commands(done, new)

    def _commands(self, done: list[Command], new: list[f.Fact]) -> None:
        made = {fact.offer for fact in new if isinstance(fact, f.Offered) and fact.strategy != FOUND}
        reached = {fact.contact for fact in new if isinstance(fact, f.CallbackChanged) and not fact.callback}
        for command in done:
            if isinstance(command, Offer):
                assert command.offer in made or command.contact in reached
                self.offers.append((command.offer, command.contact))
            elif isinstance(command, DialCaller) and command.offer is None:
                assert command.contact in self.checker.callbacks
            elif isinstance(command, DialCaller | ConnectCallback):
                assert command.offer is not None
                assert self.checker.offer[command.offer][:2] == (OfferState.PENDING, command.contact)
            elif isinstance(command, Rescind):
                assert self.checker.offer[command.offer][1] == command.contact
        rung = [command.offer for command in done if isinstance(command, Offer | DialCaller) and command.offer]
        assert made <= set(rung) and len(rung) == len(set(rung))

    def check(self) -> None:
        """Check the invariants that hold after each event."""
        status = self.engine.status(self.now)
        alive = {contact: state for contact, (state, _) in self.checker.contact.items()
                 if state not in (ContactState.COMPLETED, ContactState.CANCELED)}
        assert {view.contact: view.state for view in status.contacts} == alive, "no contact is lost"
        for contact, state in alive.items():
            assert self.checker.ended[contact] == (state is ContactState.WRAPPING)
        shown = {view.agent: view.state for view in status.agents}
        for agent, (state, _) in self.checker.agent.items():
            assert shown.get(agent, AgentState.SIGNED_OUT) is state
        live = {number for number, (state, _, _) in self.checker.offer.items()
                if state in (*RINGING_OFFER, OfferState.ACCEPTED, OfferState.CONSULTING)
                and self.checker.channel[number] is Channel.VOICE}
        assert {one.offer for one in self.engine.live_offers()} == live
        for view in status.queues:
            places = sorted(c.position for c in status.contacts if c.service == view.service and c.position)
            # Callbacks that sleep are in front of nobody, so only a queue without callbacks has each position once.
            queued = [c for c in status.contacts if c.service == view.service and c.position]
            assert len(places) == view.waiting and all(1 <= place <= view.waiting for place in places)
            if not any(c.callback for c in queued):
                assert places == list(range(1, view.waiting + 1)), "positions are 1, 2, 3 ..."

    def queue(self, service: str, *, since_ago: float | None = None, priority: int = 0,
              channel: Channel = Channel.VOICE, node: str = "", **more: Any) -> ContactId:
        """Queue a new contact."""
        self.numbers += 1
        contact = ContactId(f"1700000000.{self.numbers}")
        since = None if since_ago is None else self.now - since_ago
        self.tell(e.ContactQueued(contact, ServiceId(service), f"PJSIP/trunk-{self.numbers}", channel, since, priority,
                                  node=node, **more))
        return contact

    def some_step(self, rng: random.Random) -> None:
        """Make something happen: mostly what is expected, often what is not."""
        roll = rng.random()
        contact = ContactId(f"1700000000.{rng.randint(max(1, self.numbers - 12), self.numbers + 1)}")
        offer, caller = rng.choice(self.offers[-8:]) if self.offers else (OfferId(1), contact)
        agent = AgentId(f"a{rng.randint(0, 9)}")
        seat = SeatId(f"s{rng.randint(0, 9)}")
        if roll < 0.22:
            self.queue(rng.choice(("psy", "edu", "tip", "any", "none")), priority=rng.choice((0, 0, 0, 2)),
                       since_ago=rng.choice((None, None, 30.0)), node=rng.choice(("", "", "b")),
                       channel=rng.choice(CHANNELS), caller_hash=rng.choice(("", f"h{rng.randint(0, 40)}")),
                       needs=((TIP, 20),) if rng.random() < 0.1 else ())
        elif roll < 0.55:
            self.tell(self._call_event(rng, offer, caller, contact))
        elif roll < 0.66:
            self.tell(rng.choice((
                e.CallerHungUp(contact), e.CallerHungUp(contact, self.now - 3), e.ContactExited(contact, "fallback"),
                e.ContactExited(contact, "key", "9"), e.HoldTick(contact), e.CallerHungUp(contact, None, True),
                e.ContactQueued(contact, ServiceId(rng.choice(("edu", "tip"))), "PJSIP/new"),
                self._wish(rng, contact, offer), self._wish(rng, contact, offer), self._wish(rng, contact, offer))))
        elif roll < 0.82:
            self.tell(self._agent_event(rng, agent))
        elif roll < 0.90:
            self.tell(e.SeatChanged(seat, rng.random() < 0.9, rng.random() < 0.25))
        elif roll < 0.91:
            self.tell(e.LinkChanged(rng.choice(("", "b")), rng.random() < 0.7))
        elif roll < 0.913:
            self.tell(e.Configured(rng.choice(CENTRES)))
        else:
            self.pass_time(rng.choice((0.0, 0.5, 1.0, 2.5, 5.0, 20.0)), tick=rng.random() < 0.8)

    def pass_time(self, seconds: float, *, tick: bool = True) -> None:
        """Let time pass. The runner may be late."""
        self.now += seconds
        if tick:
            self.tell(None)

    def _call_event(self, rng: random.Random, offer: OfferId, caller: ContactId, other: ContactId) -> e.Event:
        return rng.choice((
            e.OfferRinging(offer), e.OfferRinging(offer), e.OfferAnswered(offer), e.OfferConnected(offer, caller),
            e.CommandRefused(caller, offer),
            e.OfferConnected(offer, caller), e.OfferConnected(offer, caller), e.TalkEnded(offer, "caller"),
            e.TalkEnded(offer, "agent"), e.TalkEnded(offer, "agent"), e.TalkEnded(offer, "lost"),
            e.TalkEnded(offer, "dropped"), e.FollowUpAgreed(offer), e.FollowUpAgreed(offer, rng.random() < 0.8),
            e.CallerFlaggedAbusive(offer), e.CallerFlaggedAbusive(offer, rng.random() < 0.6),
            e.ConsultRequested(offer, ServiceId(rng.choice(("edu", "tip", "any"))), None, rng.random() < 0.3),
            e.ConsultEndRequested(offer, rng.random() < 0.3),
            e.OfferConnected(offer, ContactId(f"o{max(1, offer - rng.randint(1, 3))}-{caller}")),
            e.HoldSet(offer, rng.random() < 0.5), e.TransferRequested(
                offer, ServiceId(rng.choice(("edu", "tip", "any"))) if rng.random() < 0.7 else None,
                AgentId(f"a{rng.randint(0, 9)}") if rng.random() < 0.4 else None, rng.random() < 0.2),
            e.OfferConnected(offer, other) if rng.random() < 0.2 else
            e.OfferRinging(offer), e.OfferEnded(offer, rng.choice(ENDINGS))))

    def _wish(self, rng: random.Random, contact: ContactId, offer: OfferId) -> e.Event:
        service = ServiceId(rng.choice(("psy", "edu", "tip", "any")))
        asked = [one for one in self.checker.callbacks
                 if self.checker.contact[one][0] in (ContactState.PENDING, ContactState.RESERVED)]
        if asked and rng.random() < 0.5:
            contact = rng.choice(asked)
            if rng.random() < 0.2:
                return rng.choice((e.CallbackFailed(None, "busy", contact), e.CallbackReached(contact, "PJSIP/called")))
            dialled = [number for number, (state, of, _) in self.checker.offer.items()
                       if state is OfferState.PENDING and of in self.checker.callbacks]
            if not dialled:
                return e.CallerHungUp(contact)
            number = rng.choice(dialled)
            return rng.choice((e.CallbackFailed(number, "busy"), e.CallbackAccepted(number), e.CallbackAccepted(number),
                               e.CallbackReached(self.checker.offer[number][1], "PJSIP/called")))
        return rng.choice((
            e.ContactPrioritised(contact, rng.choice((0, 1, 4))),
            e.CallbackRequested(contact, rng.choice((0.0, 0.0, 30.0))),
            e.CallbackRequested(contact), e.CallerHungUp(contact), e.CallbackFailed(offer, "busy"),
            e.CallbackAccepted(offer),
            e.CallbackReached(contact, "PJSIP/again"), e.QuietHoursChanged(rng.random() < 0.2),
            e.CallbackFailed(offer, "no_answer"), e.ServiceHoursSet(service, rng.random() < 0.7),
            e.ContactQueued(contact, service, "PJSIP/new", needs=((EDU, 10),), topics=frozenset({"abusive"}))))

    def _agent_event(self, rng: random.Random, agent: AgentId) -> e.Event:
        seat = SeatId("s" + agent[1:]) if rng.random() < 0.9 else SeatId(f"s{rng.randint(0, 9)}")
        return rng.choice((
            e.AgentSignedIn(agent, seat), e.AgentSignedIn(agent, seat), e.AgentSignedIn(agent, seat),
            e.AgentResumed(agent), e.AgentResumed(agent), e.AgentPaused(agent), e.AgentSignedOut(agent),
            e.WrapUpEnded(agent), e.WrapUpEnded(agent), e.WrapUpExtended(agent), e.WrapUpRequested(agent),
            e.WrapUpEnded(agent, self.offers[-1 - rng.randint(0, 5) % len(self.offers)][1] if self.offers else None),
            e.AgentSkillsChanged(agent, rng.choice((None, None, ((PSY, 50), (TIP, 80)), ())))))

    def revive(self) -> None:
        """Restore links, phones and agents. Otherwise random faults leave nobody who answers."""
        for node in ("", "b"):
            self.tell(e.LinkChanged(node, True))
        self.open_house()
        for number in range(10):
            self.tell(e.AgentResumed(AgentId(f"a{number}")))

    def open_house(self) -> None:
        """Sign everybody in, with working phones."""
        for number in range(10):
            self.tell(e.SeatChanged(SeatId(f"s{number}"), True, False))
            self.tell(e.AgentSignedIn(AgentId(f"a{number}"), SeatId(f"s{number}")))
