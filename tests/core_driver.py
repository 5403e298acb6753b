"""A centre in a few lines, a driver that tells the engine things as unreliably as the world does, and the checks that
hold after every single event. Who should get whom is compared in `tests/oracle`."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, NamedTuple

from routing.core import events as e
from routing.core import facts as f
from routing.core import talk_facts as tf
from routing.core.commands import Command, Dial, Join, Offer, Overflow, Rescind
from routing.core.contacts import OVERFLOW_AGAIN_S
from routing.core.domain import OVER_S
from routing.core.engine import Engine
from routing.core.errors import Refused
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from routing.core.model import (
    Agent,
    AgentState,
    CallbackOrder,
    Centre,
    Channel,
    ContactState,
    Needs,
    OfferState,
    Profile,
    Service,
    Step,
    WrapUpMode,
)
from routing.core.records import MINUTE_S
from routing.core.transfer import IN_PERSON_S

PSY, EDU, TIP = SkillId("psy"), SkillId("edu"), SkillId("tip")
SERVICES = (
    Service(ServiceId("psy"), "Psikososyal destek", (Step(((PSY, 80),), 20.0), Step(((PSY, 10),), 30.0), Step(())),
            floor=((PSY, 40),), priority=3, distress=True, overflow_s=50.0),
    Service(ServiceId("edu"), "Uzaktan eğitim", (Step(((EDU, 50), (TIP, 20)), 15.0), Step(((EDU, 30),))),
            overflow_s=90.0, short_abandon_s=5.0),
    Service(ServiceId("tip"), "İhbar ve şikâyet", (Step(((TIP, 1),)),), priority=1),
    Service(ServiceId("any"), "Genel bilgi", (Step(()),)),
)
ROUTED = (
    SERVICES[0]._replace(preferred_s=10.0, callback_tries=2, callback_retry_s=20.0),
    SERVICES[1]._replace(preferred_s=20.0, overflow_s=40.0, overflow_to=ServiceId("tip"), max_waiting=3,
                         callback_tries=1),
    SERVICES[2]._replace(overflow_s=30.0, overflow_to=ServiceId("any"), max_waiting=2, callback_retry_s=5.0,
                         callback=CallbackOrder.CALLER_FIRST, callback_max=3),
    SERVICES[3]._replace(overflow_s=60.0, overflow_to=ServiceId("edu"), preferred_s=5.0, anonymous=True),
)
"""The same with everything that moves a contact: a circle of overflow, room for few, preferred agents, callbacks."""

LEVELS = (0, 10, 40, 50, 80, 100)


def team(size: int, seed: int) -> tuple[Agent, ...]:
    """Agents with one to three skills, every third with needs of their own."""
    rng = random.Random(seed)
    found = []
    for number in range(size):
        skills = tuple((skill, rng.choice(LEVELS)) for skill in rng.sample((PSY, EDU, TIP), rng.randint(1, 3)))
        profile = Profile()
        if number % 3 == 0:
            profile = Profile(ring_timeout_s=25.0, wrapup_s=rng.choice((0.0, 30.0)), rest_gap_s=rng.choice((0.0, 7.0)),
                              misses_allowed=rng.choice((1, 3)))
        if number % 7 == 6:
            profile = profile._replace(channels=frozenset({Channel.CHAT}))
        found.append(Agent(AgentId(f"a{number}"), skills, profile, f"t{number % 2}"))
    return tuple(found)


def mixed(size: int, seed: int) -> tuple[Agent, ...]:
    """The same with every need that concerns several contacts: capacity, captions, pairs, modes of wrap-up ..."""
    rng = random.Random(seed)
    found = []
    for agent in team(size, seed):
        profile = agent.profile._replace(
            wrapup_mode=rng.choice((*WrapUpMode, WrapUpMode.MANDATORY_TIMEOUT)),
            capacity=rng.choice((60, 100, 100, 180)),
            max_concurrency=rng.choice(((), ((Channel.CHAT, 2), (Channel.EMAIL, 2)), ((Channel.VOICE, 1),
                                                                                   (Channel.CHAT, 3)))),
            one_at_a_time=rng.random() < 0.15, captions=rng.random() < 0.2,
            auto_return_s=rng.choice((None, None, 40.0)))
        number = int(agent.id[1:])
        if number in (0, 1, 3):
            profile = profile._replace(pair_id="p" if number < 3 else "alone")
        found.append(agent._replace(profile=profile, outside=number == 5))
    return tuple(found)


CENTRES = (
    Centre(SERVICES, team(9, 1)),
    Centre((*SERVICES[:2], SERVICES[3]), team(7, 2)),
    Centre((SERVICES[0]._replace(steps=SERVICES[0].steps[:1]), *SERVICES[1:]), team(9, 1)),
    Centre(SERVICES, mixed(9, 1)),
    Centre(ROUTED, team(9, 3)),
    Centre(ROUTED, mixed(9, 5)),
    Centre(SERVICES, mixed(9, 4), interruptible=frozenset(Channel) - {Channel.VOICE}),
)
CHANNELS = (Channel.VOICE,) * 8 + (Channel.CHAT, Channel.CHAT, Channel.EMAIL, Channel.TASK)
ENDINGS = ("no_answer", "busy", "rejected", "unreachable", "failed", "hangup", "lost")


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
        for fact in facts:
            assert fact.seq == self.seq + 1, "numbers of facts have no gaps"
            self.seq = fact.seq
            match fact:
                case f.Queued():
                    self._new(fact)
                    self._maybe_aside(fact.contact, fact.at, centre)
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
                case tf.WrappedUp():
                    self._offer(fact, OfferState.WRAPPING, OfferState.COMPLETED)
                    self._contact(fact.contact, fact.version, ContactState.WRAPPING, ContactState.COMPLETED)
                case f.Stepped() | f.Moved() | f.ContactChanged() | f.CallbackChanged():
                    self._contact(fact.contact, fact.version, None, self.contact[fact.contact][0])
                case f.Ended():
                    self.ended[fact.contact] += 1
                    self.ended_at[fact.contact] = fact.at
                    assert self.ended[fact.contact] == 1, "exactly one end"
                    self._contact(fact.contact, fact.version, None, fact.state)
                case _:
                    pass

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
        assert (fact.contact_version is None) == (fact.state is OfferState.CANCELED)
        if fact.contact_version is not None:
            self._contact(fact.contact, fact.contact_version, ContactState.RESERVED, ContactState.PENDING)


def can_take(profile: Profile, centre: Centre, mine: list[tuple[Channel, OfferState]], channel: Channel) -> bool:
    """Whether an agent who has these contacts may get one more: every rule of the profile, said plainly."""
    costs, calls = dict(centre.costs), [one for one in mine if one[0] is Channel.VOICE]
    yielding = [one for one in mine if one[0] in centre.interruptible and one not in calls]
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
        if yielding or channel in centre.interruptible:
            return False
    else:
        counted = mine
    return sum(costs[one] for one, _ in counted) + costs[channel] <= profile.capacity


class Driver:
    """Tells the engine things, in any order, and checks what comes back."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.now = 1_000.0
        self.grain_s = 0.0
        """Time between two events; 0: many come at the very same moment."""
        self.entries: list[tuple[float, e.Event | None]] = []
        self.facts: list[f.Fact] = []
        self.commands: list[Command] = []
        self.checker = Checker()
        self.centre = CENTRES[0]
        self.offers: list[tuple[OfferId, ContactId]] = []
        self.numbers = 0
        self.tell(e.Configured(self.centre))

    def tell(self, event: e.Event | None) -> None:
        """One event (None: the clock), then every check."""
        if isinstance(event, e.Configured):
            self.centre = event.centre
        elif isinstance(event, e.LinkChanged):
            for node in {event.node, ""}:
                (self.checker.down.discard if event.up else self.checker.down.add)(node)
        self.now += self.grain_s
        self.entries.append((self.now, event))
        try:
            done = self.engine.tick(self.now) if event is None else self.engine.handle(event, self.now)
        except Refused:
            assert not self.engine.take_facts(), "a refusal changes nothing"
            return
        new = self.engine.take_facts()
        self.facts += new
        self.commands += done
        self.checker.fold(new, self.centre)
        if event is None:
            self.checker.ticked = self.now
        self._commands(done, new)

    def _commands(self, done: list[Command], new: list[f.Fact]) -> None:
        made = {fact.offer for fact in new if isinstance(fact, f.Offered)}
        reached = {fact.contact for fact in new if isinstance(fact, f.CallbackChanged) and not fact.callback}
        for command in done:
            if isinstance(command, Offer):
                assert command.offer in made or command.contact in reached
                self.offers.append((command.offer, command.contact))
            elif isinstance(command, Dial | Join):
                assert self.checker.offer[command.offer][:2] == (OfferState.PENDING, command.contact)
            elif isinstance(command, Rescind):
                assert self.checker.offer[command.offer][1] == command.contact
            elif isinstance(command, Overflow):
                last = self.checker.overflowed.get(command.contact, float("-inf"))
                assert self.now - last >= OVERFLOW_AGAIN_S, "not asked for again and again"
                self.checker.overflowed[command.contact] = self.now
                self.checker.aside[command.contact] = max(
                    self.checker.aside.get(command.contact, 0.0), self.now + OVERFLOW_AGAIN_S)
        rung = [command.offer for command in done if isinstance(command, Offer | Dial)]
        assert made <= set(rung) and len(rung) == len(set(rung))

    def check(self) -> None:
        """What must hold whenever nothing is under way."""
        status = self.engine.status(self.now)
        alive = {contact: state for contact, (state, _) in self.checker.contact.items()
                 if state not in (ContactState.COMPLETED, ContactState.CANCELED)}
        assert {view.contact: view.state for view in status.contacts} == alive, "no contact is lost"
        for contact, state in alive.items():
            assert self.checker.ended[contact] == (state is ContactState.WRAPPING)
        shown = {view.agent: view.state for view in status.agents}
        for agent, (state, _) in self.checker.agent.items():
            assert shown.get(agent, AgentState.SIGNED_OUT) is state
        live = {number for number, (state, _, _) in self.checker.offer.items()
                if state in (OfferState.PENDING, OfferState.ACCEPTED, OfferState.CONSULTING)
                and self.checker.channel[number] is Channel.VOICE}
        assert {one.offer for one in self.engine.live_offers()} == live
        for view in status.queues:
            places = sorted(c.position for c in status.contacts if c.service == view.service and c.position)
            assert places == list(range(1, view.waiting + 1)), "positions are 1, 2, 3 ..."

    def queue(self, service: str, *, since_ago: float | None = None, priority: int = 0,
              channel: Channel = Channel.VOICE, node: str = "", **more: Any) -> ContactId:
        """A new contact."""
        self.numbers += 1
        contact = ContactId(f"1700000000.{self.numbers}")
        since = None if since_ago is None else self.now - since_ago
        self.tell(e.ContactQueued(contact, ServiceId(service), f"PJSIP/trunk-{self.numbers}", channel, since, priority,
                                  node=node, **more))
        return contact

    def some_step(self, rng: random.Random) -> None:
        """Something happens: mostly what should, often what should not."""
        roll = rng.random()
        contact = ContactId(f"1700000000.{rng.randint(max(1, self.numbers - 12), self.numbers + 1)}")
        offer, caller = rng.choice(self.offers[-8:]) if self.offers else (OfferId(1), contact)
        agent = AgentId(f"a{rng.randint(0, 9)}")
        seat = SeatId(f"s{rng.randint(0, 9)}")
        if roll < 0.22:
            self.queue(rng.choice(("psy", "edu", "tip", "any", "none")), priority=rng.choice((0, 0, 0, 2)),
                       since_ago=rng.choice((None, None, 30.0)), node=rng.choice(("", "", "b")),
                       channel=rng.choice(CHANNELS), caller_hash=rng.choice(("", f"h{rng.randint(0, 40)}")),
                       needs=((TIP, 20),) if rng.random() < 0.1 else ())
        elif roll < 0.55:
            self.tell(self._call_event(rng, offer, caller, contact))
        elif roll < 0.66:
            self.tell(rng.choice((
                e.ContactGone(contact), e.ContactGone(contact, self.now - 3), e.ContactLeft(contact, "net"),
                e.ContactLeft(contact, "key", "9"), e.ContactTicked(contact), e.ContactGone(contact, None, True),
                e.ContactQueued(contact, ServiceId(rng.choice(("edu", "tip"))), "PJSIP/new"),
                self._wish(rng, contact, offer), self._wish(rng, contact, offer), self._wish(rng, contact, offer))))
        elif roll < 0.82:
            self.tell(self._agent_event(rng, agent))
        elif roll < 0.90:
            self.tell(e.SeatChanged(seat, rng.random() < 0.9, rng.random() < 0.25))
        elif roll < 0.91:
            self.tell(e.LinkChanged(rng.choice(("", "b")), rng.random() < 0.7))
        elif roll < 0.913:
            self.tell(e.Configured(rng.choice(CENTRES)))
        else:
            self.pass_time(rng.choice((0.0, 0.5, 1.0, 2.5, 5.0, 20.0)), tick=rng.random() < 0.8)

    def pass_time(self, seconds: float, *, tick: bool = True) -> None:
        """Time goes by; the runner may be late."""
        self.now += seconds
        if tick:
            self.tell(None)

    def _call_event(self, rng: random.Random, offer: OfferId, caller: ContactId, other: ContactId) -> e.Event:
        return rng.choice((
            e.OfferRinging(offer), e.OfferRinging(offer), e.OfferAnswered(offer), e.OfferConnected(offer, caller),
            e.OfferConnected(offer, caller), e.OfferConnected(offer, caller), e.TalkEnded(offer, "caller"),
            e.TalkEnded(offer, "agent"), e.TalkEnded(offer, "agent"), e.TalkEnded(offer, "lost"),
            e.TalkEnded(offer, "dropped"), e.FollowUpAgreed(offer), e.FollowUpAgreed(offer, rng.random() < 0.8),
            e.ConsultAsked(offer, ServiceId(rng.choice(("edu", "tip", "any"))), None, rng.random() < 0.3),
            e.ConsultEnded(offer, rng.random() < 0.3),
            e.OfferConnected(offer, ContactId(f"o{max(1, offer - rng.randint(1, 3))}-{caller}")),
            e.Held(offer, rng.random() < 0.5), e.TransferAsked(
                offer, ServiceId(rng.choice(("edu", "tip", "any"))) if rng.random() < 0.7 else None,
                AgentId(f"a{rng.randint(0, 9)}") if rng.random() < 0.4 else None, rng.random() < 0.2),
            e.OfferConnected(offer, other) if rng.random() < 0.2 else
            e.OfferRinging(offer), e.OfferEnded(offer, rng.choice(ENDINGS))))

    def _wish(self, rng: random.Random, contact: ContactId, offer: OfferId) -> e.Event:
        service = ServiceId(rng.choice(("psy", "edu", "tip", "any")))
        asked = [one for one in self.checker.callbacks
                 if self.checker.contact[one][0] in (ContactState.PENDING, ContactState.RESERVED)]
        if asked and rng.random() < 0.5:
            contact = rng.choice(asked)
            dialled = [number for number, (state, of, _) in self.checker.offer.items()
                       if state is OfferState.PENDING and of in self.checker.callbacks]
            if not dialled:
                return e.ContactGone(contact)
            number = rng.choice(dialled)
            return rng.choice((e.CallbackFailed(number, "busy"), e.CallbackTaken(number), e.CallbackTaken(number),
                               e.CallbackReached(self.checker.offer[number][1], "PJSIP/called")))
        return rng.choice((
            e.ContactRanked(contact, rng.choice((0, 1, 4))), e.CallbackAsked(contact, rng.choice((0.0, 0.0, 30.0))),
            e.CallbackAsked(contact), e.ContactGone(contact), e.CallbackFailed(offer, "busy"), e.CallbackTaken(offer),
            e.CallbackReached(contact, "PJSIP/again"), e.CallbacksQuiet(rng.random() < 0.2),
            e.CallbackFailed(offer, "no_answer"), e.ServiceHours(service, rng.random() < 0.7),
            e.ContactQueued(contact, service, "PJSIP/new", needs=((EDU, 10),), topics=frozenset({"abusive"}))))

    def _agent_event(self, rng: random.Random, agent: AgentId) -> e.Event:
        seat = SeatId("s" + agent[1:]) if rng.random() < 0.9 else SeatId(f"s{rng.randint(0, 9)}")
        return rng.choice((
            e.AgentSignedIn(agent, seat), e.AgentSignedIn(agent, seat), e.AgentSignedIn(agent, seat),
            e.AgentResumed(agent), e.AgentResumed(agent), e.AgentPaused(agent), e.AgentSignedOut(agent),
            e.WrapUpEnded(agent), e.WrapUpEnded(agent), e.WrapUpExtended(agent), e.WrapUpAsked(agent),
            e.WrapUpEnded(agent, self.offers[-1 - rng.randint(0, 5) % len(self.offers)][1] if self.offers else None),
            e.AgentSkilled(agent, rng.choice((None, None, ((PSY, 50), (TIP, 80)), ())))))

    def open_house(self) -> None:
        """Everybody sits down and every phone works."""
        for number in range(10):
            self.tell(e.SeatChanged(SeatId(f"s{number}"), True, False))
            self.tell(e.AgentSignedIn(AgentId(f"a{number}"), SeatId(f"s{number}")))
