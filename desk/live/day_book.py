"""Count the day of each agent from the facts: talks, minutes and breaks since midnight."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, OfferState
from routing.core.model.facts import Fact

COUNTED = (f.AgentChanged, f.OfferClosed, tf.TalkEndedRecorded, tf.ConsultCompleted, tf.WrappedUp)
"""Facts that change a day."""

_MISSED = frozenset({OfferState.TIMEOUT, OfferState.REJECTED})


class Break(NamedTuple):
    """A break. `ends` is None while it goes on."""

    begins: float
    ends: float | None
    reason: str
    planned: bool


class AgentDay:
    """The day of one agent."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.calls = self.missed = 0
        self.talk_s = self.hold_s = self.wrapup_s = 0.0
        self.breaks: list[Break] = []
        self._signed_in_s = 0.0
        self._signed_in_at: float | None = None

    def signed_in_s(self, now: float) -> float:
        """Return how long the agent has been signed in today."""
        return self._signed_in_s + (0.0 if self._signed_in_at is None else max(0.0, now - self._signed_in_at))

    def note_change(self, fact: f.AgentChanged) -> None:
        """Follow a change of state."""
        before, after, began = fact.before, fact.state, max(self.since, fact.at - fact.before_s)
        if before is after:
            return
        # 1. The first change of the day tells what the agent has been since midnight.
        if before is not AgentState.SIGNED_OUT and self._signed_in_at is None:
            self._signed_in_at = began
        if before is AgentState.PAUSED:
            if not self.breaks or self.breaks[-1].ends is not None:
                self.breaks.append(Break(began, None, "", False))
            self.breaks[-1] = self.breaks[-1]._replace(ends=fact.at)
        # 2. The break or shift that begins now.
        if after is AgentState.PAUSED:
            planned = fact.load_state is not None and fact.load_state.break_until > fact.at
            self.breaks.append(Break(fact.at, None, fact.reason, planned))
        if after is AgentState.SIGNED_OUT:
            self._signed_in_s = self.signed_in_s(fact.at)
            self._signed_in_at = None
        elif self._signed_in_at is None:
            self._signed_in_at = fact.at


class DayBook:
    """The days of all agents since one midnight."""

    def __init__(self, since: float) -> None:
        self.since = since
        self.last_fact = 0
        """Number of the last fact that was counted."""
        self._days: dict[str, AgentDay] = {}

    def day_of(self, agent: str) -> AgentDay:
        """Return the day of an agent."""
        if agent not in self._days:
            self._days[agent] = AgentDay(self.since)
        return self._days[agent]

    def add_facts(self, facts: Iterable[Fact]) -> None:
        """Count facts, in their order."""
        for fact in facts:
            self.last_fact = fact.seq
            match fact:
                case f.AgentChanged():
                    self.day_of(fact.agent).note_change(fact)
                case f.OfferClosed() if fact.state in _MISSED:
                    self.day_of(fact.agent).missed += 1
                case tf.TalkEndedRecorded() | tf.ConsultCompleted():
                    day = self.day_of(fact.agent)
                    day.calls += 1
                    day.talk_s += fact.talk_s
                    day.hold_s += fact.held_s
                case tf.WrappedUp():
                    self.day_of(fact.agent).wrapup_s += fact.wrapup_s
