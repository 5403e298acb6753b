"""Set up the MQTT broker of a centre: the node's user, the known devices, and the plan of the broker's files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from metrics.mqtt.mosquitto_conf import NODE_USER, BrokerPlan
from metrics.mqtt.outbox import FactSource, MqttBroker, MqttOutbox
from routing.core.inbox import QueueStatus
from santral.centre.config import NodeConfig, node_config, parse_address
from santral.centre.secret_setup import broker_users, mqtt_devices
from santral.errors import BadCentre
from santral.secrets import NodeSecrets

BUSY = 20
"""Number of waiting events that one call makes. More wait only if the node is busy for a moment."""


def build_outbox(config: NodeConfig, secrets: NodeSecrets, store: FactSource, status: Callable[[], QueueStatus],
                 clock: Callable[[], float], acknowledged: Callable[[str, float], None],
                 waiting: Callable[[], int]) -> MqttOutbox | None:
    """Return the outbox to the broker, or None if the centre has no broker.

    `waiting` returns the number of events that the node has not handled yet.
    """
    wanted = config.settings.mqtt
    if wanted.broker is None:
        return None
    host, port = parse_address(wanted.broker)
    # An address of IPv6 has brackets in the settings, but not in a connection.
    broker = MqttBroker(host.strip("[]"), port, NODE_USER, secrets.mqtt_passwords([NODE_USER])[NODE_USER], wanted.tls,
                        wanted.ca)
    return MqttOutbox(broker, store, status, mqtt_devices(config.centre, secrets), clock, acknowledged,
                      lambda: waiting() > BUSY)


def broker_plan(centre: Path, settings: Path | None, state: Path) -> BrokerPlan:
    """Return the plan of the broker's files, and create missing secrets in the state folder."""
    config, secrets = node_config(centre, settings), NodeSecrets(state)
    wanted = config.settings.mqtt
    if wanted.broker is None:
        raise BadCentre(f"{centre} has no broker. Name it in santral.toml: [mqtt] broker = \"host:8883\"")
    users = broker_users(config.centre, secrets)
    host, port = parse_address(wanted.broker)
    # Without TLS the broker must listen only where the node connects.
    return BrokerPlan(port, secrets.mqtt_passwords(users), tls=wanted.tls,
                      address="" if wanted.tls else host.strip("[]"))
