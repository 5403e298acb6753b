"""Choose words and sounds of the centre that a lab runs."""

from __future__ import annotations

import hashlib
import re
import tomllib
from pathlib import Path

from centres.centre_reader import LoadedCentre, load_centre
from prompts.catalogue import Catalogue
from prompts.centre_words import NO_CENTRE, CentreWords
from prompts.errors import PromptError

PROJECT_ROOT = Path(__file__).resolve().parents[1]
CENTRE = PROJECT_ROOT / "centres" / "meb"
SOUNDS = PROJECT_ROOT / ".cache" / "sounds"
"""Folder in which `make prompts` builds the usual centre."""


def words_of(loaded: LoadedCentre | None) -> CentreWords:
    """Return the words of a centre. One that cannot be read says the product's words."""
    if loaded is None or loaded.settings is None:
        return NO_CENTRE
    return CentreWords.of_centre(loaded.folder, loaded.settings.centre, loaded.services,
                                 loaded.where("centre", "name"))


def sounds_of(centre: Path, given: Path) -> Path:
    """Return the folder for the sounds of a centre: the given one, but never `SOUNDS` for a centre of another name."""
    if given != SOUNDS or centre.resolve() == CENTRE:
        return given
    usual = tomllib.loads((CENTRE / "santral.toml").read_text(encoding="utf-8"))["centre"]["name"]
    name = words_of(load_centre(centre)).name
    if name == usual:
        return given
    plain = re.sub(r"[^a-z0-9]+", "-", centre.name.lower()).strip("-")
    return SOUNDS.with_name(f"sounds-{plain}-{hashlib.sha256(name.encode()).hexdigest()[:8]}")


def are_built(sounds: Path, words: CentreWords) -> bool:
    """Return whether a node would find every sound of a centre."""
    try:
        Catalogue.load_built(sounds, words)
    except PromptError:
        return False
    return True
