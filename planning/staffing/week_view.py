"""Show the plan of a week: sentences and tables for a terminal, a page to print, JSON, and lines of `on_duty`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from math import fsum
from typing import NamedTuple

from markupsafe import Markup

from drawing import chart, page
from drawing.chart import format_clock
from planning.simulation.arrivals import CallProfile
from planning.simulation.outcome import SLOT_S
from planning.staffing.break_placement import HOUR_CELLS, Spans, join_cells
from planning.staffing.call_forecast import MEAN, NAIVE
from planning.staffing.requirement import SLOTS
from planning.staffing.roster import DAYS, Shift, Worker, seconds_of
from planning.staffing.week_plan import CELLS_OF_SLOT, WeekPlan
from routing.core.model.ids import ServiceId

WEEKDAYS = ("Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi", "Pazar")
SHORT = ("Pzt", "Sal", "Çar", "Per", "Cum", "Cmt", "Paz")
OFF = "–"
WARNED_MOST = 20
"""Most shortages that are printed. More of them say that the team is too small, not when."""


class Assumption(NamedTuple):
    """A figure of the plan, and where it comes from."""

    what: str
    value: str
    measured: bool


def list_assumptions(kinds: Mapping[ServiceId, CallProfile], measured: Iterable[ServiceId],
                     shrinkage: float) -> list[Assumption]:
    """Return the figures behind the needs. Those without a measurement are assumed."""
    known = set(measured)
    found = [Assumption(f"{service}: handle time {kind.handle_s:.0f} s, patience {kind.patience_s:.0f} s",
                        "from the record" if service in known else "assumed", service in known)
             for service, kind in kinds.items()]
    return [*found, Assumption(f"shrinkage {shrinkage:.0%} (illness, training)", "assumed", False),
            Assumption("full shift of 9 hours with 1 hour of breaks, 2 hours of work at a stretch", "assumed", False)]


class WeekView:
    """One plan of a week."""

    def __init__(self, plan: WeekPlan, names: Mapping[ServiceId, str], assumed: Iterable[Assumption]) -> None:
        self.plan, self.names, self.assumed = plan, names, list(assumed)

    def day_of(self, day: int) -> date:
        """Return the date of a day of the week."""
        return self.plan.monday + timedelta(days=day)

    # -- sentences ---------------------------------------------------------------------------------------------------

    def describe_plan(self) -> list[str]:
        """Return sentences about forecast, roster and assumptions."""
        plan, error = self.plan, self.plan.error
        shifts, missing = plan.roster.shifts, plan.roster.shortages
        hours = fsum(shift.work for shift in shifts) / HOUR_CELLS
        ratio, mean = error.ratio_of(error.best), error.ratio_of(MEAN)
        measured = "nothing could be held out, so the error is not known" if ratio is None or mean is None else (
            f"{ratio:.2f} of the error of the seasonal naive forecast (plain mean of six: {mean:.2f}), measured on "
            f"{error.weeks} weeks that it had not seen")
        found = [f"Week of {plan.monday}: {fsum(day.total for day in plan.days):.0f} calls expected, "
                 f"{error.ahead} week{'s' * (error.ahead > 1)} after the record.",
                 f"Forecast by {error.best}: {measured}.",
                 f"Roster: {len(shifts)} shifts, {hours:.0f} hours of work; "
                 + ("every need is covered." if not missing else "needs are missing, see below.")]
        found += [f"assumed: {self.day_of(number)} {day.day.name or day.day.kind}: {day.basis}"
                  for number, day in enumerate(plan.days) if day.assumed]
        found += [f"{one.value}: {one.what}" for one in self.assumed]
        found += [f"warning: {note}" for note in plan.roster.notes]
        found += [f"warning: {self.day_of(one.day)} {_clock(one.first)}–{_clock(one.end)} "
                  f"{self.names.get(one.service, one.service)}: {one.agents} missing" for one in missing[:WARNED_MOST]]
        if len(missing) > WARNED_MOST:
            found.append(f"warning: and {len(missing) - WARNED_MOST} more such times, see --json or the page")
        return found

    # -- tables ------------------------------------------------------------------------------------------------------

    def day_rows(self) -> list[tuple[str, ...]]:
        """Return a row for each day: calls, most agents needed, shifts, and the basis of the forecast."""
        return [(f"{self.day_of(number)}", WEEKDAYS[number], f"{day.total:.0f}", self._peak_of(number),
                 str(sum(shift.day == number for shift in self.plan.roster.shifts)),
                 " ".join(filter(None, (day.day.name, f"({day.basis})", "assumed" if day.assumed else ""))))
                for number, day in enumerate(self.plan.days)]

    def _peak_of(self, day: int) -> str:
        slots = self._needed_by_slot(day)
        most = max(slots)
        return f"{most} at {format_clock(slots.index(most) * SLOT_S)}" if most else "0"

    def _needed_by_slot(self, day: int) -> list[int]:
        return [sum(slots[slot] for slots in self.plan.needs[day].values()) for slot in range(SLOTS)]

    def roster_rows(self) -> list[tuple[str, ...]]:
        """Return a row for each agent: the hours of each day, and the hours of work of the week."""
        rows = []
        for number, worker in enumerate(self.plan.roster.workers):
            shifts = {shift.day: shift for shift in self.plan.roster.shifts if shift.worker == number}
            cells = [self._on_call_cell(worker, day) if worker.remote else _hours_cell(shifts.get(day))
                     for day in range(DAYS)]
            hours = "" if worker.remote else f"{fsum(shift.work for shift in shifts.values()) / HOUR_CELLS:g}"
            rows.append((" + ".join(worker.agents), *cells, hours))
        return rows

    def break_rows(self, day: int) -> list[tuple[str, ...]]:
        """Return a row for each agent who works on a day: hours and breaks."""
        return [(" + ".join(self.plan.roster.workers[shift.worker].agents), _hours_cell(shift),
                 ", ".join(f"{_clock(first)}–{_clock(end)}" for first, end in shift.breaks))
                for shift in self.plan.roster.shifts if shift.day == day]

    def _on_call_cell(self, worker: Worker, day: int) -> str:
        return " ".join(f"{_clock(first)}–{_clock(end)}" for first, end in worker.hours[day] or ()) or OFF

    # -- files -------------------------------------------------------------------------------------------------------

    def render_page(self, centre: str) -> str:
        """Return a page to print, in Turkish: the roster, then needed and planned agents of each day."""
        last = self.day_of(DAYS - 1)
        # 1. The week on one sheet, and what is missing.
        parts = [page.render_paragraph(f"{self.plan.monday:%d.%m.%Y} – {last:%d.%m.%Y}"),
                 page.render_table("Çalışma saatleri", (
                     "Temsilci", *(f"{SHORT[day]} {self.day_of(day):%d.%m}" for day in range(DAYS)), "Saat"),
                     [(*row[:-1], row[-1].replace(".", ",")) for row in self.roster_rows()])]
        missing = [(f"{self.day_of(one.day):%d.%m} {_clock(one.first)}–{_clock(one.end)}",
                    self.names.get(one.service, str(one.service)), str(one.agents))
                   for one in self.plan.roster.shortages]
        parts += [page.render_heading("Eksikler"), page.render_table(
            "Temsilci eksiği olan saatler", ("Saat", "Hizmet", "Eksik"), missing) if missing
            else page.render_paragraph("Eksik yok.")]
        # 2. Each day with its breaks, and the agents that it needs.
        for day in range(DAYS):
            rows = self.break_rows(day)
            if rows or self.plan.days[day].total:
                parts += [page.render_heading(f"{WEEKDAYS[day]} {self.day_of(day):%d.%m.%Y}"),
                          *([page.render_table("Molalar", ("Temsilci", "Saat", "Molalar"), rows)] if rows else []),
                          self._draw_day(day)]
        # 3. The figures behind it.
        parts += [page.render_heading("Dayanaklar"), page.render_table(
            "Kayıttan alınan ve varsayılan değerler", ("Değer", "Kaynak"),
            [(one.what, "kayıt" if one.measured else "varsayım") for one in self.assumed])]
        return page.render_page(f"Çalışma çizelgesi: {centre}", parts, language="tr")

    def _draw_day(self, day: int) -> Markup:
        needed, planned = self._needed_by_slot(day), self._planned_by_slot(day)
        slots = [slot for slot in range(SLOTS) if needed[slot] or planned[slot]]
        first, end = slots[0], slots[-1] + 1
        axis = chart.Axis("Saat", format_clock, first * SLOT_S, end * SLOT_S, 7200.0)

        def steps(values: list[float]) -> list[tuple[float, float]]:
            return [corner for slot in range(first, end)
                    for corner in ((slot * SLOT_S, values[slot]), ((slot + 1) * SLOT_S, values[slot]))]

        title = f"{WEEKDAYS[day]} {self.day_of(day):%d.%m}: {self.plan.days[day].total:.0f} çağrı"
        return chart.draw_lines(title, f"En çok {max(needed):g} temsilci gerekir.", axis, chart.Axis("Temsilci"), [
            chart.Series("gereken", steps(list(map(float, needed)))), chart.Series("çizelgede", steps(planned))])

    def _planned_by_slot(self, day: int) -> list[float]:
        """Return the mean number of working agents of each half hour. A pair counts once, because it takes one call."""
        found = [0.0] * SLOTS
        for shift in self.plan.roster.shifts:
            if shift.day == day:
                for cell in shift.work_cells():
                    found[cell // CELLS_OF_SLOT] += 1.0 / CELLS_OF_SLOT
        for worker in self.plan.roster.workers:
            for first, last in (worker.hours[day] or ()) if worker.remote else ():
                for cell in range(first, last):
                    found[cell // CELLS_OF_SLOT] += 1.0 / CELLS_OF_SLOT
        return found

    def render_on_duty(self) -> str:
        """Return a line of `on_duty` for each agent, whose dates go into `team.yaml`."""
        lines = [f"# on_duty of the week of {self.plan.monday}, by santral staff. Put each into its agent's entry in "
                 "team.yaml.", "# Weekdays that stand there already stay, and these dates override them."]
        for number, worker in enumerate(self.plan.roster.workers):
            if worker.remote:
                continue
            shifts = {shift.day: shift for shift in self.plan.roster.shifts if shift.worker == number}
            dates = ", ".join(f"{self.day_of(day)}: [{', '.join(_work_spans(shifts.get(day)))}]" for day in range(DAYS))
            lines += [f"{agent}: {{on_duty: {{dates: {{{dates}}}}}}}" for agent in worker.agents]
        return "\n".join(lines) + "\n"

    def to_json(self) -> dict[str, object]:
        """Return the whole plan for programs."""
        plan, error = self.plan, self.plan.error
        return {
            "monday": str(plan.monday), "method": error.best, "ahead": error.ahead,
            "held_out": {"weeks": error.weeks, "half_hours": error.half_hours, "errors": dict(error.errors),
                         "ratio": error.ratio_of(error.best), "yardstick": NAIVE},
            "days": [{"date": str(day.date), "kind": day.day.kind, "name": day.day.name, "basis": day.basis,
                      "assumed": day.assumed, "calls": {str(service): [round(calls, 3) for calls in counts]
                                                        for service, counts in day.services.items()},
                      "needed": {str(service): list(slots) for service, slots in needs.items()}}
                     for day, needs in zip(plan.days, plan.needs, strict=True)],
            "shifts": [{"agents": list(plan.roster.workers[shift.worker].agents), "date": str(self.day_of(shift.day)),
                        "start": _clock(shift.first), "end": _clock(shift.end),
                        "breaks": [f"{_clock(first)}-{_clock(end)}" for first, end in shift.breaks]}
                       for shift in plan.roster.shifts],
            "shortages": [{"date": str(self.day_of(one.day)), "start": _clock(one.first), "end": _clock(one.end),
                           "service": str(one.service), "agents": one.agents} for one in plan.roster.shortages],
            "notes": list(plan.roster.notes),
            "figures": [one._asdict() for one in self.assumed],
        }


def _clock(cell: int) -> str:
    return format_clock(seconds_of(cell))


def _hours_cell(shift: Shift | None) -> str:
    return OFF if shift is None else f"{_clock(shift.first)}–{_clock(shift.end)}"


def _work_spans(shift: Shift | None) -> list[str]:
    """Return the working spans of a day in the form of the files. The gaps are the breaks."""
    spans: Spans = () if shift is None else join_cells(shift.work_cells())
    return [f'"{_clock(first)}-{_clock(end)}"' for first, end in spans]
