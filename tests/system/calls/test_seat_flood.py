"""One seat that calls again and again, on a real Asterisk with few media ports: a caller in distress is answered."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import pytest

from asterisk_conf.conf_plan import ECHO_CODE, SEAT_CALLS
from lab import lifecycle
from lab.phones.network import PhoneBehaviour
from tests.fakes.sip_uac import Dialogue, Telephone, telephone
from tests.fakes.sip_websocket import PageLine
from tests.ministry import with_lines
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.system.web_person import add_person
from tests.until import until_async

pytestmark = pytest.mark.system

MEDIA_PORTS = 128
"""Ports of 64 calls: fewer than one seat tries to have."""
CALLS, ROUNDS = 70, 3
PAGE_CALLS = 200
BUSY = 486
TONE = 697


@pytest.fixture
def few_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycle, "MEDIA_PORTS", MEDIA_PORTS)


async def flood(phone: Telephone, seat: str, calls: int) -> list[Dialogue]:
    """Call the sound check again and again at the same time. Return all calls, when each has its answer."""
    me = f"<sip:{seat}@127.0.0.1>".encode()
    return list(await asyncio.gather(*(phone.call(ECHO_CODE.encode(), caller=me) for _ in range(calls))))


async def is_helped(stage: Stage, name: str) -> None:
    """A caller in distress calls, is answered and talks with the counsellor."""
    caller = await stage.hurried("1")
    await caller.wait_answered()
    person = next(one for one in stage.lab.people if one.id == name)
    await stage.reaches(person, "talking")
    await stage.hears_tone(caller, TONE)
    await caller.hang_up()
    await stage.reaches(person, "ready")


async def metric(stage: Stage, begin: str) -> float:
    async with aiohttp.ClientSession() as web, web.get(f"http://{stage.info.http}/metrics") as answer:
        page = await answer.text()
    return sum(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(begin))


def statuses(calls: Sequence[Dialogue]) -> Counter[int]:
    return Counter(one.status for one in calls)


async def test_70_calls_of_one_seat_leave_the_line_to_a_caller_in_distress(
        few_ports: None, new_lab: NewLab, tmp_path: Path) -> None:
    stage = Stage(await new_lab(centre=with_lines(tmp_path, 30, 10, 20)), tmp_path)
    name, other = plain("psikososyal", 2)
    await stage.agent(name, PhoneBehaviour("0.5", tone=TONE))
    seat = stage.info.seat_of(other)
    async with telephone(stage.info.sip) as phone:
        assert await phone.register(seat.endpoint, seat.secret) == 200
        for _ in range(ROUNDS):
            # 1. The seat has as many calls as a person can have, and is told busy for all others.
            calls = await flood(phone, seat.endpoint, CALLS)
            assert statuses(calls) == {200: SEAT_CALLS, BUSY: CALLS - SEAT_CALLS}
            # 2. A person in distress is answered meanwhile, and helped.
            await is_helped(stage, name)
            await asyncio.gather(*(call.bye() for call in calls))

        # 3. The count is given back, and the operator sees the flood.
        async def is_free() -> bool:
            call, = await flood(phone, seat.endpoint, 1)
            await call.bye()
            return call.status == 200

        await until_async(is_free, what="the seat may call again")
    async def is_counted() -> bool:
        return await metric(stage, "acd_seat_calls_refused_total") >= ROUNDS * (CALLS - SEAT_CALLS)

    await until_async(is_counted, what="the refused calls in the metrics")


async def test_200_calls_of_a_page_leave_the_line_to_a_caller_in_distress(
        few_ports: None, new_lab: NewLab, tmp_path: Path) -> None:
    stage = Stage(await new_lab(centre=with_lines(tmp_path, 30, 10, 20)), tmp_path)
    name, other = plain("psikososyal", 2)
    await stage.agent(name, PhoneBehaviour("0.5", tone=TONE))
    headers = await add_person(stage.lab, other)
    async with aiohttp.ClientSession(headers=headers) as web, web.post(
            f"http://{stage.info.http}/api/v1/agents/{other}/phone", json={}) as answer:
        phone = await answer.json()
    async with PageLine(stage.info.http, phone["seat"], phone["secret"], "/phone", headers) as page:
        assert (await page.register()).startswith("SIP/2.0 200 ")
        calling = asyncio.create_task(page.call(ECHO_CODE, PAGE_CALLS))
        await is_helped(stage, name)
        await calling
        await until_async(lambda: page.calls.total() >= PAGE_CALLS, what=f"an answer to each call, {page.calls}")
        # A call that has ended gives place to a later one, so more than three may have been answered in all.
        assert page.most_open == SEAT_CALLS and set(page.calls) == {200, BUSY}, page.calls
        await is_helped(stage, name)
    assert await metric(stage, 'acd_seat_calls_refused_total{by="page"}') == page.calls[BUSY]


async def test_a_seat_that_acknowledges_no_refusal_holds_no_ports(
        few_ports: None, new_lab: NewLab, tmp_path: Path) -> None:
    stage = Stage(await new_lab(centre=with_lines(tmp_path, 30, 10, 20)), tmp_path)
    name, other = plain("psikososyal", 2)
    await stage.agent(name, PhoneBehaviour("0.5", tone=TONE))
    seat = stage.info.seat_of(other)
    async with telephone(stage.info.sip) as phone:
        phone.acknowledges = False
        assert await phone.register(seat.endpoint, seat.secret) == 200
        calls = await flood(phone, seat.endpoint, CALLS)
        assert statuses(calls)[200] == SEAT_CALLS
        await is_helped(stage, name)
