"""Read which metrics and labels a PromQL expression names, by a parser that the project has not written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import promql_parser

from metrics.prometheus import names

SUFFIXES = ("_bucket", "_sum", "_count")
SCRAPED = frozenset({"up", "scrape_duration_seconds"})
"""Metrics that Prometheus adds about each page it reads."""
ASTERISK = frozenset({
    "asterisk_core_uptime_seconds", "asterisk_core_last_reload_seconds", "asterisk_core_scrape_time_ms",
    "asterisk_channels_count", "asterisk_calls_count", "asterisk_calls_sum", "asterisk_endpoints_count",
    "asterisk_bridges_count"})
"""Metrics of res_prometheus that name no channel and no endpoint."""
LABELS = frozenset({"le", "job", "instance", "centre", *(label for metric in names.TABLE for label in metric.labels)})
"""Labels from closed sets. Any other label could name a person or a call."""
VARIABLES = {"$queue": ".*", "$team": ".*", "$centre": ".*", "$node": ".*"}


class Named(NamedTuple):
    """Names in one expression."""

    metrics: frozenset[str]
    labels: frozenset[str]
    chosen: frozenset[tuple[str, str]] = frozenset()
    """A metric and a label by which a selector chooses."""


def read_names(expression: str) -> Named:
    """Return the metrics and labels of an expression. Raise ValueError if it is no PromQL."""
    nodes = list(_walk(promql_parser.parse(choose_all(expression))))
    selectors = [node for node in nodes if isinstance(node, promql_parser.VectorSelector)]
    labels = {one.name for node in selectors for one in node.matchers.matchers}
    for node in nodes:
        modifier: Any = getattr(node, "modifier", None)
        if isinstance(modifier, promql_parser.AggModifier):
            labels |= set(modifier.labels)
        elif modifier is not None:
            labels |= set(modifier.group_labels or ()) | set(modifier.matching.labels if modifier.matching else ())
    return Named(frozenset(node.name for node in selectors if node.name), frozenset(labels - {"__name__"}),
                 frozenset((node.name, one.name) for node in selectors for one in node.matchers.matchers))


def choose_all(expression: str) -> str:
    """Return the expression of a panel as Prometheus takes it, with each variable standing for everything."""
    for name, pattern in VARIABLES.items():
        expression = expression.replace(name, pattern)
    return expression


def find_unknown(expression: str, recorded: frozenset[str]) -> list[str]:
    """Return what is wrong with the names of an expression. `recorded` are the names of recording rules."""
    named, series = read_names(expression), known_series()
    wrong = [f"{metric} is no metric and no recording rule" for metric in sorted(
        named.metrics - recorded - SCRAPED - ASTERISK - series.keys())]
    wrong += [f"{metric} has no label {label}" for metric, label in sorted(named.chosen)
              if metric in series and label not in {*series[metric], "job", "le", "instance", "centre"}]
    wrong += [f"label {label} is from no closed set" for label in sorted(named.labels - LABELS)]
    return wrong if named.metrics else ["no metric is named"]


def known_series() -> dict[str, tuple[str, ...]]:
    """Return every series that a node may give, with its labels."""
    return {metric.name + suffix: metric.labels for metric in names.TABLE
            for suffix in (SUFFIXES if metric.kind == names.HISTOGRAM else ("",))}


def _walk(node: Any) -> Iterator[Any]:
    yield node
    parts = [getattr(node, name, None) for name in ("expr", "param", "lhs", "rhs", "vector_selector")]
    for part in (*parts, *(getattr(node, "args", None) or ())):
        if part is not None:
            yield from _walk(part)
