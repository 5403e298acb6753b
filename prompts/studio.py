"""Find recordings of a person, next to the texts of a centre and in a folder of sounds.

`CENTRE/prompts/<language>/<key>.wav` or `.flac` belongs to the centre, and is played first. Imported ones are
`<sounds>/studio/<key>.wav` or `.flac`, with English ones below `en/`. They remain through every build and are preferred
to synthetic voices, as long as their text is unchanged. `texts.json` in the same folder has the recorded texts. When a
text changes, the voice of the build says it until it is recorded.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from prompts.errors import SoundError
from prompts.manifest import text_hash
from prompts.text_reader import Prompt
from prompts.verbalise.number_prompts import SLOW_SUFFIX

FOLDER = "studio"
TEXTS = "texts.json"
ENDINGS = (".wav", ".flac")


class Recording(NamedTuple):
    """Recording that is played for a prompt."""

    path: Path
    stretch: bool
    """Whether the recording has normal speed while the slow version is wanted."""


class RecordingStudio:
    """Recordings of a folder of sounds. Raise SoundError if `texts.json` cannot be understood."""

    def __init__(self, sounds: Path, beside: Path | None = None) -> None:
        self.folder, self._beside = sounds / FOLDER, beside
        self._texts = self._read_texts()

    def find_recording(self, prompt: Prompt) -> Recording | None:
        """Return the recording of a prompt, or the one of its normal version, or None."""
        if (own := self._own_recording(prompt.place)) is not None:
            return Recording(own, stretch=False)
        if prompt.slow and (own := self._own_recording(prompt.place.removesuffix(SLOW_SUFFIX))) is not None:
            return Recording(own, stretch=True)
        path = self._path_of(prompt.id, prompt.text)
        if path is not None:
            return Recording(path, stretch=False)
        path = self._path_of(prompt.id.removesuffix(SLOW_SUFFIX), prompt.text) if prompt.slow else None
        return Recording(path, stretch=True) if path is not None else None

    def unused_recordings(self, prompts: Mapping[str, Prompt]) -> list[str]:
        """Return ids of recordings that are not played, because their text was changed or is no longer used."""
        return [id_ for id_ in sorted(self._texts)
                if id_ not in prompts or self._path_of(id_, prompts[id_].text) is None]

    def take_recordings(self, recordings: Mapping[Path, Prompt]) -> None:
        """Copy recordings in, each completely or not at all. They replace earlier ones of the same prompts."""
        for source, prompt in recordings.items():
            path = self.folder / f"{prompt.id}{source.suffix.lower()}"
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch = path.with_name(f".{path.name}.{os.getpid()}")
            try:
                shutil.copyfile(source, scratch)
                # The earlier recording may have the other ending, and two of them would be ambiguous.
                for before in self._recording_files(prompt.id):
                    before.unlink()
                scratch.replace(path)
            finally:
                scratch.unlink(missing_ok=True)
            # Note each text at once, so that a failure leaves no recording without its text.
            self._texts[prompt.id] = text_hash(prompt.text)
            self._write_texts()

    def __len__(self) -> int:
        return len(self._texts)

    def _own_recording(self, place: str) -> Path | None:
        """Return the recording next to the texts of the centre."""
        if self._beside is None:
            return None
        paths = (self._beside / f"{place}{ending}" for ending in ENDINGS)
        return next((path for path in paths if path.is_file()), None)

    def _path_of(self, id_: str, text: str) -> Path | None:
        if self._texts.get(id_) != text_hash(text):
            return None
        return next(self._recording_files(id_), None)

    def _recording_files(self, id_: str) -> Iterator[Path]:
        yield from (path for path in (self.folder / f"{id_}{ending}" for ending in ENDINGS) if path.is_file())

    def _read_texts(self) -> dict[str, str]:
        path = self.folder / TEXTS
        try:
            whole = json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError) as error:
            raise SoundError(f"{path}: not readable ({error}); import the recordings again") from error
        if not isinstance(whole, dict) or not all(isinstance(text, str) for text in whole.values()):
            raise SoundError(f"{path}: not ours; import the recordings again")
        return whole

    def _write_texts(self) -> None:
        scratch = self.folder / f".{TEXTS}.{os.getpid()}"
        scratch.write_text(json.dumps(self._texts, indent=1, sort_keys=True) + "\n", encoding="utf-8")
        scratch.replace(self.folder / TEXTS)
