"""What a dashboard is, as values alone: panels with their queries, in rows of Grafana's 24 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib.resources import files
from typing import NamedTuple

import yaml
from pydantic import TypeAdapter

from drawing.texts import Said

COLUMNS = 24
"""Grafana's grid is so wide; a unit of height is 30 px."""
EVERYTHING = ".*"
"""What a variable stands for until somebody chooses."""

UP = "up"
UNITS: Mapping[str, Said] = {
    "count": Said("short", "short"), "share": Said("percentunit", "percentunit"), "seconds": Said("s", "s"),
    "hourly": Said("suffix: /sa", "suffix: /h"), "bytes": Said("decbytes", "decbytes"),
    UP: Said("bool_on_off", "bool_on_off")}
"""Units as Grafana names them. A suffix of this project has a language."""


class Kind(StrEnum):
    """How a panel looks."""

    LINES = "lines"
    TILE = "tile"
    """One number, with the way it came."""
    BARS = "bars"
    """The present value of each series."""


SIZES: Mapping[Kind, tuple[int, int]] = {Kind.LINES: (12, 8), Kind.TILE: (4, 4), Kind.BARS: (12, 8)}
"""Width and height on the grid."""


class Query(NamedTuple):
    """PromQL. `$queue` and `$team` are what is chosen on the dashboard."""

    expression: str
    name: Said = Said("şimdi", "now")
    """Of its series; `{{label}}` stands for the value of the label."""
    by: str = ""
    """Label whose value names each series, in place of `name`."""
    mark: bool = False
    """Only to compare with, such as the goal of the centre."""


class Panel(NamedTuple):
    """One picture. Titles and descriptions are for people who look, not for who wrote the query."""

    key: str
    """Unique on its dashboard."""
    title: Said
    description: Said
    """What is to be seen, how it is counted, what is good."""
    unit: str
    """One of `UNITS`."""
    kind: Kind
    queries: tuple[Query, ...]
    limit: float | None = None
    """A goal or a limit that is the same in every centre, drawn as a line."""
    limit_name: Said = Said("hedef", "goal")
    limit_is_most: bool = False
    """More than the limit is bad; else less is."""
    low: float | None = 0.0
    high: float | None = None
    words: Mapping[str, Said] = {}
    """Names of series for people, where a series is named by a value of a closed set."""
    named: bool = False
    """Series are named by a service, or by a team that is named as one: it has a name in the centre."""


class Board(NamedTuple):
    """A dashboard."""

    key: str
    title: Said
    description: Said
    panels: tuple[Panel, ...]
    variables: tuple[str, ...] = ()
    """Labels that can be chosen: `queue`, `team`."""

    def placed(self) -> Iterator[tuple[Panel, int, int]]:
        """Panels with x and y on the grid: beside each other as long as there is room and the kind is the same."""
        x = y = high = 0
        before: Kind | None = None
        for panel in self.panels:
            width, height = SIZES[panel.kind]
            if x + width > COLUMNS or (before is Kind.TILE) != (panel.kind is Kind.TILE):
                x, y, high = 0, y + high, 0
            yield panel, x, y
            x, high, before = x + width, max(high, height), panel.kind


def read_board(key: str) -> Board:
    """Return a dashboard of this package. Raise ValidationError if a value in its file is not what `Board` says."""
    text = (files("metrics.dashboards") / f"{key}.yaml").read_text(encoding="utf-8")
    return TypeAdapter(Board).validate_python(yaml.safe_load(text))
