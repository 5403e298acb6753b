"""The way through the menu, as the engine notes it."""

from __future__ import annotations

import pytest

from routing.core.callers.menu_outcome import NODES_MAX
from routing.core.engine import Engine
from routing.core.events import MenuEnded
from routing.core.journal import decode_event, decode_fact, encode_record
from routing.core.model.errors import OutOfRange
from routing.core.model.facts import MenuEndedRecorded
from routing.core.model.ids import ContactId

pytestmark = pytest.mark.unit

LEFT = MenuEnded(ContactId("1.1"), "ana", ("karsilama", "ana-menu"), "queued", 12.5, "temsilci", 1, 2, 3, 1, True,
                True)


def test_it_is_noted_as_it_is_told() -> None:
    engine = Engine()
    assert engine.handle(LEFT, 5.0) == []
    facts = engine.take_facts()
    assert facts == [MenuEndedRecorded(1, 5.0, *LEFT)]
    assert decode_event(*encode_record(LEFT)) == LEFT and decode_fact(*encode_record(facts[0]), 1, 5.0) == facts[0]


@pytest.mark.parametrize("wrong", [LEFT._replace(outcome="lost"), LEFT._replace(nodes=("x",) * (NODES_MAX + 1)),
                                   LEFT._replace(lasted_s=-0.1)])
def test_what_cannot_be_meant_is_refused(wrong: MenuEnded) -> None:
    engine = Engine()
    with pytest.raises(OutOfRange):
        engine.handle(wrong, 5.0)
    assert engine.take_facts() == []
