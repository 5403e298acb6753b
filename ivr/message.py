"""A caller leaves a spoken message: a tone, their words, `#`. What becomes of the file is the vault's business.

A caller who hangs up while speaking has left a message: Asterisk keeps what it heard, and so do we.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from ivr import dialplan
from ivr.agi.errors import CallerGone
from ivr.agi.session import Session
from ivr.contact import Contacts
from ivr.sounds import Sounds, files
from prompts.say import LANGUAGE
from routing.core.ids import ContactId, ServiceId

Keep = Callable[[Path, ContactId, str, ServiceId], Awaitable[bool]]
"""Takes a plain sound file (gone from its place afterwards) of a contact: kind `survey` or `message`, service. False:
it was not kept."""

SPEAK, KEPT, NOT_HEARD, NOT_KEPT = "mesaj-konusun", "mesaj-alindi", "mesaj-duyulmadi", "mesaj-alinamadi"
OWN_PROMPTS = (SPEAK, KEPT, NOT_HEARD, NOT_KEPT)

MAX_S = 90.0
"""Longest message. What takes longer to say is a talk."""
SILENCE_S = 6
"""So much silence ends it, for those who do not find the key."""
SHORTEST_S = 1.0
"""Below it nothing was said: a key pressed at once, or a phone that sends no sound."""
TRIES = 2
TONE, TONE_MS = "!1000/300", 350
"""The tone before: 1 kHz for 0.3 s (indications of Asterisk; no file is needed for it)."""
BYTES_PER_S = 16_000
"""Of `wav`: 8 kHz, 16 bit, mono."""
_ENDS = re.compile(r"[^A-Za-z0-9_.-]")

log = structlog.get_logger(__name__)


class Messages:
    """Takes spoken messages. `spool`: a folder that Asterisk writes into and we read, at the same path for both; None:
    no messages."""

    def __init__(self, sounds: Sounds, contacts: Contacts, spool: Path | None, keep: Keep | None) -> None:
        self.sounds, self.contacts, self.spool, self.keep = sounds, contacts, spool, keep

    def taken(self, service: str) -> bool:
        """Whether messages of this service are taken."""
        return self.spool is not None and self.keep is not None and service in self.contacts.settings.messages

    async def take(self, session: Session, contact: ContactId, service: str, kind: str, *, slow: bool = False,
                   language: str = LANGUAGE, max_s: float = MAX_S) -> bool:
        """Record one and have it kept; True when it is. Raises CallerGone when they hung up, after keeping it."""
        if not self.taken(service):
            return False
        for last in (*(False,) * (TRIES - 1), True):
            await session.get_variables(dialplan.ALIVE)  # whatever came before: nobody is cut off while they speak
            await session.say(files(self.sounds, (SPEAK,), slow=slow, language=language))
            await session.exec("PlayTones", TONE)
            await session.wait_for_digit(TONE_MS)
            await session.exec("StopPlayTones")
            path = self._path(contact, kind, service)
            try:
                await session.record_file(str(path), max_s, SILENCE_S)
            except CallerGone:
                await self._keep(path, contact, kind, service)
                raise
            if await self._keep(path, contact, kind, service):
                await session.say(files(self.sounds, (KEPT,), slow=slow, language=language))
                return True
            if last:
                break
            await session.say(files(self.sounds, (NOT_HEARD,), slow=slow, language=language))
        await session.say(files(self.sounds, (NOT_KEPT,), slow=slow, language=language))
        return False

    def _path(self, contact: ContactId, kind: str, service: str) -> Path:
        """A new name each time, without ending: Asterisk adds `.wav`. It tells the vault what the file is when nobody
        is left to say it (`routing.store.vault`)."""
        assert self.spool is not None
        return self.spool / f"{kind}-{service}-{_ENDS.sub('_', contact)}~{secrets.token_hex(6)}"

    async def _keep(self, path: Path, contact: ContactId, kind: str, service: str) -> bool:
        assert self.keep is not None
        sound = path.with_name(path.name + ".wav")
        try:
            if sound.stat().st_size < SHORTEST_S * BYTES_PER_S:
                sound.unlink()
                return False
            return await self.keep(sound, contact, kind, ServiceId(service))
        except OSError as error:
            log.error("ivr.message_lost", call=contact, why=error.strerror)
            return False
