"""What `santral check` finds with the engine's own rules: mistakes in expressions, and what nobody can ever match."""

from __future__ import annotations

import re
import typing
from pathlib import Path

import pytest

from centres.base_shapes import DAYS
from centres.services import Strategy
from routing.core.matching import strategies
from santral.centre.config import check_centre, node_config
from tests.ministry import copied, edit

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = copied(tmp_path)
    edit(copy, "santral.toml", "[trunk]\n", '[trunk]\noutgoing = "sip.carrier.example:5060"\n')
    return copy


def asks(folder: Path, needs: str) -> None:
    edit(folder, "services.yaml", "needs: {uzaktan_egitim: 30}", f'needs: "{needs}"')


def problems(folder: Path) -> list[str]:
    return [str(one) for one in check_centre(folder).problems]


def warnings(folder: Path) -> list[str]:
    """Return all warnings but two of the shipped centre. `test_unused_needs` and `test_files_agree` are about them."""
    return [told for one in check_centre(folder).warnings
            if "'channels' without voice" not in (told := str(one)) and "full privacy notice" not in told]


def test_a_mistake_in_an_expression_is_told_with_its_column_marked(folder: Path) -> None:
    asks(folder, "uzaktan_egitim >= 30 and and temsilci")
    (told,) = problems(folder)
    first, text, mark = told.split("\n")
    assert re.match(r"services\.yaml:23: column 26 of the expression: ", first)
    assert text.strip() == "uzaktan_egitim >= 30 and and temsilci"
    assert text[mark.index("^"):].startswith("and temsilci")


def test_another_mistake_of_the_service_does_not_hide_it(folder: Path) -> None:
    asks(folder, "uzaktan_egitim => 30")
    edit(folder, "services.yaml", "name: Uzaktan eğitim\n",
         "name: Uzaktan eğitim\n    ceiling_s: 1\n    floor: temsilc\n")
    assert [one.split("\n")[0] for one in problems(folder)] == [
        "services.yaml:20: 'ceiling_s' should be at least 10. Change the value.",
        "services.yaml:21: nobody has the skill 'temsilc'. Did you mean 'temsilci'?",
        "services.yaml:25: column 16 of the expression: '=>' is no comparison. Write '>='."]


@pytest.mark.parametrize(("needs", "told"), [
    ('""', "should not be empty"), (f'"{"x" * 501}"', "should have at most 500 letters")])
def test_a_length_that_is_a_mistake_is_told_once(folder: Path, needs: str, told: str) -> None:
    edit(folder, "services.yaml", "needs: {uzaktan_egitim: 30}", f"needs: {needs}")
    (problem,) = problems(folder)
    assert told in problem


def test_a_skill_that_nobody_has_is_guessed(folder: Path) -> None:
    asks(folder, "uzaktan_egitm >= 30 or temsilci")
    assert problems(folder) == [
        "services.yaml:23: nobody has the skill 'uzaktan_egitm'. Did you mean 'uzaktan_egitim'?"]


def test_an_expression_becomes_levels_when_levels_can_say_it(folder: Path) -> None:
    asks(folder, "uzaktan_egitim >= 30 and temsilci")
    step = next(one for one in node_config(folder).centre.services if one.id == "uzaktan_egitim").steps[1]
    assert (dict(step.needs), step.where) == ({"uzaktan_egitim": 30, "temsilci": 0}, "")


def test_an_expression_stays_one_when_they_cannot(folder: Path) -> None:
    asks(folder, "uzaktan_egitim >= 30 and not psikososyal")
    step = next(one for one in node_config(folder).centre.services if one.id == "uzaktan_egitim").steps[1]
    assert (step.needs, step.where) == ((), "uzaktan_egitim >= 30 and not psikososyal")


def test_what_nobody_can_ever_match_is_told_at_check(folder: Path) -> None:
    asks(folder, "uzaktan_egitim >= 30 and psikososyal >= 100")
    assert problems(folder) == [
        "services.yaml:23: no agent who takes calls fits step 2 of 'uzaktan_egitim': nobody on duty can ever match. "
        "Lower its levels, or raise them in team.yaml."]


def test_levels_are_judged_as_expressions_are_and_each_mistake_is_told_once(folder: Path) -> None:
    edit(folder, "services.yaml", "floor: {psikososyal: 50}", "floor: {psikososyal: 99}")
    edit(folder, "services.yaml", "{temsilci: 30}", "{temsilci: 100}")
    edit(folder, "services.yaml", "{gorus_oneri: 30}", "{gorus_onerisi: 30}")
    assert problems(folder) == [
        "services.yaml:9: no agent who takes calls reaches the floor of 'psikososyal': nobody on duty can ever match. "
        "Lower it, or give somebody the skills and the channel.",
        "services.yaml:47: nobody has the skill 'gorus_onerisi'. Did you mean 'gorus_oneri'?",
        "services.yaml:57: no agent who takes calls fits step 1 of 'temsilci': nobody on duty can ever match. Lower "
        "its levels, or raise them in team.yaml."]


