"""Planned breaks and those an agent asks for: protection, begin, length, end."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.agents import break_rules
from routing.core.agents.break_rules import BREAK_MAX_S
from routing.core.memory.handle_times import SEED_MEAN_S
from routing.core.model import facts as f
from routing.core.model.centre_model import Agent, AgentState, Channel, Profile, Step
from routing.core.model.commands import Offer, Rescind
from routing.core.model.errors import OutOfRange
from routing.core.model.ids import AgentId, SkillId
from routing.core.shifts.break_plan import PLANNED_MAX
from tests.break_house import LONG, A, house, restarted, run
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

START, END = 10_000.0, 10_900.0


def p80(h: House) -> float:
    return h.engine._domain.handle_times[EDU.id].p80_s


def test_a_planned_break_begins_and_ends_by_itself() -> None:
    h = house(LONG, (START, END))
    run(h, START - 0.5)
    assert h.state("a") is AgentState.READY, "to others an agent like any"
    run(h, START)
    assert h.state("a") is AgentState.PAUSED and h.agent("a").reason == "mola"
    run(h, END - 0.5)
    assert h.state("a") is AgentState.PAUSED
    run(h, END)
    assert h.state("a") is AgentState.READY and h.agent("a").reason == "resumed"


def test_nothing_is_offered_that_would_reach_into_the_break() -> None:
    h = house(LONG, (START, END))
    needed = p80(h)
    assert needed > SEED_MEAN_S
    run(h, START - needed - 1.0)
    early = h.calls("edu")
    h.tell(e.CallerHungUp(early.contact))
    run(h, START - needed + 1.0)
    assert h.waits("edu") == [], "less time is left than eight of ten contacts take"
    run(h, END - 1.0)
    assert len(h.offers) == 1
    run(h, END)
    assert len(h.offers) == 2, "after the break"


def test_who_stands_idle_is_taken_out_in_time() -> None:
    h = house(LONG, (START, END), names="ab")
    run(h, START - p80(h) + 0.5)
    assert h.calls("edu").agent == "b"
    assert h.waits("edu") == [], "nobody has touched a since the morning"


def test_a_grace_lets_the_break_be_later_by_so_much() -> None:
    h = house(LONG._replace(break_grace_s=300.0), (START, END))
    run(h, START - p80(h) + 200.0)
    offer = h.calls("edu")
    h.tell(e.OfferConnected(offer.offer, offer.contact))
    run(h, START)
    assert h.state("a") is AgentState.TALKING and h.agent("a").pause_pending == "mola"
    h.tell(e.TalkEnded(offer.offer, "caller"), START + 120.0)
    assert h.state("a") is AgentState.PAUSED
    run(h, END + 119.0)
    assert h.state("a") is AgentState.PAUSED, "late, and as long as it was planned"
    run(h, END + 120.0)
    assert h.state("a") is AgentState.READY


def test_the_slowest_service_of_an_agent_decides_and_is_learned() -> None:
    h = house(LONG, (START, END))
    for number in range(200):
        at = 10.0 + 40.0 * number
        offer = h.calls("edu", at)
        h.tell(e.OfferConnected(offer.offer, offer.contact), at)
        h.tell(e.TalkEnded(offer.offer, "caller"), at + 30.0)
    assert 25.0 < p80(h) < 120.0, "every contact took half a minute"
    run(h, START - p80(h) - 1.0)
    assert h.calls("edu").agent == "a"


def test_what_rings_at_the_start_is_taken_back_and_no_miss() -> None:
    h = house(LONG._replace(break_grace_s=900.0), (START, END), names="ab")
    h.tell(e.AgentPaused(AgentId("b")))
    run(h, START - 3.0)
    offer = h.calls("edu")
    h.tell(e.OfferRinging(offer.offer))
    h.tell(e.AgentResumed(AgentId("b")), START - 1.0)
    done = h.tick(START)
    assert done[0] == Rescind(offer.offer, offer.contact, "paused")
    assert isinstance(done[1], Offer) and done[1].agent == "b"
    assert h.state("a") is AgentState.PAUSED and h.agent("a").rna_count == 0


def test_one_that_began_while_a_leave_waited_is_there_when_the_leave_is_taken_back() -> None:
    h = house(LONG._replace(break_grace_s=900.0), (START, END))
    run(h, START - 50.0)
    offer = h.calls("edu")
    h.tell(e.OfferConnected(offer.offer, offer.contact))
    h.tell(e.AgentSignedOut(AgentId("a")), START - 10.0)
    run(h, START + 20.0)
    seat = h.agent("a").seat
    assert seat is not None
    h.tell(e.AgentSignedIn(AgentId("a"), seat), START + 30.0)
    assert h.agent("a").pause_pending == "mola"
    h.tell(e.TalkEnded(offer.offer, "caller"), START + 60.0)
    run(h, START + 90.0)
    assert h.state("a") is AgentState.PAUSED
    run(h, START + 60.0 + (END - START) + 60.0)
    assert h.state("a") is AgentState.READY


def test_in_the_wrap_up_it_begins_after_it() -> None:
    h = house(LONG._replace(wrapup_s=60.0, break_grace_s=900.0), (START, END))
    run(h, START - 50.0)
    offer = h.calls("edu")
    h.tell(e.OfferConnected(offer.offer, offer.contact))
    h.tell(e.TalkEnded(offer.offer, "caller"), START - 20.0)
    run(h, START + 39.0)
    assert h.state("a") is AgentState.WRAPUP
    run(h, START + 40.0)
    assert h.state("a") is AgentState.PAUSED
    run(h, END + 40.0)
    assert h.state("a") is AgentState.READY


def test_an_agents_own_word_ends_a_break_or_forgets_it() -> None:
    h = house(LONG._replace(break_grace_s=900.0), (START, END))
    run(h, START + 100.0)
    h.tell(e.AgentResumed(A))
    assert h.state("a") is AgentState.READY
    run(h, END)
    assert h.state("a") is AgentState.READY
    h.tell(e.BreaksPlanned(A, ((END + 1_000.0, END + 2_000.0),)), END)
    run(h, END + 900.0)
    offer = h.calls("edu")
    h.tell(e.OfferConnected(offer.offer, offer.contact))
    run(h, END + 1_000.0)
    h.tell(e.AgentResumed(A), END + 1_001.0)
    h.tell(e.TalkEnded(offer.offer, "caller"), END + 1_100.0)
    assert h.state("a") is AgentState.READY


def test_an_own_pause_covers_the_planned_one_and_ends_by_the_agents_word() -> None:
    h = house(LONG, (START, END))
    run(h, START - 60.0)
    h.tell(e.AgentPaused(A, "yemek"))
    run(h, END + 500.0)
    assert h.state("a") is AgentState.PAUSED and h.agent("a").reason == "yemek"
    h.tell(e.AgentResumed(A))
    assert h.state("a") is AgentState.READY


def test_a_pause_asked_for_within_a_break_is_the_agents_own() -> None:
    h = house(LONG, (START, END))
    run(h, START + 10.0)
    h.tell(e.AgentPaused(A, "yemek"))
    run(h, END + 10.0)
    assert h.state("a") is AgentState.PAUSED, "whoever says so comes back by their own word"


def test_an_own_break_that_waits_for_the_talks_end_is_not_made_shorter() -> None:
    h = house(LONG._replace(break_grace_s=900.0), (START, END))
    run(h, START - 100.0)
    offer = h.calls("edu")
    h.tell(e.OfferConnected(offer.offer, offer.contact))
    h.tell(e.AgentPaused(A, "mola"))
    run(h, START + 5.0)
    h.tell(e.TalkEnded(offer.offer, "caller"))
    run(h, END + 500.0)
    assert h.state("a") is AgentState.PAUSED


def test_who_does_not_respond_is_not_made_ready_by_a_break() -> None:
    h = house(LONG._replace(rna_allowed=1, break_grace_s=900.0), (START, END))
    run(h, START - 30.0)
    offer = h.calls("edu")
    h.tell(e.OfferRinging(offer.offer))
    h.tell(e.OfferEnded(offer.offer, "no_answer"), START - 10.0)
    run(h, END + 10.0)
    assert h.state("a") is AgentState.NOT_RESPONDING


def test_the_same_plan_told_again_changes_nothing() -> None:
    h = house(LONG, (START, END))
    run(h, START + 10.0)
    h.tell(e.BreaksPlanned(A, ((START, END),)))
    h.tell(e.AgentResumed(A), START + 20.0)
    h.tell(e.BreaksPlanned(A, ((START, END),)), START + 30.0)
    assert h.state("a") is AgentState.READY, "it has begun already, and the agent has ended it"


def test_a_plan_for_now_begins_now_for_the_rest_of_its_time() -> None:
    h = house()
    h.tell(e.BreaksPlanned(A, ((100.0, 200.0), (300.0, 400.0))), 150.0)
    assert h.state("a") is AgentState.PAUSED
    run(h, 200.0)
    assert h.state("a") is AgentState.READY
    h.tell(e.BreaksPlanned(A, ()), 210.0)
    run(h, 350.0)
    assert h.state("a") is AgentState.READY, "the plan was taken away"


def test_a_plan_told_before_the_shift_holds_and_what_was_missed_is_not_made_up() -> None:
    h = House({"a": 50}, LONG)
    h.tell(e.BreaksPlanned(A, ((100.0, 200.0), (2_000.0, 2_100.0))), 1.0)
    h.sits("a", at=150.0)
    assert h.state("a") is AgentState.READY, "sat down in the midst of it"
    run(h, 2_000.0)
    assert h.state("a") is AgentState.PAUSED


@pytest.mark.parametrize("plan", [
    ((200.0, 100.0),), ((100.0, 100.0),), ((100.0, 300.0), (200.0, 400.0)), ((300.0, 400.0), (100.0, 200.0)),
    ((100.0, 101.0 + BREAK_MAX_S),), ((float("nan"), 100.0),), ((100.0, float("inf")),),
    tuple((100.0 * n, 100.0 * n + 1.0) for n in range(1, PLANNED_MAX + 2)),
])
def test_a_plan_that_cannot_be_is_refused_whole(plan: tuple[tuple[float, float], ...]) -> None:
    h = house(LONG, (START, END))
    with pytest.raises(OutOfRange, match="break"):
        h.tell(e.BreaksPlanned(A, plan), 2.0)
    run(h, START)
    assert h.state("a") is AgentState.PAUSED, "the plan of before holds"


@pytest.mark.parametrize("pair_id", ["", "x"])
def test_what_was_learned_while_an_agent_stood_idle_protects_the_break(pair_id: str) -> None:
    """Of a pair the break may be the other one's."""
    h = house(LONG, names="abc")
    h.profiles(a=LONG._replace(pair_id=pair_id), b=LONG._replace(pair_id=pair_id))
    h.tell(e.BreaksPlanned(AgentId("b") if pair_id else A, ((START, END),)), 2.0)
    run(h, START - 1_000.0)
    for _ in range(50):
        h.engine._domain.handle_times[EDU.id].note_contact(7_000.0)
    free = "c" if pair_id else "b"
    assert h.calls("edu").agent == free
    if not pair_id:
        assert h.calls("edu").agent == "c"
    assert h.waits("edu") == [], "eight of ten contacts would reach into the break by now"
    if pair_id:
        chat = h.calls("edu", channel=Channel.CHAT)
        assert chat.agent == "a", "whose own break is not near"
        h.tell(e.CallerHungUp(chat.contact))
    run(h, END)
    assert h.offers[-1].agent == "a", "after the break"


