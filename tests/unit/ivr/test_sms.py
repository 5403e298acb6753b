"""The twin in writing by short message: how long it may be, when it is offered, what a menu may say of it."""

from __future__ import annotations

import math

import pytest

from centres.document_reader import parse_yaml
from ivr.caller.dialable import is_mobile
from ivr.flow import dialogue_machine, sms_text
from ivr.flow.dialogue_steps import (
    Ask,
    DialogueState,
    EndCall,
    EnterQueue,
    Input,
    KeyPressed,
    SendText,
    Silence,
    Step,
    Texted,
)
from ivr.flow.field_reader import KnownNames
from ivr.flow.menu_model import End, MenuFlow, Queue
from ivr.flow.menu_reader import LoadedMenu, load_menu
from ivr.hold import hold_script
from ivr.hold.hold_script import HoldMemory
from ivr.settings import DEFAULT_HOLD
from tests.fakes.inbox import contact_view
from tests.fakes.menu import PROMPTS, RICH_EXAMPLE, SERVICES, SKILLS, example

pytestmark = pytest.mark.unit

LINK = "https://mebim.meb.gov.tr"
QUEUED = "  temsilci:\n    queue: temsilci\n    text: https://mebim.meb.gov.tr\n"
ENDED = "    end: true\n    text: yazili-bilgi\n"


# -- one message

@pytest.mark.parametrize(("text", "size"), [
    ("", (0, 155)), ("abc", (3, 155)), ("çÇ ğĞ ıİ şŞ öÖ üÜ", (24, 155)), ("a" * 155, (155, 155)),
    ("ş" * 78, (156, 155)), ("€[]", (6, 155)), ("Millî", (5, 70)), ("😀", (2, 70)), ("-–", (2, 70)),
    ("î" * 71, (71, 70))])
def test_the_places_of_a_message(text: str, size: tuple[int, int]) -> None:
    """Ç, Ö, ö, Ü, ü are letters of every telephone; ç, ğ, Ğ, ı, İ, ş, Ş come out of the table for Turkish."""
    found = sms_text.text_size(text)
    assert found == size and found.fits_one is (size[0] <= size[1])


def test_the_message_is_in_the_callers_language_or_the_first() -> None:
    node = End("son", (), LINK, (("tr", "Bilgi:"), ("en", "More:")))
    assert [sms_text.message_text(node, one) for one in ("tr", "en")] == [f"Bilgi: {LINK}", f"More: {LINK}"]
    assert sms_text.message_text(node._replace(sms=(("tr", "Bilgi:"),)), "en") == f"Bilgi: {LINK}"
    assert sms_text.message_text(node._replace(sms=())) == ""


def test_the_ministrys_messages_are_one_each() -> None:
    texts = [sms_text.message_text(node) for node in example().nodes.values() if isinstance(node, Queue | End)
        and node.sms]
    assert len(texts) == 3 and all(sms_text.text_size(text).fits_one
        and sms_text.text_size(text).limit == 155 for text in texts)


@pytest.mark.parametrize(("number", "yes"), [
    ("+905321234567", True), ("+903124131000", False), ("+908501234567", False), ("+4915112345678", False),
    ("+90", False), ("", False), ("05321234567", False)])
def test_which_numbers_are_mobiles(number: str, yes: bool) -> None:
    assert is_mobile(number) is yes


# -- in the menu


def ends(text: tuple[tuple[str, str], ...] = (("tr", "Bilgi:"),)) -> MenuFlow:
    """The ministry's menu, where key 2 leads to the end of the call."""
    flow = example()
    return flow._replace(nodes={**flow.nodes, "uzaktan-egitim": End("uzaktan-egitim", ("karsilama",), LINK, text)})


class Caller:
    """A caller who can get short messages, or not. Each character is a key, and `.` is a silence."""

    def __init__(self, flow: MenuFlow, keys: str = "", *, texts: bool = True) -> None:
        self.flow = flow
        self.state: DialogueState
        self.step: Step
        self.state, self.step = dialogue_machine.begin_dialogue(flow, "ana", 0.0, texts=texts)
        self.give(keys)

    def give(self, keys: str = "", told: Input | None = None) -> Step:
        for given in (told,) if told else (Silence() if key == "." else KeyPressed(key) for key in keys):
            self.state, self.step = dialogue_machine.next_step(self.flow, self.state, given, 0.0)
        return self.step

    def said(self) -> tuple[str, ...]:
        return self.step.say


