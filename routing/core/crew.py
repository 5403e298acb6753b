"""How fast agents who fit a contact become free: the supply of agents that expected waits are calculated from.

Agents are sampled (all of them up to `SAMPLE`), and the findings are used for `RATE_S`. The cost therefore does not
grow with the centre, and an estimate in between looks at no agent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from routing.core import requirement
from routing.core.handled import Handled
from routing.core.ids import OfferId, ServiceId, SkillId
from routing.core.kind import Kind
from routing.core.match import IndexedAgent, Matching
from routing.core.matching.protocols import WaitingContact
from routing.core.memory.waits import Forecast
from routing.core.model import AgentState, Channel, ChannelRow, Needs, Profile
from routing.core.pool import Group
from routing.core.requirement import Requirement

SAMPLE = 200
"""Agents looked at: a centre of 180 whole. Of a larger one a share is as good: its error is below 4 points."""

RATE_S = 10.0
"""Findings about the agents are used for this long: a small part of a handle time."""

RATES_MAX = 256
"""Findings are kept for this many combinations of service, step and needs. Above it all of them are found again."""

FEW = 8
"""For at most this many agents the age of their contacts is looked at. Of more agents one becomes free soon anyway."""

AT_WORK = (AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP)


class OfferAtHand(Protocol):
    """An offer that an agent has at hand."""

    @property
    def contact(self) -> WaitingContact:
        """Return the contact that was offered."""

    @property
    def connected_at(self) -> float | None:
        """Return when the talk began, or None if it did not begin yet."""


class SignedInAgent(IndexedAgent, Protocol):
    """An agent, as far as it matters when they become free."""

    @property
    def state(self) -> AgentState:
        """Return what the agent does now."""

    @property
    def profile(self) -> Profile:
        """Return the profile that limits what the agent takes."""

    @property
    def offers(self) -> Mapping[OfferId, OfferAtHand]:
        """Return the live offers of the agent, the oldest first."""


class Moment(Protocol):
    """The state of the engine that a supply is calculated from."""

    @property
    def now(self) -> float:
        """Return the time of the present event, in Unix seconds."""

    @property
    def matching(self) -> Matching[Any, Any]:
        """Return the indexes."""

    @property
    def channels(self) -> Mapping[Channel, ChannelRow]:
        """Return the rows of the channels in force."""

    @property
    def handled(self) -> Mapping[ServiceId, Handled]:
        """Return the learned handle times. A service without any gets the seed."""

    @property
    def forecast(self) -> Forecast:
        """Return what is learned for estimates."""


class Kin(NamedTuple):
    """Agents at work who have the same skills (`kind.Kind`)."""

    skills: dict[SkillId, int]
    profile: Profile
    records: list[SignedInAgent]


class Rate(NamedTuple):
    """The findings about the agents for one combination of service, step and needs."""

    per_s: float
    """Agents become free this often per second. 0 if no agent who fits is at work."""
    first_per_s: float
    """The same until the first one becomes free."""
    kin: frozenset[int]
    """Agents who fit, as places in the list of kin."""
    competing_groups: dict[Group[Any, Any], float]
    """Groups that compete, each with the share of its contacts that such agents take."""


class Crew:
    """The findings about the agents at one moment."""

    __slots__ = ("at", "fitting", "kin", "rates")

    def __init__(self) -> None:
        self.at = -math.inf
        self.kin: list[Kin] = []
        self.fitting: dict[tuple[Requirement, Channel], frozenset[int]] = {}
        """Agents who fit a requirement, as places in the list."""
        self.rates: dict[tuple[ServiceId, int, Channel, Needs, frozenset[str]], Rate] = {}

    def sample_agents(self, d: Moment) -> None:
        """Look at a sample of the agents, and discard all earlier findings."""
        found: dict[Kind[Any, Any] | None, Kin] = {}
        record: SignedInAgent
        for record in d.matching.sample(SAMPLE):
            if record.state in AT_WORK:
                kin = found.get(record.kind)
                if kin is None:
                    kin = found[record.kind] = Kin(dict(record.agent.skills), record.profile, [])
                kin.records.append(record)
        self.at, self.kin = d.now, list(found.values())
        self.fitting, self.rates = {}, {}

    def matching_cohorts(self, wanted: Requirement, channel: Channel) -> frozenset[int]:
        """Return which of the sampled agents fit a requirement, as places in the list of kin."""
        found = self.fitting.get((wanted, channel))
        if found is None:
            found = self.fitting[wanted, channel] = frozenset(
                place for place, one in enumerate(self.kin) if channel in one.profile.channels
                and requirement.level(wanted, one.skills, one.profile.no_topics) is not None)
        return found

    def rate_for(self, d: Moment, contact: WaitingContact, step: int) -> Rate:
        """Return how fast agents become free for contacts like this one in a step of its service."""
        key = contact.service.id, step, contact.channel, contact.needs, contact.topics
        if d.now - self.at >= RATE_S or (not self.kin and d.matching.signed_in):
            self.sample_agents(d)
        found = self.rates.get(key)
        if found is None:
            if len(self.rates) >= RATES_MAX:
                self.fitting, self.rates = {}, {}
            found = self.rates[key] = self._compute_rate(d, contact, step)
        return found

    def _compute_rate(self, d: Moment, contact: WaitingContact, step: int) -> Rate:
        # 1. Agents who fit. Without any nobody ever becomes free.
        kin = self.matching_cohorts(d.matching.requirement_of(contact, step), contact.channel)
        fitting = [record for place in kin for record in self.kin[place].records]
        if not fitting:
            return Rate(0.0, 0.0, kin, {})
        # 2. Each of them becomes free once in the mean handle time of their present contact, for each unit they have.
        units, own, ring_s = max(1, 100 // max(1, d.channels[contact.channel].cost)), contact.service.id, \
            d.forecast.ring_s
        per_s = sum(units / (d.handled[_busy_with(record, own)].mean_s + ring_s) for record in fitting)
        whole = max(1.0, d.matching.signed_in / SAMPLE)
        # 3. Of few agents the age of their contacts decides who becomes free first.
        first_per_s = per_s
        if len(fitting) <= FEW and units == 1:
            first_per_s = sum(1.0 / max(1.0, _left_s(d, record, own)) for record in fitting)
        return Rate(per_s * whole, first_per_s * whole, kin, {})

    def share_taken(self, d: Moment, rate: Rate, group: Group[Any, Any]) -> float:
        """Return the share of a group's contacts that agents of this rate will take."""
        found = rate.competing_groups.get(group)
        if found is None:
            found = 0.0
            if group.pool.owner is None:  # a contact that waits for one agent in person is one of many
                head: WaitingContact = group.line.head()[2]
                theirs = self.matching_cohorts(d.matching.requirement_of(head), head.channel)
                total = sum(len(self.kin[place].records) for place in theirs)
                if total:
                    found = sum(len(self.kin[place].records) for place in theirs & rate.kin) / total
            rate.competing_groups[group] = found
        return found


def _busy_with(record: SignedInAgent, own: ServiceId) -> ServiceId:
    for offer in record.offers.values():
        return offer.contact.service.id
    return own


def _left_s(d: Moment, record: SignedInAgent, own: ServiceId) -> float:
    """Return how long the agent's present contact still takes, with the ringing of the next one."""
    for offer in record.offers.values():
        times = d.handled[offer.contact.service.id]
        age_s = 0.0 if offer.connected_at is None else d.now - offer.connected_at
        return (times.remaining_s(age_s) if age_s else times.mean_s) + d.forecast.ring_s
    return d.handled[own].mean_s + d.forecast.ring_s
