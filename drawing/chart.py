"""Draw charts as SVG text from plain values: lines and bars with axes, a legend, and words for screen readers.

Series differ by their dashes as well as by colour. The colours are those of `palette.css.j2`, so a dark screen has
others.
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
"""Number of colours in the page's style (`--c0` ...). Further series repeat them with other dashes."""

# SVG needs a full stop in numbers, so the templates never use the locale.
TEMPLATES.filters["fixed"] = lambda value, places=1: f"{value:.{places}f}"
TEMPLATES.filters["short"] = lambda value: f"{value:g}"
TEMPLATES.globals["geometry"] = SimpleNamespace(WIDTH=WIDTH, HEIGHT=HEIGHT, LEFT=LEFT, RIGHT=RIGHT, TOP=TOP,
                                                BOTTOM=BOTTOM, LEGEND=LEGEND)


def colour_of(number: int) -> str:
    """Return the colour of a series, by its number."""
    return f"var(--c{number % COLOURS})"


def dashes_of(number: int) -> str:
    """Return the dashes of a series.

    No two of 25 series have the same colour and dashes; the first five differ by both.
    """
    # The shift by one for each round of colours keeps the pairs distinct.
    return DASHES[(number + number // COLOURS) % len(DASHES)]


def format_plain(value: float) -> str:
    """Return a number in its shortest form."""
    return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:.3g}"


def format_percent(value: float) -> str:
    """Return a share as a percentage."""
    return f"{value * 100:.0f} %"


def format_clock(seconds: float) -> str:
    """Return seconds after midnight as a time of day. The next day counts on: 24:30 is possible."""
    return f"{int(seconds // 3600):02d}:{int(seconds // 60 % 60):02d}"


class Axis(NamedTuple):
    """An axis with its name and bounds. Bounds that are None follow the values."""

    name: str
    form: Callable[[float], str] = format_plain
    low: float | None = None
    high: float | None = None
    step: float | None = None
    """Distance of two marks. None means about `TICKS` round ones."""


class Series(NamedTuple):
    """A line. A value that is not a number leaves a gap."""

    name: str
    points: Sequence[tuple[float, float]]


def line_style(number: int) -> tuple[str, str, str]:
    """Return colour, width and dashes of a line."""
    return colour_of(number), "2", dashes_of(number)


def _draw(macro: str, *values: object) -> Markup:
    return call_macro("chart.svg.j2", macro, *values)


class _Frame(NamedTuple):
    """Maps values to positions in the picture."""

    x: tuple[float, float]
    y: tuple[float, float]

    def x_position(self, value: float) -> float:
        low, high = self.x
        return LEFT + (value - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    def y_position(self, value: float) -> float:
        # A value beyond the bounds is drawn at the edge, so it stays inside the picture.
        low, high = self.y
        return HEIGHT - BOTTOM - (min(max(value, low), high) - low) / (high - low) * (HEIGHT - TOP - BOTTOM)


def draw_lines(title: str, words: str, x: Axis, y: Axis, series: Sequence[Series], *, alone: bool = False) -> Markup:
    """Draw lines over a common axis.

    `words` describes the picture for those who cannot see it. `alone` makes a separate file instead of a figure of a
    page.
    """
    names, parts = _names(series), _line_marks(x, y, series)
    if not alone:
        return _draw("figure", title, words, WIDTH, HEIGHT, parts, names)
    # Each name has its own line, because names may be long.
    below = LEGEND * len(names) + (6 if names else 0)
    return svg_document(title, words, WIDTH, HEIGHT + below, [*parts, _draw("legend_below", names)])


def _names(series: Sequence[Series]) -> list[tuple[str, tuple[str, str, str]]]:
    """Return the entries of the legend. A single series needs none."""
    return [(one.name, line_style(number)) for number, one in enumerate(series)] if len(series) > 1 else []


def _line_marks(x: Axis, y: Axis, series: Sequence[Series]) -> list[Markup]:
    # Gaps have no value, so they must not widen the axes.
    known = [point for one in series for point in one.points if not isnan(point[1])]
    frame = _Frame(_axis_bounds(x, [at for at, _ in known], from_zero=False),
                   _axis_bounds(y, [value for _, value in known], from_zero=True))
    parts = [_draw_axes(frame, x, y)]
    # A point between two gaps makes no line: it is drawn as a dot.
    for number, one in enumerate(series):
        pieces = [[(frame.x_position(at), frame.y_position(value)) for at, value in piece]
                  for piece in _split_at_gaps(one.points)]
        path = " ".join(f"{'L' if place else 'M'}{across:.1f} {up:.1f}"
                        for piece in pieces for place, (across, up) in enumerate(piece))
        parts.append(_draw("curve", [piece[0] for piece in pieces if len(piece) == 1], path, line_style(number),
                           colour_of(number)))
    return parts


def _split_at_gaps(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """Split points at the gaps between them."""
    found: list[list[tuple[float, float]]] = [[]]
    for point in points:
        if isnan(point[1]):
            found.append([])
        else:
            found[-1].append(point)
    return [piece for piece in found if piece]


def draw_histogram(title: str, words: str, x: Axis, y: Axis, values: Sequence[tuple[float, float, float]]) -> Markup:
    """Draw a histogram from (from, to, height)."""
    edges = [edge for left, right, _ in values for edge in (left, right)]
    frame = _Frame(_axis_bounds(x, edges, from_zero=False),
                   _axis_bounds(y, [value for *_, value in values], from_zero=True))
    # Half a pixel on each side keeps neighbouring bars apart; a narrow bar still shows.
    floor_y = frame.y_position(frame.y[0])
    rectangles = [(at + 0.5, top, max(0.5, frame.x_position(right) - at - 1), floor_y - top)
                  for left, right, value in values for at, top in ((frame.x_position(left), frame.y_position(value)),)]
    return _draw("figure", title, words, WIDTH, HEIGHT,
                 [_draw_axes(frame, x, y), _draw("rectangles", rectangles)], ())


def tick_values(low: float, high: float, step: float | None = None) -> list[float]:
    """Return round values from `low` to `high`, both included."""
    if step is None:
        # The smallest of 1, 2, 5 or 10 times a power of ten that gives about `TICKS` marks.
        rough = (high - low) / TICKS
        power = 10.0 ** floor(log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    # The tolerance keeps a mark that rounding has moved beyond a bound.
    first = ceil(low / step - 1e-9)
    return [number * step for number in range(first, floor(high / step + 1e-9) + 1)]


def _axis_bounds(axis: Axis, values: Sequence[float], *, from_zero: bool) -> tuple[float, float]:
    low = axis.low if axis.low is not None else 0.0 if from_zero else min(values, default=0.0)
    high = axis.high if axis.high is not None else max(values, default=1.0)
    # Equal bounds would divide by zero when positions are computed.
    return low, high if high > low else low + 1.0


def _draw_axes(frame: _Frame, x: Axis, y: Axis) -> Markup:
    return _draw("axes", [(frame.y_position(value), y.form(value)) for value in tick_values(*frame.y, y.step)],
                 [(frame.x_position(value), x.form(value)) for value in tick_values(*frame.x, x.step)], y.name, x.name)


def svg_document(title: str, words: str, width: float, height: float, parts: Sequence[str]) -> Markup:
    """Return a picture as a file of its SVG parts, readable in the light, in the dark and by screen readers."""
    return _draw("document", title, words, width, height, parts)
