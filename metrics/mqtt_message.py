"""What goes to the broker: topics and payloads made of facts. No I/O; the shapes stand in `mqtt_schemas/`.

What a message holds is a list of what may go out, so a new field of a fact stays inside until it is named here: no
number, no name, no agent. A device is called by its own random name, and its signals never say why it has one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from metrics.names import end_told
from routing.core.facts import (
    AgentChanged,
    Alarm,
    CallbackChanged,
    CallbackDialled,
    Ended,
    Fact,
    MenuPassed,
    Moved,
    OfferClosed,
    Offered,
    Queued,
    ServiceChanged,
    Stepped,
    Surveyed,
)
from routing.core.ids import AgentId, OfferId
from routing.core.inbox import QueueView
from routing.core.model import AgentState
from routing.core.talk_facts import Connected, Consulting, Introduced, Returned, TalkOver, WrappedUp

VERSION = 1
"""Of topics and payloads. A field that goes, or means something else, makes a 2 beside it; a new field does not."""
ROOT = f"acd/v{VERSION}"
NODE = f"{ROOT}/state/node"
"""Retained: `online`, or `offline` by the last will of a node that is gone."""
ACKS = f"{ROOT}/ack/+/status"
"""What devices have done with their signals."""
ACK_STATUS = ("shown", "felt", "failed", "expired")
ACK_MAX_BYTES = 512
"""A device says 60 bytes; more is not read."""

SIGNALS = ("ring", "ringstop", "alert", "break")
"""Kinds of them."""

SHORT_TTL_S = 30
"""A lamp that still blinks is put out, a rest is told, so late that it still makes sense."""

EVENTS: dict[type, tuple[str, ...]] = {
    Queued: ("contact", "channel", "position"),
    Moved: ("contact", "before", "reason", "waited_s", "position"),
    Stepped: ("contact", "step", "reason"),
    CallbackChanged: ("contact", "tries", "reason", "callback"),
    CallbackDialled: ("contact", "offer"),
    Offered: ("contact", "offer", "channel", "waiting"),
    OfferClosed: ("contact", "offer", "channel", "state", "reason"),
    Connected: ("contact", "offer", "channel", "wait_s", "within"),
    Consulting: ("contact", "offer", "to"),
    Returned: ("contact", "offer"),
    Introduced: ("contact", "offer", "channel", "to", "by", "wait_s", "talk_s", "held_s"),
    TalkOver: ("contact", "offer", "channel", "by", "wait_s", "talk_s", "held_s", "to"),
    WrappedUp: ("contact", "offer", "channel"),
    Ended: ("contact", "channel", "outcome", "wait_s", "position", "original_position"),
    ServiceChanged: ("open",),
    Surveyed: ("question", "answer"),
}
"""Facts about a queue, and what of them goes out. Left out on purpose: who (agent, seat, caller), what an agent needs
(how long a phone may ring, how long a wrap-up took), and whose an answer of the survey is."""


class Device(NamedTuple):
    """A lamp, bracelet or vibrating pad of one agent."""

    name: str
    """Random; the only name it has in topics."""
    pattern: str
    """`light`, `vibration`, or `both`."""


Rings = MutableMapping[OfferId, frozenset[AgentId]]
"""Offers that are neither connected nor closed -> whose device still rings for them. The facts of a pair's name one of
the two, and who is asked by a colleague has taken the call long before the caller is theirs: so it is remembered."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message for the broker."""

    topic: str
    payload: bytes
    retain: bool = False
    until: float | None = None
    """Unix seconds; later it is worth nothing. None: for ever."""
    id: int = 0
    """Of the fact; 0: a state."""


def pattern_of(ring_signal: frozenset[str]) -> str:
    """What the device of an agent with this `comfort.ring_signal` does; empty: they have none."""
    light, vibration = "mqtt_device" in ring_signal, "haptic" in ring_signal
    return "both" if light and vibration else "light" if light else "vibration" if vibration else ""


def messages(fact: Fact, devices: Mapping[AgentId, Device], rings: Rings) -> Iterator[Message]:
    """What a fact says to the world: signals first, they are in a hurry. `rings` by the facts before; changed."""
    yield from _signals(fact, devices, rings)
    kind = type(fact)
    if kind in EVENTS:
        held = _held(fact, ("service", *EVENTS[kind]))
        if isinstance(fact, OfferClosed):
            held["reason"] = end_told(fact.reason)
        yield _event(f"{ROOT}/events/queue/{held['service']}", fact, held)
    elif isinstance(fact, MenuPassed):
        held = _held(fact, ("contact", "entry", "outcome", "lasted_s", "service", "resumed"))
        yield _event(f"{ROOT}/events/menu/{fact.entry}", fact, held)
    elif isinstance(fact, Alarm):
        yield _event(f"{ROOT}/events/alarm", fact, {"alarm": fact.kind})


