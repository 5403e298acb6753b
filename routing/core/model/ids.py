"""Name the ids of the engine. They are plain strings and numbers at run time. The types keep them apart in the code."""

from __future__ import annotations

from typing import NewType

ContactId = NewType("ContactId", str)
"""The id of a voice contact is the Uniqueid of the caller's channel, as long as the contact lives."""

AgentId = NewType("AgentId", str)
"""A person who answers, e.g. `a1001`. Never a phone."""

SeatId = NewType("SeatId", str)
"""A phone (the name of a PJSIP endpoint, e.g. `2001`). An agent signs in at a seat. A seat has at most one agent."""

OfferId = NewType("OfferId", int)
"""Grows by one with every offer of the domain and survives restarts. The agent's leg is `o<offer>-<contact>`."""

ServiceId = NewType("ServiceId", str)
"""A queue: `psikososyal`, `uzaktan_egitim`, ... with the same name in queue_log and metrics."""

SkillId = NewType("SkillId", str)


def leg_id(offer: OfferId, contact: ContactId) -> str:
    """Return the channel id of the agent's leg.

    It begins with a letter, so neither it nor a Uniqueid is the beginning of the other.
    """
    return f"o{offer}-{contact}"


def partner_leg_id(offer: OfferId, contact: ContactId) -> str:
    """Return the channel id of the leg of a pair's partner."""
    return f"p{offer}-{contact}"


def is_leg(uniqueid: str) -> bool:
    """Return whether a channel is an agent's leg, of either agent of a pair."""
    return parse_leg_id(uniqueid) is not None or parse_partner_leg_id(uniqueid) is not None


def parse_partner_leg_id(uniqueid: str) -> tuple[OfferId, ContactId] | None:
    """Return the offer and contact of a partner's leg, or None for any other channel."""
    return parse_leg_id(f"o{uniqueid[1:]}") if uniqueid.startswith("p") else None


def parse_leg_id(uniqueid: str) -> tuple[OfferId, ContactId] | None:
    """Return the offer and contact of an agent's leg, or None for any other channel."""
    if not uniqueid.startswith("o"):
        return None
    offer, dash, contact = uniqueid[1:].partition("-")
    # `isdigit` alone takes digits of other scripts as well, which `int` would read.
    if not dash or not contact or not offer.isascii() or not offer.isdigit():
        return None
    return OfferId(int(offer)), ContactId(contact)
