"""The answers of a suspended node over a real socket: they lead on, they comfort, and they decide nothing."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ivr import suspended_dialogues
from ivr.dialogues import Dialogues
from ivr.suspended_dialogues import SuspendedDialogues
from routing.core.model.centre_model import ContactState
from routing.core.model.ids import ContactId
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.integration.ivr_node import NOW, SETTINGS, Serve, answering, said, tick
from tests.until import until_async

pytestmark = pytest.mark.integration

EMERGENCY = "bekleme-siradaki"
"""A sound of the node that stands for the emergency numbers."""
TALKS: dict[str, bool] = {"cut.1": True, "served.1": False}


async def was_lost(contact: ContactId) -> bool | None:
    """Return what Asterisk says of these talks."""
    return TALKS.get(contact)


class Suspended:
    """A node that has just been suspended, with a steady clock of the test."""

    def __init__(self, before: Dialogues) -> None:
        self.now = 1_000.0
        self.inbox = before.entry.inbox
        self.dialogues = SuspendedDialogues(before, was_lost, lambda: self.now)


@pytest.fixture
def inbox() -> FakeInbox:
    return FakeInbox(contact_view(UNIQUEID, position=3, service="temsilci"))


@pytest.fixture
async def suspended(serve: Serve, inbox: FakeInbox) -> Suspended:
    waits = {**SETTINGS.waits, "psikososyal": replace(SETTINGS.waits["psikososyal"], emergency=EMERGENCY)}
    return Suspended(await serve(inbox, settings=replace(SETTINGS, comfort_s=60, waits=waits)))


async def test_a_new_caller_goes_through_the_menu_and_is_held_with_a_place(
        suspended: Suspended, inbox: FakeInbox) -> None:
    async with answering(suspended.dialogues.server) as port:
        menu = await Dialler(port, "menu", "ana", by_file={"ana-menu-2": "2"}).call()
        assert (menu.variables["ACD_NEXT"], menu.variables["SC_SERVICE"]) == ("hold", "uzaktan_egitim")
        assert float(menu.variables["SC_SINCE"]) == NOW
        assert menu.words and "menu-ozur" not in (*menu.words, *menu.played), "nobody is told sorry"
        assert "SC_ROUND_SAID" not in menu.variables, "the hold loop asks by itself"
        first = await tick(port, **menu.variables)
        assert (said(first), first.variables["ACD_NEXT"]) == (["bekleme-ilk"], "hold")
        assert "SC_SINCE" not in "".join(first.commands[1:]), "the place stays as it is"
        again = await tick(port, **menu.variables)
        assert (said(again), again.variables["ACD_NEXT"]) == ([], "hold")
        suspended.now += 60.0
        assert said(await tick(port, **menu.variables)) == ["bekleme-teselli-3"], "nothing is said of agents"
        suspended.now += 60.0
        assert said(await tick(port, **menu.variables)) == ["bekleme-teselli-1"]
    assert not inbox.events and not inbox.passed, "the engine hears nothing"


async def test_a_caller_who_waited_before_hears_comfort_in_their_own_way(suspended: Suspended) -> None:
    async with answering(suspended.dialogues.server) as port:
        slow = {"SC_SERVICE": "temsilci", "SC_SINCE": "1795569000.000", "SC_SLOW": "1"}
        first = await tick(port, **slow)
        assert (said(first), first.variables["ACD_NEXT"]) == (["bekleme-teselli-3-yavas"], "hold")
        pressed = await tick(port, "3", **slow)
        assert (said(pressed), pressed.variables["ACD_NEXT"]) == ([], "hold"), "no callback is promised now"
        # A caller without a choice keeps the age from now on.
        unknown = await tick(port)
        assert float(unknown.variables["SC_SINCE"]) == NOW and unknown.variables["ACD_NEXT"] == "hold"


async def test_a_caller_in_distress_hears_the_emergency_numbers_at_once(suspended: Suspended) -> None:
    waits = {"SC_SERVICE": "psikososyal", "SC_SINCE": "1795569000.000"}
    async with answering(suspended.dialogues.server) as port:
        assert said(await tick(port, **waits)) == [EMERGENCY, "acil-tekrar"]
        assert said(await tick(port, **waits)) == []
        assert said(await tick(port, "1", **waits)) == [EMERGENCY, "acil-tekrar"]
        suspended.now += suspended_dialogues.EMERGENCY_EVERY_S
        assert said(await tick(port, **waits)) == [EMERGENCY, "acil-tekrar"]


async def test_a_talk_that_ended_leads_where_asterisk_showed(suspended: Suspended) -> None:
    async with answering(suspended.dialogues.server) as port:
        ends = {name: (await Dialler(port, "after-talk", uniqueid=name).call()).variables.get("ACD_NEXT", "")
                for name in (*TALKS, "unknown.1")}
    assert ends == {"cut.1": "hold", "served.1": "bye", "unknown.1": ""}


async def test_what_was_under_way_decides_nothing_but_its_menu_goes_on(serve: Serve) -> None:
    """An answer after a talk that began before the lease ended came a second after it, and led to the survey."""
    talks = contact_view(UNIQUEID, service="temsilci", state=ContactState.ASSIGNED)
    inbox = FakeInbox()
    inbox.contacts = [(talks,)]
    before = await serve(inbox)
    port = before.server.address[1]
    menu = Dialler(port, "menu", "ana", by_file={"ana-menu-2": "2"}, uniqueid="new.1")
    menu.pause_s = 0.1
    calls = [asyncio.create_task(menu.call())]
    await until_async(lambda: bool(menu.commands), what="the menu is under way")
    calls.append(asyncio.create_task(Dialler(port, "after-talk").call()))
    await until_async(lambda: before.server.counters.accepted == len(calls), what="the other one too")
    suspended = Suspended(before)
    before.server.stop()
    _, after_talk = await asyncio.gather(*calls)
    assert "ACD_NEXT" not in after_talk.variables
    await until_async(lambda: before.server.counters.stale == 1, what="it is counted")
    assert menu.variables["ACD_NEXT"] == "hold" and suspended.dialogues.before is before.server


@pytest.mark.parametrize("route", suspended_dialogues.UNANSWERED)
async def test_a_question_that_decides_something_gets_no_answer(suspended: Suspended, route: str) -> None:
    async with answering(suspended.dialogues.server) as port:
        assert (await Dialler(port, route, "s").call()).commands == []
    assert suspended.dialogues.server.counters.unrouted == 0


async def test_no_more_callers_are_remembered_than_can_wait(
        serve: Serve, inbox: FakeInbox) -> None:
    settings = replace(SETTINGS, comfort_s=60, callers_most=2)
    suspended = Suspended(await serve(inbox, settings=settings))
    waits = {"SC_SERVICE": "temsilci", "SC_SINCE": "1795569000.000"}
    async with answering(suspended.dialogues.server) as port:
        async def comforted(name: str) -> bool:
            return bool(said(await Dialler(port, "tick", "", variables=dict(waits), uniqueid=name).call()))

        assert [await comforted(name) for name in ("a.1", "a.1", "b.1", "c.1", "a.1")] == [
            True, False, True, True, True], "the oldest was forgotten"
