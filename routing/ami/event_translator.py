"""Translate AMI events into events of the engine. `actions` translates in the other direction.

These measurements on Asterisk 22.10.1 decide the shape:

- The order of DialEnd, Newstate and OriginateResponse varies, and only `Hangup` knows the cause. So an offer whose leg
  has a live channel ends by its `Hangup` alone, which follows the others within milliseconds.
- Without a registered phone or endpoint there is an OriginateResponse alone, and never a channel. A second Originate
  with the id of a live leg fails with *that leg's* Uniqueid. So a failure counts only without a channel of that id.
- A phone that has silently vanished never gives Newstate Ringing. Its cause 19 means `unreachable`, not `no_answer`.
- Endpoints do not follow a 302 (the leg ends with cause 23), and a leg is the seat's own PJSIP channel. So neither a
  redirection nor a voicemail is ever an answer.
- `Surrogate/...` is the ghost of a channel that `Bridge()` has taken over: no event about it means anything.
- The device state already sums up a phone's registrations, so ContactStatus adds nothing about reachability.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from routing.ami import dropped_calls, hangup_causes, talk_recordings
from routing.ami.actions import ANSWERED_ELSEWHERE, CONTEXT_FALLBACK
from routing.ami.agent_meetings import find_meeting
from routing.ami.bridges import Bridges
from routing.ami.callback_dialling import PendingDials
from routing.ami.line_counts import RefusalCounter
from routing.ami.phone_states import PhoneStates, endpoint_of
from routing.ami.second_lines import SecondLines
from routing.ami.shown_channels import ShownChannels
from routing.ami.wire import Message
from routing.core.events import (
    CallerHungUp,
    ContactExited,
    Event,
    HoldSet,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    TalkEnded,
    TransferRequested,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId, is_leg, parse_leg_id, parse_partner_leg_id

WANTED = frozenset({
    "FullyBooted", "Newchannel", "Newstate", "DialBegin", "DialState", "DialEnd", "BridgeEnter", "BridgeLeave",
    "Hangup", "OriginateResponse", "DeviceStateChange", "BlindTransfer", "AttendedTransfer", "Hold", "Unhold",
    "Shutdown",
}) | dropped_calls.HANGUP_EVENTS | talk_recordings.EVENTS
"""Events that the codec passes on. It drops all others while they are still bytes."""

LEGS_MAX = 4_000
"""Agents' legs known at once: ten times a big centre. The oldest is forgotten first, and the audit finds it."""
ENDED_LEGS_MAX = 2_000
"""Ended legs remembered, so that an OriginateResponse after the Hangup ends no offer twice."""

ByNumber = Callable[[str], tuple[ServiceId | None, AgentId | None]]


@dataclass(slots=True)
class _Leg:
    offer: OfferId
    rang: bool = False
    up: bool = False
    bridged_with: str = ""
    """Uniqueid of the channel with which the leg talks or has talked."""
    was_parted: bool = False
    """The leg has left the bridge with that channel, so the next bridge is reported again."""
    left_first: str = ""
    """Party that left the bridge first: `agent` or `caller`."""
    end_reported: bool = False
    partner: bool = False
    """The leg is the partner's of a pair: it rings and joins, and the first agent's leg reports the offer."""
    seat: str = ""
    """The phone of the leg."""
    held: bool = False
    """The phone has put the other end on hold."""


