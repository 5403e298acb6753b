"""The way of an event and of the clock through the oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any

from routing.core import events as e
from routing.core.model import Centre, Channel
from routing.core.stored import Started
from tests.oracle import burden, callbacks, callers, calls, choice, consults, settings, shifts, steps
from tests.oracle.state import NOT_RESPONDING, Caller, Offer, Person, Phone

TOLD = {
    Started: settings.started, e.Configured: settings.configured, e.ContactQueued: callers.queued,
    e.ContactTicked: callers.ticked, e.ContactGone: callers.gone, e.ContactLeft: callers.left,
    e.ContactRanked: callers.ranked, e.ContactWeighed: burden.weighed, e.CallbackAsked: callbacks.callback_asked,
    e.PlaceDeclined: callers.declined, e.CallerForgotten: callers.forgotten,
    e.CallbackTaken: callbacks.callback_taken, e.CallbackReached: callbacks.callback_reached,
    e.CallbacksQuiet: callbacks.callbacks_quiet,
    e.CallbackFailed: callbacks.callback_failed, e.OfferRinging: calls.ringing, e.OfferAnswered: calls.answered,
    e.OfferConnected: calls.connected, e.OfferEnded: calls.leg_ended,
    e.CommandRefused: calls.command_refused, e.TalkEnded: calls.talk_ended,
    e.Held: calls.held, e.FollowUpAgreed: calls.follow_up, e.AbuseSaid: calls.abuse,
    e.TransferAsked: calls.transfer, e.ConsultAsked: consults.asked,
    e.ConsultEnded: consults.ended, e.SeatChanged: shifts.phone_changed,
    e.AgentSignedIn: shifts.sign_in,
    e.AgentSignedOut: shifts.sign_out, e.AgentPaused: shifts.paused, e.AgentResumed: shifts.resumed,
    e.WrapUpEnded: shifts.wrap_up_ended, e.WrapUpExtended: shifts.wrap_up_extended,
    e.WrapUpAsked: shifts.wrap_up_asked, e.AgentSpared: burden.spared, e.AgentSkilled: shifts.skilled,
    e.BreaksPlanned: burden.planned, e.RulesRelaxed: burden.rules_relaxed, e.ServiceHours: settings.hours,
    e.LinkChanged: settings.link_changed, e.SurveyAnswered: callers.survey_answered,
    e.MenuLeft: callers.menu_left,
}


NEARLY_S = 1e-6
"""Moments that come of a half-life are rounded in other ways here and there: so near they are the same. What is due by
them alone waits for twice as long, so that the engine's clock goes first."""


