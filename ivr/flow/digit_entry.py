"""Ask a question that needs several keys (rule I13): keyed in at the caller's speed, checked, read back, confirmed.

`#` ends the digits. Before the first digit it repeats the question. `*` gives more time and slow speech. While digits
are read back, 1 confirms them, 2 (or `9`, back) starts again, and 0 leads to the human. No I/O, like the machine.
"""

from __future__ import annotations

from enum import Enum, auto

from ivr.flow import digit_checks
from ivr.flow.dialogue_steps import (
    KEYED,
    KEYED_RIGHT,
    MORE_GIVEN,
    MORE_OFFER,
    MORE_S,
    NO_KEY,
    NOT_VALID,
    SLOW_ON,
    WARNING_S,
    WRONG_KEY,
    Ask,
    DialogueState,
    Input,
    KeyPressed,
)
from ivr.flow.menu_model import BACK_KEY, HUMAN_KEY, REPEAT_KEY, SLOW_KEY, Digits

FIRST_KEY_S = 20.0
"""Time to look a number up, including the warning."""
NEXT_KEY_S = 5.0
"""Time between two digits."""
CHECK_S = 7.0
"""Time to confirm, including the warning (rule I5)."""
YES_KEY, NO_AGAIN_KEY = "1", "2"
DIGIT_PAUSE_S = 0.2
"""Silence after each digit that is read back. Slow mode doubles it."""


class DigitsVerdict(Enum):
    """Result of the question."""

    ACCEPTED = auto()
    HUMAN = auto()


class FailureSentence(str):
    """Sentence that tells the caller why this attempt failed."""


DigitsOutcome = tuple[DialogueState, Ask | DigitsVerdict | FailureSentence]


def is_confirming(state: DialogueState) -> bool:
    """Return whether the caller is asked to confirm the digits. One key answers that."""
    return state.phase in ("check", "unsure")


def begin_question(node: Digits, state: DialogueState, before: tuple[str, ...]) -> DigitsOutcome:
    """Ask the question. A digit that was pressed before counts as the first one."""
    fresh = state._replace(phase="keys", digits="", typed="", more=0)
    if state.typed.isdigit():
        return _on_key(node, fresh, state.typed)
    return fresh, fresh.ask_step((*before, *node.say), 0.0, FIRST_KEY_S - WARNING_S)


def next_step(node: Digits, state: DialogueState, given: Input) -> DigitsOutcome:
    """Return the state with the next step, or with the result of the question."""
    key = given.digit if isinstance(given, KeyPressed) else ""
    if is_confirming(state):
        return _on_confirmation(node, state, key)
    if key:
        return _on_key(node, state._replace(phase="keys"), key)
    # Silence after enough digits ends them, like `#`.
    if state.phase == "keys" and len(state.digits) >= node.least:
        return _on_finished(node, state)
    if state.phase == "keys":
        late = state._replace(phase="late")
        return late, late.ask_step((MORE_OFFER,), 0.0, WARNING_S)
    return state, FailureSentence(NOT_VALID if state.digits else NO_KEY)


def repeat_question(node: Digits, state: DialogueState, why: str) -> DigitsOutcome:
    """Ask again after a failure: the whole question, or only whether the digits are right."""
    if is_confirming(state):
        return _read_back(node, state, (why,))
    return begin_question(node, state, (why,))


def _on_key(node: Digits, state: DialogueState, key: str) -> DigitsOutcome:
    once_more = state._replace(rounds=state.rounds + 1)
    if key == SLOW_KEY:
        slow = once_more._replace(slow=True)
        return slow, slow.ask_step((MORE_GIVEN,), 0.0, MORE_S)
    if key == REPEAT_KEY:
        return _on_finished(node, state) if state.digits else begin_question(node, once_more, ())
    more = state._replace(digits=state.digits + key)
    # The last possible digit needs no `#` behind it.
    if len(more.digits) >= node.most:
        return _on_finished(node, more)
    return more, more.ask_step((), 0.0, NEXT_KEY_S)


def _on_finished(node: Digits, state: DialogueState) -> DigitsOutcome:
    if not digit_checks.is_valid(node, state.digits):
        return state, FailureSentence(NOT_VALID)
    return _read_back(node, state, ())


def _read_back(node: Digits, state: DialogueState, before: tuple[str, ...]) -> DigitsOutcome:
    checked = state._replace(phase="check")
    digits = digit_checks.read_back(node, state.digits, state.language)
    return checked, checked.ask_step((*before, KEYED, *digits, KEYED_RIGHT), DIGIT_PAUSE_S, CHECK_S - WARNING_S)


def _on_confirmation(node: Digits, state: DialogueState, key: str) -> DigitsOutcome:
    once_more = state._replace(rounds=state.rounds + 1)
    if not key:
        # The last seconds were offered already, so silence is a failure now.
        if state.phase == "unsure":
            return state, FailureSentence(NO_KEY)
        unsure = state._replace(phase="unsure")
        return unsure, unsure.ask_step((MORE_OFFER,), 0.0, WARNING_S)
    if key == YES_KEY:
        return state, DigitsVerdict.ACCEPTED
    if key in (NO_AGAIN_KEY, BACK_KEY):
        return begin_question(node, once_more, ())
    if key == HUMAN_KEY:
        return state, DigitsVerdict.HUMAN
    if key == REPEAT_KEY:
        return _read_back(node, once_more, ())
    if key == SLOW_KEY:
        return _read_back(node, once_more._replace(slow=True), () if state.slow else (SLOW_ON,))
    return state, FailureSentence(WRONG_KEY)
