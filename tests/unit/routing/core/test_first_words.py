"""A phone rings when what its caller still hears lasts no longer than the agent takes to answer."""

from __future__ import annotations

import pytest

from routing.core import events as e
from routing.core.calls.ring_moment import ANSWER_MOST_S, FIRST_ANSWER_S, SLOWER_SHARE
from routing.core.model import commands
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, Profile
from routing.core.model.commands import Offer
from routing.core.model.ids import AgentId, ContactId, SeatId
from routing.core.stored import agent_row
from tests.core.house import EDU, House

pytestmark = pytest.mark.unit

WORDS_S = 12.0
"""Acknowledgement and notice, as callers hear them."""


def rung(house: House) -> list[tuple[str, float]]:
    """Return the agents whose phones were told to ring, with the wait of the caller."""
    return [(one.agent, one.waited_s) for one in house.offers]


def answers(house: House, offer: Offer, after_s: float) -> None:
    """Let an agent answer some time after the ring, talk for a minute and be ready again."""
    at = house.now + after_s
    house.tell(e.OfferAnswered(offer.offer), at)
    house.tell(e.OfferConnected(offer.offer, offer.contact), at)
    house.tell(e.TalkEnded(offer.offer, "agent"), at + 60.0)
    house.tell(e.WrapUpEnded(AgentId(offer.agent)), at + 61.0)


def moment(house: House, at: float) -> float:
    """Queue a caller who hears words, and return how long before their end the phone rings."""
    house.waits("edu", at, words_s=WORDS_S)
    due = house.engine.next_deadline()
    assert due is not None and not any(one.contact == f"c{house.numbers}" for one in house.offers)
    house.tick(due)
    assert house.offers[-1].contact == f"c{house.numbers}"
    return at + WORDS_S - due


def test_the_agent_is_reserved_at_the_key_and_rings_before_the_words_end() -> None:
    house = House({"a": 90, "b": 50})
    house.sits("a", "b")
    house.waits("edu", 10.0, words_s=WORDS_S)
    assert not house.offers and house.state("a") is AgentState.RINGING
    assert house.last(f.Offered).rings_at == 10.0 + WORDS_S - FIRST_ANSWER_S
    house.tick(10.0 + WORDS_S - FIRST_ANSWER_S - 0.1)
    assert not house.offers
    house.tick(10.0 + WORDS_S - FIRST_ANSWER_S)
    assert rung(house) == [("a", WORDS_S - FIRST_ANSWER_S)]
    # The ring time of the profile begins with the ring.
    house.tick(10.0 + WORDS_S - FIRST_ANSWER_S + 1.9)
    assert house.state("a") is AgentState.RINGING


def test_nobody_in_distress_waits_for_words() -> None:
    house = House({"a": 90}, services=(EDU._replace(distress=True),))
    house.sits("a")
    house.waits("edu", 10.0, words_s=WORDS_S)
    assert rung(house) == [("a", 0.0)]


def test_a_slow_agent_gets_the_call_earlier_and_a_fast_one_at_once_later() -> None:
    house = House({"a": 90})
    house.sits("a")
    answers(house, house.calls("edu", 10.0), 6.0)
    slow_s = FIRST_ANSWER_S + (6.0 - FIRST_ANSWER_S) * SLOWER_SHARE
    assert moment(house, 200.0) == pytest.approx(slow_s)
    answers(house, house.offers[-1], 0.5)
    assert moment(house, 400.0) == pytest.approx(0.5)


def test_the_learned_time_is_bounded_and_known_to_nobody() -> None:
    house = House({"a": 90}, Profile(max_continuous_s=1e9))
    house.sits("a")
    for number in range(500):
        answers(house, house.calls("edu", 1_000.0 * number), 14.0)
    assert moment(house, 600_000.0) == pytest.approx(ANSWER_MOST_S, abs=0.01)
    record = house.engine._domain.agents[AgentId("a")]
    known_s = record.answers_in_s
    told = repr([agent_row(record), house.engine.agent_views(), house.engine.desk_view(AgentId("a"), house.now)])
    assert known_s is not None and repr(known_s) not in told


