"""The menu under any keys: the dialogue ends, with a person or as the menu says, never in between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow import dialogue_machine
from ivr.flow.dialogue_steps import (
    OWN_PROMPTS,
    Ask,
    EndCall,
    EnterQueue,
    ExternalTransfer,
    Input,
    KeyPressed,
    Recorded,
    RecordMessage,
    Silence,
)
from ivr.flow.menu_model import MenuFlow
from prompts.verbalise.number_prompts import LANGUAGES
from tests.fakes.menu import LENGTHS, closing, example, rich

pytestmark = pytest.mark.property

FLOWS = {"ana": (example(), rich()), "kapali": (closing(),)}
MOST_STEPS = 400
"""Of a caller who does anything: rounds and failures are bounded, and so is the path."""
KEYS = st.sampled_from("0123456789*#")
INPUTS = st.one_of(KEYS.map(KeyPressed), st.just(Silence()))


def heard(flow: MenuFlow, step: Ask | RecordMessage | EnterQueue | ExternalTransfer | EndCall) -> None:
    """Every sentence of it can be said, in its language."""
    assert step.language in LANGUAGES
    for key in step.say:
        assert key == "pause" or LENGTHS.text_of(key, language=step.language)


@given(st.sampled_from([(entry, flow) for entry, flows in FLOWS.items() for flow in flows]), st.lists(INPUTS),
       st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.floats(0.1, 60.0))
def test_every_dialogue_ends(start: tuple[str, MenuFlow], inputs: list[Input], slow: bool, human_first: bool,
        kept: bool,
                             remembered: bool, patient: bool, apart_s: float) -> None:
    """After the inputs the caller is silent, or presses the same key for ever."""
    entry, flow = start
    state, step = dialogue_machine.begin_dialogue(flow, entry, 0.0, slow=slow, human_first=human_first,
                                remembered=remembered)
    now, more = 0.0, list(inputs)
    last: Input = inputs[-1] if inputs and not patient else Silence()
    for _ in range(MOST_STEPS):
        heard(flow, step)
        if not isinstance(step, Ask | RecordMessage):
            break
        now += apart_s
        given_now: Input = Recorded(kept) if isinstance(step, RecordMessage) else more.pop(0) if more else last
        state, step = dialogue_machine.next_step(flow, state, given_now, now)
        assert state.node in flow.nodes and len(state.digits) <= 20 and "digits=" not in repr(state)
    match step:
        case EnterQueue():
            node, points = flow.queue_node(state.node), 10 if human_first and flow.human_first else 0
            assert (step.queue.service, step.queue.priority) == (node.service, node.priority + points)
        case ExternalTransfer():
            assert step.failed in flow.nodes
        case EndCall():
            assert step.say
        case _:
            pytest.fail(f"no end after {MOST_STEPS} steps: {state}")


@given(st.sampled_from([(entry, flow) for entry, flows in FLOWS.items() for flow in flows]), st.lists(INPUTS))
def test_the_machine_is_a_function_and_silence_never_hangs_up(start: tuple[str, MenuFlow], inputs: list[Input]) -> None:
    """Twice the same gives the same; and from wherever somebody is, doing nothing leads to a person or the message's
    end, never to a cut line."""
    entry, flow = start

    def walk() -> list[object]:
        state, step = dialogue_machine.begin_dialogue(flow, entry, 0.0)
        steps: list[object] = [step]
        for one in [*inputs, *([Silence()] * 60)]:
            if not isinstance(step, Ask | RecordMessage):
                break
            state, step = dialogue_machine.next_step(flow, state,
                Recorded(False) if isinstance(step, RecordMessage) else one, 1.0)
            steps.append(step)
        return steps

    first = walk()
    assert first == walk()
    assert isinstance(first[-1], EnterQueue | ExternalTransfer)


def test_what_the_machine_says_by_itself_is_there_in_every_language() -> None:
    assert all(LENGTHS.has_prompt(key, language=language) and LENGTHS.has_prompt(key, slow=True, language=language)
               for key in OWN_PROMPTS for language in LANGUAGES)
