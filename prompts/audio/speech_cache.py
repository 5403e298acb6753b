"""Keep the sounds of a speech service by their content, so that no build asks for the same words twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prompts.audio import sound_level
from prompts.errors import SoundError

FOLDER = ".speech"
"""Folder of the cache in a folder of sounds."""
MOST_BYTES = 1 << 30
"""Bound of the cache. All sentences of a centre take about 170 MB, so some voices fit side by side."""


class SpeechCache:
    """Sounds by a hash of all that they depend on. Older ones leave when there is no room."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES) -> None:
        self._folder, self._most_bytes = folder, most_bytes

    def find_sound(self, key: str) -> Any | None:
        """Return the sound as a segment of pydub, or None."""
        try:
            return sound_level.load_wav(self._path_of(key))
        except SoundError:
            # A file that cannot be read is asked for again and replaced.
            return None

    def keep_sound(self, key: str, segment: Any) -> None:
        """Store a sound, completely or not at all."""
        sound_level.save_wav(segment, self._path_of(key))

    def drop_oldest(self) -> None:
        """Delete the oldest sounds until the others fit."""
        found = sorted(((path.stat().st_mtime, path.stat().st_size, path) for path in self._folder.glob("*.wav")),
                       reverse=True)
        room = self._most_bytes
        for _, size, path in found:
            room -= size
            if room < 0:
                path.unlink(missing_ok=True)

    def _path_of(self, key: str) -> Path:
        return self._folder / f"{key}.wav"
