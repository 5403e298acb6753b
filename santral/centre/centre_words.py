"""Read the words of a centre: its prompts over those of the product, and problems of its texts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from centres.centre_reader import SERVICES, LoadedCentre, load_centre
from centres.problem import Problem
from prompts.centre_words import FOLDER, NO_CENTRE, CentreWords
from prompts.errors import CatalogueError
from prompts.prompt_lengths import PromptLengths
from prompts.text_reader import WHISPER

_AT = re.compile(r"(?P<file>.+?):(?P<line>\d+): (?P<what>.*)")
"""A line of a CatalogueError: place and text."""
HOW = "Correct it (docs/centre/prompts.md)."


def centre_words(loaded: LoadedCentre) -> CentreWords:
    """Return what the prompts need to know of a centre. With faulty settings they have no name to say."""
    if loaded.settings is None:
        own = loaded.folder / FOLDER
        return NO_CENTRE._replace(folder=own if own.is_dir() else None,
                                  services={service.id: service.name for service in loaded.services})
    return CentreWords.of_centre(loaded.folder, loaded.settings.centre, loaded.services,
                                 loaded.where("centre", "name"), loaded.settings.privacy.notice)


def read_words(folder: Path) -> CentreWords:
    """Return the words of the centre in a folder. Raise CatalogueError with the problems of its settings."""
    loaded = load_centre(folder)
    if loaded.settings is None:
        raise CatalogueError("\n".join(str(problem) for problem in loaded.problems))
    return centre_words(loaded)


def read_prompts(loaded: LoadedCentre, folders: Sequence[Path]) -> tuple[PromptLengths | None, list[Problem]]:
    """Return the prompts of a centre with their lengths in these folders of sounds, and the problems of its texts.

    Returns None with a problem of a text, because it would hide which names are known.
    """
    try:
        return PromptLengths.of_folders(*folders, words=centre_words(loaded)), []
    except CatalogueError as error:
        return None, [_text_problem(line, loaded.folder) for line in str(error).splitlines()]


def silent_whispers(loaded: LoadedCentre, lengths: PromptLengths) -> list[Problem]:
    """Return services without a whisper announcement that agents can tell from every other.

    The whisper is the name of the service where the centre has no prompt `bilgi-<service>`.
    """
    found: list[Problem] = []
    said: dict[str, str] = {}
    for service in loaded.services:
        text = lengths.text_of(WHISPER + service.id)
        words = "".join(letter for letter in text if letter.isalnum()).casefold()
        where = loaded.location_of(SERVICES, service.id, "name")
        mend = f"Give it another name, or write {WHISPER}{service.id} in prompts/tr."
        if not words:
            found.append(Problem(where, f"service '{service.id}' has no whisper announcement: nothing of its name "
                                 f"'{service.name}' can be said", mend))
        elif words in said:
            found.append(Problem(where, f"the whisper announcements of '{service.id}' and '{said[words]}' are the "
                                 "same, so agents do not hear who calls", mend))
        said.setdefault(words, service.id)
    return found


def places_looked_in(loaded: LoadedCentre) -> str:
    """Return where the prompts of a centre are written, as a sentence for somebody who misses one."""
    return f"Looked in {loaded.folder / 'prompts' / 'tr'} and in Santral's own prompts"


def _text_problem(line: str, folder: Path) -> Problem:
    """Return a line of a CatalogueError as a problem, with its file as seen from the centre."""
    found = _AT.fullmatch(line)
    if found is None:
        return Problem(str(folder / "prompts"), line, HOW)
    file = found["file"].removeprefix(f"{folder}/")
    what, _, mend = found["what"].partition(". ")
    return Problem(f"{file}:{found['line']}", what, f"{mend.removesuffix('.')}." if mend else HOW)
