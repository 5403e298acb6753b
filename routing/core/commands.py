"""What the engine wants done. Values: nothing is done until an event from outside says so.

Each command names the channel of its contact: the adapter of that channel carries the command out
(`routing.core.adapter`).
"""

from __future__ import annotations

from typing import NamedTuple

from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import AnswerMode, Channel, Comfort


class Partner(NamedTuple):
    """The other one of a pair: their phone rings too, as they need it, and joins the talk."""

    agent: AgentId
    seat: SeatId
    answer_mode: AnswerMode
    brief: bool
    reading_s: float = 0.0
    outside: bool = False
    comfort: Comfort = Comfort()


class Offer(NamedTuple):
    """Ring this agent for this contact. The shell stores the offer's row before anything rings."""

    offer: OfferId
    contact: ContactId
    leg: str
    """Full name of the caller's channel."""
    agent: AgentId
    seat: SeatId
    service: ServiceId
    service_name: str
    ring_s: float
    answer_mode: AnswerMode
    brief: bool
    waited_s: float
    """So far, for the agent's display."""
    node: str = ""
    channel: Channel = Channel.VOICE
    reading_s: float = 0.0
    """Time to read before the caller is connected; a key ends it early."""
    callback: bool = False
    """There is no caller on the line: they are dialled when the agent has taken the offer (`Dial`), and led to the
    agent when they have come (`Join`)."""
    partner: Partner | None = None
    """The caller is connected when both have taken the offer."""
    outside: bool = False
    """The leg goes to the agent's allow-listed outside number."""
    comfort: Comfort = Comfort()
    first: str = ""
    """Channel id of the leg of the agent who asked this one and talks with them first; empty: the caller comes at once.
    """


class Rescind(NamedTuple):
    """End the agent's leg of an offer, or take a message from the agent's desk. `reason`: `contact_gone`, `signed_out`,
    `paused`, `mismatch`, `stale`, `vanished` ..."""

    offer: OfferId
    contact: ContactId
    reason: str
    node: str = ""
    channel: Channel = Channel.VOICE
    pair: bool = False
    """The partner's leg too."""
    dialled: bool = False
    """The caller's too: they were being called back."""


class Interrupt(NamedTuple):
    """Hold a contact of another channel while its agent has a call (`on`), or let it go on."""

    offer: OfferId
    contact: ContactId
    on: bool
    node: str = ""
    channel: Channel = Channel.VOICE


class Dial(NamedTuple):
    """Call the caller back for this offer. The new channel has the contact's id: from the answer on it is the caller's,
    with the place it had."""

    offer: OfferId
    contact: ContactId
    box: str
    """The encrypted number; empty: there is none, the try fails."""
    service: ServiceId
    since: float
    priority: int
    slow: bool = False
    press: bool = False
    """The caller presses 1 to say that a person is there."""
    node: str = ""
    language: str = ""
    """What the caller hears; empty: the first language."""
    channel: Channel = Channel.VOICE


class Join(NamedTuple):
    """The caller is on the line: the agent, who has taken the offer and waits, is led to this channel."""

    offer: OfferId
    contact: ContactId
    leg: str
    node: str = ""
    pair: bool = False
    """The partner too."""
    channel: Channel = Channel.VOICE


class Overflow(NamedTuple):
    """Send the waiting contact to whatever its channel has when nobody is there: a caller to the safety net."""

    contact: ContactId
    leg: str
    node: str = ""
    channel: Channel = Channel.VOICE


class Consult(NamedTuple):
    """Part caller and agent: the caller into the hold loop as one who waits for this service, the agent's leg into a
    wait for whoever takes the offer."""

    offer: OfferId
    contact: ContactId
    service: ServiceId
    node: str = ""
    line: bool = False
    """The agent asks on a second line of the phone: nobody is parted, and the caller only gets the service."""
    channel: Channel = Channel.VOICE


class TakeBack(NamedTuple):
    """Lead the agent's leg from that wait back to the caller."""

    offer: OfferId
    contact: ContactId
    node: str = ""
    channel: Channel = Channel.VOICE


class SendOn(NamedTuple):
    """Take the caller out of the talk, into the hold loop as one who waits for this service."""

    contact: ContactId
    service: ServiceId
    node: str = ""
    channel: Channel = Channel.VOICE


Command = Offer | Rescind | Dial | Join | Overflow | Interrupt | SendOn | Consult | TakeBack
