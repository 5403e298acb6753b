"""`santral lab`: a private Asterisk with a node and people around it, calls and agents by hand, the demo."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from lab import day, process
from lab import demo as demos
from lab.errors import LabError
from lab.keys import parse, seconds
from lab.leg import Leg
from lab.network import Behaviour, Network
from lab.person import Person
from lab.traffic import Habits, Traffic, spread
from lab.up import CENTRE, NO_OFFER_S, SOUNDS, Info, down, read, remember, up

T = TypeVar("T")

CALL_MARGIN_S = 30.0
"""Over the stay: dialling, ringing, and the good-bye of the other end."""

NAMED = 3
"""Prompts named that begin alike, when one was cut off before it could be known."""

Centre = Annotated[Path, typer.Argument(help="Folder of the centre.")]
State = Annotated[Path, typer.Option("--state", help="Folder of the lab: everything it writes.")]
LabFolder = Annotated[Path, typer.Option("--lab", help="Folder of a running lab.")]
Asterisk = Annotated[Path | None, typer.Option("--asterisk", help="An Asterisk (20 or later) instead of the lab's.")]
Tone = Annotated[int | None, typer.Option("--tone", min=100, max=3500, help="Speak a tone of so many Hz.")]


def commands() -> typer.Typer:
    """The commands of this room, to be mounted as `santral lab`."""
    app = typer.Typer(no_args_is_help=True, help="A private Asterisk, a node, callers and agents on this machine.")
    app.command("up")(_told(_up))
    app.command("down")(_told(_down))
    app.command("call")(_told(_call))
    app.command("agent")(_told(_agent))
    app.command("demo")(_told(_demo))
    app.command("script")(_told(_script))
    app.command("traffic", hidden=True)(_told(_traffic))
    app.command("day", hidden=True)(_told(_day))
    return app


def _told(command: Callable[..., None]) -> Callable[..., None]:
    """Errors of the lab are one sentence on stderr and exit code 1. SIGTERM and a closed terminal end a command as
    Ctrl-C does: what it has started, it ends."""
    @wraps(command)
    def wrapper(*arguments: Any, **options: Any) -> None:
        with suppress(ValueError):  # not in the main thread: there are no signals
            for sign in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(sign, signal.default_int_handler)
        try:
            command(*arguments, **options)
        except LabError as error:
            typer.echo(f"santral: {error}", err=True)
            raise typer.Exit(1) from None
    return wrapper


def _up(
    centre: Centre = CENTRE,
    state: State = Path("lab-state"),
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object on stdout when ready.")] = False,
    no_traffic: Annotated[bool, typer.Option("--no-traffic", help="No simulated callers and agents.")] = False,
    agents: Annotated[int, typer.Option("--agents", min=1, help="Simulated agents who answer.")] = 12,
    asterisk: Asterisk = None,
    sounds: Annotated[Path, typer.Option("--sounds", help="Folder of the built prompts.")] = SOUNDS,
) -> None:
    """Start a private Asterisk and a node on free loopback ports; returns when a call would be answered."""
    console = Console(stderr=True)
    info = up(centre, state, asterisk_path=asterisk, sounds=sounds, texts=NO_OFFER_S,
              say=lambda text: console.print(text, style="dim", highlight=False))
    if not no_traffic:
        folder = state.resolve()
        identity = process.start([sys.executable, "-m", "santral", "lab", "traffic", "--lab", str(folder), "--agents",
                                  str(agents)], folder / "traffic.log")
        remember(folder, "traffic", identity)
    if as_json:
        typer.echo((state / "lab.json").read_text(encoding="utf-8"))
    else:
        _show(info, state)


def _show(info: Info, state: Path) -> None:
    table = Table(show_header=False)
    for name, value in (("call", f"{', '.join(info.numbers)} at sip:{info.sip}"), ("http", f"http://{info.http}"),
                        ("agents' phones", f"{len(info.agents)}, with their secrets in {state / 'lab.json'}"),
                        ("call it", f"santral lab call {info.numbers[0]} --lab {state} --press 1@4s"),
                        ("answer", f"santral lab agent {info.agents[0].id} --lab {state}"),
                        ("end it", f"santral lab down --state {state}")):
        table.add_row(name, Text(value))
    Console().print(table)


def _down(state: State = Path("lab-state")) -> None:
    """End a lab. Again does nothing."""
    ended = down(state.resolve())
    typer.echo(f"ended: {', '.join(ended)}" if ended else f"no lab runs in {state}")


def _call(
    number: Annotated[str, typer.Argument(help="Number to dial, such as 4440632.")],
    lab: LabFolder = Path("lab-state"),
    caller: Annotated[str, typer.Option("--from", help="The caller's number, or anonymous.")] = "05000000000",
    press: Annotated[str, typer.Option("--press", help="Keys and when, after the answer: 1@2s,#")] = "",
    stay: Annotated[str, typer.Option("--stay", help="Hang up so long after the answer.")] = "10s",
    tone: Tone = None,
    record: Annotated[Path | None, typer.Option("--record", help="WAV of what the caller hears.")] = None,
) -> None:
    """Dial, press keys, speak a tone, record; a time line of what happened. Exit 0 when it was answered."""
    info, limit = read(lab), seconds(stay)
    parse(press)

    async def work() -> Leg:
        async with Network(info.network) as network:
            leg = await network.call(number, caller=caller, press=press, stay=limit, tone=tone,
                                     record=record.resolve() if record else None)
            await _until_ctrl_c(leg.wait_ended(limit + CALL_MARGIN_S))
            await leg.hangup()
            await leg.wait_ended(CALL_MARGIN_S)
            return leg

    leg = asyncio.run(work())
    _note_heard(leg, info)
    Console().print(_time_line(leg))
    if not leg.was_answered:
        raise typer.Exit(1)


def _note_heard(leg: Leg, info: Info) -> None:
    """The prompts in the recording, by ear, into the time line."""
    if leg.recording is None or not leg.recording.exists() or leg.answered_at is None:
        return
    from lab import audio  # numpy with it: no other command, and no starting node, should wait for that
    from lab.library import load as library
    from lab.recognise import heard
    for one in heard(library(info.sounds), audio.read(leg.recording)):
        keys = " or ".join(sorted(one.keys)[:NAMED]) + (" or others" if len(one.keys) > NAMED else "")
        leg.note(leg.answered_at + one.began, f"heard {keys}" + ("" if one.whole else ", cut off"))
    leg.moments.sort()


def _time_line(leg: Leg) -> Table:
    table = Table("s", "what happened")
    for moment in leg.moments:
        table.add_row(f"{moment.at:8.3f}", Text(moment.what))
    if leg.recording is not None and leg.recording.exists():
        table.add_row("", Text(f"heard: {leg.recording}", overflow="fold"))
    return table


def _agent(
    agent: Annotated[str, typer.Argument(help="Id of the agent, such as a1001.")],
    lab: LabFolder = Path("lab-state"),
    answer_after: Annotated[str, typer.Option("--answer-after", help="The phone rings so long.")] = "1s",
    talk: Annotated[str, typer.Option("--talk", help="Hang up so long after the answer.")] = "20s",
    tone: Tone = None,
    busy: Annotated[bool, typer.Option("--busy", help="The phone is always busy.")] = False,
    ignore: Annotated[bool, typer.Option("--ignore", help="The phone rings and nobody answers.")] = False,
    calls: Annotated[int, typer.Option("--calls", min=0, help="Leave after so many calls; 0: at Ctrl-C.")] = 0,
) -> None:
    """An agent's phone registers, the agent signs in and answers until Ctrl-C."""
    if busy and ignore:
        raise LabError("--busy and --ignore exclude each other: a phone that is busy does not ring")
    info = read(lab)
    answer = "busy" if busy else "ignore" if ignore else str(seconds(answer_after))
    behaviour = Behaviour(answer, seconds(talk), tone)
    asyncio.run(_work_as(info, agent, behaviour, calls))


