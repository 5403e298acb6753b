"""Compare Asterisk's state with the engine's view, and turn the differences into events.

Runs after every connect, and regularly as an audit. `CoreShowChannels` names the bridge of each channel (`BridgeId`),
so one reply shows channels and bridges of the same moment. Questions for single bridges (BridgeList, BridgeInfo) would
show many moments and cost one query a call.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import NamedTuple

from routing.ami.actions import (
    CONSULTS,
    CONTEXT_AFTER_TALK,
    CONTEXT_BYE,
    CONTEXT_FALLBACK,
    MIXMONITOR_FILE,
    RECORD,
    RECORDING_PAUSED,
)
from routing.ami.agent_meetings import find_meeting
from routing.ami.callback_dialling import failed_dial
from routing.ami.cel_recovery import ChannelPast
from routing.ami.hangup_causes import DROP_CAUSES, LOST_CAUSES
from routing.ami.link import Link
from routing.ami.phone_states import endpoint_of
from routing.ami.second_lines import is_line
from routing.ami.talk_recordings import Recording
from routing.core.events import (
    CallbackFailed,
    CallerHungUp,
    ChannelShown,
    ContactExited,
    Event,
    FallbackEntered,
    HoldSet,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    TalkEnded,
    TalkFound,
    TransferRequested,
)
from routing.core.model.centre_model import RINGING_OFFER, ContactState, OfferState
from routing.core.model.ids import ContactId, OfferId, SeatId, is_leg, leg_id, parse_leg_id, partner_leg_id
from routing.core.model.live_calls import LiveContact, LiveOffer
from routing.core.model.reasons import DROPPED, LOST

LIST_DEADLINE_S = 10.0
"""Limit for one list. 1,000 channels take some tens of milliseconds."""
ON_HOLD = "CHANNEL(rtp,hold,audio)"
"""Variable of a PJSIP channel: `1` while its phone has the other end on hold.

No list tells this, and the state of the phone is "busy" in both cases (`device_state_busy_at`).
"""
SAME_END_S = 0.5
"""A caller who ends together with the agent's leg (within 2 ms, measured) has hung up. Others hear the good-bye first.
"""


class Channel(NamedTuple):
    """A live channel."""

    uniqueid: str
    name: str
    state: str
    """State in Asterisk's words: `Down`, `Ringing`, `Ring`, `Up` and others."""
    bridge: str
    """Empty if the channel is in no bridge."""
    context: str = ""
    """Place of the channel in the dialplan."""


class Snapshot(NamedTuple):
    """The state of Asterisk at one moment."""

    started: str
    """Date and time of Asterisk's start, in its own words. Another value means a restart."""
    channels: dict[str, Channel]
    """Channels by Uniqueid."""
    devices: tuple[tuple[str, str], ...]
    """Pairs of device and state."""

    def agent_legs(self) -> list[tuple[str, bool, bool]]:
        """Return the agents' legs as uniqueid, rings, up."""
        return [(c.uniqueid, c.state == "Ringing", c.state == "Up")
                for c in self.channels.values() if is_leg(c.uniqueid)]

    def channel_contexts(self) -> list[tuple[str, str, str]]:
        """Return the uniqueid, name and context of every channel."""
        return [(c.uniqueid, c.name, c.context) for c in self.channels.values()]

    def bridge_members(self) -> list[tuple[str, str]]:
        """Return bridge and uniqueid of each bridged channel, callers first, in the order in which Asterisk enters
        them."""
        members = [(c.bridge, c.uniqueid) for c in self.channels.values() if c.bridge]
        return sorted(members, key=lambda one: is_leg(one[1]))

    def has_second_line(self, leg: Channel) -> bool:
        """Return whether the phone of this agent's leg has a second line for a consult."""
        seat = endpoint_of(leg.name)
        return any(is_line(c.uniqueid, c.context) and endpoint_of(c.name) == seat for c in self.channels.values())

    def callers_by_bridge(self) -> dict[str, str]:
        """Return the caller of each bridge: the first channel that is neither an agent's leg nor a second line."""
        found: dict[str, str] = {}
        for channel in self.channels.values():
            if channel.bridge and channel.bridge not in found and not is_leg(channel.uniqueid) \
                    and not is_line(channel.uniqueid, channel.context):
                found[channel.bridge] = channel.uniqueid
        return found

    def meetings_by_leg(self, partners: Mapping[str, str]) -> dict[str, ContactId]:
        """Return the leg of the consulting agent for each consultant's leg, where both are bridged without the caller.

        `partners` are the callers by bridge.
        """
        by_bridge: dict[str, list[str]] = {}
        for channel in self.channels.values():
            if channel.bridge and channel.bridge not in partners:
                by_bridge.setdefault(channel.bridge, []).append(channel.uniqueid)
        legs = [one for one in self.channels if is_leg(one)] if by_bridge else []
        found = [find_meeting(members, legs) for members in by_bridge.values()]
        return {one.asked: one.first for one in found if one is not None}


