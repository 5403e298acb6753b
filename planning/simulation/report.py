"""Render the figures of a simulation as a page with pictures and as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan

from markupsafe import Markup

from drawing import chart, page
from drawing.output import csv_text
from planning.simulation.outcome import SLOT_S, Figures, RunOutcome
from planning.simulation.study import StudyRun, merge_runs, to_row

BARS = 30
"""Bars of a histogram: enough to see a shape, few enough to see each bar."""

TAIL = 0.995
"""Percentile at which the histogram of waits ends. Longer waits are in its last bar, and the table has the longest."""

MEANING = ("SL: answered within the service's target / (answered + abandoned). ASA: mean wait of answered contacts. "
           "P50, P95, P99: the wait that 50, 95 or 99 of 100 answered contacts did not exceed. AHT: mean talk and "
           "wrap-up. Waits and AHT in seconds.")

HEAD = ("Service", "Offered", "Answered", "Aband.", "SL", "ASA", "P50", "P95", "P99", "Max", "AHT", "Overflow")

NONE = "–"
"""Text in place of a figure without contacts."""


def format_share(value: float | None) -> str:
    """Format a share as percent."""
    return NONE if value is None else f"{value * 100:.1f} %"


def format_seconds(value: float | None, places: int = 0) -> str:
    """Format seconds with this many decimal places."""
    return NONE if value is None else f"{value:.{places}f}"


def chart_point(at: float, value: float | None) -> tuple[float, float]:
    """Return a point of a picture. A figure without contacts becomes a gap."""
    return at, nan if value is None else value


def figure_cells(figures: Figures) -> tuple[str, ...]:
    """Return the cells of a table row without the name. Waits are in seconds."""
    return (f"{figures.offered}", f"{figures.answered}", format_share(figures.abandonment),
            format_share(figures.service_level()), format_seconds(figures.asa_s, 1),
            *(format_seconds(figures.wait_percentile(part)) for part in (0.5, 0.95, 0.99, 1.0)),
            format_seconds(figures.aht_s), f"{figures.overflowed}")


def figure_rows(outcome: RunOutcome) -> list[tuple[str, ...]]:
    """Return the rows of the table: each service, then the total."""
    found = [(outcome.names[service], *figure_cells(figures)) for service, figures in outcome.services.items()]
    return [*found, ("All", *figure_cells(outcome.total))]


def render_csv(outcome: RunOutcome) -> str:
    """Render a line for each service and half hour, and for all services with an empty name.

    A figure without contacts is an empty cell.
    """
    lines = [["half_hour", "service", *to_row(outcome.total)]]
    for service in (*outcome.names, None):
        lines += [[chart.format_clock(slot * SLOT_S), service or "",
                   *("" if value is None else f"{value:.6g}" for value in to_row(figures).values())]
                  for slot, figures in outcome.figures_by_slot(service).items()]
    return csv_text(lines)


def render_page(title: str, words: Sequence[str], runs: Sequence[StudyRun]) -> str:
    """Render the page with tables and pictures of waits, day and agents."""
    # 1. The tables and what their columns mean.
    whole = merge_runs(runs)
    slots = whole.figures_by_slot()
    parts = [page.render_paragraph(one) for one in words]
    parts += [page.render_table("Services (waits in seconds)", HEAD, figure_rows(whole)),
              page.render_paragraph(MEANING), page.render_paragraph(describe_order(whole))]
    # 2. The pictures.
    parts += [page.render_heading("The day"), *_draw_day(whole, slots), page.render_heading("Waits"),
              _draw_waits(whole), page.render_heading("Agents"), *_draw_agents(whole)]
    # 3. Several runs: a line for each.
    if len(runs) > 1:
        parts += [page.render_heading("Each run"), page.render_table(
            "Runs", ("Day", "Seed", *HEAD[1:]),
            [(one.day, str(one.seed), *figure_cells(one.outcome.total)) for one in runs])]
    return page.render_page(title, parts)


def describe_lines(runs: Sequence[StudyRun]) -> list[str]:
    """Return a sentence on the lines of the carrier. Return none if they have no limit."""
    found = [one.lines for one in runs if one.lines is not None]
    if not found:
        return []
    most = max(sum(one.most_held.values()) for one in found)
    refused, lost = sum(one.refused for one in found), sum(sum(one.lost.values()) for one in found)
    return [f"Lines: {most} held at most; {refused} calls found none, {lost} callers gave up after that."]


def describe_order(outcome: RunOutcome) -> str:
    """Return a sentence about the order between callers."""
    return (f"Order: {outcome.violations} of {outcome.offers} offers passed over a contact of equal priority that had "
            f"waited longer and could have been served.")


def describe_fairness(outcome: RunOutcome) -> str:
    """Return a sentence about the agents' shares of the work."""
    parts = [
        f"Occupancy {outcome.group_occupancy() * 100:.1f} %, coefficient of variation {outcome.occupancy_cv():.3f}"]
    for name, group in (("with an accommodation", True), ("the others", False)):
        there = outcome.agent_occupancies(group)
        if there and len(there) < len(outcome.agent_occupancies()):
            parts.append(f"{name} ({len(there)}) {outcome.group_occupancy(group) * 100:.1f} %, "
                         f"variation {outcome.occupancy_cv(group):.3f}")
    return "; ".join(parts) + "."


