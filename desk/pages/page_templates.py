"""Render pages from templates. Values are escaped, and an unknown name is an error."""

from __future__ import annotations

import json
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from desk.pages.page_words import LANGUAGES, list_words
from desk.pages.static_files import StaticFiles

TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), undefined=StrictUndefined,
                        autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)


class PageTemplates:
    """Templates together with the words and the addresses of static files."""

    def __init__(self, files: StaticFiles) -> None:
        self._files = files
        self._words = {language: list_words(language) for language in LANGUAGES}

    def render_document(self, template: str, language: str, **values: object) -> str:
        """Return the document of a template.

        The template has `words` (texts by key), `language`, `other_language`, and `static` (address of a static file).
        """
        other = next(one for one in LANGUAGES if one != language)
        return TEMPLATES.get_template(template).render(
            words=self._words[language], language=language, other_language=other, static=self._files.address_of,
            **values)


def to_data_block(value: object) -> Markup:
    """Return a value as JSON that cannot end the script element it is put in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    for sign in "<>&\u2028\u2029":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return Markup(text)  # noqa: S704  every sign that HTML reads is written as a JSON escape above


TEMPLATES.filters["data_block"] = to_data_block
