"""A second look at every offer: under which rules it was made, and whether it kept them.

The engine obeys the profiles; this reads the facts alone and looks again, so a fault in the engine would show in
`acd_accommodation_violations_total`. It looks at offers of this node only: with what profile an older one was made is
not in the facts. Which of a profile's rules differ from the usual is looked at, never why they do.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from metrics import names
from metrics.crew import CALM, still_limited
from metrics.series import Series
from routing.core.facts import (
    AgentChanged,
    ContactChanged,
    Ended,
    OfferClosed,
    Offered,
    Overridden,
    Queued,
    Wellbeing,
)
from routing.core.ids import AgentId, ContactId, OfferId
from routing.core.model import Agent, AgentState, Centre, Channel, Profile
from routing.core.talk_facts import Introduced, TalkOver, WrappedUp

RULES = {field: field.removesuffix("_s") for field in Profile._fields}
"""Field of a profile -> the rule's name in labels."""
CHECKED = ("channels", "no_topics", "ring_timeout_s", "max_concurrency", "rest_gap_s", "distress")
"""Fields that an offer alone can be held against, besides the state of who is on a break."""
BREAK = "break"
HEAVY, BY_CEILING = 3, 2
"""From this load on a contact is kept from who is at their limit; the tier of an offer by the emergency ceiling."""
AWAY = frozenset({AgentState.PAUSED, AgentState.NOT_RESPONDING, AgentState.SIGNED_OUT})
GOES_ON = ("lost", "transfer")
"""Ends of a talk after which the offer is over without a wrap-up."""


