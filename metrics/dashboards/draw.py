"""Panels as pictures and pages, from the same queries that Grafana asks."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from math import ceil, floor, log10
from re import sub
from typing import NamedTuple
from zoneinfo import ZoneInfo

from drawing import board as boards
from drawing import chart, page
from metrics.dashboards.panel import Board, Kind, Panel, chosen
from metrics.dashboards.parts import part_of
from metrics.dashboards.source import Found, Source
from metrics.dashboards.unit import Unit
from metrics.report_words import Said

MARKS = 5
"""About so many at an axis of values."""
TIME_MARKS = 9
"""No more at the axis of time: a time of day is 36 px wide."""
DATED_MARKS = 5
"""The same where the date stands beside it."""
DAY_S = 86_400.0
TIME_STEPS = (10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 10_800.0, 21_600.0, 43_200.0,
              DAY_S, 2 * DAY_S, 4 * DAY_S)
"""Seconds; 31 days, the most, have 8 marks."""
WORDS = {"series": Said("Seri", "Series"), "last": Said("Son", "Last"), "least": Said("En az", "Least"),
         "mean": Said("Ortalama", "Mean"), "most": Said("En çok", "Most"), "now": Said("Şimdi", "Now"),
         "value": Said("Değer", "Value"), "meaning": Said("Tanım", "Definition"), "values": Said("Değerler", "Values"),
         "figure": Said("Gösterge", "Figure"), "time": Said("Saat", "Time"), "none": Said("veri yok", "no data"),
         "clock": Said("{first} – {last}, {zone} saati.", "{first} to {last}, time of {zone}.")}


class Shown(NamedTuple):
    """A series as it is shown."""

    name: str
    found: Found
    mark: bool


class Look(NamedTuple):
    """What all pictures of one run have in common."""

    source: Source
    zone: ZoneInfo
    names: Mapping[str, str]
    """Of services, for people."""
    english: bool = False

    def said(self, text: Said) -> str:
        """In this language."""
        return text.en if self.english else text.tr

    def word(self, name: str) -> str:
        """One of `WORDS`."""
        return self.said(WORDS[name])


class Drawn(NamedTuple):
    """A panel and what it shows."""

    panel: Panel
    picture: chart.Drawing
    head: tuple[str, ...]
    rows: list[tuple[str, ...]]
    """The same as a table."""


def draw(board: Board, look: Look) -> list[Drawn]:
    """Every panel of it. Raises NoAnswer."""
    return [_drawn(panel, look) for panel in board.panels]


def picture(board: Board, drawn: list[Drawn], look: Look) -> str:
    """All of them as one picture, in rows as Grafana has them."""
    rows: list[list[chart.Drawing]] = []
    for (_, x, _), one in zip(board.placed(), drawn, strict=True):
        if x == 0:
            rows.append([])
        rows[-1].append(one.picture)
    return boards.board(look.said(board.title), look.said(board.description), rows)


def html(board: Board, drawn: list[Drawn], look: Look, others: Iterable[Board] = ()) -> str:
    """A page: the numbers of now, then each panel with its meaning and its values. `others` lie beside it."""
    tiles = [one for one in drawn if one.panel.kind is Kind.TILE]
    ways = [(look.said(one.title), f"{one.key}.html") for one in others if one is not board]
    parts = [*([page.links(ways)] if ways else []), page.text(look.said(board.description)), page.text(_when(look))]
    if tiles:
        parts += [page.section(look.word("now")), page.beside(one.picture.figure() for one in tiles),
                  page.folded(look.word("values"), page.table(
                      look.word("now"), (look.word("figure"), look.word("value"), look.word("meaning")),
                      [(look.said(one.panel.title), one.rows[0][-1] if one.rows else look.word("none"),
                        look.said(one.panel.description)) for one in tiles]))]
    for one in drawn:
        if one.panel.kind is Kind.TILE:
            continue
        title = look.said(one.panel.title)
        parts += [page.section(title), page.text(look.said(one.panel.description)),
                  one.picture.figure(captioned=False),
                  page.folded(look.word("values"), page.table(title, one.head, one.rows))]
    return page.page(f"Santral – {look.said(board.title)}", parts, language="en" if look.english else "tr")


def _when(look: Look) -> str:
    span = look.source.span
    first, last = (datetime.fromtimestamp(at, look.zone) for at in (span.start, span.end))
    return look.word("clock").format(first=f"{first:%d.%m.%Y %H:%M}", last=f"{last:%d.%m.%Y %H:%M}", zone=look.zone.key)


def _drawn(panel: Panel, look: Look) -> Drawn:
    shown = list(_shown(panel, look))
    head, rows = _table(panel, shown, look)
    title = look.said(panel.title)
    part = part_of(query.expression for query in panel.queries)
    nothing = look.said(part.missing) if part else look.word("none")
    told = [f"{row[0]}: {row[1]}." for row in rows] or [f"{nothing}."]
    words = " ".join([look.said(panel.description), *told])
    return Drawn(panel, _KINDS[panel.kind](panel, shown, look, title, words, nothing), head, rows)


def _shown(panel: Panel, look: Look) -> Iterator[Shown]:
    names = {**(look.names if panel.named else {}), **{name: look.said(said) for name, said in panel.words.items()}}
    for query in panel.queries:
        for found in look.source.ask(chosen(query.expression)):
            if found.known:
                labels = found.labels
                name = sub(r"\{\{(\w+)\}\}", lambda match, labels=labels: labels.get(match[1], ""),  # type: ignore[misc]
                           look.said(query.name))
                yield Shown(names.get(name, name), found, query.mark)


def _table(panel: Panel, shown: list[Shown], look: Look) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    def text(value: float) -> str:
        return panel.unit.text(value, english=look.english)

    if panel.kind is not Kind.LINES:
        return (look.word("series"), look.word("value")), [(one.name, text(one.found.last)) for one in shown]
    return (tuple(look.word(name) for name in ("series", "last", "least", "mean", "most")),
            [(one.name, text(one.found.last), text(min(known)), text(sum(known) / len(known)), text(max(known)))
             for one in shown for known in (one.found.known,)])


def _tile(panel: Panel, shown: list[Shown], look: Look, title: str, words: str, nothing: str) -> chart.Drawing:
    if not shown:
        return boards.tile(title, words, nothing, ())
    found = shown[0].found
    return boards.tile(title, words, panel.unit.text(found.last, english=look.english), found.values)


def _bars(panel: Panel, shown: list[Shown], look: Look, title: str, words: str, nothing: str) -> chart.Drawing:
    if not shown:
        return boards.nothing(title, words, nothing)
    rows = [(one.name, one.found.last, panel.unit.text(one.found.last, english=look.english)) for one in shown]
    return boards.bars(title, words, sorted(rows, key=lambda row: -row[1]))


def _lines(panel: Panel, shown: list[Shown], look: Look, title: str, words: str, nothing: str) -> chart.Drawing:
    if not shown:
        return boards.nothing(title, words, nothing)
    span = look.source.span
    first = datetime.fromtimestamp(span.start, look.zone)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    begin = span.start - midnight.timestamp()
    end = begin + span.end - span.start

    def clock(seconds: float) -> str:
        moment = datetime.fromtimestamp(midnight.timestamp() + seconds, look.zone)
        if step >= DAY_S:  # where the clock was changed midnight is an hour beside the mark
            return f"{moment + timedelta(hours=2):%d.%m.}"
        return f"{moment:{'%d.%m. %H:%M' if dated else '%H:%M' if step >= 60 else '%H:%M:%S'}}"

    dated = end - begin > DAY_S
    marks = DATED_MARKS if dated and end - begin <= DATED_MARKS * DAY_S else TIME_MARKS
    step = next((one for one in TIME_STEPS if (end - begin) / one <= marks), TIME_STEPS[-1])
    series = [chart.Series(one.name, [(begin + number * span.step, value)
                                      for number, value in enumerate(one.found.values)], one.mark) for one in shown]
    top = max([value for one in shown for value in one.found.known] or [0.0])
    if panel.limit is not None:
        series.append(chart.Series(look.said(panel.limit_name), [(begin, panel.limit), (end, panel.limit)],
                                   mark=True))
        top = max(top, panel.limit)
    high, mark = (panel.high, None) if panel.high is not None else scale(panel.unit, top)
    form = panel.unit.mark or panel.unit.form
    return chart.line_drawing(
        title, words, chart.Axis(look.word("time"), clock, begin, end, step),
        chart.Axis(look.said(panel.unit.axis), lambda value: form(value, look.english), 0.0, high, mark), series)


_KINDS: Mapping[Kind, Callable[[Panel, list[Shown], Look, str, str, str], chart.Drawing]] = {
    Kind.TILE: _tile, Kind.BARS: _bars, Kind.LINES: _lines}


def scale(unit: Unit, top: float) -> tuple[float, float]:
    """Where an axis of values ends, and the distance of its marks: the highest value lies below the last mark."""
    if top <= 0:
        return 1.0, 1.0
    rough = top / MARKS
    step = next((one for one in unit.steps if one >= rough), None) if rough >= 0.5 else None
    if step is None:
        power = 10.0 ** floor(log10(rough))
        step = next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999)
    if unit.whole:
        step = max(1.0, step)
    return ceil(top / step - 1e-9) * step, step
