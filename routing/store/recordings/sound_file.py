"""Read a plain sound file as Asterisk leaves it, and produce the WAV that is kept.

Asterisk writes talks as `.alaw` and messages as `.wav`. A-law at 8 kHz without a header has half the size of a WAV, and
a truncated file is still usable.

A WAV whose writer was killed has a wrong length in its header. So the header is made again from the length of the file.
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
"""Bytes read at once and encrypted as one piece, so that memory is bounded for any length of a talk."""
HEADER_MAX = 4096
"""Bytes of a WAV in which its samples begin. Asterisk's header has 44."""

PCM, ALAW = 1, 6
"""Formats of a WAV."""


class SoundFile(NamedTuple):
    """Place and format of the samples of a file."""

    path: Path
    format: int
    rate: int
    width: int
    """Bytes of a sample of the one channel."""
    offset: int
    length: int

    @property
    def seconds(self) -> float:
        """Return the duration."""
        return self.length / (self.rate * self.width)

    def as_wav(self) -> Iterator[bytes]:
        """Yield the same sound as a WAV, in pieces of `CHUNK` bytes and a last one that is not longer."""
        ahead = _wav_header(self)
        # The header shortens the first piece, so that every piece but the last has the same size.
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


def sound_of(path: Path) -> SoundFile:
    """Return the samples of a file.

    Raise `NoSound` if nothing can be heard in it, or OSError if it cannot be read.
    """
    size = path.stat().st_size
    # 1. A-law has no header.
    if path.suffix == ".alaw":
        return _cut_to_samples(SoundFile(path, ALAW, 8000, 1, 0, size))
    if path.suffix != ".wav":
        raise NoSound(f"{path.name}: neither .alaw nor .wav")
    # 2. Walk through the chunks of a WAV up to its samples, whose length in the header is not trusted.
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
            return _cut_to_samples(SoundFile(path, kind, rate, width, at + 8, size - at - 8))
        # A chunk of odd length has one byte of padding.
        at += 8 + length + length % 2
    raise NoSound(f"{path.name}: a WAV of another kind")


def _cut_to_samples(sound: SoundFile) -> SoundFile:
    """Keep only whole samples: the last one may be truncated."""
    length = sound.length - sound.length % sound.width
    if length <= 0:
        raise NoSound(f"{sound.path.name}: nothing in it")
    return sound._replace(length=length)


def _wav_header(sound: SoundFile) -> bytes:
    bits = 8 * sound.width
    extra = b"" if sound.format == PCM else struct.pack("<H", 0)
    form = struct.pack("<HHIIHH", sound.format, 1, sound.rate, sound.rate * sound.width, sound.width, bits) + extra
    body = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    if sound.format != PCM:
        body += b"fact" + struct.pack("<II", 4, sound.length // sound.width)
    body += b"data" + struct.pack("<I", sound.length)
    return b"RIFF" + struct.pack("<I", len(body) + sound.length) + body


def remove_plain(path: Path) -> None:
    """Delete a plain file.

    If Asterisk is another user, the folder belongs to the node and the file is read-only. Its content is then gone with
    its last reader, otherwise at once. A link goes, and its target stays.
    """
    with suppress(OSError), open(path, "r+b", opener=_no_link) as file:
        file.truncate(0)
    path.unlink(missing_ok=True)


def _no_link(path: str, flags: int) -> int:
    """Open a path unless it is a link, for which OSError is raised.

    Asterisk also writes into the folder, and may be another user. A link made there must not lead to a file of this
    node.
    """
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC)
