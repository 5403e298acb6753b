"""Ways out of a queue over a real socket: the reason that is heard, the question, and where each key leads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from ivr.agi.server import FastAgi
from ivr.caller.contact_events import ContactEvents
from ivr.caller.voice_message import VoiceMessages
from ivr.opening_words import opening_prompts
from ivr.routes.callback_dialogue import CallbackDialogue
from ivr.routes.way_out import WayOutDialogue
from ivr.settings import HoldSettings, IvrSettings
from ivr.sounds import SoundFolder
from prompts.text_reader import read_texts
from prompts.verbalise import number_prompts
from routing.core.events import CallbackRequested, ContactExited, Event
from routing.core.inbox import ContactView
from routing.core.model.centre_model import Service, Trigger, WayOut
from routing.core.model.ids import ContactId, ServiceId
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.integration.ivr_node import Start, answering, said, seal, tick

pytestmark = pytest.mark.integration

ZONE = ZoneInfo("Europe/Istanbul")
NOW = datetime(2026, 11, 25, 20, 0, tzinfo=ZONE)
Call = Callable[..., Awaitable[tuple[Dialler, FakeInbox]]]


def led(trigger: Trigger, way: WayOut, **more: Any) -> ContactView:
    return contact_view(UNIQUEID, service="genel", **more)._replace(led_by=trigger, way_out=way)


def takes(event: Event) -> ContactView:
    return contact_view(UNIQUEID, service="genel")._replace(callback=isinstance(event, CallbackRequested))


@pytest.fixture
def call(tmp_path: Path) -> Call:
    async def keep(sound: Path, contact: ContactId, kind: str, service: ServiceId) -> bool:
        return True

    async def begin(trigger: Trigger, way: WayOut, answer_s: int = 5, **more: Any) -> tuple[Dialler, FakeInbox]:
        inbox = FakeInbox(takes)
        inbox.contacts = [(led(trigger, way),)]
        contacts = ContactEvents((Service(ServiceId("genel"), "Genel", ()),), "genel", IvrSettings(
            messages=frozenset({"genel"}),
            waits={"genel": HoldSettings(reasons={"waited": "bekleme-teselli-1"})}), seal)
        sounds = SoundFolder("/sounds", read_texts().keys() | {number_prompts.PAUSE})
        callbacks = CallbackDialogue(inbox, sounds, contacts, NOW.timestamp)
        server = FastAgi("127.0.0.1", 0)
        server.add_route("callback", WayOutDialogue(
            callbacks, VoiceMessages(sounds, contacts, tmp_path, keep),
            lambda service: datetime(2026, 11, 26, 9, 0, tzinfo=ZONE), count(0, answer_s).__next__).lead_out)
        variables = {"SC_NUMBER": "05321234567", "SC_OFFERED": trigger.value}
        async with answering(server) as port:
            return await Dialler(port, "callback", variables=variables, **more).call(), inbox

    return begin


async def test_who_waits_for_nobody_is_asked_and_called_back(call: Call) -> None:
    dialler, inbox = await call(Trigger.NOBODY, WayOut.CALLBACK, by_file={"kural-arayalim": "1",
                                                                        "geri-arama-dogru-mu": "1"})
    assert dialler.played[:3] == ["kural-kimse-yok", "kural-arayalim", "geri-arama-numara"]
    assert any(isinstance(event, CallbackRequested) for event in inbox.events)
    assert dialler.variables["ACD_NEXT"] == "bye"


async def test_who_declines_waits_on_and_hears_the_rules_own_sentence(call: Call) -> None:
    dialler, inbox = await call(Trigger.WAITED, WayOut.MESSAGE, by_file={"kural-mesaj": "2"})
    assert dialler.played == ["bekleme-teselli-1", "kural-mesaj"]
    assert dialler.variables["ACD_NEXT"] == "hold" and inbox.events == []


async def test_a_key_that_was_meant_for_the_menu_declines_nothing(call: Call) -> None:
    dialler, inbox = await call(Trigger.NOBODY, WayOut.CALLBACK, answer_s=1, by_file={
        "kural-kimse-yok": "2", "kural-arayalim": "1", "geri-arama-dogru-mu": "1"})
    assert dialler.played[:3] == ["kural-kimse-yok", "kural-kimse-yok", "kural-arayalim"]
    assert any(isinstance(event, CallbackRequested) for event in inbox.events)


async def test_a_closed_service_says_when_it_opens_and_takes_nobody(call: Call) -> None:
    dialler, inbox = await call(Trigger.CLOSED, WayOut.CALLBACK, by_file={"kural-arayalim-mi": "2"})
    assert dialler.played == ["hizmet-kapali", "kural-yarin", "saatte-bas", "saatte-9", "acilacak",
                              "kural-arayalim-mi"]
    assert dialler.variables["ACD_NEXT"] == "farewell" and dialler.variables["ACD_SAY"].endswith("/bekleme-veda")
    assert inbox.events == [ContactExited(ContactId(UNIQUEID), "rule", "closed")]


async def test_silence_is_no_answer_and_a_full_service_says_good_bye(call: Call) -> None:
    dialler, inbox = await call(Trigger.FULL, WayOut.MESSAGE)
    assert dialler.played == ["kural-dolu", "kural-mesaj-mi"] * 2
    assert inbox.events == [ContactExited(ContactId(UNIQUEID), "rule", "full")]


async def test_the_hold_loop_leads_out_at_once_then_again_only_after_a_while(start: Start) -> None:
    view = led(Trigger.NOBODY, WayOut.CALLBACK)
    port = await start(FakeInbox(view))
    first = await tick(port)
    assert (first.variables["ACD_NEXT"], first.variables["SC_OFFERED"]) == ("callback", "nobody") and said(first) == []
    assert (await tick(port)).variables["ACD_NEXT"] == "hold", "who declined is not asked at every tick"
    turned = await start(FakeInbox(led(Trigger.FULL, WayOut.CALLBACK)))
    assert [(await tick(turned)).variables["ACD_NEXT"] for _ in range(2)] == ["callback"] * 2


async def test_the_menu_hands_over_without_a_promise(start: Start) -> None:
    port = await start(FakeInbox(led(Trigger.NOBODY, WayOut.CALLBACK)))
    menu = await Dialler(port, "menu", "ana", by_file={"ana-menu-1": "3"}).call()
    assert (menu.variables["ACD_NEXT"], menu.variables["SC_OFFERED"]) == ("callback", "nobody")
    assert menu.variables.get("SC_ROUND_SAID", "") == ""
    bye = await start(FakeInbox(led(Trigger.NOBODY, WayOut.GOODBYE)._replace(farewell="bekleme-veda")))
    menu = await Dialler(bye, "menu", "ana", by_file={"ana-menu-1": "3"}).call()
    assert menu.variables["ACD_NEXT"] == "farewell" and said(menu) == ["bekleme-veda"]


@pytest.mark.parametrize(("opens", "words"), [
    (datetime(2026, 11, 25, 21, 30, tzinfo=ZONE),
     ["kural-bugun", "saatte-bas", "digits/20", "digits/1", "saatte-bucuk", "acilacak"]),
    (datetime(2026, 11, 26, 9, 0, tzinfo=ZONE), ["kural-yarin", "saatte-bas", "saatte-9", "acilacak"]),
    (datetime(2026, 11, 30, 8, 0, tzinfo=ZONE), ["kural-gun-1", "saatte-bas", "saatte-8", "acilacak"]), (None, [])])
def test_the_opening_is_said_by_its_day(opens: datetime | None, words: list[str]) -> None:
    assert opening_prompts(opens, NOW.timestamp(), "tr") == words
