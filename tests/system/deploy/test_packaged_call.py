"""Calls with the node of the Debian package: it runs in a Debian 13, and the lab's Asterisk outside of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import lifecycle
from lab.lifecycle import SOUNDS, LabInfo
from lab.pbx import process
from lab.phones import silence
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from tests.integration.deploy.debian import CHROOT, NEEDED, NEW, OLD, Machine
from tests.ministry import patient
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = [pytest.mark.system, pytest.mark.long, pytest.mark.skipif(not CHROOT, reason=NEEDED)]

SERVICE, KEY = "gorus_oneri", "4"
AGENT, CALLER = 600, 440
"""Hz."""
PACKET_LOSS_S = 0.15
"""A machine under load plays some packets late; a talk that is cut and bridged again is silent for longer."""
RUN = ("santral", "run", "/etc/santral/centre", "--state", "/var/lib/santral", "--settings", "/etc/santral/local.toml")
"""Command of the unit, as its user runs it."""


class PackagedNode:
    """The node of a package, started and ended as systemd does it, with the state and the Asterisk of a lab."""

    def __init__(self, machine: Machine, lab: LabInfo) -> None:
        self.machine, self.lab, self.folder = machine, lab, Path(lab.state)
        # Asterisk and the node name sounds, records and spool by the same paths.
        machine.shared = [(Path("/proc"), "/proc"), (self.folder, "/var/lib/santral"),
                          (self.folder, str(self.folder)), (SOUNDS.resolve(), str(SOUNDS.resolve()))]
        shutil.copytree(lab.centre, machine.path("/etc/santral/centre"), dirs_exist_ok=True)
        shutil.copy(lab.settings, machine.path("/etc/santral/local.toml"))
        machine.run("chown", "-R", "santral:santral", "/etc/santral/centre", "/etc/santral/local.toml",
                    "/var/lib/santral")

    def start(self) -> float:
        """Start the node, and return how long it took until a call would be answered."""
        began = time.monotonic()
        identity = process.start_process(
            self.machine.command("runuser", "-u", "santral", "--", *RUN), self.folder / "packaged.log",
            {"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
        lifecycle.note_process(self.folder, "node", identity)
        lifecycle.wait_ready(self.lab.nodes[0]._replace(log=str(self.folder / "packaged.log")), identity)
        return time.monotonic() - began

    def stop(self) -> None:
        """End the node that runs, as `systemctl stop` does."""
        process.end_process(lifecycle.find_process(self.folder, "node"))


@pytest.fixture
def lab_info(tmp_path: Path) -> Iterator[LabInfo]:
    folder = tmp_path / "lab"
    try:
        yield lifecycle.start_lab(patient(tmp_path), folder)
    finally:
        lifecycle.stop_lab(folder)


async def test_callers_wait_while_a_package_is_upgraded(
        packages: tuple[Path, Path], machine: Machine, lab_info: LabInfo, tmp_path: Path) -> None:
    old, new = packages
    # 1. Install the older package, and put its node in the place of the lab's.
    await asyncio.to_thread(machine.install, old)
    node = PackagedNode(machine, lab_info)
    node.stop()
    first_s = await asyncio.to_thread(node.start)
    async with LabSession(lab_info) as lab:
        # 2. An agent answers a caller, and two others wait.
        stage = Stage(lab, tmp_path)
        agent = await stage.agent(plain(SERVICE, 1)[0], PhoneBehaviour("0", tone=AGENT, record=tmp_path))
        talk = await stage.hurried(KEY, tone=CALLER)
        phone = await lab.network.wait_ring(agent.seat)
        await stage.hears_tone(phone, CALLER)
        await stage.hears_tone(talk, AGENT)
        waiting = [await stage.waiting(KEY, SERVICE) for _ in range(2)]
        assert version(machine) == OLD and revision(lab) == "0001"
        # 3. Upgrade, then do what the package lets systemd do.
        began = time.time()
        await asyncio.to_thread(machine.install, new)
        installed = time.time()
        await asyncio.to_thread(node.stop)
        second_s = await asyncio.to_thread(node.start)
        back = time.time()
        assert version(machine) == NEW and revision(lab) == "0002"
        assert list(machine.path("/var/backups/santral").glob("santral-*.tar"))
        await stage.counts(SERVICE, 2)
        # 4. A downgrade is refused, and says the way back. The node goes on.
        told = await asyncio.to_thread(machine.install, old, 1)
        assert f"{OLD} is older than the installed {NEW}" in told and "The way back:" in told and "restore" in told
        assert version(machine) == NEW
        # 5. The talk went on, and the caller who waited longest is next.
        await stage.reaches(agent, "talking")
        ended = time.time()
        await talk.hang_up()
        await stage.reaches(agent, "wrapup")
        await agent.ask_as_agent("wrapup/end")
        await stage.reaches(agent, "talking")
        await stage.hears_tone(waiting[0], AGENT)
        assert not any(leg.ended.is_set() for leg in waiting)
        served = [one["contact"] for one in lab.query_store("select contact from offers order by offer")]
        queued = [one["contact"] for one in lab.query_store("select contact from contacts order by queued_at")]
        assert served == queued[:2] and len(queued) == 3
        for leg, tone in ((talk, AGENT), (phone, CALLER)):
            heard = silence.between(leg, began, ended - 0.5)
            assert silence.longest_without(heard, tone) <= PACKET_LOSS_S, f"the talk had a gap: {leg}"
        await lab.network.hang_up_all()
        await lab.wait_until_quiet()
        outcomes = await until_async(lambda: settled(lab), what="all contacts are closed")
        assert outcomes == ["answered", "answered", "abandoned"]
    # 6. Purge, which keeps the records.
    node.stop()
    await asyncio.to_thread(machine.run, "dpkg", "--purge", "santral")
    assert not machine.path("/opt/santral").exists() and (node.folder / "santral.db").exists()
    print(f"start {first_s:.1f} s; package {installed - began:.1f} s; no node {back - installed:.1f} s, "
          f"of which start {second_s:.1f} s")


def version(machine: Machine) -> str:
    return machine.run("dpkg-query", "-W", "-f", "${Version}", "santral")


def revision(lab: LabSession) -> str:
    return str(lab.query_store("select version_num from alembic_version")[0]["version_num"])


def settled(lab: LabSession) -> list[str]:
    rows = lab.query_store("select outcome from contacts order by queued_at")
    return [] if any(one["outcome"] is None for one in rows) else [str(one["outcome"]) for one in rows]
