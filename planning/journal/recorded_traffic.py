"""Turn the facts of a journal into arrivals, talk times, patience and duties for another run.

A record does not hold everything. The rest is drawn, and the same seed draws the same values:

- The remaining patience of an answered caller. It is known only to be longer than the wait.
- The talk of a caller who gave up. It is drawn from the talks of the same service.

A caller who asked for a callback waits on the line like others. A supervisor's change of points is not repeated.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from random import Random
from statistics import fmean
from typing import NamedTuple

from planning.errors import PlanningError
from planning.simulation.centre_run import Arrival, Duty, pre_connect_s
from routing.core.events import AgentPaused, AgentResumed, AgentSkillsChanged, ServiceHoursSet
from routing.core.model.centre_model import ABANDONS, AgentState, Needs
from routing.core.model.commands import Offer
from routing.core.model.facts import (
    AgentChanged,
    CallbackChanged,
    ContactChanged,
    Ended,
    Fact,
    Moved,
    Queued,
    ServiceChanged,
)
from routing.core.model.ids import AgentId, ContactId, ServiceId
from routing.core.model.talk_facts import Connected, TalkEndedRecorded

ABSENT = (AgentState.PAUSED, AgentState.NOT_RESPONDING, AgentState.BUSY, AgentState.UNREACHABLE)
"""States of an agent who is signed in but takes no calls. Other rules would not have changed them, so in another run
the agent takes an unplanned break at that time."""


TALK_S = 240.0
"""Talk in a record without any talk: the mean of a public information line."""

TALK_MIN_S = 1.0
"""Lowest mean patience. Without it, callers who all hung up at once would give a mean of zero."""

RecordedEvent = ServiceHoursSet | AgentPaused | AgentResumed | AgentSkillsChanged


class RecordedTraffic(NamedTuple):
    """Recorded traffic, ready for another run."""

    arrivals: tuple[Arrival, ...]
    duties: tuple[Duty, ...]
    rings: dict[AgentId, float]
    """Mean ringing time of each agent's answered offers, in seconds."""
    start: float
    end: float
    """Bounds of the traffic, Unix seconds."""
    patience_s: float
    """Mean patience in the record: waiting time of all contacts / contacts that gave up. It is `inf` if none gave
    up."""
    patience_drawn: int
    """Number of contacts with a drawn rest of their patience."""
    talks_drawn: int
    """Number of contacts with a drawn talk, because they never talked."""
    callbacks: int = 0
    """Number of contacts that asked for a callback."""
    events: tuple[tuple[float, RecordedEvent], ...] = ()
    """Changes of opening hours, absences and changes of skills, in order, for `run_simulation(also=...)`."""

    def answer_delay_s(self, offer: Offer) -> float:
        """Return the seconds until the agent answers this offer, for `run_simulation`.

        `run_simulation` adds the time before the connection, so this function subtracts it.
        """
        usual = self.rings.get(offer.agent)
        if usual is None:
            return fmean(self.rings.values()) if self.rings else 0.0
        return max(0.0, usual - pre_connect_s(offer))


class _RecordedContact:
    """A contact as the record describes it."""

    __slots__ = ("called_back", "came", "fact", "gave_up", "needs", "service", "since", "talk_s", "topics", "waited_s")

    def __init__(self, fact: Queued, *, inherits: bool) -> None:
        self.since = fact.since
        """Start of the wait."""
        self.came = fact.at if inherits else fact.since
        """Arrival of the caller. If the contact inherits the age of an earlier call, it arrives at its own time: the
        new run finds the age again."""
        self.fact, self.service, self.needs, self.topics = fact, fact.service, fact.needs, fact.topics
        self.talk_s, self.gave_up, self.called_back = 0.0, False, False
        self.waited_s: float | None = None
        """Seconds on the line, or None if the contact still waits."""


class _RecordedAgent:
    """The duties and breaks of one agent in the record."""

    __slots__ = ("absent", "breaks", "duties", "since", "skills")

    def __init__(self) -> None:
        self.since: float | None = None
        self.skills: Needs | None = None
        self.absent: float | None = None
        self.breaks: list[tuple[float, float]] = []
        self.duties: list[tuple[float, float, tuple[tuple[float, float], ...]]] = []

    def change_state(self, state: AgentState, at: float) -> None:
        """Note that the agent has this state from now on."""
        # 1. End the absence if this state ends it.
        if self.absent is not None and state not in ABSENT:
            self.breaks.append((self.absent, at))
            self.absent = None
        # 2. A sign-out ends the duty.
        if state is AgentState.SIGNED_OUT:
            if self.since is not None:
                self.duties.append((self.since, at, tuple(self.breaks)))
            self.since, self.breaks = None, []
            return
        # 3. Any other state begins a duty, and perhaps an absence.
        if self.since is None:
            self.since = at
        if state in ABSENT and self.absent is None:
            self.absent = at


