"""`santral lab demo`: a centre at work in the terminal, and a summary. Everything it starts, it ends."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from desk import tables
from lab import records
from lab.errors import LabError
from lab.gateway import FILE as GATEWAY_FILE
from lab.gateway import taken
from lab.network import Network
from lab.person import ask
from lab.records import Summary
from lab.traffic import Habits, Traffic, spread
from lab.up import Info, down, up

LOOK_S = 1.0
"""The view is drawn this often: waiting is counted in seconds."""
PLAIN_S = 10.0
"""Without a terminal one line this often."""
DRAIN_S = 20.0
"""After the last caller talks may end by themselves: a talk of the lab lasts at most 14 s."""
SETTLE_S = 10.0
"""Within this every ended call is in the node's records: it takes one turn, milliseconds."""
TROUBLES_SHOWN = 5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, the system, the terminal: each ends the demo in order."""
TEXTED, TEXTS_S = 0.5, 10.0
"""Share of the callers who want what they wait for in writing; after this wait it is offered."""
WIDE = 150
"""Columns from which the agents fit beside the queues; 24 lines do not hold both below each other."""


class Plan:
    """What a demo shall do."""

    def __init__(self, centre: Path, *, seconds: float | None, agents: int, every: float,
                 asterisk_path: Path | None = None, folder: Path | None = None) -> None:
        self.centre = centre
        self.seconds = seconds
        """None: until Ctrl-C."""
        self.agents = agents
        self.every = every
        """Mean seconds between callers."""
        self.asterisk_path = asterisk_path
        self.folder = folder or Path(tempfile.mkdtemp(prefix="santral-demo-"))


def run(plan: Plan, console: Console) -> int:
    """Run it; the exit code: 0 when calls were answered and all went well. Raises LabError."""
    began = time.monotonic()

    def say(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/dim]  {text}", highlight=False)

    try:
        info = up(plan.centre, plan.folder, asterisk_path=plan.asterisk_path, guarded=True, texts=TEXTS_S, say=say)
        say(f"ready: {info.numbers[0]} at sip:{info.sip}, http://{info.http}")
        traffic, summary = asyncio.run(_work(info, plan, console, say))
    finally:
        with _undisturbed():
            down(plan.folder)
    console.print(report(summary, plan.folder))
    for trouble in traffic.troubles[:TROUBLES_SHOWN]:
        console.print(Text(f"trouble: {trouble}", style="yellow"))
    if not summary.answered:
        console.print(Text(f"No call was answered. The node's words: {plan.folder / 'node.log'}", style="red"))
        return 1
    return 0


async def _work(info: Info, plan: Plan, console: Console, say: Any) -> tuple[Traffic, Summary]:
    folder = Path(info.state)
    stop = asyncio.Event()
    with _ctrl_c(stop):
        async with Network(info.network) as network:
            habits = Habits(every=plan.every, record=folder / "recordings", texts=TEXTED)
            traffic = Traffic(info, network, habits, spread(info.agents, plan.agents))
            await traffic.sign_in()
            say(f"{len(traffic.people)} agents are signed in; callers arrive"
                + ("; Ctrl-C ends it" if plan.seconds is None else ""))
            arriving = asyncio.create_task(traffic.arrive(), name="lab.traffic")
            try:
                await _watch(info, traffic, stop, plan.seconds, console)
            finally:
                arriving.cancel()
                with suppress(asyncio.CancelledError):
                    await arriving
            say("no more callers; talks come to their end")
            stop.clear()
            await _drain(info, traffic, network, stop)
            return traffic, await _settled(info)


async def _watch(info: Info, traffic: Traffic, stop: asyncio.Event, seconds: float | None, console: Console) -> None:
    """Show what is, until the end or Ctrl-C."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds if seconds is not None else float("inf")
    period = LOOK_S if console.is_terminal else PLAIN_S
    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    with live or nullcontext():
        while not stop.is_set() and loop.time() < end:
            status = await ask(info, "GET", "/api/v1/status")
            if live is not None:
                live.update(_view(status, traffic, end - loop.time(), console.width >= WIDE), refresh=True)
            else:
                console.print(_counts(status, traffic), highlight=False)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.05, min(period, end - loop.time())))


