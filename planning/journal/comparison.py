"""Compare the rules of a journal with other rules on the same traffic (`santral what-if`).

Both runs get the same callers, talk times and patience (common random numbers), so each difference comes from the
rules. The figures of the record are shown next to them. The distance of the first run from the record says how far the
simulation can be trusted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from math import inf
from typing import NamedTuple

from markupsafe import Markup

from drawing import chart, page
from planning.errors import PlanningError
from planning.journal.recorded_traffic import RecordedEvent, RecordedTraffic
from planning.simulation.centre_run import run_simulation
from planning.simulation.ledger import OutcomeLedger
from planning.simulation.outcome import SLOT_S, Figures, RunOutcome
from planning.simulation.report import HEAD, NONE, chart_point, count_bars, figure_cells, format_seconds, format_share
from planning.simulation.study import to_row
from routing.core.events import AgentSkillsChanged, Configured, LinkChanged, ServiceHoursSet
from routing.core.matching.skill_requirement import find_unqualified
from routing.core.model.centre_model import Agent, Centre
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, ServiceId
from routing.core.stored import Started

TAIL_S = 3_600.0
"""Longest time a run continues after the last arrival of the record, so that the last callers are answered."""

RUNS = ("As it was", "Same rules, run again", "Other rules")


class RuleComparison(NamedTuple):
    """Three outcomes of the same traffic."""

    was: RunOutcome
    """The outcome from the facts of the record."""
    same: RunOutcome
    other: RunOutcome

    def named_outcomes(self) -> tuple[tuple[str, RunOutcome], ...]:
        """Return each outcome with its name."""
        return tuple(zip(RUNS, self, strict=True))


RuleChange = tuple[float, Started | Configured | LinkChanged]
"""New rules of the record, or a link that was lost or restored, with its time."""


def compare_rules(recorded: RecordedTraffic, facts: Iterable[Sequence[Fact]], changes: Sequence[RuleChange],
                  other: Centre, progress: Callable[[float], None] | None = None) -> RuleComparison:
    """Run the traffic of a record under its last rules and under other rules.

    `facts` are those of the record, in portions. `changes` are its rules and links, in order. Raise PlanningError if no
    rules are among the changes.
    """
    # 1. Fold the facts of the record itself.
    before = rules_at(changes, recorded.end)
    was = _recorded_outcome(recorded, facts, changes)
    length = max(1.0, recorded.end - recorded.start)
    # 2. Run the traffic twice. Contacts and duties unknown to a centre are left out of its run.
    done = []
    for place, centre in enumerate((before, other)):
        team = {agent.id: agent for agent in centre.agents}
        served = {service.id for service in centre.services}

        def report_progress(now: float, begin: int = place) -> None:
            if progress is not None:
                progress((begin + min(1.0, max(0.0, (now - recorded.start) / length))) / 2)

        done.append(run_simulation(
            centre, (one for one in recorded.arrivals if one.service in served),
            [duty for duty in recorded.duties if duty.agent in team], answer_s=recorded.answer_delay_s,
            also=[(at, event) for at, event in recorded.events if _is_possible(event, centre, team, served)],
            until=recorded.end + TAIL_S, progress=report_progress))
    if progress is not None:
        progress(1.0)
    return RuleComparison(was, *done)


def _is_possible(event: RecordedEvent, centre: Centre, team: Mapping[AgentId, Agent], served: Set[ServiceId]) -> bool:
    """Return whether an event is about a service and agent of the centre, and its rules allow it."""
    if isinstance(event, ServiceHoursSet):
        return event.service in served
    if event.agent not in team:
        return False
    return not isinstance(event, AgentSkillsChanged) or event.skills is None \
        or not find_unqualified(centre.services, team[event.agent], event.skills)


def rules_at(changes: Sequence[RuleChange], until: float) -> Centre:
    """Return the last rules in force at a time, or the first rules if none was in force yet."""
    centres = [(at, event.centre) for at, event in changes if not isinstance(event, LinkChanged)]
    if not centres:
        raise PlanningError("the journal is empty: no node has started with this state yet")
    return [centre for at, centre in centres if at <= until or at == centres[0][0]][-1]


def _recorded_outcome(recorded: RecordedTraffic, facts: Iterable[Sequence[Fact]],
                      changes: Sequence[RuleChange]) -> RunOutcome:
    """Return the outcome of the recorded facts, each counted under the rules of its time."""
    ledger = OutcomeLedger(rules_at(changes, -inf), recorded.start)
    ahead = deque(changes)
    for portion in facts:
        part: list[Fact] = []
        for fact in portion:
            if fact.at > recorded.end:
                break
            # New rules apply from their time on, so fold the facts before it first.
            while ahead and ahead[0][0] <= fact.at:
                ledger.fold_facts(part)
                part = []
                _apply_change(ledger, ahead.popleft()[1])
            part.append(fact)
        ledger.fold_facts(part)
    return ledger.close_ledger(recorded.end)


def _apply_change(ledger: OutcomeLedger, event: Started | Configured | LinkChanged) -> None:
    if isinstance(event, LinkChanged):
        ledger.note_link(event.node, event.up)
        return
    ledger.apply_centre(event.centre)
    # A start restores waiting contacts, but the engine offers nothing until the link of their node is back.
    if isinstance(event, Started):
        for node in sorted({one.node for one in event.contacts}):
            ledger.note_link(node, False)


MEASURES: tuple[tuple[str, Callable[[RunOutcome], str]], ...] = (
    ("Contacts", lambda one: f"{one.total.offered}"),
    ("Answered", lambda one: f"{one.total.answered}"),
    ("Service level", lambda one: format_share(one.total.service_level())),
    ("Abandoned", lambda one: format_share(one.total.abandonment)),
    ("Mean wait (ASA), s", lambda one: format_seconds(one.total.asa_s, 1)),
    ("Wait P50, s", lambda one: format_seconds(one.total.wait_percentile(0.5), 1)),
    ("Wait P95, s", lambda one: format_seconds(one.total.wait_percentile(0.95), 1)),
    ("Wait P99, s", lambda one: format_seconds(one.total.wait_percentile(0.99), 1)),
    ("Longest wait, s", lambda one: format_seconds(one.total.wait_percentile(1.0), 1)),
    ("Order violations", lambda one: f"{one.violations} of {one.offers}"),
    ("Occupancy", lambda one: format_share(one.group_occupancy())),
    ("Occupancy, variation between agents", lambda one: f"{one.occupancy_cv():.3f}"),
    ("Occupancy with accommodations", lambda one: _group_occupancy(one, accommodated=True)),
    ("Occupancy of the others", lambda one: _group_occupancy(one, accommodated=False)),
    ("Ring-no-answer", lambda one: f"{sum(tally.rna_count for tally in one.agents.values())}"),
)
"""Measures of the comparison, over all services."""

GROUP_MIN = 5
"""Smallest group of agents whose figures are shown. A smaller group would reveal a single person."""


def _group_occupancy(outcome: RunOutcome, *, accommodated: bool) -> str:
    if len(outcome.agent_occupancies(accommodated)) < GROUP_MIN:
        return NONE
    return format_share(outcome.group_occupancy(accommodated))


def comparison_rows(compared: RuleComparison) -> list[tuple[str, ...]]:
    """Return the table with a line for each measure and a column for each run."""
    return [(name, *(measure(outcome) for outcome in compared)) for name, measure in MEASURES]


def service_rows(compared: RuleComparison) -> list[tuple[str, tuple[tuple[str, ...], ...]]]:
    """Return the figures of each service in each run, in the columns of `santral simulate`."""
    names = dict(compared.was.names) | dict(compared.other.names)
    return [(name, tuple((title, *figure_cells(outcome.services.get(service) or Figures(name, (), 0.0)))
                         for title, outcome in compared.named_outcomes())) for service, name in names.items()]


def summarise_comparison(recorded: RecordedTraffic, compared: RuleComparison) -> dict[str, object]:
    """Return the comparison as one JSON object."""
    return {
        "from": recorded.start, "to": recorded.end, "contacts": len(recorded.arrivals),
        "patience_drawn": recorded.patience_drawn, "talks_drawn": recorded.talks_drawn,
        "callbacks": recorded.callbacks,
        "runs": {title: {
            "total": to_row(outcome.total),
            "services": {service: to_row(one) for service, one in outcome.services.items()},
            "order": {"offers": outcome.offers, "violations": outcome.violations},
            "occupancy": outcome.group_occupancy(), "occupancy_cv": outcome.occupancy_cv(),
        } for title, outcome in compared.named_outcomes()},
    }


def describe_comparison(recorded: RecordedTraffic, compared: RuleComparison) -> list[str]:
    """Return sentences that say what was run and which values the record does not hold."""
    # 1. Describe the traffic and the values that were drawn.
    patience = ("nobody gave up, so everybody waits" if recorded.patience_s == inf else
                f"mean patience by the record {recorded.patience_s:.0f} s")
    agents = {duty.agent for duty in recorded.duties}
    found = [f"{len(recorded.arrivals)} contacts in {(recorded.end - recorded.start) / 3600:.2f} h, "
             f"{len(agents)} agents; {patience}.",
             f"Drawn, the same in both runs: the rest of the patience of {recorded.patience_drawn} contacts who did "
             f"not give up, and the talk of {recorded.talks_drawn} who had none (another --seed draws others)."]
    # 2. Name the differences between the record and the runs.
    if recorded.callbacks:
        found.append(f"{recorded.callbacks} contacts asked to be called back: in the runs they wait on the line.")
    lost = sum(one.service not in compared.other.names for one in recorded.arrivals)
    if lost:
        found.append(f"{lost} contacts are for services that the other centre does not have: they are left out of its "
                     f"run.")
    gone, new = len(agents - compared.other.agents.keys()), len(compared.other.agents.keys() - agents)
    if gone:
        found.append(f"{gone} agents of the record are not in the other centre: nobody takes their place in its run.")
    if new:
        found.append(f"{new} agents of the other centre have no duty in the record: they are never there in its run.")
    return found


def render_page(title: str, recorded: RecordedTraffic, compared: RuleComparison) -> str:
    """Return the page with the table, each service, and pictures of the waits."""
    parts = [page.render_paragraph(one) for one in describe_comparison(recorded, compared)]
    parts.append(page.render_table("Everything together", ("Measure", *RUNS), comparison_rows(compared)))
    for name, rows in service_rows(compared):
        parts.append(page.render_table(name, ("Run", *HEAD[1:]), rows))
    parts += [page.render_heading("Waits"), _draw_answered(compared), *_draw_histograms(compared),
              page.render_heading("Over the time"), _draw_service_level(recorded, compared),
              page.render_heading("Agents"), _draw_occupancy(compared)]
    return page.render_page(title, parts)


def _longest_wait(compared: RuleComparison) -> float:
    """Return the wait at which the pictures end."""
    return max(1.0, *(outcome.total.wait_percentile(0.995) or 0.0 for outcome in compared))


def _draw_answered(compared: RuleComparison) -> Markup:
    top = _longest_wait(compared)
    return chart.draw_lines(
        "How many were answered within",
        "; ".join(f"{title}: half within {format_seconds(outcome.total.wait_percentile(0.5))} s"
                  for title, outcome in compared.named_outcomes()) + ".",
        chart.Axis("Seconds", low=0.0, high=top), chart.Axis("Of the answered", chart.format_percent, 0.0, 1.0),
        [chart.Series(title, _answered_curve(outcome.total, top)) for title, outcome in compared.named_outcomes()])


POINTS = 120


def _answered_curve(figures: Figures, top: float) -> list[tuple[float, float]]:
    waits = figures.waits
    return [(second, sum(1 for wait in waits if wait <= second) / len(waits) if waits else 0.0)
            for second in (top * place / POINTS for place in range(POINTS + 1))]


def _draw_histograms(compared: RuleComparison) -> list[Markup]:
    top = _longest_wait(compared)
    # Values at the upper end go into the last bar, not beyond it.
    return [chart.draw_histogram(
                f"Waits: {title.lower()}", f"Longest {format_seconds(outcome.total.wait_percentile(1.0))} s.",
                chart.Axis("Seconds", low=0.0), chart.Axis("Contacts"),
                count_bars([min(wait, top * 0.999999) for wait in outcome.total.waits if wait > 0], 0.0, top))
            for title, outcome in compared.named_outcomes()]


def _draw_service_level(recorded: RecordedTraffic, compared: RuleComparison) -> Markup:
    first = int(recorded.start // SLOT_S)

    def slot_points(outcome: RunOutcome) -> list[tuple[float, float]]:
        return [chart_point((slot - first) * SLOT_S, figures.service_level())
                for slot, figures in outcome.figures_by_slot().items() if figures.offered]

    return chart.draw_lines(
        "Service level by half hour", "Counted from the beginning of the record.",
        chart.Axis("Since the beginning", chart.format_clock), chart.Axis("Within target", chart.format_percent, 0, 1),
        [chart.Series(title, slot_points(outcome)) for title, outcome in compared.named_outcomes()])


def _draw_occupancy(compared: RuleComparison) -> Markup:
    low = min((min(outcome.agent_occupancies(), default=0.0) for outcome in compared), default=0.0)
    return chart.draw_lines(
        "Occupancy of the agents, from the least to the most occupied", f"The least: {low * 100:.0f} percent.",
        chart.Axis("Share of the agents", chart.format_percent, 0.0, 1.0),
        chart.Axis("Occupancy", chart.format_percent, 0.0, 1.0),
        [chart.Series(title, [((place + 0.5) / len(found), value) for place, value in enumerate(found)])
         for title, outcome in compared.named_outcomes() if (found := sorted(outcome.agent_occupancies()))])
