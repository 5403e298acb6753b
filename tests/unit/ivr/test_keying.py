"""Digits at the caller's own speed, checked, read back and confirmed (rule I13); and the menu's other nodes."""

from __future__ import annotations

import pytest

from ivr.flow import dialogue_machine, digit_checks
from ivr.flow.dialogue_steps import (
    Ask,
    DialogueState,
    EndCall,
    EnterQueue,
    ExternalTransfer,
    Input,
    KeyedInput,
    KeyPressed,
    Recorded,
    RecordMessage,
    Silence,
    Step,
)
from ivr.flow.menu_model import Digits, HumanFirst, Language, MenuFlow, Transfer
from tests.fakes.menu import rich

pytestmark = pytest.mark.unit

TCKN = "10000000146"
"""The example of a sound national id that everybody prints: nobody's."""


class Caller:
    """Walks the machine; `keys`: a character a key, `.` a silence."""

    def __init__(self, flow: MenuFlow | None = None, *, slow: bool = False, human_first: bool = False) -> None:
        self.flow = flow or rich()
        self.state: DialogueState
        self.state, self.step = dialogue_machine.begin_dialogue(self.flow, "ana", 0.0, slow=slow,
            human_first=human_first)

    def give(self, keys: str) -> Step:
        for key in keys:
            given: Input = Silence() if key == "." else KeyPressed(key)
            self.state, self.step = dialogue_machine.next_step(self.flow, self.state, given, 0.0)
        return self.step

    @property
    def asked(self) -> Ask:
        assert isinstance(self.step, Ask), self.step
        return self.step

    @property
    def entered(self) -> EnterQueue:
        assert isinstance(self.step, EnterQueue), self.step
        return self.step


def asking(check: str, least: int, most: int, *, boxed: bool = False) -> MenuFlow:
    """The rich menu, its question changed."""
    flow = rich()
    node = flow.nodes["basvuru"]
    assert isinstance(node, Digits)
    return flow._replace(nodes={**flow.nodes, "basvuru": node._replace(check=check, least=least, most=most,
                                                                       keep_encrypted=boxed)})


def heard(caller: Caller) -> tuple[list[str], float]:
    """Return the sentences, and the time for which a key is awaited."""
    return list(caller.asked.say), caller.asked.wait_s


def at_digits(flow: MenuFlow | None = None, *, slow: bool = False) -> Caller:
    caller = Caller(flow, slow=slow)
    caller.give(".2.")
    assert caller.asked.say == ("basvuru-no-sor",)
    return caller


# -- digits


def test_digits_have_20_seconds_then_5_and_are_read_back() -> None:
    caller = at_digits()
    assert caller.asked.wait_s == 17.0
    caller.give("4")
    assert (caller.asked.say, caller.asked.wait_s) == ((), 5.0)
    caller.give("0632#")
    assert caller.asked.say == ("menu-girilen", "digits/4", "digits/0", "digits/6", "digits/3", "digits/2",
                                "menu-dogru-mu")
    caller.give("1")
    assert caller.entered.queue.service == "uzaktan_egitim"
    assert caller.entered.keyed == (KeyedInput("basvuru_no", "sayi", "40632", False),)
    assert "40632" not in repr(caller.entered.keyed) and "40632" not in repr(caller.state)


def test_enough_digits_and_silence_end_them_and_the_most_end_them_at_once() -> None:
    caller = at_digits()
    assert caller.give("4063.") and caller.asked.say[0] == "menu-girilen"
    caller = at_digits()
    caller.give("1234567890")
    assert caller.asked.say[0] == "menu-girilen" and len(caller.asked.say) == 12


def test_too_few_digits_are_waited_for_then_asked_again_then_a_person() -> None:
    caller = at_digits()
    caller.give("40.")
    assert heard(caller) == (["menu-sure-uyarisi"], 3.0)
    caller.give("6")
    assert heard(caller) == ([], 5.0), "the digits before are kept"
    caller.give("..")
    assert heard(caller) == (["menu-gecersiz", "basvuru-no-sor"], 17.0)
    caller.give("..")
    assert caller.entered.queue.service == "temsilci"
    assert caller.entered.say == ("menu-tus-yok", "menu-temsilciye") and caller.entered.keyed == ()


def test_star_gives_20_seconds_more_and_slow_speech_and_keeps_the_digits() -> None:
    caller = at_digits()
    caller.give("40*")
    assert (caller.asked.say, caller.asked.wait_s, caller.asked.slow) == (("menu-sure-verildi",), 40.0, True)
    caller.give("63")
    assert caller.asked.wait_s == 10.0
    caller.give("2#1")
    assert caller.entered.keyed[0].digits == "40632"
    endless = at_digits()
    endless.give("*" * (dialogue_machine.MAX_ROUNDS + 1) + ".")
    assert endless.entered.queue.service == "temsilci", "a stuck key ends with a person too"


def test_hash_before_a_digit_says_the_question_again() -> None:
    caller = at_digits()
    caller.give("#")
    assert caller.asked.say == ("basvuru-no-sor",)


