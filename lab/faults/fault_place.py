"""The lab of one fault: session, Asterisk, proxies, and a keeper that starts a dead node as systemd does."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from functools import partial
from pathlib import Path

from lab import lifecycle
from lab.errors import LabError
from lab.faults import false_clock
from lab.faults.broker import Broker, find_mosquitto
from lab.faults.fault_model import CannotInject, FaultLab, Need
from lab.faults.lone_phone import LonePhone
from lab.faults.patient_centre import copy_patient
from lab.faults.pbx import AsteriskFault
from lab.faults.proxy import TcpProxy
from lab.history.recorder import HistoryRecorder
from lab.lifecycle import find_process
from lab.pbx import process
from lab.pbx.fetch import find_asterisk
from lab.pbx.ports import PortBlock
from lab.private_postgres import find_programs
from lab.session import LabSession

HISTORY = "history"
"""Folder of what everybody saw."""
RESTART_S = 1.0
"""Time after which a dead node starts again (`RestartSec` of deploy/santral.service)."""
KEEP_S = 0.2
"""Pause between two looks of the keeper."""
AMI_BUFFER = 4096
"""Buffer of a proxy of AMI: some events fill it, and Asterisk notices a reader that pauses."""
PROXY_S = 10.0
"""Limit until a proxy listens."""
DISK_BYTES = 96 * 1024 * 1024
"""Size of the small disk: a lab writes some 10 MB, and the rest is filled within a second."""
SETTINGS = "\n[profile]\nwrapup_s = 1\n"
"""Agents serve one caller after the other, so a fault is over soon."""


class FaultPlace:
    """Everything that a fault may break."""

    def __init__(self, lab: LabSession, pbx: AsteriskFault) -> None:
        self.lab = lab
        self.pbx = pbx
        self.links: dict[str, TcpProxy] = {}
        """The proxies of `Fault.links`."""
        self.recorder: HistoryRecorder | None = None
        """Recorder of what everybody saw, for the checker."""
        self.free_port = 0
        """Port of the settings' broker (`Fault.extra`)."""
        self.broker: Broker | None = None
        """With `Need.MOSQUITTO`."""
        self.lone: LonePhone | None = None
        """The telephone that can vanish, with `Fault.lone`."""
        self.notes: list[str] = []
        """Remarks of the injection about itself."""
        self.problems: list[str] = []
        """Problems that the injection found."""
        self.keeps = True
        """Whether a dead node is started again."""

    async def find_leader_links(self, *ends: str) -> list[TcpProxy]:
        """Return the proxies between the node that leads and these ends: `ami`, `primary`, `standby`."""
        leader = (await self.lab.find_leader()).name
        return [self.links[f"{leader}.{end}"] for end in ends]

    async def keep_node(self, name: str) -> None:
        """Start a node again when it is dead, until cancelled."""
        node = self.lab.node(name)
        while True:
            await asyncio.sleep(KEEP_S)
            if self.keeps and not process.is_alive(find_process(self.lab.folder, node.process)):
                await asyncio.sleep(RESTART_S)
                # A node that cannot start yet ends by itself, and the next round tries again.
                with suppress(LabError):
                    await self.lab.start_node(name)


@asynccontextmanager
async def open_place(fault: FaultLab, folder: Path) -> AsyncIterator[FaultPlace]:
    """Start the lab of a fault and keep its node running. Raise CannotInject if this machine lacks what it needs."""
    check_needs(fault)
    loop = asyncio.get_running_loop()
    async with AsyncExitStack() as stack:
        links: dict[str, TcpProxy] = {}

        def through(link: str, place: str) -> str:
            """Make the proxy of a link; the lab starts in a thread."""
            if link not in fault.links:
                return place
            host, _, port = place.rpartition(":")
            links[link] = TcpProxy(host, int(port), buffer=AMI_BUFFER if link.endswith(".ami") else 0)
            ready = asyncio.run_coroutine_threadsafe(links[link].start_listening(), loop)
            return f"{host}:{ready.result(PROXY_S)}"

        state = folder / "lab"
        state.mkdir(parents=True)
        if Need.ROOT in fault.needs:
            mount_disk(state)
            stack.callback(partial(subprocess.run, ["umount", "--lazy", str(state)], check=False))
        postgres = Need.POSTGRES in fault.needs
        with closing(PortBlock()) as ports:
            broker = ports.free_port()
        start = partial(lifecycle.start_lab, copy_patient(folder), state, guarded=True,
                        extra=SETTINGS + fault.extra.replace("{broker}", str(broker)),
                        nodes=2 if Need.NODES in fault.needs else 1, through=through,
                        store="postgres" if postgres else "sqlite", standby=postgres, history=folder / HISTORY)
        stack.callback(lifecycle.stop_lab, state)
        info = await asyncio.to_thread(start)
        lab = LabSession(info)
        await lab.network.__aenter__()
        stack.push_async_callback(lab.network.__aexit__)
        for proxy in links.values():
            stack.push_async_callback(proxy.stop_listening)
        place = FaultPlace(lab, AsteriskFault(state, find_asterisk()))
        place.links, place.free_port = links, broker
        place.recorder = HistoryRecorder(lab, folder / HISTORY)
        await place.recorder.start()
        if Need.MOSQUITTO in fault.needs:
            place.broker = await asyncio.to_thread(Broker, info, broker)
            await asyncio.to_thread(place.broker.start)
        if fault.lone:
            place.lone = LonePhone(folder, info.sip)
            stack.push_async_callback(place.lone.close)
            await place.lone.switch_on()
        if Need.FAKETIME in fault.needs:
            await asyncio.to_thread(false_clock.falsify_clock, lab)
        for node in info.nodes:
            keeper = asyncio.create_task(place.keep_node(node.name), name=f"fault.keeper[{node.name}]")
            stack.push_async_callback(_cancel, keeper)
        yield place


def check_needs(fault: FaultLab) -> None:
    """Raise CannotInject if this machine lacks what a fault needs."""
    if Need.SIPP in fault.needs and shutil.which("sipp") is None:
        raise CannotInject("sipp is missing. As root: apt-get install sip-tester")
    if Need.MOSQUITTO in fault.needs and find_mosquitto() is None:
        raise CannotInject("mosquitto is missing. As root: apt-get install mosquitto")
    if Need.FAKETIME in fault.needs and not false_clock.LIBRARY.exists():
        raise CannotInject("libfaketime is missing. As root: apt-get install libfaketime")
    if Need.POSTGRES in fault.needs and find_programs() is None:
        raise CannotInject("PostgreSQL is missing. As root: apt-get install postgresql")
    if Need.PBX in fault.needs:
        raise CannotInject("it needs a second Asterisk, and the lab starts one")


def mount_disk(folder: Path, size: int = DISK_BYTES) -> None:
    """Mount a small disk of this many bytes in memory. Raise CannotInject if this user may not."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(folder)],
                          check=False, capture_output=True, text=True)
    if done.returncode:
        raise CannotInject(f"a small disk needs root and mount(8): {done.stderr.strip()}")


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
