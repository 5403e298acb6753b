"""The only place where AMI's words and the engine's meet: events of Asterisk to core events, commands to actions.

What was measured on Asterisk 22.10.1 and decides the shape:

- The order of DialEnd, Newstate and OriginateResponse varies, and only `Hangup` knows the cause: while a leg's channel
  is alive an offer ends by its `Hangup` (which follows the others within milliseconds) and by nothing else.
- No phone registered or no such endpoint: OriginateResponse alone, no channel ever. A second Originate with the id of
  a living leg fails with *that leg's* Uniqueid: a failure is believed only when no channel of that id is alive.
- A ringing phone that is silently gone never gives Newstate Ringing: its cause 19 is `unreachable`, not `no_answer`.
- Endpoints do not follow a 302 (the leg ends with cause 23) and a leg is the seat's own PJSIP channel, so neither a
  redirection nor somebody's voicemail is ever an answer.
- `Surrogate/...` is the ghost of a channel taken over by `Bridge()`: no event about it means anything.
- Device state already sums up a phone's registrations, so ContactStatus says nothing more about reachability.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from routing.ami.dialling import Dials
from routing.ami.wire import BadAction, Message
from routing.core.commands import Consult, Offer, Overflow, Partner, Rescind, SendOn, TakeBack
from routing.core.events import (
    ContactGone,
    Event,
    Held,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    SeatChanged,
    TalkEnded,
    TransferAsked,
)
from routing.core.ids import (
    AgentId,
    ContactId,
    OfferId,
    SeatId,
    ServiceId,
    is_leg,
    leg_id,
    parse_leg_id,
    parse_partner_leg_id,
    partner_leg_id,
)
from routing.core.model import AnswerMode

WANTED = frozenset({
    "FullyBooted", "Newchannel", "Newstate", "DialBegin", "DialEnd", "BridgeEnter", "BridgeLeave", "Hangup",
    "OriginateResponse", "DeviceStateChange", "BlindTransfer", "Hold", "Unhold", "Shutdown",
})
"""Events handed on by the codec; everything else is dropped in the bytes."""

LEGS_MAX = 4_000
"""Agents' legs known at once: ten times a big centre. The oldest is forgotten first; the audit finds what it was."""
MEMBERS_MAX = 8_000
"""Channels in bridges known at once."""
OVER_MAX = 2_000
"""Ended legs remembered, so that an OriginateResponse coming after the Hangup ends nothing twice."""
SEATS_MAX = 5_000
LINES_MAX = 8_000
"""Channels of phones known at once: a phone has one, rarely two."""

CONTEXT_AGENT = "santral-agent"
CONTEXT_CALLING = "santral-calling"
"""The agent's leg of a callback: like `santral-agent`, but the caller comes when the agent is there."""
CALLS_BACK = "Geri arama:"
"""Before the service on the display of an agent's phone."""
CONTEXT_NET = "santral-net"
CONTEXT_SENT = "santral-sent"
CONTEXT_CONSULT = "santral-consult"
ByNumber = Callable[[str], tuple[ServiceId | None, AgentId | None]]
CAUSE_OURS = 26
"""`Answered elsewhere`: phones show no missed call."""

_BUSY, _NO_ANSWER, _REJECTED = {17}, {18, 19}, {21, 23}
_UNREACHABLE = {1, 3, 20, 27, 38, 41, 42, 44}
"""Unallocated, no route, absent, out of order, network or temporary failure, congestion, no such channel."""
_LOST = {3, 20, 27, 38, 41, 42, 44}
"""Of a leg that talked: the phone or its network vanished (chan_pjsip ends a leg without RTP with 44)."""
_IN_USE = {"INUSE", "BUSY", "RINGING", "RINGINUSE", "ONHOLD"}
_AWAY = {"UNAVAILABLE", "INVALID"}


@dataclass(slots=True)
class _Leg:
    offer: OfferId
    rang: bool = False
    up: bool = False
    with_: str = ""
    """Uniqueid of the channel it talks, or talked, with."""
    apart: bool = False
    """It was parted from that channel: together again is told again."""
    left_first: str = ""
    """`agent` or `caller`: who left the bridge first."""
    told: bool = False
    """TalkEnded was given."""
    partner: bool = False
    """It is that of the other one of a pair: it rings and joins, and the agent's leg tells of the offer."""


