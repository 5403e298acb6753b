"""Run the routing engine: events and the time go in, commands and facts come out.

The same events at the same times give the same answers.

    commands = engine.handle(event, now)     # something happened
    commands = engine.tick(now)              # engine.next_deadline() has come
    facts = engine.take_facts()              # store these before the commands leave
"""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import Any

from routing.core import events, explain, read_views, restore, settings
from routing.core.agents import break_rules, distress_load, presence
from routing.core.assignment import assign_contacts, release_messages
from routing.core.callers import (
    arrivals,
    caller_erasure,
    caller_events,
    menu_outcome,
    outage_calls,
    refused_calls,
    supervisor_acts,
    survey_answers,
    talk_end,
)
from routing.core.calls import (
    answering,
    blind_transfer,
    callback_flow,
    consult_transfer,
    dial_pacing,
    distress_claim,
    lost_call,
    page_return,
    refusals,
    ring_moment,
    talk_changes,
)
from routing.core.domain import LINK_TIMER, Domain
from routing.core.inbox import AgentView, ColleagueView, ContactView, DeskView, QueueLoad, QueueStatus, Status
from routing.core.memory.waits import EstimateAccuracy, LearnedService
from routing.core.model.centre_model import PHONE_CHANNELS, Centre, Channel, ContactState
from routing.core.model.commands import Command
from routing.core.model.errors import HalfDone, RoutingError
from routing.core.model.facts import Fact
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.live_calls import LiveContact, LiveOffer
from routing.core.queueing import (
    abuse_flags,
    admission,
    callback_dial,
    contact_queue,
    second_phone,
    service_rules,
    wait_deadline,
)
from routing.core.reactions import react
from routing.core.records import AgentRecord, Contact, Offer
from routing.core.shifts import break_plan, found_talk, load_handlers, rule_overrides, shift_handlers, working_hours
from routing.core.snapshot import encode_domain
from routing.core.stored import ROW_OF, Change, Row, Started
from routing.core.timers import Key


def _as_act(handle: Callable[[Domain, Any], None]) -> Callable[[Domain, Any], None]:
    """Return a handler that also notes that the agent of the event has acted at the desk."""
    def handle_act(d: Domain, event: Any) -> None:
        handle(d, event)
        second_phone.note_act(d, d.agents[event.agent])
    return handle_act


# Any: each handler takes its own type of event; the table's key is that type.
HANDLERS: dict[type, Callable[[Domain, Any], None]] = {
    # The life of a node and the settings.
    Started: restore.on_started,
    events.Configured: settings.on_configured,
    # Callers and their callbacks.
    events.ContactQueued: arrivals.on_contact_queued,
    events.ChannelShown: arrivals.on_channel_shown,
    events.HoldTick: caller_events.on_hold_tick,
    events.CallerHungUp: caller_events.on_caller_hung_up,
    events.ContactExited: caller_events.on_contact_exited,
    events.ReturnedToMenu: caller_events.on_returned_to_menu,
    events.FallbackEntered: caller_events.on_fallback_entered,
    events.OutageCallFound: outage_calls.on_outage_call_found,
    events.ContactPrioritised: arrivals.on_contact_prioritised,
    events.MoveRequested: supervisor_acts.on_move_requested,
    events.ActUndone: supervisor_acts.on_act_undone,
    events.WithdrawalRequested: supervisor_acts.on_withdrawal_requested,
    events.HeldPositionDeclined: caller_events.on_held_position_declined,
    events.CallbackRequested: callback_flow.on_callback_requested,
    events.CallbackAccepted: callback_flow.on_callback_accepted,
    events.CallbackReached: callback_flow.on_callback_reached,
    events.CallbackFailed: callback_flow.on_callback_failed,
    events.CallerErased: caller_erasure.erase_caller,
    events.QuietHoursChanged: callback_flow.on_quiet_hours_changed,
    events.ServiceHoursSet: admission.on_service_hours_set,
    # Offers and talks.
    events.OfferRinging: answering.on_offer_ringing,
    events.OfferAnswered: answering.on_leg_answered,
    events.OfferConnected: found_talk.on_offer_connected,
    events.TalkFound: found_talk.on_talk_found,
    events.OfferEnded: answering.on_leg_ended,
    events.PageReturned: page_return.on_page_returned,
    events.CommandRefused: refusals.on_command_refused,
    events.TalkEnded: talk_end.on_talk_ended,
    events.HoldSet: talk_changes.on_hold_set,
    events.FollowUpAgreed: lost_call.on_follow_up_agreed,
    events.CallerFlaggedAbusive: abuse_flags.on_caller_flagged_abusive,
    events.TransferRequested: blind_transfer.on_transfer_requested,
    events.ConsultRequested: consult_transfer.on_consult_requested,
    events.ConsultEndRequested: consult_transfer.on_consult_end_requested,
    # Agents and their phones.
    events.SeatChanged: presence.on_seat_changed,
    events.AgentSignedIn: _as_act(shift_handlers.sign_in),
    events.AgentSignedOut: _as_act(shift_handlers.sign_out),
    events.AgentPaused: _as_act(break_plan.on_agent_paused),
    events.AgentResumed: _as_act(shift_handlers.resume_agent),
    events.WrapUpEnded: _as_act(shift_handlers.on_wrap_up_ended),
    events.WrapUpExtended: _as_act(shift_handlers.on_wrap_up_extended),
    events.WrapUpRequested: _as_act(shift_handlers.on_wrap_up_requested),
    events.DeskChanged: shift_handlers.on_desk_changed,
    events.AgentSkillsChanged: shift_handlers.on_skills_changed,
    events.LoadReported: load_handlers.on_load_reported,
    events.HeavyContactsDeclined: _as_act(load_handlers.on_heavy_declined),
    events.BreaksPlanned: break_plan.on_breaks_planned,
    events.WorkingHoursPlanned: working_hours.on_working_hours_planned,
    events.RulesOverridden: rule_overrides.on_rules_overridden,
    events.LinkChanged: settings.on_link_changed,
    # Dialogues of callers before and after the talk.
    events.SurveyAnswered: survey_answers.on_survey_answered,
    events.MenuEnded: menu_outcome.on_menu_ended,
    events.CallsRefused: refused_calls.on_calls_refused,
}