async def take_snapshot(link: Link) -> Snapshot:
    """Ask Asterisk for its state on the link for events, so that the events before and after keep their order.

    Raise LinkError if the link fails.
    """
    status = await link.run_action({"Action": "CoreStatus"})
    devices = await link.list_action({"Action": "DeviceStateList"}, LIST_DEADLINE_S)
    channels = await link.list_action({"Action": "CoreShowChannels"}, LIST_DEADLINE_S)
    found = {}
    for item in channels:
        name, uniqueid = item.get("Channel"), item.get("Uniqueid")
        # The ghost of a channel that `Bridge()` has taken over.
        if not name.startswith("Surrogate/"):
            found[uniqueid] = Channel(uniqueid, name, item.get("ChannelStateDesc"), item.get("BridgeId"),
                                      item.get("Context"))
    return Snapshot(f"{status.get('CoreStartupDate')} {status.get('CoreStartupTime')}".strip(), found,
                    tuple((item.get("Device"), item.get("State")) for item in devices))


async def read_holds(link: Link, now: Snapshot, offers: Iterable[LiveOffer]) -> dict[str, bool]:
    """Return for agents' legs in a bridge whether the phone has the other end on hold.

    Legs that have ended, or that are no phone's, are left out. Raise LinkError if the link fails.
    """
    found = {}
    for offer in offers:
        channel = now.channels.get(offer.leg)
        if channel is None or not channel.bridge:
            continue
        reply = await link.run_action({"Action": "Getvar", "Channel": offer.leg, "Variable": ON_HOLD})
        if reply.ok and reply.get("Value") in ("0", "1"):
            found[offer.leg] = reply.get("Value") == "1"
    return found


async def read_recordings(link: Link, now: Snapshot, offers: Iterable[LiveOffer]) -> dict[OfferId, Recording]:
    """Return the talks that are recorded, and whether the recording is paused. Raise LinkError if the link fails.

    `MIXMONITOR_FILENAME` stays after the end of a recording, but the dialplan and the node empty `SC_RECORD` then.
    """
    found: dict[OfferId, Recording] = {}
    for offer in offers:
        channel = now.channels.get(offer.leg)
        if channel is None or not channel.bridge:
            continue
        # Most talks are not recorded, and are asked one question only.
        if await _read_variable(link, offer.leg, MIXMONITOR_FILE) and await _read_variable(link, offer.leg, RECORD):
            paused = await _read_variable(link, offer.leg, RECORDING_PAUSED)
            found[offer.offer] = "paused" if paused == "1" else "on"
    return found


async def _read_variable(link: Link, leg: str, variable: str) -> str:
    reply = await link.run_action({"Action": "Getvar", "Channel": leg, "Variable": variable})
    return reply.get("Value") if reply.ok else ""


async def stale_consults(link: Link, now: Snapshot, offers: Iterable[LiveOffer]) -> list[str]:
    """Return agents' legs that are with their caller, but carry the mark of a consult.

    The node or its link was lost between the mark and the caller's way into the hold loop. At the end of the talk such
    a mark would let the agent wait for nobody. Raise LinkError if the link fails.
    """
    found, partners = [], now.callers_by_bridge()
    for offer in offers:
        channel = now.channels.get(offer.leg)
        if channel is None or not channel.bridge or partners.get(channel.bridge) != offer.contact:
            continue
        reply = await link.run_action({"Action": "Getvar", "Channel": offer.leg, "Variable": CONSULTS})
        if reply.ok and reply.get("Value") == "1":
            found.append(offer.leg)
    return found


