"""The hold loop over a real socket: what each round says, what keys do, where it leads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.caller.announcements import Announcement
from ivr.flow.menu_model import End
from ivr.hold import hold_script
from ivr.routes import after_talk, hold_tick
from ivr.settings import DISTRESS_HOLD, IvrSettings
from ivr.sounds import SoundFolder
from routing.core.events import (
    CallbackReached,
    ContactExited,
    ContactQueued,
    HeldPositionDeclined,
    HoldTick,
    ReturnedToMenu,
)
from routing.core.inbox import ContactView, InboxClosed
from routing.core.model.centre_model import ContactState, Estimate
from routing.core.model.errors import UnknownService
from routing.core.model.ids import ContactId, ServiceId
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.fakes.menu import example
from tests.integration.ivr_node import KEYS, NOW, SETTINGS, Serve, Start, said, tick

pytestmark = pytest.mark.integration


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
        'SET VARIABLE "ARRAY(CHANNEL(musicclass),ACD_SAY,SC_POSITION,SC_WAIT,ACD_NEXT)" '
        '"sakin,/sounds/tr/bekleme-ilk&/sounds/tr/sira-3,3,,hold"'), "everything at once, ACD_NEXT last"


async def test_the_menu_has_the_first_round_and_the_next_one_goes_on_from_there(start: Start) -> None:
    port = await start(FakeInbox(*(contact_view(UNIQUEID, position=place) for place in (3, 3, 2))))
    menu = await Dialler(port, "menu", "ana", by_file={"ana-menu-1": "*", "ana-menu-3-yavas": "3"}).call()
    assert said(menu) == ["bekleme-ilk-yavas", "sira-3-yavas"] and menu.variables["SC_ROUND_SAID"] == "1"
    second = await tick(port)
    assert said(second) == ["bekleme-teselli-1-yavas"], "slowly, as in the menu"
    assert [command.split()[0] for command in second.commands] == ["SET"], "nothing has to be read"
    assert said(await tick(port)) == ["sira-2-yavas"]


@pytest.mark.parametrize(("state", "begun"), [(ContactState.RESERVED, "1"), (ContactState.ASSIGNED, "1"),
                                              (ContactState.CANCELED, ""), (ContactState.COMPLETED, "")])
async def test_who_is_not_in_line_any_more_hears_nothing_from_the_menu(start: Start, state: ContactState, begun: str
                                                                      ) -> None:
    port = await start(FakeInbox(contact_view(UNIQUEID, state)))
    menu = await Dialler(port, "menu", "ana", by_file={"ana-menu-3": "3"}).call()
    assert (said(menu), menu.variables.get("SC_ROUND_SAID", "")) == ([], begun), "it rings, or the loop asks"


async def test_nine_takes_the_choice_back_until_the_first_round_of_music(start: Start) -> None:
    inbox = FakeInbox(contact_view(UNIQUEID))
    port = await start(inbox)
    chosen = await Dialler(port, "menu", "ana", by_file={"ana-menu-3": "3"}).call()
    back = await tick(port, "9", **chosen.variables)
    assert back.variables["ACD_NEXT"] == "menu" and inbox.events[-1] == ReturnedToMenu(UNIQUEID)
    again = await Dialler(port, "menu", "ana", variables=dict(chosen.variables), by_file={"ana-menu-2": "2"}).call()
    assert again.played == ["ana-menu-1", "ana-menu-2"], "without the greeting"
    [first, second] = [event for event in inbox.events if isinstance(event, ContactQueued)]
    assert (first.service, second.service, second.contact) == ("ihbar_sikayet", "uzaktan_egitim", UNIQUEID)
    assert [path.resumed for path in inbox.passed] == [False, True]
    await tick(port)
    late = await tick(port, "9")
    assert late.variables["ACD_NEXT"] == "hold" and said(late) == ["bekleme-tus"], "the choice stands"


async def test_who_is_not_helped_by_a_second_choice_has_left_the_queue(start: Start) -> None:
    flow = example()
    flow = flow._replace(nodes={**flow.nodes, "gorus-oneri": End("gorus-oneri", ("merkez-kapali",))})
    inbox = FakeInbox(contact_view(UNIQUEID))
    port = await start(inbox, flow)
    chosen = await Dialler(port, "menu", "ana", by_file={"ana-menu-3": "3"}).call()
    await tick(port, "9", **chosen.variables)
    ended = await Dialler(port, "menu", "ana", by_file={"ana-menu-4": "4"}).call()
    assert ended.variables["ACD_NEXT"] == "bye" and inbox.events[-1] == ContactExited(UNIQUEID, "key", "9")


@pytest.mark.parametrize(("farewell", "heard"), [("bekleme-teselli-1", "bekleme-teselli-1"), ("yok", "bekleme-veda")])
async def test_a_withdrawn_caller_hears_the_sentence_and_good_bye(start: Start, farewell: str, heard: str) -> None:
    """Also one whom the supervisor has made a callback: they are not taken for a caller who was reached."""
    inbox = FakeInbox(contact_view(UNIQUEID)._replace(callback=True, farewell=farewell))
    round_ = await tick(await start(inbox), SC_SLOW="1")
    assert (said(round_), round_.variables["ACD_NEXT"]) == ([f"{heard}-yavas"], "farewell")
    assert not [one for one in inbox.events if isinstance(one, CallbackReached)]


async def test_a_pause_ends_by_any_key_which_means_nothing_else(serve: Serve) -> None:
    """Rule I19. `3` would be the callback; `8`, a refusal, and `1`, an emergency text, still are that."""
    dialogues = await serve(FakeInbox(contact_view(UNIQUEID, position=3, service="temsilci")))
    port, now = dialogues.server.address[1], [0.0]
    dialogues.waiting.steady = lambda: now[0]
    slow = {"SC_SLOW": "1", "SC_NOTICE": "heard"}
    assert said(await tick(port, **slow))[-1] == "sira-3-yavas"
    for key in ("3", "*"):
        assert said(await tick(port, "*")) == ["bekleme-ara-yavas"]
        now[0] += 55.0
        assert said(await tick(port)) == [], "not a word"
        ended = await tick(port, key, **slow)
        assert said(ended) == ["sira-3-yavas"] and ended.variables["ACD_NEXT"] == "hold", key
        assert ended.variables["SC_NOTICE"] == "heard", key
    assert (await tick(port, "3")).variables["ACD_NEXT"] == "callback", "the pause is over"


async def test_a_recording_is_refused_in_a_pause_too(start: Start) -> None:
    """It is confirmed, and ends the pause as any key does: what was open is asked again."""
    waits = contact_view(UNIQUEID, position=3, service="temsilci")
    port = await start(FakeInbox(waits, waits, waits._replace(state=ContactState.RESERVED), waits))
    slow = {"SC_SLOW": "1", "SC_NOTICE": "heard"}
    await tick(port, **slow)
    await tick(port, "*")
    ringing = await tick(port, "8", **slow)
    assert (said(ringing), ringing.variables["SC_NOTICE"]) == ([], "refused"), "nothing may cover that"
    pending = await tick(port, "8", **slow)
    assert said(pending) == ["kayit-istenmedi-yavas", "sira-3-yavas"] and pending.variables["SC_NOTICE"] == "refused"
    assert (await tick(port, "3")).variables["ACD_NEXT"] == "callback", "the pause is over"


async def test_no_recording_to_refuse_in_a_pause(start: Start) -> None:
    port = await start(FakeInbox(contact_view(UNIQUEID, position=3, service="temsilci")))
    await tick(port, SC_SLOW="1")
    await tick(port, "*")
    pressed = await tick(port, "8", SC_SLOW="1")
    assert said(pressed) == ["sira-3-yavas"] and "SC_NOTICE" not in pressed.variables


async def test_a_pause_does_not_outlive_a_talk(start: Start) -> None:
    """Sent on within the minute: the new line is heard, and a key means what it says. Overflow is no talk."""
    waits = contact_view(UNIQUEID, position=3, service="ihbar_sikayet")
    moved = waits._replace(service=ServiceId("temsilci"))
    sent = moved._replace(position=2, transferred_at=NOW)
    port = await start(FakeInbox(waits, waits, moved, sent, sent))
    assert said(await tick(port, SC_SLOW="1"))[-1] == "sira-3-yavas"
    assert said(await tick(port, "*")) == ["bekleme-ara-yavas"]
    assert said(await tick(port)) == [], "in another line by overflow"
    assert said(await tick(port)) == ["sira-2-yavas"]
    assert (await tick(port, "3")).variables["ACD_NEXT"] == "callback"


async def test_a_key_right_after_a_lost_talk_ends_no_pause(start: Start) -> None:
    waits = contact_view(UNIQUEID, service="temsilci")
    inbox = FakeInbox(waits)
    inbox.contacts = [(waits._replace(has_talked=True),)]
    port = await start(inbox)
    await tick(port, SC_SLOW="1")
    await tick(port, "*")
    await Dialler(port, "after-talk").call()
    assert (await tick(port, "3")).variables["ACD_NEXT"] == "callback"


async def test_a_pause_holds_announcements_back_too(start: Start) -> None:
    on: list[Announcement] = []
    port = await start(FakeInbox(contact_view(UNIQUEID)), announced=lambda: on)
    await tick(port, SC_SLOW="1")
    await tick(port, "*")
    on.append(Announcement(1, "", "merkez-kapali"))
    assert said(await tick(port)) == []
    assert said(await tick(port, "5")) == ["bekleme-siradaki-yavas"]
    assert said(await tick(port))[0] == "merkez-kapali-yavas"


async def test_a_pause_holds_back_no_emergency_text_and_no_agent(start: Start) -> None:
    waits = contact_view(UNIQUEID)
    inbox = FakeInbox(waits)
    port = await start(inbox, settings=IvrSettings(node="one", waits={
        "psikososyal": replace(DISTRESS_HOLD, emergency="acil-destek")}))
    await tick(port, SC_SLOW="1")
    await tick(port, "*")
    assert said(await tick(port, "1"))[0] == "acil-destek-yavas"
    await tick(port, "*")
    inbox.answers = [waits._replace(state=ContactState.RESERVED)]
    assert said(await tick(port, "5")) == [], "a phone rings"
    inbox.answers = [waits]
    assert said(await tick(port, "5"))[0] == "bekleme-siradaki-yavas"


async def test_a_place_said_before_a_restart_is_not_said_again(start: Start) -> None:
    port = await start(FakeInbox(contact_view(UNIQUEID, position=3)))
    assert said(await tick(port, SC_POSITION="3")) == ["bekleme-teselli-1"]


async def test_nor_a_wait_and_none_that_ends_later(start: Start) -> None:
    def waits(place: int, wait_s: float) -> ContactView:
        return contact_view(UNIQUEID, position=place, service="temsilci")._replace(
            estimate=Estimate(wait_s, wait_s * 0.8, wait_s * 1.2))

    first = await tick(await start(FakeInbox(waits(3, 400.0))))
    assert said(first) == ["bekleme-ilk", "sira-3", "sure-7"]
    assert first.variables["SC_WAIT"] == f"7:0:{round(NOW + 420)}"
    kept = {"SC_POSITION": "3", "SC_WAIT": f"5:0:{round(NOW + 200)}"}
    assert said(await tick(await start(FakeInbox(waits(2, 230.0))), **kept)) == ["sira-2"], "five minutes, a while ago"
    assert said(await tick(await start(FakeInbox(waits(2, 170.0))), **kept)) == ["sira-2", "sure-3"]
    for hostile in ("5:0", "x", "5:2:1", "9999:0:1", "${SHELL(id)}"):
        heard = await tick(await start(FakeInbox(waits(2, 290.0))), SC_POSITION="3", SC_WAIT=hostile)
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
    assert asked.variables == {"SC_OFFERED": "", "ACD_NEXT": "callback"}
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
    assert inbox.events == [HoldTick(ContactId(UNIQUEID)),
                            CallbackReached(ContactId(UNIQUEID), "PJSIP/trunk-0000000e")]
    assert call.variables["ACD_NEXT"] == "hold" and said(call) == [], "nothing covers the first words"


async def test_who_is_back_keeps_the_old_place_or_gives_it_back(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold_script, "EARLY_S", 0.0)
    back = contact_view(UNIQUEID, position=2, service="temsilci")._replace(has_held_position=True, waited_s=300.0)
    inbox = FakeInbox(back)
    port = await start(inbox)
    first = await tick(port)
    assert said(first) == ["bekleme-donus", "sira-2", "bekleme-donus-sor"]
    assert first.variables["SC_SINCE"] == f"{NOW - 300:.3f}", "the place outlives the node"
    assert said(await tick(port, "1")) == ["bekleme-donus-eski"] and len(inbox.events) == 2
    assert said(await tick(port, "2")) == ["bekleme-tus"], "it is answered"
    own = back._replace(has_held_position=False, position=6, waited_s=4.0)
    inbox = FakeInbox(back, back, lambda event: own if event == HeldPositionDeclined(UNIQUEID) else back, own)
    port = await start(inbox)
    await tick(port)
    declined = await tick(port, "2")
    assert said(declined) == ["bekleme-donus-yeni", "sira-6"] and inbox.events[-1] == HeldPositionDeclined(UNIQUEID)
    assert declined.variables["SC_SINCE"] == f"{NOW - 4:.3f}"
    kind = await start(FakeInbox(back._replace(service="psikososyal")))
    assert said(await tick(kind)) == ["bekleme-donus-destek", "sira-2"]
    assert said(await tick(kind, "2")) == ["bekleme-tus"], "nobody in distress was asked"


async def test_a_key_of_the_menu_that_comes_late_answers_nothing(start: Start) -> None:
    back = contact_view(UNIQUEID, position=2, service="temsilci")._replace(has_held_position=True)
    inbox = FakeInbox(back)
    port = await start(inbox)
    await tick(port)
    assert said(await tick(port, "2")) == ["bekleme-donus", "sira-2", "bekleme-donus-sor"], "it had cut the question"
    assert {type(event) for event in inbox.events} == {HoldTick}


async def test_an_engine_that_dies_on_the_answer_loses_nothing(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold_script, "EARLY_S", 0.0)
    back = contact_view(UNIQUEID, position=2, service="temsilci")._replace(has_held_position=True)
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
    assert inbox.events[-1] == HoldTick(UNIQUEID, "*")
    assert said(await tick(port)) == ["bekleme-teselli-1-yavas"]


@pytest.mark.parametrize(("before", "recorded", "after"), [
    ("heard", False, "refused"), ("refused", False, "refused"), ("", False, ""), ("", True, "refused")])
async def test_a_recording_is_refused_in_the_hold_loop_too(start: Start, before: str, recorded: bool, after: str
                                                           ) -> None:
    """Over the notice too, which no caller has heard by then."""
    settings = replace(SETTINGS, recorded=frozenset({"psikososyal"} if recorded else ()))
    port = await start(FakeInbox(contact_view(UNIQUEID, position=2)), settings=settings)
    await tick(port)
    pressed = await tick(port, "8", SC_NOTICE=before)
    assert pressed.variables["SC_NOTICE"] == after
    assert said(pressed) == (["kayit-istenmedi"] if after else ["bekleme-tus"])
    ringing = await start(FakeInbox(contact_view(UNIQUEID, ContactState.RESERVED)), settings=settings)
    assert (await tick(ringing, "8", SC_NOTICE=before)).variables["SC_NOTICE"] == after


async def test_an_unknown_contact_is_queued_again_with_its_old_place(start: Start) -> None:
    inbox = FakeInbox(None, contact_view(UNIQUEID))
    dialler = await tick(await start(inbox), SC_SERVICE="gorus_oneri", SC_SINCE=f"{NOW - 90:.3f}", SC_PRIORITY="5",
                         SC_SLOW="1", SC_NUMBER="05321234567")
    assert inbox.events[1] == ContactQueued(UNIQUEID, "gorus_oneri", leg="PJSIP/trunk-0000000e", since=NOW - 90,
                                            priority=5, caller_hash="hash(+905321234567)",
                                            number_encrypted="box(+905321234567)", slow=True, node="one")
    assert dialler.variables["ACD_NEXT"] == "hold"


@pytest.mark.parametrize("since", ["", "nan", "inf", "-1", "1e3", str(NOW + 60), str(NOW - 90_000), "1" * 30, "٣"])
async def test_variables_that_make_no_sense_are_not_believed(start: Start, since: str) -> None:
    inbox = FakeInbox(None, contact_view(UNIQUEID))
    await tick(await start(inbox), SC_SERVICE="'; drop", SC_SINCE=since, SC_PRIORITY="999", SC_NUMBER="x")
    assert inbox.events[1] == ContactQueued(UNIQUEID, "temsilci", leg="PJSIP/trunk-0000000e", since=NOW, node="one")


@pytest.mark.parametrize(("answer", "onward"), [
    (InboxClosed(), None), (TimeoutError(), None), (UnknownService(), "fallback"), (None, "fallback"),
    (contact_view(UNIQUEID, ContactState.CANCELED), "fallback"),
    (contact_view(UNIQUEID, ContactState.WRAPPING), "fallback"),
    (contact_view(UNIQUEID, ContactState.COMPLETED), "fallback")])
async def test_where_a_tick_leads(start: Start, answer: Exception, onward: str | None) -> None:
    dialler = await tick(await start(FakeInbox(answer)))
    assert dialler.variables.get("ACD_NEXT") == onward


def test_what_is_remembered_is_bounded() -> None:
    hold = hold_tick.HoldTicks(FakeInbox(), SoundFolder("/sounds", KEYS), None, remembered=3)  # type: ignore[arg-type]
    for number in range(5):
        hold.on_talk_lost(contact_view(f"1.{number}"))
    assert list(hold.heard) == ["1.2", "1.3", "1.4"]


# -- after the talk


async def test_a_lost_talk_goes_back_and_is_told(start: Start) -> None:
    """The request comes before the engine has heard that the bridge is gone: it looks again, and ticks nothing."""
    talking = contact_view(UNIQUEID, ContactState.ASSIGNED, position=0)
    inbox = FakeInbox(contact_view(UNIQUEID))
    inbox.contacts = [(talking,), (talking,), (
        contact_view("1.1"), contact_view(UNIQUEID)._replace(has_talked=True))]
    port = await start(inbox)
    dialler = await Dialler(port, "after-talk").call()
    assert dialler.variables["ACD_NEXT"] == "hold" and inbox.events == []
    assert said(await tick(port)) == ["gorusme-kesildi"]


async def test_a_lost_talk_is_not_told_when_the_next_agent_sends_the_caller_on(start: Start) -> None:
    rings = contact_view(UNIQUEID, ContactState.RESERVED)._replace(has_talked=True)
    sent = contact_view(UNIQUEID, position=7, service="gorus_oneri")._replace(transferred_at=NOW, has_talked=True)
    inbox = FakeInbox(contact_view(UNIQUEID, position=2), rings, sent)
    inbox.contacts = [(rings,), (sent,)]
    port = await start(inbox)
    await tick(port)
    assert (await Dialler(port, "after-talk").call()).variables["ACD_NEXT"] == "hold"
    assert [said(await tick(port)) for _ in range(2)] == [[], ["sira-7"]]
    await Dialler(port, "after-talk").call()
    assert said(await tick(port)) == ["gorusme-kesildi"], "that talk was lost"


@pytest.mark.parametrize("contacts", [(), (contact_view("1.1"),), (contact_view(UNIQUEID, ContactState.WRAPPING),)])
async def test_a_talk_that_is_over(start: Start, contacts: tuple[ContactView, ...]) -> None:
    inbox = FakeInbox()
    inbox.contacts = [contacts]
    dialler = await Dialler(await start(inbox), "after-talk").call()
    assert dialler.variables["ACD_NEXT"] == "bye"


@pytest.mark.parametrize(("linked", "state", "has_talked", "onward"), [
    (False, ContactState.RESERVED, False, ""), (True, ContactState.RESERVED, False, ""),
    (False, ContactState.RESERVED, True, ""), (True, ContactState.RESERVED, True, "hold"),
    (False, ContactState.PENDING, False, ""), (True, ContactState.PENDING, False, ""),
    (False, ContactState.PENDING, True, "hold"), (True, ContactState.PENDING, True, "hold")])
async def test_a_talk_that_began_and_ended_unseen_is_left_to_the_dialplan(
        serve: Serve, monkeypatch: pytest.MonkeyPatch, linked: bool, state: ContactState, has_talked: bool,
        onward: str) -> None:
    """A node with a silent link believes that the phone still rings, or that nobody answered. It knows of a lost talk.
    """
    monkeypatch.setattr(after_talk, "SETTLE_S", 0.15)
    inbox = FakeInbox()
    inbox.contacts = [(contact_view(UNIQUEID, state)._replace(has_talked=has_talked),)]
    dialogues = await serve(inbox)
    dialogues.waiting.linked = lambda: linked
    dialler = await Dialler(dialogues.server.address[1], "after-talk").call()
    assert dialler.variables.get("ACD_NEXT", "") == onward


async def test_a_short_talk_whose_events_come_late_is_waited_for(start: Start) -> None:
    inbox = FakeInbox()
    inbox.contacts = [(contact_view(UNIQUEID, ContactState.RESERVED),),
                      (contact_view(UNIQUEID, ContactState.ASSIGNED)._replace(has_talked=True),), ()]
    dialler = await Dialler(await start(inbox), "after-talk").call()
    assert dialler.variables["ACD_NEXT"] == "bye"


@pytest.mark.parametrize("state", [ContactState.RESERVED, ContactState.ASSIGNED, ContactState.PENDING])
async def test_a_talk_whose_events_wait_for_the_store_is_left_to_the_other_node(start: Start,
                                                                               state: ContactState) -> None:
    """A leader that is cut from its database believes that the phone still rings, and the caller has been served."""
    inbox = FakeInbox()
    inbox.contacts, inbox.held_up = [(contact_view(UNIQUEID, state),)], True
    dialler = await Dialler(await start(inbox), "after-talk").call()
    assert dialler.variables.get("ACD_NEXT", "") == ""


async def test_a_talk_the_engine_never_hears_of_again(start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(after_talk, "SETTLE_S", 0.15)
    inbox = FakeInbox()
    inbox.contacts = [(contact_view(UNIQUEID, ContactState.ASSIGNED),)]
    dialler = await Dialler(await start(inbox), "after-talk").call()
    assert dialler.variables["ACD_NEXT"] == "bye"
