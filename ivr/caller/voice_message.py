"""Take a spoken message of a caller: a tone, the words, `#`. The recording store owns the file afterwards.

A caller who hangs up while speaking has left a message. Asterisk keeps the sound up to then, and so does the node.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from ivr.agi.errors import CallerGone
from ivr.agi.session import Session
from ivr.caller.contact_events import ContactEvents
from ivr.sounds import Sounds, prompt_files
from prompts.verbalise.number_prompts import LANGUAGE
from routing.core.model.ids import ContactId, ServiceId

StoreMessage = Callable[[Path, ContactId, str, ServiceId], Awaitable[bool]]
"""Store a plain sound file of a contact, with its kind `survey` or `message` and its service.

The file is gone from its place afterwards. Return whether it was stored.
"""

SPEAK_NOW, MESSAGE_TAKEN, NOT_HEARD, MESSAGE_LOST = (
    "mesaj-konusun", "mesaj-alindi", "mesaj-duyulmadi", "mesaj-alinamadi")
OWN_PROMPTS = (SPEAK_NOW, MESSAGE_TAKEN, NOT_HEARD, MESSAGE_LOST)

MAX_S = 90.0
"""Longest message. Longer subjects need a talk."""
SILENCE_S = 6
"""Silence that ends a message, for callers who do not find the key."""
SHORTEST_S = 1.0
"""Shortest message. Anything shorter is a key pressed at once, or a phone that sends no sound."""
TRIES = 2
TONE, TONE_MS = "!1000/300", 350
"""Tone before a message: 1 kHz for 0.3 s. Asterisk generates the tone (indications), so no file is needed."""
BYTES_PER_S = 16_000
"""Bytes in a second of `wav`: 8 kHz, 16 bit, mono."""
_UNSAFE_CHARACTERS = re.compile(r"[^A-Za-z0-9_.-]")

log = structlog.get_logger(__name__)


class VoiceMessages:
    """Taker of spoken messages.

    `spool` is a folder that Asterisk writes and the node reads, at the same path for both. Without it no messages are
    taken.
    """

    def __init__(self, sounds: Sounds, contacts: ContactEvents, spool: Path | None, keep: StoreMessage | None) -> None:
        self.sounds, self.contacts, self.spool, self.keep = sounds, contacts, spool, keep

    def takes_messages(self, service: str) -> bool:
        """Return whether messages for this service are taken."""
        return self.spool is not None and self.keep is not None and service in self.contacts.settings.messages

    async def take_message(self, session: Session, contact: ContactId, service: str, kind: str, *, slow: bool = False,
                   language: str = LANGUAGE, max_s: float = MAX_S) -> bool:
        """Record a message and return whether it was stored. Raise CallerGone, after storing it, on a hang-up."""
        if not self.takes_messages(service):
            return False
        for last in (*(False,) * (TRIES - 1), True):
            await session.play_files(prompt_files(self.sounds, (SPEAK_NOW,), slow=slow, language=language))
            await session.run_application("PlayTones", TONE)
            await session.wait_for_digit(TONE_MS)
            await session.run_application("StopPlayTones")
            path = self._spool_path(contact, kind, service)
            try:
                await session.record_file(str(path), max_s, SILENCE_S)
            except CallerGone:
                # The caller hung up while speaking: the sound up to then is a message.
                await self._store_message(path, contact, kind, service)
                raise
            if await self._store_message(path, contact, kind, service):
                await session.play_files(prompt_files(self.sounds, (MESSAGE_TAKEN,), slow=slow, language=language))
                return True
            if last:
                break
            await session.play_files(prompt_files(self.sounds, (NOT_HEARD,), slow=slow, language=language))
        await session.play_files(prompt_files(self.sounds, (MESSAGE_LOST,), slow=slow, language=language))
        return False

    def _spool_path(self, contact: ContactId, kind: str, service: str) -> Path:
        """Return a new path without ending, because Asterisk adds `.wav`.

        The name tells the recording store what the file is, even if the node dies before it can report the file
        (`routing.store.recordings.recording_store`).
        """
        assert self.spool is not None
        return self.spool / f"{kind}-{service}-{_UNSAFE_CHARACTERS.sub('_', contact)}~{secrets.token_hex(6)}"

    async def _store_message(self, path: Path, contact: ContactId, kind: str, service: str) -> bool:
        assert self.keep is not None
        sound = path.with_name(path.name + ".wav")
        try:
            # Too short for words: remove the file, and let the caller try again.
            if sound.stat().st_size < SHORTEST_S * BYTES_PER_S:
                sound.unlink()
                return False
            return await self.keep(sound, contact, kind, ServiceId(service))
        except OSError as error:
            log.error("ivr.message_lost", call=contact, why=error.strerror)
            return False