def test_the_end_of_a_call_offers_it_and_says_what_became_of_it() -> None:
    caller = Caller(ends(), "..2.")
    assert isinstance(caller.step, Ask) and caller.said() == ("karsilama", sms_text.OFFER) and caller.step.wait_s == 7.0
    asked = caller.give("6")
    assert isinstance(asked, SendText) and asked.leaf.name == "uzaktan-egitim"
    assert caller.give(told=Texted(sms_text.ON_ITS_WAY)) == EndCall(False, (sms_text.ON_ITS_WAY,))


def test_silence_is_an_answer_and_a_wrong_key_is_told_once() -> None:
    assert Caller(ends(), "..2..").step == EndCall(False, ())
    caller = Caller(ends(), "..2.0")
    assert caller.said() == ("menu-tus-yanlis", sms_text.OFFER)
    assert caller.give("6") and isinstance(caller.step, SendText)
    assert Caller(ends(), "..2.05").step == EndCall(False, ())


def test_it_is_said_again_and_slowly_and_not_for_ever() -> None:
    caller = Caller(ends(), "..2.#")
    assert caller.said() == (sms_text.OFFER,)
    slow = caller.give("*")
    assert isinstance(slow, Ask) and slow.slow and slow.wait_s == 14.0 and caller.said()[-1] == sms_text.OFFER
    for _ in range(dialogue_machine.MAX_ROUNDS):
        caller.give("#")
    assert isinstance(caller.give("##"), EndCall), "a stuck key hears good-bye"


def test_nobody_else_hears_of_it() -> None:
    assert Caller(ends(), "..2.", texts=False).step == EndCall(False, ("karsilama",))
    assert Caller(ends(()), "..2.").step == EndCall(False, ("karsilama",))


def test_who_waits_is_not_kept_in_the_menu_for_it() -> None:
    assert isinstance(Caller(example(), "..2.").step, EnterQueue)


def test_a_closed_service_offers_what_it_has_in_writing_once() -> None:
    caller = Caller(example(), "..2.")
    caller.state, caller.step = dialogue_machine.on_closed(caller.flow, caller.state, told=False)
    assert caller.said() == ("hizmet-kapali", sms_text.OFFER)
    assert isinstance(caller.give("6"), SendText)
    caller.give(told=Texted(sms_text.ON_ITS_WAY))
    assert caller.said()[:2] == (sms_text.ON_ITS_WAY, "ana-menu-1"), "the menu comes again"
    caller.give("2.")
    caller.state, caller.step = dialogue_machine.on_closed(caller.flow, caller.state, told=False)
    assert caller.said()[:2] == ("hizmet-kapali", "ana-menu-1")


def test_another_key_behind_a_closed_service_answers_the_menu() -> None:
    caller = Caller(example(), "..2.")
    caller.state, caller.step = dialogue_machine.on_closed(caller.flow, caller.state, told=True)
    assert caller.said() == (sms_text.OFFER,)
    assert caller.give("0") and caller.said()[0] == "secildi-temsilci"


# -- while waiting


def speak(heard: HoldMemory, waited_s: float, texts_s: float = 25.0) -> list[str]:
    view = contact_view("1.1", position=2, service="temsilci")._replace(waited_s=waited_s)
    return hold_script.choose_sentences(heard, view, DEFAULT_HOLD, 1_000.0 + waited_s, place_s=30.0, comfort_s=600.0,
        texts_s=texts_s)


def test_who_waits_hears_of_it_once_after_a_while() -> None:
    heard = HoldMemory(said_at=1_000.0)
    assert [speak(heard, waited) for waited in (0.0, 15.0, 30.0, 45.0, 300.0)] == [
        ["bekleme-ilk", "sira-2"], [], [sms_text.OFFER], [], []]


