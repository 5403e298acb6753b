"""What a folder of built sounds holds, and whether it is whole: `manifest.json`."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, NamedTuple

from prompts.errors import CatalogueTrouble

NAME = "manifest.json"
VERSION = 3


class Entry(NamedTuple):
    """One built prompt. Levels in dBFS and length in seconds are those of the 8 kHz file."""

    id: str
    """The key; `en/<key>` in another language than the first."""
    text_sha256: str
    backend: str
    """`recorded`, `piper`, `mbrola`, `espeak`, or `santral` for the hold music."""
    voice: str
    speed: float
    peak: float
    rms: float
    seconds: float
    source: str
    """Hash of everything the sound depends on: another one means that it must be built again."""
    sha256: dict[str, str]
    """Path below the folder -> SHA-256 of the file."""
    joins: dict[str, list[float]]
    """Path of a file -> seconds at which a spoken piece and a pause were joined, for those who listen for clicks."""


class Manifest:
    """The entries by key. `complete` is false while a build is at work, and stays so when it is killed."""

    def __init__(self, entries: dict[str, Entry] | None = None, *, complete: bool = False) -> None:
        self.entries = entries or {}
        self.complete = complete

    @classmethod
    def read(cls, root: Path) -> Manifest | None:
        """What `root` says of itself; None when it has no manifest. CatalogueTrouble when it cannot be understood."""
        path = root / NAME
        try:
            whole = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise CatalogueTrouble(f"{path}: not readable ({error}); remove it and build again") from error
        try:
            if whole["version"] != VERSION:
                return None  # another Santral built it: everything is built again
            entries = {entry["id"]: Entry(**entry) for entry in whole["prompts"]}
            return cls(entries, complete=bool(whole["complete"]))
        except (KeyError, TypeError) as error:
            raise CatalogueTrouble(f"{path}: not a manifest of ours ({error}); remove it and build again") from error

    def write(self, root: Path) -> None:
        """Whole or not at all."""
        whole: dict[str, Any] = {
            "version": VERSION,
            "complete": self.complete,
            "prompts": [self.entries[key]._asdict() for key in sorted(self.entries)],
        }
        scratch = root / f".{NAME}.{os.getpid()}"
        scratch.write_text(json.dumps(whole, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        scratch.replace(root / NAME)


def text_hash(text: str) -> str:
    """SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
