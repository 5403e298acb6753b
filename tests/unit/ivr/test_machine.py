"""The rules of accessible menus that a machine can hold (I1 to I18)."""

from __future__ import annotations

import re

import pytest

from ivr.flow import dialogue_machine
from ivr.flow.dialogue_steps import Ask, DialogueState, EndCall, EnterQueue, Input, KeyPressed, Silence, Step
from ivr.flow.menu_model import Menu, MenuFlow, Speech
from tests.fakes.menu import TEXTS, closing, example, rich

pytestmark = pytest.mark.unit

OPTIONS = ("ana-menu-1", "ana-menu-2", "ana-menu-3", "ana-menu-4", "ana-menu-0", "tus-bilgisi")


class Caller:
    """Walks the machine; `keys`: a character a key, `.` a silence."""

    def __init__(self, flow: MenuFlow | None = None, slow: bool = False, entry: str = "ana") -> None:
        self.flow = flow or example()
        self.state: DialogueState
        self.state, self.step = dialogue_machine.begin_dialogue(self.flow, entry, 0.0, slow=slow)
        self.now = 0.0

    def give(self, keys: str) -> Step:
        for key in keys:
            given: Input = Silence() if key == "." else KeyPressed(key)
            self.state, self.step = dialogue_machine.next_step(self.flow, self.state, given, self.now)
        return self.step

    def asked(self) -> Ask:
        assert isinstance(self.step, Ask)
        return self.step

    def entered(self) -> EnterQueue:
        assert isinstance(self.step, EnterQueue)
        return self.step


@pytest.mark.parametrize(("key", "service"), [("1", "psikososyal"), ("2", "uzaktan_egitim"), ("3", "ihbar_sikayet"),
                                              ("4", "gorus_oneri"), ("0", "temsilci")])
def test_keys_lead_to_their_service(key: str, service: str) -> None:
    caller = Caller()
    assert caller.asked().say == ("karsilama",)
    caller.give(".")
    assert caller.asked().say == OPTIONS
    caller.give(key)
    assert caller.entered().say[0].startswith("secildi-"), "I12: acknowledged"
    assert (caller.entered().queue.service, caller.entered().key) == (service, key), "queued at the key"


def test_i2_option_first_then_key() -> None:
    for key in OPTIONS[:-1]:
        assert TEXTS[key].endswith("basın.") and re.match(r"[^,]+(için|hissediyorsanız), \w+ basın\.", TEXTS[key])


def test_i4_i5_i6_pauses_and_times() -> None:
    caller = Caller()
    caller.give(".")
    ask = caller.asked()
    assert (ask.pause_s, ask.wait_s) == (0.8, 4.0)
    caller.give(".")
    assert (caller.asked().say, caller.asked().wait_s) == (("menu-sure-uyarisi",), 3.0)
    for _ in range(2):
        caller.give("*")
        assert (caller.asked().say, caller.asked().wait_s) == (("menu-sure-verildi",), 2 * 17.0)
        assert caller.asked().slow, "in the last seconds * is more time and slow speech together"
        caller.give(".")
    assert caller.asked().say == ()
    caller.give(".")
    assert caller.asked().say[0] == "menu-tus-yok"


def test_i7_repeat_slow_and_back_at_the_top() -> None:
    caller = Caller()
    caller.give(".#")
    assert caller.asked().say == OPTIONS
    caller.give("9")
    assert caller.asked().say == ("menu-en-basta", *OPTIONS)
    caller.give("*")
    assert caller.asked().say == ("menu-yavas-acildi", *OPTIONS)
    assert caller.state.failures == 0


def test_i8_slow_mode_doubles_silences_and_stays() -> None:
    caller = Caller()
    caller.give(".*")
    assert (caller.asked().slow, caller.asked().pause_s, caller.asked().wait_s) == (True, 1.6, 8.0)
    caller.give("1")
    assert caller.entered().slow
    assert Caller(slow=True).asked().slow


def test_i8_slow_is_offered_on_the_first_error() -> None:
    caller = Caller()
    caller.give(".7")
    assert caller.asked().say == ("menu-tus-yanlis", "menu-yavas-onerisi", *OPTIONS)


