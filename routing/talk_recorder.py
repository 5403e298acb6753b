"""Which talks are recorded, and what becomes of the files: the node's half of it (the other is the caller's, who hears
the notice and may refuse: `record.conf`).

A talk is recorded when its service is one of those wished for, there is room in the spool, and what was recorded before
could be sealed: a disk that is full, or a store that is gone, ends new recordings before it ends anything else.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence

import structlog

from routing.core.commands import Offer
from routing.core.live import LiveOffer
from routing.store.audit import Audit
from routing.store.errors import StoreError
from routing.store.recordings import CALL
from routing.store.vault import Plain, Vault

log = structlog.get_logger()

PURGE_S = 3600.0
"""Between two looks for recordings whose time is over."""
WHO = "node"
"""Who destroys them, in the record."""
LOOK_S = 2.0
"""Between two looks at the spool: a talk is sealed within seconds of its end."""
RESERVE = 0.05
"""Share of the spool that stays free: below it no new talk is recorded (180 talks fill 1.4 MB a second)."""


class TalkRecorder:
    """`services`: whose talks are recorded; a reload may change it. `live` gives the offers that are alive."""

    def __init__(self, vault: Vault, live: Callable[[], Sequence[LiveOffer]], services: Collection[str],
                 audit: Audit, clock: Callable[[], float] = time.time) -> None:
        self.vault, self.services = vault, frozenset(services)
        self._live, self._audit, self._clock = live, audit, clock
        self.trouble = ""
        """Why nothing is recorded now; empty: nothing is wrong."""
        self.done: Counter[str] = Counter()
        """Files by what became of them: `kept`, `destroyed`, `failed`."""
        self._mended = False
        """What a crash left half-done is settled."""

    def file(self, offer: Offer) -> str:
        """Name of the file for the talk of an offer, without ending; empty: it is not recorded."""
        if self.trouble or offer.service not in self.services or offer.service in self.vault.private:
            return ""
        return f"{CALL}-{offer.service}-{offer.contact}~o{offer.offer}"

    async def run(self) -> None:
        """Seal what talks and broken-off dialogues leave, until cancelled."""
        loop = asyncio.get_running_loop()
        purge_at = loop.time()
        while True:
            await self.look()
            if loop.time() >= purge_at:
                purge_at = loop.time() + PURGE_S
                await self.purge()
            await asyncio.sleep(LOOK_S)

    async def purge(self) -> None:
        """Destroy the recordings whose time is over. What cannot be done now is done at the next look."""
        try:
            if gone := await self.vault.purge(self._clock(), self._purging):
                log.info("recording.purged", recordings=gone)
        except (OSError, StoreError) as error:
            log.error("recording.not_purged", why=str(error))

    def _purging(self, many: int) -> None:
        """Noted before, so that nothing is destroyed without a line."""
        self._audit.note(WHO, "purging", self._clock(), counts={"recordings": many})

    async def look(self) -> None:
        """Once. Never raises for what a later look may mend: the trouble is told once, and when it is over."""
        before, why = self.trouble, ""
        try:
            if not self._mended:
                await self.vault.mend()
                self._mended = True
            swept = await self.vault.sweep(self._talks())
            self.done.update(swept._asdict())
            if swept.failed:
                why = f"{swept.failed} files could not be sealed"
            elif _free(self.vault) < RESERVE:
                why = f"less than {RESERVE:.0%} of {self.vault.spool} is free"
        except OSError as error:
            why = f"{error.filename or self.vault.spool}: {error.strerror}"
        except StoreError as error:
            why = str(error)
        self.trouble = why
        if why and not before:
            log.error("recording.off", why=why, mend="no talk is recorded until it is mended: see spool and vault")
        elif before and not why:
            log.info("recording.on")

    def _talks(self) -> Callable[[Plain], bool]:
        legs = {(one.contact, f"o{one.offer}") for one in self._live()}
        return lambda plain: (plain.contact, plain.rest) in legs


def _free(vault: Vault) -> float:
    usage = shutil.disk_usage(vault.spool)
    return usage.free / usage.total
