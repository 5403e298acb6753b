"""A page of figures: one HTML file that needs nothing else, readable on paper, in the dark and aloud."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape

WORDS = re.compile(r"[^\W\d_]{3}")
WORDY = ' class="words"'
"""A cell with words is read from the left, numbers stand under each other."""

PALETTE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #ffffff; --line: #c9ccd4; --axis: #5b6070;
  --c0: #1f5fbf; --c1: #b3420f; --c2: #1c7a4a; --c3: #7a3fa0; --c4: #8a6a00; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --paper: #17181c; --line: #3c404b; --axis: #a3a8b8;
  --c0: #8ab4f8; --c1: #ff9e6d; --c2: #7fd6a4; --c3: #d3a4f0; --c4: #e6c65c; } }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
.grid { stroke: var(--line); } .axis { stroke: var(--axis); }
"""
"""Colours by day and by night, and what pictures are drawn with: a picture in a file of its own has it too."""

STYLE = PALETTE + """
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 68rem;
  margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: .3rem; }
th, td { padding: .25rem .6rem; border-bottom: 1px solid var(--line); text-align: right; vertical-align: bottom; }
th:first-child, .words { text-align: left; } td, tbody th { white-space: nowrap; } td.words { white-space: normal; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; }
figure > svg { width: 100%; height: auto; }
.beside { display: flex; flex-wrap: wrap; gap: 0 1.2rem; } .beside figure { width: 100%; margin: .6rem 0; }
summary { cursor: pointer; } a { color: var(--c0); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; padding: 0; margin: .2rem 0; }
@media print { body { max-width: none; margin: 0; font-size: 10pt; } figure, tr { break-inside: avoid; }
  th, td { padding: .1rem .35rem; } .scroll { overflow: visible; } thead { display: table-header-group; } }
"""


def page(title: str, parts: Iterable[str], language: str = "en") -> str:
    """The whole document. `parts` are HTML: from `section`, `text`, `table` here and from `chart`."""
    return (f'<!doctype html>\n<html lang="{language}"><head><meta charset="utf-8"><title>{escape(title)}</title>'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<style>{STYLE}</style></head>\n<body><main><h1>{escape(title)}</h1>\n"
            + "\n".join(parts) + "\n</main></body></html>\n")


def section(title: str) -> str:
    """A heading."""
    return f"<h2>{escape(title)}</h2>"


def text(words: str) -> str:
    """A paragraph."""
    return f"<p>{escape(words)}</p>"


def links(places: Iterable[tuple[str, str]]) -> str:
    """Ways to other pages: title and address."""
    return "<nav>" + " · ".join(f'<a href="{escape(place, quote=True)}">{escape(title)}</a>'
                                for title, place in places) + "</nav>"


def beside(parts: Iterable[str]) -> str:
    """Figures next to each other as far as there is room."""
    return f'<div class="beside">{"".join(parts)}</div>'


def folded(title: str, part: str) -> str:
    """What is there for who opens it."""
    return f"<details><summary>{escape(title)}</summary>{part}</details>"


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table. The first cell of a row names it."""
    rows = list(rows)
    wordy = [bool(rows) and all(WORDS.search(row[number]) for row in rows) for number in range(len(head))]
    titles = "".join(f'<th scope="col"{WORDY if words else ""}>{escape(title)}</th>'
                     for title, words in zip(head, wordy, strict=True))
    body = "".join(f'<tr><th scope="row">{escape(row[0])}</th>'
                   + "".join(f"<td{WORDY if WORDS.search(cell) else ''}>{escape(cell)}</td>" for cell in row[1:])
                   + "</tr>" for row in rows)
    return (f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(caption, quote=True)}"><table>'
            f"<caption>{escape(caption)}</caption><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table></div>")