class Translator:
    """AMI events to core events. `is_contact(uniqueid)`: whether the engine knows that caller; `is_seat(name)`: whether
    an endpoint is a seat (a trunk is not); `outside`: endpoints of remote counsellors; `by_number`: the service and
    agent to whom a number leads that a phone's transfer key named."""

    def __init__(self, is_contact: Callable[[str], bool], is_seat: Callable[[str], bool] = lambda _: True,
                 outside: Collection[str] = (), by_number: ByNumber = lambda number: (None, None)) -> None:
        self._is_contact = is_contact
        self._is_seat = is_seat
        self._outside = outside
        self._by_number = by_number
        self._legs: OrderedDict[str, _Leg] = OrderedDict()
        self._over: OrderedDict[str, None] = OrderedDict()
        self._bridges: dict[str, list[str]] = {}
        self._where: OrderedDict[str, str] = OrderedDict()
        self._seats: dict[str, tuple[bool, bool]] = {}
        self._heard: set[str] = set()
        """Phones heard of since `look`."""
        self._lines: OrderedDict[str, str] = OrderedDict()
        """Channels of phones, by Uniqueid: whose."""
        self._counted: dict[str, int] = {}
        """How many of them a phone has; only of phones that were seen free since we listen, so that none is missing."""
        self.dials = Dials()
        self.doubts: set[str] = set()
        """Contacts whose end one event alone told, in the middle of a talk: to be looked at before it is believed."""
        self._handlers: dict[str, Callable[[Message], list[Event]]] = {
            "Newchannel": self._newchannel, "Newstate": self._newstate, "DialBegin": self._dialbegin,
            "DialEnd": self._dialend, "BridgeEnter": self._enter, "BridgeLeave": self._leave,
            "Hangup": self._hangup, "OriginateResponse": self._originated, "DeviceStateChange": self._device,
            "BlindTransfer": self._sent_on,
            "Hold": lambda m: self._hold(m, True), "Unhold": lambda m: self._hold(m, False),
        }

    def translate(self, message: Message) -> list[Event]:
        """What one AMI event means to the engine; mostly nothing."""
        handler = self._handlers.get(message.name)
        if handler is None or message.get("Channel").startswith("Surrogate/"):
            return []
        # Of a dialled caller both are told, that they did not come and that they are gone: one of the two is news.
        return [*self.dials.take(message), *handler(message)] if self.dials else handler(message)

    def adopt(self, legs: Iterable[tuple[str, bool, bool]], bridges: Iterable[tuple[str, str]],
              seats: Iterable[tuple[str, str]]) -> list[Event]:
        """Begin anew from a snapshot: `legs` (uniqueid, rings, up), `bridges` (bridge, uniqueid) and `seats` (device,
        state). Gives the seats' states as events; what the rest means is `resync.diff`'s to say."""
        self._legs.clear()
        self._bridges.clear()
        self._where.clear()
        self._seats.clear()
        self._heard.clear()
        self._lines.clear()
        self._counted.clear()
        self.doubts.clear()
        self.dials.clear()
        for uniqueid, rings, up in legs:
            leg = self._leg(uniqueid)
            if leg is not None:
                leg.rang, leg.up = rings or up, up
        for bridge, uniqueid in bridges:
            self._join(bridge, uniqueid)
        return self.seats(seats)

    def look(self) -> None:
        """A list of phones is about to be asked for: what is heard of a phone from now on is newer than the list."""
        self._heard.clear()

    def seats(self, states: Iterable[tuple[str, str]]) -> list[Event]:
        """What is new about phones, from a list of (device, state). Those heard of since `look` are passed over: a
        phone that was hung up meanwhile would be busy again, until the next list a minute later."""
        return [event for device, state in states if device.removeprefix("PJSIP/") not in self._heard
                for event in self._seat(device, state)]

    def never_was(self, leg: str) -> None:
        """This leg was not dialled and will not be."""
        self._forget_leg(leg)

    def is_over(self, leg: str) -> bool:
        """Whether this leg's end was heard of."""
        return leg in self._over

    def size(self) -> int:
        """How many things are remembered. Zero when no call is up (seats and ended legs apart)."""
        return len(self._legs) + len(self._bridges) + len(self._where) + len(self._lines)

    # -- agents' legs ------------------------------------------------------------------------------------------------

    def _leg(self, uniqueid: str) -> _Leg | None:
        leg = self._legs.get(uniqueid)
        if leg is None and uniqueid not in self._over:
            ids = parse_leg_id(uniqueid) or parse_partner_leg_id(uniqueid)
            if ids is None:
                return None
            if len(self._legs) >= LEGS_MAX:
                self._legs.popitem(last=False)
            leg = self._legs[uniqueid] = _Leg(ids[0], partner=parse_leg_id(uniqueid) is None)
        return leg

    def _newchannel(self, message: Message) -> list[Event]:
        uniqueid = message.get("Uniqueid")
        self._leg(uniqueid)
        self._line_begins(uniqueid, message.get("Channel"))
        return []

    def _dialbegin(self, message: Message) -> list[Event]:
        self._leg(message.get("DestUniqueid"))
        return []

    def _newstate(self, message: Message) -> list[Event]:
        leg, state = self._leg(message.get("Uniqueid")), message.get("ChannelStateDesc")
        if leg is None:
            return []
        if state == "Ringing" and not leg.rang:
            leg.rang = True
            return [] if leg.partner else [OfferRinging(leg.offer)]
        return self._answered(leg) if state == "Up" else []

    def _dialend(self, message: Message) -> list[Event]:
        leg = self._leg(message.get("DestUniqueid"))
        if leg is None or message.get("DialStatus") != "ANSWER":
            return []
        return self._answered(leg)

    @staticmethod
    def _answered(leg: _Leg) -> list[Event]:
        if leg.up:
            return []
        leg.up = leg.rang = True
        return [] if leg.partner else [OfferAnswered(leg.offer)]

    def _originated(self, message: Message) -> list[Event]:
        uniqueid = message.get("Uniqueid")
        if message.get("Response") != "Failure" or uniqueid in self._legs:
            return []
        leg = self._leg(uniqueid)
        if leg is None:
            return []
        self._forget_leg(uniqueid)
        return [OfferEnded(leg.offer, "unreachable", leg.partner)]

    def _hold(self, message: Message, on: bool) -> list[Event]:
        leg = self._leg(message.get("Uniqueid"))
        return [] if leg is None or not leg.with_ or leg.partner else [Held(leg.offer, on)]

    def _sent_on(self, message: Message) -> list[Event]:
        """The transfer key of a phone. Asterisk says so before it says that the talk is over."""
        leg = self._legs.get(message.get("TransfererUniqueid"))
        if leg is None or leg.partner or message.get("Result") != "Success":
            return []
        return [TransferAsked(leg.offer, *self._by_number(message.get("Extension")), gone=True)]

    # -- bridges -----------------------------------------------------------------------------------------------------

    def _join(self, bridge: str, uniqueid: str) -> list[Event]:
        self._part(uniqueid)
        if len(self._where) >= MEMBERS_MAX:
            self._part(next(iter(self._where)))
        members = self._bridges.setdefault(bridge, [])
        members.append(uniqueid)
        self._where[uniqueid] = bridge
        callers = [one for one in members if not is_leg(one)]
        if not callers:
            return self._agents_meet(members)
        events: list[Event] = []
        for one in members:
            leg = self._leg(one)
            if leg is None:
                continue
            leg.up, leg.left_first = True, ""
            if leg.with_ != callers[0] or leg.apart:
                leg.with_, leg.told, leg.apart = callers[0], False, False
                if not leg.partner or not one.endswith(f"-{callers[0]}"):  # a partner's is told when it is a stranger
                    events.append(OfferConnected(leg.offer, ContactId(callers[0])))
        return events

    def _agents_meet(self, members: list[str]) -> list[Event]:
        """Two legs of one caller's, without the caller: the one that was dialled later was asked by the other."""
        found = sorted((ids, one) for one in members if (ids := parse_leg_id(one)) is not None)
        if len(found) != 2 or found[0][0][1] != found[1][0][1]:
            return []
        (_, first), ((offer, _), asked) = found
        leg = self._leg(asked)
        if leg is not None:
            leg.up = True
        return [OfferConnected(offer, ContactId(first))]

    def _part(self, uniqueid: str) -> str:
        bridge = self._where.pop(uniqueid, "")
        members = self._bridges.get(bridge, [])
        if uniqueid in members:
            members.remove(uniqueid)
            if not members:
                del self._bridges[bridge]
        return bridge

    def _enter(self, message: Message) -> list[Event]:
        return self._join(message.get("BridgeUniqueid"), message.get("Uniqueid"))

    def _leave(self, message: Message) -> list[Event]:
        uniqueid = message.get("Uniqueid")
        bridge = self._part(uniqueid)
        leg = self._legs.get(uniqueid)
        if leg is not None:
            leg.left_first, leg.apart = leg.left_first or "agent", True
        for one in self._bridges.get(bridge, []):
            other = self._legs.get(one)
            if other is not None and other.with_ == uniqueid:
                other.left_first, other.apart = other.left_first or "caller", True
            elif other is not None and leg is not None and leg.partner:
                other.left_first = other.left_first or "agent"
        return []

    # -- ends --------------------------------------------------------------------------------------------------------

    def _hangup(self, message: Message) -> list[Event]:
        uniqueid = message.get("Uniqueid")
        cause = int(message.get("Cause")) if message.get("Cause").isdecimal() else 0
        in_bridge = bool(self._part(uniqueid))
        free = self._line_ends(uniqueid)
        if is_leg(uniqueid):
            outside = _endpoint(message.get("Channel")) in self._outside
            return [*free, *self._leg_gone(uniqueid, cause, outside)]
        if not self._is_contact(uniqueid):
            return free
        talks = [leg for leg in self._legs.values() if leg.with_ == uniqueid and not leg.told and not leg.partner]
        if in_bridge and talks:
            self.doubts.add(uniqueid)  # a talk's end is told by BridgeLeave and Hangup; one alone may be forged
            return free
        events: list[Event] = free
        for leg in talks:
            leg.told = True
            events.append(TalkEnded(leg.offer, leg.left_first or "caller"))
        return [*events, ContactGone(ContactId(uniqueid))]

    def _leg_gone(self, uniqueid: str, cause: int, outside: bool) -> list[Event]:
        if uniqueid in self._over:
            return []
        leg = self._leg(uniqueid)
        assert leg is not None, "a leg's id is always known here"
        self._forget_leg(uniqueid)
        if not leg.with_:
            return [OfferEnded(leg.offer, _reason(cause, leg, outside), leg.partner)]
        lost = cause in _LOST and leg.left_first != "caller"
        if leg.partner:
            return self._partner_gone(uniqueid, leg, lost)
        ended: list[Event] = [OfferEnded(leg.offer, "lost" if lost else "hangup")]
        if leg.told:
            return ended
        return [TalkEnded(leg.offer, "lost" if lost else leg.left_first or "agent"), *ended]

    def _partner_gone(self, uniqueid: str, leg: _Leg, lost: bool) -> list[Event]:
        """A partner who has talked leaves: told while the talk goes on without them."""
        lead = self._legs.get(f"o{uniqueid[1:]}")
        if lead is None or lead.told:
            return []
        lead.told = lost
        return [OfferEnded(leg.offer, "lost" if lost else "hangup", partner=True)]

    def _forget_leg(self, uniqueid: str) -> None:
        self._legs.pop(uniqueid, None)
        self._over[uniqueid] = None
        if len(self._over) > OVER_MAX:
            self._over.popitem(last=False)

    # -- phones ------------------------------------------------------------------------------------------------------

    def _device(self, message: Message) -> list[Event]:
        self._hear(message.get("Device").removeprefix("PJSIP/"))
        return self._seat(message.get("Device"), message.get("State"))

    def _hear(self, seat: str) -> None:
        if len(self._heard) < SEATS_MAX:
            self._heard.add(seat)

    def _seat(self, device: str, state: str) -> list[Event]:
        seat = device.removeprefix("PJSIP/")
        if seat == device or not self._is_seat(seat):
            return []
        now = (state not in _AWAY, state in _IN_USE)
        if seat not in self._seats and len(self._seats) >= SEATS_MAX:
            return []
        if not now[1] and seat not in self._counted:
            self._counted[seat] = sum(whose == seat for whose in self._lines.values())
        return self._seat_is(seat, now)

    def _seat_is(self, seat: str, now: tuple[bool, bool]) -> list[Event]:
        if self._seats.get(seat) == now:
            return []
        self._seats[seat] = now
        return [SeatChanged(SeatId(seat), *now)]

    def _line_begins(self, uniqueid: str, channel: str) -> None:
        seat = _endpoint(channel)
        if not seat or not self._is_seat(seat) or uniqueid in self._lines:
            return
        if len(self._lines) >= LINES_MAX:
            self._counted.pop(self._lines.popitem(last=False)[1], None)
        self._lines[uniqueid] = seat
        if seat in self._counted:
            self._counted[seat] += 1

    def _line_ends(self, uniqueid: str) -> list[Event]:
        """A phone whose last channel has gone is free. Asterisk says so by DeviceStateChange too, but that is made by
        another thread and was 2 to 4 ms behind the Hangup: the next caller need not wait for it."""
        seat = self._lines.pop(uniqueid, None)
        if seat is not None:
            self._hear(seat)
        if seat is None or seat not in self._counted:
            return []
        self._counted[seat] -= 1
        if self._counted[seat] or self._seats.get(seat) != (True, True):
            return []
        return self._seat_is(seat, (True, False))


