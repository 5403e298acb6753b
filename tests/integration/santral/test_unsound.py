"""Journals that are not sound: what is missing is named, and nothing is told of what cannot be known."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from typer.testing import CliRunner

from routing.store.reader import Reader
from routing.store.store import Store
from santral.centre.config import node_config
from santral.cli import cli
from santral.node.state_reader import open_journal
from tests.fakes.journal_day import Day

pytestmark = pytest.mark.integration

MEB = Path(__file__).resolve().parents[3] / "centres" / "meb"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    day, path = Day(), tmp_path_factory.mktemp("state") / "santral.db"
    day.run(node_config(MEB).centre, 0.003)
    asyncio.run(day.keep(path))
    return path


def changed(sound: Path, folder: Path, *statements: str) -> Path:
    """A copy of the state with something done to it."""
    copy = folder / "santral.db"
    with closing(sqlite3.connect(sound)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        for statement in statements:
            target.execute(statement)
        target.commit()
    return copy


@pytest.mark.parametrize(("statements", "told"), [
    (("DELETE FROM journal WHERE seq = 100",), "entry 100 of {entries} is missing"),
    (("DELETE FROM journal WHERE seq = 1",), "does not begin with the start of a node"),
    (("UPDATE journal SET kind = 'Nothing' WHERE seq = 100",), "entry 100:"),
    (("UPDATE journal SET body = '{' WHERE seq = 100",), "entry 100:"),
    (("DELETE FROM facts WHERE seq = 100",), "fact 100 of {facts} is missing"),
    (("UPDATE facts SET body = '{' WHERE seq = 100",), "fact 100 of {facts} is missing or cannot be read"),
    (("DELETE FROM journal", "DELETE FROM facts"), "is empty: no node has started"),
    (("DELETE FROM journal WHERE seq = 1", "UPDATE journal SET seq = seq - 1"), "does not begin with the start"),
    (("UPDATE alembic_version SET version_num = '0099'",), "has format 0099, this Santral reads"),
    (("DROP TABLE alembic_version",), "is no state of a node"),
])
@pytest.mark.parametrize("command", [("replay",), ("what-if", "--centre", str(MEB))], ids=lambda words: words[0])
def test_what_is_missing_is_named(sound: Path, tmp_path: Path, command: tuple[str, ...], statements: tuple[str, ...],
                                  told: str) -> None:
    with Reader(sound) as reader:
        extent = reader.read_extent()
    copy = changed(sound, tmp_path, *statements)
    done = CliRunner().invoke(cli, [command[0], str(copy), *command[1:]])
    assert done.exit_code == 2, done.output
    assert told.format(entries=extent.entries, facts=extent.facts) in " ".join(done.output.split())


def test_a_file_without_tables_is_no_state(tmp_path: Path) -> None:
    (tmp_path / "santral.db").touch()
    done = CliRunner().invoke(cli, ["replay", str(tmp_path)])
    assert done.exit_code == 2 and "is no state of a node" in " ".join(done.output.split())


def test_what_a_running_node_writes_meanwhile_is_not_seen(sound: Path, tmp_path: Path) -> None:
    """Entries are read after the facts of the same moment, whatever was committed in between."""
    copy = changed(sound, tmp_path)
    with open_journal(str(copy)) as journal:
        before = len(list(journal.read_facts())), journal.count_entries()
        with closing(sqlite3.connect(copy)) as other:
            for table in ("facts", "journal"):
                columns = ", ".join(row[1] for row in other.execute(f"PRAGMA table_info({table})") if row[1] != "seq")
                other.execute(f"INSERT INTO {table} (seq, {columns}) SELECT seq + 100000, {columns} FROM {table}")
            other.commit()
        assert (len(list(journal.read_facts())), len(list(journal.read_entries()))) == before


def test_a_state_of_the_store_is_sound(tmp_path: Path) -> None:
    """A node that has never started leaves an empty journal, and tables of this version."""
    async def make() -> None:
        await (await Store.open_store(tmp_path / "santral.db")).close()

    asyncio.run(make())
    done = CliRunner().invoke(cli, ["replay", str(tmp_path)])
    assert done.exit_code == 2 and "no node has started with this state yet" in " ".join(done.output.split())
