"""Keep the takes of a person in a folder, check each as the import does, and hand the good ones over to it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from prompts.build import hold_lock
from prompts.manifest import text_hash
from prompts.recording_intake import Fault, check_delivery, duration_bounds, faults_of
from prompts.studio import RecordingStudio
from prompts.text_reader import Prompt

OFTEN = 100
"""Sentences that are marked as heard most. They are an hour's reading, and most of what callers hear."""
UNHEARD = ("menu", "bekleme", "sistem", "anket", "sayi", "bilgi", "kod")
"""Order of the groups for sentences that nobody heard."""
ROOM_S = 10.0
"""Time in a take besides the longest reading, for the silence around it."""
BYTES_A_SECOND = 48_000 * 2
HEADER_BYTES = 4096
TEXTS = "texts.json"
"""File of the hashes of the texts that were read."""


class Sentence(NamedTuple):
    """One sentence to read."""

    prompt: Prompt
    heard: int
    """Times that callers heard it in the records or the simulation."""
    often: bool


class Imported(NamedTuple):
    """Result of an import."""

    taken: int
    faults: Mapping[str, Sequence[Fault]]
    """Faults by the name of the prompt."""


def order_sentences(prompts: Mapping[str, Prompt], heard: Mapping[str, int], language: str) -> list[Sentence]:
    """Return the sentences of a language, those heard most first. Slow versions are stretched and need no reading.

    Sentences that nobody heard follow by their group: those for callers, pieces of numbers, those for agents.
    """
    found = sorted((one for one in prompts.values() if one.language == language and not one.slow),
                   key=lambda one: (-heard.get(one.key, 0), UNHEARD.index(one.group)))
    return [Sentence(one, heard.get(one.key, 0), number < OFTEN) for number, one in enumerate(found)]


class Takes:
    """The takes of one folder. They stay when the page or the program ends."""

    def __init__(self, folder: Path, prompts: Mapping[str, Prompt], sounds: Path) -> None:
        self.folder, self._prompts, self.sounds = folder, prompts, sounds
        self._known: dict[str, tuple[float, list[Fault]]] = {}
        self._texts = self._read_texts()
        self._put_old_aside()

    def find_take(self, name: str) -> Path | None:
        """Return the file of a take, or None. A name that is no prompt has none."""
        path = self.folder / f"{name}.wav"
        return path if name in self._prompts and path.is_file() else None

    def faults_of_take(self, name: str) -> list[Fault] | None:
        """Return the faults of a take as the import finds them, or None without a take."""
        path = self.find_take(name)
        if path is None:
            return None
        changed = path.stat().st_mtime
        if (known := self._known.get(name)) is None or known[0] != changed:
            known = self._known[name] = changed, list(faults_of(path, self._prompts[name]))
        return known[1]

    def most_seconds(self, name: str) -> float:
        """Return the length at which the page ends a take."""
        return round(duration_bounds(self._prompts[name])[1] + ROOM_S, 1)

    def most_bytes(self, name: str) -> int:
        """Return the size of the longest take of a sentence."""
        return HEADER_BYTES + int(self.most_seconds(name) * BYTES_A_SECOND)

    def keep_take(self, name: str, sound: bytes) -> list[Fault]:
        """Write a take, completely or not at all, over an earlier one. Return its faults."""
        _write_whole(self.folder / f"{name}.wav", sound)
        self._known.pop(name, None)
        self._texts[name] = text_hash(self._prompts[name].text)
        _write_whole(self.folder / TEXTS, json.dumps(self._texts, indent=1, sort_keys=True).encode())
        return self.faults_of_take(name) or []

    def import_good(self) -> Imported:
        """Take all good takes into the sounds, as `santral prompts import --partial` does."""
        self.folder.mkdir(parents=True, exist_ok=True)
        found = check_delivery(self.folder, self._prompts)
        if found.good:
            self.sounds.mkdir(parents=True, exist_ok=True)
            with hold_lock(self.sounds):
                RecordingStudio(self.sounds).take_recordings(found.good)
        faulty = {name: faults for name in self._prompts if (faults := self.faults_of_take(name))}
        return Imported(len(found.good), faulty)

    def _read_texts(self) -> dict[str, str]:
        try:
            found = json.loads((self.folder / TEXTS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def _put_old_aside(self) -> None:
        """Hide the takes of texts that were changed since. The import reads no hidden file."""
        for name, prompt in self._prompts.items():
            if (path := self.find_take(name)) is not None and self._texts.get(name) != text_hash(prompt.text):
                path.rename(path.with_name(f".{path.name}.old"))


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_bytes(content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
