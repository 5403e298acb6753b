"""The dialogue without I/O: (flow, state, input, now) -> (state, next step). The shell plays and listens, nothing else.

The rules are those of accessible telephone menus (COGA, EN 301 549 6.4, 36 CFR 1194.23(d)); `docs/menu.md` lists them
for the people who write menus. Wrong key, no key and a failing machine are three different things: the first two are
counted together (two of them lead to a human), the third is an exception and the dialplan's business.
"""

from __future__ import annotations

from typing import NamedTuple

from ivr.flow.model import BACK_KEY, HUMAN_KEY, REPEAT_KEY, SLOW_KEY, End, Flow, Menu, Option, Queue, Speech

OPTION_PAUSE_S = 0.8
"""Silence after each option (rule I4)."""
ANSWER_S = 7.0
"""Time for an answer after the last sentence (rule I5)."""
WARNING_S = 3.0
"""So long before the end "more time" is offered (rule I6)."""
MORE_S = 20.0
"""What `*` then gives (rule I6)."""
MORE_TIMES = 2
"""How often in one menu."""
BACK_S = 0.8
"""Silence after the acknowledgement, in which `9` still takes the choice back. Short: a caller in distress waits for a
person, not for us."""
SLOW_FACTOR = 2.0
"""Slow mode: all silences and the time to answer (rules I5, I8)."""
FAILURES = 2
"""Failures that lead to the human (rule I9)."""
MAX_ROUNDS = 20
"""Sentences asked for again (`#`, `*`, `9`) in one call; then the human. Nobody needs it, a stuck key does."""
MAX_CALL_S = 240.0
"""Longest dialogue; then the human. The dialplan's own limit around the menu, 300 s, must not come first."""

# What the machine itself says.
WRONG_KEY, NO_KEY, OFFER_SLOW, SLOW_ON = "menu-tus-yanlis", "menu-tus-yok", "menu-yavas-onerisi", "menu-yavas-acildi"
MORE_OFFER, MORE_GIVEN, AT_TOP, TO_HUMAN = "menu-sure-uyarisi", "menu-sure-verildi", "menu-en-basta", "menu-temsilciye"
BACK_HINT = "geri-bilgisi"
OWN_PROMPTS = (WRONG_KEY, NO_KEY, OFFER_SLOW, SLOW_ON, MORE_OFFER, MORE_GIVEN, AT_TOP, TO_HUMAN, BACK_HINT)


class Key(NamedTuple):
    """The caller pressed a key, while something was said or after it."""

    digit: str


class Silence(NamedTuple):
    """Everything was said and the time for a key is over."""


class Start(NamedTuple):
    """The first input."""


Input = Start | Key | Silence


class Ask(NamedTuple):
    """Say this, then wait for a key. Every key of the telephone interrupts."""

    say: tuple[str, ...]
    pause_s: float
    """Silence after each of the prompts, in which keys are heard too."""
    wait_s: float
    """After the last; 0: go on at once."""
    slow: bool


class Enter(NamedTuple):
    """The dialogue is over: the caller waits for a service."""

    queue: Queue
    slow: bool
    say: tuple[str, ...] = ()


class Leave(NamedTuple):
    """The dialogue is over and so is the call: say this, then good-bye."""

    slow: bool
    say: tuple[str, ...]


Step = Ask | Enter | Leave


class State(NamedTuple):
    """Where a caller is. A value: the machine keeps nothing."""

    node: str
    since: float
    phase: str = "say"
    """`say` a speech node, `menu` options and answer, `warn` the last seconds, `confirm` a choice."""
    slow: bool = False
    failures: int = 0
    more: int = 0
    rounds: int = 0
    chosen: str = ""
    typed: str = ""
    """A key pressed while a speech node was said; it answers the next menu."""
    path: tuple[str, ...] = ()
    """Menus passed, for `9`."""


def begin(flow: Flow, entry: str, now: float, *, slow: bool = False) -> tuple[State, Step]:
    """Start at an entry (KeyError when there is none). `slow`: the caller asked for it before."""
    return _enter(flow, State(flow.entries[entry], now, slow=slow), ())


def step(flow: Flow, state: State, given: Input, now: float) -> tuple[State, Step]:
    """The next step. `now` in seconds of any steady clock, the same as in `begin`."""
    if now - state.since > MAX_CALL_S or state.rounds > MAX_ROUNDS:
        return _give_up(flow, state, _refuge(flow, state.node), ())
    node = flow.nodes[state.node]
    match node:
        case Speech():
            typed = given.digit if isinstance(given, Key) else state.typed
            return _enter(flow, state._replace(node=node.then, typed=typed), ())
        case Menu():
            if state.phase == "confirm":
                return _confirmed(flow, node, state, given)
            if isinstance(given, Key):
                return _pressed(flow, node, state, given.digit)
            return _silent(flow, node, state)
        case Queue() | End():
            return _finish(state, node, ())


