"""Turn facts into notices for desks, and remember the notices of the last hour.

A notice tells an agent that something happened, in contrast to the state, which tells how things are. Its id is the
number of the fact in the store. So a node that starts again can give a client what it missed.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Iterator
from heapq import merge
from typing import Literal, NamedTuple

from pydantic import Field

from desk.shape import Shape
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import AgentState, OfferState
from routing.core.model.facts import Fact

NOTICES_MAX = 200
"""Notices that are remembered for each agent and each service. An agent has about 15 talks of 6 notices in an hour."""
NOTICES_S = 3600.0
"""Age of the oldest notice that a client gets again. Older news is of no use at a desk."""
FACTS_MAX = 100_000
"""Facts that a start looks through for notices: an hour of a centre with 1,800 talks of some 40 facts each."""
PAIRS_MAX = 1000
"""Ringing offers to pairs that are remembered, because the fact of their end names one agent only."""
QUEUE_SIZES = (5, 10, 20, 50, 100, 200)
"""Lengths of a queue at which its agents are warned. The queue must double, or nearly, for the next warning."""

Kind = Literal[
    "offer", "taken", "missed", "offer_gone", "hold", "resumed", "interrupted", "continued", "talk_ended",
    "consult_started", "consult_cancelled", "consult_completed", "wrapup_over", "break", "break_over_limit",
    "break_postponed", "signed_in", "signed_out", "not_responding", "phone_away", "ready", "rule_overridden",
    "queue_warning"]

OWN_KINDS = frozenset({"missed", "rule_overridden", "break_postponed"})
"""Notices for the agent alone: they would show an accommodation, or count missed offers."""

_STATE_KINDS: dict[AgentState, Kind] = {
    AgentState.PAUSED: "break", AgentState.SIGNED_OUT: "signed_out", AgentState.NOT_RESPONDING: "not_responding",
    AgentState.UNREACHABLE: "phone_away"}
_OFFER_KINDS: dict[OfferState, Kind] = {
    OfferState.TIMEOUT: "missed", OfferState.REJECTED: "missed", OfferState.CANCELED: "offer_gone",
    OfferState.RESCINDED: "offer_gone"}
_READY_AFTER = frozenset({AgentState.PAUSED, AgentState.NOT_RESPONDING, AgentState.UNREACHABLE})


class Notice(Shape):
    """One thing that happened to an agent, a contact of the agent, or a queue of the agent."""

    id: int = Field(description="Number of the fact in the store. It grows, and survives a restart.")
    at: float = Field(description="Unix seconds.")
    kind: Kind
    offer: int | None = None
    contact: str | None = None
    service: str | None = Field(default=None, description="Of the contact, or the service whose queue has grown.")
    reason: str | None = Field(
        default=None, description="Why it happened: of `break` the reason, of `missed` and `offer_gone` why the offer "
                                  "ended, of `talk_ended` the side that ended it.")
    waiting: int | None = Field(default=None, description="Of `queue_warning`: callers who wait.")


class NoticeRow(NamedTuple):
    """A notice as it is remembered: a tenth of the size of the model, which is made when a client gets it."""

    id: int
    at: float
    kind: Kind
    offer: int | None = None
    contact: str | None = None
    service: str | None = None
    reason: str | None = None
    waiting: int | None = None


NOTICED = (f.Offered, f.OfferClosed, tf.Connected, f.AgentChanged, f.Queued, f.PauseLimitReached, f.BreakPostponed,
           f.Overridden, tf.HoldSetRecorded, tf.Interrupted, tf.TalkEndedRecorded, tf.ConsultStarted,
           tf.ConsultCancelled, tf.ConsultCompleted, tf.WrappedUp)
"""Facts of which notices are made."""


class AgentNotice(NamedTuple):
    """A notice and its audience: an agent, or everybody who serves a service."""

    notice: NoticeRow
    agent: str = ""
    service: str = ""


class NoticeBoard:
    """Notices of the last hour, by agent and by service."""

    def __init__(self) -> None:
        self._agents: dict[str, deque[NoticeRow]] = {}
        self._services: dict[str, deque[NoticeRow]] = {}
        self._partners: OrderedDict[int, str] = OrderedDict()
        """The second agent of each ringing offer to a pair."""
        self.last_fact = 0
        """Number of the last fact that was seen."""

    def add_facts(self, facts: Iterable[Fact]) -> list[AgentNotice]:
        """Remember the notices of these facts, and return them in order."""
        found: list[AgentNotice] = []
        for fact in facts:
            self.last_fact = fact.seq
            for one in self._read_fact(fact):
                found.append(one)
                kept = self._agents if one.agent else self._services
                line = kept.setdefault(one.agent or one.service, deque(maxlen=NOTICES_MAX))
                while line and line[0].at < fact.at - NOTICES_S:
                    line.popleft()
                line.append(one.notice)
        return found

    def missed_since(self, agent: str, services: Collection[str], last_id: int, now: float) -> list[NoticeRow]:
        """Return the notices after `last_id`, oldest first: the last 200 of the last hour."""
        lines = [self._agents.get(agent, ()), *(self._services.get(one, ()) for one in services)]
        found = [one for one in merge(*lines, key=lambda one: one.id)
                 if one.id > last_id and one.at >= now - NOTICES_S]
        return found[-NOTICES_MAX:]

    def _read_fact(self, fact: Fact) -> Iterator[AgentNotice]:
        match fact:
            case f.Offered():
                for agent in (fact.agent, fact.partner):
                    if agent is not None:
                        yield _tell(fact, "offer", agent)
                if fact.partner is not None:
                    self._partners[fact.offer] = fact.partner
                    if len(self._partners) > PAIRS_MAX:
                        self._partners.popitem(last=False)
            case f.OfferClosed():
                kind, partner = _OFFER_KINDS[fact.state], self._partners.pop(fact.offer, None)
                yield _tell(fact, kind, fact.agent, fact.reason)
                # The fact does not tell which of the two phones did not answer, so nobody is blamed.
                if partner is not None:
                    yield _tell(fact, "offer_gone", partner, fact.reason)
            case tf.Connected():
                yield _tell(fact, "taken", fact.agent)
                if (partner := self._partners.pop(fact.offer, None)) is not None:
                    yield _tell(fact, "taken", partner)
            case f.AgentChanged():
                if (changed := _read_agent(fact)) is not None:
                    yield changed
            case f.Queued() if fact.position in QUEUE_SIZES:
                yield AgentNotice(NoticeRow(id=fact.seq, at=fact.at, kind="queue_warning", service=fact.service,
                                         waiting=fact.position), service=fact.service)
            case f.PauseLimitReached():
                yield AgentNotice(NoticeRow(id=fact.seq, at=fact.at, kind="break_over_limit", reason=fact.reason),
                                  fact.agent)
            case f.BreakPostponed():
                yield _tell(fact, "break_postponed", fact.agent)
            case f.Overridden():
                yield AgentNotice(NoticeRow(fact.seq, fact.at, "rule_overridden", reason=fact.rule), fact.agent)
            case tf.HoldSetRecorded():
                yield _tell(fact, "hold" if fact.on else "resumed", fact.agent)
            case tf.Interrupted():
                yield _tell(fact, "interrupted" if fact.on else "continued", fact.agent)
            case tf.TalkEndedRecorded():
                yield _tell(fact, "talk_ended", fact.agent, fact.by)
            case tf.ConsultStarted():
                yield _tell(fact, "consult_started", fact.agent)
            case tf.ConsultCancelled():
                yield _tell(fact, "consult_cancelled", fact.agent)
            case tf.ConsultCompleted():
                yield _tell(fact, "consult_completed", fact.agent, fact.by)
            case tf.WrappedUp():
                yield _tell(fact, "wrapup_over", fact.agent)


def _tell(fact: Fact, kind: Kind, agent: str, reason: str | None = None) -> AgentNotice:
    return AgentNotice(NoticeRow(
        id=fact.seq, at=fact.at, kind=kind, offer=getattr(fact, "offer", None), contact=getattr(fact, "contact", None),
        service=getattr(fact, "service", None), reason=reason or None), agent)


def _read_agent(fact: f.AgentChanged) -> AgentNotice | None:
    """Return the notice of a changed state. Return None for a request, or a change that an offer or talk tells."""
    before, after = fact.before, fact.state
    if before is after:
        return None
    if before is AgentState.SIGNED_OUT:
        kind: Kind = "signed_in"
    elif after is AgentState.READY and before in _READY_AFTER:
        kind = "ready"
    elif after in _STATE_KINDS:
        kind = _STATE_KINDS[after]
    else:
        return None
    return AgentNotice(NoticeRow(id=fact.seq, at=fact.at, kind=kind, reason=fact.reason or None), fact.agent)
