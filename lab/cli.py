"""Commands of `santral lab`: a private Asterisk with a node, simulated callers and agents, and the demo."""

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

from lab.errors import LabError
from lab.lab_nodes import NAMES, is_leader
from lab.lab_record import load_state, note_process
from lab.lifecycle import CENTRE, NO_OFFER_S, SOUNDS, STORES, LabInfo, read_lab, start_lab, stop_lab
from lab.pbx import process
from lab.people import day
from lab.people import demo as demos
from lab.people.agent import SimAgent
from lab.people.traffic import LabTraffic, TrafficHabits, pick_across_teams
from lab.phones.keys import parse_presses, parse_seconds
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour, PhoneNetwork
from lab.simulation.cli import simulate

T = TypeVar("T")

CALL_MARGIN_S = 30.0
"""Time on top of the stay for dialling, ringing and the other end's good-bye."""

NAMED = 3
"""Prompts that are named when several begin alike and the sound was cut off too early to tell them apart."""

Centre = Annotated[Path, typer.Argument(help="Folder of the centre.")]
State = Annotated[Path, typer.Option("--state", help="Folder of the lab: everything it writes.")]
LabFolder = Annotated[Path, typer.Option("--lab", help="Folder of a running lab.")]
Asterisk = Annotated[Path | None, typer.Option("--asterisk", help="An Asterisk (20 or later) instead of the lab's.")]
Tone = Annotated[int | None, typer.Option("--tone", min=100, max=3500, help="Speak a tone of this frequency, in Hz.")]


def build_commands() -> typer.Typer:
    """Build the commands that the command line mounts as `santral lab`."""
    app = typer.Typer(no_args_is_help=True, help="A private Asterisk, a node, callers and agents on this machine.")
    app.command("up")(_exit_on_error(_start_lab))
    app.command("down")(_exit_on_error(_stop_lab))
    app.command("status")(_exit_on_error(_show_lab))
    app.command("call")(_exit_on_error(_place_call))
    app.command("agent")(_exit_on_error(_run_agent))
    app.command("demo")(_exit_on_error(_run_demo))
    app.command("script")(_exit_on_error(_run_scripts))
    app.command("fault")(_exit_on_error(_run_faults))
    app.command("simulate")(_exit_on_error(simulate))
    app.command("traffic", hidden=True)(_exit_on_error(_run_traffic))
    app.command("day", hidden=True)(_exit_on_error(_write_day))
    return app


