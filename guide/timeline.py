"""A story as a picture: for each contact the seconds in which it waits, rings and is talked with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from drawing.chart import svg_document, tick_values
from guide.story import StoryLine, format_clock

WIDTH, LEFT, RIGHT, TOP, ROW, BAR = 760, 60, 40, 34, 34, 20
STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
MARKS = 8
"""Largest number of times below the picture."""
LEGEND = (("waits", "wait"), ("rings", "ring"), ("speaks", "talk"), ("held, or away", "hold"))
STYLE = ("<style>.wait { fill: var(--line); } .ring { fill: none; stroke: var(--c1); stroke-width: 2; "
         "stroke-dasharray: 3 2; } .talk { fill: var(--c0); } .hold { fill: none; stroke: var(--axis); } "
         ".on { fill: var(--paper); font-weight: 600; }</style>")

ON = ' class="on"'
"""Style of a word on a bar of a strong colour."""

RULES: tuple[tuple[str, str], ...] = (
    (r"(\w+) (?:calls|chats with|mails) .*", "wait"), (r"(\w+) rings at (\w+) no more.*", "wait"),
    (r"(\w+) rings at (\w+):.*", "ring"), (r"(\w+) and (\w+) speak;.*", "talk"), (r"(\w+) is held", "hold"),
    (r"(\w+) goes on", "talk"), (r"(\w+) and \w+ have spoken .*", ""), (r"(\w+) has waited .*", ""),
    (r"(\w+) (?:is on a break|counts as not responding)", "hold"), (r"(\w+) is ready", ""),
)
"""Phase that an answer begins for a contact, or for an agent who is away. An empty phase ends the one before."""


class ContactSpan(NamedTuple):
    """A contact in one phase, from start to end."""

    contact: str
    start: float
    end: float
    phase: str
    agent: str


def contact_spans(lines: Sequence[StoryLine]) -> list[ContactSpan]:
    """Return the spans of all contacts, in the order of their start. Open ones last to the end of the story."""
    over = max((line.at for line in lines), default=0.0)
    begun: dict[str, tuple[float, str, str]] = {}
    found = []
    for line in lines:
        for pattern, way in RULES:
            match = re.fullmatch(pattern, line.words)
            if match is None:
                continue
            contact, *more = match.groups()
            before = begun.pop(contact, None)
            if before is not None and line.at > before[0]:
                found.append(ContactSpan(contact, before[0], line.at, before[1], before[2]))
            if way:
                agent = more[0] if more and way != "wait" else before[2] if before and way != "wait" else ""
                begun[contact] = line.at, way, agent
            break
    return sorted([*found, *(ContactSpan(contact, start, over, way, agent)
                             for contact, (start, way, agent) in begun.items() if over > start)],
                  key=lambda part: part.start)


def draw_timeline(title: str, lines: Sequence[StoryLine]) -> str:
    """Draw a story and return the SVG file."""
    shown = contact_spans(lines)
    rows = list(dict.fromkeys(part.contact for part in shown))
    first, last = min(line.at for line in lines), max(line.at for line in lines)
    step = next((one for one in STEPS if (last - first) / one <= MARKS), STEPS[-1])

    def x_position(at: float) -> float:
        return LEFT + (at - first) / max(1.0, last - first) * (WIDTH - LEFT - RIGHT)

    floor = TOP + ROW * len(rows) + 4
    drawn = [STYLE, *_draw_legend()]
    for at in tick_values(first, last, float(step)):
        drawn.append(f'<line class="grid" x1="{x_position(at):.1f}" x2="{x_position(at):.1f}" y1="{TOP}" y2="{floor}"/>'
                     f'<text x="{x_position(at):.1f}" y="{floor + 16}" text-anchor="middle">'
                     f"{format_clock(at) if step < 60 else format_clock(at)[:5]}</text>")
    for place, name in enumerate(rows):
        drawn.append(f'<text x="{LEFT - 10}" y="{TOP + ROW * place + ROW / 2 + 4:.1f}" text-anchor="end" '
                     f'font-weight="600">{escape(name)}</text>')
    tops = [TOP + ROW * rows.index(part.contact) + (ROW - BAR) / 2 for part in shown]
    spans = [(x_position(part.start), x_position(part.end)) for part in shown]
    drawn += [_draw_bar(part, span, top) for part, span, top in zip(shown, spans, tops, strict=True)]
    drawn += [_draw_agent(part, span, top, follows=any(
        other.contact == part.contact and other.start == part.end and other.agent == part.agent for other in shown))
        for part, span, top in zip(shown, spans, tops, strict=True)]
    return svg_document(title, _describe_spans(shown), WIDTH, floor + 26, [one for one in drawn if one])


def _draw_legend() -> Iterable[str]:
    x = LEFT
    for words, way in LEGEND:
        yield (f'<rect class="{way}" x="{x}" y="10" width="22" height="12" rx="2"/><text x="{x + 28}" y="20">{words}'
               "</text>")
        x += 50 + 7 * len(words)


def _draw_bar(part: ContactSpan, span: tuple[float, float], top: float) -> str:
    inset = 1 if part.phase in ("ring", "hold") else 0
    left, right = span
    return (f'<rect class="{part.phase}" x="{left + inset:.1f}" y="{top + inset:.1f}" '
            f'width="{max(1.0, right - left - 2 * inset):.1f}" height="{BAR - 2 * inset}" rx="2"/>')


def _draw_agent(part: ContactSpan, span: tuple[float, float], top: float, *, follows: bool) -> str:
    """Draw the agent's name on a bar or behind it. `follows` is true if the next bar has the same agent."""
    left, right = span
    inside = right - left >= 7.0 * len(part.agent) + 6
    if not part.agent or (follows and not inside):
        return ""
    x, anchor = ((left + right) / 2, "middle") if inside else (right + 4, "start")
    return (f'<text x="{x:.1f}" y="{top + BAR / 2 + 4:.1f}" text-anchor="{anchor}"'
            f'{ON if part.phase == "talk" and inside else ""}>{escape(part.agent)}</text>')


def _describe_spans(shown: Sequence[ContactSpan]) -> str:
    ways = {"wait": "waits", "ring": "rings", "talk": "speaks", "hold": "is held or away"}
    return "; ".join(f"{part.contact} {ways[part.phase]}{' at ' + part.agent if part.phase == 'ring' else ''}"
                     f"{' with ' + part.agent if part.phase == 'talk' else ''} "
                     f"{format_clock(part.start)} to {format_clock(part.end)}"
                     for part in shown)
