"""Each event and fact has its number in the store, and no number is used twice."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, insert, select, text

from routing.core.journal import EVENTS, FACTS, TICK
from routing.store.kinds import KINDS, NUMBERS
from routing.store.schema import IS_RARE, journal, metadata

pytestmark = pytest.mark.unit


def test_each_kind_has_a_number() -> None:
    missing = {TICK, *EVENTS, *FACTS} - set(KINDS)
    assert not missing, f"add these to the end of KINDS in routing/store/kinds.py: {missing}"
    assert len(KINDS) == len(NUMBERS) < 128, "a number takes one byte"


def test_a_name_is_stored_as_a_number_and_read_as_a_name() -> None:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        connection.execute(insert(journal), [
            {"seq": number, "at": 1.0, "kind": kind, "body": "[]", "personal": False}
            for number, kind in enumerate(KINDS, 1)])
        assert [*connection.execute(text("SELECT kind FROM journal ORDER BY seq")).scalars()] == [*range(len(KINDS))]
        assert [*connection.execute(select(journal.c.kind).order_by(journal.c.seq)).scalars()] == [*KINDS]
        rare = select(journal.c.kind).where(text(IS_RARE)).order_by(journal.c.seq)
        assert [*connection.execute(rare).scalars()] == ["Started", "Configured", "CallerErased"]
        connection.execute(text("UPDATE journal SET kind = 999 WHERE seq = 1"))
        assert connection.execute(select(journal.c.kind).where(journal.c.seq == 1)).scalar() == "999"
    engine.dispose()
