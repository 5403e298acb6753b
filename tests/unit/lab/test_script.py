"""Scripts as an operator writes them: read whole, every mistake with its line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from centres.centre_reader import load_centre as load_centre
from lab.errors import BadInput
from lab.phones import network_conf
from lab.script import runner
from lab.script.model import (
    WITHIN_S,
    Acts,
    Announcement,
    Begins,
    CallersAhead,
    CallScript,
    Comes,
    Ends,
    HangsUp,
    Hears,
    HearsNot,
    Leaves,
    Music,
    NodeStep,
    Presses,
    Says,
    ScriptAgent,
    ScriptCall,
    Talks,
    Waits,
)
from lab.script.reader import BEHAVIOURS, HEAD, MAX_AGENTS, MAX_STEPS, load_script
from lab.script.steps import STEPS, ScriptVocabulary
from tests.ministry import MEB

pytestmark = pytest.mark.unit

KNOWN = ScriptVocabulary({"karsilama", "ana-menu-1", "sira-2", "system/goodbye"}, ["psikososyal", "gorus_oneri"],
    ["a1001"],
              ["4440632", "ana"], {"sira-2"})
TRUNK = ScriptVocabulary(KNOWN.prompts, None, None, None, KNOWN.waiting)

WHOLE = """\
ad: Her şey
arar: ana
kimden: 05001234567
hizmet: psikososyal
onunde: {kac: 2, basar: 1}
temsilciler:
  - psikososyal: cevaplar 1.5 sn
  - gorus_oneri: cevaplamaz
  - a1001: sonra mesgul
adimlar:
  - duyar: [karsilama, "ana-menu-1, 7 sn"]
  - baslar: ana-menu-1, 2 dk
  - basar: 1
  - basar: "*#05"
  - bekler: 5 sn
  - soyler: 500 sn
  - muzik: 3 sn
  - muzik: 3 sn, 30 sn
  - duymaz: sira-2, 10 sn
  - konusur: psikososyal
  - konusur: a1001, 60 sn
  - temsilci: kapatir
  - temsilci: basar *2
  - onundeki: kapatir
  - temsilci: gelir
  - kapanir: 9 sn
  - temsilci: gelir
  - onundeki: kapatir
  - bekler: 2 sn
  - dugum: durur
  - arar
  - kapatir
  - aranir: 2 dk
  - kapatir
