"""A day in the house: what the engine makes of arrivals and duties on the virtual clock."""

from __future__ import annotations

from math import inf

import pytest

from planning.errors import PlanningError
from planning.simulation import centre_run
from planning.simulation.centre_run import Duty, run_simulation
from planning.simulation.outcome import RunOutcome
from routing.core import events
from routing.core.model.centre_model import AnswerMode, Channel, PreConnect, WrapUpMode
from routing.core.model.errors import UnknownService
from routing.core.model.facts import Fact, Offered
from routing.core.model.ids import AgentId, ServiceId
from routing.core.model.talk_facts import TalkEndedRecorded
from tests.core.house import farewell_after
from tests.planning_house import BARE, EDU, agent, always, calls, poisson, pool, service

pytestmark = pytest.mark.unit


def waits(outcome: RunOutcome) -> list[float]:
    return [round(wait, 6) for wait in outcome.total.waits]


def test_one_agent_serves_one_after_the_other() -> None:
    centre = pool(1)
    found = run_simulation(centre, calls(0.0, 10.0, 20.0), always(centre))
    assert waits(found) == [0.0, 50.0, 100.0]
    assert found.total.answered == 3
    assert found.agents[AgentId("a1")].contacts == 3
    assert found.agents[AgentId("a1")].talk_s == pytest.approx(180.0)


def test_wrap_up_is_the_agents_own() -> None:
    centre = pool(1, BARE._replace(wrapup_s=15.0))
    assert waits(run_simulation(centre, calls(0.0, 10.0), always(centre))) == [0.0, 65.0]


def test_a_wrap_up_by_word_only_is_ended_by_the_word() -> None:
    centre = pool(1, BARE._replace(wrapup_s=15.0, wrapup_mode=WrapUpMode.MANDATORY))
    assert waits(run_simulation(centre, calls(0.0, 10.0), always(centre))) == [0.0, 65.0]


def test_at_the_same_moment_a_talk_ends_before_somebody_comes_and_before_one_gives_up() -> None:
    centre = pool(1)
    assert waits(run_simulation(centre, calls(0.0, 60.0), always(centre))) == [0.0, 0.0]
    found = run_simulation(centre, [*calls(0.0), *calls(10.0, patience_s=50.0)], always(centre))
    assert (found.total.answered, found.total.abandoned) == (2, 0)


def test_at_the_same_moment_duties_come_before_arrivals() -> None:
    centre = pool(2)
    found = run_simulation(centre, calls(100.0), [Duty(AgentId("a1"), 0.0, 100.0), Duty(AgentId("a2"), 100.0, 200.0)])
    assert found.agents[AgentId("a2")].contacts == 1
    assert waits(found) == [0.0]


def test_who_gives_up_is_gone_and_a_short_wait_is_told_apart() -> None:
    centre = pool(1)
    found = run_simulation(centre, [*calls(0.0), *calls(5.0, patience_s=4.0), *calls(6.0, patience_s=20.0)],
        always(centre))
    assert (found.total.abandoned, found.total.short, found.total.answered) == (2, 1, 1)
    assert list(found.total.gave_up) == [4.0, 20.0]


def test_a_phone_is_picked_up_after_a_while_and_the_whisper_is_part_of_the_wait() -> None:
    centre = pool(1, BARE._replace(pre_connect=PreConnect.BOTH, pre_connect_s=5.0))
    found = run_simulation(centre, calls(0.0), always(centre), answer_s=3.0)
    assert waits(found) == [3.0 + centre_run.WHISPER_SPOKEN_S + 5.0]
    by_itself = pool(1, BARE._replace(answer_mode=AnswerMode.AUTO))
    assert waits(run_simulation(by_itself, calls(0.0), always(by_itself), answer_s=3.0)) == [0.0]


def test_a_phone_that_nobody_picks_up_is_a_miss_and_the_next_agent_gets_the_call() -> None:
    centre = pool(2)
    found = run_simulation(centre, calls(0.0), always(centre),
                answer_s=lambda offer: inf if offer.agent == AgentId("a1") else 1.0)
    assert found.agents[AgentId("a1")].rna_count == 1
    assert waits(found) == [16.0]
    assert found.closed == {"no_answer": 1}


def test_who_gives_up_while_it_rings_is_never_connected() -> None:
    centre = pool(1)
    found = run_simulation(centre, [*calls(0.0, patience_s=5.0), *calls(30.0)], always(centre), answer_s=10.0)
    assert (found.total.answered, found.total.abandoned) == (1, 1)
    assert found.closed == {"caller_hung_up": 1}


def test_breaks_and_the_end_of_a_duty_come_after_the_talk() -> None:
    centre = pool(1)
    talk = calls(500.0, handle_s=550.0)
    found = run_simulation(centre, [*talk, *calls(1_100.0, 1_795.0, 1_810.0, patience_s=1_000.0)],
                [Duty(AgentId("a1"), 0.0, 1_800.0, ((1_000.0, 1_100.0),))])
    assert waits(found) == [0.0, 0.0, 50.0], "the break has its full length, from 1050 to 1150"
    assert found.agents[AgentId("a1")].paused_s == pytest.approx(100.0)
    assert found.total.abandoned == 1, "the last one finds nobody"


def test_before_a_break_no_call_comes_that_would_reach_into_it() -> None:
    centre = pool(1)
    found = run_simulation(centre, calls(995.0), [Duty(AgentId("a1"), 0.0, 1_800.0, ((1_000.0, 1_100.0),))])
    assert waits(found) == [105.0]


