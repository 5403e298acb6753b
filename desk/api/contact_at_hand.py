"""Find the contact at hand that a request acts on.

An agent may have a call and several messages. A page names the contact that it shows, so a request that comes late
never acts on the next one.
"""

from __future__ import annotations

from desk.api.route import ApiCall
from routing.core.inbox import ContactAtHand
from routing.core.model.centre_model import PHONE_CHANNELS
from routing.core.model.errors import NotNow, UnknownContact
from routing.core.model.ids import ContactId


def find_at_hand(call: ApiCall) -> ContactAtHand:
    """Return the named contact of the agent, or else the most engaging one.

    Raise UnknownContact if the agent does not have the named one (any more), and NotNow if there is none at all.
    """
    view = call.inbox.agent_view(call.agent)
    contacts = () if view is None else view.contacts
    if call.contact is not None:
        contacts = tuple(one for one in contacts if one.contact == call.contact)
        if not contacts:
            raise UnknownContact
    if not contacts:
        raise NotNow
    return contacts[0]


def find_call_at_hand(call: ApiCall) -> ContactId | None:
    """Return the named call, or None if the request names none. Raise NotNow if the contact is no call."""
    if call.contact is None:
        return None
    found = find_at_hand(call)
    if found.channel not in PHONE_CHANNELS:
        raise NotNow
    return found.contact
