"""An older node works with what a newer release has written: it loses nothing, says it once, and erases all or nothing.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from routing.core.journal import JournalError, decode_event, decode_fact, encode_record, field_names
from routing.core.model.facts import Ended, Offered, Queued
from routing.core.stored import Started
from routing.store.audit import Audit
from routing.store.callers.redaction import redact_entry
from routing.store.errors import StoreUnavailable
from routing.store.kinds import KINDS, NUMBERS
from routing.store.migrate import HEAD
from routing.store.reader import Reader
from routing.store.recordings.recording_store import DAY_S
from routing.store.start_entry import complete_start, shorten_start
from santral.centre.config import node_config
from santral.node.nightly_purge import NightlyPurge
from santral.privacy.caller_data import PurgeResult
from tests.ministry import MEB
from tests.privacy_house import NUMBER, OTHER, House, opened

pytestmark = pytest.mark.integration

NEWER = len(KINDS)
"""Number of a kind that the next release adds."""
EXTENDED = len(field_names("ContactQueued"))
"""Place of a field that the next release adds."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "state") as one:
        yield one


async def change(house: House, statement: str, **values: Any) -> None:
    await house.store.run_write(lambda connection: connection.execute(text(statement), values) and None)


async def last_queued(house: House) -> tuple[int, str]:
    """Return number and text of the journal entry of the last call."""
    [(seq, body)] = await house.rows(f"select seq, body from journal where kind = {NUMBERS['ContactQueued']} "
                                     "order by seq desc limit 1")
    return seq, body


async def write_as_newer(house: House, how: str) -> None:
    """Let the last call be written by the release after this one, which keeps the caller somewhere else too."""
    seq, body = await last_queued(house)
    if how == "kind":
        await change(house, "update journal set kind = :kind where seq = :seq", kind=NEWER, seq=seq)
    elif how == "field":
        values = json.loads(body)
        values += [None] * (EXTENDED - len(values)) + ["somebody"]
        await change(house, "update journal set body = :body where seq = :seq", body=json.dumps(values), seq=seq)
    elif how == "start":
        await house.node.start()
        [(seq, body)] = await house.rows(f"select seq, body from journal where kind = {NUMBERS['Started']} "
                                         "and personal order by seq desc limit 1")
        await change(house, "update journal set body = :body where seq = :seq",
                     body=json.dumps(json.loads(body) | {"mail_addresses": ["somebody"]}), seq=seq)
    else:
        await change(house, "update alembic_version set version_num = '9001'")
        await change(house, f"update meta set value = '9001 {HEAD}' where key = 'oldest_code'")


@pytest.mark.parametrize(("how", "words"), [
    ("kind", rf"entry \d+ of the journal: its kind {NEWER} is not known here"),
    ("field", rf"entry \d+ of the journal: field {EXTENDED + 1} of ContactQueued is not known here"),
    ("start", r"entry \d+ of the journal: mail_addresses of Started is not known here"),
    ("tables", r"the tables are of 9001, this version knows \d+")])
async def test_an_erasure_that_cannot_be_complete_is_refused_before_it_begins(
        house: House, how: str, words: str) -> None:
    theirs = await house.node.call(NUMBER)
    await house.record(theirs)
    await write_as_newer(house, how)
    before = await house.rows("select * from journal"), await house.rows("select * from contacts")
    with pytest.raises(StoreUnavailable, match=words) as caught:
        await house.privacy.erase_caller(await house.privacy.by_number(NUMBER))
    assert caught.value.kind == "newer" and "with the newer version" in str(caught.value)
    # Nothing was done, and nothing says that it was.
    assert (await house.rows("select * from journal"), await house.rows("select * from contacts")) == before
    assert not list(Audit(house.state).read_entries()) and house.bytes_of(house.node.keys.encrypt_number(NUMBER)[0])
    # A caller of whom the newer release has written nothing is erased, unless the tables are newer.
    if how in ("kind", "field"):
        house.node.now += 3600.0
        other = await house.node.call(OTHER)
        assert (await house.privacy.erase_caller(await house.privacy.by_number(OTHER))).counts["contacts"] == 1
        assert (await house.privacy.by_contact(other)) is not None


