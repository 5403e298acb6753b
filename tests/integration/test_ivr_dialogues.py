"""The dialogues over a real socket: what is heard, what the engine is told, what the dialplan finds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from ivr import after_talk, app, codes, hold, waiting
from ivr.agi.server import FastAgi
from ivr.announcement import Announcement
from ivr.config import DISTRESS, USUAL, IvrSettings
from ivr.flow.model import End
from ivr.hush import Silence
from ivr.sounds import Folder
from routing.core.errors import NotNow, NotSignedIn, SeatTaken, UnknownSeat, UnknownService
from routing.core.events import (
    AgentPaused,
    AgentResumed,
    AgentSignedIn,
    AgentSignedOut,
    CallbackReached,
    ContactQueued,
    ContactTicked,
    PlaceDeclined,
    WrapUpEnded,
    WrapUpExtended,
)
from routing.core.ids import AgentId, ContactId, ServiceId
from routing.core.inbox import ContactView, InboxClosed
from routing.core.model import ContactState, Estimate, Service
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, agent_view, contact_view
from tests.fakes.menu import PROMPTS, closing, example
from tests.until import until_async

pytestmark = pytest.mark.integration

NOW = 1_795_569_100.25
KEYS = {*PROMPTS, *(f"sira-{n}" for n in range(1, 51)), *(f"{key}-yavas" for key in PROMPTS)}
SERVICES = [Service(ServiceId(name), name, (), anonymous=name == "psikososyal")
            for name in ("psikososyal", "uzaktan_egitim", "ihbar_sikayet", "gorus_oneri", "temsilci")]
WAITS = {"psikososyal": replace(DISTRESS, first="bekleme-ilk", comfort=USUAL.comfort),
         "temsilci": replace(USUAL, callback_key="3")}
Start = Callable[..., Awaitable[int]]


async def verify(agent: AgentId, pin: str) -> bool:
    return (agent, pin) == ("a1001", "4321")


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    running: list[tuple[FastAgi, asyncio.Task[None]]] = []

    async def begin(inbox: FakeInbox, **more: Any) -> int:
        server = app.Dialogues(inbox, example(), Folder("/sounds", KEYS),
                               IvrSettings(node="one", comfort_s=0, place_s=0, waits=WAITS),
                               seal=lambda number: (f"hash{number}", f"box{number}"), verify_pin=verify,
                               agent_by_number=lambda number: AgentId(f"a{number}") if number == "1001" else None,
                               services=SERVICES, port=0, clock=lambda: NOW, **more).server
        running.append((server, asyncio.create_task(server.run())))
        await server.listening()
        return server.address[1]

    yield begin
    for server, task in running:
        assert server.counters.failed == 0
        server.stop()
        await asyncio.wait_for(task, 5)


async def test_the_menu_ends_in_the_queue(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = Dialler(await start(inbox), "menu", "ana", variables={"SC_NUMBER": "05321234567"},
                      by_file={"ana-menu-2": "2"})
    await dialler.call()
    assert dialler.played == ["karsilama", "kayit-bilgisi", "ana-menu-1", "ana-menu-2", "secildi-uzaktan-egitim"]
    assert dialler.waited == [800, 800]
    assert inbox.events == [ContactQueued(UNIQUEID, "uzaktan_egitim", leg="PJSIP/trunk-0000000e", since=NOW,
                                          caller_hash="hash+905321234567", caller_box="box+905321234567", node="one")]
    assert dialler.commands[-1] == 'SET VARIABLE "ACD_NEXT" "hold"', "the last act"
    assert ('SET VARIABLE "ARRAY(__SC_SERVICE,__SC_SINCE,__SC_PRIORITY,__SC_SLOW,__SC_LANGUAGE,__SC_NEEDS)" '
            f'"uzaktan_egitim,{NOW:.3f},0,,,"') in dialler.commands


async def test_slow_speech_is_kept(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = Dialler(await start(inbox), "menu", "ana", by_file={"ana-menu-1": "*", "ana-menu-3-yavas": "3"})
    await dialler.call()
    assert dialler.played[3:6] == ["menu-yavas-acildi-yavas", "ana-menu-1-yavas", "ana-menu-2-yavas"]
    assert dialler.waited == [1600, 1600, 1600, 1600]
    assert dialler.variables["SC_SLOW"] == "1"
    assert isinstance(inbox.events[0], ContactQueued) and inbox.events[0].slow


@pytest.mark.parametrize(("by_file", "missing", "before", "notice"), [
    ({"ana-menu-2": "2"}, set(), "", "heard"), ({"kayit-bilgisi": "2"}, set(), "", ""),
    ({"kayit-bilgisi": "8", "ana-menu-2": "2"}, set(), "", "refused"),
    ({"ana-menu-1": "8", "kayit-istenmedi": "2"}, set(), "", "refused"),
    ({"ana-menu-2": "2"}, {"kayit-bilgisi"}, "", ""), ({"ana-menu-2": "2"}, set(), "refused", "refused"),
    ({"ana-menu-2": "2"}, {"kayit-bilgisi"}, "nonsense", "nonsense")])
async def test_only_a_notice_that_was_heard_counts(start: Start, by_file: dict[str, str], missing: set[str],
                                                   before: str, notice: str) -> None:
    dialler = Dialler(await start(FakeInbox(contact_view(UNIQUEID))), "menu", "ana", by_file=by_file,
                      variables={"SC_NOTICE": before} if before else {})
    dialler.missing = missing
    await dialler.call()
    assert dialler.variables.get("SC_NOTICE", "") == notice
    assert dialler.variables["SC_SERVICE"] == "uzaktan_egitim"


async def test_an_anonymous_service_never_asks_for_the_number(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = Dialler(await start(inbox), "menu", "ana", variables={"SC_NUMBER": "05321234567"},
                      by_file={"ana-menu-1": "1"})
    await dialler.call()
    event = inbox.events[0]
    assert isinstance(event, ContactQueued) and (event.caller_hash, event.caller_box) == ("", "")
    assert not any("SC_NUMBER" in command for command in dialler.commands)


@pytest.mark.parametrize("raw", ["anonymous", "${SHELL(id)}", "0532)\n200 result=1 (x"])
async def test_a_hostile_number_is_anonymous(start: Start, raw: str) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = Dialler(await start(inbox), "menu", "ana", variables={"SC_NUMBER": raw}, by_file={"ana-menu-4": "4"})
    await dialler.call()
    event = inbox.events[0]
    assert isinstance(event, ContactQueued) and (event.caller_hash, event.caller_box) == ("", "")


@pytest.mark.parametrize(("answer", "onward"), [(InboxClosed(), "hold"), (TimeoutError(), "hold"),
                                                (UnknownService(), "net")])
async def test_a_silent_engine_keeps_the_choice(start: Start, answer: Exception, onward: str) -> None:
    dialler = Dialler(await start(FakeInbox(answer)), "menu", "nowhere", by_file={"ana-menu-0": "0"})
    await dialler.call()
    assert (dialler.variables["ACD_NEXT"], dialler.variables["SC_SERVICE"]) == (onward, "temsilci")
    assert ("menu-ozur" in dialler.played) == (onward == "hold")


async def test_a_caller_who_leaves_the_menu_is_no_contact(start: Start) -> None:
    inbox = FakeInbox()
    dialler = Dialler(await start(inbox), "menu", "ana")
    dialler.hang_up_at = 5
    await dialler.call()
    assert inbox.events == []
    [left] = inbox.passed
    assert (left.outcome, left.entry, left.contact) == ("abandoned", "ana", UNIQUEID)


# -- other files while calls are going on


async def test_a_call_in_the_menu_finishes_the_old_one_and_the_next_has_the_new() -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialogues = app.Dialogues(inbox, example(), Folder("/old", KEYS), IvrSettings(node="one"),
                              seal=lambda number: ("", ""), verify_pin=verify, agent_by_number=lambda number: None,
                              services=SERVICES, port=0)
    running = asyncio.create_task(dialogues.server.run())
    await dialogues.server.listening()
    port = dialogues.server.address[1]
    flow = example()
    changed = flow._replace(entries={"ana": "son"}, nodes={**flow.nodes, "son": End("son", ("merkez-kapali",))})
    slow_caller = Dialler(port, "menu", "ana", by_file={"ana-menu-4": "4"})
    slow_caller.pause_s = 0.01
    in_menu = asyncio.create_task(slow_caller.call())
    await until_async(lambda: "ana-menu-1" in slow_caller.played)
    kept = [service for service in SERVICES if service.id != "gorus_oneri"]
    dialogues.change(changed, kept, IvrSettings(node="two"), Folder("/new", KEYS))
    assert (await in_menu).played[-1] == "secildi-gorus-oneri"
    assert all("/old/" in command for command in slow_caller.commands if command.startswith("STREAM FILE"))
    [event] = inbox.events
    assert isinstance(event, ContactQueued) and (event.service, event.node) == ("temsilci", "two"), (
        "a service that is gone is the human's")
    after = await Dialler(port, "menu", "ana").call()
    assert after.played == ["merkez-kapali"] and "/new/" in after.commands[-2]
    assert said(await tick(port, "7")) and "/new/" in (await tick(port, "7")).variables["ACD_SAY"]
    with pytest.raises(LookupError):
        dialogues.change(flow, SERVICES, IvrSettings(node="three"), Folder("/less", KEYS - {"tus-bilgisi"}))
    assert (await Dialler(port, "menu", "ana").call()).played == ["merkez-kapali"], "nothing was changed"
    dialogues.server.stop()
    await running


# -- a centre that closes


@pytest.fixture
async def closed_at_night() -> AsyncIterator[Callable[..., Awaitable[int]]]:
    """A node whose centre is closed while `open_now` says so; `straight`: its closed entry is an end."""
    running: list[tuple[FastAgi, asyncio.Task[None]]] = []

    async def begin(inbox: FakeInbox, open_now: list[bool], *, straight: bool = False) -> int:
        flow = closing()
        if straight:
            end = End("kapali-son", ("karsilama", "merkez-kapali"))
            flow = flow._replace(entries={"ana": "ana-menu", "kapali": end.name}, nodes={**flow.nodes, end.name: end})
        server = app.Dialogues(inbox, flow, Folder("/sounds", KEYS), IvrSettings(node="one", comfort_s=0, place_s=0),
                               seal=lambda number: ("", ""), verify_pin=verify, agent_by_number=lambda number: None,
                               services=SERVICES, port=0, clock=lambda: NOW,
                               entry_now=lambda entry: entry if open_now[0] else "kapali").server
        running.append((server, asyncio.create_task(server.run())))
        await server.listening()
        return server.address[1]

    yield begin
    for server, task in running:
        assert server.counters.failed == 0
        server.stop()
        await asyncio.wait_for(task, 5)


async def test_a_closed_centre_says_so_and_good_bye(closed_at_night: Start) -> None:
    inbox = FakeInbox()
    dialler = await Dialler(await closed_at_night(inbox, [False], straight=True), "menu", "ana").call()
    assert dialler.played == ["karsilama", "merkez-kapali"]
    assert dialler.commands[-1] == 'SET VARIABLE "ACD_NEXT" "bye"' and inbox.events == [], "no contact: nobody waited"
    assert "SC_SERVICE" not in dialler.variables


async def test_who_asked_for_slow_speech_hears_the_end_slowly(closed_at_night: Start) -> None:
    port = await closed_at_night(FakeInbox(), [False], straight=True)
    dialler = await Dialler(port, "menu", "ana", variables={"SC_SLOW": "1"}).call()
    assert dialler.played == ["karsilama-yavas", "merkez-kapali-yavas"] and dialler.variables["ACD_NEXT"] == "bye"


async def test_distress_is_answered_while_the_centre_is_closed(closed_at_night: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = await Dialler(await closed_at_night(inbox, [False]), "menu", "ana", by_file={"ana-menu-1": "1"}).call()
    assert dialler.played == ["karsilama", "ana-menu-1", "secildi-psikososyal"]
    assert dialler.variables["ACD_NEXT"] == "hold"
    assert [event.service for event in inbox.events if isinstance(event, ContactQueued)] == ["psikososyal"]


async def test_closing_touches_nobody_who_waits(closed_at_night: Start) -> None:
    open_now = [True]
    inbox = FakeInbox(contact_view(UNIQUEID), None, contact_view(UNIQUEID))
    port = await closed_at_night(inbox, open_now)
    dialler = await Dialler(port, "menu", "ana", by_file={"ana-menu-0": "0"}).call()
    assert dialler.variables["ACD_NEXT"] == "hold"
    open_now[0] = False
    again = await Dialler(port, "tick", "", variables=dict(dialler.variables)).call()
    assert again.variables["ACD_NEXT"] == "hold"
    assert isinstance(inbox.events[-1], ContactQueued) and inbox.events[-1].service == "temsilci"
    late = await Dialler(port, "menu", "ana").call()
    assert late.played[:3] == ["karsilama", "ana-menu-1", "merkez-kapali"], "who comes in now hears it"


# -- the hold loop


async def tick(port: int, key: str = "", **variables: str) -> Dialler:
    return await Dialler(port, "tick", key, variables=variables).call()


def said(dialler: Dialler) -> list[str]:
    return [name.rpartition("/")[2] for name in dialler.variables.get("ACD_SAY", "").split("&") if name]


async def test_place_at_entry_when_it_gets_better_then_comfort(start: Start) -> None:
    inbox = FakeInbox(*(contact_view(UNIQUEID, position=place) for place in (3, 3, 2, 2, 1, 1)))
    port = await start(inbox)
    heard = [await tick(port) for _ in range(6)]
    assert [said(each) for each in heard] == [
        ["bekleme-ilk", "sira-3"], ["bekleme-teselli-1"], ["sira-2"], ["bekleme-teselli-2"], ["bekleme-siradaki"],
        ["bekleme-teselli-3"]]
    assert heard[0].variables["ACD_SAY"] == "/sounds/tr/bekleme-ilk&/sounds/tr/sira-3"
    assert {each.variables["ACD_NEXT"] for each in heard} == {"hold"} and not heard[0].played
    assert heard[0].commands[-1] == (
        'SET VARIABLE "ARRAY(CHANNEL(musicclass),ACD_SAY,SC_PLACE,SC_WAIT,ACD_NEXT)" '
        '"sakin,/sounds/tr/bekleme-ilk&/sounds/tr/sira-3,3,,hold"'), "everything at once, ACD_NEXT last"


async def test_a_place_said_before_a_restart_is_not_said_again(start: Start) -> None:
    port = await start(FakeInbox(contact_view(UNIQUEID, position=3)))
    assert said(await tick(port, SC_PLACE="3")) == ["bekleme-teselli-1"]


async def test_nor_a_wait_and_none_that_ends_later(start: Start) -> None:
    def waits(place: int, wait_s: float) -> ContactView:
        return contact_view(UNIQUEID, position=place, service="temsilci")._replace(
            estimate=Estimate(wait_s, wait_s * 0.8, wait_s * 1.2))

    first = await tick(await start(FakeInbox(waits(3, 400.0))))
    assert said(first) == ["bekleme-ilk", "sira-3", "sure-7"]
    assert first.variables["SC_WAIT"] == f"7:0:{round(NOW + 420)}"
    kept = {"SC_PLACE": "3", "SC_WAIT": f"5:0:{round(NOW + 200)}"}
    assert said(await tick(await start(FakeInbox(waits(2, 230.0))), **kept)) == ["sira-2"], "five minutes, a while ago"
    assert said(await tick(await start(FakeInbox(waits(2, 170.0))), **kept)) == ["sira-2", "sure-3"]
    for hostile in ("5:0", "x", "5:2:1", "9999:0:1", "${SHELL(id)}"):
        heard = await tick(await start(FakeInbox(waits(2, 290.0))), SC_PLACE="3", SC_WAIT=hostile)
        assert said(heard) == ["sira-2", "sure-5"]


async def test_music_is_the_service_s_and_changes_with_it(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID, position=2), contact_view(UNIQUEID, position=2),
                      contact_view(UNIQUEID, position=1, service="temsilci"))
    port = await start(inbox)
    heard = [(await tick(port)).variables.get("CHANNEL(musicclass)") for _ in range(3)]
    assert heard == ["sakin", None, "santral"]


async def test_a_callback_by_key_and_only_where_it_is_offered(start: Start) -> None:
    waits = contact_view(UNIQUEID, position=2, service="temsilci")
    port = await start(FakeInbox(waits))
    await tick(port)
    asked = await tick(port, "3")
    assert asked.variables == {"ACD_NEXT": "callback"}
    assert said(await tick(port)) == ["bekleme-teselli-1"], "back from there the wait goes on"
    for view in (contact_view(UNIQUEID, service="psikososyal"), waits._replace(callback=True)):
        port = await start(FakeInbox(view))
        await tick(port)
        assert said(await tick(port, "3")) == ["bekleme-tus"]
    ringing = await start(FakeInbox(waits._replace(state=ContactState.RESERVED)))
    assert (await tick(ringing, "3")).variables["ACD_NEXT"] == "hold"


async def test_who_is_to_be_called_back_and_hears_the_loop_is_on_the_line(start: Start) -> None:
    waits = contact_view(UNIQUEID, position=2, service="temsilci")
    inbox = FakeInbox(waits._replace(callback=True), waits._replace(state=ContactState.RESERVED))
    call = await tick(await start(inbox))
    assert inbox.events == [ContactTicked(ContactId(UNIQUEID)),
                            CallbackReached(ContactId(UNIQUEID), "PJSIP/trunk-0000000e")]
    assert call.variables["ACD_NEXT"] == "hold" and said(call) == [], "nothing covers the first words"


async def test_who_is_back_keeps_the_old_place_or_gives_it_back(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "EARLY_S", 0.0)
    back = contact_view(UNIQUEID, position=2, service="temsilci")._replace(returned=True, waited_s=300.0)
    inbox = FakeInbox(back)
    port = await start(inbox)
    first = await tick(port)
    assert said(first) == ["bekleme-donus", "sira-2", "bekleme-donus-sor"]
    assert first.variables["SC_SINCE"] == f"{NOW - 300:.3f}", "the place outlives the node"
    assert said(await tick(port, "1")) == ["bekleme-donus-eski"] and len(inbox.events) == 2
    assert said(await tick(port, "2")) == ["bekleme-tus"], "it is answered"
    own = back._replace(returned=False, position=6, waited_s=4.0)
    inbox = FakeInbox(back, back, lambda event: own if event == PlaceDeclined(UNIQUEID) else back, own)
    port = await start(inbox)
    await tick(port)
    declined = await tick(port, "2")
    assert said(declined) == ["bekleme-donus-yeni", "sira-6"] and inbox.events[-1] == PlaceDeclined(UNIQUEID)
    assert declined.variables["SC_SINCE"] == f"{NOW - 4:.3f}"
    kind = await start(FakeInbox(back._replace(service="psikososyal")))
    assert said(await tick(kind)) == ["bekleme-donus-destek", "sira-2"]
    assert said(await tick(kind, "2")) == ["bekleme-tus"], "nobody in distress was asked"


async def test_a_key_of_the_menu_that_comes_late_answers_nothing(start: Start) -> None:
    back = contact_view(UNIQUEID, position=2, service="temsilci")._replace(returned=True)
    inbox = FakeInbox(back)
    port = await start(inbox)
    await tick(port)
    assert said(await tick(port, "2")) == ["bekleme-donus", "sira-2", "bekleme-donus-sor"], "it had cut the question"
    assert {type(event) for event in inbox.events} == {ContactTicked}


async def test_an_engine_that_dies_on_the_answer_loses_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "EARLY_S", 0.0)
    back = contact_view(UNIQUEID, position=2, service="temsilci")._replace(returned=True)
    port = await start(FakeInbox(back, back, InboxClosed()))
    await tick(port)
    assert (await tick(port, "2")).variables == {}, "back to the music: the next round asks again"


@pytest.mark.parametrize("state", [ContactState.RESERVED, ContactState.ASSIGNED])
async def test_nothing_is_said_while_a_phone_rings(start: Start, state: ContactState) -> None:
    dialler = await tick(await start(FakeInbox(contact_view(UNIQUEID, state))), "5")
    assert dialler.variables == {"ACD_NEXT": "hold", "CHANNEL(musicclass)": "sakin"}


async def test_keys_in_the_hold_loop(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID, position=2))
    port = await start(inbox)
    await tick(port)
    assert said(await tick(port, "7")) == ["bekleme-tus"]
    slow = await tick(port, "*")
    assert said(slow) == ["bekleme-yavas-acildi-yavas"] and slow.variables["SC_SLOW"] == "1"
    assert inbox.events[-1] == ContactTicked(UNIQUEID, "*")
    assert said(await tick(port)) == ["bekleme-teselli-1-yavas"]


@pytest.mark.parametrize(("before", "after"), [("heard", "refused"), ("refused", "refused"), ("", "")])
async def test_a_recording_is_refused_in_the_hold_loop_too(start: Start, before: str, after: str) -> None:
    port = await start(FakeInbox(contact_view(UNIQUEID, position=2)))
    await tick(port)
    pressed = await tick(port, "8", SC_NOTICE=before)
    assert pressed.variables["SC_NOTICE"] == after
    assert said(pressed) == (["kayit-istenmedi"] if before else ["bekleme-tus"])
    ringing = await start(FakeInbox(contact_view(UNIQUEID, ContactState.RESERVED)))
    assert (await tick(ringing, "8", SC_NOTICE=before)).variables["SC_NOTICE"] == after


@pytest.mark.parametrize(("paused", "there", "spoken"), [
    ("", True, "kayit-durdu"), ("1", True, "kayit-suruyor"), ("", False, "kayit-yok")])
async def test_an_agent_s_keys_pause_a_recording(paused: str, there: bool, spoken: str) -> None:
    asked: list[tuple[str, bool]] = []

    async def silence(leg: str, on: bool) -> bool:
        asked.append((leg, on))
        return there

    dialler = await hush(silence, paused)
    assert asked == [(UNIQUEID, paused != "1")]
    assert said(dialler) == [spoken] and dialler.variables["ACD_NEXT"] == "hold"


async def test_a_recording_that_could_not_be_paused_is_never_said_to_be_none() -> None:
    async def silence(leg: str, on: bool) -> bool:
        raise TimeoutError("no link to Asterisk")

    assert not (await hush(silence, "")).variables, "no ACD_NEXT: the dialplan ends the recording"


async def hush(silence: Silence, paused: str) -> Dialler:
    dialogues = app.Dialogues(FakeInbox(), example(), Folder("/sounds", PROMPTS), IvrSettings(node="one"),
                              seal=lambda number: ("", ""), verify_pin=verify, agent_by_number=lambda number: None,
                              services=SERVICES, port=0, silence=silence)
    task = asyncio.create_task(dialogues.server.run())
    await dialogues.server.listening()
    dialler = await Dialler(dialogues.server.address[1], "hush", paused).call()
    dialogues.server.stop()
    await task
    return dialler


async def test_an_unknown_contact_is_queued_again_with_its_old_place(start: Start) -> None:
    inbox = FakeInbox(None, contact_view(UNIQUEID))
    dialler = await tick(await start(inbox), SC_SERVICE="gorus_oneri", SC_SINCE=f"{NOW - 90:.3f}", SC_PRIORITY="5",
                         SC_SLOW="1", SC_NUMBER="05321234567")
    assert inbox.events[1] == ContactQueued(UNIQUEID, "gorus_oneri", leg="PJSIP/trunk-0000000e", since=NOW - 90,
                                            priority=5, caller_hash="hash+905321234567",
                                            caller_box="box+905321234567", slow=True, node="one")
    assert dialler.variables["ACD_NEXT"] == "hold"


@pytest.mark.parametrize("since", ["", "nan", "inf", "-1", "1e3", str(NOW + 60), str(NOW - 90_000), "1" * 30, "٣"])
async def test_variables_that_make_no_sense_are_not_believed(start: Start, since: str) -> None:
    inbox = FakeInbox(None, contact_view(UNIQUEID))
    await tick(await start(inbox), SC_SERVICE="'; drop", SC_SINCE=since, SC_PRIORITY="999", SC_NUMBER="x")
    assert inbox.events[1] == ContactQueued(UNIQUEID, "temsilci", leg="PJSIP/trunk-0000000e", since=NOW, node="one")


@pytest.mark.parametrize(("answer", "onward"), [
    (InboxClosed(), None), (TimeoutError(), None), (UnknownService(), "net"), (None, "net"),
    (contact_view(UNIQUEID, ContactState.CANCELED), "net"), (contact_view(UNIQUEID, ContactState.COMPLETED), "bye")])
async def test_where_a_tick_leads(start: Start, answer: Exception, onward: str | None) -> None:
    dialler = await tick(await start(FakeInbox(answer)))
    assert dialler.variables.get("ACD_NEXT") == onward


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waiting, "MAX_REMEMBERED", 3)
    hold = waiting.Waiting(FakeInbox(), Folder("/sounds", KEYS), None)  # type: ignore[arg-type]
    for number in range(5):
        hold.lost(f"1.{number}")  # type: ignore[arg-type]
    assert list(hold.heard) == ["1.2", "1.3", "1.4"]


# -- after the talk


async def test_a_lost_talk_goes_back_and_is_told(start: Start) -> None:
    """The request comes before the engine has heard that the bridge is gone: it looks again, and ticks nothing."""
    talking = contact_view(UNIQUEID, ContactState.ASSIGNED, position=0)
    inbox = FakeInbox(contact_view(UNIQUEID))
    inbox.contacts = [(talking,), (talking,), (contact_view("1.1"), contact_view(UNIQUEID))]
    port = await start(inbox)
    dialler = await Dialler(port, "after-talk").call()
    assert dialler.variables["ACD_NEXT"] == "hold" and inbox.events == []
    assert said(await tick(port)) == ["gorusme-kesildi"]


@pytest.mark.parametrize("contacts", [(), (contact_view("1.1"),), (contact_view(UNIQUEID, ContactState.WRAPPING),)])
async def test_a_talk_that_is_over(start: Start, contacts: tuple[ContactView, ...]) -> None:
    inbox = FakeInbox()
    inbox.contacts = [contacts]
    dialler = await Dialler(await start(inbox), "after-talk").call()
    assert dialler.variables["ACD_NEXT"] == "bye"


async def test_a_talk_the_engine_never_hears_of_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(after_talk, "SETTLE_S", 0.15)
    inbox = FakeInbox()
    inbox.contacts = [(contact_view(UNIQUEID, ContactState.ASSIGNED),)]
    dialler = await Dialler(await start(inbox), "after-talk").call()
    assert dialler.variables["ACD_NEXT"] == "bye"


# -- the agents' codes


def sign_in(port: int, pin: str = "4321", number: str = "1001") -> Dialler:
    return Dialler(port, "codes", "*45", variables={"SC_SEAT": "2001"}, keys=[*number, "#", *pin, "#"])


async def test_sign_in_by_telephone(start: Start) -> None:
    inbox = FakeInbox(agent_view("a1001", "2001"))
    dialler = await sign_in(await start(inbox)).call()
    assert dialler.played == ["kod-numara-sor", "kod-sifre-sor", "kod-giris-tamam"]
    assert inbox.events == [AgentSignedIn("a1001", "2001")]
    assert dialler.waited[:2] == [20_000, 5_000] and dialler.variables["ACD_NEXT"] == "bye"


@pytest.mark.parametrize(("pin", "number"), [("1111", "1001"), ("4321", "9999"), ("", "1001"), ("4321", ""),
                                             ("4" * 20, "1001")])
async def test_a_wrong_sign_in_says_the_same_whatever_was_wrong(start: Start, pin: str, number: str) -> None:
    inbox = FakeInbox()
    dialler = await sign_in(await start(inbox), pin, number).call()
    assert dialler.played[-1] == "kod-giris-hatali" and inbox.events == []


async def test_guessing_is_locked(start: Start) -> None:
    inbox = FakeInbox(agent_view("a1001", "2001"))
    port = await start(inbox)
    for _ in range(codes.MAX_TRIES):
        assert (await sign_in(port, "0000").call()).played[-1] == "kod-giris-hatali"
    assert (await sign_in(port).call()).played == ["kod-giris-kilitli"]
    other = sign_in(port)
    other.variables["SC_SEAT"] = "2002"
    assert (await other.call()).played[-1] == "kod-giris-kilitli", "the number is locked, not only the seat"
    assert inbox.events == []


def test_a_lock_ends() -> None:
    now = [0.0]
    tries = codes.Tries(lambda: now[0])
    for _ in range(codes.MAX_TRIES):
        tries.wrong("x")
    assert tries.locked("x") and not tries.locked("y")
    now[0] = codes.LOCK_S
    assert not tries.locked("x")
    for number in range(codes.MAX_LOCKS + 1):
        tries.wrong(str(number))
    assert len(tries._wrong) == codes.MAX_LOCKS


@pytest.mark.parametrize(("code", "event", "spoken"), [
    ("*44", AgentSignedOut, "kod-cikis-tamam"), ("*47", AgentResumed, "kod-hazir"),
    ("*48", WrapUpEnded, "kod-toparlama-bitti"), ("*49", WrapUpExtended, "kod-toparlama-uzadi")])
async def test_codes_of_one_step(start: Start, code: str, event: Callable[[str], object], spoken: str) -> None:
    inbox = FakeInbox(agent_view("a1001", "2001"))
    inbox.agents = (agent_view("a1002", None), agent_view("a1001", "2001"))
    dialler = await Dialler(await start(inbox), "codes", code, variables={"SC_SEAT": "2001"}).call()
    assert (dialler.played, inbox.events) == ([spoken], [event("a1001")])


@pytest.mark.parametrize(("key", "pending", "spoken", "reason"), [
    ("2", "", "kod-mola-basladi", "yemek"), ("1", "mola", "kod-mola-sonra", "mola"),
    ("9", "", "kod-mola-secilmedi", None),
    ("", "", "kod-mola-secilmedi", None)])
async def test_a_break_has_a_reason(start: Start, key: str, pending: str, spoken: str, reason: str | None) -> None:
    inbox = FakeInbox(agent_view("a1001", "2001", pending=pending))
    inbox.agents = (agent_view("a1001", "2001"),)
    dialler = await Dialler(await start(inbox), "codes", "*46", variables={"SC_SEAT": "2001"}, keys=[key]).call()
    assert dialler.played == ["kod-mola-sor", spoken]
    assert inbox.events == ([AgentPaused("a1001", reason)] if reason else [])


@pytest.mark.parametrize(("answer", "spoken"), [
    (SeatTaken(), "kod-masa-dolu"), (UnknownSeat(), "kod-masa-bilinmiyor"), (NotSignedIn(), "kod-giris-gerekli"),
    (NotNow(), "kod-simdi-olmaz"), (InboxClosed(), "kod-sistem-yok"), (TimeoutError(), "kod-sistem-yok")])
async def test_every_refusal_is_spoken(start: Start, answer: Exception, spoken: str) -> None:
    dialler = await sign_in(await start(FakeInbox(answer))).call()
    assert dialler.played[-1] == spoken and dialler.variables["ACD_NEXT"] == "bye"


async def test_codes_without_a_seat_a_code_or_an_agent(start: Start) -> None:
    port = await start(FakeInbox())
    assert (await Dialler(port, "codes", "*45").call()).played == ["kod-masa-bilinmiyor"]
    seat = {"SC_SEAT": "2001"}
    assert (await Dialler(port, "codes", "*43", variables=seat).call()).played == ["kod-bilinmiyor"]
    assert (await Dialler(port, "codes", "*47", variables=seat).call()).played == ["kod-giris-gerekli"]


def test_a_missing_prompt_is_found_at_start() -> None:
    with pytest.raises(LookupError, match="karsilama"):
        app.Dialogues(FakeInbox(), example(), Folder("/sounds", KEYS - {"karsilama"}), IvrSettings(),
                  seal=lambda number: ("", ""), verify_pin=verify, agent_by_number=lambda number: None,
                  services=SERVICES)


# -- announcements and closed services ---------------------------------------------------------------------------------

EVERYBODY = Announcement(5, "", path="/sounds/tr/duyuru/5", slow_path="/sounds/tr/duyuru/5-yavas")
OF_EDU = Announcement(6, "uzaktan_egitim", prompt="merkez-kapali")


async def test_an_announcement_is_heard_in_the_menu_with_the_next_sentence_and_by_who_waits_once(start: Start) -> None:
    on: list[Announcement] = []
    inbox = FakeInbox(contact_view(UNIQUEID))
    port = await start(inbox, announced=lambda: on)
    dialler = Dialler(port, "menu", "ana", by_file={"ana-menu-2": "2"})
    played = dialler.played
    dialler.at_file["kayit-bilgisi"] = lambda: on.extend((EVERYBODY, OF_EDU))  # somebody switches them on
    await dialler.call()
    assert played == ["karsilama", "kayit-bilgisi", "5", "ana-menu-1", "ana-menu-2", "secildi-uzaktan-egitim",
                      "merkez-kapali"]
    assert dialler.variables["SC_TOLD"] == "5,6"
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


async def test_a_closed_service_leads_back_to_the_menu(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = Dialler(await start(inbox, is_open=lambda service: service != "uzaktan_egitim"), "menu", "ana",
                      by_file={"ana-menu-2": "2", "ana-menu-4": "4"})
    await dialler.call()
    assert dialler.played[5:8] == ["hizmet-kapali", "ana-menu-1", "ana-menu-2"]
    assert dialler.variables["SC_SERVICE"] == "gorus_oneri" and dialler.variables["ACD_NEXT"] == "hold"
    queued = [event for event in inbox.events if isinstance(event, ContactQueued)]
    assert [event.service for event in queued] == ["gorus_oneri"]


async def test_who_chooses_only_closed_services_comes_to_a_person(start: Start) -> None:
    dialler = Dialler(await start(FakeInbox(contact_view(UNIQUEID)), is_open=lambda service: False), "menu", "ana")
    dialler.always = {"ana-menu-2": "2"}
    await dialler.call()
    assert dialler.variables["SC_SERVICE"] == "temsilci" and dialler.played.count("hizmet-kapali") > 10
