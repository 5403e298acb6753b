"""Whether facts can be true: what holds after every single one. Who should get whom is compared in `tests/oracle`."""

from __future__ import annotations

from collections import Counter
from typing import Any, NamedTuple

from routing.core import facts as f
from routing.core import talk_facts as tf
from routing.core.domain import OVER_S
from routing.core.ids import AgentId, ContactId, OfferId, ServiceId, SkillId
from routing.core.model import (
    AgentState,
    Centre,
    Channel,
    ContactState,
    Needs,
    OfferState,
    Profile,
)
from routing.core.pool import MINUTE_S
from routing.core.refusals import REASON, RETRY_S
from routing.core.transfer import IN_PERSON_S
from tests.core_centres import SERVICES


class Asks(NamedTuple):
    """What a contact asks for: who asks for the same takes turns, by age with points and then by arrival."""

    service: ServiceId
    channel: Channel
    needs: Needs
    topics: frozenset[str]
    step: int
    since: float
    priority: int
    number: int

    def same(self, other: Asks) -> bool:
        """They wait for the same agents."""
        return self[:5] == other[:5]

    @property
    def place(self) -> tuple[float, int]:
        """The smaller the earlier."""
        return self.since - MINUTE_S * self.priority, self.number


class Checker:
    """Folds facts and looks whether they can be true."""

    def __init__(self) -> None:
        self.seq = 0
        self.contact: dict[ContactId, tuple[ContactState, int]] = {}
        self.ended: Counter[ContactId] = Counter()
        self.ended_at: dict[ContactId, float] = {}
        self.agent: dict[AgentId, tuple[AgentState, int]] = {}
        self.offer: dict[OfferId, tuple[OfferState, ContactId, AgentId]] = {}
        self.channel: dict[OfferId, Channel] = {}
        self.partner: dict[OfferId, AgentId] = {}
        self.held: set[OfferId] = set()
        self.skills: dict[AgentId, dict[SkillId, int] | None] = {}
        """What agents serve for now instead of what is configured."""
        self.overflowed: dict[ContactId, float] = {}
        self.service: dict[ContactId, ServiceId] = {}
        self.been: dict[ContactId, set[ServiceId]] = {}
        """Services it was in since it last chose one."""
        self.callbacks: dict[ContactId, float] = {}
        """Contacts that are callbacks; not before when."""
        self.asks: dict[ContactId, Asks] = {}
        """What each contact asks for."""
        self.aside: dict[ContactId, float] = {}
        """Waits for one agent in person, or for the net to take it, until then."""
        self.down: set[str] = set()
        """Links that are lost: who waits behind one lets others pass."""
        self.ticked = 0.0
        """The last tick: a clock that is late has those look first who may first."""
        self.compared = 0
        """Offers made while another one waited for the same."""

    def fold(self, facts: list[f.Fact], centre: Centre) -> None:
        """These come next: each must be possible after all before."""
        for fact in facts:
            assert fact.seq == self.seq + 1, "numbers of facts have no gaps"
            self.seq = fact.seq
            self._in_line(fact, centre)
            self._at_agents(fact, centre)
            self._in_talk(fact)

    def _in_line(self, fact: f.Fact, centre: Centre) -> None:
        """A contact comes, waits, goes elsewhere, ends."""
        match fact:
            case f.Queued():
                self._new(fact)
                self._maybe_aside(fact.contact, fact.at, centre)
            case f.Moved():
                self._waits(fact)
                assert fact.before != fact.service and fact.position >= 1 and fact.waited_s >= 0
                assert self.service[fact.contact] == fact.before
                self.service[fact.contact] = fact.service
                been = self.been[fact.contact]
                anew = fact.reason in ("chosen", "transfer")
                assert anew or fact.service not in been, "never back into one it was in before"
                self.been[fact.contact] = {fact.service} if anew else been | {fact.service}
                self.asks[fact.contact] = self.asks[fact.contact]._replace(service=fact.service, step=0)
                self._maybe_aside(fact.contact, fact.at, centre)
                if fact.reason == "transfer":
                    self.aside[fact.contact] = fact.at + IN_PERSON_S
            case f.Stepped():
                self._waits(fact)
                assert self.contact[fact.contact][0] is ContactState.PENDING and fact.step >= 0
                self.asks[fact.contact] = self.asks[fact.contact]._replace(step=fact.step)
            case f.ContactChanged():
                self._waits(fact)
                self.asks[fact.contact] = self.asks[fact.contact]._replace(
                    priority=fact.priority, needs=fact.needs, topics=fact.topics)
            case f.CallbackChanged():
                self._waits(fact)
                assert (fact.contact in self.callbacks) is (fact.reason != "asked")
                assert fact.callback is (fact.reason != "reached") and (fact.callback or fact.leg)
                if fact.callback:
                    self.callbacks[fact.contact] = fact.not_before
                    assert fact.tries == 0 or fact.not_before > fact.at
                else:
                    del self.callbacks[fact.contact]
                    self.aside[fact.contact] = fact.at  # it looks anew from now
            case f.CallbackDialled():
                state, of, _ = self.offer[fact.offer]
                assert state is OfferState.PENDING and of == fact.contact and of in self.callbacks
            case f.Ended():
                self.ended[fact.contact] += 1
                self.ended_at[fact.contact] = fact.at
                assert self.ended[fact.contact] == 1, "exactly one end"
                self._contact(fact.contact, fact.version, None, fact.state)

    def _at_agents(self, fact: f.Fact, centre: Centre) -> None:
        """What agents do, and what they are offered."""
        match fact:
            case f.AgentChanged():
                before, version = self.agent.get(fact.agent, (AgentState.SIGNED_OUT, 0))
                assert (before, version + 1) == (fact.before, fact.version)
                assert fact.before_s >= 0
                self.agent[fact.agent] = (fact.state, fact.version)
                self.skills[fact.agent] = None if fact.skills is None else dict(fact.skills)
            case f.Offered():
                self._offered(fact, centre)
            case f.OfferClosed():
                self._closed(fact)

    def _in_talk(self, fact: f.Fact) -> None:
        """From the connection to the end of wrap-up."""
        match fact:
            case tf.Connected():
                self._offer(fact, OfferState.PENDING, OfferState.ACCEPTED)
                self._contact(fact.contact, fact.version, ContactState.RESERVED, ContactState.ASSIGNED)
            case tf.TalkOver():
                lost = fact.by in ("lost", "transfer")
                assert (fact.to is not None) is (fact.by == "transfer")
                if fact.to is not None:
                    self.aside[fact.contact] = fact.at + IN_PERSON_S  # perhaps for a colleague
                    self.been[fact.contact] = {self.service[fact.contact]}  # from there it begins anew
                self._offer(fact, OfferState.ACCEPTED, OfferState.COMPLETED if lost else OfferState.WRAPPING)
                self._contact(fact.contact, fact.version, ContactState.ASSIGNED, fact.state)
                assert fact.state is (ContactState.PENDING if lost else ContactState.WRAPPING)
                assert fact.talk_s >= 0 and 0 <= fact.held_s <= fact.talk_s + 1e-6
            case tf.Consulting():
                self.offer[fact.offer] = (OfferState.CONSULTING, *self._held_by(fact, OfferState.ACCEPTED))
                self._contact(fact.contact, fact.version, ContactState.ASSIGNED, ContactState.PENDING)
                self.aside[fact.contact] = fact.at + IN_PERSON_S  # perhaps for a colleague
                self.been[fact.contact] = {self.service[fact.contact]}
            case tf.Returned():
                self.offer[fact.offer] = (OfferState.ACCEPTED, *self._held_by(fact, OfferState.CONSULTING))
                assert self.contact[fact.contact][0] in (ContactState.PENDING, ContactState.RESERVED)
                assert not [one for one in self.offer.values() if one[1] == fact.contact
                            and one[0] is OfferState.PENDING], "what rang for it was closed before"
                self._contact(fact.contact, fact.version, None, ContactState.ASSIGNED)
                self.service[fact.contact], self.been[fact.contact] = fact.service, {fact.service}
                self.asks[fact.contact] = self.asks[fact.contact]._replace(service=fact.service, step=0)
            case tf.Introduced():
                self._offer(fact, OfferState.CONSULTING, OfferState.COMPLETED)
                assert fact.talk_s >= 0 and 0 <= fact.held_s <= fact.talk_s + 1e-6
            case tf.Interrupted():
                assert self.offer[fact.offer] == (OfferState.ACCEPTED, fact.contact, self.offer[fact.offer][2])
                assert fact.on is (fact.offer not in self.held)
                (self.held.add if fact.on else self.held.discard)(fact.offer)
            case tf.WrappedUp():
                self._offer(fact, OfferState.WRAPPING, OfferState.COMPLETED)
                self._contact(fact.contact, fact.version, ContactState.WRAPPING, ContactState.COMPLETED)

    def _new(self, fact: f.Queued) -> None:
        """An id comes a second time only long after the first one's end: another caller."""
        assert fact.version == 1
        state, _ = self.contact.get(fact.contact, (ContactState.COMPLETED, 0))
        assert state in (ContactState.COMPLETED, ContactState.CANCELED)
        assert fact.at - self.ended_at.get(fact.contact, float("-inf")) >= OVER_S
        self.ended.pop(fact.contact, None)
        self.callbacks.pop(fact.contact, None)
        self.service[fact.contact], self.been[fact.contact] = fact.service, {fact.service}
        self.contact[fact.contact] = (ContactState.PENDING, 1)
        self.asks[fact.contact] = Asks(fact.service, fact.channel, fact.needs, fact.topics, 0, fact.since,
                                       fact.priority, fact.seq)

    def _maybe_aside(self, contact: ContactId, now: float, centre: Centre) -> None:
        """A contact that comes to a service may wait a while for somebody in person."""
        for service in centre.services:
            if service.id == self.service[contact]:
                self.aside[contact] = max(self.aside.get(contact, 0.0), now + service.preferred_s)

    def _turn(self, fact: f.Offered) -> None:
        """Order is kept: nobody who asks for the same and came before is passed over."""
        mine = self.asks[fact.contact]
        for other, (state, _) in self.contact.items():
            asks = self.asks[other]
            if other != fact.contact and state is ContactState.PENDING and other not in self.callbacks \
                    and asks.same(mine) and self.aside.get(other, 0.0) < self.ticked:
                assert asks.place > mine.place, f"{other} before {fact.contact}"
                self.compared += 1

    def _waits(self, fact: Any) -> None:
        """Something about a contact that waits; its state stays."""
        state, _ = self.contact[fact.contact]
        assert state in (ContactState.PENDING, ContactState.RESERVED)
        self._contact(fact.contact, fact.version, state, state)

    def _contact(self, contact: ContactId, version: int, before: ContactState | None, after: ContactState) -> None:
        state, last = self.contact[contact]
        assert version == last + 1, f"{contact}: version {version} after {last}"
        assert before is None or state is before
        self.contact[contact] = (after, version)

    def _offer(self, fact: Any, before: OfferState, after: OfferState) -> None:
        state, contact, agent = self.offer[fact.offer]
        assert (state, contact, agent) == (before, fact.contact, fact.agent)
        assert self.agent[agent][1] == fact.agent_version
        self.offer[fact.offer] = (after, contact, agent)
        if after is not OfferState.ACCEPTED:
            self.held.discard(fact.offer)

    def _held_by(self, fact: Any, state: OfferState) -> tuple[ContactId, AgentId]:
        before, contact, agent = self.offer[fact.offer]
        assert (before, contact, agent) == (state, fact.contact, fact.agent)
        return contact, agent

    def _offered(self, fact: f.Offered, centre: Centre) -> None:
        live = {offer: one for offer, one in self.offer.items()
                if one[0] in (OfferState.PENDING, OfferState.ACCEPTED, OfferState.CONSULTING, OfferState.WRAPPING)}
        assert fact.contact not in [one[1] for one in live.values() if one[0] is not OfferState.CONSULTING], \
            "a contact has one offer at a time"
        # A reload may have set it back while they talked; a talk that is lost goes on waiting from there.
        self.asks[fact.contact] = self.asks[fact.contact]._replace(step=fact.step)
        if not self.down and not fact.preferred:
            self._turn(fact)
        assert self.callbacks.get(fact.contact, 0.0) <= fact.at and fact.service == self.service[fact.contact]
        profiles = {agent.id: agent.profile for agent in centre.agents}
        for agent in {fact.agent, fact.partner} - {None}:
            mine = [(self.channel[offer], one[0]) for offer, one in live.items() if one[2] == agent or (
                self.partner.get(offer) == agent and one[0] is not OfferState.WRAPPING)]
            assert can_take(profiles[agent], centre, mine, fact.channel), f"{agent} had {mine} and got {fact.channel}"
        paired = bool(profiles[fact.agent].pair_id) and fact.channel is Channel.VOICE
        assert paired is (fact.partner is not None), "a call comes to both of a pair"
        self.channel[fact.offer] = fact.channel
        if fact.partner is not None:
            self.partner[fact.offer] = fact.partner
            assert profiles[fact.partner].pair_id == profiles[fact.agent].pair_id and fact.partner != fact.agent
        assert fact.offer not in self.offer and len(fact.runners_up) <= 5 and fact.agent not in fact.runners_up
        assert self.agent[fact.agent][1] == fact.agent_version
        assert self.agent[fact.agent][0] in (AgentState.RINGING, AgentState.TALKING)
        self.offer[fact.offer] = (OfferState.PENDING, fact.contact, fact.agent)
        self._contact(fact.contact, fact.version, ContactState.PENDING, ContactState.RESERVED)
        usual = next(dict(agent.skills) for agent in centre.agents if agent.id == fact.agent)
        skills = usual if self.skills[fact.agent] is None else self.skills[fact.agent]
        assert skills is not None
        floor = next((service.floor for service in SERVICES if service.id == fact.service), ())
        assert all(skills.get(skill, -1) >= level for skill, level in floor), "never below the floor"

    def _closed(self, fact: f.OfferClosed) -> None:
        self._offer(fact, OfferState.PENDING, fact.state)
        if fact.reason == REASON:
            self.aside[fact.contact] = max(self.aside.get(fact.contact, 0.0), fact.at + RETRY_S)
        assert (fact.contact_version is None) == (fact.state is OfferState.CANCELED)
        if fact.contact_version is not None:
            self._contact(fact.contact, fact.contact_version, ContactState.RESERVED, ContactState.PENDING)


def can_take(profile: Profile, centre: Centre, mine: list[tuple[Channel, OfferState]], channel: Channel) -> bool:
    """Whether an agent who has these contacts may get one more: every rule of the profile, said plainly."""
    costs, calls = {row.channel: row.cost for row in centre.channels}, [one for one in mine if one[0] is Channel.VOICE]
    interruptible = {row.channel for row in centre.channels if row.interruptible}
    yielding = [one for one in mine if one[0] in interruptible and one not in calls]
    most = dict(profile.max_concurrency).get(channel, 1)
    if channel not in profile.channels or len([one for one in mine if one[0] is channel]) >= most:
        return False
    if mine and (profile.one_at_a_time or (calls and profile.captions)):
        return False
    counted = [one for one in mine if one not in yielding]
    if channel is Channel.VOICE:
        if (mine and profile.captions) or any(state is OfferState.WRAPPING for _, state in mine):
            return False
    elif calls:
        if yielding or channel in interruptible:
            return False
    else:
        counted = mine
    return sum(costs[one] for one, _ in counted) + costs[channel] <= profile.capacity