async def _work_as(info: Info, agent: str, behaviour: Behaviour, calls: int) -> None:
    async with Network(info.network) as network:
        person = Person(info, network, agent)
        await person.sign_in(behaviour)
        typer.echo(f"{agent} is signed in at {person.seat}; Ctrl-C signs out")

        async def watch() -> None:
            served = 0
            while not calls or served < calls:
                leg = await network.wait_ring(person.seat, since=served, limit=float("inf"))
                await leg.wait_ended(float("inf"))
                served += 1
                shown = f" (shown: {leg.shown_name})" if leg.shown_name else ""
                typer.echo(f"call {served}{shown}: {leg.story()}")

        try:
            await _until_ctrl_c(watch())
        finally:
            await person.sign_out()
            await network.unregister(person.seat)


def _demo(
    centre: Centre = CENTRE,
    duration: Annotated[float | None, typer.Option("--seconds", min=1, help="End by itself after so long.")] = None,
    agents: Annotated[int, typer.Option("--agents", min=1, help="Simulated agents who answer.")] = 12,
    every: Annotated[float, typer.Option("--every", min=0.05, help="Mean seconds between two callers.")] = 2.5,
    state: Annotated[Path | None, typer.Option("--state", help="Folder for everything written; default: a new one "
                                                               "below the temporary folder.")] = None,
    asterisk: Asterisk = None,
) -> None:
    """A whole centre at work, live in the terminal; then a summary. Exit 0 when calls were answered."""
    plan = demos.Plan(centre, seconds=duration, agents=agents, every=every, asterisk_path=asterisk,
                      folder=state.resolve() if state else None)
    try:
        code = demos.run(plan, Console())
    except KeyboardInterrupt:
        code = 130
    raise typer.Exit(code)


