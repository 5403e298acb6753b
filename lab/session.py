"""One lab in the hands of a test or a benchmark: calls, agents, the node's life, and what the records say.

    async with Lab(info) as lab:
        agent = await lab.agent("a1001", tone=600)
        call = await lab.call(press="1@1s", record=True)
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab import audio, process, records
from lab.errors import LabError
from lab.gateway import taken
from lab.leg import Leg
from lab.network import Behaviour, Network
from lab.person import Person, ask
from lab.records import Line, Sample
from lab.up import SOUNDS, Info, running, start_node, wait_ready

CALM_S = 60.0
"""Within this a lab is quiet after everybody hung up: no contact in a queue, no phone rings."""
LOOK_S = 0.05


class Lab:
    """A running lab with a session at its telephone network."""

    def __init__(self, info: Info, sounds: Path = SOUNDS) -> None:
        self.info = info
        self.folder = Path(info.state)
        self.sounds = sounds
        self.network = Network(info.network)
        self.people: list[Person] = []
        self._recordings = 0

    async def __aenter__(self) -> Lab:
        await self.network.__aenter__()
        return self

    async def __aexit__(self, *_: Any) -> None:
        """Everybody hangs up and signs out; waits until the lab is quiet."""
        try:
            await self.clear()
        finally:
            await self.network.__aexit__()

    # --- people ------------------------------------------------------------------------------------------------------

    async def call(self, number: str | None = None, *, caller: str | None = None, press: str = "",
                   stay: float | None = None, tone: int | None = None, record: bool | Path = False) -> Leg:
        """A caller dials (the centre's number); times of keys count from the answer. `record`: True for a new file."""
        if record is True:
            self._recordings += 1
            record = self.folder / "recordings" / f"heard-{id(self):x}-{self._recordings}.wav"
        return await self.network.call(number or self.info.numbers[0], caller=caller, press=press, stay=stay, tone=tone,
                                       record=record or None)

    async def agent(self, agent: str, behaviour: Behaviour | None = None, *, seat: str | None = None) -> Person:
        """An agent signs in at their own seat, or at another; the phone registers before."""
        person = Person(self.info, self.network, agent, seat)
        await person.sign_in(behaviour or Behaviour())
        if agent not in [one.id for one in self.people]:
            self.people.append(person)
        return person

    async def clear(self) -> None:
        """Everybody hangs up and signs out; returns when the node has no contact left. Without a node only the callers
        hang up; a frozen one is thawed."""
        self.thaw_node()
        with suppress(LabError):
            await self.network.hang_up_all()
        if not process.alive(running(self.folder, "node")):
            return
        for person in self.people:
            with suppress(LabError):
                await person.sign_out()
        self.people.clear()
        await self.quiet()

    async def quiet(self) -> None:
        """Until no contact waits, rings or talks, and the store has it so: what the node says is a commit ahead of it.
        Raises LabError."""
        end = asyncio.get_running_loop().time() + CALM_S
        while True:
            queues = (await self.status())["queues"]
            busy = [one["id"] for one in queues if one["waiting"] or one["ringing"] or one["talking"]]
            if not busy and not self.rows("select 1 from contacts where outcome is null limit 1"):
                return
            if asyncio.get_running_loop().time() >= end:
                raise LabError(f"{CALM_S:.0f} s after everybody hung up there are still contacts in {', '.join(busy)}")
            await asyncio.sleep(LOOK_S)

    # --- what is said ------------------------------------------------------------------------------------------------

    async def status(self) -> dict[str, Any]:
        """`/api/v1/status`, as the administrator sees it."""
        return await ask(self.info, "GET", "/api/v1/status")

    async def queue(self, service: str) -> dict[str, Any]:
        """One service of the status."""
        return next(one for one in (await self.status())["queues"] if one["id"] == service)

    async def metrics(self) -> list[Sample]:
        """`/metrics`, read."""
        return records.samples(await asyncio.to_thread(records.page, self.info.http))

    def texts(self) -> list[dict[str, Any]]:
        """Short messages that were sent so far."""
        return taken(self.folder)

    def queue_log(self) -> list[Line]:
        """All lines so far."""
        return records.queue_log(self.folder / "queue_log")

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of the node's store."""
        return records.rows(self.folder / "santral.db", query, *values)

    def heard(self, leg: Leg, key: str, head_s: float | None = None) -> audio.Match:
        """Where in the recording of a leg a built prompt is heard; `head_s`: its first seconds are enough.
        Moments in which the other end sent nothing at all may be missing from a recording: an offset is no time."""
        if leg.recording is None:
            raise LabError(f"{leg} was not recorded")
        return audio.find_file(self.sounds / "tr" / f"{key}.wav", leg.recording, head_s)

    # --- the node's life ---------------------------------------------------------------------------------------------

    def kill_node(self) -> None:
        """kill -9; returns when it is gone."""
        identity = running(self.folder, "node")
        process.send(identity, signal.SIGKILL)
        process.wait_end(identity, process.KILL_S)

    def freeze_node(self) -> None:
        """SIGSTOP: its sockets accept and nothing answers."""
        process.send(running(self.folder, "node"), signal.SIGSTOP)

    def thaw_node(self) -> None:
        """SIGCONT."""
        process.send(running(self.folder, "node"), signal.SIGCONT)

    async def start_node(self) -> None:
        """Start it again on the same state; returns when it is ready."""
        identity = start_node(self.folder)
        await asyncio.to_thread(wait_ready, self.info.http, identity, self.folder / "node.log")
