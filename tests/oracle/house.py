"""The way of an event and of the clock through the oracle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from math import inf
from typing import Any

from routing.core import events as e
from routing.core.model.centre_model import Centre, Channel, Estimate
from routing.core.stored import Started
from tests.oracle import (
    ahead,
    burden,
    callbacks,
    callers,
    calls,
    choice,
    consults,
    distress,
    learned,
    rules,
    settings,
    shifts,
    steps,
    supervisors,
)
from tests.oracle.state import NOT_RESPONDING, Caller, Offer, Person, Phone

TOLD = {
    Started: settings.started, e.Configured: settings.configured, e.ContactQueued: callers.queued,
    e.HoldTick: callers.ticked, e.CallerHungUp: callers.gone, e.ContactExited: callers.left,
    e.ReturnedToMenu: callers.to_menu, e.FallbackEntered: callers.in_fallback,
    e.OutageCallFound: callers.of_outage, e.ChannelShown: callers.shown,
    e.ContactPrioritised: callers.ranked, e.MoveRequested: supervisors.moved,
    e.ActUndone: supervisors.undone,
    e.WithdrawalRequested: supervisors.withdrawn, e.LoadReported: burden.report_load,
    e.CallbackRequested: callbacks.callback_asked,
    e.HeldPositionDeclined: callers.declined, e.CallerErased: callers.forgotten,
    e.CallbackAccepted: callbacks.callback_taken, e.CallbackReached: callbacks.callback_reached,
    e.QuietHoursChanged: callbacks.callbacks_quiet,
    e.CallbackFailed: callbacks.callback_failed, e.OfferRinging: calls.ringing, e.OfferAnswered: calls.answered,
    e.OfferConnected: calls.connected, e.TalkFound: calls.talk_found, e.OfferEnded: calls.leg_ended,
    e.PageReturned: calls.page_returned, e.DeskChanged: shifts.desk_changed,
    e.CommandRefused: calls.command_refused, e.TalkEnded: calls.talk_ended,
    e.HoldSet: calls.held, e.FollowUpAgreed: calls.follow_up, e.CallerFlaggedAbusive: calls.abuse,
    e.TransferRequested: calls.transfer, e.ConsultRequested: consults.asked,
    e.ConsultEndRequested: consults.ended, e.SeatChanged: shifts.phone_changed,
    e.AgentSignedIn: shifts.sign_in,
    e.AgentSignedOut: shifts.sign_out, e.AgentPaused: shifts.paused, e.AgentResumed: shifts.resumed,
    e.WrapUpEnded: shifts.wrap_up_ended, e.WrapUpExtended: shifts.wrap_up_extended,
    e.WrapUpRequested: shifts.wrap_up_asked, e.HeavyContactsDeclined: burden.spared,
    e.AgentSkillsChanged: shifts.skilled,
    e.BreaksPlanned: burden.planned, e.WorkingHoursPlanned: burden.plan_hours,
    e.RulesOverridden: burden.override_rules, e.ServiceHoursSet: settings.hours,
    e.LinkChanged: settings.link_changed, e.SurveyAnswered: callers.survey_answered,
    e.MenuEnded: callers.menu_left, e.CallsRefused: callers.calls_refused,
}


NEARLY_S = 1e-6
"""Times that follow from a half-life are rounded differently in engine and oracle. Times this near are the same.
Deadlines that follow only from such times wait twice as long, so that the engine's clock goes first."""


