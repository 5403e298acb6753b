"""Who of the agents at work fits which contacts, and how fast they become free: what expected waits are made of.

Agents are sampled (all of them up to `SAMPLE`), what is found is kept for `RATE_S`: so its cost does not grow with the
centre, and an estimate in between looks at nobody.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from routing.core import requirement
from routing.core.ids import ServiceId, SkillId
from routing.core.model import AgentState, Channel, Needs, Profile

if TYPE_CHECKING:
    from routing.core.domain import Domain
    from routing.core.kind import Kind
    from routing.core.pool import Group
    from routing.core.records import AgentRecord, Contact
    from routing.core.requirement import Requirement

SAMPLE = 200
"""Agents looked at: a centre of 180 whole. Of a larger one a share is as good: its error is below 4 points."""

RATE_S = 10.0
"""What was found about the agents is used for so long: a small part of a handle time."""

RATES_MAX = 256
"""Kinds of contacts (service, step, needs) of which it is kept; above it all are found anew."""

FEW = 8
"""For so many agents at most the age of their contacts is looked at; of more the first free one comes soon anyway."""

AT_WORK = (AgentState.READY, AgentState.RINGING, AgentState.TALKING, AgentState.WRAPUP)


class Kin(NamedTuple):
    """Agents at work who have the same skills (`kind.Kind`)."""

    skills: dict[SkillId, int]
    profile: Profile
    records: list[AgentRecord]


class Rate(NamedTuple):
    """What was found about the agents for one kind of contact."""

    per_s: float
    """Agents become free so often per second; 0: nobody who fits is at work."""
    first_per_s: float
    """The same until the first one does."""
    kin: frozenset[int]
    """Who fits, as places in the list of kin."""
    beside: dict[Group, float]
    """Groups that compete, each with the share of its contacts that such agents take."""


class Crew:
    """What was found about the agents at one moment."""

    __slots__ = ("at", "fitting", "kin", "rates")

    def __init__(self) -> None:
        self.at = -math.inf
        self.kin: list[Kin] = []
        self.fitting: dict[tuple[Requirement, Channel], frozenset[int]] = {}
        """Who fits a requirement, as places in the list."""
        self.rates: dict[tuple[ServiceId, int, Channel, Needs, frozenset[str]], Rate] = {}

    def look(self, d: Domain) -> None:
        """Look at a sample of the agents anew."""
        found: dict[Kind | None, Kin] = {}
        for record in d.matching.sample(SAMPLE):
            if record.state in AT_WORK:
                kin = found.get(record.kind)
                if kin is None:
                    kin = found[record.kind] = Kin(dict(record.agent.skills), record.profile, [])
                kin.records.append(record)
        self.at, self.kin = d.now, list(found.values())
        self.fitting, self.rates = {}, {}

    def fits(self, wanted: Requirement, channel: Channel) -> frozenset[int]:
        """Who of them fits."""
        found = self.fitting.get((wanted, channel))
        if found is None:
            found = self.fitting[wanted, channel] = frozenset(
                place for place, one in enumerate(self.kin) if channel in one.profile.channels
                and requirement.level(wanted, one.skills, one.profile.no_topics) is not None)
        return found

    def rate(self, d: Domain, contact: Contact, step: int) -> Rate:
        """How fast agents become free for such contacts."""
        key = contact.service.id, step, contact.channel, contact.needs, contact.topics
        if d.now - self.at >= RATE_S or (not self.kin and d.matching.signed_in):
            self.look(d)
        found = self.rates.get(key)
        if found is None:
            if len(self.rates) >= RATES_MAX:
                self.fitting, self.rates = {}, {}
            found = self.rates[key] = self._found(d, contact, step)
        return found

    def _found(self, d: Domain, contact: Contact, step: int) -> Rate:
        kin = self.fits(requirement.of(d, contact, step), contact.channel)
        fitting = [record for place in kin for record in self.kin[place].records]
        if not fitting:
            return Rate(0.0, 0.0, kin, {})
        units, own, ring_s = max(1, 100 // max(1, d.channels[contact.channel].cost)), contact.service.id, \
            d.forecast.ring_s
        per_s = sum(units / (d.handled[_busy_with(record, own)].mean_s + ring_s) for record in fitting)
        whole = max(1.0, d.matching.signed_in / SAMPLE)
        first_per_s = per_s
        if len(fitting) <= FEW and units == 1:
            first_per_s = sum(1.0 / max(1.0, _left_s(d, record, own)) for record in fitting)
        return Rate(per_s * whole, first_per_s * whole, kin, {})

    def share(self, d: Domain, rate: Rate, group: Group) -> float:
        """The share of a group's contacts that agents of this kind will take."""
        found = rate.beside.get(group)
        if found is None:
            found = 0.0
            if group.pool.owner is None:  # who waits for one agent in person is one of many
                head = group.line.head()[2]
                theirs = self.fits(requirement.of(d, head), head.channel)
                total = sum(len(self.kin[place].records) for place in theirs)
                if total:
                    found = sum(len(self.kin[place].records) for place in theirs & rate.kin) / total
            rate.beside[group] = found
        return found


def _busy_with(record: AgentRecord, own: ServiceId) -> ServiceId:
    for offer in record.offers.values():
        return offer.contact.service.id
    return own


def _left_s(d: Domain, record: AgentRecord, own: ServiceId) -> float:
    """What is left of the contact the agent has, ringing of the next one included."""
    for offer in record.offers.values():
        times = d.handled[offer.contact.service.id]
        age_s = 0.0 if offer.connected_at is None else d.now - offer.connected_at
        return (times.remaining_s(age_s) if age_s else times.mean_s) + d.forecast.ring_s
    return d.handled[own].mean_s + d.forecast.ring_s
