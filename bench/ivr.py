"""CPU of a node for a whole menu on a real Asterisk, compared with a FastAGI server that decides nothing.

SIPp makes real calls with sound and keys. Keys cut greeting, menu and acknowledgement short. The caller enters the
queue and the hold loop, and the dialplan hangs up before its first round.

In turns, the same call goes to the node and to a server that sends the commands of a recorded call. Both use copies of
the same dialplan (`bench.harness.null_agi`). CPU is that of the processes of Asterisk and of the servers. The ceiling
is a closed loop with a fixed number of callers, in which the next caller starts when one is done. With the cores full,
the calls a second that get through the whole dialogue are the load that each arrangement carries.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from bench.harness import null_agi
from bench.row import Row
from lab import lab_nodes, lifecycle
from lab.errors import LabError
from lab.pbx import process
from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import find_asterisk
from lab.pbx.ports import PortBlock
from lab.pbx.process import Identity
from lab.people import node_records, sipp_load

TAKES_S = 240.0
NUMBERS = {"node": "999", "null": "998", "tap": "997"}
PRESS = "1@1.1s,1@1.5s"
"""The first key chooses over the greeting, and the second ends the acknowledgement."""
LIMIT_S = 60.0
"""A call takes 2.3 s, and ten times that when the cores are full."""
RTP_PORTS = 1000
CPU_RATE, CPU_CALLS = 15.0, 120
"""Calls a second and calls of one round in which CPU is measured, far below what two cores carry."""
FULL_AT_ONCE, FULL_CALLS = 150, 600
"""Callers at once and calls of one round of the closed loop.

