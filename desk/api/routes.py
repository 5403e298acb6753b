"""List the routes of the API in one table.

The routes of aiohttp, the check of roles, the OpenAPI description and the plain commands of `santral agent` are made
from this table.
"""

from __future__ import annotations

from desk.api import models, note_models, own_models, own_routes, views
from desk.api.contact_at_hand import find_at_hand, find_call_at_hand
from desk.api.live_routes import LIVE_ROUTES
from desk.api.models import Shape
from desk.api.node_operations import UnknownPrompt
from desk.api.route import ADMIN, AGENT, ALL, NOTE_BODY_MAX, SELF, STAFF, Answer, ApiCall, Route
from desk.api.tokens import Role
from desk.live.desk_state import DeskState
from desk.phone.web_seats import NoPageSeat, SeatNeeded
from routing.core import events
from routing.core.inbox import AgentView
from routing.core.model.errors import NoCallback, NotNow, Refused, ToConfirm, UnknownAgent, UnknownContact
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId


class TargetNeeded(Refused):
    """A transfer names neither a service nor an agent. Nobody may be sent anywhere by a slip."""

    code = "target_needed"
    turkish = "Önce nereye aktaracağınızı seçin: bir hizmet ya da bir çalışma arkadaşı."


async def _ask_engine(call: ApiCall, event: events.Event) -> Shape:
    view = await call.inbox.ask(event)
    if not isinstance(view, AgentView):
        raise UnknownAgent
    return views.show_agent(view, call.who)


async def sign_in_agent(call: ApiCall) -> Shape:
    """Sign in at a seat, at that of the agent's page, or for messages alone."""
    assert isinstance(call.body, models.SignIn)
    seat = call.body.seat
    # A supervisor may need somebody at any hour.
    if call.who.role is Role.AGENT:
        call.operations.require_on_duty(call.agent)
    if seat is None and not call.body.phone:
        return await _ask_engine(call, events.AgentSignedIn(call.agent))
    if seat is None:
        # Without a page nobody would hear the phone of such a seat.
        if call.phones is None or not call.who.person or call.who.agent != call.agent:
            raise SeatNeeded
        seat = call.phones.claim_seat(call.agent)
    elif call.phones is not None:
        call.phones.require_nameable(call.agent, seat, by_program=call.who.role is Role.AGENT and not call.who.person)
    return await _ask_engine(call, events.AgentSignedIn(call.agent, SeatId(seat)))


async def claim_phone(call: ApiCall) -> Shape:
    """Return the phone of the agent's page, and keep its seat for the agent."""
    assert isinstance(call.body, models.PhoneWanted)
    if call.phones is None:
        raise NoPageSeat
    found = await call.phones.hand_out_phone(call.agent, far=call.body.far)
    turn = None if found.turn is None else models.TurnServer(
        urls=found.turn.url, username=found.turn.username, credential=found.turn.credential)
    return models.PagePhone(seat=found.seat, uri=found.uri, secret=found.secret, websocket=found.websocket, turn=turn)


async def report_return(call: ApiCall) -> Shape:
    """Report that the agent's page has begun again without its call."""
    return await _ask_engine(call, events.PageReturned(call.agent))


async def pause_agent(call: ApiCall) -> Shape:
    """Take a break. During a talk it begins afterwards."""
    assert isinstance(call.body, models.Pause)
    return await _ask_engine(call, events.AgentPaused(call.agent, call.body.reason or ""))


async def pause_reasons(call: ApiCall) -> Shape:
    """Return the reasons that a pause may have."""
    return views.show_reasons(call.inbox.pause_reasons())


async def resume_agent(call: ApiCall) -> Shape:
    """Make the agent ready again."""
    return await _ask_engine(call, events.AgentResumed(call.agent))


async def end_wrapup(call: ApiCall) -> Shape:
    """End wrap-up before its time is over: of the named contact, or of all."""
    if call.contact is not None:
        find_at_hand(call)
    return await _ask_engine(call, events.WrapUpEnded(call.agent, call.contact))


async def extend_wrapup(call: ApiCall) -> Shape:
    """Extend wrap-up: of the named contact, or of all."""
    if call.contact is not None:
        find_at_hand(call)
    return await _ask_engine(call, events.WrapUpExtended(call.agent, call.contact))


