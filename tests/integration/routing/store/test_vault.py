"""The vault: what goes in plain comes out the same and lies nowhere plain; what may not be kept is destroyed; a crash
at any point loses nothing and leaves nothing."""

from __future__ import annotations

import os
import struct
import time
import wave
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pytest

from routing.store.errors import DamagedRecording, KeyFileError, StoreUnavailable
from routing.store.recordings import recording_rows, recording_store
from routing.store.recordings.recording_keys import RecordingKeys
from routing.store.recordings.recording_rows import Recording, RecordingFilter
from routing.store.recordings.recording_store import (
    ABANDONED_S,
    DAY_S,
    SWEEP_MAX,
    UNCHANGED_S,
    PlainFile,
    RecordingStore,
    SweepCounts,
)
from routing.store.recordings.sound_file import CHUNK, remove_plain
from routing.store.store import Store

pytestmark = pytest.mark.integration

CONTACT = "asterisk-1764000000.17"
SPOKEN = b"\x2a\x55SOMETHING THAT WAS SAID\xd5" * 3000
"""Samples that can be found again: 78 000 bytes, more than one piece."""


class House(NamedTuple):
    vault: RecordingStore
    store: Store
    folder: Path
    spool: Path
    keys: Path

    def talk(self, name: str = f"call-destek-{CONTACT}~o12.alaw", samples: bytes = SPOKEN, age_s: float = 60.0) -> Path:
        path = self.spool / name
        path.write_bytes(samples)
        at = time.time() - age_s
        os.utime(path, (at, at))
        return path

    async def rows(self) -> list[Recording]:
        return await self.store.run_write(lambda connection: recording_rows.find_recordings(connection,
            RecordingFilter()))

    async def heard(self, one: Recording) -> bytes:
        return b"".join([piece async for piece in self.vault.read_wav(one)])

    def files(self) -> list[Path]:
        return sorted(path for path in self.folder.rglob("*") if path.is_file())

    def traces(self) -> list[Path]:
        """Files in which what was said can be read."""
        return [path for place in (self.folder, self.spool) for path in place.rglob("*")
                if path.is_file() and b"SOMETHING" in path.read_bytes()]


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    spool = tmp_path / "spool"
    spool.mkdir()
    store = await Store.open_store(tmp_path / "santral.db")
    keys = tmp_path / "secrets" / "recordings.json"
    kept = RecordingStore(tmp_path / "recordings", spool, keys, store, keep_days=90.0,
                 private=["psikososyal"])
    yield House(kept, store, tmp_path / "recordings", spool, keys)
    await kept.close()
    await store.close()


def nobody(_: PlainFile) -> bool:
    return False


async def test_a_name_that_no_talk_has_ends_nothing(house: House) -> None:
    for name in (f"call-destek-{CONTACT}~o{'9' * 23}.alaw", "call-destek-\udcff~o1.alaw"):
        house.talk(name, age_s=ABANDONED_S + 60.0)
    assert await house.vault.sweep_spool(nobody) == SweepCounts(destroyed=2)
    assert not list(house.spool.iterdir()) and not await house.rows()