def test_a_skill_that_no_service_asks_for_is_a_warning(folder: Path) -> None:
    edit(folder, "team.yaml", "temsilci: 33", "temsilcilik: 33")
    assert warnings(folder) == ["team.yaml:4: no service asks for the skill 'temsilcilik'. Did you mean 'temsilci'?"]
    asks(folder, "uzaktan_egitim >= 30 and not temsilcilik")
    assert warnings(folder) == []


@pytest.mark.parametrize("profile", ['channels = ["chat"]', "max_concurrency = {voice = 0}", "capacity = 50",
                                     'no_topics = ["temsilci"]'])
def test_what_holds_for_everybody_counts_too(folder: Path, profile: str) -> None:
    """An accommodation lays itself over it: the agents with one are taken out first."""
    (folder / "accommodations.yaml").unlink()
    edit(folder, "santral.toml", "[listen]", f"[profile]\n{profile}\n\n[listen]")
    told = [one for one in problems(folder) if "'temsilci'" in one]
    assert [one.partition(". ")[0] for one in told] == [
        "services.yaml:54: no agent may have calls of 'temsilci': nobody on duty can ever match"]


def test_a_mistake_in_a_service_or_an_agent_makes_no_mistake_of_the_menu_or_the_others(folder: Path) -> None:
    edit(folder, "services.yaml", "    priority: 5", "    prority: 5")
    assert problems(folder) == ["services.yaml:10: unknown key 'prority'. Did you mean 'priority'?"]
    edit(folder, "services.yaml", "    prority: 5", "\tpriority: 5")
    assert [one.partition(". ")[0] for one in problems(folder)] == ["services.yaml:10: a tab"]
    edit(folder, "team.yaml", "skills: {psikososyal: 55", "skils: {psikososyal: 55")
    assert [one.partition(":")[0] for one in problems(folder)] == ["services.yaml", "team.yaml", "team.yaml"]


def test_when_no_remote_counsellor_is_on_call_is_told(folder: Path) -> None:
    """Two at seats have the skill, then only two on a roster with a hole on Tuesday."""
    for one in ("a1131", "a1132"):
        edit(folder, "team.yaml", f"{{id: {one}, number: \"{one[1:]}\", team: gorus_oneri, skills: {{",
             f"{{id: {one}, number: \"{one[1:]}\", team: gorus_oneri, skills: {{isaret_dili: 50, ")
    edit(folder, "services.yaml", "{temsilci: 30}", '"isaret_dili >= 50 or temsilci > 99"')
    assert warnings(folder) == []
    days = ", ".join(f"{day}: ['00:00-24:00']" for day in DAYS if day != "tuesday")
    for one, spans in (("a1131", f"{days}, tuesday: ['00:00-12:00']"), ("a1132", "tuesday: ['12:30-24:00']")):
        edit(folder, "team.yaml", f"{{id: {one},", f"{{id: {one}, on_call: {{{spans}}},")
    assert warnings(folder) == [
        "services.yaml:54: only remote counsellors can take 'temsilci', and on tuesday at 12:00 none of them is on "
        "call. Close the gap in 'on_call', or give the service its own hours."]
    edit(folder, "services.yaml", "    name: Temsilci\n", "    name: Temsilci\n    hours: {tuesday: ['09:00-12:00']}\n")
    assert warnings(folder) == []


@pytest.mark.parametrize(("keys", "told"), [
    ("ceiling_s: 60", "'ceiling_s' does nothing: limits of the load hold only from 'load' 3 on"),
    ("ceiling_s: 60\n    load: 3", ""),
    ("preferred_s: 20\n    privacy: anonymous", "'preferred_s' does nothing: nobody knows the callers of an anonymous"),
    ("preferred_s: 20", ""),
])
def test_a_key_that_does_nothing_is_a_warning(folder: Path, keys: str, told: str) -> None:
    edit(folder, "services.yaml", "    name: Temsilci\n", f"    name: Temsilci\n    {keys}\n")
    edit(folder, "menu.yaml", '    sms: "MEB', '    # sms: "MEB')  # of an anonymous service none is sent
    if "anonymous" in keys:  # nor is anybody called back
        text = (folder / "services.yaml").read_text(encoding="utf-8")
        (folder / "services.yaml").write_text(text.replace("{to: callback", "{to: goodbye"), encoding="utf-8")
    assert problems(folder) == []
    found = warnings(folder)
    assert len(found) == bool(told) and all(one.startswith("services.yaml:56: " + told) for one in found), found


