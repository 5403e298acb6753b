"""Reports, exports and the survey with questions that have no answer and files that cannot be written: one clear
message, an exit code, and no lost data.
"""

from __future__ import annotations

import asyncio
import io
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from datetime import datetime
from pathlib import Path
from typing import NamedTuple
from zoneinfo import ZoneInfo

import pandas as pd
import pytest

from routing.core import events
from routing.core.model.ids import ContactId
from santral.__main__ import run_cli
from tests.fakes.report_day import Day, written
from tests.ministry import copied, edit

pytestmark = pytest.mark.integration

BEFORE = "of yesterday\n"
FROM_TO = ("--from", "2026-03-02", "--to", "2026-03-03")


class Said(NamedTuple):
    """The result of a command."""

    exit_code: int
    output: str


def santral(*words: str | Path) -> Said:
    """The command as it is called, in this process."""
    out = io.StringIO()
    with (pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(out),
          pytest.raises(SystemExit) as ended):
        patch.setattr(sys, "argv", ["santral", *map(str, words)])
        patch.setenv("COLUMNS", "200")
        run_cli()
    return Said(int(ended.value.code or 0), out.getvalue())


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("sound") / "santral.db"
    asyncio.run(written().keep(str(path)))
    return path


@pytest.fixture
def state(sound: Path, tmp_path: Path) -> Path:
    """A copy that may be spoilt."""
    folder = tmp_path / "state"
    folder.mkdir()
    with closing(sqlite3.connect(sound)) as source, closing(sqlite3.connect(folder / "santral.db")) as target:
        source.backup(target)
    return folder / "santral.db"


def mounted(folder: Path, size: str) -> Iterator[Path]:
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True,
                          check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # pyarrow lets a file go when it is collected


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """One page, and what is on it is yesterday's."""
    yield from mounted(tmp_path / "disk", "8k")


@pytest.fixture
def medium(tmp_path: Path) -> Iterator[Path]:
    """May be made read-only, as a backup's is."""
    yield from mounted(tmp_path / "medium", "8m")


COMMANDS: dict[str, Callable[[Path, Path], tuple[str | Path, ...]]] = {
    "report": lambda state, out: ("report", "day", "2026-03-02", state),
    "export": lambda state, out: ("export", "contacts", state, *FROM_TO, "--out", out / "c.csv"),
    "survey": lambda state, out: ("survey", state),
}