@pytest.mark.parametrize("key", ["2", "9"])
def test_what_is_wrong_is_keyed_in_again(key: str) -> None:
    caller = at_digits()
    caller.give("40632#" + key)
    assert caller.asked.say == ("basvuru-no-sor",)
    caller.give("4440#1")
    assert [one.digits for one in caller.entered.keyed] == ["4440"]


def test_the_human_is_a_key_away_while_digits_are_read_back() -> None:
    caller = at_digits()
    caller.give("40632#0")
    assert caller.entered.queue.service == "temsilci" and caller.entered.keyed == ()


def test_reading_back_repeats_slows_and_has_its_two_failures() -> None:
    caller = at_digits()
    caller.give("40632#")
    said = caller.asked.say
    caller.give("#")
    assert caller.asked.say == said
    caller.give("*")
    assert caller.asked.say == ("menu-yavas-acildi", *said) and caller.asked.slow
    caller.give("7")
    assert caller.asked.say == ("menu-tus-yanlis", *said), "what was keyed in is not lost"
    caller.give(".")
    assert caller.asked.say == ("menu-sure-uyarisi",)
    caller.give(".")
    assert caller.entered.queue.service == "temsilci"


def test_a_key_pressed_before_the_question_is_the_first_digit() -> None:
    flow = rich()
    early = flow._replace(entries={"ana": "karsilama"}, nodes={**flow.nodes, "karsilama": flow.nodes["karsilama"]
                                                               ._replace(then="basvuru")})  # type: ignore[call-arg]
    caller = Caller(early)
    caller.give("4063#")
    assert caller.asked.say[:2] == ("menu-girilen", "digits/4")


def test_keyed_twice_is_kept_once() -> None:
    caller = at_digits(rich())
    caller.state = caller.state._replace(keyed=(KeyedInput("basvuru_no", "sayi", "1111", False),))
    caller.give("40632#1")
    assert [one.digits for one in caller.entered.keyed] == ["40632"]


@pytest.mark.parametrize(("check", "digits", "right"), [
    ("tckn", TCKN, True), ("tckn", "10000000145", False), ("tckn", "10000000156", False),
    ("tckn", "00000000146", False), ("tckn", "1000000014", False),
    ("telefon", "05321234567", True), ("telefon", "5321234567", True), ("telefon", "0532123456", False),
    ("telefon", "09991234567", False), ("tarih", "24112026", True), ("tarih", "29022026", False),
    ("tarih", "29022028", True), ("tarih", "00112026", False), ("sayi", "0632", True), ("sayi", "06", False),
    ("sayi", "٠٦٣٢", False), ("sayi", "", False)])
def test_checks(check: str, digits: str, right: bool) -> None:
    least, most = {"tckn": (11, 11), "telefon": (10, 11), "tarih": (8, 8), "sayi": (4, 10)}[check]
    node = asking(check, least, most).nodes["basvuru"]
    assert isinstance(node, Digits) and digit_checks.is_valid(node, digits) is right


def test_every_national_id_with_one_wrong_digit_is_found() -> None:
    for place in range(11):
        for digit in "0123456789":
            changed = TCKN[:place] + digit + TCKN[place + 1:]
            assert digit_checks.is_tckn(changed) is (changed == TCKN), changed


def test_a_telephone_number_is_read_back_by_its_groups() -> None:
    caller = at_digits(asking("telefon", 10, 11))
    caller.give("05321234567")
    pieces = caller.asked.say[1:-1]
    assert caller.asked.say[0] == "menu-girilen" and list(pieces).count("pause") == 3


# -- languages, messages, outside numbers


def test_another_language_is_spoken_and_needed_until_one_goes_back() -> None:
    caller = Caller()
    caller.give(".4")
    assert heard(caller)[0] == ["en/secildi-dil"]
    caller.give(".")
    assert caller.asked.language == "en" and heard(caller)[0][0] == "menu-son-adim"
    caller.give("9")
    assert caller.asked.language == "tr" and caller.state.needs == ()
    caller.give("4.2.")
    assert (caller.entered.language, caller.entered.needs) == ("en", (("en", 1),))
    lost = Caller()
    lost.give(".4.77")
    assert (lost.entered.language, lost.entered.queue.service) == ("en", "temsilci")


def test_needs_of_option_language_and_queue_are_all_needed() -> None:
    flow = rich()
    queue = flow.queue_node("uzaktan-egitim")._replace(needs=(("en", 40), ("isaret", 5)))
    node = flow.nodes["ingilizce"]
    assert isinstance(node, Language)
    spoken = node._replace(needs=(("sabir", 9),))
    caller = Caller(flow._replace(nodes={**flow.nodes, "uzaktan-egitim": queue, "ingilizce": spoken}))
    caller.give(".4.2.")
    assert caller.entered.needs == (("sabir", 9), ("en", 40), ("isaret", 5))


