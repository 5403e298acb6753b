"""`santral privacy`: what a caller may ask for, and what is destroyed by its age.

A number is typed at a prompt or comes from standard input: never an argument, which every process of a machine can see.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from desk import client
from ivr import caller as numbers_of
from routing.clock import Clock
from routing.core.engine import Engine
from routing.core.events import CallerForgotten
from routing.core.model import Centre
from routing.core.stored import Started
from routing.runner import Turn
from routing.store.audit import Audit, asker
from routing.store.errors import LeaseHeld, StoreError
from routing.store.numbers import NumberKeys
from routing.store.store import Store
from routing.store.traces import Caller
from routing.store.vault import Vault
from santral.config import DEFAULT_CENTRE, NODE, NodeConfig, node_config, store_place
from santral.errors import SantralError, StoreTrouble
from santral.privacy import Due, Privacy, Purged

LEASE_S = 1.0
"""A command does not wait for another node to end."""

CentreFolder = Annotated[Path, typer.Argument(help="Folder of the centre.")]
Settings = Annotated[Path | None, typer.Option("--settings", help="TOML laid over santral.toml.")]
State = Annotated[Path, typer.Option("--state", help="State folder of the node.")]
Contact = Annotated[str | None, typer.Option("--contact", help="Id of a contact, instead of a number.")]
Who = Annotated[str | None, typer.Option("--who", help="Who asks for it, for the record; else the user.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
STATE = Path("/var/lib/santral")


def commands() -> typer.Typer:
    """`export`, `erase`, `purge`, `rotate`, `record`."""
    app = typer.Typer(no_args_is_help=True, help="What is known of a caller: tell it, forget it, destroy it by age.")

    @app.command()
    def export(out: Annotated[Path, typer.Option("--out", help="Folder to be made, for its owner alone.")],
               centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
               contact: Contact = None, who: Who = None) -> None:
        """All that is known of a caller, as JSON and sounds. The number is typed, or comes from stdin."""
        async def work(privacy: Privacy, config: NodeConfig) -> None:
            counts = await privacy.export(await _caller(privacy, contact), out)
            typer.echo(f"{out}: {counts['contacts']} contacts, {counts['recordings']} recordings. Give it away safely, "
                       "then delete it")

        _run(work, centre, settings, state, who)

    @app.command()
    def erase(centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
              contact: Contact = None, who: Who = None, yes: Yes = False) -> None:
        """Remove every trace of a caller. What stays says that there were calls, not whose. Exit 1: some is left."""
        async def work(privacy: Privacy, config: NodeConfig) -> None:
            caller = await _caller(privacy, contact)
            typer.echo(f"{len(caller.contacts)} contacts")
            if not yes and not typer.confirm("Erase everything that is known of this caller?"):
                raise typer.Exit(1)
            erased = await privacy.erase(caller)
            typer.echo(", ".join(f"{many} {what}" for what, many in erased.counts.items()))
            for path in erased.left:
                typer.echo(f"santral: a trace is left in {path}: stop the node, then do this again", err=True)
            if erased.left:
                raise typer.Exit(1)

        _run(work, centre, settings, state, who)

    @app.command()
    def purge(centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE, who: Who = None,
              dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what is due.")] = False) -> None:
        """Destroy what is older than the settings of the centre allow. Exit 1: the log of the store may hold some."""
        async def work(privacy: Privacy, config: NodeConfig) -> None:
            wanted = config.settings.privacy
            days = wanted.numbers_days, wanted.journal_days
            purged = Purged(await privacy.due(*days), settled=True) if dry_run else await privacy.purge(*days)
            Console(highlight=False).print(_table(purged.due, done=not dry_run))
            _settled(purged.settled)

        _run(work, centre, settings, state, who)

    @app.command()
    def rotate(centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
               who: Who = None) -> None:
        """A new key for recordings: the keys of all files are sealed anew, the old key is destroyed. Exit 1: the log of
        the store may hold keys under the old one."""
        _run(_rotate, centre, settings, state, who)

    @app.command()
    def record(state: State = STATE) -> None:
        """What was destroyed, exported and heard, by whom. Exit 4: a line was changed."""
        _shown(state)

    return app


def _shown(state: Path) -> None:
    """The record as a table, as far as it is sound."""
    _there(state)
    table = Table("no", "at (UTC)", "who", "what", "about", box=None)
    try:
        for entry in Audit(state).entries():
            about = ", ".join(f"{key} {value}" for key, value in entry.about.items())
            table.add_row(str(entry.number), entry.at, entry.who, entry.what, about)
    except StoreError as error:
        raise StoreTrouble(str(error)) from error
    finally:
        Console(highlight=False).print(table)
    if Audit(state).torn:
        typer.echo("The last line is not whole: power was lost while it was written. What it would have told was "
                   "not done, and the next entry takes its place.", err=True)


async def _caller(privacy: Privacy, contact: str | None) -> Caller:
    if contact is not None:
        caller = await privacy.by_contact(contact)
        if caller is None:
            raise SantralError(f"no contact {contact[:80]} in this state")
        return caller
    typed = typer.prompt("Number of the caller", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    number = numbers_of.normalise("".join(typed.split()))
    if not number:
        raise SantralError("that is no telephone number; with the country code, such as +90, when it is not Turkish")
    return await privacy.by_number(number)


def _table(due: list[Due], *, done: bool) -> Table:
    table = Table("what", "from before", "destroyed" if done else "due", box=None)
    for one in due:
        table.add_row(one.what, datetime.fromtimestamp(one.before, UTC).strftime("%Y-%m-%d %H:%M UTC"), str(one.many))
    return table


async def _rotate(privacy: Privacy, config: NodeConfig) -> None:
    rotated = await privacy.rotate()
    typer.echo(f"{rotated.recordings} recordings are sealed with a new key")
    _settled(rotated.settled)


def _settled(settled: bool) -> None:
    """A report or a backup that is open keeps what it reads in the log of the store."""
    if not settled:
        typer.echo("santral: somebody reads the store, and its log may still hold what was destroyed: do this again",
                   err=True)
        raise typer.Exit(1)


Work = Callable[[Privacy, NodeConfig], Coroutine[Any, Any, None]]


def _run(work: Work, centre: Path, settings: Path | None, state: Path,
         who: str | None) -> None:
    config = node_config(centre, settings)
    ours(state)
    place = store_place(config, state)
    if isinstance(place, Path) and not place.is_file():  # or "0 destroyed" would be true of a store made just now
        raise StoreTrouble(f"{place} is not there: no node has kept records in {state}. Name its folder with --state")
    name = asker(who)

    async def whole() -> None:
        async with opened(config, state, name) as privacy:
            await work(privacy, config)

    try:
        asyncio.run(whole())
    except StoreError as error:
        raise StoreTrouble(str(error)) from error
    except client.Trouble as error:
        raise SantralError(str(error)) from error
    except FileExistsError as error:
        raise SantralError(f"{error.filename} is there already. Name a folder that is not") from error
    except OSError as error:
        raise StoreTrouble(f"{error.filename or state}: {error.strerror}") from error


def ours(state: Path) -> None:
    """Files that another user makes here would lock the node out."""
    _there(state)
    owner = state.stat().st_uid
    if owner != os.geteuid():
        raise StoreTrouble(f"{state} belongs to user {owner}: do this as that user (runuser -u santral -- santral …)")


def _there(state: Path) -> None:
    if not state.is_dir():
        raise StoreTrouble(f"{state} is no state folder of a node. Name it with --state")


@contextlib.asynccontextmanager
async def opened(config: NodeConfig, state: Path, who: str) -> AsyncIterator[Privacy]:
    """The state of a node, running or not."""
    secrets = state / "secrets"
    running = await asyncio.to_thread(answers, state)
    store = await Store.open(store_place(config, state))
    vault = Vault(state / "recordings", Path(config.settings.asterisk.spool),
                  secrets / "recordings.json", store,
                  keep_days=config.settings.recording.keep_days, private=config.unrecorded)
    try:
        forget = partial(_tell, state) if running else partial(_alone, store, config.centre)
        yield Privacy(state, store, vault, NumberKeys.load_or_create(secrets / "numbers.json"),
                      state / config.settings.queue_log.path, forget, keys=secrets / "recordings.json", node=running,
                      who=who)
    finally:
        await vault.close()
        await store.close()


def answers(state: Path) -> bool:
    """Whether a node works on this state now. What a killed one left behind names an address, and nobody is there."""
    try:
        client.call(client.find(state, None, None), "GET", "/health/live")
    except client.Trouble:
        return False
    return True


async def _tell(state: Path, caller_hash: str) -> None:
    node = client.find(state, None, None)
    await asyncio.to_thread(client.call, node, "POST", "/api/v1/callers/forget", {"hash": caller_hash})


async def _alone(store: Store, centre: Centre, caller_hash: str) -> None:
    """No node runs: be one for a moment, which starts, forgets and ends."""
    try:
        await store.take_lease(NODE, LEASE_S)
    except LeaseHeld as held:
        raise StoreTrouble(f"{held}. It runs without saying where: end it, or wait until it is up") from held
    try:
        clock, engine, loaded = Clock(), Engine(), await store.load()
        now = clock()
        events = (Started(centre, loaded.contacts, loaded.offers, loaded.agents, loaded.over, loaded.spoke,
                          loaded.next_offer, loaded.next_fact, loaded.places, loaded.abusive),
                  CallerForgotten(caller_hash))
        for event in events:
            engine.handle(event, now)
        if repairs := engine.take_repairs():
            await store.repair(repairs)
        changes = engine.take_changes()
        await store.commit(Turn([(now, event) for event in events], engine.take_facts(), changes))
    finally:
        await store.release_lease()
