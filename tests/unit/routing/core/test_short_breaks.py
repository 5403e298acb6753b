"""Short breaks that come by themselves: when, how long, and what counts as one."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.agents import break_rules
from routing.core.agents.break_rules import GOLDEN_FRACTION, STAGGER
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState
from tests.break_house import LONG, A, house, restarted, run, work
from tests.core.house import House

pytestmark = pytest.mark.unit


def test_a_short_break_comes_by_itself() -> None:
    h = house(LONG._replace(max_continuous_s=7_200.0))
    work(h, 7_200.0)
    assert h.state("a") is AgentState.READY
    work(h, 7_201.0)
    assert h.state("a") is AgentState.PAUSED and h.agent("a").reason == "mola", "looks like every break"
    work(h, 7_201.0 + h.centre.micro_break_s)
    assert h.state("a") is AgentState.READY
    work(h, 7_201.0 + h.centre.micro_break_s + 7_200.0)
    assert h.state("a") is AgentState.PAUSED


def test_short_breaks_of_a_team_that_sat_down_together_do_not_fall_together() -> None:
    names = [f"a{number}" for number in range(60)]
    h = House(dict.fromkeys(names, 50), LONG._replace(max_continuous_s=7_200.0))
    h.sits(*names, at=1.0)
    work(h, 7_201.0)
    begun = [fact.at for fact in h.facts_of(f.AgentChanged) if fact.state is AgentState.PAUSED]
    first = dict.fromkeys(fact.agent for fact in h.facts_of(f.AgentChanged) if fact.state is AgentState.PAUSED)
    assert len(begun) == len(first) == 60, "everybody had one, and one only, before the limit was reached"
    assert min(begun) >= 1.0 + 0.75 * 7_200.0 and max(begun) <= 7_201.0
    at_once = [sum(at - h.centre.micro_break_s < other <= at for other in begun) for at in begun]
    assert max(at_once) <= 12, "60 breaks of 5 minutes in half an hour: 10 at one time, if they were laid end to end"


def test_the_next_short_break_counts_from_the_end_of_the_last() -> None:
    h = house(LONG._replace(max_continuous_s=7_200.0), names="ba")
    work(h, 30_000.0)
    begun = [fact.at for fact in h.facts_of(f.AgentChanged) if fact.state is AgentState.PAUSED and fact.agent == "a"]
    apart = 7_200.0 * (1.0 - STAGGER * GOLDEN_FRACTION)
    assert begun == pytest.approx([1.0 + apart + number * (apart + h.centre.micro_break_s) for number in range(4)])


def test_a_planned_break_within_the_limit_serves_as_the_short_one() -> None:
    profile = LONG._replace(max_continuous_s=7_200.0)
    h = house(profile, (7_100.0, 8_000.0), names="ba")
    assert break_rules.short_break_at(h.engine._domain.agents[A]) == float("inf")
    work(h, 7_099.0)
    assert h.state("a") is AgentState.READY, "their short one would have come already"
    work(h, 7_100.0)
    assert h.state("a") is AgentState.PAUSED
    late = house(profile, (7_202.0, 8_000.0), names="ba")
    work(late, 7_200.0 * (1.0 - STAGGER * GOLDEN_FRACTION) + 2.0)
    assert late.state("a") is AgentState.PAUSED, "the plan has none in time"


def test_when_the_plan_is_taken_away_the_short_break_comes_at_once() -> None:
    h = house(LONG._replace(max_continuous_s=7_200.0), (7_100.0, 8_000.0), names="ba")
    work(h, 7_000.0)
    h.tell(e.BreaksPlanned(A, ()))
    run(h, 7_000.0)
    assert h.state("a") is AgentState.PAUSED


def test_a_short_break_waits_for_the_end_of_the_talk() -> None:
    h = house(LONG._replace(max_continuous_s=7_200.0))
    work(h, 7_100.0)
    offer = h.calls("edu")
    h.tell(e.OfferConnected(offer.offer, offer.contact))
    work(h, 7_300.0)
    assert h.state("a") is AgentState.TALKING and h.agent("a").pause_pending == "mola"
    h.tell(e.TalkEnded(offer.offer, "caller"))
    assert h.state("a") is AgentState.PAUSED
    work(h, 7_300.0 + h.centre.micro_break_s)
    assert h.state("a") is AgentState.READY


def test_who_stays_after_all_still_has_the_break_that_was_due() -> None:
    h = house(LONG._replace(max_continuous_s=7_200.0))
    work(h, 7_100.0)
    offer = h.talks()
    work(h, 7_201.0)
    h.tell(e.AgentSignedOut(A))
    h.tell(e.AgentSignedIn(A, "sa"), 7_300.0)
    assert h.agent("a").pause_pending == "mola"
    h.over(offer, 7_400.0)
    assert h.state("a") is AgentState.PAUSED
    work(h, 7_400.0 + h.centre.micro_break_s)
    assert h.state("a") is AgentState.READY


@pytest.mark.parametrize(("away_s", "counts"), [(299.0, False), (300.0, True)])
@pytest.mark.parametrize("how", ["pause", "sign_out"])
def test_own_pauses_count_when_they_last_long_enough(away_s: float, counts: bool, how: str) -> None:
    h = house(LONG._replace(max_continuous_s=7_200.0))
    work(h, 5_000.0)
    if how == "pause":
        h.tell(e.AgentPaused(A, "telefon"))
        work(h, 5_000.0 + away_s / 2)
        h.tell(e.AgentPaused(A, "yemek"))
        work(h, 5_000.0 + away_s)
        h.tell(e.AgentResumed(A))
    else:
        h.tell(e.AgentSignedOut(A))
        work(h, 5_000.0 + away_s)
        h.tell(e.AgentSignedIn(A, "sa"))
    work(h, 7_201.0)
    assert h.state("a") is (AgentState.READY if counts else AgentState.PAUSED)
    work(h, 5_000.0 + away_s + 7_200.0)
    assert (h.state("a") is AgentState.PAUSED) is counts


def test_continuous_work_goes_on_over_a_restart() -> None:
    h = house(LONG._replace(max_continuous_s=7_200.0))
    work(h, 7_000.0)
    other = restarted(h)
    work(other, 7_201.0)
    assert other.state("a") is AgentState.PAUSED
