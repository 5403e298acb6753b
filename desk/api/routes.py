"""The one table of routes. aiohttp's routes, the check of roles and the OpenAPI description are all made from it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import NamedTuple

from desk.api import shapes, views
from desk.api.house import House
from desk.api.shapes import Shape
from desk.api.tokens import Role, Who
from routing.core import events
from routing.core.errors import NoCallback, NotNow, UnknownAgent, UnknownContact
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from routing.core.inbox import AgentView, Inbox


class Call(NamedTuple):
    """A request that has passed every check."""

    inbox: Inbox
    house: House
    who: Who
    agent: AgentId
    """The id in the path, an agent's, a contact's or a recording's; empty where the path names none."""
    body: Shape | None


Answer = Shape | AsyncGenerator[bytes, None]
"""What goes out: JSON, or a sound in pieces."""
Handler = Callable[[Call], Awaitable[Answer]]


class Route(NamedTuple):
    """One row. `own`: an agent's token fits only when the path names that agent."""

    method: str
    path: str
    roles: frozenset[Role]
    request: type[Shape] | None
    response: type[Shape] | None
    """None: a sound (`audio/wav`)."""
    handler: Handler
    summary: str
    own: bool = False
    detail: str = ""
    """Rules that names and shapes do not show."""


async def _ask(call: Call, event: events.Event) -> Shape:
    view = await call.inbox.ask(event)
    if not isinstance(view, AgentView):
        raise UnknownAgent
    return views.agent(view, call.who)


async def login(call: Call) -> Shape:
    """The agent sits down at a seat."""
    assert isinstance(call.body, shapes.SignIn)
    return await _ask(call, events.AgentSignedIn(call.agent, SeatId(call.body.seat)))


async def pause(call: Call) -> Shape:
    """A break; during a talk it begins afterwards."""
    assert isinstance(call.body, shapes.Pause)
    return await _ask(call, events.AgentPaused(call.agent, call.body.reason or ""))


async def pause_reasons(call: Call) -> Shape:
    """Return the reasons that a pause may have."""
    return views.reasons(call.inbox.status())


async def resume(call: Call) -> Shape:
    """Ready again."""
    return await _ask(call, events.AgentResumed(call.agent))


async def wrapup_end(call: Call) -> Shape:
    """Done before the time is over."""
    return await _ask(call, events.WrapUpEnded(call.agent))


async def wrapup_extend(call: Call) -> Shape:
    """More time."""
    return await _ask(call, events.WrapUpExtended(call.agent))


async def wrapup_ask(call: Call) -> Shape:
    """A wrap-up is wanted after this talk."""
    return await _ask(call, events.WrapUpAsked(call.agent))


async def spare(call: Call) -> Shape:
    """ "Not now": no heavy contacts for a while."""
    return await _ask(call, events.AgentSpared(call.agent))


async def weigh(call: Call) -> Shape:
    """How heavy the contact at hand really is."""
    assert isinstance(call.body, shapes.Weight)
    at_hand = [contact.offer for contact in call.inbox.status().contacts
               if contact.agent == call.agent and contact.offer is not None]
    if not at_hand:
        raise NotNow
    for offer in at_hand:
        await call.inbox.ask(events.ContactWeighed(offer, call.body.load))
    return await one_agent(call)


async def transfer(call: Call) -> Shape:
    """The caller at hand goes on to somebody else."""
    assert isinstance(call.body, shapes.Transfer)
    await call.inbox.ask(events.TransferAsked(_talk(call), *_to(call.body)))
    return await one_agent(call)


async def consult(call: Call) -> Shape:
    """Somebody else is asked first; the caller hears music."""
    assert isinstance(call.body, shapes.Transfer)
    await call.inbox.ask(events.ConsultAsked(_talk(call), *_to(call.body)))
    return await one_agent(call)


async def give(call: Call) -> Shape:
    """The caller goes on to who was asked."""
    await call.inbox.ask(events.ConsultEnded(_talk(call), give=True))
    return await one_agent(call)


async def take_back(call: Call) -> Shape:
    """The caller is the agent's again."""
    await call.inbox.ask(events.ConsultEnded(_talk(call)))
    return await one_agent(call)


async def follow_up(call: Call) -> Shape:
    """The caller at hand agrees to be called back should the call be lost, or does not any more."""
    assert isinstance(call.body, shapes.FollowUp)
    offer = _talk(call)
    if call.body.agreed and not call.house.can_call(offer):
        raise NoCallback
    await call.inbox.ask(events.FollowUpAgreed(offer, call.body.agreed))
    return await one_agent(call)


