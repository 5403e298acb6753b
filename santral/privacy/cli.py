"""Define `santral privacy`: the rights of callers, and the destruction of old data.

A number is typed at a prompt or comes from standard input. It is never an argument, because all processes of a machine
can see arguments.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from desk import client
from drawing.console_output import OutputConsole
from ivr.caller import identity as numbers_of
from routing.clock import Clock
from routing.core.engine import Engine
from routing.core.events import CallerErased
from routing.core.model.centre_model import Centre
from routing.core.stored import Started
from routing.runner import RunnerTurn
from routing.store.audit import Audit, asker_name
from routing.store.callers.erasure import CallerTraces
from routing.store.callers.note_keys import NoteKeys
from routing.store.callers.number_keys import NumberKeys
from routing.store.errors import LeaseHeld, StoreError
from routing.store.recordings.recording_store import RecordingStore
from routing.store.store import Store
from santral.centre.config import DEFAULT_CENTRE, NODE, NodeConfig, node_config, store_place
from santral.errors import SantralError, StoreFailure
from santral.privacy.caller_data import PAGE, CallerData, DueData, PurgeResult
from santral.privacy.caller_page import PageContext
from santral.state_folder import require_owner, require_state

LEASE_S = 1.0
"""Longest wait for the lease. A command does not wait for a node to end."""

CentreFolder = Annotated[Path, typer.Argument(help="Folder of the centre.")]
Settings = Annotated[Path | None, typer.Option("--settings", help="TOML file with settings of this machine.")]
State = Annotated[Path, typer.Option("--state", envvar="SANTRAL_STATE", help="State folder of the node.")]
Contact = Annotated[str | None, typer.Option("--contact", help="Id of a contact, instead of a number.")]
Who = Annotated[str | None, typer.Option("--who", help="Name of the requester for the audit log. Default: the user.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")]
STATE = Path("/var/lib/santral")


def build_commands() -> typer.Typer:
    """Return the commands `export`, `erase`, `purge`, `rotate` and `audit`."""
    app = typer.Typer(no_args_is_help=True, help="Export or erase the data of a caller, and destroy old data.")

    @app.command("export")
    def export_caller(
        out: Annotated[Path, typer.Option("--out", help="New folder that only its owner can read.")],
        centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
        contact: Contact = None, who: Who = None,
    ) -> None:
        """Export all data of a caller as a page, JSON and sounds. The number is typed, or comes from stdin."""
        async def work(privacy: CallerData, config: NodeConfig) -> None:
            _print_export(out, await privacy.export_caller(
                await _find_caller(privacy, contact), out, _page_context(config)))

        _run_work(work, centre, settings, state, who)

    @app.command("erase")
    def erase_caller(
        centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
        contact: Contact = None, who: Who = None, yes: Yes = False,
    ) -> None:
        """Remove all traces of a caller. The remaining rows say that there were calls, not whose. Exit 1: traces are
        left."""
        async def work(privacy: CallerData, config: NodeConfig) -> None:
            caller = await _find_caller(privacy, contact)
            typer.echo(f"{len(caller.contacts)} contacts")
            if not yes and not typer.confirm("Erase everything that is known of this caller?"):
                raise typer.Exit(1)
            erased = await privacy.erase_caller(caller)
            typer.echo(", ".join(f"{many} {what}" for what, many in erased.counts.items()))
            for path in erased.left:
                typer.echo(f"santral: a trace is left in {path}: stop the node, then do this again", err=True)
            for folder in erased.unlisted:
                typer.echo(f"santral: {folder} cannot be written: a restore of its backups would bring the caller "
                           "back. Make the folder writable, then do this again", err=True)
            if erased.left or erased.unlisted:
                raise typer.Exit(1)

        _run_work(work, centre, settings, state, who)

    @app.command("purge")
    def purge_old(
        centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE, who: Who = None,
        dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what is due.")] = False,
    ) -> None:
        """Destroy data older than the settings of the centre allow. Exit 1: the log of the store may still hold
        some."""
        async def work(privacy: CallerData, config: NodeConfig) -> None:
            wanted = config.settings.privacy
            days = wanted.numbers_days, wanted.journal_days, wanted.facts_days, config.settings.desk.notes_days
            purged = PurgeResult(await privacy.find_due(*days), settled=True) if dry_run \
                else await privacy.purge_due(*days)
            OutputConsole(highlight=False).print(_due_table(purged.due, done=not dry_run))
            if purged.unknown:
                typer.echo(f"santral: {purged.unknown} journal entries stay: a newer Santral wrote them. Do this again "
                           "with that version", err=True)
                raise typer.Exit(1)
            _exit_unless_settled(purged.settled)

        _run_work(work, centre, settings, state, who)

    @app.command("rotate")
    def rotate_keys(
        centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE, who: Who = None,
    ) -> None:
        """Encrypt the keys of all recordings with a new key and destroy the old key. Exit 1: the log of the store may
        hold keys under the old one."""
        _run_work(_run_rotation, centre, settings, state, who)

    @app.command("audit")
    def show_audit(state: State = STATE) -> None:
        """Show what was destroyed, exported and heard, and by whom. Exit 4: a line was changed."""
        _print_audit(state)

    return app


def _page_context(config: NodeConfig) -> PageContext:
    """Return the names that the page of a caller needs from the centre."""
    centre = config.settings.centre
    return PageContext(centre.name, centre.timezone, {one.id: one.name for one in config.loaded.services})


def _print_export(out: Path, counts: dict[str, int]) -> None:
    typer.echo(f"{out / PAGE}: {counts['contacts']} contacts, {counts['recordings']} recordings. Deliver the folder "
               "safely, then delete it")


def _print_audit(state: Path) -> None:
    """Print the audit log as a table, up to the first damaged entry."""
    require_state(state)
    table = Table("no", "at (UTC)", "who", "what", "about", box=None)
    try:
        for entry in Audit(state).read_entries():
            about = ", ".join(f"{key} {value}" for key, value in entry.about.items())
            table.add_row(str(entry.number), entry.at, entry.who, entry.what, about)
    except StoreError as error:
        raise StoreFailure(str(error)) from error
    finally:
        OutputConsole(highlight=False).print(table)
    if Audit(state).torn:
        typer.echo("The last line is not complete: power was lost while it was written. Its action was not done, "
                   "and the next entry takes its place.", err=True)


async def _find_caller(privacy: CallerData, contact: str | None) -> CallerTraces:
    if contact is not None:
        caller = await privacy.by_contact(contact)
        if caller is None:
            raise SantralError(f"no contact {contact[:80]} in this state")
        return caller
    # Hidden input, because the number must not stay on the screen.
    typed = typer.prompt("Number of the caller", hide_input=True) if sys.stdin.isatty() else sys.stdin.readline()
    number = numbers_of.normalise_number("".join(typed.split()))
    if not number:
        raise SantralError("that is no telephone number; with the country code, such as +90, when it is not Turkish")
    return await privacy.by_number(number)


def _due_table(due: list[DueData], *, done: bool) -> Table:
    table = Table("what", "from before", "destroyed" if done else "due", box=None)
    for one in due:
        table.add_row(one.what, datetime.fromtimestamp(one.before, UTC).strftime("%Y-%m-%d %H:%M UTC"), str(one.many))
    return table


async def _run_rotation(privacy: CallerData, config: NodeConfig) -> None:
    rotated = await privacy.rotate_keys()
    typer.echo(f"{rotated.recordings} recordings are sealed with a new key")
    _exit_unless_settled(rotated.settled)


def _exit_unless_settled(settled: bool) -> None:
    """Exit with code 1 if the log of the store is not empty.

    An open report or backup keeps its rows in that log.
    """
    if not settled:
        typer.echo("santral: a program reads the store, and its log may still hold destroyed data: do this again",
                   err=True)
        raise typer.Exit(1)


Work = Callable[[CallerData, NodeConfig], Coroutine[Any, Any, None]]


def _run_work(work: Work, centre: Path, settings: Path | None, state: Path, who: str | None) -> None:
    config = node_config(centre, settings)
    require_owner(state)
    place = store_place(config, state)
    # Without this check a new, empty store would report "0 destroyed".
    if isinstance(place, Path) and not place.is_file():
        raise StoreFailure(f"{place} is not there: no node has kept records in {state}. Name its folder with --state")
    name = asker_name(who)

    async def run_with_state() -> None:
        async with open_caller_data(config, state, name) as privacy:
            await work(privacy, config)

    try:
        asyncio.run(run_with_state())
    except StoreError as error:
        raise StoreFailure(str(error)) from error
    except client.ClientError as error:
        raise SantralError(str(error)) from error
    except FileExistsError as error:
        raise SantralError(f"{error.filename} is there already. Name a folder that is not") from error
    except OSError as error:
        raise StoreFailure(f"{error.filename or state}: {error.strerror}") from error


@contextlib.asynccontextmanager
async def open_caller_data(config: NodeConfig, state: Path, who: str) -> AsyncIterator[CallerData]:
    """Open the data of callers in the state of a node, whether it runs or not."""
    secrets = state / "secrets"
    running = await asyncio.to_thread(is_node_running, state)
    store = await Store.open_store(store_place(config, state))
    vault = RecordingStore(state / "recordings", Path(config.settings.asterisk.spool),
                           secrets / "recordings.json", store,
                           keep_days=config.settings.recording.keep_days, private=config.unrecorded)
    try:
        # Only one process may write the journal. If a node runs, it must do it.
        forget = partial(_erase_in_node, state) if running else partial(_erase_without_node, store, config.centre)
        yield CallerData(state, store, vault, NumberKeys.load_or_create(secrets / "numbers.json"),
                         state / config.settings.queue_log.path, forget, keys=secrets / "recordings.json",
                         notes=NoteKeys.load_or_create(secrets / "notes.json"), node=running, who=who)
    finally:
        await vault.close()
        await store.close()


def is_node_running(state: Path) -> bool:
    """Return whether a node works on this state now.

    A killed node leaves a file with its address, so the node must answer.
    """
    try:
        client.call_api(client.find_node(state, None, None), "GET", "/health/live")
    except client.ClientError:
        return False
    return True


async def _erase_in_node(state: Path, caller_hash: str) -> None:
    node = client.find_node(state, None, None)
    await asyncio.to_thread(client.call_api, node, "POST", "/api/v1/callers/erase", {"hash": caller_hash})


async def _erase_without_node(store: Store, centre: Centre, caller_hash: str) -> None:
    """Forget a caller without a running node: act as a node that starts, forgets and ends."""
    # 1. Take the lease, so that no node starts meanwhile.
    try:
        await store.take_lease(NODE, LEASE_S)
    except LeaseHeld as held:
        raise StoreFailure(f"{held}. It runs but has not given its address: end it, or wait until it is up") from held
    # 2. Start an engine with the stored state, and let it forget.
    try:
        clock, engine, loaded = Clock(), Engine(), await store.load_state()
        now = clock()
        events = (Started(centre, **loaded._asdict()),
                  CallerErased(caller_hash))
        for event in events:
            engine.handle(event, now)
        if repairs := engine.take_repairs():
            await store.repair_rows(repairs)
        # 3. Store the events with their changes, as a node does.
        changes = engine.take_changes()
        await store.commit(RunnerTurn([(now, event) for event in events], engine.take_facts(), changes))
    finally:
        await store.release_lease()
