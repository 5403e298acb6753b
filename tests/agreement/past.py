"""What a node has left behind, and what counters may not do when another one starts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

from lab import records
from lab.records import Sample
from metrics.past import rules
from metrics.period import Period
from metrics.recorder import Recorder
from metrics.report import read
from routing.core.inbox import Status
from santral.journal import open_facts, open_past
from tests.agreement.reports import of_report
from tests.agreement.scrape import of_metrics
from tests.agreement.store import of_store
from tests.agreement.told import NEAR, agree


def of_the_past(folder: Path) -> None:
    """A state that a node has left behind: what the next one's /metrics would say, and a report of all of it, are what
    the store says. Not of one whose old facts were purged: it tells of later than its rows do."""
    database = folder / "santral.db"
    facts = records.rows(database, "select min(seq) as first, min(at) as began, max(at) as ended from facts")[0]
    if facts["first"] != 1:
        return
    period = Period("interval", facts["began"] - 1.0, facts["ended"] + 1.0, ZoneInfo("UTC"))
    with open_past(str(folder)) as ask, open_facts(str(folder)) as told:
        recorder = Recorder(rules(ask, period.end))
        recorder.remember(list(told))
        found = read(ask, period)
    page = recorder.text(Status(facts["ended"], False, (), (), ())).decode()
    agree(of_store(database), *of_metrics(records.samples(page)), of_report(found))


def never_falls(before: Iterable[Sample], after: Iterable[Sample]) -> Iterator[str]:
    """Counters of what happened in queues and menus that have less in `after`: a scraper would take that for a restart
    from nought. What no fact tells (decisions, links, acknowledgements) does begin anew with a node."""
    known = {(one.name, *sorted(one.labels.items())): one.value for one in after}
    for one in before:
        if {"queue", "flow"} & set(one.labels) and one.name.endswith(("_total", "_count", "_bucket", "_sum")):
            now = known.get((one.name, *sorted(one.labels.items())), 0.0)
            if now < one.value - NEAR:
                yield f"{one.name}{one.labels} fell from {one.value:g} to {now:g}"