async def abusive(call: Call) -> Shape:
    """The caller at hand is abusive, or is not after all."""
    assert isinstance(call.body, shapes.Abusive)
    await call.inbox.ask(events.AbuseSaid(_talk(call), call.body.abusive))
    return await one_agent(call)


async def wish(call: Call) -> Shape:
    """The caller at hand wants something in later calls, or does not any more."""
    assert isinstance(call.body, shapes.Wish)
    await call.house.wish(_at_hand(call)[1], call.body)
    return await one_agent(call)


def _to(body: shapes.Transfer) -> tuple[ServiceId | None, AgentId | None]:
    return (None if body.service is None else ServiceId(body.service),
            None if body.agent is None else AgentId(body.agent))


def _talk(call: Call) -> OfferId:
    """The offer that the agent is at. Raises `NotNow`."""
    return _at_hand(call)[0]


def _at_hand(call: Call) -> tuple[OfferId, ContactId]:
    for view in call.inbox.status().agents:
        if view.agent == call.agent and view.offer is not None and view.contact is not None:
            return view.offer, view.contact
    raise NotNow


async def duties(call: Call) -> Shape:
    """Other skills until the agent signs out."""
    assert isinstance(call.body, shapes.Duties)
    skills = call.body.skills
    wanted = None if skills is None else tuple((SkillId(skill), level) for skill, level in skills.items())
    return await _ask(call, events.AgentSkilled(call.agent, wanted))


async def relax(call: Call) -> Shape:
    """Rules of the agent's profile that do not hold for a while."""
    assert isinstance(call.body, shapes.Relaxed)
    until = call.inbox.status().at + 60.0 * call.body.minutes
    return await _ask(call, events.RulesRelaxed(call.agent, frozenset(call.body.rules), until, call.who.role.value))


async def logout(call: Call) -> Shape:
    """The agent leaves."""
    return await _ask(call, events.AgentSignedOut(call.agent))


async def recording_pause(call: Call) -> Shape:
    """Digits are keyed in, or something is said that nobody else may hear: silence in the recording from now on."""
    await call.house.hush(call.agent, True, _by(call))
    return await one_agent(call)


async def recording_resume(call: Call) -> Shape:
    """The recording goes on."""
    await call.house.hush(call.agent, False, _by(call))
    return await one_agent(call)


async def recordings(call: Call) -> Shape:
    """Recordings that fit."""
    assert isinstance(call.body, shapes.Find)
    return await call.house.find(call.body, _by(call))


async def sound(call: Call) -> Answer:
    """A recording to be heard."""
    return call.house.sound(call.agent, _by(call))


def _by(call: Call) -> str:
    """Who asks, for the record: the role, and of an agent the id."""
    return f"{call.who.role.value} {call.who.agent}".strip()


async def forget(call: Call) -> Shape:
    """The node knows this caller no more: the first step of an erasure (`santral privacy erase`)."""
    assert isinstance(call.body, shapes.Forget)
    await call.inbox.ask(events.CallerForgotten(call.body.hash))
    await call.house.forget(call.body.hash)
    return shapes.Done()


async def keep_wishes(call: Call) -> Shape:
    """What callers want in later calls."""
    assert isinstance(call.body, shapes.Wishes)
    return await call.house.keep_wishes(call.body)


async def wished(call: Call) -> Shape:
    """How many callers want what."""
    return call.house.wished()


async def one_agent(call: Call) -> Shape:
    """One agent."""
    for view in call.inbox.status().agents:
        if view.agent == call.agent:
            return views.agent(view, call.who)
    raise UnknownAgent


async def own_needs(call: Call) -> Shape:
    """Everything that is stored of what the agent needs."""
    return call.house.needs(call.agent)


async def waiting(call: Call) -> Shape:
    """Who waits."""
    return views.waiting(call.inbox.status())


async def rank(call: Call) -> Shape:
    """Other points for one who waits; the place changes at once."""
    assert isinstance(call.body, shapes.Points)
    contact = ContactId(call.agent)
    view = call.inbox.contact(contact)
    if view is None or not view.position:
        raise UnknownContact
    await call.inbox.ask(events.ContactRanked(contact, call.body.points))
    return views.waiting(call.inbox.status())


async def all_agents(call: Call) -> Shape:
    """All agents."""
    return views.Agents(agents=[views.agent(view, call.who) for view in call.inbox.status().agents])


async def queues(call: Call) -> Shape:
    """All services."""
    return views.Queues(queues=[views.queue(view) for view in call.inbox.status().queues])