"""


def read(tmp_path: Path, text: str, known: ScriptVocabulary = KNOWN) -> CallScript:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    script, problems = load_script(path, known)
    assert not problems, problems
    assert script is not None
    return script


def problems(tmp_path: Path, text: str, known: ScriptVocabulary = KNOWN) -> list[str]:
    path = tmp_path / "x.yaml"
    path.write_text(text, encoding="utf-8")
    script, found = load_script(path, known)
    assert script is None
    return [str(one) for one in found]


def test_everything_that_can_be_written(tmp_path: Path) -> None:
    script = read(tmp_path, WHOLE)
    assert (script.name, script.number, script.caller) == ("Her şey", "ana", "05001234567")
    assert script.services == {"psikososyal"} and script.ahead == CallersAhead(2, "1")
    assert script.agents == (
        ScriptAgent(7, "psikososyal", "1.5"), ScriptAgent(8, "gorus_oneri", "ignore"),
        ScriptAgent(9, "a1001", "busy", later=True))
    assert script.calls[1:] == (
        ScriptCall(31, (HangsUp(32),), None, (Comes(27), Leaves(28), Waits(29, 2.0), NodeStep(30, up=False))),
        ScriptCall(33, (HangsUp(34),), 120.0))
    assert script.alone
    assert script.calls[0].line == 0 and script.calls[0].called_within is None
    assert script.calls[0].steps == (
        Hears(11, "karsilama", WITHIN_S), Hears(11, "ana-menu-1", 7.0), Begins(12, "ana-menu-1", 120.0),
        Presses(13, "1"), Presses(14, "*#05"), Waits(15, 5.0), Says(16, 500.0), Music(17, 3.0), Music(18, 3.0, 30.0),
        HearsNot(19, "sira-2", 10.0), Talks(20, "psikososyal"), Talks(21, "a1001", 60.0), Acts(22, "kapatir", ""),
        Acts(23, "basar", "*2"), Leaves(24), Comes(25), Ends(26, 9.0))


def test_the_least(tmp_path: Path) -> None:
    script = read(tmp_path, "ad: x\nadimlar:\n  - kapatir\n")
    assert script.steps == (HangsUp(3),) and not script.alone
    assert script.number == script.caller == "" and not script.services


def test_a_sentence_may_be_announced_meanwhile(tmp_path: Path) -> None:
    end = "adimlar:\n  - kapatir\n"
    one = read(tmp_path, f"ad: x\nduyuru: {{soz: karsilama, hizmet: gorus_oneri, kapali: evet}}\n{end}")
    assert one.announced == Announcement("karsilama", "gorus_oneri", closes=True) and not one.alone
    everybody = read(tmp_path, f"ad: x\nduyuru: {{soz: karsilama}}\n{end}")
    assert everybody.announced == Announcement("karsilama", "", closes=False) and everybody.alone
    for wrong in ("karsilama", "{hizmet: gorus_oneri}", "{soz: karsilama, kapali: belki}", "{soz: karsilama, ne: x}"):
        assert problems(tmp_path, f"ad: x\nduyuru: {wrong}\n{end}")[0].startswith("x.yaml:2: 'duyuru' says which")
    assert len(problems(tmp_path, f"ad: x\nduyuru: {{soz: karsilam, hizmet: gorus}}\n{end}")) == 2
    assert problems(tmp_path, f"ad: x\nduyuru: {{soz: karsilama}}\n{end}", TRUNK)[0].startswith(
        "x.yaml:2: 'duyuru' cannot be used with --to")


def test_sentences_below_each_other_have_lines_of_their_own(tmp_path: Path) -> None:
    script = read(tmp_path, "ad: x\nadimlar:\n  - duyar:\n      - karsilama\n      - ana-menu-1\n  - kapanir\n")
    assert [step.line for step in script.steps] == [4, 5, 6]


def test_all_mistakes_are_told_at_once_each_with_its_line(tmp_path: Path) -> None:
    found = problems(tmp_path, """\
ad: x
arar: anaa
kimden: bilinmiyor
hizmet: psikosos
temsilciler:
  - psikososyal: uyur
  - a10011: cevaplar
  - cevaplar
adimlar:
  - duyar: karsilam
  - duyarr: karsilama
  - basar: bir
  - bekler: 5
  - duymaz: sira-2
  - konusur: gorus
  - temsilci: gider
  - kapatir: 5 sn
  - bekler: 0 sn