def read_traffic(facts: Iterable[Fact], start: float | None = None, end: float | None = None, *,
                 seed: int = 1) -> RecordedTraffic:
    """Return the traffic that the facts describe. The facts must be in order.

    `start` and `end` (Unix seconds) select the contacts that arrived between them, and the duties of that time. Bounds
    beyond the record are moved to its ends. Raise PlanningError if no contact arrived.
    """
    contacts: dict[ContactId, _RecordedContact] = {}
    people: dict[AgentId, _RecordedAgent] = {}
    rings: dict[AgentId, list[float]] = {}
    told: list[tuple[float, RecordedEvent]] = []
    ages: set[tuple[str, float]] = set()
    # 1. Collect contacts, duties and other events from the facts.
    first, last = inf, 0.0
    for fact in facts:
        last = max(last, fact.at)
        if isinstance(fact, AgentChanged):
            person = people.get(fact.agent)
            if person is None:
                # The agent had this state before the record begins.
                person = people[fact.agent] = _RecordedAgent()
                person.change_state(fact.before, fact.at - fact.before_s)
            person.change_state(fact.state, fact.at)
            if fact.skills != person.skills:
                person.skills = fact.skills
                # A sign-out ends the skills anyway.
                if fact.state is not AgentState.SIGNED_OUT:
                    told.append((fact.at, AgentSkillsChanged(fact.agent, fact.skills)))
        elif isinstance(fact, Queued):
            first = min(first, fact.since)
            # A caller who called again and kept the position has the age of the earlier call.
            age = fact.caller_hash, fact.since
            contacts[fact.contact] = _RecordedContact(fact, inherits=bool(fact.caller_hash) and age in ages)
            ages.add(age)
        elif isinstance(fact, ServiceChanged):
            told.append((fact.at, ServiceHoursSet(fact.service, fact.open)))
        elif isinstance(fact, Connected | TalkEndedRecorded | Moved | Ended | CallbackChanged | ContactChanged):
            if isinstance(fact, Connected):
                rings.setdefault(fact.agent, []).append(fact.ring_s)
            contact = contacts.get(fact.contact)
            if contact is not None:
                _note_fact(contact, fact)
    # 2. Move the bounds to the ends of the record, and select the contacts.
    begin = first if start is None else max(start, first)
    over = last if end is None else min(end, last)
    taken = [one for one in contacts.values() if begin <= one.came <= over]
    if not taken:
        raise PlanningError("no contact came in the time that was asked for: nothing can be run again")
    # 3. Draw the missing values, and turn absences into pauses.
    arrivals, patience_s, patience_drawn, talks_drawn = _build_arrivals(taken, over, seed)
    duties = tuple(_build_duties(people, begin, over))
    for duty in duties:
        for away, back in duty.breaks:
            told.append((away, AgentPaused(duty.agent)))
            # An agent who signed out during the break does not return from it.
            if back < duty.end:
                told.append((back, AgentResumed(duty.agent)))
    # 4. Events before the begin take effect at the begin.
    return RecordedTraffic(
        tuple(arrivals), tuple(duty._replace(breaks=()) for duty in duties),
        {agent: fmean(times) for agent, times in rings.items()}, begin, over, patience_s, patience_drawn, talks_drawn,
        sum(one.called_back for one in taken),
        tuple(sorted(((max(at, begin), event) for at, event in told
                      if at <= over and _applies_within(at, event, people, begin, over)),
                     key=lambda one: one[0])))


def _applies_within(at: float, event: RecordedEvent, people: dict[AgentId, _RecordedAgent], begin: float,
                    over: float) -> bool:
    """Return whether an event matters between `begin` and `over`.

    Temporary skills end with the duty, so those of an earlier duty do not matter.
    """
    return not isinstance(event, AgentSkillsChanged) or any(
        start <= at and max(at, begin) < min(end, over) for start, end, _ in people[event.agent].duties)


def _note_fact(contact: _RecordedContact, fact: Connected | TalkEndedRecorded | Moved | Ended | CallbackChanged
        | ContactChanged) -> None:
    if isinstance(fact, TalkEndedRecorded):
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
        contact.gave_up = isinstance(fact, Ended) and fact.outcome in ABANDONS


def _build_arrivals(contacts: list[_RecordedContact], over: float, seed: int) -> tuple[list[Arrival], float, int, int]:
    """Return arrivals in order, mean patience, and the numbers of drawn patiences and talks.

    The mean is the maximum-likelihood estimate for an exponential patience with censored values: the patience of an
    answered caller is only known to be longer than the wait.
    """
    # 1. Estimate the mean patience.
    waits = [max(0.0, over - one.came) if one.waited_s is None else one.waited_s for one in contacts]
    lost = sum(one.gave_up for one in contacts)
    patience_s = sum(waits) / lost if lost else inf
    # 2. Collect the talks of each service, and of all services for one that has none.
    talks: dict[ServiceId | None, list[float]] = {}
    for one in contacts:
        if one.talk_s > 0:
            talks.setdefault(one.service, []).append(one.talk_s)
            talks.setdefault(None, []).append(one.talk_s)
    # 3. Build the arrivals. Each contact has its own random numbers, so both runs draw the same values.
    found, patience_drawn, talks_drawn = [], 0, 0
    for one, waited_s in sorted(zip(contacts, waits, strict=True), key=lambda of: (of[0].came, of[0].fact.seq)):
        dice, fact = Random(f"{seed}:{one.fact.contact}"), one.fact
        patience, talk_s = waited_s, one.talk_s
        if not one.gave_up:
            patience = inf if patience_s == inf else waited_s + dice.expovariate(1.0 / max(patience_s, TALK_MIN_S))
            patience_drawn += lost > 0
        if talk_s <= 0:
            talk_s = dice.choice(talks.get(one.service) or talks.get(None) or [TALK_S])
            talks_drawn += 1
        found.append(Arrival(one.came, one.service, talk_s, patience, fact.channel, fact.priority, fact.caller_hash,
                             one.needs, one.topics))
    return found, patience_s, patience_drawn, talks_drawn


def _build_duties(people: dict[AgentId, _RecordedAgent], begin: float, over: float) -> Iterable[Duty]:
    for agent, person in people.items():
        person.change_state(AgentState.SIGNED_OUT, over)
        for start, end, breaks in person.duties:
            start, end = max(start, begin), min(end, over)
            if start < end:
                yield Duty(agent, start, end, tuple((max(a, start), min(b, end)) for a, b in breaks
                                                    if max(a, start) < min(b, end)))