def diff_events(now: Snapshot, contacts: Iterable[LiveContact], offers: Iterable[LiveOffer], *, restarted: bool = False,
                past: Mapping[str, ChannelPast] | None = None, held: Mapping[str, bool] | None = None) -> list[Event]:
    """Return the events that bring the engine's view to Asterisk's state. Pure.

    Offers come first, because a talk must end before its contact does. `past` holds the CEL times of the channels of
    `channels_to_explain`. `held` comes from `read_holds`.
    """
    # 1. Gather what the snapshot says of bridges and consults.
    events: list[Event] = []
    contacts, offers = list(contacts), list(offers)
    seen, partners, together = past or {}, now.callers_by_bridge(), set(misbridged_callers(now, contacts))
    met, asking = now.meetings_by_leg(partners), {
        one.contact: one.leg for one in offers if one.state is OfferState.CONSULTING}
    # 2. Compare each offer with its legs.
    for offer in offers:
        other = now.channels.get(partner_leg_id(offer.offer, offer.contact)) if offer.partner_rings else None
        if other is not None and other.state == "Up":
            events.append(OfferAnswered(offer.offer, True))  # first, so that this agent misses nothing that follows
        if offer.contact in together and offer.state is OfferState.ACCEPTED:
            events.append(TransferRequested(offer.offer, gone=True))
        elif offer.dialling and offer.contact not in now.channels:
            events.append(CallbackFailed(offer.offer, "failed"))
        elif not offer.leg_requested:
            continue  # no leg yet: this callback dials the caller first
        elif offer.leg in now.channels:
            events += _leg_alive(now, offer, partners, seen, met.get(offer.leg))
            with_ = partners.get(now.channels[offer.leg].bridge)
            on = (held or {}).get(offer.leg, offer.held)
            if with_ == offer.contact and offer.state is not OfferState.CONSULTING and on is not offer.held:
                events.append(HoldSet(offer.offer, on))
        else:
            events += _leg_gone(now, offer, seen, restarted, asking.get(offer.contact))
    # 3. Compare each contact with its channel.
    for contact in contacts:
        channel = now.channels.get(contact.contact)
        # Also of a channel that has ended: the caller of a callback was real, and is called back.
        if not contact.shown and (channel is not None or contact.contact in seen):
            events.append(ChannelShown(contact.contact))
        if _may_have_talked(contact, channel):
            events += _past_talks(now, contact, seen, {offer.leg for offer in offers}, restarted)
        if channel is not None and channel.context == CONTEXT_FALLBACK and contact.state is not ContactState.ASSIGNED:
            # No agent may be led to a caller whom the fallback queue has given to an agent, or for whom it rings.
            talks = seen.get(contact.contact, ChannelPast())
            events.append(ContactExited(contact.contact, "fallback", exited_at=talks.fallback_talk,
                                        seat=SeatId(talks.member)) if channel.bridge
                          else FallbackEntered(contact.contact))
        elif channel is None and contact.dialling:
            events.append(failed_dial(contact.contact, None, "failed"))
        elif channel is None:
            gone = seen.get(contact.contact, ChannelPast())
            # A caller whom the fallback queue gave to an agent did not hang up while waiting.
            talked = gone.fallback_talk if contact.state is not ContactState.ASSIGNED else None
            events.append(
                CallerHungUp(contact.contact, gone.ended, restarted, gone.cause in DROP_CAUSES) if talked is None
                else ContactExited(contact.contact, "fallback", exited_at=talked, seat=SeatId(gone.member),
                                   talk_s=gone.fallback_talk_s))
    return events


def channels_to_explain(now: Snapshot, contacts: Iterable[LiveContact], offers: Iterable[LiveOffer]) -> set[str]:
    """Return the channels of which something happened at an unknown time: they ended or were bridged."""
    contacts, offers = list(contacts), list(offers)
    ended = {contact.contact for contact in contacts if not contact.dialling
             and (_is_gone_or_in_fallback(channel := now.channels.get(contact.contact))
                  or _may_have_talked(contact, channel))}
    talks = {leg_id(one.offer, one.contact) for one in found_talks(now, offers, contacts)}
    return ended | talks | {offer.leg for offer in offers if offer.leg not in now.channels
                            or (offer.state in RINGING_OFFER and (
                                now.channels[offer.leg].bridge or offer.contact not in now.channels))}


