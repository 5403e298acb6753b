"""Looking instead of assuming: what Asterisk says now, laid beside what the engine believes, becomes events.

Used after every (re)connect, and slowly as an audit. `CoreShowChannels` names the bridge of each channel (`BridgeId`),
so one reply gives channels and bridges of the same moment; asking bridge by bridge (BridgeList, BridgeInfo) would give
many moments and one query a call.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from routing.ami.actions import ASKS, CONTEXT_NET
from routing.ami.blackbox import Past
from routing.ami.consults import meeting
from routing.ami.lines import is_line
from routing.ami.link import Link
from routing.ami.phones import endpoint
from routing.core.events import (
    CallbackFailed,
    ContactGone,
    ContactLeft,
    Event,
    Held,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    TalkEnded,
    TransferAsked,
)
from routing.core.ids import ContactId, is_leg, partner_leg_id
from routing.core.live import LiveContact, LiveOffer
from routing.core.model import ContactState, OfferState

LIST_DEADLINE_S = 10.0
"""For one list; 1,000 channels take some tens of milliseconds."""
ON_HOLD = "CHANNEL(rtp,hold,audio)"
"""Of a PJSIP channel: `1` while its phone has the other end on hold. No list says so, and the state of the phone is
"busy" either way (`device_state_busy_at`)."""
TOGETHER_S = 0.5
"""Who ends with the agent's leg (within 2 ms, measured) has hung up; who goes on hears the good-bye for longer."""


class Channel(NamedTuple):
    """A channel that is alive."""

    uniqueid: str
    name: str
    state: str
    """`Down`, `Ringing`, `Ring`, `Up` ..."""
    bridge: str
    """Empty: in none."""
    context: str = ""
    """Where in the dialplan it is."""


class Snapshot(NamedTuple):
    """Asterisk at one moment."""

    started: str
    """Date and time of its start, in its own words: another value means it was restarted."""
    channels: dict[str, Channel]
    """By Uniqueid."""
    devices: tuple[tuple[str, str], ...]
    """Device and state."""

    def legs(self) -> list[tuple[str, bool, bool]]:
        """Agents' legs: uniqueid, rings, up."""
        return [(c.uniqueid, c.state == "Ringing", c.state == "Up")
                for c in self.channels.values() if is_leg(c.uniqueid)]

    def places(self) -> list[tuple[str, str, str]]:
        """Uniqueid, name and context of every channel."""
        return [(c.uniqueid, c.name, c.context) for c in self.channels.values()]

    def bridges(self) -> list[tuple[str, str]]:
        """Bridge and uniqueid of each bridged channel, callers first as Asterisk enters them."""
        members = [(c.bridge, c.uniqueid) for c in self.channels.values() if c.bridge]
        return sorted(members, key=lambda one: is_leg(one[1]))

    def asks(self, leg: Channel) -> bool:
        """Whether the phone of this agent's leg has a second line, on which somebody is asked."""
        seat = endpoint(leg.name)
        return any(is_line(c.uniqueid, c.context) and endpoint(c.name) == seat for c in self.channels.values())

    def partners(self) -> dict[str, str]:
        """By bridge: Uniqueid of the first channel in it that is no agent's leg and no second line, the caller."""
        found: dict[str, str] = {}
        for channel in self.channels.values():
            if channel.bridge and channel.bridge not in found and not is_leg(channel.uniqueid) \
                    and not is_line(channel.uniqueid, channel.context):
                found[channel.bridge] = channel.uniqueid
        return found

    def meetings(self, partners: Mapping[str, str]) -> dict[str, ContactId]:
        """By the leg of an agent who was asked: the leg of who asks, where the two are together without the caller.
        `partners`: as of `partners()`."""
        by_bridge: dict[str, list[str]] = {}
        for channel in self.channels.values():
            if channel.bridge and channel.bridge not in partners:
                by_bridge.setdefault(channel.bridge, []).append(channel.uniqueid)
        legs = [one for one in self.channels if is_leg(one)] if by_bridge else []
        found = [meeting(members, legs) for members in by_bridge.values()]
        return {one.asked: one.first for one in found if one is not None}