def test_the_break_of_a_partner_without_a_skill_is_protected_from_the_calls_of_the_lead() -> None:
    pair = LONG._replace(pair_id="x")
    h = House({"a": 50, "b": 0, "c": 50}, LONG)
    h.profiles(a=pair, b=pair)
    h.sits("a", "b", "c", at=1.0)
    h.tell(e.BreaksPlanned(AgentId("b"), ((START, END),)), 2.0)
    run(h, START - p80(h) + 1.0)
    assert h.calls("edu").agent == "c", "a call of the pair would reach into the break of b"
    assert h.waits("edu") == []
    run(h, END)
    assert h.offers[-1].agent == "a", "after the break"


def absent(*plan: tuple[float, float]) -> House:
    """Does not respond from shortly before the first break on."""
    h = house(LONG._replace(rna_allowed=1, auto_return_s=300.0, break_grace_s=900.0), *plan)
    run(h, START - 20.0)
    offer = h.calls("edu")
    h.tell(e.OfferEnded(offer.offer, "no_answer"), START - 10.0)
    h.tell(e.CallerHungUp(offer.contact))
    assert h.state("a") is AgentState.NOT_RESPONDING
    return h


@pytest.mark.parametrize("by_word", [True, False])
def test_who_does_not_respond_has_the_rest_of_the_break_when_they_are_back(by_word: bool) -> None:
    h = absent((START, END), (END + 5_000.0, END + 5_600.0))
    run(h, START + 100.0)
    assert h.state("a") is AgentState.NOT_RESPONDING
    if by_word:
        h.tell(e.AgentResumed(A))
    assert h.waits("edu", START + 200.0) == [], "the break first"
    run(h, START + 300.0)
    assert (h.state("a"), h.agent("a").reason) == (AgentState.PAUSED, "mola")
    run(h, END - 0.5)
    assert h.state("a") is AgentState.PAUSED
    run(h, END)
    assert h.offers[-1].agent == "a", "who waits meanwhile"