_COUNTS_CHANGES = (Offer, LearnedService)
"""Records whose version counts their changes. Facts count those of the others."""


class Engine:
    """Handle the events of one routing domain. An engine is not safe for several threads."""

    def __init__(self, *, first_offer: int = 1, first_seq: int = 1) -> None:
        self._domain = Domain(first_offer, first_seq)

    def handle(self, event: events.Event, now: float) -> list[Command]:
        """Handle an event and return the commands that follow from it.

        `now` is the time of the event in Unix seconds. An earlier time than before counts as the last time.

        Raise `Refused` if the wish of an agent or a caller cannot be granted. Nothing has changed then. Raise
        `HalfDone` if the event failed after a change. The engine must be discarded then.
        """
        d = self._domain
        if now > d.now:
            d.now = now
        # 1. Handle the event. A refusal is clean only if the handler has emitted nothing before.
        told = d.next_seq
        try:
            HANDLERS[type(event)](d, event)
        except RoutingError as error:
            if d.commands or d.changes or told != d.next_seq:
                raise HalfDone(type(event).__name__) from error
            raise
        # 2. React to the changes, then assign, until nothing changes.
        matching = d.matching
        try:
            if d.changes:
                react(d)
            if d.messages_held:
                release_messages(d)
            if matching.dirty_groups or matching.newly_ready or matching.groups_to_review:
                assign_contacts(d)
                if d.changes:
                    _assign_again(d)
            if matching.distress_count:
                _claim_agents(d)
            # 3. Arm deadlines last, so that a contact that was offered at once needs none.
            if matching.presence_changed:
                service_rules.review_presence(d)
            if d.newly_queued:
                wait_deadline.arm_new_contacts(d)
        # The handler has already changed the domain, and the consequences are incomplete.
        except RoutingError as error:
            raise HalfDone(type(event).__name__) from error
        done, d.commands = d.commands, []
        return done

    def tick(self, now: float) -> list[Command]:
        """Handle all deadlines that are due, and return the commands that follow.

        A tick that comes too early or twice does nothing. All due deadlines are handled before the next offer is made.
        A late clock and the order of setting therefore decide nothing. Rules of services come later, and only
        for contacts that no agent has taken. Callers who need no reserved agent are dialled last.
        """
        d = self._domain
        d.now = max(d.now, now)
        _handle_due(d)
        if d.matching.distress_count:
            _claim_agents(d)
        # A contact that moved to another service may find an agent there, or be led on by a rule of that service.
        while d.rules_due and service_rules.apply_due_rules(d):
            react(d)
            _assign_and_arm(d)
            _handle_due(d)
        # It is known now who is free. A dial changes nothing for agents.
        if d.dial_look_due:
            dial_pacing.dial_callers(d)
            wait_deadline.arm_new_contacts(d)
        done, d.commands = d.commands, []
        return done

    def next_deadline(self) -> float | None:
        """Return the time of the next deadline, or None if `tick` has nothing to do."""
        return self._domain.timers.next_deadline()

    def take_facts(self) -> list[Fact]:
        """Return the facts since the last call, in order. Call `take_changes` before: this method discards the
        changes."""
        d = self._domain
        for record in d.dirty:
            record.dirty = 0
        d.dirty = []
        taken, d.facts = d.facts, []
        return taken

    def take_changes(self) -> list[Change]:
        """Return the rows that have changed since the last call, in the order of their first change."""
        d = self._domain
        found = []
        for record in d.dirty:
            # `saved` is the version in the store. The store compares it before it writes.
            before, groups, record.dirty = record.saved, record.dirty, 0
            if isinstance(record, _COUNTS_CHANGES):
                record.version = before + 1
            found.append(Change(type(record), before, groups, d.now, ROW_OF[type(record)](record)))
            record.saved = record.version
        d.dirty = []
        return found

    def take_snapshot(self) -> Started:
        """Return the whole state as an entry of the journal, from which a replay goes on with the same facts.

        The engine itself does not change, and does not handle the entry.
        """
        d = self._domain
        callers, state = encode_domain(d)
        return Started(d.centre, next_offer=d.next_offer, next_fact=d.next_seq, callers=callers, state=state)

    @property
    def centre(self) -> Centre:
        return self._domain.centre

    def take_repairs(self) -> list[Row]:
        """Return the contradictory rows that the start found, in their corrected form. The facts hold an alarm for each
        row."""
        taken, self._domain.repairs = self._domain.repairs, []
        return taken

    def explain_offers(self, look: Callable[[OfferId, list[explain.Exclusion]], None],
            offers: Container[OfferId]) -> None:
        """Have the decisions about these offers explained when they are made.

        `look` receives the number of the offer and a reason for every agent. Each explanation costs a look at all
        agents.
        """
        def explain_chosen(d: Domain, contact: Contact, chosen: AgentRecord) -> None:
            # The function runs before the offer is made, so its number is still the next one.
            if d.next_offer in offers:
                look(OfferId(d.next_offer), explain.explain_exclusions(d, contact, chosen))

        self._domain.on_choice = explain_chosen

    def explain_waiting(self, contact: ContactId) -> tuple[tuple[explain.WaitReason, ...],
            list[explain.Exclusion]] | None:
        """Return what keeps a waiting contact from all agents, and a reason for every agent.

        Return None if the contact does not wait for an offer.
        """
        found = self._domain.contacts.get(contact)
        if found is None or found.state is not ContactState.PENDING:
            return None
        return explain.find_wait_reasons(self._domain, found), explain.explain_exclusions(self._domain, found, None)

    def queue_load(self, service: str, now: float) -> QueueLoad | None:
        """Return the load of a service. Return None if an agent is ready for it, or if there is no such service."""
        return read_views.queue_load(self._domain, service, now)

    def contact_view(self, contact: ContactId, now: float) -> ContactView | None:
        """Return the contact as it is now, or None if the contact is unknown or deleted."""
        return read_views.contact_view(self._domain, contact, now)

    def agent_view(self, agent: AgentId, now: float) -> AgentView | None:
        """Return the agent as they are now, or None if the agent is not in the team."""
        return read_views.agent_view(self._domain, agent, now)

    def desk_view(self, agent: AgentId, now: float) -> DeskView | None:
        """Return what the desk of an agent shows, or None if the agent is not in the team."""
        return read_views.desk_view(self._domain, agent, now)

    def colleagues_of(self, agent: AgentId) -> tuple[ColleagueView, ...]:
        """Return the other agents who are signed in."""
        return read_views.colleagues_of(self._domain, agent)

    def callbacks_for(self, agent: AgentId, now: float) -> tuple[ContactView, ...]:
        """Return the waiting callbacks of the services that the agent serves."""
        return read_views.callbacks_for(self._domain, agent, now)

    def agent_at_seat(self, seat: SeatId, now: float) -> AgentView | None:
        """Return the agent who is signed in at a seat, or None if nobody is."""
        found = self._domain.seats.get(seat)
        return None if found is None or found.agent is None else self.agent_view(found.agent.id, now)

    def agent_of_offer(self, offer: OfferId, now: float) -> AgentView | None:
        """Return the agent of a live offer, or None if the offer is unknown or over."""
        found = self._domain.offers.get(offer)
        return None if found is None else self.agent_view(found.agent.id, now)

    def agent_views(self) -> tuple[AgentView, ...]:
        """Return all agents. This is cheaper than the whole state, which has the contacts and estimates too."""
        return read_views.agent_views(self._domain)

    def queue_status(self, now: float) -> QueueStatus:
        """Return the state of all services, without a view of any agent or contact."""
        return QueueStatus(now, read_views.queue_views(self._domain, now))

    def status(self, now: float) -> Status:
        """Return the state of the whole domain. The cost is a look at every agent and contact."""
        return read_views.whole_status(self._domain, now)

    def encrypted_number(self, offer: OfferId) -> str:
        """Return the encrypted number for a callback to the caller of an offer, or an empty text if there is none."""
        found = self._domain.offers.get(offer)
        return "" if found is None else found.contact.dial_number_encrypted

    def estimate_accuracy(self) -> dict[ServiceId, EstimateAccuracy]:
        """Return the accuracy of the expected waits told at queue entry, by service. Services without an answered
        estimate are absent."""
        return self._domain.forecast.accuracy_by_service()

    def live_contacts(self, channels: Container[Channel] = PHONE_CHANNELS) -> list[LiveContact]:
        """Return the contacts of these channels that Asterisk should have. A call counts if its caller is on the
        line."""
        return read_views.live_contacts(self._domain, channels)

    def live_offers(self, channels: Container[Channel] = PHONE_CHANNELS) -> list[LiveOffer]:
        """Return the offers of these channels that ring or talk. A call counts if its leg may exist."""
        return read_views.live_offers(self._domain, channels)


