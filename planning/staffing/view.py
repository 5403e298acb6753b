"""Show a staffing plan as a table, CSV and page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from drawing import chart, page
from drawing.output import csv_text
from planning.simulation.outcome import SLOT_S
from planning.staffing.coverage import CoverageTrouble
from planning.staffing.requirement import SlotNeed, StaffingPlan
from routing.core.model.ids import ServiceId

Names = Mapping[ServiceId, str]

COLUMNS = ("half_hour", "service", "calls", "load_erlang", "agents_erlang_a", "agents", "scheduled", "forecast",
           "simulated", "standard_error", "target", "within_s", "on_duty", "misses")
"""Columns of the CSV. Shares are 0 to 1."""

OnDuty = Mapping[tuple[ServiceId, int], float]
"""Agents on duty who can serve the service, by service and half hour."""


def table_head(names: Names) -> tuple[str, ...]:
    """Return the titles of the table."""
    return ("Half hour", *names.values(), "Sum", "One pool", "Scheduled")


def table_rows(plan: StaffingPlan, names: Names) -> list[tuple[str, ...]]:
    """Return a row for each half hour with calls.

    `34>36` means 34 agents by Erlang A and 36 by simulation. `!` marks a target that is still missed.
    """
    found = {(need.service, need.slot): need for need in plan.needs}
    scheduled = plan.scheduled_by_slot()
    shown = []
    for slot in sorted(plan.pooled):
        needs = [found.get((service, slot)) for service in names]
        total = sum(need.agents for need in needs if need is not None)
        shown.append((chart.format_clock(slot * SLOT_S), *map(_need_cell, needs), str(total), str(plan.pooled[slot]),
                      str(scheduled[slot])))
    return shown


def _need_cell(need: SlotNeed | None) -> str:
    if need is None:
        return ""
    agents = str(need.agents) if need.agents == need.erlang else f"{need.erlang}>{need.agents}"
    return agents + ("!" if need.misses_target() else "")


def describe_plan(plan: StaffingPlan, runs: int) -> list[str]:
    """Return sentences that describe the plan."""
    peak = max(plan.scheduled_by_slot().items(), key=lambda one: one[1], default=(0, 0))
    found = [
        f"Most agents at {chart.format_clock(peak[0] * SLOT_S)}: {peak[1]} scheduled; if every agent could serve every "
        f"service {plan.pooled.get(peak[0], 0)} there would do."]
    if runs:
        more = sum(need.agents > need.erlang for need in plan.needs)
        missed = len(plan.missed_needs())
        found.append(f"Simulated {runs} times on the routing engine: {more} of {len(plan.needs)} half hours of a "
                     f"service got more agents than Erlang A says (corrections: {plan.rounds}); "
                     + (f"{missed} still miss the target (!)." if missed else "all meet the target."))
    return found


def render_csv(plan: StaffingPlan, on_duty: OnDuty) -> str:
    """Render a line for each service and half hour."""
    lines: list[Sequence[object]] = [COLUMNS]
    for need in plan.needs:
        there = on_duty.get((need.service, need.slot))
        lines.append([
            chart.format_clock(need.slot * SLOT_S), need.service, f"{need.calls:.1f}", f"{need.load:.2f}", need.erlang,
            need.agents, need.scheduled, f"{need.forecast:.4f}",
            "" if need.simulated is None else f"{need.simulated:.4f}", f"{need.error:.4f}", need.goal.share,
            need.goal.within_s, "" if there is None else f"{there:.1f}", int(need.misses_target())])
    return csv_text(lines)


def render_page(title: str, sentences: Sequence[str], plan: StaffingPlan, names: Names,
                troubles: Sequence[CoverageTrouble], there: Sequence[float]) -> str:
    """Render the page. `there` are all agents on duty in each half hour, whatever their skills."""
    # 1. Axes of the pictures.
    slots = sorted(plan.pooled)
    axis = chart.Axis("Time of day", chart.format_clock, slots[0] * SLOT_S, (slots[-1] + 1) * SLOT_S, 7200.0)
    people = chart.Axis("Agents")
    totals = plan.scheduled_by_slot()
    # 2. Pictures of the agents.
    parts = [page.render_paragraph(one) for one in sentences]
    parts.append(chart.draw_lines(
        "Agents for the target, and on duty", "Steps by half hour: scheduled agents of all services, one pool of "
        "agents with all skills, and agents on duty.", axis, people, [
            chart.Series("scheduled", _step_line((slot, totals[slot]) for slot in slots)),
            chart.Series("one pool", _step_line((slot, plan.pooled[slot]) for slot in slots)),
            chart.Series("on duty", _step_line((slot, there[slot]) for slot in slots))]))
    parts.append(chart.draw_lines("Agents by service", "Steps by half hour, after the simulation.", axis, people, [
        chart.Series(name, _step_line((need.slot, need.agents) for need in plan.needs_of(service)))
        for service, name in names.items() if plan.needs_of(service)]))
    # 3. Problems of the duties, and the table.
    parts += [page.render_heading("Problems of the duties"),
              page.render_table("By time", ("Problem", "Where and when"),
                                [(one.what, one.describe_trouble(names)) for one in troubles])
              if troubles else page.render_paragraph("None.")]
    parts += [page.render_heading("Agents by half hour"),
              page.render_table("34>36: Erlang A says 34, the simulation 36; ! missed",
                                table_head(names), table_rows(plan, names))]
    # 4. The service level, if the plan was simulated.
    if any(need.simulated is not None for need in plan.needs):
        level = chart.Axis("Service level", chart.format_percent, 0.0, 1.0, 0.2)
        parts.append(chart.draw_lines(
            "Service level in the simulation", "By half hour, mean of the runs.", axis, level, [
                chart.Series(name, _step_line((need.slot, need.simulated) for need in plan.needs_of(service)
                                              if need.simulated is not None))
                for service, name in names.items() if plan.needs_of(service)]))
    return page.render_page(title, parts)


def _step_line(values: Iterable[tuple[int, float]]) -> list[tuple[float, float]]:
    """Return a value for each half hour as the corners of a stepped line."""
    return [corner for slot, value in values for corner in ((slot * SLOT_S, value), ((slot + 1) * SLOT_S, value))]
