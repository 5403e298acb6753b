"""Days that are not like others: Türkiye's holidays, half days, days of the centre's own, closures."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from centres.base_shapes import HALF_DAY, HOLIDAY, WORKDAY, Day
from centres.calendar_days import Calendar
from centres.centre_reader import load_centre
from centres.services import Opening
from centres.settings import Hours
from centres.team import OnCall
from tests.ministry import copied

pytestmark = pytest.mark.unit

RELIGIOUS = {  # as the calendar of Diyanet has them: eve, first and last day
    2024: (("2024-04-09", "2024-04-10", "2024-04-12"), ("2024-06-15", "2024-06-16", "2024-06-19")),
    2025: (("2025-03-29", "2025-03-30", "2025-04-01"), ("2025-06-05", "2025-06-06", "2025-06-09")),
    2026: (("2026-03-19", "2026-03-20", "2026-03-22"), ("2026-05-26", "2026-05-27", "2026-05-30")),
}
FIXED = ("01-01", "04-23", "05-01", "05-19", "07-15", "08-30", "10-29")
"""Law 2429, article 1 and 2 (the 15th of July by law 6752)."""

MINUTES = {"09:00-12:00": (540, 720), "13:00-17:00": (780, 1020)}
NATIONAL, EVE, PLAIN = date(2026, 10, 29), date(2026, 10, 28), date(2026, 10, 27)
"""Thursday, Wednesday, Tuesday."""


@pytest.mark.parametrize("year", RELIGIOUS)
def test_the_holidays_of_a_year_are_those_of_the_law_and_of_diyanet(year: int) -> None:
    wanted: dict[date, str] = {date.fromisoformat(f"{year}-{day}"): HOLIDAY for day in FIXED}
    wanted[date(year, 10, 28)] = HALF_DAY
    for eve, first, last in RELIGIOUS[year]:
        wanted[date.fromisoformat(eve)] = HALF_DAY
        day = date.fromisoformat(first)
        while day <= date.fromisoformat(last):
            wanted[day], day = HOLIDAY, day + timedelta(days=1)
    calendar, start = Calendar(), date(year, 1, 1)
    days = [calendar.day_of(start + timedelta(days=number)) for number in range(366 if year % 4 == 0 else 365)]
    assert {day.date: day.kind for day in days if day.kind != WORKDAY} == wanted
    assert all(bool(day.name) is (day.kind != WORKDAY) and "13.00" not in day.name for day in days)


def test_what_the_centre_says_of_a_day_goes_before_the_calendar() -> None:
    calendar = Calendar.model_validate({"days": [
        {"date": "2026-05-25", "kind": "holiday", "name": "İdari izin"}, {"date": "2026-10-29", "kind": "workday"}]})
    assert calendar.day_of(date(2026, 5, 25)) == Day(date(2026, 5, 25), HOLIDAY, "İdari izin")
    assert calendar.day_of(NATIONAL).kind == WORKDAY
    assert Calendar(holidays=False).day_of(NATIONAL).kind == WORKDAY
    with pytest.raises(ValidationError, match="2026-05-25 twice"):
        Calendar.model_validate({"days": [{"date": "2026-05-25", "kind": "holiday"}] * 2})


@pytest.mark.parametrize(("more", "kind", "spans"), [
    ({}, WORKDAY, [(540, 720), (780, 1020)]), ({}, HOLIDAY, []), ({}, HALF_DAY, [(540, 720)]),
    ({"holiday": ["10:00-11:00"]}, HOLIDAY, [(600, 660)]), ({"holiday": ["10:00-11:00"]}, HALF_DAY, [(540, 720)]),
    ({"half_day": []}, HALF_DAY, []),
    ({"dates": {"2026-10-28": ["00:00-24:00"]}, "half_day": []}, HALF_DAY, [(0, 1440)]),
    ({"dates": {"2026-10-28": []}}, WORKDAY, []),
])
def test_which_spans_hold_on_a_day(more: dict[str, object], kind: str, spans: list[tuple[int, int]]) -> None:
    opening = Opening.model_validate({"wednesday": list(MINUTES), **more})
    day = Day(EVE, kind)
    assert list(opening.spans_on(day)) == spans
    assert opening.edges_on(day) == tuple(edge for span in spans for edge in span)
    assert [opening.is_within(day, minute) for minute in (539, 540, 719, 720)] == [
        any(begin <= minute < end for begin, end in spans) for minute in (539, 540, 719, 720)]


def test_a_half_day_ends_within_a_span_and_what_is_on_call_or_always_open_knows_no_holidays() -> None:
    assert Opening(wednesday=("09:00-17:00",)).spans_on(Day(EVE, HALF_DAY)) == ((540, 780),)
    roster = OnCall.model_validate({"thursday": ["18:00-24:00"]})
    assert roster.spans_on(Day(NATIONAL, HOLIDAY)) == ((1080, 1440),)
    assert Hours(always=True).spans_on(Day(NATIONAL, HOLIDAY)) == ((0, 1440),)


@pytest.mark.parametrize(("closure", "told"), [
    ({"begins": "2026-12-31T12:00", "ends": "2026-12-31T12:00"}, "ends before it begins"),
    ({"begins": "2026-12-31T12:00+03:00", "ends": "2027-01-01T00:00"}, "no time zone"),
    ({"begins": "yarın", "ends": "2027-01-01T00:00"}, "begins"), ({"begins": "2026-12-31T12:00"}, "ends"),
    ({"begins": "2026-12-31T12:00", "ends": "2027-01-01T00:00", "services": []}, "services")])
def test_a_closure_that_cannot_be_is_refused(closure: dict[str, object], told: str) -> None:
    with pytest.raises(ValidationError, match=told):
        Calendar.model_validate({"closures": [closure]})


def test_bounds() -> None:
    days = [{"date": str(PLAIN + timedelta(days=number)), "kind": "holiday"} for number in range(401)]
    assert Calendar.model_validate({"days": days[:400]}).days[-1].kind == HOLIDAY
    with pytest.raises(ValidationError, match="400"):
        Calendar.model_validate({"days": days})
    closures = [{"begins": "2026-12-31T12:00", "ends": "2026-12-31T13:00"}] * 101
    assert len(Calendar.model_validate({"closures": closures[:100]}).closures) == 100
    with pytest.raises(ValidationError, match="100"):
        Calendar.model_validate({"closures": closures})


def test_a_closure_of_what_cannot_close_is_told_with_its_line(tmp_path: Path) -> None:
    folder = copied(tmp_path)
    text = (folder / "santral.toml").read_text(encoding="utf-8").replace("closed =", "# closed =")
    at = len(text.splitlines())
    when = "begins = 2026-12-31T12:00:00\nends = 2027-01-01T00:00:00\n"
    (folder / "santral.toml").write_text(
        f"{text}\n[[calendar.closures]]\n{when}services = [\"psikososyal\", \"genel\"]\n[[calendar.closures]]\n{when}",
        encoding="utf-8")
    assert [str(one).partition(". ")[0] for one in load_centre(folder).problems] == [
        f"santral.toml:{at + 5}: 'psikososyal' is for distress, which is never closed",
        f"santral.toml:{at + 5}: no service 'genel'",
        f"santral.toml:{at + 6}: the line closes for once and 'closed' is missing"]
