"""Draw the tree of a menu as SVG: boxes from left to right, a line for each key. No I/O."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from textwrap import wrap
from typing import NamedTuple

from ivr.flow.menu_outline import OutlineItem, OutlineWay

Document = Callable[[str, str, float, float, Sequence[str]], str]
"""Return a picture as a whole file, from title, words for listeners, width, height and parts."""

BOX_WIDTH, WAY_WIDTH, SHORT_WAY_WIDTH, BORDER = 250, 210, 40, 20
"""Width of a box, width for the words of its ways behind it, the same without words, and the border."""
LINE_HEIGHT, PADDING, BOX_GAP = 16, 8, 14
"""Height of a line, padding inside a box, and gap between two boxes."""
LETTERS, WAY_LETTERS = 38, 30
"""Letters of a line in a box and on a way. 12 px of the page's font are 6.2 px wide on average."""
COLOURS = {"menu": "c0", "digits": "c0", "queue": "c2", "end": "c1", "transfer": "c3", "message": "c3"}
"""Colour of the border by kind. Other kinds have the axis's colour. The box names its kind as well, so colour alone
never carries meaning."""
ARROW = ('<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
         'orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 z" fill="var(--axis)"/></marker></defs>')


class _Placed(NamedTuple):
    parts: list[str]
    right: float
    """Right edge of the drawing."""
    below: float
    """Top of the next box."""
    middle: float
    """Height at which a line to this box ends."""


def draw_picture(title: str, roots: Sequence[tuple[str, OutlineItem]], document: Document, note: str = "") -> str:
    """Draw the trees one below the other, each with the name of its entry."""
    parts, top, right = [ARROW], float(BORDER), 0.0
    for name, root in roots:
        parts.append(f'<text x="{BORDER}" y="{top + 12:.0f}" font-weight="600">{escape(name)}</text>')
        placed = _draw_tree(root, BORDER, top + LINE_HEIGHT + 6)
        parts += placed.parts
        top = placed.below + BOX_GAP
        right = max(right, placed.right)
    if note:
        parts.append(f'<text x="{BORDER}" y="{top + 8:.0f}">{escape(note)}</text>')
        top += LINE_HEIGHT
    # Listeners hear the ways as sentences, because a picture tells them nothing.
    words = "; ".join(f"{name}: {' '.join(_way_sentences(root))}" for name, root in roots)
    return document(title, words, right + BORDER, top + BORDER, parts)


def _way_sentences(item: OutlineItem) -> Iterator[str]:
    """Yield a sentence for each way."""
    for way in item.ways:
        how = f", key {way.key}" if way.key else f" {way.words}" if way.words else ""
        yield f"{item.node}{how} leads to {way.to.node}."
        yield from _way_sentences(way.to)


def _draw_tree(item: OutlineItem, left: float, top: float) -> _Placed:
    """Draw the box of an item and everything behind it. Ways are below each other, the first one next to the box."""
    if item.kind == "again":
        return _Placed([f'<text x="{left}" y="{top + 22:.0f}" font-style="italic">→ {escape(item.node)}</text>'],
                       left + BOX_WIDTH, top + 2 * LINE_HEIGHT + BOX_GAP, top + 18)
    box, height = _draw_box(item, left, top)
    parts, at, right = [box], top, left + BOX_WIDTH
    gap = WAY_WIDTH if any(_way_label(way) for way in item.ways) else SHORT_WAY_WIDTH
    for way in item.ways:
        placed = _draw_tree(way.to, left + BOX_WIDTH + gap, at)
        parts += [*_draw_way(way, left + BOX_WIDTH, gap, (top + 12, top + height - 6), placed.middle), *placed.parts]
        at, right = placed.below, max(right, placed.right)
    return _Placed(parts, right, max(at, top + height + BOX_GAP), top + 18)


def _draw_way(way: OutlineWay, x: float, gap: float, side: tuple[float, float], y: float) -> Iterator[str]:
    """Draw a way from the side of a box, at the height nearest to its end. Its words are above and below the line."""
    # A start within the side of the box keeps the line attached to it, however far away its end is.
    start, bend = min(max(y, side[0]), side[1]), x + 14
    yield (f'<path d="M{x} {start:.0f} H{bend} V{y:.0f} H{x + gap - 4}" fill="none" class="axis" '
           'marker-end="url(#tip)"/>')
    lines = wrap(_way_label(way), WAY_LETTERS)
    for number, line in enumerate(lines):
        above = number < len(lines) - 1 or len(lines) == 1
        at = y - 5 - LINE_HEIGHT * (max(0, len(lines) - 2) - number) if above else y + 13
        yield f'<text x="{bend + 6}" y="{at:.0f}">{escape(line)}</text>'


def _way_label(way: OutlineWay) -> str:
    when = "" if way.heard_s is None else f" ({way.heard_s:.1f}\u00a0s)"
    return " ".join((f"{way.key} {way.words}{when}", *way.needs)).strip()


def _draw_box(item: OutlineItem, left: float, top: float) -> tuple[str, float]:
    lines = [line for text in item.lines for line in wrap(text, LETTERS)]
    height = 2 * PADDING + LINE_HEIGHT * (len(lines) + 1)
    colour = COLOURS.get(item.kind, "axis")
    double = (f'<rect x="{left + 3}" y="{top + 3:.0f}" width="{BOX_WIDTH - 6}" height="{height - 6}" rx="6" '
              'fill="none" class="axis"/>' if not item.ways else "")
    head = (f'<text x="{left + PADDING}" y="{top + PADDING + 12:.0f}">'
            f'<tspan font-weight="600">{escape(item.node)}</tspan>'
            f' <tspan fill="var(--axis)">{item.kind}</tspan></text>')
    body = "".join(
        f'<text x="{left + PADDING}" y="{top + PADDING + 12 + LINE_HEIGHT * number:.0f}">{escape(line)}</text>'
        for number, line in enumerate(lines, 1))
    return (f'<rect x="{left}" y="{top:.0f}" width="{BOX_WIDTH}" height="{height}" rx="8" fill="var(--paper)" '
            f'stroke="var(--{colour})" stroke-width="1.5"/>{double}{head}{body}', height)
