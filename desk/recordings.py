"""`santral recordings`: what was recorded, to be heard by those who may. Every access is noted by the node."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table

from desk.client import Node, Trouble, call, clock, fetch, find
from desk.options import Lab, State, TokenFile, Url, told
from desk.tables import duration

PLAYERS = (("aplay", "-q", "-"), ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-"),
           ("play", "-q", "-t", "wav", "-"))
"""Programs that play a WAV from standard input: nothing is written to a disk."""

Id = Annotated[str, typer.Argument(help="Id of a recording.")]


def commands() -> typer.Typer:
    """`list`, `play`, `export`."""
    app = typer.Typer(no_args_is_help=True, help="Recorded talks and messages. Every access is noted.")

    @app.command(name="list")
    def show(contact: Annotated[str | None, typer.Option("--contact")] = None,
             service: Annotated[str | None, typer.Option("--service")] = None,
             agent: Annotated[str | None, typer.Option("--agent")] = None,
             kind: Annotated[str | None, typer.Option("--kind", help="call, message or survey.")] = None,
             since: Annotated[datetime | None, typer.Option("--since", help="By the centre's clock.")] = None,
             until: Annotated[datetime | None, typer.Option("--until", help="By the centre's clock.")] = None,
             limit: Annotated[int, typer.Option("--limit", min=1, max=500)] = 50,
             state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """The newest recordings that fit, as a table."""
        def work() -> Table:
            node = find(state or lab, url, token_file)
            zone = clock(node)
            first, last = (at and at.replace(tzinfo=zone).timestamp() for at in (since, until))
            wanted = {"contact": contact, "service": service, "agent": agent, "kind": kind, "limit": limit,
                      "since": first, "until": last}
            body = {name: value for name, value in wanted.items() if value is not None}
            return _table(call(node, "POST", "/api/v1/recordings/search", body)["recordings"], zone)

        Console(highlight=False).print(told(work))

    @app.command()
    def play(recording: Id, state: State = None, lab: Lab = None, url: Url = None,
             token_file: TokenFile = None) -> None:
        """Hear one, by ffplay, aplay or play; nothing is written."""
        player = next((one for one in PLAYERS if shutil.which(one[0])), None)
        if player is None:
            raise typer.BadParameter("no player: install ffmpeg, alsa-utils or sox; or use `santral recordings export`")
        node, path = told(lambda: find(state or lab, url, token_file)), _path(recording)
        # Who ends the player has heard enough; its pipe may say so as late as it is closed.
        with suppress(BrokenPipeError), subprocess.Popen(player, stdin=subprocess.PIPE) as process:
            sink = process.stdin
            assert sink is not None
            told(lambda: fetch(node, path, sink.write))

    @app.command()
    def export(recording: Id, out: Annotated[Path, typer.Option("--out", help="WAV to be made, for its owner alone.")],
               state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Write one as a WAV."""
        node, path = told(lambda: find(state or lab, url, token_file)), _path(recording)
        told(lambda: _write(node, path, out))
        typer.echo(f"{out}: keep it no longer than needed")

    return app


def _write(node: Node, path: str, out: Path) -> None:
    """A file that was not there, whole or not at all: a part would be taken for the talk. Raises `Trouble`."""
    try:
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                fetch(node, path, file.write)
        except BaseException:
            out.unlink()
            raise
    except OSError as error:
        raise Trouble(f"{out}: {error.strerror}") from None


def _path(recording: str) -> str:
    if not recording.replace("-", "").isalnum() or not recording.isascii():
        raise typer.BadParameter("that is no id of a recording: see `santral recordings list`")
    return f"/api/v1/recordings/{recording}/sound"


def _table(found: list[dict[str, Any]], zone: ZoneInfo) -> Table:
    table = Table("id", "at", "seconds", "kind", "service", "agent", "contact", "until", box=None)
    for one in found:
        at, end = (datetime.fromtimestamp(one[name], zone) for name in ("at", "keep_until"))
        table.add_row(one["id"], f"{at:%Y-%m-%d %H:%M:%S}", duration(one["seconds"]), one["kind"], one["service"],
                      one["agent"] or "", one["contact"], f"{end:%Y-%m-%d}")
    return table
