"""The memory of an independent checker of profiles: the contacts of each agent, rests and limits.

It follows the table in the documentation of profiles, not the code of the engine. Its input is the events, facts and
commands. It shares only the words of `routing.core.model.centre_model` with the engine. `profile_checker` judges.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

from routing.core import events as e
from routing.core.model import commands as c
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import (
    PHONE_CHANNELS,
    Agent,
    AgentState,
    Centre,
    Channel,
    ContactState,
    OfferState,
    Profile,
    Service,
)
from routing.core.model.reasons import FOUND

NEARLY = 0.02
"""Tolerance of a load. Both sums are rounded differently, and faded loads are forgotten."""

LEARNED = 400
"""Number of latest handle times of a service in the checker's estimate."""

PLAIN = Profile()
OWN_WORD = (e.WrapUpEnded, e.AgentResumed, e.AgentSignedOut)


MESSAGE_PAUSES = {OfferState.REJECTED: 30.0, OfferState.TIMEOUT: 300.0}
"""Time without messages after one that was declined or not answered."""


@dataclass
class At:
    """A contact at an agent."""

    offer: int
    channel: Channel
    service: Service
    agent: str
    made_at: float
    connected_at: float | None = None
    talk_ended_at: float | None = None
    weight: int = 0
    interrupted: bool = False
    profile: Profile = PLAIN
    extended_s: float = 0.0
    tier: int = 0


@dataclass
class Person:
    """The checker's record of an agent."""

    state: AgentState = AgentState.SIGNED_OUT
    reason: str = ""
    at_hand: dict[int, At] = field(default_factory=dict)
    weights: dict[int, tuple[float, int]] = field(default_factory=dict)
    limited: bool = False
    """The agent is surely at the hard limit."""
    nearly_limited: bool = False
    """The agent may be at the hard limit: the load was that near to it."""
    heavy_end: float | None = None
    heavy_last: bool = False
    rest_until: float = float("-inf")
    heavy_declined_until: float = float("-inf")
    gap_from: float | None = None
    gap_s: float = 0.0
    relaxed: dict[str, float] = field(default_factory=dict)
    breaks: tuple[tuple[float, float], ...] = ()
    postponed_since: float | None = None
    """`working_since` of the short break that waits until another agent is on duty for distress."""
    since: float = float("-inf")
    """The last change of the state."""
    awake_at: float = float("-inf")
    """The last time at which the agent reported ready or signed in."""
    working_since: float = float("-inf")
    own_pause: bool = False
    pause_pending: str = ""
    leaves: bool = False
    paused_at: float | None = None
    works: bool = False
    """The reason of the pause counts as work."""
    by_clock: bool = False
    """The clock began the pause."""
    out_at: float = float("-inf")
    missed: int = 0
    """Ring-no-answers in a row, and offers that the agent's phone refused."""
    gone: bool = False
    """The agent has reached the allowed number of ring-no-answers and has not acted since."""
    away_at: float = float("-inf")
    """The time since which the agent does not respond."""
    seated: bool = False
    """The agent is signed in at a seat."""
    desk: bool = False
    """A desk is open."""
    no_message_before: float = float("-inf")
    """The end of the time without messages, after one that was not taken."""
    word: bool = False
    """The agent has ended a wrap-up in this turn."""