class Refusal(Exception):
    """A refused event. `code` is that of the engine."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class House:
    """A routing domain, in lists."""

    def __init__(self, p80_s: Callable[[str], float], seen: Counter[str]) -> None:
        self.p80_s = p80_s
        """The expected handle time of a service."""
        self.mean_s: Callable[[str], float] = lambda _: 240.0
        """The mean handle time of a service."""
        self.expected: Callable[[str], Estimate | None] = lambda _: None
        """The expected wait of a new contact."""
        self.lessons: dict[str, learned.Lessons] = {}
        """Lessons of the calls of each service. They outlive a restart."""
        self.rings: list[float] = []
        """Times from offer to connection, of all services."""
        self.seen = seen
        """Counts of what happened beyond commands and facts."""
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
        """Lost links, each with the deadlines that are held."""
        self.down_since: dict[str, float] = {}
        """When each lost link was lost."""
        self.closed: set[str] = set()
        self.quiet = False
        self.over: dict[str, float] = {}
        self.never_known: set[str] = set()
        self.surveys: dict[str, list[str]] = {}
        self.last_agents: dict[str, tuple[str, float]] = {}
        self.abusive: dict[str, float] = {}
        """The time at which a caller was flagged as abusive, by hash."""
        self.lost_places: list[tuple[str, tuple[str, ...], float, int, float]] = []
        """Held positions: hash, services, start, points, time of the hang-up."""
        self.served: list[tuple[str, str, float, float]] = []
        """Recent talks: hash, service, arrival and end of the talk."""
        self.served_since = 0
        """Number of callers of lost lines who had been served by then."""
        self.dials: list[tuple[str, float]] = []
        """Dials of callbacks: number and time."""
        self.look_at: float | None = None
        """When callers may be dialled next without a reserved agent."""
        self.look_due = False
        self.credit = 0.0
        """Share of a turn that deferred callbacks have gained."""
        self.refusals: list[tuple[str, float]] = []
        """Refused callbacks: number and time."""
        self.late: list[Caller] = []
        """Callers who have waited too long. Everything else that is due comes first."""
        self.counts = False
        """Whether a strategy needs the number of offers of each agent."""
        self.commands: list[Any] = []
        self.said: list[tuple[Any, ...]] = []
        self._asked: dict[tuple[Any, ...], Any] = {}

    # --- in and out

    def told(self, event: e.Event, now: float) -> None:
        """Apply an event. Raise `Refusal` if the engine refuses it."""
        self.now = now
        TOLD[type(event)](self, event)
        if isinstance(event, distress.ACTS):
            distress.here(self, self.people[event.agent])
        self.settle()

    def clock(self, now: float) -> None:
        """Apply everything that is due, then assign."""
        self.now = now
        for p in self.people.values():
            if p.wake_at is not None and p.wake_at <= now + NEARLY_S:
                wake(self, p)
        self._all_due()
        self.settle()  # a time that somebody waited for may have come
        self._all_due()  # a rescinded contact may be due already
        while rules.go_on(self):
            self.settle()
            self._all_due()
        ahead.look(self)

    def _all_due(self) -> None:
        while self.next_due() <= self.now:
            while (at := self.next_due()) <= self.now:
                _, do, *what = next(one for one in self.deadlines() if one[0] == at)
                do(self, *what)
            self.settle()

    def next_due(self) -> float:
        """Return the first deadline, or infinity."""
        return min((at for at, *_ in self.deadlines()), default=inf)

    def deadlines(self) -> list[tuple[Any, ...]]:
        """Return (time, action, arguments) of each deadline, collected from the whole state each time.

        Of those of one moment phones come first, then offers by number, agents, and contacts by arrival.
        """
        found: list[tuple[Any, ...]] = []
        for phone in self.phones.values():
            if phone.settle_at is not None:
                found.append((phone.settle_at, shifts.settled, phone))
            if phone.again_at is not None:
                found.append((phone.again_at, shifts.phone_again, phone))
        for offer in sorted(self.offers.values(), key=lambda one: one.id):
            for kind, at in offer.due.items():
                found.append((at, calls.due, offer, kind))
        for p in self.people.values():
            if p.detached_wrapup_until is not None:
                found.append((p.detached_wrapup_until, calls.end_detached_wrapup, p, "wrapped_up"))
            if p.state is NOT_RESPONDING and (after_s := shifts.returns_after_s(p)) is not None:
                found.append((p.since + after_s, shifts.returned, p))
            if p.leave_at is not None:
                found.append((p.leave_at, leave, p))
            if p.limit_at < inf and not p.limit_told:
                found.append((p.limit_at, burden.limit_over, p))
            if p.overrides:
                found.append((min(p.overrides.values()), burden.rules_hold_again, p))
            if p.wake_at is not None:
                found.append((p.wake_at + 2 * NEARLY_S, wake, p))
            if (at := burden.break_alarm(self, p)) < inf:
                found.append((at, burden.clock_says, p))
            if p.messages_from > self.now:
                found.append((p.messages_from, self.touch, p))
        for at in self.down_since.values():
            if at + settings.MESSAGES_WAIT_S > self.now:
                found.append((at + settings.MESSAGES_WAIT_S, bool))
        if self.look_at is not None:
            found.append((self.look_at, ahead.look_now))
        for caller in sorted(self.callers.values(), key=lambda one: one.number):
            if caller.dial_due is not None:
                found.append((caller.dial_due, ahead.overdue, caller))
            if (at := distress.next_at(self, caller)) is not None and at > self.now:
                found.append((at, bool))
            if not caller.fresh and (at := steps.next_due(self, caller)) is not None:
                found.append((at, steps.due, caller))
        return found

    def settle(self) -> None:
        """Look at each agent who was touched, then assign."""
        callbacks.look_who_calls(self)
        for p in self.people.values():
            if p.touched:
                burden.look(self, p)
        choice.decide(self)
        rules.note_alone(self)
        ahead.plan_look(self)
        for caller in self.callers.values():
            caller.fresh = False

    # --- small things for all

    def refuse(self, code: str) -> None:
        """Raise `Refusal` with this code."""
        raise Refusal(code)

    def tell(self, *what: Any) -> None:
        """Record a fact."""
        self.said.append(what)

    def touch(self, p: Person) -> None:
        """Mark the agent and the lead of the agent's pair as changed."""
        p.touched = True
        if p.partner is not None:
            p.partner.touched = True

    def arm(self, caller: Caller) -> None:
        """Let the deadlines of a waiting caller begin after the next assignment."""
        caller.fresh = True

    def take_number(self) -> int:
        """Return the next number in the order of arrival."""
        self.numbers += 1
        return self.numbers

    def phone(self, seat: str) -> Phone:
        """Return the phone of the seat. An unknown phone is unreachable."""
        if seat not in self.phones:
            self.phones[seat] = Phone(seat)
        return self.phones[seat]

    def reaches(self, caller: Caller) -> bool:
        """Return whether the contact can be led to an agent. Messages need no link."""
        return caller.channel is not Channel.VOICE or self.up(caller.node)

    def up(self, node: str) -> bool:
        """Return whether the link of the node is up."""
        return node not in self.down

    def cost(self, channel: Channel) -> int:
        """Return the units of an agent's capacity that the channel takes."""
        return next((row.cost for row in self.centre.channels if row.channel is channel), 100)

    def interruptible(self, channel: Channel) -> bool:
        """Return whether a call may interrupt this channel."""
        return any(row.channel is channel and row.interruptible for row in self.centre.channels)

    def yields(self, offer: Offer) -> bool:
        """Return whether a call may interrupt this offer."""
        return self.interruptible(offer.caller.channel)

    def asked(self, caller: Caller, step: int | None = None) -> tuple[Any, Any]:
        """Return the requirement of a contact in a step."""
        step = caller.step if step is None else step
        return self.remember((caller.service.id, step, caller.needs),
                             lambda: choice.asked_for(caller.service, step, caller.needs))

    def serves(self, p: Person) -> list[str]:
        """Return the services that the agent fits in at least one step, or by the floor of a distress service."""
        def fits(name: str, service: Any) -> bool:
            if service.distress:
                return distress.fit(self, service, (), frozenset(), p) is not None
            return any(choice.level_of(choice.asked_for(service, step, ()), p.agent.skills) is not None
                       and name not in choice.no_topics(p) for step in range(len(service.steps)))
        return self.remember(("serves", p.agent.skills, choice.no_topics(p)), lambda: [
            name for name, service in self.services.items() if fits(name, service)])

    def remember(self, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
        """Return what depends on the settings alone, made once."""
        if key not in self._asked:
            self._asked[key] = make()
        return self._asked[key]

    def forget_asked(self) -> None:
        """Forget the requirements, because the settings have changed."""
        self._asked = {}


def wake(h: House, p: Person) -> None:
    """Look at the agent, because a bound has passed."""
    p.wake_at = None
    h.touch(p)


def leave(h: House, p: Person) -> None:
    """Remove an agent who is no longer in the team."""
    p.leave_at = None
    shifts.dismiss(h, p, "removed")
