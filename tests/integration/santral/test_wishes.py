"""Caller preferences: kept by a keyed hash, in memory and in the store, through a restart, and no longer than needed.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from centres.settings import Preferences as Rules
from ivr.caller.preferences import CallerPreference
from metrics.prometheus.names import K_MIN
from routing.store.callers import caller_preferences as rows
from routing.store.callers.caller_preferences import DAY_S, PAGE
from routing.store.store import Store
from santral.node.caller_preferences import NO_PREFERENCE, NodePreferences, PreferencesFull

pytestmark = pytest.mark.integration

DAY = 20_000
A, B = "aa" * 32, "bb" * 32


class House:
    """A store and a node's wishes, whose clock and rules are the test's."""

    def __init__(self, store: Store) -> None:
        self.store, self.now, self.rules = store, DAY * DAY_S, Rules(enabled=True, expiry_days=30, max_callers=3 * PAGE)
        self.wishes = self.again()

    def again(self) -> NodePreferences:
        self.wishes = NodePreferences(self.store, lambda: self.rules, lambda: self.now)
        return self.wishes

    async def stored(self) -> list[tuple[object, ...]]:
        return [tuple(one) for one in await self.store.run_write(rows.all_preferences)]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = await Store.open_store(tmp_path / "santral.db")
    yield House(store)
    await store.close()


async def test_a_preference_is_kept_changed_and_let_go_of(house: House) -> None:
    assert house.wishes.preference_of(A) is NO_PREFERENCE and house.wishes.preference_of("") is NO_PREFERENCE
    assert await house.wishes.save_preference(A, slow=True) \
        and house.wishes.preference_of(A) == CallerPreference(slow=True)
    assert await house.wishes.save_preference(A, human_first=True) \
        and house.wishes.preference_of(A) == CallerPreference(True, True)
    assert await house.stored() == [(A, True, True, DAY)]
    restarted = house.again()
    assert restarted.preference_of(A) is NO_PREFERENCE
    await restarted.load_preferences()
    assert restarted.preference_of(A) == CallerPreference(True, True), "a restart knows it"
    assert await restarted.save_preference(A, slow=False) \
        and restarted.preference_of(A) == CallerPreference(human_first=True)
    assert await restarted.save_preference(A, human_first=False) and restarted.preference_of(A) is NO_PREFERENCE
    assert await house.stored() == [], "who wishes nothing leaves no row"
    assert not await restarted.save_preference("", slow=True), "a withheld number"


async def test_who_has_not_called_for_long_is_forgotten(house: House) -> None:
    await house.wishes.save_for_hashes([A, B], slow=True)
    house.now += 20 * DAY_S
    house.wishes.note_call(A)
    house.wishes.note_call("cc" * 32)
    assert (await house.stored())[0][3] == DAY, "a call waits for no commit"
    await house.wishes.sweep_expired()
    assert sorted(await house.stored()) == [(A, True, False, DAY + 20), (B, True, False, DAY)]
    house.now += 11 * DAY_S
    assert house.wishes.preference_of(B) is NO_PREFERENCE, "before the sweep too"
    await house.wishes.sweep_expired()
    assert await house.stored() == [(A, True, False, DAY + 20)] \
        and house.wishes.preference_of(A) == CallerPreference(slow=True)


async def test_what_was_erased_does_not_come_back_with_a_call(house: House) -> None:
    await house.wishes.save_preference(A, slow=True)
    house.now += DAY_S
    house.wishes.note_call(A)
    await house.wishes.erase_preference(A)
    house.wishes.note_call(A)
    await house.wishes.sweep_expired()
    assert await house.stored() == [] and house.wishes.preference_of(A) is NO_PREFERENCE


async def test_it_is_bounded_and_who_is_there_may_still_change_it(house: House) -> None:
    many = [f"{number:064x}" for number in range(3 * PAGE)]
    assert await house.wishes.save_for_hashes(many, slow=True) == 3 * PAGE
    assert await house.wishes.save_for_hashes(many, slow=True) == 0
    with pytest.raises(PreferencesFull, match=f"{3 * PAGE + 1} callers.*max_callers is {3 * PAGE}"):
        await house.wishes.save_for_hashes([A], slow=True)
    assert not await house.wishes.save_preference(A, slow=True) and house.wishes.preference_of(A) is NO_PREFERENCE
    assert await house.wishes.save_preference(many[0], human_first=True)
    house.now += 31 * DAY_S
    await house.wishes.sweep_expired()
    assert await house.stored() == [] and await house.wishes.save_preference(A, slow=True)


async def test_figures_tell_of_nobody_alone(house: House) -> None:
    names = [f"{number:064x}" for number in range(K_MIN)]
    await house.wishes.save_for_hashes(names[1:], slow=True)
    assert house.wishes.count_preferences() == {"slow": 0, "human_first": 0}
    await house.wishes.save_for_hashes(names, slow=True, human_first=False)
    assert house.wishes.count_preferences() == {"slow": K_MIN, "human_first": 0}
    await house.wishes.erase_preference(names[0])
    assert house.wishes.count_preferences() == {"slow": 0, "human_first": 0}


async def test_a_centre_that_keeps_none_knows_none(house: House) -> None:
    await house.wishes.save_preference(A, slow=True)
    house.rules = Rules()
    assert not house.wishes.is_enabled and house.wishes.preference_of(A) is NO_PREFERENCE \
        and not await house.wishes.save_preference(B, slow=True)
    house.rules = Rules(enabled=True)
    assert house.wishes.preference_of(A) == CallerPreference(slow=True)


async def test_a_store_that_does_not_answer_keeps_nothing_and_says_so(house: House) -> None:
    await house.store.close()
    assert not await house.wishes.save_preference(A, slow=True) and house.wishes.preference_of(A) is NO_PREFERENCE
