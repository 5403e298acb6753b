"""Engine and oracle side by side: the same events at the same times, and what both say must be the same."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from math import inf
from typing import Any

from routing.core import events as e
from routing.core import facts as f
from routing.core import handled
from routing.core import talk_facts as tf
from routing.core.commands import Overflow, Rescind
from routing.core.engine import Engine
from routing.core.errors import Refused
from routing.core.model import Centre
from routing.core.stored import (
    ChangeLog,
    Started,
    StoredAgent,
    StoredContact,
    StoredOffer,
    agent_row,
    contact_row,
    offer_row,
)
from tests.oracle.house import House, Refusal

OVER_KEPT = 50
"""Contacts that ended lately, as a restart is told of them."""

PLAIN: dict[type, tuple[str, ...]] = {
    f.Queued: ("contact", "service", "position"),
    f.Moved: ("contact", "before", "service", "reason", "unknown"),
    f.ContactChanged: ("contact", "priority"),
    f.Stepped: ("contact", "step", "reason"),
    f.CallbackChanged: ("contact", "tries", "not_before", "reason"),
    f.CallbackDialled: ("offer", "contact"),
    tf.Interrupted: ("offer", "agent", "on"),
    f.Overridden: ("agent", "offer", "rule", "by"),
    f.ServiceChanged: ("service", "open"),
    f.Offered: ("offer", "contact", "agent", "seat", "service", "ring_s", "step", "level", "runners_up", "strategy",
                "score", "tier", "preferred", "partner"),
    f.OfferRang: ("offer",),
    f.OfferClosed: ("offer", "contact", "agent", "state", "reason"),
    tf.Connected: ("offer", "contact", "agent"),
    tf.HoldChanged: ("offer", "on"),
    tf.FollowUpSet: ("offer", "contact", "agreed"),
    tf.WrapUpWanted: ("offer", "agent"),
    tf.AbuseNoted: ("offer", "contact", "abusive", "topics"),
    tf.Consulting: ("offer", "contact", "agent", "service", "to"),
    tf.Returned: ("offer", "contact", "agent", "service"),
    tf.Introduced: ("offer", "contact", "agent", "to", "by", "unknown"),
    tf.TalkOver: ("offer", "contact", "agent", "by"),
    tf.WrappedUp: ("offer", "contact", "agent"),
    f.Ended: ("contact", "service", "outcome", "key"),
    f.CentreChanged: ("services", "agents"),
    f.PauseLimitReached: ("agent", "reason"),
    f.Alarm: ("kind", "contact", "offer", "agent"),
    f.MenuPassed: e.MenuLeft._fields,
    f.Surveyed: ("contact", "service", "question", "answer"),
}
"""What is compared of each fact. AgentChanged is not among them: the states themselves are compared."""


class Divergence(AssertionError):
    """Engine and oracle do not say the same."""


SHARES = (0.2, 0.6, 1.0, 1.4, 1.8)
"""Contacts take longer and longer, each of these for `SHARE_LASTS` events, from each look at everybody on."""

SHARE_LASTS = 20


def expected_s(service: str) -> float:
    """What eight of ten contacts of a service take at most, at a share of 1."""
    return 15.0 + 40.0 * (ord(service[0]) % 5)


class Known(handled.Handled):
    """Handle times that nobody learns."""

    def __init__(self, service: str, said: Callable[[str], float]) -> None:
        super().__init__()
        self.service, self.said = service, said

    @property
    def p80_s(self) -> float:
        """As said to both."""
        return self.said(self.service)

    def note(self, seconds: float) -> None:
        """Not learned."""


class Still(defaultdict[str, handled.Handled]):
    """The same of every service: what is learned in a talk is no matter of choice, and has tests of its own."""

    def __init__(self, said: Callable[[str], float] = expected_s) -> None:
        super().__init__()
        self.said = said

    def __missing__(self, service: str) -> handled.Handled:
        found = self[service] = Known(service, self.said)
        return found


class Duel:
    """Both, and the time."""

    def __init__(self, centre: Centre) -> None:
        self.now = 1_000.0
        self.events = 0
        self.seen: Counter[str] = Counter()
        """How often each event, and each telling thing, occurred."""
        self._still: set[str] = set()
        """Callbacks that stood still when this was last looked at."""
        self.changes = ChangeLog()
        """Rows that have changed."""
        self._begin()
        self.tell(e.Configured(centre))

    def _begin(self) -> None:
        self.looked = self.events
        self.engine, self.house = Engine(), House(self.takes_s, self.seen)
        self.engine._domain.handled = Still(self.takes_s)

    def takes_s(self, service: str) -> float:
        """What eight of ten contacts of a service take at most now: longer and longer since everybody was looked at."""
        return expected_s(service) * SHARES[min((self.events - self.looked) // SHARE_LASTS, len(SHARES) - 1)]

    def tell(self, event: e.Event) -> bool:
        """One event to both. False: both have refused it."""
        self.events += 1
        refused = None
        if isinstance(event, e.Configured):
            self.looked = self.events
        try:
            commands = self.engine.handle(event, self.now)
        except Refused as error:
            commands, refused = [], error.code
        wanted = None
        try:
            self.house.told(event, self.now)
        except Refusal as refusal:
            wanted = refusal.code
        if refused != wanted:
            raise Divergence(f"{event} at {self.now}: engine {refused or 'took it'}, oracle {wanted or 'took it'}")
        self.seen[type(event).__name__] += refused is None
        if isinstance(event, e.AgentSignedIn) and event.agent in self.house.people:
            self.seen["seats told in a call"] += self.house.people[event.agent].next_seat is not None
        if refused:
            self.seen[f"refused {refused}"] += 1
        self._compare(event, commands)
        return refused is None

    def pass_time(self, until: float, *, late: bool = False) -> None:
        """On to that moment. The clock is told at each deadline of either, or (`late`) of all of them in the end."""
        while (at := min(self.engine.next_deadline() or inf, self.house.next_due())) <= until:
            self.now = until if late else max(self.now, at)
            self.seen["late clocks"] += late
            commands = self.engine.tick(self.now)
            self.house.clock(self.now)
            self._compare(None, commands)
        self.now = until

    def restart(self, drop: Any = None) -> None:
        """The node dies and another one begins with its rows. `drop`: looks at a list of rows and gives those that are
        still there."""
        d = self.engine._domain
        contacts, offers, agents = rows(self.engine)
        if drop is not None:
            contacts, offers = drop(contacts), drop(offers)
        event = Started(
            d.centre, tuple(contacts), tuple(offers), tuple(agents), tuple(list(d.over)[-OVER_KEPT:]),
            tuple(d.caller_memory.last_agents.values()), d.next_offer, d.next_seq,
            tuple(d.caller_memory.held_positions.values()), tuple(d.caller_memory.abuse.values()))
        self._begin()
        self.tell(event)

    # --- the comparison

    def _compare(self, event: e.Event | None, commands: list[Any]) -> None:
        house = self.house
        wanted, house.commands = house.commands, []
        said, house.said = house.said, []
        facts = []
        self.changes.add(self.engine.take_changes())
        for fact in self.engine.take_facts():
            fields = PLAIN.get(type(fact))
            if fields is not None:
                name = type(fact).__name__
                facts.append((name, *(getattr(fact, field) for field in fields)))
                if name == "Offered":
                    facts[-1] = (*facts[-1][:11], round(facts[-1][11], 6), *facts[-1][12:])
            self._count(event, fact)
        for command in commands:
            self.seen[f"command {type(command).__name__}"] += 1
        sent_away = {command.contact for command in commands if isinstance(command, Overflow)}
        if any(house.callers[contact].offer is not None for contact in sent_away if contact in house.callers):
            raise Divergence(f"{event} at {self.now}: to the net, and a phone rings: {commands}")
        if any(p.breaks for p in house.people.values()):
            _cut(facts, said)
        if len(facts) > 1 or len(said) > 1:
            facts.sort(key=repr)
            said.sort(key=repr)
        self._count_still()
        self.seen["lost calls served since"] += house.served_since
        house.served_since = 0
        commands.sort(key=_by_the_clock)
        wanted.sort(key=_by_the_clock)
        if commands != wanted or facts != said:
            raise Divergence(f"{event} at {self.now}\nengine: {commands}\noracle: {wanted}\n"
                             + "\n".join(f"engine: {one}" for one in facts if one not in said) + "\n"
                             + "\n".join(f"oracle: {one}" for one in said if one not in facts))
        mine, theirs = self._oracle_state(), self._engine_state()
        if mine != theirs:
            raise Divergence(f"{event} at {self.now}\n" + "\n".join(
                f"engine: {a}\noracle: {b}" for kind in range(4)
                for a, b in _different(theirs[kind], mine[kind])))

    def _count_still(self) -> None:
        """Callbacks whose caller is on the line, and those that go on without having been called."""
        callers = self.house.callers
        still = {name for name, one in callers.items() if one.calls_us}
        self.seen["callback stands still"] += len(still - self._still)
        self.seen["callback goes on"] += sum(name in callers and callers[name].callback for name in self._still - still)
        self._still = still

    def _count(self, event: e.Event | None, fact: Any) -> None:
        """Things that tell whether a rule was tried. `event`: of which the fact comes; None: of the clock."""
        seen = self.seen
        match fact:
            case f.Offered():
                seen["offers"] += 1
                seen[f"strategy {fact.strategy}"] += 1
                seen[f"tier {fact.tier}"] += 1
                seen[f"channel {fact.channel}"] += 1
                seen["offers later steps"] += fact.step > 0
                seen["offers to a preferred agent"] += fact.preferred
                seen["offers to a pair"] += fact.partner is not None
                seen["offers with a choice"] += bool(fact.runners_up)
            case f.Queued():
                contact = self.engine._domain.contacts.get(fact.contact)
                seen["old places given back"] += contact is not None and contact.returned is not None
                seen["lost calls followed up"] += fact.contact.startswith("f")
                seen["known as abusive"] += isinstance(event, e.ContactQueued) and fact.contact == event.contact \
                    and "abusive" in fact.topics - event.topics
            case tf.FollowUpSet():
                seen[f"follow-up {fact.agreed}"] += 1
            case tf.AbuseNoted():
                seen[f"abusive {fact.abusive}"] += 1
            case f.ContactChanged():
                seen["old places declined"] += fact.since is not None
            case tf.Consulting() | tf.Returned():
                seen[f"consult {type(fact).__name__.lower()}"] += 1
            case tf.Introduced():
                seen[f"consult over {fact.by}"] += 1
            case tf.TalkOver():
                seen[f"talk over {fact.by}"] += 1
            case f.Moved():
                seen[f"moved {fact.reason}"] += 1
            case f.Stepped():
                seen[f"stepped {fact.reason}"] += 1
            case f.Ended():
                seen[f"ended {fact.outcome}"] += 1
                seen[f"callback {fact.key}"] += fact.key in ("merged", "served")
            case f.OfferClosed():
                seen[f"offer {fact.state} {fact.reason}"] += 1
            case f.AgentChanged() if fact.state is not fact.before:
                seen[f"agent {fact.state}"] += 1
            case tf.Interrupted():
                seen[f"interrupted {fact.on}"] += 1
            case f.Overridden():
                seen[f"overridden {fact.rule} {fact.by}"] += 1
            case f.Alarm():
                seen[f"alarm {fact.kind}"] += 1
            case f.CallbackChanged():
                seen[f"callback {fact.reason if fact.reason in ('asked', 'reached', 'stale') else 'failed'}"] += 1
            case f.CallbackDialled():
                seen["callback dialled"] += 1
            case f.PauseLimitReached():
                seen[f"limit of {fact.reason}"] += 1

    def _oracle_state(self) -> tuple[list[Any], ...]:
        h = self.house
        return (
            [(c.id, c.state, c.service.id, c.step, c.urgent, c.points, c.number, c.since, c.node, c.leg,
              c.callback, c.tries, None if c.offer is None else c.offer.id,
              None if c.preferred is None else c.preferred.id, c.visited, c.topics, c.abusive, c.language,
              c.follow_up, c.own, c.calls_us) for c in h.callers.values()],
            [(o.id, o.state, o.caller.id, o.person.id, o.tier, o.load, o.interrupted, o.wrapup_asked,
              None if o.partner is None else o.partner.id, o.dialling, o.calls_back)
             for o in h.offers.values()],
            [(p.id, p.state, p.reason, p.since, p.seat, p.next_seat, p.misses, _idle(p), p.pause_pending,
              p.leave_pending, p.aside, p.break_until, p.break_s, p.breaks, p.working_since, p.rest_until,
              p.spared_until, p.gap_until, len(p.hands), p.agent.skills, p.limit_at)
             for p in h.people.values() if p.ever],
            [(s.id, s.reachable, s.in_use, s.settling) for s in h.phones.values()],
        )

    def _engine_state(self) -> tuple[list[Any], ...]:
        d = self.engine._domain
        return (
            [(c.id, c.state, c.service.id, c.step, c.urgent, c.priority, c.number, c.since, c.node, c.leg,
              c.callback, c.tries, None if c.offer is None else c.offer.id,
              None if c.preferred is None else c.preferred.id, c.visited, c.topics, c.abusive, c.language,
              c.follow_up, c.returned, bool(c.kept_by)) for c in d.contacts.values()],
            [(o.id, o.state, o.contact.id, o.agent.id, o.tier, o.load, o.interrupted, o.wrapup_asked,
              None if o.partner is None else o.partner.id, o.dialling, o.callback is not None)
             for o in d.offers.values()],
            [(p.id, p.state, p.reason, p.since, p.seat, p.next_seat, p.misses, _idle(p), p.pause_pending,
              p.leave_pending, p.aside, p.break_until, p.break_s, p.breaks, p.working_since, p.rest_until,
              p.spared_until, p.gap_until, len(p.offers), p.agent.skills, p.pause_limit_at)
             for p in d.agents.values() if p.version],
            [(s.id, s.reachable, s.in_use, s.settling) for s in d.seats.values()],
        )


def _idle(agent: Any) -> float | None:
    """Since when they are idle. Of a break it tells nothing (coming back sets it anew), and when a break and a look
    at a phone come due at the same moment, the one that comes first decides it."""
    return None if agent.state == "paused" else agent.idle_since


def _cut(facts: list[Any], said: list[Any]) -> None:
    """One of five runners-up whose break is too near is left out by both, who may have found that at different moments:
    one of them has made room for a sixth then."""
    named = {fact[1]: fact[9] for fact in said if fact[0] == "Offered"}
    for found, others in ((facts, named), (said, {fact[1]: fact[9] for fact in facts if fact[0] == "Offered"})):
        for place, fact in enumerate(found):
            if fact[0] == "Offered" and fact[1] in others:
                found[place] = (*fact[:9], fact[9][:len(others[fact[1]])], *fact[10:])


def _by_the_clock(command: Any) -> str:
    """What comes due at the same moment does so in any order; all else keeps the one it has."""
    ends = isinstance(command, Rescind) and command.reason in ("vanished", "stale")
    return str(command.contact) if ends or isinstance(command, Overflow) else ""


def _different(a: list[Any], b: list[Any]) -> list[tuple[Any, Any]]:
    left, right = {one[0]: one for one in a}, {one[0]: one for one in b}
    found = [(left.get(key), right.get(key)) for key in {**left, **right} if left.get(key) != right.get(key)]
    return found if found or a == b else [([one[0] for one in a], [one[0] for one in b])]


def rows(engine: Engine) -> tuple[list[StoredContact], list[StoredOffer], list[StoredAgent]]:
    """What a store holds at this moment."""
    d = engine._domain
    return ([contact_row(one) for one in d.contacts.values()], [offer_row(one) for one in d.offers.values()],
            [agent_row(one) for one in d.agents.values() if one.version])
