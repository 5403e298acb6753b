"""`santral lab demo`: a centre at work in the terminal, and a summary. The demo ends everything that it starts."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import AsyncExitStack, contextmanager, nullcontext, suppress
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from centres.centre_reader import load_centre
from desk import tables
from lab.centre_words import words_of
from lab.demo_page.demo_page import serve_demo_page
from lab.errors import LabError
from lab.lifecycle import PROJECT_ROOT, LabInfo, note_people, read_santral, start_lab, stop_lab
from lab.people import node_records
from lab.people.agent import ask_node
from lab.people.caller_speech import build_speech
from lab.people.desk_people import add_people, choose_visitors
from lab.people.node_records import RunSummary
from lab.people.traffic import KEYS, VISITED_KEY, VISITED_SKILL, LabTraffic, TrafficHabits, pick_across_teams
from lab.phones.network import PhoneNetwork
from lab.visitors import read_turn_port
from prompts.robot_voice import describe_robot

LOOK_S = 1.0
"""Time between two drawings of the view. Waits are counted in seconds."""
PLAIN_S = 10.0
"""Time between two lines without a terminal."""
DRAIN_S = 20.0
"""Time for talks to end after the last caller. A talk of the lab lasts at most 14 s."""
SETTLE_S = 10.0
"""Limit until every ended call is in the node's records, which takes one turn of milliseconds."""
TROUBLES_SHOWN = 5
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-C, the system and the terminal. Each signal ends the demo in order."""
TEXTED, TEXTS_S = 0.5, 10.0
"""Share of the callers who ask for the wait in a short message, and the wait after which the node offers that."""
SPEECH = PROJECT_ROOT / ".cache" / "callers"
"""Cache of what the callers say."""
WIDE = 150
"""Columns from which the agents fit next to the queues. 24 lines cannot hold both tables below each other."""


class DemoPlan:
    """Parameters of a demo."""

    def __init__(self, centre: Path, *, seconds: float | None, agents: int, every: float,
                 asterisk_path: Path | None = None, folder: Path | None = None) -> None:
        self.centre = centre
        self.seconds = seconds
        """None to run until Ctrl-C."""
        self.agents = agents
        self.every = every
        """Mean seconds between callers."""
        self.asterisk_path = asterisk_path
        self.folder = folder or Path(tempfile.mkdtemp(prefix="santral-demo-"))


def run_demo(plan: DemoPlan, console: Console) -> int:
    """Run the demo and return its exit code: 0 if calls were answered and no error came. Raise LabError."""
    began = time.monotonic()

    def print_step(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:5.1f} s[/dim]  {text}", highlight=False)

    # 1. Start the lab and run its people.
    try:
        info = start_lab(plan.centre, plan.folder, asterisk_path=plan.asterisk_path, guarded=True, texts=TEXTS_S,
                         visited=True, speech=build_speech(SPEECH), say=print_step)
        for sentence in describe_robot([Path(info.sounds)], words_of(load_centre(plan.centre)).name):
            print_step(escape(sentence))
        print_step(f"ready: {info.numbers[0]} at sip:{info.sip}, http://{info.http}")
        traffic, summary = asyncio.run(_run_traffic(info, plan, console, print_step))
    finally:
        # 2. End the lab on every way out. A second Ctrl-C must not leave an Asterisk behind.
        with _ignore_signals():
            stop_lab(plan.folder)
    # 3. Print the summary, the troubles, and where to look when no call was answered.
    console.print(summary_table(summary))
    print_longest_waiter(plan, console)
    for trouble in traffic.troubles[:TROUBLES_SHOWN]:
        console.print(Text(f"trouble: {trouble}", style="yellow"))
    if not summary.answered:
        console.print(Text(f"No call was answered. See the node's log: {plan.folder / 'node.log'}", style="red"))
        return 1
    return 0


async def _run_traffic(info: LabInfo, plan: DemoPlan, console: Console, say: Any) -> tuple[LabTraffic, RunSummary]:
    folder = Path(info.state)
    stop = asyncio.Event()
    with _stop_on_signal(stop):
        async with PhoneNetwork(info.network) as network, AsyncExitStack() as pages:
            habits = TrafficHabits(every=plan.every, record=folder / "recordings", texts=TEXTED,
                                   keys=KEYS.replace(VISITED_KEY, ""), speech=True)
            chosen = pick_across_teams(info.agents, plan.agents, without=VISITED_SKILL)
            traffic = LabTraffic(info, network, habits, chosen)
            info = info._replace(people=tuple(await add_people(
                info, choose_visitors(plan.centre, VISITED_SKILL, chosen))))
            note_people(folder, info.people)
            await traffic.sign_in_agents()
            say(f"{len(traffic.people)} agents are signed in; callers arrive"
                + ("; Ctrl-C ends it" if plan.seconds is None else ""))
            behind, switch = await pages.enter_async_context(serve_demo_page(info))
            print_welcome(info, console, behind)
            arriving = asyncio.create_task(traffic.generate_callers(), name="lab.people.traffic")
            try:
                await _show_progress(info, traffic, stop, plan.seconds, console)
            finally:
                arriving.cancel()
                with suppress(asyncio.CancelledError):
                    await arriving
            say("no more callers; talks come to their end")
            # A first Ctrl-C ended the arrivals. The event is cleared so that only a second one cuts the talks short.
            stop.clear()
            await switch.wait_back()
            await _drain_calls(info, traffic, network, stop)
            return traffic, await _final_summary(info)


async def _show_progress(info: LabInfo, traffic: LabTraffic, stop: asyncio.Event, seconds: float | None,
                         console: Console) -> None:
    """Show the state of the centre until the end of the time or Ctrl-C."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds if seconds is not None else float("inf")
    printed = 0.0
    live = Live(console=console, auto_refresh=False) if console.is_terminal else None
    with live or nullcontext():
        while not stop.is_set() and loop.time() < end:
            try:
                status = await ask_node(info, "GET", "/api/v1/status")
            except LabError:
                # Somebody has pressed the button that kills the node. It is back in some seconds.
                await asyncio.sleep(LOOK_S / 4)
                continue
            traffic.more_keys = _keys_for_visitors(status, info)
            if live is not None:
                live.update(_progress_view(status, traffic, end - loop.time(), console.width >= WIDE), refresh=True)
            elif loop.time() >= printed:
                printed = loop.time() + PLAIN_S
                console.print(_counts_line(status, traffic), highlight=False)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.05, min(LOOK_S, end - loop.time())))


