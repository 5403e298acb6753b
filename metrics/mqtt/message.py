"""Turn facts into MQTT topics and payloads, without I/O. The shapes are in `mqtt_schemas/`.

Each message lists the fields that may leave the node. So a new field of a fact stays inside until it is named here: no
number, no name, no agent. A device has its own random name, and its signals never say why an agent has one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from metrics.prometheus.names import ACK_STATUS, public_end_reason
from routing.core.inbox import QueueView
from routing.core.model.centre_model import AgentState
from routing.core.model.facts import (
    AgentChanged,
    Alarm,
    CallbackChanged,
    CallbackDialled,
    Ended,
    Fact,
    MenuEndedRecorded,
    Moved,
    OfferClosed,
    Offered,
    OfferRang,
    Queued,
    ServiceChanged,
    Stepped,
    SurveyAnsweredRecorded,
)
from routing.core.model.ids import AgentId, OfferId
from routing.core.model.talk_facts import (
    Connected,
    ConsultCancelled,
    ConsultCompleted,
    ConsultStarted,
    TalkEndedRecorded,
    WrappedUp,
)

VERSION = 1
"""Version of topics and payloads. A removed or changed field needs a version 2 next to it; a new field does not."""
ROOT = f"acd/v{VERSION}"
NODE = f"{ROOT}/state/node"
"""Retained: `online`, or `offline` by the last will of a node that is gone."""
ACKS = f"{ROOT}/ack/+/status"
"""Acknowledgements of devices for their signals."""
ACK_MAX_BYTES = 512
"""Limit of an acknowledgement. A device sends 60 bytes; longer payloads are not parsed."""

SHORT_TTL_S = 30
"""Lifetime of a signal that stops a lamp or announces a rest: later it makes no sense."""

EVENTS: dict[type, tuple[str, ...]] = {
    Queued: ("contact", "channel", "position"),
    Moved: ("contact", "before", "reason", "waited_s", "position"),
    Stepped: ("contact", "step", "reason"),
    CallbackChanged: ("contact", "tries", "reason", "callback"),
    CallbackDialled: ("contact", "offer"),
    Offered: ("contact", "offer", "channel", "waiting"),
    OfferClosed: ("contact", "offer", "channel", "state", "reason"),
    Connected: ("contact", "offer", "channel", "wait_s", "within"),
    ConsultStarted: ("contact", "offer", "to"),
    ConsultCancelled: ("contact", "offer"),
    ConsultCompleted: ("contact", "offer", "channel", "to", "by", "wait_s", "talk_s", "held_s"),
    TalkEndedRecorded: ("contact", "offer", "channel", "by", "wait_s", "talk_s", "held_s", "to"),
    WrappedUp: ("contact", "offer", "channel"),
    Ended: ("contact", "channel", "outcome", "wait_s", "position", "original_position"),
    ServiceChanged: ("open",),
    SurveyAnsweredRecorded: ("question", "answer"),
}
"""Facts about a queue, and the fields of each that leave the node.

Left out on purpose: people (agent, seat, caller), needs of agents (ring time, length of wrap-up), and the contact of a
survey answer.
"""


class Device(NamedTuple):
    """A lamp, bracelet or vibrating pad of one agent."""

    name: str
    """The random name of the device, the only one in topics."""
    pattern: str
    """`light`, `vibration`, or `both`."""


class Rings(NamedTuple):
    """The agents at whom an offer rings."""

    agents: frozenset[AgentId]
    later_s: float = 0.0
    """Ring time of a phone that does not ring yet, because its caller still hears words. 0 once it rings."""


RingingOffers = MutableMapping[OfferId, Rings]
"""Offers that are neither connected nor closed -> agents whose devices ring for them.

