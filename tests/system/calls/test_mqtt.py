"""Real calls while the broker is down, and a node that is killed: when both are up the broker has been told everything,
once and in order."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from lab import lifecycle
from lab.people.agent import SimAgent
from lab.phones.network import PhoneBehaviour
from metrics.mqtt.mosquitto_conf import WATCH_USER
from routing.store.kinds import KINDS
from tests.integration.metrics.mqtt.test_outbox import MOSQUITTO, heard_at, listens
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICE, KEY = "gorus_oneri", "4"


async def test_a_broker_down_for_the_whole_run_agrees_with_the_store(
        new_lab: NewLab, tmp_path: Path, broker_port: int) -> None:
    port, files = broker_port, tmp_path / "broker"
    lab = await new_lab(extra=f"{lifecycle.ANY_HOUR}\n[mqtt]\nbroker = \"127.0.0.1:{port}\"\ntls = false\n"
                              "[profile]\nring_signal = [\"audio\", \"haptic\"]\n")
    stage = Stage(lab, tmp_path)
    gives_up = await stage.waiting(KEY, SERVICE)
    await gives_up.hang_up()
    agent = await stage.agent(plain(SERVICE, 1)[0], PhoneBehaviour("0"))
    for _ in range(2):
        await served(stage, agent)
    await lab.wait_until_quiet()
    lab.kill_node()
    subprocess.run([sys.executable, "-m", "santral", "mqtt-conf", lab.info.centre, "--settings", lab.info.settings,
                    "--state", str(lab.folder), "--out", str(files), "--data", str(tmp_path)], check=True)
    with (files / "mosquitto.conf").open("a") as conf:
        conf.write("user root\n")
    passwords = json.loads((lab.folder / "secrets" / "mqtt.json").read_text())
    devices = json.loads((lab.folder / "secrets" / "devices.json").read_text())
    with (tmp_path / "mosquitto.log").open("wb") as log:
        process = subprocess.Popen([str(MOSQUITTO), "-c", str(files / "mosquitto.conf")], stdout=log, stderr=log)
    try:
        await until_async(lambda: listens(port))

        def client(user: str) -> aiomqtt.Client:
            return aiomqtt.Client("127.0.0.1", port, username=user, password=passwords[user],
                                  protocol=aiomqtt.ProtocolVersion.V5)

        # The contact is the first text of a fact: only the number of an offer comes before it.
        stored = lab.query_store(
            "select seq, kind, "
            "json_extract(body, case json_type(body, '$[0]') when 'text' then '$[0]' else '$[1]' end) as contact "
            "from facts where instr(body, ?) order by seq", json.dumps(SERVICE))
        stored = [{**row, "kind": KINDS[row["kind"]]} for row in stored if KINDS[row["kind"]] != "AgentChanged"]
        device = devices[agent.id]
        async with heard_at(client(WATCH_USER), f"acd/v1/events/queue/{SERVICE}", "acd/v1/state/#") as told, \
                heard_at(client(device), f"acd/v1/signal/{device}/#") as signals:
            await lab.start_node()
            await until_async(lambda: "acd/v1/state/node" in [topic for topic, _, _ in told], what="the node is there")
            await until_async(lambda: len(_events(told)) >= len(_known(stored)), 60.0, "all events")
            assert [event["id"] for event in _events(told)] == [row["seq"] for row in _known(stored)]
            by_contact: dict[str, list[int]] = defaultdict(list)
            for event in _events(told):
                by_contact[event["contact"]].append(event["id"])
            assert len(by_contact) == 3 and all(ids == sorted(set(ids)) for ids in by_contact.values())
            outcomes = Counter(event["outcome"] for event in _events(told) if event["kind"] == "Ended")
            assert outcomes == Counter(row["outcome"] for row in lab.query_store("select outcome from contacts"))
            assert not [topic for topic, _, _ in signals if topic.endswith("/ring")], "no call rings late"
            # A call that is answered at once may be over before the outbox has read of it: then its ring is too late.
            await lab.network.set_behaviour(agent.seat, PhoneBehaviour("ignore"))
            await stage.hurried(KEY)
            await until_async(lambda: [topic for topic, _, _ in signals if topic.endswith("/ring")], what="it rings")
    finally:
        process.terminate()
        process.wait(10)


async def served(stage: Stage, agent: SimAgent) -> None:
    """A caller is answered, and hangs up."""
    leg = await stage.hurried(KEY)
    await stage.reaches(agent, "talking")
    await leg.hang_up()
    await stage.reaches(agent, "wrapup")
    await agent.ask_as_agent("wrapup/end")


Told = list[tuple[str, dict[str, Any], bool]]


def _events(told: Told) -> list[dict[str, Any]]:
    return [value for topic, value, _ in told if topic.startswith("acd/v1/events/")]


def _known(stored: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Kinds that have a contact and go out with the name of their queue."""
    inside = {"ContactChanged", "OfferRang", "HoldSetRecorded", "MenuEndedRecorded", "ServiceChanged", "WayOutOffered"}
    return [row for row in stored if row["kind"] not in inside and row["contact"]]