def test_a_step_that_is_always_passed_is_a_warning(folder: Path) -> None:
    edit(folder, "services.yaml", "needs: {uzaktan_egitim: 60}", 'needs: "uzaktan_egitim >= 60 and gorus_oneri > 99"')
    assert problems(folder) == []
    assert ["nobody on duty can ever match" in one for one in warnings(folder)] == [True]


def test_who_takes_no_calls_does_not_count(folder: Path) -> None:
    text = (folder / "team.yaml").read_text(encoding="utf-8")
    counsellors = re.findall(r"id: (a\d+), number: \"\d+\", team: psikososyal", text)
    kept = [line for line in (folder / "accommodations.yaml").read_text(encoding="utf-8").splitlines()
            if not any(f"agent: {one}" in line for one in counsellors)]
    kept += [f"  - {{agent: {one}, channels: [chat]}}" for one in counsellors]
    (folder / "accommodations.yaml").write_text("\n".join(kept) + "\n", encoding="utf-8")
    (told,) = problems(folder)
    assert "no agent who takes calls reaches the floor of 'psikososyal': nobody on duty can ever match" in told
    assert not any(one in told for one in counsellors)


def test_a_pair_is_two(folder: Path) -> None:
    edit(folder, "accommodations.yaml", "agent: a1004,", "agent: a1004, pair_id: cift1,")
    (told,) = problems(folder)
    assert told.startswith("accommodations.yaml:3: a 'pair_id' that only one agent has")
    assert "cift1" not in told
    edit(folder, "accommodations.yaml", "agent: a1008,", "agent: a1008, pair_id: cift1,")
    assert problems(folder) == []


def test_everybody_is_no_pair(folder: Path) -> None:
    with (folder / "santral.toml").open("a", encoding="utf-8") as file:
        file.write('\n[profile]\npair_id = "cift1"\n')
    (told,) = problems(folder)
    assert "a 'pair_id' in the defaults of all agents" in told and told.startswith("santral.toml:")


def test_a_review_that_is_due_and_a_topic_that_is_no_service_are_warned_about(folder: Path) -> None:
    edit(folder, "accommodations.yaml", "agent: a1004,", "agent: a1004, review_at: 2020-01-01, no_topics: [siddet],")
    told = warnings(folder)
    assert len(told) == 2 and "review_at" in told[0] + told[1] and "no_topics" in told[0] + told[1]
    assert "siddet" not in "".join(told)


def test_a_topic_of_the_menu_is_one_and_somebody_may_have_its_callers(folder: Path) -> None:
    edit(folder, "menu.yaml", "    queue: gorus_oneri\n", "    queue: gorus_oneri\n    topics: [siddet]\n")
    edit(folder, "accommodations.yaml", "agent: a1004,", "agent: a1004, no_topics: [siddet],")
    assert warnings(folder) == problems(folder) == []
    (folder / "accommodations.yaml").unlink()
    edit(folder, "santral.toml", "[listen]", '[profile]\nno_topics = ["siddet"]\n\n[listen]')
    (told,) = problems(folder)
    assert re.match(r"menu\.yaml:88: every agent of 'gorus_oneri' excludes a topic of node 'gorus-oneri'", told)


def test_a_topic_and_a_need_of_the_menu_may_leave_nobody_together(folder: Path) -> None:
    edit(folder, "menu.yaml", "then: gorus-oneri", "then: gorus-oneri\n        needs: {en: 40}")
    edit(folder, "menu.yaml", "    queue: gorus_oneri\n", "    queue: gorus_oneri\n    topics: [siddet]\n")
    edit(folder, "team.yaml", 'number: "1131", team: gorus_oneri, skills: {', 'number: "1131", team: gorus_oneri, '
         "skills: {en: 40, ")
    assert problems(folder) == []
    edit(folder, "accommodations.yaml", "  - {agent: a1130,",
         "  - {agent: a1131, no_topics: [siddet]}\n  - {agent: a1130,")
    (told,) = problems(folder)
    assert re.match(r"menu\.yaml:\d+: every agent of 'gorus_oneri' who has en 40, which callers of node 'gorus-oneri' "
                    "may need, excludes a topic of it", told)
    edit(folder, "santral.toml", "[listen]", '[profile]\nno_topics = ["siddet"]\n\n[listen]')
    (folder / "accommodations.yaml").unlink()
    edit(folder, "menu.yaml", "then: psikososyal", "then: gorus-oneri")  # by another key, and without the need
    (told,) = [one for one in problems(folder) if "excludes a topic" in one]
    assert "every agent of 'gorus_oneri' excludes a topic of node 'gorus-oneri'" in told, "once, whatever they need"


