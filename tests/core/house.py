"""A small centre with one service that is told one event at a time, for unit tests of the engine."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeVar

from routing.core import events as e
from routing.core.engine import Engine
from routing.core.inbox import AgentView
from routing.core.model.centre_model import (
    Agent,
    AgentState,
    Centre,
    Channel,
    PauseReason,
    Profile,
    Rule,
    Service,
    Step,
    WayOut,
)
from routing.core.model.commands import Command, Offer
from routing.core.model.facts import Fact, WayOutOffered
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.core.restore import rebuild_domain
from routing.core.stored import ChangeLog, Row, StoredAgent, StoredContact, StoredOffer, agent_row

F = TypeVar("F")

EDU = Service(ServiceId("edu"), "Uzaktan eğitim", (Step(((SkillId("edu"), 1),)),))


PAUSES = (PauseReason("mola", "Mola", "Break", default=True), PauseReason("yemek"), PauseReason("telefon"),
          PauseReason("egitim", work=True), PauseReason("teknik", work=True, limit_s=600.0),
          PauseReason("cay", limit_s=900.0))
"""The table of pause reasons: rests, work, and both with a limit."""


def farewell_after(over_s: float) -> Rule:
    """Return a rule that says good-bye after a wait."""
    return Rule(way=WayOut.GOODBYE, over_s=over_s)


class House:
    """`levels`: each agent's level in the skill `edu`. The agent x sits at the seat sx. Contacts are c1, c2, ..."""

    def __init__(self, levels: dict[str, int], profile: Profile | None = None,
                 services: tuple[Service, ...] = (EDU,)) -> None:
        self.engine = Engine()
        self.now = 0.0
        self.facts: list[Fact] = []
        self.changes = ChangeLog()
        self.offers: list[Offer] = []
        self.numbers = 0
        agents = tuple(Agent(AgentId(name), ((SkillId("edu"), level),), profile or Profile())
                       for name, level in levels.items())
        self.centre = Centre(services, agents, pause_reasons=PAUSES)
        self.tell(e.Configured(self.centre))

    def profiles(self, **profiles: Profile) -> None:
        """Change the profiles of some agents by a reload."""
        self.centre = self.centre._replace(agents=tuple(
            agent._replace(profile=profiles.get(agent.id, agent.profile)) for agent in self.centre.agents))
        self.tell(e.Configured(self.centre))

    def reload(self, **changes: Any) -> None:
        """Reload with other settings of the centre."""
        self.centre = self.centre._replace(**changes)
        self.tell(e.Configured(self.centre))

    def chats(self, channel: Channel = Channel.CHAT, at: float | None = None, service: str = "edu") -> Offer:
        """Queue a contact of another channel and accept its offer at once."""
        offer = self.calls(service, at, channel=channel)
        self.tell(e.OfferConnected(offer.offer, offer.contact))
        return offer

    def talks(self, at: float | None = None, service: str = "edu") -> Offer:
        """Queue a call and connect its offer at once."""
        return self.chats(Channel.VOICE, at, service)

    def over(self, offer: Offer, at: float | None = None) -> list[Command]:
        """End the talk of an offer."""
        return self.tell(e.TalkEnded(offer.offer, "caller"), at)

    def tell(self, event: e.Event, at: float | None = None) -> list[Command]:
        self.now = self.now if at is None else at
        return self._keep(self.engine.handle(event, self.now))

    def tick(self, at: float) -> list[Command]:
        self.now = at
        return self._keep(self.engine.tick(at))

    def _keep(self, commands: list[Command]) -> list[Command]:
        self.changes.add(self.engine.take_changes())
        self.facts += self.engine.take_facts()
        self.offers += [command for command in commands if isinstance(command, Offer)]
        return commands

    def sits(self, *names: str, at: float | None = None) -> None:
        """Sign agents in at seats that are reachable and free, each with an open desk."""
        for name in names:
            self.seat(name, at=at)
            self.tell(e.AgentSignedIn(AgentId(name), SeatId("s" + name)), at)
            self.tell(e.DeskChanged(AgentId(name), True), at)

    def seat(self, name: str, *, reachable: bool = True, in_use: bool = False,
             at: float | None = None) -> list[Command]:
        return self.tell(e.SeatChanged(SeatId("s" + name), reachable, in_use), at)

    def waits(self, service: str, at: float | None = None, **more: Any) -> list[Command]:
        """Queue a new contact."""
        self.numbers += 1
        name = f"c{self.numbers}"
        return self.tell(e.ContactQueued(ContactId(name), ServiceId(service), f"PJSIP/{name}", **more), at)

    def calls(self, service: str, at: float | None = None, **more: Any) -> Offer:
        """Queue a new contact that is offered at once."""
        (offer,) = self.waits(service, at, **more)
        assert isinstance(offer, Offer)
        return offer

    def agent(self, name: str) -> AgentView:
        view = self.engine.agent_view(AgentId(name), self.now)
        assert view is not None
        return view

    def state(self, name: str) -> AgentState:
        return self.agent(name).state

    def contact(self, name: str) -> Any:
        return self.engine.contact_view(ContactId(name), self.now)

    def led_out(self) -> list[tuple[str, str, str]]:
        """Return contact, reason and way of each way out that a rule has found."""
        return [(one.contact, one.trigger, one.way) for one in self.facts_of(WayOutOffered)]

    def facts_of(self, kind: type[F]) -> list[F]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def last(self, kind: type[F]) -> F:
        return self.facts_of(kind)[-1]


def restore(engine: Engine, contacts: Iterable[StoredContact], offers: Iterable[StoredOffer],
            agents: Iterable[StoredAgent], now: float, *, over: Iterable[ContactId] = ()) -> list[Row]:
    """Restore the rows as `Started` does, in an engine that is configured already."""
    d = engine._domain
    d.now = max(d.now, now)
    for contact in over:
        d.ended_contacts.set_value(contact, d.now)
    return rebuild_domain(d, contacts, offers, agents)


LOAD_FIELDS = ("load", "load_at", "last_load", "at_hard_limit", "heavy_declined_until", "rest_until", "working_since",
               "occupied", "occupied_at", "rest_after_heavy_until", "break_begun", "break_s", "break_until",
               "overrides")


def load_fields(house: House, agent: str) -> dict[str, Any]:
    """Return the fields of an agent's row that tell load, rests and breaks."""
    row = agent_row(house.engine._domain.agents[AgentId(agent)])
    return {name: getattr(row, name) for name in LOAD_FIELDS}
