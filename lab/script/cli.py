"""`santral lab script`: progress while scripts run, and a report on those that differ from their call."""

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

from centres.centre_reader import load_centre as load_centre
from lab.centre_words import words_of
from lab.errors import BadInput
from lab.lifecycle import ANY_HOUR, NO_OFFER_S, LabInfo, read_lab, start_lab, stop_lab
from lab.script import runner
from lab.script.player import ScriptOutcome, ScriptPlay

FOLDER = "scripts"
"""Folder of a centre's scripts."""
REFRESH_S = 0.2
PASSED, DIFFERENT, BAD = 0, 1, 2
"""Exit codes."""
INTERRUPTED = 130


class ScriptRequest(NamedTuple):
    """Arguments of the command line."""

    files: tuple[Path, ...]
    centre: Path
    lab: Path | None
    to: str
    sounds: Path
    recordings: Path
    at_once: int
    asterisk: Path | None


class ProgressBoard:
    """Progress of the running scripts, one line each."""

    def __init__(self) -> None:
        self._plays: dict[Path, ScriptPlay] = {}

    def note_progress(self, play: ScriptPlay) -> None:
        """Show the newest event of a script."""
        self._plays[play.script.path] = play

    def __rich__(self) -> Table:
        table = Table("betik", "adım", "sn", "son olan", box=None)
        for path, play in self._plays.items():
            mark = "" if not play.state.done else "✗ " if play.state.difference else "✓ "
            last = play.moments[-1].what if play.moments else ""
            table.add_row(mark + path.name, f"{play.at_step}/{len(play.script.steps)}", f"{play.seconds:.0f}",
                          Text(last))
        return table


def run_scripts(wish: ScriptRequest, console: Console) -> int:
    """Run scripts, show them, report what differs, and return the exit code."""
    # 1. Check the arguments and find the scripts.
    try:
        where = runner.parse_target(wish.to) if wish.to else None
        if where is not None and wish.lab is not None:
            raise BadInput("--lab and --to exclude each other: one names a lab, the other a number outside")
        paths = runner.find_scripts(wish.files or (wish.centre / FOLDER,))
        # 2. Run them at a trunk, in a running lab, or in a new lab.
        board = ProgressBoard()
        began = time.monotonic()
        if where is not None:
            outcomes = _show_while_running(
                runner.run_at_trunk(where, paths, wish.recordings, board.note_progress, sounds=wish.sounds,
                                    words=words_of(load_centre(wish.centre)), at_once=wish.at_once), board, console)
        elif wish.lab is not None:
            outcomes = _run_in_lab(read_lab(wish.lab), paths, wish, board, console)
        else:
            runner.read_scripts(paths, load_centre(wish.centre))  # a mistake costs no start of a lab
            outcomes = _run_in_new_lab(paths, wish, board, console)
    except runner.ScriptProblems as error:
        console.print(str(error), highlight=False, markup=False, soft_wrap=True)
        return BAD
    # 3. Report the outcomes. None means that a signal came first.
    if outcomes is None:
        return INTERRUPTED
    return print_outcomes(outcomes, time.monotonic() - began, console)


def _run_in_new_lab(paths: Sequence[Path], wish: ScriptRequest, board: ProgressBoard,
                    console: Console) -> list[ScriptOutcome] | None:
    with tempfile.TemporaryDirectory(prefix="santral-script-") as folder:
        info = start_lab(wish.centre, Path(folder), asterisk_path=wish.asterisk, sounds=wish.sounds, guarded=True,
                         extra=ANY_HOUR, texts=NO_OFFER_S,
                         say=lambda text: console.print(text, style="dim", highlight=False))
        try:
            return _run_in_lab(info, paths, wish, board, console)
        finally:
            stop_lab(Path(folder))


def _run_in_lab(info: LabInfo, paths: Sequence[Path], wish: ScriptRequest, board: ProgressBoard,
                console: Console) -> list[ScriptOutcome] | None:
    return _show_while_running(runner.run_in_lab(info, paths, wish.recordings, board.note_progress, wish.at_once),
                               board, console)


def _show_while_running(work: Coroutine[Any, Any, list[ScriptOutcome]], board: ProgressBoard,
                        console: Console) -> list[ScriptOutcome] | None:
    """Return the outcomes of the work and show the board meanwhile. Return None if Ctrl-C or SIGTERM came first."""
    async def run_until_signal() -> list[ScriptOutcome] | None:
        loop, task = asyncio.get_running_loop(), asyncio.create_task(work, name="lab.scripts")
        for sign in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(sign, task.cancel)
        try:
            return await task
        except asyncio.CancelledError:
            return None

    if not console.is_terminal:
        return asyncio.run(run_until_signal())
    with Live(board, console=console, refresh_per_second=1 / REFRESH_S, transient=True):
        return asyncio.run(run_until_signal())


def print_outcomes(outcomes: Sequence[ScriptOutcome], seconds: float, console: Console) -> int:
    """Print the outcomes and return the exit code."""
    for one in outcomes:
        if one.passed:
            console.print(Text(f"✓ {one.script.file}: {one.script.name} ({one.seconds:.0f} sn)"), soft_wrap=True)
    wrong = [one for one in outcomes if not one.passed]
    for one in wrong:
        console.print(Text(f"✗ {failure_message(one)}"), soft_wrap=True)
        table = Table("sn", "olan", box=None, padding=(0, 2))
        for moment in one.moments:
            table.add_row(f"{moment.at:8.2f}", Text(moment.what))
        console.print(table)
        # A busy machine presses keys late, so a difference may be the machine's fault.
        if one.doubtful:
            console.print(Text(f"  bu makine çok meşguldü ({one.late_s:.1f} sn geç kalındı): sonuç kesin değil"))
        if one.recording is not None:
            console.print(Text(f"  ses kaydı: {one.recording}"), soft_wrap=True)
    console.print(Text(f"{len(outcomes)} betik, {len(outcomes) - len(wrong)} yazıldığı gibi, {len(wrong)} farklı "
                       f"({seconds:.0f} sn)"))
    return DIFFERENT if wrong else PASSED


def failure_message(outcome: ScriptOutcome) -> str:
    """Return the line for a failed script: `dosya.yaml:12: beklenen …, duyulan …`."""
    if outcome.difference is not None:
        return f"{outcome.script.file}:{outcome.difference.line}: {outcome.difference}"
    return f"{outcome.script.file}: arama tamamlanamadı: {outcome.trouble}"
