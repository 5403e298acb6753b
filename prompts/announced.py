"""A sentence that no catalogue holds, made when it is needed: spoken from a text, or taken from a person's recording.

Its sounds stand beside those of the catalogue (`<root>/tr/duyuru/<name>`), normal and slow; a build leaves them alone.
"""

from __future__ import annotations

from pathlib import Path

from prompts.build import Job, Options, make
from prompts.catalogue import FORMATS, LANGUAGE, Prompt
from prompts.say import slow
from prompts.voices import cast

FOLDER = "duyuru"


def key(name: str) -> str:
    """Of an announcement, below the folder of its language."""
    return f"{FOLDER}/{name}"


def build(name: str, root: Path, *, text: str = "", recording: Path | None = None) -> None:
    """Make the sounds. A recording goes before the text. PromptError when no voice is there or the sound is not fit to
    be heard, OSError when the folder cannot be written."""
    (root / LANGUAGE / FOLDER).mkdir(parents=True, exist_ok=True)
    options = Options(root, cast())
    for is_slow in (False, True):
        place = slow(key(name)) if is_slow else key(name)
        prompt = Prompt(place, text, "announced", "menu", is_slow)
        make(Job(place, prompt, recording, recording is not None and is_slow, ""), options)


def there(name: str, root: Path) -> bool:
    """Whether the sounds are there, on this machine."""
    return all((root / LANGUAGE / f"{place}.{ending}").is_file()
               for place in (key(name), slow(key(name))) for ending in FORMATS)


def remove(name: str, root: Path) -> None:
    """Take them away; that they are gone already is no matter."""
    for place in (key(name), slow(key(name))):
        for ending in FORMATS:
            (root / LANGUAGE / f"{place}.{ending}").unlink(missing_ok=True)
