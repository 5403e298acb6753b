"""Numbers of remote counsellors: who can be called, who cannot and why; no number is ever said."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from centres.centre_reader import load_centre
from santral.centre.config import NodeConfig, asterisk_plan, node_config
from santral.centre.engine_values import engine_centre
from santral.centre.remote_agents import RemoteNumbers, read_numbers
from santral.secrets import NodeSecrets
from tests.ministry import copied, edit, seated

pytestmark = pytest.mark.unit

NUMBER = "+905321234567"
WAY_OUT = 'outgoing = "sip.carrier.example:5060"\n'


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """a1004 and a1010 are on call on Mondays; the carrier takes calls."""
    folder = copied(tmp_path)
    (folder / "accommodations.yaml").write_text("accommodations:\n  - {agent: a1010, ring_timeout_s: 45}\n")
    seated(folder)
    for agent in ("a1004", "a1010"):
        edit(folder, "team.yaml", f"{{id: {agent}, ", f'{{id: {agent}, on_call: {{monday: ["18:00-24:00"]}}, ')
    edit(folder, "santral.toml", "[trunk]\n", f"[trunk]\n{WAY_OUT}")
    return folder


def found(centre: Path, state: Path, numbers: object, mode: int = 0o600) -> RemoteNumbers:
    """Return the numbers that are read from this content of remote_agents.json."""
    path = NodeSecrets(state).folder / "remote_agents.json"
    path.write_text(json.dumps(numbers), encoding="utf-8")
    path.chmod(mode)
    return read_numbers(load_centre(centre), path.parent)


def test_who_has_a_number_can_be_called(centre: Path, tmp_path: Path) -> None:
    outside = found(centre, tmp_path, {"a1004": NUMBER, "a1010": "+905329999999", "a1001": "+905328888888"})
    assert outside.numbers == {"uzak-a1004": NUMBER, "uzak-a1010": "+905329999999"}, "who is not on call is not called"
    assert outside.warnings == () and NUMBER not in repr(outside)


@pytest.mark.parametrize("number", ["05321234567", "+90 532 123 45 67", "+0532123456", "+9053", 905321234567, ""])
def test_a_wrong_number_is_a_warning_that_does_not_say_it(centre: Path, tmp_path: Path, number: object) -> None:
    outside = found(centre, tmp_path, {"a1004": number, "a1010": NUMBER})
    (warning,) = outside.warnings
    assert list(outside.numbers) == ["uzak-a1010"]
    assert warning.where.startswith("team.yaml:") and "a1004 is on call and has a number that is not" in warning.what
    assert not number or str(number) not in str(warning)


def test_without_the_file_everybody_on_call_is_named(centre: Path, tmp_path: Path) -> None:
    outside = read_numbers(load_centre(centre), tmp_path / "nothing" / "secrets")
    assert outside.numbers == {} and not (tmp_path / "nothing").exists(), "looking writes nothing"
    assert [one.what.partition(" in ")[0] for one in outside.warnings] == [
        "a1004, a1010 are on call and have no number"]


@pytest.mark.parametrize(("content", "mode", "what"), [
    ({"a1004": NUMBER}, 0o644, "chmod 600"), ([NUMBER], 0o600, "must hold a JSON object")])
def test_a_file_that_cannot_be_used_is_one_warning(centre: Path, tmp_path: Path, content: object, mode: int,
                                                   what: str) -> None:
    outside = found(centre, tmp_path, content, mode)
    (warning,) = outside.warnings
    assert outside.numbers == {} and what in warning.what and NUMBER not in str(warning)


def test_without_a_way_out_nobody_is_called(centre: Path, tmp_path: Path) -> None:
    settings = centre / "santral.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(WAY_OUT, ""), encoding="utf-8")
    outside = found(centre, tmp_path, {"a1004": NUMBER, "a1010": NUMBER})
    (warning,) = outside.warnings
    assert outside.numbers == {} and warning.where.startswith("santral.toml:") and "outgoing" in warning.mend
    assert asterisk_plan(node_config(centre), NodeSecrets(tmp_path)).remote_agents == ()


def test_a_centre_without_remote_counsellors_needs_no_file(centre: Path, tmp_path: Path) -> None:
    team = (centre / "team.yaml").read_text(encoding="utf-8")
    (centre / "team.yaml").write_text(team.replace('on_call: {monday: ["18:00-24:00"]}, ', ""), encoding="utf-8")
    assert read_numbers(load_centre(centre), tmp_path) == RemoteNumbers({})


def test_asterisk_gets_the_numbers_and_the_engine_what_they_need(centre: Path, tmp_path: Path) -> None:
    found(centre, tmp_path, {"a1004": NUMBER})
    config: NodeConfig = node_config(centre)
    plan = asterisk_plan(config, NodeSecrets(tmp_path))
    assert plan.remote_agents == (("uzak-a1004", NUMBER),) and plan.trunk.way_out == "sip.carrier.example:5060"
    profiles = {str(agent.id): agent.profile for agent in engine_centre(config.loaded).agents}
    assert (profiles["a1004"].ring_timeout_s, profiles["a1004"].auto_return_s) == (30.0, 300.0)
    assert profiles["a1010"].ring_timeout_s == 45.0, "what an agent needs comes first"
    assert profiles["a1001"].auto_return_s is None