This is remembered for two reasons. The facts of a pair name one of the two. A consultant takes the call long before the
caller is theirs.
"""


@dataclass(frozen=True, slots=True)
class Message:
    """One message for the broker."""

    topic: str
    payload: bytes
    retain: bool = False
    until: float | None = None
    """Unix seconds after which the message is worthless. None: it never expires."""
    id: int = 0
    """Number of the fact; 0 for a state."""


def pattern_of(ring_signal: frozenset[str]) -> str:
    """Return the pattern of the device for this `comfort.ring_signal`. Return an empty text if there is no device."""
    light, vibration = "mqtt_device" in ring_signal, "haptic" in ring_signal
    return "both" if light and vibration else "light" if light else "vibration" if vibration else ""


def messages_of(fact: Fact, devices: Mapping[AgentId, Device], rings: RingingOffers) -> Iterator[Message]:
    """Yield the messages of a fact, signals first because they are urgent.

    `rings` holds the state of the earlier facts, and is changed.
    """
    yield from _signals_of(fact, devices, rings)
    kind = type(fact)
    if kind in EVENTS:
        held = _fields_of(fact, ("service", *EVENTS[kind]))
        if isinstance(fact, OfferClosed):
            # The agent's "not now" must not show outside, so its reason is replaced.
            held["reason"] = public_end_reason(fact.reason)
        yield _event_message(f"{ROOT}/events/queue/{held['service']}", fact, held)
    elif isinstance(fact, MenuEndedRecorded):
        held = _fields_of(fact, ("contact", "entry", "outcome", "lasted_s", "service", "resumed"))
        yield _event_message(f"{ROOT}/events/menu/{fact.entry}", fact, held)
    elif isinstance(fact, Alarm):
        yield _event_message(f"{ROOT}/events/alarm", fact, {"alarm": fact.kind})


def oldest_since(view: QueueView, at: float) -> float | None:
    """Return when the longest waiting contact came, in Unix seconds. Return None if nobody waits."""
    return round(at - view.oldest_wait_s, 3) if view.waiting else None


def queue_state_message(view: QueueView, seq: int, at: float) -> Message:
    """Return the retained state of a queue after the fact `seq`."""
    return Message(f"{ROOT}/state/queue/{view.service}", _encode_json({
        "v": VERSION, "id": seq, "ts": at, "service": view.service, "waiting": view.waiting, "ringing": view.ringing,
        "talking": view.talking, "open": view.open, "oldest_since": oldest_since(view, at)}), retain=True)


def node_state_message(online: bool) -> Message:
    """Return the retained state of a node. The offline message is given to the broker as the last will."""
    return Message(NODE, _encode_json({"v": VERSION, "state": "online" if online else "offline"}), retain=True)


class Ack(NamedTuple):
    """The answer of a device to a signal."""

    device: str
    id: int
    status: str


def read_ack(topic: str, payload: bytes) -> Ack | None:
    """Return the acknowledgement in a message, or None if it is not valid. Any other content has no effect."""
    parts = topic.split("/")
    # The topic is compared whole: a level with a slash or a wildcard cannot pass.
    if len(parts) != 5 or topic != f"{ROOT}/ack/{parts[3]}/status" or len(payload) > ACK_MAX_BYTES:
        return None
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("v") != VERSION:
        return None
    number, status = value.get("id"), value.get("status")
    # `type`, because True is an int for isinstance.
    if type(number) is not int or number < 1 or status not in ACK_STATUS:
        return None
    return Ack(parts[3], number, status)


def _signals_of(fact: Fact, devices: Mapping[AgentId, Device], rings: RingingOffers) -> Iterator[Message]:
    # Without devices nothing is remembered, so a device added later begins clean.
    if not devices:
        rings.clear()
        return
    # 1. An offer rings at the agent, and at the partner of a pair.
    if isinstance(fact, Offered):
        called = [agent for agent in (fact.agent, fact.partner) if agent is not None and agent in devices]
        if called:
            rings[fact.offer] = Rings(frozenset(called), fact.ring_s if fact.rings_at else 0.0)
        for agent in called if not fact.rings_at else ():
            yield from _signal_message(fact, agent, devices, "ring", fact.ring_s)
    elif isinstance(fact, OfferRang):
        if (late := rings.get(fact.offer)) is not None and late.later_s:
            rings[fact.offer] = late._replace(later_s=0.0)
            for agent in sorted(late.agents):
                yield from _signal_message(fact, agent, devices, "ring", late.later_s)
    elif isinstance(fact, OfferClosed | Connected):
        # 2. An offer that is over stops ringing. An offer from before the start may have rung, and a signal too many is
        # harmless.
        for agent in sorted(rings.pop(fact.offer, Rings(frozenset({fact.agent}))).agents):
            yield from _stop_ringing(fact, agent, devices, rings)
    # 3. A change of an agent: the phone stopped ringing, offers were missed, or a break began.
    elif isinstance(fact, AgentChanged) and fact.before != fact.state:
        if fact.before == AgentState.RINGING:
            yield from _stop_other_rings(fact, devices, rings)
        if fact.state == AgentState.NOT_RESPONDING:
            yield from _signal_message(fact, fact.agent, devices, "alert", SHORT_TTL_S)
        elif fact.state == AgentState.PAUSED and fact.load_state is not None and fact.load_state.break_until > fact.at:
            yield from _signal_message(fact, fact.agent, devices, "break", SHORT_TTL_S)


def _stop_other_rings(fact: AgentChanged, devices: Mapping[AgentId, Device], rings: RingingOffers) -> Iterator[Message]:
    """Yield the stop signal of an agent whose phone stopped ringing.

    If several offers ring, the facts of the offers themselves end them.
    """
    ringing = [offer for offer, one in rings.items() if fact.agent in one.agents]
    if len(ringing) > 1:
        return
    for offer in ringing:
        rings[offer] = rings[offer]._replace(agents=rings[offer].agents - {fact.agent})
    yield from _stop_ringing(fact, fact.agent, devices, rings)


def _stop_ringing(fact: Fact, agent: AgentId, devices: Mapping[AgentId, Device],
                  rings: RingingOffers) -> Iterator[Message]:
    # A device that still rings for another offer must go on.
    if not any(agent in one.agents for one in rings.values()):
        yield from _signal_message(fact, agent, devices, "ringstop", SHORT_TTL_S)


def _signal_message(fact: Fact, agent: AgentId, devices: Mapping[AgentId, Device], kind: str,
                    ttl_s: float) -> Iterator[Message]:
    device = devices.get(agent)
    if device is not None:
        yield Message(f"{ROOT}/signal/{device.name}/{kind}", _encode_json({
            "v": VERSION, "id": fact.seq, "kind": kind, "pattern": device.pattern, "ttl_s": ttl_s, "ts": fact.at}),
            until=fact.at + ttl_s, id=fact.seq)


def _event_message(topic: str, fact: Fact, held: dict[str, object]) -> Message:
    return Message(
        topic, _encode_json({"v": VERSION, "id": fact.seq, "ts": fact.at, "kind": type(fact).__name__} | held),
        id=fact.seq)


def _fields_of(fact: Fact, fields: tuple[str, ...]) -> dict[str, object]:
    return {name: _plain_value(getattr(fact, name)) for name in fields}


def _plain_value(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _encode_json(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
