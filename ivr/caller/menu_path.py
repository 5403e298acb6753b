"""Record how a caller goes through the menu, for the event at the end of the dialogue."""

from __future__ import annotations

from collections.abc import Callable

from ivr.flow import dialogue_steps
from ivr.flow.menu_model import REPEAT_KEY
from routing.core.callers.menu_outcome import NODES_MAX
from routing.core.events import MenuEnded
from routing.core.model.ids import ContactId

WatchMenu = Callable[[ContactId, str], None]
"""Learn that a caller has come to a node of the menu."""


def watch_nobody(contact: ContactId, node: str) -> None:
    """Do nothing. This is the `WatchMenu` of a node that nobody watches."""


class MenuPath:
    """Path of one call through the menu. `now` is a time of any steady clock."""

    def __init__(self, contact: ContactId, entry: str, first: dialogue_steps.DialogueState, now: float, *,
                 resumed: bool = False, watch: WatchMenu = watch_nobody) -> None:
        self.contact, self.entry, self.began, self.resumed = contact, entry, now, resumed
        self.nodes, self._watch, self._node = [first.node], watch, first.node
        watch(contact, first.node)
        self.slow = first.slow
        self.timeouts = self.wrong = self.repeats = self.more = 0

    def note_step(self, given: dialogue_steps.Input, state: dialogue_steps.DialogueState,
            step: dialogue_steps.Step) -> None:
        """Note what the caller did and where it led. The sentences of `step` tell which fault the machine found."""
        if state.node != self._node:
            self._node = state.node
            self._watch(self.contact, state.node)
        # The event is bounded: a caller may walk through menus for a long time.
        if state.node != self.nodes[-1] and len(self.nodes) < NODES_MAX:
            self.nodes.append(state.node)
        self.slow = state.slow
        self.timeouts += dialogue_steps.NO_KEY in step.say
        self.wrong += dialogue_steps.WRONG_KEY in step.say or dialogue_steps.NOT_VALID in step.say
        self.more += dialogue_steps.MORE_GIVEN in step.say
        self.repeats += isinstance(given, dialogue_steps.KeyPressed) and given.digit == REPEAT_KEY

    def end_path(self, now: float, step: dialogue_steps.Step | None, human: str, *, failed: bool = False) -> MenuEnded:
        """Return the event of the finished dialogue.

        `step` ended the dialogue. It is None if the caller hung up, or if the dialogue `failed` by a fault of the
        program. `human` names the node of the human agent.
        """
        match step:
            case dialogue_steps.EnterQueue(queue=queue):
                outcome, service = "operator" if queue.name == human else "queued", queue.service
            case dialogue_steps.EndCall():
                outcome, service = "self_service", ""
            case dialogue_steps.ExternalTransfer():
                outcome, service = "external_transfer", ""
            case _:
                outcome, service = "error" if failed else "abandoned", ""
        return MenuEnded(self.contact, self.entry, tuple(self.nodes), outcome, round(max(0.0, now - self.began), 3),
                        service, self.timeouts, self.wrong, self.repeats, self.more, self.slow, self.resumed)