def test_a_message_is_taken_and_thanked_for_or_a_person_comes() -> None:
    caller = Caller()
    caller.give(".3.2.")
    assert caller.step == RecordMessage("gorus_oneri", 60.0, False, ("mesaj-gorus",))
    _, kept = dialogue_machine.next_step(caller.flow, caller.state, Recorded(True), dialogue_machine.MAX_CALL_S + 1)
    assert kept == EndCall(False, ("mesaj-tesekkur", "yazili-bilgi")), "however long it took"
    _, lost = dialogue_machine.next_step(caller.flow, caller.state, Recorded(False), 0.0)
    assert isinstance(lost, EnterQueue) and lost.queue.service == "temsilci"


def test_an_outside_number_and_the_way_back_when_nobody_answers() -> None:
    caller = Caller(slow=True)
    caller.give(".3.1.")
    assert caller.step == ExternalTransfer("alo183", "temsilci", True, ("sosyal-destek-baglanti",))
    state, step = dialogue_machine.resume_dialogue(caller.flow, "temsilci", 0.0, slow=True)
    assert isinstance(step, EnterQueue) and step.say == ("menu-aktarilamadi", "menu-temsilciye") and step.slow
    state, step = dialogue_machine.resume_dialogue(caller.flow, "diger-menu", 0.0, language="en", needs=(("en", 1),))
    assert isinstance(step, Ask) and step.say[0] == "menu-aktarilamadi" and step.language == "en"
    state, step = dialogue_machine.next_step(caller.flow, state, KeyPressed("0"), 1.0)
    state, step = dialogue_machine.next_step(caller.flow, state, Silence(), 1.0)
    assert isinstance(step, EnterQueue) and step.needs == (("en", 1),)
    _, gone = dialogue_machine.resume_dialogue(caller.flow, "a-node-of-the-menu-before", 0.0)
    assert isinstance(gone, EnterQueue) and gone.queue.service == "temsilci"


def test_who_asked_for_a_person_has_their_points_and_their_own_beginning() -> None:
    flow = rich()
    caller = Caller(flow._replace(human_first=HumanFirst(10)), human_first=True)
    caller.give(".1.")
    assert caller.entered.queue.priority == 10
    own = Caller(flow, human_first=True)
    assert own.asked.say == ("temsilci-hatirlandi",)
    own.give(".")
    assert own.entered.queue.service == "temsilci" and own.entered.queue.priority == 10
    assert Caller(flow._replace(human_first=None), human_first=True).asked.say[0] == "karsilama"


# -- the pause, the step, the last seconds


def test_i19_a_second_star_is_a_pause_that_any_key_ends() -> None:
    caller = Caller()
    caller.give(".*")
    assert caller.asked.say[0] == "menu-yavas-acildi"
    for end in ("5", "."):
        caller.give("*")
        assert (caller.asked.say, caller.asked.wait_s) == (("menu-ara",), dialogue_machine.PAUSE_S)
        caller.give(end)
        assert caller.asked.say[0] == "ana-menu-1" and caller.state.failures == 0
    assert dialogue_machine.PAUSE_S == 60.0


def test_i15_a_menu_behind_another_says_so_once() -> None:
    caller = Caller()
    caller.give(".3.")
    assert caller.asked.say[:2] == ("menu-son-adim", "sosyal-destek-menu")
    caller.give("#")
    assert caller.asked.say[0] == "sosyal-destek-menu"
    caller.give("9")
    assert caller.asked.say[0] == "ana-menu-1"


@pytest.mark.parametrize("node", ["basvuru", "mesaj", "alo183"])
def test_a_dialogue_without_end_has_a_refuge_from_every_node(node: str) -> None:
    flow = rich()
    _, step = dialogue_machine.next_step(flow, DialogueState(node, 0.0, phase="keys"), Silence(),
        dialogue_machine.MAX_CALL_S + 1)
    assert isinstance(step, EnterQueue) and step.queue.service == "temsilci"
    loop = flow.nodes["alo183"]
    assert isinstance(loop, Transfer)
    round_and_round = flow._replace(nodes={**flow.nodes, "alo183": loop._replace(after_failures="alo183")})
    _, step = dialogue_machine.next_step(round_and_round, DialogueState("alo183", 0.0), Silence(),
        dialogue_machine.MAX_CALL_S + 1)
    assert isinstance(step, EnterQueue) and step.queue.service == "temsilci"


# -- who knows the way


def test_a_key_during_the_acknowledgement_answers_the_next_menu() -> None:
    caller = Caller()
    caller.give(".32")
    assert caller.asked.say == ("secildi-mesaj",), "without a word of the menu between"
    nervous = Caller()
    nervous.give(".33")
    assert nervous.asked.say[:2] == ("menu-son-adim", "sosyal-destek-menu") and nervous.state.failures == 0
    for other in "*#":
        same = Caller()
        same.give(".3" + other)
        assert same.asked.say[0] == "menu-son-adim"


def test_a_key_during_the_acknowledgement_is_the_first_digit() -> None:
    caller = Caller()
    caller.give(".2" + "4063#")
    assert caller.asked.say[:2] == ("menu-girilen", "digits/4")


def test_a_key_before_a_queue_is_nothing() -> None:
    caller = Caller()
    caller.give(".17")
    assert caller.entered.queue.service == "psikososyal" and caller.entered.say == ()
