"""Build the actions of a callback, and read what Asterisk reports of the dialled phone.

The new channel has the id of the contact, so from the answer on every event of the channel concerns this caller. The
number appears nowhere here: the dialled address is valid for one call (`routing.sip_redirect`).

Asterisk refuses an id that is the beginning of a live channel's id (`Unique ID already in use`, measured on 22.10.1). A
Uniqueid is (second, count), so this needs ten callers in the second in which Asterisk began. The try then fails, and
the next one is made later.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from routing.ami import hangup_causes
from routing.ami.actions import Action
from routing.ami.wire import BadAction, Message
from routing.core.events import CallbackFailed, Event
from routing.core.model.commands import ConnectCallback, DialCaller
from routing.core.model.ids import ContactId, OfferId, leg_id, partner_leg_id

CALLBACK_ENDPOINT = "geri-arama"
"""Endpoint of `asterisk_conf`. It follows the node's 302, and nobody can call from it."""
CONTEXT_CALLED = "santral-called"
NO_CALLER = "none"
"""Value in place of the caller's channel if the caller did not come."""
CALLED_RING_S = 35.0
"""Longest ringing of the caller's phone: about eight rings, with the time in which a mobile network finds the phone."""
DIALS_MAX = 1_000
"""Callers dialled at the same time: one for each agent of five big centres.

The oldest is forgotten first, and the engine's own limit of a try ends that dial.
"""

SILENT_CARRIER = 23
"""Hangup cause of a dial that the carrier never answered, after 32 s: the node's redirect was the last answer (measured
on Asterisk 22)."""

DID_NOT_COME = "callback_failed"
"""Reason of a rescinded offer whose caller was dialled in vain."""
HANG_UP_REASONS = frozenset({"caller_hung_up", DID_NOT_COME})
"""Reasons for which a caller who has answered is hung up.

For any other reason the caller stays on the line and waits for the next agent.
"""


def dial_action(command: DialCaller, uri: str, called: str) -> Action:
    """Return the AMI action that calls a caller back.

    `uri` is the address to dial. `called` is the centre's number, which the caller sees.
    """
    # Two underscores: channels that this one makes inherit the variable.
    variables = [f"__SC={command.contact}", f"__SC_CALLED={called}", f"__SC_SERVICE={command.service}",
                 f"__SC_SINCE={command.since:.3f}", f"__SC_PRIORITY={command.priority}"]
    if command.slow:
        variables.append("__SC_SLOW=1")
    if command.language:
        variables.append(f"__SC_LANGUAGE={command.language}")
    return {
        "Action": "Originate", "Channel": f"PJSIP/{CALLBACK_ENDPOINT}/{uri}", "ChannelId": command.contact,
        "Context": CONTEXT_CALLED, "Exten": "press" if command.press else "s", "Priority": "1", "Async": "true",
        "Timeout": str(round(CALLED_RING_S * 1000)), "CallerID": f"<{called}>", "Variable": variables,
    }


def connect_actions(command: ConnectCallback) -> list[Action]:
    """Return the AMI actions that connect the agent, or both agents of a pair, with a caller who has come."""
    if not command.leg:
        raise BadAction(f"offer {command.offer}: the name of the caller's channel is missing")
    legs = [leg_id(command.offer, command.contact)]
    if command.pair:
        legs.append(partner_leg_id(command.offer, command.contact))
    return [{"Action": "Setvar", "Channel": leg, "Variable": "SC_CHAN", "Value": command.leg} for leg in legs]


def no_caller_action(leg: str) -> Action:
    """Return the AMI action that tells the agent that the caller did not come. The leg then ends by itself."""
    return {"Action": "Setvar", "Channel": leg, "Variable": "SC_CHAN", "Value": NO_CALLER}


def failed_dial(contact: ContactId, offer: OfferId | None, reason: str) -> CallbackFailed:
    """Return the event of a failed dial. Without an offer the contact names it."""
    return CallbackFailed(offer, reason, contact if offer is None else ContactId(""))


@dataclass(slots=True)
class _Dial:
    offer: OfferId | None
    """None if no agent is reserved."""
    alive: bool = False
    """Asterisk has reported the channel."""
    up: bool = False


class PendingDials:
    """Hold the callers who are being dialled.

    A failed Originate is reported before the `Hangup`, which knows the cause. While the channel is alive, only the
    `Hangup` counts.
    """

    def __init__(self) -> None:
        self._dials: OrderedDict[str, _Dial] = OrderedDict()
        self.silent = 0
        """Dials to which the carrier has said nothing, since the node started."""

    def __bool__(self) -> bool:
        return bool(self._dials)

    def begin_dial(self, contact: ContactId, offer: OfferId | None, *, alive: bool = False, up: bool = False) -> None:
        """Note that the caller is dialled for this offer, or without a reserved agent.

        Asterisk refuses to dial a caller whose channel of an earlier offer is still alive. That channel then serves
        this offer.
        """
        known = self._dials.pop(contact, None)
        if len(self._dials) >= DIALS_MAX:
            self._dials.popitem(last=False)
        self._dials[contact] = _Dial(offer, alive, up) if known is None else _Dial(offer, known.alive, known.up)

    def release_agent(self, contact: ContactId) -> None:
        """Note that no agent waits for this caller any more. The end of the dial then names the contact."""
        dial = self._dials.get(contact)
        if dial is not None:
            dial.offer = None

    def end_dial(self, contact: ContactId) -> None:
        """Forget a caller who was reached or is no longer wanted."""
        self._dials.pop(contact, None)

    def is_answered(self, contact: ContactId) -> bool:
        """Return whether this caller has answered and now hears who calls."""
        dial = self._dials.get(contact)
        return dial is not None and dial.up

    def forget_all(self) -> None:
        """Forget all dials."""
        self._dials.clear()

    def take_message(self, message: Message) -> list[Event]:
        """Return the events that an AMI message about a dialled phone means."""
        uniqueid = message.get("Uniqueid")
        dial = self._dials.get(uniqueid)
        if dial is None:
            return []
        if message.name == "Newchannel":
            dial.alive = True
        elif message.name == "Newstate":
            dial.up = dial.up or message.get("ChannelStateDesc") == "Up"
        # A failure counts only without a channel. Otherwise the `Hangup` follows, and it knows the cause.
        elif message.name == "OriginateResponse" and message.get("Response") == "Failure" and not dial.alive:
            del self._dials[uniqueid]
            return [failed_dial(ContactId(uniqueid), dial.offer, "failed")]
        elif message.name == "Hangup":
            del self._dials[uniqueid]
            self.silent += not dial.up and hangup_causes.cause_number(message) == SILENT_CARRIER
            return [failed_dial(ContactId(uniqueid), dial.offer, hangup_causes.caller_end_reason(
                hangup_causes.cause_number(message), up=dial.up))]
        return []