async def _drain_calls(info: LabInfo, traffic: LabTraffic, network: PhoneNetwork, stop: asyncio.Event) -> None:
    """Let waiting and talking callers come to an end, then hang up the callers who are still in the menu."""
    loop = asyncio.get_running_loop()
    last = loop.time() + DRAIN_S
    while loop.time() < last and not stop.is_set():
        queues = (await ask_node(info, "GET", "/api/v1/status"))["queues"]
        if not any(queue["waiting"] or queue["ringing"] or queue["talking"] for queue in queues):
            break
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_S / 4)
    await network.hang_up_all()
    for leg in traffic.calls:
        with suppress(LabError):
            await leg.wait_ended(SETTLE_S)


async def _final_summary(info: LabInfo) -> RunSummary:
    """Return the node's own figures when every offered contact has its outcome."""
    folder = Path(info.state)
    loop = asyncio.get_running_loop()
    end = loop.time() + SETTLE_S
    while True:
        text = await asyncio.to_thread(node_records.fetch_page, info.http)
        found = node_records.summarise_run(text, node_records.read_queue_log(folder / "queue_log"))
        if found.offered == found.answered + found.abandoned + found.other or loop.time() >= end:
            # The page is saved as it was counted, so that the summary can be checked.
            (folder / "metrics.txt").write_text(text, encoding="utf-8")
            return found
        await asyncio.sleep(LOOK_S / 4)


def _keys_for_visitors(status: dict[str, Any], info: LabInfo) -> str:
    """Return the key of the visitors' service while one of its agents is ready and nobody waits.

    A visitor then gets a call within seconds, and no line of callers stands before the visitor's own call.
    """
    mine = {one.person for one in info.people if VISITED_SKILL in _skills_of(info, one.person)}
    ready = any(agent["id"] in mine and agent["state"] == "ready" for agent in status["agents"])
    waiting = any(queue["waiting"] or queue["ringing"] for queue in status["queues"] if queue["id"] == VISITED_SKILL)
    return VISITED_KEY if ready and not waiting else ""


def _skills_of(info: LabInfo, person: str) -> Collection[str]:
    return next((seat.skills for seat in info.agents if seat.id == person), ())


def print_welcome(info: LabInfo, console: Console, behind: str) -> None:
    """Print the addresses with names and passwords, the live calls first, and the forwards for another machine.

    `behind` is the address of the demo's own page.
    """
    ports = [urlsplit(info.desk).port, read_turn_port(Path(info.settings)), urlsplit(info.caller_page).port,
             urlsplit(behind).port]
    forwards = " ".join(f"-L {port}:127.0.0.1:{port}" for port in ports)
    people = Table.grid(padding=(0, 2))
    for one in info.people:
        people.add_row("", Text(one.person, style="bold"), Text(one.password, style="bold"),
                       Text(f"{'/'.join(one.roles)}{': ' if one.about else ''}{one.about}"))
    supervisor = info.people[-1].person
    for line in (f"\nWatch the calls      {info.desk}live   sign in as {supervisor}: each call as it goes, and why",
                 f"Behind the scenes    {behind}   what callers hear, and a button that kills the node",
                 f"Desk of the agents   {info.desk}   sign in as", people,
                 f"Caller's page        {info.caller_page}   key {VISITED_KEY} rings at the desk of the first agent",
                 f"From another machine ssh {forwards} {socket.gethostname()}\n"):
        console.print(line, highlight=False, markup=False, soft_wrap=True)