def _endpoint(channel: str) -> str:
    """Whose channel it is: `2001` of `PJSIP/2001-0000000e`; empty for one that is no phone's."""
    return channel.removeprefix("PJSIP/").rpartition("-")[0] if channel.startswith("PJSIP/") else ""


def _reason(cause: int, leg: _Leg, outside: bool) -> str:
    """Why a leg ended that never talked. An outside number need not say that it rings, and one that was answered and
    put down without a key was a mailbox or somebody who did not want: not answered either way."""
    if outside and (cause in _NO_ANSWER or (leg.up and cause == 16)):
        return "no_answer"
    if cause in _BUSY:
        return "busy"
    if cause in _NO_ANSWER:
        return "no_answer" if leg.rang else "unreachable"
    if cause in _REJECTED:
        return "rejected"
    if cause in _UNREACHABLE:
        return "unreachable"
    return "hangup" if leg.up or cause in (16, CAUSE_OURS) else "failed"


# -- commands --------------------------------------------------------------------------------------------------------

Action = dict[str, str | list[str]]

_AUTO_ANSWER = ["PJSIP_HEADER(add,Alert-Info)=<http://127.0.0.1>;info=alert-autoanswer",
                "PJSIP_HEADER(add,Call-Info)=<sip:127.0.0.1>;answer-after=0"]
