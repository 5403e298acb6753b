"""A start and an agent's day read many facts in pages, because one long list would leave the process larger."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert

from desk.live.day_book import DayBook
from desk.live.notices import NoticeBoard
from routing.core.journal import stored_form
from routing.core.model.facts import AgentChanged, Fact
from routing.core.model.ids import AgentId
from routing.store import reader, schema
from routing.store.audit import Audit
from routing.store.store import Store
from santral.node.own_desk import OwnDesk
from tests.fakes.live_node import live_node

pytestmark = pytest.mark.integration

PAGE = 10
"""A page of this test, so that few facts fill it."""
MORE = 3 * PAGE + 1


@pytest.fixture
def sizes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the number of facts that notices and days were given each time."""
    given: list[int] = []

    def note_size(self: NoticeBoard | DayBook, facts: Iterable[Fact], *, add: object) -> object:
        given.append(len(listed := list(facts)))
        return add(self, listed)  # type: ignore[operator]

    monkeypatch.setattr(reader, "PAGE", PAGE)
    for kind in (NoticeBoard, DayBook):
        monkeypatch.setattr(kind, "add_facts", lambda self, facts, add=kind.add_facts: note_size(self, facts, add=add))
    return given


async def add_changes(store: Store) -> list[int]:
    """Repeat the last change of an agent many times, and return all numbers of such facts."""
    changes = [one for one in await store.facts_after(0, 1000) if isinstance(one, AgentChanged)]
    last = await store.last_fact()
    more = [changes[-1]._replace(seq=last + number) for number in range(1, MORE + 1)]
    rows = [dict(zip(("seq", "at", "kind", "body"), stored_form(one), strict=True)) for one in more]

    def add_rows(connection: Connection) -> None:
        connection.execute(insert(schema.facts), rows)
    await store.run_write(add_rows)
    return [one.seq for one in (*changes, *more)]


async def test_notices_and_days_are_read_in_pages(tmp_path: Path, sizes: list[int]) -> None:
    async with live_node(tmp_path) as node:
        await node.sits("a1", "2001")
        numbers = await add_changes(node.store)
    sizes.clear()
    async with live_node(tmp_path) as node:
        assert sum(sizes) >= len(numbers) and max(sizes) <= PAGE
        assert node.desk.live.board.last_fact == numbers[-1]
        sizes.clear()
        # A board that knows them reads only what is new.
        await node.desk.load()
        assert sum(sizes) < PAGE
        own = OwnDesk(node.store, node.runner, Audit(tmp_path), list, _hang_up, lambda: "Europe/Istanbul")
        assert (await own.own_day(AgentId("a1"))).calls == 0
        assert sum(sizes) >= len(numbers) and max(sizes) <= PAGE


async def test_pages_have_each_fact_once_within_their_limits(tmp_path: Path, sizes: list[int]) -> None:
    async with live_node(tmp_path) as node:
        await node.sits("a1", "2001")
        numbers, kinds = await add_changes(node.store), (AgentChanged,)
        store = node.store
        pages = [page async for page in store.recent_facts(kinds, 0.0, 1000)]
        assert [one.seq for page in pages for one in page] == numbers and len(pages) == -(-len(numbers) // PAGE)
        # 1. Of the last facts only.
        assert [one.seq async for page in store.recent_facts(kinds, 0.0, PAGE + 5) for one in page] \
            == numbers[-PAGE - 5:]
        # 2. Since a number, and since a time.
        assert [one.seq async for page in store.recent_facts(kinds, 0.0, 1000, after=numbers[-4]) for one in page] \
            == numbers[-3:]
        assert [page async for page in store.recent_facts(kinds, pages[-1][-1].at + 1.0, 1000)] == []


async def _hang_up(leg: str, refuse: bool) -> bool:
    return False