def _draw_day(whole: RunOutcome, slots: Mapping[int, Figures]) -> list[Markup]:
    busy = [slot for slot, figures in slots.items() if figures.offered]
    axis = chart.Axis("Time of day", chart.format_clock, min(busy, default=0) * SLOT_S,
                      (max(busy, default=47) + 1) * SLOT_S, 7200.0)
    shown = [(name, whole.figures_by_slot(service)) for service, name in whole.names.items()]

    def slot_series(name: str, by_slot: Mapping[int, Figures], value: str) -> chart.Series:
        return chart.Series(name, [chart_point(slot * SLOT_S + SLOT_S / 2, to_row(figures)[value])
                                   for slot, figures in by_slot.items() if figures.offered])

    # 1. Service level and waits.
    total = whole.total
    return [
        chart.draw_lines(
            "Service level by half hour", f"Over the whole day {format_share(total.service_level())}.",
            axis, chart.Axis("Within target", chart.format_percent, 0.0, 1.0),
            [slot_series(name, by_slot, "service_level") for name, by_slot in shown]),
        chart.draw_lines(
            "Waiting over the day",
            f"Mean wait {format_seconds(total.asa_s, 1)} s, longest "
            f"{format_seconds(total.wait_percentile(1.0))} s.",
            axis, chart.Axis("Seconds"),
            [slot_series("Mean wait", slots, "asa_s"), slot_series("95 of 100 wait less", slots, "p95_s")]),
        # 2. Contacts, and all figures as a table.
        chart.draw_lines(
            "Contacts by half hour", f"{total.offered} in all.", axis, chart.Axis("Contacts"),
            [slot_series("Offered", slots, "offered"), slot_series("Answered", slots, "answered"),
             slot_series("Abandoned", slots, "abandoned")]),
        page.render_table(
            "The same by half hour, all services", ("Half hour", *HEAD[1:]),
            [(chart.format_clock(slot * SLOT_S), *figure_cells(figures)) for slot, figures in slots.items()
             if figures.offered]),
    ]


def _draw_waits(whole: RunOutcome) -> Markup:
    waits = whole.total.waits
    top = max(whole.total.wait_percentile(TAIL) or 0.0, 1.0)
    at_once = sum(1 for wait in waits if wait <= 0.0)
    # Waits beyond the top go into the last bar.
    rest = [min(wait, top * 0.999999) for wait in waits if wait > 0.0]
    return chart.draw_histogram(
        f"How long those waited who waited ({format_share(at_once / len(waits) if waits else None)} of the "
        "answered did not)",
        f"Half of all waited {format_seconds(whole.total.wait_percentile(0.5))} s or less, 99 of 100 "
        f"{format_seconds(whole.total.wait_percentile(0.99))} s or less.",
        chart.Axis("Seconds", low=0.0), chart.Axis("Contacts"), count_bars(rest, 0.0, top))


def _draw_agents(whole: RunOutcome) -> list[Markup]:
    found = whole.agent_occupancies()
    low = min(found, default=0.0)
    teams = sorted({tally.team for tally in whole.agents.values()})
    return [
        page.render_paragraph(describe_fairness(whole)),
        chart.draw_histogram(
            "Occupancy of the agents", f"From {low * 100:.0f} to {max(found, default=1.0) * 100:.0f} percent.",
            chart.Axis("Occupancy", chart.format_percent, 0.0, 1.0), chart.Axis("Agents"),
            count_bars(found, 0.0, 1.0)),
        page.render_table("Teams", ("Team", "Agents", "Occupancy", "Contacts", "Ring-no-answer"),
                          [_team_row(whole, team) for team in teams]),
    ]


def _team_row(whole: RunOutcome, team: str) -> tuple[str, ...]:
    group = [tally for tally in whole.agents.values() if tally.team == team]
    busy = sum(tally.talk_s + tally.wrapup_s for tally in group)
    present = busy + sum(tally.available_s for tally in group)
    return (team, f"{len(group)}", f"{busy / present * 100:.1f} %" if present else "",
            f"{sum(tally.contacts for tally in group)}", f"{sum(tally.rna_count for tally in group)}")


def count_bars(values: Sequence[float], low: float, high: float) -> list[tuple[float, float, float]]:
    """Return counts in `BARS` equal parts of the span as (from, to, count). The end bars take values beyond it."""
    width = (high - low) / BARS
    counts = [0] * BARS
    for value in values:
        counts[min(BARS - 1, max(0, int((value - low) / width)))] += 1
    return [(low + place * width, low + (place + 1) * width, float(count)) for place, count in enumerate(counts)]
