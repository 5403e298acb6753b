"""Opening hours and rosters reach the plan: what is closed gets no offers, who is on call is there by the roster."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from planning.simulation import duty_plan
from planning.simulation.arrivals import DAY_S, HOUR_S, ChanceSettings, Day
from planning.simulation.centre_run import run_simulation
from planning.simulation.opening import (
    OpeningHours,
    describe_opening,
    exclude_on_call,
    ignore_on_duty,
    restrict_to_team,
)
from planning.simulation.study import SimulationStudy, run_study
from routing.core.events import ServiceHoursSet, WorkingHoursPlanned
from routing.core.model.ids import AgentId, ServiceId
from santral.centre.config import node_config
from santral.cli import cli
from santral.node.opening_hours import opening_on
from tests.ministry import MEB, copied, edit, seated
from tests.planning_house import EDU, pool

pytestmark = pytest.mark.unit

NIGHT = Day("2026-10-28", 0.0, 6 * HOUR_S, (24.0, 24.0, 24.0, 24.0))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Counsellors are on call in the evening only, one service has hours."""
    copy = copied(tmp_path)
    seated(copy)
    roster = ", ".join(f'{day}: ["18:00-24:00"]' for day in (
        "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"))
    team = (copy / "team.yaml").read_text(encoding="utf-8").splitlines(keepends=True)
    lines = [line.replace("team: psikososyal,", f"team: psikososyal, on_call: {{{roster}}},") for line in team]
    (copy / "team.yaml").write_text("".join(lines), encoding="utf-8")
    edit(copy, "services.yaml", "  - id: gorus_oneri\n",
         "  - id: gorus_oneri\n    hours: {wednesday: [\"09:00-12:00\", \"13:00-17:00\"]}\n")
    return copy


def test_a_day_is_as_the_files_say_with_its_holidays(folder: Path) -> None:
    config = node_config(folder)
    opening = opening_on(config.settings, config.loaded, "typical weekday")
    service, agent = ServiceId("gorus_oneri"), AgentId("a1001")
    assert opening.hours == {service: ((9 * HOUR_S, 12 * HOUR_S), (13 * HOUR_S, 17 * HOUR_S))}
    assert opening.on_call[agent] == ((18 * HOUR_S, DAY_S),)
    eve = opening_on(config.settings, config.loaded, "2026-10-28")
    assert eve.hours == {service: ((9 * HOUR_S, 12 * HOUR_S),)}, "until 13:00 on the eve of Cumhuriyet Bayramı"
    assert opening_on(config.settings, config.loaded, "2026-10-29").hours == {service: ()}
    found = list(opening.hour_events())
    assert (0.0, WorkingHoursPlanned(agent, ((18 * HOUR_S, DAY_S),))) in found
    assert [one for one in found if isinstance(one[1], ServiceHoursSet)] == [
        (0.0, ServiceHoursSet(service, False)), (9 * HOUR_S, ServiceHoursSet(service, True)),
        (12 * HOUR_S, ServiceHoursSet(service, False)), (13 * HOUR_S, ServiceHoursSet(service, True)),
        (17 * HOUR_S, ServiceHoursSet(service, False))]
    told = describe_opening(opening, config.centre)
    assert told[0] == "Open: Görüş ve öneri 09:00–12:00, 13:00–17:00; the others all day."
    assert "a1001 18:00–24:00" in told[1]


def test_who_is_on_call_is_at_no_seat(folder: Path) -> None:
    config = node_config(folder)
    outside = {agent.id for agent in config.centre.agents if agent.remote}
    there = {duty.agent for duty in exclude_on_call(duty_plan.plan_shifts(config.centre), config.centre)}
    assert outside and not outside & there
    assert {duty.agent for duty in opening_on(config.settings, config.loaded, "x").complete_duties(())} == outside


