"""A question answered by several keys (rule I13): keyed in at the caller's own speed, checked, read back, confirmed.

`#` ends, and before the first digit says the question again; `*` gives more time and slow speech. While digits are read
back, 1 is right, 2 (or `9`, back) keys in again, 0 is the human. Pure, as the machine.
"""

from __future__ import annotations

from enum import Enum, auto

from ivr.flow import keyed
from ivr.flow.model import BACK_KEY, HUMAN_KEY, REPEAT_KEY, SLOW_KEY, Digits
from ivr.flow.steps import (
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
    Input,
    Key,
    State,
)

FIRST_KEY_S = 20.0
"""Time to look a number up, the warning included."""
NEXT_KEY_S = 5.0
"""Between two digits."""
CHECK_S = 7.0
"""To say whether it is right, the warning included (rule I5)."""
YES_KEY, NO_AGAIN_KEY = "1", "2"
DIGIT_PAUSE_S = 0.2
"""After each digit that is read back; twice that in slow mode."""


class Verdict(Enum):
    """How the question ended."""

    ACCEPTED = auto()
    HUMAN = auto()


class Failed(str):
    """The sentence that says why the caller failed this time."""


Outcome = tuple[State, Ask | Verdict | Failed]


def checks(state: State) -> bool:
    """Whether it is asked if what was keyed in is right: one key answers that."""
    return state.phase in ("check", "unsure")


def begin(node: Digits, state: State, before: tuple[str, ...]) -> Outcome:
    """Ask. A digit that was pressed before is the first one."""
    fresh = state._replace(phase="keys", digits="", typed="", more=0)
    if state.typed.isdigit():
        return _pressed(node, fresh, state.typed)
    return fresh, fresh.ask((*before, *node.say), 0.0, FIRST_KEY_S - WARNING_S)


def step(node: Digits, state: State, given: Input) -> Outcome:
    """The next ask, or how it ended."""
    key = given.digit if isinstance(given, Key) else ""
    if checks(state):
        return _answered(node, state, key)
    if key:
        return _pressed(node, state._replace(phase="keys"), key)
    if state.phase == "keys" and len(state.digits) >= node.least:
        return _finished(node, state)
    if state.phase == "keys":
        late = state._replace(phase="late")
        return late, late.ask((MORE_OFFER,), 0.0, WARNING_S)
    return state, Failed(NOT_VALID if state.digits else NO_KEY)


def again(node: Digits, state: State, why: str) -> Outcome:
    """After a failure: the question again, or only whether it is right."""
    if checks(state):
        return _read(node, state, (why,))
    return begin(node, state, (why,))


def _pressed(node: Digits, state: State, key: str) -> Outcome:
    once_more = state._replace(rounds=state.rounds + 1)
    if key == SLOW_KEY:
        slow = once_more._replace(slow=True)
        return slow, slow.ask((MORE_GIVEN,), 0.0, MORE_S)
    if key == REPEAT_KEY:
        return _finished(node, state) if state.digits else begin(node, once_more, ())
    more = state._replace(digits=state.digits + key)
    if len(more.digits) >= node.most:
        return _finished(node, more)
    return more, more.ask((), 0.0, NEXT_KEY_S)


def _finished(node: Digits, state: State) -> Outcome:
    if not keyed.right(node, state.digits):
        return state, Failed(NOT_VALID)
    return _read(node, state, ())


def _read(node: Digits, state: State, before: tuple[str, ...]) -> Outcome:
    checked = state._replace(phase="check")
    digits = keyed.read_back(node, state.digits, state.language)
    return checked, checked.ask((*before, KEYED, *digits, KEYED_RIGHT), DIGIT_PAUSE_S, CHECK_S - WARNING_S)


def _answered(node: Digits, state: State, key: str) -> Outcome:
    once_more = state._replace(rounds=state.rounds + 1)
    if not key:
        if state.phase == "unsure":
            return state, Failed(NO_KEY)
        unsure = state._replace(phase="unsure")
        return unsure, unsure.ask((MORE_OFFER,), 0.0, WARNING_S)
    if key == YES_KEY:
        return state, Verdict.ACCEPTED
    if key in (NO_AGAIN_KEY, BACK_KEY):
        return begin(node, once_more, ())
    if key == HUMAN_KEY:
        return state, Verdict.HUMAN
    if key == REPEAT_KEY:
        return _read(node, once_more, ())
    if key == SLOW_KEY:
        return _read(node, once_more._replace(slow=True), () if state.slow else (SLOW_ON,))
    return state, Failed(WRONG_KEY)
