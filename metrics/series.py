"""The series of one node, with every metric of `names.OURS` in them.

Counting is what a node does most often beside deciding, so it is an addition to a number in a list: the library's own
counter takes a lock and checks its kind at each step, and costs ten times as much. The library makes the page of it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from metrics import names
from metrics.names import Metric, label

Labels = tuple[str, ...]


class Series(Collector):
    """`add` to counters, `observe` into histograms, `set` gauges, by the metric's row in the table."""

    def __init__(self, wait_edges: tuple[float, ...]) -> None:
        self._edges = {metric.name: wait_edges if metric is names.WAIT else metric.buckets for metric in names.OURS}
        self._numbers: dict[str, dict[Labels, list[float]]] = {metric.name: {} for metric in names.OURS}
        """By metric and labels as they are told: one number, or a histogram's sum and its counts by bucket."""
        self._found: dict[tuple[str, Labels], list[float]] = {}
        """The same lists by labels as they came."""
        self.registry = CollectorRegistry()
        for metric in names.OURS:
            if not metric.labels and metric.kind != names.GAUGE:
                self._begin(metric, ())
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def add(self, metric: Metric, *labels: str, by: float = 1.0) -> None:
        """Count. `by` 0 has the series begin, so that its first increase can be seen."""
        found = self._found.get((metric.name, labels))
        if found is None:
            found = self._begin(metric, labels)
        found[0] += by

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Put into its bucket; seconds that a clock made negative are none."""
        found = self._found.get((metric.name, labels))
        if found is None:
            found = self._begin(metric, labels)
        if value < 0.0:
            value = 0.0
        found[0] += value
        found[bisect_left(self._edges[metric.name], value) + 1] += 1.0

    def begin(self, metric: Metric, *labels: str) -> None:
        """Have the series of a histogram begin at 0."""
        self._begin(metric, labels)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """What is true now."""
        self._numbers[metric.name][tuple(map(label, labels))] = [float(value)]

    def clear(self, metric: Metric) -> None:
        """Forget the series of a gauge: what is gone has none."""
        self._numbers[metric.name].clear()

    def zero(self) -> None:
        """Every counter and histogram begins at 0 again; gauges stay."""
        for metric in names.OURS:
            if metric.kind != names.GAUGE:
                for numbers in self._numbers[metric.name].values():
                    numbers[:] = [0.0] * len(numbers)

    def text(self) -> bytes:
        """The whole page."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Family]:
        """For the library."""
        for metric in names.OURS:
            yield self._family(metric)

    def _begin(self, metric: Metric, labels: Labels) -> list[float]:
        length = len(self._edges[metric.name]) + 2 if metric.kind == names.HISTOGRAM else 1
        found = self._numbers[metric.name].setdefault(tuple(map(label, labels)), [0.0] * length)
        self._found[metric.name, labels] = found
        return found

    def _family(self, metric: Metric) -> Family:
        numbers = self._numbers[metric.name].items()
        if metric.kind == names.HISTOGRAM:
            whole = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
            bounds = [*map(floatToGoString, self._edges[metric.name]), "+Inf"]
            for labels, (total, *counts) in numbers:
                whole.add_metric(labels, list(zip(bounds, _up_to(counts), strict=True)), total)
            return whole
        kind = CounterMetricFamily if metric.kind == names.COUNTER else GaugeMetricFamily
        found = kind(metric.name, metric.meaning, labels=metric.labels)
        for labels, (number,) in numbers:
            found.add_metric(labels, number)
        return found


def _up_to(counts: list[float]) -> Iterator[float]:
    """Each bucket holds those of the smaller ones too."""
    whole = 0.0
    for count in counts:
        whole += count
        yield whole
