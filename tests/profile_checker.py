"""Looks at every offer and asks of the agent's profile alone: may this be? Written from the table of what a profile
means, not from the engine: it is fed what was told (events), what came of it (facts) and what is to be done (commands),
and shares with the engine nothing but the words of `routing.core.model`.

Whatever is wrong is kept as a sentence in `violations`; nothing is thrown, so that all of them are counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from routing.core import commands as c
from routing.core import events as e
from routing.core import facts as f
from routing.core.model import (
    Agent,
    AgentState,
    AnswerMode,
    Centre,
    Channel,
    OfferState,
    PreConnect,
    Profile,
    Service,
    WrapUpMode,
)

CLOSE_S = 1e-6
"""Sums of floating-point times differ by this."""

NEARLY = 0.02
"""Of a load: both sums are rounded in their own way, and what has faded away is forgotten."""

P80_TRUST = 0.6
"""The expected handle time is an estimate; less than this share of it left before a break is no matter of taste."""

LEARNED = 400
"""Latest handle times of a service that the checker's own estimate looks at."""

PLAIN = Profile()
OWN_WORD = (e.WrapUpEnded, e.AgentResumed, e.AgentSignedOut)


@dataclass
class At:
    """A contact at an agent."""

    offer: int
    channel: Channel
    service: Service
    agent: str
    made_at: float
    connected_at: float | None = None
    talk_over_at: float | None = None
    weight: int = 0
    interrupted: bool = False
    profile: Profile = PLAIN
    extended_s: float = 0.0


@dataclass
class Person:
    """An agent as the checker remembers them."""

    state: AgentState = AgentState.SIGNED_OUT
    reason: str = ""
    at_hand: dict[int, At] = field(default_factory=dict)
    weights: dict[int, tuple[float, int]] = field(default_factory=dict)
    limited: bool = False
    heavy_end: float | None = None
    heavy_last: bool = False
    rest_until: float = float("-inf")
    spared_until: float = float("-inf")
    gap_from: float | None = None
    gap_s: float = 0.0
    relaxed: dict[str, float] = field(default_factory=dict)
    breaks: tuple[tuple[float, float], ...] = ()
    awake_at: float = float("-inf")
    """Last said to be ready by themselves, or sat down."""
    working_since: float = float("-inf")
    own_pause: bool = False
    pause_pending: str = ""
    leaves: bool = False
    paused_at: float | None = None
    out_at: float = float("-inf")
    word: bool = False
    """Said something in this turn that ends a wrap-up."""


