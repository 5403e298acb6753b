"""Engine and oracle side by side: the same events at the same times must give the same results."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from math import inf, isclose
from typing import Any

from routing.core import events as e
from routing.core.engine import Engine
from routing.core.memory import handle_times
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import Centre, Estimate
from routing.core.model.commands import DialCaller
from routing.core.model.errors import Refused
from routing.core.stored import (
    ChangeLog,
    Started,
    StoredAgent,
    StoredContact,
    StoredOffer,
    agent_row,
    contact_row,
    learned_row,
    offer_row,
)
from tests.oracle import learned
from tests.oracle.house import House, Refusal

LOOKS_AT_LESSONS = (Started, e.Configured, e.CallerErased)
"""Events after which the lessons are compared."""

APART = ("requested", "time_chosen", "reached", "stale")
"""Changes of a callback that are counted one by one. All others are failed tries."""
OVER_KEPT = 50
"""Number of contacts that ended lately of which a restart is told."""

PLAIN: dict[type, tuple[str, ...]] = {
    f.Queued: ("contact", "service", "position"),
    f.Moved: ("contact", "before", "service", "reason", "caller_anonymised"),
    f.ContactChanged: ("contact", "priority"),
    f.Stepped: ("contact", "step", "reason"),
    f.CallbackChanged: ("contact", "tries", "not_before", "reason"),
    f.CallbackDialled: ("offer", "contact"),
    tf.Interrupted: ("offer", "agent", "on"),
    f.Overridden: ("agent", "offer", "rule", "by"),
    f.ServiceChanged: ("service", "open"),
    f.Offered: ("offer", "contact", "agent", "seat", "service", "ring_s", "step", "level", "runners_up", "strategy",
                "score", "tier", "preferred", "partner", "beside"),
    f.OfferRang: ("offer",),
    f.OfferClosed: ("offer", "contact", "agent", "state", "reason"),
    tf.Connected: ("offer", "contact", "agent"),
    tf.HoldSetRecorded: ("offer", "on"),
    tf.FollowUpAgreedRecorded: ("offer", "contact", "agreed"),
    tf.WrapUpRequestedRecorded: ("offer", "agent"),
    tf.CallerFlaggedAbusiveRecorded: ("offer", "contact", "abusive", "topics"),
    tf.ConsultStarted: ("offer", "contact", "agent", "service", "to"),
    tf.ConsultCancelled: ("offer", "contact", "agent", "service"),
    tf.ConsultCompleted: ("offer", "contact", "agent", "to", "by", "caller_anonymised"),
    tf.TalkEndedRecorded: ("offer", "contact", "agent", "by"),
    tf.WrappedUp: ("offer", "contact", "agent"),
    f.Ended: ("contact", "service", "outcome", "key"),
    f.WayOutOffered: ("contact", "service", "trigger", "way"),
    f.CentreChanged: ("services", "agents"),
    f.PauseLimitReached: ("agent", "reason"),
    f.BreakPostponed: ("agent", "service"),
    f.DeskChangedRecorded: ("agent", "present"),
    f.Alarm: ("kind", "contact", "offer", "agent"),
    f.MenuEndedRecorded: e.MenuEnded._fields, f.CallsRefusedRecorded: e.CallsRefused._fields,
    f.SurveyAnsweredRecorded: ("contact", "service", "question", "answer"),
}
"""The compared fields of each fact. AgentChanged is absent because the states themselves are compared."""


class Divergence(AssertionError):
    """Engine and oracle differ."""


SHARES = (0.2, 0.6, 1.0, 1.4, 1.8)
"""Factors of the expected handle time. Each lasts `SHARE_LASTS` events, counted from the last look at all agents."""

SHARE_LASTS = 20


def expected_s(service: str) -> float:
    """Return the 80th percentile of handle time of a service, at a factor of 1."""
    return 15.0 + 40.0 * (ord(service[0]) % 5)


class Known(handle_times.HandleTimes):
    """Handle times that are learned, with a given 80th percentile."""

    def __init__(self, service: str, said: Callable[[str], float]) -> None:
        super().__init__()
        self.service, self.said = service, said

    @property
    def p80_s(self) -> float:
        """Return the time that both sides are given."""
        return self.said(self.service)

    @property
    def mean_s(self) -> float:
        """Return a short mean, so that some agents in a talk are expected to be free soon."""
        return expected_s(self.service)

    @property
    def learned_mean_s(self) -> float:
        """Return the mean that was learned."""
        return super().mean_s


class Still(defaultdict[str, handle_times.HandleTimes]):
    """The same 80th percentile for each service. The learned one has separate tests."""

    def __init__(self, said: Callable[[str], float] = expected_s) -> None:
        super().__init__()
        self.said = said

    def __missing__(self, service: str) -> handle_times.HandleTimes:
        found = self[service] = Known(service, self.said)
        return found


class SideBySide:
    """Engine, oracle and the time."""

    def __init__(self, centre: Centre) -> None:
        self.now = 1_000.0
        self.events = 0
        self.seen: Counter[str] = Counter()
        """Counts of each event and of each notable thing."""
        self._still: set[str] = set()
        """Callbacks that were held at the last look."""
        self.changes = ChangeLog()
        """Changed rows."""
        self._begin()
        self.tell(e.Configured(centre))

    def _begin(self) -> None:
        self.looked = self.events
        self.engine, self.house = Engine(), House(self.takes_s, self.seen)
        self.engine._domain.handle_times = Still(self.takes_s)
        self.house.expected = self.expected
        self.house.mean_s = self.mean_s

    def takes_s(self, service: str) -> float:
        """Return the 80th percentile of handle time now. It grows since the last look at all agents."""
        return expected_s(service) * SHARES[min((self.events - self.looked) // SHARE_LASTS, len(SHARES) - 1)]

    def mean_s(self, service: str) -> float:
        """Return the mean handle time that both sides are given. The learned one has a separate comparison."""
        return expected_s(service)

    def expected(self, contact: str) -> Estimate | None:
        """Return the wait that the engine has just told a new contact to expect. Estimates have separate tests."""
        return next((fact.estimate for fact in self.engine._domain.facts if isinstance(fact, f.Queued)
                     and fact.contact == contact), None)

    def tell(self, event: e.Event) -> bool:
        """Give one event to both sides. Return False if both refuse it."""
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
        if isinstance(event, LOOKS_AT_LESSONS):
            self._compare_lessons(event)
        return refused is None

    def pass_time(self, until: float, *, late: bool = False) -> None:
        """Move the time forward. The clock runs at each deadline of either side, or with `late` once at the end."""
        while (at := min(self.engine.next_deadline() or inf, self.house.next_due())) <= until:
            self.now = until if late else max(self.now, at)
            self.seen["late clocks"] += late
            commands = self.engine.tick(self.now)
            self.house.clock(self.now)
            self._compare(None, commands)
        self.now = until

    def restart(self, drop: Any = None) -> None:
        """Stop the node and start another one with its rows. `drop` takes a list of rows and returns those that remain.
        """
        d = self.engine._domain
        contacts, offers, agents = rows(self.engine)
        if drop is not None:
            contacts, offers = drop(contacts), drop(offers)
        event = Started(
            d.centre, tuple(contacts), tuple(offers), tuple(agents), tuple(list(d.ended_contacts)[-OVER_KEPT:]),
            tuple(d.caller_memory.last_agents.values()), d.next_offer, d.next_seq,
            tuple(d.caller_memory.held_positions.values()), tuple(d.caller_memory.abuse.values()),
            tuple(call for calls in d.caller_memory.callback_calls.values() for call in calls),
            tuple(learned_row(one) for one in d.forecast.by_service.values()),
            tuple(offer_row(one) for contact in d.contacts.values() for one in contact.closed_offers))
        before = self.house
        self._begin()
        self.house.lessons, self.house.rings = before.lessons, before.rings
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
        if any(p.breaks for p in house.people.values()):
            _cut(facts, said)
        if len(facts) > 1 or len(said) > 1:
            facts.sort(key=repr)
            said.sort(key=repr)
        self._count_still()
        self.seen["lost calls served since"] += house.served_since
        house.served_since = 0
        if commands != wanted or facts != said:
            raise Divergence(f"{event} at {self.now}\nengine: {commands}\noracle: {wanted}\n"
                             + "\n".join(f"engine: {one}" for one in facts if one not in said) + "\n"
                             + "\n".join(f"oracle: {one}" for one in said if one not in facts))
        mine, theirs = self._oracle_state(), self._engine_state()
        if mine != theirs:
            raise Divergence(f"{event} at {self.now}\n" + "\n".join(
                f"engine: {a}\noracle: {b}" for kind in range(4)
                for a, b in _different(theirs[kind], mine[kind])))

    def _compare_lessons(self, event: e.Event) -> None:
        """Compare what the calls have taught. The lists of the oracle are long, so some events must do."""
        d = self.engine._domain
        taught = {one.service: [one.given_up, one.waited_s, *one.factors, _learned_mean(one.handle_times)]
                  for one in d.forecast.by_service.values() if one.skills is not None} | {"": [d.forecast.ring_s]}
        wanted = learned.values(self.house)
        blank = [*learned.patience(learned.Lessons([])), 0.0, 0.0, 0.0, handle_times.SEED_MEAN_S]
        for name in {**wanted, **taught}:
            mine, theirs = wanted.get(name, blank), taught.get(name, blank)
            if any(not isclose(one, other, rel_tol=1e-9, abs_tol=1e-9) for one, other in
                    zip(mine, theirs, strict=True)):
                raise Divergence(f"{event} at {self.now}: {name or 'ring time'}\nengine: {theirs}\noracle: {mine}")
            self.seen["lessons that outlived a restart"] += isinstance(event, Started) and name != "" and mine != blank
            self.seen["lessons of other skills"] += isinstance(event, e.Configured) and theirs == blank \
                and name in taught

    def _count_still(self) -> None:
        """Count callbacks whose caller is on the line, and callbacks that go on without a dialled call."""
        callers = self.house.callers
        still = {name for name, one in callers.items() if one.caller_on_line}
        self.seen["callback held"] += len(still - self._still)
        self.seen["callback goes on"] += sum(name in callers and callers[name].callback for name in self._still - still)
        self._still = still

    def _count(self, event: e.Event | None, fact: Any) -> None:
        """Count what shows that a rule was tried. `event` caused the fact; it is None for the clock."""
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
                seen["held positions restored"] += contact is not None and contact.own_position is not None
                seen["lost calls followed up"] += fact.contact.startswith("f")
                seen["known as abusive"] += isinstance(event, e.ContactQueued) and fact.contact == event.contact \
                    and "abusive" in fact.topics - event.topics
            case tf.FollowUpAgreedRecorded():
                seen[f"follow-up {fact.agreed}"] += 1
            case tf.CallerFlaggedAbusiveRecorded():
                seen[f"abusive {fact.abusive}"] += 1
            case f.ContactChanged():
                seen["held positions declined"] += fact.since is not None
            case tf.ConsultStarted() | tf.ConsultCancelled():
                seen[f"consult {type(fact).__name__.lower()}"] += 1
            case tf.ConsultCompleted():
                seen[f"consult over {fact.by}"] += 1
            case tf.TalkEndedRecorded():
                seen[f"talk over {fact.by}"] += 1
            case f.WayOutOffered():
                seen[f"led out {fact.trigger}"] += 1
                seen[f"led out to {fact.way}"] += 1
            case f.Moved():
                seen[f"moved {fact.reason}"] += 1
            case f.Stepped():
                seen[f"stepped {fact.reason}"] += 1
            case f.Ended():
                seen[f"ended {fact.outcome}"] += 1
                seen[f"callback {fact.key}"] += fact.key in ("merged", "served", "replaced", "expired", "refused")
                seen["withdrawn"] += fact.key == "withdrawn"
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
                seen[f"callback {fact.reason if fact.reason in APART else 'failed'}"] += 1
            case f.CallbackDialled():
                seen["callback dialled"] += 1
            case f.PauseLimitReached():
                seen[f"limit of {fact.reason}"] += 1

    def _oracle_state(self) -> tuple[list[Any], ...]:
        h = self.house
        return (
            [(c.id, c.state, c.service.id, c.timed_step, c.urgent, c.points, c.number, c.since, c.node, c.leg,
              c.callback, c.tries, None if c.offer is None else c.offer.id,
              [one.id for one in c.beside], None if c.preferred is None else c.preferred.id, c.visited, c.topics,
              c.abusive, c.language, c.follow_up, c.own, c.caller_on_line, c.farewell, c.act,
              c.led_by, c.way_out, c.dialling, c.called_alone) for c in h.callers.values()],
            [(o.id, o.state, o.caller.id, o.person.id, o.tier, o.load, o.interrupted, o.wrapup_requested,
              None if o.partner is None else o.partner.id, o.dialling, o.calls_back)
             for o in h.offers.values()],
            [(p.id, p.state, p.reason, p.since, p.seat, p.next_seat, p.rna_count, _idle(p), p.pause_pending,
              p.leave_pending, p.detached_wrapup, p.break_until, p.break_s, p.breaks, p.working_since, p.rest_until,
              p.heavy_declined_until, p.gap_until, len(p.hands), p.agent.skills, p.limit_at, p.desk,
              max(p.messages_from, h.now), p.asked_last)
             for p in h.people.values() if p.ever],
            [(s.id, s.reachable, s.in_use, s.settling) for s in h.phones.values()],
        )

    def _engine_state(self) -> tuple[list[Any], ...]:
        d = self.engine._domain
        return (
            [(c.id, c.state, c.service.id, c.timed_step, c.beyond_ceiling, c.priority, c.number, c.since, c.node, c.leg,
              c.callback, c.tries, None if c.offer is None else c.offer.id,
              [one.id for one in c.beside], None if c.preferred is None else c.preferred.id, c.visited, c.topics,
              c.abusive, c.language, c.follow_up, c.own_position, bool(c.blocked_by), c.farewell, c.act,
              c.led_by, c.way_out, c.dialling, bool(c.dials)) for c in d.contacts.values()],
            [(o.id, o.state, o.contact.id, o.agent.id, o.tier, o.load, o.interrupted, o.wrapup_requested,
              None if o.partner is None else o.partner.id, o.dialling, o.callback is not None)
             for o in d.offers.values()],
            [(p.id, p.state, p.reason, p.since, p.seat, p.next_seat, p.rna_count, _idle(p), p.pause_pending,
              p.leave_pending, p.detached_wrapup, p.break_until, p.break_s, p.breaks, p.working_since, p.rest_until,
              p.heavy_declined_until, p.gap_until, len(p.offers), p.agent.skills, p.pause_limit_at, p.desk,
              max(p.messages_from, d.now), p.asked_last)
             for p in d.agents.values() if p.version],
            [(s.id, s.reachable, s.in_use, s.settling) for s in d.seats.values()],
        )


def _learned_mean(times: handle_times.HandleTimes) -> float:
    return times.learned_mean_s if isinstance(times, Known) else times.mean_s


def _idle(agent: Any) -> float | None:
    """Return since when the agent is idle, or None in a break. The return from a break sets the time again. If a break
    and a look at a phone come due together, the first one decides it."""
    return None if agent.state == "paused" else agent.idle_since


def _cut(facts: list[Any], said: list[Any]) -> None:
    """Drop surplus runners-up. Both sides leave out runners-up whose break is too near, but at different moments, which
    may make room for a sixth one."""
    named = {fact[1]: fact[9] for fact in said if fact[0] == "Offered"}
    for found, others in ((facts, named), (said, {fact[1]: fact[9] for fact in facts if fact[0] == "Offered"})):
        for place, fact in enumerate(found):
            if fact[0] == "Offered" and fact[1] in others:
                found[place] = (*fact[:9], fact[9][:len(others[fact[1]])], *fact[10:])


def _different(a: list[Any], b: list[Any]) -> list[tuple[Any, Any]]:
    left, right = {one[0]: one for one in a}, {one[0]: one for one in b}
    found = [(left.get(key), right.get(key)) for key in {**left, **right} if left.get(key) != right.get(key)]
    return found if found or a == b else [([one[0] for one in a], [one[0] for one in b])]


def rows(engine: Engine) -> tuple[list[StoredContact], list[StoredOffer], list[StoredAgent]]:
    """Return the rows that a store holds at this moment."""
    d = engine._domain
    return ([contact_row(one) for one in d.contacts.values()], [offer_row(one) for one in d.offers.values()],
            [agent_row(one) for one in d.agents.values() if one.version])


class NumberedSideBySide(SideBySide):
    """Engine and oracle, with an encrypted number of each known caller."""

    def tell(self, event: e.Event) -> bool:
        """Give each caller with a known number an encrypted one."""
        if isinstance(event, e.ContactQueued | e.CallbackRequested) and event.caller_hash:
            event = event._replace(number_encrypted=f"box of {event.caller_hash}")
        return super().tell(event)

    def _compare(self, event: e.Event | None, commands: list[Any]) -> None:
        """Compare without encrypted numbers, which the oracle does not know."""
        super()._compare(event, [one._replace(number_encrypted="") if isinstance(one, DialCaller) else one
                                 for one in commands])
