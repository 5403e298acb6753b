"""Announcements over a real socket: heard once by everybody whom they concern, and in nobody's way."""

from __future__ import annotations

import pytest

from ivr.caller.announcements import Announcement
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.integration.ivr_node import Start

pytestmark = pytest.mark.integration

EVERYBODY = Announcement(5, "", path="/sounds/tr/duyuru/5", slow_path="/sounds/tr/duyuru/5-yavas")
OF_EDU = Announcement(6, "uzaktan_egitim", prompt="merkez-kapali")


async def test_an_announcement_is_heard_in_the_menu_with_the_next_sentence_and_by_who_waits_once(start: Start) -> None:
    on: list[Announcement] = []
    inbox = FakeInbox(contact_view(UNIQUEID))
    port = await start(inbox, announced=lambda: on)
    dialler = Dialler(port, "menu", "ana", by_file={"ana-menu-2": "2"})
    played = dialler.played
    dialler.at_file["karsilama"] = lambda: on.extend((EVERYBODY, OF_EDU))  # somebody switches them on
    await dialler.call()
    assert played == ["karsilama", "5", "ana-menu-1", "ana-menu-2"]
    assert dialler.words == ["secildi-uzaktan-egitim", "merkez-kapali"]
    assert dialler.variables["SC_ANNOUNCED"] == "5,6"
    waits = Dialler(port, "tick", variables=dict(dialler.variables))
    await waits.call()
    assert "duyuru/5" not in waits.variables.get("ACD_SAY", "") and "merkez" not in waits.variables.get("ACD_SAY", "")
    on.append(EVERYBODY._replace(id=7, path="/sounds/tr/duyuru/7"))
    for heard in (True, False):
        waits = Dialler(port, "tick", variables=dict(dialler.variables))
        await waits.call()
        assert waits.variables.get("ACD_SAY", "").startswith("/sounds/tr/duyuru/7") is heard


async def test_a_key_ends_an_announcement_and_answers_the_menu(start: Start) -> None:
    dialler = Dialler(await start(FakeInbox(contact_view(UNIQUEID)), announced=lambda: [EVERYBODY]), "menu", "ana",
                      by_file={"5": "4"})
    await dialler.call()
    assert dialler.played[0] == "5" and "ana-menu-1" not in dialler.played
    assert dialler.variables["SC_SERVICE"] == "gorus_oneri"
