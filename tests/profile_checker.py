"""Checks each offer against the agent's profile alone. It shares only the words of `routing.core.model.centre_model`
with the engine. `profile_memory` is its memory of the house.

Each violation is kept as a sentence in `violations`. No exception is raised, so that all of them are counted.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from routing.core.model import commands as c
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import (
    PHONE_CHANNELS,
    SHIPPED,
    AgentState,
    AnswerMode,
    Channel,
    PreConnect,
    Profile,
    Service,
    WrapUpMode,
)
from routing.core.model.reasons import FOUND
from tests.profile_memory import NEARLY, At, Person, ProfileMemory

CLOSE_S = 1e-6
"""Sums of floating-point times differ by this."""

P80_TRUST = 0.6
"""The expected handle time is an estimate. A smaller share of it before a break is certainly too little."""


class ProfileChecker(ProfileMemory):
    """Checks every field of a profile at every offer, wrap-up and return."""

    def __init__(self) -> None:
        super().__init__()
        self.violations: list[str] = []
        self.checked: Counter[str] = Counter()
        """Count of the cases of each rule. A rule without cases was not tested."""

    def _wrapup(self, one: At, fact: tf.WrappedUp) -> None:
        """Check that the wrap-up had the time and the end of the profile."""
        if one.talk_ended_at is None:
            return
        profile, person = one.profile, self.people[fact.agent]
        left = person.state is AgentState.SIGNED_OUT or person.leaves
        given_s = profile.wrapup_s + one.extended_s
        short = fact.at - one.talk_ended_at < given_s - CLOSE_S
        if profile.wrapup_s <= 0 or left:
            return
        if profile.wrapup_mode is WrapUpMode.MANDATORY and not person.word:
            self._wrong("wrapup", fact, "ended without the agent's word")
        if profile.wrapup_mode is WrapUpMode.MANDATORY_TIMEOUT and short and not person.word:
            self._wrong("wrapup", fact, f"{fact.at - one.talk_ended_at:.1f} s of {given_s:.1f}")
        if profile.wrapup_mode is WrapUpMode.MANDATORY_FORCED_TIMEOUT and short and not person.word:
            self._wrong("wrapup", fact, "shorter than it must be")
        self.checked["wrapup"] += 1
        self.checked["wrapup_extend"] += one.extended_s > 0

    def _returned(self, fact: f.AgentChanged) -> None:
        """Check that the clock returned the agent only if the profile says so, after its time."""
        after_s, gone_s = self.agents[fact.agent].profile.auto_return_s, fact.at - self.people[fact.agent].away_at
        self.checked["auto_return"] += 1
        if after_s is None or gone_s < after_s - CLOSE_S:
            self.violations.append(f"auto_return: {fact.agent} at {fact.at:.3f}: after {gone_s:.0f} s, not {after_s}")

    # --- an offer

    def _offered(self, fact: f.Offered, before: dict[str, AgentState]) -> None:
        service = self.services[fact.service]
        one = At(fact.offer, fact.channel, service, fact.agent, fact.at, tier=fact.tier)
        self.offers[fact.offer] = one
        names = [fact.agent]
        if fact.strategy == FOUND:  # the agent has answered already, and no rule ends a talk
            self.people[fact.agent].at_hand[fact.offer] = one
            return
        self._pair(fact)
        if fact.partner is not None:
            names.append(fact.partner)
        for name in names:
            person, profile = self.people[name], self.agents[name].profile
            self._capability(fact, person, profile)
            self._place(fact, name, person)
            self._room(fact, person, profile)
            self._strain(fact, name, person, profile, service)
            self._breaks(fact, name, person, profile)
            self.checked["rna_allowed"] += person.missed > 0
            if person.gone and person.missed >= profile.rna_allowed:  # a reload may allow more
                self._wrong("rna_allowed", fact, f"{name} missed {person.missed}")
            if before.get(name, person.state) in (AgentState.PAUSED, AgentState.SIGNED_OUT, AgentState.BUSY,
                                                  AgentState.NOT_RESPONDING):
                self._wrong("state", fact, f"{name} was {before.get(name, person.state)}")
            self._distress_first(fact, name, before)
            person.at_hand[fact.offer] = one
        self.checked["offers"] += 1

    def _distress_first(self, fact: f.Offered, name: str, before: dict[str, AgentState]) -> None:
        """Check that nobody in distress waits whom the agent could take instead of this contact."""
        agent, person = self.agents[name], self.people[name]
        if self.services[fact.service].distress or agent.profile.pair_id:
            return
        # A message that this call takes back has kept the agent for itself until now. Distress takes none back.
        idle = before.get(name) is AgentState.READY and not person.at_hand and name not in self.taken_back
        for contact, (of, channel) in self.distressed.items():
            service = self.services[of]
            # With the same channel there is the same room. An agent without a contact has room for each channel.
            roomy = idle and channel in agent.profile.channels and dict(agent.profile.max_concurrency).get(channel, 1) \
                and SHIPPED[channel].cost <= agent.profile.capacity
            if (channel is fact.channel or roomy) and self._can_take(fact, name, contact, service):
                self._wrong("distress_first", fact, f"{contact} of {of} waits on {channel}")
            self.checked["distress_first"] += 1

    def _can_take(self, fact: f.Offered, name: str, contact: str, service: Service) -> bool:
        """Return whether skills, topics, "not now", rests and the agent's own limit surely allow this contact."""
        agent, person = self.agents[name], self.people[name]
        channel = self.channels[contact]
        if (channel in PHONE_CHANNELS and not person.seated) or (channel not in PHONE_CHANNELS and not (
                person.desk and person.no_message_before + CLOSE_S < fact.at)):
            return False
        skills = dict(agent.skills)
        needs = [*(service.floor or service.steps[-1].needs), *self.needs.get(contact, ())]
        if any(skills.get(skill, -1) < level for skill, level in needs) or agent.profile.no_topics & {
                str(service.id), *self.topics.get(contact, frozenset())}:
            return False
        if service.load < 3:
            return True
        if fact.at < person.heavy_declined_until + CLOSE_S or (service.load >= 4 and any(
                one.weight >= 4 or one.service.load >= 4 for one in person.at_hand.values())):
            return False
        return not agent.profile.distress.binds or (self._limit(name, fact.at) < agent.profile.distress.release - NEARLY
                                                    and person.heavy_end is None)

    def _pair(self, fact: f.Offered) -> None:
        """Check that a call comes to both agents of a pair. `_offered` checks the room of each."""
        pair_id = self.agents[fact.agent].profile.pair_id
        if not pair_id:
            if fact.partner is not None:
                self._wrong("pair", fact, "a partner of an agent who has none")
            return
        if fact.channel not in PHONE_CHANNELS:
            return
        self.checked["pair"] += 1
        other = self._partner(fact.agent)
        if other is None or fact.partner != other:
            self._wrong("pair", fact, f"offered without the partner {other}")

    def _place(self, fact: f.Offered, name: str, person: Person) -> None:
        """Check that a call comes to a seat, and a message to an open desk and not too soon after one not taken."""
        if fact.channel in PHONE_CHANNELS:
            self.checked["seat"] += 1
            if not person.seated:
                self._wrong("seat", fact, f"{name} has no seat")
            return
        self.checked["desk"] += 1
        if not person.desk:
            self._wrong("desk", fact, f"{name} has no desk open")
        if fact.at < person.no_message_before - CLOSE_S:
            self._wrong("message_pause", fact, f"{person.no_message_before - fact.at:.0f} s too early")
        self.checked["message_pause"] += person.no_message_before > float("-inf")

    def _capability(self, fact: f.Offered, person: Person, profile: Profile) -> None:
        if fact.channel not in profile.channels:
            self._wrong("channels", fact, f"{fact.channel} is not among them")
        self.checked["channels"] += len(profile.channels) < len(Channel)
        banned = profile.no_topics & {str(fact.service), *self.topics.get(fact.contact, frozenset())}
        if banned:
            self._wrong("no_topics", fact, ", ".join(sorted(banned)))
        self.checked["no_topics"] += bool(profile.no_topics)

    def _room(self, fact: f.Offered, person: Person, profile: Profile) -> None:
        """Check concurrency, capacity, and one at a time."""
        live = list(person.at_hand.values())
        most = dict(profile.max_concurrency).get(fact.channel, 1)
        if sum(one.channel is fact.channel for one in live) >= most:
            self._wrong("max_concurrency", fact, f"{len(live)} at hand, at most {most} of {fact.channel}")
        self.checked["max_concurrency"] += bool(live)
        if profile.one_at_a_time:
            self.checked["one_at_a_time"] += 1
            if live:
                self._wrong("one_at_a_time", fact, f"{len(live)} at hand")
        rows = SHIPPED | {row.channel: row for row in self.centre.channels}

        def counts(one: At) -> bool:
            if one.interrupted:
                return False
            return not (rows[fact.channel].interrupts and rows[one.channel].interruptible
                        and one.connected_at is not None)

        self.checked["capacity"] += profile.capacity != 100
        used = sum(rows[one.channel].cost for one in live if counts(one))
        if used + rows[fact.channel].cost > profile.capacity:
            self._wrong("capacity", fact, f"{used} used of {profile.capacity}")
        calls = any(rows[one.channel].interrupts for one in live)
        if calls and any(one.interrupted for one in live):
            self._wrong("interrupted", fact, "an offer during a call that interrupted")

    def _strain(self, fact: f.Offered, name: str, person: Person, profile: Profile, service: Service) -> None:
        at = fact.at
        if person.gap_from is not None and person.gap_s and not self._relaxed(person, "rest_gap", at):
            self.checked["rest_gap"] += 1
            if at - person.gap_from < person.gap_s - CLOSE_S:
                self._wrong("rest_gap", fact, f"{at - person.gap_from:.2f} s of {person.gap_s}")
        self.checked["decompression"] += person.rest_until > 0
        if at < person.rest_until - CLOSE_S and not self._relaxed(person, "decompression", at):
            self._wrong("decompression", fact, f"{person.rest_until - at:.1f} s too early")
        if service.load < 3:
            return
        self.checked["heavy"] += 1
        self.checked["spared"] += person.heavy_declined_until > 0
        if at < person.heavy_declined_until - CLOSE_S:
            self._wrong("spared", fact, "the agent said: not now")
        if self._relaxed(person, "distress_limit", at):
            self.checked["relaxed"] += 1
            return
        load = self._limit(name, at)
        sure = abs(load - profile.distress.release) > NEARLY and abs(load - profile.distress.hard) > NEARLY
        beyond = []
        if person.limited and sure:
            beyond.append(f"load {load:.2f}, limit {profile.distress.hard}")
        if service.load >= 4:
            if any(one.weight >= 4 or one.service.load >= 4 for one in person.at_hand.values()):
                self._wrong("heaviest", fact, "another of weight 4 at hand")
            if person.heavy_end is not None and at < person.heavy_end + self.centre.decompression_s - CLOSE_S:
                beyond.append("two of weight 4 in a row")
        binds = not service.distress or profile.distress.binds
        if beyond:
            self.checked["beyond" if binds else "ordered"] += 1
            if fact.tier != 2 if binds else fact.tier == 0:
                self._wrong("distress_limit", fact, f"{name}: {'; '.join(beyond)}")
            if fact.tier == 2 and not binds and not profile.pair_id:
                self._wrong("ceiling", fact, "by the ceiling, and only a limit of the centre is reached")
        elif fact.tier == 2 and sure and not person.nearly_limited and not profile.pair_id:
            self._wrong("ceiling", fact, "by the ceiling, and the agent was free to take it")
        if fact.tier == 0 and load >= profile.distress.soft + NEARLY:
            self._wrong("soft", fact, f"as a normal offer at load {load:.2f}, soft limit {profile.distress.soft}")

    def _breaks(self, fact: f.Offered, name: str, person: Person, profile: Profile) -> None:
        at = fact.at
        self.checked["max_continuous"] += at - person.working_since > profile.max_continuous_s / 2
        if at - person.working_since > profile.max_continuous_s + CLOSE_S \
                and person.postponed_since != person.working_since:
            self._wrong("max_continuous", fact, f"{name}: {at - person.working_since:.0f} s without a break")
        for start, end in person.breaks:
            left = start + profile.break_grace_s - at
            if start > at and left < 7_200.0:
                self.checked["break_protection"] += 1
                # The partner of a pair joins a call of the lead.
                expected = max(self._p80(one) for one in {name, fact.agent})
                if left < P80_TRUST * expected:
                    self._wrong("break_protection", fact, f"{name}: {left:.0f} s left, {expected:.0f} s expected")
            elif start <= at < end and person.awake_at < start:
                self._wrong("break", fact, f"in the midst of it, {end - at:.0f} s before its end")

    def _command(self, command: c.Offer, fact: f.Offered) -> None:
        """Check that the parameters of the offer are those of the profile."""
        agent = self.agents[fact.agent]
        profile = agent.profile
        by_key = agent.remote or fact.tier == 2
        spoken = profile.pre_connect in (PreConnect.WHISPER, PreConnect.BOTH)
        reading = profile.pre_connect_s if profile.pre_connect in (PreConnect.SCREEN, PreConnect.BOTH) else 0.0
        ring_s = profile.ring_timeout_s  # of a pair the slower one has the time they need
        if fact.partner is not None:
            ring_s = max(ring_s, self.agents[fact.partner].profile.ring_timeout_s)
        wanted: dict[str, Any] = {
            "ring_s": ring_s, "whisper": spoken or by_key, "reading_s": reading,
            "answer_mode": AnswerMode.PRESS_ONE if by_key else profile.answer_mode, "comfort": profile.comfort,
            "channel": fact.channel, "remote": agent.remote}
        for name, value in wanted.items():
            if getattr(command, name) != value:
                self._wrong(name, fact, f"{getattr(command, name)!r} instead of {value!r}")
        self.checked["parameters"] += 1

    def _p80(self, name: str) -> float:
        """Return the 80th percentile of the latest handle times, for the slowest service of the agent."""
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
