"""Texts in Turkish and English, read from a YAML file next to the code that uses them."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import yaml


class Language(StrEnum):
    """A language of texts for people at work."""

    TURKISH = "tr"
    ENGLISH = "en"


class Phrase(NamedTuple):
    """One text in both languages."""

    tr: str
    en: str

    def text(self, *, english: bool) -> str:
        """Return the text in one language."""
        return self.en if english else self.tr


@cache
def read_texts(package: str, name: str) -> dict[str, Phrase]:
    """Return the texts of a package's file by key. The keys of a section follow its name and a full stop."""
    return dict(_flatten("", yaml.safe_load((files(package) / name).read_text(encoding="utf-8"))))


def _flatten(section: str, found: dict[str, Any]) -> list[tuple[str, Phrase]]:
    texts: list[tuple[str, Phrase]] = []
    for name, value in found.items():
        if value.keys() == {"tr", "en"}:
            texts.append((f"{section}{name}", Phrase(**value)))
        else:
            texts += _flatten(f"{section}{name}.", value)
    return texts
