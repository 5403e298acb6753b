"""Check image and compose file as far as a machine without a container engine can: by reading them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess

import pytest
import yaml

from tests.integration.deploy.source_tree import HOUSE

pytestmark = pytest.mark.integration

COMPOSE = HOUSE / "deploy" / "compose.yaml"


def test_everything_is_in_asterisks_network_and_only_sound_and_pages_leave_it() -> None:
    services = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]
    assert services.keys() == {"asterisk", "node", "prometheus", "grafana", "mosquitto"}
    assert {one["network_mode"] for name, one in services.items() if name != "asterisk"} == {"service:asterisk"}
    assert not [name for name, one in services.items() if name != "asterisk" and "ports" in one]
    # AGI, AMI, MQTT and Prometheus are published nowhere; pages only for a proxy of this machine.
    published = services["asterisk"]["ports"]
    assert {port for port in published if not port.endswith("/udp")} == {"127.0.0.1:8063:8063", "127.0.0.1:3000:3000"}


def test_compose_takes_the_file() -> None:
    compose = shutil.which("docker-compose")
    if compose is None:
        pytest.skip("no docker-compose on this machine")
    done = subprocess.run([compose, "-f", COMPOSE, "config", "--quiet"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "ASTERISK_IMAGE": "asterisk"}, check=False)
    assert done.returncode == 0, done.stderr


def test_the_image_runs_what_the_unit_runs() -> None:
    text = (HOUSE / "deploy" / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    steps = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    assert [one for one, _ in steps] == ["FROM", "COPY", "RUN", "USER", "VOLUME", "STOPSIGNAL", "HEALTHCHECK",
                                         "ENTRYPOINT", "CMD"]
    ran = " ".join(re.findall(r'"([^"]+)"', steps[-2][1] + steps[-1][1]))
    unit = (HOUSE / "deploy" / "santral.service").read_text(encoding="utf-8")
    said = re.search(r"(?m)^ExecStart=(.*)$", unit)
    assert said is not None and set(said[1].split()) <= set(ran.split())
