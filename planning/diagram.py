"""Transition tables as pictures: boxes with arrows for few states, a table of from and to for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from html import escape
from math import hypot
from typing import TypeVar

from drawing.chart import document

S = TypeVar("S", bound=StrEnum)
Places = Mapping[str, tuple[float, float]]
"""Where each state stands: column and row."""

ACROSS, DOWN = 210, 110
"""Between two columns, between two rows."""
WIDE, HIGH = 104, 36
EDGE = 20
APART = 9
"""Half the distance of two arrows that join the same boxes in both directions."""
LETTER, LINE = 6.2, 15
"""Width of a letter, height of a line."""

ARROW = ('<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" '
         'orient="auto-start-reverse"><path d="M0 0 L8 4 L0 8 z" fill="var(--axis)"/></marker></defs>')


def arrows(table: Mapping[tuple[S, str], S]) -> dict[tuple[str, str], list[str]]:
    """The triggers of each pair (state before, state after), in the table's order."""
    found: dict[tuple[str, str], list[str]] = {}
    for (before, trigger), after in table.items():
        found.setdefault((before.value, after.value), []).append(trigger)
    return found


def graph(title: str, table: Mapping[tuple[S, str], S], places: Places) -> str:
    """Boxes and arrows. Every state of the table has a place: KeyError otherwise. States that nothing leads out of
    have a double border."""
    joined = arrows(table)
    centres = {state: (EDGE + WIDE / 2 + column * ACROSS, EDGE + HIGH / 2 + row * DOWN)
               for state, (column, row) in places.items()}
    lines, labels = [], []
    for (before, after), triggers in joined.items():
        line, at = _arrow(centres[before], centres[after], (after, before) in joined)
        lines.append(line)
        labels.append(_label(at, triggers))
    leaves = {before for before, _ in joined}
    boxes = [_box(state, at, last=state not in leaves) for state, at in centres.items()]
    width = 2 * EDGE + WIDE + ACROSS * max(column for column, _ in places.values())
    height = 2 * EDGE + HIGH + DOWN * max(row for _, row in places.values())
    return document(title, _words(joined), width, height, [ARROW, *lines, *labels, *boxes])


def _words(joined: Mapping[tuple[str, str], Sequence[str]]) -> str:
    return "; ".join(f"{before} to {after}: {', '.join(triggers)}" for (before, after), triggers in joined.items())


def _arrow(start: tuple[float, float], end: tuple[float, float], both: bool) -> tuple[str, tuple[float, float]]:
    """From border to border, and the middle."""
    (x1, y1), (x2, y2) = start, end
    length = hypot(x2 - x1, y2 - y1)
    across, down = (x2 - x1) / length, (y2 - y1) / length
    if both:
        x1, x2, y1, y2 = x1 - down * APART, x2 - down * APART, y1 + across * APART, y2 + across * APART
    reach = min(WIDE / 2 / abs(across) if across else 1e9, (HIGH / 2 / abs(down)) if down else 1e9)
    x1, y1, x2, y2 = x1 + across * reach, y1 + down * reach, x2 - across * reach, y2 - down * reach
    part = 0.36 if both else 0.5 if not across or not down else 0.62
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="axis" marker-end="url(#tip)"/>',
            (x1 + (x2 - x1) * part, y1 + (y2 - y1) * part))


def _label(at: tuple[float, float], triggers: Sequence[str]) -> str:
    x, y = at
    top = y - LINE * len(triggers) / 2
    wide = LETTER * max(map(len, triggers)) + 6
    texts = "".join(f'<text x="{x:.1f}" y="{top + LINE * place + 11.5:.1f}" text-anchor="middle">{escape(one)}</text>'
                    for place, one in enumerate(triggers))
    return (f'<rect x="{x - wide / 2:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{LINE * len(triggers)}" '
            f'fill="var(--paper)"/>{texts}')


def _box(state: str, at: tuple[float, float], *, last: bool) -> str:
    left, top = at[0] - WIDE / 2, at[1] - HIGH / 2
    inner = (f'<rect x="{left + 3:.1f}" y="{top + 3:.1f}" width="{WIDE - 6}" height="{HIGH - 6}" rx="6" fill="none" '
             'class="axis"/>' if last else "")
    return (f'<rect x="{left:.1f}" y="{top:.1f}" width="{WIDE}" height="{HIGH}" rx="8" fill="var(--paper)" '
            f'stroke="var(--c0)" stroke-width="1.5"/>{inner}'
            f'<text x="{at[0]:.1f}" y="{at[1] + 4:.1f}" text-anchor="middle" font-weight="600">{escape(state)}</text>')


def matrix(title: str, table: Mapping[tuple[S, str], S], states: Sequence[str]) -> str:
    """A row for each state before, a column for each state after, the triggers in the cells."""
    joined = arrows(table)
    columns = [state for state in states if any(after == state for _, after in joined)]
    rows = [state for state in states if any(before == state for before, _ in joined)]
    wide = [LETTER * max(map(len, [after, *(one for before in rows for one in joined.get((before, after), ()))])) + 14
            for after in columns]
    high = [LINE * max(1, *(len(joined.get((before, after), ())) for after in columns)) + 10 for before in rows]
    first = LETTER * (max(map(len, rows)) + len("from ")) + 14
    parts, y = [], EDGE + LINE
    total = first + sum(wide)
    for place, after in enumerate(columns):
        x = EDGE + first + sum(wide[:place])
        parts.append(f'<text x="{x + 7:.1f}" y="{EDGE + 10}" font-weight="600">{escape(after)}</text>')
    for before, tall in zip(rows, high, strict=True):
        parts.append(f'<line class="grid" x1="{EDGE}" x2="{EDGE + total:.1f}" y1="{y}" y2="{y}"/>'
                     f'<text x="{EDGE}" y="{y + 17}" font-weight="600">{escape(before)}</text>')
        for place, after in enumerate(columns):
            x = EDGE + first + sum(wide[:place])
            parts += [f'<text x="{x + 7:.1f}" y="{y + 17 + LINE * line}">{escape(one)}</text>'
                      for line, one in enumerate(joined.get((before, after), ()))]
        y += tall
    return document(title, _words(joined), 2 * EDGE + total, y + EDGE, parts)
