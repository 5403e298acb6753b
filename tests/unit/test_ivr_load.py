"""Each mistake of a menu is found, with its line and the way to mend it; all of them in one reading."""

from __future__ import annotations

import pytest

from ivr.app import OWN_PROMPTS
from ivr.flow.model import End, Menu, Queue, Speech
from tests.fakes.menu import CLOSED_EXAMPLE, EXAMPLE, TEXTS, closing, example, read

pytestmark = pytest.mark.unit


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def broken(old: str, new: str) -> str:
    assert EXAMPLE.count(old) >= 1, old
    return EXAMPLE.replace(old, new, 1)


def test_the_example_is_sound_and_every_prompt_has_a_text() -> None:
    flow = example()
    assert read(EXAMPLE).problems == ()
    menu = flow.nodes["ana-menu"]
    assert isinstance(menu, Menu) and [option.key for option in menu.options] == ["1", "2", "3", "4", "0"]
    assert isinstance(flow.nodes["karsilama"], Speech) and flow.queue("temsilci") == Queue("temsilci", "temsilci")
    assert flow.prompts() | OWN_PROMPTS <= set(TEXTS)


@pytest.mark.parametrize(("old", "new", "at", "what", "mend"), [
    ("closing: tus", "closng: tus", "closng", "unknown key 'closng'", "Did you mean 'closing'?"),
    ("confirm: secildi-gorus-oneri", "confrm: secildi-gorus-oneri", "confrm", "unknown key 'confrm'", "'confirm'"),
    ("say: ana-menu-2", "say: ana-menu-22", "say: ana-menu-22", "unknown prompt 'ana-menu-22'", "Did you mean"),
    ("queue: gorus_oneri", "queue: gorus_onari", "queue: gorus_onari", "unknown service", "'gorus_oneri'"),
    ("then: ana-menu", "then: ana-menü", "then: ana-menü", "unknown node", "'ana-menu'"),
    ("- key: 3", "- key: 2", "- key: 2\n        say: ana-menu-3", "key 2 stands twice", "its own key"),
    ("- key: 4", "- key: 9", "- key: 9", "'9' is reserved", "0 to 8"),
    ("- key: 4", "- key: 44", "- key: 44", "'44' is no key", "0 to 8"),
    ("    after_failures: temsilci\n", "", "ana-menu:\n    options", "no 'after_failures'", "human"),
    ("        confirm: secildi-temsilci\n        then: temsilci", "        confirm: secildi-temsilci\n"
     "        then: gorus-oneri", "then: gorus-oneri\n    closing", "not to the human", "then: temsilci"),
    ("- key: 0", "- key: 5", "ana-menu:\n    options", "has no key 0", "key: 0"),
    ("human: temsilci", "human: karsilama", "human:", "is not a queue", "queue: <service>"),
    ("entries:\n  ana: karsilama", "entries:\n  ana: kayit-bilgisi", "karsilama:\n    say", "nobody reaches", "option"),
    ("after_failures: temsilci", "after_failures: ana-menu", "ana-menu:\n    options", "not a queue", "temsilci"),
    ("  gorus-oneri:\n    queue: gorus_oneri", "  gorus-oneri:\n    say: karsilama\n    then: gorus-oneri",
     "gorus-oneri:\n    say", "loop without a way out", "queue"),
    ("queue: psikososyal", "queue: psikososyal\n    priority: 999", "priority", "no whole number", "0 to 120"),
    ("queue: psikososyal", "say: karsilama", "psikososyal:\n    say", "neither",
     "speech, a menu, a queue or an end"),
    ("queue: psikososyal", "say: karsilama\n    then: temsilci\n    end: true", "psikososyal:\n    say",
     "'then' and 'end'", "keep one"),
    ("queue: psikososyal", "end: true", "end: true", "'say' is missing", "say"),
    ("queue: psikososyal", "say: karsilama\n    end: false", "end: false", "'end' of node 'psikososyal' is not 'true'",
     "'then'"),
    ("queue: psikososyal", "say: karsilama\n    end: true\n    priority: 3", "priority", "unknown key 'priority'",
     "say"),
    ("after_failures: temsilci\n\n  psikososyal:\n    queue: psikososyal",
     "after_failures: psikososyal\n\n  psikososyal:\n    say: karsilama\n    end: true", "ana-menu:\n    options",
     "not a queue", "temsilci"),
    ("    queue: psikososyal", "    queu: psikososyal", "psikososyal:\n    queu:", "neither", "Did you mean 'queue'"),
    ("say: karsilama\n", "say: []\n", "say: []", "'say' is empty", "Name a prompt"),
])
def test_mistakes(old: str, new: str, at: str, what: str, mend: str) -> None:
    text = broken(old, new)
    loaded = read(text)
    assert loaded.flow is None
    found = [problem for problem in loaded.problems if what in problem.what]
    assert found, loaded.problems
    assert found[0].where == f"menu.yaml:{line_of(text, at)}"
    assert mend in found[0].mend and str(found[0]).startswith(found[0].where)


