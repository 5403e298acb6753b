"""`santral mqtt-conf` and what a node makes of [mqtt]: the rendered files, a real mosquitto, devices of a centre."""

from __future__ import annotations

import asyncio
import stat
import subprocess
from pathlib import Path

import aiomqtt
import pytest
from typer.testing import CliRunner

from metrics.mqtt.mosquitto_conf import NODE_USER, WATCH_USER
from metrics.mqtt.outbox import MqttBroker
from santral.centre.config import node_config
from santral.cli import cli
from santral.errors import BadCentre
from santral.node import mqtt_setup
from santral.secrets import NodeSecrets
from tests.integration.metrics.mqtt.test_outbox import MOSQUITTO, Memory, Source, free_port, listens
from tests.until import LIMIT_S, until, until_async

pytestmark = pytest.mark.integration

MEB = Path(__file__).resolve().parents[3] / "centres" / "meb"


def overlay(folder: Path, mqtt: str) -> Path:
    path = folder / "settings.toml"
    path.write_text(f"{mqtt}\n[profile]\nring_signal = [\"audio\", \"haptic\"]\n")
    return path


def render(folder: Path, settings: Path, data: Path) -> None:
    done = CliRunner().invoke(cli, ["mqtt-conf", str(MEB), "--out", str(folder / "broker"), "--settings", str(settings),
                                    "--state", str(folder / "state"), "--data", str(data)], catch_exceptions=False)
    assert done.exit_code == 0, done.output


async def test_a_node_and_the_broker_of_its_files_understand_each_other(tmp_path: Path) -> None:
    port = free_port()
    settings = overlay(tmp_path, f"[mqtt]\nbroker = \"127.0.0.1:{port}\"\ntls = false\n")
    (tmp_path / "state").mkdir()
    render(tmp_path, settings, tmp_path)
    files = tmp_path / "broker"
    assert {path.name: stat.S_IMODE(path.stat().st_mode) for path in files.iterdir()} == {
        "mosquitto.conf": 0o600, "acl": 0o600, "passwords": 0o600}
    with (files / "mosquitto.conf").open("a") as conf:
        conf.write("user root\n")
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([str(MOSQUITTO), "-c", str(files / "mosquitto.conf")], stdout=log, stderr=log)
    try:
        until(lambda: listens(port), what=(tmp_path / "log").read_text())
        config, secrets = node_config(MEB, settings), NodeSecrets(tmp_path / "state")
        source = Source(MqttBroker("127.0.0.1", port, "", ""))
        made = mqtt_setup.build_outbox(config, secrets, source.store, source.status, lambda: source.now,
                             lambda *_: None, lambda: 0)
        assert made is not None
        source.outbox = made
        agent, device = next(iter(made.devices.items()))
        assert device.pattern == "vibration" and agent not in device.name
        password = secrets.mqtt_passwords([WATCH_USER, device.name])
        async with source.running(), aiomqtt.Client(
                "127.0.0.1", port, username=device.name, password=password[device.name],
                protocol=aiomqtt.ProtocolVersion.V5) as client:
            await client.subscribe(f"acd/v1/signal/{device.name}/#", qos=1)
            await until_async(lambda: made.connected)
            source.happen("Offered", agent=agent, ring_s=15.0)
            message = await asyncio.wait_for(anext(aiter(client.messages)), LIMIT_S)
            assert message.topic.value == f"acd/v1/signal/{device.name}/ring"
    finally:
        process.terminate()
        process.wait(LIMIT_S)


def test_names_and_passwords_stay_when_the_files_are_rendered_again(tmp_path: Path) -> None:
    settings = overlay(tmp_path, "[mqtt]\nbroker = \"mq.example:8883\"\n")
    first, second = (mqtt_setup.broker_plan(MEB, settings, tmp_path / "state") for _ in range(2))
    assert first == second and {NODE_USER, WATCH_USER} < set(first.users) and first.tls and not first.address
    secrets = tmp_path / "state" / "secrets"
    assert {stat.S_IMODE((secrets / name).stat().st_mode) for name in ("devices.json", "mqtt.json")} == {0o600}


def test_a_centre_without_a_broker_has_no_files_and_no_outbox(tmp_path: Path) -> None:
    with pytest.raises(BadCentre, match=r"\[mqtt\] broker = "):
        mqtt_setup.broker_plan(MEB, None, tmp_path)
    assert mqtt_setup.build_outbox(node_config(MEB), NodeSecrets(tmp_path), Memory(), lambda: None, lambda: 0.0,
        lambda *_: None,
                         lambda: 0) is None


def test_passwords_do_not_cross_a_network_in_the_clear(tmp_path: Path) -> None:
    settings = overlay(tmp_path, "[mqtt]\nbroker = \"mq.example:1883\"\ntls = false\n")
    with pytest.raises(BadCentre, match=r"settings\.toml:\d+: .*'tls' may be false only"):
        node_config(MEB, settings)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    settings = overlay(tmp_path, "[mqtt]\nbroker = \"mq.example:8883\"\n")
    (tmp_path / "file").write_text("")
    done = CliRunner().invoke(cli, ["mqtt-conf", str(MEB), "--out", str(tmp_path / "file" / "x"), "--settings",
                                    str(settings), "--state", str(tmp_path / "state")], catch_exceptions=False)
    assert done.exit_code == 1 and "cannot be written" in done.output
