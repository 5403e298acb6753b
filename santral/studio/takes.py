"""Keep the takes of a person in a folder, check each as the import does, and hand the good ones over to it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from prompts.build import hold_lock
from prompts.errors import SoundError
from prompts.manifest import text_hash
from prompts.recording_intake import check_delivery, duration_bounds, faults_of
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
NOTES = "takes.json"
"""File of what is known of each take."""


class Sentence(NamedTuple):
    """One sentence to read."""

    prompt: Prompt
    heard: int
    """Times that callers heard it in the records or the simulation."""
    often: bool


class TakeNote(NamedTuple):
    """Knowledge of a take that a later start needs."""

    text: str
    """Hash of the text that was read."""
    changed: int
    """Time of the file, in nanoseconds, whose faults these are."""
    faults: list[str]


class Imported(NamedTuple):
    """Result of an import."""

    taken: int
    faults: Mapping[str, Sequence[str]]
    """Kinds of faults by the name of the prompt."""


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
        self._notes = self._read_notes()
        self._put_old_aside()

    def find_take(self, name: str) -> Path | None:
        """Return the file of a take, or None. A name that is no prompt has none."""
        path = self.folder / f"{name}.wav"
        return path if name in self._prompts and path.is_file() else None

    def faults_of_take(self, name: str) -> list[str] | None:
        """Return the kinds of a take's faults as the import finds them, or None without a take."""
        path = self.find_take(name)
        if path is None:
            return None
        # A check runs two programs, and hundreds of them would keep a person waiting at the next start.
        changed, known = path.stat().st_mtime_ns, self._notes.get(name)
        if known is None or known.changed != changed:
            prompt = self._prompts[name]
            known = TakeNote(text_hash(prompt.text), changed, [fault.kind for fault in faults_of(path, prompt)])
            self._notes[name] = known
            notes = {one: note._asdict() for one, note in sorted(self._notes.items())}
            _write_whole(self.folder / NOTES, json.dumps(notes, indent=1).encode())
        return known.faults

    def most_seconds(self, name: str) -> float:
        """Return the length at which the page ends a take."""
        return round(duration_bounds(self._prompts[name])[1] + ROOM_S, 1)

    def most_bytes(self, name: str) -> int:
        """Return the size of the longest take of a sentence."""
        return HEADER_BYTES + int(self.most_seconds(name) * BYTES_A_SECOND)

    def keep_take(self, name: str, sound: bytes) -> list[str]:
        """Write a take, completely or not at all, over an earlier one. Return the kinds of its faults."""
        _write_whole(self.folder / f"{name}.wav", sound)
        self._notes.pop(name, None)
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

    def _read_notes(self) -> dict[str, TakeNote]:
        try:
            found = json.loads((self.folder / NOTES).read_text(encoding="utf-8"))
            return {name: TakeNote(**note) for name, note in found.items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise SoundError(f"{self.folder / NOTES}: not readable ({error}); remove it, and its takes are put aside"
                             ) from error

    def _put_old_aside(self) -> None:
        """Hide the takes of texts that were changed since. The import reads no hidden file."""
        for name, prompt in self._prompts.items():
            note, path = self._notes.get(name), self.find_take(name)
            if path is not None and (note is None or note.text != text_hash(prompt.text)):
                path.rename(path.with_name(f".{path.name}.old"))
                self._notes.pop(name, None)


def _write_whole(path: Path, content: bytes) -> None:
    """Write a file completely or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        scratch.write_bytes(content)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