def test_of_a_break_that_passed_without_the_agent_nothing_is_left() -> None:
    h = absent((START, START + 200.0), (END + 5_000.0, END + 5_600.0))
    run(h, START + 400.0)
    assert h.state("a") is AgentState.READY
    assert not any(fact.state is AgentState.PAUSED for fact in h.facts_of(f.AgentChanged))
    run(h, END + 5_000.0)
    assert h.state("a") is AgentState.PAUSED, "the next one is theirs"


def test_a_break_that_is_planned_in_its_midst_waits_for_who_does_not_respond() -> None:
    h = absent()
    run(h, START + 50.0)
    h.tell(e.BreaksPlanned(A, ((START, END),)))
    run(h, START + 100.0)
    assert h.state("a") is AgentState.NOT_RESPONDING
    run(h, START + 300.0)
    assert h.state("a") is AgentState.PAUSED


def test_as_many_breaks_as_may_be() -> None:
    h = house(LONG, *((1_000.0 * n, 1_000.0 * n + 60.0) for n in range(1, PLANNED_MAX + 1)))
    run(h, 1_000.0 * PLANNED_MAX + 61.0)
    assert sum(fact.state is AgentState.PAUSED for fact in h.facts_of(f.AgentChanged)) == PLANNED_MAX


def test_who_asks_whether_a_break_is_near_changes_nothing() -> None:
    """`Engine.why` asks in the midst of a replay."""
    h = house(LONG, (START, END))
    d = h.engine._domain
    record, guard = d.agents[A], d.timers.deadline_of(("guard", A))
    run(h, 5_000.0)
    for _ in range(50):
        d.handle_times[EDU.id].note_contact(7_000.0)
    assert break_rules.is_break_near(d, record) and d.timers.deadline_of(("guard", A)) == guard is not None
    d.timers.cancel_deadline(("guard", A))
    for _ in range(2_000):
        d.handle_times[EDU.id].note_contact(10.0)
    assert not break_rules.is_break_near(d, record) and d.timers.deadline_of(("guard", A)) is None


