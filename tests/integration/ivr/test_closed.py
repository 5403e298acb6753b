"""A centre and services that are closed, over a real socket: who hears it, who is answered all the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from ivr.flow.menu_model import End
from routing.core.events import ContactQueued
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.fakes.menu import closing
from tests.integration.ivr_node import Start

pytestmark = pytest.mark.integration

CLOSED = "kapali"
"""The entry of callers who find the centre closed."""


def at_night(start: Start, inbox: FakeInbox, *, open_now: Callable[[], bool] = lambda: False,
             straight: bool = False) -> Awaitable[int]:
    """A node whose centre closes. `straight`: its closed entry is an end."""
    flow = closing()
    if straight:
        end = End("kapali-son", ("karsilama", "merkez-kapali"))
        flow = flow._replace(entries={"ana": "ana-menu", CLOSED: end.name}, nodes={**flow.nodes, end.name: end})
    return start(inbox, flow, entry_now=lambda entry: entry if open_now() else CLOSED)


async def test_a_closed_centre_says_so_and_good_bye(start: Start) -> None:
    inbox = FakeInbox()
    dialler = await Dialler(await at_night(start, inbox, straight=True), "menu", "ana").call()
    assert dialler.played == ["karsilama", "merkez-kapali"]
    assert dialler.commands[-1] == 'SET VARIABLE "ACD_NEXT" "bye"' and inbox.events == [], "no contact: nobody waited"
    assert "SC_SERVICE" not in dialler.variables


async def test_who_asked_for_slow_speech_hears_the_end_slowly(start: Start) -> None:
    port = await at_night(start, FakeInbox(), straight=True)
    dialler = await Dialler(port, "menu", "ana", variables={"SC_SLOW": "1"}).call()
    assert dialler.played == ["karsilama-yavas", "merkez-kapali-yavas"] and dialler.variables["ACD_NEXT"] == "bye"


async def test_distress_is_answered_while_the_centre_is_closed(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = await Dialler(await at_night(start, inbox), "menu", "ana", by_file={"ana-menu-1": "1"}).call()
    assert (dialler.played, dialler.words) == (["karsilama", "ana-menu-1"], ["secildi-psikososyal"])
    assert dialler.variables["ACD_NEXT"] == "hold"
    assert [event.service for event in inbox.events if isinstance(event, ContactQueued)] == ["psikososyal"]


async def test_closing_touches_nobody_who_waits(start: Start) -> None:
    is_open = True
    inbox = FakeInbox(contact_view(UNIQUEID), None, contact_view(UNIQUEID))
    port = await at_night(start, inbox, open_now=lambda: is_open)
    dialler = await Dialler(port, "menu", "ana", by_file={"ana-menu-0": "0"}).call()
    assert dialler.variables["ACD_NEXT"] == "hold"
    is_open = False
    again = await Dialler(port, "tick", "", variables=dict(dialler.variables)).call()
    assert again.variables["ACD_NEXT"] == "hold"
    assert isinstance(inbox.events[-1], ContactQueued) and inbox.events[-1].service == "temsilci"
    late = await Dialler(port, "menu", "ana").call()
    assert late.played[:3] == ["karsilama", "ana-menu-1", "merkez-kapali"], "who comes in now hears it"


async def test_a_closed_service_leads_back_to_the_menu(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = Dialler(await start(inbox, is_open=lambda service: service != "uzaktan_egitim"), "menu", "ana",
                      by_file={"ana-menu-2": "2", "ana-menu-4": "4"})
    await dialler.call()
    assert dialler.played[3:6] == ["hizmet-kapali", "ana-menu-1", "ana-menu-2"]
    assert dialler.variables["SC_SERVICE"] == "gorus_oneri" and dialler.variables["ACD_NEXT"] == "hold"
    queued = [event for event in inbox.events if isinstance(event, ContactQueued)]
    assert [event.service for event in queued] == ["gorus_oneri"]


async def test_who_chooses_only_closed_services_comes_to_a_person(start: Start) -> None:
    dialler = Dialler(await start(FakeInbox(contact_view(UNIQUEID)), is_open=lambda service: False), "menu", "ana")
    dialler.always = {"ana-menu-2": "2"}
    await dialler.call()
    assert dialler.variables["SC_SERVICE"] == "temsilci" and dialler.played.count("hizmet-kapali") > 10


OPENS = datetime(2030, 1, 7, 8, 30, tzinfo=ZoneInfo("Europe/Istanbul"))
"""A Monday."""


async def test_a_closed_service_says_when_it_opens(start: Start) -> None:
    asked: list[str] = []

    def opens_at(service: str) -> datetime:
        asked.append(service)
        return OPENS

    port = await start(FakeInbox(contact_view(UNIQUEID)), is_open=lambda service: service != "uzaktan_egitim",
                       opens_at=opens_at)
    dialler = await Dialler(port, "menu", "ana", by_file={"ana-menu-2": "2", "ana-menu-4": "4"}).call()
    assert [said.removeprefix("digits/") for said in dialler.played[3:9]] == [
        "hizmet-kapali", "kural-gun-1", "saatte-bas", "8", "saatte-bucuk", "acilacak"]
    assert asked == ["uzaktan_egitim"] and dialler.variables["SC_SERVICE"] == "gorus_oneri"


@pytest.mark.parametrize("straight", [True, False])
async def test_a_closed_centre_says_when_it_opens(start: Start, straight: bool) -> None:
    port = await at_night(partial(start, opens_at=lambda service: None if service else OPENS), FakeInbox(),
                          straight=straight)
    dialler = await Dialler(port, "menu", "ana").call()
    at = dialler.played.index("merkez-kapali")
    assert [said.removeprefix("digits/") for said in dialler.played[at + 1:at + 6]] == [
        "kural-gun-1", "saatte-bas", "8", "saatte-bucuk", "acilacak"]
