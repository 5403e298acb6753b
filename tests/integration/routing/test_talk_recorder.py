"""Which talks are recorded, and when none is: the node's half of the decision, and what it does with the files."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from routing import talk_recorder
from routing.core.model.centre_model import AnswerMode, OfferState
from routing.core.model.commands import Offer
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.live_calls import LiveOffer
from routing.store.audit import Audit
from routing.store.errors import StoreUnavailable
from routing.store.recordings import recording_rows
from routing.store.recordings.recording_rows import RecordingFilter
from routing.store.recordings.recording_store import DAY_S, RecordingStore
from routing.store.store import Store
from routing.talk_recorder import TalkRecorder

pytestmark = pytest.mark.integration

CONTACT = ContactId("1764000000.17")
LIVE = LiveOffer(OfferId(12), CONTACT, AgentId("a1"), SeatId("2001"), OfferState.ACCEPTED, True, "o12-1764000000.17")


def offer(service: str) -> Offer:
    return Offer(OfferId(12), CONTACT, "PJSIP/trunk-1", AgentId("a1"), SeatId("2001"), ServiceId(service), service,
                 20.0, AnswerMode.MANUAL, False, 5.0)


class House(NamedTuple):
    recorder: TalkRecorder
    store: Store
    spool: Path
    live: list[LiveOffer]
    now: list[float]

    def talk(self, name: str) -> Path:
        path = self.spool / f"{name}.alaw"
        path.write_bytes(b"\xd5" * 16_000)
        os.utime(path, (time.time() - 60.0,) * 2)
        return path

    async def rows(self) -> list[recording_rows.Recording]:
        return await self.store.run_write(lambda connection: recording_rows.find_recordings(connection,
            RecordingFilter()))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store, live, now = await Store.open_store(tmp_path / "santral.db"), [LIVE], [time.time()]
    vault = RecordingStore(tmp_path / "recordings", tmp_path / "spool", tmp_path / "secrets" / "keys.json", store,
                  keep_days=90.0, private=["psikososyal"])
    recorder = TalkRecorder(vault, lambda: live, ["destek", "psikososyal"], Audit(tmp_path), lambda: now[0])
    yield House(recorder, store, vault.spool, live, now)
    await vault.close()
    await store.close()


async def test_only_the_services_that_are_wished_for_and_never_a_private_one(house: House) -> None:
    assert house.recorder.file(offer("destek")) == "call-destek-1764000000.17~o12"
    assert house.recorder.file(offer("temsilci")) == house.recorder.file(offer("psikososyal")) == ""
    house.recorder.vault.private = frozenset({"destek"})  # as a reload may say
    assert house.recorder.file(offer("destek")) == ""


async def test_a_talk_is_sealed_when_its_leg_is_gone(house: House) -> None:
    path = house.talk(house.recorder.file(offer("destek")))
    await house.recorder.sweep_spool()
    assert path.exists() and await house.rows() == []
    house.live.clear()
    await house.recorder.sweep_spool()
    assert not path.exists()
    assert [one.contact for one in await house.rows()] == [CONTACT]
    assert house.recorder.done == {"kept": 1, "destroyed": 0, "failed": 0}


async def test_trouble_ends_new_recordings_and_its_end_lets_them_begin_again(
        house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def troubled(word: str) -> None:
        await house.recorder.sweep_spool()
        assert word in house.recorder.trouble
        assert house.recorder.file(offer("destek")) == ""

    house.live.clear()
    path = house.talk("call-destek-1764000000.17~o11")
    with monkeypatch.context() as patch:
        patch.setattr("routing.store.recordings.recording_store.encrypt_pieces", _full)
        await troubled("1 files could not be sealed")
    assert path.exists()
    with monkeypatch.context() as patch:
        patch.setattr(house.recorder.vault, "sweep_spool", _busy)
        await troubled("does not answer")
    with monkeypatch.context() as patch:
        patch.setattr(talk_recorder, "_free_share", lambda vault: talk_recorder.SPOOL_RESERVE / 2)
        await troubled("5% of")
    house.spool.rename(house.spool.with_name("away"))
    await troubled("No such file")
    house.spool.with_name("away").rename(house.spool)
    await house.recorder.sweep_spool()
    assert house.recorder.trouble == "" and house.recorder.file(offer("destek"))


def _full(*_: object) -> None:
    raise OSError(28, "No space left on device")


async def _busy(*_: object) -> None:
    raise StoreUnavailable("busy", "256 calls already wait for the database, which does not answer")


async def test_what_is_over_is_destroyed_and_noted(house: House, tmp_path: Path) -> None:
    house.live.clear()
    house.talk("call-destek-1764000000.17~o11")
    await house.recorder.sweep_spool()
    await house.recorder.purge_expired()
    assert len(await house.rows()) == 1 and list(Audit(tmp_path).read_entries()) == []
    house.now[0] += 91 * DAY_S
    await house.recorder.purge_expired()
    assert await house.rows() == []
    [entry] = Audit(tmp_path).read_entries()
    assert (entry.who, entry.what, entry.about) == ("node", "purging", {"counts": {"recordings": 1}})


async def test_nothing_is_destroyed_that_cannot_be_noted(house: House, tmp_path: Path) -> None:
    house.live.clear()
    house.talk("call-destek-1764000000.17~o11")
    await house.recorder.sweep_spool()
    record = tmp_path / "audit.jsonl"
    record.write_text("no line of a record\n")
    house.now[0] += 91 * DAY_S
    await house.recorder.purge_expired()
    assert len(await house.rows()) == 1 and record.read_text() == "no line of a record\n"
    record.unlink()
    await house.recorder.purge_expired()
    assert await house.rows() == [] and len(list(Audit(tmp_path).read_entries())) == 1