bitis: 1
""")
    assert found == [
        "x.yaml:2: 'anaa' is no number and no entry of the centre. Did you mean 'ana'?",
        "x.yaml:3: 'bilinmiyor' is no telephone number. Write 3 to 15 digits, such as 05001234567, or gizli.",
        "x.yaml:4: there is no service 'psikosos'. Did you mean 'psikososyal'?",
        "x.yaml:6: 'uyur' is nothing a phone does. Known: cevaplar, cevaplamaz, mesgul, reddeder; cevaplar 2 sn.",
        "x.yaml:7: 'a10011' is no service and no agent. Known: gorus_oneri, psikososyal.",
        "x.yaml:8: an agent is one word and how the phone acts. Write for example '- psikososyal: cevaplar 2 sn'.",
        "x.yaml:10: there is no prompt 'karsilam'. Did you mean 'karsilama'?",
        "x.yaml:11: unknown step 'duyarr'. Did you mean 'duyar'?",
        "x.yaml:12: 'bir' are no keys. Write digits, \"*\" or \"#\" (these two in quotes).",
        "x.yaml:13: '5' is no time. Write for example 5 sn, 1.5 sn or 2 dk.",
        "x.yaml:14: 'duymaz' needs a time. Write for example '- duymaz: sira-2, 10 sn'.",
        "x.yaml:15: 'gorus' is no service and no agent. Did you mean 'gorus_oneri'?",
        "x.yaml:16: 'gider' is nothing an agent does. Known: gelir; kapatir; basar and keys.",
        "x.yaml:17: 'kapatir' has nothing behind it. Write '- kapatir'.",
        "x.yaml:18: '0 sn' is too short or too long. Write more than 0 and at most 900 sn.",
        "x.yaml:18: a step after the end of the call. Take it out, or begin a call: arar, aranir.",
        "x.yaml:19: unknown key 'bitis'. Known: ad, adimlar, arar, duyuru, hizmet, kimden, onunde, temsilciler.",
    ]


@pytest.mark.parametrize(("text", "said"), [
    ("", "x.yaml:1: there is no script in this file. Write 'ad:' and 'adimlar:' (docs/centre/scripts.md)."),
    ("- duyar: karsilama\n", "x.yaml:1: there is no script in this file. Write 'ad:' and 'adimlar:' "
                              "(docs/centre/scripts.md)."),
    ("ad: x\n", "x.yaml:1: the key 'adimlar' is missing. Add it."),
    ("ad: x\nadimlar: []\n", "x.yaml:2: 'adimlar' should be a list with at least one step. Write steps such as"),
    ("ad: x\nadimlar:\n  - duyar\n", "x.yaml:3: no sentence is named. Write the key of a prompt, such as karsilama."),
    ("ad: x\nadimlar:\n\t- kapatir\n", "x.yaml:3: a tab. Use spaces"),
    ("ad: [\n", "x.yaml:2: this is not YAML"),
    ("ad: x\nad: y\nadimlar:\n  - kapatir\n", "x.yaml:2: the key 'ad' appears twice"),
    ("ad: true\nadimlar:\n  - kapatir\n", "x.yaml:1: 'ad' should be a text"),
    ("ad: x\nadimlar:\n  - {duyar: karsilama, basar: 1}\n", "x.yaml:3: a step is one word and what belongs to it"),
    ("ad: x\ntemsilciler: a1001\nadimlar:\n  - kapatir\n", "x.yaml:2: 'temsilciler' should be a list"),
    ("ad: x\nhizmet: psikososyal\nonunde: 2\nadimlar:\n  - kapatir\n", "x.yaml:3: 'onunde' says how many"),
    ("ad: x\nhizmet: psikososyal\nonunde: {kac: 11, basar: 1}\nadimlar:\n  - kapatir\n", "x.yaml:3: 'onunde' says"),
    ("ad: x\nonunde: {kac: 1, basar: 1}\nadimlar:\n  - kapatir\n", "x.yaml:2: those in front wait for one service"),
    ("ad: x\nadimlar:\n  - kapatir\n  - basar: 1\n  - arar\n  - kapatir\n", "x.yaml:4: a step after the end"),
    ("ad: x\nadimlar:\n  - arar\n  - kapatir\n", "x.yaml:3: another call before the end of this one"),
    ("ad: x\nadimlar:\n  - dugum: uyur\n", "x.yaml:3: 'uyur' is nothing that happens to a node"),
    ("ad: x\nadimlar:\n  - kapatir\n  - arar: 5\n  - kapatir\n", "x.yaml:4: 'arar' has nothing behind it"),
    ("ad: x\nadimlar:\n  - kapatir\n  - aranir: x\n  - kapatir\n", "x.yaml:4: 'x' is no time"),
    ("ad: x\nadimlar:\n  - onundeki: gider\n", "x.yaml:3: 'gider' is nothing that a caller in front does"),
    ("ad: x\nadimlar:\n" + "  - basar: 1\n" * (MAX_STEPS + 1), f"x.yaml:{MAX_STEPS + 3}: more than {MAX_STEPS} steps"),
    ("ad: x\ntemsilciler:\n" + "  - psikososyal: cevaplar\n" * (MAX_AGENTS + 1) + "adimlar:\n  - kapatir\n",
     f"x.yaml:{MAX_AGENTS + 3}: more than {MAX_AGENTS} agents")])
def test_what_is_no_script(tmp_path: Path, text: str, said: str) -> None:
    found = problems(tmp_path, text)
    assert len(found) == 1 and found[0].startswith(said), found


def test_who_waits_says_where_so_that_no_other_script_stands_in_the_same_line(tmp_path: Path) -> None:
    for step, line in (("duyar: sira-2", 3), ("muzik: 2 sn", 3), ("konusur: psikososyal", 3)):
        text = f"ad: x\nadimlar:\n  - {step}\n"
        assert problems(tmp_path, text) == [
            f"x.yaml:{line}: the caller waits here, and nothing says for which service. "
            "Add 'hizmet:' with the id of the service."]
        read(tmp_path, f"hizmet: psikososyal\n{text}")
        read(tmp_path, text, TRUNK)


def test_at_a_trunk_only_the_callers_are_ours(tmp_path: Path) -> None:
    read(tmp_path, "ad: x\narar: kapi\nhizmet: her_sey\nadimlar:\n  - konusur: birisi\n", TRUNK)
    assert problems(tmp_path, "ad: x\ntemsilciler:\n  - psikososyal: cevaplar\nadimlar:\n  - kapatir\n", TRUNK) == [
        "x.yaml:3: 'temsilciler' cannot be used with --to: the people there are not part of the lab. Take it out, or "
        "run the script in a lab."]
    text = "ad: x\nhizmet: a\nonunde: {kac: 1, basar: 1}\nadimlar:\n  - kapatir\n  - aranir\n  - dugum: durur\n"
    first, second, third = problems(tmp_path, text, TRUNK)
    assert first.startswith("x.yaml:3: 'onunde' cannot be used with --to")
    assert third.startswith("x.yaml:7: 'dugum' cannot be used with --to")
    assert second.startswith("x.yaml:6: 'aranir' cannot be used with --to")


def test_a_missing_file_is_a_mistake_like_any_other(tmp_path: Path) -> None:
    _, found = load_script(tmp_path / "yok.yaml", KNOWN)
    assert [str(one) for one in found] == ["yok.yaml:1: the file is missing. Name a file that is there, or a folder of "
                                           "them."]


def test_the_operators_page_shows_what_can_be_read(tmp_path: Path) -> None:
    """Its example, and the word of every step, head and behaviour."""
    page = (Path(__file__).parents[3] / "docs" / "centre" / "scripts.md").read_text(encoding="utf-8")
    [example] = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    prompts = {"karsilama", "kayit-bilgisi", "ana-menu-1", "secildi-psikososyal", "system/goodbye"}
    assert read(tmp_path, example, KNOWN._replace(prompts=prompts)).agents
    for words in (STEPS, HEAD, BEHAVIOURS):
        assert not [word for word in words if f"`{word}" not in page]


# -- which scripts, at which number ------------------------------------------------------------------------------------


def test_a_folder_is_all_scripts_in_it_and_below(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yaml", "uzun/c.yaml", "oku.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    assert [path.name for path in runner.find_scripts([tmp_path])] == ["a.yaml", "b.yaml", "c.yaml"]
    given = [tmp_path, tmp_path / "uzun", tmp_path / "uzun" / ".." / "a.yaml"]
    assert runner.find_scripts(given) == runner.find_scripts([tmp_path]), "each once, as it was given first"
    (tmp_path / "leer").mkdir()
    with pytest.raises(BadInput, match="no script"):
        runner.find_scripts([tmp_path / "leer"])


def test_a_number_at_a_trunk() -> None:
    assert runner.parse_target("sip:4440632@192.0.2.10") == ("4440632", "192.0.2.10:5060")
    assert runner.parse_target("sip:+903124440632@sip.example:5070") == ("+903124440632", "sip.example:5070")
    for wrong in ("4440632", "sip:4440632", "sips:1@x", "sip:1@x:0", "sip:1;ext@x"):
        with pytest.raises(BadInput, match="no number at a trunk"):
            runner.parse_target(wrong)


def test_a_centre_as_shipped_takes_calls_of_the_same_machine() -> None:
    settings = load_centre(MEB).settings
    assert settings is not None and network_conf.CALLERS in settings.trunk.match
