"""Define dashboards as plain values: panels with their queries, in rows of Grafana's 24 columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from importlib.resources import files
from typing import NamedTuple

import yaml
from pydantic import TypeAdapter

from drawing.texts import Phrase

COLUMNS = 24
"""Width of Grafana's grid. A unit of height is 30 px."""
EVERYTHING = ".*"
"""Value of a variable until somebody chooses."""

UP = "up"
UNITS: Mapping[str, Phrase] = {
    "count": Phrase("short", "short"), "share": Phrase("percentunit", "percentunit"), "seconds": Phrase("s", "s"),
    "hourly": Phrase("suffix: /sa", "suffix: /h"), "bytes": Phrase("decbytes", "decbytes"),
    UP: Phrase("bool_on_off", "bool_on_off")}
"""Units as Grafana names them. Only the suffix of this project depends on the language."""


class Kind(StrEnum):
    """The look of a panel."""

    LINES = "lines"
    TILE = "tile"
    """One number, with its course behind it."""
    BARS = "bars"
    """The present value of each series."""


SIZES: Mapping[Kind, tuple[int, int]] = {Kind.LINES: (12, 8), Kind.TILE: (4, 4), Kind.BARS: (12, 8)}
"""Width and height on the grid."""


class Query(NamedTuple):
    """A query in PromQL. `$queue` and `$team` are the choices on the dashboard."""

    expression: str
    name: Phrase = Phrase("şimdi", "now")
    """Name of its series. `{{label}}` becomes the value of the label."""
    by: str = ""
    """Label whose value names each series, in place of `name`."""
    is_limit: bool = False
    """The series is only for comparison, such as the goal of the centre."""


class Panel(NamedTuple):
    """One panel. Titles and descriptions are for people who look at it, not for the author of the query."""

    key: str
    """Unique on its dashboard."""
    title: Phrase
    description: Phrase
    """Content of the panel, the way it is counted, and good values."""
    unit: str
    """One of `UNITS`."""
    kind: Kind
    queries: tuple[Query, ...]
    limit: float | None = None
    """A goal or a limit that is the same in every centre, drawn as a line."""
    limit_is_most: bool = False
    """Values above the limit are bad. Otherwise values below it are bad."""
    low: float | None = 0.0
    high: float | None = None
    words: Mapping[str, Phrase] = {}
    """Names of series for people, where a closed set of values names the series."""
    named: bool = False
    """The label of the series is a service, or a team named after one, so the centre has a name for it."""


class Board(NamedTuple):
    """A dashboard."""

    key: str
    title: Phrase
    description: Phrase
    panels: tuple[Panel, ...]
    variables: tuple[str, ...] = ()
    """Choices on the dashboard: `centre`, `node`, `queue`, `team`."""

    def place_panels(self) -> Iterator[tuple[Panel, int, int]]:
        """Yield each panel with x and y on the grid.

        Panels stand next to each other while there is room. Tiles never share a row with other kinds.
        """
        x = y = high = 0
        before: Kind | None = None
        for panel in self.panels:
            width, height = SIZES[panel.kind]
            # A tile is lower than a chart, so a shared row would leave a hole.
            if x + width > COLUMNS or (before is Kind.TILE) != (panel.kind is Kind.TILE):
                x, y, high = 0, y + high, 0
            yield panel, x, y
            x, high, before = x + width, max(high, height), panel.kind


def read_board(key: str) -> Board:
    """Return a dashboard of this package. Raise ValidationError if a value in its file does not fit `Board`."""
    text = (files("metrics.dashboards") / f"{key}.yaml").read_text(encoding="utf-8")
    return TypeAdapter(Board).validate_python(yaml.safe_load(text))
