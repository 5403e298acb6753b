"""A full disk: the reserve of a node gives its room to those who write, once, and comes back with the room."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from routing.store.disk_reserve import FILE, LOW_BYTES, REFILL_BYTES, RESERVE_BYTES, DiskReserve
from routing.store.errors import StoreUnavailable
from routing.store.store import Store
from tests.fakes.store_day import Day
from tests.integration.routing.store.test_loss import check_whole
from tests.until import until_async

pytestmark = pytest.mark.integration

DISK_BYTES = REFILL_BYTES + 8 * 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)],
                          capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(disk: Path) -> None:
    with (disk / "full").open("ab", buffering=0) as file:
        for size in (1024 * 1024, 4096, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


async def test_a_commit_on_a_full_disk_takes_the_reserve_and_is_written_once(disk: Path) -> None:
    reserve = DiskReserve(disk)
    reserve.look()
    assert (disk / FILE).stat().st_blocks * 512 >= RESERVE_BYTES, "the file has no holes"
    store = await Store.open_store(disk / "santral.db", make_room=reserve.make_room)
    day = Day()
    fill(disk)
    for number in range(20):
        day.queue(f"c{number}")
        await store.commit(day.turn(events=20))
    assert not (disk / FILE).exists()
    await store.run_write(lambda _connection: None)
    await store.close()
    await check_whole(disk / "santral.db", day)


async def test_with_the_reserve_used_up_the_store_says_so(disk: Path) -> None:
    reserve = DiskReserve(disk)
    reserve.look()
    store = await Store.open_store(disk / "santral.db", make_room=reserve.make_room)
    fill(disk)
    reserve.look()
    assert not (disk / FILE).exists(), "the look alone gives the room away, for others who write there"
    fill(disk)
    day = Day()
    with pytest.raises(StoreUnavailable) as caught:
        for number in range(1000):
            day.queue(f"c{number}")
            await store.commit(day.turn(events=20))
    assert caught.value.kind == "full"
    await store.close()


async def test_the_watch_gives_away_and_takes_again(disk: Path) -> None:
    watch = asyncio.create_task(DiskReserve(disk).watch_disk())
    await until_async(lambda: (disk / FILE).exists(), what="the reserve is made")
    fill(disk)
    await until_async(lambda: not (disk / FILE).exists(), what="the reserve is given away")
    (disk / "full").unlink()
    await until_async(lambda: (disk / FILE).exists(), what="the reserve is made again")
    watch.cancel()
    await asyncio.wait([watch])
    assert not (disk / FILE).exists(), "nobody is there any more who would give it away"


def test_a_disk_with_little_room_keeps_it(disk: Path) -> None:
    (disk / "other").write_bytes(bytes(DISK_BYTES - REFILL_BYTES + LOW_BYTES))
    reserve = DiskReserve(disk)
    reserve.look()
    assert not (disk / FILE).exists()
    assert reserve.make_room(), "without a reserve the answer is whether there is room"


def test_a_folder_that_is_gone_harms_nobody(tmp_path: Path) -> None:
    reserve = DiskReserve(tmp_path / "gone")
    reserve.look()
    assert not reserve.make_room()
