"""The same schema and the same rules on PostgreSQL.

The server is SANTRAL_TEST_POSTGRES=postgresql://user@host/database (a role that may create databases), or a private one
of Debian's package `postgresql`, which `make test` installs. Without either these tests fail.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, inspect, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError, IntegrityError

from desk.api.tokens import Role
from desk.people import person_rows
from desk.people.person_rows import Person, SessionRow
from planning.journal.recording_engine import RecordingEngine
from routing.core import events as e
from routing.core.model.centre_model import Centre, Channel, ContactState, Outcome
from routing.core.model.ids import ContactId, ServiceId
from routing.store import migrate
from routing.store.callers import contact_history, erasure, redaction
from routing.store.callers.number_keys import NumberKeys
from routing.store.database import WritingConnection, connect_engine, describe_url, url_of
from routing.store.errors import ForeignKeys, LeaseHeld, LeaseLost, StoreConflict, StoreUnavailable
from routing.store.lease import lease_row
from routing.store.reader import Reader
from routing.store.recordings import recording_rows
from routing.store.schema import metadata, offers
from routing.store.store import Store
from tests.core.house import EDU, House
from tests.fakes import postgres
from tests.fakes.store_day import SERVICE, Day, Turn
from tests.until import until_async

pytestmark = pytest.mark.integration


@pytest.fixture
async def store(where: str) -> AsyncIterator[Store]:
    opened = await Store.open_store(where)
    yield opened
    await opened.close()


def test_migrations_make_the_schema_and_take_it_away(where: str) -> None:
    engine = create_engine(url_of(where))
    with engine.begin() as connection:
        migrate.upgrade_tables(connection)
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        migrate.downgrade_tables(connection, "base")
        assert inspect(connection).get_table_names() == [migrate.TABLE]
    engine.dispose()


async def test_a_day(store: Store, where: str) -> None:
    day = Day()
    day.sign_in("a1")
    day.queue("c1")
    day.queue("c2")
    day.queue("m1", Channel.CHAT)
    lost = day.offer("c1", "a1")
    day.connect(lost)
    day.talk_over(lost, lost=True)
    first = day.offer("c1", "a1")
    day.ring(first)
    day.connect(first)
    day.hold(first, 2.0)
    await store.commit(day.turn())
    chat = day.offer("m1", "a1")
    day.end("c2", Outcome.ABANDONED)
    day.talk_over(first)
    await store.commit(day.turn())
    loaded = await store.load_state()
    assert [(one.contact, one.state) for one in loaded.contacts] == [
        ("c1", ContactState.WRAPPING), ("m1", ContactState.RESERVED)]
    assert [one.offer for one in loaded.offers] == [first, chat]
    assert set(loaded.ended_contacts) == {"c1", "c2"}
    assert await store.facts_after(0) == day.facts
    assert sorted(await store.count_contacts(), key=str) == sorted(
        [(SERVICE, Outcome.ABANDONED, 1), (SERVICE, Outcome.ANSWERED, 1), (SERVICE, None, 1)], key=str)
    await store.set_cursor("x", 3)
    assert await store.read_cursor("x") == 3
    again = await Store.open_store(where)
    day.wrap(first)
    await again.commit(day.turn())
    await again.close()


async def test_conflicts_write_nothing(store: Store, where: str) -> None:
    day = Day()
    day.sign_in("a1")
    day.queue("c1")
    day.queue("c2")
    day.offer("c1", "a1")
    await store.commit(day.turn())
    seq = day.seq
    day.offer("c2", "a1")
    with pytest.raises(StoreConflict, match="UniqueViolation") as caught:
        await store.commit(day.turn())
    assert caught.value.__cause__ is None
    assert (await store.load_state()).next_fact == seq + 1
    engine = create_engine(url_of(where))
    with engine.connect() as connection, pytest.raises(IntegrityError):
        connection.execute(text("UPDATE offers SET offer = 5, contact = 'c9'"))
    with engine.connect() as connection, pytest.raises(IntegrityError):
        columns = ", ".join(column.name for column in offers.c if column.name != "offer")
        connection.execute(text(f"INSERT INTO offers (offer, {columns}) SELECT 9, {columns} FROM offers"))
    engine.dispose()


async def test_one_node(store: Store, where: str) -> None:
    await store.take_lease("first")
    other = await Store.open_store(where)
    with pytest.raises(LeaseHeld, match="on this machine"):
        await other.take_lease("second")
    await store._lease.renew_lease()
    engine = create_engine(url_of(where))
    with engine.begin() as connection:
        connection.execute(text("UPDATE leases SET expires = 0"))
    engine.dispose()
    assert (await other.take_lease("second")).epoch == 2
    day = Day()
    day.queue("c1")
    with pytest.raises(LeaseLost):
        await store.commit(day.turn())
    await other.commit(Day().turn())
    await other.close()


@asynccontextmanager
async def frozen_in_transaction(store: Store) -> AsyncIterator[asyncio.Task[None]]:
    """Freeze the writer of a node in a transaction that has checked the lease, which locks its row."""
    inside, wake = threading.Event(), threading.Event()

    def pause(connection: Connection) -> None:
        inside.set()
        wake.wait()
        connection.execute(text("SELECT 1"))

    task = asyncio.create_task(store.run_write(pause))
    try:
        await until_async(inside.is_set, what="the transaction holds the row")
        yield task
    finally:
        wake.set()


async def test_the_taker_ends_a_frozen_leaders_transaction(
        store: Store, where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease_row, "TTL_S", 0.3)
    await store.take_lease("frozen")
    await store.run_write(lambda connection: connection.execute(text("UPDATE leases SET host = 'another boot'")))
    second = await Store.open_store(where, node=True)
    async with frozen_in_transaction(store) as task:
        assert (await second.take_lease("second")).epoch == 2
        assert not task.done()
    with pytest.raises(LeaseLost, match="taken it over"):
        await task
    await second.close()


async def test_the_server_ends_a_frozen_leaders_transaction(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody takes over, and still the row of the lease becomes free."""
    monkeypatch.setattr("routing.store.lease.lease_keeper.TTL_S", 300.0)  # a frozen node does not give up by itself
    frozen = await Store.open_store(where, node=True)
    await frozen.take_lease("frozen")
    await frozen.commit(Day().turn())
    engine = create_engine(url_of(where))
    async with frozen_in_transaction(frozen) as task:
        with engine.begin() as connection:
            connection.execute(text("SELECT * FROM leases FOR UPDATE"))
        assert not task.done()
    engine.dispose()
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await task
    await frozen.close()


