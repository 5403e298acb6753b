"""A story as a picture: for each contact when it waits, rings and is talked with, second by second."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from drawing.chart import document, ticks
from planning.story import Line, clock

WIDTH, LEFT, RIGHT, TOP, ROW, BAR = 760, 60, 40, 34, 34, 20
STEPS = (5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600)
MARKS = 8
"""So many times at most are written below."""
LEGEND = (("waits", "wait"), ("rings", "ring"), ("speaks", "talk"), ("held, or away", "hold"))
STYLE = ("<style>.wait { fill: var(--line); } .ring { fill: none; stroke: var(--c1); stroke-width: 2; "
         "stroke-dasharray: 3 2; } .talk { fill: var(--c0); } .hold { fill: none; stroke: var(--axis); } "
         ".on { fill: var(--paper); font-weight: 600; }</style>")

ON = ' class="on"'
"""A word on a bar of a strong colour."""

RULES: tuple[tuple[str, str], ...] = (
    (r"(\w+) (?:calls|chats with|mails) .*", "wait"), (r"(\w+) rings at (\w+) no more.*", "wait"),
    (r"(\w+) rings at (\w+):.*", "ring"), (r"(\w+) and (\w+) speak;.*", "talk"), (r"(\w+) is held", "hold"),
    (r"(\w+) goes on", "talk"), (r"(\w+) and \w+ have spoken .*", ""), (r"(\w+) has waited .*", ""),
    (r"(\w+) (?:is on a break|counts as not responding)", "hold"), (r"(\w+) is ready", ""),
)
"""What a line begins for a contact, or an agent who is away; nothing: its end."""


class Part(NamedTuple):
    """A contact is in one way from here to there."""

    contact: str
    start: float
    end: float
    way: str
    agent: str


def parts(lines: Sequence[Line]) -> list[Part]:
    """What each contact does when, in the order of their beginning. What is not over lasts to the end of the story."""
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
                found.append(Part(contact, before[0], line.at, before[1], before[2]))
            if way:
                agent = more[0] if more and way != "wait" else before[2] if before and way != "wait" else ""
                begun[contact] = line.at, way, agent
            break
    return sorted([*found, *(Part(contact, start, over, way, agent)
                             for contact, (start, way, agent) in begun.items() if over > start)],
                  key=lambda part: part.start)


def picture(title: str, lines: Sequence[Line]) -> str:
    """The file of the picture."""
    shown = parts(lines)
    rows = list(dict.fromkeys(part.contact for part in shown))
    first, last = min(line.at for line in lines), max(line.at for line in lines)
    step = next((one for one in STEPS if (last - first) / one <= MARKS), STEPS[-1])

    def across(at: float) -> float:
        return LEFT + (at - first) / max(1.0, last - first) * (WIDTH - LEFT - RIGHT)

    floor = TOP + ROW * len(rows) + 4
    drawn = [STYLE, *_legend()]
    for at in ticks(first, last, float(step)):
        drawn.append(f'<line class="grid" x1="{across(at):.1f}" x2="{across(at):.1f}" y1="{TOP}" y2="{floor}"/>'
                     f'<text x="{across(at):.1f}" y="{floor + 16}" text-anchor="middle">'
                     f"{clock(at) if step < 60 else clock(at)[:5]}</text>")
    for place, name in enumerate(rows):
        drawn.append(f'<text x="{LEFT - 10}" y="{TOP + ROW * place + ROW / 2 + 4:.1f}" text-anchor="end" '
                     f'font-weight="600">{escape(name)}</text>')
    tops = [TOP + ROW * rows.index(part.contact) + (ROW - BAR) / 2 for part in shown]
    spans = [(across(part.start), across(part.end)) for part in shown]
    drawn += [_bar(part, span, top) for part, span, top in zip(shown, spans, tops, strict=True)]
    drawn += [_name(part, span, top, follows=any(
        other.contact == part.contact and other.start == part.end and other.agent == part.agent for other in shown))
        for part, span, top in zip(shown, spans, tops, strict=True)]
    return document(title, _words(shown), WIDTH, floor + 26, [one for one in drawn if one])


def _legend() -> Iterable[str]:
    x = LEFT
    for words, way in LEGEND:
        yield (f'<rect class="{way}" x="{x}" y="10" width="22" height="12" rx="2"/><text x="{x + 28}" y="20">{words}'
               "</text>")
        x += 50 + 7 * len(words)


def _bar(part: Part, span: tuple[float, float], top: float) -> str:
    inset = 1 if part.way in ("ring", "hold") else 0
    left, right = span
    return (f'<rect class="{part.way}" x="{left + inset:.1f}" y="{top + inset:.1f}" '
            f'width="{max(1.0, right - left - 2 * inset):.1f}" height="{BAR - 2 * inset}" rx="2"/>')


def _name(part: Part, span: tuple[float, float], top: float, *, follows: bool) -> str:
    """The agent's, on the bar or behind it. `follows`: the next bar has the same one."""
    left, right = span
    inside = right - left >= 7.0 * len(part.agent) + 6
    if not part.agent or (follows and not inside):
        return ""
    x, anchor = ((left + right) / 2, "middle") if inside else (right + 4, "start")
    return (f'<text x="{x:.1f}" y="{top + BAR / 2 + 4:.1f}" text-anchor="{anchor}"'
            f'{ON if part.way == "talk" and inside else ""}>{escape(part.agent)}</text>')


def _words(shown: Sequence[Part]) -> str:
    ways = {"wait": "waits", "ring": "rings", "talk": "speaks", "hold": "is held or away"}
    return "; ".join(f"{part.contact} {ways[part.way]}{' at ' + part.agent if part.way == 'ring' else ''}"
                     f"{' with ' + part.agent if part.way == 'talk' else ''} {clock(part.start)} to {clock(part.end)}"
                     for part in shown)