def oldest_since(view: QueueView, at: float) -> float | None:
    """Unix seconds, when the longest waiting contact came; None: nobody waits."""
    return round(at - view.oldest_wait_s, 3) if view.waiting else None


def queue_state(view: QueueView, seq: int, at: float) -> Message:
    """What is true of a queue now, after the fact `seq`."""
    return Message(f"{ROOT}/state/queue/{view.service}", _json({
        "v": VERSION, "id": seq, "ts": at, "service": view.service, "waiting": view.waiting, "ringing": view.ringing,
        "talking": view.talking, "open": view.open, "oldest_since": oldest_since(view, at)}), retain=True)


def node_state(online: bool) -> Message:
    """Whether a node works: the second is given to the broker as the last will."""
    return Message(NODE, _json({"v": VERSION, "state": "online" if online else "offline"}), retain=True)


class Ack(NamedTuple):
    """What a device did with a signal."""

    device: str
    id: int
    status: str


def read_ack(topic: str, payload: bytes) -> Ack | None:
    """An acknowledgement; None: it is none. Whatever a device sends, nothing else comes of it."""
    parts = topic.split("/")
    if len(parts) != 5 or topic != f"{ROOT}/ack/{parts[3]}/status" or len(payload) > ACK_MAX_BYTES:
        return None
    try:
        value = json.loads(payload)
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict) or value.get("v") != VERSION:
        return None
    number, status = value.get("id"), value.get("status")
    if type(number) is not int or number < 1 or status not in ACK_STATUS:
        return None
    return Ack(parts[3], number, status)


def _signals(fact: Fact, devices: Mapping[AgentId, Device], rings: Rings) -> Iterator[Message]:
    if not devices:
        rings.clear()
        return
    if isinstance(fact, Offered):
        called = [agent for agent in (fact.agent, fact.partner) if agent is not None and agent in devices]
        if called:
            rings[fact.offer] = frozenset(called)
        for agent in called:
            yield from _signal(fact, agent, devices, "ring", fact.ring_s)
    elif isinstance(fact, OfferClosed | Connected):
        # An offer of before the start: twice is better than not at all.
        for agent in sorted(rings.pop(fact.offer, {fact.agent})):
            yield from _stop(fact, agent, devices, rings)
    elif isinstance(fact, AgentChanged) and fact.before != fact.state:
        if fact.before == AgentState.RINGING:
            yield from _rings_no_more(fact, devices, rings)
        if fact.state == AgentState.NOT_RESPONDING:
            yield from _signal(fact, fact.agent, devices, "alert", SHORT_TTL_S)
        elif fact.state == AgentState.PAUSED and fact.wellbeing is not None and fact.wellbeing.break_until > fact.at:
            yield from _signal(fact, fact.agent, devices, "break", SHORT_TTL_S)


def _rings_no_more(fact: AgentChanged, devices: Mapping[AgentId, Device], rings: Rings) -> Iterator[Message]:
    """The agent has the call or it is gone. Of several that ring the offers themselves say which."""
    ringing = [offer for offer, agents in rings.items() if fact.agent in agents]
    if len(ringing) > 1:
        return
    for offer in ringing:
        rings[offer] -= {fact.agent}
    yield from _stop(fact, fact.agent, devices, rings)


def _stop(fact: Fact, agent: AgentId, devices: Mapping[AgentId, Device], rings: Rings) -> Iterator[Message]:
    if not any(agent in agents for agents in rings.values()):
        yield from _signal(fact, agent, devices, "ringstop", SHORT_TTL_S)


def _signal(fact: Fact, agent: AgentId, devices: Mapping[AgentId, Device], kind: str,
            ttl_s: float) -> Iterator[Message]:
    device = devices.get(agent)
    if device is not None:
        yield Message(f"{ROOT}/signal/{device.name}/{kind}", _json({
            "v": VERSION, "id": fact.seq, "kind": kind, "pattern": device.pattern, "ttl_s": ttl_s, "ts": fact.at}),
            until=fact.at + ttl_s, id=fact.seq)


def _event(topic: str, fact: Fact, held: dict[str, object]) -> Message:
    return Message(topic, _json({"v": VERSION, "id": fact.seq, "ts": fact.at, "kind": type(fact).__name__} | held),
                   id=fact.seq)


def _held(fact: Fact, fields: tuple[str, ...]) -> dict[str, object]:
    return {name: _plain(getattr(fact, name)) for name in fields}


def _plain(value: object) -> object:
    return value.value if isinstance(value, Enum) else value


def _json(value: dict[str, object]) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
