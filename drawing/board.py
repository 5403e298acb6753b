"""Many pictures as one, and what stands beside lines on a board: one number, a row of bars."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import isnan

from drawing.chart import WIDTH, Drawing, colour, document

TILE_WIDTH, TILE_HEIGHT = 228, 96
BIG, BIG_LETTERS = 30, 11
"""Size of the number, and how long it may be: a sentence in its place is written smaller."""
"""A number with what went before under it. Three of them are as wide as a picture of lines, with the gaps."""
SPARK = 26
"""Height of what went before."""
GAP = 18
"""Between pictures of a board."""
HEAD = 22
"""Height of a picture's title on a board."""
BAR, BAR_HEIGHT = 24, 14
"""From bar to bar; its own height."""
LETTER = 6.6
"""Mean width of a letter of 12 px: titles are cut by it, never by a picture beside them."""
NAMES_MAX = 250
"""Width of the names before the bars."""
VALUES = 90
"""Width of the values behind them."""


def tile(title: str, words: str, value: str, before: Sequence[float]) -> Drawing:
    """One number, and the way it came as a line without axes: the number is what counts."""
    known = [one for one in before if not isnan(one)]
    size = BIG if len(value) <= BIG_LETTERS else BIG // 2
    parts = [f'<text x="8" y="44" style="font-size:{size}px;font-weight:600">{escape(value)}</text>']
    if len(known) > 1:
        low, high = min(0.0, *known), max(known)
        step, floor, reach = (TILE_WIDTH - 16) / (len(known) - 1), TILE_HEIGHT - 10, (high - low) or 1.0
        path = " ".join(f"{'L' if number else 'M'}{8 + number * step:.1f} {floor - (one - low) / reach * SPARK:.1f}"
                        for number, one in enumerate(known))
        parts.append(f'<path d="{path}" fill="none" stroke="{colour(0)}" stroke-width="1.5"/>')
    return Drawing(title, words, TILE_WIDTH, TILE_HEIGHT, parts)


def bars(title: str, words: str, rows: Sequence[tuple[str, float, str]], *, width: float = WIDTH) -> Drawing:
    """Bars from left to right: name, value, and the value as it is written."""
    names = min(NAMES_MAX, max((len(name) for name, *_ in rows), default=0) * LETTER + 12)
    reach, high = width - names - VALUES, max((value for _, value, _ in rows), default=0.0) or 1.0
    parts = []
    for number, (name, value, text) in enumerate(rows):
        at = BAR * number + 4
        long = max(0.0, value) / high * reach
        parts.append(f'<text x="{names - 6:.0f}" y="{at + 12}" text-anchor="end">{escape(cut(name, NAMES_MAX - 12))}'
                     f'</text><rect x="{names:.1f}" y="{at}" width="{max(1.0, long):.1f}" height="{BAR_HEIGHT}" '
                     f'fill="{colour(0)}"/><text x="{names + long + 6:.1f}" y="{at + 12}">{escape(text)}</text>')
    return Drawing(title, words, width, BAR * max(1, len(rows)) + 8, parts)


def nothing(title: str, words: str, text: str) -> Drawing:
    """A sentence instead of a picture."""
    return Drawing(title, words, WIDTH, 2 * BAR, [f'<text x="8" y="{BAR}">{escape(text)}</text>'])


def board(title: str, words: str, rows: Sequence[Sequence[Drawing]]) -> str:
    """Rows of pictures with their titles, as one file."""
    parts = [f'<text x="{GAP}" y="30" style="font-size:20px;font-weight:600">{escape(title)}</text>']
    top, wide = 44, 0.0
    for row in rows:
        left, high = float(GAP), max((one.height for one in row), default=0.0)
        for one in row:
            parts.append(
                f'<rect x="{left - 4:g}" y="{top}" width="{one.width + 8:g}" height="{HEAD + high + 4:g}" rx="4" '
                f'fill="none" class="grid"/><text x="{left + 4:g}" y="{top + 16}" style="font-weight:600">'
                f'{escape(cut(one.title, one.width))}</text><svg x="{left:g}" y="{top + HEAD}" width="{one.width:g}" '
                f'height="{one.height:g}" role="img" aria-label="{escape(f"{one.title}. {one.words}", quote=True)}">'
                f'{"".join(one.parts)}</svg>')
            left += one.width + GAP
        wide = max(wide, left)
        top += round(high) + HEAD + GAP
    return document(title, words, wide, top, parts)


def cut(text: str, width: float) -> str:
    """A text that is not wider than so many pixels at 12 px."""
    room = int(width / LETTER)
    return text if len(text) <= room else f"{text[:max(1, room - 1)].rstrip()}…"
