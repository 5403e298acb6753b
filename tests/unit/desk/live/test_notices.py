"""Notices of facts: who gets which, and how many are remembered for how long."""

from __future__ import annotations

import pytest

from desk.live.notices import NOTICED, NOTICES_MAX, NOTICES_S, PAIRS_MAX, QUEUE_SIZES, NoticeBoard
from routing.core import events as e
from routing.core.model import facts as f
from routing.core.model.centre_model import Profile
from routing.core.model.ids import AgentId
from tests.core.house import House

pytestmark = pytest.mark.unit

A = AgentId("a")


def kinds(board: NoticeBoard, agent: str, now: float, services: tuple[str, ...] = ()) -> list[str]:
    return [one.kind for one in board.missed_since(agent, services, 0, now)]


def test_an_agent_hears_of_the_whole_call_and_others_do_not() -> None:
    house = House({"a": 80, "b": 80})
    house.sits("a", at=1.0)
    call = house.talks(10.0)
    house.tell(e.HoldSet(call.offer, True), 12.0)
    house.tell(e.HoldSet(call.offer, False), 13.0)
    house.over(call, 20.0)
    house.tell(e.WrapUpEnded(A), 20.5)
    house.tell(e.AgentPaused(A, "yemek"), 21.0)
    board = NoticeBoard()
    board.add_facts(house.facts)
    assert kinds(board, "a", 30.0) == [
        "signed_in", "offer", "taken", "hold", "resumed", "talk_ended", "wrapup_over", "break"]
    assert kinds(board, "b", 30.0) == [] and board.last_fact == house.facts[-1].seq
    # A start gives the board only the facts of which notices are made, and the result is the same.
    again = NoticeBoard()
    again.add_facts([fact for fact in house.facts if isinstance(fact, NOTICED)])
    assert kinds(again, "a", 30.0) == kinds(board, "a", 30.0)


def test_both_agents_of_a_pair_hear_of_an_offer_and_nobody_is_blamed_for_its_end() -> None:
    house = House({"a": 80, "b": 80}, Profile(pair_id="p"))
    house.sits("a", "b", at=1.0)
    offer = house.calls("edu", 10.0)
    house.tell(e.OfferEnded(offer.offer, "no_answer"), 25.0)
    board = NoticeBoard()
    board.add_facts(house.facts)
    lead, partner = offer.agent, "b" if offer.agent == "a" else "a"
    assert kinds(board, lead, 30.0)[1:3] == ["offer", "missed"]
    assert kinds(board, partner, 30.0)[1:3] == ["offer", "offer_gone"]


def test_memory_is_bounded_by_number_and_by_age() -> None:
    house = House({"a": 80})
    house.sits("a", at=1.0)
    (signed_in,) = [fact for fact in house.facts_of(f.AgentChanged) if fact.agent == "a"]
    board = NoticeBoard()
    board.add_facts([signed_in._replace(seq=number, at=100.0) for number in range(1, NOTICES_MAX + 50)])
    found = board.missed_since("a", (), 0, 200.0)
    assert [found[0].id, found[-1].id, len(found)] == [50, NOTICES_MAX + 49, NOTICES_MAX]
    # After an hour nothing of it is told, and the next notice finds an empty memory.
    late = 100.0 + NOTICES_S + 1.0
    assert board.missed_since("a", (), 0, late) == []
    board.add_facts([signed_in._replace(seq=1000, at=late)])
    assert [one.id for one in board.missed_since("a", (), 0, 200.0)] == [1000]


def test_offers_to_pairs_that_never_end_are_forgotten() -> None:
    house = House({"a": 80, "b": 80}, Profile(pair_id="p"))
    house.sits("a", "b", at=1.0)
    house.calls("edu", 10.0)
    offered = house.last(f.Offered)
    board = NoticeBoard()
    board.add_facts([offered._replace(seq=number, offer=number) for number in range(1, PAIRS_MAX + 2)])  # type: ignore[arg-type]
    closed = f.OfferClosed(9000, 20.0, 1, offered.contact, offered.agent, 2, offered.service, offered.channel,  # type: ignore[arg-type]
                           f.OfferState.TIMEOUT, "no_answer", 5.0, None)
    # The partner of the oldest is not known any more, that of the newest is.
    assert [one.agent for one in board.add_facts([closed])] == [offered.agent]
    newest = closed._replace(seq=9001, offer=PAIRS_MAX + 1)  # type: ignore[arg-type]
    assert {one.agent for one in board.add_facts([newest])} == {offered.agent, offered.partner}


def test_a_queue_warns_when_it_reaches_certain_lengths() -> None:
    house = House({"a": 80})
    for number in range(12):
        house.waits("edu", 10.0 + number)
    board = NoticeBoard()
    told = board.add_facts(house.facts)
    assert [(one.service, one.notice.waiting) for one in told] == [("edu", 5), ("edu", 10)]
    assert set(QUEUE_SIZES) >= {5, 10} and kinds(board, "a", 30.0, ("edu",)) == ["queue_warning"] * 2
