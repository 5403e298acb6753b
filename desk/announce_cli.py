"""`santral announce`: start, end and list announcements, which may also close the line or a service."""

from __future__ import annotations

import re
import shutil
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.table import Table
from rich.text import Text

from desk import table_words as words
from desk.client import ClientError, call_api, centre_zone, find_node
from desk.options import Lab, State, TokenFile, Url, exit_on_error, user_name
from drawing.console_output import OutputConsole

PATH = "/api/v1/announcements"
SPEAK_S = 70.0
"""Longer than the minute that the node gives its voice."""
RECORDINGS = "announcements"
"""Folder for recordings in the state folder of the node."""
_LASTS = re.compile(r"([1-9][0-9]{0,3})(m|h)\Z")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")


def build_commands() -> typer.Typer:
    """Build the commands `on`, `off` and `list`."""
    app = typer.Typer(no_args_is_help=True, help="Announce something to callers, and close the line or a service.")
    app.command("on")(switch_on)
    app.command("off")(switch_off)
    app.command("list")(list_announcements)
    return app


def switch_on(text: Annotated[str | None, typer.Argument(help="Sentence, spoken by the node's best voice.")] = None,
              prompt: Annotated[str | None, typer.Option("--prompt", help="Sentence of the catalogue instead.")] = None,
              recording: Annotated[Path | None, typer.Option(
                  "--recording", help="Recording of a person instead.")] = None,
              service: Annotated[str | None, typer.Option(
                  "--service", help="Only for callers of this service.")] = None,
              closes: Annotated[bool, typer.Option(
                  "--close", help="Close the line, or the service, meanwhile.")] = False,
              until: Annotated[str | None, typer.Option(
                  "--until", help="End: 17:30 or 2026-12-31T12:00 by the centre's clock, or 90m, 2h.")] = None,
              state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """Start an announcement. New callers hear it first, callers in a menu with the next sentence, waiting callers in
    the next round of music."""
    def post_announcement() -> str:
        node = find_node(state or lab, url, token_file)
        # The file must be in the node's folder before the node is asked to play it.
        name = None if recording is None else _copy_recording(recording, state or lab)
        wanted: dict[str, Any] = {"text": text, "prompt": prompt, "recording": name, "service": service,
                                  "closes": closes, "by": user_name()}
        ending = ""
        # The end is a time of the centre's clock, which may differ from the clock of this terminal.
        if until is not None:
            zone = centre_zone(node)
            wanted["until"] = end_of(until, time.time(), zone)
            ending = f" until {_format_time(wanted['until'], zone)} ({zone.key})"
        done = call_api(node, "POST", PATH, {key: value for key, value in wanted.items() if value is not None},
                        timeout_s=SPEAK_S)
        return f"announcement {done['id']} is on{ending}; end it: santral announce off {done['id']}"

    typer.echo(exit_on_error(post_announcement))


def switch_off(id_: Annotated[int, typer.Argument(metavar="ID", help="Id from `santral announce list`.")],
               state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """End an announcement, and open what it closed."""
    exit_on_error(lambda: call_api(find_node(state or lab, url, token_file), "POST", f"{PATH}/off", {
        key: value for key, value in (("id", id_), ("by", user_name())) if value is not None}))
    typer.echo(f"announcement {id_} is off")


def list_announcements(everything: Annotated[bool, typer.Option("--all", help="Include those that are over.")] = False,
                       state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """List announcements with start, end and the person who started each."""
    found = exit_on_error(lambda: call_api(find_node(state or lab, url, token_file), "GET", PATH))
    shown = [one for one in found["announcements"] if one["on"] or everything]
    if not shown:
        typer.echo("nothing is announced")
        return
    OutputConsole().print(_announcement_table(shown, ZoneInfo(found["timezone"]), english=found.english))


def end_of(text: str, now: float, zone: ZoneInfo) -> float:
    """Return Unix seconds of `17:30`, `2026-12-31T12:00`, `90m` or `2h`, by the centre's clock. Raise ClientError
    otherwise.

    A time that is over today means tomorrow.
    """
    # 1. A duration.
    if (lasts := _LASTS.match(text)) is not None:
        return now + int(lasts[1]) * (60.0 if lasts[2] == "m" else 3600.0)
    # 2. A time of the day: today, or tomorrow if it is over.
    if _CLOCK.match(text):
        today = datetime.fromtimestamp(now, zone)
        at = today.replace(hour=int(text[:2]), minute=int(text[3:]), second=0, microsecond=0)
        return (at if at > today else at + timedelta(days=1)).timestamp()
    # 3. A date and a time.
    try:
        at = datetime.fromisoformat(text)
        # The offset of a zone could move other years out of the calendar.
        if not 1971 <= at.year <= 9000:
            raise ValueError
    except ValueError:
        raise ClientError(f"--until {text}: write 17:30, 2026-12-31T12:00, or 90m, 2h") from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).timestamp()


def _copy_recording(recording: Path, state: Path | None) -> str:
    """Copy a recording into the node's folder, and return its new name. Raise ClientError if it cannot be copied."""
    if state is None:
        raise ClientError("--recording needs --state: the file is put into the node's folder")
    if recording.suffix.lower() not in (".wav", ".flac", ".ogg"):
        raise ClientError(f"{recording}: a recording is a .wav, .flac or .ogg file")
    # The API takes plain names only. The time makes the name unique, so a running announcement keeps its file.
    name = f"{re.sub(r'[^A-Za-z0-9_-]', '-', recording.stem)[:40]}-{int(time.time())}{recording.suffix.lower()}"
    try:
        folder = state / RECORDINGS
        folder.mkdir(mode=0o750, exist_ok=True)
        shutil.copyfile(recording, folder / name)
    except OSError as error:
        raise ClientError(f"{error.filename}: {error.strerror}") from None
    return name


def _announcement_table(found: list[dict[str, Any]], zone: ZoneInfo, *, english: bool) -> Table:
    table = Table(title=words.ANNOUNCEMENTS.text(english=english), title_justify="left")
    for column in words.ANNOUNCEMENT_COLUMNS:
        table.add_column(column.text(english=english), overflow="fold")
    for one in found:
        said = one["text"] or one["prompt"] or one["recording"] or ""
        table.add_row(str(one["id"]), Text(one["service"] or words.FOR_ALL.text(english=english)), Text(said),
                      words.YES.text(english=english) if one["closes"] else "",
                      _format_time(one["since"], zone), _format_time(one["ended_at"] or one["until"], zone),
                      Text(one["by"]), Text(one["ended_by"]), style="" if one["on"] else "dim")
    return table


def _format_time(at: float | None, zone: ZoneInfo) -> str:
    return "" if at is None else datetime.fromtimestamp(at, zone).strftime("%d.%m. %H:%M")
