"""The operator's way: `docs/operate/install.md` from its first command to the first call, on another Asterisk."""

from __future__ import annotations

import json
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.lab_nodes import LabNode, wait_ready
from lab.lifecycle import SOUNDS
from lab.pbx import process
from lab.pbx.fetch import AsteriskProgram
from lab.pbx.ports import PortBlock
from lab.pbx.process import Identity
from lab.people import node_records
from lab.phones import audio, network
from lab.phones.network import NetworkPlace, PhoneBehaviour, PhoneNetwork
from tests.system import walk
from tests.system.stage import growing
from tests.system.stock_asterisk import StockAsterisk
from tests.system.walk import Machine
from tests.until import LIMIT_S, until, until_async

pytestmark = pytest.mark.system

AGENT, SEAT = "a1001", "2001"
FIRST_START = "systemctl daemon-reload && systemctl enable --now santral"


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    held = PortBlock()
    yield held
    held.close()


@pytest.fixture
def machine(asterisk_tree: AsteriskProgram, tmp_path_factory: pytest.TempPathFactory,
        ports: PortBlock) -> Iterator[Machine]:
    root = tmp_path_factory.mktemp("op")
    asterisk = StockAsterisk(asterisk_tree, root, ports)
    made = Machine(root, asterisk, ports)
    shutil.copytree(SOUNDS, made.path("/var/lib/santral/sounds"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def place(asterisk_tree: AsteriskProgram, tmp_path: Path, machine: Machine, ports: PortBlock) -> Iterator[NetworkPlace]:
    """The carrier and the agents' phones of this operator."""
    made, asterisk = network.start_network(asterisk_tree, tmp_path / "net", machine.places["sip"], ports, media=64)
    try:
        yield made
    finally:
        asterisk.stop_process()


async def test_the_page_leads_to_the_first_call(machine: Machine, place: NetworkPlace, tmp_path: Path) -> None:
    machine.asterisk.start()  # it runs already, with the distribution's own files
    page = walk.PAGE.read_text(encoding="utf-8")
    told = carry_out(machine, page)
    assert "good" in told["check"]
    assert " kept in " in told["prompts"]
    assert "every rule holds" in told["asterisk-conf"]
    assert "4440632" in told["asterisk -rx 'dialplan show santral-in'"]
    assert "Psikososyal" in told["status"]
    assert troubles(machine) == []

    async with PhoneNetwork(place) as phones:
        await first_call(machine, phones, tmp_path)

    records_agree(machine)
    rights(machine)
    node = machine.node
    assert node is not None
    node.send_signal(signal.SIGTERM)
    assert node.wait(2 * LIMIT_S) == 0, process.read_tail(machine.log)


def carry_out(machine: Machine, page: str) -> dict[str, str]:
    """Every command of the page in its order; what was printed, by Santral's command or the whole line."""
    told: dict[str, str] = {}
    checked = False
    for line in walk.commands(page):
        if " santral check " in line:  # by now local.toml has been written, as the page says
            machine.settings(walk.toml_block(page))
            checked = True
        elif line.startswith("runuser -u santral -- santral status"):
            ready(machine)
        words = line.partition(" -- santral ")[2].split()
        told[words[0] if words else line] = machine.run(line)
    assert checked
    assert FIRST_START in machine.ran
    return told


def ready(machine: Machine) -> None:
    """`GET /health/ready` answers 200."""
    assert machine.node is not None
    found = process.identify_process(machine.node.pid)
    node = LabNode("a", machine.places["http"], machine.places["agi"], str(machine.path("/var/lib/santral")),
                   str(machine.log), str(machine.path("/etc/santral/local.toml")))
    wait_ready(node, found or Identity(machine.node.pid, 0))


async def first_call(machine: Machine, phones: PhoneNetwork, folder: Path) -> None:
    """Step 5 of the page: an agent signs in by telephone, somebody calls, they talk."""
    secrets = machine.path("/var/lib/santral/secrets")
    secret = json.loads((secrets / "seats.json").read_text())[SEAT]
    pin = json.loads((secrets / "pins.json").read_text())[AGENT]
    await phones.register_phones({SEAT: secret})
    await phones.set_behaviour(SEAT, PhoneBehaviour(tone=600, record=folder / "phone"))
    heard = folder / "code.wav"
    code = await phones.place_call("*45", seat=SEAT, press=f"1001#@1s,{pin}#@4s", record=heard)
    await code.wait_ended()
    # The questions are cut off by the keys; the answer is heard whole.
    found = audio.find_prompt_file(machine.path("/var/lib/santral/sounds/tr/kod-giris-tamam.wav"), heard)
    assert found.found, f"no answer of the code is heard: {found}; {code.describe_moments()}"

    caller = await phones.place_call("4440632", press="1@1s", tone=440, record=folder / "caller.wav")
    ring = await phones.wait_ring(SEAT)
    await ring.wait_answered()
    assert ring.recording is not None

    # The whisper announcement comes before the talk, so the length of a recording says nothing.
    phone_heard, caller_heard = ring.recording, folder / "caller.wav"
    await until_async(lambda: audio.tone_s(growing(phone_heard), 440) > 1, what="the agent heard the caller")
    await until_async(lambda: audio.tone_s(growing(caller_heard), 600) > 1, what="the caller heard the agent")
    await caller.hang_up()
    await ring.wait_ended()


def records_agree(machine: Machine) -> None:
    """One call, answered: so say store, queue_log, metrics and the black box."""
    state = machine.path("/var/lib/santral")
    query = "select contact, service, outcome from contacts where outcome is not null"
    rows = until(lambda: node_records.query_store(state / "santral.db", query), what="the contact is closed")
    assert [(row["service"], row["outcome"]) for row in rows] == [("psikososyal", "answered")]

    def events() -> list[str]:
        lines = node_records.read_queue_log(state / "queue_log")
        return [line.event for line in lines if line.contact == rows[0]["contact"]]

    # The queue_log is written after the commit that the query sees.
    until(lambda: events()[-1:] and events()[-1].startswith("COMPLETE"), what="the queue_log has the end")
    assert events()[:1] == ["ENTERQUEUE"] and "CONNECT" in events(), events()
    found = node_records.parse_samples(node_records.fetch_page(machine.places["http"]))
    assert node_records.sum_samples(found, "acd_contacts_total", outcome="answered") == 1
    assert node_records.sum_samples(found, "acd_contacts_total") == 1
    box = machine.path("/var/log/asterisk/cel-custom/santral.csv")
    until(lambda: box.exists() and f'"HANGUP","{rows[0]["contact"]}"' in box.read_text(), what="the black box has it")


def rights(machine: Machine) -> None:
    """Asterisk reads what it plays; what is the node's own nobody else reads."""
    state = machine.path("/var/lib/santral")
    for name in ("sounds/tr/karsilama.wav", "sounds/tr/karsilama.wav16", "sounds/moh/santral.wav"):
        assert walk.readable_by_all(state / name, machine.root), f"user asterisk cannot read {name}"
    for name in ("santral.db", "queue_log", "node.json", "secrets", "secrets/seats.json", "recordings",
                 "asterisk/pjsip.conf", "asterisk/manager.conf"):
        assert not stat.S_IMODE((state / name).stat().st_mode) & 0o007, f"others may open {name}"
    # The group of the folder, santral, is given to the files in it.
    folder = machine.path("/var/log/asterisk/cel-custom")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o2750
    assert (folder / "santral.csv").stat().st_mode & 0o040
    assert stat.S_IMODE(machine.path("/run/santral-spool").stat().st_mode) == 0o2770
    for name in ("pjsip.conf", "manager.conf"):
        assert stat.S_IMODE((machine.asterisk.etc / name).stat().st_mode) == 0o640


def troubles(machine: Machine) -> list[str]:
    """What Asterisk complained about since it was restarted on the rendered files."""
    text = (machine.root / "var/log/asterisk/messages.log").read_text(encoding="utf-8")
    start = text.rfind("Asterisk 2")
    return [line for line in text[max(start, 0):].splitlines() if (" ERROR[" in line or " WARNING[" in line)
            and "users.conf is deprecated" not in line]  # the distribution's own, empty


def test_a_machine_of_a_centre_gets_no_server_and_no_test_of_ours(tmp_path: Path) -> None:
    def told(target: str) -> str:
        done = subprocess.run(["make", "-n", target, f"VENV={tmp_path}/new"], cwd=walk.HOUSE, capture_output=True,
                              text=True, timeout=60, check=True)
        return " ".join(done.stdout.split())  # make leaves a space where a variable is empty

    tried = ("mosquitto", "prometheus", "sip-tester", "mmdebstrap", "[dev]")
    node, everything = told("install"), told("setup")
    assert "espeak-ng" in node and "pip install --quiet --editable ." in node
    assert not [one for one in tried if one in node] and not [one for one in tried if one not in everything]


def test_the_pages_settings_are_good_as_they_stand(tmp_path: Path) -> None:
    overlay = tmp_path / "local.toml"
    overlay.write_text(walk.toml_block(walk.PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    done = subprocess.run([str(Path(sys.executable).parent / "santral"), "check", "--settings", str(overlay)],
                          capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_unit_is_one_systemd_takes(tmp_path: Path) -> None:
    text = (walk.HOUSE / "deploy/santral.service").read_text(encoding="utf-8")
    chosen = walk.unit(text)
    assert chosen.never_again == (2, 6)
    assert chosen.command[0] == "santral"
    verify = shutil.which("systemd-analyze")
    if verify is None:
        pytest.skip("no systemd-analyze on this machine")
    copy = tmp_path / "santral.service"
    copy.write_text(text.replace("ExecStart=santral", "ExecStart=/bin/true"), encoding="utf-8")
    done = subprocess.run([verify, "verify", "--man=no", str(copy)], capture_output=True, text=True, timeout=60,
                          check=False)
    mine = [line for line in done.stderr.splitlines() if "santral" in line]
    assert done.returncode == 0 or not mine, done.stderr
