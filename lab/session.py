"""One lab for a test or a benchmark: its calls, its agents, the life of its node, and its records.

    async with LabSession(info) as lab:
        agent = await lab.sign_in_agent("a1001", PhoneBehaviour(tone=600))
        call = await lab.place_call(press="1@1s", record=True)
"""

from __future__ import annotations

import asyncio
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.lab_nodes import LabNode, choose_release, find_leader, start_node, wait_ready
from lab.lab_postgres import LabPostgres
from lab.lab_record import find_process
from lab.lifecycle import SOUNDS, LabInfo
from lab.pbx import process
from lab.pbx.sms_gateway import read_messages
from lab.people import node_records
from lab.people.agent import SimAgent, ask_node
from lab.people.node_records import MetricSample, QueueLogLine
from lab.phones import audio
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour, PhoneNetwork

CALM_S = 60.0
"""Limit until the lab is quiet after everybody hung up: no contact in a queue, no phone rings."""
LOOK_S = 0.05


class LabSession:
    """A running lab with a session at its telephone network."""

    def __init__(self, info: LabInfo, sounds: Path = SOUNDS) -> None:
        self.info = info
        self.folder = Path(info.state)
        self.sounds = sounds
        self.network = PhoneNetwork(info.network)
        self.people: list[SimAgent] = []
        self._leader = info.nodes[0]
        self._recordings = 0

    async def __aenter__(self) -> LabSession:
        await self.network.__aenter__()
        return self

    async def __aexit__(self, *_: Any) -> None:
        """Clear the lab, then leave its telephone network."""
        try:
            await self.clear_lab()
        finally:
            await self.network.__aexit__()

    # --- people ------------------------------------------------------------------------------------------------------

    async def place_call(self, number: str | None = None, *, caller: str | None = None, press: str = "",
                         stay: float | None = None, tone: int | None = None, record: bool | Path = False) -> Leg:
        """Dial a number, the centre's own by default. Times of keys count from the answer.

        With `record=True` the recording gets a new file.
        """
        if record is True:
            self._recordings += 1
            record = self.folder / "recordings" / f"heard-{id(self):x}-{self._recordings}.wav"
        return await self.network.place_call(number or self.info.numbers[0], caller=caller, press=press, stay=stay,
                                             tone=tone, record=record or None)

    async def sign_in_agent(self, agent: str, behaviour: PhoneBehaviour | None = None, *,
                            seat: str | None = None) -> SimAgent:
        """Register the phone and sign an agent in, at the agent's own seat or at another one."""
        person = SimAgent(self.info, self.network, agent, seat)
        await person.sign_in(behaviour or PhoneBehaviour())
        if agent not in [one.id for one in self.people]:
            self.people.append(person)
        return person

    async def clear_lab(self) -> None:
        """Hang up all calls, sign out all agents, and wait until the node has no contact left.

        Without a node only the callers hang up. A frozen node is thawed.
        """
        # A frozen node would answer neither the sign-outs nor the status.
        for node in self.info.nodes:
            self.thaw_node(node.name)
        with suppress(LabError):
            await self.network.hang_up_all()
        if not any(process.is_alive(find_process(self.folder, node.process)) for node in self.info.nodes):
            return
        for person in self.people:
            with suppress(LabError):
                await person.sign_out()
        self.people.clear()
        await self.wait_until_quiet()

    async def wait_until_quiet(self) -> None:
        """Wait until no contact waits, rings or talks, in the node and in its store. Raise LabError.

        The node's status is one commit ahead of the store.
        """
        end = asyncio.get_running_loop().time() + CALM_S
        while True:
            queues = (await self.fetch_status())["queues"]
            busy = [one["id"] for one in queues if one["waiting"] or one["ringing"] or one["talking"]]
            if not busy and not self.query_store("select 1 from contacts where outcome is null limit 1"):
                return
            if asyncio.get_running_loop().time() >= end:
                raise LabError(f"{CALM_S:.0f} s after everybody hung up there are still contacts in {', '.join(busy)}")
            await asyncio.sleep(LOOK_S)

    # --- what is said ------------------------------------------------------------------------------------------------

    async def fetch_status(self) -> dict[str, Any]:
        """Fetch `/api/v1/status` as the administrator."""
        return await ask_node(self.info, "GET", "/api/v1/status")

    async def fetch_queue(self, service: str) -> dict[str, Any]:
        """Fetch one service of the status."""
        return next(one for one in (await self.fetch_status())["queues"] if one["id"] == service)

    async def fetch_metrics(self) -> list[MetricSample]:
        """Fetch and parse `/metrics`."""
        leader = await self.find_leader()
        return node_records.parse_samples(await asyncio.to_thread(node_records.fetch_page, leader.http))

    def sent_messages(self) -> list[dict[str, Any]]:
        """Return the short messages sent so far."""
        return read_messages(self.folder)

    def read_queue_log(self) -> list[QueueLogLine]:
        """Read all lines of the queue_log so far, of the node that led when it was last looked for."""
        return node_records.read_queue_log(Path(self._leader.state) / "queue_log")

    def query_store(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Query the rows of the node's store."""
        return node_records.query_store(self.info.store, query, *values)

    def find_prompt(self, leg: Leg, key: str, head_s: float | None = None) -> audio.Match:
        """Find a built prompt in the recording of a leg. `head_s` limits the search to its first seconds.

        Moments in which the other end sent nothing may be missing from a recording, so an offset is no time.
        """
        if leg.recording is None:
            raise LabError(f"{leg} was not recorded")
        return audio.find_prompt_file(self.sounds / "tr" / f"{key}.wav", leg.recording, head_s)

    # --- the nodes' life ---------------------------------------------------------------------------------------------

    @property
    def postgres(self) -> LabPostgres:
        """Return the servers of PostgreSQL. Raise LabError if the lab has none."""
        return LabPostgres.attach(self.folder)

    def node(self, name: str = "") -> LabNode:
        """Return a node by its name, the first one by default. Raise LabError if there is none."""
        for node in self.info.nodes:
            if name in ("", node.name):
                return node
        raise LabError(f"this lab has no node {name!r}")

    async def find_leader(self) -> LabNode:
        """Wait until a node leads, and return it. The node of a lab with one is not asked."""
        if len(self.info.nodes) > 1:
            self._leader = await find_leader(self.info.nodes)
        return self._leader

    def kill_node(self, name: str = "") -> None:
        """Kill a node with SIGKILL and wait for its end."""
        identity = find_process(self.folder, self.node(name).process)
        process.send_signal(identity, signal.SIGKILL)
        process.wait_end(identity, process.KILL_S)

    def freeze_node(self, name: str = "") -> None:
        """Stop a node with SIGSTOP: its sockets accept connections and nothing answers."""
        process.send_signal(find_process(self.folder, self.node(name).process), signal.SIGSTOP)

    def thaw_node(self, name: str = "") -> None:
        """Continue a node with SIGCONT."""
        process.send_signal(find_process(self.folder, self.node(name).process), signal.SIGCONT)

    async def change_release(self, name: str = "", tree: Path | None = None) -> None:
        """Stop a node as an upgrade does, and start it with the release in a folder, or with this one."""
        node = self.node(name)
        await asyncio.to_thread(process.end_process, find_process(self.folder, node.process), CALM_S)
        choose_release(self.folder, node.name, tree)
        await self.start_node(node.name)

    async def start_node(self, name: str = "") -> None:
        """Start a node again on the same state, and wait until it is ready. A second node may stand by instead."""
        node = self.node(name)
        identity = start_node(self.folder, node.name)
        await asyncio.to_thread(wait_ready, node, identity, standby=len(self.info.nodes) > 1)