def _is_gone_or_in_fallback(channel: Channel | None) -> bool:
    return channel is None or (channel.context == CONTEXT_FALLBACK and bool(channel.bridge))


def _may_have_talked(contact: LiveContact, channel: Channel | None) -> bool:
    """Return whether a contact that waits for the engine may have talked: the caller is gone, or hears the good-bye."""
    return contact.state is not ContactState.ASSIGNED and not contact.dialling and (
        channel is None or channel.context in (CONTEXT_AFTER_TALK, CONTEXT_BYE))


def _past_talks(now: Snapshot, contact: LiveContact, past: Mapping[str, ChannelPast], live: Container[str],
                restarted: bool) -> list[Event]:
    """Return the events of talks that began and ended in the gap, by legs of offers that were over for the engine.

    A talk in which Asterisk died has no end in the file.
    """
    events: list[Event] = []
    caller, stays = past.get(contact.contact, ChannelPast()), contact.contact in now.channels
    for uniqueid, leg in past.items():
        ids = parse_leg_id(uniqueid)
        if ids is None or ids[1] != contact.contact or leg.entered is None \
                or (leg.ended is None and not restarted) or uniqueid in live or uniqueid in now.channels:
            continue
        events += (TalkFound(*ids, leg.entered), *_ends(ids[0], leg, caller, stays, restarted))
    return events


def _leg_gone(now: Snapshot, offer: LiveOffer, past: Mapping[str, ChannelPast], restarted: bool,
              first: str | None) -> list[Event]:
    """Return the events for an offer whose leg is gone. `first` is the leg of the agent who consults about this caller.
    """
    leg, caller = past.get(offer.leg, ChannelPast()), past.get(offer.contact, ChannelPast())
    # 1. The consulting agent's leg is gone, or the phone never talked.
    if offer.state is OfferState.CONSULTING:
        return [OfferEnded(offer.offer, "hangup")]
    if offer.state is not OfferState.ACCEPTED and leg.entered is None:
        return [OfferEnded(offer.offer, "failed")]  # nobody's fault: the gap hides what happened
    # 2. A consultant's leg: find out whether the caller was ever theirs.
    if first is not None and offer.state is not OfferState.ACCEPTED:
        ended: list[Event] = [OfferEnded(offer.offer, "hangup")]
        if first in now.channels:  # the caller still belongs to the consulting agent
            return ended if offer.with_consulting_agent else [OfferConnected(offer.offer, ContactId(first)), *ended]
        left = past.get(first, ChannelPast()).ended
        if left is None or leg.ended is None or leg.ended < left + SAME_END_S:
            return ended
        leg = leg._replace(entered=max(left, leg.entered or left))  # the caller was theirs after the other agent left
    # 3. A talk has ended.
    events: list[Event] = []
    if offer.state is not OfferState.ACCEPTED:  # the whole talk happened in the gap
        events.append(OfferConnected(offer.offer, offer.contact, leg.entered))
    return [*events, *_ends(offer.offer, leg, caller, offer.contact in now.channels, restarted)]


def _ends(offer: OfferId, leg: ChannelPast, caller: ChannelPast, stays: bool, restarted: bool = False) -> list[Event]:
    """Return the events for the end of a talk. `stays` tells that the caller is still there.

    If the caller stayed longer than the leg, the agent ended the talk, unless the phone vanished. A caller who is there
    then waits again. One who has gone meanwhile was cut.
    """
    goes_on = leg.ended is not None and caller.ended is not None and caller.ended - leg.ended > SAME_END_S
    vanished = leg.cause in LOST_CAUSES
    if stays:
        by = LOST if vanished else "agent"
    elif vanished or (not goes_on and caller.cause in DROP_CAUSES):
        by = DROPPED
    else:
        by = "agent" if goes_on else "caller"
    if restarted and caller.ended is None and by == "caller":
        by = DROPPED  # no end was seen: the call vanished with its Asterisk
    return [TalkEnded(offer, by, leg.ended), OfferEnded(offer, LOST if vanished else "hangup")]


