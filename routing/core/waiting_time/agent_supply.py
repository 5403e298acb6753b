"""Calculate the supply of agents: how fast agents who fit a contact become free.

Expected waits are calculated from the supply. Each cohort of equal agents is sampled and counts with its true size. The
findings are used for `RATE_LIFETIME_S`. The cost therefore follows the number of cohorts, and an estimate in between
looks at no agent. Whether anybody is there at all is asked of the index, never of an estimate.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from itertools import islice
from typing import Any, NamedTuple, Protocol

from routing.core.matching import skill_requirement
from routing.core.matching.agent_pool import CHANNEL_BIT, Group
from routing.core.matching.matching_index import IndexedAgent, Matching
from routing.core.matching.protocols import WaitingContact
from routing.core.matching.skill_requirement import Requirement
from routing.core.memory.handle_times import HandleTimes
from routing.core.memory.waits import Forecast
from routing.core.model.centre_model import Agent, Channel, ChannelRow, Needs, Profile
from routing.core.model.ids import AgentId, OfferId, ServiceId, SkillId
from routing.core.waiting_time.planned_hours import Changes, Spans, count_changes, merge_changes, scale_changes

SAMPLE_MAX = 200
"""Agents of one cohort looked at: all of a centre of 180. They stand for the rest of their cohort, so no agent with
other skills is missed."""

RATE_LIFETIME_S = 10.0
"""Findings about the agents are used for this long: a small part of a handle time."""

RATES_MAX = 256
"""Findings are kept for this many combinations of service, step and needs. Above it all of them are found again."""

FEW_AGENTS = 8
"""For at most this many agents the age of their contacts matters. Of more agents, one becomes free soon anyway."""


class OfferAtHand(Protocol):
    """An offer that an agent has at hand."""

    @property
    def contact(self) -> WaitingContact:
        """Return the contact that was offered."""

    @property
    def connected_at(self) -> float | None:
        """Return when the talk began, or None if it did not begin yet."""


class SignedInAgent(IndexedAgent, Protocol):
    """An agent with the properties that decide when the agent becomes free."""

    @property
    def hours(self) -> Spans:
        """Return the planned working hours that are not over."""

    @property
    def profile(self) -> Profile:
        """Return the profile that limits what the agent takes."""

    @property
    def offers(self) -> Mapping[OfferId, OfferAtHand]:
        """Return the live offers of the agent, the oldest first."""


class RosteredAgent(Protocol):
    """An agent of the team, signed in or not."""

    @property
    def agent(self) -> Agent:
        """Return the description of the agent."""

    @property
    def hours(self) -> Spans:
        """Return the planned working hours that are not over."""

    @property
    def is_signed_in(self) -> bool:
        """Return whether the agent is signed in."""


class Moment(Protocol):
    """The state of the engine that a supply is calculated from."""

    @property
    def now(self) -> float:
        """Return the time of the present event, in Unix seconds."""

    @property
    def matching(self) -> Matching[Any, Any]:
        """Return the indexes."""

    @property
    def agents(self) -> Mapping[AgentId, RosteredAgent]:
        """Return the team."""

    @property
    def channels(self) -> Mapping[Channel, ChannelRow]:
        """Return the rows of the channels in force."""

    @property
    def handle_times(self) -> Mapping[ServiceId, HandleTimes]:
        """Return the learned handle times. A service without any gets the seed."""

    @property
    def forecast(self) -> Forecast:
        """Return what is learned for estimates."""


class SampledCohort(NamedTuple):
    """Agents of equal skills (`agent_cohort.Cohort`) who are there for the same contacts."""

    skills: dict[SkillId, int]
    channels: int
    """Channels for which these agents are there, as bits."""
    spared: float
    """Share of them that contacts outside distress may have (`Matching.spared_share`)."""
    profile: Profile
    records: list[SignedInAgent]
    weight: float
    """Number of agents for whom each of these stands."""
    changes: Changes
    """Agents who come and leave by their planned hours."""


class AbsentCohort(NamedTuple):
    """Agents of equal skills who are not signed in and are planned to come."""

    skills: dict[SkillId, int]
    channels: int
    no_topics: frozenset[str]
    spared: float
    """Share of them that contacts outside distress may have when they have come."""
    changes: Changes


class SupplyChange(NamedTuple):
    """A change of the supply at a time, by the planned hours of agents."""

    at: float
    per_s: float
    """Number of agents who become free per second from then on."""
    arriving: float
    """Contacts that agents who come take at once."""



class SupplyRate(NamedTuple):
    """The findings about the agents for one combination of service, step and needs."""

    per_s: float
    """Number of agents who become free per second. 0 if no agent who fits is at work."""
    first_per_s: float
    """The same number until the first agent becomes free."""
    cohorts: frozenset[int]
    """Agents who could really take such a contact, as positions in `AgentSupply.cohorts`."""
    competing_groups: dict[Group[Any, Any], float]
    """Groups that compete, each with the share of its contacts that these agents take."""
    changes: tuple[SupplyChange, ...] = ()
    """Changes to come, in their order."""


RateKey = tuple[ServiceId, int, Channel, Needs, frozenset[str]]
"""Service, step, channel, needs and topics of the contacts for which a rate holds."""


class AgentSupply:
    """The findings about the agents at one moment."""

    __slots__ = ("absent", "at", "cohorts", "matching", "rates", "signed_in_count", "sizes", "spared_sizes")

    def __init__(self) -> None:
        self.at = -math.inf
        self.signed_in_count = 0
        """Number of agents who were signed in at that moment."""
        self.absent: list[AbsentCohort] = []
        self.cohorts: list[SampledCohort] = []
        self.sizes: list[float] = []
        """Number of agents in each of the cohorts."""
        self.spared_sizes: list[float] = []
        """Number of them that contacts outside distress may have at one time."""
        self.matching: dict[tuple[Requirement, Channel, bool], tuple[int, ...]] = {}
        """Agents who could take a requirement of a channel, in distress or not, as positions in `cohorts`. Their order
        decides the rounding of sums."""
        self.rates: dict[RateKey, SupplyRate] = {}

    def sample_agents(self, d: Moment) -> None:
        """Look at a sample of each cohort, and discard all earlier findings."""
        found: list[SampledCohort] = []
        agents: dict[SignedInAgent, None]
        for agents in d.matching.cohorts():
            # Equal steps through the sessions, from the longest to the shortest: breaks come with the hour.
            step = -(-len(agents) // SAMPLE_MAX)
            sample = list(islice(agents, 0, None, step))
            weight = len(agents) / len(sample)
            there: dict[tuple[int, float], list[SignedInAgent]] = {}
            for record in sample:
                if record.present_channels:
                    there.setdefault((record.present_channels, d.matching.spared_share(record)), []).append(record)
            for (channels, spared), records in there.items():
                cohort, changes = records[0].cohort, Changes()
                assert cohort is not None
                for record in records:
                    if record.hours:
                        count_changes(changes, record.hours, d.now, signed_in=True, agents=weight)
                found.append(SampledCohort(dict(records[0].agent.skills), cohort.channels & channels, spared,
                                           records[0].profile, records, weight, changes))
        self.at, self.cohorts, self.sizes = d.now, found, [len(one.records) * one.weight for one in found]
        self.spared_sizes = [size * one.spared for size, one in zip(self.sizes, found, strict=True)]
        self.signed_in_count = d.matching.signed_in_count
        self.matching, self.rates, self.absent = {}, {}, _find_absent(d)

    def matching_cohorts(self, wanted: Requirement, channel: Channel, distress: bool) -> tuple[int, ...]:
        """Return which of the sampled agents could take a requirement, as positions in `cohorts`, in their order."""
        found = self.matching.get((wanted, channel, distress))
        if found is None:
            found = self.matching[wanted, channel, distress] = tuple([
                place for place, one in enumerate(self.cohorts)
                if one.channels & CHANNEL_BIT[channel] and (distress or one.spared)
                and skill_requirement.level_of(wanted, one.skills, one.profile.no_topics) is not None])
        return found

    def rate_for(self, d: Moment, contact: WaitingContact, step: int) -> SupplyRate:
        """Return how fast agents become free for contacts like this one in a step of its service."""
        key = contact.service.id, step, contact.channel, contact.needs, contact.topics
        if d.now - self.at >= RATE_LIFETIME_S:
            self.sample_agents(d)
        found = self._find_rate(d, contact, step, key)
        # An agent who has just signed in may be the only one who fits, so findings of nobody end with a sign-in.
        if found.per_s <= 0 and (d.matching.signed_in_count != self.signed_in_count or not self.cohorts):
            self.sample_agents(d)
            found = self._find_rate(d, contact, step, key)
        return found

    def _find_rate(self, d: Moment, contact: WaitingContact, step: int, key: RateKey) -> SupplyRate:
        found = self.rates.get(key)
        if found is None:
            # Contacts with their own needs could make any number of keys, so all are dropped at the limit.
            if len(self.rates) >= RATES_MAX:
                self.matching, self.rates = {}, {}
            found = self.rates[key] = self._compute_rate(d, contact, step)
        return found

    def _compute_rate(self, d: Moment, contact: WaitingContact, step: int) -> SupplyRate:
        # 1. Agents who fit and are not kept free for ever. Without them no agent ever becomes free.
        wanted, distress = d.matching.requirement_of(contact, step), contact.service.distress
        kin = self.matching_cohorts(wanted, contact.channel, distress)
        fitting = [(record, one.weight if distress else one.weight * one.spared)
                   for one in [self.cohorts[place] for place in kin] for record in one.records]
        if not fitting:
            return SupplyRate(0.0, 0.0, frozenset(), {})
        # 2. Each of them becomes free once in the mean handle time of their present contact, for each unit they have.
        units, own, ring_s = max(1, 100 // max(1, d.channels[contact.channel].cost)), contact.service.id, \
            d.forecast.ring_s
        per_s = sum(weight * units / (d.handle_times[_busy_with(record, own)].mean_s + ring_s)
                    for record, weight in fitting)
        # 3. Of few agents the age of their contacts decides who becomes free first.
        first_per_s = per_s
        if len(fitting) <= FEW_AGENTS and units == 1:
            first_per_s = sum(weight / max(1.0, _remaining_s(d, record, own)) for record, weight in fitting)
        return SupplyRate(per_s, first_per_s, frozenset(kin), {}, self._plan_changes(
            wanted, contact.channel, distress, kin, per_s, units))

    def _plan_changes(self, wanted: Requirement, channel: Channel, distress: bool, kin: tuple[int, ...], per_s: float,
                      units: int) -> tuple[SupplyChange, ...]:
        """Return how the supply changes by planned hours. The agents of each time are as quick as those of now."""
        expected = [one for one in self.absent if one.channels & CHANNEL_BIT[channel]
                  and skill_requirement.level_of(wanted, one.skills, one.no_topics) is not None]
        found: list[SampledCohort | AbsentCohort] = [*[self.cohorts[place] for place in kin], *expected]
        plans = [one.changes if distress else scale_changes(one.changes, one.spared) for one in found]
        sizes = self.sizes if distress else self.spared_sizes
        agents = total = sum([sizes[place] for place in kin])
        changes: list[SupplyChange] = []
        for at, (coming, leaving) in merge_changes(plans):
            agents = max(0.0, agents + coming - leaving)
            # Sums of samples differ from zero by their rounding.
            share = 0.0 if agents < 1e-6 else agents / total
            changes.append(SupplyChange(at, share * per_s, coming * units))
        return tuple(changes)

    def share_taken(self, d: Moment, rate: SupplyRate, group: Group[Any, Any]) -> float:
        """Return the share of a group's contacts that agents of this rate will take."""
        found = rate.competing_groups.get(group)
        if found is None:
            found = 0.0
            # A contact that waits for one agent in person takes no share of the others.
            if group.pool.owner is None:
                head: WaitingContact = group.queue.head()[2]
                theirs = self.matching_cohorts(d.matching.requirement_of(head), head.channel, group.distress)
                sizes, ours = self.sizes if group.distress else self.spared_sizes, rate.cohorts
                total = sum([sizes[place] for place in theirs])
                if total:
                    found = sum([sizes[place] for place in theirs if place in ours]) / total
            rate.competing_groups[group] = found
        return found


