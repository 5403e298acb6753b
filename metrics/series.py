"""The series of one node: a registry of its own, with every metric of `names.OURS` in it."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from metrics import names
from metrics.names import Metric, label

disable_created_metrics()  # type: ignore[no-untyped-call]


class Series:
    """`add` to counters, `observe` into histograms, `set` gauges, by the metric's row in the table.

    The series of each set of labels is found once: to find one costs the library several times what counting does.
    """

    def __init__(self, wait_edges: tuple[float, ...]) -> None:
        self.registry = CollectorRegistry()
        self._counters: dict[Metric, Counter] = {}
        self._gauges: dict[Metric, Gauge] = {}
        self._histograms: dict[Metric, Histogram] = {}
        self._counted: dict[tuple[Metric, tuple[str, ...]], Counter] = {}
        self._observed: dict[tuple[Metric, tuple[str, ...]], Histogram] = {}
        for metric in names.OURS:
            if metric.kind == names.COUNTER:
                self._counters[metric] = Counter(metric.name, metric.meaning, metric.labels, registry=self.registry)
            elif metric.kind == names.GAUGE:
                self._gauges[metric] = Gauge(metric.name, metric.meaning, metric.labels, registry=self.registry)
            else:
                buckets = wait_edges if metric is names.WAIT else metric.buckets
                self._histograms[metric] = Histogram(metric.name, metric.meaning, metric.labels, buckets=buckets,
                                                     registry=self.registry)
        ProcessCollector(registry=self.registry)

    def add(self, metric: Metric, *labels: str, by: float = 1.0) -> None:
        """Count. `by` 0 has the series begin, so that its first increase can be seen."""
        key = metric, labels
        found = self._counted.get(key)
        if found is None:
            counter, told = self._counters[metric], tuple(map(label, labels))
            found = self._counted[key] = counter.labels(*told) if told else counter
        found.inc(by)

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Put into its bucket; seconds that a clock made negative are none."""
        found = self._observed.get((metric, labels))
        if found is None:
            found = self.begin(metric, *labels)
        found.observe(value if value > 0.0 else 0.0)

    def begin(self, metric: Metric, *labels: str) -> Histogram:
        """Have the series of a histogram begin at 0."""
        histogram, told = self._histograms[metric], tuple(map(label, labels))
        found = self._observed[metric, labels] = histogram.labels(*told) if told else histogram
        return found

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """What is true now."""
        gauge = self._gauges[metric]
        (gauge.labels(*map(label, labels)) if labels else gauge).set(value)

    def clear(self, metric: Metric) -> None:
        """Forget the series of a gauge: what is gone has none."""
        self._gauges[metric].clear()

    def text(self) -> bytes:
        """The whole page."""
        return generate_latest(self.registry)
