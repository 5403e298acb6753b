"""A plan of agents as table, CSV and page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from drawing import chart, page
from drawing.output import csv_text
from planning.coverage import Trouble
from planning.outcome import SLOT_S
from planning.staffing import Need, Staffing
from routing.core.ids import ServiceId

Names = Mapping[ServiceId, str]

COLUMNS = ("half_hour", "service", "calls", "load_erlang", "agents_erlang_a", "agents", "scheduled", "forecast",
           "simulated", "standard_error", "target", "within_s", "on_duty", "misses")
"""Of the CSV. Shares are 0 to 1."""

OnDuty = Mapping[tuple[ServiceId, int], float]
"""Agents there who can serve the service, by half hour."""


def head(names: Names) -> tuple[str, ...]:
    """Titles of the table."""
    return ("Half hour", *names.values(), "Sum", "One pool", "Scheduled")


def lines(plan: Staffing, names: Names) -> list[tuple[str, ...]]:
    """A line for each half hour in which somebody calls. `34>36`: Erlang A says 34, the simulation 36; `!`: the target
    is still missed."""
    found = {(need.service, need.slot): need for need in plan.needs}
    scheduled = plan.totals()
    shown = []
    for slot in sorted(plan.pooled):
        needs = [found.get((service, slot)) for service in names]
        total = sum(need.agents for need in needs if need is not None)
        shown.append((chart.clock(slot * SLOT_S), *map(_cell, needs), str(total), str(plan.pooled[slot]),
                      str(scheduled[slot])))
    return shown


def _cell(need: Need | None) -> str:
    if need is None:
        return ""
    agents = str(need.agents) if need.agents == need.erlang else f"{need.erlang}>{need.agents}"
    return agents + ("!" if need.misses() else "")


def words(plan: Staffing, runs: int) -> list[str]:
    """What the plan says, in sentences."""
    peak = max(plan.totals().items(), key=lambda one: one[1], default=(0, 0))
    found = [f"Most agents at {chart.clock(peak[0] * SLOT_S)}: {peak[1]} scheduled; if every agent could serve every "
             f"service {plan.pooled.get(peak[0], 0)} there would do."]
    if runs:
        more = sum(need.agents > need.erlang for need in plan.needs)
        missed = len(plan.misses())
        found.append(f"Simulated {runs} times on the routing engine: {more} of {len(plan.needs)} half hours of a "
                     f"service got more agents than Erlang A says (corrections: {plan.rounds}); "
                     + (f"{missed} still miss the target (!)." if missed else "all meet the target."))
    return found


def as_csv(plan: Staffing, on_duty: OnDuty) -> str:
    """A line for each service and half hour."""
    lines: list[Sequence[object]] = [COLUMNS]
    for need in plan.needs:
        there = on_duty.get((need.service, need.slot))
        lines.append([
            chart.clock(need.slot * SLOT_S), need.service, f"{need.calls:.1f}", f"{need.load:.2f}", need.erlang,
            need.agents, need.scheduled, f"{need.forecast:.4f}",
            "" if need.simulated is None else f"{need.simulated:.4f}", f"{need.error:.4f}", need.goal.share,
            need.goal.within_s, "" if there is None else f"{there:.1f}", int(need.misses())])
    return csv_text(lines)


def as_page(title: str, sentences: Sequence[str], plan: Staffing, names: Names, troubles: Sequence[Trouble],
            there: Sequence[float]) -> str:
    """The page. `there`: agents on duty in each half hour, whatever they can serve."""
    slots = sorted(plan.pooled)
    axis = chart.Axis("Time of day", chart.clock, slots[0] * SLOT_S, (slots[-1] + 1) * SLOT_S, 7200.0)
    people = chart.Axis("Agents")
    totals = plan.totals()
    parts = [page.text(one) for one in sentences]
    parts.append(chart.lines(
        "Agents for the target, and on duty", "Steps by half hour: scheduled agents of all services, one pool of "
        "agents with all skills, and agents on duty.", axis, people, [
            chart.Series("scheduled", _steps((slot, totals[slot]) for slot in slots)),
            chart.Series("one pool", _steps((slot, plan.pooled[slot]) for slot in slots)),
            chart.Series("on duty", _steps((slot, there[slot]) for slot in slots))]))
    parts.append(chart.lines("Agents by service", "Steps by half hour, after the simulation.", axis, people, [
        chart.Series(name, _steps((need.slot, need.agents) for need in plan.of(service)))
        for service, name in names.items() if plan.of(service)]))
    parts += [page.section("What is wrong with the duties"),
              page.table("By time", ("What", "Where and when"), [(one.what, one.text(names)) for one in troubles])
              if troubles else page.text("Nothing.")]
    parts += [page.section("Agents by half hour"), page.table("34>36: Erlang A says 34, the simulation 36; ! missed",
                                                              head(names), lines(plan, names))]
    if any(need.simulated is not None for need in plan.needs):
        level = chart.Axis("Service level", chart.percent, 0.0, 1.0, 0.2)
        parts.append(chart.lines("Service level in the simulation", "By half hour, mean of the runs.", axis, level, [
            chart.Series(name, _steps((need.slot, need.simulated) for need in plan.of(service)
                                      if need.simulated is not None))
            for service, name in names.items() if plan.of(service)]))
    return page.page(title, parts)


def _steps(values: Iterable[tuple[int, float]]) -> list[tuple[float, float]]:
    """A value that holds for its half hour, as corners of a line."""
    return [corner for slot, value in values for corner in ((slot * SLOT_S, value), ((slot + 1) * SLOT_S, value))]