def _find_absent(d: Moment) -> list[AbsentCohort]:
    """Return the agents who are planned to come, by equal skills. The cost follows the team, once for each sample."""
    found: dict[tuple[Any, ...], AbsentCohort] = {}
    for record in d.agents.values():
        if record.hours and not record.is_signed_in:
            agent = record.agent
            key = agent.skills, agent.profile.channels, agent.profile.no_topics
            cohort = found.get(key)
            if cohort is None:
                bits = sum([CHANNEL_BIT[channel] for channel in agent.profile.channels])
                cohort = found[key] = AbsentCohort(dict(agent.skills), bits, agent.profile.no_topics,
                                                   d.matching.share_when_come(agent), {})
            count_changes(cohort.changes, record.hours, d.now, signed_in=False)
    return [one for one in found.values() if one.changes]


def _busy_with(record: SignedInAgent, own: ServiceId) -> ServiceId:
    for offer in record.offers.values():
        return offer.contact.service.id
    return own


def _remaining_s(d: Moment, record: SignedInAgent, own: ServiceId) -> float:
    """Return how long the agent's present contact still takes, with the ringing of the next one."""
    for offer in record.offers.values():
        times = d.handle_times[offer.contact.service.id]
        age_s = 0.0 if offer.connected_at is None else d.now - offer.connected_at
        return (times.remaining_s(age_s) if age_s else times.mean_s) + d.forecast.ring_s
    return d.handle_times[own].mean_s + d.forecast.ring_s
