"""The way through the menu, as it is told."""

from __future__ import annotations

import pytest

from ivr.caller.menu_path import MenuPath
from ivr.flow import dialogue_machine, dialogue_steps
from ivr.flow.menu_model import MenuFlow
from routing.core.callers.menu_outcome import NODES_MAX, OUTCOMES
from routing.core.events import MenuEnded
from routing.core.model.ids import ContactId
from tests.fakes.menu import closing, example

pytestmark = pytest.mark.unit


def walk(flow: MenuFlow, *keys: str, entry: str = "ana", to_the_end: bool = True) -> MenuEnded:
    """The event after these keys; "" is silence."""
    state, step = dialogue_machine.begin_dialogue(flow, entry, 0.0)
    way = MenuPath(ContactId("1.1"), entry, state, 0.0)
    given = list(keys)
    while isinstance(step, dialogue_steps.Ask):
        if isinstance(state.node, str) and state.phase in ("say", "confirm"):
            one: dialogue_steps.Input = dialogue_steps.Silence()
        elif given:
            key = given.pop(0)
            one = dialogue_steps.KeyPressed(key) if key else dialogue_steps.Silence()
        elif to_the_end:
            one = dialogue_steps.Silence()
        else:
            return way.end_path(9.0, None, flow.human)
        state, step = dialogue_machine.next_step(flow, state, one, 1.0)
        way.note_step(one, state, step)
    return way.end_path(9.0, step, flow.human)


def test_a_choice_and_what_was_said_on_the_way() -> None:
    left = walk(example(), "#", "*", "7", "2")
    assert left.outcome == "queued" and left.service == "uzaktan_egitim" and left.lasted_s == 9.0
    assert (left.repeats, left.wrong, left.timeouts, left.slow) == (1, 1, 0, True)
    assert left.nodes[0] == "karsilama" and left.nodes[-1] == "uzaktan-egitim" and "ana-menu" in left.nodes


def test_the_human_by_key_and_after_silence() -> None:
    assert walk(example(), "0").outcome == "operator"
    silent = walk(example(), "", "*", "", "")
    assert (silent.outcome, silent.timeouts, silent.more) == ("operator", 2, 1)


def test_who_hangs_up_and_who_has_heard_everything() -> None:
    gone = walk(example(), "#", to_the_end=False)
    assert (gone.outcome, gone.service, gone.nodes[-1]) == ("abandoned", "", "ana-menu")
    heard = walk(closing(), "1", entry="kapali")
    assert heard.outcome in OUTCOMES


def test_each_node_is_told_as_it_comes_beyond_the_bound_of_the_way_too() -> None:
    told: list[str] = []
    flow = example()
    state, step = dialogue_machine.begin_dialogue(flow, "ana", 0.0)
    way = MenuPath(ContactId("1.1"), "ana", state, 0.0, watch=lambda contact, node: told.append(f"{contact} {node}"))
    assert told == ["1.1 karsilama"]
    for number in range(NODES_MAX + 5):
        node = "ana-menu" if number % 2 == 0 else "karsilama"
        for _ in range(2):
            way.note_step(dialogue_steps.Silence(), state._replace(node=node), step)
    assert told[1:3] == ["1.1 ana-menu", "1.1 karsilama"] and len(told) == NODES_MAX + 6


def test_the_way_is_bounded() -> None:
    flow = example()
    state, step = dialogue_machine.begin_dialogue(flow, "ana", 0.0)
    way = MenuPath(ContactId("1.1"), "ana", state, 0.0)
    for number in range(3 * NODES_MAX):
        way.note_step(dialogue_steps.Silence(), state._replace(node=f"n{number}"), step)
    assert len(way.end_path(1.0, None, flow.human).nodes) == NODES_MAX
