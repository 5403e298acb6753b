"""Make the sounds of an announcement when they are needed, from a text or from a person's recording.

No catalogue has the announcement. Its sounds are next to those of the catalogue (`<root>/tr/duyuru/<name>`), at normal
and slow speed. A build leaves them alone.
"""

from __future__ import annotations

from pathlib import Path

from prompts.audio.voices import choose_voices
from prompts.build import BuildJob, Options, make_sound
from prompts.catalogue import FORMATS
from prompts.text_reader import Prompt
from prompts.verbalise.number_prompts import LANGUAGE, slow_key

FOLDER = "duyuru"


def announcement_key(name: str) -> str:
    """Return the key of an announcement, below the folder of its language."""
    return f"{FOLDER}/{name}"


def build_sounds(name: str, root: Path, *, text: str = "", recording: Path | None = None) -> None:
    """Make the sounds. A recording is preferred to the text.

    Raise PromptError if there is no voice or the sound is not good enough, OSError if the folder cannot be written.
    """
    (root / LANGUAGE / FOLDER).mkdir(parents=True, exist_ok=True)
    options = Options(root, choose_voices())
    # Callers with slow speech hear announcements too, so both speeds are made.
    for is_slow in (False, True):
        place = slow_key(announcement_key(name)) if is_slow else announcement_key(name)
        prompt = Prompt(place, text, "announced", "menu", is_slow)
        make_sound(BuildJob(place, prompt, recording, recording is not None and is_slow, ""), options)


def are_built(name: str, root: Path) -> bool:
    """Return whether this machine has the sounds."""
    return all((root / LANGUAGE / f"{place}.{ending}").is_file()
               for place in (announcement_key(name), slow_key(announcement_key(name))) for ending in FORMATS)


def remove_sounds(name: str, root: Path) -> None:
    """Remove the sounds. Sounds that are already gone are no error."""
    for place in (announcement_key(name), slow_key(announcement_key(name))):
        for ending in FORMATS:
            (root / LANGUAGE / f"{place}.{ending}").unlink(missing_ok=True)
