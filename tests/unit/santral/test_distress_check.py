"""`santral check` says what a centre carries in distress, and refuses what leaves callers in distress without help."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from santral.centre.config import check_centre
from santral.cli import cli
from tests.ministry import copied, edit

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path)


def problems(folder: Path) -> list[str]:
    return [str(one) for one in check_centre(folder).problems]


def warnings(folder: Path) -> list[str]:
    return [str(one) for one in check_centre(folder).warnings if one.where.startswith("services.yaml")]


def test_the_ministry_is_told_what_it_carries(folder: Path) -> None:
    found = CliRunner().invoke(cli, ["check", str(folder)], env={"COLUMNS": "300"}).output
    assert "psikososyal: 39 agents fit, 39 of them without an own limit" in found
    assert "planned 60 calls an hour with 15 on duty and 6 kept free: 89% within 15 s expected, target 90%" in found


def test_the_ministry_is_told_who_rings_without_a_node(folder: Path) -> None:
    assert ("psikososyal: without the node 35 of the 39 agents who fit can ring: 180 seats ring then, and 4 agents are "
            "remote.") in check_centre(folder).sentences
    edit(folder, "santral.toml", "count = 180", "count = 5")
    assert any("without the node 5 of the 39 agents who fit can ring" in one for one in check_centre(folder).sentences)


def test_a_centre_of_pages_alone_leaves_nobody_in_distress_without_a_node(folder: Path) -> None:
    edit(folder, "santral.toml", "count = 180", "count = 0")
    line = (folder / "santral.toml").read_text(encoding="utf-8").splitlines().index(
        "[seats]                         # the agents' phones: 2001 to 2180") + 1
    assert problems(folder) == [
        f"santral.toml:{line}: no seat rings without the node, so callers of 'psikososyal' would reach nobody while it "
        "is away. Add phones to [seats], or lead pages past the node with [desk] sip."]
    edit(folder, "santral.toml", "[seats.web]", '[desk]\nsip = "wss://desk.example/sip"\n[seats.web]')
    checked = check_centre(folder)
    assert checked.problems == ()
    assert any("without the node 35 of the 39 agents who fit can ring: 60 seats" in one for one in checked.sentences)


def test_distress_for_remote_agents_alone_is_a_warning(folder: Path) -> None:
    remote(folder, on_duty=2, keep_free="1    ")
    assert [one for one in warnings(folder) if "none of their numbers rings without the node" in one]


def test_distress_without_an_emergency_text_is_refused(folder: Path) -> None:
    edit(folder, "services.yaml", "    emergency: acil-destek ", "    survey: false #")
    *_, found = problems(folder)
    assert found.startswith("services.yaml:11: 'psikososyal' is for distress and names no 'emergency'")


def test_a_plan_that_the_agents_cannot_carry_is_refused(folder: Path) -> None:
    edit(folder, "services.yaml", "on_duty: 15", "on_duty: 10")
    assert problems(folder) == ["services.yaml:17: 10 agents cannot carry the planned 60 calls an hour of 615 s: 10.2 "
                                "Erlang. Raise 'on_duty' above the load."]
    edit(folder, "services.yaml", "on_duty: 10", "on_duty: 41")
    assert "plans 41 agents on duty, and 39 of the team fit it" in problems(folder)[0]


def test_limits_of_all_agents_below_the_plan_are_refused(folder: Path) -> None:
    team = [f"  - {{agent: a{number}, distress_limit: {{soft: 6, hard: 9}}}}" for number in range(1001, 1181)]
    (folder / "accommodations.yaml").write_text("\n".join(["accommodations:", *team, ""]), encoding="utf-8")
    edit(folder, "services.yaml", "calls_per_h: 60", "calls_per_h: 56")
    (found,) = problems(folder)
    assert "plans 56 calls an hour, and the limits of all 40 agents who fit carry 55.5" in found, "1.4 an hour each"
    edit(folder, "services.yaml", "calls_per_h: 56", "calls_per_h: 55")
    assert problems(folder) == []


def test_more_kept_free_than_there_are_is_a_warning(folder: Path) -> None:
    edit(folder, "services.yaml", 'keep_free: "35%"', "keep_free: 41  ")
    assert any("keeps 41 agents free, and 39 of the team fit it" in one for one in warnings(folder))


ROSTERS = """\
agents:
  - {id: a1001, number: "1001", skills: {psikososyal: 80}, on_call: {monday: ["08:00-16:00", "16:00-24:00"]}}
  - {id: a1002, number: "1002", skills: {psikososyal: 80}, on_call: {monday: ["12:00-20:00"], tuesday: ["00:00-24:00"]}}
  - {id: a1003, number: "1003", skills: {uzaktan_egitim: 80, ihbar_sikayet: 80, gorus_oneri: 80, temsilci: 80}}
