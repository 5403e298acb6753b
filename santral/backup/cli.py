"""Define `santral backup`, `santral restore` and `santral release-callbacks`."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from routing.store.audit import Audit, asker_name
from routing.store.errors import StoreError
from routing.store.store import Store
from santral.backup.callback_hold import NOTE
from santral.backup.restore import RestoredState, restore_state
from santral.backup.sealed_stream import BackupKey, is_sealed
from santral.backup.state_copy import take_backup
from santral.centre.config import DEFAULT_CENTRE, node_config, store_place
from santral.errors import SantralError, StoreFailure
from santral.privacy.cli import STATE, CentreFolder, Settings, State, Who, is_node_running
from santral.state_folder import require_owner

PassphraseFile = Annotated[Path | None, typer.Option("--passphrase-file", help=(
    "File whose first line is a passphrase."))]
KeyFile = Annotated[Path | None, typer.Option("--key-file", help=(
    "File with a random key. `backup` makes a missing one; keep a copy on another machine."))]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def add_commands(app: typer.Typer) -> None:
    """Add the commands of this module to the application."""

    @app.command("backup")
    def make_backup(
        to: Annotated[Path, typer.Option("--to", help="Folder for backups.")],
        centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
        passphrase_file: PassphraseFile = None, key_file: KeyFile = None,
        recordings: Annotated[bool, typer.Option("--recordings", help="Copy the sealed recordings too.")] = False,
        as_json: AsJson = False, who: Who = None,
    ) -> None:
        """Copy the state of a node into one file while calls go on. Secrets are in it only if it is encrypted, by
        --passphrase-file or --key-file."""
        config = node_config(centre, settings)
        require_owner(state)
        taken = take_backup(state, store_place(config, state), to, _read_key(passphrase_file, key_file, create=True),
                            version("santral"), asker_name(who), recordings=recordings)
        if as_json:
            typer.echo(json.dumps({"path": str(taken.path), "bytes": taken.size, "files": taken.files,
                                   "secrets": taken.sealed}))
            return
        typer.echo(f"{taken.path}: {taken.files} files, {taken.size / 1e6:.1f} MB, "
                   + ("encrypted, with secrets" if taken.sealed else "without secrets: copy them apart"))

    @app.command("restore")
    def restore_backup(
        backup: Annotated[Path, typer.Argument(help="File of a backup, in its folder.")],
        centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE,
        passphrase_file: PassphraseFile = None, key_file: KeyFile = None, as_json: AsJson = False, who: Who = None,
    ) -> None:
        """Restore a backup into an empty state folder, while no node runs. Callers erased since are erased again,
        sessions end, disabled people stay disabled, and callbacks wait for `santral release-callbacks`."""
        config = node_config(centre, settings)
        if not backup.is_file():
            raise SantralError(f"{backup} is no file. Name a backup")
        try:
            state.mkdir(mode=0o711, parents=True, exist_ok=True)
        except OSError as error:
            raise StoreFailure(f"{state}: {error.strerror}") from error
        require_owner(state)
        if is_node_running(state):
            raise StoreFailure(f"a node runs on {state}: end it first")
        key = _read_key(passphrase_file, key_file, create=False)
        if key is None and is_sealed(backup) and sys.stdin.isatty():
            key = BackupKey.from_passphrase(typer.prompt("Passphrase", hide_input=True))
        done = asyncio.run(restore_state(backup, config, state, key, asker_name(who)))
        typer.echo(json.dumps(done._asdict()) if as_json else describe_restore(done))

    @app.command("release-callbacks")
    def release_callbacks(
        centre: CentreFolder = DEFAULT_CENTRE, settings: Settings = None, state: State = STATE, who: Who = None,
    ) -> None:
        """Let callbacks be dialled again after a restore. Look at `santral callbacks` first."""
        config = node_config(centre, settings)
        require_owner(state)
        try:
            held = asyncio.run(_release_hold(store_place(config, state), state, asker_name(who)))
        except StoreError as error:
            raise StoreFailure(str(error)) from error
        typer.echo("callbacks are dialled again" if held else "no callbacks are held")


def describe_restore(done: RestoredState) -> str:
    """Return what a restore has done, one line for each thing."""
    return "\n".join((
        f"restored as of {datetime.fromtimestamp(done.taken_at, UTC):%Y-%m-%d %H:%M UTC}: {done.contacts} contacts",
        f"erased again: {done.erased} callers", f"sessions ended: {done.sessions}; everybody signs in again",
        f"disabled again: {done.disabled} people",
        f"callbacks held: {done.callbacks}. Look at them (santral callbacks), then: santral release-callbacks"))


async def _release_hold(place: Path | str, state: Path, who: str) -> bool:
    store = await Store.open_store(place)
    try:
        if not await store.read_value(NOTE):
            return False
        Audit(state).note_entry(who, "callbacks_released", datetime.now(UTC).timestamp())
        await store.note_value(NOTE, "")
        return True
    finally:
        await store.close()


def _read_key(passphrase: Path | None, file: Path | None, *, create: bool) -> BackupKey | None:
    if passphrase is not None and file is not None:
        raise SantralError("give --passphrase-file or --key-file, not both")
    if passphrase is not None:
        return BackupKey.from_passphrase_file(passphrase)
    return None if file is None else BackupKey.from_key_file(file, create=create)