def test_a_break_of_ones_own_still_waits_when_a_leave_is_taken_back() -> None:
    h = house(LONG._replace(break_grace_s=900.0), (START, END))
    run(h, START - 100.0)
    offer = h.talks()
    h.tell(e.AgentPaused(A, "yemek"))
    run(h, START + 10.0)
    h.tell(e.AgentSignedOut(A))
    h.tell(e.AgentSignedIn(A, "sa"), START + 20.0)
    h.over(offer, START + 100.0)
    assert h.state("a") is AgentState.PAUSED and h.agent("a").reason == "yemek"
    run(h, END + 500.0)
    assert h.state("a") is AgentState.PAUSED, "it ends by the agent's word"


def test_who_leaves_has_no_break_that_waits_for_them_when_they_come_again() -> None:
    h = house(LONG._replace(break_grace_s=900.0), (START, END))
    run(h, START - 100.0)
    offer = h.talks()
    h.tell(e.AgentSignedOut(A))
    run(h, START + 10.0)
    h.over(offer)
    assert h.state("a") is AgentState.SIGNED_OUT
    h.sits("a", at=END + 10.0)
    assert h.state("a") is AgentState.READY and not h.agent("a").pause_pending


def test_a_seat_changed_in_a_break_does_not_end_it() -> None:
    h = house(LONG, (START, END))
    run(h, START + 10.0)
    h.tell(e.AgentSignedIn(A, "elsewhere"))
    assert h.state("a") is AgentState.PAUSED
    h.tell(e.SeatChanged("elsewhere", True, False))
    run(h, END)
    assert h.state("a") is AgentState.READY