def _enter(flow: Flow, state: State, before: tuple[str, ...]) -> tuple[State, Step]:
    """Arrive at `state.node`, saying `before` first."""
    node = flow.nodes[state.node]
    match node:
        case Speech():
            return state._replace(phase="say"), Ask((*before, *node.say), 0.0, 0.0, state.slow)
        case Menu():
            fresh = state._replace(phase="menu", more=0, chosen="")
            typed = state.typed
            if typed:
                return _pressed(flow, node, fresh._replace(typed=""), typed)
            said = (*before, *node.intro, *(option.say for option in node.options), *node.closing)
            return fresh, _ask(fresh, said, ANSWER_S - WARNING_S)
        case Queue() | End():
            return _finish(state, node, before)


def _finish(state: State, node: Queue | End, before: tuple[str, ...]) -> tuple[State, Step]:
    said = (*before, *node.say)
    return state, Enter(node, state.slow, said) if isinstance(node, Queue) else Leave(state.slow, said)


def _ask(state: State, said: tuple[str, ...], wait_s: float) -> Ask:
    """Waits are doubled in slow mode, the warning's own time too."""
    factor = SLOW_FACTOR if state.slow else 1.0
    return Ask(said, OPTION_PAUSE_S * factor, wait_s * factor, state.slow)


def _pressed(flow: Flow, menu: Menu, state: State, digit: str) -> tuple[State, Step]:
    again = state._replace(rounds=state.rounds + 1)
    if digit == SLOW_KEY and state.phase == "warn" and state.more < MORE_TIMES:
        given = state._replace(phase="menu", more=state.more + 1)
        # The 20 seconds include the warning before their end, so that more time can be asked for once more.
        return given, _ask(given, (MORE_GIVEN,), MORE_S - WARNING_S)
    if digit == SLOW_KEY:
        return _enter(flow, again._replace(slow=True), () if state.slow else (SLOW_ON,))
    if digit == REPEAT_KEY:
        return _enter(flow, again, ())
    if digit == BACK_KEY:
        if not state.path:
            return _enter(flow, again, (AT_TOP,))
        return _enter(flow, again._replace(node=state.path[-1], path=state.path[:-1]), ())
    option = _option(menu, digit)
    if option is None:
        return _failed(flow, menu, state, WRONG_KEY)
    chosen = state._replace(phase="confirm", chosen=digit)
    # `9` is explained to those who have shown that they need time; everybody else is on the way at once.
    explain = option.then != flow.human and (state.slow or state.failures > 0)
    said = (option.confirm, BACK_HINT) if explain else (option.confirm,)
    return chosen, Ask(said, 0.0, BACK_S * (SLOW_FACTOR if state.slow else 1.0), state.slow)


def _silent(flow: Flow, menu: Menu, state: State) -> tuple[State, Step]:
    if state.phase == "menu":
        warned = state._replace(phase="warn")
        # After MORE_TIMES there is no more to offer: the last seconds pass in silence.
        said = (MORE_OFFER,) if state.more < MORE_TIMES else ()
        return warned, _ask(warned, said, WARNING_S)
    return _failed(flow, menu, state, NO_KEY)


def _failed(flow: Flow, menu: Menu, state: State, why: str) -> tuple[State, Step]:
    failures = state.failures + 1
    if failures >= FAILURES:
        return _give_up(flow, state, menu.after_failures, (why,))
    offer = () if state.slow else (OFFER_SLOW,)
    return _enter(flow, state._replace(failures=failures), (why, *offer))


def _give_up(flow: Flow, state: State, name: str, why: tuple[str, ...]) -> tuple[State, Step]:
    node = flow.nodes[name]
    assert isinstance(node, Queue | End)
    return _finish(state._replace(node=name), node, (*why, TO_HUMAN) if isinstance(node, Queue) else why)


def _refuge(flow: Flow, name: str) -> str:
    """Where a dialogue is led that would never end: the human, or in a menu of a closed centre, which has no key 0, the
    way after failures. A chain of speech nodes ends: one that does not is refused by the loader."""
    node = flow.nodes[name]
    while isinstance(node, Speech):
        node = flow.nodes[node.then]
    if isinstance(node, Menu):
        return flow.human if _option(node, HUMAN_KEY) else node.after_failures
    return node.name


def _confirmed(flow: Flow, menu: Menu, state: State, given: Input) -> tuple[State, Step]:
    """After the acknowledgement. `9` takes the choice back; any other key or silence goes on."""
    if isinstance(given, Key) and given.digit == BACK_KEY:
        return _enter(flow, state._replace(rounds=state.rounds + 1), ())
    option = _option(menu, state.chosen)
    assert option is not None
    # Failures are of one question: a caller who answered begins the next one afresh.
    onward = state._replace(node=option.then, path=(*state.path, menu.name), chosen="", failures=0)
    return _enter(flow, onward, ())


def _option(menu: Menu, digit: str) -> Option | None:
    return next((option for option in menu.options if option.key == digit), None)