def _exit_on_error(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with the lab's way to fail: one sentence on stderr and exit code 1.

    SIGTERM and a closed terminal interrupt the command like Ctrl-C, so the command ends what it has started.
    """
    @wraps(command)
    def run_command(*arguments: Any, **options: Any) -> None:
        with suppress(ValueError):  # outside the main thread there are no signals
            for sign in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(sign, signal.default_int_handler)
        try:
            command(*arguments, **options)
        except LabError as error:
            typer.echo(f"santral: {error}", err=True)
            raise typer.Exit(1) from None
    return run_command


def _start_lab(
    centre: Centre = CENTRE,
    state: State = Path("lab-state"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout when ready.")] = False,
    no_traffic: Annotated[bool, typer.Option("--no-traffic", help="Start no simulated callers and agents.")] = False,
    agents: Annotated[int, typer.Option("--agents", min=1, help="Number of simulated agents who answer.")] = 12,
    asterisk: Asterisk = None,
    sounds: Annotated[Path, typer.Option("--sounds", help="Folder of the built prompts.")] = SOUNDS,
    nodes: Annotated[int, typer.Option("--nodes", min=1, max=len(NAMES), help="Number of nodes.")] = 1,
    store: Annotated[str, typer.Option("--store", help=f"Store of the nodes: {' or '.join(STORES)}.")] = STORES[0],
    standby: Annotated[bool, typer.Option("--standby", help="Give PostgreSQL a synchronous standby.")] = False,
) -> None:
    """Start a private Asterisk and a node on free loopback ports, and return when a call would be answered."""
    console = Console(stderr=True)
    info = start_lab(centre, state, asterisk_path=asterisk, sounds=sounds, texts=NO_OFFER_S, nodes=nodes,
                     store=store, standby=standby, say=lambda text: console.print(text, style="dim", highlight=False))
    if not no_traffic:
        # The traffic is a process of the lab, so that it goes on after this command and `down` ends it.
        folder = state.resolve()
        identity = process.start_process([sys.executable, "-m", "santral", "lab", "traffic", "--lab", str(folder),
                                          "--agents", str(agents)], folder / "traffic.log")
        note_process(folder, "traffic", identity)
    if as_json:
        typer.echo((state / "lab.json").read_text(encoding="utf-8"))
    else:
        _print_info(info, state)


def _print_info(info: LabInfo, state: Path) -> None:
    table = Table(show_header=False)
    for name, value in (("call", f"{', '.join(info.numbers)} at sip:{info.sip}"), ("http", f"http://{info.http}"),
                        ("agents' phones", f"{len(info.agents)}, with their secrets in {state / 'lab.json'}"),
                        ("call it", f"santral lab call {info.numbers[0]} --lab {state} --press 1@4s"),
                        ("answer", f"santral lab agent {info.agents[0].id} --lab {state}"),
                        ("end it", f"santral lab down --state {state}")):
        table.add_row(name, Text(value))
    Console().print(table)


def _stop_lab(state: State = Path("lab-state")) -> None:
    """Stop a lab. Safe to repeat."""
    ended = stop_lab(state.resolve())
    typer.echo(f"ended: {', '.join(ended)}" if ended else f"no lab runs in {state}")


def _show_lab(state: State = Path("lab-state")) -> None:
    """Show the processes of a lab, and the node that leads."""
    info, folder = read_lab(state), state.resolve()
    leaders = {node.process for node in info.nodes if is_leader(node)}
    table = Table("process", "pid", "state")
    for one in load_state(folder)["processes"]:
        alive = process.is_alive(process.Identity(one["pid"], one["started"]))
        table.add_row(one["name"], str(one["pid"]),
                      "gone" if not alive else "leads" if one["name"] in leaders else "runs")
    Console().print(table)


def _place_call(
    number: Annotated[str, typer.Argument(help="Number to dial, such as 4440632.")],
    lab: LabFolder = Path("lab-state"),
    caller: Annotated[str, typer.Option("--from", help="The caller's number, or anonymous.")] = "05000000000",
    press: Annotated[str, typer.Option("--press", help="Keys with times after the answer: 1@2s,#")] = "",
    stay: Annotated[str, typer.Option("--stay", help="Hang up this long after the answer.")] = "10s",
    tone: Tone = None,
    record: Annotated[Path | None, typer.Option("--record", help="Write what the caller hears to this WAV.")] = None,
) -> None:
    """Place one call: dial, press keys, speak a tone, record. Print a time line. Exit 0 when the call was answered."""
    info, limit = read_lab(lab), parse_seconds(stay)
    # Keys are checked before anything is dialled.
    parse_presses(press)

    async def run_call() -> Leg:
        async with PhoneNetwork(info.network) as network:
            leg = await network.place_call(number, caller=caller, press=press, stay=limit, tone=tone,
                                           record=record.resolve() if record else None)
            # Ctrl-C ends only this wait, so the call is still hung up in order.
            await _run_until_signal(leg.wait_ended(limit + CALL_MARGIN_S))
            await leg.hang_up()
            await leg.wait_ended(CALL_MARGIN_S)
            return leg

    leg = asyncio.run(run_call())
    _note_prompts(leg, info)
    Console().print(_time_line(leg))
    if not leg.was_answered:
        raise typer.Exit(1)


def _note_prompts(leg: Leg, info: LabInfo) -> None:
    """Add the prompts that the recording holds to the time line."""
    if leg.recording is None or not leg.recording.exists() or leg.answered_at is None:
        return
    from lab.phones import audio  # loads numpy, for which no other command should wait
    from lab.script.prompt_library import load_library as library
    from lab.script.recogniser import find_prompts
    for one in find_prompts(library(info.sounds), audio.read_wav(leg.recording)):
        keys = " or ".join(sorted(one.keys)[:NAMED]) + (" or others" if len(one.keys) > NAMED else "")
        leg.add_moment(leg.answered_at + one.began, f"heard {keys}" + ("" if one.whole else ", cut off"))
    leg.moments.sort()


def _time_line(leg: Leg) -> Table:
    table = Table("s", "what happened")
    for moment in leg.moments:
        table.add_row(f"{moment.at:8.3f}", Text(moment.what))
    if leg.recording is not None and leg.recording.exists():
        table.add_row("", Text(f"heard: {leg.recording}", overflow="fold"))
    return table


def _run_agent(
    agent: Annotated[str, typer.Argument(help="Id of the agent, such as a1001.")],
    lab: LabFolder = Path("lab-state"),
    answer_after: Annotated[str, typer.Option("--answer-after", help="The phone rings this long.")] = "1s",
    talk: Annotated[str, typer.Option("--talk", help="Hang up this long after the answer.")] = "20s",
    tone: Tone = None,
    busy: Annotated[bool, typer.Option("--busy", help="The phone is always busy.")] = False,
    ignore: Annotated[bool, typer.Option("--ignore", help="The phone rings and nobody answers.")] = False,
    calls: Annotated[int, typer.Option("--calls", min=0, help="Leave after this many calls; 0: at Ctrl-C.")] = 0,
) -> None:
    """Register an agent's phone, sign the agent in and answer calls until Ctrl-C."""
    if busy and ignore:
        raise LabError("--busy and --ignore exclude each other: a phone that is busy does not ring")
    info = read_lab(lab)
    answer = "busy" if busy else "ignore" if ignore else str(parse_seconds(answer_after))
    behaviour = PhoneBehaviour(answer, parse_seconds(talk), tone)
    asyncio.run(_run_agent_phone(info, agent, behaviour, calls))


async def _run_agent_phone(info: LabInfo, agent: str, behaviour: PhoneBehaviour, calls: int) -> None:
    async with PhoneNetwork(info.network) as network:
        person = SimAgent(info, network, agent)
        await person.sign_in(behaviour)
        typer.echo(f"{agent} is signed in at {person.seat}; Ctrl-C signs out")

        async def print_calls() -> None:
            served = 0
            while not calls or served < calls:
                leg = await network.wait_ring(person.seat, since=served, limit=float("inf"))
                await leg.wait_ended(float("inf"))
                served += 1
                shown = f" (shown: {leg.shown_name})" if leg.shown_name else ""
                typer.echo(f"call {served}{shown}: {leg.describe_moments()}")

        # An agent who stays signed in is offered calls that nobody answers, so every way out signs out.
        try:
            await _run_until_signal(print_calls())
        finally:
            await person.sign_out()
            await network.unregister_phone(person.seat)


def _run_demo(
    centre: Centre = CENTRE,
    duration: Annotated[float | None, typer.Option("--seconds", min=1, help="End by itself after this time.")] = None,
    agents: Annotated[int, typer.Option("--agents", min=1, help="Number of simulated agents who answer.")] = 12,
    every: Annotated[float, typer.Option("--every", min=0.05, help="Mean seconds between two callers.")] = 2.5,
    state: Annotated[Path | None, typer.Option("--state", help="Folder for everything written; default: a new one "
                                                               "below the temporary folder.")] = None,
    asterisk: Asterisk = None,
) -> None:
    """Show a whole centre at work in the terminal, then print a summary. Exit 0 when calls were answered."""
    plan = demos.DemoPlan(centre, seconds=duration, agents=agents, every=every, asterisk_path=asterisk,
                          folder=state.resolve() if state else None)
    try:
        code = demos.run_demo(plan, Console())
    except KeyboardInterrupt:
        code = 130
    raise typer.Exit(code)


def _run_scripts(
    files: Annotated[list[Path] | None, typer.Argument(help="Scripts, or folders of them; default: those of the "
                                                            "centre.")] = None,
    centre: Annotated[Path, typer.Option("--centre", help="Folder of the centre.")] = CENTRE,
    lab: Annotated[Path | None, typer.Option("--lab", help="Folder of a running lab without traffic, instead of a new "
                                                           "one.")] = None,
    to: Annotated[str, typer.Option("--to", help="Call this number instead, such as sip:4440632@192.0.2.10:5060; only "
                                                 "the callers are the lab's.")] = "",
    sounds: Annotated[Path, typer.Option("--sounds", help="Folder of the built prompts.")] = SOUNDS,
    recordings: Annotated[Path, typer.Option("--recordings", help="Folder for the sound of calls that differ from "
                                                                  "their script.")] = Path("script-recordings"),
    at_once: Annotated[int, typer.Option("--at-once", min=1, max=60, help="Calls at the same time.")] = 16,
    asterisk: Asterisk = None,
) -> None:
    """Run transcripts as tests: real calls do and hear what is written.

    Exit 0: all went as written. Exit 1: a script differs or could not be played. Exit 2: a script has mistakes.
    """
    from lab.script import cli as script_cli  # loads numpy
    raise typer.Exit(script_cli.run_scripts(script_cli.ScriptRequest(
        tuple(files or ()), centre, lab, to, sounds, recordings.resolve(), at_once, asterisk), Console()))


def _run_faults(
    faults: Annotated[list[str] | None, typer.Argument(help="Ids of faults, such as F-01.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List all faults and what each needs.")] = False,
    every: Annotated[bool, typer.Option("--all", help="Run all faults, one after the other.")] = False,
    at_random: Annotated[bool, typer.Option("--random", help="Run faults at random under calls.")] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of a random run.")] = 1,
    minutes: Annotated[float, typer.Option("--minutes", min=0.5, help="Length of a random run.")] = 10.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the rows as JSON.")] = False,
    keep: Annotated[Path | None, typer.Option("--keep", help="Keep labs and recordings in this folder.")] = None,
    page: Annotated[Path | None, typer.Option("--page", help="Put the rows into the table of this page.")] = None,
) -> None:
    """Break something under real calls, undo it, and judge by recordings and records.

    Exit 0: nobody was lost and each record is right. Exit 1: a row is not ok.
    """
    from lab.faults import cli as fault_cli  # loads numpy
    plan = (seed, minutes) if at_random else None
    raise typer.Exit(fault_cli.run_request(fault_cli.FaultRequest(tuple(faults or ()), listed, every, as_json, keep,
                                                                  page, plan)))


def _run_traffic(lab: LabFolder, agents: Annotated[int, typer.Option("--agents", min=1)] = 12) -> None:
    """Run callers and agents of a running lab until a signal ends them."""
    info = read_lab(lab)

    async def run_traffic() -> None:
        async with PhoneNetwork(info.network) as network:
            traffic = LabTraffic(info, network, TrafficHabits(), pick_across_teams(info.agents, agents))
            await traffic.sign_in_agents()
            await _run_until_signal(traffic.generate_callers())
            await network.hang_up_all()

    asyncio.run(run_traffic())


def _write_day(
    state: Annotated[Path, typer.Argument(help="Folder for the new state; it must not exist yet.")],
    date: Annotated[datetime, typer.Option("--date", formats=["%Y-%m-%d"], help="The day.")],
    contacts: Annotated[float, typer.Option("--contacts", min=1.0, max=100_000.0, help="About this many.")] = 14_000.0,
) -> None:
    """Simulate a day with the shipped engine and store it as a node would. Reports are shown with it."""
    if state.exists():
        raise LabError(f"{state} is there already: name another folder, or remove it first")
    state.mkdir(parents=True, mode=0o700)
    rules, midnight = day.build_centre(), date.replace(tzinfo=day.ZONE).timestamp()
    asyncio.run(day.store_day(state / "santral.db", day.simulate_day(rules, midnight, contacts)))


async def _run_until_signal(work: Coroutine[Any, Any, T]) -> T | None:
    """Return the result of the work, or None if Ctrl-C or SIGTERM cancelled it first."""
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
