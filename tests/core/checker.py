"""Checks that hold after every single fact. `tests/oracle` compares the choice of agents."""

from __future__ import annotations

from collections import Counter
from math import inf
from typing import Any, NamedTuple

from routing.core.calls.blind_transfer import PERSONAL_WAIT_S
from routing.core.calls.refusals import REASON, RETRY_S
from routing.core.domain import ENDED_S
from routing.core.matching.agent_pool import MINUTE_S
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import (
    OFFER_WITH_AGENT,
    RINGING_OFFER,
    AgentState,
    Centre,
    Channel,
    ContactState,
    Needs,
    OfferState,
    Profile,
    Trigger,
    WayOut,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId, SkillId
from routing.core.model.reasons import FOUND
from routing.core.queueing.second_phone import PHONES_MAX
from tests.core.centres import SERVICES


class Asks(NamedTuple):
    """The requirement of a contact. Contacts with equal requirements are served by age with points and then by arrival.
    """

    service: ServiceId
    channel: Channel
    needs: Needs
    topics: frozenset[str]
    step: int
    since: float
    priority: int
    number: int

    def same(self, other: Asks) -> bool:
        """Return whether both wait for the same agents."""
        return self[:5] == other[:5]

    @property
    def place(self) -> tuple[float, int]:
        """Return the sort key. Smaller is earlier."""
        return self.since - MINUTE_S * self.priority, self.number


class Checker:
    """Folds facts and checks that each is possible."""

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
        """Skills that agents have for now instead of the configured ones."""
        self.service: dict[ContactId, ServiceId] = {}
        self.been: dict[ContactId, set[ServiceId]] = {}
        """Services of the contact since it last chose one."""
        self.callbacks: dict[ContactId, float] = {}
        """Callbacks, each with its earliest time."""
        self.asks: dict[ContactId, Asks] = {}
        """Requirement of each contact."""
        self.reached: dict[ContactId, int] = {}
        """Step that each contact had reached by time before its offer. The step in force is found at each search."""
        self.aside: dict[ContactId, float] = {}
        """The contact waits until then for a preferred agent."""
        self.down: set[str] = set()
        """Lost links. Contacts behind a lost link let others pass."""
        self.ticked = 0.0
        """The last tick. A late clock first serves the contacts that come first."""
        self.compared = 0
        """Offers made while another contact waited with the same requirement."""

    def fold(self, facts: list[f.Fact], centre: Centre) -> None:
        """Check that these facts are possible after all earlier ones."""
        for fact in facts:
            assert fact.seq == self.seq + 1, "numbers of facts have no gaps"
            self.seq = fact.seq
            self._in_line(fact, centre)
            self._at_agents(fact, centre)
            self._in_talk(fact)

    def _in_line(self, fact: f.Fact, centre: Centre) -> None:
        """Check the facts of a waiting contact: it comes, waits, moves, ends."""
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
                    self.aside[fact.contact] = fact.at + PERSONAL_WAIT_S
            case f.Stepped():
                self._waits(fact)
                assert self.contact[fact.contact][0] is ContactState.PENDING and fact.step >= 0
                self.asks[fact.contact] = self.asks[fact.contact]._replace(step=fact.step)
            case f.WayOutOffered():
                self._waits(fact)
                if fact.trigger in (Trigger.CLOSED, Trigger.FULL) or fact.way is WayOut.GOODBYE:
                    self.aside[fact.contact] = inf  # not offered to agents before the caller has chosen
            case f.ContactChanged():
                self._waits(fact)
                self.asks[fact.contact] = self.asks[fact.contact]._replace(
                    priority=fact.priority, needs=fact.needs, topics=fact.topics)
            case f.CallbackChanged():
                self._waits(fact)
                assert (fact.contact in self.callbacks) is (fact.reason != "requested")
                assert fact.callback is (fact.reason != "reached") and (fact.callback or fact.leg)
                if fact.callback:
                    self.callbacks[fact.contact] = fact.not_before
                    assert fact.tries == 0 or fact.not_before > fact.at
                else:
                    del self.callbacks[fact.contact]
                    self.aside[fact.contact] = fact.at  # the search starts again now
            case f.CallbackDialled(offer=None):
                assert self.contact[fact.contact][0] is ContactState.PENDING and fact.contact in self.callbacks
            case f.CallbackDialled():
                assert fact.offer is not None
                state, of, _ = self.offer[fact.offer]
                assert state is OfferState.PENDING and of == fact.contact and of in self.callbacks
            case f.Ended():
                self.ended[fact.contact] += 1
                self.ended_at[fact.contact] = fact.at
                assert self.ended[fact.contact] == 1, "exactly one end"
                self._contact(fact.contact, fact.version, None, fact.state)

    def _at_agents(self, fact: f.Fact, centre: Centre) -> None:
        """Check agent states and offers."""
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
        """Check the facts from the connection to the end of wrap-up."""
        match fact:
            case tf.Connected():
                if self.offer[fact.offer][0] is OfferState.BESIDE:
                    self._promote(fact.offer)
                assert self._ringing(fact.contact) == [fact.offer], "nothing rings on next to a talk"
                self._offer(fact, OfferState.PENDING, OfferState.ACCEPTED)
                self._contact(fact.contact, fact.version, ContactState.RESERVED, ContactState.ASSIGNED)
            case tf.TalkEndedRecorded():
                lost = fact.by in ("lost", "transfer")
                assert (fact.to is not None) is (fact.by == "transfer")
                if fact.to is not None:
                    self.aside[fact.contact] = fact.at + PERSONAL_WAIT_S  # perhaps for a colleague
                    self.been[fact.contact] = {self.service[fact.contact]}  # the path begins again there
                self._offer(fact, OfferState.ACCEPTED, OfferState.COMPLETED if lost else OfferState.WRAPPING)
                self._contact(fact.contact, fact.version, ContactState.ASSIGNED, fact.state)
                assert fact.state is (ContactState.PENDING if lost else ContactState.WRAPPING)
                assert fact.talk_s >= 0 and 0 <= fact.held_s <= fact.talk_s + 1e-6
            case tf.ConsultStarted():
                self.offer[fact.offer] = (OfferState.CONSULTING, *self._held_by(fact, OfferState.ACCEPTED))
                self._contact(fact.contact, fact.version, ContactState.ASSIGNED, ContactState.PENDING)
                self.aside[fact.contact] = fact.at + PERSONAL_WAIT_S  # perhaps for a colleague
                self.been[fact.contact] = {self.service[fact.contact]}
            case tf.ConsultCancelled():
                self.offer[fact.offer] = (OfferState.ACCEPTED, *self._held_by(fact, OfferState.CONSULTING))
                assert self.contact[fact.contact][0] in (ContactState.PENDING, ContactState.RESERVED)
                assert not [one for one in self.offer.values() if one[1] == fact.contact
                            and one[0] in RINGING_OFFER], "what rang for it was closed before"
                self._contact(fact.contact, fact.version, None, ContactState.ASSIGNED)
                self.service[fact.contact], self.been[fact.contact] = fact.service, {fact.service}
                self.asks[fact.contact] = self.asks[fact.contact]._replace(service=fact.service, step=0)
            case tf.ConsultCompleted():
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
        """Check that an id comes a second time only long after the end of the first contact."""
        assert fact.version == 1
        state, _ = self.contact.get(fact.contact, (ContactState.COMPLETED, 0))
        assert state in (ContactState.COMPLETED, ContactState.CANCELED)
        assert fact.at - self.ended_at.get(fact.contact, float("-inf")) >= ENDED_S
        self.ended.pop(fact.contact, None)
        self.callbacks.pop(fact.contact, None)
        self.service[fact.contact], self.been[fact.contact] = fact.service, {fact.service}
        self.contact[fact.contact] = (ContactState.PENDING, 1)
        self.asks[fact.contact] = Asks(fact.service, fact.channel, fact.needs, fact.topics, 0, fact.since,
                                       fact.priority, fact.seq)

    def _maybe_aside(self, contact: ContactId, now: float, centre: Centre) -> None:
        """Let a new contact wait for a preferred agent for a while."""
        for service in centre.services:
            if service.id == self.service[contact]:
                self.aside[contact] = max(self.aside.get(contact, 0.0), now + service.preferred_s)

    def _turn(self, fact: f.Offered) -> None:
        """Check the order: no contact with the same requirement that came earlier is passed over."""
        mine = self.asks[fact.contact]
        for other, (state, _) in self.contact.items():
            asks = self.asks[other]
            if other != fact.contact and state is ContactState.PENDING and other not in self.callbacks \
                    and asks.same(mine) and self.aside.get(other, 0.0) < self.ticked:
                assert asks.place > mine.place, f"{other} before {fact.contact}"
                self.compared += 1

    def _waits(self, fact: Any) -> None:
        """Check facts of a waiting contact that do not change its state."""
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

    def _ringing(self, contact: ContactId) -> list[OfferId]:
        """Return the offers that ring for a contact, the oldest first."""
        return sorted(offer for offer, one in self.offer.items() if one[1] == contact and one[0] in RINGING_OFFER)

    def _promote(self, offer: OfferId) -> None:
        """Let an offer hold its contact."""
        _, contact, agent = self.offer[offer]
        self.offer[offer] = (OfferState.PENDING, contact, agent)

    def _held_by(self, fact: Any, state: OfferState) -> tuple[ContactId, AgentId]:
        before, contact, agent = self.offer[fact.offer]
        assert (before, contact, agent) == (state, fact.contact, fact.agent)
        return contact, agent

    def _offered(self, fact: f.Offered, centre: Centre) -> None:
        live = {offer: one for offer, one in self.offer.items() if one[0] in OFFER_WITH_AGENT}
        rings = [one[0] for one in live.values() if one[1] == fact.contact and one[0] is not OfferState.CONSULTING]
        if fact.beside:
            assert OfferState.PENDING in rings and set(rings) <= set(RINGING_OFFER) and len(rings) < PHONES_MAX, \
                "a further phone rings next to a first one"
            assert fact.contact not in self.callbacks and fact.partner is None
        else:
            assert not rings, "a contact has one offer at a time"
        # A reload may have set it back while they talked; a talk that is lost goes on waiting from there.
        self.reached[fact.contact] = self.asks[fact.contact].step
        self.asks[fact.contact] = self.asks[fact.contact]._replace(step=fact.step)
        found = fact.strategy == FOUND
        if not self.down and not fact.preferred and not found and not fact.beside:
            self._turn(fact)
        assert self.callbacks.get(fact.contact, 0.0) <= fact.at and fact.service == self.service[fact.contact]
        profiles = {agent.id: agent.profile for agent in centre.agents}
        for agent in {fact.agent, fact.partner} - {None}:
            mine = [(self.channel[offer], one[0]) for offer, one in live.items() if one[2] == agent or (
                self.partner.get(offer) == agent and one[0] is not OfferState.WRAPPING)]
            assert found or can_take(profiles[agent], centre, mine, fact.channel), \
                f"{agent} had {mine} and got {fact.channel}"
            assert not found or Channel.VOICE not in [channel for channel, _ in mine], f"{agent} talks twice"
        paired = bool(profiles[fact.agent].pair_id) and fact.channel is Channel.VOICE
        assert fact.partner is None if found else paired is (fact.partner is not None), \
            "a call comes to both of a pair"
        self.channel[fact.offer] = fact.channel
        if fact.partner is not None:
            self.partner[fact.offer] = fact.partner
            assert profiles[fact.partner].pair_id == profiles[fact.agent].pair_id and fact.partner != fact.agent
        # An offer that was over begins again when its talk is found. Every other one is new.
        before = self.offer.get(fact.offer)
        assert before is None or (found and fact.offer not in live and before[1:] == (fact.contact, fact.agent))
        assert len(fact.runners_up) <= 5 and fact.agent not in fact.runners_up
        assert self.agent[fact.agent][1] == fact.agent_version
        assert self.agent[fact.agent][0] in (AgentState.RINGING, AgentState.TALKING)
        self.offer[fact.offer] = (OfferState.BESIDE if fact.beside else OfferState.PENDING, fact.contact, fact.agent)
        if fact.beside:
            assert self.contact[fact.contact] == (ContactState.RESERVED, fact.version)
        else:
            self._contact(fact.contact, fact.version, ContactState.PENDING, ContactState.RESERVED)
        usual = next(dict(agent.skills) for agent in centre.agents if agent.id == fact.agent)
        skills = usual if self.skills[fact.agent] is None else self.skills[fact.agent]
        assert skills is not None
        floor = next((service.floor for service in SERVICES if service.id == fact.service), ())
        assert all(skills.get(skill, -1) >= level for skill, level in floor), "never below the floor"

    def _closed(self, fact: f.OfferClosed) -> None:
        held = self.offer[fact.offer][0]
        self._offer(fact, held, fact.state)
        assert held in RINGING_OFFER
        others = self._ringing(fact.contact)
        if fact.reason == REASON:
            self.aside[fact.contact] = max(self.aside.get(fact.contact, 0.0), fact.at + RETRY_S)
        assert (fact.contact_version is None) == (fact.state is OfferState.CANCELED or bool(others))
        # The caller never waits in between: the oldest phone that rings on holds them.
        if held is OfferState.PENDING and others:
            self._promote(others[0])
        if fact.contact_version is not None:
            self._contact(fact.contact, fact.contact_version, ContactState.RESERVED, ContactState.PENDING)
            self.asks[fact.contact] = self.asks[fact.contact]._replace(step=self.reached.pop(fact.contact, 0))


def can_take(profile: Profile, centre: Centre, mine: list[tuple[Channel, OfferState]], channel: Channel) -> bool:
    """Return whether an agent with these contacts may get one more, by every rule of the profile."""
    costs, calls = {row.channel: row.cost for row in centre.channels}, [one for one in mine if one[0] is Channel.VOICE]
    interruptible = {row.channel for row in centre.channels if row.interruptible}
    yielding = [one for one in mine if one[0] in interruptible and one not in calls]
    most = dict(profile.max_concurrency).get(channel, 1)
    if channel not in profile.channels or len([one for one in mine if one[0] is channel]) >= most:
        return False
    if mine and profile.one_at_a_time:
        return False
    counted = [one for one in mine if one not in yielding]
    if channel is Channel.VOICE:
        if any(state is OfferState.WRAPPING for _, state in mine):
            return False
    elif calls:
        if yielding or channel in interruptible:
            return False
    else:
        counted = mine
    return sum(costs[one] for one, _ in counted) + costs[channel] <= profile.capacity
