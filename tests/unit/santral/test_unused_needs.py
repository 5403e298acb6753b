"""Needs that nothing serves yet: `check` says so, and nobody who needs captions gets a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from routing.core.model.centre_model import Channel
from santral.centre.config import check_centre, node_config
from tests.ministry import copied, edit

pytestmark = pytest.mark.unit

ROW = "{agent: a1008, wrapup_s: 60, wrapup_extend_s: 120}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path)


def warnings(folder: Path) -> list[str]:
    return [str(one) for one in check_centre(folder).warnings]


@pytest.mark.parametrize(("need", "message"), [
    ("braille_cells: 40", "no desk or phone of Santral uses it yet"),
    ("ear: left", "on a phone it is the headset's"), ("limiter: true", "on a phone it is the headset's"),
    ("gain_db: 12", "'gain_db' without 'limiter' makes sudden loudness louder as well")])
def test_a_need_without_an_effect_is_named_once_with_its_place(folder: Path, need: str, message: str) -> None:
    key = need.partition(":")[0]
    assert not any(f"'{key}'" in one for one in warnings(folder))
    edit(folder, "accommodations.yaml", ROW, ROW.replace("wrapup_s: 60", need))
    edit(folder, "accommodations.yaml", "{agent: a1015, rest_gap_s: 60}", f"{{agent: a1015, {need}}}")
    (told,) = [one for one in warnings(folder) if f"'{key}'" in one]
    assert told.startswith("accommodations.yaml:4: ") and message in told
    assert "a1008" not in told, "an accommodation is nobody else's business"


@pytest.mark.parametrize(("everybody", "own", "warned"), [
    ("", "gain_db: 12, limiter: true", False), ("", "gain_db: 12, limiter: false", True),
    ("limiter = true", "gain_db: 12", False), ("limiter = true", "gain_db: 12, limiter: false", True),
    ("", "gain_db: 0", False), ("", "verbosity: low", False)])
def test_a_gain_needs_a_limiter(folder: Path, everybody: str, own: str, warned: bool) -> None:
    edit(folder, "accommodations.yaml", ROW, f"{{agent: a1008, {own}}}")
    with (folder / "santral.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[profile]\n{everybody}\n")
    assert any("without 'limiter'" in one for one in warnings(folder)) is warned
    assert not any("verbosity" in one for one in warnings(folder))


def test_pages_limit_by_themselves(folder: Path) -> None:
    edit(folder, "santral.toml", "count = 180", "count = 0")
    edit(folder, "santral.toml", "[seats.web]", '[desk]\nsip = "wss://desk.example/sip"\n[seats.web]')
    edit(folder, "accommodations.yaml", ROW, "{agent: a1008, ear: left, gain_db: 12}")
    edit(folder, "accommodations.yaml", "{agent: a1015, rest_gap_s: 60}", "{agent: a1015, limiter: true}")
    checked = check_centre(folder)
    assert checked.problems == ()
    assert not any(key in str(one) for one in checked.warnings for key in ("'ear'", "'limiter'"))


def test_a_need_of_all_agents_is_named_at_the_settings(folder: Path) -> None:
    with (folder / "santral.toml").open("a", encoding="utf-8") as file:
        file.write("\n[profile]\nbraille_cells = 40\n")
    (told,) = [one for one in warnings(folder) if "braille_cells" in one]
    assert told.startswith("santral.toml:")


def test_agents_who_take_text_alone_are_counted(folder: Path) -> None:
    (told,) = [one for one in warnings(folder) if "get no contacts" in one]
    assert told.startswith("accommodations.yaml:9: 5 agent(s) with 'channels' without voice")


def test_no_call_comes_to_an_agent_who_needs_captions(folder: Path) -> None:
    edit(folder, "accommodations.yaml", ROW, "{agent: a1008, captions: true}")
    (told,) = [one for one in warnings(folder) if "captions" in one]
    assert told.startswith("accommodations.yaml:4: 1 agent(s) with 'captions'")
    (agent,) = [one for one in node_config(folder).centre.agents if one.id == "a1008"]
    assert Channel.VOICE not in agent.profile.channels and Channel.CHAT in agent.profile.channels
