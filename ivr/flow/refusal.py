"""The key by which a caller refuses to be recorded, and where the same key is something else.

It refuses wherever one key is an answer or none is: in menus, over words, where it is asked whether what was keyed in
is right. Before and in a question of several keys it is a digit: who knows the way keys a number in over the words
before it, and an `8` at its beginning must neither be lost nor be taken for a wish that nobody had. Pure, as the
machine.
"""

from __future__ import annotations

from ivr.flow import keying
from ivr.flow.model import REFUSE_KEY, REFUSED, Digits, Flow, Language, Menu, Speech
from ivr.flow.steps import NOT_RECORDED, Input, Key, State


def refuses(flow: Flow, state: State, given: Input) -> bool:
    """Whether what was given refuses to be recorded."""
    return isinstance(given, Key) and given.digit == REFUSE_KEY and flow.noticed and not _is_digit(flow, state)


def refused(state: State) -> State:
    """The same, who has refused."""
    return state._replace(notice=REFUSED)


def typed(flow: Flow, state: State, given: Input) -> tuple[State, tuple[str, ...]]:
    """A key pressed over words that ask nothing is kept for the next question, `state.node` or behind it, and takes the
    place of one before it; what then is to be said. A refusal is not lost by that."""
    if not isinstance(given, Key):
        return state, ()
    kept = state._replace(typed=given.digit)
    if state.typed == REFUSE_KEY and flow.noticed and not _keyed_in(flow, state.node):
        return refused(kept), (NOT_RECORDED,)
    return kept, ()


def _is_digit(flow: Flow, state: State) -> bool:
    """Whether the key is one of several that are asked for, or first of all by what comes next."""
    if state.phase in ("remembered", "person"):
        return not state.person and _keyed_in(flow, state.node)
    match flow.nodes[state.node]:
        case Digits():
            return not keying.checks(state)
        case Menu() as menu if state.phase == "confirm":
            chosen = menu.option(state.chosen)
            return chosen is not None and _keyed_in(flow, chosen.then)
        case Speech() as words:
            return not words.notice and _keyed_in(flow, words.then)
        case _:
            return False


def _keyed_in(flow: Flow, name: str) -> bool:
    """Whether the next question there is answered by several keys. Words do not lead to themselves: `walk` refuses a
    menu in which they do."""
    while isinstance(node := flow.nodes[name], Speech | Language):
        name = node.then
    return isinstance(node, Digits)