@pytest.mark.parametrize("keys", [".77", ".....", ".7..", "...7"])
def test_i9_two_failures_lead_to_the_human(keys: str) -> None:
    caller = Caller()
    caller.give(keys)
    entered = caller.entered()
    assert entered.queue.service == "temsilci" and entered.say[-1] == "menu-temsilciye"


def test_i11_no_adverts_and_i16_the_human_is_reached_in_time() -> None:
    heard = ("karsilama", *OPTIONS[:5])
    # Nine letters a second is slower than any voice in use; a pause after each option.
    assert sum(len(TEXTS[key]) for key in heard) / 9 + 5 * dialogue_machine.OPTION_PAUSE_S < 30


def test_i14_nine_takes_a_choice_back() -> None:
    """From the queue too, in which the caller waits already."""
    caller = Caller()
    caller.give(".1")
    assert caller.entered().say == ("secildi-psikososyal",)
    caller.state, caller.step = dialogue_machine.take_choice_back(caller.flow, caller.state)
    assert caller.asked().say == OPTIONS and caller.state.path == ()
    caller.give("2")
    assert (caller.entered().queue.service, caller.entered().key) == ("uzaktan_egitim", "2")
    behind = Caller(rich())
    behind.give(".3")
    assert behind.asked().say == ("secildi-diger",) and 0 < behind.asked().wait_s <= 1
    behind.give("9")
    assert behind.asked().say[0] == "ana-menu-1"
    behind.give("3.0")
    assert behind.entered().queue.service == "temsilci"
    behind.state, behind.step = dialogue_machine.take_choice_back(behind.flow, behind.state)
    assert behind.state.node == "diger-menu" and behind.asked().say[0] == "sosyal-destek-menu", "one step back"


@pytest.mark.parametrize("before", ["*", "7"])
def test_who_needs_time_is_told_how_to_go_back(before: str) -> None:
    caller = Caller()
    caller.give("." + before + "1")
    assert caller.entered().say == ("secildi-psikososyal", "geri-bilgisi")


def test_a_key_during_the_greeting_answers_the_menu() -> None:
    caller = Caller()
    caller.give("2")
    assert caller.entered().say == ("secildi-uzaktan-egitim",)


def test_a_stuck_key_and_a_call_without_end_lead_to_the_human() -> None:
    caller = Caller()
    caller.give("." + "#" * dialogue_machine.MAX_ROUNDS)
    assert isinstance(caller.step, Ask)
    caller.give("##")
    assert caller.entered().queue.service == "temsilci"
    late = Caller()
    late.now = dialogue_machine.MAX_CALL_S + 1
    late.give(".")
    assert late.entered().queue.service == "temsilci"


TO_END = ("after_failures: psikososyal\n\n  psikososyal", "after_failures: son\n\n  son:\n    say: merkez-kapali\n"
          "    end: true\n\n  psikososyal")


def test_an_end_says_its_sentences_and_nobody_is_promised_a_person() -> None:
    flow = closing(TO_END)
    straight = flow._replace(entries={**flow.entries, "kapali": "son"})
    assert Caller(straight, entry="kapali").step == EndCall(False, ("merkez-kapali",))
    assert Caller(straight, slow=True, entry="kapali").step == EndCall(True, ("merkez-kapali",))
    assert Caller(flow, entry="kapali").give("77") == EndCall(False, ("menu-tus-yanlis", "merkez-kapali"))
    state, again = dialogue_machine.next_step(straight, DialogueState("son", 0.0), Silence(), 1.0)
    assert (state.node, again) == ("son", EndCall(False, ("merkez-kapali",)))


def test_distress_is_served_while_the_centre_is_closed() -> None:
    caller = Caller(closing(), entry="kapali")
    assert caller.asked().say == ("karsilama",)
    assert caller.give(".").say[:2] == ("ana-menu-1", "merkez-kapali"), "the way to help comes first"
    caller.give("1")
    assert caller.entered().queue.service == "psikososyal"
    silent = Caller(closing(), entry="kapali")
    silent.give("00")
    assert silent.entered().queue.service == "psikososyal", "without 0 it is a wrong key like others"


