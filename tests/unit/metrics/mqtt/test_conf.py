"""The files of mosquitto. `tests/integration/metrics/mqtt/test_outbox.py` proves by delivery that they work."""

from __future__ import annotations

import pytest

from metrics.mqtt.mosquitto_conf import NODE_USER, WATCH_USER, BrokerPlan, render_files

pytestmark = pytest.mark.unit

PLAN = BrokerPlan(8883, {NODE_USER: "node-password", WATCH_USER: "watch-password", "0f1e": "device-password"})


def test_nobody_without_a_password_and_nothing_without_tls() -> None:
    lines = render_files(PLAN)["mosquitto.conf"].splitlines()
    assert "allow_anonymous false" in lines
    assert [line for line in lines if line.startswith("listener")] == ["listener 8883"], "no other way in"
    assert {"certfile /etc/mosquitto/certs/server.crt", "keyfile /etc/mosquitto/certs/server.key",
            "password_file /etc/mosquitto/santral/passwords", "acl_file /etc/mosquitto/santral/acl"} <= set(lines)


def test_the_passwords_are_salted_and_not_in_the_files() -> None:
    files = render_files(PLAN)
    assert not any(password in text for password in PLAN.users.values() for text in files.values())
    assert [line.partition(":")[0] for line in files["passwords"].splitlines()] == sorted(PLAN.users)
    again = render_files(PLAN)
    assert again["passwords"] != files["passwords"] and again["acl"] == files["acl"]


def test_a_password_has_the_form_of_mosquitto_passwd() -> None:
    made = render_files(BrokerPlan(8883, {"x": "secret"}), salt=lambda size: bytes(range(size)))["passwords"]
    assert made.startswith("x:$7$101$AAECAwQFBgcICQoL$") and made.endswith("==\n")
