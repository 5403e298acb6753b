"""Arrivals from curves and files: their counts, their chance, and what is wrong with a file."""

from __future__ import annotations

from math import inf, sqrt
from pathlib import Path
from statistics import fmean, pstdev, pvariance

import pytest

from planning.errors import PlanningError
from planning.simulation.arrivals import (
    COUNT_MAX,
    DEFAULT_DAY,
    HOURLY,
    CallProfile,
    ChanceSettings,
    Day,
    generate_arrivals,
    shares_of,
)
from planning.simulation.counts import choose_days, read_counts
from planning.simulation.sheet import SHOWN
from routing.core.model.centre_model import Centre
from routing.core.model.ids import ServiceId
from tests.planning_house import EDU, agent, service

pytestmark = pytest.mark.unit

ONE = {EDU: 1.0}
TIP = ServiceId("tip")
FLAT = Day("flat", 3600.0, 300.0, (30.0,) * 200)


def test_the_default_day_is_the_mean_weekday() -> None:
    assert DEFAULT_DAY.total == pytest.approx(sum(HOURLY) + 70)
    assert (DEFAULT_DAY.start_s, DEFAULT_DAY.end_s) == (7 * 3600.0, 21 * 3600.0 + 300.0)
    assert sum(DEFAULT_DAY.counts[12:24]) == pytest.approx(1923)
    assert DEFAULT_DAY.scale_counts(0.5).total == pytest.approx(DEFAULT_DAY.total / 2)


def test_a_curve_has_no_more_in_an_interval_than_a_file_may() -> None:
    assert max(FLAT._replace(counts=(1.0, 40.0)).scale_counts(COUNT_MAX / 40.0).counts) == COUNT_MAX
    for more in (COUNT_MAX / 29.9, inf):
        with pytest.raises(PlanningError, match="calls in one interval; at most 1000000"):
            FLAT.scale_counts(more)


def test_arrivals_come_in_order_within_the_day_and_the_same_for_the_same_seed() -> None:
    found = list(generate_arrivals(FLAT, ONE, ChanceSettings(3)))
    times = [one.at for one in found]
    assert times == sorted(times)
    assert FLAT.start_s <= times[0]
    assert times[-1] < FLAT.end_s
    assert found == list(generate_arrivals(FLAT, ONE, ChanceSettings(3)))
    assert found != list(generate_arrivals(FLAT, ONE, ChanceSettings(4)))
    next_day = [one.at - 86_400.0 for one in generate_arrivals(FLAT, ONE, ChanceSettings(3), midnight=86_400.0)]
    assert times == pytest.approx(next_day)


def test_counts_are_poisson_around_the_curve_unless_they_are_to_be_exact() -> None:
    poisson = _per_slot(generate_arrivals(FLAT, ONE, ChanceSettings(5)))
    assert fmean(poisson) == pytest.approx(30.0, abs=3 * sqrt(30 / 200))
    assert 0.7 < pvariance(poisson) / fmean(poisson) < 1.35
    assert _per_slot(generate_arrivals(FLAT, ONE, ChanceSettings(5, poisson=False))) == [30] * 200
    half = len(list(generate_arrivals(FLAT.scale_counts(0.55), ONE, ChanceSettings(5, poisson=False))))
    assert half == pytest.approx(16.5 * 200, abs=25), "a fraction is one more, or not"


def test_real_counts_scatter_more_and_days_differ() -> None:
    wild = _per_slot(generate_arrivals(FLAT, ONE, ChanceSettings(5, dispersion=3.0)))
    assert 2.0 < pvariance(wild) / fmean(wild) < 4.2
    totals = [len(list(generate_arrivals(FLAT.scale_counts(0.1), ONE, ChanceSettings(seed, day_cv=0.3))))
        for seed in range(60)]
    assert 0.2 < pstdev(totals) / fmean(totals) < 0.4


