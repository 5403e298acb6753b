"""Keep the preferences of callers for later calls, in memory and in the store.

Memory answers at once, so no call waits. The store survives the node. A caller without calls for a long time is
forgotten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from functools import partial

import structlog
from sqlalchemy import Connection

from centres.settings import Preferences as Rules
from ivr.caller.preferences import CallerPreference
from metrics.prometheus.names import K_MIN
from routing.core.model.ids import ContactId
from routing.store.callers import caller_preferences, erasure
from routing.store.callers.caller_preferences import PAGE, CallerPreferences, day_of
from routing.store.errors import StoreError
from routing.store.store import Store
from santral.errors import SantralError

SWEEP_S = 3600.0
"""Time between two sweeps, which store recent calls and forget inactive callers. After a kill the unstored calls only
make a caller forgotten a call earlier."""

log = structlog.get_logger()


class PreferencesFull(SantralError):
    """No more callers can be remembered."""


class NodePreferences:
    """Implement `ivr.caller.preferences.PreferenceStore` for a node.

    `rules` returns the rules in force, and `clock` gives Unix seconds.
    """

    def __init__(self, store: Store, rules: Callable[[], Rules], clock: Callable[[], float]) -> None:
        self._store, self._rules, self._clock = store, rules, clock
        self._known: dict[bytes, int] = {}
        """Day of the last call and preference by raw hash. The value is a packed integer (`_pack_preference`): it is
        small, and the garbage collector does not visit it."""
        self._counts = dict.fromkeys(CallerPreference._fields, 0)
        self._called: set[bytes] = set()
        """Callers of recent calls that the store does not know yet."""
        self._one = asyncio.Lock()

    async def load_preferences(self) -> None:
        """Load all preferences after a start."""
        for row in await self._store.run_query(caller_preferences.all_preferences):
            self._remember_row(row)

    # -- for the dialogues ---------------------------------------------------------------------------------------------

    @property
    def is_enabled(self) -> bool:
        """Whether preferences are kept. See `PreferenceStore` for this method and the next ones."""
        return self._rules().enabled

    def preference_of(self, caller_hash: str) -> CallerPreference:
        """Return the preference of a caller. A caller who is due to be forgotten has none."""
        if not caller_hash or not self.is_enabled:
            return NO_PREFERENCE
        packed = self._known.get(bytes.fromhex(caller_hash), 0)
        return _packed_preference(packed) if _packed_day(packed) >= self._oldest_day() else NO_PREFERENCE

    def note_call(self, caller_hash: str) -> None:
        """Note a call. The next sweep stores it."""
        wish = self.preference_of(caller_hash)
        if wish is NO_PREFERENCE:
            return
        name, now = bytes.fromhex(caller_hash), _pack_preference(day_of(self._clock()), wish)
        # Only the first call of a day changes anything.
        if self._known[name] < now:
            self._known[name] = now
            self._called.add(name)

    async def save_preference(self, caller_hash: str, *, slow: bool | None = None,
                              human_first: bool | None = None) -> bool:
        """Save a preference and return whether that worked. A failure is logged, because the caller must not wait."""
        if not caller_hash or not self.is_enabled:
            return False
        try:
            await self.save_for_hashes([caller_hash], slow=slow, human_first=human_first)
        except (StoreError, PreferencesFull) as error:
            log.error("preferences.store_failed", why=str(error))
            return False
        return True

    async def save_for_contact(self, contact: ContactId, *, slow: bool | None = None,
                               human_first: bool | None = None) -> bool:
        """Save a preference for the caller of a contact. A contact of an anonymous service has no hash."""
        try:
            caller = await self._store.run_query(partial(erasure.hash_of_contact, contact=contact))
        except StoreError as error:
            log.error("preferences.store_failed", why=str(error))
            return False
        return await self.save_preference(caller, slow=slow, human_first=human_first)

    # -- for people ----------------------------------------------------------------------------------------------------

    async def save_for_hashes(self, hashes: Collection[str], *, slow: bool | None = None,
                              human_first: bool | None = None) -> int:
        """Save a preference for many callers and return how many changed.

        Raise PreferencesFull, and keep nothing, if there are too many callers. Raise StoreError if the store fails.
        """
        async with self._one:
            # 1. Merge the wanted values with the known ones.
            today = day_of(self._clock())
            before = {one: _packed_preference(self._known.get(bytes.fromhex(one), 0)) for one in hashes}
            new = [CallerPreferences(one, was.slow if slow is None else slow,
                                     was.human_first if human_first is None else human_first, today)
                   for one, was in before.items()]
            # 2. Check the limit. Only callers without a preference so far count as new.
            most, known = self._rules().max_callers, len(self._known)
            more = sum(before[one.caller_hash] == NO_PREFERENCE != (one.slow, one.human_first) for one in new)
            if more and known + more > most:
                raise PreferencesFull(
                    f"{known + more} callers would be remembered; [preferences] max_callers is {most}")
            # 3. Store first, then remember: a failure must leave both as they were.
            changed = sum(before[one.caller_hash] != (one.slow, one.human_first) for one in new)
            await self._store.run_write(partial(caller_preferences.put_preferences, some=new))
            for row in new:
                self._remember_row(row)
            return changed

    async def erase_preference(self, caller_hash: str) -> None:
        """Erase the preference of a caller."""
        async with self._one:
            self._drop_caller(bytes.fromhex(caller_hash))
            await self._store.run_write(partial(caller_preferences.erase_preferences, hashes=[caller_hash]))

    def count_preferences(self) -> dict[str, int]:
        """Return how many callers have each preference. Fewer than `K_MIN` count as 0, so that no caller can be
        identified."""
        return {name: many if many >= K_MIN else 0 for name, many in self._counts.items()}

    # -- no longer than needed -----------------------------------------------------------------------------------------

    async def run_sweeps(self) -> None:
        """Run a sweep at intervals until cancelled. A failing store is tried again."""
        while True:
            try:
                await self.sweep_expired()
            except StoreError as error:
                log.warning("preferences.expiry_failed", why=str(error))
            await asyncio.sleep(SWEEP_S)

    async def sweep_expired(self) -> None:
        """Store recent calls and forget inactive callers. After a StoreError the next sweep does the rest."""
        async with self._one:
            # 1. Store recent calls, page by page, grouped by day.
            noted = list(self._called)
            for begin in range(0, len(noted), PAGE):
                page = noted[begin: begin + PAGE]
                by_day: dict[int, list[str]] = {}
                for name in page:
                    by_day.setdefault(_packed_day(self._known[name]), []).append(name.hex())
                for day, hashes in by_day.items():
                    await self._store.run_write(partial(caller_preferences.note_calls, hashes=hashes, day=day))
                self._called.difference_update(page)
            # 2. Forget inactive callers. New calls were stored before, or active callers would be lost.
            forgotten = 0
            while gone := await self._store.run_write(partial(_forget_old, before=self._oldest_day())):
                forgotten += len(gone)
                for one in gone:
                    self._drop_caller(bytes.fromhex(one))
            if forgotten:
                log.info("preferences.expired", callers=forgotten)

    def _oldest_day(self) -> int:
        return day_of(self._clock()) - self._rules().expiry_days

    def _remember_row(self, row: CallerPreferences) -> None:
        name, wish = bytes.fromhex(row.caller_hash), CallerPreference(row.slow, row.human_first)
        # Subtract the old preference first, so that the counts stay right.
        self._drop_caller(name)
        if wish != NO_PREFERENCE:
            self._known[name] = _pack_preference(row.day, wish)
            self._count_preference(wish, 1)

    def _drop_caller(self, name: bytes) -> None:
        self._count_preference(_packed_preference(self._known.pop(name, 0)), -1)
        self._called.discard(name)

    def _count_preference(self, wish: CallerPreference, more: int) -> None:
        for name, wanted in zip(CallerPreference._fields, wish, strict=True):
            self._counts[name] += more * wanted


PREFERENCES = tuple(CallerPreference(slow, first) for first in (False, True) for slow in (False, True))
NO_PREFERENCE = PREFERENCES[0]


def _pack_preference(day: int, wish: CallerPreference) -> int:
    return day * len(PREFERENCES) + PREFERENCES.index(wish)


def _packed_day(packed: int) -> int:
    return packed // len(PREFERENCES)


def _packed_preference(packed: int) -> CallerPreference:
    return PREFERENCES[packed % len(PREFERENCES)]


def _forget_old(connection: Connection, before: int) -> list[str]:
    found = caller_preferences.inactive_callers(connection, before)
    caller_preferences.erase_preferences(connection, found)
    return found
