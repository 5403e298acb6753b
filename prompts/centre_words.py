"""Say what a centre brings to its prompts: its folder of texts and recordings, its name in each case, its services."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from prompts.errors import CatalogueError
from prompts.verbalise.number_prompts import LANGUAGE
from prompts.verbalise.turkish_cases import CASES, UnknownForm, decline_name
from prompts.verbalise.web_address import speak_address

_MARK = re.compile(r"\{centre(?::([^}]*))?\}")
"""Place of the centre's name in a text: `{centre}`, or `{centre:dative}` for a case."""
_NOTICE = "{notice}"
"""Place of the address of the full privacy notice."""
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")


class MissingForm(CatalogueError):
    """A case of the name is not known, and nobody wrote it."""

    def __init__(self, case: str, why: str) -> None:
        super().__init__(why)
        self.case = case


class NamedCentre(Protocol):
    """Names of a centre, as `[centre]` of santral.toml has them."""

    @property
    def name(self) -> str:
        """Name of the centre."""
        ...

    @property
    def spoken(self) -> str | None:
        """Reading of the name."""
        ...

    @property
    def english(self) -> str | None:
        """Name in English."""
        ...

    @property
    def forms(self) -> Mapping[Any, str]:
        """Cases that a person wrote."""
        ...


class NamedService(Protocol):
    """A service with its name."""

    @property
    def id(self) -> str:
        """Id of the service."""
        ...

    @property
    def name(self) -> str:
        """Name of the service, as agents hear it."""
        ...


FOLDER = "prompts"
"""Folder of the texts in the folder of a centre."""


class CentreWords(NamedTuple):
    """Names and texts of a centre that the prompts say. Without a centre they say "Merkezimiz" and nothing else."""

    folder: Path | None = None
    """`CENTRE/prompts`, with a folder for each language. None if the centre has no texts."""
    name: str = "Merkezimiz"
    spoken: str = ""
    """Reading of the name, if its letters do not tell it."""
    english: str = ""
    """Name in English. Without one the name is said."""
    forms: Mapping[str, str] = {}
    """Cases that a person wrote."""
    services: Mapping[str, str] = {}
    """Name of each service by its id, for the whisper announcements."""
    where: str = "santral.toml"
    """`file:line` of the name."""
    notice: str = ""
    """Address of the full privacy notice. Without one the sentence that names it is not said."""

    @classmethod
    def of_centre(cls, folder: Path, centre: NamedCentre, services: Iterable[NamedService], where: str,
                  notice: str = "") -> CentreWords:
        """Return the words of the centre in a folder. `where` is the `file:line` of its name."""
        own = folder / FOLDER
        return cls(own if own.is_dir() else None, centre.name, centre.spoken or "", centre.english or "",
                   dict(centre.forms), {service.id: service.name for service in services}, where, notice)

    def fill_names(self, text: str, language: str, where: str) -> str:
        """Return a text with the name in the place of each `{centre}`, and the address in the place of `{notice}`.

        `where` is the place of the text. Raise MissingForm if a case is not known, and CatalogueError if the text is
        wrong.
        """
        if _NOTICE in text:
            text = text.replace(_NOTICE, speak_address(self.notice, language)) if self.notice else \
                " ".join(sentence for sentence in _SENTENCE_END.split(text) if _NOTICE not in sentence)
        return _MARK.sub(lambda found: self._name_in(found[1] or "", language, where), text)

    def _name_in(self, case: str, language: str, where: str) -> str:
        if language != LANGUAGE:
            if case:
                raise CatalogueError(f"{where}: {{centre:{case}}} is for Turkish alone; write {{centre}}")
            return self.english or self.spoken or self.name
        if not case:
            return self.spoken or self.name
        if case not in CASES:
            raise CatalogueError(f"{where}: {{centre:{case}}} is no case; known are {', '.join(CASES)}")
        if case in self.forms:
            return self.forms[case]
        try:
            return decline_name(self.name, case, self.spoken)
        except UnknownForm as error:
            raise MissingForm(case, str(error)) from error

    def explain_missing(self, missing: Mapping[str, str]) -> str:
        """Return one message for the cases that are not known, each with the reason."""
        forms = ", ".join(f"{case} = \"...\"" for case in CASES if case in missing)
        return (f"{self.where}: {next(iter(missing.values()))}. Write how the name is said: spoken = \"...\", or these "
                f"forms of it: forms = {{ {forms} }}, both at [centre]")


NO_CENTRE = CentreWords(english="our centre", forms={
    "dative": "Merkezimize", "locative": "Merkezimizde", "ablative": "Merkezimizden", "genitive": "Merkezimizin",
    "accusative": "Merkezimizi", "instrumental": "Merkezimizle"})
"""Words of the product alone."""