async def test_a_node_with_other_keys_is_refused_before_the_lease(where: str, tmp_path: Path) -> None:
    """A second node with a new state folder has made new keys. With copied ones it waits for the lease."""
    keys, others = (NumberKeys.load_or_create(tmp_path / name / "numbers.json") for name in ("first", "second"))
    first = await Store.open_store(where, node=True)
    await first.take_lease("first", keys=keys.fingerprint)
    second = await Store.open_store(where, node=True)
    for running in (True, False):
        with pytest.raises(ForeignKeys, match="santral cluster join"):
            await second.take_lease("second", keys=others.fingerprint)
        if running:
            with pytest.raises(LeaseHeld):
                await second.take_lease("second", keys=keys.fingerprint)
            await first.close()
    copied = NumberKeys.load_keys(tmp_path / "first" / "numbers.json")
    assert (await second.take_lease("second", keys=copied.fingerprint)).epoch == 2
    await second.close()


async def test_a_lost_connection_is_told(store: Store, where: str, server_url: str) -> None:
    engine = create_engine(url_of(server_url), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"),
                           {"name": make_url(where).database})
    engine.dispose()
    day = Day()
    day.queue("c1")
    with pytest.raises(StoreUnavailable, match="does not answer") as caught:
        await store.commit(day.turn())
    assert caught.value.kind == "gone"
    again = await Store.open_store(where)
    assert (await again.load_state()).next_fact == 1
    await again.close()


