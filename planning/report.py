"""The figures of a simulation as a page with pictures, and as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan

from markupsafe import Markup

from drawing import chart, page
from drawing.output import csv_text
from planning.outcome import SLOT_S, Figures, Outcome
from planning.simulate import Run, row, together

BARS = 30
"""Of a histogram: enough to see a shape, few enough to see each."""

TAIL = 0.995
"""The waits' histogram ends at this percentile; what is beyond is in its last bar, and the longest is in the table."""

MEANING = ("SL: answered within the service's target / (answered + abandoned). ASA: mean wait of the answered. P50, "
           "P95, P99: so many of 100 answered waited no longer. AHT: mean talk and wrap-up. Waits and AHT in seconds.")

HEAD = ("Service", "Offered", "Answered", "Aband.", "SL", "ASA", "P50", "P95", "P99", "Max", "AHT", "Overflow")


NONE = "–"
"""In the place of a figure of nobody."""


def share(value: float | None) -> str:
    """A share as percent."""
    return NONE if value is None else f"{value * 100:.1f} %"


def seconds(value: float | None, places: int = 0) -> str:
    """A time with so many places."""
    return NONE if value is None else f"{value:.{places}f}"


def point(at: float, value: float | None) -> tuple[float, float]:
    """Of a picture: what is of nobody is a gap."""
    return at, nan if value is None else value


def cells(figures: Figures) -> tuple[str, ...]:
    """A line of the table, without the name. Waits in seconds."""
    return (f"{figures.offered}", f"{figures.answered}", share(figures.abandonment), share(figures.service_level()),
            seconds(figures.asa_s, 1), *(seconds(figures.percentile(part)) for part in (0.5, 0.95, 0.99, 1.0)),
            seconds(figures.aht_s), f"{figures.overflowed}")


def lines(outcome: Outcome) -> list[tuple[str, ...]]:
    """The table: services, then everything."""
    found = [(outcome.names[service], *cells(figures)) for service, figures in outcome.services.items()]
    return [*found, ("All", *cells(outcome.total))]


def as_csv(outcome: Outcome) -> str:
    """A line for each service and half hour, and for all services (an empty name); what is of nobody is empty."""
    lines = [["half_hour", "service", *row(outcome.total)]]
    for service in (*outcome.names, None):
        lines += [[chart.clock(slot * SLOT_S), service or "",
                   *("" if value is None else f"{value:.6g}" for value in row(figures).values())]
                  for slot, figures in outcome.series(service).items()]
    return csv_text(lines)


def as_page(title: str, words: Sequence[str], runs: Sequence[Run]) -> str:
    """The page: tables, and the pictures of the waits, the day and the agents."""
    whole = together(runs)
    slots = whole.series()
    parts = [page.text(one) for one in words]
    parts += [page.table("Services (waits in seconds)", HEAD, lines(whole)), page.text(MEANING),
              page.text(order_words(whole))]
    parts += [page.section("The day"), *_day(whole, slots), page.section("Waits"), _waits(whole),
              page.section("Agents"), *_agents(whole)]
    if len(runs) > 1:
        parts += [page.section("Each run"), page.table(
            "Runs", ("Day", "Seed", *HEAD[1:]),
            [(one.day, str(one.seed), *cells(one.outcome.total)) for one in runs])]
    return page.page(title, parts)


def order_words(outcome: Outcome) -> str:
    """What is to be said of the order between callers."""
    return (f"Order: {outcome.violations} of {outcome.offers} offers went past somebody of equal priority who had "
            f"waited longer and could have been served.")


def fairness_words(outcome: Outcome) -> str:
    """What is to be said of the agents' share of the work."""
    parts = [f"Occupancy {outcome.occupancy() * 100:.1f} %, coefficient of variation {outcome.occupancy_cv():.3f}"]
    for name, group in (("with an accommodation", True), ("the others", False)):
        there = outcome.occupancies(group)
        if there and len(there) < len(outcome.occupancies()):
            parts.append(f"{name} ({len(there)}) {outcome.occupancy(group) * 100:.1f} %, "
                         f"variation {outcome.occupancy_cv(group):.3f}")
    return "; ".join(parts) + "."


