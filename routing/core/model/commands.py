"""Declare the commands by which the engine asks for an action.

A command is a value. Its action counts as done only when an event from outside says so. Each command names the channel
of its contact, and the adapter of that channel carries the command out (`routing.core.model.adapter`).
"""

from __future__ import annotations

from typing import NamedTuple

from routing.core.model.centre_model import AnswerMode, Channel, Comfort
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId


class Partner(NamedTuple):
    """The partner in an offer to a pair.

    The partner's phone rings too, by the partner's own profile, and joins the talk.
    """

    agent: AgentId
    seat: SeatId
    answer_mode: AnswerMode
    whisper: bool
    reading_s: float = 0.0
    remote: bool = False
    comfort: Comfort = Comfort()


class Offer(NamedTuple):
    """Ring this agent for this contact. The node stores the row of the offer before any phone rings."""

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
    whisper: bool
    waited_s: float
    """Wait of the caller so far, for the agent's display."""
    node: str = ""
    channel: Channel = Channel.VOICE
    reading_s: float = 0.0
    """Time to read before the caller is connected. A key ends it early."""
    callback: bool = False
    """Whether there is no caller on the line. The caller is dialled when the agent has taken the offer (`DialCaller`).
    The agent is connected when the caller is there (`ConnectCallback`)."""
    partner: Partner | None = None
    """The caller is connected when both have taken the offer."""
    remote: bool = False
    """Whether the leg goes to the agent's allow-listed outside number."""
    comfort: Comfort = Comfort()
    consulting_leg: str = ""
    """Channel id of the leg of the consulting agent, who talks with this agent first. Empty if the caller comes at
    once."""


class Rescind(NamedTuple):
    """End the agent's leg of an offer, or remove a message from the agent's desk.

    `reason`: `caller_hung_up`, `signed_out`, `paused`, `mismatch`, `stale`, `vanished` ...
    """

    offer: OfferId
    contact: ContactId
    reason: str
    node: str = ""
    channel: Channel = Channel.VOICE
    pair: bool = False
    """Whether the partner's leg ends too."""
    dialled: bool = False
    """Whether the leg of a caller who is being called back ends too."""
    talks: bool = False
    """Whether a leg that has its caller ends too. Otherwise nobody knew of that talk, and it goes on."""


class SetInterrupted(NamedTuple):
    """Hold a contact of a different channel while its agent has a call (`on`), or let it go on."""

    offer: OfferId
    contact: ContactId
    on: bool
    node: str = ""
    channel: Channel = Channel.VOICE


class DialCaller(NamedTuple):
    """Call the caller back for this offer, or without a reserved agent.

    The new channel has the contact's id. From the answer on it is the caller's channel, with the place that the contact
    had.
    """

    offer: OfferId | None
    """None if no agent is reserved. The caller waits in the queue after the answer."""
    contact: ContactId
    number_encrypted: str
    """Empty if there is no number. The try fails then."""
    service: ServiceId
    since: float
    priority: int
    slow: bool = False
    press: bool = False
    """Whether the caller presses 1 to say that a person is there."""
    node: str = ""
    language: str = ""
    """Language of the prompts. Empty for the first language."""
    channel: Channel = Channel.VOICE


class StopDial(NamedTuple):
    """Stop dialling a caller for whom no agent is reserved.

    `reason`: as in `Rescind`.
    """

    contact: ContactId
    reason: str
    node: str = ""
    channel: Channel = Channel.VOICE


class ConnectCallback(NamedTuple):
    """Connect the waiting agent with the channel of the caller.

    The agent has taken the offer, and the caller is on the line now.
    """

    offer: OfferId
    contact: ContactId
    leg: str
    node: str = ""
    pair: bool = False
    """Whether the partner is connected too."""
    channel: Channel = Channel.VOICE


class RefreshHold(NamedTuple):
    """Lead a waiting caller to the first question of the hold loop, so that the node answers at once."""

    contact: ContactId
    leg: str
    node: str = ""
    channel: Channel = Channel.VOICE


class StartConsult(NamedTuple):
    """Separate the agent from the caller for a consult transfer.

    The caller goes to the hold loop and waits for this service. The agent's leg waits for the agent who takes the
    offer.
    """

    offer: OfferId
    contact: ContactId
    service: ServiceId
    node: str = ""
    on_second_line: bool = False
    """Whether the agent consults on a second line of the phone. The two are not separated then, and the caller only
    gets the service."""
    channel: Channel = Channel.VOICE


class CancelConsult(NamedTuple):
    """Connect the waiting leg of the consulting agent with the caller again."""

    offer: OfferId
    contact: ContactId
    node: str = ""
    channel: Channel = Channel.VOICE


class BlindTransfer(NamedTuple):
    """Take the caller out of the talk and into the hold loop, to wait for this service."""

    contact: ContactId
    service: ServiceId
    node: str = ""
    channel: Channel = Channel.VOICE


Command = Offer | Rescind | DialCaller | StopDial | ConnectCallback | SetInterrupted | BlindTransfer \
    | StartConsult | CancelConsult | RefreshHold