def test_who_has_asked_hears_no_offer_and_a_question_comes_first() -> None:
    heard = HoldMemory(said_at=1_000.0)
    speak(heard, 0.0)
    assert hold_script.on_text_result(heard, sms_text.ON_ITS_WAY, 1_005.0) == [sms_text.ON_ITS_WAY]
    assert hold_script.on_text_result(heard, sms_text.ON_ITS_WAY,
        1_006.0) == [sms_text.ON_ITS_WAY], "an answer is given each time"
    assert speak(heard, 30.0) == []
    heard = HoldMemory(said_at=1_000.0)
    speak(heard, 0.0)
    heard.asked_at = 1_020.0
    assert speak(heard, 30.0) == [] and speak(heard, 90.0) == [sms_text.OFFER]
    assert speak(HoldMemory(service=None, said_at=1_000.0), 60.0, math.inf) == ["bekleme-ilk", "sira-2"]


# -- in the file


def read(text: str, *, sends: bool = False) -> LoadedMenu:
    parsed = parse_yaml(text, "menu.yaml")
    assert not parsed.problems, parsed.problems
    return load_menu(parsed.data, KnownNames(PROMPTS, SERVICES, None, {"psikososyal"}, {"psikososyal", "ihbar_sikayet"},
                                   {"alo183"}, SKILLS, {"psikososyal", "ihbar_sikayet"}, sends))


def line(text: str, part: str) -> int:
    return text[:text.index(part)].count("\n") + 1


@pytest.mark.parametrize(("old", "new", "at", "what", "warning"), [
    (QUEUED, f"{QUEUED}    sms: \"{'ş' * 70}\"\n", "    sms", "takes 165 of 155 places", False),
    (QUEUED, f"{QUEUED}    sms: \"Millî Eğitim Bakanlığının yazılı bilgisi şuradadır:\"\n", "    sms",
     "takes 76 of 70 places, because of letters that telephones have no place for: î", False),
    (QUEUED, f"{QUEUED.replace('.tr', '.tr/' + 'a' * 40)}    sms: \"Bilgi:\"\n", "    sms",
     "has 65 letters, more than 60", False),
    (QUEUED, f"{QUEUED}    sms: \"\"\n", "    sms", "is no line of text", False),
    (QUEUED, f"{QUEUED}    sms: {{en: \"More:\"}}\n", "    sms", "has no words in 'tr'", False),
    (QUEUED, f"{QUEUED}    sms: {{tr: \"Bilgi:\", de: \"Mehr:\"}}\n", "    sms", "unknown language 'de'", False),
    (ENDED, f"{ENDED}    sms: \"Bilgi:\"\n", "    sms", "has 'sms' and no link to send", False),
    ("    queue: psikososyal\n", "    queue: psikososyal\n    sms: \"Bilgi:\"\n", "    sms",
     "for distress or anonymous", False),
    (QUEUED, f"{QUEUED}    sms: \"Bilgi:\"\n", "    sms", "has no words in 'en': it is sent in 'tr'", True),
    (QUEUED, f"{QUEUED}    sms: {{tr: \"Bir:\", en: \"One:\"}}\n  baska:\n    queue: temsilci\n    text: {LINK}\n"
     "    sms: {tr: \"İki:\", en: \"Two:\"}\n", "    sms: {tr: \"İki", "are sent 'sms' of 'temsilci'", True),
])
def test_what_is_wrong_is_told_with_its_line(old: str, new: str, at: str, what: str, warning: bool) -> None:
    assert RICH_EXAMPLE.count(old) == 1
    text = RICH_EXAMPLE.replace(old, new, 1)
    if "  baska:" in new:  # reached, or it is another mistake
        text = text.replace("then: mesaj-sonu", "then: baska", 1)
    loaded = read(text)
    found = [one for one in loaded.problems if what in one.what]
    assert found and found[0].where == f"menu.yaml:{line(text, at)}" and found[0].warning is warning, loaded.problems
    assert found[0].mend.endswith(".") or found[0].mend.endswith("?")


def test_a_link_that_nobody_gets_although_there_is_a_gateway() -> None:
    text = RICH_EXAMPLE.replace(QUEUED, f"{QUEUED}    sms: {{tr: \"Bilgi:\", en: \"More:\"}}\n", 1)
    assert [one for one in read(text).problems if "short message" in one.what] == []
    without = [one for one in read(text, sends=True).problems if "nobody gets the link" in one.what]
    assert [one.what.split("'")[1] for one in without] == ["uzaktan-egitim"] and all(one.warning for one in without)