def test_a_lost_server_is_told_at_each_use() -> None:
    """The second use of a lost connection raised the driver's error, which ended the node instead of suspending it."""
    server = postgres.start_private()
    try:
        writing = WritingConnection(url_of(server.url), node=True)
        writing.open_connection()
        server.kill()
        for write in (writing.run_transaction, writing.run_pipeline, writing.run_pipeline, writing.run_transaction):
            with pytest.raises(StoreUnavailable) as refused:
                write(lambda connection: connection.execute(text("SELECT 1")))
            assert refused.value.kind == "gone"
        writing.close_connection()
    finally:
        server.stop()


async def test_no_server_is_told(where: str) -> None:
    nowhere = make_url(where).set(host="127.0.0.1", port=1).render_as_string(hide_password=False)
    with pytest.raises(StoreUnavailable, match="does not answer"):
        await Store.open_store(nowhere)


async def test_the_primary_is_found_among_several_hosts(where: str) -> None:
    """As users of Patroni write it. The reader asks the same server."""
    folder = make_url(where).query["host"]
    several = make_url(where).set(query={"host": ("/nowhere", str(folder)), "target_session_attrs": "read-write"})
    store = await Store.open_store(several.render_as_string(hide_password=False), node=True)
    await store.take_lease("first")
    day = Day()
    day.queue("c1")
    await store.commit(day.turn())
    assert len(await store.facts_after(0)) == 1
    await store.close()
    assert describe_url(several).endswith(f" on /nowhere, {folder}")


async def test_a_reader_cannot_write(store: Store, where: str) -> None:
    await store.commit(Day().turn())
    with Reader(where) as reader:
        assert reader.load_state().contacts == ()
        assert reader.count_contacts() == []
    engine = connect_engine(url_of(where), read_only=True)
    with engine.connect() as connection, pytest.raises(DBAPIError, match="read-only"):
        connection.execute(text("DELETE FROM facts"))
    engine.dispose()


async def test_a_caller_is_blanked_and_recordings_have_rows_here_too(where: str, tmp_path: Path) -> None:
    keys = NumberKeys.load_or_create(tmp_path / "numbers.json")
    house, store = House({"a1": 50}), await Store.open_store(where)
    told, theirs = [], []
    for number in ("+905321112233", "+905324445566", "+905321112233"):
        digest, box = keys.encrypt_number(number)
        theirs.append((digest, box))
        house.waits("edu", house.now + 1.0, caller_hash=digest, number_encrypted=box)
        told.append((house.now, e.ContactQueued(ContactId(f"c{house.numbers}"), ServiceId("edu"), "PJSIP/x",
                                                caller_hash=digest, number_encrypted=box)))
    await store.commit(Turn([(house.now, e.CallerErased(theirs[0][0])), *told], house.facts, house.changes.take()))
    caller = await store.run_write(partial(erasure.caller_of, caller_hash=theirs[0][0]))
    assert caller.contacts == ("c1", "c3") and caller.encrypted_numbers == (theirs[0][1], theirs[2][1])
    change = redaction.without_caller({theirs[0][0]: "f" * 32}, lambda box: keys.decrypt_number(box) == "+905321112233")
    assert await erasure.redact_caller(store, change, caller.contacts, house.now) == 3
    assert await store.run_write(partial(erasure.blank_rows, ids=caller.contacts)) == 2
    one = recording_rows.Recording("20251125-0123456789abcdef", "c1", "call", "edu", None, 1.0, 2.0, 3.0, "x.alaw",
                               "k", "b")
    await store.run_write(partial(recording_rows.add_recording, one=one))
    assert await store.run_write(partial(recording_rows.find_recordings,
        wanted=recording_rows.RecordingFilter(due=3.0, contact="c1"))) == [one]
    assert await store.run_write(partial(recording_rows.remove_rows, ids=[one.id])) == 1
    for rebuild in (False, True):
        assert await (store.rewrite_file() if rebuild else store.empty_log())
    await store.close()
    with Reader(where) as reader:
        text_of = repr((reader.journal_after(0), reader.facts_after(0), reader.load_state()))
    assert theirs[0][0] not in text_of and theirs[0][1] not in text_of and theirs[2][1] not in text_of
    assert theirs[1][0] in text_of and theirs[1][1] in text_of


