"""Calling back: the actions that dial a caller and lead the agent to them, and what Asterisk tells of a dialled phone.

The new channel has the contact's id, so from the answer on everything that is said of a caller is said of this one. The
number is in nothing of this: what is dialled is an address good for one call (`routing.redirect`). A new id is refused
while it is the beginning of a living channel's (`Unique ID already in use`, measured on 22.10.1). A Uniqueid is
(second, count), so that takes ten callers in the very second in which Asterisk began; the try fails then, and the next
one is made later.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from routing.ami import causes
from routing.ami.actions import Action
from routing.ami.wire import BadAction, Message
from routing.core.commands import Dial, Join
from routing.core.events import CallbackFailed, Event
from routing.core.ids import ContactId, OfferId, leg_id, partner_leg_id

ENDPOINT = "geri-arama"
"""Of `asterisk_conf`: it follows the node's 302, and nobody can call from it."""
CONTEXT_CALLED = "santral-called"
NOBODY = "none"
"""Instead of the caller's channel."""
CALLED_RING_S = 35.0
"""The caller's phone rings for so long: about eight rings, with the time a mobile network takes to find it."""
DIALS_MAX = 1_000
"""Callers being dialled at once: one for each agent of five big centres. The oldest is forgotten first; the engine's
own limit of a try ends it."""

DID_NOT_COME = "callback_failed"
"""Why an offer is taken back whose caller was dialled in vain."""
LET_GO = frozenset({"contact_gone", DID_NOT_COME})
"""Why a caller who has answered is hung up all the same. Whoever has the phone in their hand when an agent is gone
waits for the next one."""


def to_dial(command: Dial, uri: str, called: str) -> Action:
    """The AMI action that calls a caller back. `uri`: where; `called`: the centre's number, which the caller sees."""
    variables = [f"__SC={command.contact}", f"__SC_CALLED={called}", f"__SC_SERVICE={command.service}",
                 f"__SC_SINCE={command.since:.3f}", f"__SC_PRIORITY={command.priority}"]
    if command.slow:
        variables.append("__SC_SLOW=1")
    if command.language:
        variables.append(f"__SC_LANGUAGE={command.language}")
    return {
        "Action": "Originate", "Channel": f"PJSIP/{ENDPOINT}/{uri}", "ChannelId": command.contact,
        "Context": CONTEXT_CALLED, "Exten": "press" if command.press else "s", "Priority": "1", "Async": "true",
        "Timeout": str(round(CALLED_RING_S * 1000)), "CallerID": f"<{called}>", "Variable": variables,
    }


def to_join(command: Join) -> list[Action]:
    """The AMI actions that lead the agent (both of a pair) to a caller who has come."""
    if not command.leg:
        raise BadAction(f"offer {command.offer}: the name of the caller's channel is missing")
    legs = [leg_id(command.offer, command.contact)]
    if command.pair:
        legs.append(partner_leg_id(command.offer, command.contact))
    return [{"Action": "Setvar", "Channel": leg, "Variable": "SC_CHAN", "Value": command.leg} for leg in legs]


def to_nobody(leg: str) -> Action:
    """The AMI action that tells the agent on this leg that the caller did not come; the leg ends by itself then."""
    return {"Action": "Setvar", "Channel": leg, "Variable": "SC_CHAN", "Value": NOBODY}


@dataclass(slots=True)
class _Dial:
    offer: OfferId
    alive: bool = False
    """Its channel was heard of."""
    up: bool = False


class Dials:
    """Callers who are being dialled. A failed Originate is told before the `Hangup` that knows why: while the channel
    is alive only that counts."""

    def __init__(self) -> None:
        self._dials: OrderedDict[str, _Dial] = OrderedDict()

    def __bool__(self) -> bool:
        return bool(self._dials)

    def begin(self, contact: ContactId, offer: OfferId, *, alive: bool = False, up: bool = False) -> None:
        """This caller is dialled for this offer. Asterisk refuses to dial one whose telephone is up for the offer
        before: that one is theirs then."""
        known = self._dials.pop(contact, None)
        if len(self._dials) >= DIALS_MAX:
            self._dials.popitem(last=False)
        self._dials[contact] = _Dial(offer, alive, up) if known is None else _Dial(offer, known.alive, known.up)

    def end(self, contact: ContactId) -> None:
        """The caller was reached, or is let go."""
        self._dials.pop(contact, None)

    def up(self, contact: ContactId) -> bool:
        """This caller has answered, and is told who calls."""
        dial = self._dials.get(contact)
        return dial is not None and dial.up

    def clear(self) -> None:
        """Nobody is dialled, as far as is known."""
        self._dials.clear()

    def take(self, message: Message) -> list[Event]:
        """What an AMI event says of a dialled phone."""
        uniqueid = message.get("Uniqueid")
        dial = self._dials.get(uniqueid)
        if dial is None:
            return []
        if message.name == "Newchannel":
            dial.alive = True
        elif message.name == "Newstate":
            dial.up = dial.up or message.get("ChannelStateDesc") == "Up"
        elif message.name == "OriginateResponse" and message.get("Response") == "Failure" and not dial.alive:
            del self._dials[uniqueid]
            return [CallbackFailed(dial.offer, "failed")]
        elif message.name == "Hangup":
            del self._dials[uniqueid]
            return [CallbackFailed(dial.offer, causes.of_caller(causes.number(message), up=dial.up))]
        return []