async def callbacks(call: Call) -> Shape:
    """Who waits to be called back."""
    return views.callbacks(call.inbox.status())


async def cancel_callback(call: Call) -> Shape:
    """A caller who waits to be called back is let go."""
    contact = ContactId(call.agent)
    view = call.inbox.contact(contact)
    if view is None or not view.callback:
        raise UnknownContact
    await call.inbox.ask(events.ContactLeft(contact, "cancelled"))
    return views.callbacks(call.inbox.status())


async def status(call: Call) -> Shape:
    """Everything."""
    return views.now(call.inbox.status(), call.house.last_good(), call.house.nobody_left(), call.who)


async def reload(call: Call) -> Shape:
    """The centre's files again."""
    assert isinstance(call.body, shapes.Reload)
    return await call.house.reload(call.body, call.who.role.value)


async def announce(call: Call) -> Shape:
    """Callers hear it from now on."""
    assert isinstance(call.body, shapes.Announce)
    return await call.house.announce(call.body, call.who.role.value)


async def silence(call: Call) -> Shape:
    """Nobody hears it any more."""
    assert isinstance(call.body, shapes.Silence)
    return await call.house.silence(call.body, call.who.role.value)


async def announcements(call: Call) -> Shape:
    """What was announced."""
    return await call.house.announcements()


async def days(call: Call) -> Shape:
    """Opening hours and rosters."""
    return call.house.days()


ALL = frozenset(Role)
STAFF = frozenset({Role.ADMIN, Role.SUPERVISOR})
ADMIN = frozenset({Role.ADMIN})
SELF = frozenset({Role.AGENT})
"""Nobody says for an agent what is too much, or to whom their caller goes."""
AGENT = "/api/v1/agents/{id}"

