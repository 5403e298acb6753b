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
