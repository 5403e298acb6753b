"""Calls that were refused before the answer, as the engine notes them."""

from __future__ import annotations

import pytest

from routing.core.callers.refused_calls import FORM_MAX
from routing.core.engine import Engine
from routing.core.events import CallsRefused
from routing.core.journal import decode_event, decode_fact, encode_record
from routing.core.model.errors import OutOfRange
from routing.core.model.facts import CallsRefusedRecorded

pytestmark = pytest.mark.unit

SUM = CallsRefused("unknown_number", 3, "plus-13")


def test_a_sum_is_noted_as_it_is_told() -> None:
    engine = Engine()
    assert engine.handle(SUM, 5.0) == []
    facts = engine.take_facts()
    assert facts == [CallsRefusedRecorded(1, 5.0, *SUM)]
    assert decode_event(*encode_record(SUM)) == SUM and decode_fact(*encode_record(facts[0]), 1, 5.0) == facts[0]


@pytest.mark.parametrize("wrong", [SUM._replace(reason="tired"), SUM._replace(calls=0),
                                   SUM._replace(form="0" * (FORM_MAX + 1))])
def test_what_no_count_can_have_is_refused(wrong: CallsRefused) -> None:
    engine = Engine()
    with pytest.raises(OutOfRange):
        engine.handle(wrong, 5.0)
    assert engine.take_facts() == []
