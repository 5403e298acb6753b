"""`santral what-if`: the traffic of a journal once more, under the rules it had and under others, side by side.

Both runs get the same callers with the same talk times and the same patience (common random numbers), so what differs
comes from the rules. Beside them stands what really happened: how far the first run is from it tells how far the
simulation can be trusted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from math import inf
from typing import NamedTuple

from markupsafe import Markup

from drawing import chart, page
from planning.errors import PlanningError
from planning.house import run
from planning.ledger import Ledger
from planning.outcome import SLOT_S, Figures, Outcome
from planning.recorded import Recorded
from planning.report import HEAD, NONE, cells, histogram, point, seconds, share
from planning.simulate import row
from routing.core.events import Configured, LinkChanged, ServiceHours
from routing.core.facts import Fact
from routing.core.model import Centre
from routing.core.stored import Started

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


Change = tuple[float, Started | Configured | LinkChanged]
"""When rules came in force in the record, or a link was lost or back."""


def compare(recorded: Recorded, facts: Iterable[Sequence[Fact]], changes: Sequence[Change], other: Centre,
            progress: Callable[[float], None] | None = None) -> Compared:
    """Run the record again. `facts`: those of the record, in portions; `changes`: its rules and links, in order. The
    run under the same rules has the last ones. Raises PlanningError when no rules are among the changes."""
    before = rules(changes, recorded.end)
    was = _was(recorded, facts, changes)
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


def rules(changes: Sequence[Change], until: float) -> Centre:
    """The last ones in force at a time, or the first when there were none yet."""
    centres = [(at, event.centre) for at, event in changes if not isinstance(event, LinkChanged)]
    if not centres:
        raise PlanningError("the journal is empty: no node has started with this state yet")
    return [centre for at, centre in centres if at <= until or at == centres[0][0]][-1]


def _was(recorded: Recorded, facts: Iterable[Sequence[Fact]], changes: Sequence[Change]) -> Outcome:
    """What the facts say, each under the rules of its time."""
    ledger = Ledger(rules(changes, -inf), recorded.start)
    ahead = deque(changes)
    for portion in facts:
        part: list[Fact] = []
        for fact in portion:
            if fact.at > recorded.end:
                break
            while ahead and ahead[0][0] <= fact.at:
                ledger.fold(part)
                part = []
                _tell(ledger, ahead.popleft()[1])
            part.append(fact)
        ledger.fold(part)
    return ledger.close(recorded.end)


def _tell(ledger: Ledger, event: Started | Configured | LinkChanged) -> None:
    if isinstance(event, LinkChanged):
        ledger.linked(event.node, event.up)
        return
    ledger.rules(event.centre)
    if isinstance(event, Started):  # until its link is back nothing is offered to who waited
        for node in sorted({one.node for one in event.contacts}):
            ledger.linked(node, False)


MEASURES: tuple[tuple[str, Callable[[Outcome], str]], ...] = (
    ("Contacts", lambda one: f"{one.total.offered}"),
    ("Answered", lambda one: f"{one.total.answered}"),
    ("Service level", lambda one: share(one.total.service_level())),
    ("Abandoned", lambda one: share(one.total.abandonment)),
    ("Mean wait (ASA), s", lambda one: seconds(one.total.asa_s, 1)),
    ("Wait P50, s", lambda one: seconds(one.total.percentile(0.5), 1)),
    ("Wait P95, s", lambda one: seconds(one.total.percentile(0.95), 1)),
    ("Wait P99, s", lambda one: seconds(one.total.percentile(0.99), 1)),
    ("Longest wait, s", lambda one: seconds(one.total.percentile(1.0), 1)),
    ("Order violations", lambda one: f"{one.violations} of {one.offers}"),
    ("Occupancy", lambda one: share(one.occupancy())),
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
        return NONE
    return share(outcome.occupancy(accommodated))


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
        "from": recorded.start, "to": recorded.end, "contacts": len(recorded.arrivals),
        "patience_drawn": recorded.patience_drawn, "talks_drawn": recorded.talks_drawn,
        "callbacks": recorded.callbacks,
        "runs": {title: {
            "total": row(outcome.total), "services": {service: row(one) for service, one in outcome.services.items()},
            "order": {"offers": outcome.offers, "violations": outcome.violations},
            "occupancy": outcome.occupancy(), "occupancy_cv": outcome.occupancy_cv(),
        } for title, outcome in compared.all()},
    }


def words(recorded: Recorded, compared: Compared) -> list[str]:
    """What was run, and what of it the record could not tell, in sentences."""
    patience = ("nobody gave up, so everybody waits" if recorded.patience_s == inf else
                f"mean patience by the record {recorded.patience_s:.0f} s")
    agents = {duty.agent for duty in recorded.duties}
    found = [f"{len(recorded.arrivals)} contacts in {(recorded.end - recorded.start) / 3600:.2f} h, "
             f"{len(agents)} agents; {patience}.",
             f"Drawn, the same in both runs: the rest of the patience of {recorded.patience_drawn} contacts who did "
             f"not give up, and the talk of {recorded.talks_drawn} who had none (another --seed draws others)."]
    if recorded.callbacks:
        found.append(f"{recorded.callbacks} contacts asked to be called back: in the runs they wait on the line.")
    lost = sum(one.service not in compared.other.names for one in recorded.arrivals)
    if lost:
        found.append(f"{lost} contacts are for services that the other centre has not: they are left out of its run.")
    gone, new = len(agents - compared.other.agents.keys()), len(compared.other.agents.keys() - agents)
    if gone:
        found.append(f"{gone} agents of the record are not in the other centre: nobody takes their place in its run.")
    if new:
        found.append(f"{new} agents of the other centre have no duty in the record: they are never there in its run.")
    return found


def as_page(title: str, recorded: Recorded, compared: Compared) -> str:
    """The page: the table, each service, and pictures of the waits."""
    parts = [page.text(one) for one in words(recorded, compared)]
    parts.append(page.table("Everything together", ("Measure", *RUNS), lines(compared)))
    for name, rows in services(compared):
        parts.append(page.table(name, ("Run", *HEAD[1:]), rows))
    parts += [page.section("Waits"), _answered(compared), *_histograms(compared), page.section("Over the time"),
              _series(recorded, compared), page.section("Agents"), _occupancy(compared)]
    return page.page(title, parts)


def _top(compared: Compared) -> float:
    """Where pictures of waits end."""
    return max(1.0, *(outcome.total.percentile(0.995) or 0.0 for outcome in compared))


def _answered(compared: Compared) -> Markup:
    top = _top(compared)
    return chart.lines(
        "How many were answered within",
        "; ".join(f"{title}: half within {seconds(outcome.total.percentile(0.5))} s"
                  for title, outcome in compared.all()) + ".",
        chart.Axis("Seconds", low=0.0, high=top), chart.Axis("Of the answered", chart.percent, 0.0, 1.0),
        [chart.Series(title, _steps(outcome.total, top)) for title, outcome in compared.all()])


POINTS = 120


def _steps(figures: Figures, top: float) -> list[tuple[float, float]]:
    waits = figures.waits
    return [(second, sum(1 for wait in waits if wait <= second) / len(waits) if waits else 0.0)
            for second in (top * place / POINTS for place in range(POINTS + 1))]


def _histograms(compared: Compared) -> list[Markup]:
    top = _top(compared)
    return [chart.bars(f"Waits: {title.lower()}", f"Longest {seconds(outcome.total.percentile(1.0))} s.",
                       chart.Axis("Seconds", low=0.0), chart.Axis("Contacts"),
                       histogram([min(wait, top * 0.999999) for wait in outcome.total.waits if wait > 0], 0.0, top))
            for title, outcome in compared.all()]


def _series(recorded: Recorded, compared: Compared) -> Markup:
    first = int(recorded.start // SLOT_S)

    def points(outcome: Outcome) -> list[tuple[float, float]]:
        return [point((slot - first) * SLOT_S, figures.service_level()) for slot, figures in outcome.series().items()
                if figures.offered]

    return chart.lines("Service level by half hour", "Counted from the beginning of the record.",
                       chart.Axis("Since the beginning", chart.clock), chart.Axis("Within target", chart.percent, 0, 1),
                       [chart.Series(title, points(outcome)) for title, outcome in compared.all()])


def _occupancy(compared: Compared) -> Markup:
    low = min((min(outcome.occupancies(), default=0.0) for outcome in compared), default=0.0)
    return chart.lines(
        "Occupancy of the agents, from the least to the most occupied", f"The least: {low * 100:.0f} percent.",
        chart.Axis("Share of the agents", chart.percent, 0.0, 1.0), chart.Axis("Occupancy", chart.percent, 0.0, 1.0),
        [chart.Series(title, [((place + 0.5) / len(found), value) for place, value in enumerate(found)])
         for title, outcome in compared.all() if (found := sorted(outcome.occupancies()))])
