"""Pictures as SVG text, made of values alone: lines and bars with axes, a legend and words for those who hear them.

Series differ by their dashes as well as by colour. Colours are the page's (`page.STYLE`), so a dark screen has its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import ceil, floor, isnan, log10
from typing import NamedTuple

from drawing import page

WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 62, 26, 14, 44
LEGEND = 18
"""Height of a line of the legend."""
TICKS = 5
DASHES = ("", "7 4", "2 3", "10 3 2 3", "14 4")
COLOURS = 5
"""So many are in the page's style (`--c0` ...); then they come again with other dashes."""


def colour(number: int) -> str:
    """Of a series."""
    return f"var(--c{number % COLOURS})"


def dashes(number: int) -> str:
    """Of a series: no two of 25 have the same colour and dashes, the first five differ by both."""
    return DASHES[(number + number // COLOURS) % len(DASHES)]


def plain(value: float) -> str:
    """A number as short as it can be."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def percent(value: float) -> str:
    """A share."""
    return f"{value * 100:.0f} %"


def clock(seconds: float) -> str:
    """Seconds after midnight as a time of day; the next day goes on counting."""
    return f"{int(seconds // 3600):02d}:{int(seconds // 60 % 60):02d}"


class Axis(NamedTuple):
    """What an axis shows. Bounds that are None follow the values."""

    name: str
    form: Callable[[float], str] = plain
    low: float | None = None
    high: float | None = None
    step: float | None = None
    """Between two marks; None: about `TICKS` round ones."""


class Series(NamedTuple):
    """A line. A value that is not a number is a gap in it."""

    name: str
    points: Sequence[tuple[float, float]]
    mark: bool = False
    """No line of the data but one to compare with, such as a goal."""


def pen(number: int, series: Series) -> tuple[str, str, str]:
    """Colour, width and dashes of its line."""
    return ("var(--axis)", "1.5", "8 5") if series.mark else (colour(number), "2", dashes(number))


class Drawing(NamedTuple):
    """A picture: its marks, and words for those who cannot see them."""

    title: str
    words: str
    width: float
    height: float
    parts: Sequence[str]

    def document(self) -> str:
        """As a file of its own."""
        return document(*self)

    def figure(self, *, captioned: bool = True) -> str:
        """On a page that has the style. Not `captioned`: under a heading that says its title."""
        caption = f"<figcaption>{escape(self.title)}</figcaption>" if captioned else ""
        return (f'<figure style="max-width:{self.width:g}px">{caption}'
                f'<svg viewBox="0 0 {self.width:g} {self.height:g}" role="img" '
                f'aria-label="{escape(f"{self.title}. {self.words}", quote=True)}">'
                f'{"".join(self.parts)}</svg></figure>')


class _Frame(NamedTuple):
    """Where values lie on the picture."""

    x: tuple[float, float]
    y: tuple[float, float]

    def across(self, value: float) -> float:
        low, high = self.x
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def up(self, value: float) -> float:
        low, high = self.y
        return HEIGHT - BOTTOM - (min(max(value, low), high) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def lines(title: str, words: str, x: Axis, y: Axis, series: Sequence[Series], *, alone: bool = False) -> str:
    """Lines over a common axis. `words`: what is to be seen, for those who cannot see it. `alone`: not a figure of a
    page but a file of its own."""
    if alone:
        return line_drawing(title, words, x, y, series).document()
    return _figure(title, words, _lines(x, y, series), series)


def line_drawing(title: str, words: str, x: Axis, y: Axis, series: Sequence[Series]) -> Drawing:
    """The same with the legend below, one line for each name: names may be long."""
    parts = _lines(x, y, series)
    legend = [] if len(series) < 2 else [
        f'<line x1="{LEFT}" x2="{LEFT + 34}" y1="{at - 4}" y2="{at - 4}" stroke-width="{width}" '
        f'stroke="{stroke}" stroke-dasharray="{dash}"/>'
        f'<text x="{LEFT + 42}" y="{at}">{escape(one.name)}</text>'
        for number, one in enumerate(series) for stroke, width, dash in (pen(number, one),)
        for at in (HEIGHT + LEGEND * (number + 1) - 4,)]
    return Drawing(title, words, WIDTH, HEIGHT + LEGEND * len(legend) + (6 if legend else 0), parts + legend)


def _lines(x: Axis, y: Axis, series: Sequence[Series]) -> list[str]:
    known = [point for one in series for point in one.points if not isnan(point[1])]
    frame = _Frame(_bounds(x, [at for at, _ in known], from_zero=False),
                   _bounds(y, [value for _, value in known], from_zero=True))
    parts = _axes(frame, x, y)
    for number, one in enumerate(series):
        paths = []
        for piece in _pieces(one.points):
            if len(piece) == 1:
                ((across, up),) = piece
                parts.append(f'<circle cx="{frame.across(across):.1f}" cy="{frame.up(up):.1f}" r="3" '
                             f'fill="{colour(number)}"/>')
            paths += [f"{'L' if place else 'M'}{frame.across(point[0]):.1f} {frame.up(point[1]):.1f}"
                      for place, point in enumerate(piece)]
        if paths:
            stroke, width, dash = pen(number, one)
            parts.append(f'<path d="{" ".join(paths)}" fill="none" stroke="{stroke}" stroke-width="{width}" '
                         f'stroke-dasharray="{dash}"/>')
    return parts


def _pieces(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """What lies between gaps."""
    found: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if isnan(point[1]):
            found.append([])
        else:
            found[-1].append(point)
    return [piece for piece in found if piece]


def bars(title: str, words: str, x: Axis, y: Axis, values: Sequence[tuple[float, float, float]]) -> str:
    """Bars from edge to edge, (from, to, height): a histogram."""
    edges = [edge for left, right, _ in values for edge in (left, right)]
    frame = _Frame(_bounds(x, edges, from_zero=False), _bounds(y, [value for *_, value in values], from_zero=True))
    parts = _axes(frame, x, y)
    floor_y = frame.up(frame.y[0])
    for left, right, value in values:
        at, top = frame.across(left), frame.up(value)
        parts.append(f'<rect x="{at + 0.5:.1f}" y="{top:.1f}" width="{max(0.5, frame.across(right) - at - 1):.1f}" '
                     f'height="{floor_y - top:.1f}" fill="var(--c0)"/>')
    return _figure(title, words, parts, [])


def ticks(low: float, high: float, step: float | None = None) -> list[float]:
    """Round values from low to high, both within."""
    if step is None:
        rough = (high - low) / TICKS
        power = 10.0 ** floor(log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    first = ceil(low / step - 1e-9)
    return [number * step for number in range(first, floor(high / step + 1e-9) + 1)]


def _bounds(axis: Axis, values: Sequence[float], *, from_zero: bool) -> tuple[float, float]:
    low = axis.low if axis.low is not None else 0.0 if from_zero else min(values, default=0.0)
    high = axis.high if axis.high is not None else max(values, default=1.0)
    return low, high if high > low else low + 1.0


def _axes(frame: _Frame, x: Axis, y: Axis) -> list[str]:
    floor_y, parts = HEIGHT - BOTTOM, []
    for value in ticks(*frame.y, y.step):
        at = frame.up(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>'
                     f'<text x="{LEFT - 6}" y="{at + 4:.1f}" text-anchor="end">{escape(y.form(value))}</text>')
    for value in ticks(*frame.x, x.step):
        at = frame.across(value)
        parts.append(f'<line class="axis" x1="{at:.1f}" x2="{at:.1f}" y1="{floor_y}" y2="{floor_y + 4}"/>'
                     f'<text x="{at:.1f}" y="{floor_y + 17}" text-anchor="middle">{escape(x.form(value))}</text>')
    parts.append(f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{floor_y}" y2="{floor_y}"/>')
    parts.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2:.0f}" y="{HEIGHT - 6}" text-anchor="middle">'
                 f"{escape(x.name)}</text>")
    parts.append(f'<text transform="translate(13 {(TOP + floor_y) / 2:.0f}) rotate(-90)" text-anchor="middle">'
                 f"{escape(y.name)}</text>")
    return parts


def document(title: str, words: str, width: float, height: float, parts: Sequence[str]) -> str:
    """A picture as a file of its own, readable by day, by night and aloud."""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
            f'height="{height:g}" role="img" aria-label="{escape(f"{title}. {words}", quote=True)}">\n'
            f"<title>{escape(title)}</title><desc>{escape(words)}</desc>\n<style>{page.PALETTE}</style>\n"
            f'<rect width="{width:g}" height="{height:g}" fill="var(--paper)"/>\n' + "\n".join(parts) + "\n</svg>\n")


def _figure(title: str, words: str, parts: list[str], series: Sequence[Series]) -> str:
    legend = "".join(
        f'<li><svg width="34" height="10" aria-hidden="true"><line x1="0" x2="34" y1="5" y2="5" stroke-width="{width}" '
        f'stroke="{stroke}" stroke-dasharray="{dash}"/></svg> {escape(one.name)}</li>'
        for number, one in enumerate(series) if len(series) > 1 for stroke, width, dash in (pen(number, one),))
    return (f'<figure><figcaption>{escape(title)}</figcaption><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
            f'aria-label="{escape(f"{title}. {words}", quote=True)}">{"".join(parts)}</svg>'
            + (f"<ul class=legend>{legend}</ul>" if legend else "") + "</figure>")
