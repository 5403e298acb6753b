"""Read and write `manifest.json`, which lists the sounds of a built folder and tells whether it is complete."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from prompts.centre_words import NO_CENTRE
from prompts.errors import CatalogueError

NAME = "manifest.json"
VERSION = 4


class Entry(NamedTuple):
    """One built prompt. Levels in dBFS and the length in seconds belong to the 8 kHz file."""

    id: str
    """Key of the prompt, or `en/<key>` in a language other than the first."""
    text_sha256: str
    backend: str
    """Kind of the voice: `recorded`, `piper`, `service`, `mbrola`, `espeak`, or `santral` for the hold music."""
    voice: str
    speed: float
    peak: float
    rms: float
    seconds: float
    source: str
    """Hash of everything that the sound depends on. If it differs, the sound must be built again."""
    sha256: dict[str, str]
    """SHA-256 of each file, by path below the folder."""
    joins: dict[str, list[float]]
    """Seconds at which a spoken piece and a pause were joined, by path of the file. Clicks are looked for there."""


class Manifest:
    """Entries by key. `complete` is false while a build is at work, and remains false if the build is killed."""

    def __init__(self, entries: dict[str, Entry] | None = None, *, centre: str = NO_CENTRE.name,
                 complete: bool = False) -> None:
        self.entries = entries or {}
        self.centre = centre
        """Name of the centre whose words the sounds say."""
        self.complete = complete

    @classmethod
    def read_manifest(cls, root: Path) -> Manifest | None:
        """Return the manifest of `root`, or None if there is none. Raise CatalogueError if it cannot be understood."""
        path = root / NAME
        try:
            whole = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise CatalogueError(f"{path}: not readable ({error}); remove it and build again") from error
        try:
            if whole["version"] != VERSION:
                # Another version of Santral built the folder, so everything is built again.
                return None
            entries = {entry["id"]: Entry(**entry) for entry in whole["prompts"]}
            return cls(entries, centre=str(whole["centre"]), complete=bool(whole["complete"]))
        except (KeyError, TypeError) as error:
            raise CatalogueError(f"{path}: not a manifest of ours ({error}); remove it and build again") from error

    def write_manifest(self, root: Path) -> None:
        """Write the manifest completely or not at all."""
        whole: dict[str, Any] = {
            "version": VERSION,
            "centre": self.centre,
            "complete": self.complete,
            "prompts": [self.entries[key]._asdict() for key in sorted(self.entries)],
        }
        # A reader sees the old manifest or the new one, never a part.
        scratch = root / f".{NAME}.{os.getpid()}"
        scratch.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        scratch.replace(root / NAME)


def text_hash(text: str) -> str:
    """Return the SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