def test_talk_is_lognormal_and_patience_exponential_with_the_means_asked_for() -> None:
    found = list(generate_arrivals(FLAT, ONE, ChanceSettings(1), {EDU: CallProfile(180.0, 90.0, 300.0)}))
    talks, patience = [one.handle_s for one in found], [one.patience_s for one in found]
    assert fmean(talks) == pytest.approx(180.0, rel=0.03)
    assert pstdev(talks) == pytest.approx(90.0, rel=0.1)
    assert fmean(patience) == pytest.approx(300.0, rel=0.05)
    assert pstdev(patience) == pytest.approx(300.0, rel=0.07)
    assert {one.patience_s for one in generate_arrivals(FLAT, ONE, ChanceSettings(1),
        {EDU: CallProfile(patience_s=inf)})} == {inf}


def test_what_is_changed_leaves_the_other_chance_as_it_was() -> None:
    plain = list(generate_arrivals(FLAT, ONE, ChanceSettings(1)))
    other = list(generate_arrivals(FLAT, ONE, ChanceSettings(1), {EDU: CallProfile(60.0, 60.0)}))
    assert [one.at for one in plain] == [one.at for one in other]
    assert [one.patience_s for one in plain] == [one.patience_s for one in other]
    assert [one.handle_s for one in plain] != [one.handle_s for one in other]


def test_shares_of_the_services() -> None:
    found = [one.service for one in generate_arrivals(FLAT, {EDU: 3.0, TIP: 1.0}, ChanceSettings(1))]
    assert found.count(TIP) / len(found) == pytest.approx(0.25, abs=0.03)
    by_service = FLAT._replace(services={"edu": (0.0,) * 100 + (30.0,) * 100, "tip": (30.0,) * 100 + (0.0,) * 100})
    late = [one.service for one in generate_arrivals(by_service, {EDU: 1.0, TIP: 1.0}, ChanceSettings(1))
        if one.at >= 3600 + 30_000]
    assert set(late) == {EDU}
    with pytest.raises(PlanningError, match="shares"):
        list(generate_arrivals(FLAT, {EDU: 0.0}))
    with pytest.raises(PlanningError, match="dispersion"):
        list(generate_arrivals(FLAT, ONE, ChanceSettings(dispersion=0.5)))


def test_without_word_the_shares_follow_the_team() -> None:
    centre = Centre((service("edu"), service("tip"), service("new")),
                    (agent("a1", "edu"), agent("a2", "edu", "tip"), agent("a3", "tip"), agent("a4", "edu")))
    assert shares_of(centre) == {EDU: 3 / 5, TIP: 1 / 5, ServiceId("new"): 1 / 5}


GOOD = "date,slot,calls\n2003-03-03,07:00,111\n2003-03-03,07:10,76\n2003-03-04,07:05,50\n"


def test_a_file_of_counts(tmp_path: Path) -> None:
    first, second = read_counts(_file(tmp_path, GOOD))
    assert first == Day("2003-03-03", 25_200.0, 300.0, (111.0, 0.0, 76.0))
    assert second == Day("2003-03-04", 25_500.0, 300.0, (50.0,))


@pytest.mark.parametrize("text", [
    "Tarih;Saat;Çağrı\n2003-03-03;07:00;111\n2003-03-03;07:05;0\n2003-03-03;07:10;76\n",
    "TARİH;SAAT;ÇAĞRI\n2003-03-03;07:00;111\n2003-03-03;07:05;0\n2003-03-03;07:10;76\n",
    "GU\u0308N;SAAT;C\u0327AG\u0306RI\n2003-03-03;07:00;111\n2003-03-03;07:05;0\n2003-03-03;07:10;76\n",
    "DATE\tTIME\tARRIVALS\n2003-03-03\t07:00\t111\n2003-03-03\t07:05\t0\n2003-03-03\t07:10\t76\n",
    '"date","slot","calls"\n"2003-03-03","07:00","111"\n"2003-03-03","07:05","0"\n"2003-03-03","07:10","76"\n',
    "\ufeffcount\ttime\tdate\tnote\n111\t07:00:00\t2003-03-03\tx\n\n76\t07:10\t2003-03-03 00:00\ty\n"
    "0\t7:05\t2003-03-03\tz\n",
])
def test_other_forms_of_the_same(tmp_path: Path, text: str) -> None:
    assert read_counts(_file(tmp_path, text)) == [Day("2003-03-03", 25_200.0, 300.0, (111.0, 0.0, 76.0))]