"""


def remote(folder: Path, *, on_duty: int, keep_free: str) -> None:
    """Let only remote agents serve distress."""
    (folder / "team.yaml").write_text(ROSTERS, encoding="utf-8")
    (folder / "accommodations.yaml").write_text("accommodations: []\n", encoding="utf-8")
    edit(folder, "services.yaml", "calls_per_h: 60, handle_s: 615, on_duty: 15",
         f"calls_per_h: 2, handle_s: 600, on_duty: {on_duty}")
    edit(folder, "services.yaml", 'keep_free: "35%"', f"keep_free: {keep_free}")


def test_hours_with_fewer_agents_than_are_kept_free_are_named(folder: Path) -> None:
    remote(folder, on_duty=2, keep_free="2    ")
    assert problems(folder) == []
    assert any(one.startswith("services.yaml:8: 'psikososyal' keeps 2 agents free, and the roster has fewer who fit: "
                              "monday 00:00-12:00, monday 20:00-24:00, tuesday 00:00-24:00 and 5 more.")
               for one in warnings(folder)), warnings(folder)


def test_a_plan_that_no_hour_of_the_roster_carries_is_refused(folder: Path) -> None:
    remote(folder, on_duty=2, keep_free="1    ")
    edit(folder, "team.yaml", "12:00-20:00", "00:00-08:00")
    assert problems(folder) == [
        "services.yaml:17: 'psikososyal' plans 2 agents on duty, and the roster never has more than 1 who fit it. "
        "Lower 'on_duty', or let spans of 'on_call' in team.yaml overlap."]


def test_an_agent_with_a_seat_may_come_at_any_hour(folder: Path) -> None:
    remote(folder, on_duty=2, keep_free="1    ")
    edit(folder, "team.yaml", "12:00-20:00", "00:00-08:00")
    edit(folder, "team.yaml", "skills: {uzaktan_egitim: 80", "skills: {psikososyal: 60, uzaktan_egitim: 80")
    assert problems(folder) == []
    assert not [one for one in warnings(folder) if "roster" in one]


def test_a_service_that_counsellors_alone_serve_is_named(folder: Path) -> None:
    edit(folder, "services.yaml", "- needs: {temsilci: 30}", '- needs: "temsilci >= 30 and psikososyal >= 50"')
    assert any("only agents who fit 'psikososyal' serve 'temsilci'" in one for one in warnings(folder))


@pytest.mark.parametrize(("new", "what"), [
    ("keep_free: 0", "keep_free"), ("keep_free: 120%", "keep_free"), ("max_talking: 3", "remove 'max_talking'"),
])
def test_bad_values_are_refused(folder: Path, new: str, what: str) -> None:
    edit(folder, "services.yaml", 'keep_free: "35%"', new)
    assert what in " ".join(problems(folder))


def test_only_distress_keeps_agents_free(folder: Path) -> None:
    edit(folder, "services.yaml", "name: Temsilci\n", "name: Temsilci\n    keep_free: 2\n")
    assert "has 'keep_free' and is not for distress" in " ".join(problems(folder))


KEPT = """\
agents:
  - {id: a1001, number: "1001", skills: {psikososyal: 80, temsilci: 80}, on_call: {monday: ["08:00-16:00"]}}
  - {id: a1002, number: "1002", skills: {psikososyal: 80, temsilci: 80}, on_call: {monday: ["08:00-24:00"]}}
  - {id: a1003, number: "1003", skills: {uzaktan_egitim: 80, ihbar_sikayet: 80, gorus_oneri: 80}}
"""


def test_hours_in_which_only_agents_kept_free_serve_a_service_are_named(folder: Path) -> None:
    remote(folder, on_duty=2, keep_free="1    ")
    (folder / "team.yaml").write_text(KEPT, encoding="utf-8")
    named = [one for one in warnings(folder) if "keeps all agents of 'temsilci' free" in one]
    assert len(named) == 1 and "so its callers reach nobody: monday 16:00-24:00. " in named[0], warnings(folder)
    edit(folder, "team.yaml", '"08:00-24:00"', '"08:00-16:00"')
    assert any("only agents who fit 'psikososyal' serve 'temsilci'" in one for one in warnings(folder))
    edit(folder, "services.yaml", "keep_free: 1    ", "keep_free: 2    ")
    assert any("reach nobody: monday 08:00-16:00" in one for one in warnings(folder))
    edit(folder, "team.yaml", "skills: {uzaktan_egitim: 80", "skills: {temsilci: 30, uzaktan_egitim: 80")
    assert not any("reach nobody" in one for one in warnings(folder)), "an agent with a seat may come at any hour"