def cut(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[:len(data) // 2])


def garbage(path: Path) -> None:
    path.write_bytes(b"\xff\x00 no database " * 1000)


def other_schema(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0099'")
        connection.commit()


def no_tables(path: Path) -> None:
    path.unlink()
    path.touch()


def no_entries(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("DELETE FROM journal")
        connection.execute("DELETE FROM facts")
        connection.commit()


SPOILT: dict[str, tuple[Callable[[Path], None], int, str]] = {
    "cut": (cut, 4, "is damaged, or no database"),
    "garbage": (garbage, 4, "is damaged, or no database"),
    "other schema": (other_schema, 2, "has format 0099, this Santral reads"),
    "no tables": (no_tables, 2, "is no state of a node"),
    "no entries": (no_entries, 2, "no node has started with this state yet"),
    "not there": (Path.unlink, 2, "no journal at"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("how", SPOILT)
def test_a_store_that_is_not_sound(state: Path, tmp_path: Path, how: str, command: str) -> None:
    spoil, code, words = SPOILT[how]
    spoil(state)
    before = state.read_bytes() if state.exists() else None
    said = santral(*COMMANDS[command](state, tmp_path))
    assert said.exit_code == code and words in " ".join(said.output.split()), said.output
    assert len(said.output.strip().splitlines()) <= 6 and "Traceback" not in said.output
    assert not (tmp_path / "c.csv").exists() and (state.read_bytes() if state.exists() else None) == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_store_that_another_program_holds(state: Path, tmp_path: Path, command: str,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("routing.store.database.LOCK_S", 0.05)
    with closing(sqlite3.connect(state, isolation_level=None)) as holder:
        holder.execute("PRAGMA locking_mode=EXCLUSIVE")
        holder.execute("BEGIN EXCLUSIVE")
        said = santral(*COMMANDS[command](state, tmp_path))
    assert said.exit_code == 4 and "is locked by another program" in said.output and "ask again" in said.output
    assert santral(*COMMANDS[command](state, tmp_path)).exit_code == 0, "and it is well when it is let go"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_medium_that_may_not_be_written(sound: Path, medium: Path, tmp_path: Path, command: str) -> None:
    """SQLite reads a store in WAL mode only if it may keep a file next to it. The message says what to do."""
    shutil.copy(sound, medium / "santral.db")
    subprocess.run(["mount", "-o", "remount,ro", str(medium)], check=True)
    said = santral(*COMMANDS[command](medium / "santral.db", tmp_path))
    assert said.exit_code == 4 and "Copy a state that is read-only to a folder" in said.output
    shutil.copytree(medium, tmp_path / "copy")
    assert santral(*COMMANDS[command](tmp_path / "copy", tmp_path)).exit_code == 0


FILES: dict[str, Callable[[Path, Path], tuple[str | Path, ...]]] = {
    "r.csv": lambda state, out: ("report", "day", "2026-03-02", state, "--csv", out),
    "r.html": lambda state, out: ("report", "day", "2026-03-02", state, "--html", out),
    "c.csv": lambda state, out: ("export", "contacts", state, *FROM_TO, "--out", out),
    "c.parquet": lambda state, out: ("export", "contacts", state, *FROM_TO, "--out", out),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_there_is_replaced_whole(sound: Path, tmp_path: Path, name: str) -> None:
    out = tmp_path / name
    out.write_text(BEFORE)
    out.chmod(0o640)
    link = tmp_path / f"link-{name}"
    link.symlink_to(out)
    assert santral(*FILES[name](sound, link)).exit_code == 0 and link.is_symlink()
    assert out.stat().st_size > 200 and out.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in tmp_path.iterdir() if ".part" in path.name] == []


@pytest.mark.parametrize("name", FILES)
def test_a_full_disk_costs_nobody_the_file_of_yesterday(sound: Path, small_disk: Path, name: str) -> None:
    out = small_disk / name
    out.write_text(BEFORE)
    with pytest.raises(OSError, match="No space"), (small_disk / "ballast").open("wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    said = santral(*FILES[name](sound, out))
    assert said.exit_code == 1 and f"{out} cannot be written: " in said.output and "space" in said.output, said.output
    assert out.read_text() == BEFORE and sorted(path.name for path in small_disk.iterdir()) == ["ballast", name]


@pytest.mark.parametrize("name", FILES)
def test_a_folder_is_no_file(sound: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    said = santral(*FILES[name](sound, tmp_path / name))
    assert said.exit_code == 1 and "cannot be written: Is a directory" in said.output, said.output


def test_what_is_no_plain_file_is_written_as_it_is(sound: Path) -> None:
    said = santral(*FILES["r.csv"](sound, Path("/dev/null")))
    assert said.exit_code == 0 and Path("/dev/null").is_char_device()


def test_a_time_that_has_not_come(sound: Path, tmp_path: Path) -> None:
    for words in (("report", "month", "2027-01", sound), ("report", "week", "2027-W02", sound),
                  ("report", "interval", "2027-01-01", "2027-01-02", sound),
                  ("export", "contacts", sound, "--from", "2027-01-01", "--to", "2027-01-02", "--out",
                   tmp_path / "c.csv")):
        said = santral(*words)
        assert said.exit_code == 2 and "nothing is known of" in said.output and "the record goes from" in said.output
    assert not (tmp_path / "c.csv").exists()
    said = santral("report", "interval", "2026-03-02", "2026-12-31", sound)
    assert said.exit_code == 0 and "anına kadar" in said.output, "and one that is not over is told so far"


BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def autumn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A centre in Berlin: the night in which an hour comes twice, and the last minute of the month; its store."""
    folder = tmp_path_factory.mktemp("autumn")
    centre = copied(folder)
    edit(centre, "santral.toml", "Europe/Istanbul", "Europe/Berlin")
    midnight = datetime(2026, 10, 25, tzinfo=BERLIN).timestamp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tests.fakes.report_day.MIDNIGHT", midnight)
        day = Day()
        for number, moment in enumerate((
                datetime(2026, 10, 25, 0, 0, tzinfo=BERLIN), datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN),
                datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1), datetime(2026, 10, 25, 23, 59, tzinfo=BERLIN),
                datetime(2026, 10, 31, 23, 59, tzinfo=BERLIN), datetime(2026, 11, 1, 0, 0, tzinfo=BERLIN))):
            at = moment.timestamp() - midnight
            day.call(at, f"c{number}")
            day.give(at + 20.0, events.CallerHungUp(ContactId(f"c{number}")))
        asyncio.run(day.keep(str(folder / "santral.db")))
    return centre, folder


def test_an_hour_that_comes_twice_and_the_end_of_a_month(autumn: tuple[Path, Path], tmp_path: Path) -> None:
    centre, state = autumn

    def offered(*words: str) -> pd.DataFrame:
        out = tmp_path / "r.csv"
        said = santral("report", *words, state, "--centre", centre, "--csv", out)
        assert said.exit_code == 0, said.output
        return pd.read_csv(out)[["from", "service", "offered"]]

    day = offered("day", "2026-10-25")
    assert day["offered"].tolist() == [1, 1, 1, 1, 4, 4], "four half hours, the service, all"
    assert day["from"].tolist()[1:3] == ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00"]
    shown = santral("report", "day", "2026-10-25", state, "--centre", centre).output
    assert "02:30*" in shown and shown.count("02:30") == 2
    for words, many in ((("day", "2026-10-31"), 1), (("day", "2026-11-01"), 1), (("week", "2026-W43"), 4),
                        (("week", "2026-W44"), 2), (("month", "2026-10"), 5), (("month", "2026-11"), 1),
                        (("interval", "2026-10-25", "2026-11-01"), 5)):
        assert offered(*words)["offered"].iloc[-1] == many, words
    assert santral("report", "day", "2026-10-26", state, "--centre", centre).exit_code == 0, "nobody called"
