"""The engine: events and the time go in, commands and facts come out. Same events, same times: same answers.

    commands = engine.handle(event, now)     # something happened
    commands = engine.tick(now)              # engine.next_deadline() has come
    facts = engine.take_facts()              # store these before the commands leave
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from routing.core import (
    abuse,
    admission,
    agents,
    answering,
    breaks,
    callback,
    caller_events,
    callers,
    consult,
    contacts,
    events,
    excluded,
    follow_up,
    forgotten,
    menu,
    recess,
    refusals,
    relaxed,
    relief,
    restore,
    settings,
    shift,
    survey,
    talk_end,
    talks,
    transfer,
    views,
)
from routing.core.assign import assign
from routing.core.commands import Command
from routing.core.domain import Domain
from routing.core.errors import HalfDone, RoutingError
from routing.core.facts import Fact
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.inbox import AgentView, ContactView, Status
from routing.core.live import LiveContact, LiveOffer
from routing.core.memory.waits import EstimateAccuracy
from routing.core.model import PHONE_CHANNELS, Centre, Channel, ContactState
from routing.core.reactions import react
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.stored import ROW_OF, Change, Row, Started
from routing.core.timers import Key

# Any: each handler takes its own type of event; the table's key is that type.
HANDLERS: dict[type, Callable[[Domain, Any], None]] = {
    Started: restore.started,
    events.Configured: settings.configured,
    events.ContactQueued: callers.queued,
    events.ContactTicked: caller_events.ticked,
    events.ContactGone: caller_events.gone,
    events.ContactLeft: caller_events.left,
    events.ContactRanked: callers.ranked,
    events.PlaceDeclined: caller_events.declined,
    events.CallbackAsked: callback.asked,
    events.CallbackTaken: callback.taken,
    events.CallbackReached: callback.reached,
    events.CallbackFailed: callback.failed,
    events.CallerForgotten: forgotten.forget,
    events.CallbacksQuiet: callback.quiet,
    events.ServiceHours: admission.hours,
    events.OfferRinging: answering.ringing,
    events.OfferAnswered: answering.answered,
    events.OfferConnected: answering.connected,
    events.OfferEnded: answering.ended,
    events.CommandRefused: refusals.on_command_refused,
    events.TalkEnded: talk_end.talk_ended,
    events.Held: talks.held,
    events.FollowUpAgreed: follow_up.agreed,
    events.AbuseSaid: abuse.said,
    events.TransferAsked: transfer.asked,
    events.ConsultAsked: consult.asked,
    events.ConsultEnded: consult.ended,
    events.SeatChanged: agents.seat_changed,
    events.AgentSignedIn: shift.sign_in,
    events.AgentSignedOut: shift.sign_out,
    events.AgentPaused: recess.paused,
    events.AgentResumed: shift.resume,
    events.WrapUpEnded: shift.wrap_up_ended,
    events.WrapUpExtended: shift.wrap_up_extended,
    events.WrapUpAsked: shift.wrap_up_asked,
    events.AgentSkilled: shift.skilled,
    events.ContactWeighed: relief.weighed,
    events.AgentSpared: relief.spared,
    events.BreaksPlanned: recess.planned,
    events.RulesRelaxed: relaxed.relax,
    events.LinkChanged: settings.link_changed,
    events.SurveyAnswered: survey.answered,
    events.MenuLeft: menu.left,
}


class Engine:
    """One routing domain. Not for several threads."""

    def __init__(self, *, first_offer: int = 1, first_seq: int = 1) -> None:
        self._domain = Domain(first_offer, first_seq)

    def handle(self, event: events.Event, now: float) -> list[Command]:
        """Take in what happened; what is to be done about it. Raises `Refused` when an agent's or caller's wish cannot
        be granted: nothing has changed then. Raises `HalfDone` when that cannot be said: this engine is of no use any
        more. `now` may not matter less than before: an earlier time counts as the last one."""
        d = self._domain
        if now > d.now:
            d.now = now
        told = d.next_seq
        try:
            HANDLERS[type(event)](d, event)
        except RoutingError as error:
            if d.commands or d.changes or told != d.next_seq:
                raise HalfDone(type(event).__name__) from error
            raise
        matching = d.matching
        try:
            if d.changes:
                react(d)
            if matching.calling or matching.fresh or matching.unmet:
                assign(d)
                if d.changes:
                    _assign_again(d)
            if d.fresh:
                contacts.settle(d)
        except RoutingError as error:  # what was told has happened, and what follows from it half
            raise HalfDone(type(event).__name__) from error
        done, d.commands = d.commands, []
        return done

    def tick(self, now: float) -> list[Command]:
        """Do what is due. Too early or twice, it does nothing. Everything that is due by now happens before anybody is
        chosen, so neither the order in which deadlines were set nor a late clock decides whose turn it is. Who has
        waited too long goes on after all that, when nobody has taken them."""
        d = self._domain
        d.now = max(d.now, now)
        _catch_up(d)
        while d.overdue and contacts.overflow(d):
            react(d)
            assign(d)
            _assign_again(d)
            contacts.settle(d)
            _catch_up(d)
        done, d.commands = d.commands, []
        return done

    def next_deadline(self) -> float | None:
        """When `tick` has something to do; None: never, as things are."""
        return self._domain.timers.next()

    def take_facts(self) -> list[Fact]:
        """What happened since this was last called, in order. Take the changes before: they are forgotten then."""
        for record in self._domain.dirty:
            record.dirty = 0
        self._domain.dirty = []
        taken, self._domain.facts = self._domain.facts, []
        return taken

    def take_changes(self) -> list[Change]:
        """Return the rows that have changed since the last call, in the order of their first change."""
        d = self._domain
        found = []
        for record in d.dirty:
            before, groups, record.dirty = record.saved, record.dirty, 0
            if isinstance(record, Offer):
                record.version = before + 1
            found.append(Change(type(record), before, groups, d.now, ROW_OF[type(record)](record)))
            record.saved = record.version
        d.dirty = []
        return found

    @property
    def centre(self) -> Centre:
        """The settings in force."""
        return self._domain.centre

    def take_repairs(self) -> list[Row]:
        """Rows that contradicted each other when the node started, as they must read from now on (each has an alarm
        among the facts)."""
        taken, self._domain.repairs = self._domain.repairs, []
        return taken

    def why(self, look: Callable[[OfferId, list[excluded.Exclusion]], None], offers: Container[OfferId]) -> None:
        """Have these decisions explained when they come: `look` is given the offer's number and a reason for every
        agent (a look at everybody for each of them)."""
        def watch(d: Domain, contact: Contact, chosen: AgentRecord) -> None:
            if d.next_offer in offers:
                look(OfferId(d.next_offer), excluded.of(d, contact, chosen))

        self._domain.watch = watch

    def why_waiting(self, contact: ContactId) -> tuple[tuple[excluded.Held, ...], list[excluded.Exclusion]] | None:
        """What keeps a contact from everybody, and a reason for every agent; None: it does not wait for an offer."""
        found = self._domain.contacts.get(contact)
        if found is None or found.state is not ContactState.PENDING:
            return None
        return excluded.held(self._domain, found), excluded.of(self._domain, found, None)

    def contact(self, contact: ContactId, now: float) -> ContactView | None:
        """The contact as it is now; None: not known (any more)."""
        return views.contact(self._domain, contact, now)

    def agent(self, agent: AgentId, now: float) -> AgentView | None:
        """The agent as they are now; None: not in the team."""
        return views.agent(self._domain, agent, now)

    def status(self, now: float) -> Status:
        """Everything. Costs a look at every agent and contact."""
        return views.status(self._domain, now)

    def box(self, offer: OfferId) -> str:
        """The number at which the caller of an offer would be called back, sealed; empty: there is none."""
        found = self._domain.offers.get(offer)
        return "" if found is None else found.contact.box

    def forecasts(self) -> dict[ServiceId, EstimateAccuracy]:
        """How good the expected waits told at entry were, for each service that has had an answered one."""
        return self._domain.forecast.accuracy_by_service()

    def live_contacts(self, channels: Container[Channel] = PHONE_CHANNELS) -> list[LiveContact]:
        """Return the contacts of these channels that should be there: of calls those whose caller is on the line."""
        return views.live_contacts(self._domain, channels)

    def live_offers(self, channels: Container[Channel] = PHONE_CHANNELS) -> list[LiveOffer]:
        """Return the offers of these channels that ring or talk: of calls those whose leg may be there."""
        return views.live_offers(self._domain, channels)


OF_OFFER: dict[str, Callable[[Domain, Offer], None]] = {
    "vanish": answering.vanished, "ring": answering.overdue, "brief": answering.overdue, "dial": callback.overdue,
    consult.TIMER: consult.due,
    "wrap": lambda d, offer: talks.wrap_up(d, offer, "wrapped_up"),
}
OF_CONTACT: dict[str, Callable[[Domain, Contact], None]] = {
    contacts.TIMER: contacts.due,
}
OF_SEAT: dict[str, Callable[[Domain, SeatId], None]] = {"settle": agents.settled, "again": agents.seat_again}
OF_AGENT: dict[str, Callable[[Domain, AgentRecord], None]] = {
    "aside": lambda d, record: talks.end_aside(d, record, "wrapped_up"),
    "leave": lambda d, record: shift.dismiss(d, record, "removed"),
    "return": agents.returned, "break": recess.due, "limit": breaks.report_limit, "relaxed": relaxed.over,
}
"""What is to be done at a deadline, by its kind; of an agent's other kinds: look anew at what may be offered."""


def _catch_up(d: Domain) -> None:
    """Everything that is due, and then the assignment: nobody is offered to who has been due for a break since."""
    timers, now = d.timers, d.now
    while (key := timers.pop_due(now)) is not None:
        while key is not None:
            _due(d, key)
            if d.changes:
                react(d)
            key = timers.pop_due(now)
        assign(d)
        _assign_again(d)
        if d.fresh:
            contacts.settle(d)


def _assign_again(d: Domain) -> None:
    """React to what an assignment changed and assign again, until nothing changes."""
    while d.changes:
        react(d)
        assign(d)


def _due(d: Domain, key: Key) -> None:
    """A deadline has come. Those of finished things were cancelled, so what the key names is there."""
    kind, name = key
    if kind in OF_OFFER:
        OF_OFFER[kind](d, d.offers[OfferId(int(name))])
    elif kind in OF_CONTACT:
        OF_CONTACT[kind](d, d.contacts[ContactId(str(name))])
    elif kind in OF_SEAT:
        OF_SEAT[kind](d, SeatId(str(name)))
    else:
        OF_AGENT.get(kind, agents.place)(d, d.agents[AgentId(str(name))])
