"""`santral recordings`: list, play and export recordings. The node audits every access."""

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
from rich.table import Table

from desk.client import ClientError, Node, call_api, centre_zone, find_node, stream_sound
from desk.options import Lab, State, TokenFile, Url, exit_on_error
from desk.tables import format_duration
from drawing.console_output import OutputConsole

PLAYERS = (("aplay", "-q", "-"), ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error", "-"),
           ("play", "-q", "-t", "wav", "-"))
"""Programs that play a WAV from standard input, so nothing is written to a disk."""

Id = Annotated[str, typer.Argument(help="Id of a recording.")]


def build_commands() -> typer.Typer:
    """Build the commands `list`, `play` and `export`."""
    app = typer.Typer(no_args_is_help=True, help="Recorded talks and messages. Every access is audited.")

    @app.command(name="list")
    def list_recordings(contact: Annotated[str | None, typer.Option("--contact")] = None,
                        service: Annotated[str | None, typer.Option("--service")] = None,
                        agent: Annotated[str | None, typer.Option("--agent")] = None,
                        kind: Annotated[str | None, typer.Option("--kind", help="call, message or survey.")] = None,
                        since: Annotated[datetime | None, typer.Option(
                            "--since", help="By the centre's clock.")] = None,
                        until: Annotated[datetime | None, typer.Option(
                            "--until", help="By the centre's clock.")] = None,
                        limit: Annotated[int, typer.Option("--limit", min=1, max=500)] = 50,
                        state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """List the newest recordings that match."""
        def work() -> Table:
            node = find_node(state or lab, url, token_file)
            zone = centre_zone(node)
            # Times are given by the centre's clock, wherever the command runs.
            first, last = (at and at.replace(tzinfo=zone).timestamp() for at in (since, until))
            wanted = {"contact": contact, "service": service, "agent": agent, "kind": kind, "limit": limit,
                      "since": first, "until": last}
            body = {name: value for name, value in wanted.items() if value is not None}
            return _recording_table(call_api(node, "POST", "/api/v1/recordings/search", body)["recordings"], zone)

        OutputConsole(highlight=False).print(exit_on_error(work))

    @app.command("play")
    def play_recording(recording: Id, state: State = None, lab: Lab = None, url: Url = None,
                       token_file: TokenFile = None) -> None:
        """Play a recording with aplay, ffplay or play. Nothing is written to a disk."""
        player = next((one for one in PLAYERS if shutil.which(one[0])), None)
        if player is None:
            raise typer.BadParameter("no player: install ffmpeg, alsa-utils or sox; or use `santral recordings export`")
        node, path = exit_on_error(lambda: find_node(state or lab, url, token_file)), _sound_path(recording)
        # A player may end early. Its pipe can report that as late as it is closed, so the block is guarded.
        with suppress(BrokenPipeError), subprocess.Popen(player, stdin=subprocess.PIPE) as process:
            sink = process.stdin
            assert sink is not None
            exit_on_error(lambda: stream_sound(node, path, sink.write))

    @app.command("export")
    def export_recording(recording: Id,
                         out: Annotated[Path, typer.Option("--out", help="WAV to write, readable by its owner alone.")],
                         state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
        """Write a recording as a WAV."""
        node, path = exit_on_error(lambda: find_node(state or lab, url, token_file)), _sound_path(recording)
        exit_on_error(lambda: _write_wav(node, path, out))
        typer.echo(f"{out}: keep it no longer than needed")

    return app


def _write_wav(node: Node, path: str, out: Path) -> None:
    """Write a new file, whole or not at all, because a part could be taken for the whole talk. Raise ClientError."""
    try:
        # O_EXCL refuses an existing file: somebody's recording must not be overwritten.
        handle = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as file:
                stream_sound(node, path, file.write)
        # Ctrl-C too must leave no part behind.
        except BaseException:
            out.unlink()
            raise
    except OSError as error:
        raise ClientError(f"{out}: {error.strerror}") from None


def _sound_path(recording: str) -> str:
    if not recording.replace("-", "").isalnum() or not recording.isascii():
        raise typer.BadParameter("that is no id of a recording: see `santral recordings list`")
    return f"/api/v1/recordings/{recording}/sound"


def _recording_table(found: list[dict[str, Any]], zone: ZoneInfo) -> Table:
    table = Table("id", "at", "seconds", "kind", "service", "agent", "contact", "until", box=None)
    for one in found:
        at, end = (datetime.fromtimestamp(one[name], zone) for name in ("at", "keep_until"))
        table.add_row(one["id"], f"{at:%Y-%m-%d %H:%M:%S}", format_duration(one["seconds"]), one["kind"],
                      one["service"], one["agent"] or "", one["contact"], f"{end:%Y-%m-%d}")
    return table