OFFER_DEADLINES: dict[str, Callable[[Domain, Offer], None]] = {
    ring_moment.TIMER: ring_moment.on_moment,
    "vanish": answering.on_phone_vanished, "ring": answering.on_offer_overdue,
    "pre_connect": answering.on_offer_overdue, "dial": callback_flow.on_dial_overdue,
    consult_transfer.TIMER: consult_transfer.on_consult_timeout,
    "wrapup": lambda d, offer: talk_changes.end_wrapup(d, offer, "wrapped_up"),
}
CONTACT_DEADLINES: dict[str, Callable[[Domain, Contact], None]] = {
    contact_queue.TIMER: wait_deadline.on_deadline, second_phone.TIMER: second_phone.seek_phone,
    callback_dial.TIMER: callback_flow.on_contact_dial_overdue,
}
SEAT_DEADLINES: dict[str, Callable[[Domain, SeatId], None]] = {"phone_settle": presence.on_phone_settled,
    "seat_retry": presence.retry_seat}
AGENT_DEADLINES: dict[str, Callable[[Domain, AgentRecord], None]] = {
    "detached_wrapup": lambda d, record: talk_changes.end_detached_wrapup(d, record, "wrapped_up"),
    "sign_out": lambda d, record: shift_handlers.dismiss_agent(d, record, "removed"),
    "auto_return": presence.on_auto_return, "break": break_plan.on_break_due, "limit": break_rules.report_limit,
    "override": rule_overrides.end_overrides, distress_load.DECLINE_TIMER: presence.on_decline_over,
}
"""Handlers of deadlines, by kind. An agent's deadline of any other kind updates what may be offered to the agent."""


