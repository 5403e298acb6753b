"""The sounds for waiting callers of each service, as a centre's files say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asterisk_conf.conf_plan import PlanError
from asterisk_conf.render import render_files
from ivr.settings import DEFAULT_HOLD, DISTRESS_HOLD
from santral.centre.config import asterisk_plan, check_centre, node_config
from santral.secrets import NodeSecrets
from tests.ministry import MEB, copied, edit

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path)


def says(folder: Path, line: str, of: str = "target_s: 15") -> None:
    """A further line of a service; the first one's when nothing is said."""
    edit(folder, "services.yaml", of, f"{of}\n    {line}")


def line_of(folder: Path, text: str) -> int:
    """Return the line of `services.yaml` at which this text begins."""
    whole = (folder / "services.yaml").read_text(encoding="utf-8")
    return whole[: whole.index(text)].count("\n") + 1


def test_the_ministrys_callers() -> None:
    waits = node_config(MEB).waits
    distress, usual = waits["psikososyal"], waits["temsilci"]
    assert (distress.first, distress.comfort, distress.music) == (DISTRESS_HOLD.first, DISTRESS_HOLD.comfort, "sakin")
    assert not (distress.say_position or distress.expected or distress.asks_held_position or distress.callback_key)
    assert (usual.first, usual.comfort, usual.music, usual.asks_held_position) == (DEFAULT_HOLD.first,
        DEFAULT_HOLD.comfort, "santral", True)
    assert usual.say_position and usual.expected
    assert node_config(MEB).ivr_settings("one").waits == waits


def test_a_centre_says_otherwise(folder: Path) -> None:
    says(folder, "music: halk")
    says(folder, "waiting: {first: bekleme-ilk, comfort: [bekleme-teselli-2]}", "  - id: gorus_oneri")
    says(folder, "position_held_s: 0", "  - id: gorus_oneri")
    config = node_config(folder)
    assert config.waits["psikososyal"].music == "halk"
    assert config.waits["gorus_oneri"].comfort == ("bekleme-teselli-2",)
    kept = {service.id: service.position_held_s for service in config.centre.services}
    assert (kept["gorus_oneri"], kept["temsilci"]) == (0.0, 300.0)


def test_a_prompt_nobody_has_is_told_with_its_line(folder: Path) -> None:
    says(folder, "waiting: {first: bekleme-ilkk, comfort: [bekleme-teselli-1, bekleme-teseli-2]}", "  - id: temsilci")
    told = [str(one) for one in check_centre(folder).problems]
    line = line_of(folder, "    waiting: {first: bekleme-ilkk")
    assert len(told) == 2 and all(one.startswith(f"services.yaml:{line}: unknown prompt ") for one in told)
    assert "Did you mean 'bekleme-ilk'?" in told[0] and "Did you mean 'bekleme-teselli-2'?" in told[1]


def test_a_service_that_tells_nothing_is_warned_about(folder: Path) -> None:
    says(folder, "waiting: {place: false, expected: false}", "  - id: temsilci")
    told = [str(one) for one in check_centre(folder).warnings]
    line = line_of(folder, "    waiting: {place: false, expected: false}\n")
    assert [one for one in told if one.startswith(f"services.yaml:{line}: callers of 'temsilci' are told neither")]
    assert not any("'psikososyal' are told neither" in one for one in told)


def test_each_music_is_a_class_of_its_own(folder: Path, tmp_path: Path) -> None:
    says(folder, "music: halk", "  - id: temsilci")
    plan = asterisk_plan(node_config(folder), NodeSecrets(tmp_path))
    assert plan.musics == ("sakin", "halk")
    text = render_files(plan)["musiconhold.conf"]
    for name in ("", "/sakin", "/halk"):
        assert f"directory={plan.music_dir}{name}\n" in text
    assert text.count("mode=files") == 4
    with pytest.raises(PlanError, match="music 'default'"):
        plan.__class__(**{**{name: getattr(plan, name) for name in plan.__dataclass_fields__}, "musics": ("default",)})


def test_who_is_offered_no_callback_for_want_of_a_way_out_is_told_of(folder: Path) -> None:
    (told,) = [str(one) for one in check_centre(folder).warnings if "callback" in str(one)]
    assert re.match(r"santral\.toml:\d+: callers of 'uzaktan_egitim', 'gorus_oneri', 'temsilci' are offered no callb",
                    told)
    for service in ("uzaktan_egitim", "gorus_oneri", "temsilci"):
        says(folder, "callback: none", f"  - id: {service}")
    assert [one for one in check_centre(folder).warnings if "callback" in str(one)] == []


def changed(path: Path, old: str, new: str) -> int:
    """The line at which `old` stood."""
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def test_whose_slow_speech_may_be_remembered(folder: Path) -> None:
    asked = {service: wait.preferences for service, wait in node_config(folder).waits.items()}
    assert asked == {"psikososyal": False, "uzaktan_egitim": True, "ihbar_sikayet": False, "gorus_oneri": True,
                     "temsilci": True}, "never in distress, never of an anonymous service"
    changed(folder / "santral.toml", "enabled = true", "enabled = false")
    assert not any(wait.preferences for wait in node_config(folder).waits.values())


def test_a_preference_and_what_it_gives_stand_in_two_files(folder: Path) -> None:
    menu, settings = folder / "menu.yaml", folder / "santral.toml"
    text = menu.read_text(encoding="utf-8")
    assert not [one for one in check_centre(folder).warnings if "wish" in str(one)]
    line = changed(settings, "enabled = true", "enabled = false")
    where = text[: text.index("human_first:")].count("\n") + 1
    assert [str(one) for one in check_centre(folder).warnings if "wish" in str(one)] == [
        f"menu.yaml:{where}: the wish of callers for a person at once is not remembered. Add to santral.toml: "
        "[preferences] enabled = true; or take 'human_first' out."]
    changed(settings, "enabled = false", "enabled = true")
    begin, end = text.index("human_first:"), text.index("\nnodes:")
    menu.write_text(text[:begin] + text[end:], encoding="utf-8")
    assert [str(one) for one in check_centre(folder).warnings if "human_first" in str(one)] == [
        f"santral.toml:{line}: a remembered wish for a person at once has no effect: menu.yaml says nothing of "
        "'human_first'. Add to menu.yaml: human_first: {priority: 10, then: temsilci}."]
