"""Names of things. They are plain strings and numbers at run time; the types keep them apart in the code."""

from __future__ import annotations

from typing import NewType

ContactId = NewType("ContactId", str)
"""A voice contact's id is the Uniqueid of the caller's channel, for its whole life."""

AgentId = NewType("AgentId", str)
"""A person who answers, e.g. `a1001`. Never a phone."""

SeatId = NewType("SeatId", str)
"""A phone (a PJSIP endpoint's name, e.g. `2001`). An agent signs in at a seat; at most one agent a seat."""

OfferId = NewType("OfferId", int)
"""Grows by one with every offer of the domain and survives restarts. The agent's leg is `o<offer>-<contact>`."""

ServiceId = NewType("ServiceId", str)
"""A queue: `psikososyal`, `uzaktan_egitim`, ... the same name in queue_log and metrics."""

SkillId = NewType("SkillId", str)


def leg_id(offer: OfferId, contact: ContactId) -> str:
    """Channel id of the agent's leg. It begins with a letter, so no Uniqueid is the beginning of it or it of one."""
    return f"o{offer}-{contact}"


def partner_leg_id(offer: OfferId, contact: ContactId) -> str:
    """Channel id of the leg of the other one of a pair."""
    return f"p{offer}-{contact}"


def is_leg(uniqueid: str) -> bool:
    """Whether a channel is an agent's leg, of either of a pair."""
    return parse_leg_id(uniqueid) is not None or parse_partner_leg_id(uniqueid) is not None


def parse_partner_leg_id(uniqueid: str) -> tuple[OfferId, ContactId] | None:
    """The offer and contact of a partner's leg, or None for any other channel."""
    return parse_leg_id(f"o{uniqueid[1:]}") if uniqueid.startswith("p") else None


def parse_leg_id(uniqueid: str) -> tuple[OfferId, ContactId] | None:
    """The offer and contact of an agent's leg, or None for any other channel."""
    if not uniqueid.startswith("o"):
        return None
    offer, dash, contact = uniqueid[1:].partition("-")
    if not dash or not contact or not offer.isascii() or not offer.isdigit():
        return None
    return OfferId(int(offer)), ContactId(contact)
