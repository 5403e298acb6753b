"""Render a page of figures: one HTML file without external parts, readable on paper, in the dark and by screen
readers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_WORDS = re.compile(r"[^\W\d_]{3}")

TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parent / "templates"), undefined=StrictUndefined,
                        autoescape=True, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True)
# A cell with three letters in a row is text, so its column is aligned to the left.
TEMPLATES.tests["wordy"] = lambda cell: _WORDS.search(cell) is not None
_PARTS = "parts.html.j2"


def call_macro(template: str, macro: str, *values: object) -> Markup:
    """Return the text of a macro of a template."""
    found: Markup = getattr(TEMPLATES.get_template(template).module, macro)(*values)
    return found


def render_page(title: str, parts: Iterable[Markup], language: str = "en") -> str:
    """Return the whole document. Its parts come from the functions here and in `chart`; other text is escaped."""
    return TEMPLATES.get_template("page.html.j2").render(title=title, parts=parts, language=language)


def render_heading(title: str) -> Markup:
    """Return a heading."""
    return call_macro(_PARTS, "section", title)


def render_paragraph(words: str) -> Markup:
    """Return a paragraph."""
    return call_macro(_PARTS, "text", words)


def render_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Return a table. The first cell of a row names the row."""
    return call_macro(_PARTS, "table", caption, head, list(rows))
