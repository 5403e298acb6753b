"""The MQTT broker of a centre: who we are there, whose devices it knows, what its files are made from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from metrics.mqtt_conf import NODE_USER, WATCH_USER, BrokerPlan
from metrics.mqtt_message import Device, pattern_of
from metrics.mqtt_outbox import Broker, Facts, Outbox
from routing.core.ids import AgentId
from routing.core.inbox import Status
from routing.core.model import Centre
from santral.config import NodeConfig, address, node_config
from santral.errors import BadCentre
from santral.secrets import Secrets

BUSY = 20
"""Events: as many as one call makes. More wait only when the node cannot keep up for a moment."""


def outbox(config: NodeConfig, secrets: Secrets, store: Facts, status: Callable[[], Status],
           clock: Callable[[], float], acknowledged: Callable[[str, float], None],
           waiting: Callable[[], int]) -> Outbox | None:
    """The way to the broker; None: the centre has none. `waiting`: events that the node has not handled yet."""
    wanted = config.settings.mqtt
    if wanted.broker is None:
        return None
    host, port = address(wanted.broker)
    broker = Broker(host.strip("[]"), port, NODE_USER, secrets.mqtt([NODE_USER])[NODE_USER], wanted.tls, wanted.ca)
    return Outbox(broker, store, status, devices(config.centre, secrets), clock, acknowledged,
                  lambda: waiting() > BUSY)


def devices(centre: Centre, secrets: Secrets) -> dict[AgentId, Device]:
    """Agents whose profile asks for a light or a vibration, with the device of each."""
    patterns = {agent.id: pattern for agent in centre.agents
                if (pattern := pattern_of(agent.profile.comfort.ring_signal))}
    names = secrets.devices(patterns)
    return {agent: Device(names[agent], pattern) for agent, pattern in patterns.items()}


def plan(centre: Path, settings: Path | None, state: Path) -> BrokerPlan:
    """What the files of mosquitto are rendered from; makes missing secrets in the state folder."""
    config, secrets = node_config(centre, settings), Secrets(state)
    wanted = config.settings.mqtt
    if wanted.broker is None:
        raise BadCentre(f"{centre} has no broker. Name it in santral.toml: [mqtt] broker = \"host:8883\"")
    users = [NODE_USER, WATCH_USER, *(device.name for device in devices(config.centre, secrets).values())]
    host, port = address(wanted.broker)
    return BrokerPlan(port, secrets.mqtt(users), tls=wanted.tls, address="" if wanted.tls else host.strip("[]"))
