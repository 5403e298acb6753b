"""One schema: what the migrations make is what the code expects, on both databases."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

from routing.core.model.centre_model import OfferState
from routing.store import migrate, sms_messages
from routing.store.callers import erasure
from routing.store.database import describe_url, url_of
from routing.store.errors import StoreUnavailable
from routing.store.reader import Reader, load_state
from routing.store.recordings import recording_rows
from routing.store.recordings.recording_rows import RecordingFilter
from routing.store.repair import repair_outcomes
from routing.store.schema import metadata
from routing.store.store import Store

pytestmark = pytest.mark.unit


def made(connection: Connection) -> dict[str, str]:
    rows = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE '%alembic%'"))
    # A column that a later migration adds has a default for older nodes, which the code does not need.
    default = r"default(\('[^']*'\)|'[^']*'|\d+|false|true)"
    return {name: re.sub(default, "", re.sub(r'[\s"]+', "", sql or "").lower()) for name, sql in rows}


def parts(sql: str) -> list[str]:
    """Columns and constraints in any order."""
    return sorted(part.rstrip(",") for part in re.split(r",(?=[a-z])", sql.removesuffix(")")))


def test_a_fresh_upgrade_is_the_schema_and_nothing_else() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        migrate.upgrade_tables(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        migrated = made(connection)
    engine.dispose()
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        wanted = made(connection)
    engine.dispose()
    # The comparison of alembic does not see checks: the words themselves do.
    assert {name: parts(sql) for name, sql in migrated.items()} == {name: parts(sql) for name, sql in wanted.items()}


def test_downgrade_leaves_nothing_and_upgrade_works_again() -> None:
    engine = create_engine("sqlite://")
    with engine.connect() as connection:
        migrate.upgrade_tables(connection)
        migrate.downgrade_tables(connection, "base")
        assert inspect(connection).get_table_names() == [migrate.TABLE]
        assert migrate.current_revision(connection) is None
        migrate.upgrade_tables(connection)
        assert migrate.current_revision(connection) == migrate.HEAD
    engine.dispose()


def test_postgresql_gets_the_same_words() -> None:
    dialect = postgresql.dialect()
    tables = "\n".join(str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables)
    assert "DOUBLE PRECISION" in tables
    assert "SERIAL" not in tables
    indexes = {index.name: str(CreateIndex(index).compile(dialect=dialect))
               for table in metadata.tables.values() for index in table.indexes}
    assert indexes["ux_offers_live_contact"] == (
        "CREATE UNIQUE INDEX ux_offers_live_contact ON offers (contact) WHERE state IN ('pending', 'accepted')")
    assert indexes["ux_offers_live_slot"] == (
        "CREATE UNIQUE INDEX ux_offers_live_slot ON offers (agent, channel, slot) "
        f"WHERE state IN ('pending', 'accepted', '{OfferState.BESIDE}', 'consulting', 'wrapping')")


async def test_a_state_of_a_newer_santral_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "santral.db"
    await (await Store.open_store(path)).close()
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(StoreUnavailable, match="newer Santral") as caught:
        await Store.open_store(path)
    assert caught.value.kind == "newer"
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE alembic_version SET version_num = '{migrate.HEAD}'"))
        connection.execute(text("UPDATE meta SET value = '2'"))
    engine.dispose()
    with pytest.raises(StoreUnavailable, match="format 2"):
        await Store.open_store(path)


async def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    store = await Store.open_store(tmp_path / "santral.db")
    assert {entry.stat().st_mode & 0o777 for entry in tmp_path.iterdir()} == {0o600}
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.load_state()


@pytest.mark.parametrize(("where", "driver", "said"), [
    ("postgresql://u:geheim@h/db", "postgresql+psycopg", "db on h"),
    ("postgres.db", "sqlite", "postgres.db"),
    ("sqlite:////tmp/x.db", "sqlite", "/tmp/x.db"),
])
def test_where_a_state_may_be(where: str, driver: str, said: str) -> None:
    url = url_of(where)
    assert url.drivername == driver
    assert describe_url(url).endswith(said)
    assert "geheim" not in describe_url(url)


@pytest.mark.parametrize("where", ["mysql://h/db", "sqlite:///:memory:", "sqlite://"])
def test_where_it_may_not(where: str) -> None:
    with pytest.raises(StoreUnavailable, match="cannot hold the state"):
        url_of(where)


def plans(*questions: Callable[[Connection], object]) -> list[str]:
    """How SQLite goes about what these ask."""
    engine, asked = create_engine("sqlite://"), list[tuple[str, tuple[object, ...]]]()
    metadata.create_all(engine)
    event.listen(engine, "before_cursor_execute", lambda *told: asked.append((told[2], told[3])))
    with engine.connect() as connection:
        for question in questions:
            question(connection)
        raw = connection.connection.cursor()
        found = [row[3] for statement, values in asked
                 for row in raw.execute(f"EXPLAIN QUERY PLAN {statement}", values)]
    engine.dispose()
    return found


def test_a_start_looks_at_what_is_alive_and_not_at_every_call_there_ever_was() -> None:
    """Callers wait meanwhile: by an index, whole only of the few of whom it is (who is alive, who was abusive), and of
    the agents (as many as there are people), and of the services."""
    found = plans(repair_outcomes, load_state)
    assert len(found) >= 10
    whole = [plan for plan in found if plan.startswith("SCAN") and "_live" not in plan and "_abusive" not in plan]
    assert whole == [f"SCAN {table} USING INDEX sqlite_autoindex_{table}_1" for table in ("agents", "learned")]


def test_a_recording_is_kept_and_destroyed_without_a_look_at_every_call_there_ever_was() -> None:
    """No turn can be kept meanwhile: of the calls only those that have ended since it began."""
    assert plans(partial(recording_rows.by_source, source="a.alaw"),
        partial(recording_rows.present_contact_id, contact="1.1", at=5.0),
                 partial(recording_rows.talk_of, contact="1.1", offer=1),
                 partial(recording_rows.find_recordings, wanted=RecordingFilter(due=1.0)),
                 partial(recording_rows.remove_rows, ids=["r"])) == [
        "SEARCH recordings USING INDEX ux_recordings_source (source=?)",
        "SEARCH contacts USING INDEX ix_contacts_ended_at (ended_at>?)",
        "SEARCH offers USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH recordings USING INDEX ix_recordings_keep_until (keep_until<?)",
        "SEARCH recordings USING INDEX sqlite_autoindex_recordings_1 (id=?)"]


def test_a_purge_looks_only_at_callers_who_are_old_and_known() -> None:
    """Rows without traces are years of calls, and no night reads them."""
    assert plans(partial(erasure.old_contacts, before=1.0), partial(erasure.old_rows, before=1.0),
                 partial(erasure.count_old_personal, before=1.0)) == [
        "SEARCH contacts USING INDEX ix_contacts_traces (ended_at<?)",
        "SEARCH contacts USING INDEX ix_contacts_traces (ended_at<?)",
        "SEARCH journal USING INDEX ix_journal_personal (at<?)"]


def test_a_short_message_goes_without_a_look_at_all_of_the_day() -> None:
    wanted = sms_messages.RequestedMessage("1.1", "temsilci", "hash", "box", "text")
    found = plans(partial(sms_messages.request_message, wanted=wanted, now=1.0, again_s=1.0, per_minute=9),
        sms_messages.fail_interrupted, sms_messages.count_waiting,
                  partial(sms_messages.expire_waiting, before=0.0), partial(sms_messages.claim_due, now=1.0, most=4),
                  partial(sms_messages.retry_later, message=1, next_at=2.0),
                  partial(sms_messages.finish_message, message=1, state=sms_messages.SENT),
                  partial(sms_messages.drop_finished, before=1.0))
    assert len(found) >= 10
    assert [plan for plan in found if plan.startswith("SCAN") and "ix_sms_messages_live" not in plan] == []


def test_a_reader_of_nothing_says_so(tmp_path: Path) -> None:
    with Reader(tmp_path / "not" / "there.db") as reader, pytest.raises(StoreUnavailable, match="cannot be read"):
        reader.load_state()
