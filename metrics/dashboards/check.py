"""Whether dashboards are good: each panel said, its queries of known metrics, and with data.

It reads the JSON that Grafana reads, so a dashboard changed by hand can be checked as well.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations
from math import isfinite, isnan
from pathlib import Path
from typing import Any, NamedTuple

from metrics import names
from metrics.dashboards.panel import COLUMNS, chosen
from metrics.dashboards.parts import PARTS, Part, part_of
from metrics.dashboards.promql import spoken
from metrics.dashboards.source import NoAnswer, Source

PLACE = ("x", "y", "w", "h")
SUFFIXES = ("_bucket", "_sum", "_count")
SCRAPED = frozenset({"up", "scrape_duration_seconds"})
"""Prometheus' own, about each page it reads."""
ASTERISK = frozenset({
    "asterisk_core_uptime_seconds", "asterisk_core_last_reload_seconds", "asterisk_core_scrape_time_ms",
    "asterisk_channels_count", "asterisk_calls_count", "asterisk_calls_sum", "asterisk_endpoints_count",
    "asterisk_bridges_count"})
"""Of res_prometheus, those that name no channel and no endpoint."""
LABELS = frozenset({"le", "job", "instance", *(label for metric in names.TABLE for label in metric.labels)})
"""From closed sets. Whatever else a query or an answer has could name a person or a call."""


class Finding(NamedTuple):
    """What is wrong, and where."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class Checked(NamedTuple):
    """What a check has found."""

    panels: int
    queries: int
    findings: tuple[Finding, ...]
    absent: tuple[Part, ...]
    """Parts this centre does not have, so that panels about them have no data."""


class BadDashboard(Exception):
    """A file is no dashboard: one sentence."""


def read(paths: Iterable[Path]) -> dict[str, dict[str, Any]]:
    """Dashboards by the name of their file. Raises BadDashboard."""
    found = {}
    for path in paths:
        try:
            board = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise BadDashboard(f"{path} cannot be read: {error.strerror}") from error
        except ValueError as error:
            raise BadDashboard(f"{path} is no JSON: {error}") from error
        if not isinstance(board, dict) or not isinstance(board.get("panels"), list):
            raise BadDashboard(f"{path} is no dashboard of Grafana: it has no panels")
        for panel in board["panels"]:
            if wrong := _unlike(panel):
                raise BadDashboard(f"{path} is no dashboard of Grafana: {wrong}")
        found[str(path)] = board
    return found


def _unlike(panel: object) -> str:
    """How something differs from a panel so much that it cannot be looked at; empty: it does not."""
    if not isinstance(panel, dict):
        return f"a panel is {json.dumps(panel)[:40]}"
    name = json.dumps(panel.get("title") or panel.get("id"))[:40]
    place, config = panel.get("gridPos") or {}, panel.get("fieldConfig") or {}
    if not isinstance(place, dict) or not all(
            isinstance(place.get(key, 0), int | float) and isfinite(place.get(key, 0)) for key in PLACE):
        return f"the gridPos of panel {name} holds no numbers"
    if not isinstance(config, dict) or not isinstance(config.get("defaults") or {}, dict):
        return f"the fieldConfig of panel {name} is no object"
    for key in ("targets", "panels"):
        if not isinstance(panel.get(key) or [], list):
            return f"the {key} of panel {name} are no list"
    if not all(isinstance(target, dict) for target in panel.get("targets") or []):
        return f"a target of panel {name} is no object"
    return next(filter(None, map(_unlike, panel.get("panels") or [])), "")


def check(boards: Mapping[str, dict[str, Any]], rules: Iterable[str], source: Source | None) -> Checked:
    """All of them. `rules`: names that recording rules make. Without a source nothing is asked. Raises NoAnswer when
    the source does not answer at all."""
    known = frozenset(rules) | known_metrics()
    absent = tuple(part for part in PARTS if source is not None and not source.ask(part.sign))
    findings: list[Finding] = []
    panels = queries = 0
    for name, board in boards.items():
        if not board.get("title") or not board.get("uid"):
            findings.append(Finding(name, "it has no title or no uid"))
        whole = [panel for panel in _flat(board["panels"]) if panel.get("type") != "row"]
        findings += _places(name, board["panels"])
        for panel in whole:
            panels += 1
            where = f"{name}: {panel.get('title') or panel.get('id')}"
            findings += _words(where, panel)
            targets = panel.get("targets") or []
            if not targets:
                findings.append(Finding(where, "it has no query"))
            for target in targets:
                queries += 1
                findings += _query(where, str(target.get("expr", "")), known, absent, source)
    return Checked(panels, queries, tuple(findings), absent)


def known_metrics() -> frozenset[str]:
    """Every series a node, its Asterisk or the scrape may give."""
    found = set(SCRAPED | ASTERISK)
    for metric in names.TABLE:
        found |= {metric.name + suffix for suffix in SUFFIXES} if metric.kind == names.HISTOGRAM else {metric.name}
    return frozenset(found)


def _flat(panels: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Panels, those within rows too."""
    for panel in panels:
        yield panel
        yield from panel.get("panels") or ()


def _words(where: str, panel: Mapping[str, Any]) -> Iterator[Finding]:
    for key in ("title", "description"):
        if not str(panel.get(key) or "").strip():
            yield Finding(where, f"it has no {key}")
    if not ((panel.get("fieldConfig") or {}).get("defaults") or {}).get("unit"):
        yield Finding(where, "it has no unit")


def _places(name: str, panels: list[dict[str, Any]]) -> Iterator[Finding]:
    placed = []
    for panel in panels:
        place = panel.get("gridPos") or {}
        x, y, width, height = (int(place.get(key, 0)) for key in PLACE)
        title = str(panel.get("title") or panel.get("id"))
        if width < 1 or height < 1 or x < 0 or x + width > COLUMNS:
            yield Finding(name, f"{title} does not lie on the grid of {COLUMNS} columns")
        placed.append((title, x, y, width, height))
    for (one, x, y, width, height), (other, x2, y2, width2, height2) in combinations(placed, 2):
        if x < x2 + width2 and x2 < x + width and y < y2 + height2 and y2 < y + height:
            yield Finding(name, f"{one} and {other} overlap")


def _query(where: str, text: str, known: frozenset[str], absent: tuple[Part, ...],
           source: Source | None) -> Iterator[Finding]:
    expression = chosen(text)
    try:
        said = spoken(expression)
    except ValueError:
        yield Finding(where, f"{text!r} is no query: a bracket is not closed")
        return
    if not said.metrics:
        yield Finding(where, f"{text!r} asks for no metric")
    for metric in sorted(said.metrics - known):
        yield Finding(where, f"{metric} is no metric of metrics/names.py and no recording rule")
    for label in sorted(said.labels - LABELS):
        yield Finding(where, f"label {label} is from no closed set: it could name an agent or a call")
    if source is None or not said.metrics or part_of([expression]) in absent:
        return
    try:
        found = source.ask(expression)
    except NoAnswer as error:
        yield Finding(where, str(error))
        return
    if all(isnan(one.last) for one in found):
        yield Finding(where, f"no data: {text}")
    for label in sorted({label for one in found for label in one.labels} - LABELS):
        yield Finding(where, f"the answer has a label {label}, which is from no closed set")
