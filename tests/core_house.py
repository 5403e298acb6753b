"""A small centre with one service, told one event at a time: what the unit tests of the engine read like."""

from __future__ import annotations

from typing import Any, TypeVar

from routing.core import events as e
from routing.core.commands import Command, Offer
from routing.core.engine import Engine
from routing.core.facts import Fact
from routing.core.ids import AgentId, ContactId, SeatId, ServiceId, SkillId
from routing.core.inbox import AgentView
from routing.core.model import Agent, AgentState, Centre, Profile, Service, Step

F = TypeVar("F")

EDU = Service(ServiceId("edu"), "Uzaktan eğitim", (Step(((SkillId("edu"), 1),)),))


class House:
    """`levels`: each agent's level in the skill `edu`. The agent x sits at the seat sx. Contacts are c1, c2, ..."""

    def __init__(self, levels: dict[str, int], profile: Profile | None = None,
                 services: tuple[Service, ...] = (EDU,)) -> None:
        self.engine = Engine()
        self.now = 0.0
        self.facts: list[Fact] = []
        self.offers: list[Offer] = []
        self.numbers = 0
        agents = tuple(Agent(AgentId(name), ((SkillId("edu"), level),), profile or Profile())
                       for name, level in levels.items())
        self.centre = Centre(services, agents)
        self.tell(e.Configured(self.centre))

    def tell(self, event: e.Event, at: float | None = None) -> list[Command]:
        self.now = self.now if at is None else at
        return self._keep(self.engine.handle(event, self.now))

    def tick(self, at: float) -> list[Command]:
        self.now = at
        return self._keep(self.engine.tick(at))

    def _keep(self, commands: list[Command]) -> list[Command]:
        self.facts += self.engine.take_facts()
        self.offers += [command for command in commands if isinstance(command, Offer)]
        return commands

    def sits(self, *names: str, at: float | None = None) -> None:
        """Sign in at a seat that is reachable and free."""
        for name in names:
            self.seat(name, at=at)
            self.tell(e.AgentSignedIn(AgentId(name), SeatId("s" + name)), at)

    def seat(self, name: str, *, reachable: bool = True, in_use: bool = False,
             at: float | None = None) -> list[Command]:
        return self.tell(e.SeatChanged(SeatId("s" + name), reachable, in_use), at)

    def waits(self, service: str, at: float | None = None, **more: Any) -> list[Command]:
        """A new contact."""
        self.numbers += 1
        name = f"c{self.numbers}"
        return self.tell(e.ContactQueued(ContactId(name), ServiceId(service), f"PJSIP/{name}", **more), at)

    def calls(self, service: str, at: float | None = None, **more: Any) -> Offer:
        """A new contact that is offered at once."""
        (offer,) = self.waits(service, at, **more)
        assert isinstance(offer, Offer)
        return offer

    def agent(self, name: str) -> AgentView:
        view = self.engine.agent(AgentId(name), self.now)
        assert view is not None
        return view

    def state(self, name: str) -> AgentState:
        return self.agent(name).state

    def contact(self, name: str) -> Any:
        return self.engine.contact(ContactId(name), self.now)

    def facts_of(self, kind: type[F]) -> list[F]:
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def last(self, kind: type[F]) -> F:
        return self.facts_of(kind)[-1]
