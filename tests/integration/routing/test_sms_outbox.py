"""Short messages from the request to the gateway: taken, sent once, tried again, expired, over a restart; and no number
anywhere."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from routing.sms import outbox as module
from routing.sms.gateway import GatewayPlan, SmsGateway
from routing.sms.outbox import SmsLimits, SmsOutbox
from routing.store import sms_messages
from routing.store.audit import Audit
from routing.store.callers.number_keys import NumberKeys
from routing.store.sms_messages import CALLER_MAX, WAITING_MAX, RequestVerdict
from routing.store.store import Store
from santral.privacy.caller_data import search_files
from tests.fakes.sms_gateway import FakeGateway, answer, gateway, silent
from tests.until import until_async

pytestmark = pytest.mark.integration

NUMBER, OTHER, TEXT = "+905321234567", "+905321234568", "Uzaktan eğitim: https://mebim.meb.gov.tr"
LIMITS = SmsLimits(per_minute=1000, repeat_after_s=3600.0, expires_s=600.0)


class Clock:
    """Unix seconds that a test moves."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


class House:
    """A state folder and a gateway; nodes come and go."""

    def __init__(self, folder: Path, there: FakeGateway) -> None:
        self.folder, self.there, self.clock = folder, there, Clock()
        self.keys = NumberKeys.load_or_create(folder / "numbers.json")

    @asynccontextmanager
    async def node(self, limits: SmsLimits = LIMITS, timeout_s: float = 10.0) -> AsyncIterator[SmsOutbox]:
        """One that runs."""
        store = await Store.open_store(self.folder / "santral.db")
        plan = GatewayPlan(self.there.url, "json", "to", "text", "plus", {}, {}, None, None, timeout_s)
        outbox = SmsOutbox(store, SmsGateway(plan), limits, self.keys.decrypt_number, Audit(self.folder), self.clock)
        task = asyncio.create_task(outbox.send_forever())
        self.store = store
        try:
            yield outbox
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
            await store.close()

    async def ask(self, outbox: SmsOutbox, number: str = NUMBER, leaf: str = "uzaktan-egitim") -> RequestVerdict:
        return await outbox.request_message("1.1", leaf, *self.keys.encrypt_number(number), TEXT)

    async def rows(self) -> list[sms_messages.SmsMessage]:
        digest, _ = self.keys.encrypt_number(NUMBER)
        return await self.store.run_write(lambda connection: sms_messages.messages_of_callers(connection, [digest]))

    async def over(self, outbox: SmsOutbox, **done: int) -> None:
        await until_async(lambda: done == {key: value for key, value in outbox.done.items() if key != "refused"},
                          what=f"{done}, not {outbox.done}")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A look every moment: the clock of the tests does not go by itself."""
    monkeypatch.setattr(module, "SWEEP_S", 0.05)


async def test_a_message_goes_once_and_the_number_goes_with_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]
                                                               ) -> None:
    async with gateway() as there:
        house = House(tmp_path, there)
        async with house.node() as outbox:
            assert await house.ask(outbox) is RequestVerdict.TAKEN
            await house.over(outbox, sent=1)
            assert there.asked == [{"to": NUMBER, "text": TEXT}]
            await until_async(lambda: outbox.waiting == 0, what="nothing waits")
            [row] = await house.rows()
            assert (row.state, row.number_encrypted, row.text, row.tries) == ("sent", "", "", 1)
            assert await house.ask(outbox) is RequestVerdict.ALREADY_SENT and outbox.done["refused"] == 1
            house.clock.now += LIMITS.repeat_after_s + 1.0
            await until_async(lambda: forgotten(house), what="it is forgotten")
            assert await house.ask(outbox) is RequestVerdict.TAKEN
            await house.over(outbox, sent=2)
            await house.store.rewrite_file()
        lines = [entry.about for entry in Audit(tmp_path).read_entries()]
    assert [(one["result"], one["contact"], one["leaf"]) for one in lines] == [("sent", "1.1", "uzaktan-egitim")] * 2
    assert search_files(tmp_path, [NUMBER[3:].encode()]) == [] and NUMBER[3:] not in capsys.readouterr().out


async def test_what_was_not_taken_is_tried_again_later_and_later(tmp_path: Path) -> None:
    async with gateway(answer(503), answer(429), answer(200)) as there:
        house = House(tmp_path, there)
        async with house.node() as outbox:
            assert await house.ask(outbox) is RequestVerdict.TAKEN
            for tries, rest in ((1, 5.0), (2, 10.0)):
                await until_async(lambda: len(there.asked) == tries, what=f"try {tries}")  # noqa: B023
                row = (await until_waiting(house))[0]
                assert row.next_at - house.clock.now == rest and await house.ask(outbox) is RequestVerdict.ALREADY_SENT
                house.clock.now = row.next_at
            await house.over(outbox, sent=1)
    assert len(there.asked) == 3


async def until_waiting(house: House) -> list[sms_messages.SmsMessage]:
    async def look() -> bool:
        return all(row.state == "waiting" for row in await house.rows())
    await until_async(look, what="it waits again")
    return await house.rows()


async def test_what_nobody_takes_expires_and_may_be_asked_for_again(tmp_path: Path) -> None:
    async with gateway(answer(503)) as there:
        house = House(tmp_path, there)
        async with house.node() as outbox:
            await house.ask(outbox)
            await until_async(lambda: there.asked, what="it is tried")
            await until_waiting(house)
            house.clock.now += LIMITS.expires_s
            await house.over(outbox, expired=1)
            [row] = await house.rows()
            assert (row.state, row.number_encrypted, row.text) == ("expired", "", "")
            assert await house.ask(outbox) is RequestVerdict.TAKEN


@pytest.mark.parametrize("do", [answer(400), silent], ids=["refused", "nobody knows"])
async def test_what_was_refused_or_may_have_gone_is_not_tried_again(tmp_path: Path, do: object) -> None:
    async with gateway(do) as there:  # type: ignore[arg-type]
        house = House(tmp_path, there)
        async with house.node(timeout_s=1.0) as outbox:
            await house.ask(outbox)
            await house.over(outbox, failed=1)
            house.clock.now += 300.0
            assert [row.state for row in await house.rows()] == ["failed"]
        assert len(there.asked) == 1
        assert [entry.about["result"] for entry in Audit(tmp_path).read_entries()] == ["failed"]


async def test_it_survives_a_restart_and_what_was_under_way_is_not_sent_twice(tmp_path: Path) -> None:
    async with gateway(silent, answer(200)) as there:
        house = House(tmp_path, there)
        async with house.node() as outbox:
            await house.ask(outbox)
            await until_async(lambda: there.asked, what="it is under way")
        async with house.node() as outbox:
            await house.over(outbox, failed=1)
            assert len(there.asked) == 1
            there.does = [answer(503)]
            await house.ask(outbox, leaf="temsilci")
            await until_async(lambda: len(there.asked) == 2, what="it is tried")
            await until_async(lambda: waits(house), what="it waits")
        there.does = [answer(200)]
        house.clock.now += 30.0
        async with house.node() as outbox:
            await house.over(outbox, sent=1)
    assert [one["text"] for one in there.asked] == [TEXT] * 3


async def forgotten(house: House) -> bool:
    return not await house.rows()


async def waits(house: House) -> bool:
    return any(row.state == "waiting" for row in await house.rows())


async def test_nobody_can_bother_a_number_or_flood_the_gateway(tmp_path: Path) -> None:
    async with gateway(answer(503)) as there:
        house = House(tmp_path, there)
        async with house.node(LIMITS._replace(per_minute=CALLER_MAX + 2)) as outbox:
            verdicts = [await house.ask(outbox, leaf=f"leaf-{number}") for number in range(CALLER_MAX + 1)]
            assert verdicts == [RequestVerdict.TAKEN] * CALLER_MAX + [RequestVerdict.REFUSED]
            others = [await house.ask(outbox, f"+90532000000{number}") for number in range(3)]
            assert others == [RequestVerdict.TAKEN, RequestVerdict.TAKEN, RequestVerdict.REFUSED], "the minute is full"
            house.clock.now += 61.0
            assert await house.ask(outbox, OTHER) is RequestVerdict.TAKEN
            assert outbox.done["refused"] == 2


async def test_the_outbox_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms_messages, "WAITING_MAX", 4)
    assert WAITING_MAX == 500
    store = await Store.open_store(tmp_path / "santral.db")
    keys = NumberKeys.load_or_create(tmp_path / "numbers.json")
    plan = GatewayPlan("http://127.0.0.1:9/", "json", "to", "text", "plus", {}, {}, None, None, 1.0)
    outbox = SmsOutbox(store, SmsGateway(plan), LIMITS, keys.decrypt_number, Audit(tmp_path), Clock())
    try:
        verdicts = [await outbox.request_message("1.1", "temsilci", *keys.encrypt_number(f"+9053200000{number:02d}"),
            TEXT)
                    for number in range(5)]
        assert verdicts == [RequestVerdict.TAKEN] * 4 + [RequestVerdict.REFUSED]
    finally:
        await store.close()
    assert await outbox.request_message("1.1", "temsilci", *keys.encrypt_number(NUMBER),
        TEXT) is RequestVerdict.REFUSED, "a store that is gone"
