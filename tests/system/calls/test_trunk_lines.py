"""Lines of the carrier on a real Asterisk, in small: kept before the answer, moved by the key, given back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import pytest

from lab.phones.leg import Leg
from tests.ministry import with_lines
from tests.system.conftest import NewLab
from tests.system.stage import Stage
from tests.until import until_async

pytestmark = pytest.mark.system

TOTAL, KEPT, MOST = 12, 4, 6
COMMON, CRISIS = "4440632", "4440183"
BUSY = 17


async def held(stage: Stage, **wanted: int) -> None:
    """Wait until the metrics show these lines by class."""
    seen: Mapping[str, float] = {}

    async def there() -> bool:
        nonlocal seen
        async with aiohttp.ClientSession() as web, web.get(f"http://{stage.info.http}/metrics") as answer:
            page = await answer.text()
        seen = {line.partition('"')[2].partition('"')[0]: float(line.rpartition(" ")[2])
                for line in page.splitlines() if line.startswith("acd_lines{")}
        return all(seen.get(name) == count for name, count in wanted.items())

    try:
        await until_async(there, 30, f"lines {wanted}")
    except AssertionError as error:
        raise AssertionError(f"{error}: {seen}") from None


async def call(stage: Stage, number: str, press: str = "", count: int = 1) -> list[Leg]:
    """Let callers ring at once. Return the legs that were answered; the others were told busy."""
    legs = [await stage.network.place_call(number, press=press, record=stage.folder / f"{number}-{index}.wav")
            for index in range(count)]
    for leg in legs:
        await leg.answered.wait()
    refused = [leg for leg in legs if not leg.was_answered]
    assert all(leg.cause == BUSY for leg in refused), [leg.describe_moments() for leg in refused if leg.cause != BUSY]
    return [leg for leg in legs if leg.was_answered]


async def test_lines_are_kept_for_distress_and_given_back(new_lab: NewLab, tmp_path: Path) -> None:
    stage = Stage(await new_lab(centre=with_lines(tmp_path, TOTAL, KEPT, MOST)), tmp_path)
    # 1. A flood on the common number: exactly total - kept are answered, all others are busy.
    others = await call(stage, COMMON, count=30)
    assert len(others) == TOTAL - KEPT
    await held(stage, all=TOTAL - KEPT, other=TOTAL - KEPT, psikososyal=0)
    # 2. The crisis number takes the lines kept for it, and no more than there are.
    crisis = await call(stage, CRISIS, count=10)
    assert len(crisis) == KEPT
    await stage.counts("psikososyal", KEPT)
    await held(stage, all=TOTAL, psikososyal=KEPT)
    # 3. A hang-up gives the line back to its class alone.
    await crisis[0].hang_up()
    await held(stage, all=TOTAL - 1, psikososyal=KEPT - 1)
    assert not await call(stage, COMMON)
    # 4. A caller who keys distress is counted there at once, and the place is free for another call.
    await others[0].press_keys("1")
    await stage.counts("psikososyal", KEPT)
    await held(stage, all=TOTAL - 1, psikososyal=KEPT, other=TOTAL - KEPT - 1)
    assert len(await call(stage, COMMON)) == 1
    # 5. Nothing is left after the last hang-up.
    for leg in stage.network.calls.values():
        await leg.hang_up()
    await held(stage, all=0, psikososyal=0, other=0)


async def test_the_crisis_number_has_a_most_and_says_who_helps_beyond_it(new_lab: NewLab, tmp_path: Path) -> None:
    stage = Stage(await new_lab(centre=with_lines(tmp_path, TOTAL, KEPT, MOST)), tmp_path)
    first = await call(stage, CRISIS, count=MOST)
    assert len(first) == MOST
    await held(stage, psikososyal=MOST)
    # 1. The next one is answered, hears the emergency text and is the only one to end.
    late, = await call(stage, CRISIS)
    await held(stage, words=1, psikososyal=MOST)
    await late.wait_ended()
    stage.heard(late, "acil-destek")
    assert not any(leg.ended.is_set() for leg in first)
    # 2. A caller of the common number who keys distress is never turned away.
    keyed, = await call(stage, COMMON, "1@1s,1@2s,1@3s")
    await stage.counts("psikososyal", MOST + 1)
    await asyncio.sleep(1)
    assert not keyed.ended.is_set()
    await held(stage, words=0, psikososyal=MOST + 1)
