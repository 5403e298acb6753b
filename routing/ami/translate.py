"""What Asterisk tells, in the engine's words: AMI events to core events (the other way: `actions`).

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
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from routing.ami import causes, dropped
from routing.ami.bridges import Bridges
from routing.ami.consults import meeting
from routing.ami.dialling import Dials
from routing.ami.lines import Lines
from routing.ami.phones import Phones, endpoint
from routing.ami.wire import Message
from routing.core.events import (
    ContactGone,
    Event,
    Held,
    OfferAnswered,
    OfferConnected,
    OfferEnded,
    OfferRinging,
    TalkEnded,
    TransferAsked,
)
from routing.core.ids import (
    AgentId,
    ContactId,
    OfferId,
    ServiceId,
    is_leg,
    parse_leg_id,
    parse_partner_leg_id,
)

WANTED = frozenset({
    "FullyBooted", "Newchannel", "Newstate", "DialBegin", "DialState", "DialEnd", "BridgeEnter", "BridgeLeave",
    "Hangup", "OriginateResponse", "DeviceStateChange", "BlindTransfer", "AttendedTransfer", "Hold", "Unhold",
    "Shutdown",
}) | dropped.EVENTS
"""Events handed on by the codec; everything else is dropped in the bytes."""

LEGS_MAX = 4_000
"""Agents' legs known at once: ten times a big centre. The oldest is forgotten first; the audit finds what it was."""
OVER_MAX = 2_000
"""Ended legs remembered, so that an OriginateResponse coming after the Hangup ends nothing twice."""

ByNumber = Callable[[str], tuple[ServiceId | None, AgentId | None]]


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
    seat: str = ""
    """Whose phone it is."""
    held: bool = False
    """The phone has put the other end on hold."""


