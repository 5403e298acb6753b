"""Agents among themselves: one asks the other about a caller, who is not in the bridge.

Two legs of one caller's: the one that was dialled later was asked, and offers are numbered in the order of dialling.
Who asks may be there on a second line of their phone (`lines`), which is no leg; their own is the latest one before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import NamedTuple

from routing.core.ids import ContactId, OfferId, parse_leg_id


class Meeting(NamedTuple):
    """Two agents are together."""

    offer: OfferId
    """Of who was asked."""
    asked: str
    """Their leg."""
    first: ContactId
    """The leg of who asks, named as the engine is told of whoever is in a bridge with a leg."""


def meeting(members: Collection[str], legs: Iterable[str]) -> Meeting | None:
    """Who meets in a bridge of these channels, of which none is a caller's. `legs`: all agents' legs that are there."""
    found = sorted((ids, one) for one in members if (ids := parse_leg_id(one)) is not None)
    if len(found) == 1 and len(members) == 2:
        (number, contact), _ = found[0]
        before = [(ids, one) for one in legs if (ids := parse_leg_id(one)) is not None
                  and ids[1] == contact and ids[0] < number]
        found = [*sorted(before)[-1:], *found]
    if len(found) != 2 or found[0][0][1] != found[1][0][1]:
        return None
    (_, first), ((offer, _), asked) = found
    return Meeting(offer, asked, ContactId(first))
