"""Say that built sounds are of the robot voice, to everybody who checks a centre or watches a demo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from prompts.audio.voices import ROBOT_VOICE
from prompts.errors import CatalogueError
from prompts.manifest import Manifest


def describe_robot(folders: Sequence[Path], centre: str) -> list[str]:
    """Return a sentence if the first folder with the words of a centre speaks with espeak-ng, else nothing."""
    for folder in folders:
        try:
            manifest = Manifest.read_manifest(folder)
        except CatalogueError:
            continue
        if manifest is not None and manifest.centre == centre:
            spoken = [entry.backend for entry in manifest.entries.values() if entry.backend != "santral"]
            robots = spoken.count("espeak")
            return [f"{robots} of {len(spoken)} sentences are of espeak-ng. {ROBOT_VOICE} Let a person read "
                    "them (santral prompts studio), or name a speech service at [voice] url."] if robots else []
    return []
