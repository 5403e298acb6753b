"""Traffic that was: from the facts of a journal to arrivals, talk times, patience and duties for another run.

What a record cannot tell is drawn, always the same for the same seed: how long somebody would have waited who was
answered first (their patience is known to be longer than their wait), and how long somebody would have talked who gave
up (a talk of the same service). Who asked to be called back waits on the line like others; a supervisor's word that
changed somebody's points is not said again.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from random import Random
from statistics import fmean
from typing import NamedTuple

from planning.errors import PlanningError
from planning.house import Arrival, Duty, between_s
from routing.core.commands import Offer
from routing.core.events import AgentPaused, AgentResumed, AgentSkilled, ServiceHours
from routing.core.facts import AgentChanged, CallbackChanged, ContactChanged, Ended, Fact, Moved, Queued, ServiceChanged
from routing.core.ids import AgentId, ContactId, ServiceId
from routing.core.model import AgentState, Needs, Outcome
from routing.core.talk_facts import Connected, TalkOver

ABSENT = (AgentState.PAUSED, AgentState.NOT_RESPONDING, AgentState.BUSY, AgentState.UNREACHABLE)
"""Signed in, and not there for a call: other rules would not have changed it, so in another run the agent takes a break
of their own at that time. It is no planned one: nobody knew of it before, so nothing was kept away from it."""

GAVE_UP = (Outcome.ABANDONED, Outcome.ABANDONED_SHORT)

TALK_S = 240.0
"""A talk when the whole record holds none: the mean of a public information line."""

LEAST_S = 1.0
"""A mean patience below this is taken for it: everybody may have hung up at once."""

Told = ServiceHours | AgentPaused | AgentResumed | AgentSkilled


class Recorded(NamedTuple):
    """What was, ready for another run."""

    arrivals: tuple[Arrival, ...]
    duties: tuple[Duty, ...]
    rings: dict[AgentId, float]
    """Mean time in which each agent took an offered call, seconds."""
    start: float
    end: float
    """Of what was taken, Unix seconds."""
    patience_s: float
    """Mean patience by the record: time waited by all / how many gave up; `inf` when nobody did."""
    patience_drawn: int
    """Contacts of which only the least patience is known: the rest of it was drawn."""
    talks_drawn: int
    """Contacts that never talked: their talk was drawn."""
    callbacks: int = 0
    """Contacts that asked to be called back."""
    events: tuple[tuple[float, Told], ...] = ()
    """Services that opened and closed, agents who were away or served something else: for `house.run(also=...)`, in
    order."""

    def answer_s(self, offer: Offer) -> float:
        """How long this agent takes to pick up, for `house.run`, which adds what comes before the caller itself."""
        usual = self.rings.get(offer.agent)
        if usual is None:
            return fmean(self.rings.values()) if self.rings else 0.0
        return max(0.0, usual - between_s(offer))


class _Contact:
    """What the record says of one contact."""

    __slots__ = ("called_back", "came", "fact", "gave_up", "needs", "service", "since", "talk_s", "topics", "waited_s")

    def __init__(self, fact: Queued, *, inherits: bool) -> None:
        self.since = fact.since
        """From which waits are counted."""
        self.came = fact.at if inherits else fact.since
        """When the caller came. Who has the age of an earlier call comes now: a new run finds that by itself."""
        self.fact, self.service, self.needs, self.topics = fact, fact.service, fact.needs, fact.topics
        self.talk_s, self.gave_up, self.called_back = 0.0, False, False
        self.waited_s: float | None = None
        """On the line; None: waits still."""


class _Person:
    """What the record says of one agent's time."""

    __slots__ = ("absent", "breaks", "duties", "since", "skills")

    def __init__(self) -> None:
        self.since: float | None = None
        self.skills: Needs | None = None
        self.absent: float | None = None
        self.breaks: list[tuple[float, float]] = []
        self.duties: list[tuple[float, float, tuple[tuple[float, float], ...]]] = []

    def becomes(self, state: AgentState, at: float) -> None:
        """The agent's state from now on."""
        if self.absent is not None and state not in ABSENT:
            self.breaks.append((self.absent, at))
            self.absent = None
        if state is AgentState.SIGNED_OUT:
            if self.since is not None:
                self.duties.append((self.since, at, tuple(self.breaks)))
            self.since, self.breaks = None, []
            return
        if self.since is None:
            self.since = at
        if state in ABSENT and self.absent is None:
            self.absent = at


