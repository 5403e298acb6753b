"""Handle the routes of an agent's own desk."""

from __future__ import annotations

from desk.api import models, note_models, own_models
from desk.api.contact_at_hand import find_call_at_hand
from desk.api.route import Answer, ApiCall
from desk.shape import Shape


async def open_events(call: ApiCall) -> Answer:
    """Open the live events of an agent's desk."""
    own = call.who.agent == call.agent
    # A program may watch many desks with one token, so its bound counts for each desk.
    person = call.who.person or f"{call.who.role.value} {call.agent}"
    return call.live.open_stream(call.agent, person, own=own, last_id=call.last_event, session=call.who.session)


async def hang_up(call: ApiCall) -> Shape:
    """Hang up the agent's own leg."""
    await call.operations.hang_up(call.agent, find_call_at_hand(call))
    return models.Done()


async def list_own_callbacks(call: ApiCall) -> Shape:
    """List the callbacks of the services that the agent serves."""
    now = call.inbox.now()
    return own_models.OwnCallbacks(callbacks=[
        own_models.OwnCallback(id=view.contact, service=view.service, since=now - view.waited_s, tries=view.tries,
                               next_at=view.not_before, mine=view.agent == call.agent)
        for view in call.inbox.callbacks_for(call.agent)])


async def show_day(call: ApiCall) -> Shape:
    """Return the agent's own day."""
    return await call.operations.own_day(call.agent)


async def list_colleagues(call: ApiCall) -> Shape:
    """List the colleagues who are signed in."""
    return own_models.Colleagues(colleagues=[
        own_models.Colleague(id=view.agent, name=call.operations.display_name(view.agent),
                             services=list(view.serves), free=view.free)
        for view in call.inbox.colleagues_of(call.agent)])


async def show_comfort(call: ApiCall) -> Shape:
    """Return the comfort in force."""
    return await call.operations.comfort(call.agent)


async def save_comfort(call: ApiCall) -> Shape:
    """Store the agent's wish."""
    assert isinstance(call.body, own_models.ComfortWish)
    return await call.operations.save_comfort(call.agent, call.body)


async def show_access_log(call: ApiCall) -> Shape:
    """Return who was shown the agent's needs."""
    return await call.operations.access_log(call.agent)


async def list_codes(call: ApiCall) -> Shape:
    """List the codes of all services."""
    return call.operations.list_codes()


async def save_note(call: ApiCall) -> Shape:
    """Store code and note of a contact."""
    assert isinstance(call.body, note_models.NoteWanted)
    return await call.operations.save_note(call.agent, call.body)


async def list_own_contacts(call: ApiCall) -> Shape:
    """List the agent's last talks."""
    return await call.operations.own_contacts(call.agent)


async def show_callers(call: ApiCall) -> Shape:
    """Show the callers at hand."""
    return await call.operations.callers_at_hand(call.agent)
