"""`santral what-if`: the traffic of a journal once more, under the rules it had and under others, side by side.

Both runs get the same callers with the same talk times and the same patience (common random numbers), so what differs
comes from the rules. Beside them stands what really happened: how far the first run is from it tells how far the
simulation can be trusted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from planning import chart, page
from planning.house import run
from planning.ledger import Ledger
from planning.outcome import SLOT_S, Figures, Outcome
from planning.recorded import Recorded
from planning.report import HEAD, cells, histogram
from planning.simulate import row
from routing.core.events import ServiceHours
from routing.core.facts import Fact
from routing.core.model import Centre

TAIL_S = 3_600.0
"""After the last arrival of the record the runs go on for at most so long: the last callers are answered."""

RUNS = ("As it was", "Same rules, run again", "Other rules")


class Compared(NamedTuple):
    """Three outcomes of the same traffic."""

    was: Outcome
    """By the facts of the record."""
    same: Outcome
    other: Outcome

    def all(self) -> tuple[tuple[str, Outcome], ...]:
        """Each with its name."""
        return tuple(zip(RUNS, self, strict=True))


def compare(recorded: Recorded, facts: Iterable[Sequence[Fact]], before: Centre, other: Centre,
            progress: Callable[[float], None] | None = None) -> Compared:
    """Run the record again. `facts`: those of the record, in portions; `before`: the rules it had."""
    ledger = Ledger(before, recorded.start)
    for portion in facts:
        ledger.fold([fact for fact in portion if fact.at <= recorded.end])
    was = ledger.close(recorded.end)
    length = max(1.0, recorded.end - recorded.start)
    done = []
    for place, centre in enumerate((before, other)):
        team = {agent.id for agent in centre.agents}
        served = {service.id for service in centre.services}

        def told(now: float, begin: int = place) -> None:
            if progress is not None:
                progress((begin + min(1.0, max(0.0, (now - recorded.start) / length))) / 2)

        done.append(run(
            centre, (one for one in recorded.arrivals if one.service in served),
            [duty for duty in recorded.duties if duty.agent in team], answer_s=recorded.answer_s,
            also=[(at, event) for at, event in recorded.events
                  if (event.service in served if isinstance(event, ServiceHours) else event.agent in team)],
            until=recorded.end + TAIL_S, progress=told))
    if progress is not None:
        progress(1.0)
    return Compared(was, *done)


MEASURES: tuple[tuple[str, Callable[[Outcome], str]], ...] = (
    ("Contacts", lambda one: f"{one.total.offered}"),
    ("Answered", lambda one: f"{one.total.answered}"),
    ("Service level", lambda one: f"{one.total.service_level() * 100:.1f} %"),
    ("Abandoned", lambda one: f"{one.total.abandonment * 100:.1f} %"),
    ("Mean wait (ASA), s", lambda one: f"{one.total.asa_s:.1f}"),
    ("Wait P50, s", lambda one: f"{one.total.percentile(0.5):.1f}"),
    ("Wait P95, s", lambda one: f"{one.total.percentile(0.95):.1f}"),
    ("Wait P99, s", lambda one: f"{one.total.percentile(0.99):.1f}"),
    ("Longest wait, s", lambda one: f"{one.total.percentile(1.0):.1f}"),
    ("Order violations", lambda one: f"{one.violations} of {one.offers}"),
    ("Occupancy", lambda one: f"{one.occupancy() * 100:.1f} %"),
    ("Occupancy, variation between agents", lambda one: f"{one.occupancy_cv():.3f}"),
    ("Occupancy with accommodations", lambda one: _group(one, accommodated=True)),
    ("Occupancy of the others", lambda one: _group(one, accommodated=False)),
    ("Missed offers", lambda one: f"{sum(tally.misses for tally in one.agents.values())}"),
)
"""What is compared, for everything together."""

GROUP_MIN = 5
"""Figures of a group of agents are shown from this size on: in a smaller one a single person could be read off."""


def _group(outcome: Outcome, *, accommodated: bool) -> str:
    if len(outcome.occupancies(accommodated)) < GROUP_MIN:
        return "–"
    return f"{outcome.occupancy(accommodated) * 100:.1f} %"


def lines(compared: Compared) -> list[tuple[str, ...]]:
    """The table: a line for each measure, a column for each run."""
    return [(name, *(measure(outcome) for outcome in compared)) for name, measure in MEASURES]


def services(compared: Compared) -> list[tuple[str, tuple[tuple[str, ...], ...]]]:
    """For each service its figures in each run, as in `santral simulate`."""
    names = dict(compared.was.names) | dict(compared.other.names)
    return [(name, tuple((title, *cells(outcome.services.get(service) or Figures(name, (), 0.0)))
                         for title, outcome in compared.all())) for service, name in names.items()]


def summary(recorded: Recorded, compared: Compared) -> dict[str, object]:
    """Everything as one JSON object."""
    return {
        "from": recorded.start, "to": recorded.end, "contacts": len(recorded.arrivals), "drawn": recorded.drawn,
        "runs": {title: {
            "total": row(outcome.total), "services": {service: row(one) for service, one in outcome.services.items()},
            "order": {"offers": outcome.offers, "violations": outcome.violations},
            "occupancy": outcome.occupancy(), "occupancy_cv": outcome.occupancy_cv(),
        } for title, outcome in compared.all()},
    }


def words(recorded: Recorded) -> list[str]:
    """What was run, in sentences."""
    patience = ("nobody gave up, so everybody waits" if recorded.patience_s == float("inf") else
                f"mean patience by the record {recorded.patience_s:.0f} s")
    return [f"{len(recorded.arrivals)} contacts in {(recorded.end - recorded.start) / 3600:.2f} h, "
            f"{len({duty.agent for duty in recorded.duties})} agents; {patience}.",
            f"Of {recorded.drawn} contacts the rest of the patience, or the talk of one who gave up, was drawn: it is "
            "the same in both runs."]


def as_page(title: str, recorded: Recorded, compared: Compared) -> str:
    """The page: the table, each service, and pictures of the waits."""
    parts = [page.text(one) for one in words(recorded)]
    parts.append(page.table("Everything together", ("Measure", *RUNS), lines(compared)))
    for name, rows in services(compared):
        parts.append(page.table(name, ("Run", *HEAD[1:]), rows))
    parts += [page.section("Waits"), _share(compared), *_histograms(compared), page.section("Over the time"),
              _series(recorded, compared), page.section("Agents"), _occupancy(compared)]
    return page.page(title, parts)


def _share(compared: Compared) -> str:
    top = max(1.0, max(outcome.total.percentile(0.995) for outcome in compared))
    return chart.lines(
        "How many were answered within", "; ".join(
            f"{title}: half within {outcome.total.percentile(0.5):.0f} s" for title, outcome in compared.all()) + ".",
        chart.Axis("Seconds", low=0.0, high=top), chart.Axis("Of the answered", chart.percent, 0.0, 1.0),
        [chart.Series(title, _steps(outcome.total, top)) for title, outcome in compared.all()])


POINTS = 120


def _steps(figures: Figures, top: float) -> list[tuple[float, float]]:
    waits = figures.waits
    return [(second, sum(1 for wait in waits if wait <= second) / len(waits) if waits else 0.0)
            for second in (top * place / POINTS for place in range(POINTS + 1))]


def _histograms(compared: Compared) -> list[str]:
    top = max(1.0, max(outcome.total.percentile(0.995) for outcome in compared))
    return [chart.bars(f"Waits: {title.lower()}", f"Longest {outcome.total.percentile(1.0):.0f} s.",
                       chart.Axis("Seconds", low=0.0), chart.Axis("Contacts"),
                       histogram([min(wait, top * 0.999999) for wait in outcome.total.waits if wait > 0], 0.0, top))
            for title, outcome in compared.all()]


def _series(recorded: Recorded, compared: Compared) -> str:
    first = int(recorded.start // SLOT_S)

    def points(outcome: Outcome) -> list[tuple[float, float]]:
        return [((slot - first) * SLOT_S, figures.service_level()) for slot, figures in outcome.series().items()
                if figures.offered]

    return chart.lines("Service level by half hour", "Counted from the beginning of the record.",
                       chart.Axis("Since the beginning", chart.clock), chart.Axis("Within target", chart.percent, 0, 1),
                       [chart.Series(title, points(outcome)) for title, outcome in compared.all()])


def _occupancy(compared: Compared) -> str:
    low = min((min(outcome.occupancies(), default=0.0) for outcome in compared), default=0.0)
    return chart.lines(
        "Occupancy of the agents, from the least to the most occupied", f"The least: {low * 100:.0f} percent.",
        chart.Axis("Share of the agents", chart.percent, 0.0, 1.0), chart.Axis("Occupancy", chart.percent, 0.0, 1.0),
        [chart.Series(title, [((place + 0.5) / len(found), value) for place, value in enumerate(found)])
         for title, outcome in compared.all() if (found := sorted(outcome.occupancies()))])
