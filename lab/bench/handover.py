"""From "an agent becomes free" to "caller and agent are bridged", beside Asterisk's own app_queue.

Both on the same Asterisk at the same time, each with one agent's phone that answers at once and callers always waiting.
app_queue is at its best (`autofill=yes`, `retry=1`, no wrap-up); its callers ask once a second whether it is their turn
(`RECHECK 1` in app_queue.c), so a free agent waits for the next question. Free = Hangup of the phone's last call,
bridged = the phone's BridgeEnter, both as Asterisk's own events tell.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from lab import up
from lab.asterisk import PrivateAsterisk
from lab.bench.row import Row
from lab.fetch import asterisk
from lab.leg import Leg
from lab.network import Behaviour, Network
from lab.person import Person
from lab.wire_client import AmiClient
from routing.ami.wire import Message

HANDOVERS = 60
"""Of each side: the mean of a uniform wait of 0 to 1 s is then known to about 7 %."""
LIMIT_S = 150.0
"""The slower side needs 1.3 s a hand-over."""
TALK_S = 0.7
"""Short, and no part of what is measured."""
CALLERS = 30
"""On each line, so that somebody always waits: ours spend about 10 s in the menu and with the good-bye, in which 14
others are served."""
PAUSE_S = 0.05
QUEUE_NUMBER = "999"
OURS, THEIRS = "2001", "2002"
"""Seats. At ours agent a1001 signs in; the other is a member of app_queue."""
AGENT = "a1001"
PRESS = "1@0.3s,1@1s"
"""The first key ends the greeting, the second the notice."""

EXTENSIONS = f"""
; Added by `santral bench handover`: the yardstick.
[santral-in]
exten => {QUEUE_NUMBER},1,Answer(0)
 same => n,Set(CHANNEL(musicclass)=santral)
 same => n,Queue(bench,,,,600)
 same => n,Hangup()
"""
QUEUES = f"""
; Added by `santral bench handover`: the yardstick.
[bench]
strategy=leastrecent
autofill=yes
retry=1
timeout=15
ringinuse=no
wrapuptime=0
musicclass=santral
member => PJSIP/{THEIRS}
"""


class Watch:
    """Listens to Asterisk: for each seat the times from its last hang-up to its next bridge."""

    def __init__(self) -> None:
        self.gaps: dict[str, list[float]] = {OURS: [], THEIRS: []}
        self.enough = asyncio.Event()
        """Both sides have been seen often enough."""
        self._free: dict[str, float] = {}

    def take(self, message: Message) -> None:
        """An event of Asterisk."""
        seat = message.get("Channel").removeprefix("PJSIP/").partition("-")[0]
        if seat not in self.gaps:
            return
        now = time.perf_counter()
        if message.name == "Hangup":
            self._free[seat] = now
        elif message.name == "BridgeEnter" and seat in self._free:
            self.gaps[seat].append(now - self._free.pop(seat))
            if all(len(gaps) >= HANDOVERS for gaps in self.gaps.values()):
                self.enough.set()


def rows() -> list[Row]:
    """Measure on a private lab of its own."""
    folder = Path(tempfile.mkdtemp(prefix="santral-bench-"))
    try:
        info = up.up(_centre(folder), folder / "lab")
        _yardstick(folder / "lab")
        gaps = asyncio.run(_measure(info))
    finally:
        up.down(folder / "lab")
        shutil.rmtree(folder, ignore_errors=True)
    return _rows([1000 * gap for gap in gaps[OURS]], [1000 * gap for gap in gaps[THEIRS]])


def _centre(folder: Path) -> Path:
    """The ministry's centre, with an agent who needs no wrap-up: app_queue's member has none either."""
    centre = folder / "centre"
    shutil.copytree(up.CENTRE, centre)
    needs = centre / "accommodations.yaml"
    needs.write_text(f"accommodations:\n  - {{agent: {AGENT}, wrapup_s: 0}}\n", encoding="utf-8")
    needs.chmod(0o600)
    return centre


def _yardstick(lab: Path) -> None:
    conf = lab / "asterisk"
    for name, text in (("extensions.conf", EXTENSIONS), ("queues.conf", QUEUES)):
        with (conf / name).open("a", encoding="utf-8") as file:
            file.write(text)
    pbx = PrivateAsterisk(asterisk(), conf, lab / "pbx")
    pbx.console("dialplan reload")
    pbx.console("queue reload all")


async def _measure(info: up.Info) -> dict[str, list[float]]:
    watch = Watch()
    ami = AmiClient(watch.take)
    secret = json.loads((Path(info.state) / "secrets" / "ami.json").read_text(encoding="utf-8"))["events"]
    await ami.connect(int(info.ami.rpartition(":")[2]), "santral-events", secret)
    async with Network(info.network) as network:
        quick = Behaviour(answer="0", talk=TALK_S)
        await network.register({seat.endpoint: seat.secret for seat in info.agents[:2]})
        await network.behave(THEIRS, quick)
        await Person(info, network, AGENT).sign_in(quick)
        callers = [asyncio.create_task(_caller(network, number, press))
                   for number, press in (("4440632", PRESS), (QUEUE_NUMBER, "")) for _ in range(CALLERS)]
        try:
            async with asyncio.timeout(LIMIT_S):
                await watch.enough.wait()
        finally:
            for caller in callers:
                caller.cancel()
            await asyncio.gather(*callers, return_exceptions=True)
            await network.hang_up_all()
    await ami.close()
    return watch.gaps


async def _caller(network: Network, number: str, press: str) -> None:
    """One after the other, for ever."""
    while True:
        leg: Leg = await network.call(number, press=press)
        await leg.ended.wait()
        await asyncio.sleep(PAUSE_S)


def _rows(ours: list[float], theirs: list[float]) -> list[Row]:
    def row(name: str, of: Callable[[list[float]], float], goal: float | None) -> Row:
        mine, other = of(ours), of(theirs)
        ratio = other / mine
        return Row(f"hand-over {name}", mine, "ms", f"app_queue {other:.0f} ms", ratio,
                   "" if goal is None else f">= {goal:g}x", None if goal is None else ratio >= goal)

    return [row("mean", statistics.fmean, 10.0), row("p50", statistics.median, None), row("p99", _p99, None),
            Row("hand-overs measured", len(ours), "count", f"app_queue {len(theirs)}", None, "", None)]


def _p99(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, round(0.99 * (len(values) - 1)))]
