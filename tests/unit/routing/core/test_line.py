"""Lines, the idle agents and deadlines against plain lists."""

from __future__ import annotations

import random

import pytest

from routing.core.matching.ready_queue import ReadyQueue
from routing.core.matching.sorted_queue import BLOCK, SortedQueue
from routing.core.model.centre_model import Agent
from routing.core.model.ids import AgentId
from routing.core.records import AgentRecord
from routing.core.timers import OFFER_KINDS, OFFER_TURNS, STALE_FLOOR, Key, Timers

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("seed", range(4))
def test_a_line_is_a_sorted_list(seed: int) -> None:
    rng = random.Random(seed)
    line: SortedQueue[tuple[float, int]] = SortedQueue()
    plain: list[tuple[float, int]] = []
    for number in range(6 * BLOCK):
        if plain and rng.random() < 0.3:
            roll = rng.random()
            entry = plain.pop(0 if roll < 0.5 else rng.randrange(len(plain)))
            if roll < 0.25:
                assert line.pop() == (plain[0] if plain else None)
            else:
                line.remove(entry)
        else:
            entry = (float(number) if rng.random() < 0.6 else rng.uniform(0, number), number)
            line.add(entry)
            plain.append(entry)
            plain.sort()
        assert len(line) == len(plain)
        if plain:
            probe = rng.choice(plain)
            assert line.head() == plain[0] and line.rank(probe) == plain.index(probe)
    assert list(line) == plain
    for entry in plain:
        line.remove(entry)
    assert not line and line.rank((1.0, 1)) == 0


def test_a_block_never_grows_beyond_its_size() -> None:
    line: SortedQueue[tuple[float, int]] = SortedQueue()
    for number in range(BLOCK + 1):
        line.add((float(number), number))
    for number in range(3 * BLOCK):
        line.add((0.5, number))
    assert max(map(len, line._blocks)) <= BLOCK and len(line._blocks) >= 4


@pytest.mark.parametrize("entry", [(5.0, 1), (0.5, 1)])
def test_what_is_not_in_the_line_cannot_leave_it(entry: tuple[float, int]) -> None:
    line: SortedQueue[tuple[float, int]] = SortedQueue()
    line.add((1.0, 1))
    with pytest.raises(ValueError, match="not in the queue"):
        line.remove(entry)
    assert len(line) == 1


@pytest.mark.parametrize("seed", range(3))
def test_ready_agents_stand_by_idle_time_whenever_they_came(seed: int) -> None:
    rng = random.Random(seed)
    agents = [AgentRecord(Agent(AgentId(f"a{number}"), ()), number) for number in range(40)]
    line, there = ReadyQueue(), dict[AgentRecord, tuple[float, int]]()
    for now in range(2_000):
        record = rng.choice(agents)
        key = there.pop(record, None)
        if key is not None:
            line.remove(record, key)
        else:
            key = there[record] = (float(now - rng.choice((0, 0, 0, 30))), record.index)
            line.add(record, key)
        assert list(line) == sorted(there, key=lambda one: there[one]) and bool(line) == bool(there)
    with pytest.raises(ValueError, match="not in the queue"):
        ReadyQueue().remove(agents[0], (0.0, 0))


def test_deadlines_come_in_order_and_move() -> None:
    timers = Timers()
    a, b, c = keys = [("ring", 1), ("ring", 2), ("wrapup", 3)]
    for at, key in zip((3.0, 1.0, 2.0), keys, strict=True):
        timers.set_deadline(key, at)
    timers.set_deadline(b, 9.0)
    timers.cancel_deadline(c)
    assert timers.next_deadline() == 3.0 and timers.deadline_of(b) == 9.0 and timers.deadline_of(c) is None
    assert timers.pop_due(2.9) is None and timers.pop_due(3.0) == a
    assert timers.pop_due(100.0) == b and timers.next_deadline() is None


def test_deadlines_of_the_same_moment_come_as_they_were_set() -> None:
    timers = Timers()
    keys: list[Key] = [("rest", str(n)) for n in (3, 1, 2)]
    for key in keys:
        timers.set_deadline(key, 5.0)
    assert [timers.pop_due(5.0) for _ in keys] == keys


def test_phones_come_before_offers_and_offers_before_agents() -> None:
    """A phone that never rang is known to be gone before its agent's break of the same moment begins."""
    timers = Timers()
    keys: list[Key] = [("break", "a1"), ("vanish", 7), ("phone_settle", "s1")]
    for key in keys:
        timers.set_deadline(key, 5.0)
    assert [timers.pop_due(5.0) for _ in keys] == keys[::-1]


def test_of_two_offers_the_earlier_one_comes_first_whichever_was_set_first() -> None:
    """A link that comes back sets the deadlines that it held before those that began meanwhile."""
    timers = Timers()
    keys: list[Key] = [("dial", 45), ("ring", 25), ("vanish", 25), ("wrapup", 7)]
    for key in keys:
        timers.set_deadline(key, 5.0)
    assert [timers.pop_due(5.0) for _ in keys] == keys[::-1]
    assert len(OFFER_KINDS) <= OFFER_TURNS, "so no turn of an offer is one of the next offer"


def test_who_has_a_place_comes_in_that_order_after_the_others_of_the_moment() -> None:
    """Two contacts whose wait is too long at the same moment, and room for one in the other service."""
    timers = Timers()
    for key, place in ((("contact", "late"), 7), (("contact", "early"), 3), (("ring", 1), None)):
        timers.set_deadline(key, 5.0, place)
    timers.set_deadline(("contact", "late"), 5.0, 7)
    assert [timers.pop_due(5.0) for _ in range(4)] == [("ring", 1), ("contact", "early"), ("contact", "late"), None]


def test_moved_deadlines_leave_no_pile() -> None:
    timers = Timers()
    for number in range(100 * STALE_FLOOR):
        timers.set_deadline(("ring", 1), float(number))
    assert len(timers) == 1 and len(timers._heap) <= STALE_FLOOR + 1