def _handle_due(d: Domain) -> None:
    """Handle all due deadlines, then assign contacts. An agent who is due for a break gets no offer in between."""
    timers, now = d.timers, d.now
    # The assignment may set deadlines that are due already, so the outer loop looks again.
    while (key := timers.pop_due(now)) is not None:
        while key is not None:
            _handle_deadline(d, key)
            if d.changes:
                react(d)
            key = timers.pop_due(now)
        _assign_and_arm(d)


def _assign_and_arm(d: Domain) -> None:
    """Assign contacts, then note who is there, then arm the deadlines of contacts that still wait."""
    if d.messages_held:
        release_messages(d)
    assign_contacts(d)
    _assign_again(d)
    if d.matching.distress_count:
        _claim_agents(d)
    if d.matching.presence_changed:
        service_rules.review_presence(d)
    if d.newly_queued:
        wait_deadline.arm_new_contacts(d)


def _assign_again(d: Domain) -> None:
    """React to the changes of an assignment and assign again, until nothing changes."""
    while d.changes:
        react(d)
        assign_contacts(d)


def _claim_agents(d: Domain) -> None:
    """Take back what nobody has answered for people in distress whom the assignment has left waiting."""
    while d.matching.distress_count and distress_claim.claim_agent(d):
        react(d)
        assign_contacts(d)
        _assign_again(d)


def _handle_deadline(d: Domain, key: Key) -> None:
    """Handle one deadline. Deadlines of ended records were cancelled, so the record of the key exists."""
    kind, name = key
    if kind in OFFER_DEADLINES:
        OFFER_DEADLINES[kind](d, d.offers[OfferId(int(name))])
    elif kind in CONTACT_DEADLINES:
        CONTACT_DEADLINES[kind](d, d.contacts[ContactId(str(name))])
    elif kind == callback_dial.LOOK_TIMER:
        d.dial_look_due = True
    # The assignment that follows looks at the messages that were held back.
    elif key == LINK_TIMER:
        return
    elif kind in SEAT_DEADLINES:
        SEAT_DEADLINES[kind](d, SeatId(str(name)))
    else:
        AGENT_DEADLINES.get(kind, presence.update_placement)(d, d.agents[AgentId(str(name))])