def test_a_late_timer_rings_nobody_whose_break_has_come() -> None:
    """At 100 the caller would have asked for less and been offered to a; at 101 a has a short break."""
    skill = SkillId("edu")
    h = House({"a": 50}, Profile(wrapup_s=0.0, max_continuous_s=100.0),
              (EDU._replace(steps=(Step(((skill, 90),), 50.0), Step(((skill, 1),)))),))
    h.reload(agents=(*h.centre.agents, Agent(AgentId("best"), ((skill, 95),))))
    h.sits("a", at=1.0)
    h.sits("best", at=50.0)
    h.tell(e.AgentPaused("best"), 50.0)
    h.waits("edu", at=50.0)
    assert h.tick(102.0) == [] and h.state("a") is AgentState.PAUSED


def test_a_node_that_was_asleep_makes_up_for_nothing() -> None:
    h = house(LONG, (1_000.0, 1_100.0), (2_000.0, 2_100.0), (3_000.0, 3_500.0))
    h.tick(3_100.0)
    assert h.state("a") is AgentState.PAUSED
    run(h, 3_500.0)
    assert h.state("a") is AgentState.READY


def test_a_break_goes_on_after_a_restart_and_ends() -> None:
    h = house(LONG, (START, END))
    run(h, START + 10.0)
    other = restarted(h)
    other.tell(e.BreaksPlanned(A, ((START, END),)))
    assert other.state("a") is AgentState.PAUSED
    run(other, END - 1.0)
    assert other.state("a") is AgentState.PAUSED
    run(other, END)
    assert other.state("a") is AgentState.READY


def test_a_break_ended_by_the_agent_does_not_begin_again_after_a_restart() -> None:
    h = house(LONG, (START, END))
    run(h, START + 10.0)
    h.tell(e.AgentResumed(A))
    other = restarted(h)
    other.tell(e.BreaksPlanned(A, ((START, END),)))
    assert other.state("a") is AgentState.READY


def test_nobody_can_tell_one_break_from_another() -> None:
    """A supervisor sees the same of a planned break, a short break and a pause at the agent's request."""
    seen = set()
    for kind in ("planned", "short", "own"):
        h = house(LONG._replace(max_continuous_s=100.0 if kind == "short" else 1e9))
        if kind == "planned":
            h.tell(e.BreaksPlanned(A, ((101.0, 401.0),)))
        run(h, 101.0)
        if kind == "own":
            h.tell(e.AgentPaused(A))
        pause = h.last(f.AgentChanged)
        run(h, 401.0)
        if kind == "own":
            h.tell(e.AgentResumed(A))
        back = h.last(f.AgentChanged)
        seen.add((*[fact._replace(seq=0, version=0, load_state=None, idle_since=None) for fact in (pause, back)],))
    assert len(seen) == 1