async def test_one_contact_is_found_among_all(where: str) -> None:
    heard = RecordingEngine()
    heard.handle(e.Configured(Centre((EDU,), ())), 1.0)
    for name, at in (("17.1", 100.0), ("17.2", 200.0), ("18_1", 300.0)):
        heard.handle(e.MenuEnded(ContactId(name), "ana", ("ana",), "queued", 5.0), at)
        heard.handle(e.ContactQueued(ContactId(name), EDU.id, caller_hash="h"), at)
    heard.handle(e.MenuEnded(ContactId("19.1"), "ana", ("ana",), "abandoned", 5.0), 400.0)
    heard.handle(e.CallerHungUp(ContactId("17.1")), 500.0)
    heard.take_facts()
    store = await Store.open_store(where)
    await store.take_lease("a")
    await store.commit(Turn(heard.entries, heard.happened, heard.changes.take()))
    await store.close()
    with Reader(where) as reader, reader.open_snapshot() as ask:
        assert [one.contact for one in contact_history.find_contacts(ask, "17", 9)] == ["17.1", "17.2"]
        assert len(contact_history.find_contacts(ask, "1", 2)) == 2 and not contact_history.find_contacts(ask, "1_", 9)
        (one,) = contact_history.find_contacts(ask, "17.1", 9)
        assert (one.name, one.outcome, one.changed_at) == ("17.1", Outcome.ABANDONED, 500.0)
        assert contact_history.facts_of(ask, one.name, one.queued_at, one.changed_at) == [
            fact for fact in heard.happened if getattr(fact, "contact", "") == "17.1"]
        assert [one.contact for one in contact_history.contacts_of_caller(ask, "h", 300.0)] == ["17.2", "17.1"]
        assert [one.contact for one in contact_history.find_menu_paths(ask, "19")] == ["19.1"]
        assert (contact_history.start_before(ask, 3), contact_history.start_before(ask, 0)) == (1, None)


async def test_people_and_sessions_are_kept_as_on_sqlite(where: str) -> None:
    store = await Store.open_store(where)
    ayse = Person("ayse", "Ayşe", (Role.ADMIN, Role.SUPERVISOR), disabled=False)
    try:
        await store.run_write(lambda connection: person_rows.put_person(connection, ayse, "code", 100.0))
        assert await store.run_query(person_rows.load_people) == [ayse]
        assert await store.run_query(person_rows.read_changes) == "1"
        used = [await store.run_write(partial(person_rows.use_code, person="ayse", code="code", password="p", at=at))
                for at in (100.0, 99.0, 98.0)]
        assert used == [False, True, False], "too late, in time, and a second time"
        rows = [SessionRow(f"s{at}", "ayse", float(at), 1000.0, None) for at in range(person_rows.SESSIONS_MAX + 1)]
        over = [await store.run_write(partial(person_rows.add_session, row=row, password="p")) for row in rows]
        assert over == [[]] * person_rows.SESSIONS_MAX + [["s0"]]
        for at in range(person_rows.BROWSERS_MAX + 1):
            await store.run_write(partial(person_rows.remember_browser, person="ayse", browser=f"b{at}", at=float(at)))
        known = [await store.run_query(partial(person_rows.is_known_browser, person="ayse", browser=browser))
                 for browser in ("b0", "b1", f"b{person_rows.BROWSERS_MAX}")]
        assert known == [False, True, True]
        ended = await store.run_write(lambda connection: person_rows.disable_person(connection, "ayse", 50.0))
        assert ended == person_rows.SESSIONS_MAX
        refused = await store.run_write(partial(person_rows.add_session, row=rows[0], password=None))
        assert refused is None
    finally:
        await store.close()
