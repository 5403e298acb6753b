"""What `santral check` finds with the engine's own rules: mistakes in expressions, and what nobody can ever match."""

from __future__ import annotations

import re
import shutil
import typing
from pathlib import Path

import pytest

from centres.load import SHIPPED
from centres.services import Strategy
from routing.core import strategies
from santral.config import check, node_config

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    copy = tmp_path / "meb"
    shutil.copytree(SHIPPED / "meb", copy)
    (copy / "accommodations.yaml").chmod(0o600)
    return copy


def edit(folder: Path, name: str, old: str, new: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")


def asks(folder: Path, needs: str) -> None:
    edit(folder, "services.yaml", "needs: {uzaktan_egitim: 30}", f'needs: "{needs}"')


def problems(folder: Path) -> list[str]:
    return [str(one) for one in check(folder).problems]


def warnings(folder: Path) -> list[str]:
    return [str(one) for one in check(folder).warnings]


def test_a_mistake_in_an_expression_is_told_with_its_column_marked(folder: Path) -> None:
    asks(folder, "uzaktan_egitim >= 30 and and temsilci")
    (told,) = problems(folder)
    first, text, mark = told.split("\n")
    assert re.match(r"services\.yaml:20: column 26 of the expression: ", first)
    assert text.strip() == "uzaktan_egitim >= 30 and and temsilci"
    assert text[mark.index("^"):].startswith("and temsilci")


def test_a_skill_that_nobody_has_is_guessed(folder: Path) -> None:
    asks(folder, "uzaktan_egitm >= 30 or temsilci")
    assert problems(folder) == [
        "services.yaml:20: nobody has the skill 'uzaktan_egitm'. Did you mean 'uzaktan_egitim'?"]


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
        "services.yaml:20: no agent who takes calls fits step 2 of 'uzaktan_egitim': nobody on duty can ever match. "
        "Lower its levels, or raise them in team.yaml."]


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
    assert told.startswith("accommodations.yaml:3: a 'pair_id' that only one of the agents have")
    assert "cift1" not in told
    edit(folder, "accommodations.yaml", "agent: a1008,", "agent: a1008, pair_id: cift1,")
    assert problems(folder) == []


def test_a_review_that_is_due_and_a_topic_that_is_no_service_are_warned_about(folder: Path) -> None:
    edit(folder, "accommodations.yaml", "agent: a1004,", "agent: a1004, review_at: 2020-01-01, no_topics: [siddet],")
    told = warnings(folder)
    assert len(told) == 2 and "review_at" in told[0] + told[1] and "no_topics" in told[0] + told[1]
    assert "siddet" not in "".join(told)


def test_the_files_know_the_strategies_that_there_are() -> None:
    assert set(typing.get_args(Strategy)) == set(strategies.STRATEGIES)
