"""What callers wish for later calls, as a node knows it: all of it in memory, so that no call waits for a look, and
in the store, so that it outlives the node. Who has not called for long is forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from functools import partial

import structlog
from sqlalchemy import Connection

from centres.settings import Wishes as Rules
from ivr.wish import Wish
from metrics.names import K_MIN
from routing.core.ids import ContactId
from routing.store import traces, wishes
from routing.store.errors import StoreError
from routing.store.store import Store
from routing.store.wishes import PAGE, Kept, day_of
from santral.errors import SantralError

SWEEP_S = 3600.0
"""Between two times of noting who has called, and of forgetting who has not. What a killed node had not noted only
makes a caller forgotten a call earlier."""

log = structlog.get_logger()


class Full(SantralError):
    """No more callers can be remembered."""


class Wishes:
    """Implements `ivr.wish.Wishes`. `rules`: those in force now; `clock` gives Unix seconds."""

    def __init__(self, store: Store, rules: Callable[[], Rules], clock: Callable[[], float]) -> None:
        self._store, self._rules, self._clock = store, rules, clock
        self._known: dict[bytes, int] = {}
        """Raw hash -> day of the last call and the wish, packed (`_packed`): small, and nothing that the collector of
        garbage would go through."""
        self._counts = dict.fromkeys(Wish._fields, 0)
        self._called: set[bytes] = set()
        """Today's that the store does not know of yet."""
        self._one = asyncio.Lock()

    async def load(self) -> None:
        """After a start."""
        for row in await self._store.look(wishes.all_of):
            self._remember(row)

    # -- for the dialogues ---------------------------------------------------------------------------------------------

    @property
    def kept(self) -> bool:
        """See `ivr.wish.Wishes`; so the others."""
        return self._rules().kept

    def of(self, caller_hash: str) -> Wish:
        """Nothing for who has not called for so long that it is to be forgotten."""
        if not caller_hash or not self.kept:
            return NOTHING
        packed = self._known.get(bytes.fromhex(caller_hash), 0)
        return _wish(packed) if _day(packed) >= self._oldest() else NOTHING

    def called(self, caller_hash: str) -> None:
        """Only noted: the store learns of it with the next sweep."""
        wish = self.of(caller_hash)
        if wish is NOTHING:
            return
        name, now = bytes.fromhex(caller_hash), _packed(day_of(self._clock()), wish)
        if self._known[name] < now:
            self._known[name] = now
            self._called.add(name)

    async def keep(self, caller_hash: str, *, slow: bool | None = None, human_first: bool | None = None) -> bool:
        """A caller is not kept waiting for a store that is broken."""
        if not caller_hash or not self.kept:
            return False
        try:
            await self.keep_all([caller_hash], slow=slow, human_first=human_first)
        except (StoreError, Full) as error:
            log.error("wishes.not_kept", why=str(error))
            return False
        return True

    async def keep_for(self, contact: ContactId, *, slow: bool | None = None, human_first: bool | None = None) -> bool:
        """By the row of the contact: one of an anonymous service has no hash."""
        try:
            caller = await self._store.look(partial(traces.hash_of_contact, contact=contact))
        except StoreError as error:
            log.error("wishes.not_kept", why=str(error))
            return False
        return await self.keep(caller, slow=slow, human_first=human_first)

    # -- for people ----------------------------------------------------------------------------------------------------

    async def keep_all(self, hashes: Collection[str], *, slow: bool | None = None,
                       human_first: bool | None = None) -> int:
        """Of many callers; how many wishes are other than before. Raises Full (then nothing is kept), StoreError."""
        async with self._one:
            today = day_of(self._clock())
            before = {one: _wish(self._known.get(bytes.fromhex(one), 0)) for one in hashes}
            new = [Kept(one, was.slow if slow is None else slow,
                        was.human_first if human_first is None else human_first, today) for one, was in before.items()]
            most, known = self._rules().most, len(self._known)
            more = sum(before[one.caller_hash] == NOTHING != (one.slow, one.human_first) for one in new)
            if more and known + more > most:
                raise Full(f"{known + more} callers would be remembered; [wishes] most is {most}")
            changed = sum(before[one.caller_hash] != (one.slow, one.human_first) for one in new)
            await self._store.work(partial(wishes.put, some=new))
            for row in new:
                self._remember(row)
            return changed

    async def forget(self, caller_hash: str) -> None:
        """Nothing is known of this caller any more."""
        async with self._one:
            self._drop(bytes.fromhex(caller_hash))
            await self._store.work(partial(wishes.forget, hashes=[caller_hash]))

    def counts(self) -> dict[str, int]:
        """How many callers wish what; 0 for fewer than `K_MIN`."""
        return {name: many if many >= K_MIN else 0 for name, many in self._counts.items()}

    # -- no longer than needed -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """A sweep now and then, until cancelled. A store that is broken is looked at again."""
        while True:
            try:
                await self.sweep()
            except StoreError as error:
                log.warning("wishes.not_swept", why=str(error))
            await asyncio.sleep(SWEEP_S)

    async def sweep(self) -> None:
        """Note who has called, forget who has not. Raises StoreError; what was not done then is done next time."""
        async with self._one:
            noted = list(self._called)
            for begin in range(0, len(noted), PAGE):
                page = noted[begin: begin + PAGE]
                by_day: dict[int, list[str]] = {}
                for name in page:
                    by_day.setdefault(_day(self._known[name]), []).append(name.hex())
                for day, hashes in by_day.items():
                    await self._store.work(partial(wishes.called, hashes=hashes, day=day))
                self._called.difference_update(page)
            forgotten = 0
            while gone := await self._store.work(partial(_forget_old, before=self._oldest())):
                forgotten += len(gone)
                for one in gone:
                    self._drop(bytes.fromhex(one))
            if forgotten:
                log.info("wishes.forgotten", callers=forgotten)

    def _oldest(self) -> int:
        return day_of(self._clock()) - self._rules().forgotten_days

    def _remember(self, row: Kept) -> None:
        name, wish = bytes.fromhex(row.caller_hash), Wish(row.slow, row.human_first)
        self._drop(name)
        if wish != NOTHING:
            self._known[name] = _packed(row.day, wish)
            self._count(wish, 1)

    def _drop(self, name: bytes) -> None:
        self._count(_wish(self._known.pop(name, 0)), -1)
        self._called.discard(name)

    def _count(self, wish: Wish, more: int) -> None:
        for name, wanted in zip(Wish._fields, wish, strict=True):
            self._counts[name] += more * wanted


WISHES = tuple(Wish(slow, first) for first in (False, True) for slow in (False, True))
NOTHING = WISHES[0]


def _packed(day: int, wish: Wish) -> int:
    return day * len(WISHES) + WISHES.index(wish)


def _day(packed: int) -> int:
    return packed // len(WISHES)


def _wish(packed: int) -> Wish:
    return WISHES[packed % len(WISHES)]


def _forget_old(connection: Connection, before: int) -> list[str]:
    found = wishes.old(connection, before)
    wishes.forget(connection, found)
    return found