"""The two headers that make telephones answer by themselves. `Variable` reaches the phone; PreDialGoSub does not."""
_BY_ITSELF = frozenset({AnswerMode.AUTO, AnswerMode.AUTO_AFTER_BRIEF, AnswerMode.SINGLE_SWITCH})


def to_action(command: Offer | Rescind | Overflow | SendOn | Consult | TakeBack, called: str,
              record: str = "") -> Action:
    """The AMI action of a command. `called`: the number shown beside the service's name on the agent's phone. `record`:
    name of the file of the talk, if it may be recorded."""
    match command:
        case Offer():
            action = _originate(command, called)
            if record:
                action["Variable"] = [*action["Variable"], f"SC_RECORD={record}"]
            return action
        case Rescind():
            return hang_up(leg_id(command.offer, command.contact))
        case Overflow():
            return {"Action": "Redirect", "Channel": command.contact, "Context": CONTEXT_NET, "Exten": "s",
                    "Priority": "1"}
        case SendOn():
            return {"Action": "Redirect", "Channel": command.contact, "Context": CONTEXT_SENT,
                    "Exten": command.service, "Priority": "1"}
        case Consult():
            return {"Action": "Redirect", "Channel": command.contact, "Context": CONTEXT_SENT,
                    "Exten": command.service, "Priority": "quiet",
                    "ExtraChannel": leg_id(command.offer, command.contact), "ExtraContext": CONTEXT_CONSULT,
                    "ExtraExten": "wait", "ExtraPriority": "1"}
        case TakeBack():
            return {"Action": "Setvar", "Channel": leg_id(command.offer, command.contact),
                    "Variable": "SHARED(SC_BACK)", "Value": "1"}


