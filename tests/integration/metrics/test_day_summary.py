"""The paragraph at the beginning of a day's report, of made-up days that can be counted on fingers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from metrics.reports.daily_report import read_report
from metrics.reports.day_summary import DaySummary, Reason, read_summary
from metrics.reports.period import named_period
from metrics.reports.view import ReportView
from routing.core import events
from routing.core.model.ids import AgentId, ContactId
from santral.node.state_reader import open_past
from tests.fakes.report_day import MIDNIGHT, TIP, ZONE, Day

pytestmark = pytest.mark.integration

HOUR_S, DAY_S = 3600.0, 86_400.0
DAY = named_period("day", "2026-03-02", ZONE, 0.0)
NEXT = named_period("day", "2026-03-09", ZONE, 0.0)


def read(day: Day, tmp_path: Path, date: str, closed: str = "kapali") -> tuple[ReportView, DaySummary]:
    asyncio.run(day.keep(str(tmp_path / "santral.db")))
    with open_past(str(tmp_path / "santral.db")) as ask:
        report = read_report(ask, named_period("day", date, ZONE, 0.0), closed)
        summary = read_summary(ask, report)
    assert summary is not None
    return ReportView(report, summary), summary


def talk(day: Day, at: float, name: str, after: float = 5.0, lasts: float = 60.0) -> None:
    call = day.call(at, name)
    day.connect(at + after, call)
    day.over(at + after + lasts, call)


def give_up(day: Day, at: float, name: str, waits: float) -> None:
    call = day.call(at, name, TIP)
    day.give(at + waits, events.CallerHungUp(call))


def test_a_day_is_told_beside_the_week_before(tmp_path: Path) -> None:
    """One week later three times as many come at ten, and two of them give up."""
    day = Day()
    day.sign_in(8 * HOUR_S, *range(7))
    talk(day, 10 * HOUR_S, "once")
    talk(day, 14 * HOUR_S, "later")
    week = 7 * DAY_S
    for number in range(4):
        talk(day, week + 10 * HOUR_S + 120.0 * number, f"c{number}")
    for number in range(7):
        day.give(week + 10 * HOUR_S + 600.0, events.AgentSignedOut(AgentId(f"a{number}")))
    give_up(day, week + 10 * HOUR_S + 700.0, "five", 40.0)
    give_up(day, week + 10 * HOUR_S + 800.0, "six", 95.0)
    for name, entry in (("n1", "kapali"), ("n2", "kapali"), ("n3", "ana")):
        day.give(week + 20 * HOUR_S, events.MenuEnded(ContactId(name), entry, ("n",), "self_service", 9.0))
    view, summary = read(day, tmp_path, "2026-03-09")
    assert summary.before is not None and summary.before.offered == 2
    assert summary.worst is not None and summary.worst.late == 2 and summary.worst.reason == Reason.CALLS
    told = view.intro_lines()[0]
    assert told.startswith("Sıraya 6 kişi girdi; bir hafta önceki pazartesi günü 2 kişiydi (+%200,0).")
    assert "Hedefini tutan: Bilgi %100,0 (hedef %80,0)." in told
    assert "Hedefini tutmayan: Tip %0,0 (hedef %80,0)." in told
    assert "En kötü yarım saat 10:00: 2 kişi geç yanıt aldı ya da vazgeçti; bir hafta öncesine göre 6,0 kat" in told
    assert "En uzun bekleme 1 dk 35 sn: Tip, 10:13 (santral why --longest 2026-03-09)." in told
    assert "Kapalı saatlerde arayan: 2. Açılmadan reddedilen: 0 (bilinmeyen numara 0, boş hat yok 0)." in told
    english = ReportView(view.report, summary, english=True).intro_lines()[0]
    assert "6 contacts came; 2 came on Monday a week before (+200.0 %)." in english


@pytest.mark.parametrize(("people", "reason", "said"), [
    (0, Reason.NOBODY, "oturum açmış temsilci yoktu"), (7, Reason.BREAKS, "molada geçti"),
    (4, Reason.UNKNOWN, "belirgin bir neden yok")])
def test_the_reason_names_agents_only_as_a_group(people: int, reason: Reason, said: str, tmp_path: Path) -> None:
    """Below five agents a share of time in breaks would be one of each."""
    day = Day()
    day.sign_in(8 * HOUR_S, *range(people))
    for number in range(people):
        day.give(10 * HOUR_S, events.AgentPaused(AgentId(f"a{number}")))
    give_up(day, 10 * HOUR_S + 60.0, "one", 30.0)
    if people:
        day.give(10 * HOUR_S + 2000.0, events.AgentResumed(AgentId("a0")))
    view, summary = read(day, tmp_path, "2026-03-02")
    assert summary.worst is not None and summary.worst.reason == reason
    assert said in view.intro_lines()[0] and "kayıt yok" in view.intro_lines()[0]


def test_opening_hours_are_the_axis(tmp_path: Path) -> None:
    """Half hours without calls are shown while the centre is open, and calls outside the hours too."""
    day = Day()
    day.sign_in(8 * HOUR_S, *range(7))
    talk(day, 10 * HOUR_S, "once")
    talk(day, 18 * HOUR_S + 60.0, "evening")
    view, _ = read(day, tmp_path, "2026-03-02")
    view.hours = [(MIDNIGHT + 9 * HOUR_S, MIDNIGHT + 12 * HOUR_S), (MIDNIGHT + 13 * HOUR_S, MIDNIGHT + 17 * HOUR_S)]
    slots = next(sheet for sheet in view.build_sheets() if sheet.title == "Yarım saatler")
    times = [row[0] for row in slots.rows]
    assert times[:2] == ["09:00", "09:30"] and "12:00" not in times and times[-2:] == ["16:30", "18:00"]
    picture = view.render_page()
    assert ">09:00</text>" in picture and ">06:00</text>" not in picture and ">20:00</text>" not in picture


def test_percentiles_are_those_of_the_answered(tmp_path: Path) -> None:
    day = Day()
    day.sign_in(8 * HOUR_S, *range(7))
    for number in range(10):
        talk(day, 10 * HOUR_S + 300.0 * number, f"c{number}", after=1.0 + number)
    view, _ = read(day, tmp_path, "2026-03-02")
    row = view.report.total.to_row()
    assert [row[f"wait_p{share}_s"] for share in (50, 80, 90, 95)] == [5.0, 8.0, 9.0, 10.0]
    overview = {line[0]: line[1] for line in view.build_sheets()[0].rows}
    assert overview["Bekleme, %90 (sn)"] == "9,0" and overview["Vazgeçme oranı (abandonment)"] == "%0,0"


def test_refused_calls_are_in_the_paragraph_and_in_a_table(tmp_path: Path) -> None:
    """A sum of a minute before midnight belongs to the day before."""
    day = Day()
    for at, calls in ((-30.0, 9), (9 * HOUR_S, 2), (9 * HOUR_S + 60.0, 3)):
        day.give(at, events.CallsRefused("unknown_number", calls, "plus-13"))
    day.give(10 * HOUR_S, events.CallsRefused("unknown_number", 4, "other"))
    day.give(10 * HOUR_S, events.CallsRefused("no_line", 1))
    view, _ = read(day, tmp_path, "2026-03-02")
    assert "Açılmadan reddedilen: 10 (bilinmeyen numara 9, boş hat yok 1)." in view.intro_lines()[0]
    sheet = next(sheet for sheet in view.build_sheets() if sheet.title.startswith("Reddedilen"))
    assert sheet.rows == [("Reddedildi, bilinmeyen numara: + ile, 13 hane", "5"),
                          ("Reddedildi, bilinmeyen numara: öteki biçimler", "4"), ("Reddedildi, boş hat yoktu", "1")]
    assert "Refused, unknown number: + and 13 digits" in ReportView(view.report, english=True).render_page()
