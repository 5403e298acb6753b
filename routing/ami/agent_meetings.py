"""Find the agents of a consult transfer in a bridge without the caller.

Both agents have a leg for the same caller. Offers are numbered in the order of dialling, so the later leg belongs to
the consultant.

The consulting agent may use a second line of the phone, which is no leg. The agent's own leg is then the latest earlier
leg of that caller.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from routing.core.model.ids import ContactId, OfferId, parse_leg_id


class AgentMeeting(NamedTuple):
    """Two agents in one bridge, one of whom consults the other."""

    offer: OfferId
    """The offer of the consultant."""
    asked: str
    """The leg of the consultant."""
    first: ContactId
    """The leg of the consulting agent, with the type that the engine expects of a bridged channel."""


def find_meeting(members: Collection[str], legs: Iterable[str]) -> AgentMeeting | None:
    """Return the meeting in a bridge of these channels, none of which is a caller's. Return None if there is no
    meeting.

    `legs` are all live legs of agents.
    """
    found = sorted((ids, one) for one in members if (ids := parse_leg_id(one)) is not None)
    # One leg and one other channel: the other channel is the second line of the consulting agent.
    if len(found) == 1 and len(members) == 2:
        (number, contact), _ = found[0]
        before = [(ids, one) for one in legs if (ids := parse_leg_id(one)) is not None
                  and ids[1] == contact and ids[0] < number]
        found = [*sorted(before)[-1:], *found]
    if len(found) != 2 or found[0][0][1] != found[1][0][1]:
        return None
    (_, first), ((offer, _), asked) = found
    return AgentMeeting(offer, asked, ContactId(first))
