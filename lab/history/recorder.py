"""Record a run of a lab into a folder that `checker.check_history` reads.

The folder has one file of JSON lines for each side: the acts of each node (`node-*.jsonl`, written by the nodes), what
each Asterisk showed a second AMI client (`witness-*.jsonl`), the callers' own lines (`callers.jsonl`), and a copy of
the store (`store.jsonl`). `blackbox-*.csv` has Asterisk's CEL lines, `logs/` the logs. `history.json` says that the
recording was ended in order.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lab.errors import LabError
from lab.history.heard_tones import find_agents
from lab.history.lines import FORMAT, HEADER, LineFile
from lab.history.store_copy import copy_store
from lab.history.witness import Witness
from lab.phones.leg import Leg
from lab.session import LabSession

MATCH_S = 90.0
"""A caller's channel at the centre appears within this time after the dial: as long as the caller lets it ring."""
BLACK_BOX = Path("pbx/log/cel-custom/santral.csv")
LOGS = ("pbx/log/messages.log", "pbx/log/console.log")
"""Logs of Asterisk. Its security log is none of them: strangers write what they like into it."""


class HistoryRecorder:
    """Recorder of one lab between `start` and `stop`.

    The lab runs with `start_lab(history=folder)`, with one node or two. `black_boxes` and `logs` are files besides
    those of the lab.
    """

    def __init__(self, lab: LabSession, folder: Path, *, black_boxes: Sequence[Path] = (),
                 logs: Sequence[Path] = ()) -> None:
        self._lab, self._folder = lab, folder
        self._boxes = [lab.folder / BLACK_BOX, *black_boxes]
        nodes = [path for node in lab.info.nodes for path in (Path(node.log), Path(node.state) / "queue_log")]
        self._logs = [*nodes, *(lab.folder / name for name in LOGS), *logs]
        self._callers: dict[str, Leg] = {}
        self._tones: dict[str, int] = {}
        self._channels: dict[str, list[tuple[float, str]]] = {}
        """Channels of callers at the centre, by number. Numbers are never written."""
        self._began = 0.0
        self._witnesses: list[tuple[Witness, LineFile]] = []

    async def start(self) -> None:
        """Begin to write what the lab's Asterisk shows. Raise LabError if the lab was started without a history."""
        self._began = time.time()
        await self.add_witness("pbx", int(self._lab.info.ami.rpartition(":")[2]), self._lab.folder)

    async def add_witness(self, name: str, port: int, state: Path) -> None:
        """Begin to write what the Asterisk at a port shows the watch user of a state folder."""
        file = LineFile(self._folder / f"witness-{name}.jsonl")
        witness = Witness(name, port, state, file, self._note_channel)
        self._witnesses.append((witness, file))
        await witness.start()

    def note_agent(self, agent: str, tone: int) -> None:
        """Note the tone of an agent's phone in Hz, by which callers know whom they hear."""
        self._tones[agent] = tone

    def note_caller(self, leg: Leg) -> None:
        """Note a caller's line. A second note of the same line changes nothing."""
        self._callers[leg.uniqueid] = leg

    def find_contact(self, leg: Leg) -> str:
        """Return the id of a caller's channel at the centre, or an empty text if no witness saw it.

        A number that calls again has several, in the order of the dials.
        """
        for at, uniqueid in self._channels.get(leg.caller, ()):
            if leg.began - 1.0 <= at <= (leg.ended_at or leg.began) + 1.0 and at <= leg.began + MATCH_S:
                return uniqueid
        return ""

    async def stop(self) -> None:
        """Write the callers' lines, the store, the black boxes and the logs. Everybody must have hung up."""
        # 1. Callers that are still on the line would look like lost ones.
        if lasting := [leg for leg in self._callers.values() if not leg.ended.is_set()]:
            raise LabError(f"{len(lasting)} callers are on the line still. Hang up before the history is stopped")
        for witness, file in self._witnesses:
            await witness.stop()
            file.close()
        # 2. Lines of the callers.
        await asyncio.to_thread(self._write_callers)
        # 3. Records and logs.
        await asyncio.to_thread(copy_store, self._lab.info.store, self._folder / "store.jsonl")
        self._copy_files()
        header = {"format": FORMAT, "began": self._began, "ended": time.time(), "tones": self._tones}
        (self._folder / HEADER).write_text(json.dumps(header), encoding="utf-8")

    def _note_channel(self, number: str, uniqueid: str, at: float) -> None:
        self._channels.setdefault(number, []).append((at, uniqueid))

    def _write_callers(self) -> None:
        file = LineFile(self._folder / "callers.jsonl")
        for leg in self._callers.values():
            file.write(**self._describe_caller(leg))
        file.close()

    def _describe_caller(self, leg: Leg) -> dict[str, Any]:
        heard: list[dict[str, Any]] = []
        if leg.recording is not None and leg.recording.exists() and leg.answered_at is not None:
            heard = [{"agent": one.agent, "from": round(leg.answered_at + one.began, 3),
                      "to": round(leg.answered_at + one.ended, 3)} for one in find_agents(leg.recording, self._tones)]
        return {"line": leg.uniqueid, "contact": self.find_contact(leg), "dialled": leg.began,
                "answered": leg.answered_at, "ended": leg.ended_at, "cut": leg.was_cut, "cause": leg.cause,
                "recorded": leg.recording is not None, "heard": heard}

    def _copy_files(self) -> None:
        logs = self._folder / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        for number, box in enumerate(self._boxes, 1):
            # The part before a rotation has the ending `.1`.
            parts = [path for path in (box.with_name(f"{box.name}.1"), box) if path.exists()]
            (self._folder / f"blackbox-{number}.csv").write_bytes(b"".join(path.read_bytes() for path in parts))
        for path in self._logs:
            if path.exists():
                shutil.copyfile(path, logs / f"{path.parent.name}-{path.name}")
