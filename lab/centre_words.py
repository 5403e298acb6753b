"""Choose words and sounds of the centre that a lab runs."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

from centres.centre_reader import LoadedCentre, load_centre
from prompts.catalogue import Catalogue
from prompts.centre_words import NO_CENTRE, CentreWords
from prompts.errors import PromptError
from prompts.manifest import NAME

PROJECT_ROOT = Path(__file__).resolve().parents[1]
CENTRE = PROJECT_ROOT / "centres" / "meb"
SOUNDS = PROJECT_ROOT / ".cache" / "sounds"
"""Folder in which `make prompts` builds the usual centre."""


def words_of(loaded: LoadedCentre | None) -> CentreWords:
    """Return the words of a centre. One that cannot be read says the product's words."""
    if loaded is None or loaded.settings is None:
        return NO_CENTRE
    return CentreWords.of_centre(loaded.folder, loaded.settings.centre, loaded.services,
                                 loaded.where("centre", "name"), loaded.settings.privacy.notice)


def sounds_of(centre: Path, given: Path) -> Path:
    """Return the folder for the sounds of a centre: the given one, but `SOUNDS` only if it says this centre's words.

    Another centre has a separate folder, so that no build takes away sounds that a running lab plays.
    """
    if given != SOUNDS or centre.resolve() == CENTRE:
        return given
    words = words_of(load_centre(centre))
    if are_built(given, words):
        return given
    usual = words_of(load_centre(CENTRE))
    if (words.name, words.services.keys()) == (usual.name, usual.services.keys()):
        return given
    plain = re.sub(r"[^a-z0-9]+", "-", centre.name.lower()).strip("-")
    marks = f"{words.name}|{sorted(words.services.items())}|{centre.resolve()}"
    return SOUNDS.with_name(f"sounds-{plain}-{hashlib.sha256(marks.encode()).hexdigest()[:8]}")


def seed_sounds(sounds: Path) -> None:
    """Begin a new folder of sounds with the usual ones, so that only other words are built."""
    if sounds != SOUNDS and not sounds.exists() and (SOUNDS / NAME).is_file():
        shutil.copytree(SOUNDS, sounds)


def are_built(sounds: Path, words: CentreWords) -> bool:
    """Return whether a node would find every sound of a centre."""
    try:
        Catalogue.load_built(sounds, words)
    except PromptError:
        return False
    return True