def test_counts_by_service_without_a_date(tmp_path: Path) -> None:
    text = "time,count,service\n09:00,5,edu\n09:00,2,tip\n09:30,1,tip\n"
    (day,) = read_counts(_file(tmp_path, text), frozenset({"edu", "tip"}))
    assert read_counts(_file(tmp_path, text.replace("service", "HİZMET").replace("time", "SAAT"))) == [day]
    assert (day.counts, day.width_s) == ((7.0, 1.0), 1800.0)
    assert day.services == {"edu": (5.0, 0.0), "tip": (2.0, 1.0)}


@pytest.mark.parametrize(("text", "said"), [
    ("", ": no line with counts"),
    ("date,slot\n2003-03-03,07:00\n", ":1: no column for the count"),
    ("a,b\n1,2\n", ":1: no column for the time"),
    ("slot,calls\n07:00\n", ":2: 1 columns, the first line has 2"),
    ("date,slot,calls\n3.3.2003,07:00,1\n", ":2: '3.3.2003' is no date"),
    ("slot,calls\n25:00,1\n", ":2: '25:00' is no time of day"),
    ("slot,calls\n07:00,-1\n", ":2: '-1' is no count"),
    ("slot,calls\n07:00,many\n", ":2: 'many' is no count"),
    ("slot,calls\n07:00,nan\n", ":2: 'nan' is no count"),
    (f"slot,calls\n07:00,{COUNT_MAX * 2:.0f}\n", ":2: '2000000' is no count"),
    ("slot,calls\n07:00,1\n07:00,2\n", ":3: the same interval stands in line 2"),
    ("slot,calls\n07:00,1\n07:05,2\n07:12,2\n", ":4: 07:12 is not in the grid of 5 minutes"),
    (f'slot,calls\n07:00,1\n07:05,"{"x" * 131_073}\n', ":3: field larger than field limit"),
    (f'slot,{"x" * 131_073}\n', ":1: field larger than field limit"),
    ("slot,calls,service\n07:00,1,non\n", ":2: no service 'non' in the centre; it has edu"),
])
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(PlanningError) as error:
        read_counts(path, frozenset({"edu"}))
    assert f"{path}{said}" in str(error.value)


def test_a_file_that_is_wrong_everywhere_is_not_printed_whole(tmp_path: Path) -> None:
    with pytest.raises(PlanningError) as error:
        read_counts(_file(tmp_path, "slot,calls\n" + "07:00,x\n" * (SHOWN + 5)))
    assert len(str(error.value).splitlines()) == SHOWN + 1
    assert str(error.value).endswith("... and 5 more")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PlanningError, match="cannot be read"):
        read_counts(tmp_path / "none.csv")
    path = tmp_path / "latin.csv"
    path.write_bytes("saat,çağrı\n".encode("iso-8859-9"))
    with pytest.raises(PlanningError, match="not UTF-8"):
        read_counts(path)


def test_a_day_is_chosen() -> None:
    days = [FLAT._replace(name=name, counts=(count,)) for name, count in (("a", 5.0), ("b", 1.0), ("c", 3.0))]
    assert [one.name for one in choose_days(days, None)] == ["c"]
    assert choose_days(days, "all") == days
    assert [one.name for one in choose_days(days, "b")] == ["b"]
    with pytest.raises(PlanningError, match="no day d among the arrivals; they go from a to c"):
        choose_days(days, "d")


def _file(folder: Path, text: str) -> Path:
    path = folder / "calls.csv"
    path.write_text(text, encoding="utf-8")
    return path


def _per_slot(arrivals: object) -> list[int]:
    counts = [0] * len(FLAT.counts)
    for one in arrivals:  # type: ignore[attr-defined]
        counts[int((one.at - FLAT.start_s) // FLAT.width_s)] += 1
    return counts
