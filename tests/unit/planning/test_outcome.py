"""Figures of a run: every definition on numbers that can be counted by hand."""

from __future__ import annotations

import csv
import io
import json
import re
from array import array

import pytest

from planning.cli import _format_interval
from planning.journal.comparison import MEASURES
from planning.simulation.centre_run import run_simulation
from planning.simulation.outcome import (
    SLOT_S,
    Figures,
    OutcomeCell,
    RunOutcome,
    ServiceLevelRule,
    merge_outcomes,
    percentile_of,
    variation_of,
)
from planning.simulation.report import figure_cells, render_csv, render_page
from planning.simulation.study import StudyRun, to_row
from routing.core.events import AgentResumed
from routing.core.model.ids import AgentId
from tests.planning_house import BARE, EDU, always, calls, pool

pytestmark = pytest.mark.unit


def figures() -> Figures:
    """Ten came: six answered (four within 20 s), three gave up (one at once), one went to the net."""
    one = OutcomeCell(offered=6, answered=4, within=3, abandoned=2, short=1, waits=array("d", (0.0, 30.0, 10.0, 20.0)),
               gave_up=array("d", (2.0, 50.0)), talk_s=400.0, wrapup_s=40.0)
    two = OutcomeCell(offered=4, answered=2, within=1, abandoned=1, overflowed=1, waits=array("d", (0.0, 60.0)),
               gave_up=array("d", (19.0,)), talk_s=200.0, wrapup_s=20.0)
    return Figures("edu", (one, two), 20.0)


def test_service_level_by_each_rule() -> None:
    found = figures()
    assert found.service_level() == 4 / 9
    assert found.service_level(rule=ServiceLevelRule.WITHOUT_SHORT) == 4 / 8
    assert found.service_level(rule=ServiceLevelRule.OFFERED) == 4 / 10
    assert found.service_level(rule=ServiceLevelRule.REMOVED) == (4 + 2) / 10
    assert found.service_level(30.0) == 5 / 9
    assert found.service_level(0.0, ServiceLevelRule.OFFERED) == 2 / 10
    only_short = Figures("short", (OutcomeCell(offered=1, abandoned=1, short=1, gave_up=array("d", (1.0,))),), 20.0)
    assert (only_short.service_level(), only_short.service_level(rule=ServiceLevelRule.WITHOUT_SHORT)) == (0.0, None)
    assert [Figures("none", (), 20.0).service_level(rule=rule)
        for rule in ServiceLevelRule] == [None] * len(ServiceLevelRule)


def test_waits() -> None:
    found = figures()
    assert found.asa_s == 120 / 6
    assert found.wait_s == (120 + 71) / 9
    assert found.waited == (4 + 3) / 9
    assert [found.wait_percentile(share) for share in (0.5, 0.95, 1.0)] == [10.0, 60.0, 60.0]
    assert (found.abandonment, found.aht_s, found.still_there) == (3 / 10, 660 / 6, 0)
    nobody = Figures("none", (), 20.0)
    assert (nobody.asa_s, nobody.wait_s, nobody.waited, nobody.abandonment, nobody.aht_s) == (None,) * 5


def test_percentiles_and_variation() -> None:
    assert percentile_of((1.0, 2.0, 3.0, 4.0), 0.5) == 2.0
    assert percentile_of((1.0, 2.0, 3.0, 4.0), 0.51) == 3.0
    assert percentile_of((), 0.5) is None
    assert variation_of((1.0, 3.0)) == 0.5
    assert variation_of(()) == variation_of((0.0, 0.0)) == 0.0


def test_a_contact_belongs_to_the_half_hour_in_which_it_came() -> None:
    centre = pool(1)
    found = run_simulation(centre, calls(SLOT_S - 1.0, SLOT_S, handle_s=3600.0), always(centre))
    assert {slot: (one.offered, one.answered) for slot, one in found.figures_by_slot().items()} == {0: (1, 1),
        1: (1, 1)}
    assert list(found.figures_by_slot(EDU)[1].waits) == [3599.0]


def test_the_rest_gap_is_no_part_of_occupancy() -> None:
    plain, rests = pool(1), pool(1, BARE._replace(rest_gap_s=60.0))
    for centre, available_s in ((plain, 940.0), (rests, 820.0)):
        tally = run_simulation(centre, calls(100.0), always(centre, 1_000.0), until=1_000.0).agents[AgentId("a1")]
        assert tally.talk_s == 60.0
        assert tally.available_s == pytest.approx(available_s)
        assert tally.occupancy == pytest.approx(60.0 / (60.0 + available_s))