class Accommodations:
    """`configure` with the centre in force, then give each fact in order to its function of `LOOKING`."""

    def __init__(self, series: Series) -> None:
        self._series = series
        self._profiles: dict[AgentId, Profile] = {}
        self._loads: dict[str, int] = {}
        self._half_life_s = 1.0
        self._applied: dict[AgentId, tuple[str, ...]] = {}
        """Names under which an offer to the agent counts."""
        self._waiting: dict[str, Counter[AgentId]] = {}
        """Offers under a rule that are not counted yet: they are of fewer than `K_MIN` agents, and one who is there
        alone at night would be named by them."""
        self._told_as: dict[str, str] = {}
        self._live: dict[OfferId, tuple[AgentId, Channel]] = {}
        """Offers that ring, talk or wrap up: as many as there are calls."""
        self._held: Counter[tuple[AgentId, Channel]] = Counter()
        """How many of them an agent has."""
        self._topics: dict[ContactId, frozenset[str]] = {}
        """Of contacts that have any."""
        self._rest: dict[AgentId, float] = {}
        """End of the rest gap."""
        self._relaxed: dict[tuple[AgentId, str], float] = {}
        """Until when a rule does not hold, said aloud."""
        self._burdens: dict[AgentId, Wellbeing] = {}

    def configure(self, centre: Centre) -> None:
        """The profiles in force from now on."""
        self._profiles = {agent.id: agent.profile for agent in centre.agents}
        self._loads = {service.id: service.load for service in centre.services}
        self._half_life_s = centre.load_half_life_s
        self._rest.clear()
        self._waiting.clear()
        special = own_rules(centre.agents)
        held = Counter(rule for rules in special.values() for rule in rules)
        small = {rule for rule, many in held.items() if many < names.K_MIN}
        pooled = sum(bool(small & rules) for rules in special.values()) >= names.K_MIN
        self._applied = {agent: (*sorted(rules - small), *((names.POOLED,) if pooled and small & rules else ()))
                         for agent, rules in special.items()}
        self._told_as = {rule: names.POOLED if rule in small else rule
                         for rule in (BREAK, *(RULES[field] for field in CHECKED))}
        for rule in {rule for rules in self._applied.values() for rule in rules}:
            self._series.add(names.APPLIED, rule, by=0.0)
        for rule in set(self._told_as.values()):
            self._series.add(names.VIOLATIONS, rule, by=0.0)

    def _offered(self, fact: Offered) -> None:
        for agent in (fact.agent, fact.partner):
            if agent is None or (profile := self._profiles.get(agent)) is None:
                continue
            for rule in self._applied.get(agent, ()):
                self._apply(rule, agent)
            for rule in self._broken(fact, agent, profile):
                self._violated(rule)
        key = self._live[fact.offer] = fact.agent, fact.channel
        self._held[key] += 1

    def _apply(self, rule: str, agent: AgentId) -> None:
        waiting = self._waiting.setdefault(rule, Counter())
        waiting[agent] += 1
        if len(waiting) >= names.K_MIN:
            self._series.add(names.APPLIED, rule, by=waiting.total())
            waiting.clear()

    def _broken(self, fact: Offered, agent: AgentId, profile: Profile) -> Iterable[str]:
        if fact.channel not in profile.channels:
            yield "channels"
        if profile.no_topics and profile.no_topics & {str(fact.service), *self._topics.get(fact.contact, ())}:
            yield "no_topics"
        if fact.ring_s < profile.ring_timeout_s:
            yield "ring_timeout"
        most = dict(profile.max_concurrency).get(fact.channel, 1)
        if self._held[agent, fact.channel] >= most:
            yield "max_concurrency"
        if self._rest.get(agent, 0.0) > fact.at and not self._holds_not(agent, "rest_gap", fact.at):
            yield "rest_gap"
        if (self._loads.get(fact.service, 0) >= HEAVY and fact.tier != BY_CEILING
                and not self._holds_not(agent, "distress_limit", fact.at)
                and still_limited(self._burdens.get(agent, CALM), profile, self._half_life_s, fact.at)):
            yield "distress"

    def _holds_not(self, agent: AgentId, rule: str, at: float) -> bool:
        return self._relaxed.get((agent, rule), 0.0) > at

    def _violated(self, rule: str) -> None:
        self._series.add(names.VIOLATIONS, self._told_as[rule])

    def _over(self, fact: OfferClosed | Introduced | TalkOver | WrappedUp) -> None:
        key = self._live.pop(fact.offer, None)
        if key is not None:
            self._held[key] -= 1
            if not self._held[key]:
                del self._held[key]

    def _talk_over(self, fact: TalkOver) -> None:
        if fact.by in GOES_ON:
            self._over(fact)

    def _wrapped(self, fact: WrappedUp) -> None:
        self._over(fact)
        profile = self._profiles.get(fact.agent)
        if profile is not None and profile.rest_gap_s and not self._holds_not(fact.agent, "rest_gap", fact.at):
            self._rest[fact.agent] = fact.at + profile.rest_gap_s

    def _agent(self, fact: AgentChanged) -> None:
        if fact.wellbeing is not None:
            self._burdens[fact.agent] = fact.wellbeing
            # what was relaxed before this node started is told here alone
            self._relaxed.update({(fact.agent, rule): until for rule, until in fact.wellbeing.relaxed})
        if fact.state is AgentState.SIGNED_OUT:
            self._rest.pop(fact.agent, None)
        elif fact.state is AgentState.RINGING and fact.before in AWAY and fact.agent in self._profiles:
            self._violated(BREAK)

    def _overridden(self, fact: Overridden) -> None:
        if fact.offer is None:
            self._relaxed[fact.agent, fact.rule] = fact.until
            if fact.rule == "rest_gap":
                self._rest.pop(fact.agent, None)

    def _topical(self, fact: Queued | ContactChanged) -> None:
        if fact.topics:
            self._topics[fact.contact] = fact.topics
        else:
            self._topics.pop(fact.contact, None)

    def _ended(self, fact: Ended) -> None:
        self._topics.pop(fact.contact, None)


def own_rules(agents: Iterable[Agent]) -> dict[AgentId, frozenset[str]]:
    """Agent -> the rules in which their profile differs from the usual one, the most frequent of the team."""
    team = list(agents)
    common = Counter(agent.profile for agent in team).most_common(1)
    usual = common[0][0] if common else Profile()
    return {agent.id: frozenset(name for field, name in RULES.items()
                                if getattr(agent.profile, field) != getattr(usual, field)) for agent in team}


LOOKING: dict[type, Callable[[Accommodations, Any], None]] = {
    Offered: Accommodations._offered, OfferClosed: Accommodations._over, Introduced: Accommodations._over,
    TalkOver: Accommodations._talk_over, WrappedUp: Accommodations._wrapped, AgentChanged: Accommodations._agent,
    Overridden: Accommodations._overridden, Queued: Accommodations._topical, ContactChanged: Accommodations._topical,
    Ended: Accommodations._ended,
}