def test_a_loop_of_speech_nodes_is_found() -> None:
    text = broken("say: kayit-bilgisi\n    then: ana-menu", "say: kayit-bilgisi\n    then: karsilama")
    found = [problem.what for problem in read(text).problems if "loop" in problem.what]
    assert found == ["node 'karsilama' is in a loop without a way out",
                     "node 'kayit-bilgisi' is in a loop without a way out"]


def test_an_end_is_a_way_out() -> None:
    loaded = read(broken("queue: gorus_oneri", "say: merkez-kapali\n    end: true"))
    assert loaded.problems == () and loaded.flow is not None
    assert loaded.flow.nodes["gorus-oneri"] == End("gorus-oneri", ("merkez-kapali",))
    assert "merkez-kapali" in loaded.flow.prompts()


def test_a_menu_of_the_closed_centre_may_do_without_0_and_end() -> None:
    menu = closing().nodes["kapali-menu"]
    assert isinstance(menu, Menu) and [option.key for option in menu.options] == ["1"]
    ending = CLOSED_EXAMPLE.replace("    after_failures: psikososyal", "    after_failures: son") + (
        "  son:\n    say: merkez-kapali\n    end: true\n")
    assert read(ending, closed="kapali").problems == ()
    for closed in (None, "ana", "nowhere"):
        told = [problem.what for problem in read(ending, closed=closed).problems]
        assert "menu 'kapali-menu' has no key 0" in told, closed


def test_a_menu_that_open_hours_reach_too_needs_0() -> None:
    more = "      - {key: 2, say: ana-menu-2, confirm: secildi-uzaktan-egitim, then: kapali-menu}\n"
    shared = CLOSED_EXAMPLE.replace("    options:\n", "    options:\n" + more, 1)
    loaded = read(shared, closed="kapali")
    assert [problem.what for problem in loaded.problems] == ["menu 'kapali-menu' has no key 0"]
    assert loaded.problems[0].where == f"menu.yaml:{line_of(shared, 'kapali-menu:')}"


def test_0_of_a_closed_centre_is_the_human_or_absent() -> None:
    text = CLOSED_EXAMPLE.replace("    after_failures: psikososyal", "      - {key: 0, say: ana-menu-0, confirm: "
                                  "secildi-temsilci, then: psikososyal}\n    after_failures: psikososyal")
    assert "not to the human" in read(text, closed="kapali").problems[0].what


def options(count: int) -> str:
    more = "".join(f"      - {{key: {key}, say: ana-menu-4, confirm: secildi-gorus-oneri, then: gorus-oneri}}\n"
                   for key in range(5, 5 + count))
    return broken("      - key: 0", more + "      - key: 0")


def test_five_options_are_a_warning_six_an_error() -> None:
    five, six = read(options(1)), read(options(2))
    assert five.flow is not None and [problem.warning for problem in five.problems] == [True]
    assert six.flow is None and "6 options" in six.problems[0].what


def test_a_third_menu_behind_the_other_is_found() -> None:
    text = EXAMPLE
    for name, then in (("uzaktan-egitim", "iki"), ("iki", "uc")):
        body = (f"  {name}:\n    options:\n"
                f"      - {{key: 1, say: ana-menu-1, confirm: secildi-temsilci, then: {then}}}\n"
                "      - {key: 0, say: ana-menu-0, confirm: secildi-temsilci, then: temsilci}\n"
                "    after_failures: temsilci\n")
        text = text.replace("  uzaktan-egitim:\n    queue: uzaktan_egitim\n", body, 1) if name != "iki" else text + body
    text += "  uc:\n    queue: uzaktan_egitim\n"
    loaded = read(text)
    assert [problem.what for problem in loaded.problems] == ["menu 'iki' is number 3 one behind the other"]


def test_all_problems_come_together_in_the_order_of_lines() -> None:
    text = broken("say: karsilama", "say: karsilam").replace("queue: temsilci", "queue: temsilc", 1)
    loaded = read(text)
    assert [problem.what for problem in loaded.problems] == ["unknown prompt 'karsilam'", "unknown service 'temsilc'"]


@pytest.mark.parametrize("text", ["", "- a\n", "nodes: {}\n", "entries: x\nnodes: y\n", "nodes:\n  a:\n  b: []\n",
                                  "nodes:\n  a:\n    options: x\n", "nodes:\n  a:\n    options:\n      - x\n",
                                  "nodes:\n  a: {options: [{key: [1], say: {}, then: {}}]}\n"])
def test_shapes_that_are_no_menu_are_problems_not_exceptions(text: str) -> None:
    loaded = read(text)
    assert loaded.flow is None and loaded.problems
