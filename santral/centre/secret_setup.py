"""Make all secrets of a centre at the first run, so that a machine that joins brings them all and makes none itself."""

from __future__ import annotations

from metrics.mqtt.message import Device, pattern_of
from metrics.mqtt.mosquitto_conf import NODE_USER, WATCH_USER
from routing.core.model.centre_model import Centre
from routing.core.model.ids import AgentId
from routing.store.callers.note_keys import NoteKeys
from routing.store.callers.number_keys import NumberKeys
from routing.store.recordings.recording_keys import RecordingKeys
from santral.centre.config import NodeConfig
from santral.secrets import NodeSecrets


def make_secrets(config: NodeConfig, secrets: NodeSecrets) -> None:
    """Make each secret of these files that is not there yet. Those that are there stay.

    A secret that is made when it is first used would be another one on each node. Raise SantralError or KeyFileError.
    """
    secrets.ami_secrets()
    secrets.agi_key()
    secrets.seat_secrets(config.settings.seats.all_names())
    secrets.agent_pins(config.agents)
    secrets.api_tokens(config.agents)
    for kind, name in ((NumberKeys, "numbers.json"), (NoteKeys, "notes.json"), (RecordingKeys, "recordings.json")):
        kind.load_or_create(secrets.folder / name)
    if config.settings.mqtt.broker is not None:
        secrets.mqtt_passwords(broker_users(config.centre, secrets))


def broker_users(centre: Centre, secrets: NodeSecrets) -> list[str]:
    """Return the users of the MQTT broker."""
    return [NODE_USER, WATCH_USER, *(device.name for device in mqtt_devices(centre, secrets).values())]


def mqtt_devices(centre: Centre, secrets: NodeSecrets) -> dict[AgentId, Device]:
    """Return the device of each agent whose profile asks for a light or a vibration."""
    patterns = {agent.id: pattern for agent in centre.agents
                if (pattern := pattern_of(agent.profile.comfort.ring_signal))}
    names = secrets.device_names(patterns)
    return {agent: Device(names[agent], pattern) for agent, pattern in patterns.items()}