async def request_wrapup(call: ApiCall) -> Shape:
    """Request a wrap-up after this talk: of the named contact, or of all."""
    if call.contact is not None:
        find_at_hand(call)
    return await _ask_engine(call, events.WrapUpRequested(call.agent, call.contact))


async def decline_heavy(call: ApiCall) -> Shape:
    """Decline heavy contacts for a while."""
    return await _ask_engine(call, events.HeavyContactsDeclined(call.agent))


async def report_load(call: ApiCall) -> Shape:
    """Report the real load of the named contact, or of all at hand."""
    assert isinstance(call.body, models.LoadReport)
    # A pair heard the same contact.
    view = call.inbox.desk_view(call.agent)
    offers = [] if view is None else [*view.agent.offers, *(one.offer for one in view.contacts
                                                            if one.partner is not None
                                                            and one.offer not in view.agent.offers)]
    if not offers:
        raise NotNow
    for offer in offers if call.contact is None else (find_at_hand(call).offer,):
        await call.inbox.ask(events.LoadReported(offer, call.body.load))
    return await one_agent(call)


async def _ask_confirmed(call: ApiCall, event: events.TransferRequested | events.ConsultRequested) -> None:
    """Ask for a transfer. The same request within some seconds confirms one that is asked back."""
    target = event.offer, event.service, event.to
    try:
        await call.inbox.ask(event._replace(confirmed=call.warnings.is_confirmed(target, call.inbox.now())))
    except ToConfirm:
        call.warnings.note_warning(target, call.inbox.now())
        raise


async def transfer_caller(call: ApiCall) -> Shape:
    """Transfer the present caller blindly."""
    assert isinstance(call.body, models.Transfer)
    await _ask_confirmed(call, events.TransferRequested(_talk_of(call), *_transfer_target(call.body)))
    return await one_agent(call)


async def start_consult(call: ApiCall) -> Shape:
    """Consult a colleague while the caller hears music."""
    assert isinstance(call.body, models.Transfer)
    await _ask_confirmed(call, events.ConsultRequested(_talk_of(call), *_transfer_target(call.body)))
    return await one_agent(call)


async def complete_consult(call: ApiCall) -> Shape:
    """Complete the consult transfer: the caller goes to the consultant."""
    await call.inbox.ask(events.ConsultEndRequested(_talk_of(call), complete=True))
    return await one_agent(call)


async def cancel_consult(call: ApiCall) -> Shape:
    """Cancel the consult transfer: the caller returns to the agent."""
    await call.inbox.ask(events.ConsultEndRequested(_talk_of(call)))
    return await one_agent(call)


async def set_follow_up(call: ApiCall) -> Shape:
    """Note whether the present caller agrees to a callback if the call is lost."""
    assert isinstance(call.body, models.FollowUp)
    offer = _talk_of(call)
    # Nobody should promise a callback that could never be dialled.
    if call.body.agreed and not call.operations.can_call(offer):
        raise NoCallback
    await call.inbox.ask(events.FollowUpAgreed(offer, call.body.agreed))
    return await one_agent(call)


async def flag_abusive(call: ApiCall) -> Shape:
    """Flag the present caller as abusive, or remove the flag."""
    assert isinstance(call.body, models.AbuseReport)
    await call.inbox.ask(events.CallerFlaggedAbusive(_talk_of(call), call.body.abusive))
    return await one_agent(call)


async def set_preference(call: ApiCall) -> Shape:
    """Store wishes of the present caller for later calls."""
    assert isinstance(call.body, models.CallerPreference)
    await call.operations.save_preference(find_at_hand(call).contact, call.body)
    return await one_agent(call)


def _transfer_target(body: models.Transfer) -> tuple[ServiceId | None, AgentId | None]:
    """Return service and agent of a transfer. Raise TargetNeeded without either."""
    if body.service is None and body.agent is None:
        raise TargetNeeded
    return (None if body.service is None else ServiceId(body.service),
            None if body.agent is None else AgentId(body.agent))


def _talk_of(call: ApiCall) -> OfferId:
    """Return the offer of the contact at hand."""
    return find_at_hand(call).offer


async def set_skills(call: ApiCall) -> Shape:
    """Add skills of the agent, or replace them, until sign-out."""
    assert isinstance(call.body, models.Duties)
    skills = call.body.skills
    wanted = None if skills is None else tuple((SkillId(skill), level) for skill, level in skills.items())
    await _ask_engine(call, events.AgentSkillsChanged(call.agent, wanted, wanted is not None and not call.body.only))
    return await show_skills(call)


