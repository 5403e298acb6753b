"""`santral announce`: what callers hear at once, and what is closed at once."""

from __future__ import annotations

import re
import shutil
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from desk.client import Trouble, call, clock, find
from desk.options import Lab, State, TokenFile, Url, me, told

PATH = "/api/v1/announcements"
SPEAK_S = 70.0
"""The node gives its voice a minute."""
RECORDINGS = "announcements"
"""Folder of the node's state where recordings lie."""
_LASTS = re.compile(r"([1-9][0-9]{0,3})(m|h)\Z")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]\Z")


def commands() -> typer.Typer:
    """`on`, `off`, `list`."""
    app = typer.Typer(no_args_is_help=True, help="Say something to all callers at once; close the line or a service.")
    app.command("on")(on)
    app.command("off")(off)
    app.command("list")(list_)
    return app


def on(text: Annotated[str | None, typer.Argument(help="What is said, spoken by the node's best voice.")] = None,
       prompt: Annotated[str | None, typer.Option("--prompt", help="A sentence of the catalogue instead.")] = None,
       recording: Annotated[Path | None, typer.Option("--recording", help="A person's recording instead.")] = None,
       service: Annotated[str | None, typer.Option("--service", help="Only for callers of this service.")] = None,
       closes: Annotated[bool, typer.Option("--close", help="The line, or the service, is closed meanwhile.")] = False,
       until: Annotated[str | None, typer.Option("--until", help="End: 17:30, 2026-12-31T12:00 (by the centre's "
                                                         "clock), or 90m, 2h.")] = None,
       state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """Callers who come in hear it at once, those in a menu with the next sentence, those who wait in the next round."""
    def work() -> str:
        node = find(state or lab, url, token_file)
        name = None if recording is None else _put(recording, state or lab)
        wanted: dict[str, Any] = {"text": text, "prompt": prompt, "recording": name, "service": service,
                                  "closes": closes, "by": me()}
        ending = ""
        if until is not None:
            zone = clock(node)
            wanted["until"] = end_of(until, time.time(), zone)
            ending = f" until {_clock(wanted['until'], zone)} ({zone.key})"
        done = call(node, "POST", PATH, {key: value for key, value in wanted.items() if value is not None},
                    timeout_s=SPEAK_S)
        return f"announcement {done['id']} is on{ending}; end it: santral announce off {done['id']}"

    typer.echo(told(work))


def off(id_: Annotated[int, typer.Argument(metavar="ID", help="As `santral announce list` shows it.")],
        state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """Nobody hears it any more; what it closed is open."""
    told(lambda: call(find(state or lab, url, token_file), "POST", f"{PATH}/off", {
        key: value for key, value in (("id", id_), ("by", me())) if value is not None}))
    typer.echo(f"announcement {id_} is off")


def list_(everything: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
          state: State = None, lab: Lab = None, url: Url = None, token_file: TokenFile = None) -> None:
    """What is on: since when and until when, and who switched it on."""
    found = told(lambda: call(find(state or lab, url, token_file), "GET", PATH))
    shown = [one for one in found["announcements"] if one["on"] or everything]
    if not shown:
        typer.echo("nothing is announced")
        return
    Console().print(_table(shown, ZoneInfo(found["timezone"])))


def end_of(text: str, now: float, zone: ZoneInfo) -> float:
    """Unix seconds of `17:30` (today, or tomorrow when that is over), `2026-12-31T12:00`, `90m`, `2h`; by the clock on
    the centre's wall, wherever the command runs. Raises Trouble."""
    if (lasts := _LASTS.match(text)) is not None:
        return now + int(lasts[1]) * (60.0 if lasts[2] == "m" else 3600.0)
    if _CLOCK.match(text):
        today = datetime.fromtimestamp(now, zone)
        at = today.replace(hour=int(text[:2]), minute=int(text[3:]), second=0, microsecond=0)
        return (at if at > today else at + timedelta(days=1)).timestamp()
    try:
        at = datetime.fromisoformat(text)
        if not 1971 <= at.year <= 9000:  # clocks of other zones would be beyond the calendar
            raise ValueError
    except ValueError:
        raise Trouble(f"--until {text}: write 17:30, 2026-12-31T12:00, or 90m, 2h") from None
    return (at if at.tzinfo is not None else at.replace(tzinfo=zone)).timestamp()


def _put(recording: Path, state: Path | None) -> str:
    """The recording among the node's own, under a name that it takes."""
    if state is None:
        raise Trouble("--recording needs --state: the file is put into the node's folder")
    if recording.suffix.lower() not in (".wav", ".flac", ".ogg"):
        raise Trouble(f"{recording}: a recording is a .wav, .flac or .ogg file")
    name = f"{re.sub(r'[^A-Za-z0-9_-]', '-', recording.stem)[:40]}-{int(time.time())}{recording.suffix.lower()}"
    try:
        folder = state / RECORDINGS
        folder.mkdir(mode=0o750, exist_ok=True)
        shutil.copyfile(recording, folder / name)
    except OSError as error:
        raise Trouble(f"{error.filename}: {error.strerror}") from None
    return name


def _table(found: list[dict[str, Any]], zone: ZoneInfo) -> Table:
    table = Table(title="Duyurular", title_justify="left")
    for name in ("no", "hizmet", "ne", "kapatır", "başlangıç", "bitiş", "kim", "kapatan"):
        table.add_column(name, overflow="fold")
    for one in found:
        said = one["text"] or one["prompt"] or one["recording"] or ""
        table.add_row(str(one["id"]), Text(one["service"] or "herkes"), Text(said), "evet" if one["closes"] else "",
                      _clock(one["since"], zone), _clock(one["ended_at"] or one["until"], zone), Text(one["by"]),
                      Text(one["ended_by"]), style="" if one["on"] else "dim")
    return table


def _clock(at: float | None, zone: ZoneInfo) -> str:
    return "" if at is None else datetime.fromtimestamp(at, zone).strftime("%d.%m. %H:%M")