class Translator:
    """AMI events to core events. `is_contact(uniqueid)`: whether the engine knows that caller; `is_seat(name)`: whether
    an endpoint is a seat (a trunk is not); `outside`: endpoints of remote counsellors; `by_number`: the service and
    agent to whom a number leads that a phone's transfer key named."""

    def __init__(self, is_contact: Callable[[str], bool], is_seat: Callable[[str], bool] = lambda _: True,
                 outside: Collection[str] = (), by_number: ByNumber = lambda number: (None, None)) -> None:
        self._is_contact = is_contact
        self._outside = outside
        self._by_number = by_number
        self._legs: OrderedDict[str, _Leg] = OrderedDict()
        self._over: OrderedDict[str, None] = OrderedDict()
        self._bridges = Bridges()
        self.phones = Phones(is_seat)
        self.lines = Lines(is_seat)
        self.dials = Dials()
        self.dropped = dropped.Dropped()
        self._late: dict[str, list[OfferId]] = {}
        """Talks by caller whose end is told with the caller's `Hangup`: it knows whether the line was lost."""
        self.doubts: set[str] = set()
        """Contacts whose end one event alone told, in the middle of a talk: to be looked at before it is believed."""
        self.joined: list[tuple[ContactId, str]] = []
        """Callers whom the transfer key has joined with who was asked, and that leg: to be led through the dialplan
        once more."""
        self._handlers: dict[str, Callable[[Message], list[Event]]] = {
            "Newchannel": self._newchannel, "Newstate": self._newstate, "DialBegin": self._dialbegin,
            "DialState": self._dialstate,
            "DialEnd": self._dialend, "BridgeEnter": self._enter, "BridgeLeave": self._leave,
            "Hangup": self._hangup, "OriginateResponse": self._originated, "BlindTransfer": self._sent_on,
            "AttendedTransfer": self._given_over,
            "DeviceStateChange": lambda m: self.phones.told(m.get("Device"), m.get("State")),
            "Hold": lambda m: self._hold(m, True), "Unhold": lambda m: self._hold(m, False),
        }

    def translate(self, message: Message) -> list[Event]:
        """What one AMI event means to the engine; mostly nothing."""
        handler = self._handlers.get(message.name)
        if message.name in dropped.EVENTS:
            self.dropped.take(message)
        if handler is None or message.get("Channel").startswith("Surrogate/"):
            return []
        # Of a dialled caller both are told, that they did not come and that they are gone: one of the two is news.
        return [*self.dials.take(message), *handler(message)] if self.dials else handler(message)

    def adopt(self, legs: Iterable[tuple[str, bool, bool]], bridges: Iterable[tuple[str, str]],
              seats: Iterable[tuple[str, str]], places: Iterable[tuple[str, str, str]] = (),
              held: Mapping[str, bool] | None = None) -> list[Event]:
        """Begin anew from a snapshot: `legs` (uniqueid, rings, up), `bridges` (bridge, uniqueid), `seats` (device,
        state) and `places` of all channels (uniqueid, name, context); `held`: legs whose phone has the other end on
        hold, or not. Gives the seats' states as events; what the rest means is `resync.diff`'s to say."""
        self._legs.clear()
        self._bridges.clear()
        self.phones.clear()
        self.lines.clear()
        self.doubts.clear()
        self.joined.clear()
        self.dials.clear()
        self.dropped.clear()
        self._late.clear()
        for uniqueid, rings, up in legs:
            leg = self._leg(uniqueid)
            if leg is not None:
                leg.rang, leg.up, leg.held = rings or up, up, (held or {}).get(uniqueid, False)
        for uniqueid, name, context in places:
            self.lines.begins(uniqueid, endpoint(name), context)
            if uniqueid in self._legs:
                self._legs[uniqueid].seat = endpoint(name)
        for bridge, uniqueid in bridges:
            self._join(bridge, uniqueid)
        return self.phones.listed(seats)

    def never_was(self, leg: str) -> None:
        """This leg was not dialled and will not be."""
        self._forget_leg(leg)

    def is_over(self, leg: str) -> bool:
        """Whether this leg's end was heard of."""
        return leg in self._over

    def size(self) -> int:
        """How many things are remembered. Zero when no call is up (seats and ended legs apart)."""
        return len(self._legs) + len(self._bridges) + self.phones.size() + len(self.lines) \
            + len(self.dropped) + len(self._late)

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
        uniqueid, channel = message.get("Uniqueid"), message.get("Channel")
        leg = self._leg(uniqueid)
        if leg is not None:
            leg.seat = endpoint(channel) or leg.seat
        self.phones.begins(uniqueid, channel)
        self.lines.begins(uniqueid, endpoint(channel), message.get("Context"))
        return []

    def _dialbegin(self, message: Message) -> list[Event]:
        self._leg(message.get("DestUniqueid"))
        return []

    def _newstate(self, message: Message) -> list[Event]:
        leg, state = self._leg(message.get("Uniqueid")), message.get("ChannelStateDesc")
        if leg is None:
            return []
        return self._rings(leg) if state == "Ringing" else self._answered(leg) if state == "Up" else []

    def _dialstate(self, message: Message) -> list[Event]:
        """A phone behind a gateway may say 183 and never 180: its channel is no `Ringing` then, and it rings all the
        same."""
        leg = self._leg(message.get("DestUniqueid"))
        return self._rings(leg) if leg is not None and message.get("DialStatus") == "PROGRESS" else []

    @staticmethod
    def _rings(leg: _Leg) -> list[Event]:
        if leg.rang:
            return []
        leg.rang = True
        return [] if leg.partner else [OfferRinging(leg.offer)]

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
        return [OfferAnswered(leg.offer, leg.partner)]

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
        if leg is None or not leg.with_ or leg.partner:
            return []
        leg.held = on
        return [Held(leg.offer, on)]

    def _sent_on(self, message: Message) -> list[Event]:
        """The transfer key of a phone. Asterisk says so before it says that the talk is over."""
        leg = self._legs.get(message.get("TransfererUniqueid"))
        if leg is None or leg.partner or message.get("Result") != "Success":
            return []
        return [TransferAsked(leg.offer, *self._by_number(message.get("Extension")), gone=True)]

    def _given_over(self, message: Message) -> list[Event]:
        """The transfer key of a phone, with two lines. Who was asked on the second one has the caller now. A line on
        which nobody is asked (a code is spoken) is nobody to send a caller to: they wait for their own service, in
        front."""
        ends = message.get("OrigTransfererUniqueid"), message.get("SecondTransfererUniqueid")
        leg = next((found for one in ends if (found := self._legs.get(one)) is not None and not found.partner), None)
        if leg is None or message.get("Result") != "Success" or not leg.with_:
            return []
        leg.left_first = "agent"
        if message.get("DestType") != "Bridge" or not any(self.lines.whose(one) == leg.seat for one in ends):
            return [TransferAsked(leg.offer, gone=True)]
        asked = next((one for one in (message.get("TransfereeUniqueid"), message.get("TransferTargetUniqueid"))
                      if is_leg(one)), "")
        if asked:
            self.joined.append((ContactId(leg.with_), asked))
        return []

    def take_joined(self) -> list[tuple[ContactId, str]]:
        """`joined`, once."""
        taken, self.joined = self.joined, []
        return taken

    # -- bridges -----------------------------------------------------------------------------------------------------

    def _join(self, bridge: str, uniqueid: str) -> list[Event]:
        members = self._bridges.enter(bridge, uniqueid)
        callers = [one for one in members if not is_leg(one) and one not in self.lines]
        if not callers:
            return self._agents_meet(members)
        events = self._strangers(callers) if len(callers) > 1 else []
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

    def _strangers(self, callers: list[str]) -> list[Event]:
        """Two callers in one bridge: a phone's transfer key has named two talks, perhaps not even its own. Each waits
        for their own service, in front."""
        return [TransferAsked(leg.offer, gone=True) for leg in self._legs.values()
                if leg.with_ in callers and not leg.told and not leg.partner]

    def _agents_meet(self, members: Sequence[str]) -> list[Event]:
        found = meeting(members, self._legs)
        if found is None:
            return []
        leg = self._leg(found.asked)
        if leg is not None:
            leg.up = True
        return [OfferConnected(found.offer, found.first)]

    def _enter(self, message: Message) -> list[Event]:
        return self._join(message.get("BridgeUniqueid"), message.get("Uniqueid"))

    def _leave(self, message: Message) -> list[Event]:
        uniqueid = message.get("Uniqueid")
        left = self._bridges.leave(uniqueid) or ()
        leg = self._legs.get(uniqueid)
        if leg is not None:
            leg.left_first, leg.apart = leg.left_first or "agent", True
        for one in left:
            other = self._legs.get(one)
            if other is not None and other.with_ == uniqueid:
                other.left_first, other.apart = other.left_first or "caller", True
            elif other is not None and leg is not None and leg.partner:
                other.left_first = other.left_first or "agent"
        return []

    # -- ends --------------------------------------------------------------------------------------------------------

    def _hangup(self, message: Message) -> list[Event]:
        uniqueid = message.get("Uniqueid")
        cause = causes.number(message)
        in_bridge = self._bridges.leave(uniqueid) is not None
        free = self.phones.ends(uniqueid)
        lost = self.dropped.over(uniqueid, message.get("Cause"))
        if is_leg(uniqueid):
            outside = endpoint(message.get("Channel")) in self._outside
            return [*free, *self._leg_gone(uniqueid, cause, outside)]
        if seat := self.lines.ends(uniqueid):
            return [*free, *self._line_gone(seat, cause)]
        if not self._is_contact(uniqueid):
            return free
        talks = [leg for leg in self._legs.values() if leg.with_ == uniqueid and not leg.told and not leg.partner]
        if in_bridge and talks:
            self.doubts.add(uniqueid)  # a talk's end is told by BridgeLeave and Hangup; one alone may be forged
            return free
        events: list[Event] = free
        for leg in talks:
            leg.told = True
            by = leg.left_first or "caller"
            events.append(TalkEnded(leg.offer, "dropped" if lost and by == "caller" else by))
        for offer in self._late.pop(uniqueid, ()):
            events += (TalkEnded(offer, "dropped" if lost else "caller"), OfferEnded(offer, "hangup"))
        return [*events, ContactGone(ContactId(uniqueid), dropped=lost)]

    def _line_gone(self, seat: str, cause: int) -> list[Event]:
        """The second line of a phone is over: the agent has the caller of the first one again. When the phone was lost
        (its leg on hold says nothing for long) that one is lost with it; the look that follows ends it."""
        for uniqueid, leg in self._legs.items():
            if leg.seat == seat and leg.with_ and self._bridges.together(uniqueid, leg.with_):
                if cause in causes.LOST:
                    leg.told = True
                    self.doubts.add(leg.with_)
                    return [OfferEnded(leg.offer, "lost")]
                again: list[Event] = [OfferConnected(leg.offer, ContactId(leg.with_))]
                return [*again, Held(leg.offer, True)] if leg.held else again
        return []

    def _leg_gone(self, uniqueid: str, cause: int, outside: bool) -> list[Event]:
        if uniqueid in self._over:
            return []
        leg = self._leg(uniqueid)
        assert leg is not None, "a leg's id is always known here"
        self._forget_leg(uniqueid)
        if not leg.with_:
            why = causes.of_agent(cause, rang=leg.rang, up=leg.up, outside=outside)
            return [OfferEnded(leg.offer, why, leg.partner)]
        lost = cause in causes.LOST and leg.left_first != "caller"
        if leg.partner:
            return self._partner_gone(uniqueid, leg, lost)
        ended: list[Event] = [OfferEnded(leg.offer, "lost" if lost else "hangup")]
        if leg.told:
            return ended
        by = "lost" if lost else leg.left_first or "agent"
        if by == "caller" and leg.with_ in self.dropped:
            self._late.setdefault(leg.with_, []).append(leg.offer)
            return []
        return [TalkEnded(leg.offer, by), *ended]

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