async def show_skills(call: ApiCall) -> Shape:
    """Return the skills of the agent now."""
    view = call.inbox.agent_view(call.agent)
    if view is None:
        raise UnknownAgent
    return views.Skills(skills=dict(view.skills), for_now=view.skills_for_now)


async def override_rules(call: ApiCall) -> Shape:
    """Override rules of the agent's profile for a while."""
    assert isinstance(call.body, models.RuleOverride)
    # The time of the engine counts, not the clock of this server.
    until = call.inbox.now() + 60.0 * call.body.minutes
    await call.operations.audit_act(call.who.audit_name, "rules_overridden", agent=call.agent,
                                    rules=sorted(call.body.rules), minutes=call.body.minutes)
    return await _ask_engine(call, events.RulesOverridden(call.agent, frozenset(call.body.rules), until,
                                                          call.who.audit_name))


async def sign_out_agent(call: ApiCall) -> Shape:
    """Sign the agent out."""
    return await _ask_engine(call, events.AgentSignedOut(call.agent))


async def pause_recording(call: ApiCall) -> Shape:
    """Pause the recording: the caller enters digits, or says something that nobody else may hear."""
    await call.operations.pause_recording(call.agent, True, call.who.audit_name, find_call_at_hand(call))
    return await one_agent(call)


async def resume_recording(call: ApiCall) -> Shape:
    """Resume the recording."""
    await call.operations.pause_recording(call.agent, False, call.who.audit_name, find_call_at_hand(call))
    return await one_agent(call)


async def find_recordings(call: ApiCall) -> Shape:
    """Find recordings."""
    assert isinstance(call.body, models.RecordingSearch)
    return await call.operations.find_recordings(call.body, call.who.audit_name)


async def read_recording(call: ApiCall) -> Answer:
    """Read a recording as a sound."""
    return call.operations.read_recording(call.agent, call.who.audit_name)


async def erase_caller(call: ApiCall) -> Shape:
    """Erase a caller in the node: the first step of `santral privacy erase`."""
    assert isinstance(call.body, models.CallerToErase)
    # The engine forgets first. If it does not take the event, nothing has been erased yet.
    await call.inbox.ask(events.CallerErased(call.body.hash))
    await call.operations.erase_preferences(call.body.hash)
    return models.Done()


async def save_preferences(call: ApiCall) -> Shape:
    """Store wishes of callers for later calls."""
    assert isinstance(call.body, models.CallersPreferences)
    return await call.operations.save_preferences(call.body)


async def count_preferences(call: ApiCall) -> Shape:
    """Count callers by preference."""
    return call.operations.count_preferences()


async def one_agent(call: ApiCall) -> Shape:
    """Return one agent."""
    view = call.inbox.agent_view(call.agent)
    if view is None:
        raise UnknownAgent
    return views.show_agent(view, call.who)


async def own_needs(call: ApiCall) -> Shape:
    """Return the stored accommodations of the agent."""
    return call.operations.own_needs(call.agent)


async def list_waiting(call: ApiCall) -> Shape:
    """List the waiting contacts."""
    return views.show_waiting(call.inbox.status())


async def prioritise_contact(call: ApiCall) -> Shape:
    """Change the points of a waiting contact. The position changes at once."""
    assert isinstance(call.body, models.Points)
    contact = _waiting_contact(call)
    return await _act_on_contact(call, "contact_prioritised", events.ContactPrioritised(
        contact, call.body.points, call.who.audit_name), points=call.body.points)


async def move_contact(call: ApiCall) -> Shape:
    """Move a waiting contact to a service, to an agent, or to an agent of a service."""
    assert isinstance(call.body, models.Move)
    service, to = _transfer_target(call.body)
    return await _act_on_contact(call, "contact_moved", events.MoveRequested(
        _waiting_contact(call), service, to, call.who.audit_name, call.body.confirm), service=service, agent=to,
        confirmed=call.body.confirm or None)


async def undo_act(call: ApiCall) -> Shape:
    """Take back the last move or change of points of a waiting contact."""
    return await _act_on_contact(call, "contact_act_undone", events.ActUndone(
        _waiting_contact(call), call.who.audit_name))


