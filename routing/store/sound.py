"""A plain sound file as Asterisk leaves it, and the WAV it is kept as.

Asterisk writes talks as `.alaw` (A-law, 8 kHz, no header: half of a WAV, and a file that was cut off is still whole)
and messages as `.wav`. A WAV whose writer was killed has a header that lies about its length: ours is made from the
length of the file.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from routing.store.errors import NoSound

CHUNK = 64 * 1024
"""Bytes read at once, and sealed as one piece: memory is bounded whatever the length of a talk."""
HEADER_MAX = 4096
"""Bytes of a WAV in which its samples begin; Asterisk's header has 44."""

PCM, ALAW = 1, 6
"""Formats of a WAV."""


class Sound(NamedTuple):
    """Where the samples of a file are, and what they are."""

    path: Path
    format: int
    rate: int
    width: int
    """Bytes of a sample; one channel."""
    offset: int
    length: int

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        return self.length / (self.rate * self.width)

    def wav(self) -> Iterator[bytes]:
        """The same as a WAV, in pieces of `CHUNK` bytes and a last one that is not longer."""
        ahead = _header(self)
        with open(self.path, "rb", opener=_no_link) as file:
            file.seek(self.offset)
            left = self.length
            while left > 0:
                piece = file.read(min(CHUNK - len(ahead), left))
                if not piece:
                    raise NoSound(f"{self.path.name}: became shorter while it was read")
                left -= len(piece)
                yield ahead + piece
                ahead = b""
        if ahead:
            yield ahead


def sound_of(path: Path) -> Sound:
    """Look at a file. Raises `NoSound` when there is nothing to hear in it, OSError when it cannot be read."""
    size = path.stat().st_size
    if path.suffix == ".alaw":
        return _whole(Sound(path, ALAW, 8000, 1, 0, size))
    if path.suffix != ".wav":
        raise NoSound(f"{path.name}: neither .alaw nor .wav")
    with open(path, "rb", opener=_no_link) as file:
        head = file.read(HEADER_MAX)
    if head[:4] != b"RIFF" or head[8:12] != b"WAVE":
        raise NoSound(f"{path.name}: no WAV")
    at, kind, rate, width = 12, 0, 0, 0
    while at + 8 <= len(head):
        name, length = head[at:at + 4], int.from_bytes(head[at + 4:at + 8], "little")
        if name == b"fmt " and at + 24 <= len(head):
            kind, channels, rate, _, width, _ = struct.unpack_from("<HHIIHH", head, at + 8)
            if channels != 1 or kind not in (PCM, ALAW) or rate == 0 or width == 0:
                break
        elif name == b"data" and rate:
            return _whole(Sound(path, kind, rate, width, at + 8, size - at - 8))
        at += 8 + length + length % 2
    raise NoSound(f"{path.name}: a WAV of another kind")


def _whole(sound: Sound) -> Sound:
    """Only whole samples: the last one may have been cut off."""
    length = sound.length - sound.length % sound.width
    if length <= 0:
        raise NoSound(f"{sound.path.name}: nothing in it")
    return sound._replace(length=length)


def _header(sound: Sound) -> bytes:
    bits = 8 * sound.width
    extra = b"" if sound.format == PCM else struct.pack("<H", 0)
    form = struct.pack("<HHIIHH", sound.format, 1, sound.rate, sound.rate * sound.width, sound.width, bits) + extra
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    if sound.format != PCM:
        body += b"fact" + struct.pack("<II", 4, sound.length // sound.width)
    body += b"data" + struct.pack("<I", sound.length)
    return b"RIFF" + struct.pack("<I", len(body) + sound.length) + body


def remove(path: Path) -> None:
    """A plain file goes. Where Asterisk is another user the folder is ours, and the file is only for reading: then what
    it held is gone with its last reader, else at once. A link goes, and what it leads to stays."""
    with suppress(OSError), open(path, "r+b", opener=_no_link) as file:
        file.truncate(0)
    path.unlink(missing_ok=True)


def _no_link(path: str, flags: int) -> int:
    """Asterisk writes into the folder too, and is another user in some houses: a name of its own leads to no file of
    ours. OSError for a link."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
