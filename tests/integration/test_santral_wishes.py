"""What callers wish: kept by a keyed hash, in memory and in the store, through a restart, no longer than needed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from centres.settings import Wishes as Rules
from ivr.wish import Wish
from metrics.names import K_MIN
from routing.store import wishes as rows
from routing.store.store import Store
from routing.store.wishes import DAY_S, PAGE
from santral.wishes import NOTHING, Full, Wishes

pytestmark = pytest.mark.integration

DAY = 20_000
A, B = "aa" * 32, "bb" * 32


class House:
    """A store and a node's wishes, whose clock and rules are the test's."""

    def __init__(self, store: Store) -> None:
        self.store, self.now, self.rules = store, DAY * DAY_S, Rules(kept=True, forgotten_days=30, most=3 * PAGE)
        self.wishes = self.again()

    def again(self) -> Wishes:
        self.wishes = Wishes(self.store, lambda: self.rules, lambda: self.now)
        return self.wishes

    async def stored(self) -> list[tuple[object, ...]]:
        return [tuple(one) for one in await self.store.work(rows.all_of)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = await Store.open(tmp_path / "santral.db")
    yield House(store)
    await store.close()


async def test_a_wish_is_kept_changed_and_let_go_of(house: House) -> None:
    assert house.wishes.of(A) is NOTHING and house.wishes.of("") is NOTHING
    assert await house.wishes.keep(A, slow=True) and house.wishes.of(A) == Wish(slow=True)
    assert await house.wishes.keep(A, human_first=True) and house.wishes.of(A) == Wish(True, True)
    assert await house.stored() == [(A, True, True, DAY)]
    restarted = house.again()
    assert restarted.of(A) is NOTHING
    await restarted.load()
    assert restarted.of(A) == Wish(True, True), "a restart knows it"
    assert await restarted.keep(A, slow=False) and restarted.of(A) == Wish(human_first=True)
    assert await restarted.keep(A, human_first=False) and restarted.of(A) is NOTHING
    assert await house.stored() == [], "who wishes nothing leaves no row"
    assert not await restarted.keep("", slow=True), "a withheld number"


async def test_who_has_not_called_for_long_is_forgotten(house: House) -> None:
    await house.wishes.keep_all([A, B], slow=True)
    house.now += 20 * DAY_S
    house.wishes.called(A)
    house.wishes.called("cc" * 32)
    assert (await house.stored())[0][3] == DAY, "a call waits for no commit"
    await house.wishes.sweep()
    assert sorted(await house.stored()) == [(A, True, False, DAY + 20), (B, True, False, DAY)]
    house.now += 11 * DAY_S
    assert house.wishes.of(B) is NOTHING, "before the sweep too"
    await house.wishes.sweep()
    assert await house.stored() == [(A, True, False, DAY + 20)] and house.wishes.of(A) == Wish(slow=True)


async def test_what_was_erased_does_not_come_back_with_a_call(house: House) -> None:
    await house.wishes.keep(A, slow=True)
    house.now += DAY_S
    house.wishes.called(A)
    await house.wishes.forget(A)
    house.wishes.called(A)
    await house.wishes.sweep()
    assert await house.stored() == [] and house.wishes.of(A) is NOTHING


async def test_it_is_bounded_and_who_is_there_may_still_change_it(house: House) -> None:
    many = [f"{number:064x}" for number in range(3 * PAGE)]
    assert await house.wishes.keep_all(many, slow=True) == 3 * PAGE
    assert await house.wishes.keep_all(many, slow=True) == 0
    with pytest.raises(Full, match=f"{3 * PAGE + 1} callers.*most is {3 * PAGE}"):
        await house.wishes.keep_all([A], slow=True)
    assert not await house.wishes.keep(A, slow=True) and house.wishes.of(A) is NOTHING
    assert await house.wishes.keep(many[0], human_first=True)
    house.now += 31 * DAY_S
    await house.wishes.sweep()
    assert await house.stored() == [] and await house.wishes.keep(A, slow=True)


async def test_figures_tell_of_nobody_alone(house: House) -> None:
    names = [f"{number:064x}" for number in range(K_MIN)]
    await house.wishes.keep_all(names[1:], slow=True)
    assert house.wishes.counts() == {"slow": 0, "human_first": 0}
    await house.wishes.keep_all(names, slow=True, human_first=False)
    assert house.wishes.counts() == {"slow": K_MIN, "human_first": 0}
    await house.wishes.forget(names[0])
    assert house.wishes.counts() == {"slow": 0, "human_first": 0}


async def test_a_centre_that_keeps_none_knows_none(house: House) -> None:
    await house.wishes.keep(A, slow=True)
    house.rules = Rules()
    assert not house.wishes.kept and house.wishes.of(A) is NOTHING and not await house.wishes.keep(B, slow=True)
    house.rules = Rules(kept=True)
    assert house.wishes.of(A) == Wish(slow=True)


async def test_a_store_that_does_not_answer_keeps_nothing_and_says_so(house: House) -> None:
    await house.store.close()
    assert not await house.wishes.keep(A, slow=True) and house.wishes.of(A) is NOTHING