class EventTranslator:
    """Translate AMI events into events of the engine.

    `is_contact(uniqueid)` tells whether the engine knows that caller. `is_seat(name)` tells whether an endpoint is a
    seat, not a trunk. `outside` holds the endpoints of remote counsellors.

    `by_number` returns the service and the agent to whom a number leads. It serves numbers that a phone's transfer key
    named.
    """

    def __init__(self, is_contact: Callable[[str], bool], is_seat: Callable[[str], bool] = lambda _: True,
                 outside: Collection[str] = (), by_number: ByNumber = lambda number: (None, None)) -> None:
        self._is_contact = is_contact
        self._outside = outside
        self._by_number = by_number
        self._legs: OrderedDict[str, _Leg] = OrderedDict()
        self._over: OrderedDict[str, None] = OrderedDict()
        self._bridges = Bridges()
        self.phones = PhoneStates(is_seat)
        self.lines = SecondLines(is_seat)
        self.shown = ShownChannels()
        self.dials = PendingDials()
        self.dropped = dropped_calls.DroppedCalls()
        self.refusals = RefusalCounter()
        self.recordings = talk_recordings.TalkRecordings()
        self._fallback_rings: dict[str, str] = {}
        """Callers in the fallback queue by the phone's channel that rings for them."""
        self._late: dict[str, list[OfferId]] = {}
        """Ended talks by caller, held back until the caller's `Hangup`, which tells whether the line was lost."""
        self.doubts: set[str] = set()
        """Contacts whose end in the middle of a talk has only one event as proof. A look at Asterisk decides."""
        self.joined: list[tuple[ContactId, str]] = []
        """Callers whom the transfer key has bridged with a consultant, with the consultant's leg. They pass the
        dialplan again."""
        self._handlers: dict[str, Callable[[Message], list[Event]]] = {
            "Newchannel": self._on_newchannel, "Newstate": self._on_newstate, "DialBegin": self._on_dialbegin,
            "DialState": self._on_dialstate,
            "DialEnd": self._on_dialend, "BridgeEnter": self._on_bridge_enter, "BridgeLeave": self._on_bridge_leave,
            "Hangup": self._on_hangup, "OriginateResponse": self._on_originate_response,
            "BlindTransfer": self._on_blind_transfer,
            "AttendedTransfer": self._on_attended_transfer,
            "DeviceStateChange": lambda m: self.phones.apply_state(m.get("Device"), m.get("State")),
            "Hold": lambda m: self._on_hold(m, True), "Unhold": lambda m: self._on_hold(m, False),
        }

    def translate_message(self, message: Message) -> list[Event]:
        """Return the events that one AMI event means to the engine, mostly none."""
        if message.name in talk_recordings.EVENTS:
            self.recordings.take_message(message)
        handler = self._handlers.get(message.name)
        if message.name in dropped_calls.HANGUP_EVENTS:
            self.dropped.note_request(message)
        if handler is None or message.get("Channel").startswith("Surrogate/"):
            return []
        # A dialled caller causes two events, not reached and gone. Only one of them is news to the engine.
        return [*self.dials.take_message(message), *handler(message)] if self.dials else handler(message)

    def adopt_snapshot(self, legs: Iterable[tuple[str, bool, bool]], bridges: Iterable[tuple[str, str]],
                       seats: Iterable[tuple[str, str]], places: Iterable[tuple[str, str, str]] = (),
                       held: Mapping[str, bool] | None = None) -> list[Event]:
        """Begin again from a snapshot. Return the states of the seats, and awaited channels that are there, as events.

        `legs` are (uniqueid, rings, up), `bridges` are (bridge, uniqueid) and `seats` are (device, state). `places` are
        (uniqueid, name, context) of all channels. `held` tells which legs have the other end on hold.
        `resync.diff_events` tells what the rest of a snapshot means.
        """
        # 1. Forget everything: events of the gap are missing.
        self._legs.clear()
        self._bridges.forget_all()
        self.phones.forget_all()
        self.lines.forget_all()
        self.doubts.clear()
        self.joined.clear()
        self.dials.forget_all()
        self.dropped.forget_all()
        self._late.clear()
        self._fallback_rings.clear()
        # 2. Learn legs and channels before bridges: the members of a bridge are looked up there.
        for uniqueid, rings, up in legs:
            leg = self._leg_of(uniqueid)
            if leg is not None:
                leg.rang, leg.up, leg.held = rings or up, up, (held or {}).get(uniqueid, False)
        for uniqueid, name, context in places:
            self.lines.note_channel(uniqueid, endpoint_of(name), context)
            if uniqueid in self._legs:
                self._legs[uniqueid].seat = endpoint_of(name)
        found = self.shown.adopt_channels(uniqueid for uniqueid, _, _ in places)
        for bridge, uniqueid in bridges:
            self._add_to_bridge(bridge, uniqueid)
        return [*found, *self.phones.apply_list(seats)]

    def discard_leg(self, leg: str) -> None:
        """Forget a leg that was not dialled and will not be."""
        self._forget_leg(leg)

    def has_ended(self, leg: str) -> bool:
        """Return whether the end of this leg was reported."""
        return leg in self._over

    def has_caller(self, leg: str) -> bool:
        """Return whether an agent's leg is in a bridge with its caller."""
        known = self._legs.get(leg)
        return known is not None and self._bridges.share_bridge(leg, known.bridged_with)

    def count_remembered(self) -> int:
        """Return how many things are remembered: none while no call is up, except seats and ended legs."""
        return len(self._legs) + len(self._bridges) + self.phones.count_channels() + len(self.lines) \
            + len(self.shown) + len(self.dropped) + len(self._late) + len(self._fallback_rings) + len(self.recordings)

    # -- agents' legs ------------------------------------------------------------------------------------------------

    def _leg_of(self, uniqueid: str) -> _Leg | None:
        leg = self._legs.get(uniqueid)
        if leg is None and uniqueid not in self._over:
            ids = parse_leg_id(uniqueid) or parse_partner_leg_id(uniqueid)
            if ids is None:
                return None
            if len(self._legs) >= LEGS_MAX:
                self._legs.popitem(last=False)
            leg = self._legs[uniqueid] = _Leg(ids[0], partner=parse_leg_id(uniqueid) is None)
        return leg

    def _on_newchannel(self, message: Message) -> list[Event]:
        uniqueid, channel = message.get("Uniqueid"), message.get("Channel")
        leg = self._leg_of(uniqueid)
        if leg is not None:
            leg.seat = endpoint_of(channel) or leg.seat
        self.phones.note_channel(uniqueid, channel)
        self.lines.note_channel(uniqueid, endpoint_of(channel), message.get("Context"))
        return self.shown.note_channel(uniqueid)

    def _on_dialbegin(self, message: Message) -> list[Event]:
        leg, caller = message.get("DestUniqueid"), message.get("Uniqueid")
        # Only app_queue dials for a caller. An Originate has no channel that dials.
        if caller and not is_leg(leg) and message.get("Context") == CONTEXT_FALLBACK:
            if len(self._fallback_rings) >= LEGS_MAX:
                self._fallback_rings.pop(next(iter(self._fallback_rings)))
            self._fallback_rings[leg] = caller
        self._leg_of(leg)
        return []

    def _on_newstate(self, message: Message) -> list[Event]:
        leg, state = self._leg_of(message.get("Uniqueid")), message.get("ChannelStateDesc")
        if leg is None:
            return []
        return self._report_ringing(leg) if state == "Ringing" else self._report_answered(leg) if state == "Up" else []

    def _on_dialstate(self, message: Message) -> list[Event]:
        """Report that a phone rings behind a gateway.

        Such a gateway may send 183 and never 180, so the channel never becomes `Ringing`.
        """
        leg = self._leg_of(message.get("DestUniqueid"))
        return self._report_ringing(leg) if leg is not None and message.get("DialStatus") == "PROGRESS" else []

    @staticmethod
    def _report_ringing(leg: _Leg) -> list[Event]:
        if leg.rang:
            return []
        leg.rang = True
        return [] if leg.partner else [OfferRinging(leg.offer)]

    def _on_dialend(self, message: Message) -> list[Event]:
        leg = self._leg_of(message.get("DestUniqueid"))
        if leg is None or message.get("DialStatus") != "ANSWER":
            return []
        return self._report_answered(leg)

    @staticmethod
    def _report_answered(leg: _Leg) -> list[Event]:
        if leg.up:
            return []
        leg.up = leg.rang = True
        return [OfferAnswered(leg.offer, leg.partner)]

    def _on_originate_response(self, message: Message) -> list[Event]:
        uniqueid = message.get("Uniqueid")
        # A live channel of that id means a second Originate with the same id, which fails without ending the leg.
        if message.get("Response") != "Failure" or uniqueid in self._legs:
            return []
        leg = self._leg_of(uniqueid)
        if leg is None:
            return []
        self._forget_leg(uniqueid)
        return [OfferEnded(leg.offer, "unreachable", leg.partner)]

    def _on_hold(self, message: Message, on: bool) -> list[Event]:
        leg = self._leg_of(message.get("Uniqueid"))
        if leg is None or not leg.bridged_with or leg.partner:
            return []
        leg.held = on
        return [HoldSet(leg.offer, on)]

    def _on_blind_transfer(self, message: Message) -> list[Event]:
        """Report a blind transfer by a phone's key. Asterisk sends this event before the end of the talk."""
        leg = self._legs.get(message.get("TransfererUniqueid"))
        if leg is None or leg.partner or message.get("Result") != "Success":
            return []
        return [TransferRequested(leg.offer, *self._by_number(message.get("Extension")), gone=True)]

    def _on_attended_transfer(self, message: Message) -> list[Event]:
        """Report a transfer by a phone's key with two lines.

        The consultant on the second line has the caller now. A second line without a consultant, for example with a
        spoken code, takes no caller. Such a caller waits in front for their own service.
        """
        # 1. Find the agent's leg at one of the two ends.
        ends = message.get("OrigTransfererUniqueid"), message.get("SecondTransfererUniqueid")
        leg = next((found for one in ends if (found := self._legs.get(one)) is not None and not found.partner), None)
        if leg is None or message.get("Result") != "Success" or not leg.bridged_with:
            return []
        # 2. Without a bridge to the second line of the same phone there is no consultant.
        leg.left_first = "agent"
        if message.get("DestType") != "Bridge" or not any(self.lines.seat_of(one) == leg.seat for one in ends):
            return [TransferRequested(leg.offer, gone=True)]
        # 3. Note the consultant's leg. It passes the dialplan again, which starts keys, limit and recording.
        asked = next((one for one in (message.get("TransfereeUniqueid"), message.get("TransferTargetUniqueid"))
                      if is_leg(one)), "")
        if asked:
            self.joined.append((ContactId(leg.bridged_with), asked))
        return []

    def take_joined(self) -> list[tuple[ContactId, str]]:
        """Return the callers in `joined` with their legs, and forget them."""
        taken, self.joined = self.joined, []
        return taken

    # -- bridges -----------------------------------------------------------------------------------------------------

    def _add_to_bridge(self, bridge: str, uniqueid: str) -> list[Event]:
        members = self._bridges.enter_bridge(bridge, uniqueid)
        callers = [one for one in members if not is_leg(one) and one not in self.lines]
        # Second lines are no callers. A bridge without a caller may be a consult.
        if not callers:
            return self._on_agents_meet(members)
        events = self._separate_callers(callers) if len(callers) > 1 else []
        for one in members:
            leg = self._leg_of(one)
            if leg is None:
                continue
            leg.up, leg.left_first = True, ""
            if leg.bridged_with != callers[0] or leg.was_parted:
                leg.bridged_with, leg.end_reported, leg.was_parted = callers[0], False, False
                # A partner's leg is reported only when it meets a caller of another offer.
                if not leg.partner or not one.endswith(f"-{callers[0]}"):
                    events.append(OfferConnected(leg.offer, ContactId(callers[0])))
        return events

    def _separate_callers(self, callers: list[str]) -> list[Event]:
        """Report that two callers are in one bridge, because a phone's transfer key named two talks.

        Each caller waits in front for their own service.
        """
        return [TransferRequested(leg.offer, gone=True) for leg in self._legs.values()
                if leg.bridged_with in callers and not leg.end_reported and not leg.partner]

    def _on_agents_meet(self, members: Sequence[str]) -> list[Event]:
        found = find_meeting(members, self._legs)
        if found is None:
            return []
        leg = self._leg_of(found.asked)
        if leg is not None:
            leg.up = True
        return [OfferConnected(found.offer, found.first)]

    def _on_bridge_enter(self, message: Message) -> list[Event]:
        uniqueid = message.get("Uniqueid")
        # The fallback queue has given a caller to an agent, perhaps in a ring that began before the node was back.
        served = self._fallback_rings.pop(uniqueid, None)
        exited: list[Event] = [] if served is None else [ContactExited(ContactId(served), "fallback")]
        return [*exited, *self._add_to_bridge(message.get("BridgeUniqueid"), uniqueid)]

    def _on_bridge_leave(self, message: Message) -> list[Event]:
        uniqueid = message.get("Uniqueid")
        left = self._bridges.leave_bridge(uniqueid) or ()
        leg = self._legs.get(uniqueid)
        if leg is not None:
            # The first party to leave decides the reason of the end, so a later one changes nothing.
            leg.left_first, leg.was_parted = leg.left_first or "agent", True
        for one in left:
            other = self._legs.get(one)
            if other is not None and other.bridged_with == uniqueid:
                other.left_first, other.was_parted = other.left_first or "caller", True
            elif other is not None and leg is not None and leg.partner:
                other.left_first = other.left_first or "agent"
        return []

    # -- ends --------------------------------------------------------------------------------------------------------

    def _on_hangup(self, message: Message) -> list[Event]:
        uniqueid = message.get("Uniqueid")
        cause = hangup_causes.cause_number(message)
        in_bridge = self._bridges.leave_bridge(uniqueid) is not None
        self._fallback_rings.pop(uniqueid, None)
        # 1. Read everything before the branches: each register must forget the channel.
        free = self.phones.end_channel(uniqueid)
        lost = self.dropped.take_dropped(uniqueid, cause)
        self.shown.end_channel(uniqueid)
        # 2. An agent's leg, or the second line of a phone.
        if is_leg(uniqueid):
            outside = endpoint_of(message.get("Channel")) in self._outside
            return [*free, *self._on_leg_gone(uniqueid, cause, outside)]
        if seat := self.lines.end_line(uniqueid):
            self.refusals.take_seat_hangup(seat, message)
            return [*free, *self._on_second_line_gone(seat, cause)]
        # 3. A call that found no line was never a contact. A flood of them must not reach the engine.
        if self.refusals.take_hangup(message):
            return free
        # 4. A caller. In a bridge the end is reported by BridgeLeave and Hangup, so a single event may be forged.
        if not self._is_contact(uniqueid):
            return free
        talks = [leg for leg in self._legs.values()
                 if leg.bridged_with == uniqueid and not leg.end_reported and not leg.partner]
        if in_bridge and talks:
            self.doubts.add(uniqueid)
            return free
        events: list[Event] = free
        for leg in talks:
            leg.end_reported = True
            by = leg.left_first or "caller"
            events.append(TalkEnded(leg.offer, "dropped" if lost and by == "caller" else by))
        # 5. Talks whose end waited for this event: the cause tells whether the line was lost.
        for offer in self._late.pop(uniqueid, ()):
            events += (TalkEnded(offer, "dropped" if lost else "caller"), OfferEnded(offer, "hangup"))
        return [*events, CallerHungUp(ContactId(uniqueid), dropped=lost)]

    def _on_second_line_gone(self, seat: str, cause: int) -> list[Event]:
        """Report the end of a phone's second line: the agent has the caller of the first line again.

        A lost phone loses both lines, although a leg on hold reports nothing for long. The look that follows ends the
        first line.
        """
        for uniqueid, leg in self._legs.items():
            if leg.seat == seat and leg.bridged_with and self._bridges.share_bridge(uniqueid, leg.bridged_with):
                if cause in hangup_causes.LOST_CAUSES:
                    leg.end_reported = True
                    self.doubts.add(leg.bridged_with)
                    return [OfferEnded(leg.offer, "lost")]
                again: list[Event] = [OfferConnected(leg.offer, ContactId(leg.bridged_with))]
                return [*again, HoldSet(leg.offer, True)] if leg.held else again
        return []

    def _on_leg_gone(self, uniqueid: str, cause: int, outside: bool) -> list[Event]:
        if uniqueid in self._over:
            return []
        leg = self._leg_of(uniqueid)
        assert leg is not None, "a leg's id is always known here"
        self._forget_leg(uniqueid)
        if not leg.bridged_with:
            # The caller talks with somebody else, perhaps unseen: a look at Asterisk finds the talk.
            if leg.up and cause == ANSWERED_ELSEWHERE:
                self.doubts.add(uniqueid.partition("-")[2])
            why = hangup_causes.agent_end_reason(cause, rang=leg.rang, up=leg.up, outside=outside)
            return [OfferEnded(leg.offer, why, leg.partner)]
        # A caller who left first explains the end, whatever the phone's cause says.
        lost = cause in hangup_causes.LOST_CAUSES and leg.left_first != "caller"
        if leg.partner:
            return self._on_partner_gone(uniqueid, leg, lost)
        ended: list[Event] = [OfferEnded(leg.offer, "lost" if lost else "hangup")]
        if leg.end_reported:
            return ended
        by = "lost" if lost else leg.left_first or "agent"
        # The caller's own Hangup follows and tells whether the line was lost.
        if by == "caller" and leg.bridged_with in self.dropped:
            self._late.setdefault(leg.bridged_with, []).append(leg.offer)
            return []
        return [TalkEnded(leg.offer, by), *ended]

    def _on_partner_gone(self, uniqueid: str, leg: _Leg, lost: bool) -> list[Event]:
        """Report that a partner who has talked leaves while the talk goes on."""
        lead = self._legs.get(f"o{uniqueid[1:]}")
        if lead is None or lead.end_reported:
            return []
        lead.end_reported = lost
        return [OfferEnded(leg.offer, "lost" if lost else "hangup", partner=True)]

    def _forget_leg(self, uniqueid: str) -> None:
        self._legs.pop(uniqueid, None)
        self.recordings.forget_leg(uniqueid)
        self._over[uniqueid] = None
        if len(self._over) > ENDED_LEGS_MAX:
            self._over.popitem(last=False)