async def test_a_link_in_the_spool_leads_to_no_file_of_ours(house: House, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    ours.write_bytes(SPOKEN)
    link = house.spool / f"call-destek-{CONTACT}~o12.alaw"
    link.symlink_to(ours)
    assert not await house.vault.store_file(link, CONTACT, "call", "destek")
    assert not await house.rows()
    remove_plain(link)
    assert ours.read_bytes() == SPOKEN and not link.is_symlink()


async def test_a_talk_comes_out_as_a_wav_and_lies_nowhere_plain(house: House, tmp_path: Path) -> None:
    path = house.talk()
    assert await house.vault.store_file(path, CONTACT, "call", "destek")
    (one,) = await house.rows()
    assert (one.contact, one.kind, one.service, one.source) == (CONTACT, "call", "destek", path.name)
    assert one.seconds == len(SPOKEN) / 8000
    assert one.keep_until == one.at + 90 * DAY_S
    sound = await house.heard(one)
    assert sound.endswith(SPOKEN)
    assert struct.unpack_from("<HHI", sound, 20) == (6, 1, 8000)  # A-law, one channel, 8 kHz
    assert int.from_bytes(sound[4:8], "little") == len(sound) - 8
    assert not path.exists()
    assert house.traces() == []
    (file,) = house.files()
    assert file == house.vault.file_of(one.id)
    assert {entry.stat().st_mode & 0o777 for entry in (file, file.parent, house.folder)} == {0o600, 0o700}


async def test_a_message_comes_out_as_it_was_whatever_its_header_says(house: House, tmp_path: Path) -> None:
    path = house.spool / f"message-destek-{CONTACT}~0a.wav"
    samples = bytes(range(256)) * 200
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(samples)
    whole = path.read_bytes()
    path.write_bytes(whole[:4] + b"\0\0\0\0" + whole[8:40] + b"\0\0\0\0" + whole[44:])  # its writer was killed
    assert await house.vault.store_file(path, CONTACT, "message", "destek")
    (one,) = await house.rows()
    (tmp_path / "out.wav").write_bytes(await house.heard(one))
    with wave.open(str(tmp_path / "out.wav")) as file:
        assert file.getparams()[:4] == (1, 2, 8000, len(samples) // 2)
        assert file.readframes(len(samples)) == samples


async def test_every_length_comes_out_whole(house: House) -> None:
    for length in (8000, CHUNK - 58, CHUNK - 57, CHUNK, 2 * CHUNK - 58, 3 * CHUNK + 1):
        name = f"call-destek-{CONTACT}~o{length}.alaw"
        samples = os.urandom(length)
        assert await house.vault.store_file(house.talk(name, samples), CONTACT, "call", "destek")
        one = await house.store.run_write(partial(recording_rows.by_source, source=name))
        assert one is not None
        assert (await house.heard(one)).endswith(samples)


async def test_private_services_and_what_is_no_sound_are_destroyed(house: House) -> None:
    for name, samples in ((f"call-psikososyal-{CONTACT}~o1.alaw", SPOKEN), (f"call-destek-{CONTACT}~o2.alaw", b""),
                          (f"call-destek-{CONTACT}~o3.alaw", b"x" * 7999), (f"message-destek-{CONTACT}~a.wav", SPOKEN),
                          (f"message-destek-{CONTACT}~b.mp3", SPOKEN)):
        path = house.talk(name, samples)
        assert not await house.vault.store_file(path, CONTACT, *path.name.split("-")[:2])
        assert not path.exists()
    assert await house.rows() == []
    assert house.files() == []


async def test_a_file_that_was_changed_cut_or_exchanged_is_not_heard(house: House) -> None:
    await house.vault.store_file(house.talk(), CONTACT, "call", "destek")
    await house.vault.store_file(house.talk(f"call-destek-{CONTACT}~o13.alaw"), CONTACT, "call", "destek")
    first, second = await house.rows()
    file, other = house.vault.file_of(first.id), house.vault.file_of(second.id)
    sealed = file.read_bytes()
    for wrong in (sealed[:-1], sealed[:len(sealed) // 2] + b"\0" + sealed[len(sealed) // 2 + 1:],
                  sealed[:8 + CHUNK + 16], b"x" + sealed[1:], sealed + b"\0", b"", other.read_bytes()):
        file.write_bytes(wrong)
        with pytest.raises(DamagedRecording, match=first.id):
            await house.heard(first)
    file.write_bytes(sealed)
    assert (await house.heard(first)).endswith(SPOKEN)


async def test_the_key_of_a_file_opens_for_its_own_recording_only(house: House) -> None:
    await house.vault.store_file(house.talk(), CONTACT, "call", "destek")
    (one,) = await house.rows()
    for wrong in (one._replace(id=one.id[:-1] + "x"), one._replace(key_encrypted=one.key_encrypted[:-4] + "AAA="),
                  one._replace(key_id="other"), one._replace(key_encrypted="ş")):
        with pytest.raises(KeyFileError, match="recording"):
            house.vault.keys.decrypt_key(wrong.id, wrong.file_key)


async def test_the_sweep_takes_in_what_is_whole_and_leaves_what_is_not(house: House) -> None:
    live = house.talk(f"call-destek-{CONTACT}~o1.alaw")
    grows = house.talk(f"call-destek-{CONTACT}~o2.alaw", age_s=UNCHANGED_S - 2)
    house.talk(f"call-destek-{CONTACT}~o3.alaw")
    asked = house.talk(f"message-destek-{CONTACT}~abc.alaw", age_s=ABANDONED_S - 20)
    house.talk(f"survey-destek-{CONTACT}~abd.alaw", age_s=ABANDONED_S + 20)
    fresh = house.talk("something.else", age_s=ABANDONED_S - 20)
    house.talk("something.old", age_s=ABANDONED_S + 20)
    house.talk(f"call-psikososyal-{CONTACT}~o4.alaw")
    (house.spool / "link.alaw").symlink_to("/etc/hostname")
    assert await house.vault.sweep_spool(lambda plain: plain.rest == "o1") == SweepCounts(kept=2, destroyed=2)
    assert {one.source for one in await house.rows()} == {f"call-destek-{CONTACT}~o3.alaw",
                                                         f"survey-destek-{CONTACT}~abd.alaw"}
    assert {path.name for path in house.spool.iterdir()} == {live.name, grows.name, asked.name, fresh.name, "link.alaw"}


async def test_one_look_is_at_so_many_and_the_next_one_the_rest(house: House) -> None:
    for number in range(SWEEP_MAX + 1):
        house.talk(f"call-destek-{CONTACT}~o{number}.alaw", b"too short")
    assert (await house.vault.sweep_spool(nobody)).destroyed == SWEEP_MAX
    assert (await house.vault.sweep_spool(nobody)).destroyed == 1


class Killed(BaseException):
    """The process is gone: nothing of ours runs any more."""


def killed(*_: object, **__: object) -> None:
    raise Killed


async def test_a_crash_at_any_point_loses_nothing_and_leaves_nothing(house: House) -> None:
    for number, (place, name) in enumerate(((recording_store, "encrypt_pieces"), (recording_store, "_add_row"),
            (RecordingStore, "_finish_file"),
                                            (recording_store, "remove_plain"))):
        path = house.talk(f"call-destek-{CONTACT}~o{number}.alaw")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(place, name, killed)
            with pytest.raises(Killed):
                await house.vault.store_file(path, CONTACT, "call", "destek")
        assert path.exists()
        again = RecordingStore(house.folder, house.spool, house.keys, house.store, keep_days=90.0, private=[])
        await again.finish_drafts()
        await again.sweep_spool(nobody)
        await again.close()
        rows = await house.rows()
        assert len(rows) == number + 1
        assert not path.exists()
        assert house.files() == sorted(house.vault.file_of(one.id) for one in rows)
        for one in rows:
            assert (await house.heard(one)).endswith(SPOKEN)


async def test_a_commit_of_unknown_outcome_is_settled_at_the_next_start(house: House) -> None:
    path = house.talk()

    def unknown(connection: object, **_: object) -> None:
        raise StoreUnavailable("gone", "the server went away in the commit")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording_store, "_add_row", unknown)
        assert not await house.vault.store_file(path, CONTACT, "call", "destek")
    assert path.exists()
    assert len(house.files()) == 1
    await house.vault.finish_drafts()
    assert house.files() == []
    assert await house.vault.sweep_spool(nobody) == SweepCounts(kept=1)


async def test_without_space_the_plain_file_stays_for_the_next_look(house: House) -> None:
    path = house.talk()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording_store, "encrypt_pieces", full)
        assert await house.vault.sweep_spool(nobody) == SweepCounts(failed=1)
    assert path.exists()
    assert house.files() == []
    assert await house.vault.sweep_spool(nobody) == SweepCounts(kept=1)


async def test_without_keys_no_look_leaves_anything(house: House) -> None:
    """Put back from a backup with a mode that others can read: each look had left one more sealed copy of each talk."""
    path = house.talk()
    good = house.keys.read_bytes()
    house.keys.unlink()
    house.keys.write_bytes(good)
    house.keys.chmod(0o644)
    for _ in range(3):
        assert await house.vault.sweep_spool(nobody) == SweepCounts(failed=1)
    assert house.files() == [] and path.exists()
    house.keys.chmod(0o600)
    assert await house.vault.sweep_spool(nobody) == SweepCounts(kept=1) and not path.exists()


async def test_what_is_destroyed_is_gone_from_folder_and_rows(house: House) -> None:
    for number in range(3):
        await house.vault.store_file(house.talk(f"call-destek-{CONTACT}~o{number}.alaw"), CONTACT, "call", "destek")
    rows = await house.rows()
    assert await house.vault.destroy_recordings(rows[:2]) == 2
    assert await house.vault.destroy_recordings(rows[:2]) == 0
    assert await house.rows() == rows[2:]
    assert house.files() == [house.vault.file_of(rows[2].id)]
    assert await house.vault.destroy_recordings(rows) == 1
    assert [path.name for path in house.folder.rglob("*")] == [recording_store.DRAFT]


async def test_another_key_seals_and_the_older_one_opens_until_it_is_forgotten(house: House) -> None:
    await house.vault.store_file(house.talk(), CONTACT, "call", "destek")
    (one,) = await house.rows()
    keys = RecordingKeys.add_key(house.keys)
    assert keys.newest != one.key_id
    key = keys.decrypt_key(one.id, one.file_key)
    await house.store.run_write(lambda connection: recording_rows.replace_file_keys(connection,
        [(one.id, keys.encrypt_key(one.id, key))]))
    assert await house.store.run_write(lambda connection: recording_rows.recordings_with_other_keys(connection,
        keys.newest)) == []
    RecordingKeys.drop_other_keys(house.keys, keys.newest)
    with pytest.raises(KeyFileError, match="not in the key file"):
        house.vault.keys.decrypt_key(one.id, one.file_key)
    (one,) = await house.rows()
    assert (await house.heard(one)).endswith(SPOKEN)


async def test_no_name_leads_out_of_the_folder(house: House) -> None:
    for name in ("../../secrets/tokens.json", "20251125-../../etc", "", "20251125-0123456789abcdeg"):
        with pytest.raises(ValueError, match="no id"):
            house.vault.file_of(name)