@pytest.mark.parametrize("then", ["psikososyal", "son"])
def test_a_dialogue_without_end_in_a_closed_centre_never_leads_to_absent_people(then: str) -> None:
    flow = closing() if then == "psikososyal" else closing(TO_END)
    for keys in ("#" * (dialogue_machine.MAX_ROUNDS + 2), "late"):
        caller = Caller(flow, entry="kapali")
        if keys == "late":
            caller.now, keys = dialogue_machine.MAX_CALL_S + 1, "."
        caller.give(keys)
        if then == "son":
            assert caller.step == EndCall(False, ("merkez-kapali",))
        else:
            assert caller.entered().queue.service == "psikososyal"


def test_the_machine_is_a_function() -> None:
    flow = example()
    state, _ = dialogue_machine.begin_dialogue(flow, "ana", 5.0)
    before = state
    assert dialogue_machine.next_step(flow, state, KeyPressed("1"), 6.0) == dialogue_machine.next_step(flow, state,
        KeyPressed("1"), 6.0)
    assert state == before
    with pytest.raises(KeyError):
        dialogue_machine.begin_dialogue(flow, "nowhere", 0.0)


@pytest.mark.parametrize("keys", [".8", "..8", "8", ".9#8", ".**8"])
def test_a_recording_is_refused_in_every_menu(keys: str) -> None:
    caller = Caller()
    caller.give(keys)
    assert caller.state.notice == "refused"
    assert caller.asked().say[0] == "kayit-istenmedi" and caller.asked().say[-1] == "tus-bilgisi"
    assert caller.state.failures == 0, "no wrong key"
    caller.give("2")
    assert caller.entered().queue.service == "uzaktan_egitim"
    assert caller.state.notice == "refused"


def test_a_recording_is_refused_while_a_choice_is_acknowledged() -> None:
    caller = Caller(rich())
    caller.give(".3")
    assert caller.give("8") == caller.asked()
    assert (caller.asked().say[0], caller.state.notice) == ("kayit-istenmedi", "refused")
    assert caller.state.node == "diger-menu", "the choice stands"


@pytest.mark.parametrize("keys", ["8", "." + "#" * (dialogue_machine.MAX_ROUNDS + 1) + "8"])
def test_a_refusal_that_no_menu_takes_any_more_stands(keys: str) -> None:
    """Pressed in a sentence behind which callers wait at once, or when the dialogue is over by its length."""
    flow = example()
    hello, menu = flow.nodes["karsilama"], flow.entries["ana"]
    straight = flow._replace(entries={"ana": menu, "dogru": "karsilama"},
                             nodes={**flow.nodes, "karsilama": hello._replace(then=flow.human)})
    caller = Caller(straight, entry="dogru") if keys == "8" else Caller()
    caller.give(keys)
    assert "kayit-istenmedi" in caller.entered().say and caller.state.notice == "refused"
    assert caller.state.typed == ""


def test_a_refusal_is_not_lost_to_the_next_key_pressed_over_words() -> None:
    """`8` in the greeting, and a digit of the menu in a sentence behind it."""
    flow = example()
    caller = Caller(flow._replace(nodes={**flow.nodes, "karsilama": Speech("karsilama", ("karsilama",), "soz"),
                                         "soz": Speech("soz", ("merkez-kapali",), "ana-menu")}))
    caller.give("80")
    assert (caller.entered().say, caller.state.notice) == (("kayit-istenmedi", "secildi-temsilci"), "refused")


def test_sentences_before_a_queue_are_heard_in_the_queue() -> None:
    flow = example()
    menu = flow.nodes["ana-menu"]
    assert isinstance(menu, Menu)
    nodes = {**flow.nodes, "soz": Speech("soz", ("merkez-kapali",), "uzaktan-egitim"), "ana-menu": menu._replace(
        options=tuple(one._replace(then="soz") if one.key == "2" else one for one in menu.options))}
    caller = Caller(flow._replace(nodes=nodes))
    caller.give(".2")
    assert (caller.entered().say, caller.state.node) == (("secildi-uzaktan-egitim", "merkez-kapali"), "uzaktan-egitim")


def test_a_refusal_stands_when_the_menu_begins_again() -> None:
    state, step = dialogue_machine.begin_dialogue(example(), "ana", 0.0, notice="refused")
    state, step = dialogue_machine.next_step(example(), state, Silence(), 0.0)
    assert isinstance(step, Ask) and step.say == OPTIONS
    assert state.notice == "refused"
