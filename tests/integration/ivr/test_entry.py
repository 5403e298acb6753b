"""The menu over a real socket: what is heard, what the engine is told, what the dialplan finds."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from ivr import dialplan
from ivr.flow.menu_model import End
from ivr.settings import DISTRESS_HOLD, IvrSettings
from ivr.sounds import SoundFolder
from routing.core.engine import Engine
from routing.core.events import Configured, ContactQueued, MenuEnded
from routing.core.inbox import InboxClosed
from routing.core.model.centre_model import Centre, Step
from routing.core.model.errors import UnknownService
from routing.core.model.ids import SkillId
from routing.runner import Runner, RunnerTurn
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.fakes.menu import example
from tests.integration.ivr_node import KEYS, NOW, Serve, Start, services, serving, tick
from tests.until import until_async

pytestmark = pytest.mark.integration

SERVICES = services("psikososyal")


async def test_the_menu_ends_in_the_queue(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = Dialler(await start(inbox), "menu", "ana", variables={"SC_NUMBER": "05321234567"},
                      by_file={"ana-menu-2": "2"})
    await dialler.call()
    assert (dialler.played, dialler.words) == (["karsilama", "ana-menu-1", "ana-menu-2"], ["secildi-uzaktan-egitim"])
    assert dialler.waited == [800]
    assert inbox.events == [ContactQueued(UNIQUEID, "uzaktan_egitim", leg="PJSIP/trunk-0000000e", since=NOW,
                                          caller_hash="hash(+905321234567)", number_encrypted="box(+905321234567)",
                                          node="one", words_s=dialplan.UNDO_S)]
    assert dialler.commands[-2:] == [
        'SET VARIABLE "ARRAY(SC_WORDS,SC_WORDS_KEY,SHARED(SC_WORDS),SC_NOTICE_WORDS,'
        '__SC_SERVICE,__SC_SINCE,__SC_PRIORITY,__SC_SLOW,__SC_LANGUAGE,__SC_NEEDS,__SC_TOPICS,SC_PLACE,'
        f'ACD_NEXT)" "/sounds/tr/secildi-uzaktan-egitim,2,1,,uzaktan_egitim,{NOW:.3f},0,,,,,,hold"',
        'SET VARIABLE "ARRAY(CHANNEL(musicclass),ACD_SAY,SC_POSITION,SC_WAIT,SC_ROUND_SAID)" '
        '"sakin,/sounds/tr/bekleme-ilk&/sounds/tr/bekleme-siradaki,1,,1"'], "the way on, then what is heard there"


async def test_what_is_read_is_one_round_trip_and_what_is_set_two(start: Start) -> None:
    """The first one tells that a node is there; then there is only what is said and the key, what must be there before
    the engine knows, and what it answers."""
    dialler = Dialler(await start(FakeInbox(contact_view(UNIQUEID))), "menu", "ana",
                      variables={"SC_NUMBER": "05321234567"},
                      by_file={"karsilama": "2"})
    await dialler.call()
    assert [command.partition(' "')[0] for command in dialler.commands] == [
        "GET FULL VARIABLE", "GOSUB", "GET FULL VARIABLE", "SET VARIABLE", "SET VARIABLE"]
    assert dialler.variables["SC_ALIVE"] == "1"


async def test_the_way_through_the_menu_and_the_place_in_line_are_one_commit(start: Start) -> None:
    turns: list[RunnerTurn] = []

    class Keeper:
        async def commit(self, turn: RunnerTurn) -> None:
            turns.append(turn)

    runner = Runner(Engine(), Keeper(), clock=lambda: NOW, execute=lambda commands: None)
    anybody = (Step(((SkillId("bilgi"), 1),)),)
    runner.post(Configured(Centre(tuple(one._replace(steps=anybody) for one in SERVICES), ())))
    running = asyncio.create_task(runner.run_forever())
    port = await start(runner)
    await Dialler(port, "menu", "ana", by_file={"ana-menu-2": "2"}).call()
    on_the_way = Dialler(port, "menu", "ana", by_file={"ana-menu-3": "3"}, uniqueid="1795569005.2")
    on_the_way.hang_up_at = 7
    await on_the_way.call()
    running.cancel()
    told = [[type(event) for _, event in turn.events] for turn in turns]
    assert told[1:] == [[MenuEnded, ContactQueued],
        [MenuEnded]], "who hangs up before the engine knows has been here too"


async def test_slow_speech_is_kept(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = Dialler(await start(inbox), "menu", "ana", by_file={"ana-menu-1": "*", "ana-menu-3-yavas": "3"})
    await dialler.call()
    assert dialler.played[2:5] == ["menu-yavas-acildi-yavas", "ana-menu-1-yavas", "ana-menu-2-yavas"]
    assert dialler.waited == [1600, 1600, 1600]
    assert dialler.words == ["secildi-ihbar-sikayet-yavas", "geri-bilgisi-yavas"]
    assert dialler.variables["SC_SLOW"] == "1"
    assert isinstance(inbox.events[0], ContactQueued) and inbox.events[0].slow


RECORDED = IvrSettings(node="one", recorded=frozenset({"uzaktan_egitim"}))


@pytest.mark.parametrize(("by_file", "before", "after", "told"), [
    ({"ana-menu-2": "2"}, "", "", True), ({"ana-menu-4": "4"}, "", "", False), ({"ana-menu-1": "1"}, "", "", False),
    ({"ana-menu-1": "8", "kayit-istenmedi": "2"}, "", "refused", False),
    ({"karsilama": "2"}, "refused", "refused", False), ({"karsilama": "2"}, "heard", "heard", False),
    ({"ana-menu-2": "2"}, "nonsense", "nonsense", True)])
async def test_the_notice_follows_the_choice_where_talks_are_recorded(
        start: Start, by_file: dict[str, str], before: str, after: str, told: bool) -> None:
    """The menu only hands it to the hold loop, which alone knows whether it was heard."""
    dialler = Dialler(await start(FakeInbox(contact_view(UNIQUEID)), settings=RECORDED), "menu", "ana", by_file=by_file,
                      variables={"SC_NOTICE": before} if before else {})
    await dialler.call()
    assert dialler.variables.get("SC_NOTICE", "") == after
    assert "kayit-bilgisi" not in dialler.played and (dialler.words[-1] == "kayit-bilgisi") is told


async def test_agents_wait_for_the_end_of_the_words_except_in_distress(start: Start) -> None:
    known = [one._replace(distress=one.id == "psikososyal") for one in SERVICES]
    port = await start(FakeInbox(contact_view(UNIQUEID)), services=known)
    whole = {}
    for key, file in (("1", "ana-menu-1"), ("2", "ana-menu-2")):
        dialler = await Dialler(port, "menu", "ana", by_file={file: key}).call()
        whole[dialler.variables["SC_WORDS_KEY"]] = dialler.variables["SHARED(SC_WORDS)"]
    assert whole == {"1": "", "2": "1"}


async def test_nobody_there_in_distress_is_said_at_once_and_without_an_acknowledgement(start: Start) -> None:
    waits = {"psikososyal": replace(DISTRESS_HOLD, emergency="acil-destek")}
    view = contact_view(UNIQUEID)._replace(unserved=True)
    dialler = Dialler(await start(FakeInbox(view), settings=IvrSettings(node="one", waits=waits)), "menu", "ana",
                      by_file={"ana-menu-1": "1"})
    await dialler.call()
    assert dialler.words == [] and dialler.variables["ACD_SAY"].startswith("/sounds/tr/acil-destek&")


async def test_for_an_anonymous_service_the_number_is_not_looked_at(start: Start, monkeypatch: pytest.MonkeyPatch
                                                                    ) -> None:
    monkeypatch.setattr("ivr.caller.identity.normalise_number", None)
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = Dialler(await start(inbox), "menu", "ana", variables={"SC_NUMBER": "05321234567"},
                      by_file={"ana-menu-1": "1"})
    await dialler.call()
    event = inbox.events[0]
    assert isinstance(event, ContactQueued) and (event.caller_hash, event.number_encrypted) == ("", "")
    assert dialler.variables["ACD_NEXT"] == "hold" and "532" not in str(dialler.commands)


@pytest.mark.parametrize("raw", ["anonymous", "${SHELL(id)}", "0532)\n200 result=1 (x"])
async def test_a_hostile_number_is_anonymous(start: Start, raw: str) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialler = Dialler(await start(inbox), "menu", "ana", variables={"SC_NUMBER": raw}, by_file={"ana-menu-4": "4"})
    await dialler.call()
    event = inbox.events[0]
    assert isinstance(event, ContactQueued) and (event.caller_hash, event.number_encrypted) == ("", "")


@pytest.mark.parametrize(("answer", "onward"), [(InboxClosed(), "hold"), (TimeoutError(), "hold"),
                                                (UnknownService(), "fallback")])
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


async def test_a_fault_of_ours_is_no_callers_doing(serve: Serve) -> None:
    def fails(service: str) -> bool:
        raise RuntimeError

    inbox = FakeInbox()
    dialogues = await serve(inbox, is_open=fails)
    dialler = await Dialler(dialogues.server.address[1], "menu", "ana", by_file={"ana-menu-2": "2"}).call()
    assert [left.outcome for left in inbox.passed] == ["error"] and "ACD_NEXT" not in dialler.variables
    assert dialogues.server.counters.failed == 1
    dialogues.server.counters.failed = 0  # it was meant


# -- other files while calls are going on


async def test_a_call_in_the_menu_finishes_the_old_one_and_the_next_has_the_new(serve: Serve) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    dialogues = await serve(inbox, sounds=SoundFolder("/old", KEYS))
    port = dialogues.server.address[1]
    flow = example()
    changed = flow._replace(entries={"ana": "son"}, nodes={**flow.nodes, "son": End("son", ("merkez-kapali",))})
    slow_caller = Dialler(port, "menu", "ana", by_file={"ana-menu-4": "4"})
    slow_caller.pause_s = 0.01
    in_menu = asyncio.create_task(slow_caller.call())
    await until_async(lambda: "ana-menu-1" in slow_caller.played)
    kept = [service for service in SERVICES if service.id != "gorus_oneri"]
    dialogues.apply_centre(changed, kept, IvrSettings(node="two"), SoundFolder("/new", KEYS))
    assert (await in_menu).words == ["secildi-gorus-oneri"]
    assert all("/old/" in command for command in slow_caller.commands
               if command.startswith("GOSUB") and "/tr/" in command)
    [event] = inbox.events
    assert isinstance(event, ContactQueued) and (event.service, event.node) == ("temsilci", "two"), (
        "a service that is gone is the human's")
    after = await Dialler(port, "menu", "ana").call()
    assert after.played == ["merkez-kapali"] and "/new/" in after.commands[-3]
    assert "/new/" in (await tick(port, "7")).variables["ACD_SAY"]
    with pytest.raises(LookupError):
        dialogues.apply_centre(flow, SERVICES, IvrSettings(node="three"), SoundFolder("/less", KEYS - {"tus-bilgisi"}))
    assert (await Dialler(port, "menu", "ana").call()).played == ["merkez-kapali"], "nothing was changed"


async def test_a_missing_prompt_is_found_at_start() -> None:
    with pytest.raises(LookupError, match="karsilama"):
        async with serving(FakeInbox(), sounds=SoundFolder("/sounds", KEYS - {"karsilama"})):
            pass
