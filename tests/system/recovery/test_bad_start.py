"""A node that cannot work says so in one sentence, with an exit code that means something, and leaves nothing half."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab import lifecycle
from lab.lifecycle import CENTRE, SOUNDS
from lab.pbx.ports import PortBlock
from tests.until import until

pytestmark = pytest.mark.system

ENDS_S = 120.0
"""A node waits 15 s for Asterisk; a machine under full load takes its time on top."""
STORE_BYTES = 40_960
"""Too small for the tables and a day."""


class Place:
    """A folder with settings of a node that was never started."""

    def __init__(self, folder: Path, ports: PortBlock) -> None:
        self.state = folder / "state"
        self.settings = folder / "settings.toml"
        self.agi, self.http, self.ami = ports.free_port(), ports.free_port(), ports.free_port()
        self.sounds = SOUNDS
        self.more = ""

    def write(self) -> None:
        self.settings.write_text(
            f'[listen]\nagi = "127.0.0.1:{self.agi}"\nhttp = "127.0.0.1:{self.http}"\n[asterisk]\n'
            f'ami = "127.0.0.1:{self.ami}"\nsounds = "{self.sounds}"\n{self.more}', encoding="utf-8")

    def start(self) -> subprocess.Popen[str]:
        self.write()
        return subprocess.Popen(
            [sys.executable, "-m", "santral", "run", str(CENTRE), "--state", str(self.state), "--settings",
             str(self.settings)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def refused(self) -> tuple[int, str]:
        """Start, wait for the end: exit code and what stood on stderr for the person, whose form is checked."""
        node = self.start()
        try:
            said = node.communicate(timeout=ENDS_S)[1]
        finally:
            if node.poll() is None:
                node.kill()
                node.wait()
        told = [line for line in said.splitlines() if line.startswith("santral: ")]
        assert len(told) == 1, f"one message is expected, not {said!r}"
        assert "Traceback" not in said
        self.nothing_is_left()
        return node.returncode, said[said.index("santral: "):].strip()

    def nothing_is_left(self) -> None:
        """Nobody listens, and no file says that a node runs."""
        for port in (self.agi, self.http):
            assert not answers(port), f"somebody listens on {port}"
        assert not (self.state / "node.json").exists()


def answers(port: int) -> bool:
    """Whether somebody listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    ports = PortBlock()
    yield Place(tmp_path, ports)
    ports.close()


@contextmanager
def listening() -> Iterator[int]:
    """Another program has this port."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        yield int(other.getsockname()[1])


@pytest.mark.parametrize("name", ["agi", "http"])
def test_a_port_in_use(place: Place, name: str) -> None:
    with listening() as port:
        free = getattr(place, name)
        setattr(place, name, port)
        node = place.start()
        said = node.communicate(timeout=ENDS_S)[1]
        setattr(place, name, free)
    told = said[said.index("santral: "):].strip()
    assert node.returncode == 3 and f"127.0.0.1:{port}" in told and name in told and len(told.splitlines()) == 1
    assert "Traceback" not in said
    place.nothing_is_left()


def test_asterisk_does_not_run(place: Place) -> None:
    place.state.mkdir()
    (place.state / "node.json").write_text("{}", encoding="utf-8")  # of a node that was killed
    code, told = place.refused()
    assert code == 5 and f"127.0.0.1:{place.ami}" in told and len(told.splitlines()) == 1


def test_asterisk_refuses_the_secret(lab_session: lifecycle.LabInfo, place: Place) -> None:
    place.ami = int(lab_session.ami.rpartition(":")[2])
    code, told = place.refused()  # a new state folder has new secrets
    assert code == 5 and "santral-events" in told and len(told.splitlines()) == 1


def test_a_second_node_on_the_same_state(lab_session: lifecycle.LabInfo, place: Place) -> None:
    place.state = Path(lab_session.state)
    place.write()
    node = place.start()
    said = node.communicate(timeout=ENDS_S)[1]
    told = said[said.index("santral: "):].strip()
    assert node.returncode == 4 and str(lab_session.pid) in told and len(told.splitlines()) == 1
    where = json.loads((place.state / "node.json").read_text(encoding="utf-8"))
    assert where["http"] == lab_session.http, "the file of the first still tells the truth"


def test_prompts_are_missing(place: Place, tmp_path: Path) -> None:
    place.sounds = tmp_path / "nothing"
    code, told = place.refused()
    assert code == 2 and str(tmp_path / "nothing") in told and "santral prompts build" in told


def test_the_disk_of_the_store_is_full(place: Place) -> None:
    if os.geteuid() != 0:
        pytest.skip("NOT TRIED: a full file system is mounted by root only; the store's own test uses max_page_count")
    place.state.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={STORE_BYTES}", "tmpfs", str(place.state)],
                             capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"NOT TRIED: tmpfs cannot be mounted here ({mounted.stderr.strip()})")
    try:
        code, told = place.refused()
        assert code == 4 and str(place.state) in told and len(told.splitlines()) == 1
    finally:
        subprocess.run(["umount", str(place.state)], check=True)


def test_a_node_that_could_not_start_can_start_later(place: Place) -> None:
    """Files that a failed start leaves in the state folder do not hinder the next start."""
    with listening() as port:
        free, place.http = place.http, port
        first = place.start()
        first.communicate(timeout=ENDS_S)
    place.http = free
    second = place.start()
    try:
        until(lambda: answers(place.agi), ENDS_S, "it listens")
    finally:
        second.send_signal(signal.SIGTERM)
        second.communicate(timeout=ENDS_S)
    assert (first.returncode, second.returncode) == (3, 0)