ROUTES: tuple[Route, ...] = (
    Route("POST", f"{AGENT}/login", ALL, shapes.SignIn, views.Agent, login, "Sign in at a seat", own=True,
          detail="409 `seat_taken`: another agent sits there."),
    Route("POST", f"{AGENT}/pause", ALL, shapes.Pause, views.Agent, pause, "Take a break", own=True,
          detail="During a talk the pause begins afterwards. 404 `unknown_reason` names the known ones."),
    Route("GET", "/api/v1/pause-reasons", ALL, None, shapes.Reasons, pause_reasons, "List pause reasons"),
    Route("POST", f"{AGENT}/resume", ALL, None, views.Agent, resume, "Be ready", own=True,
          detail="Also ends wrap-up and *not responding*."),
    Route("POST", f"{AGENT}/wrapup/end", ALL, None, views.Agent, wrapup_end, "End wrap-up early", own=True),
    Route("POST", f"{AGENT}/wrapup/extend", ALL, None, views.Agent, wrapup_extend, "Extend wrap-up", own=True),
    Route("POST", f"{AGENT}/wrapup/ask", ALL, None, views.Agent, wrapup_ask, "Ask for a wrap-up", own=True,
          detail="For profiles with `agent_requested`; 409 `not_now`: no wrap-up would follow."),
    Route("POST", f"{AGENT}/spare", SELF, None, views.Agent, spare, "Decline heavy contacts for a while", own=True,
          detail="No reason is asked and nothing is counted."),
    Route("POST", f"{AGENT}/weigh", SELF, shapes.Weight, views.Agent, weigh, "Report the load of a contact", own=True),
    Route("POST", f"{AGENT}/transfer", SELF, shapes.Transfer, views.Agent, transfer, "Start a blind transfer", own=True,
          detail="To a service, an agent, or both. 409 `not_open`, `not_there`: the talk goes on."),
    Route("POST", f"{AGENT}/consult", SELF, shapes.Transfer, views.Agent, consult, "Start a consult transfer", own=True,
          detail="As blind transfer; the caller hears music."),
    Route("POST", f"{AGENT}/consult/give", SELF, None, views.Agent, give, "Complete the consult transfer", own=True,
          detail="Also when the agent hangs up."),
    Route("POST", f"{AGENT}/consult/back", SELF, None, views.Agent, take_back, "Cancel the consult transfer", own=True,
          detail="Also when the consultant hangs up, or nobody answers in a minute."),
    Route("POST", f"{AGENT}/follow-up", SELF, shapes.FollowUp, views.Agent, follow_up,
          "Agree on a callback if the call is lost", own=True, detail="409 `no_callback`: do not promise a callback."),
    Route("POST", f"{AGENT}/abusive", SELF, shapes.Abusive, views.Agent, abusive, "Flag the caller as abusive",
          own=True, detail="Agents with `no_abusive_history` no longer get the caller. 409 `caller_unknown`."),
    Route("POST", f"{AGENT}/wish", SELF, shapes.Wish, views.Agent, wish, "Set preferences of the caller",
          own=True, detail="409 `wish_not_kept`."),
    Route("POST", f"{AGENT}/skills", STAFF, shapes.Duties, views.Agent, duties, "Replace the skills of an agent",
          detail="Until sign-out; `null`: as configured."),
    Route("POST", f"{AGENT}/relax", STAFF, shapes.Relaxed, views.Agent, relax, "Override protective rules",
          detail="`rest_gap`, `distress_limit`, `decompression`; counted, and shown to the agent."),
    Route("POST", f"{AGENT}/logout", ALL, None, views.Agent, logout, "Sign out", own=True,
          detail="A talk goes on to its end."),
    Route("POST", f"{AGENT}/recording/pause", ALL, None, views.Agent, recording_pause, "Pause the recording",
          own=True, detail="Audited. 409 `not_now`: nothing is recorded."),
    Route("POST", f"{AGENT}/recording/resume", ALL, None, views.Agent, recording_resume, "Resume the recording",
          own=True, detail="Audited."),
    Route("POST", "/api/v1/recordings/search", STAFF, shapes.Find, shapes.Recordings, recordings, "Find recordings",
          detail="Newest first. Audited."),
    Route("GET", "/api/v1/recordings/{id}/sound", STAFF, None, None, sound, "Hear a recording",
          detail="A WAV. Audited before it is sent."),
    Route("POST", "/api/v1/callers/forget", STAFF, shapes.Forget, shapes.Done, forget, "Erase a caller",
          detail="First step of `santral privacy erase`; `hash` is the keyed hash of the number."),
    Route("POST", "/api/v1/callers/wishes", STAFF, shapes.Wishes, shapes.Changed, keep_wishes,
          "Set preferences of callers",
          detail="By keyed hashes, at most 50."),
    Route("GET", "/api/v1/callers/wishes", STAFF, None, shapes.Wished, wished, "Count callers by preference",
          detail="Counts below five are 0."),
    Route("GET", "/api/v1/callbacks", STAFF, None, views.Callbacks, callbacks, "List callbacks"),
    Route("POST", "/api/v1/callbacks/{id}/cancel", STAFF, None, views.Callbacks, cancel_callback,
          "Cancel a callback",
          detail="404: this contact has no callback."),
    Route("GET", "/api/v1/contacts", STAFF, None, views.AllWaiting, waiting, "List waiting contacts",
          detail="Id, service, position, wait, points; no number."),
    Route("POST", "/api/v1/contacts/{id}/rank", STAFF, shapes.Points, views.AllWaiting, rank,
          "Change the points of a contact", detail="One point is a minute. 404: nobody of that id waits."),
    Route("GET", f"{AGENT}/needs", SELF, None, shapes.OwnNeeds, own_needs, "Show stored accommodations", own=True,
          detail="Each entry with its dates, and the entry in force."),
    Route("GET", AGENT, ALL, None, views.Agent, one_agent, "Show an agent", own=True,
          detail="The agent alone sees wrap-up end, RNA count, overrides and rest."),
    Route("GET", "/api/v1/agents", STAFF, None, views.Agents, all_agents, "List agents"),
    Route("GET", "/api/v1/queues", ALL, None, views.Queues, queues, "List queues",
          detail="Counts, oldest wait, agents, open or not, EWT of a caller who enters now."),
    Route("GET", "/api/v1/status", STAFF, None, views.Now, status, "Show queues and agents at one moment",
          detail="With the last good copy of the files, and accommodations that leave nobody."),
    Route("GET", "/api/v1/announcements", STAFF, None, shapes.Announcements, announcements, "List announcements",
          detail="The last 50, with `timezone` of the centre."),
    Route("POST", "/api/v1/announcements", STAFF, shapes.Announce, shapes.Announcement, announce,
          "Start an announcement", detail="`until`: Unix seconds, at most 366 days ahead. 409 `cannot_announce`."),
    Route("POST", "/api/v1/announcements/off", STAFF, shapes.Silence, shapes.Announcements, silence,
          "End an announcement"),
    Route("GET", "/api/v1/hours", ALL, None, shapes.Days, days, "Show opening hours",
          detail="Two weeks, with rosters and closures."),
    Route("POST", "/api/v1/reload", ADMIN, shapes.Reload, shapes.Reloaded, reload, "Reload the centre's files",
          detail="With any problem nothing changes."),
)