A call takes 2.3 s, so at most 65 a second can come, and two cores are full there. With 300 callers the keys come so
late that menus are repeated and calls fail.
"""
ROUNDS = 3
GOAL_CPU, GOAL_CARRIED = 0.1, 0.9
CONTEXTS = ("santral-menu", "santral-next", "santral-hold", "santral-bye")
"""Contexts of the dialplan that another AGI server needs a copy of."""


class RoundCost(NamedTuple):
    """Cost of one round of calls to one server."""

    asterisk_ms: float
    """CPU of Asterisk a call."""
    server_ms: float
    """CPU of the server a call."""
    per_s: float
    """Calls a second from the first to the last, without failed ones."""
    failed: int
    """Calls that did not get through the whole dialogue."""


def measure_rows() -> list[Row]:
    """Measure on a separate private lab."""
    return measure_menu(ROUNDS, CPU_CALLS, FULL_CALLS, FULL_AT_ONCE)


def measure_menu(rounds: int, cpu_calls: int, full_calls: int, at_once: int) -> list[Row]:
    """Measure this many rounds in turns. With `full_calls` = 0 there is no closed loop."""
    folder = Path(tempfile.mkdtemp(prefix="santral-bench-"))
    try:
        info = lifecycle.start_lab(folder=folder / "lab", guarded=True)
        with _BenchLab(info, folder) as house:
            calm: dict[str, list[RoundCost]] = {"node": [], "null": []}
            full: dict[str, list[RoundCost]] = {"node": [], "null": []}
            for number in range(rounds):
                turns = ("node", "null") if number % 2 == 0 else ("null", "node")
                for name in turns:
                    calm[name].append(house.run_round(name, cpu_calls, CPU_RATE, cpu_calls))
                for name in turns if full_calls else ():
                    full[name].append(house.run_round(name, full_calls, float(at_once), at_once))
            house.check_calls()
    finally:
        lifecycle.stop_lab(folder / "lab")
        shutil.rmtree(folder, ignore_errors=True)
    return _result_rows(calm, full)


class _BenchLab:
    """A lab with two more numbers: one leads to the null server, one is recorded."""

    def __init__(self, info: lifecycle.LabInfo, folder: Path) -> None:
        self._info = info
        self._folder = folder
        self._ports, self._away = PortBlock(), PortBlock()
        self._null_port, self._tap_port = self._ports.free_port(), self._ports.free_port()
        self._media = self._away.media_range(RTP_PORTS)[0]
        self._script = folder / "script.json"
        self._null: Identity | None = None
        self._calls = dict.fromkeys(NUMBERS, 0)
        self._rounds = self._failed = 0

    def __enter__(self) -> _BenchLab:
        self._add_numbers()
        scripts = asyncio.run(self._record_dialogue())
        if set(scripts) != {"menu"}:
            raise LabError(f"the recorded call had the dialogues {sorted(scripts)}, not the menu alone")
        self._script.write_text(json.dumps(scripts), encoding="utf-8")
        self._null = process.start_process(
            [sys.executable, "-m", "bench.harness.null_agi", str(self._null_port), str(self._script)],
            self._folder / "null.log")
        self._wait_listening()
        return self

    def __exit__(self, *_: object) -> None:
        if self._null is not None:
            process.end_process(self._null)
        self._ports.close()
        self._away.close()

    def _add_numbers(self) -> None:
        lab = Path(self._info.state)
        conf = lab / "asterisk"
        plan = conf / "extensions.conf"
        # 1. Copy the contexts of the menu for each number, with its AGI server.
        text = plan.read_text(encoding="utf-8")
        parts = [text]
        servers = (self._info.agi, f"127.0.0.1:{self._null_port}", f"127.0.0.1:{self._tap_port}")
        for name, place in zip(NUMBERS, servers, strict=True):
            parts.append(f"\n[santral-in]\nexten => {NUMBERS[name]},1,Set(__SC=${{UNIQUEID}})\n"
                         f" same => n,Set(__SC_CALLED={NUMBERS[name]})\n same => n,Set(SC_ENTRY=ana)\n"
                         f" same => n,Goto({name}-menu,s,1)\n")
            for context in CONTEXTS:
                block = _dialplan_context(text, context).replace(f"agi://{self._info.agi}/", f"agi://{place}/")
                if context == "santral-hold":
                    block = _end_hold_loop(block)
                for one in CONTEXTS:
                    block = block.replace(one, one.replace("santral", name))
                parts.append(block)
        plan.write_text("".join(parts), encoding="utf-8")
        # 2. Choose media ports for both Asterisks.
        first, last = self._ports.media_range(RTP_PORTS)
        rtp = conf / "rtp.conf"
        kept = [line for line in rtp.read_text(encoding="utf-8").splitlines()
                if not line.startswith(("rtpstart", "rtpend"))]
        rtp.write_text("\n".join([*kept, f"rtpstart={first}", f"rtpend={last}", ""]), encoding="utf-8")
        # 3. Reload.
        pbx = PrivateAsterisk(find_asterisk(), conf, lab / "pbx")
        for command in ("dialplan reload", "module reload res_rtp_asterisk.so"):
            pbx.run_console(command)

    async def _record_dialogue(self) -> dict[str, list[str]]:
        host, _, port = self._info.agi.rpartition(":")
        found: dict[str, list[str]] = {}
        async with null_agi.record_dialogues(self._tap_port, (host, int(port)), found):
            await asyncio.to_thread(self._run_sipp, "tap", 1, 1.0, 1)
        return found

    def _wait_listening(self) -> None:
        end = time.monotonic() + lab_nodes.READY_S
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._null_port)) == 0:
                    return
            if time.monotonic() >= end:
                raise LabError(f"the null server does not listen:\n{process.read_tail(self._folder / 'null.log')}")
            time.sleep(process.POLL_S)

    def run_round(self, name: str, calls: int, rate: float, at_once: int) -> RoundCost:
        """Run this many calls to one of the servers."""
        server = lifecycle.find_process(Path(self._info.state), "node") if name == "node" else self._null
        assert server is not None
        pbx = lifecycle.find_process(Path(self._info.state), "asterisk")
        before = process.cpu_s(pbx), process.cpu_s(server), time.monotonic()
        failed = self._run_sipp(name, calls, rate, at_once)
        took = time.monotonic() - before[2]
        used = [1000 * (process.cpu_s(one) - since) / calls for one, since in zip((pbx, server), before, strict=False)]
        return RoundCost(used[0], used[1], (calls - failed) / took, failed)

    def _run_sipp(self, name: str, calls: int, rate: float, at_once: int) -> int:
        self._rounds += 1
        self._calls[name] += calls
        plan = sipp_load.LoadPlan(self._info.sip, NUMBERS[name], calls, rate, LIMIT_S,
                                  self._ports.free_port(socket.SOCK_DGRAM), self._media, PRESS, until_bye=True,
                                  at_once=at_once)
        done = sipp_load.run_sipp(plan, self._folder / f"sipp-{self._rounds}")
        self._failed += calls - done.successful
        return calls - done.successful

    def check_calls(self) -> None:
        """Check that SIPp's whole calls were whole. Raise LabError.

        Each caller must have entered the queue, and the null server must have sent everything.
        """
        queued = node_records.query_store(Path(self._info.state) / "santral.db",
                                          "select count(*) as n from contacts")[0]["n"]
        wanted = self._calls["node"] + self._calls["tap"]
        if not wanted - self._failed <= queued <= wanted:
            raise LabError(f"{wanted} callers went through the node's menu, {queued} came into the queue")
        assert self._null is not None
        process.end_process(self._null)
        finished = int(self._script.with_suffix(".done").read_text(encoding="ascii"))
        if finished < self._calls["null"] - self._failed:
            raise LabError(f"{self._calls['null']} callers went to the null server, which finished {finished} "
                           "dialogues")


def _end_hold_loop(hold: str) -> str:
    """Return the hold loop with an end before its first words, where the call is over."""
    before, mark, after = hold.partition("n(served),")
    if not mark:
        raise LabError("the hold loop has no line (served) any more: the benchmark must be brought up to date")
    return f"{before}{mark}Hangup(){after[after.index(chr(10)):]}"


def _dialplan_context(text: str, name: str) -> str:
    """Return one context of a dialplan."""
    start = text.index(f"\n[{name}]\n")
    end = text.find("\n[", start + 2)
    return text[start : end if end >= 0 else len(text)] + "\n"


def _result_rows(calm: dict[str, list[RoundCost]], full: dict[str, list[RoundCost]]) -> list[Row]:
    asterisk_ms = {name: statistics.median(one.asterisk_ms for one in rounds) for name, rounds in calm.items()}
    server_ms = {name: statistics.median(one.server_ms for one in rounds) for name, rounds in calm.items()}
    share, more = (cost / asterisk_ms["node"] for cost in (server_ms["node"], server_ms["node"] - server_ms["null"]))
    found = [
        Row("ivr Asterisk's CPU", asterisk_ms["node"], "ms/call", f"null AGI {asterisk_ms['null']:.2f} ms",
            asterisk_ms["node"] / asterisk_ms["null"], "", None),
        Row("ivr node's CPU", server_ms["node"], "ms/call", f"Asterisk's {asterisk_ms['node']:.2f} ms", share,
            f"<= {GOAL_CPU:g}x", share <= GOAL_CPU),
        Row("ivr node's CPU beyond null AGI", server_ms["node"] - server_ms["null"], "ms/call",
            f"null AGI {server_ms['null']:.2f} ms", more, "", None)]
    if full["node"]:
        crowded = {name: statistics.median(one.server_ms for one in rounds) for name, rounds in full.items()}
        busy_ms = statistics.median(one.asterisk_ms for one in full["node"])
        beside = f"Asterisk's {busy_ms:.2f} ms, null AGI {crowded['null']:.2f} ms"
        found.append(Row("ivr node's CPU, cores full", crowded["node"], "ms/call", beside, crowded["node"] / busy_ms,
                         "", None))
        carried = {name: statistics.median(one.per_s for one in rounds) for name, rounds in full.items()}
        ratio = carried["node"] / carried["null"]
        found.append(Row("ivr calls carried", carried["node"], "1/s", f"null AGI {carried['null']:.1f} 1/s", ratio,
                         f">= {GOAL_CARRIED:g}x", ratio >= GOAL_CARRIED))
    failed = {name: sum(one.failed for one in calm[name] + full[name]) for name in calm}
    found.append(Row("ivr calls failed", failed["node"], "count", f"null AGI {failed['null']}", None, "0",
                     failed["node"] == 0))
    return found