def _script(
    files: Annotated[list[Path] | None, typer.Argument(help="Scripts, or folders of them; default: those of the "
                                                            "centre.")] = None,
    centre: Annotated[Path, typer.Option("--centre", help="Folder of the centre.")] = CENTRE,
    lab: Annotated[Path | None, typer.Option("--lab", help="Folder of a running lab without traffic, instead of a new "
                                                           "one.")] = None,
    to: Annotated[str, typer.Option("--to", help="Call this number instead, such as sip:4440632@192.0.2.10:5060; only "
                                                 "the callers are the lab's.")] = "",
    sounds: Annotated[Path, typer.Option("--sounds", help="Folder of the built prompts.")] = SOUNDS,
    recordings: Annotated[Path, typer.Option("--recordings", help="Folder for what callers heard where it was not as "
                                                                  "written.")] = Path("script-recordings"),
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=60, help="Calls at the same time.")] = 16,
    asterisk: Asterisk = None,
) -> None:
    """Transcripts as tests: real calls that do and hear what is written. Exit 0: all as written; 1: one differs, or
    could not be played; 2: a script has mistakes."""
    from lab import script_cli  # numpy with it
    raise typer.Exit(script_cli.run(script_cli.Wish(
        tuple(files or ()), centre, lab, to, sounds, recordings.resolve(), at_once, asterisk), Console()))


def _traffic(lab: LabFolder, agents: Annotated[int, typer.Option("--agents", min=1)] = 12) -> None:
    """Callers and agents of a running lab, until it is told to end."""
    info = read(lab)

    async def work() -> None:
        async with Network(info.network) as network:
            traffic = Traffic(info, network, Habits(), spread(info.agents, agents))
            await traffic.sign_in()
            await _until_ctrl_c(traffic.arrive())
            await network.hang_up_all()

    asyncio.run(work())


def _day(
    state: Annotated[Path, typer.Argument(help="Folder that will hold the state; it may not be there yet.")],
    date: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day.")],
    contacts: Annotated[float, typer.Option("--contacts", min=1.0, max=100_000.0, help="About so many.")] = 14_000.0,
) -> None:
    """A day that never was, through the shipped engine, kept as a node keeps it: what reports are shown with."""
    if state.exists():
        raise LabError(f"{state} is there already: name another folder, or remove it first")
    state.mkdir(parents=True, mode=0o700)
    rules, midnight = day.centre(), date.replace(tzinfo=day.ZONE).timestamp()
    asyncio.run(day.keep(state / "santral.db", day.lived(rules, midnight, contacts)))


async def _until_ctrl_c(work: Coroutine[Any, Any, T]) -> T | None:
    """The work's result; None when Ctrl-C or SIGTERM came first, which ends the work."""
    loop = asyncio.get_running_loop()
    task = asyncio.create_task(work, name="lab.work")
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, task.cancel)
    try:
        with suppress(asyncio.CancelledError):
            return await task
        return None
    finally:
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(sign)
