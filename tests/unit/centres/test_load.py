"""A centre is read whole: the example is sound, every mistake is told with its line, needs are never shown."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from centres.centre_reader import LoadedCentre, load_centre
from centres.team import Accommodation
from tests.ministry import MEB, copied, edit

pytestmark = pytest.mark.unit



@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path)


def told(loaded: LoadedCentre) -> list[str]:
    return [str(one) for one in loaded.problems]


def test_the_ministry_is_sound() -> None:
    loaded = load_centre(MEB)
    assert told(loaded) == [] and loaded.warnings == ()
    assert loaded.settings is not None and loaded.settings.numbers == {"4440632": "ana"}
    assert len(loaded.agents) == 180 and len(loaded.accommodations) == 50 and loaded.menu is not None
    assert [agent.number for agent in loaded.agents] == [str(number) for number in range(1001, 1181)]
    assert [service.id for service in loaded.services] == [
        "psikososyal", "uzaktan_egitim", "ihbar_sikayet", "gorus_oneri", "temsilci"]


def test_all_mistakes_of_all_files_are_told_together(folder: Path) -> None:
    edit(folder, "santral.toml", "tick_s", "tik_s")
    edit(folder, "team.yaml", '{id: a1002, number: "1002"', '{id: a1002, number: "1001"')
    edit(folder, "team.yaml", "{id: a1003,", "{id: a1001,")
    edit(folder, "accommodations.yaml", "agent: a1004", "agent: a9999")
    (folder / "menu.yaml").unlink()
    assert told(load_centre(folder)) == [
        "accommodations.yaml:3: the 'agent' is not in team.yaml. Correct the id.",
        "menu.yaml:1: the file is missing. Create menu.yaml in the centre's folder.",
        "santral.toml:42: unknown key 'tik_s'. Did you mean 'tick_s'?",
        "team.yaml:4: the sign-in number '1001' appears twice; first at team.yaml:3. Give one of them another.",
        "team.yaml:5: the agent id 'a1001' appears twice; first at team.yaml:3. Give one of them another.",
    ]


@pytest.mark.parametrize(("name", "old", "new", "where", "what"), [
    ("santral.toml", '"4440632" = "ana"', '"444 0632" = "ana"', "santral.toml:10", "cannot be used"),
    ("santral.toml", 'timezone = "Europe/Istanbul"', 'timezone = "Europe/Ankara"', "santral.toml:7", "time zone"),
    ("santral.toml", 'agi = "127.0.0.1:4573"', 'agi = "127.0.0.1"', "santral.toml:17", "host:port"),
    ("santral.toml", 'match = ["127.0.0.2"]', 'match = ["127.0.0.2", "carrier"]', "santral.toml:31", "network"),
    *(("santral.toml", 'match = ["127.0.0.2"]', f'match = ["{match}"]', "santral.toml:31", "one address without a mask")
      for match in ("192.0.2.0/28:5060", "192.0.2.10/32:5060", "192.0.2.10:0", "192.0.2.10:65536", "192.0.2.10:",
                    "192.0.2.10:+5060", "192.0.2.10: 5060", "192.0.2.10:5_060", "192.0.2.10:05060",
                    "192.0.2.10:\u0665\u0660\u0666\u0660", "192.0.2.10:5060\\n")),
    ("santral.toml", 'match = ["127.0.0.2"]', "", "santral.toml:30", "needs 'match'"),
    ("santral.toml", "always = true", "always = false", "santral.toml:12", "never open"),
    ("santral.toml", 'unknown = "temsilci"', 'unknown = "temsilcii"', "santral.toml:64", "no service 'temsilcii'"),
    ("santral.toml", "rtp_end = 20000", "rtp_end = 10001", "santral.toml:20", "four ports"),
    ("santral.toml", 'callerid = "none"', 'callerid = "none"\ncompat = "asternik"', "santral.toml:50",
     "'none' or 'asternic'"),
    ("santral.toml", 'callerid = "none"', 'callerid = "none"\nkeep_days = 30', "santral.toml:47", "it needs rotate"),
    ("santral.toml", 'callerid = "none"', 'callerid = "nobody"', "santral.toml:49", "'masked' or 'full'"),
    ("santral.toml", "[fallback]", "[fallbackk]", "santral.toml:63", "unknown key 'fallbackk'"),
    ("services.yaml", "id: temsilci", "id: temsilci|x", "services.yaml:54", "letters a to z"),
    ("services.yaml", "distress: true", "distress: true\n    when_nobody: {to: goodbye}", "services.yaml:2",
     "its callers hear 'emergency' and stay"),
    ("services.yaml", "lasts_s: 10\n", "\n", "services.yaml:18", "every step but the last"),
    ("services.yaml", "name: Temsilci", "name: 'Temsil\"ci'", "services.yaml:55", "control characters"),
    ("services.yaml", "priority: 5", "priority: '5'", "services.yaml:10", "whole number"),
    ("services.yaml", "{temsilci: 30}", "{temsilci: otuz}", "services.yaml:57", "temsilci' should be a whole number"),
    ("services.yaml", "{temsilci: 30}", "{temsilci: 130}", "services.yaml:57", "needs.temsilci' should be at most 100"),
    ("services.yaml", "{temsilci: 30}", "[temsilci]", "services.yaml:57", "should be levels, such as {psikososyal"),
    ("services.yaml", "{temsilci: 30}", "''", "services.yaml:57", "needs' should not be empty"),
    ("services.yaml", "target_s: 15", "strategy: longest", "services.yaml:15", "'weakest_first' or 'fewest_contacts'"),
    ("services.yaml", "target_s: 15", "callback_key: 8", "services.yaml:15", "'callback_key' should be at most 7"),
    ("services.yaml", "target_s: 15", "callback_after_s: 5", "services.yaml:15", "should be at least 15"),
    ("services.yaml", "target_s: 15", "position_held_s: 9999", "services.yaml:15", "should be at most 1800"),
    ("services.yaml", "target_s: 15", "music: ../x", "services.yaml:15", "should be 1 to 40 of"),
    ("services.yaml", "expected: false}", "comfort: []}", "services.yaml:14", "comfort' should have at least 1"),
    ("services.yaml", "expected: false}", "expectd: false}", "services.yaml:14", "unknown key 'expectd'"),
    ("services.yaml", "priority: 5", "weight: 0", "services.yaml:10", "'weight' should be at least 0.1"),
    ("team.yaml", "psikososyal: 55", "psikososyal: 155", "team.yaml:3", "100"),
    ("team.yaml", 'number: "1001"', "number: 1001", "team.yaml:3", "should be a text, in quotes"),
    ("accommodations.yaml", "ring_timeout_s: 30", "ring_timeout_s: 5", "accommodations.yaml:3", "at least 10"),
    ("accommodations.yaml", "agent: a1004,", "agent: a1004, review_at: 31.3.2027,", "accommodations.yaml:3",
     "should be a date, such as 2026-03-31"),
    ("team.yaml", "team: psikososyal", "takim: psikososyal", "team.yaml:3", "unknown key 'takim'"),
    ("team.yaml", "agents:", "agent:", "team.yaml:2", "unknown key 'agent'"),
    ("team.yaml", "id: a1001", "id: a/1001", "team.yaml:3", "digits and _ . -, not beginning"),
    ("team.yaml", "id: a1001", "id: -a1001", "team.yaml:3", "not beginning with . or -"),
    ("services.yaml", "- id: psikososyal", "- id: psiko/sosyal", "services.yaml:2", "small letters a to z"),
    ("services.yaml", "- id: psikososyal", "- id: Psikososyal", "services.yaml:2", "small letters a to z"),
    ("santral.toml", '= "ana"', '= "1ana"', "santral.toml:10", "beginning with a letter"),
    *(("santral.toml", "[listen]", f'[callback]\nquiet_to = "09:00"\nparts = {{ {parts} }}\n\n[listen]',
       "santral.toml:18", what) for parts, what in (
          ('morning = "12:00-09:00"', "span of one day"),
          ('night = "12:00-15:00"', "night"),
          ('morning = "09:00-13:00", noon = "12:00-15:00"', "begins 'noon' before 'morning' ends"),
          ('evening = "12:00-15:00", noon = "16:00-18:00"', "begins 'evening' before 'noon' ends"),
          ('morning = "08:00-12:00"', "reach into quiet hours"),
          ('evening = "20:00-21:30"', "reach into quiet hours"),
          ('noon = "12:00-12:59"', "shorter than 60 minutes"))),
    ("santral.toml", "[listen]", '[callback]\nquiet_from = "9:00"\n\n[listen]', "santral.toml:17",
     "should be a time of the day in quotes, such as 09:00"),
    ("accommodations.yaml", "agent: a1004,", "agent: a1004, review_at: 2027-03-31T12:00:00,", "accommodations.yaml:3",
     "should be a date without a time"),
    ("santral.toml", "[trunk]\n", '[trunk]\noutgoing = "192.0.2.10:99999"\n', "santral.toml:31",
     "the carrier's server"),
    ("team.yaml", "id: a1037", "id: a.1037", "team.yaml:39", "with on_call needs an 'id' of 1 to 35"),
    ("team.yaml", "id: a1001", "id: " + "a" * 41, "team.yaml:3", "1 to 40 of"),
    ("santral.toml", "digit = 5", "digit = 4", "santral.toml:71", "key 4 of 'diger' is the key of 'toplanti' too"),
    ("santral.toml", ", default = true", "", "santral.toml:66", "no reason is the default"),
    ("santral.toml", "digit = 5", "digit = 5, default = true", "santral.toml:71",
     "'diger' is the default, and so is 'mola'"),
    ("santral.toml", "digit = 4, ", "", "santral.toml:70", "needs 'digit' and 'prompt' together"),
    ("santral.toml", "digit = 1", "digit = 1, work = true", "santral.toml:67", "is the default and counts as work"),
    ("santral.toml", "limit_min = 90", "limit_min = 0", "santral.toml:70", "limit_min' should be above 0"),
    ("santral.toml", "limit_min = 90", "limits = 90", "santral.toml:70", "unknown key 'limits'"),
    ("santral.toml", "diger =", "Diger =", "santral.toml:71", "small letters a to z"),
])
def test_each_mistake_has_its_line(folder: Path, name: str, old: str, new: str, where: str, what: str) -> None:
    edit(folder, name, old, new)
    assert [one for one in load_centre(folder).problems if one.where == where
        and what in one.what], told(load_centre(folder))


@pytest.mark.parametrize("place", ["0.0.0.0:5070", "192.0.2.7:0", "[::]:0", "[::1]:0", "node.example:0"])
def test_callers_numbers_are_told_to_this_machine_alone(folder: Path, place: str) -> None:
    edit(folder, "santral.toml", "[listen]  ", f'[listen]\ndial = "{place}"  ')
    found, = (one for one in load_centre(folder).problems if one.where == "santral.toml:17")
    assert "'listen.dial' should be at 127.0.0.1" in found.what and "callers' numbers" in found.what


@pytest.mark.parametrize("place", ["0.0.0.0:4573", "192.0.2.7:0", "[::]:4573", "node.example:4573"])
@pytest.mark.parametrize("key, why", [("agi", "a network could speak as Asterisk"), ("http", "tokens would pass")])
def test_nobody_else_is_listened_to(folder: Path, key: str, why: str, place: str) -> None:
    edit(folder, "santral.toml", f'{key} = "127.0.0.1:{4573 if key == "agi" else 8063}"', f'{key} = "{place}"')
    found, = load_centre(folder).problems
    assert found.where.startswith("santral.toml:") and f"'listen.{key}' should be at 127.0.0.1" in found.what
    assert why in found.what


@pytest.mark.parametrize("place", ["[::1]:4573", "127.0.0.2:4573", "localhost:0"])
def test_this_machine_has_several_names(folder: Path, place: str) -> None:
    edit(folder, "santral.toml", 'agi = "127.0.0.1:4573"', f'agi = "{place}"')
    assert not load_centre(folder).problems


@pytest.mark.parametrize("place", ["127.0.0.1:0", "127.0.0.2:5070", "localhost:0"])
def test_this_machine_may_ask_for_them(folder: Path, place: str) -> None:
    edit(folder, "santral.toml", "[listen]  ", f'[listen]\ndial = "{place}"  ')
    assert not load_centre(folder).problems


def test_an_overlay_is_laid_over_key_by_key(folder: Path, tmp_path: Path) -> None:
    overlay = tmp_path / "node.toml"
    overlay.write_text('[listen]\nhttp = "127.0.0.1:0"\n[trunk]\nmatch = ["127.0.0.2:5060"]\n', encoding="utf-8")
    loaded = load_centre(folder, overlay)
    assert loaded.settings is not None and not loaded.problems
    assert loaded.settings.listen.http == "127.0.0.1:0" and loaded.settings.listen.agi == "127.0.0.1:4573"
    assert loaded.settings.trunk.match == ("127.0.0.2:5060",)
    assert loaded.where("listen", "http") == "node.toml:2" and loaded.where("listen", "agi") == "santral.toml:17"
    overlay.write_text('[listen]\n\nhtpp = "127.0.0.1:0"\n', encoding="utf-8")
    assert told(load_centre(folder, overlay)) == ["node.toml:3: unknown key 'htpp'. Did you mean 'http'?"]


@pytest.mark.parametrize(("old", "new"), [
    ("ring_timeout_s: 30", "ring_timeout_s: 7777"), ("answer_mode: auto", "answer_mode: gizli"),
    ("rest_gap_s: 60", "rest_gap_s: gizli"), ("agent: a1004", "agent: gizli9"), ("agent: a1004", "agent: 'gizli 9'"),
    ("channels: [chat,", "channels: [gizli,"), ("chat: 1", "chat: 7777"), ("agent: a1008", "agent: a1004"),
    ("agent: a1004,", "agent: a1004, review_at: 2020-01-01,"), ("agent: a1004,", "agent: a1004, review_at: gizli,"),
    ("  - {agent: a1004", "  - {agent: gizli: x"), ("agent: a1004,", "agent: a1004, captions: 7777,"),
])
def test_nothing_of_the_accommodations_is_shown(folder: Path, old: str, new: str) -> None:
    edit(folder, "accommodations.yaml", old, new)
    loaded = load_centre(folder, today=date(2026, 1, 1))
    said = " ".join(str(one) for one in (*loaded.problems, *loaded.warnings))
    assert "accommodations.yaml:" in said
    assert not re.search(r"gizli|7777|a1004|a1008|2020", said), said


def test_an_accommodation_never_shows_itself() -> None:
    one = Accommodation(agent="a1004", ring_timeout_s=30)
    assert f"{one} {one!r}" == "Accommodation(...) Accommodation(...)"
    assert "ring_timeout_s=30" not in repr(load_centre(MEB)) and "wrapup_s=60" not in repr(load_centre(MEB))
    assert one.set_fields() == {"ring_timeout_s": 30}


def test_there_is_no_field_for_why() -> None:
    allowed = {"agent", "channels", "max_concurrency", "capacity", "one_at_a_time", "ring_timeout_s", "ring_signal",
               "answer_mode", "pre_connect_mode", "pre_connect_s", "wrapup_mode", "wrapup_s", "wrapup_extend_s",
               "rest_gap_s", "rna_allowed", "auto_return_s", "break_plan", "break_grace_s", "max_continuous_s",
               "distress_limit", "no_topics", "no_abusive_history", "captions", "pair_id", "ear", "gain_db", "limiter",
               "verbosity", "braille_cells", "valid_from", "valid_to", "review_at", "approved_by"}
    assert set(Accommodation.model_fields) == allowed
    assert not re.search(r"diagn|disab|engel|tan[ıi]|reason|why|note|percent", " ".join(Accommodation.model_fields))


def test_a_readable_file_of_needs_is_a_warning(folder: Path) -> None:
    assert load_centre(folder).warnings == ()
    (folder / "accommodations.yaml").chmod(0o640)
    assert [str(one) for one in load_centre(folder).warnings] == [
        "accommodations.yaml:1: others may read this file (mode 0640). Run: chmod 600 accommodations.yaml"]
    (folder / "accommodations.yaml").unlink()
    assert load_centre(folder).warnings == () and load_centre(folder).accommodations == {}


def test_one_mistake_is_told_once(folder: Path) -> None:
    """Neither every kind that `needs` could be, nor that the list of steps is short of the one with the mistake."""
    edit(folder, "services.yaml", "{temsilci: 30}", "{temsilci: 130}")
    assert told(load_centre(folder)) == [
        "services.yaml:57: 'steps.0.needs.temsilci' should be at most 100. Change the value."]


def test_what_is_missing_is_named_but_a_wrong_folder_is_one_mistake(tmp_path: Path) -> None:
    assert [one.where for one in load_centre(tmp_path).problems] == [str(tmp_path)]
    (tmp_path / "menu.yaml").touch()
    assert [one.where for one in load_centre(tmp_path).problems] == [
        "menu.yaml:1", "santral.toml:1", "services.yaml:1", "team.yaml:1"]


def test_a_centre_that_closes_says_what_its_callers_hear(folder: Path) -> None:
    edit(folder, "santral.toml", "always = true ", 'monday = ["09:00-17:00"] ')
    edit(folder, "santral.toml", 'closed = "kapali"', "")
    line = (folder / "santral.toml").read_text(encoding="utf-8").splitlines().index("[hours]") + 1
    assert told(load_centre(folder)) == [
        f"santral.toml:{line}: the centre is not always open and 'closed' is missing. Add closed = \"<entry of "
        "menu.yaml>\": what callers hear outside the hours."]
    edit(folder, "santral.toml", "monday =", 'closed = "ana"\nmonday =')
    assert [one.partition(". ")[0] for one in told(load_centre(folder))] == [
        "santral.toml:10: the called number 4440632 leads to 'ana', the entry of the closed centre"]
    edit(folder, "santral.toml", 'closed = "ana"\nmonday = ["09:00-17:00"]', 'always = true\nmonday = ["09:00-17:00"]')
    assert told(load_centre(folder)) == [
        f"santral.toml:{line}: 'hours' says 'always' and gives spans too; keep one of them. Change the value."]


@pytest.mark.parametrize(("old", "new", "key", "what"), [
    ("total = 300", "total = 0", "total", "should be at least 1"),
    ("total = 300", "total = 60", "kept", "60 lines are kept of 60: all other callers would be refused"),
    ("total = 300", "total = 80", "most = ", "may take 90 lines, but there are 80"),
    ("most = { psikososyal = 90 }", "most = { psikososyal = 50 }", "most = ", "but 60 are kept for it"),
    ("kept = { psikososyal = 60 }", "kept = { psikosoyal = 60 }", "kept", "Did you mean 'psikososyal'?"),
    ("kept = { psikososyal = 60 }", "kept = { temsilci = 60 }", "kept", "has no 'distress: true' with an 'emergency'"),
    ("total = 300", 'total = 300\nrefusal = "silence"', "refusal", "'busy' or 'unavailable'"),
])
def test_lines_that_cannot_be_kept_are_told_with_their_line(folder: Path, old: str, new: str, key: str,
                                                            what: str) -> None:
    edit(folder, "santral.toml", old, new)
    text = (folder / "santral.toml").read_text(encoding="utf-8").splitlines()
    begin = text.index(next(line for line in text if line.startswith("[lines]")))
    line = next(number for number, content in enumerate(text, 1) if number > begin and content.startswith(key))
    problems = told(load_centre(folder))
    assert len(problems) == 1 and problems[0].startswith(f"santral.toml:{line}: ") and what in problems[0], problems


RULES = (
    ("when_waited: {to: gorus_oneri, over_s: 60}", None),
    ("when_nobody: {to: uzaktan_egitm}", "no service 'uzaktan_egitm', and no such way out"),
    ("when_nobody: {to: temsilci}", "'when_nobody' leads to itself"),
    ("when_nobody: {to: psikososyal}", "leads to 'psikososyal', which is for distress"),
    ("when_nobody: {to: uzaktan_egitim, say: bekleme-veda}", "leads to a service, which nobody is told"),
    ("callback: none\n    when_nobody: {to: callback}", "the service calls nobody back"),
    ("privacy: private\n    when_nobody: {to: message}", "nothing of the service is recorded"),
    ("max_waiting: 5", "'max_waiting' and 'when_full' belong together"),
    ("when_full: {to: goodbye}", "'max_waiting' and 'when_full' belong together"),
    ("when_expected: {to: message, over_s: 900}\n    when_waited: {to: message, over_s: 600}",
     "'when_expected' lets callers in whom 'when_waited' leads on"),
)


@pytest.mark.parametrize(("keys", "what"), RULES)
def test_a_rule_that_contradicts_is_one_message_with_its_line(folder: Path, keys: str, what: str | None) -> None:
    text = (folder / "services.yaml").read_text(encoding="utf-8")
    begin = text.index("  - id: temsilci\n")
    own = [line for line in text[begin:].splitlines() if not line.strip().startswith("when_")]
    (folder / "services.yaml").write_text(
        text[:begin] + "\n".join([own[0], *(f"    {line.strip()}" for line in keys.split("\n")), *own[1:]]) + "\n",
        encoding="utf-8")
    problems = told(load_centre(folder))
    if what is None:
        assert problems == []
        return
    line = text[:begin].count("\n") + 1
    assert len(problems) == 1 and what in problems[0], problems
    assert any(problems[0].startswith(f"services.yaml:{line + more}: ") for more in range(3)), problems


def test_a_rule_to_a_service_that_closes_needs_a_way_from_there(folder: Path) -> None:
    edit(folder, "services.yaml", "    name: Görüş ve öneri\n",
         "    name: Görüş ve öneri\n    hours: {monday: ['09:00-17:00']}\n")
    edit(folder, "services.yaml", "when_nobody: {to: goodbye}", "when_nobody: {to: gorus_oneri}")
    (problem,) = load_centre(folder).problems
    assert "leads to 'gorus_oneri', which closes ('hours')" in problem.what
    assert problem.where.startswith("services.yaml:")


def test_a_loop_of_rules_is_one_message(folder: Path) -> None:
    edit(folder, "services.yaml", "when_nobody: {to: goodbye}", "when_nobody: {to: gorus_oneri}")
    edit(folder, "services.yaml", "when_nobody: {to: message}", "when_nobody: {to: ihbar_sikayet}")
    (problem,) = load_centre(folder).problems
    assert problem.what == "the rules are a loop: ihbar_sikayet -> gorus_oneri -> ihbar_sikayet"
    assert problem.where.startswith("services.yaml:")


def test_distress_is_never_full_and_never_closed(folder: Path) -> None:
    edit(folder, "services.yaml", "    distress: true", "    max_waiting: 5\n    distress: true")
    assert "a distress service is never full and never closed" in told(load_centre(folder))[0]


def test_nobody_in_distress_is_called_before_an_agent_is_there(folder: Path) -> None:
    edit(folder, "services.yaml", "    distress: true", "    callback: predictive\n    distress: true")
    (problem,) = load_centre(folder).problems
    assert "nobody in distress is called before an agent is there" in problem.what
    assert problem.where.startswith("services.yaml:")


def test_callbacks_without_a_reserved_agent_are_a_setting(folder: Path) -> None:
    edit(folder, "services.yaml", "    name: Görüş ve öneri\n", "    name: Görüş ve öneri\n    callback: predictive\n")
    loaded = load_centre(folder)
    assert loaded.problems == ()
    assert {one.callback for one in loaded.services if one.id == "gorus_oneri"} == {"predictive"}


def test_accommodations_change_by_date_and_none_ends_by_itself(folder: Path) -> None:
    edit(folder, "accommodations.yaml", "  - {agent: a1004, ring_timeout_s: 30, rna_allowed: 5}\n",
         "  - {agent: a1004, ring_timeout_s: 30, valid_to: 2026-03-31}\n"
         "  - {agent: a1004, ring_timeout_s: 45, valid_from: 2026-06-01}\n")

    def ring(day: date) -> float | None:
        return load_centre(folder, today=day).accommodations["a1004"].ring_timeout_s

    assert [ring(date(2026, month, 1)) for month in (3, 4, 6)] == [30, 30, 45]
    assert load_centre(folder, today=date(2026, 3, 31)).warnings \
        == () == load_centre(folder, today=date(2026, 6, 1)).warnings
    late = load_centre(folder, today=date(2026, 4, 1))
    assert [str(one) for one in late.warnings] == [
        "accommodations.yaml:3: the date in 'valid_to' has passed and nothing follows; everything stays in force. "
        "Review it with the agent: set a new date, write what follows, or take it out."]
    edit(folder, "accommodations.yaml", "valid_to: 2026-03-31", "valid_to: 2026-06-01")
    assert told(load_centre(folder)) == [
        "accommodations.yaml:4: a second entry for the same 'agent' on the same days. Make them one, or end the "
        "earlier with 'valid_to'."]


UNSOUND = """\
accommodations:
  - agent: a1004
    neden: true
    rest_gap_z: 12
    max_concurrency: {neden: 1}
    channels: [neden]
    distress_limit: {neden: 3}
  - agent: a1005
    neden: 1
    neden: 2
    break_plan: [{neden: 1}]
    max_concurrency: {neden: x}
    captions: neden
  - neden
neden: 5
"""


def test_no_word_of_the_accommodations_is_repeated_only_its_line(folder: Path) -> None:
    """Problems go into the log and to supervisors, and somebody may have written a reason."""
    (folder / "accommodations.yaml").write_text(UNSOUND, encoding="utf-8")
    problems = [one for one in told(load_centre(folder)) if one.startswith("accommodations.yaml")]
    assert [int(one.split(":")[1]) for one in problems] == [3, 4, 5, 6, 7, 9, 10, 11, 12, 12, 13, 14, 15]
    assert not [one for one in problems if "neden" in one]
    assert problems[1] == "accommodations.yaml:4: unknown key. Did you mean 'rest_gap_s'?"
    assert "unknown key. Known: agent," in problems[0] and "a key appears twice; first on line 9" in problems[6]
    assert problems[2].startswith("accommodations.yaml:5: a key in 'max_concurrency' cannot be used")
