"""Reasons for a pause are a table of the centre: unknown ones, pauses that count as work, limits."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import AgentState, Centre, PauseReason, Profile
from routing.core.model.errors import UnknownReason
from tests.break_house import LONG, A, house, restarted, run, work

pytestmark = pytest.mark.unit

SHORT = Profile(wrapup_s=0.0, max_continuous_s=7200.0)


def test_a_reason_that_the_table_lacks_is_refused_with_the_known_ones() -> None:
    h = house()
    with pytest.raises(UnknownReason, match=r"'sinema'.*known: mola, yemek, telefon, egitim, teknik, cay"):
        h.tell(e.AgentPaused(A, "sinema"))
    assert h.state("a") is AgentState.READY


def test_without_a_reason_a_pause_has_the_default_one() -> None:
    h = house()
    h.reload(pause_reasons=(PauseReason("egitim", work=True), PauseReason("ara", default=True)))
    h.tell(e.AgentPaused(A))
    assert h.agent("a").reason == "ara"


def test_a_break_that_the_engine_begins_has_the_default_reason() -> None:
    h = house(LONG, (1000.0, 1300.0))
    h.reload(pause_reasons=(PauseReason("egitim", work=True), PauseReason("ara", default=True)))
    run(h, 1000.0)
    assert h.agent("a").reason == "ara"


def test_a_centre_without_a_table_has_one_reason() -> None:
    assert [one.id for one in Centre((), ()).pause_reasons] == [Centre((), ()).break_reason.id]


@pytest.mark.parametrize(("reason", "breaks"), [("yemek", 0), ("egitim", 1)])
def test_a_pause_that_counts_as_work_is_no_rest(reason: str, breaks: int) -> None:
    h = house(SHORT)
    work(h, 3000.0)
    h.tell(e.AgentPaused(A, reason), 3000.0)
    work(h, 7100.0)
    h.tell(e.AgentResumed(A))
    work(h, 7202.0)
    assert h.state("a") is (AgentState.PAUSED if breaks else AgentState.READY)


def test_a_planned_break_waits_for_the_end_of_work_and_has_the_rest_of_its_time() -> None:
    h = house(LONG, (1000.0, 1900.0))
    h.tell(e.AgentPaused(A, "egitim"), 900.0)
    run(h, 1500.0)
    assert h.agent("a").reason == "egitim"
    h.tell(e.AgentResumed(A))
    run(h, 1500.5)
    assert (h.state("a"), h.agent("a").reason) == (AgentState.PAUSED, "mola")
    run(h, 1900.0)
    assert h.state("a") is AgentState.READY


def test_rest_before_or_after_work_counts_by_its_own_length() -> None:
    h = house(SHORT)
    work(h, 3000.0)
    h.tell(e.AgentPaused(A, "egitim"), 3000.0)
    h.tell(e.AgentPaused(A, "mola"), 4000.0)
    h.tell(e.AgentResumed(A), 4299.0)
    work(h, 7202.0)
    assert h.state("a") is AgentState.PAUSED, "a second less than a short break is none"
    h = house(SHORT)
    h.tell(e.AgentPaused(A, "mola"), 3000.0)
    h.tell(e.AgentPaused(A, "egitim"), 3300.0)
    h.tell(e.AgentResumed(A), 5000.0)
    work(h, 7202.0)
    assert h.state("a") is AgentState.READY, "the rest before the training was a break"


def test_least_occupied_takes_work_off_the_phone_into_account() -> None:
    h = house(names="ab")
    h.reload(services=(h.centre.services[0]._replace(strategy="least_occupied"),))
    h.tell(e.AgentPaused(A, "egitim"), 100.0)
    h.tell(e.AgentResumed(A), 700.0)
    talk = h.calls("edu", 800.0)
    assert talk.agent == "b"
    h.tell(e.OfferConnected(talk.offer, talk.contact))
    h.over(talk, 860.0)
    assert h.calls("edu", 900.0).agent == "b", "60 s of talk are less than 600 s of training"


def test_over_the_limit_an_agent_is_shown_and_stays() -> None:
    h = house()
    h.tell(e.AgentPaused(A, "cay"), 100.0)
    assert (h.agent("a").pause_limit_at, h.agent("a").over_limit) == (1000.0, False)
    run(h, 1000.0)
    assert h.agent("a").over_limit and h.state("a") is AgentState.PAUSED
    run(h, 9000.0)
    assert [(one.at, one.agent, one.reason) for one in h.facts_of(f.PauseLimitReached)] == [(1000.0, "a", "cay")]
    h.tell(e.AgentResumed(A))
    assert (h.agent("a").pause_limit_at, h.agent("a").over_limit) == (None, False)


def test_another_reason_has_its_own_limit_and_a_move_to_another_seat_prolongs_none() -> None:
    h = house()
    h.tell(e.AgentPaused(A, "cay"), 100.0)
    h.seat("b", at=400.0)
    h.tell(e.AgentSignedIn(A, h.engine.status(h.now).agents[0].seat.replace("sa", "sb")), 500.0)  # type: ignore[union-attr,arg-type]
    assert h.agent("a").seat == "sb" and h.agent("a").pause_limit_at == 1000.0
    h.tell(e.AgentPaused(A, "teknik"), 600.0)
    assert h.agent("a").pause_limit_at == 1200.0
    h.tell(e.AgentPaused(A, "mola"), 700.0)
    run(h, 5000.0)
    assert h.agent("a").pause_limit_at is None and not h.facts_of(f.PauseLimitReached)


def test_a_break_that_the_engine_began_has_no_limit() -> None:
    h = house(LONG, (1000.0, 1300.0))
    h.reload(pause_reasons=(PauseReason("mola", default=True, limit_s=60.0),))
    run(h, 1200.0)
    assert h.state("a") is AgentState.PAUSED and not h.agent("a").over_limit


def test_work_and_limit_outlive_a_restart() -> None:
    h = house(SHORT)
    work(h, 3000.0)
    h.tell(e.AgentPaused(A, "teknik"), 3000.0)
    work(h, 3100.0)
    again = restarted(h)
    assert again.agent("a").pause_limit_at == 3600.0
    work(again, 3700.0)
    assert again.agent("a").over_limit and len(again.facts_of(f.PauseLimitReached)) == 1
    again.tell(e.AgentResumed(A))
    work(again, 7202.0)
    assert again.state("a") is AgentState.PAUSED, "two hours without a rest"


def test_over_the_limit_is_told_once_whatever_restarts() -> None:
    h = house()
    h.tell(e.AgentPaused(A, "cay"), 100.0)
    run(h, 2000.0)
    again = restarted(h)
    run(again, 3000.0)
    assert again.agent("a").over_limit and not again.facts_of(f.PauseLimitReached)