def test_the_rest_after_a_heavy_contact_is_no_part_of_occupancy_and_ends_by_the_agents_word() -> None:
    centre = pool(1, load=4)
    resumed = [(160.0, AgentResumed(AgentId("a1")))]
    for also, available_s in (((), 1_000.0 - 60.0 - 600.0), (resumed, 1_000.0 - 60.0 - 100.0)):
        found = run_simulation(centre, calls(0.0), always(centre), until=1_000.0, also=also)
        (tally,) = found.agents.values()
        assert tally.available_s == pytest.approx(available_s)


def test_groups_are_those_with_the_usual_profile_and_the_others() -> None:
    centre = pool(3)
    slow = centre.agents[2]._replace(profile=BARE._replace(wrapup_s=60.0))
    centre = centre._replace(agents=(*centre.agents[:2], slow))
    found = run_simulation(centre, calls(0.0, 1.0, 2.0), always(centre, 200.0), until=200.0)
    assert found.agents[slow.id].accommodated
    assert found.agent_occupancies(accommodated=True) == [pytest.approx(120 / 200)]
    assert found.agent_occupancies(accommodated=False) == [pytest.approx(60 / 200)] * 2
    assert found.occupancy_cv(accommodated=False) == pytest.approx(0.0)
    assert found.group_occupancy() == pytest.approx(240 / 600)
    assert run_simulation(centre, (), ()).agent_occupancies() == []


def test_several_runs_are_added_up() -> None:
    centre = pool(1)
    one = run_simulation(centre, calls(0.0, 10.0), always(centre, 500.0))
    two = run_simulation(centre, calls(0.0, 20.0, patience_s=5.0), always(centre, 500.0))
    both = merge_outcomes([one, two])
    assert (both.total.offered, both.total.answered, both.total.abandoned) == (4, 3, 1)
    assert list(both.total.waits) == [0.0, 0.0, 50.0]
    assert both.agents[AgentId("a1")].talk_s == 180.0
    assert both.offers == one.offers + two.offers
    assert one.total.offered == 2, "what was added up is as it was"


def test_of_nobody_no_figure_is_told() -> None:
    """A service level of 100 % of no calls would be read as a good one."""
    assert figure_cells(Figures("temsilci", (), 20.0)) == ("0", "0", *("–",) * 8, "0")
    led_on = Figures("temsilci", (OutcomeCell(offered=3, overflowed=3),), 20.0)
    assert figure_cells(led_on) == ("3", "0", "0.0 %", *("–",) * 7, "3"), "nor of those who all went elsewhere"
    nobody = run_simulation(pool(1), (), ())
    assert [name for name, told in MEASURES if told(nobody) == "–"][:7] == [
        "Service level", "Abandoned", "Mean wait (ASA), s", "Wait P50, s", "Wait P95, s", "Wait P99, s",
        "Longest wait, s"]
    assert _format_interval("SL", [], 100, "%") == "SL –"
    assert _format_interval("SL", [0.5], 100, "%").startswith("SL 50.00 %")
    assert _format_interval("SL", [None, 0.5], 100, "%") == _format_interval("SL", [0.5], 100, "%")


def led_on_at_noon() -> RunOutcome:
    """Somebody is served before, nobody in the half hour of which all are led elsewhere, and somebody after."""
    served = {"offered": 1, "answered": 1, "within": 1, "talk_s": 60.0}
    return RunOutcome(at=0.0, names={EDU: "Uzaktan"}, targets={EDU: 20.0}, agents={}, cells={
        (EDU, 23): OutcomeCell(**served, waits=array("d", (2.0,))),  # type: ignore[arg-type]
        (EDU, 24): OutcomeCell(offered=3, overflowed=3),
        (EDU, 25): OutcomeCell(**served, waits=array("d", (4.0,)))})  # type: ignore[arg-type]


def test_of_nobody_csv_and_json_have_no_figure() -> None:
    outcome = led_on_at_noon()
    lines = list(csv.DictReader(io.StringIO(render_csv(outcome))))
    assert [one["service_level"] for one in lines] == ["1", "", "1"] * 2, "of the service, and of all"
    noon = lines[1]
    assert {name for name, value in noon.items() if value == ""} == {
        "service_level", "asa_s", "p50_s", "p95_s", "p99_s", "max_s", "aht_s", "service_level_without_short"}
    assert noon["service_level_of_offered"] == noon["abandonment"] == "0", "they came"
    assert json.loads(json.dumps(to_row(outcome.figures_by_slot()[24])))["service_level"] is None


def test_a_time_of_nobody_is_a_gap_in_the_picture() -> None:
    page = render_page("", (), [StudyRun("day", 1, led_on_at_noon())])
    level = re.search(r"<figure><figcaption>Service level by half hour.*?</figure>", page, re.DOTALL)
    assert level is not None
    assert level.group().count("<circle") == 2 and 'd="M' in level.group() and " L" not in level.group()
    alone = render_page("", (), [StudyRun("day", 1, run_simulation(pool(1), (), ()))])
    assert "Over the whole day –." in alone and "nan" not in alone