async def snapshot(link: Link) -> Snapshot:
    """Ask Asterisk for its state, on the link that carries the events (their order is then one order). Raises
    LinkError."""
    status = await link.action({"Action": "CoreStatus"})
    devices = await link.list_action({"Action": "DeviceStateList"}, LIST_DEADLINE_S)
    channels = await link.list_action({"Action": "CoreShowChannels"}, LIST_DEADLINE_S)
    found = {}
    for item in channels:
        name, uniqueid = item.get("Channel"), item.get("Uniqueid")
        if not name.startswith("Surrogate/"):
            found[uniqueid] = Channel(uniqueid, name, item.get("ChannelStateDesc"), item.get("BridgeId"),
                                      item.get("Context"))
    return Snapshot(f"{status.get('CoreStartupDate')} {status.get('CoreStartupTime')}".strip(), found,
                    tuple((item.get("Device"), item.get("State")) for item in devices))


async def holds(link: Link, now: Snapshot, offers: Iterable[LiveOffer]) -> dict[str, bool]:
    """Agents' legs that are in a bridge: whether the phone has the other end on hold. What Asterisk cannot say (the leg
    has ended, or is no phone's) is left out. Raises LinkError."""
    found = {}
    for offer in offers:
        channel = now.channels.get(offer.leg)
        if channel is None or not channel.bridge:
            continue
        reply = await link.action({"Action": "Getvar", "Channel": offer.leg, "Variable": ON_HOLD})
        if reply.ok and reply.get("Value") in ("0", "1"):
            found[offer.leg] = reply.get("Value") == "1"
    return found


async def asks_nobody(link: Link, now: Snapshot, offers: Iterable[LiveOffer]) -> list[str]:
    """Agents' legs that are with their caller, and marked as if the agent asked somebody first: the node, or its link,
    was lost between the mark and the caller's way into the hold loop. At the end of that talk the mark would keep the
    agent waiting for nobody. Raises LinkError."""
    found, partners = [], now.partners()
    for offer in offers:
        channel = now.channels.get(offer.leg)
        if channel is None or not channel.bridge or partners.get(channel.bridge) != offer.contact:
            continue
        reply = await link.action({"Action": "Getvar", "Channel": offer.leg, "Variable": ASKS})
        if reply.ok and reply.get("Value") == "1":
            found.append(offer.leg)
    return found


def diff(now: Snapshot, contacts: Iterable[LiveContact], offers: Iterable[LiveOffer], *, restarted: bool = False,
         past: Mapping[str, Past] | None = None, held: Mapping[str, bool] | None = None) -> list[Event]:
    """What must have happened for the engine's belief to become Asterisk's truth. Pure. Offers first: a talk must end
    before its contact does. `past`: what the black box tells of the channels in `unclear`. `held`: see `holds`."""
    events: list[Event] = []
    contacts, offers = list(contacts), list(offers)
    seen, partners, together = past or {}, now.partners(), set(strangers(now, contacts))
    met, asking = now.meetings(partners), {one.contact: one.leg for one in offers if one.state is OfferState.CONSULTING}
    for offer in offers:
        other = now.channels.get(partner_leg_id(offer.offer, offer.contact)) if offer.partner_rings else None
        if other is not None and other.state == "Up":
            events.append(OfferAnswered(offer.offer, True))  # first: who is there misses nothing by what follows
        if offer.contact in together and offer.state is OfferState.ACCEPTED:
            events.append(TransferAsked(offer.offer, gone=True))
        elif offer.dialling and offer.contact not in now.channels:
            events.append(CallbackFailed(offer.offer, "failed"))
        elif not offer.rung:
            continue  # the caller comes first
        elif offer.leg in now.channels:
            events += _leg_alive(now, offer, partners, seen, met.get(offer.leg))
            with_ = partners.get(now.channels[offer.leg].bridge)
            on = (held or {}).get(offer.leg, offer.held)
            if with_ == offer.contact and offer.state is not OfferState.CONSULTING and on is not offer.held:
                events.append(Held(offer.offer, on))
        else:
            events += _leg_gone(now, offer, seen, restarted, asking.get(offer.contact))
    for contact in contacts:
        channel = now.channels.get(contact.contact)
        if channel is not None and channel.context == CONTEXT_NET and contact.state is not ContactState.ASSIGNED:
            # Nobody may be led to a caller whom Asterisk's own queue has given to somebody.
            events.append(ContactLeft(contact.contact, "net"))
        elif channel is None:
            events.append(ContactGone(contact.contact, seen.get(contact.contact, Past()).ended, restarted))
    return events


def unclear(now: Snapshot, contacts: Iterable[LiveContact], offers: Iterable[LiveOffer]) -> set[str]:
    """Channels to which something happened whose time is not known: they ended, or were connected."""
    ended = {contact.contact for contact in contacts if contact.contact not in now.channels}
    return ended | {offer.leg for offer in offers if offer.leg not in now.channels
                    or (offer.state is OfferState.PENDING and now.channels[offer.leg].bridge)}