async def test_a_purge_leaves_newer_entries_to_the_newer_release_and_says_so_once(house: House) -> None:
    for _ in range(3):
        await house.node.call(NUMBER)
    seq, body = await last_queued(house)
    await write_as_newer(house, "kind")
    [(personal,)] = await house.rows("select count(*) from journal where personal")
    house.privacy._clock = lambda: time.time() + 70 * DAY_S
    # 1. All others are redacted. The newer one keeps text and mark.
    assert (await house.privacy.purge_due(60.0, 90.0, 90.0, 90.0)).unknown == 1 and personal > 1
    assert await house.rows("select seq, body from journal where personal") == [(seq, body)]
    assert next(one for one in Audit(house.state).read_entries() if one.what == "purged").about["unknown"] == 1
    # 2. The newer release knows the kind and finds the entry.
    await change(house, "update journal set kind = :kind where seq = :seq", kind=NUMBERS["ContactQueued"], seq=seq)
    assert (await house.privacy.purge_due(60.0, 90.0, 90.0, 90.0)).unknown == 0
    assert await house.rows("select count(*) from journal where personal") == [(0,)]


async def test_the_purge_of_a_night_says_what_stays(house: House) -> None:
    async def purge(*_: float) -> PurgeResult:
        return PurgeResult([], settled=True, unknown=3)

    night = NightlyPurge(house.store, purge, lambda: node_config(MEB).settings, time.time, lambda: None)
    with capture_logs() as logs:
        await night.purge_once()
    assert [one["entries"] for one in logs if one["event"] == "privacy.newer_entries_kept"] == [3]


async def test_facts_of_newer_kinds_are_skipped_and_named_once(house: House) -> None:
    for _ in range(4):
        await house.node.call(NUMBER)
    facts = house.facts()
    await change(house, "update facts set kind = :kind where kind = :old", kind=NEWER, old=NUMBERS["Queued"])
    with capture_logs() as logs:
        left = house.facts()
    assert left == [fact for fact in facts if not isinstance(fact, Queued)]
    [line] = [one for one in logs if one["event"] == "store.fact_unreadable"]
    assert line["kind"] == str(NEWER) and "a newer Santral wrote it" in line["why"]
    # A replay cannot compare what it does not know, and says where.
    await change(house, "update journal set kind = :kind where kind = :old", kind=NEWER, old=NUMBERS["ContactQueued"])
    with Reader(house.state / "santral.db") as reader, pytest.raises(JournalError, match=r"entry \d+: a newer Santral"):
        reader.journal_after(0)


def test_a_fact_with_more_fields_is_read_and_an_event_is_not() -> None:
    fact = Ended(1, 2.0, "c1", 1, "canceled", "edu", "voice", "left", 3.0, 0, 1, "")  # type: ignore[arg-type]
    whole = decode_fact(*encode_record(fact), 1, 2.0)
    assert decode_fact("Ended", json.dumps([*fact[2:], None, "planted"]), 1, 2.0) == whole
    # Records inside a fact may have grown as well.
    assert isinstance(decode_fact("Queued", json.dumps(
        ["c1", 1, "edu", "voice", 1.0, 0, 1, "", "", False, "", [1.0, 2.0, 3.0, "planted"]]), 1, 2.0), Queued)
    with pytest.raises(JournalError, match="no more than"):
        decode_event("CallerHungUp", '["c1", null, false, false, "planted"]')
    with pytest.raises(JournalError, match="not known here"):
        redact_entry("CallerErased", '["h", "planted"]', lambda _, value: value)
    assert Offered.__name__ in KINDS


def test_starts_of_two_releases_are_shortened_against_each_other() -> None:
    new = json.loads(encode_record(Started(None))[1])  # type: ignore[arg-type]
    base = {name: value for name, value in new.items() if name != "abuse_flags"}
    # 1. The base is of an older release without this list.
    assert json.loads(complete_start(json.loads(shorten_start(new, base, 7)), base)) == new
    # 2. A list that only the newer release has was shortened.
    with pytest.raises(JournalError, match="mails is not known here"):
        complete_start({"base": 7, "shifted": {"mails": [1, []]}}, base)