def _day(whole: Outcome, slots: Mapping[int, Figures]) -> list[Markup]:
    busy = [slot for slot, figures in slots.items() if figures.offered]
    axis = chart.Axis("Time of day", chart.clock, min(busy, default=0) * SLOT_S, (max(busy, default=47) + 1) * SLOT_S,
                      7200.0)
    shown = [(name, whole.series(service)) for service, name in whole.names.items()]

    def of(name: str, by_slot: Mapping[int, Figures], value: str) -> chart.Series:
        return chart.Series(name, [point(slot * SLOT_S + SLOT_S / 2, row(figures)[value])
                                   for slot, figures in by_slot.items() if figures.offered])

    total = whole.total
    return [
        chart.lines("Service level by half hour", f"Over the whole day {share(total.service_level())}.",
                    axis, chart.Axis("Within target", chart.percent, 0.0, 1.0),
                    [of(name, by_slot, "service_level") for name, by_slot in shown]),
        chart.lines("Waiting over the day",
                    f"Mean wait {seconds(total.asa_s, 1)} s, longest {seconds(total.percentile(1.0))} s.",
                    axis, chart.Axis("Seconds"),
                    [of("Mean wait", slots, "asa_s"), of("95 of 100 wait less", slots, "p95_s")]),
        chart.lines("Contacts by half hour", f"{total.offered} in all.", axis, chart.Axis("Contacts"),
                    [of("Offered", slots, "offered"), of("Answered", slots, "answered"),
                     of("Abandoned", slots, "abandoned")]),
        page.table("The same by half hour, all services", ("Half hour", *HEAD[1:]),
                   [(chart.clock(slot * SLOT_S), *cells(figures)) for slot, figures in slots.items()
                    if figures.offered]),
    ]


def _waits(whole: Outcome) -> Markup:
    waits = whole.total.waits
    top = max(whole.total.percentile(TAIL) or 0.0, 1.0)
    at_once = sum(1 for wait in waits if wait <= 0.0)
    rest = [min(wait, top * 0.999999) for wait in waits if wait > 0.0]
    return chart.bars(f"How long those waited who waited ({share(at_once / len(waits) if waits else None)} of the "
                      "answered did not)",
                      f"Half of all waited {seconds(whole.total.percentile(0.5))} s or less, 99 of 100 "
                      f"{seconds(whole.total.percentile(0.99))} s or less.",
                      chart.Axis("Seconds", low=0.0), chart.Axis("Contacts"), histogram(rest, 0.0, top))


def _agents(whole: Outcome) -> list[Markup]:
    found = whole.occupancies()
    low = min(found, default=0.0)
    teams = sorted({tally.team for tally in whole.agents.values()})
    return [
        page.text(fairness_words(whole)),
        chart.bars("Occupancy of the agents", f"From {low * 100:.0f} to {max(found, default=1.0) * 100:.0f} percent.",
                   chart.Axis("Occupancy", chart.percent, 0.0, 1.0), chart.Axis("Agents"),
                   histogram(found, 0.0, 1.0)),
        page.table("Teams", ("Team", "Agents", "Occupancy", "Contacts", "Misses"),
                   [_team(whole, team) for team in teams]),
    ]


def _team(whole: Outcome, team: str) -> tuple[str, ...]:
    group = [tally for tally in whole.agents.values() if tally.team == team]
    busy = sum(tally.talk_s + tally.wrapup_s for tally in group)
    present = busy + sum(tally.available_s for tally in group)
    return (team, f"{len(group)}", f"{busy / present * 100:.1f} %" if present else "",
            f"{sum(tally.contacts for tally in group)}", f"{sum(tally.misses for tally in group)}")


def histogram(values: Sequence[float], low: float, high: float) -> list[tuple[float, float, float]]:
    """Counts in `BARS` equal parts of the span, (from, to, count); the ends take what lies beyond."""
    width = (high - low) / BARS
    counts = [0] * BARS
    for value in values:
        counts[min(BARS - 1, max(0, int((value - low) / width)))] += 1
    return [(low + place * width, low + (place + 1) * width, float(count)) for place, count in enumerate(counts)]