def _leg_gone(now: Snapshot, offer: LiveOffer, past: Mapping[str, Past], restarted: bool,
              first: str | None) -> list[Event]:
    """`first`: the leg of the agent who has asked somebody about this caller."""
    leg, caller = past.get(offer.leg, Past()), past.get(offer.contact, Past())
    if offer.state is OfferState.CONSULTING:
        return [OfferEnded(offer.offer, "hangup")]
    if offer.state is not OfferState.ACCEPTED and leg.entered is None:
        return [OfferEnded(offer.offer, "failed")]  # nobody's fault: what happened in the gap is not known
    if first is not None and offer.state is not OfferState.ACCEPTED:
        ended: list[Event] = [OfferEnded(offer.offer, "hangup")]
        if first in now.channels:  # they met who asked, whose the caller is
            return ended if offer.introduced else [OfferConnected(offer.offer, ContactId(first)), *ended]
        left = past.get(first, Past()).ended
        if left is None or leg.ended is None or leg.ended < left + TOGETHER_S:
            return ended
        leg = leg._replace(entered=max(left, leg.entered or left))  # the caller was theirs when the other one had left
    goes_on = leg.ended is not None and caller.ended is not None and caller.ended - leg.ended > TOGETHER_S
    by = "agent" if offer.contact in now.channels or goes_on else "caller"
    if restarted and caller.ended is None and by == "caller":
        by = "dropped"  # nobody saw it end: it went away with its Asterisk
    events: list[Event] = []
    if offer.state is not OfferState.ACCEPTED:  # it rang, talked and ended, all of it in the gap
        events.append(OfferConnected(offer.offer, offer.contact, leg.entered))
    return [*events, TalkEnded(offer.offer, by, leg.ended), OfferEnded(offer.offer, "hangup")]


def _leg_alive(now: Snapshot, offer: LiveOffer, partners: Mapping[str, str], past: Mapping[str, Past],
               first: ContactId | None) -> list[Event]:
    """`first`: the leg of the agent who asks this one, where the two are together."""
    leg = now.channels[offer.leg]
    partner = partners.get(leg.bridge, "")
    accepted = offer.state is OfferState.ACCEPTED
    if partner:
        if partner == offer.contact and (accepted or (offer.state is OfferState.CONSULTING and now.asks(leg))):
            return []
        return [OfferConnected(offer.offer, ContactId(partner), past.get(offer.leg, Past()).entered)]
    if offer.state is OfferState.CONSULTING:
        return []
    if accepted:
        return [] if offer.contact in now.channels else [
            TalkEnded(offer.offer, "caller", past.get(offer.contact, Past()).ended)]
    if first is not None:
        return [] if offer.introduced else [OfferConnected(offer.offer, first)]
    if leg.state == "Up":
        return [] if offer.answered else [OfferAnswered(offer.offer)]
    return [OfferRinging(offer.offer)] if leg.state == "Ringing" else []


def strangers(now: Snapshot, contacts: Iterable[LiveContact]) -> list[ContactId]:
    """Callers in one bridge with another caller: a phone's transfer key has named two talks while nobody listened."""
    by_bridge: dict[str, list[ContactId]] = {}
    for contact in contacts:
        channel = now.channels.get(contact.contact)
        if channel is not None and channel.bridge:
            by_bridge.setdefault(channel.bridge, []).append(contact.contact)
    return [one for found in by_bridge.values() if len(found) > 1 for one in found]


def strays(now: Snapshot, offers: Iterable[LiveOffer], contacts: Iterable[LiveContact] = ()) -> list[str]:
    """Agents' legs that belong to no living offer and talk with nobody: phones ringing for a call that is over. Or with
    a caller who waits, for the engine: sent on by that agent, and Asterisk was not told. When the leg ends the caller
    goes on to after-talk, and from there into the line."""
    known, partners = set[str](), now.partners()
    waits = {contact.contact for contact in contacts if contact.state is not ContactState.ASSIGNED}
    for offer in offers:
        known |= {offer.leg, partner_leg_id(offer.offer, offer.contact)}
    return [c.uniqueid for c in now.channels.values()
            if is_leg(c.uniqueid) and c.uniqueid not in known
            and (c.bridge not in partners or partners[c.bridge] in waits)]
