"""An inbox with answers written in advance: notes every event, gives views or raises."""

from __future__ import annotations

from collections.abc import Callable

from routing.core.events import Event, MenuEnded
from routing.core.inbox import AgentView, ColleagueView, ContactView, DeskView, QueueLoad, QueueStatus, Status
from routing.core.model.centre_model import AgentState, Channel, ContactState, PauseReason
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId

Answer = ContactView | AgentView | None | Exception


def contact_view(contact: str, state: ContactState = ContactState.PENDING, position: int = 1,
                 service: str = "psikososyal", slow: bool = False) -> ContactView:
    """A waiting caller."""
    return ContactView(ContactId(contact), ServiceId(service), Channel.VOICE, state, position, position, 3.0, None,
                       None, slow)


def agent_view(agent: str, seat: str | None, state: AgentState = AgentState.READY, pending: str = "") -> AgentView:
    """An agent at a seat."""
    return AgentView(AgentId(agent), "genel", state, "", 0.0, SeatId(seat) if seat else None, None, None, None, 0, (),
                     pending)


class FakeInbox:
    """`answers` are given in order for each `ask`; the last one stays. A function gets the event."""

    def __init__(self, *answers: Answer | Callable[[Event], Answer]) -> None:
        self.answers = list(answers) or [None]
        self.events: list[Event] = []
        self.passed: list[MenuEnded] = []
        """Menu paths, told at the end of each, together with the events of the call."""
        self.agents: tuple[AgentView, ...] = ()
        self.desks: dict[str, DeskView] = {}
        self.reasons: tuple[PauseReason, ...] = ()
        self.loads: dict[str, QueueLoad] = {}
        self.held_up = False
        """Events wait for the store."""
        self.contacts: list[tuple[ContactView, ...]] = [()]
        """Results of `contact` in order; the last one stays."""

    def post(self, event: Event) -> None:
        if isinstance(event, MenuEnded):
            self.passed.append(event)
        else:
            self.events.append(event)

    async def ask(self, event: Event) -> ContactView | AgentView | None:
        self.events.append(event)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(event)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def catch_up(self) -> None:
        if self.held_up:
            raise TimeoutError

    def status(self) -> Status:
        return Status(0.0, True, (), self.agents, self.contacts[0])

    def queue_status(self) -> QueueStatus:
        status = self.status()
        return QueueStatus(status.at, status.queues)

    def agent_views(self) -> tuple[AgentView, ...]:
        return self.agents

    def agent_view(self, agent: AgentId) -> AgentView | None:
        return next((view for view in self.agents if view.agent == agent), None)

    def desk_view(self, agent: AgentId) -> DeskView | None:
        """Only the agent without contacts, unless `desks` has a view for them."""
        view = self.agent_view(agent)
        return self.desks.get(agent) or (None if view is None else DeskView(
            self.now(), view, view.seat is not None, None, None, ()))

    def colleagues_of(self, agent: AgentId) -> tuple[ColleagueView, ...]:
        return tuple(ColleagueView(view.agent, (ServiceId("temsilci"),), view.state is AgentState.READY)
                     for view in self.agents if view.agent != agent)

    def callbacks_for(self, agent: AgentId) -> tuple[ContactView, ...]:
        return tuple(view for view in self.contacts[0] if view.callback)

    def agent_at_seat(self, seat: SeatId) -> AgentView | None:
        return next((view for view in self.agents if view.seat == seat), None)

    def agent_of_offer(self, offer: OfferId) -> AgentView | None:
        return next((view for view in self.agents if view.offer == offer), None)

    def pause_reasons(self) -> tuple[PauseReason, ...]:
        return self.reasons

    def now(self) -> float:
        return self.status().at

    def queue_load(self, service: str) -> QueueLoad | None:
        return self.loads.get(service)

    def contact_view(self, contact: ContactId) -> ContactView | None:
        contacts = self.contacts.pop(0) if len(self.contacts) > 1 else self.contacts[0]
        return next((view for view in contacts if view.contact == contact), None)