def hang_up(leg: str) -> Action:
    """The AMI action that ends an agent's leg."""
    return {"Action": "Hangup", "Channel": leg, "Cause": str(CAUSE_OURS)}


def to_partner(offer: Offer, partner: Partner, called: str) -> Action:
    """The AMI action that rings the other one of a pair: like an offer of their own, but it joins the agent's leg."""
    own = offer._replace(agent=partner.agent, seat=partner.seat, answer_mode=partner.answer_mode, brief=partner.brief,
                         reading_s=partner.reading_s, outside=partner.outside, partner=None)
    action = _originate(own, called)
    action["ChannelId"] = partner_leg_id(offer.offer, offer.contact)
    action["Variable"] = [*action["Variable"], f"SC_LEAD={leg_id(offer.offer, offer.contact)}"]
    return action


def _originate(offer: Offer, called: str) -> Action:
    if not offer.leg and not offer.callback:
        raise BadAction(f"offer {offer.offer}: the name of the caller's channel is missing")
    if set(offer.service_name) & set('"\\<>'):
        raise BadAction(f"service {offer.service}: its name may not hold quotes or angle brackets")
    exten, read_s = _way(offer)
    # Not asked of the caller's channel: a phone that answers by itself is sooner here than the caller in the hold loop.
    variables = [f"SC_CHAN={offer.leg}"] if offer.leg else []
    variables.append(f"SC_SERVICE={offer.service}")
    if read_s:
        variables.append(f"SC_READ={read_s:g}")
    if offer.first:
        variables.append(f"SC_FIRST={offer.first}")
    if offer.partner is not None:
        variables.append(f"SC_PARTNER={partner_leg_id(offer.offer, offer.contact)}")
    if offer.answer_mode in _BY_ITSELF:
        variables += _AUTO_ANSWER
    # On its way through the carrier the call says which centre it is, and nothing of what it is about.
    what = f"{CALLS_BACK} {offer.service_name}" if offer.callback else offer.service_name
    shown = "" if offer.outside else f'"{what} {wait_words(offer.waited_s)}" '
    context = CONTEXT_CALLING if offer.callback else CONTEXT_AGENT
    return {
        "Action": "Originate", "Channel": f"PJSIP/{offer.seat}", "ChannelId": leg_id(offer.offer, offer.contact),
        "Context": context, "Exten": exten, "Priority": "1", "Async": "true",
        "Timeout": str(max(1000, round(offer.ring_s * 1000))),
        "CallerID": f"{shown}<{called}>", "Variable": variables,
    }


def _way(offer: Offer) -> tuple[str, float]:
    """Extension of the agent's context that leads to the caller, and the seconds it is given: to read, or for a key."""
    if offer.answer_mode is AnswerMode.PRESS_ONE:
        return "press", offer.reading_s
    if offer.answer_mode is AnswerMode.SINGLE_SWITCH:
        # The phone answers at once, so the agent's own time to answer begins after the word.
        return "switch", offer.ring_s + offer.reading_s
    # A phone that answers by itself after the brief has one, whatever else comes before the caller.
    if offer.brief or (offer.answer_mode is AnswerMode.AUTO_AFTER_BRIEF and not offer.reading_s):
        return "brief", offer.reading_s
    return ("read", offer.reading_s) if offer.reading_s else ("s", 0.0)


def wait_words(seconds: float) -> str:
    """A wait as a telephone's small display shows it: `45 sn`, `3 dk`."""
    return f"{max(0, round(seconds))} sn" if seconds < 59.5 else f"{round(seconds / 60)} dk"
