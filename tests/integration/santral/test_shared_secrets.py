"""A machine that joins brings all secrets and makes none itself. Marks tell secrets that were made later."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from routing.store.callers.number_keys import NumberKeys
from santral.centre.config import NodeConfig, node_config
from santral.centre.secret_setup import broker_users, make_secrets
from santral.cluster.secret_files import read_files, read_folder, write_files
from santral.node import mqtt_setup
from santral.secrets import NodeSecrets
from santral.standby.secret_marks import SecretMarks
from tests.ministry import MEB

pytestmark = pytest.mark.integration


@pytest.fixture
def config(tmp_path: Path) -> NodeConfig:
    """Return the centre with a broker and with devices, so that each kind of secret is wanted."""
    path = tmp_path / "settings.toml"
    path.write_text('[mqtt]\nbroker = "mq.example:8883"\n[profile]\nring_signal = ["audio", "haptic"]\n'
                    '[seats.web]\nfirst = 2800\ncount = 2\n', encoding="utf-8")
    return node_config(MEB, path)


def use_all(config: NodeConfig, secrets: NodeSecrets, overlay: Path) -> None:
    """Ask for secrets as the rooms do: AMI, AGI, phones, codes, HTTP, and the files of Asterisk and of the broker."""
    secrets.ami_secrets(), secrets.agi_key(), secrets.agent_pins(config.agents), secrets.api_tokens(config.agents)
    secrets.seat_secrets(config.settings.seats.seat_names())
    secrets.seat_secrets(config.settings.seats.page_names())
    secrets.mqtt_passwords(broker_users(config.centre, secrets))
    mqtt_setup.broker_plan(MEB, overlay, secrets.folder.parent)


def test_the_first_run_makes_all_secrets_and_a_joined_machine_makes_none(config: NodeConfig, tmp_path: Path) -> None:
    first, second = NodeSecrets(tmp_path / "a"), tmp_path / "b"
    make_secrets(config, first)
    second.mkdir()
    assert write_files(second, files := read_files(tmp_path / "a"))
    make_secrets(config, there := NodeSecrets(second))
    use_all(config, there, tmp_path / "settings.toml")
    assert read_folder(there.folder) == files
    # A second run changes nothing either.
    make_secrets(config, first)
    assert read_folder(first.folder) == files


def test_marks_tell_other_content_and_no_other_form(config: NodeConfig, tmp_path: Path) -> None:
    secrets = NodeSecrets(tmp_path / "a")
    make_secrets(config, secrets)
    numbers, marks = NumberKeys.load_keys(secrets.folder / "numbers.json"), SecretMarks(secrets.folder)
    before = marks.read_marks(numbers)
    assert before.keys() == {"agi", "ami", "devices", "mqtt", "notes", "pins", "recordings", "seats", "tokens"}
    assert not marks.read_marks(None)
    # 1. The order of names and the spaces do not count, and another PIN does.
    pins = secrets.folder / "pins.json"
    known = json.loads(pins.read_text(encoding="utf-8"))
    pins.write_text(json.dumps(dict(reversed(known.items())), indent=8), encoding="utf-8")
    assert marks.read_marks(numbers) == before
    secrets.agent_pins(["new"])
    assert {name for name, mark in marks.read_marks(numbers).items() if before[name] != mark} == {"pins"}
    # 2. A mark tells nothing to who has no key, not even of a short PIN.
    other = NumberKeys.load_or_create(tmp_path / "other.json")
    fresh = SecretMarks(secrets.folder).read_marks(other)
    assert not set(fresh.values()) & set(before.values())
    # The key may come after the other files, as by `cluster join` while the node runs.
    assert marks.read_marks(other) == fresh
    # 3. A file that this node cannot read has a different mark.
    pins.chmod(0o644)
    pins.write_text("{}", encoding="utf-8")
    assert marks.read_marks(numbers)["pins"] == "unreadable"