class ProfileChecker:
    """Told everything in order: `told` for what went in (not when it was refused), then `came` for what came out."""

    def __init__(self) -> None:
        self.centre = Centre((), ())
        self.agents: dict[str, Agent] = {}
        self.services: dict[str, Service] = {}
        self.people: dict[str, Person] = {}
        self.topics: dict[str, frozenset[str]] = {}
        self.offers: dict[int, At] = {}
        self.taken: dict[str, list[float]] = {}
        self.violations: list[str] = []
        self.checked: Counter[str] = Counter()
        """How often each rule had something to say: a rule that never had was not tried."""

    # --- what goes in

    def told(self, event: e.Event | None, now: float) -> None:
        """An event that was not refused."""
        for person in self.people.values():
            person.word = False
        match event:
            case e.Configured():
                self._configured(event.centre)
            case e.AgentSpared():
                self.people[event.agent].spared_until = now + self.centre.spared_s
            case e.RulesRelaxed():
                person = self.people[event.agent]
                for rule in event.rules:
                    person.relaxed[rule] = event.until
                if "rest_gap" in event.rules and event.until > now:
                    person.gap_from = None
                if "decompression" in event.rules and event.until > now:
                    person.rest_until = now
            case e.BreaksPlanned():
                self.people[event.agent].breaks = event.breaks
            case e.ContactWeighed():
                self._weighed(event, now)
            case e.AgentPaused():
                self._paused(event)
            case e.WrapUpExtended():
                for one in self.people[event.agent].at_hand.values():
                    one.extended_s += one.profile.wrapup_extend_s
            case _:
                pass
        if isinstance(event, OWN_WORD):
            self._word(event, now)

    def _paused(self, event: e.AgentPaused) -> None:
        """A word of their own, unless they only repeat what the clock has said."""
        person = self.people[event.agent]
        known = person.pause_pending or (person.reason if person.state is AgentState.PAUSED else "")
        if known != event.reason:
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
            person.awake_at = now
            person.rest_until = min(person.rest_until, now)
            if person.pause_pending and not person.own_pause:
                person.working_since = now
            if person.state is not AgentState.PAUSED:
                person.own_pause = False

    def _weighed(self, event: e.ContactWeighed, now: float) -> None:
        one = self.offers.get(event.offer)
        if one is None or one.connected_at is None or one.offer not in self.people[one.agent].at_hand:
            return
        self._weigh(one, one.connected_at, event.load, now)

    # --- what comes out

    def came(self, facts: Iterable[f.Fact], commands: Iterable[c.Command]) -> None:
        """Facts and commands of one turn."""
        made: dict[int, f.Offered] = {}
        before: dict[str, AgentState] = {}
        for fact in facts:
            match fact:
                case f.Queued():
                    self.topics[fact.contact] = fact.topics
                case f.AgentChanged():
                    before[fact.agent] = fact.before
                    self._changed(fact)
                case f.Offered():
                    made[fact.offer] = fact
                    self._offered(fact, before)
                case f.Connected():
                    self._connected(fact)
                case f.OfferClosed():
                    self._closed(fact)
                case f.TalkOver():
                    self._talk_over(fact)
                case f.WrappedUp():
                    self._wrapped(fact)
                case f.Interrupted():
                    self.offers[fact.offer].interrupted = fact.on
                case _:
                    pass
        for command in commands:
            if isinstance(command, c.Offer) and command.offer in made:
                self._command(command, made[command.offer])

    def _changed(self, fact: f.AgentChanged) -> None:
        person = self.people.setdefault(fact.agent, Person())
        if fact.state is not fact.before:
            if fact.before is AgentState.PAUSED:
                paused_s = fact.at - (fact.at if person.paused_at is None else person.paused_at)
                if not person.own_pause or paused_s >= self.centre.micro_break_s:
                    person.working_since, person.heavy_last = fact.at, False
                person.own_pause = False
            elif fact.before is AgentState.SIGNED_OUT:
                person.awake_at = fact.at
                if fact.at - person.out_at >= self.centre.micro_break_s:
                    person.working_since, person.heavy_last = fact.at, False
            if fact.state is AgentState.PAUSED:
                person.paused_at = fact.at
            elif fact.state is AgentState.SIGNED_OUT:
                person.out_at, person.own_pause = fact.at, False
            if fact.reason == "auto_return":
                person.awake_at = fact.at
        person.state, person.reason, person.pause_pending = fact.state, fact.reason, fact.pause_pending
        person.leaves = fact.leave_pending

    def _connected(self, fact: f.Connected) -> None:
        one = self.offers[fact.offer]
        one.connected_at = fact.at if fact.connected_at is None else fact.connected_at
        self._weigh(one, one.connected_at, one.service.load, fact.at)

    def _weigh(self, one: At, since: float, weight: int, now: float) -> None:
        """It weighs so much from now on. The limit may have ended before and be reached again by it."""
        one.weight = weight
        for name in filter(None, (one.agent, self._partner(one.agent) if self._paired(one) else None)):
            self._limit(name, now)
            self.people[name].weights[one.offer] = (since, weight)
            self._limit(name, now)

    def _closed(self, fact: f.OfferClosed) -> None:
        one = self.offers[fact.offer]
        for person in self._holders(one):
            person.at_hand.pop(fact.offer, None)
            if fact.state is not OfferState.CANCELED and fact.reason != "call":
                self._gap(person, one, fact.at)

    def _talk_over(self, fact: f.TalkOver) -> None:
        one = self.offers[fact.offer]
        one.talk_over_at, one.profile = fact.at, self.agents[fact.agent].profile
        if fact.by == "lost":
            self._done(one, self._holders(one), fact.at)
        elif self._paired(one):  # the second one of a pair is done with it: the wrap-up is their own
            self._done(one, self._holders(one)[1:], fact.at)

    def _wrapped(self, fact: f.WrappedUp) -> None:
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
        name = next(name for name, other in self.people.items() if other is person)
        person.gap_from = None if self._relaxed(person, "rest_gap", at) else at
        person.gap_s = self.agents[name].profile.rest_gap_s

    def _wrapup(self, one: At, fact: f.WrappedUp) -> None:
        """The wrap-up had the time and the end that the profile gives it."""
        if one.talk_over_at is None:
            return
        profile, person = one.profile, self.people[fact.agent]
        left = person.state is AgentState.SIGNED_OUT or person.leaves
        short = fact.at - one.talk_over_at < profile.wrapup_s - CLOSE_S
        if profile.wrapup_s <= 0 or left:
            return
        if profile.wrapup_mode is WrapUpMode.MANDATORY and not person.word:
            self._wrong("wrapup", fact, "ended without the agent's word")
        if profile.wrapup_mode is WrapUpMode.MANDATORY_TIMEOUT and short and not person.word:
            self._wrong("wrapup", fact, f"{fact.at - one.talk_over_at:.1f} s of {profile.wrapup_s:.1f}")
        if profile.wrapup_mode is WrapUpMode.MANDATORY_FORCED_TIMEOUT and short and not person.word:
            self._wrong("wrapup", fact, "shorter than it must be")
        self.checked["wrapup"] += 1

    # --- an offer

    def _offered(self, fact: f.Offered, before: dict[str, AgentState]) -> None:
        service = self.services[fact.service]
        one = At(fact.offer, fact.channel, service, fact.agent, fact.at)
        self.offers[fact.offer] = one
        names = [fact.agent]
        self._pair(fact)
        if fact.partner is not None:
            names.append(fact.partner)
        for name in names:
            person, profile = self.people[name], self.agents[name].profile
            self._capability(fact, person, profile)
            self._room(fact, person, profile)
            self._strain(fact, name, person, profile, service)
            self._breaks(fact, name, person, profile)
            if before.get(name, person.state) in (AgentState.PAUSED, AgentState.SIGNED_OUT, AgentState.BUSY,
                                                  AgentState.NOT_RESPONDING):
                self._wrong("state", fact, f"{name} was {before.get(name, person.state)}")
            person.at_hand[fact.offer] = one
        self.checked["offers"] += 1

    def _pair(self, fact: f.Offered) -> None:
        """A call comes to both; each of them must have room for it, as every offer (see `_offered`)."""
        pair_id = self.agents[fact.agent].profile.pair_id
        if not pair_id:
            if fact.partner is not None:
                self._wrong("pair", fact, "a partner of an agent who has none")
            return
        if fact.channel is not Channel.VOICE:
            return
        self.checked["pair"] += 1
        other = self._partner(fact.agent)
        if other is None or fact.partner != other:
            self._wrong("pair", fact, f"offered without the partner {other}")

    def _capability(self, fact: f.Offered, person: Person, profile: Profile) -> None:
        if fact.channel not in profile.channels:
            self._wrong("channels", fact, f"{fact.channel} is not among them")
        self.checked["channels"] += len(profile.channels) < len(Channel)
        banned = profile.no_topics & {str(fact.service), *self.topics.get(fact.contact, frozenset())}
        if banned:
            self._wrong("no_topics", fact, ", ".join(sorted(banned)))
        self.checked["no_topics"] += bool(profile.no_topics)

    def _room(self, fact: f.Offered, person: Person, profile: Profile) -> None:
        """Concurrency, capacity, one at a time, captions."""
        live = list(person.at_hand.values())
        most = dict(profile.max_concurrency).get(fact.channel, 1)
        if sum(one.channel is fact.channel for one in live) >= most:
            self._wrong("max_concurrency", fact, f"{len(live)} at hand, at most {most} of {fact.channel}")
        self.checked["max_concurrency"] += bool(live)
        if profile.one_at_a_time:
            self.checked["one_at_a_time"] += 1
            if live:
                self._wrong("one_at_a_time", fact, f"{len(live)} at hand")
        costs = dict(self.centre.costs)

        def counts(one: At) -> bool:
            if one.interrupted:
                return False
            return not (fact.channel is Channel.VOICE and one.channel in self.centre.interruptible
                        and one.connected_at is not None)

        used = sum(costs.get(one.channel, 100) for one in live if counts(one))
        if used + costs.get(fact.channel, 100) > profile.capacity:
            self._wrong("capacity", fact, f"{used} used of {profile.capacity}")
        calls = any(one.channel is Channel.VOICE for one in live)
        if calls and any(one.interrupted for one in live):
            self._wrong("interrupted", fact, "something beside a call that interrupted")
        if profile.captions and live and (calls or fact.channel is Channel.VOICE):
            self._wrong("captions", fact, "a call is not alone")
        self.checked["captions"] += profile.captions and fact.channel is Channel.VOICE

    def _strain(self, fact: f.Offered, name: str, person: Person, profile: Profile, service: Service) -> None:
        at = fact.at
        if person.gap_from is not None and person.gap_s and not self._relaxed(person, "rest_gap", at):
            self.checked["rest_gap"] += 1
            if at - person.gap_from < person.gap_s - CLOSE_S:
                self._wrong("rest_gap", fact, f"{at - person.gap_from:.2f} s of {person.gap_s}")
        if at < person.rest_until - CLOSE_S and not self._relaxed(person, "decompression", at):
            self._wrong("decompression", fact, f"{person.rest_until - at:.1f} s too early")
        if service.load < 3:
            return
        self.checked["heavy"] += 1
        if at < person.spared_until - CLOSE_S:
            self._wrong("spared", fact, "the agent said: not now")
        if self._relaxed(person, "distress_limit", at):
            self.checked["relaxed"] += 1
            return
        load = self._limit(name, at)
        sure = abs(load - profile.distress.again) > NEARLY and abs(load - profile.distress.hard) > NEARLY
        beyond = []
        if person.limited and sure:
            beyond.append(f"load {load:.2f}, limit {profile.distress.hard}")
        if service.load >= 4:
            if any(one.weight >= 4 or one.service.load >= 4 for one in person.at_hand.values()):
                self._wrong("heaviest", fact, "another of weight 4 at hand")
            if person.heavy_end is not None and at < person.heavy_end + self.centre.decompression_s - CLOSE_S:
                beyond.append("two of weight 4 in a row")
        if beyond:
            self.checked["beyond"] += 1
            if fact.tier != 2:
                self._wrong("distress_limit", fact, f"{name}: {'; '.join(beyond)}")
        elif fact.tier == 2 and sure and not profile.pair_id:
            self._wrong("ceiling", fact, "by the ceiling, and the agent was free to take it")
        if fact.tier == 0 and load >= profile.distress.soft + NEARLY:
            self._wrong("soft", fact, f"gladly at load {load:.2f}, soft limit {profile.distress.soft}")

    def _breaks(self, fact: f.Offered, name: str, person: Person, profile: Profile) -> None:
        at = fact.at
        if at - person.working_since > profile.max_continuous_s + CLOSE_S:
            self._wrong("max_continuous", fact, f"{name}: {at - person.working_since:.0f} s without a break")
        for start, end in person.breaks:
            left = start + profile.break_grace_s - at
            if start > at and left < 7_200.0:
                self.checked["break_protection"] += 1
                if left < P80_TRUST * self._p80(name):
                    self._wrong("break_protection", fact, f"{left:.0f} s left, {self._p80(name):.0f} s expected")
            elif start <= at < end and person.awake_at < start:
                self._wrong("break", fact, f"in the midst of it, {end - at:.0f} s before its end")

    def _command(self, command: c.Offer, fact: f.Offered) -> None:
        """The parameters of the offer are those of the profile."""
        agent = self.agents[fact.agent]
        profile = agent.profile
        by_key = agent.outside or fact.tier == 2
        spoken = profile.pre_connect in (PreConnect.WHISPER, PreConnect.BOTH)
        reading = profile.pre_connect_s if profile.pre_connect in (PreConnect.SCREEN, PreConnect.BOTH) else 0.0
        ring_s = profile.ring_timeout_s  # of a pair the slower one has the time they need
        if fact.partner is not None:
            ring_s = max(ring_s, self.agents[fact.partner].profile.ring_timeout_s)
        wanted: dict[str, Any] = {
            "ring_s": ring_s, "brief": spoken or by_key, "reading_s": reading,
            "answer_mode": AnswerMode.PRESS_ONE if by_key else profile.answer_mode, "comfort": profile.comfort,
            "channel": fact.channel, "outside": agent.outside}
        for name, value in wanted.items():
            if getattr(command, name) != value:
                self._wrong(name, fact, f"{getattr(command, name)!r} instead of {value!r}")
        self.checked["parameters"] += 1

    # --- small things

    def _holders(self, one: At) -> list[Person]:
        found = [self.people[one.agent]]
        other = self._partner(one.agent) if self._paired(one) else None
        return found if other is None else [*found, self.people[other]]

    def _paired(self, one: At) -> bool:
        return one.channel is Channel.VOICE and bool(self.agents[one.agent].profile.pair_id)

    def _partner(self, agent: str) -> str | None:
        pair_id = self.agents[agent].profile.pair_id
        return next((other.id for other in self.centre.agents
                     if pair_id and other.profile.pair_id == pair_id and other.id != agent), None)

    @staticmethod
    def _relaxed(person: Person, rule: str, at: float) -> bool:
        return person.relaxed.get(rule, float("-inf")) > at

    def _limit(self, name: str, at: float) -> float:
        """The load by its formula; remembers whether the agent is at the hard limit and not yet below `again`."""
        person, limits = self.people[name], self.agents[name].profile.distress
        half_life = self.centre.load_half_life_s
        load = sum(weight * 2.0 ** ((since - at) / half_life) for since, weight in person.weights.values())
        if len(person.weights) > 200:
            person.weights = {n: w for n, w in person.weights.items() if at - w[0] < 15 * half_life}
        if load >= limits.hard:
            person.limited = True
        elif load < limits.again:
            person.limited = False
        return load

    def _p80(self, name: str) -> float:
        """Eight of ten of the latest contacts took no longer; of the slowest service the agent can serve."""
        skills = dict(self.agents[name].skills)
        worst = 0.0
        for service in self.centre.services:
            needs = [*service.floor, *service.steps[-1].needs]
            times: list[float] = []
            if all(skills.get(skill, -1) >= level for skill, level in needs):
                times = sorted(self.taken.get(service.id, []))
            if len(times) > 100:
                worst = max(worst, times[int(0.8 * len(times))])
        return worst

    def _wrong(self, rule: str, fact: Any, why: str) -> None:
        self.violations.append(f"{rule}: offer {fact.offer} to {fact.agent} at {fact.at:.3f}: {why}")