def _counts_line(status: dict[str, Any], traffic: LabTraffic) -> str:
    waiting = sum(queue["waiting"] for queue in status["queues"])
    talking = sum(queue["talking"] for queue in status["queues"])
    simulated = {person.id for person in traffic.people}
    ready = sum(agent["state"] == "ready" and agent["id"] in simulated for agent in status["agents"])
    here = sum(agent["state"] != "signed_out" and agent["id"] not in simulated for agent in status["agents"])
    return (f"{len(traffic.calls)} callers so far, {waiting} waiting, {talking} talking, {ready} agents ready"
            f"{f', {here} at a desk' if here else ''}")


def _progress_view(status: dict[str, Any], traffic: LabTraffic, left: float, wide: bool) -> RenderableType:
    line = Text(_counts_line(status, traffic), style="bold")
    if left != float("inf"):
        line.append(f"   ({max(0, round(left))} s left)", style="dim")
    queues = Group(tables.queue_table(status), _caller_table(traffic))
    if not wide:
        return Group(line, queues)
    side = Table.grid(padding=(0, 2))
    side.add_row(queues, tables.agent_table(status, all_of_them=False))
    return Group(line, side)


def _caller_table(traffic: LabTraffic) -> Table:
    """Return the latest callers with what they notice."""
    table = Table(title="Arayanlar", title_justify="left")
    for name in ("arayan", "olan"):
        table.add_column(name)
    for number, leg in list(enumerate(traffic.calls, 1))[-6:]:
        table.add_row(str(number), Text(", ".join(moment.what for moment in leg.moments[-3:])))
    return table


def summary_table(found: RunSummary) -> Table:
    """Build the table of the summary."""
    table = Table("", "", title="Summary", show_header=False, title_justify="left")
    level = "-" if found.service_level is None else f"{found.service_level:.0%} within the target of the service"
    for name, value in (
            ("offered", f"{found.offered} calls entered a queue"), ("answered", str(found.answered)),
            ("abandoned", str(found.abandoned)), ("other ends", str(found.other)), ("service level", level),
            ("longest wait", f"{found.longest_wait_s:.0f} s")):
        table.add_row(name, Text(value, overflow="fold"))
    return table


def print_longest_waiter(plan: DemoPlan, console: Console) -> None:
    """Print the course of the longest waiter in words, and three commands to try with what the demo has left."""
    contact, _ = node_records.find_longest_waiter(node_records.read_queue_log(plan.folder / "queue_log"))
    day = datetime.now().astimezone().date()
    if contact:
        # The node is over, so its own command tells the course.
        told = json.loads(read_santral("why", contact, str(plan.folder), "--json"))
        settings = load_centre(plan.centre).settings
        zone = None if settings is None else ZoneInfo(settings.centre.timezone)
        console.print(Text(f"\nThe longest waiter: {told['title']}", style="bold"))
        course = Table.grid(padding=(0, 2))
        for text in told["summary"]:
            course.add_row("", "", Text(text))
        for one in told["events"]:
            course.add_row("", f"{datetime.fromtimestamp(one['at'], zone):%H:%M:%S}", Text(one["text"]))
        console.print(course)
        day = datetime.fromtimestamp(told["events"][0]["at"], zone).date()
    console.print(Text("\nTry next", style="bold"))
    for command in (*([f"santral why {contact} {plan.folder}"] if contact else []),
                    f"santral report day {day} {plan.folder}", f"santral replay {plan.folder}"):
        console.print(Text(f"  {command}"), soft_wrap=True)


@contextmanager
def _stop_on_signal(stop: asyncio.Event) -> Iterator[None]:
    """Set `stop` on each of `SIGNALS` instead of interrupting the program."""
    loop = asyncio.get_running_loop()
    for sign in SIGNALS:
        loop.add_signal_handler(sign, stop.set)
    try:
        yield
    finally:
        for sign in SIGNALS:
            loop.remove_signal_handler(sign)


@contextmanager
def _ignore_signals() -> Iterator[None]:
    """Ignore `SIGNALS` while the lab ends, which takes about two seconds."""
    before = {sign: signal.signal(sign, signal.SIG_IGN) for sign in SIGNALS}
    try:
        yield
    finally:
        for sign, handler in before.items():
            signal.signal(sign, handler)