class ProfileMemory(ABC):
    """Takes everything in order: `told` for accepted events, then `came` for the output. `_offered`, `_command`,
    `_wrapup` and `_returned` check the profile."""

    def __init__(self) -> None:
        self.centre = Centre((), ())
        self.agents: dict[str, Agent] = {}
        self.services: dict[str, Service] = {}
        self.people: dict[str, Person] = {}
        self.topics: dict[str, frozenset[str]] = {}
        self.needs: dict[str, tuple[tuple[str, int], ...]] = {}
        self.channels: dict[str, Channel] = {}
        self.distressed: dict[str, tuple[str, Channel]] = {}
        """Contacts in distress that wait and are offered to nobody: service and channel."""
        self.offers: dict[int, At] = {}
        self.taken: dict[str, list[float]] = {}
        self.taken_back: set[str] = set()
        """Agents from whom a call has taken a contact without distress in this turn."""
        self.by_partner = False
        """The last ended leg was that of the partner of a pair."""

    # --- what goes in

    def told(self, event: e.Event | None, now: float) -> None:
        """Take an event that was not refused."""
        for person in self.people.values():
            person.word = False
        match event:
            case e.Configured():
                for name in self.people:  # by the limits that held until now ...
                    self._limit(name, now)
                self._configured(event.centre)
                for name in self.agents:  # ... and by those of now
                    self._limit(name, now)
            case e.HeavyContactsDeclined():
                self.people[event.agent].heavy_declined_until = now + self.centre.heavy_declined_s
            case e.RulesOverridden():
                person = self.people[event.agent]
                for rule in event.rules:
                    person.relaxed[rule] = event.until
                if "rest_gap" in event.rules and event.until > now:
                    person.gap_from = None
                if "decompression" in event.rules and event.until > now:
                    person.rest_until = now
            case e.DeskChanged():
                person = self.people[event.agent]
                if person.desk is not event.present:
                    person.desk, person.no_message_before = event.present, now
            case e.BreaksPlanned():
                self.people[event.agent].breaks = event.breaks
            case e.LoadReported():
                self._weighed(event, now)
            case e.AgentPaused():
                self._paused(event)
            case e.OfferEnded():
                self.by_partner = event.partner
            case e.WrapUpExtended():
                for one in self.people[event.agent].at_hand.values():
                    if one.talk_ended_at is not None:  # by the profile of now: a reload may have changed it
                        one.extended_s += self.agents[event.agent].profile.wrapup_extend_s
            case _:
                pass
        if isinstance(event, OWN_WORD):
            self._word(event, now)

    def _paused(self, event: e.AgentPaused) -> None:
        """Take a pause at the agent's request, unless the agent is about to leave or repeats the clock's pause."""
        person = self.people[event.agent]
        known = person.pause_pending or (person.reason if person.state is AgentState.PAUSED else "")
        if known != (event.reason or self.centre.break_reason.id) and not person.leaves:
            person.own_pause = True

    def _configured(self, centre: Centre) -> None:
        self.centre = centre
        self.agents.update({agent.id: agent for agent in centre.agents})
        self.services.update({service.id: service for service in centre.services})
        for agent in centre.agents:
            self.people.setdefault(agent.id, Person())

    def _word(self, event: e.WrapUpEnded | e.AgentResumed | e.AgentSignedOut, now: float) -> None:
        person = self.people.get(event.agent)
        if person is None:
            return
        person.word = True
        if isinstance(event, e.AgentResumed):
            person.awake_at, person.missed, person.gone = now, 0, False
            person.no_message_before = now
            person.rest_until = min(person.rest_until, now)
            if person.pause_pending and not person.own_pause:
                person.working_since = now
            if person.state is not AgentState.PAUSED:
                person.own_pause = False

    def _weighed(self, event: e.LoadReported, now: float) -> None:
        one = self.offers.get(event.offer)
        if one is None or one.connected_at is None or one.offer not in self.people[one.agent].at_hand:
            return
        self._weigh(one, one.connected_at, event.load, now)

    # --- what comes out

    def came(self, facts: Iterable[f.Fact], commands: Iterable[c.Command]) -> None:
        """Take the facts and commands of one turn."""
        made: dict[int, f.Offered] = {}
        before: dict[str, AgentState] = {}
        self.taken_back.clear()
        for fact in facts:
            match fact:
                case f.Queued():
                    self.topics[fact.contact] = fact.topics
                    self.needs[fact.contact] = tuple((str(skill), level) for skill, level in fact.needs)
                    self.channels[fact.contact] = fact.channel
                    self._waits(fact.contact, fact.service)
                case f.Moved():
                    self._waits(fact.contact, fact.service)
                case f.Ended():
                    self.distressed.pop(fact.contact, None)
                case f.AgentChanged():
                    before[fact.agent] = fact.before
                    self._changed(fact)
                case f.BreakPostponed():
                    person = self.people[fact.agent]
                    person.postponed_since = person.working_since
                case f.Offered():
                    made[fact.offer] = fact
                    self.distressed.pop(fact.contact, None)
                    self._offered(fact, before)
                case tf.Connected():
                    self._connected(fact)
                case f.OfferClosed():
                    self._closed(fact)
                    if fact.state is not OfferState.CANCELED:
                        self._waits(fact.contact, self.offers[fact.offer].service.id)
                case tf.TalkEndedRecorded():
                    self._talk_over(fact)
                    if fact.state is ContactState.PENDING:
                        self._waits(fact.contact, self.offers[fact.offer].service.id)
                case tf.WrappedUp():
                    self._wrapped(fact)
                case tf.Interrupted():
                    self.offers[fact.offer].interrupted = fact.on
                case _:
                    pass
        for command in commands:
            if isinstance(command, c.Offer) and command.offer in made:
                self._command(command, made[command.offer])

    def _waits(self, contact: str, service: str) -> None:
        """Note a contact that waits, if it is in distress."""
        self.distressed.pop(contact, None)
        if self.services[service].distress:
            self.distressed[contact] = service, self.channels[contact]

    def _pause_changed(self, person: Person, fact: f.AgentChanged) -> None:
        """Follow a pause from rest to work and back. A rest that the clock began, or a long one, is a break."""
        paused = fact.state is AgentState.PAUSED
        reason = self.centre.find_pause_reason(fact.reason) if paused else None
        works = reason is not None and reason.work
        another = fact.state is not fact.before or works is not person.works
        if fact.before is AgentState.PAUSED and another and not person.works:
            paused_s = fact.at - (fact.at if person.paused_at is None else person.paused_at)
            if person.by_clock or paused_s >= self.centre.micro_break_s:
                person.working_since, person.heavy_last = fact.at, False
        if paused and another:
            person.paused_at, person.works = fact.at, works
        if paused and (another or fact.reason != person.reason):
            person.by_clock = not person.own_pause
        elif not paused:
            person.works = False

    def _changed(self, fact: f.AgentChanged) -> None:
        person = self.people.setdefault(fact.agent, Person())
        self._pause_changed(person, fact)
        # A time without a contact as long as a short break is a rest.
        if fact.before is AgentState.READY and fact.state is not AgentState.READY \
                and fact.at - person.since >= self.centre.micro_break_s:
            person.working_since = fact.at
        if fact.state is not fact.before:
            person.since = fact.at
            if fact.before is AgentState.PAUSED:
                person.own_pause, person.missed, person.gone = False, 0, False
            elif fact.before is AgentState.SIGNED_OUT:
                person.awake_at, person.missed, person.gone = fact.at, 0, False
                if fact.at - person.out_at >= self.centre.micro_break_s:
                    person.working_since, person.heavy_last = fact.at, False
            if fact.state is AgentState.SIGNED_OUT:
                person.out_at, person.own_pause, person.no_message_before = fact.at, False, fact.at
            elif fact.state is AgentState.NOT_RESPONDING:
                person.away_at = fact.at
            if fact.reason == "auto_return":
                self._returned(fact)
                person.awake_at, person.missed, person.gone = fact.at, 0, False
        person.state, person.reason, person.pause_pending = fact.state, fact.reason, fact.pause_pending
        person.leaves = fact.leave_pending
        person.seated = fact.seat is not None and fact.state is not AgentState.SIGNED_OUT

    def _connected(self, fact: tf.Connected) -> None:
        one = self.offers[fact.offer]
        one.connected_at = fact.at if fact.connected_at is None else fact.connected_at
        self._weigh(one, one.connected_at, one.service.load, fact.at)
        for person in self._holders(one):
            # A message that is taken tells nothing about the phone.
            if one.channel in PHONE_CHANNELS:
                person.missed, person.gone = 0, False

    def _weigh(self, one: At, since: float, weight: int, now: float) -> None:
        """Add a weight from now on. The hard limit may have ended earlier and be reached again."""
        one.weight = weight
        for name in filter(None, (one.agent, self._partner(one.agent) if self._paired(one) else None)):
            self._limit(name, now)
            self.people[name].weights[one.offer] = (since, weight)
            self._limit(name, now)

    def _closed(self, fact: f.OfferClosed) -> None:
        one = self.offers[fact.offer]
        for second, person in enumerate(self._holders(one)):
            person.at_hand.pop(fact.offer, None)
            if fact.reason == "call" and not one.service.distress:
                self.taken_back.add(self._name(person))
            refused = fact.state is OfferState.REJECTED and fact.reason in ("busy", "rejected") \
                and second == self.by_partner
            if one.channel not in PHONE_CHANNELS:
                pause_s = MESSAGE_PAUSES.get(fact.state, 0.0)
                person.no_message_before = max(person.no_message_before, fact.at + pause_s)
            elif (refused or fact.state is OfferState.TIMEOUT) and one.tier != 2:
                person.missed += 1
                person.gone = person.missed >= self.agents[self._name(person)].profile.rna_allowed
            # To leave an offer beyond the limit alone says "not now".
            if one.tier == 2 and fact.state in (OfferState.REJECTED, OfferState.TIMEOUT):
                person.heavy_declined_until = max(person.heavy_declined_until, fact.at + self.centre.heavy_declined_s)
            # A call, changed rules or a talk found elsewhere took the offer back: not the doing of the agent, who rests
            # only after contacts.
            if fact.state is not OfferState.CANCELED and fact.reason not in ("call", "unfit", "desk_closed", FOUND):
                self._gap(person, one, fact.at)

    def _talk_over(self, fact: tf.TalkEndedRecorded) -> None:
        one = self.offers[fact.offer]
        one.talk_ended_at, one.profile = fact.at, self.agents[fact.agent].profile
        if fact.state is ContactState.PENDING:  # cut, or sent on: not theirs any more
            self._done(one, self._holders(one), fact.at)
        elif self._paired(one):  # the second one of a pair is done with it: the wrap-up is their own
            self._done(one, self._holders(one)[1:], fact.at)

    def _wrapped(self, fact: tf.WrappedUp) -> None:
        one = self.offers[fact.offer]
        self._wrapup(one, fact)
        if one.connected_at is not None:
            times = self.taken.setdefault(fact.service, [])
            times.append(fact.at - one.connected_at)
            del times[:-LEARNED]
        self._done(one, self._holders(one)[:1], fact.at)

    def _done(self, one: At, who: list[Person], at: float) -> None:
        for person in who:
            person.at_hand.pop(one.offer, None)
            self._gap(person, one, at)
            if one.weight >= 4:
                person.heavy_end, person.heavy_last = at, True
                if not self._relaxed(person, "decompression", at):
                    person.rest_until = at + self.centre.decompression_s
            elif person.heavy_end is None or (one.connected_at or 0.0) >= person.heavy_end:
                person.heavy_end, person.heavy_last = None, False

    def _gap(self, person: Person, one: At, at: float) -> None:
        name = self._name(person)
        person.gap_from = None if self._relaxed(person, "rest_gap", at) else at
        person.gap_s = self.agents[name].profile.rest_gap_s

    # --- small things

    def _holders(self, one: At) -> list[Person]:
        found = [self.people[one.agent]]
        other = self._partner(one.agent) if self._paired(one) else None
        return found if other is None else [*found, self.people[other]]

    def _name(self, person: Person) -> str:
        return next(name for name, other in self.people.items() if other is person)

    def _paired(self, one: At) -> bool:
        return one.channel in PHONE_CHANNELS and bool(self.agents[one.agent].profile.pair_id)

    def _partner(self, agent: str) -> str | None:
        pair_id = self.agents[agent].profile.pair_id
        return next((other.id for other in self.centre.agents
                     if pair_id and other.profile.pair_id == pair_id and other.id != agent), None)

    @staticmethod
    def _relaxed(person: Person, rule: str, at: float) -> bool:
        return person.relaxed.get(rule, float("-inf")) > at

    def _limit(self, name: str, at: float) -> float:
        """Return the load by its formula. Remember whether the agent is at the hard limit and not yet below `again`."""
        person, limits = self.people[name], self.agents[name].profile.distress
        half_life = self.centre.load_half_life_s
        load: float = sum(weight * 2.0 ** ((since - at) / half_life) for since, weight in person.weights.values())
        if len(person.weights) > 200:
            person.weights = {n: w for n, w in person.weights.items() if at - w[0] < 15 * half_life}
        # One load at the bound decides about the limit until the release, so both answers are kept.
        person.limited = load >= limits.hard + NEARLY or (person.limited and load >= limits.release + NEARLY)
        person.nearly_limited = load >= limits.hard - NEARLY or (
            person.nearly_limited and load >= limits.release - NEARLY)
        return load

    # --- what is asked of a profile

    @abstractmethod
    def _offered(self, fact: f.Offered, before: dict[str, AgentState]) -> None:
        """Check an offer. `before` holds the agents' states until then."""

    @abstractmethod
    def _command(self, command: c.Offer, fact: f.Offered) -> None:
        """Check the command of an offer."""

    @abstractmethod
    def _wrapup(self, one: At, fact: tf.WrappedUp) -> None:
        """Check the end of a wrap-up."""

    @abstractmethod
    def _returned(self, fact: f.AgentChanged) -> None:
        """Check the return of an agent by the clock."""
