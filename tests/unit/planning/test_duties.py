"""Agents at work over time: the simple plan, and plans from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from planning.errors import PlanningError
from planning.simulation.centre_run import Duty, run_simulation
from planning.simulation.duty_plan import STARTS, plan_all_day, plan_shifts, read_shifts, resize_team
from planning.simulation.sheet import SHOWN
from routing.core.model.centre_model import Profile
from routing.core.model.ids import AgentId
from tests.planning_house import BARE, agent, pool

pytestmark = pytest.mark.unit

H = 3600.0
A1 = AgentId("a1")


def there(duties: list[Duty], at: float) -> int:
    """Return the number of agents on duty and not in a break."""
    return sum(one.start <= at < one.end and not any(begin <= at < end for begin, end in one.breaks) for one in duties)


def test_the_simple_plan_covers_the_day_also_in_a_small_team() -> None:
    for size in (3, 20, 180):
        plan = plan_shifts(pool(size))
        assert all(any(one.start <= hour * H < one.end for one in plan) for hour in range(24))
        assert size < 20 or all(there(plan, minute * 60.0) for minute in range(0, 1440, 15)), "breaks do not coincide"
    assert there(plan, 11 * H) > 3 * there(plan, 3 * H)
    assert sorted(set(STARTS)) == [0, 7, 8, 9, 11, 13, 16]


def test_the_simple_plan_can_be_run_and_breaks_of_neighbours_differ() -> None:
    centre = pool(40)
    assert run_simulation(centre, (), plan_shifts(centre)).agents[A1].paused_s == 3 * 900.0
    assert len({one.breaks for one in plan_shifts(centre) if one.start == 8 * H}) > 1


def test_a_team_of_another_size() -> None:
    centre = pool(4)._replace(agents=(*pool(3).agents, agent("a4", profile=Profile(pair_id="p"))))
    assert [one.id for one in resize_team(centre, 2).agents] == ["a1", "a3"]
    more = resize_team(centre, 9)
    assert len({one.id for one in more.agents}) == 9
    assert more.agents[7].id == "a4+2"
    assert more.agents[7].profile.pair_id == "p+2"
    assert more.agents[8].skills == centre.agents[0].skills
    with pytest.raises(PlanningError, match="at least one"):
        resize_team(centre, 0)
    with pytest.raises(PlanningError, match="no agents"):
        resize_team(pool(0), 5)


def test_all_day() -> None:
    assert plan_all_day(pool(1, BARE)) == [Duty(A1, 0.0, 24 * H)]


def test_shifts_from_a_file(tmp_path: Path) -> None:
    path = _file(tmp_path, "agent,start,end,break,break\na1,08:00,16:00,12:00-12:30,10:00-10:15\n\n"
                           "a2,22:00,06:00,23:50-00:05,02:00-02:15\n")
    assert read_shifts(path, pool(2)) == [
        Duty(A1, 8 * H, 16 * H, ((10 * H, 10.25 * H), (12 * H, 12.5 * H))),
        Duty(AgentId("a2"), 300.0, 6 * H, ((2 * H, 2.25 * H),)),
        Duty(AgentId("a2"), 22 * H, 30 * H, ((23 * H + 3000.0, 24 * H + 300.0), (26 * H, 26.25 * H))),
    ]
    assert read_shifts(_file(tmp_path, "a1;00:00;24:00\n"), pool(1)) == [Duty(A1, 0.0, 24 * H)]


@pytest.mark.parametrize(("text", "said"), [
    ("", ": no duties"),
    ("a1,08:00\n", ":1: a line needs agent,start,end"),
    ("agent,start,end\na1,8,16:00\n", ":2: '8' is no time of day"),
    ("a1,08:00,25:00\n", ":1: '25:00' is no time of day"),
    ("a1,08:00,16:00,noon\n", ":1: 'noon' is no break"),
    ("a1,08:00,16:00,15:50-16:10\n", ":1: the break 15:50-16:10 is not within 08:00 to 16:00"),
    ("a9,08:00,16:00\n", ":1: no agent 'a9' in the team"),
    ("a1,08:00,16:00\na1,15:00,20:00\n", ":2: a1 has a duty at that time already"),
    ("a1,22:00,06:00\na1,05:00,07:00\n", ":2: a1 has a duty at that time already"),
    ("a1,05:00,07:00\na1,22:00,06:00\n", ":2: a1 has a duty at that time already"),
    ("a2,22:00,06:00\na1,08:00,16:00,10:00-11:00,10:45-11:15\n", ":2: two breaks overlap"),
    ("a1,22:00,06:00,23:50-00:10,00:05-00:20\n", ":1: two breaks overlap"),
    ("a1,00:00,24:00,01:00-23:00\n", ":1: the break 01:00-23:00 takes more than 4 hours"),
    ("a1,08:00,16:00" + "".join(f",10:{minute:02}-10:{minute + 1:02}" for minute in range(25)) + "\n",
     ":1: 25 breaks; at most 24 in a duty"),
    (f'a1,08:00,16:00\na2,08:00,16:00,"{"x" * 131_073}\n', ":2: field larger than field limit"),
])
def test_what_is_wrong_with_a_plan_is_said_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    path = _file(tmp_path, text)
    with pytest.raises(PlanningError) as error:
        read_shifts(path, pool(2))
    assert f"{path}{said}" in str(error.value)


def test_a_break_over_midnight_is_one_in_the_morning_as_well(tmp_path: Path) -> None:
    """An agent on a break at midnight comes after it. So does an agent whose duty begins with a break."""
    text = ("a1,22:00,06:00,23:50-00:10,00:10-00:20,02:00-02:15\na1,08:00,09:00,08:00-08:10\n"
            "a2,23:00,01:00,00:00-01:00\n")
    plan = read_shifts(_file(tmp_path, text), pool(2))
    assert plan == [
        Duty(A1, 1200.0, 6 * H, ((2 * H, 2.25 * H),)),
        Duty(A1, 22 * H, 30 * H, ((24 * H - 600, 24 * H + 600), (24 * H + 600, 24 * H + 1200), (26 * H, 26.25 * H))),
        Duty(A1, 8 * H + 600.0, 9 * H), Duty(AgentId("a2"), 23 * H, 25 * H, ((24 * H, 25 * H),))]
    assert [there(plan, minute * 60.0) for minute in (0, 15, 25, 23 * 60 + 40, 23 * 60 + 55)] == [0, 0, 1, 2, 1]
    assert run_simulation(pool(2), (), plan).agents[A1].paused_s == 900.0 + 1800.0 + 900.0


def test_plans_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(PlanningError, match="cannot be read"):
        read_shifts(tmp_path / "none.csv", pool(1))
    path = tmp_path / "bad.csv"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(PlanningError, match="not UTF-8"):
        read_shifts(path, pool(1))
    with pytest.raises(PlanningError) as error:
        read_shifts(_file(tmp_path, "a9,08:00,16:00\n" * (SHOWN + 3)), pool(1))
    assert str(error.value).endswith("... and 3 more")


def _file(folder: Path, text: str) -> Path:
    path = folder / "shifts.csv"
    path.write_text(text, encoding="utf-8")
    return path
