"""Recordings of a person that were taken in: `<sounds>/studio/<key>.wav` or `.flac`, English ones below `en/`.

They stay there through every build and go before any synthetic voice, as long as the text is the one that was recorded:
`texts.json` beside them tells which that was. When a text is changed, the voice of the build says the new one until it
has been recorded too.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from prompts.catalogue import Prompt
from prompts.errors import SoundTrouble
from prompts.manifest import text_hash
from prompts.say import SLOW_SUFFIX

FOLDER = "studio"
TEXTS = "texts.json"
ENDINGS = (".wav", ".flac")


class Recording(NamedTuple):
    """What is played for a prompt."""

    path: Path
    stretch: bool
    """It is of normal speed and the slow version is wanted."""


class Studio:
    """The recordings of a folder of sounds. SoundTrouble when `texts.json` cannot be understood."""

    def __init__(self, sounds: Path) -> None:
        self.folder = sounds / FOLDER
        self._texts = self._read()

    def find(self, prompt: Prompt) -> Recording | None:
        """The recording of a prompt; of its normal version when only that was recorded."""
        path = self._of(prompt.id, prompt.text)
        if path is not None:
            return Recording(path, stretch=False)
        path = self._of(prompt.id.removesuffix(SLOW_SUFFIX), prompt.text) if prompt.slow else None
        return Recording(path, stretch=True) if path is not None else None

    def old(self, prompts: Mapping[str, Prompt]) -> list[str]:
        """Ids of recordings that are not played: their text was changed, or is not said any more."""
        return [id_ for id_ in sorted(self._texts)
                if id_ not in prompts or self._of(id_, prompts[id_].text) is None]

    def take(self, recordings: Mapping[Path, Prompt]) -> None:
        """Copy recordings in, each whole or not at all; what was there of the same prompt goes."""
        for source, prompt in recordings.items():
            path = self.folder / f"{prompt.id}{source.suffix.lower()}"
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = path.with_name(f".{path.name}.{os.getpid()}")
            try:
                shutil.copyfile(source, scratch)
                for before in self._files(prompt.id):
                    before.unlink()
                scratch.replace(path)
            finally:
                scratch.unlink(missing_ok=True)
            self._texts[prompt.id] = text_hash(prompt.text)
            self._write()

    def __len__(self) -> int:
        return len(self._texts)

    def _of(self, id_: str, text: str) -> Path | None:
        if self._texts.get(id_) != text_hash(text):
            return None
        return next(self._files(id_), None)

    def _files(self, id_: str) -> Iterator[Path]:
        yield from (path for path in (self.folder / f"{id_}{ending}" for ending in ENDINGS) if path.is_file())

    def _read(self) -> dict[str, str]:
        path = self.folder / TEXTS
        try:
            whole = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise SoundTrouble(f"{path}: not readable ({error}); import the recordings again") from error
        if not isinstance(whole, dict) or not all(isinstance(text, str) for text in whole.values()):
            raise SoundTrouble(f"{path}: not ours; import the recordings again")
        return whole

    def _write(self) -> None:
        scratch = self.folder / f".{TEXTS}.{os.getpid()}"
        scratch.write_text(json.dumps(self._texts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        scratch.replace(self.folder / TEXTS)
