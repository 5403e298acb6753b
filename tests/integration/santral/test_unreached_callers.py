"""A callback that ends without its caller: a short message, in their language, and none to who has refused."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from routing.core import events as e
from routing.core.model.ids import ContactId
from routing.store.callers.number_keys import NumberKeys
from routing.store.store import Store
from santral.node.unreached_callers import LEAF, UnreachedCallers
from tests.core.house import EDU, House
from tests.fakes.store_day import Turn
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration

MOBILE, FIXED = "+905321234567", "+903124131234"


@pytest.mark.parametrize(("number", "language", "why", "words"), [
    (MOBILE, "", "no_answer", "ulaşamadık"), (MOBILE, "en", "busy", "could not reach you"),
    (FIXED, "", "no_answer", ""), (MOBILE, "", "refused", "")])
async def test_an_unreached_caller_is_told(tmp_path: Path, number: str, language: str, why: str, words: str) -> None:
    keys = NumberKeys.load_or_create(tmp_path / "numbers.json")
    digest, box = keys.encrypt_number(number)
    told = House({"a": 50}, services=(EDU._replace(callback_tries=2, callback_retry_s=60.0),))
    told.waits("edu", 10.0, caller_hash=digest, number_encrypted=box, language=language)
    told.tell(e.CallbackRequested(ContactId("c1")), 11.0)
    told.tell(e.CallerHungUp(ContactId("c1")), 12.0)
    told.sits("a", at=13.0)
    for at in (14.0, 100.0):
        told.tick(at - 0.5)
        told.tell(e.CallbackAccepted(told.offers[-1].offer), at)
        told.tell(e.CallbackFailed(told.offers[-1].offer, why), at + 5.0)
    store = await Store.open_store(tmp_path / "santral.db")
    await store.take_lease("test")
    await store.commit(Turn([], told.facts, told.changes.take()))
    asked: list[tuple[str, ...]] = []
    looked = asyncio.Event()

    async def request(*wanted: str) -> str:
        asked.append(wanted)
        return "taken"

    def decrypt(found: str) -> str:
        looked.set()
        return keys.decrypt_number(found)

    UnreachedCallers(store, request, decrypt, lambda: "4440632").note_facts(told.facts)
    if why == "refused":
        assert not asyncio.all_tasks() - {asyncio.current_task()} or not looked.is_set()
    else:
        await asyncio.wait_for(looked.wait(), LIMIT_S)
        await until_async(lambda: bool(asked) is bool(words))
    await store.close()
    assert [(one[:2], one[2] == digest, words in one[4] and "4440632" in one[4]) for one in asked] == (
        [(("c1", LEAF), True, True)] if words else [])