async def withdraw_contact(call: ApiCall) -> Shape:
    """Take a waiting contact out of the queue: with a sentence, or into a callback."""
    assert isinstance(call.body, models.Withdrawal)
    contact, prompt, callback = _waiting_contact(call), call.body.prompt or "", call.body.callback
    if prompt and not await call.operations.has_prompt(prompt):
        raise UnknownPrompt(f"no prompt '{prompt}'; santral prompts list shows them")
    begins, ends = call.body.callback_from, call.body.callback_until
    window = None if begins is None or ends is None else (begins, ends)
    event = events.WithdrawalRequested(contact, prompt, callback, window, call.who.audit_name)
    return await _act_on_contact(call, "contact_withdrawn", event, callback=callback, prompt=prompt or None,
                                 window=window)


def _waiting_contact(call: ApiCall) -> ContactId:
    """Return the contact of the path. Raise `UnknownContact` if it does not wait: it has no position then."""
    contact = ContactId(call.agent)
    view = call.inbox.contact_view(contact)
    if view is None or not view.position:
        raise UnknownContact
    return contact


async def _act_on_contact(call: ApiCall, what: str, event: events.Event, **about: object) -> Shape:
    """Audit an act of a supervisor, then do it. The line of an act that was refused stays."""
    about = {name: value for name, value in about.items() if value is not None}
    await call.operations.audit_act(call.who.audit_name, what, contact=call.agent, **about)
    await call.inbox.ask(event)
    return views.show_waiting(call.inbox.status())


async def all_agents(call: ApiCall) -> Shape:
    """List all agents."""
    return views.Agents(agents=[views.show_agent(view, call.who) for view in call.inbox.agent_views()])


async def list_queues(call: ApiCall) -> Shape:
    """List all services."""
    return call.queues.read_queues()


async def list_callbacks(call: ApiCall) -> Shape:
    """List the callers who wait to be called back."""
    return views.show_callbacks(call.inbox.status())


async def cancel_callback(call: ApiCall) -> Shape:
    """Cancel a callback."""
    contact = ContactId(call.agent)
    view = call.inbox.contact_view(contact)
    if view is None or not view.callback:
        raise UnknownContact
    await call.inbox.ask(events.ContactExited(contact, "cancelled"))
    return views.show_callbacks(call.inbox.status())


async def show_status(call: ApiCall) -> Shape:
    """Return queues and agents at one moment."""
    return views.show_status(call.inbox.status(), call.operations.last_known_good(),
                             call.operations.unservable_needs(), call.operations.refused_calls(), call.who)


async def reload_centre(call: ApiCall) -> Shape:
    """Read the centre's files again."""
    assert isinstance(call.body, models.Reload)
    return await call.operations.reload_centre(call.body, call.who.audit_name)


async def start_announcement(call: ApiCall) -> Shape:
    """Start an announcement."""
    assert isinstance(call.body, models.Announce)
    return await call.operations.start_announcement(call.body, call.who.audit_name)


async def switch_surge(call: ApiCall) -> Shape:
    """Switch a surge profile."""
    assert isinstance(call.body, models.SurgeWanted)
    return await call.operations.switch_surge(call.body, call.who.audit_name)


async def show_surge(call: ApiCall) -> Shape:
    """Show the surge profile in force."""
    return call.operations.surge_state()


async def end_announcement(call: ApiCall) -> Shape:
    """End an announcement."""
    assert isinstance(call.body, models.AnnouncementEnd)
    return await call.operations.end_announcement(call.body, call.who.audit_name)


async def list_announcements(call: ApiCall) -> Shape:
    """List announcements."""
    return await call.operations.list_announcements()


async def list_days(call: ApiCall) -> Shape:
    """Return opening hours and rosters."""
    return call.operations.list_days()