def test_the_topic_of_abusive_callers_is_known(folder: Path) -> None:
    edit(folder, "accommodations.yaml", "agent: a1004,", "agent: a1004, no_topics: [abusive],")
    assert warnings(folder) == []


def test_that_everybody_is_spared_abusive_callers_is_told_of_each_service(folder: Path) -> None:
    (folder / "accommodations.yaml").unlink()
    edit(folder, "santral.toml", "[listen]", "[profile]\nno_abusive_history = true\n\n[listen]")
    told = [one.partition(". ")[0] for one in warnings(folder) if "abusive" in one]
    assert len(told) == 4 and not [one for one in told if "'ihbar_sikayet'" in one], "nobody is known again there"
    assert [one for one in told if re.match(r"services\.yaml:\d+: every agent of 'temsilci' excludes abusive "
                                            "callers: they would wait for ever$", one)]
    (folder / "accommodations.yaml").write_text("accommodations:\n  - {agent: a1131, no_abusive_history: false}\n",
                                                encoding="utf-8")
    assert problems(folder) == []
    assert not [one for one in warnings(folder) if "every agent of 'gorus_oneri'" in one]


def test_needs_and_topics_of_the_menu_may_leave_abusive_callers_nobody(folder: Path) -> None:
    edit(folder, "menu.yaml", "then: gorus-oneri", "then: gorus-oneri\n        needs: {en: 40}")
    edit(folder, "team.yaml", 'number: "1131", team: gorus_oneri, skills: {', 'number: "1131", team: gorus_oneri, '
         "skills: {en: 40, ")
    assert not [one for one in warnings(folder) if "abusive" in one]
    edit(folder, "accommodations.yaml", "  - {agent: a1130,",
         "  - {agent: a1131, no_abusive_history: true}\n  - {agent: a1130,")
    assert problems(folder) == []
    (told,) = [one for one in warnings(folder) if "abusive" in one]
    assert re.match(r"menu\.yaml:\d+: every agent of 'gorus_oneri' whom callers of node 'gorus-oneri' who need en 40 "
                    "may have excludes abusive callers", told)


@pytest.mark.parametrize(("need", "days", "told"), [
    ("no_abusive_history: true", 60, True), ("no_topics: [abusive]", 60, True),
    ("no_abusive_history: true", 180, False), ("rest_gap_s: 60", 60, False)])
def test_a_word_about_callers_that_is_destroyed_before_its_time_is_told(folder: Path, need: str, days: int, told: bool
                                                                        ) -> None:
    (folder / "accommodations.yaml").write_text(f"accommodations:\n  - {{agent: a1004, {need}}}\n", encoding="utf-8")
    (folder / "accommodations.yaml").chmod(0o600)
    edit(folder, "santral.toml", "numbers_days = 180", f"numbers_days = {days}")
    assert problems(folder) == []
    found = warnings(folder)
    assert len(found) == told, found
    for one in found:
        assert re.match(r"santral\.toml:57: that a caller was abusive should count for 180 days, but it is destroyed "
                        "with the number after 60 days: ", one)


def test_the_files_know_the_strategies_that_there_are() -> None:
    assert set(typing.get_args(Strategy)) == set(strategies.STRATEGIES)


def test_what_the_menu_needs_somebody_of_the_service_has(folder: Path) -> None:
    """Else such a caller would wait for ever: what the menu needs is never relaxed."""
    edit(folder, "menu.yaml", "then: gorus-oneri", "then: gorus-oneri\n        needs: {en: 40}")
    (told,) = problems(folder)
    assert re.match(r"menu\.yaml:\d+: nobody has the skill 'en'", told)
    edit(folder, "team.yaml", 'number: "1001", team: psikososyal, skills: {', 'number: "1001", team: psikososyal, '
         "skills: {en: 90, ")
    (told,) = problems(folder)
    line = (folder / "menu.yaml").read_text(encoding="utf-8").split("\n").index("    queue: gorus_oneri") + 1
    assert told.startswith(f"menu.yaml:{line}: no agent who takes calls of 'gorus_oneri' has en 40, which callers of "
                           "node 'gorus-oneri' may need")
    edit(folder, "team.yaml", 'number: "1131", team: gorus_oneri, skills: {', 'number: "1131", team: gorus_oneri, '
         "skills: {en: 40, ")
    assert problems(folder) == [] and not [one for one in warnings(folder) if "'en'" in one], "the menu asks for it"
    edit(folder, "menu.yaml", "then: psikososyal", "then: psikososyal\n        needs: {en: 40}")
    assert problems(folder) == []
    (told,) = [one for one in warnings(folder) if "distress" in one]
    assert re.match(r"menu\.yaml:\d+: callers of 'psikososyal', which is for distress, may wait for an agent with",
                    told)
