"""Decide when the refusal key means that a caller refuses to be recorded.

The key refuses where one key or none is the answer: in menus, during words, and when digits are confirmed. Before and
within a question of several keys it is a digit. Callers who know the menu key a number in during the words before it.
An `8` at its beginning must neither be lost nor count as a refusal. No I/O, like the machine.
"""

from __future__ import annotations

from ivr.flow import digit_entry
from ivr.flow.dialogue_steps import NOT_RECORDED, DialogueState, Input, KeyPressed
from ivr.flow.menu_model import NOTICE_REFUSED, REFUSE_KEY, Digits, Language, Menu, MenuFlow, Speech


def is_refusal(flow: MenuFlow, state: DialogueState, given: Input) -> bool:
    """Return whether the input refuses to be recorded."""
    return isinstance(given, KeyPressed) and given.digit == REFUSE_KEY and flow.has_notice \
        and not _is_digit(flow, state)


def with_refusal(state: DialogueState) -> DialogueState:
    """Return the state after a refusal."""
    return state._replace(notice=NOTICE_REFUSED)


def keep_typed(flow: MenuFlow, state: DialogueState, given: Input) -> tuple[DialogueState, tuple[str, ...]]:
    """Keep a key pressed over words that ask nothing, and return the state with the sentences to say.

    The key answers the next question, at `state.node` or behind it, and replaces an earlier key. An earlier refusal is
    not lost.
    """
    if not isinstance(given, KeyPressed):
        return state, ()
    kept = state._replace(typed=given.digit)
    if state.typed == REFUSE_KEY and flow.has_notice and not _keyed_in(flow, state.node):
        return with_refusal(kept), (NOT_RECORDED,)
    return kept, ()


def _is_digit(flow: MenuFlow, state: DialogueState) -> bool:
    """Return whether the key is one of several digits, here or at the next question."""
    if state.phase in ("remembered", "person"):
        return not state.person and _keyed_in(flow, state.node)
    match flow.nodes[state.node]:
        case Digits():
            return not digit_entry.is_confirming(state)
        case Menu() as menu if state.phase == "confirm":
            chosen = menu.option_for(state.chosen)
            return chosen is not None and _keyed_in(flow, chosen.then)
        case Speech() as words:
            return _keyed_in(flow, words.then)
        case _:
            return False


def _keyed_in(flow: MenuFlow, name: str) -> bool:
    """Return whether several keys answer the next question. The loop ends, because words never lead back to themselves:
    `reachability` refuses such a menu."""
    while isinstance(node := flow.nodes[name], Speech | Language):
        name = node.then
    return isinstance(node, Digits)
