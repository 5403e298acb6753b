"""A PostgreSQL that cannot hold the state: one sentence with the right exit code, and nothing half-started."""

from __future__ import annotations

from pathlib import Path

import pytest
import structlog
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from structlog.testing import capture_logs
from typer.testing import CliRunner

from lab.lifecycle import SOUNDS
from lab.private_postgres import find_programs, start_pair
from routing.store import database
from routing.store.database import url_of, waits_for_standby
from routing.store.errors import StoreUnavailable
from routing.store.lease.node_rows import StoreRow, read_nodes, read_store
from routing.store.migrate import HEAD
from routing.store.reader import Reader
from routing.store.store import Store
from santral import process
from santral.centre.config import DEFAULT_CENTRE
from santral.cli import cli
from santral.errors import StoreFailure
from santral.standby.waiting_node import NO_STANDBY, find_bar

pytestmark = pytest.mark.integration


def run_node(url: str, folder: Path, *more: str) -> StoreFailure:
    """Return the error with which a node ends on such a database."""
    local = folder / "local.toml"
    local.write_text("\n".join((f'[asterisk]\nsounds = "{SOUNDS}"\nmusic = "{SOUNDS / "moh"}"', "[listen]",
                                'agi = "127.0.0.1:0"', 'http = "127.0.0.1:0"', f'[store]\nurl = "{url}"', *more)),
                     encoding="utf-8")
    local.chmod(0o600)
    try:
        with pytest.raises(StoreFailure) as caught:
            process.run_node(DEFAULT_CENTRE, local, folder / "state")
    finally:
        # A node writes its logs to the stderr of now, which later tests do not see.
        structlog.reset_defaults()
    assert caught.value.exit_code == 4 and "\n" not in str(caught.value)
    # A command finds no node, and no other node sees a name of this one.
    assert not (folder / "state" / "node.json").exists()
    return caught.value


def run_sql(where: str, *statements: str) -> None:
    engine = create_engine(url_of(where), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in statements:
            connection.execute(text(statement))
    engine.dispose()


def tables_of(where: str) -> list[str]:
    engine = create_engine(url_of(where))
    with engine.connect() as connection:
        found = list(connection.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")).scalars())
    engine.dispose()
    return found


def test_a_server_that_takes_no_writes_is_refused(where: str, tmp_path: Path) -> None:
    run_sql(where, f"ALTER DATABASE {make_url(where).database} SET default_transaction_read_only = on")
    error = run_node(where, tmp_path)
    assert "takes no writes: it is a replica, or set to read-only" in str(error)
    assert "target_session_attrs=primary" in str(error) and tables_of(where) == []


def test_a_server_that_is_too_old_is_refused(where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "POSTGRES_MIN", 990000)
    assert "Santral needs 15 or later" in str(run_node(where, tmp_path)) and tables_of(where) == []


def test_a_server_that_loses_commits_is_refused(where: str, tmp_path: Path) -> None:
    run_sql(where, f"ALTER DATABASE {make_url(where).database} SET synchronous_commit = off")
    assert "has synchronous_commit = off and would lose calls" in str(run_node(where, tmp_path))
    assert tables_of(where) == []


def test_a_server_without_a_standby_is_refused_if_the_settings_demand_one(where: str, tmp_path: Path) -> None:
    error = run_node(where, tmp_path, "require_standby = true")
    assert "has no synchronous standby" in str(error) and "take the setting out" in str(error)
    assert tables_of(where) == []
    # A node that has stood by before stays, and `santral nodes` tells this reason.
    assert find_bar(StoreUnavailable("alone", "")) == NO_STANDBY
    assert "no release" in find_bar(StoreUnavailable("unknown", ""))


async def test_a_server_without_a_standby_is_told_by_the_leader_and_by_the_command(
        where: str, tmp_path: Path) -> None:
    with capture_logs() as logs:
        store = await Store.open_store(where, node=True)
        assert not [one for one in logs if one["event"] == "store.standby_missed"]
        await store.claim_name("a")
        await store.take_lease("a")
    [told] = [one for one in logs if one["event"] == "store.standby_missed"]
    assert "acknowledged calls may be lost" in told["why"]
    with Reader(where) as reader:
        assert reader.run_query(read_store) == StoreRow(HEAD, HEAD, False)
        assert [one.role for one in reader.run_query(read_nodes)] == ["leader"]
    local = tmp_path / "local.toml"
    local.write_text(f'[store]\nurl = "{where}"\n', encoding="utf-8")
    local.chmod(0o600)
    shown = CliRunner().invoke(cli, ["nodes", str(DEFAULT_CENTRE), "--settings", str(local), "--state", str(tmp_path)])
    assert "no synchronous standby, so calls may be lost with the server" in shown.output, shown.output
    await store.close()


def test_a_replica_is_refused_and_a_pair_is_good(tmp_path: Path) -> None:
    """The servers are a real pair: the standby takes no writes, and the primary waits for it."""
    programs = find_programs()
    assert programs is not None
    with start_pair(programs) as (primary, standby):
        assert "takes no writes: it is a replica" in str(run_node(standby.url, tmp_path))
        with Reader(primary.url) as reader:
            assert reader.run_query(waits_for_standby)
