"""The state that a node leaves behind, and the counters of the next node."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from lab.people import node_records
from lab.people.node_records import MetricSample
from metrics.prometheus.recorder import MetricsRecorder
from metrics.reports.daily_report import read_report
from metrics.reports.fact_query import rules_at
from metrics.reports.period import Period
from routing.core.inbox import Status
from santral.node.state_reader import open_facts, open_past
from tests.agreement.reports import of_report
from tests.agreement.scrape import of_metrics
from tests.agreement.store import of_store
from tests.agreement.told import NEAR, agree


def of_the_past(folder: Path) -> None:
    """Check that the next node's /metrics and a report of the whole state agree with the store. Skip a state whose old
    facts were purged, because its rows begin earlier than its facts."""
    database = folder / "santral.db"
    facts = node_records.query_store(database,
        "select min(seq) as first, min(at) as began, max(at) as ended from facts")[0]
    if facts["first"] != 1:
        return
    period = Period("interval", facts["began"] - 1.0, facts["ended"] + 1.0, ZoneInfo("UTC"))
    with open_past(str(folder)) as ask, open_facts(str(folder)) as told:
        recorder = MetricsRecorder(rules_at(ask, period.end))
        recorder.count_history(list(told))
        found = read_report(ask, period)
    page = recorder.render_page(Status(facts["ended"], False, (), (), ())).decode()
    agree(of_store(database), *of_metrics(node_records.parse_samples(page)), of_report(found))


def never_falls(before: Iterable[MetricSample], after: Iterable[MetricSample]) -> Iterator[str]:
    """Yield the counters of queues and menus that are smaller in `after`, which a scraper takes for a restart from
    zero. Counters that no fact records (decisions, links, acknowledgements) do start again with a node."""
    known = {(one.name, *sorted(one.labels.items())): one.value for one in after}
    for one in before:
        if {"queue", "flow"} & set(one.labels) and one.name.endswith(("_total", "_count", "_bucket", "_sum")):
            now = known.get((one.name, *sorted(one.labels.items())), 0.0)
            if now < one.value - NEAR:
                yield f"{one.name}{one.labels} fell from {one.value:g} to {now:g}"