def test_fixed_working_hours_replace_the_plan(folder: Path) -> None:
    edit(folder, "team.yaml", "- {id: a1041,", '- {id: a1041, on_duty: {wednesday: ["08:00-12:00"]},')
    config = node_config(folder)
    opening, agent = opening_on(config.settings, config.loaded, "typical weekday"), AgentId("a1041")
    duties = opening.complete_duties(exclude_on_call(duty_plan.plan_shifts(config.centre), config.centre))
    assert [(duty.start, duty.end) for duty in duties if duty.agent == agent] == [(8 * HOUR_S, 12 * HOUR_S)]
    # A day off is a duty of no time, and other agents keep the simple plan.
    holiday = opening_on(config.settings, config.loaded, "2026-10-29")
    assert holiday.on_duty == {agent: ()} and not [duty for duty in holiday.complete_duties(duties)
                                                   if duty.agent == agent]
    assert len(duties) > 100
    given = ignore_on_duty(partial(opening_on, config.settings, config.loaded))("x")
    assert agent not in given.on_duty


def test_a_team_of_any_size_has_its_own_on_call() -> None:
    """Of the shipped centre: fewer agents than it has, as many, and more."""
    config = node_config(MEB)
    opening = partial(opening_on, config.settings, config.loaded)
    whole = opening("typical weekday")
    size = len(config.centre.agents)
    for number in (*range(1, size + 1), 2 * size):
        team = duty_plan.resize_team(config.centre, number)
        found = restrict_to_team(opening, team)("typical weekday")
        there = {agent.id for agent in team.agents}
        assert found.on_call == {agent: whole.on_call[duty_plan.original_of(agent)] for agent in there
                                 if duty_plan.original_of(agent) in whole.on_call}
        plan = found.complete_duties(exclude_on_call(duty_plan.plan_shifts(team), team))
        run_simulation(team, (), plan, also=found.hour_events(), until=0.0)  # refused if somebody is not in the team
        assert found.hours == whole.hours
        if number == size:
            assert found == whole
    assert len(found.on_call) == 2 * len(whole.on_call) > 0


@pytest.mark.parametrize("command", ["simulate", "staff"])
def test_the_shipped_centre_can_be_tried_with_fewer_agents(command: str, tmp_path: Path) -> None:
    calls = tmp_path / "calls.csv"
    calls.write_text("slot,calls\n09:00,6\n09:30,4\n", encoding="utf-8")
    options = ("--runs", "0") if command == "staff" else ()
    found: Any = CliRunner().invoke(cli, [command, str(MEB), "--agents", "50", "--arrivals", str(calls), *options],
                                 env={"COLUMNS": "200"})
    assert found.exit_code == 0, found.output
    (told,) = re.findall("On call: (.*)", found.output)
    there = {agent.id for agent in duty_plan.resize_team(node_config(MEB).centre, 50).agents}
    assert {one.split()[0] for one in told.split("; ")} < there


def test_a_closed_service_serves_nobody_and_who_is_on_call_does() -> None:
    centre = pool(2)
    everybody = OpeningHours(on_call={agent.id: ((12 * HOUR_S, DAY_S),) for agent in centre.agents})

    def answered(opening: OpeningHours) -> tuple[int, int]:
        study = SimulationStudy(centre, (NIGHT,), (), {EDU: 1.0}, chance=ChanceSettings(3, poisson=False),
            opening=lambda day: opening)
        total = run_study(study)[0].outcome.total
        return total.answered, total.turned_away

    open_half, _ = answered(everybody)
    closed, sent_on = answered(everybody._replace(hours={EDU: ((0.0, 18 * HOUR_S),)}))
    assert 0 < open_half < 96 and 0 < closed < open_half and sent_on > 0


def test_staff_warns_of_the_hours_in_which_no_counsellor_is_there(folder: Path) -> None:
    found: Any = CliRunner().invoke(cli, ["staff", str(folder), "--runs", "0"], env={"COLUMNS": "200"})
    assert found.exit_code == 0, found.output
    assert "warning: 00:00–18:00 Psikososyal destek: open, but no agent on duty may serve it" in found.output
    assert "Görüş ve öneri: open, and nobody" not in found.output
