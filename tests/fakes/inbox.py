"""An inbox with answers written in advance: notes every event, gives views or raises."""

from __future__ import annotations

from collections.abc import Callable

from routing.core.events import Event, MenuLeft
from routing.core.ids import AgentId, ContactId, SeatId, ServiceId
from routing.core.inbox import AgentView, ContactView, Status
from routing.core.model import AgentState, Channel, ContactState, PauseReason

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
    """`answers`: for each `ask` in order; the last one stays. A function gets the event."""

    def __init__(self, *answers: Answer | Callable[[Event], Answer]) -> None:
        self.answers = list(answers) or [None]
        self.events: list[Event] = []
        self.passed: list[MenuLeft] = []
        """Ways through the menu: told at the end of each, beside what matters for the call."""
        self.agents: tuple[AgentView, ...] = ()
        self.pause_reasons: tuple[PauseReason, ...] = ()
        self.contacts: list[tuple[ContactView, ...]] = [()]
        """What `contact` looks at, in order; the last one stays."""

    def post(self, event: Event) -> None:
        if isinstance(event, MenuLeft):
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

    def status(self) -> Status:
        return Status(0.0, True, (), self.agents, self.contacts[0], self.pause_reasons)

    def contact(self, contact: ContactId) -> ContactView | None:
        contacts = self.contacts.pop(0) if len(self.contacts) > 1 else self.contacts[0]
        return next((view for view in contacts if view.contact == contact), None)
