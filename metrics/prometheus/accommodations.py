"""Check every offer a second time: the rules under which it was made, and whether it kept them.

The engine obeys the profiles. This reads only the facts, so a fault of the engine would show in
`acd_accommodation_violations_total`. It checks offers of this node only, because facts do not hold the profile of an
older offer. It compares a profile with the usual one, never the reasons for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from metrics.prometheus import names
from metrics.prometheus.agent_states import NO_LOAD, is_still_limited
from metrics.prometheus.series import MetricSeries
from routing.core.agents.distress_load import BY_CEILING
from routing.core.model.centre_model import AWAY_STATES, HEAVY_LOAD, Agent, AgentState, Centre, Channel, Profile
from routing.core.model.facts import (
    AgentChanged,
    ContactChanged,
    Ended,
    LoadState,
    OfferClosed,
    Offered,
    Overridden,
    Queued,
)
from routing.core.model.ids import AgentId, ContactId, OfferId
from routing.core.model.reasons import FOUND, LOST, TRANSFER
from routing.core.model.talk_facts import ConsultCompleted, TalkEndedRecorded, WrappedUp

RULES = {field: field.removesuffix("_s") for field in Profile._fields}
"""Field of a profile -> name of the rule in labels."""
CHECKED = ("channels", "no_topics", "ring_timeout_s", "max_concurrency", "rest_gap_s", "distress")
"""Fields that an offer alone can be checked against. The state of an agent on a break is checked as well."""
BREAK = "break"
"""Load from which a contact is kept from an agent at the limit, and the tier of an offer by the emergency ceiling."""
GOES_ON = (LOST, TRANSFER)
"""Ends of a talk after which the offer is over without a wrap-up."""


class Accommodations:
    """Counts rules and violations.

    Call `apply_centre` with the centre in force, then give each fact in order to its function of `HANDLERS`.
    """

    def __init__(self, series: MetricSeries) -> None:
        self._series = series
        self._profiles: dict[AgentId, Profile] = {}
        self._loads: dict[str, int] = {}
        self._distress: set[str] = set()
        self._half_life_s = 1.0
        self._applied: dict[AgentId, tuple[str, ...]] = {}
        """Labels under which an offer to the agent counts."""
        self._waiting: dict[str, Counter[AgentId]] = {}
        """Offers under a rule that are not counted yet, because fewer than `K_MIN` agents got them.

        An agent who is alone at night would be named by such a count.
        """
        self._rule_labels: dict[str, str] = {}
        self._live: dict[OfferId, tuple[AgentId, Channel]] = {}
        """Offers that ring, talk or wrap up: at most one for each call."""
        self._held: Counter[tuple[AgentId, Channel]] = Counter()
        """Number of live offers by agent and channel."""
        self._topics: dict[ContactId, frozenset[str]] = {}
        """Topics of contacts that have any."""
        self._rest: dict[AgentId, float] = {}
        """End of the rest gap by agent."""
        self._overrides: dict[tuple[AgentId, str], float] = {}
        """Until when a rule is overridden."""
        self._load_states: dict[AgentId, LoadState] = {}

    def apply_centre(self, centre: Centre) -> None:
        """Take the profiles in force from now on."""
        self._profiles = {agent.id: agent.profile for agent in centre.agents}
        self._loads = {service.id: service.load for service in centre.services}
        self._distress = {service.id for service in centre.services if service.distress}
        if centre.load_half_life_s != self._half_life_s:
            # These loads decayed at the old pace up to now. The next fact of an agent has the load of then.
            self._load_states.clear()
            self._half_life_s = centre.load_half_life_s
        # Pending counts and rest gaps belong to the old profiles.
        self._rest.clear()
        self._waiting.clear()
        # 1. Rules that few agents have would name them. They are pooled, or left out if the pool is small too.
        special = deviating_rules(centre.agents)
        held = Counter(rule for rules in special.values() for rule in rules)
        small = {rule for rule, many in held.items() if many < names.K_MIN}
        pooled = sum(bool(small & rules) for rules in special.values()) >= names.K_MIN
        self._applied = {agent: (*sorted(rules - small), *((names.POOLED,) if pooled and small & rules else ()))
                         for agent, rules in special.items()}
        self._rule_labels = {rule: names.POOLED if rule in small else rule
                             for rule in (BREAK, *(RULES[field] for field in CHECKED))}
        # 2. Each series begins at 0, or its first increase could not be seen.
        for rule in {rule for rules in self._applied.values() for rule in rules}:
            self._series.add_count(names.APPLIED, rule, by=0.0)
        for rule in set(self._rule_labels.values()):
            self._series.add_count(names.VIOLATIONS, rule, by=0.0)

    def _check_offer(self, fact: Offered) -> None:
        # A talk that was found is no choice of an agent: its phone had rung under the offer before.
        for agent in () if fact.strategy == FOUND else (fact.agent, fact.partner):
            if agent is None or (profile := self._profiles.get(agent)) is None:
                continue
            # 1. Count the special rules under which the offer was made.
            for rule in self._applied.get(agent, ()):
                self._count_applied(rule, agent)
            # 2. Count the rules that the offer breaks.
            for rule in self._broken_rules(fact, agent, profile):
                self._count_violation(rule)
        # 3. Only now is the offer live: it must not count against itself.
        key = self._live[fact.offer] = fact.agent, fact.channel
        self._held[key] += 1

    def _count_applied(self, rule: str, agent: AgentId) -> None:
        waiting = self._waiting.setdefault(rule, Counter())
        waiting[agent] += 1
        # The wait ends with the fifth agent, so that no increase belongs to one known agent.
        if len(waiting) >= names.K_MIN:
            self._series.add_count(names.APPLIED, rule, by=waiting.total())
            waiting.clear()

    def _broken_rules(self, fact: Offered, agent: AgentId, profile: Profile) -> Iterable[str]:
        # Rules of the contact: channel, topics, and time to answer.
        if fact.channel not in profile.channels:
            yield "channels"
        if profile.no_topics and profile.no_topics & {str(fact.service), *self._topics.get(fact.contact, ())}:
            yield "no_topics"
        if fact.ring_s < profile.ring_timeout_s:
            yield "ring_timeout"
        # Rules of the moment: other contacts, the rest gap, and the distress load.
        most = dict(profile.max_concurrency).get(fact.channel, 1)
        if self._held[agent, fact.channel] >= most:
            yield "max_concurrency"
        if self._rest.get(agent, 0.0) > fact.at and not self._is_overridden(agent, "rest_gap", fact.at):
            yield "rest_gap"
        # The emergency ceiling may pass the limit, because the agent accepts such a call by a key. In distress the
        # limit of the centre only orders agents.
        if (self._loads.get(fact.service, 0) >= HEAVY_LOAD and fact.tier != BY_CEILING
                and (profile.distress.binds or fact.service not in self._distress)
                and not self._is_overridden(agent, "distress_limit", fact.at)
                and is_still_limited(self._load_states.get(agent, NO_LOAD), profile, self._half_life_s, fact.at)):
            yield "distress"

    def _is_overridden(self, agent: AgentId, rule: str, at: float) -> bool:
        return self._overrides.get((agent, rule), 0.0) > at

    def _count_violation(self, rule: str) -> None:
        self._series.add_count(names.VIOLATIONS, self._rule_labels[rule])

    def _release_contact(self, fact: OfferClosed | ConsultCompleted | TalkEndedRecorded | WrappedUp) -> None:
        key = self._live.pop(fact.offer, None)
        # The key is missing for offers from before the start of this node.
        if key is not None:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]

    def _end_talk(self, fact: TalkEndedRecorded) -> None:
        # Other talks are followed by a wrap-up, which ends the offer.
        if fact.by in GOES_ON:
            self._release_contact(fact)

    def _end_wrapup(self, fact: WrappedUp) -> None:
        self._release_contact(fact)
        profile = self._profiles.get(fact.agent)
        if profile is not None and profile.rest_gap_s and not self._is_overridden(fact.agent, "rest_gap", fact.at):
            self._rest[fact.agent] = fact.at + profile.rest_gap_s

    def _update_agent(self, fact: AgentChanged) -> None:
        if fact.load_state is not None:
            self._load_states[fact.agent] = fact.load_state
            # An override from before the start of this node is known from here alone.
            self._overrides.update({(fact.agent, rule): until for rule, until in fact.load_state.overrides})
        if fact.state is AgentState.SIGNED_OUT:
            self._rest.pop(fact.agent, None)
        # A phone that rings during a break is a violation that no offer fact shows.
        elif fact.state is AgentState.RINGING and fact.before in AWAY_STATES and fact.agent in self._profiles:
            self._count_violation(BREAK)

    def _note_override(self, fact: Overridden) -> None:
        # An override with an offer belongs to that offer alone.
        if fact.offer is None:
            self._overrides[fact.agent, fact.rule] = fact.until
            if fact.rule == "rest_gap":
                self._rest.pop(fact.agent, None)

    def _note_topics(self, fact: Queued | ContactChanged) -> None:
        if fact.topics:
            self._topics[fact.contact] = fact.topics
        else:
            self._topics.pop(fact.contact, None)

    def _forget_topics(self, fact: Ended) -> None:
        self._topics.pop(fact.contact, None)


def deviating_rules(agents: Iterable[Agent]) -> dict[AgentId, frozenset[str]]:
    """Return, by agent, the rules in which the profile differs from the usual one, the most frequent of the team."""
    team = list(agents)
    common = Counter(agent.profile for agent in team).most_common(1)
    usual = common[0][0] if common else Profile()
    return {agent.id: frozenset(name for field, name in RULES.items()
                                if getattr(agent.profile, field) != getattr(usual, field)) for agent in team}


HANDLERS: dict[type, Callable[[Accommodations, Any], None]] = {
    Offered: Accommodations._check_offer, OfferClosed: Accommodations._release_contact,
    ConsultCompleted: Accommodations._release_contact,
    TalkEndedRecorded: Accommodations._end_talk, WrappedUp: Accommodations._end_wrapup,
    AgentChanged: Accommodations._update_agent,
    Overridden: Accommodations._note_override, Queued: Accommodations._note_topics,
    ContactChanged: Accommodations._note_topics,
    Ended: Accommodations._forget_topics,
}
