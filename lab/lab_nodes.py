"""The nodes of a lab: where each answers, their start, and which of them leads.

The first node has the folder of the lab as its state. The second one has a folder below it, with a copy of the secrets.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from lab.errors import LabError, NotReady
from lab.lab_record import load_state, note_process, save_state
from lab.pbx import process
from lab.pbx.process import Identity
from lab.planted_release import release_env

NICE = -5
"""Priority of a node, as in deploy/santral.service: behind Asterisk's sound, before everything else."""
READY_S = 60.0
"""A node is ready in about a second. A machine under full load takes longer."""
PROBE_S = 2.0
"""Limit for one readiness request."""
LEADER_S = 60.0
"""Limit until one of the nodes leads. A frozen leader's lease ends after 5 s."""
LEADER_LOOK_S = 0.05
"""Pause between two looks for the leader."""
NAMES = ("a", "b")
"""Names of the nodes of a lab."""
PLACE_FILE = "node.json"
"""File in which a node writes its addresses when it is ready or stands by."""


class LabNode(NamedTuple):
    """A node of a lab."""

    name: str
    http: str
    agi: str
    state: str
    log: str
    settings: str

    @property
    def process(self) -> str:
        """Name of its process in `lab.json`."""
        return "node" if self.name == NAMES[0] else f"node-{self.name}"


def start_node(folder: Path, name: str = NAMES[0], env: Mapping[str, str] | None = None) -> Identity:
    """Start a node of a lab, for the first time or again. Return before the node is ready."""
    found = load_state(folder)
    nodes = [LabNode(**one) for one in found["nodes"]]
    node = next((one for one in nodes if one.name == name), None)
    if node is None:
        raise LabError(f"the lab in {folder} has no node {name!r}. Start one with it: santral lab up --nodes 2")
    # A node that was killed left its file, and `wait_ready` must find the file of the new one.
    (Path(node.state) / PLACE_FILE).unlink(missing_ok=True)
    several = len(nodes) > 1
    tree = found.get("releases", {}).get(name, "")
    command = [sys.executable, *(("-P",) if tree else ()), "-m", "santral", "run", found["centre"], "--state",
               node.state, "--settings", node.settings, *(("--node", name) if several else ()),
               *(("--history", found["history"]) if found.get("history") else ())]
    # Two nodes shall see no more of each other than on two machines, also where one of them looks for a dead holder.
    identity = process.start_process(command, Path(node.log), release_env(tree, env) if tree else env, NICE,
                                     apart=several)
    note_process(folder, node.process, identity)
    return identity


def choose_release(folder: Path, name: str, tree: Path | None) -> None:
    """Let the next starts of a node run the release in a folder (`planted_release`). None: this release."""
    found = load_state(folder)
    releases = {**found.get("releases", {}), name: str(tree or "")}
    save_state(folder, {**found, "releases": releases})


def share_secrets(first: LabNode, other: LabNode) -> None:
    """Copy the secrets of a node to another one, as an operator brings them to the next machine."""
    target = Path(other.state)
    target.mkdir(mode=0o700, exist_ok=True)
    shutil.copytree(Path(first.state) / "secrets", target / "secrets", dirs_exist_ok=True)


def wait_ready(node: LabNode, identity: Identity, limit: float = READY_S, *, standby: bool = False) -> None:
    """Wait until the node reports that a call would be answered. Raise NotReady with the last lines of its log.

    With `standby` a node that stands by will do. Another node that answers at the same address does not count.
    """
    end = time.monotonic() + limit
    while not _is_ready(node, standby=standby):
        if process.wait_end(identity, 0.0):
            raise NotReady(f"the node ended while it started. It said:\n{process.read_tail(Path(node.log))}")
        if time.monotonic() >= end:
            raise NotReady(f"the node was not ready after {limit:.0f} s. It said:\n{process.read_tail(Path(node.log))}")
        time.sleep(process.POLL_S)


def is_leader(node: LabNode) -> bool:
    """Return whether a node says that it leads."""
    return _fetch_status(node.http, "/health/leader") == 200


async def find_leader(nodes: Sequence[LabNode], limit: float = LEADER_S) -> LabNode:
    """Wait until one of the nodes leads, and return it. Raise LabError if none does within `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        # A frozen node answers after the limit of a request only, so the first one that leads is enough.
        asked = {asyncio.create_task(asyncio.to_thread(is_leader, node)): node for node in nodes}
        waiting = set(asked)
        while waiting:
            done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task.result():
                    return asked[task]
        if time.monotonic() >= end:
            raise LabError(f"none of {', '.join(node.name for node in nodes)} led within {limit:.0f} s")
        await asyncio.sleep(LEADER_LOOK_S)


def _is_ready(node: LabNode, *, standby: bool) -> bool:
    try:
        place = json.loads((Path(node.state) / PLACE_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    if place.get("http") != node.http:
        return False
    # A node that leads names its AGI address.
    return _fetch_status(node.http, "/health/live" if standby and "agi" not in place else "/health/ready") == 200


def _fetch_status(place: str, path: str) -> int:
    host, _, port = place.rpartition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=PROBE_S)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
