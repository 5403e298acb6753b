"""Destroy old data once a night, at a quiet hour by the local time of the centre.

Before it, the whole state of the engine is written into the journal. The journal can be cut at such an entry, so a node
that runs for months keeps no more of it than `[privacy] journal_days`.

`CallerData.purge_due` does the work in pages, with a pause after each. So neither a turn nor the loop waits long.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from zoneinfo import ZoneInfo

import structlog

from centres.base_shapes import minute_of
from centres.settings import Settings
from routing.store.errors import LeaseLost, StoreError
from routing.store.store import Store
from santral.node.centre_calendar import LONGEST_SLEEP_S, to_unix, wall_clock
from santral.privacy.caller_data import PurgeResult

log = structlog.get_logger()

PURGED = "privacy_purged"
"""Name of a note in the store: the time of the last purge, Unix seconds."""

Purge = Callable[[float, float, float, float], Awaitable[PurgeResult]]
"""Destroy data older than these days: numbers, journal, facts, notes."""


class NightlyPurge:
    """Run the purge of one node every night. `settings` returns those in force, because a reload may change them.

    `write_snapshot` has the state of the engine written.
    """

    def __init__(self, store: Store, purge: Purge, settings: Callable[[], Settings],
                 clock: Callable[[], float], write_snapshot: Callable[[], None]) -> None:
        self._store, self._purge, self._settings, self._clock = store, purge, settings, clock
        self._write_snapshot = write_snapshot
        self.purged_at = 0.0
        """Time of the last purge, Unix seconds, or 0."""

    async def load_time(self) -> None:
        """Read the time of the last purge from the store."""
        self.purged_at = float(await self._store.read_value(PURGED) or 0.0)

    async def run_nights(self) -> None:
        """Purge at the time of `[privacy] purge_at`, until cancelled.

        The wall clock may be changed at any time, so it is read again after `LONGEST_SLEEP_S` at the latest.
        """
        due = next_purge(self._settings(), self._clock())
        while True:
            await asyncio.sleep(min(LONGEST_SLEEP_S, max(0.0, due - self._clock())))
            now = self._clock()
            if now >= due:
                await self.purge_once()
            # A purge that has begun late is not repeated in the same night. A reload may have moved the time.
            due = next_purge(self._settings(), max(now, self._clock()))

    async def purge_once(self) -> None:
        """Write the state, destroy what is due, and log the result. A failure is left to the next night."""
        self._write_snapshot()
        rules = self._settings().privacy
        began = asyncio.get_running_loop().time()
        try:
            done = await self._purge(rules.numbers_days, rules.journal_days, rules.facts_days,
                                     self._settings().desk.notes_days)
            self.purged_at = self._clock()
            await self._store.note_value(PURGED, str(self.purged_at))
        except LeaseLost:
            raise
        except (OSError, StoreError) as error:
            log.error("privacy.purge_failed", why=str(error))
            return
        if done.unknown:
            log.warning("privacy.newer_entries_kept", entries=done.unknown,
                        why="a newer Santral wrote them, and a node of that version destroys them")
        log.info("privacy.purged", rows=sum(one.many for one in done.due), settled=done.settled,
                 seconds=round(asyncio.get_running_loop().time() - began, 1))


def next_purge(settings: Settings, at: float) -> float:
    """Return the next time of the nightly purge after `at`, Unix seconds."""
    day, minute = wall_clock(settings, at).day.date, minute_of(settings.privacy.purge_at)
    zone = ZoneInfo(settings.centre.timezone)
    return next(due for ahead in range(3) if (due := to_unix(day + timedelta(days=ahead), minute, zone)) > at)
