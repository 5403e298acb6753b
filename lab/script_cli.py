"""`santral lab script`: what is shown while scripts run, and what is said about those that went otherwise."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from centres.load import load as load_centre
from lab import script_run
from lab.errors import BadInput
from lab.script_play import Outcome, Play
from lab.up import ANY_HOUR, NO_OFFER_S, Info, down, read, up

FOLDER = "scripts"
"""Of a centre: its scripts."""
REFRESH_S = 0.2
PASSED, DIFFERENT, BAD = 0, 1, 2
"""Exit codes."""
INTERRUPTED = 130


class Wish(NamedTuple):
    """What was asked for on the command line."""

    files: tuple[Path, ...]
    centre: Path
    lab: Path | None
    to: str
    sounds: Path
    recordings: Path
    at_once: int
    asterisk: Path | None


class Board:
    """What is going on, one line a script."""

    def __init__(self) -> None:
        self._plays: dict[Path, Play] = {}

    def told(self, play: Play) -> None:
        """Something happened in a call."""
        self._plays[play.script.path] = play

    def __rich__(self) -> Table:
        table = Table("betik", "adım", "sn", "son olan", box=None)
        for path, play in self._plays.items():
            mark = "" if not play.course.done else "✗ " if play.course.difference else "✓ "
            last = play.moments[-1].what if play.moments else ""
            table.add_row(mark + path.name, f"{play.at_step}/{len(play.script.steps)}", f"{play.seconds:.0f}",
                          Text(last))
        return table


def run(wish: Wish, console: Console) -> int:
    """Run scripts, show them, tell what differs; the exit code."""
    try:
        where = script_run.target(wish.to) if wish.to else None
        if where is not None and wish.lab is not None:
            raise BadInput("--lab and --to exclude each other: the one is ours, the other somebody else's")
        paths = script_run.files(wish.files or (wish.centre / FOLDER,))
        board = Board()
        began = time.monotonic()
        if where is not None:
            outcomes = _shown(script_run.at_trunk(where, paths, wish.recordings, board.told, sounds=wish.sounds,
                                                  at_once=wish.at_once), board, console)
        elif wish.lab is not None:
            outcomes = _in_lab(read(wish.lab), paths, wish, board, console)
        else:
            script_run.read(paths, load_centre(wish.centre))  # before a lab is started for nothing
            outcomes = _in_new_lab(paths, wish, board, console)
    except script_run.Bad as error:
        console.print(str(error), highlight=False, markup=False, soft_wrap=True)
        return BAD
    if outcomes is None:
        return INTERRUPTED
    return tell(outcomes, time.monotonic() - began, console)


def _in_new_lab(paths: Sequence[Path], wish: Wish, board: Board, console: Console) -> list[Outcome] | None:
    with tempfile.TemporaryDirectory(prefix="santral-script-") as folder:
        info = up(wish.centre, Path(folder), asterisk_path=wish.asterisk, sounds=wish.sounds, guarded=True,
                  extra=ANY_HOUR, texts=NO_OFFER_S, say=lambda text: console.print(text, style="dim", highlight=False))
        try:
            return _in_lab(info, paths, wish, board, console)
        finally:
            down(Path(folder))


def _in_lab(info: Info, paths: Sequence[Path], wish: Wish, board: Board, console: Console) -> list[Outcome] | None:
    return _shown(script_run.in_lab(info, paths, wish.recordings, board.told, wish.at_once), board, console)


def _shown(work: Coroutine[Any, Any, list[Outcome]], board: Board, console: Console) -> list[Outcome] | None:
    """The work's outcomes, with the board while it lasts; None when Ctrl-C or SIGTERM came first."""
    async def whole() -> list[Outcome] | None:
        loop, task = asyncio.get_running_loop(), asyncio.create_task(work, name="lab.scripts")
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            return None

    if not console.is_terminal:
        return asyncio.run(whole())
    with Live(board, console=console, refresh_per_second=1 / REFRESH_S, transient=True):
        return asyncio.run(whole())


def tell(outcomes: Sequence[Outcome], seconds: float, console: Console) -> int:
    """What came of it; the exit code."""
    for one in outcomes:
        if one.passed:
            console.print(Text(f"✓ {one.script.file}: {one.script.name} ({one.seconds:.0f} sn)"), soft_wrap=True)
    wrong = [one for one in outcomes if not one.passed]
    for one in wrong:
        console.print(Text(f"✗ {message(one)}"), soft_wrap=True)
        table = Table("sn", "olan", box=None, padding=(0, 2))
        for moment in one.moments:
            table.add_row(f"{moment.at:8.2f}", Text(moment.what))
        console.print(table)
        if one.doubtful:
            console.print(Text(f"  bu makine çok meşguldü ({one.late_s:.1f} sn geç kalındı): sonuç kesin değil"))
        if one.recording is not None:
            console.print(Text(f"  ses kaydı: {one.recording}"), soft_wrap=True)
    console.print(Text(f"{len(outcomes)} betik, {len(outcomes) - len(wrong)} yazıldığı gibi, {len(wrong)} farklı "
                       f"({seconds:.0f} sn)"))
    return DIFFERENT if wrong else PASSED


def message(outcome: Outcome) -> str:
    """`dosya.yaml:12: beklenen …, duyulan …`."""
    if outcome.difference is not None:
        return f"{outcome.script.file}:{outcome.difference.line}: {outcome.difference}"
    return f"{outcome.script.file}: arama tamamlanamadı: {outcome.trouble}"
