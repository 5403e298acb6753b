"""How a caller goes through the menu, noted step by step: what the journal is told when the dialogue is over."""

from __future__ import annotations

from ivr.flow import steps
from ivr.flow.model import REPEAT_KEY
from routing.core.events import MenuLeft
from routing.core.ids import ContactId
from routing.core.menu import NODES_MAX


class Passage:
    """One call's way. `now` is of any steady clock."""

    def __init__(self, contact: ContactId, entry: str, first: steps.State, now: float, *,
                 resumed: bool = False) -> None:
        self.contact, self.entry, self.began, self.resumed = contact, entry, now, resumed
        self.nodes = [first.node]
        self.slow = first.slow
        self.timeouts = self.wrong = self.repeats = self.more = 0

    def note(self, given: steps.Input, state: steps.State, step: steps.Step) -> None:
        """What the caller did, and where it led. `step` tells why: the machine says what was wrong."""
        if state.node != self.nodes[-1] and len(self.nodes) < NODES_MAX:
            self.nodes.append(state.node)
        self.slow = state.slow
        self.timeouts += steps.NO_KEY in step.say
        self.wrong += steps.WRONG_KEY in step.say or steps.NOT_VALID in step.say
        self.more += steps.MORE_GIVEN in step.say
        self.repeats += isinstance(given, steps.Key) and given.digit == REPEAT_KEY

    def over(self, now: float, step: steps.Step | None, human: str, *, failed: bool = False) -> MenuLeft:
        """The event. `step`: how the dialogue ended; None: the caller has hung up, or by a fault of ours it `failed`.
        `human`: the node that is a person's."""
        match step:
            case steps.Enter(queue=queue):
                outcome, service = "operator" if queue.name == human else "queued", queue.service
            case steps.Leave():
                outcome, service = "self_service", ""
            case steps.Lead():
                outcome, service = "led", ""
            case _:
                outcome, service = "error" if failed else "abandoned", ""
        return MenuLeft(self.contact, self.entry, tuple(self.nodes), outcome, round(max(0.0, now - self.began), 3),
                        service, self.timeouts, self.wrong, self.repeats, self.more, self.slow, self.resumed)