def _leg_alive(now: Snapshot, offer: LiveOffer, partners: Mapping[str, str], past: Mapping[str, ChannelPast],
               first: ContactId | None) -> list[Event]:
    """Return the events for an offer whose leg is alive. `first` is the leg of the consulting agent in the same bridge.
    """
    leg = now.channels[offer.leg]
    partner = partners.get(leg.bridge, "")
    accepted = offer.state is OfferState.ACCEPTED
    # A bridge with another caller than the offer's is reported too: the engine judges it.
    if partner:
        if partner == offer.contact \
                and (accepted or (offer.state is OfferState.CONSULTING and now.has_second_line(leg))):
            return []
        return [OfferConnected(offer.offer, ContactId(partner), past.get(offer.leg, ChannelPast()).entered)]
    if offer.state is OfferState.CONSULTING:
        return []
    # The caller of a talk has gone, and the leg goes next. The begin of the talk may be in the gap as well.
    entered = past.get(offer.leg, ChannelPast()).entered
    if accepted or (entered is not None and first is None and offer.contact not in now.channels):
        caller = past.get(offer.contact, ChannelPast())
        begun = [] if accepted else [OfferConnected(offer.offer, offer.contact, entered)]
        return [] if offer.contact in now.channels else [
            *begun, TalkEnded(offer.offer, DROPPED if caller.cause in DROP_CAUSES else "caller", caller.ended)]
    if first is not None:
        return [] if offer.with_consulting_agent else [OfferConnected(offer.offer, first)]
    if leg.state == "Up":
        return [] if offer.answered else [OfferAnswered(offer.offer)]
    return [OfferRinging(offer.offer)] if leg.state == "Ringing" and not offer.rings else []


def misbridged_callers(now: Snapshot, contacts: Iterable[LiveContact]) -> list[ContactId]:
    """Return callers who share a bridge with another caller.

    A phone's transfer key named two talks while nobody listened.
    """
    by_bridge: dict[str, list[ContactId]] = {}
    for contact in contacts:
        channel = now.channels.get(contact.contact)
        if channel is not None and channel.bridge:
            by_bridge.setdefault(channel.bridge, []).append(contact.contact)
    return [one for found in by_bridge.values() if len(found) > 1 for one in found]


def found_talks(now: Snapshot, offers: Iterable[LiveOffer], contacts: Iterable[LiveContact],
                past: Mapping[str, ChannelPast] | None = None) -> list[TalkFound]:
    """Return the talks of callers who wait, for the engine, by an agent's leg of no live offer.

    The news of the answer were lost, or the agent has transferred the caller and Asterisk never heard of it. The engine
    knows. `past` holds the CEL times of the legs.
    """
    return [TalkFound(*ids, (past or {}).get(leg, ChannelPast()).entered)
            for leg, partner, waits in _unknown_legs(now, offers, contacts)
            if waits and (ids := parse_leg_id(leg)) is not None and ids[1] == partner]


def stray_legs(now: Snapshot, offers: Iterable[LiveOffer], contacts: Iterable[LiveContact] = ()) -> list[str]:
    """Return agents' legs that belong to no live offer and talk with nobody, for example phones that ring for an ended
    call.

    A leg is also stray if it is with another caller than its own, who waits for the engine.
    """
    return [leg for leg, partner, waits in _unknown_legs(now, offers, contacts)
            if partner is None or (waits and ((ids := parse_leg_id(leg)) is None or ids[1] != partner))]


def _unknown_legs(now: Snapshot, offers: Iterable[LiveOffer],
                  contacts: Iterable[LiveContact]) -> Iterator[tuple[str, str | None, bool]]:
    """Yield agents' legs of no live offer, each with the caller in its bridge, and whether the caller waits."""
    known, partners = set[str](), now.callers_by_bridge()
    waits = {contact.contact for contact in contacts if contact.state is not ContactState.ASSIGNED}
    for offer in offers:
        known |= {offer.leg, partner_leg_id(offer.offer, offer.contact)}
    for channel in now.channels.values():
        if is_leg(channel.uniqueid) and channel.uniqueid not in known:
            partner = partners.get(channel.bridge)
            yield channel.uniqueid, partner, partner in waits
