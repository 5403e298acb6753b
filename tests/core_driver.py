"""A centre in a few lines, a driver that tells the engine things as unreliably as the world does, and the checks that
hold after every single event. The oracle at the end chooses by looking at everybody: it shares no code with the
engine's indexes."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import routing.core.engine as engine_module
from routing.core import events as e
from routing.core import facts as f
from routing.core.commands import Command, Offer, Overflow, Rescind
from routing.core.contacts import OVERFLOW_AGAIN_S
from routing.core.domain import OVER_S
from routing.core.engine import Engine
from routing.core.errors import Refused
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from routing.core.model import Agent, AgentState, Centre, Channel, ContactState, OfferState, Profile, Service, Step

PSY, EDU, TIP = SkillId("psy"), SkillId("edu"), SkillId("tip")
SERVICES = (
    Service(ServiceId("psy"), "Psikososyal destek", (Step(((PSY, 80),), 20.0), Step(((PSY, 10),), 30.0), Step(())),
            floor=((PSY, 40),), priority=3, distress=True, overflow_s=50.0),
    Service(ServiceId("edu"), "Uzaktan eğitim", (Step(((EDU, 50), (TIP, 20)), 15.0), Step(((EDU, 30),))),
            overflow_s=90.0, short_abandon_s=5.0),
    Service(ServiceId("tip"), "İhbar ve şikâyet", (Step(((TIP, 1),)),), priority=1),
    Service(ServiceId("any"), "Genel bilgi", (Step(()),)),
)
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


CENTRES = (
    Centre(SERVICES, team(9, 1)),
    Centre((*SERVICES[:2], SERVICES[3]), team(7, 2)),
    Centre((SERVICES[0]._replace(steps=SERVICES[0].steps[:1]), *SERVICES[1:]), team(9, 1)),
)
ENDINGS = ("no_answer", "busy", "rejected", "unreachable", "failed", "hangup", "lost")


class Checker:
    """Folds facts and looks whether they can be true."""

    def __init__(self) -> None:
        self.seq = 0
        self.contact: dict[ContactId, tuple[ContactState, int]] = {}
        self.ended: Counter[ContactId] = Counter()
        self.ended_at: dict[ContactId, float] = {}
        self.agent: dict[AgentId, tuple[AgentState, int]] = {}
        self.offer: dict[OfferId, tuple[OfferState, ContactId, AgentId]] = {}
        self.overflowed: dict[ContactId, float] = {}

    def fold(self, facts: list[f.Fact], centre: Centre) -> None:
        for fact in facts:
            assert fact.seq == self.seq + 1, "numbers of facts have no gaps"
            self.seq = fact.seq
            match fact:
                case f.Queued():
                    self._new(fact)
                case f.AgentChanged():
                    before, version = self.agent.get(fact.agent, (AgentState.SIGNED_OUT, 0))
                    assert (before, version + 1) == (fact.before, fact.version)
                    assert fact.before_s >= 0
                    self.agent[fact.agent] = (fact.state, fact.version)
                case f.Offered():
                    self._offered(fact, centre)
                case f.OfferClosed():
                    self._closed(fact)
                case f.Connected():
                    self._offer(fact, OfferState.PENDING, OfferState.ACCEPTED)
                    self._contact(fact.contact, fact.version, ContactState.RESERVED, ContactState.ASSIGNED)
                case f.TalkOver():
                    lost = fact.by == "lost"
                    self._offer(fact, OfferState.ACCEPTED, OfferState.COMPLETED if lost else OfferState.WRAPPING)
                    self._contact(fact.contact, fact.version, ContactState.ASSIGNED, fact.state)
                    assert fact.state is (ContactState.PENDING if lost else ContactState.WRAPPING)
                    assert fact.talk_s >= 0 and 0 <= fact.held_s <= fact.talk_s + 1e-6
                case f.WrappedUp():
                    self._offer(fact, OfferState.WRAPPING, OfferState.COMPLETED)
                    self._contact(fact.contact, fact.version, ContactState.WRAPPING, ContactState.COMPLETED)
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
        self.contact[fact.contact] = (ContactState.PENDING, 1)

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

    def _offered(self, fact: f.Offered, centre: Centre) -> None:
        live = [one for one in self.offer.values()
                if one[0] in (OfferState.PENDING, OfferState.ACCEPTED, OfferState.WRAPPING)]
        assert fact.agent not in [one[2] for one in live], "an agent has one contact at a time"
        assert fact.contact not in [one[1] for one in live], "a contact has one offer at a time"
        assert fact.offer not in self.offer and len(fact.runners_up) <= 5 and fact.agent not in fact.runners_up
        assert self.agent[fact.agent] == (AgentState.RINGING, fact.agent_version)
        self.offer[fact.offer] = (OfferState.PENDING, fact.contact, fact.agent)
        self._contact(fact.contact, fact.version, ContactState.PENDING, ContactState.RESERVED)
        skills = next(dict(agent.skills) for agent in centre.agents if agent.id == fact.agent)
        floor = next((service.floor for service in SERVICES if service.id == fact.service), ())
        assert all(skills.get(skill, -1) >= level for skill, level in floor), "never below the floor"

    def _closed(self, fact: f.OfferClosed) -> None:
        self._offer(fact, OfferState.PENDING, fact.state)
        assert (fact.contact_version is None) == (fact.state is OfferState.CANCELED)
        if fact.contact_version is not None:
            self._contact(fact.contact, fact.contact_version, ContactState.RESERVED, ContactState.PENDING)


class Oracle:
    """Says who should get whom, by looking at every contact and every agent, and compares."""

    def __init__(self) -> None:
        self.choices = 0

    def __enter__(self) -> Oracle:
        self._assign = engine_module.assign
        engine_module.assign = self._compare  # type: ignore[attr-defined]
        return self

    def __exit__(self, *_: object) -> None:
        engine_module.assign = self._assign  # type: ignore[attr-defined]

    def _compare(self, d: Any) -> None:
        wanted = self._plan(d)
        first = d.next_offer
        self._assign(d)
        made = [(d.offers[number].contact.id, d.offers[number].agent.id) for number in range(first, d.next_offer)]
        assert made == wanted, f"made {made}, wanted {wanted}"
        self.choices += len(made)

    @staticmethod
    def fits(skills: dict[Any, int], service: Service, step: int) -> bool:
        wants = [*service.steps[step].needs, *service.floor]
        return all(skill in skills and skills[skill] >= level for skill, level in wants)

    def _plan(self, d: Any) -> list[tuple[ContactId, AgentId]]:
        signed = [a for a in d.agents.values() if a.state is not AgentState.SIGNED_OUT]

        def may(agent: Any, contact: Any, step: int) -> bool:
            profile = agent.agent.profile
            return (contact.channel in profile.channels and dict(profile.max_concurrency).get(contact.channel, 0) > 0
                    and self.fits(dict(agent.agent.skills), contact.service, step))

        free = [a for a in signed if a.state is AgentState.READY and a.configured and not a.offers
                and d.seats[a.seat].reachable and not d.seats[a.seat].in_use
                and a.not_before <= d.now and d.timers.at(("rest", a.id)) is None]
        queue = sorted((c for c in d.contacts.values() if c.state is ContactState.PENDING),
                       key=lambda c: (c.since - 60 * (c.service.priority + c.priority), c.number))
        plan = []
        for contact in queue:
            step, link = contact.step, d.links.get(contact.node)
            while step + 1 < len(contact.service.steps) and contact.service.steps[step].lasts_s is not None \
                    and not any(may(a, contact, step) for a in signed):
                step += 1
            if link is not None and not link.up:
                continue
            wants = [*contact.service.steps[step].needs, *contact.service.floor]
            fitting = [a for a in free if may(a, contact, step)]
            if len(fitting) > 1:
                best = min(fitting, key=lambda a: self._rank(a, wants))
                if best.id == contact.missed_by:
                    fitting.remove(best)
            if fitting:
                chosen = min(fitting, key=lambda a: self._rank(a, wants))
                free.remove(chosen)
                plan.append((contact.id, chosen.id))
        return plan

    @staticmethod
    def _rank(agent: Any, wants: list[tuple[Any, int]]) -> tuple[int, float, int]:
        level = dict(agent.agent.skills)[wants[0][0]] if wants else 0
        return -level, agent.idle_since, agent.index


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
        self._commands(done, new)

    def _commands(self, done: list[Command], new: list[f.Fact]) -> None:
        made = {fact.offer for fact in new if isinstance(fact, f.Offered)}
        for command in done:
            if isinstance(command, Offer):
                assert command.offer in made
                self.offers.append((command.offer, command.contact))
            elif isinstance(command, Rescind):
                assert self.checker.offer[command.offer][1] == command.contact
            elif isinstance(command, Overflow):
                last = self.checker.overflowed.get(command.contact, float("-inf"))
                assert self.now - last >= OVERFLOW_AGAIN_S, "not asked for again and again"
                self.checker.overflowed[command.contact] = self.now
        assert len(made) == sum(isinstance(command, Offer) for command in done)

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
                if state in (OfferState.PENDING, OfferState.ACCEPTED)}
        assert {one.offer for one in self.engine.live_offers()} == live
        for view in status.queues:
            places = sorted(c.position for c in status.contacts if c.service == view.service and c.position)
            assert places == list(range(1, view.waiting + 1)), "positions are 1, 2, 3 ..."

    def queue(self, service: str, *, since_ago: float | None = None, priority: int = 0,
              channel: Channel = Channel.VOICE, node: str = "") -> ContactId:
        """A new contact."""
        self.numbers += 1
        contact = ContactId(f"1700000000.{self.numbers}")
        since = None if since_ago is None else self.now - since_ago
        self.tell(e.ContactQueued(contact, ServiceId(service), f"PJSIP/trunk-{self.numbers}", channel, since, priority,
                                  node=node))
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
                       channel=rng.choice((Channel.VOICE,) * 5 + (Channel.CHAT,)))
        elif roll < 0.55:
            self.tell(self._call_event(rng, offer, caller, contact))
        elif roll < 0.66:
            self.tell(rng.choice((
                e.ContactGone(contact), e.ContactGone(contact, self.now - 3), e.ContactLeft(contact, "net"),
                e.ContactLeft(contact, "key", "9"), e.ContactTicked(contact), e.ContactGone(contact, None, True),
                e.ContactQueued(contact, ServiceId(rng.choice(("edu", "tip"))), "PJSIP/new"))))
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
            e.Held(offer, rng.random() < 0.5), e.OfferConnected(offer, other) if rng.random() < 0.2 else
            e.OfferRinging(offer), e.OfferEnded(offer, rng.choice(ENDINGS))))

    def _agent_event(self, rng: random.Random, agent: AgentId) -> e.Event:
        seat = SeatId("s" + agent[1:]) if rng.random() < 0.9 else SeatId(f"s{rng.randint(0, 9)}")
        return rng.choice((
            e.AgentSignedIn(agent, seat), e.AgentSignedIn(agent, seat), e.AgentSignedIn(agent, seat),
            e.AgentResumed(agent), e.AgentResumed(agent), e.AgentPaused(agent), e.AgentSignedOut(agent),
            e.WrapUpEnded(agent), e.WrapUpEnded(agent), e.WrapUpExtended(agent)))

    def open_house(self) -> None:
        """Everybody sits down and every phone works."""
        for number in range(10):
            self.tell(e.SeatChanged(SeatId(f"s{number}"), True, False))
            self.tell(e.AgentSignedIn(AgentId(f"a{number}"), SeatId(f"s{number}")))
