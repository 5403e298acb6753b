"""Pictures as SVG text, made of values alone: lines and bars with axes, a legend and words for those who hear them.

Series differ by their dashes as well as by colour. Colours are those of `palette.css.j2`: a dark screen has others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor, isnan, log10
from types import SimpleNamespace
from typing import NamedTuple

from markupsafe import Markup

from drawing.page import TEMPLATES, call_macro

WIDTH, HEIGHT = 720, 280
LEFT, RIGHT, TOP, BOTTOM = 62, 26, 14, 44
LEGEND = 18
"""Height of a line of the legend."""
TICKS = 5
DASHES = ("", "7 4", "2 3", "10 3 2 3", "14 4")
COLOURS = 5
"""So many are in the page's style (`--c0` ...); then they come again with other dashes."""

TEMPLATES.filters["fixed"] = lambda value, places=1: f"{value:.{places}f}"
TEMPLATES.filters["short"] = lambda value: f"{value:g}"
TEMPLATES.globals["geometry"] = SimpleNamespace(WIDTH=WIDTH, HEIGHT=HEIGHT, LEFT=LEFT, RIGHT=RIGHT, TOP=TOP,
                                                BOTTOM=BOTTOM, LEGEND=LEGEND)


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


def _draw(macro: str, *values: object) -> Markup:
    return call_macro("chart.svg.j2", macro, *values)


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


def lines(title: str, words: str, x: Axis, y: Axis, series: Sequence[Series], *, alone: bool = False) -> Markup:
    """Return lines over a common axis. `words`: what is to be seen, for those who cannot see it. `alone`: a file for
    itself instead of a figure of a page."""
    names, parts = _names(series), _lines(x, y, series)
    if not alone:
        return _draw("figure", title, words, WIDTH, HEIGHT, parts, names)
    below = LEGEND * len(names) + (6 if names else 0)  # one line for each name: names may be long
    return document(title, words, WIDTH, HEIGHT + below, [*parts, _draw("legend_below", names)])


def _names(series: Sequence[Series]) -> list[tuple[str, tuple[str, str, str]]]:
    """Return what a legend says. One series alone needs none."""
    return [(one.name, pen(number, one)) for number, one in enumerate(series)] if len(series) > 1 else []


def _lines(x: Axis, y: Axis, series: Sequence[Series]) -> list[Markup]:
    known = [point for one in series for point in one.points if not isnan(point[1])]
    frame = _Frame(_bounds(x, [at for at, _ in known], from_zero=False),
                   _bounds(y, [value for _, value in known], from_zero=True))
    parts = [_axes(frame, x, y)]
    for number, one in enumerate(series):
        pieces = [[(frame.across(at), frame.up(value)) for at, value in piece] for piece in _pieces(one.points)]
        path = " ".join(f"{'L' if place else 'M'}{across:.1f} {up:.1f}"
                        for piece in pieces for place, (across, up) in enumerate(piece))
        parts.append(_draw("curve", [piece[0] for piece in pieces if len(piece) == 1], path, pen(number, one),
                           colour(number)))
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


def bars(title: str, words: str, x: Axis, y: Axis, values: Sequence[tuple[float, float, float]]) -> Markup:
    """Return bars from edge to edge, (from, to, height): a histogram."""
    edges = [edge for left, right, _ in values for edge in (left, right)]
    frame = _Frame(_bounds(x, edges, from_zero=False), _bounds(y, [value for *_, value in values], from_zero=True))
    floor_y = frame.up(frame.y[0])
    rectangles = [(at + 0.5, top, max(0.5, frame.across(right) - at - 1), floor_y - top)
                  for left, right, value in values for at, top in ((frame.across(left), frame.up(value)),)]
    return _draw("figure", title, words, WIDTH, HEIGHT,
                 [_axes(frame, x, y), _draw("rectangles", rectangles)], ())


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


def _axes(frame: _Frame, x: Axis, y: Axis) -> Markup:
    return _draw("axes", [(frame.up(value), y.form(value)) for value in ticks(*frame.y, y.step)],
                 [(frame.across(value), x.form(value)) for value in ticks(*frame.x, x.step)], y.name, x.name)


def document(title: str, words: str, width: float, height: float, parts: Sequence[str]) -> Markup:
    """Return a picture as a file for itself, readable by day, by night and aloud. The parts are SVG."""
    return _draw("document", title, words, width, height, parts)