async def _drain(info: Info, traffic: Traffic, network: Network, stop: asyncio.Event) -> None:
    """Whoever waits or talks may come to an end; whoever is still in the menu then hangs up."""
    loop = asyncio.get_running_loop()
    last = loop.time() + DRAIN_S
    while loop.time() < last and not stop.is_set():
        queues = (await ask(info, "GET", "/api/v1/status"))["queues"]
        if not any(queue["waiting"] or queue["ringing"] or queue["talking"] for queue in queues):
            break
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_S / 4)
    await network.hang_up_all()
    for leg in traffic.calls:
        with suppress(LabError):
            await leg.wait_ended(SETTLE_S)


async def _settled(info: Info) -> Summary:
    """The node's own figures, once every contact that it took has its outcome."""
    folder = Path(info.state)
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLE_S
    while True:
        text = await asyncio.to_thread(records.page, info.http)
        found = records.summary(text, records.queue_log(folder / "queue_log"))
        if found.offered == found.answered + found.abandoned + found.other or loop.time() >= end:
            (folder / "metrics.txt").write_text(text, encoding="utf-8")
            return found
        await asyncio.sleep(LOOK_S / 4)


def _counts(status: dict[str, Any], traffic: Traffic) -> str:
    waiting = sum(queue["waiting"] for queue in status["queues"])
    talking = sum(queue["talking"] for queue in status["queues"])
    ready = sum(queue["state"] == "ready" for queue in status["agents"])
    return f"{len(traffic.calls)} callers so far, {waiting} waiting, {talking} talking, {ready} agents ready"


def _view(status: dict[str, Any], traffic: Traffic, left: float, wide: bool) -> RenderableType:
    line = Text(_counts(status, traffic), style="bold")
    if left != float("inf"):
        line.append(f"   ({max(0, round(left))} s left)", style="dim")
    queues = Group(tables.queues(status), _lines(traffic))
    if not wide:
        return Group(line, queues)
    side = Table.grid(padding=(0, 2))
    side.add_row(queues, tables.agents(status, all_of_them=False))
    return Group(line, side)


def _lines(traffic: Traffic) -> Table:
    """The latest callers as they see it."""
    table = Table(title="Arayanlar", title_justify="left")
    for name in ("arayan", "olan"):
        table.add_column(name)
    for number, leg in list(enumerate(traffic.calls, 1))[-6:]:
        table.add_row(str(number), Text(", ".join(moment.what for moment in leg.moments[-3:])))
    return table


def report(found: Summary, folder: Path) -> Table:
    """The summary."""
    table = Table("", "", title="Summary", show_header=False, title_justify="left")
    level = "-" if found.service_level is None else f"{found.service_level:.0%} within the target of the service"
    for name, value in (
            ("offered", f"{found.offered} calls entered a queue"), ("answered", str(found.answered)),
            ("abandoned", str(found.abandoned)), ("other ends", str(found.other)), ("service level", level),
            ("longest wait", f"{found.longest_wait_s:.0f} s"), ("records", str(folder / "santral.db")),
            ("queue_log", str(folder / "queue_log")), ("metrics", str(folder / "metrics.txt")),
            ("short messages", f"{len(taken(folder))} in {folder / GATEWAY_FILE}"),
            ("what callers heard", str(folder / "recordings")), ("the node's log", str(folder / "node.log"))):
        table.add_row(name, Text(value, overflow="fold"))
    return table


@contextmanager
def _ctrl_c(stop: asyncio.Event) -> Iterator[None]:
    """Each of `SIGNALS` asks for an orderly end."""
    loop = asyncio.get_running_loop()
    for sign in SIGNALS:
        loop.add_signal_handler(sign, stop.set)
    try:
        yield
    finally:
        for sign in SIGNALS:
            loop.remove_signal_handler(sign)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """A second Ctrl-C, or the terminal closing, does not stop the ending: it takes about two seconds."""
    before = {sign: signal.signal(sign, signal.SIG_IGN) for sign in SIGNALS}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