def test_an_answer_in_the_words_counts_to_the_answer_and_not_to_their_end() -> None:
    house = House({"a": 90})
    house.sits("a")
    house.waits("edu", 10.0, words_s=WORDS_S)
    house.tick(20.0)
    [offer] = house.offers
    house.tell(e.OfferAnswered(offer.offer), 20.75)
    house.tell(e.OfferConnected(offer.offer, offer.contact), 22.0)
    house.tell(e.TalkEnded(offer.offer, "agent"), 80.0)
    house.tell(e.WrapUpEnded(AgentId("a")), 81.0)
    assert moment(house, 200.0) == pytest.approx(0.75)


def test_a_key_that_ends_the_words_rings_the_phone() -> None:
    house = House({"a": 90})
    house.sits("a")
    house.waits("edu", 10.0, words_s=WORDS_S)
    house.tell(e.HoldTick(ContactId("c1"), ""), 13.0)
    assert rung(house) == [("a", 3.0)]
    house.tell(e.OfferRinging(house.offers[0].offer), 13.1)
    assert house.tick(25.0) == []


def test_a_caller_who_hangs_up_in_the_words_leaves_no_leg_to_end() -> None:
    house = House({"a": 90})
    house.sits("a")
    house.waits("edu", 10.0, words_s=WORDS_S)
    assert house.tell(e.CallerHungUp(ContactId("c1")), 12.0) == []
    assert house.state("a") is AgentState.READY and house.tick(30.0) == []


def test_ending_the_call_in_the_words_gives_the_caller_back_and_counts_nothing() -> None:
    house = House({"a": 90, "b": 50}, Profile(rna_allowed=1, wrapup_s=0.0))
    house.sits("a", "b")
    house.waits("edu", 10.0, words_s=WORDS_S)
    house.tick(20.0)
    [first] = house.offers
    house.tell(e.OfferAnswered(first.offer), 20.5)
    house.tell(e.OfferEnded(first.offer, "hangup"), 21.0)
    assert house.last(f.OfferClosed).reason == "in_words"
    assert house.state("a") is AgentState.READY and house.agent("a").rna_count == 0
    assert rung(house)[-1] == ("b", 11.0), "the words are nearly over, and the caller has kept the place"
    house.tell(e.OfferConnected(house.offers[-1].offer, ContactId("c1")), 24.0)
    assert house.last(tf.Connected).wait_s == 14.0


def test_a_phone_with_another_call_at_its_moment_gives_the_caller_to_the_next() -> None:
    house = House({"a": 90, "b": 50}, Profile(rna_allowed=1))
    house.sits("a", "b")
    house.waits("edu", 10.0, words_s=WORDS_S)
    house.seat("a", in_use=True, at=12.0)
    house.tick(20.0)
    assert rung(house) == [("b", 10.0)]
    assert house.state("a") is AgentState.BUSY and house.agent("a").rna_count == 0


def test_without_the_link_the_phone_waits_for_it() -> None:
    house = House({"a": 90})
    house.sits("a")
    house.waits("edu", 10.0, words_s=WORDS_S)
    house.tell(e.LinkChanged("", False), 12.0)
    house.tick(25.0)
    assert not house.offers
    house.tell(e.LinkChanged("", True), 26.0)
    house.tick(26.0)
    assert rung(house) == [("a", 16.0)]


def test_a_look_at_asterisk_expects_no_leg_before_the_ring() -> None:
    house = House({"a": 90})
    house.sits("a")
    house.waits("edu", 10.0, words_s=WORDS_S)
    assert [one.leg_requested for one in house.engine.live_offers()] == [False]
    house.tick(20.0)
    assert [one.leg_requested for one in house.engine.live_offers()] == [True]


def test_an_agent_who_takes_a_break_in_the_words_is_no_longer_reserved() -> None:
    house = House({"a": 90, "b": 50})
    house.sits("a", "b")
    house.waits("edu", 10.0, words_s=WORDS_S)
    told = house.tell(e.AgentPaused(AgentId("a"), "mola"), 12.0)
    assert not [one for one in told if isinstance(one, commands.Rescind)]
    house.tick(20.0)
    assert rung(house) == [("b", 10.0)]
    assert SeatId("sa") not in [one.seat for one in house.offers]
