"""Lines of the carrier in a simulation: classes, refusals, repeated calls, and a line for every call until its end."""

from __future__ import annotations

from collections.abc import Mapping
from math import inf

import pytest

from planning.simulation.arrival import Arrival
from planning.simulation.arrivals import Day
from planning.simulation.centre_run import run_simulation
from planning.simulation.duty_plan import plan_all_day
from planning.simulation.outcome import RunOutcome
from planning.simulation.trunk_lines import LineFigures, LineRules, TrunkLines
from planning.staffing.line_need import describe_need, fewest_lines, find_line_need
from planning.staffing.requirement import ServiceGoal, plan_by_erlang
from routing.core.model.centre_model import Agent, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ServiceId, SkillId

pytestmark = pytest.mark.unit

HELP, REST = ServiceId("destek"), ServiceId("diger")
IDLE = Profile(wrapup_s=0.0, max_continuous_s=inf)


def centre(helpers: int = 1, others: int = 2) -> Centre:
    services = tuple(Service(id_, id_, (Step(((SkillId(id_), 1),)),), distress=id_ == HELP) for id_ in (HELP, REST))
    team = [(HELP, number) for number in range(helpers)] + [(REST, number) for number in range(others)]
    return Centre(services, tuple(Agent(AgentId(f"{id_}{number}"), ((SkillId(id_), 50),), IDLE)
                                  for id_, number in team))


def run(arrivals: list[Arrival], rules: LineRules) -> tuple[RunOutcome, LineFigures]:
    lines = TrunkLines(rules)
    outcome = run_simulation(centre(), arrivals, plan_all_day(centre()), lines=lines)
    return outcome, lines.close_lines()


def calls(service: ServiceId, count: int, handle_s: float = 100.0, patience_s: float = inf) -> list[Arrival]:
    return [Arrival(10.0 + number / 100.0, service, handle_s, patience_s) for number in range(count)]


def test_without_a_limit_the_lines_change_nothing() -> None:
    flood = [*calls(REST, 30, patience_s=500.0)]
    free = run_simulation(centre(), flood, plan_all_day(centre()))
    outcome, figures = run(flood, LineRules(1_000))
    assert sorted(outcome.total.waits) == sorted(free.total.waits)
    assert (outcome.total.answered, outcome.total.abandoned) == (free.total.answered, free.total.abandoned)
    assert figures.attempts == figures.ended == 30 and figures.refused == 0


@pytest.mark.parametrize(("kept", "taken"), [({}, 12), ({HELP: 4}, 8)])
def test_kept_lines_are_never_taken_by_others(kept: Mapping[ServiceId, int], taken: int) -> None:
    _, figures = run(calls(REST, 30), LineRules(12, kept, redial_share=0.0))
    assert figures.most_held == {"other": taken} and figures.refused == 30 - taken == figures.lost[REST]


def test_a_number_of_its_own_has_the_kept_lines_and_a_most() -> None:
    rules = LineRules(12, {HELP: 4}, {HELP: 6}, frozenset({HELP}), redial_share=0.0)
    _, figures = run([*calls(REST, 30), *(one._replace(at=one.at + 1.0) for one in calls(HELP, 10))], rules)
    assert figures.most_held[HELP] == 4, "the others have the rest"
    _, alone = run(calls(HELP, 10), rules)
    assert alone.most_held == {HELP: 6, "words": 4} and alone.words == 4 and alone.refused == 0


def test_a_key_for_distress_moves_the_call_and_frees_the_place() -> None:
    """Of the common number: four keyed calls, then eight others fit next to them."""
    flood = [*calls(HELP, 4), *(one._replace(at=one.at + 20.0) for one in calls(REST, 30))]
    _, figures = run(flood, LineRules(12, {HELP: 4}, menu_s={HELP: 5.0}, redial_share=0.0))
    assert figures.most_held == {"other": 8, HELP: 4}


def test_a_blocked_caller_tries_again_and_is_one_person() -> None:
    outcome, figures = run(calls(REST, 30), LineRules(4, redial_share=1.0))
    assert figures.people == {REST: 30} and outcome.total.answered == 30, "everybody gets through in the end"
    assert figures.attempts == 30 + figures.refused and not figures.lost


def test_who_is_deflected_frees_the_line_and_distress_never_is() -> None:
    rules = LineRules(1_000, {HELP: 4}, deflect_waiting=3, deflect_s=14.0, distress=frozenset({HELP}))
    outcome, figures = run(sorted([*calls(REST, 30), *calls(HELP, 10)], key=lambda one: one.at), rules)
    assert figures.deflected == {REST: 30 - 2 - 3} and outcome.services[HELP].answered == 10
    assert figures.ended == figures.attempts == 40


@pytest.mark.parametrize(("load", "lines"), [(4.4612, 10), (20.3373, 30), (84.0642, 100), (160.4156, 180)])
def test_the_lines_for_one_percent_are_those_of_the_tables(load: float, lines: int) -> None:
    assert fewest_lines(load - 0.001) == lines and fewest_lines(load + 0.001) == lines + 1


def test_a_plan_says_how_many_lines_it_needs_with_repeated_calls() -> None:
    day = Day("x", 36_000.0, 300.0, (300.0,) * 6)
    plan = plan_by_erlang(day, {REST: 1.0}, {REST: ServiceGoal()})
    need, more = find_line_need(plan, 0.0), find_line_need(plan, 0.8)
    assert need is not None and more is not None and need.load < more.load and need.slot == 20
    assert describe_need(more, LineRules(300, {HELP: 60}))[1].endswith("enough.")
    assert describe_need(more, LineRules(200, {HELP: 60}))[1].endswith("too few for all other callers.")
    assert describe_need(find_line_need(plan_by_erlang(day.scale_counts(0.0), {REST: 1.0}, {REST: ServiceGoal()}),
                                        0.8), None) == []