def test_a_message_is_held_for_a_call_and_goes_on_where_it_was() -> None:
    centre, facts = pool(1), list[Fact]()
    run_simulation(centre, [*calls(0.0, handle_s=100.0, channel=Channel.SOCIAL), *calls(50.0)], always(centre),
        watch=facts.extend)
    assert {fact.channel: fact.at for fact in facts if isinstance(fact, TalkEndedRecorded)} == {
        Channel.VOICE: 110.0, Channel.SOCIAL: 160.0}
    facts.clear()
    run_simulation(centre, [*calls(0.0, handle_s=60.0, channel=Channel.SOCIAL), *calls(50.0),
        *calls(115.0, handle_s=1.0)],
        always(centre), watch=facts.extend)
    assert [(fact.channel, fact.at) for fact in facts if isinstance(fact, TalkEndedRecorded)] == [
        (Channel.VOICE, 110.0), (Channel.VOICE, 116.0), (Channel.SOCIAL, 121.0)]


def test_who_hears_good_bye_is_turned_away() -> None:
    centre = pool(1, when_waited=farewell_after(30.0))
    found = run_simulation(centre, calls(0.0, 1.0), always(centre))
    assert (found.total.answered, found.total.turned_away) == (1, 1)


def test_when_nobody_is_left_the_engines_own_deadlines_are_followed_for_a_day() -> None:
    soon, late = (pool(1, when_waited=farewell_after(centre_run.TAIL_S + more)) for more in (-10.0, 10.0))
    assert run_simulation(soon, calls(0.0), []).total.turned_away == 1
    assert run_simulation(late, calls(0.0), []).total.still_there == 1


def test_until_stops_the_clock() -> None:
    centre = pool(1)
    found = run_simulation(centre, calls(0.0, 10.0, 20.0), always(centre), until=70.0)
    assert (found.at, found.total.offered, found.total.answered, found.total.still_there) == (70.0, 3, 2, 1)
    assert found.agents[AgentId("a1")].talk_s == pytest.approx(70.0)


def test_a_warm_up_is_served_and_not_counted() -> None:
    centre = pool(1)
    found = run_simulation(centre, calls(0.0, 10.0, 130.0), always(centre, 200.0), count_from=50.0)
    assert (found.total.offered, waits(found)) == (1, [0.0])
    assert found.agents[AgentId("a1")].talk_s == pytest.approx(130.0)
    assert found.agents[AgentId("a1")].available_s == pytest.approx(20.0)


def test_other_events_come_at_their_times() -> None:
    centre = pool(2)
    found = run_simulation(centre, calls(0.0, 50.0), always(centre),
                also=[(40.0, events.AgentPaused(AgentId("a2")))])
    assert waits(found) == [0.0, 10.0]


def test_progress_and_facts_are_told_in_portions() -> None:
    centre, times, facts = pool(2), [], list[Fact]()
    count = centre_run.PROGRESS_EVERY
    arrivals = list(poisson(count, 0.01, 60.0))
    found = run_simulation(centre, arrivals, always(centre), progress=times.append, watch=facts.extend)
    assert times == sorted(times)
    assert len(times) >= 2
    assert len(facts) == found.facts
    assert sum(isinstance(fact, Offered) for fact in facts) == found.offers == count


def test_the_same_arguments_give_the_same_outcome() -> None:
    centre = pool(5, BARE._replace(rest_gap_s=3.0, wrapup_s=5.0))
    arrivals = list(poisson(2_000, 0.08, 50.0, 40.0))
    one, two = (run_simulation(centre, arrivals, always(centre), answer_s=2.5) for _ in range(2))
    assert one.cells == two.cells
    assert one.agents == two.agents
    assert (one.at, one.facts, one.violations) == (two.at, two.facts, 0)
    assert one.total.abandoned > 0


def test_erlang_c_of_three_agents_and_two_erlang() -> None:
    """P(wait) = C = 4/9, mean wait of all = C / (n mu - lambda) = 4/9 of 60 s. Loose: this tries the harness."""
    centre, calls_ = pool(3), list(poisson(30_000, 2 / 60, 60.0, seed=7))
    found = run_simulation(centre, calls_, always(centre), count_from=90_000.0, until=calls_[-1].at)
    assert found.total.waited == pytest.approx(4 / 9, abs=0.03)
    assert found.total.asa_s == pytest.approx(60 * 4 / 9, rel=0.15)
    assert found.group_occupancy() == pytest.approx(2 / 3, abs=0.02)
    assert found.violations == 0


@pytest.mark.parametrize(("duty", "said"), [
    (Duty(AgentId("nobody"), 0.0, 10.0), "no agent nobody"),
    (Duty(AgentId("a1"), 10.0, 10.0), "ends at 10"),
    (Duty(AgentId("a1"), 0.0, 10.0, ((5.0, 12.0),)), "not within the duty"),
])
def test_duties_that_cannot_be_are_refused(duty: Duty, said: str) -> None:
    with pytest.raises(PlanningError, match=said):
        run_simulation(pool(1), [], [duty])


def test_arrivals_out_of_order_and_unknown_services_are_refused() -> None:
    centre = pool(1)
    with pytest.raises(PlanningError, match="arrival 2 comes at 3 s"):
        run_simulation(centre, calls(5.0, 3.0), always(centre))
    with pytest.raises(UnknownService):
        run_simulation(centre, calls(0.0, service=ServiceId("none")), always(centre))


def test_two_services_share_an_agent_in_order_of_age() -> None:
    centre = pool(1)._replace(services=(service("edu"), service("tip")), agents=(agent("a1", "edu", "tip"),))
    found = run_simulation(centre, [*calls(0.0), *calls(1.0, service=ServiceId("tip")), *calls(2.0)], always(centre))
    assert list(found.services[ServiceId("tip")].waits) == [59.0]
    assert list(found.services[EDU].waits) == [0.0, 118.0]
    assert found.violations == 0
