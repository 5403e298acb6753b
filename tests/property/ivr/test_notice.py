"""A refusal of recordings under any keys at any time: it is confirmed before anybody is waited for, and stays. The menu
never says the notice itself: it follows the choice, in the hold loop.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.flow import dialogue_machine
from ivr.flow.dialogue_steps import NOT_RECORDED, Ask, EnterQueue, Input, KeyPressed, Silence
from ivr.flow.menu_model import REFUSE_KEY
from tests.fakes.menu import example

pytestmark = pytest.mark.property

FLOW = example()
KEYS = st.lists(st.one_of(st.sampled_from("0123456789*#"), st.just(""), st.just("")), max_size=60)


@given(keys=KEYS, before=st.sampled_from(("", "", "refused")), human_first=st.booleans(), slow=st.booleans())
def test_refused_is_refused(keys: list[str], before: str, human_first: bool, slow: bool) -> None:
    state, step = dialogue_machine.begin_dialogue(FLOW, "ana", 0.0, notice=before, human_first=human_first, slow=slow)
    refused, pressed = before == "refused", False
    for key in (*keys, *[""] * 20):
        if not isinstance(step, Ask):
            break
        given: Input = KeyPressed(key) if key else Silence()
        pressed = pressed or key == REFUSE_KEY
        state, step = dialogue_machine.next_step(FLOW, state, given, 0.0)
        refused = refused or NOT_RECORDED in step.say
        assert state.notice == ("refused" if refused else "") and FLOW.notice not in step.say
    assert isinstance(step, EnterQueue) and (refused or not pressed)