class Refusal(Exception):
    """What was asked for cannot be had; `code` as the engine's."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class House:
    """A routing domain, in lists."""

    def __init__(self, p80_s: Callable[[str], float], seen: Counter[str]) -> None:
        self.p80_s = p80_s
        """The expected handle time of a service."""
        self.seen = seen
        """How often a telling thing occurred that is neither a command nor a fact."""
        self.now = 0.0
        self.next_offer = 1
        self.numbers = 0
        self.centre = Centre((), ())
        self.services: dict[str, Any] = {}
        self.excluded: frozenset[str] = frozenset()
        self.people: dict[str, Person] = {}
        self.callers: dict[str, Caller] = {}
        self.offers: dict[int, Offer] = {}
        self.phones: dict[str, Phone] = {}
        self.down: dict[str, list[tuple[Offer, str, float]]] = {}
        """Links that are lost, with what stood still."""
        self.closed: set[str] = set()
        self.quiet = False
        self.over: dict[str, float] = {}
        self.surveys: dict[str, list[str]] = {}
        self.spoke: dict[str, tuple[str, float]] = {}
        self.abusive: dict[str, float] = {}
        """When it was said of whom."""
        self.lost_places: list[tuple[str, tuple[str, ...], float, int, float]] = []
        """Callers who hung up while waiting: hash, services, start, points, when."""
        self.served: list[tuple[str, str, float, float]] = []
        """Who was served: hash, service, when they came and when the talk ended."""
        self.served_since = 0
        """Callers of lost lines who had been served by then."""
        self.late: list[Caller] = []
        """Callers who have waited too long, while everything else that is due is done first."""
        self.counts = False
        """A strategy wants to know how often agents were offered something."""
        self.commands: list[Any] = []
        self.said: list[tuple[Any, ...]] = []
        self._asked: dict[tuple[Any, ...], Any] = {}

    # --- in and out

    def told(self, event: e.Event, now: float) -> None:
        """Something happened. Raises `Refusal`."""
        self.now = now
        TOLD[type(event)](self, event)
        self.settle()

    def clock(self, now: float) -> None:
        """Everything that is due happens before anybody is chosen."""
        self.now = now
        for p in self.people.values():
            if p.wake_at is not None and p.wake_at <= now + NEARLY_S:
                wake(self, p)
        self._all_due()
        self.settle()  # a moment to wait for may have come
        self._all_due()  # what was taken back by that may be late for something
        while steps.go_on(self):
            self.settle()
            self._all_due()

    def _all_due(self) -> None:
        while self.next_due() <= self.now:
            while (at := self.next_due()) <= self.now:
                _, do, *what = next(one for one in self.deadlines() if one[0] == at)
                do(self, *what)
            self.settle()

    def next_due(self) -> float:
        """The first deadline; infinite: there is none."""
        return min((at for at, *_ in self.deadlines()), default=inf)

    def deadlines(self) -> list[tuple[Any, ...]]:
        """(when, what to do, with what): looked up anew each time, in the state of everything."""
        found: list[tuple[Any, ...]] = []
        for phone in self.phones.values():
            if phone.settle_at is not None:
                found.append((phone.settle_at, shifts.settled, phone))
            if phone.again_at is not None:
                found.append((phone.again_at, shifts.phone_again, phone))
        for offer in self.offers.values():
            for kind, at in offer.due.items():
                found.append((at, calls.due, offer, kind))
        for p in self.people.values():
            if p.aside_at is not None:
                found.append((p.aside_at, calls.end_aside, p, "wrapped_up"))
            if p.state is NOT_RESPONDING and (after_s := p.agent.profile.auto_return_s) is not None:
                found.append((p.since + after_s, shifts.returned, p))
            if p.leave_at is not None:
                found.append((p.leave_at, leave, p))
            if p.limit_at < inf and not p.limit_told:
                found.append((p.limit_at, burden.limit_over, p))
            if p.relaxed:
                found.append((min(p.relaxed.values()), burden.rules_hold_again, p))
            if p.wake_at is not None:
                found.append((p.wake_at + 2 * NEARLY_S, wake, p))
            if (at := burden.break_alarm(self, p)) < inf:
                found.append((at, burden.clock_says, p))
        for caller in sorted(self.callers.values(), key=lambda one: one.number):
            if not caller.fresh and (at := steps.next_due(self, caller)) is not None:
                found.append((at, steps.due, caller))
        return found

    def settle(self) -> None:
        """Look at everybody who was touched, then bring people together."""
        callbacks.look_who_calls(self)
        for p in self.people.values():
            if p.touched:
                burden.look(self, p)
        choice.decide(self)
        for caller in self.callers.values():
            caller.fresh = False

    # --- small things for all

    def refuse(self, code: str) -> None:
        """No."""
        raise Refusal(code)

    def tell(self, *what: Any) -> None:
        """What happened, beside the commands."""
        self.said.append(what)

    def touch(self, p: Person) -> None:
        """Something about the agent, and so about who leads them, has changed."""
        p.touched = True
        if p.partner is not None:
            p.partner.touched = True

    def arm(self, caller: Caller) -> None:
        """The caller comes to wait anew: what is due comes after the next assignment."""
        caller.fresh = True

    def take_number(self) -> int:
        """Order of arrival."""
        self.numbers += 1
        return self.numbers

    def phone(self, seat: str) -> Phone:
        """The seat; one that was never heard of is unreachable."""
        if seat not in self.phones:
            self.phones[seat] = Phone(seat)
        return self.phones[seat]

    def up(self, node: str) -> bool:
        """The link."""
        return node not in self.down

    def cost(self, channel: Channel) -> int:
        """Units of an agent's capacity."""
        return next((row.cost for row in self.centre.channels if row.channel is channel), 100)

    def interruptible(self, channel: Channel) -> bool:
        """A call may come meanwhile."""
        return any(row.channel is channel and row.interruptible for row in self.centre.channels)

    def yields(self, offer: Offer) -> bool:
        """A call may interrupt it."""
        return self.interruptible(offer.caller.channel)

    def asked(self, caller: Caller, step: int | None = None) -> tuple[Any, Any]:
        """What a contact asks for in a step."""
        step = caller.step if step is None else step
        key = caller.service.id, step, caller.needs
        if key not in self._asked:
            self._asked[key] = choice.asked_for(caller.service, step, caller.needs)
        return self._asked[key]

    def serves(self, p: Person) -> list[str]:
        """Services the agent fits in at least one step."""
        key = "serves", p.agent.skills, choice.no_topics(p)
        if key not in self._asked:
            self._asked[key] = [name for name, service in self.services.items() if any(
                choice.level_of(choice.asked_for(service, step, ()), p.agent.skills) is not None
                and name not in choice.no_topics(p) for step in range(len(service.steps)))]
        return self._asked[key]

    def forget_asked(self) -> None:
        """Settings have changed."""
        self._asked = {}


def wake(h: House, p: Person) -> None:
    """A bound is passed."""
    p.wake_at = None
    h.touch(p)


def leave(h: House, p: Person) -> None:
    """An agent who is not in the team any more."""
    p.leave_at = None
    shifts.dismiss(h, p, "removed")