ROUTES: tuple[Route, ...] = (
    # Agents: sign-in, pauses and wrap-up.
    Route("POST", f"{AGENT}/login", ALL, models.SignIn, views.Agent, sign_in_agent, "Sign in at a seat", own=True,
          detail="409 `seat_taken`: another agent sits there. Without a seat, a session signs in at its page."),
    Route("POST", f"{AGENT}/phone", SELF, models.PhoneWanted, models.PagePhone, claim_phone,
          "Claim the phone of the page", own=True, until_talk_ends=True, session_only=True,
          detail="For sessions, not tokens. The seat stays while signed in. 409 `no_page_seat`, or `own_phone`: the "
                 "agent is signed in at a telephone."),
    Route("POST", f"{AGENT}/phone/returned", SELF, None, views.Agent, report_return,
          "Report that the page has lost its call", own=True, until_talk_ends=True, session_only=True,
          detail="After a reload: the dead leg ends at once, and the caller is offered to this agent first."),
    Route("POST", f"{AGENT}/pause", ALL, models.Pause, views.Agent, pause_agent, "Take a break", own=True,
          detail="During a talk the pause begins afterwards. 404 `unknown_reason` names the known ones."),
    Route("GET", "/api/v1/pause-reasons", ALL, None, models.Reasons, pause_reasons, "List pause reasons"),
    Route("POST", f"{AGENT}/resume", ALL, None, views.Agent, resume_agent, "Be ready again", own=True, command=True,
          detail="Also ends wrap-up and *not responding*."),
    Route("POST", f"{AGENT}/wrapup/end", ALL, None, views.Agent, end_wrapup, "End wrap-up early", own=True,
          of_contact=True, command=True),
    Route("POST", f"{AGENT}/wrapup/extend", ALL, None, views.Agent, extend_wrapup, "Extend wrap-up", own=True,
          of_contact=True, command=True),
    Route("POST", f"{AGENT}/wrapup/request", ALL, None, views.Agent, request_wrapup,
          "Ask for a wrap-up after this talk", own=True, of_contact=True, command=True,
          detail="For profiles with `agent_requested`; 409 `not_now`: no wrap-up would follow."),
    # The present contact, by the agent alone.
    Route("POST", f"{AGENT}/decline-heavy", SELF, None, views.Agent, decline_heavy,
          "Decline heavy contacts for a while", own=True, command=True,
          detail="No reason is asked and nothing is counted."),
    Route("POST", f"{AGENT}/report-load", SELF, models.LoadReport, views.Agent, report_load,
          "Report the load of a contact", own=True, of_contact=True),
    Route("POST", f"{AGENT}/transfer", SELF, models.Transfer, views.Agent, transfer_caller, "Start a blind transfer",
          own=True, of_contact=True,
          detail="To a service, an agent, or both. 409 `target_needed`, `not_open`, `not_there`; `nobody_there`, "
                 "`enters_distress`, `leaves_distress` (a repeated "
          "request confirms): the talk goes on."),
    Route("POST", f"{AGENT}/consult", SELF, models.Transfer, views.Agent, start_consult, "Start a consult transfer",
          own=True, of_contact=True, detail="As blind transfer; the caller hears music."),
    Route("POST", f"{AGENT}/consult/complete", SELF, None, views.Agent, complete_consult,
          "Complete the consult transfer", own=True, of_contact=True, detail="Also when the agent hangs up."),
    Route("POST", f"{AGENT}/consult/cancel", SELF, None, views.Agent, cancel_consult, "Cancel the consult transfer",
          own=True, of_contact=True, detail="Also when the consultant hangs up, or nobody answers in a minute."),
    Route("POST", f"{AGENT}/follow-up", SELF, models.FollowUp, views.Agent, set_follow_up,
          "Agree on a callback if the call is lost", own=True, of_contact=True,
          detail="409 `no_callback`: do not promise a callback."),
    Route("POST", f"{AGENT}/flag-abusive", SELF, models.AbuseReport, views.Agent, flag_abusive,
          "Flag the caller as abusive", own=True, of_contact=True, command=True,
          detail="Agents with `no_abusive_history` no longer get the caller. 409 `caller_unknown`."),
    Route("POST", f"{AGENT}/preferences", SELF, models.CallerPreference, views.Agent, set_preference,
          "Set preferences of the caller", own=True, of_contact=True, detail="409 `preference_not_stored`."),
    # Skills and rules of an agent, by the staff.
    Route("GET", f"{AGENT}/skills", STAFF, None, views.Skills, show_skills, "Show the skills of an agent"),
    Route("POST", f"{AGENT}/skills", STAFF, models.Duties, views.Skills, set_skills, "Add skills of an agent",
          detail="Until sign-out; `only` replaces all; `null`: as configured. 409 `qualification_needed`: a distress "
          "service asks for the skill, so `team.yaml` gives it."),
    Route("POST", f"{AGENT}/override", STAFF, models.RuleOverride, views.Agent, override_rules,
          "Override protective rules",
          detail="`rest_gap`, `distress_limit`, `decompression`; counted, and shown to the agent."),
    # The end of a shift, by anybody.
    Route("POST", f"{AGENT}/logout", ALL, None, views.Agent, sign_out_agent, "Sign out", own=True, command=True,
          detail="A talk goes on to its end."),
    # Recordings. Every access is audited.
    Route("POST", f"{AGENT}/recording/pause", ALL, None, views.Agent, pause_recording,
          "Pause the recording of this talk", own=True, of_contact=True, command=True,
          audited=True, detail="Audited. 409 `not_now`: nothing is recorded."),
    Route("POST", f"{AGENT}/recording/resume", ALL, None, views.Agent, resume_recording, "Resume the recording",
          own=True, of_contact=True, command=True, audited=True, detail="Audited."),
    Route("POST", "/api/v1/recordings/search", STAFF, models.RecordingSearch, models.Recordings, find_recordings,
          "Find recordings", audited=True, detail="Newest first. Audited."),
    Route("GET", "/api/v1/recordings/{id}/sound", STAFF, None, None, read_recording, "Hear a recording",
          detail="A WAV. Audited before it is sent."),
    # Callers and callbacks.
    Route("POST", "/api/v1/callers/erase", STAFF, models.CallerToErase, models.Done, erase_caller, "Erase a caller",
          detail="First step of `santral privacy erase`; `hash` is the keyed hash of the number."),
    Route("POST", "/api/v1/callers/preferences", STAFF, models.CallersPreferences, models.Changed, save_preferences,
          "Set preferences of callers", detail="By keyed hashes, at most 50."),
    Route("GET", "/api/v1/callers/preferences", STAFF, None, models.PreferenceCounts, count_preferences,
          "Count callers by preference", detail="Counts below five are 0."),
    Route("GET", "/api/v1/callbacks", STAFF, None, views.Callbacks, list_callbacks, "List callbacks"),
    Route("POST", "/api/v1/callbacks/{id}/cancel", STAFF, None, views.Callbacks, cancel_callback, "Cancel a callback",
          detail="404: this contact has no callback."),
    # Waiting contacts, agents and queues.
    Route("GET", "/api/v1/contacts", STAFF, None, views.AllWaiting, list_waiting, "List waiting contacts",
          detail="Id, service, position, wait, points; no number."),
    Route("POST", "/api/v1/contacts/{id}/prioritise", STAFF, models.Points, views.AllWaiting, prioritise_contact,
          "Change the points of a contact", audited=True,
          detail="One point is a minute. Audited. 404: nobody of that id waits."),
    Route("POST", "/api/v1/contacts/{id}/move", STAFF, models.Move, views.AllWaiting, move_contact,
          "Move a waiting contact", audited=True,
          detail="To a service, an agent, or both. Audited. 409 `in_distress`, `confirm_distress` (into distress only "
          "with `confirm`), `not_open`, `not_there`, `not_now`."),
    Route("POST", "/api/v1/contacts/{id}/undo", STAFF, None, views.AllWaiting, undo_act,
          "Take back the last act on a contact", audited=True,
          detail="A move or points, until an agent is offered the contact. Audited. 409 `nothing_to_undo`."),
    Route("POST", "/api/v1/contacts/{id}/withdraw", STAFF, models.Withdrawal, views.AllWaiting, withdraw_contact,
          "Withdraw a waiting contact", audited=True,
          detail="With a sentence or into a callback. Audited. 404 `unknown_prompt`; 409 `in_distress`, "
          "`no_callback`, `window_past`."),
    Route("GET", f"{AGENT}/needs", SELF, None, models.OwnNeeds, own_needs, "Show stored accommodations", own=True,
          detail="Each entry with its dates, and the entry in force."),
    Route("GET", AGENT, ALL, None, views.Agent, one_agent, "Show an agent", own=True,
          detail="The agent alone sees wrap-up end, RNA count, overrides and rest."),
    Route("GET", f"{AGENT}/events", ALL, None, DeskState, own_routes.open_events,
          "Follow the live events of an agent", own=True, until_talk_ends=True, events=True,
          detail="`state`: everything, at the opening and at each change. `notice`: what happened; `id` is the fact's "
                 "number, and `Last-Event-ID` (or `?last_event_id=`) brings the last 200 of an hour again. `tick`: "
                 "once a minute. `beat`: every 2 s. `end`: why the stream ends (`stopping`, `session_over`, "
                 "`too_many`: a person has 4, the oldest ends). "
                 "Accommodations are for the agent alone."),
    # The agent's own desk.
    Route("POST", f"{AGENT}/hangup", SELF, None, models.Done, own_routes.hang_up, "Hang up", own=True, of_contact=True,
          command=True,
          until_talk_ends=True,
          detail="The own leg, at any phone. While it rings the offer is declined. 409 `not_now`: no call."),
    Route("GET", f"{AGENT}/callbacks", SELF, None, own_models.OwnCallbacks, own_routes.list_own_callbacks,
          "List callbacks that may come to the agent", own=True),
    Route("GET", f"{AGENT}/day", SELF, None, own_models.OwnDay, own_routes.show_day, "Show the own day", own=True),
    Route("GET", f"{AGENT}/colleagues", SELF, None, own_models.Colleagues, own_routes.list_colleagues,
          "List colleagues", own=True, detail="All who are signed in; of their state only free or not."),
    Route("GET", f"{AGENT}/comfort", SELF, None, own_models.Comfort, own_routes.show_comfort,
          "Show sound, signals and announcements of the desk", own=True),
    Route("PUT", f"{AGENT}/comfort", SELF, own_models.ComfortWish, own_models.Comfort, own_routes.save_comfort,
          "Choose sound, signals and announcements of the desk", own=True,
          detail="A value that is left out is as in the accommodations again. Nobody else sees the choice."),
    Route("GET", f"{AGENT}/access-log", SELF, None, own_models.AccessLog, own_routes.show_access_log,
          "Show who was shown the own needs", own=True,
          detail="With rules that were set aside in 90 days, and the offers that came by it."),
    *LIVE_ROUTES,
    # Notes of contacts.
    Route("GET", "/api/v1/codes", ALL, None, note_models.AllCodes, own_routes.list_codes, "List codes of wrap-ups"),
    Route("POST", f"{AGENT}/note", SELF, note_models.NoteWanted, note_models.Note, own_routes.save_note,
          "Write code and note of a contact", own=True, body_max=NOTE_BODY_MAX,
          detail="At most 2,000 characters, sealed in the store. Until a day after the end of a contact that the "
                 "agent had, also if it was handed over. 404 "
                 "`unknown_code`; 409 `not_now`: no talk with this caller."),
    Route("GET", f"{AGENT}/contacts", SELF, None, note_models.OwnContacts, own_routes.list_own_contacts,
          "List the own last talks", own=True, detail="The last 50."),
    Route("GET", f"{AGENT}/caller", SELF, None, note_models.CallersAtHand, own_routes.show_callers,
          "Show who is at hand", own=True,
          detail="Earlier contacts of 90 days and their notes, in talk and wrap-up. Those of private services are for "
                 "agents who may serve them; each reading is audited. `passed`: "
                 "notes of agents before. Anonymous services have no history."),
    Route("GET", "/api/v1/agents", STAFF, None, views.Agents, all_agents, "List agents"),
    Route("GET", "/api/v1/queues", ALL, None, views.Queues, list_queues, "List queues",
          detail="Counts, oldest wait, agents, open or not, EWT of a caller who enters now. At most a second old."),
    Route("GET", "/api/v1/status", STAFF, None, views.StatusAnswer, show_status, "Show queues and agents at one moment",
          detail="With the last good copy of the files, and accommodations that leave nobody."),
    # The centre: surge, announcements, hours and files.
    Route("GET", "/api/v1/surge", STAFF, None, models.Surge, show_surge, "Show the surge profile in force"),
    Route("POST", "/api/v1/surge", STAFF, models.SurgeWanted, models.Surge, switch_surge, "Switch a surge profile",
          audited=True, detail="Audited; survives a restart. 409 `unknown_surge_profile`."),
    Route("GET", "/api/v1/announcements", STAFF, None, models.Announcements, list_announcements, "List announcements",
          detail="The last 50, with `timezone` of the centre."),
    Route("POST", "/api/v1/announcements", STAFF, models.Announce, models.Announcement, start_announcement,
          "Start an announcement", detail="`until`: Unix seconds, at most 366 days ahead. 409 `cannot_announce`."),
    Route("POST", "/api/v1/announcements/off", STAFF, models.AnnouncementEnd, models.Announcements, end_announcement,
          "End an announcement"),
    Route("GET", "/api/v1/hours", ALL, None, models.Days, list_days, "Show opening hours",
          detail="Two weeks, with rosters and closures."),
    Route("POST", "/api/v1/reload", ADMIN, models.Reload, models.Reloaded, reload_centre, "Reload the centre's files",
          audited=True, detail="Audited. With any problem nothing changes."),
)
