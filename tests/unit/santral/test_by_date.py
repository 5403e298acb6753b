"""Needs of agents begin by date: what they leave on which day, and whether the files are good on any."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from centres.problem import Problem
from santral.centre import coverage_by_date
from santral.centre.config import CheckedCentre, check_centre, config_of
from santral.centre.coverage_by_date import coming_problems
from tests.ministry import copied, edit

pytestmark = pytest.mark.unit

TODAY = date(2026, 2, 1)
CHAT = "channels: [chat]"
NOBODY = r"menu\.yaml:\d+: (from \S+ on: )?no agent who takes calls of 'gorus_oneri' has en 40"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """In which a1131 alone has what the menu asks for."""
    copy = copied(tmp_path)
    edit(copy, "santral.toml", "[trunk]\n", '[trunk]\noutgoing = "sip.carrier.example:5060"\n')
    edit(copy, "menu.yaml", "then: gorus-oneri", "then: gorus-oneri\n        needs: {en: 40}")
    edit(copy, "team.yaml", 'number: "1131", team: gorus_oneri, skills: {',
         'number: "1131", team: gorus_oneri, skills: {en: 40, ')
    return copy


def needs(folder: Path, *entries: str) -> None:
    (folder / "accommodations.yaml").write_text(
        "\n".join(("accommodations:", *(f"  - {{agent: {one}}}" for one in entries))) + "\n", encoding="utf-8")


def told(found: Sequence[Problem]) -> list[str]:
    return [str(one) for one in found]


def looked(folder: Path, today: date = TODAY) -> CheckedCentre:
    return check_centre(folder, today=today)


def test_what_needs_leave_on_a_later_day_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs(folder, "a1004, ring_timeout_s: 30, valid_from: 2026-02-28",
          f"a1131, {CHAT}, valid_from: 2026-03-02, valid_to: 2026-03-09", "a1131, valid_from: 2026-03-10")
    found = looked(folder)
    assert found.problems == found.today == ()
    (one,) = told(coming_problems(found.loaded, found.flow))
    assert re.match(NOBODY, one) and "from 2026-03-02 on: " in one
    then = looked(folder, date(2026, 3, 2))
    assert coming_problems(then.loaded, then.flow) == [], "a problem of today already"
    monkeypatch.setattr(coverage_by_date, "DAYS_MAX", 1)
    assert coming_problems(found.loaded, found.flow) == [], "the nearest days alone"


def test_what_is_to_be_warned_about_on_a_later_day_is_told_too(folder: Path) -> None:
    needs(folder, "a1004, no_topics: [yok], valid_from: 2026-03-02")
    found = looked(folder)
    (one,) = told(coming_problems(found.loaded, found.flow))
    assert re.match(r"accommodations\.yaml:2: from 2026-03-02 on: a word in 'no_topics' that is neither the id of", one)


@pytest.mark.parametrize("entries", [
    [f"a1131, {CHAT}, valid_from: 2026-01-02"],  # good before
    [f"a1131, {CHAT}, valid_to: 2026-03-01", "a1131, valid_from: 2026-03-02"],  # good later
    [f"a1131, {CHAT}, valid_from: 2026-02-01", "a1004, ring_timeout_s: 30, valid_from: 2027-01-01"]])
def test_what_is_good_on_another_day_is_of_today_and_keeps_nothing_from_its_work(folder: Path, entries: list[str]
                                                                               ) -> None:
    needs(folder, *entries)
    found = looked(folder)
    assert found.problems == () and re.match(NOBODY, told(found.today)[0]) and len(found.today) == 1
    assert config_of(found) is not None


@pytest.mark.parametrize("entries", [
    [f"a1131, {CHAT}"],
    [f"a1131, {CHAT}, valid_to: 2026-01-31"],  # what somebody needs does not end by itself
    [f"a1131, {CHAT}, valid_to: 2026-01-31", "a1131, no_topics: [gorus_oneri], valid_from: 2026-02-01"]])
def test_what_is_wrong_on_every_day_is_wrong_by_itself(folder: Path, entries: list[str]) -> None:
    needs(folder, *entries)
    found = looked(folder)
    assert re.match(NOBODY, told(found.problems)[0]) and found.today == () and config_of(found) is None


def test_another_mistake_is_none_of_the_calendar(folder: Path) -> None:
    needs(folder, f"a1131, {CHAT}, valid_from: 2026-01-02")
    edit(folder, "team.yaml", 'number: "1002"', 'number: "1001"')
    found = looked(folder)
    assert ["appears twice" in one for one in told(found.problems)] == [True]
    assert len(found.today) == 1 and config_of(found) is None


def test_the_days_nearest_to_today_are_looked_at(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needs(folder, f"a1131, {CHAT}, valid_to: 2026-03-01", "a1131, valid_from: 2026-03-02",
          "a1004, ring_timeout_s: 30, valid_from: 2026-02-20")
    assert looked(folder).today
    monkeypatch.setattr(coverage_by_date, "DAYS_MAX", 1)
    assert looked(folder).problems
