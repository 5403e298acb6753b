"""Hold the series of one node, with every metric of `names.OURS`.

Counting is a node's most frequent work next to deciding, so here it is an addition to a number in a list. The library's
own counter takes a lock and checks its kind at each step, and costs ten times as much. The library still renders the
page.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from metrics.prometheus import names
from metrics.prometheus.names import Metric, label_value

Labels = tuple[str, ...]


class MetricSeries(Collector):
    """Counters, histograms and gauges, addressed by their row of the table."""

    def __init__(self, wait_edges: tuple[float, ...]) -> None:
        self._edges = {metric.name: wait_edges if metric is names.WAIT else metric.buckets for metric in names.OURS}
        self._numbers: dict[str, dict[Labels, list[float]]] = {metric.name: {} for metric in names.OURS}
        """By metric and cleaned labels: one number, or the sum of a histogram and its counts by bucket."""
        self._found: dict[tuple[str, Labels], list[float]] = {}
        """The same lists by labels as given, so that counting need not clean them again."""
        self.registry = CollectorRegistry()
        # A metric without labels begins at 0, or its first increase could not be seen.
        for metric in names.OURS:
            if not metric.labels and metric.kind != names.GAUGE:
                self._begin_series(metric, ())
        self.registry.register(self)
        ProcessCollector(registry=self.registry)

    def add_count(self, metric: Metric, *labels: str, by: float = 1.0) -> None:
        """Add to a counter. `by` 0 begins the series, so that its first increase can be seen."""
        found = self._found.get((metric.name, labels))
        if found is None:
            found = self._begin_series(metric, labels)
        found[0] += by

    def observe_value(self, metric: Metric, value: float, *labels: str) -> None:
        """Add a value to its bucket. A negative value comes from a clock that was set back, and counts as 0."""
        found = self._found.get((metric.name, labels))
        if found is None:
            found = self._begin_series(metric, labels)
        if value < 0.0:
            value = 0.0
        found[0] += value
        # Position 0 holds the sum, so buckets begin at 1.
        found[bisect_left(self._edges[metric.name], value) + 1] += 1.0

    def begin_histogram(self, metric: Metric, *labels: str) -> None:
        """Begin the series of a histogram at 0."""
        self._begin_series(metric, labels)

    def set_gauge(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        self._numbers[metric.name][tuple(map(label_value, labels))] = [float(value)]

    def clear_gauge(self, metric: Metric) -> None:
        """Forget all series of a gauge, so that removed labels disappear."""
        self._numbers[metric.name].clear()

    def reset_counts(self) -> None:
        """Set every counter and histogram to 0. Gauges stay."""
        for metric in names.OURS:
            if metric.kind != names.GAUGE:
                for numbers in self._numbers[metric.name].values():
                    # The lists are shared with `_found`, so they are emptied in place.
                    numbers[:] = [0.0] * len(numbers)

    def render_page(self) -> bytes:
        """Render the whole page."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Family]:
        """Yield all metrics, as the library asks for them."""
        for metric in names.OURS:
            yield self._metric_family(metric)

    def _begin_series(self, metric: Metric, labels: Labels) -> list[float]:
        # A histogram needs its sum, its buckets, and one more for values above the last edge.
        length = len(self._edges[metric.name]) + 2 if metric.kind == names.HISTOGRAM else 1
        found = self._numbers[metric.name].setdefault(tuple(map(label_value, labels)), [0.0] * length)
        self._found[metric.name, labels] = found
        return found

    def _metric_family(self, metric: Metric) -> Family:
        numbers = self._numbers[metric.name].items()
        if metric.kind == names.HISTOGRAM:
            whole = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
            bounds = [*map(floatToGoString, self._edges[metric.name]), "+Inf"]
            for labels, (total, *counts) in numbers:
                whole.add_metric(labels, list(zip(bounds, _cumulate_buckets(counts), strict=True)), total)
            return whole
        kind = CounterMetricFamily if metric.kind == names.COUNTER else GaugeMetricFamily
        found = kind(metric.name, metric.meaning, labels=metric.labels)
        for labels, (number,) in numbers:
            found.add_metric(labels, number)
        return found


class StandbySeries(Collector):
    """The metrics of a node that stands by: it counts nothing, and a page of zeros would look like a quiet centre."""

    def __init__(self, version: str) -> None:
        self._version = version
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def collect(self) -> Iterator[Family]:
        """Yield the role and the version."""
        yield GaugeMetricFamily(names.LEADS.name, names.LEADS.meaning, value=0.0)
        build = GaugeMetricFamily(names.BUILD.name, names.BUILD.meaning, labels=names.BUILD.labels)
        build.add_metric([self._version], 1.0)
        yield build

    def render_page(self) -> bytes:
        """Render the whole page."""
        return generate_latest(self._registry)


def _cumulate_buckets(counts: list[float]) -> Iterator[float]:
    """Yield cumulated counts: in Prometheus each bucket includes the smaller ones."""
    whole = 0.0
    for count in counts:
        whole += count
        yield whole