def read(facts: Iterable[Fact], start: float | None = None, end: float | None = None, *, seed: int = 1) -> Recorded:
    """From facts in order. `start`, `end` (Unix seconds): only contacts that came in between, and the duties of that
    time; bounds beyond the record are those of the record. Raises PlanningError when nobody came."""
    contacts: dict[ContactId, _Contact] = {}
    people: dict[AgentId, _Person] = {}
    rings: dict[AgentId, list[float]] = {}
    told: list[tuple[float, Told]] = []
    ages: set[tuple[str, float]] = set()
    first, last = inf, 0.0
    for fact in facts:
        last = max(last, fact.at)
        if isinstance(fact, AgentChanged):
            person = people.get(fact.agent)
            if person is None:  # who was there before the record begins has been so for a while
                person = people[fact.agent] = _Person()
                person.becomes(fact.before, fact.at - fact.before_s)
            person.becomes(fact.state, fact.at)
            if fact.skills != person.skills:
                person.skills = fact.skills
                if fact.state is not AgentState.SIGNED_OUT:  # by signing out they end anyhow
                    told.append((fact.at, AgentSkilled(fact.agent, fact.skills)))
        elif isinstance(fact, Queued):
            first = min(first, fact.since)
            age = fact.caller_hash, fact.since
            contacts[fact.contact] = _Contact(fact, inherits=bool(fact.caller_hash) and age in ages)
            ages.add(age)
        elif isinstance(fact, ServiceChanged):
            told.append((fact.at, ServiceHours(fact.service, fact.open)))
        elif isinstance(fact, Connected | TalkOver | Moved | Ended | CallbackChanged | ContactChanged):
            if isinstance(fact, Connected):
                rings.setdefault(fact.agent, []).append(fact.ring_s)
            contact = contacts.get(fact.contact)
            if contact is not None:
                _told(contact, fact)
    begin = first if start is None else max(start, first)
    over = last if end is None else min(end, last)
    taken = [one for one in contacts.values() if begin <= one.came <= over]
    if not taken:
        raise PlanningError("no contact came in the time that was asked for: nothing can be run again")
    arrivals, patience_s, patience_drawn, talks_drawn = _arrivals(taken, over, seed)
    duties = tuple(_duties(people, begin, over))
    for duty in duties:
        for away, back in duty.breaks:
            told.append((away, AgentPaused(duty.agent)))
            if back < duty.end:  # else they left from the break: who has signed out cannot be back
                told.append((back, AgentResumed(duty.agent)))
    return Recorded(tuple(arrivals), tuple(duty._replace(breaks=()) for duty in duties),
                    {agent: fmean(times) for agent, times in rings.items()}, begin, over, patience_s,
                    patience_drawn, talks_drawn, sum(one.called_back for one in taken),
                    tuple(sorted(((max(at, begin), event) for at, event in told
                                  if at <= over and _holds(at, event, people, begin, over)), key=lambda one: one[0])))


def _holds(at: float, event: Told, people: dict[AgentId, _Person], begin: float, over: float) -> bool:
    """Whether the time from `begin` to `over` knows of it. Skills for now end by signing out: those of an earlier duty
    are nothing to it."""
    return not isinstance(event, AgentSkilled) or any(
        start <= at and max(at, begin) < min(end, over) for start, end, _ in people[event.agent].duties)


def _told(contact: _Contact, fact: Connected | TalkOver | Moved | Ended | CallbackChanged | ContactChanged) -> None:
    if isinstance(fact, TalkOver):
        contact.talk_s += fact.talk_s
    elif isinstance(fact, Moved):
        if fact.reason == "chosen":
            contact.service = fact.service
    elif isinstance(fact, ContactChanged):
        contact.needs, contact.topics = fact.needs, fact.topics
        contact.since = contact.since if fact.since is None else fact.since
    elif isinstance(fact, CallbackChanged):
        if contact.waited_s is None:
            contact.waited_s = max(0.0, fact.at - contact.came)
        contact.called_back = True
    elif contact.waited_s is None:
        contact.waited_s = max(0.0, fact.wait_s - (contact.came - contact.since))
        contact.gave_up = isinstance(fact, Ended) and fact.outcome in GAVE_UP


def _arrivals(contacts: list[_Contact], over: float, seed: int) -> tuple[list[Arrival], float, int, int]:
    """Arrivals in order, mean patience, and of how many patience and talk were drawn. The mean is the one most likely
    for exponential patience of which some is known only to be longer than the wait."""
    waits = [max(0.0, over - one.came) if one.waited_s is None else one.waited_s for one in contacts]
    lost = sum(one.gave_up for one in contacts)
    patience_s = sum(waits) / lost if lost else inf
    talks: dict[ServiceId | None, list[float]] = {}
    for one in contacts:
        if one.talk_s > 0:
            talks.setdefault(one.service, []).append(one.talk_s)
            talks.setdefault(None, []).append(one.talk_s)
    found, patience_drawn, talks_drawn = [], 0, 0
    for one, waited_s in sorted(zip(contacts, waits, strict=True), key=lambda of: (of[0].came, of[0].fact.seq)):
        dice, fact = Random(f"{seed}:{one.fact.contact}"), one.fact
        patience, talk_s = waited_s, one.talk_s
        if not one.gave_up:
            patience = inf if patience_s == inf else waited_s + dice.expovariate(1.0 / max(patience_s, LEAST_S))
            patience_drawn += lost > 0
        if talk_s <= 0:
            talk_s = dice.choice(talks.get(one.service) or talks.get(None) or [TALK_S])
            talks_drawn += 1
        found.append(Arrival(one.came, one.service, talk_s, patience, fact.channel, fact.priority, fact.caller_hash,
                             one.needs, one.topics))
    return found, patience_s, patience_drawn, talks_drawn


def _duties(people: dict[AgentId, _Person], begin: float, over: float) -> Iterable[Duty]:
    for agent, person in people.items():
        person.becomes(AgentState.SIGNED_OUT, over)
        for start, end, breaks in person.duties:
            start, end = max(start, begin), min(end, over)
            if start < end:
                yield Duty(agent, start, end, tuple((max(a, start), min(b, end)) for a, b in breaks
                                                    if max(a, start) < min(b, end)))
