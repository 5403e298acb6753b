"""Everything that is remembered of callers: bounded, restored by age, forgotten in one call."""

from __future__ import annotations

from typing import Any

import pytest

from routing.core.domain import ENDED_REMEMBERED, SURVEYS_REMEMBERED, Domain
from routing.core.memory.bounded import BoundedMemory
from routing.core.memory.callers import (
    ABUSIVE_CALLERS_MAX,
    CALLED_NUMBERS_MAX,
    HELD_POSITIONS_MAX,
    LAST_AGENTS_MAX,
    RECENT_TALKS_MAX,
    Abused,
    CallbackCall,
    CallerMemory,
    OldPlace,
    ServedTalk,
    Spoke,
)
from routing.core.model.ids import AgentId, ServiceId
from routing.core.queueing.recent_talks import SILENCE_MAX_S, was_served

pytestmark = pytest.mark.unit

EDU = ServiceId("edu")


def test_a_new_key_displaces_the_one_that_was_set_longest_ago() -> None:
    memory: BoundedMemory[str, int] = BoundedMemory(2)
    for key, value in (("a", 1), ("b", 2), ("a", 3), ("c", 4)):
        memory.set_value(key, value)
    assert list(memory) == ["a", "c"] and list(memory.values()) == [3, 4]
    memory.discard("a")
    memory.discard("a")
    assert memory.get("a") is None and "a" not in memory and len(memory) == 1


LIMITS = {"caller_memory.last_agents": LAST_AGENTS_MAX, "caller_memory.held_positions": HELD_POSITIONS_MAX,
          "caller_memory.abuse": ABUSIVE_CALLERS_MAX, "caller_memory.recent_talks": RECENT_TALKS_MAX,
          "caller_memory.callback_calls": CALLED_NUMBERS_MAX,
          "ended_contacts": ENDED_REMEMBERED, "surveys": SURVEYS_REMEMBERED}


@pytest.mark.parametrize("name", LIMITS)
def test_every_memory_of_the_domain_keeps_its_limit(name: str) -> None:
    found: Any = Domain(1, 1)
    for part in name.split("."):
        found = getattr(found, part)
    for number in range(LIMITS[name] + 10):
        found.set_value(number, None)
    assert len(found) == LIMITS[name] and next(iter(found)) == 10


def test_a_restart_brings_notes_in_any_order() -> None:
    memory, numbers = CallerMemory(), (3, 1, 4, 0, 2)
    memory.restore_notes([Spoke(f"h{number}", AgentId("a"), float(number)) for number in numbers],
                         [OldPlace(f"h{number}", (EDU,), 0.0, 0, float(number)) for number in numbers],
                         [Abused(f"h{number}", float(number)) for number in numbers])
    for found in (memory.last_agents, memory.held_positions, memory.abuse):
        assert list(found) == ["h0", "h1", "h2", "h3", "h4"]
        assert [note.at for note in found.values()] == [0.0, 1.0, 2.0, 3.0, 4.0]


def test_a_caller_is_forgotten_in_every_memory() -> None:
    memory = CallerMemory()
    memory.restore_notes([Spoke("h1", AgentId("a"), 1.0), Spoke("h2", AgentId("b"), 2.0)],
                         [OldPlace("h1", (EDU,), 0.0, 0, 1.0)], [Abused("h1", 1.0)],
                         [CallbackCall("h1", 2.0, True), CallbackCall("h1", 1.0, False),
                          CallbackCall("h2", 1.0, False)])
    assert memory.callback_calls.get("h1") == (CallbackCall("h1", 1.0, False), CallbackCall("h1", 2.0, True))
    for caller in ("h1", "h2", "h1"):
        memory.recent_talks.set_value(ServedTalk(caller, EDU, float(len(memory.recent_talks)), 9.0), None)
    memory.forget_caller("h1")
    assert list(memory.last_agents) == ["h2"]
    assert not memory.held_positions and not memory.abuse and list(memory.callback_calls) == ["h2"]
    assert [talk.caller_hash for talk in memory.recent_talks] == ["h2"]
    memory.forget_caller("h9")
    assert len(memory.recent_talks) == 1


def test_a_talk_counts_when_it_ended_within_a_minute_before_the_loss() -> None:
    d = Domain(1, 1)
    for at in range(RECENT_TALKS_MAX + 10):
        d.caller_memory.recent_talks.set_value(ServedTalk(f"h{at}", EDU, at - 40.0, float(at)), None)
    assert was_served(d, "h10", EDU, -100.0, 10.0 + SILENCE_MAX_S)
    assert not was_served(d, "h10", EDU, -100.0, 10.1 + SILENCE_MAX_S)
    assert not was_served(d, "h10", EDU, -30.0, 70.0), "the talk belongs to a call that came before"
    assert not was_served(d, "h10", ServiceId("info"), -100.0, 70.0)
    assert not was_served(d, "h9", EDU, -100.0, 60.0), "the oldest talks are forgotten"
