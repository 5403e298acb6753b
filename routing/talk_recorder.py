"""Decide which talks are recorded, and seal the files.

This is the node's half. The other half belongs to the caller, who hears the notice and may refuse (`record.conf`).

A talk is recorded if its service is a chosen one, the spool has room, and earlier recordings could be encrypted. So a
full disk or a lost store ends new recordings before it ends anything else.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import structlog

from routing.core.model.commands import Offer
from routing.core.model.live_calls import LiveOffer
from routing.store.audit import Audit
from routing.store.errors import StoreError
from routing.store.recordings.recording_rows import CALL
from routing.store.recordings.recording_store import PlainFile, RecordingStore

log = structlog.get_logger()

PURGE_S = 3600.0
"""Pause between looks for recordings whose time is over."""
AUDIT_NAME = "node"
"""Name in the audit record for the node's deletions."""
SWEEP_S = 2.0
"""Pause between looks at the spool. A talk is encrypted within seconds of its end."""
SPOOL_RESERVE = 0.05
"""Share of the spool that stays free. Below it no new talk is recorded (180 talks fill 1.4 MB a second)."""


class TalkRecorder:
    """Record talks and take in their files.

    `services` are the services whose talks are recorded, and a reload may change them. `live` returns the live offers.
    """

    def __init__(self, vault: RecordingStore, live: Callable[[], Sequence[LiveOffer]], services: Collection[str],
                 audit: Audit, clock: Callable[[], float] = time.time) -> None:
        self.vault, self.services = vault, frozenset(services)
        self._live, self._audit, self._clock = live, audit, clock
        self.trouble = ""
        """Reason for which nothing is recorded now, or an empty text."""
        self.done: Counter[str] = Counter()
        """Files by result: `kept`, `destroyed`, `failed`."""
        self._mended = False
        """The drafts that a crash left are finished."""

    def file(self, offer: Offer) -> str:
        """Return the file name for the talk of an offer, without ending, or an empty text if it is not recorded."""
        if self.trouble or offer.service not in self.services or offer.service in self.vault.private:
            return ""
        return f"{CALL}-{offer.service}-{offer.contact}~o{offer.offer}"

    async def run_sweeps(self) -> None:
        """Encrypt the files of ended talks and abandoned dialogues, until cancelled."""
        loop = asyncio.get_running_loop()
        purge_at = loop.time()
        while True:
            await self.sweep_spool()
            if loop.time() >= purge_at:
                purge_at = loop.time() + PURGE_S
                await self.purge_expired()
            await asyncio.sleep(SWEEP_S)

    async def purge_expired(self) -> None:
        """Destroy recordings whose time is over. Failures are left to the next look."""
        try:
            if gone := await self.vault.purge_expired(self._clock(), self._audit_purge):
                log.info("recording.purged", recordings=gone)
        except (OSError, StoreError) as error:
            log.error("recording.purge_failed", why=str(error))

    def _audit_purge(self, many: int) -> None:
        """Write the audit line before the deletion, so that nothing is destroyed without a line."""
        self._audit.note_entry(AUDIT_NAME, "purging", self._clock(), counts={"recordings": many})

    async def sweep_spool(self) -> None:
        """Take in the spool once. Never raise for a fault that a later look may repair: it is logged once, and again
        when it is over."""
        before, why = self.trouble, ""
        try:
            # 1. Finish what a crash left, once, before anything new is taken in.
            if not self._mended:
                await self.vault.finish_drafts()
                self._mended = True
            # 2. Take in files, and find reasons to suspend recording.
            swept = await self.vault.sweep_spool(self._live_talk_filter())
            self.done.update(swept._asdict())
            if swept.failed:
                why = f"{swept.failed} files could not be sealed"
            elif _free_share(self.vault) < SPOOL_RESERVE:
                why = f"less than {SPOOL_RESERVE:.0%} of {self.vault.spool} is free"
        except OSError as error:
            why = f"{error.filename or self.vault.spool}: {error.strerror}"
        except StoreError as error:
            why = str(error)
        # 3. Log only changes, because the look is repeated every two seconds.
        self.trouble = why
        if why and not before:
            log.error("recording.suspended", why=why,
                      mend="no talk is recorded until this is repaired: see spool and vault")
        elif before and not why:
            log.info("recording.resumed")

    def _live_talk_filter(self) -> Callable[[PlainFile], bool]:
        legs = {(one.contact, f"o{one.offer}") for one in self._live()}
        return lambda plain: (plain.contact, plain.rest) in legs


def _free_share(vault: RecordingStore) -> float:
    usage = shutil.disk_usage(vault.spool)
    return usage.free / usage.total
