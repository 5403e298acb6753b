"""Each mistake of a menu is found, with its line and a way to fix it; all of them in one reading."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest

from ivr.flow.dialogue_steps import OWN_PROMPTS
from ivr.flow.menu_model import Digits, End, HumanFirst, Menu, Message, Queue, Speech, Transfer
from ivr.flow.sound_checks import MAIN_S, SUB_S
from prompts.manifest import Entry, text_hash
from prompts.prompt_lengths import PromptLengths
from prompts.text_reader import all_prompts
from tests.fakes.menu import BARE_EXAMPLE as EXAMPLE
from tests.fakes.menu import CLOSED_EXAMPLE, LENGTHS, RICH_EXAMPLE, TEXTS, closing, example, read, rich
from tests.ministry import WORDS

pytestmark = pytest.mark.unit


class Planted(NamedTuple):
    """One mistake: `old` becomes `new`, and at the line of `at` (counted from where `new` begins) `what` is found."""

    old: str
    new: str
    at: str
    what: str
    mend: str
    warning: bool = False


def line_of(text: str, part: str, begin: int = 0) -> int:
    return text[: text.index(part, begin)].count("\n") + 1


def broken(old: str, new: str, text: str = EXAMPLE) -> str:
    assert text.count(old) >= 1, old
    return text.replace(old, new, 1)


def spoken_as(texts: dict[str, str] | None = None, seconds: dict[str, float] | None = None) -> PromptLengths:
    """The catalogue with other texts and built lengths."""
    prompts = dict(all_prompts(WORDS))
    for key, text in (texts or {}).items():
        prompts[key] = prompts[key]._replace(text=text)
    built = {key: Entry(key, text_hash(prompts[key].text), "espeak", "", 1.0, 0.0, 0.0, length, "", {}, {})
             for key, length in (seconds or {}).items()}
    return PromptLengths(prompts, built)


def check(text: str, planted: Planted, voice: PromptLengths | None, closed: str | None = "kapali") -> None:
    loaded = read(text, closed, voice)
    found = [problem for problem in loaded.problems if planted.what in problem.what]
    assert found, loaded.problems
    line = line_of(text, planted.at, text.index(planted.new) if planted.new in planted.at else 0)
    assert found[0].where == f"menu.yaml:{line}", found
    assert planted.mend in found[0].mend and str(found[0]).startswith(found[0].where)
    assert found[0].warning is planted.warning and (loaded.flow is None) is not planted.warning
    assert found[0].mend.endswith((".", "?")) and not found[0].what.endswith(".")


# -- the examples


def test_the_examples_are_sound_and_every_prompt_has_a_text() -> None:
    flow = example()
    for text, closed in ((EXAMPLE, "kapali"), (RICH_EXAMPLE, None), (CLOSED_EXAMPLE, "kapali")):
        assert read(text, closed, LENGTHS).problems == ()
    menu = flow.nodes["ana-menu"]
    assert isinstance(menu, Menu) and [option.key for option in menu.options] == ["1", "2", "3", "4", "0"]
    assert isinstance(flow.nodes["karsilama"], Speech) and flow.queue_node("temsilci").service == "temsilci"
    assert flow.prompt_keys() | set(OWN_PROMPTS) <= set(TEXTS)


def test_every_kind_of_node_is_read() -> None:
    flow = rich()
    assert flow.nodes["basvuru"] == Digits("basvuru", "basvuru_no", "sayi", 4, 10, ("basvuru-no-sor",),
                                           "uzaktan-egitim", "temsilci")
    assert flow.nodes["alo183"] == Transfer("alo183", "alo183", ("sosyal-destek-baglanti",), "temsilci",
                                            "https://www.aile.gov.tr")
    assert flow.nodes["mesaj"] == Message("mesaj", "gorus_oneri", 60.0, ("mesaj-gorus",), "mesaj-sonu", "temsilci",
                                          "https://mebim.meb.gov.tr")
    menu = flow.nodes["ingilizce-menu"]
    assert isinstance(menu, Menu) and menu.options[1].needs == (("en", 1),)
    assert flow.human_first == HumanFirst(10, "temsilci")
    assert "digits/7" in flow.prompt_keys() and "yazili-bilgi" in flow.prompt_keys()


# -- the shape, and where nodes lead

HUMAN_FIRST = EXAMPLE[EXAMPLE.index("human_first:"): EXAMPLE.index("\nnodes:")]

SHAPE = [
    Planted("closing: tus", "closng: tus", "closng", "unknown key 'closng'", "Did you mean 'closing'?"),
    Planted("confirm: secildi-gorus-oneri", "confrm: secildi-gorus-oneri", "confrm", "unknown key 'confrm'",
            "'confirm'"),
    Planted("say: ana-menu-2", "say: ana-menu-22", "say: ana-menu-22", "unknown prompt 'ana-menu-22'", "Did you mean"),
    Planted("queue: gorus_oneri", "queue: gorus_onari", "queue: gorus_onari", "unknown service", "'gorus_oneri'"),
    Planted("then: ana-menu", "then: ana-menü", "then: ana-menü", "unknown node", "'ana-menu'"),
    Planted("- key: 3", "- key: 2", "- key: 2\n        say: ana-menu-3", "key 2 appears twice", "its own key"),
    Planted("- key: 4", "- key: 9", "- key: 9", "'9' is reserved", "0 to 8"),
    Planted("- key: 4", "- key: 44", "- key: 44", "'44' is no key", "0 to 8"),
    Planted("    after_failures: temsilci\n", "", "ana-menu:\n    options", "no 'after_failures'", "human"),
    Planted("        confirm: secildi-temsilci\n        then: temsilci", "        confirm: secildi-temsilci\n"
            "        then: gorus-oneri", "then: gorus-oneri\n    closing", "not to the human", "then: temsilci"),
    Planted("- key: 0", "- key: 5", "ana-menu:\n    options", "has no key 0", "key: 0"),
    Planted("human: temsilci", "human: karsilama", "human:", "is not a queue", "queue: <service>"),
    Planted("entries:\n  ana: karsilama", "entries:\n  ana: ana-menu", "karsilama:\n    say", "nobody reaches",
            "option"),
    Planted("notice: kayit-bilgisi", "notice: [kayit-bilgisi, karsilama]", "notice: [", "names several prompts",
            "Name one"),
    Planted("notice: kayit-bilgisi", "notice: kayit-blgisi", "notice: kayit-blgisi", "unknown prompt", "Did you mean"),
    Planted("after_failures: temsilci", "after_failures: ana-menu", "ana-menu:\n    options", "not a queue",
            "temsilci"),
    Planted("    queue: gorus_oneri\n    text: https://mebim.meb.gov.tr", "    say: karsilama\n    then: gorus-oneri",
            "gorus-oneri:\n    say", "loop without a way out", "queue"),
    Planted("queue: psikososyal", "queue: psikososyal\n    priority: 999", "priority: 999", "no whole number",
            "0 to 120"),
    Planted("queue: psikososyal", "queue: psikososyal\n    topics: siddet", "topics: siddet", "no list of words",
            "[siddet]"),
    Planted("queue: psikososyal", "queue: psikososyal\n    topics: []", "topics: []", "no list of words", "[siddet]"),
    Planted("queue: psikososyal", "queue: psikososyal\n    topics: [a, b, c, d, e, f, g, h, i]", "topics: [a",
            "no list of words", "at most 8"),
    Planted("queue: psikososyal", "queue: psikososyal\n    topics: [siddet, şiddet]", "topics: [siddet",
            "a word that cannot be one", "a-z"),
    Planted("queue: psikososyal", "queue: psikososyal\n    topics: [abusive]", "topics: [abusive",
            "a word that cannot be one", "Only agents say"),
    Planted("    queue: psikososyal", "    say: karsilama", "psikososyal:\n    say", "neither", "a similar kind"),
    Planted("queue: psikososyal", "say: karsilama\n    then: temsilci\n    end: true", "psikososyal:\n    say",
            "'end' and 'then'", "keep one"),
    Planted("queue: psikososyal", "end: true", "end: true", "'say' is missing", "say"),
    Planted("queue: psikososyal", "say: karsilama\n    end: false", "end: false",
            "'end' of node 'psikososyal' is not 'true'", "'then'"),
    Planted("queue: psikososyal", "say: karsilama\n    end: true\n    priority: 3", "priority: 3",
            "unknown key 'priority'", "say"),
    Planted("    queue: psikososyal", "    queu: psikososyal", "psikososyal:\n    queu:", "neither",
            "Did you mean 'queue'"),
    Planted("say: karsilama\n", "say: []\n", "say: []", "'say' is empty", "Name a prompt"),
    Planted("  kapali-menu:", "  Kapalı:", "  Kapalı:", "is no name for a node", "a-z"),
    Planted("say: ana-menu-2", "say: ana-menu-1", "say: ana-menu-1\n        confirm: secildi-uzaktan", "say the same",
            "its own sentence"),
    Planted("        then: ihbar-sikayet", "        then: ana-menu", "then: ana-menu\n      - key: 4",
            "leads back to the same menu", "'#' repeats"),
    Planted(HUMAN_FIRST, "human_first: 10\n", "human_first", "'human_first' has no keys",
            "priority: 10"),
    Planted(HUMAN_FIRST, "human_first: {priority: 500}\n", "human_first", "no whole number",
            "0 to 120"),
    Planted("  then: temsilci\n\nnodes", "  then: ana-menu\n\nnodes", "  then: ana-menu",
            "no person follows without a key (rule I20)", "to 'temsilci'"),
    Planted("    queue: gorus_oneri\n    text: https://mebim.meb.gov.tr", "    queue: gorus_oneri\n    text: ftp://x",
            "text: ftp", "neither an https address nor a prompt", "https"),
    Planted("    queue: gorus_oneri\n    text: https://mebim.meb.gov.tr", "    queue: gorus_oneri",
            "gorus-oneri:\n    queue", "no written form (rule I17)", "https", True),
    Planted("        then: gorus-oneri", "        then: ihbar-sikayet", "then: ihbar-sikayet\n      - key: 0",
            "keys 3 and 4 of menu 'ana-menu' lead to the same node", "one option", False),
    Planted("      - key: 1\n        say: ana-menu-1\n        confirm: secildi-psikososyal\n"
            "        then: psikososyal\n", "", "queue: psikososyal", "from the entry 'ana' nobody reaches it",
            "first menu", False),
]
RICH = [
    Planted("input: basvuru_no", "input: Başvuru No", "input: Başvuru No", "no name for what is keyed in", "a-z"),
    Planted("check: sayi", "check: sayı", "check: sayı", "unknown check 'sayı'", "'sayi'"),
    Planted("digits: [4, 10]", "digits: [10, 4]", "digits: [10", "does not say how many", "1 to 20"),
    Planted("    digits: [4, 10]\n", "", "input: basvuru_no", "does not say how many", "1 to 20"),
    Planted("check: sayi", "check: tckn", "digits: [4, 10]", "'tckn' has its own", "Take it out"),
    Planted("check: sayi\n    digits: [4, 10]", "check: tckn\n    keep: encrypted", "keep: encrypted", "national id",
        "keyed hash"),
    Planted("check: sayi", "check: sayi\n    keep: plain", "keep: plain", "unknown way to keep it", "encrypted"),
    Planted("language: en", "language: de", "language: de", "unknown language 'de'", "en, tr"),
    Planted("needs: {en: 1}", "needs: {de: 1}", "needs: {de: 1}", "nobody has the skill 'de'", "team.yaml"),
    Planted("needs: {en: 1}", "needs: {en: 0}", "needs: {en: 0}", "the level of 'en'", "1 to 100"),
    Planted("needs: {en: 1}", "needs: en", "needs: en", "no list of skills", "{en: 1}"),
    Planted("transfer: alo183", "transfer: alo138", "transfer: alo138", "unknown outside number 'alo138'", "'alo183'"),
    Planted("message: gorus_oneri", "message: psikososyal", "message: psikososyal", "may be recorded", "privacy"),
    Planted("max_s: 60", "max_s: 3600", "max_s: 3600", "no length of a spoken message", "10 to 300"),
    Planted("then: mesaj-sonu\n    after_failures: temsilci", "then: mesaj-sonu\n    after_failures: mesaj",
            "after_failures: mesaj\n", "leads back to itself", "'temsilci'"),
    Planted("    say: sosyal-destek-baglanti\n", "", "transfer: alo183", "'say' is missing", "say"),
    Planted("then: uzaktan-egitim\n    after_failures: temsilci", "then: uzaktan-egitim\n    after_failures: mesaj",
            "basvuru:\n    input", "which is not a queue", "'temsilci'"),
    Planted("then: mesaj}", "then: diger-mesaj}", "then: diger-mesaj", "unknown node 'diger-mesaj'", "'diger-menu'"),
    Planted("      - {key: 1, say: ana-menu-1, confirm: secildi-psikososyal, then: psikososyal}\n"
            "      - {key: 2, say: bas", "      - {key: 2, say: bas", "queue: psikososyal", "takes more than one key",
            "first menu"),
    Planted("      - {key: 1, say: sosyal", "      - {key: 4, say: sosyal", "options:\n      - {key: 4",
            "not in their order", "Count upwards", True),
    Planted("      - {key: 2, say: mesaj-menu, confirm: secildi-mesaj, then: mesaj}\n      - {key: 0, say: ana-menu-0, "
            "confirm: secildi-temsilci, then: temsilci}\n",
            "      - {key: 0, say: ana-menu-0, confirm: secildi-temsilci, then: temsilci}\n"
            "      - {key: 2, say: mesaj-menu, confirm: secildi-mesaj, then: mesaj}\n",
            "      - {key: 0, say: ana-menu-0, confirm: secildi-temsilci, then: temsilci}\n      - {key: 2, say: mesaj",
            "key 0 does not come last", "after the other options", True),
    Planted("confirm: secildi-mesaj, then: mesaj}", "confirm: secildi-mesaj, then: temsilci}",
            "then: temsilci}\n      - {key: 0, say: ana-menu-0, confirm: secildi-temsilci, then: temsilci}\n"
            "    closing: geri", "leads to the human, as 0 does", "separate service", False),
]


@pytest.mark.parametrize("planted", SHAPE, ids=lambda one: one.what)
def test_mistakes_of_shape(planted: Planted) -> None:
    text = broken(planted.old, planted.new)
    if "lead to the same node" in planted.what or "nobody reaches it" in planted.what:  # with nodes that nobody reaches
        planted = planted._replace(warning=True)
        text, gone = re.subn(r"(?m)^  gorus-oneri:\n(?:    .+\n)+\n", "", text)
        assert gone == 1
        if "nobody reaches it" in planted.what:
            text = text.replace("        then: gorus-oneri", "        then: uzaktan-egitim").replace(
                "  ana: karsilama", "  ana: karsilama\n  oteki: psikososyal")
    check(text, planted, None)


@pytest.mark.parametrize("planted", RICH, ids=lambda one: one.what)
def test_mistakes_of_the_other_nodes(planted: Planted) -> None:
    text = broken(planted.old, planted.new, RICH_EXAMPLE)
    if "as 0 does" in planted.what:
        planted = planted._replace(warning=True)
        text = text[: text.index("  mesaj:\n")] + text[text.index("  ingilizce:\n"):]
    check(text, planted, None)


# -- what is heard

HEARD = [
    ("the key comes first, and", "Dörde basın, görüş ve öneri için.", "say: ana-menu-4", False),
    ("it says 'üçe', which is key 3", "Görüş ve öneri için, üçe basın.", "say: ana-menu-4", False),
    ("does not say which key to press", "Görüş ve öneri için.", "say: ana-menu-4", False),
    ("'dört' is no key of a telephone as one presses it", "Görüş ve öneri için, dört basın.", "say: ana-menu-4", False),
    ("the key does not come last", "Görüş ve öneri için, dörde basın ve bekleyin.", "say: ana-menu-4", False),
    ("there is no pause before the key", "Görüş ve öneri için dörde basın.", "say: ana-menu-4", True),
]


@pytest.mark.parametrize(("what", "said", "at", "warning"), HEARD, ids=[one[0] for one in HEARD])
def test_an_option_says_its_own_key_last(what: str, said: str, at: str, warning: bool) -> None:
    planted = Planted(at, at, at, what, "ana" if warning else "dörde basın", warning)
    check(EXAMPLE, planted._replace(mend="comma" if warning else "dörde basın"), spoken_as({"ana-menu-4": said}))


@pytest.mark.parametrize(("what", "said"), [("it says '5', which is key 5", "For English, press 5."),
                                            ("does not say which key", "For English, wait.")])
def test_an_english_option_too(what: str, said: str) -> None:
    at = "- {key: 4, say: en/dil-ingilizce"
    check(RICH_EXAMPLE, Planted(at, at, at, what, "press 4."), spoken_as({"en/dil-ingilizce": said}))
    assert read(RICH_EXAMPLE, None, spoken_as({"en/dil-ingilizce": "For English, press four."})).problems == ()


@pytest.mark.parametrize(("key", "said", "what", "at"), [
    ("karsilama", "Türkiye'nin lider kurumuna hoş geldiniz.", "says 'lider…'", "karsilama:\n    say"),
    ("kayit-bilgisi", "Lütfen dikkatle dinleyin, menümüz değişti.", "says 'dikkatle dinle…'", "notice: kayit-bilgisi"),
])
def test_no_adverts(key: str, said: str, what: str, at: str) -> None:
    check(EXAMPLE, Planted(at, at, at, what, "praise", True), spoken_as({key: said}))


def test_a_choice_is_acknowledged_shortly_and_not_with_its_question() -> None:
    text = broken("confirm: secildi-gorus-oneri", "confirm: ana-menu-4")
    check(text, Planted("", "", "confirm: ana-menu-4", "acknowledged with its own question", "sizi bağlı"), LENGTHS)
    at = "confirm: secildi-gorus-oneri"
    check(EXAMPLE, Planted(at, at, at, "acknowledgement of option 4 of menu 'ana-menu' takes 9 s", "only", True),
          spoken_as(seconds={"secildi-gorus-oneri": 9.0}))


def test_the_human_is_heard_in_time_by_the_built_sounds() -> None:
    keys = ("ana-menu-2", "ana-menu-3", "ana-menu-4", "ana-menu-0")
    first = {"karsilama": 2.0, "ana-menu-1": 5.0, "tus-bilgisi": 3.0}
    fits = (MAIN_S - 7.0 - 4 * 0.8) / 4
    at = "- key: 0\n        say: ana-menu-0"
    planted = Planted(at, at, "say: ana-menu-0", "from 'karsilama' the human's key is heard after 30 s, more than 30",
                      "Shorten")
    assert read(EXAMPLE, "kapali", spoken_as(seconds=first | dict.fromkeys(keys, fits - 0.01))).problems == ()
    late = first | dict.fromkeys(keys, fits + 0.1)
    check(EXAMPLE, planted, spoken_as(seconds=late))
    del late["ana-menu-2"]
    estimated = [one for one in read(EXAMPLE, "kapali", spoken_as(seconds=late | {"ana-menu-3": 15.0})).problems
                 if "estimated" in one.what]
    assert estimated and all(one.warning for one in estimated), "what is not built yet only warns"


def test_the_key_for_distress_is_heard_in_time_from_each_entry() -> None:
    seconds = {"karsilama": 3.0, "merkez-kapali": 2.0, "tus-bilgisi": 2.0,
               **{f"ana-menu-{key}": 4.0 for key in "12340"}}
    assert read(EXAMPLE, "kapali", spoken_as(seconds=seconds | {"ana-menu-1": 4.99})).problems == ()
    late = read(EXAMPLE, "kapali", spoken_as(seconds=seconds | {"ana-menu-1": 5.2}))
    assert late.flow is None, "the built sounds decide"
    lines = [number for number, line in enumerate(EXAMPLE.splitlines(), 1) if line.strip() == "say: ana-menu-1"]
    assert [(one.where, one.what) for one in late.problems] == [
        (f"menu.yaml:{line}", f"from '{start}' the key of 'psikososyal', a service for distress, is heard after 8.2 s, "
         "more than 8 (rule I22)") for line, start in zip(lines, ("karsilama", "kapali-karsilama"), strict=True)]
    long = "Kendinizi uzun zamandır çok ama çok kötü ve yalnız hissediyorsanız, bire basın."
    found = [one for one in read(EXAMPLE, "kapali", spoken_as({"ana-menu-1": long})).problems if "I22" in one.what]
    assert len(found) == 2
    assert all(one.warning and one.what.endswith("estimated without the built sounds") for one in found)


def test_a_menu_behind_another_is_shorter() -> None:
    keys = ("menu-son-adim", "sosyal-destek-menu", "mesaj-menu", "ana-menu-0", "geri-bilgisi")
    fits = (SUB_S - 3 * 0.8) / 4
    at = "- {key: 2, say: mesaj-menu, confirm: secildi-mesaj, then: mesaj}\n      - {key: 0"
    planted = Planted(at, at, "- {key: 0, say: ana-menu-0, confirm: secildi-temsilci, then: temsilci}\n    closing: "
                      "geri-bilgisi", "in menu 'diger-menu' the human's key is heard after 20 s, more than 20",
                      "Shorten")
    assert read(RICH_EXAMPLE, None, spoken_as(seconds=dict.fromkeys(keys, fits - 0.01))).problems == ()
    check(RICH_EXAMPLE, planted, spoken_as(seconds=dict.fromkeys(keys, fits + 0.05)))


def test_what_warns_of_sentences() -> None:
    voice = spoken_as(seconds={"tus-bilgisi": 25.0})
    at = "ana-menu:\n    options"
    check(EXAMPLE, Planted(at, at, at, "'tus-bilgisi' of node 'ana-menu' takes 25 s", "two sentences", True), voice)
    prompts = {key: prompt for key, prompt in all_prompts(WORDS).items() if key != "kayit-bilgisi-yavas"}
    at = "notice: kayit-bilgisi"
    check(EXAMPLE, Planted(at, at, at, "has no slow version (rule I8)", "slow: true", True), PromptLengths(prompts, {}))
    prompts = {key: prompt for key, prompt in all_prompts(WORDS).items() if key != "en/ingilizce-menu"}
    at = "ingilizce-menu:\n    options"
    check(RICH_EXAMPLE, Planted(at, at, at, "'ingilizce-menu' of node 'ingilizce-menu' has no text in 'en'",
                                "prompts/en", True), PromptLengths(prompts, {}))
    text = broken("    closing: tus-bilgisi\n", "")
    at = "ana-menu:\n    options"
    check(text, Planted(at, at, at, "tells nobody of # and *", "tus-bilgisi", True), LENGTHS)
    text = broken("then: temsilci}\n    closing: geri-bilgisi", "then: temsilci}", RICH_EXAMPLE)
    at = "diger-menu:\n    options"
    check(text, Planted(at, at, at, "tells nobody the way back, key 9", "geri-bilgisi", True), LENGTHS)
    at = "say: basvuru-no-sor"
    check(RICH_EXAMPLE, Planted(at, at, at, "does not say that # ends", "kareye", True),
          spoken_as({"basvuru-no-sor": "Lütfen başvuru numaranızı girin."}))


def test_many_kinds_are_planted() -> None:
    kinds = {one.what for one in (*SHAPE, *RICH)} | {one[0] for one in HEARD}
    assert len(kinds) > 55


# -- other texts


def test_a_loop_of_speech_nodes_is_found() -> None:
    text = broken("say: karsilama\n    then: ana-menu", "say: karsilama\n    then: soz\n\n  soz:\n    say: karsilama\n"
                  "    then: karsilama")
    found = [problem.what for problem in read(text).problems if "loop" in problem.what]
    assert found == ["node 'karsilama' is in a loop without a way out", "node 'soz' is in a loop without a way out"]


def test_the_key_that_refuses_a_recording_is_no_option() -> None:
    found = read(broken("- key: 4\n        say: ana-menu-4", "- key: 8\n        say: ana-menu-4")).problems
    assert [problem.what for problem in found] == ["key 8 of menu 'ana-menu' is the one that refuses a recording"]
    assert EXAMPLE.splitlines()[int(found[0].where.rpartition(":")[2]) - 1].strip() == "- key: 4"
    without = read(re.sub(r"(?m)^notice: .*\n", "", EXAMPLE).replace("- key: 4\n", "- key: 8\n"))
    assert without.problems == ()


def test_an_end_is_a_way_out() -> None:
    loaded = read(broken("queue: gorus_oneri", "say: merkez-kapali\n    end: true"))
    assert loaded.problems == () and loaded.flow is not None
    assert loaded.flow.nodes["gorus-oneri"] == End("gorus-oneri", ("merkez-kapali",), "https://mebim.meb.gov.tr")
    assert "merkez-kapali" in loaded.flow.prompt_keys()


def test_a_menu_of_the_closed_centre_may_do_without_0_and_end() -> None:
    menu = closing().nodes["kapali-menu"]
    assert isinstance(menu, Menu) and [option.key for option in menu.options] == ["1"]
    ending = CLOSED_EXAMPLE.replace("    after_failures: psikososyal", "    after_failures: son") + (
        "  son:\n    say: merkez-kapali\n    end: true\n    text: yazili-bilgi\n")
    assert read(ending, closed="kapali").problems == ()
    for closed in (None, "ana", "nowhere"):
        told = [problem.what for problem in read(ending, closed=closed).problems]
        assert told and ("menu 'kapali-menu' has no key 0" in told) == (closed != "nowhere"), closed


def test_a_menu_that_open_hours_reach_too_needs_0() -> None:
    more = "      - {key: 2, say: ana-menu-2, confirm: secildi-uzaktan-egitim, then: kapali-menu}\n"
    shared = CLOSED_EXAMPLE.replace("    options:\n", "    options:\n" + more, 1)
    loaded = read(shared, closed="kapali")
    assert [problem.what for problem in loaded.problems] == ["menu 'kapali-menu' has no key 0"]
    assert loaded.problems[0].where == f"menu.yaml:{line_of(shared, 'kapali-menu:')}"


def test_0_of_a_closed_centre_is_the_human_or_absent() -> None:
    text = CLOSED_EXAMPLE.replace("    closing: [merkez-kapali, tus-bilgisi]\n    after_failures: psikososyal",
                                  "      - {key: 0, say: ana-menu-0, confirm: secildi-temsilci, then: psikososyal}\n"
                                  "    after_failures: psikososyal")
    assert "not to the human" in read(text, closed="kapali").problems[0].what


def options(count: int) -> str:
    more = "".join(f"      - {{key: {key}, say: {say}, confirm: secildi-gorus-oneri, then: gorus-oneri}}\n"
                   for key, say in ((5, "mesaj-menu"), (6, "basvuru-menu"))[:count])
    return broken("      - key: 0", more + "      - key: 0")


def test_five_options_are_a_warning_six_an_error() -> None:
    five, six = read(options(1)), read(options(2))
    assert five.flow is not None and all(problem.warning for problem in five.problems)
    assert "5 options besides 0" in five.problems[0].what
    assert six.flow is None and "6 options" in six.problems[0].what


def test_a_third_menu_behind_the_other_is_found() -> None:
    text = EXAMPLE
    for name, then in (("uzaktan-egitim", "iki"), ("iki", "uc")):
        body = (f"  {name}:\n    options:\n"
                f"      - {{key: 1, say: ana-menu-1, confirm: secildi-temsilci, then: {then}}}\n"
                "      - {key: 0, say: ana-menu-0, confirm: secildi-temsilci, then: temsilci}\n"
                "    after_failures: temsilci\n")
        old = "  uzaktan-egitim:\n    queue: uzaktan_egitim\n    text: https://mebim.meb.gov.tr\n"
        text = text.replace(old, body, 1) if name != "iki" else text + body
    text += "  uc:\n    queue: uzaktan_egitim\n    text: https://mebim.meb.gov.tr\n"
    loaded = read(text)
    assert [problem.what for problem in loaded.problems] == ["menu 'iki' is number 3 one behind the other"]


def test_all_problems_come_together_in_the_order_of_lines() -> None:
    text = broken("say: karsilama", "say: karsilam").replace("queue: temsilci", "queue: temsilc", 1)
    loaded = read(text)
    assert [problem.what for problem in loaded.problems] == ["unknown prompt 'karsilam'", "unknown service 'temsilc'"]


def test_a_queue_without_a_twin_is_no_obstacle() -> None:
    loaded = read(broken("\n    text: https://mebim.meb.gov.tr", ""))
    assert loaded.flow is not None and isinstance(loaded.flow.nodes["psikososyal"], Queue)


@pytest.mark.parametrize("text", ["", "- a\n", "nodes: {}\n", "entries: x\nnodes: y\n", "nodes:\n  a:\n  b: []\n",
                                  "nodes:\n  a:\n    options: x\n", "nodes:\n  a:\n    options:\n      - x\n",
                                  "nodes:\n  a: {options: [{key: [1], say: {}, then: {}}]}\n",
                                  "nodes:\n  a: {input: [], check: {}, digits: x, say: 3}\n",
                                  "nodes:\n  a: {queue: [], needs: [x], text: {}}\n  b: {language: {}, needs: {}}\n",
                                  "nodes:\n  a: {message: [], max_s: x, transfer: 3}\n  b: {transfer: {a: 1}}\n"])
def test_shapes_that_are_no_menu_are_problems_not_exceptions(text: str) -> None:
    loaded = read(text, voice=LENGTHS)
    assert loaded.flow is None and loaded.problems
