"""The tree of a menu as a picture: boxes from left to right, a line for each key. Values in, SVG text out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from html import escape
from textwrap import wrap
from typing import NamedTuple

from ivr.flow.outline import Item, Way

Document = Callable[[str, str, float, float, Sequence[str]], str]
"""Title, words for those who hear it, width, height, parts -> a picture as a file of its own."""

WIDE, GAP, SHORT, EDGE = 250, 210, 40, 20
"""Width of a box, room behind it for the words of its ways, the same when they have none, border."""
LINE, PAD, APART = 16, 8, 14
"""Height of a line, room inside a box, room between two boxes."""
LETTERS, WAY_LETTERS = 38, 30
"""Letters of a line in a box and on a way: 12 px of the page's font are 6.2 px wide on average."""
COLOURS = {"menu": "c0", "digits": "c0", "queue": "c2", "end": "c1", "transfer": "c3", "message": "c3"}
"""Kind -> colour of the border; the others have the axis's. The kind stands in the box too: nothing is told by colour
alone."""
ARROW = ('<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
         'orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 z" fill="var(--axis)"/></marker></defs>')


class _Placed(NamedTuple):
    parts: list[str]
    right: float
    """How far it reaches."""
    below: float
    """Where the next box may begin."""
    middle: float
    """Where a line to this box ends."""


def draw(title: str, roots: Sequence[tuple[str, Item]], document: Document, note: str = "") -> str:
    """One tree below the other, each with the name of its entry."""
    parts, top, right = [ARROW], float(EDGE), 0.0
    for name, root in roots:
        parts.append(f'<text x="{EDGE}" y="{top + 12:.0f}" font-weight="600">{escape(name)}</text>')
        placed = _tree(root, EDGE, top + LINE + 6)
        parts += placed.parts
        top = placed.below + APART
        right = max(right, placed.right)
    if note:
        parts.append(f'<text x="{EDGE}" y="{top + 8:.0f}">{escape(note)}</text>')
        top += LINE
    words = "; ".join(f"{name}: {' '.join(_spoken(root))}" for name, root in roots)
    return document(title, words, right + EDGE, top + EDGE, parts)


def _spoken(item: Item) -> Iterator[str]:
    """A sentence for each way."""
    for way in item.ways:
        how = f", key {way.key}" if way.key else f" {way.words}" if way.words else ""
        yield f"{item.node}{how} leads to {way.to.node}."
        yield from _spoken(way.to)


def _tree(item: Item, left: float, top: float) -> _Placed:
    """The box of an item and everything behind it. Ways are drawn below each other, the first beside the box."""
    if item.kind == "again":
        return _Placed([f'<text x="{left}" y="{top + 22:.0f}" font-style="italic">→ {escape(item.node)}</text>'],
                       left + WIDE, top + 2 * LINE + APART, top + 18)
    box, height = _box(item, left, top)
    parts, at, right = [box], top, left + WIDE
    gap = GAP if any(_label(way) for way in item.ways) else SHORT
    for way in item.ways:
        placed = _tree(way.to, left + WIDE + gap, at)
        parts += [*_way(way, left + WIDE, gap, (top + 12, top + height - 6), placed.middle), *placed.parts]
        at, right = placed.below, max(right, placed.right)
    return _Placed(parts, right, max(at, top + height + APART), top + 18)


def _way(way: Way, x: float, gap: float, side: tuple[float, float], y: float) -> Iterator[str]:
    """From the side of a box, at the height nearest to where it ends; its words stand above and below the line."""
    start, bend = min(max(y, side[0]), side[1]), x + 14
    yield (f'<path d="M{x} {start:.0f} H{bend} V{y:.0f} H{x + gap - 4}" fill="none" class="axis" '
           'marker-end="url(#tip)"/>')
    lines = wrap(_label(way), WAY_LETTERS)
    for number, line in enumerate(lines):
        above = number < len(lines) - 1 or len(lines) == 1
        at = y - 5 - LINE * (max(0, len(lines) - 2) - number) if above else y + 13
        yield f'<text x="{bend + 6}" y="{at:.0f}">{escape(line)}</text>'


def _label(way: Way) -> str:
    when = "" if way.heard_s is None else f" ({way.heard_s:.1f}\u00a0s)"
    return " ".join((f"{way.key} {way.words}{when}", *way.needs)).strip()


def _box(item: Item, left: float, top: float) -> tuple[str, float]:
    lines = [line for text in item.lines for line in wrap(text, LETTERS)]
    height = 2 * PAD + LINE * (len(lines) + 1)
    colour = COLOURS.get(item.kind, "axis")
    double = (f'<rect x="{left + 3}" y="{top + 3:.0f}" width="{WIDE - 6}" height="{height - 6}" rx="6" fill="none" '
              'class="axis"/>' if not item.ways else "")
    head = (f'<text x="{left + PAD}" y="{top + PAD + 12:.0f}"><tspan font-weight="600">{escape(item.node)}</tspan>'
            f' <tspan fill="var(--axis)">{item.kind}</tspan></text>')
    body = "".join(f'<text x="{left + PAD}" y="{top + PAD + 12 + LINE * number:.0f}">{escape(line)}</text>'
                   for number, line in enumerate(lines, 1))
    return (f'<rect x="{left}" y="{top:.0f}" width="{WIDE}" height="{height}" rx="8" fill="var(--paper)" '
            f'stroke="var(--{colour})" stroke-width="1.5"/>{double}{head}{body}', height)
