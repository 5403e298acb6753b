"""Checks across the files of a centre: mistakes in one file that show in another."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from santral.centre.config import check_centre, node_config
from santral.errors import BadCentre
from tests.ministry import copied, edit

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return copied(tmp_path)


def problems(folder: Path) -> list[str]:
    return [str(one) for one in check_centre(folder).problems]


def warnings(folder: Path) -> list[str]:
    return [str(one) for one in check_centre(folder).warnings]


@pytest.mark.parametrize("url", ["postgresql://santral:secret@db:5432o/x", "postgres", "mysql://santral@db/x", "sqlite://"])
def test_an_address_of_the_store_at_which_a_start_would_fail_is_told_and_not_shown(folder: Path, url: str) -> None:
    edit(folder, "santral.toml", 'url = "sqlite:///santral.db" ', f'url = "{url}" ')
    (told,) = problems(folder)
    assert "'store.url' is no address of a store" in told and "secret" not in told
    line = (folder / "santral.toml").read_text(encoding="utf-8").splitlines().index("[store]") + 2
    assert told.startswith(f"santral.toml:{line}: ")


@pytest.mark.parametrize("url", ["postgresql+psycopg://santral:secret@db:5432/x", "sqlite:///other.db"])
def test_an_address_that_is_one_is_good(folder: Path, url: str) -> None:
    edit(folder, "santral.toml", 'url = "sqlite:///santral.db" ', f'url = "{url}" ')
    (folder / "santral.toml").chmod(0o640)
    assert problems(folder) == []


@pytest.mark.parametrize("url", ["postgresql://santral:secret@db/x", "postgresql://santral@db/x?password=secret"])
@pytest.mark.parametrize("place", ["santral.toml", "local.toml"])
def test_a_password_of_the_store_that_everybody_may_read_is_refused(folder: Path, url: str, place: str) -> None:
    file = folder.parent / place if place == "local.toml" else folder / place
    if place == "local.toml":
        file.write_text(f'[store]\nurl = "{url}"\n', encoding="utf-8")
    else:
        edit(folder, place, 'url = "sqlite:///santral.db" ', f'url = "{url}" ')
    overlay = file if place == "local.toml" else None
    file.chmod(0o644)
    (told,) = (str(one) for one in check_centre(folder, overlay).problems)
    assert told.endswith(f"everybody may read the password of the store. Run chmod 600 {file} as its owner, or put the "
                         "password into a passfile.") and "secret" not in told
    assert re.search(rf"{place}:\d+: ", told)
    with pytest.raises(BadCentre, match="chmod 600"):
        node_config(folder, overlay)
    file.chmod(0o640)
    assert node_config(folder, overlay).settings.store.url == url


def test_a_reason_for_a_pause_names_a_prompt_that_is_there(folder: Path) -> None:
    edit(folder, "santral.toml", '"neden-egitim"', '"neden-egitm"')
    (told,) = problems(folder)
    assert told == ("santral.toml:69: unknown prompt 'neden-egitm'. Did you mean 'neden-egitim'? Looked in "
                    f"{folder}/prompts/tr and in Santral's own prompts.")


def test_the_engine_gets_the_table_of_pause_reasons(folder: Path) -> None:
    centre = node_config(folder).centre
    assert [one.id for one in centre.pause_reasons if one.work] == ["egitim", "toplanti", "teknik", "ses"]
    assert {one.id: one.limit_s for one in centre.pause_reasons if one.limit_s} == {
        "yemek": 3600.0, "toplanti": 5400.0, "teknik": 1800.0, "ses": 1800.0}
    assert (centre.break_reason.id, centre.break_reason.digit, centre.break_reason.name) == ("mola", "1", "Mola")
    text = (folder / "santral.toml").read_text(encoding="utf-8")
    (folder / "santral.toml").write_text(text[:text.index("[pause_reasons]")], encoding="utf-8")
    assert [one.id for one in node_config(folder).centre.pause_reasons] == ["mola"]


def test_a_step_that_ends_after_the_target_is_told_with_its_line(folder: Path) -> None:
    assert not any("ends after" in one for one in warnings(folder))
    edit(folder, "services.yaml", "lasts_s: 15", "lasts_s: 30")
    [told] = [one for one in warnings(folder) if "ends after" in one]
    line = (folder / "services.yaml").read_text(encoding="utf-8").splitlines().index("        lasts_s: 30") + 1
    assert told.startswith(f"services.yaml:{line}: step 1 of 'gorus_oneri' ends after 30 s, and 'target_s' is 30: ")


def test_recordings_without_a_notice_are_told(folder: Path) -> None:
    assert not any("without a notice" in one for one in warnings(folder))
    text = (folder / "menu.yaml").read_text(encoding="utf-8")
    (folder / "menu.yaml").write_text(re.sub(r"(?m)^notice: .*\n", "", text), encoding="utf-8")
    [told] = [one for one in warnings(folder) if "without a notice" in one]
    line = (folder / "santral.toml").read_text(encoding="utf-8").splitlines().index("[recording]") + 2
    assert told.startswith(f"santral.toml:{line}: talks are to be recorded")
    edit(folder, "santral.toml", "talks = true ", "talks = false ")
    assert not any("without a notice" in one for one in warnings(folder))


def test_a_notice_without_an_address_is_told(folder: Path) -> None:
    [told] = [one for one in warnings(folder) if "full privacy notice" in one]
    assert told.startswith("santral.toml:") and "'notice' of [privacy]" in told
    edit(folder, "santral.toml", "\n[privacy] ", '\n[privacy]\nnotice = "example.org/kvkk" ')
    assert not any("full privacy notice" in one for one in warnings(folder)) and not problems(folder)
    edit(folder, "santral.toml", '"example.org/kvkk"', '"https://example.org/kvkk"')
    assert any("santral.toml" in one and "notice" in one for one in problems(folder))


def test_a_service_for_distress_without_other_help_is_told(folder: Path) -> None:
    edit(folder, "services.yaml", "    emergency: acil-destek ", "    # ")
    (told,) = [one for one in problems(folder) if one.startswith("services.yaml:")]
    assert re.match(r"services\.yaml:11: 'psikososyal' is for distress and names no 'emergency'", told)
    assert all("'distress: true' with an 'emergency' prompt" in one for one in problems(folder) if one != told)


def test_a_name_that_the_menu_lacks_is_told_although_the_menu_is_wrong_by_it(folder: Path) -> None:
    edit(folder, "santral.toml", 'closed = "kapali"', 'closed = "kapal"')
    assert any(one.startswith("santral.toml:") and "'closed' names 'kapal', which menu.yaml does not have" in one
               for one in problems(folder))
    assert not any("has no key 0" in one for one in problems(folder)), "nobody is there at night to be reached"
    edit(folder, "santral.toml", '"4440632" = "ana"', '"4440632" = "ama"')
    assert any("the called number 4440632 leads to 'ama', which menu.yaml does not have" in one
               for one in problems(folder))


def test_settings_that_cannot_be_read_ask_for_no_key_at_night(folder: Path) -> None:
    edit(folder, "santral.toml", "count = 180", "count = 18O")
    (told,) = problems(folder)
    assert told.startswith("santral.toml:") and "not TOML" in told


def test_a_mistake_in_the_menu_says_nothing_of_skills(folder: Path) -> None:
    edit(folder, "team.yaml", "- {id: a1001, number: \"1001\", team: psikososyal, skills: {",
         "- {id: a1001, number: \"1001\", team: psikososyal, skills: {en: 50, ")
    assert any("no service asks for the skill 'en'" in one for one in warnings(folder))
    edit(folder, "menu.yaml", "closing: tus-bilgisi", "closin: tus-bilgisi")
    assert problems(folder) and not any("'en'" in one for one in warnings(folder))


def test_a_node_that_asterisk_would_not_ask_is_told(folder: Path) -> None:
    edit(folder, "santral.toml", 'agi = "127.0.0.1:4573"', 'agi = "127.0.0.1:4600"')
    (told,) = [one for one in warnings(folder) if "Asterisk asks at" in one]
    assert "Asterisk asks at 127.0.0.1:4573, but this node listens at 127.0.0.1:4600" in told
    edit(folder, "santral.toml", "[asterisk]\n", '[asterisk]\nagi = ["192.0.2.9:4573"]\n')
    assert not [one for one in warnings(folder) if "Asterisk asks at" in one], "by a proxy"


@pytest.mark.parametrize(("hours", "parts", "closed"), [
    ('["09:00-17:00"]', 'morning = "09:00-12:00", evening = "18:00-20:00"', "evening"),
    ('["09:00-12:45"]', 'noon = "12:00-15:00"', "noon"),
    ('["09:00-17:00"]', 'morning = "09:00-12:00", noon = "12:00-15:00"', ""),
])
def test_a_part_of_a_day_in_which_nobody_can_be_called_back_is_refused(folder: Path, hours: str, parts: str,
                                                                      closed: str) -> None:
    edit(folder, "santral.toml", "[listen]", f"[callback]\nparts = {{ {parts} }}\n\n[listen]")
    for service in ("uzaktan_egitim", "gorus_oneri", "temsilci"):
        edit(folder, "services.yaml", f"  - id: {service}\n", f"  - id: {service}\n    hours: {{tuesday: {hours}}}\n")
    told = [one for one in problems(folder) if "calls back" in one]
    assert told == ([f"santral.toml:17: no service that calls back is open at '{closed}' on any weekday, so it is "
                     "offered to nobody. Change its span or the hours, or take it out."] if closed else [])


def test_a_centre_that_shows_what_callers_hear_is_told_so(folder: Path) -> None:
    assert not any("/live" in one for one in warnings(folder))
    edit(folder, "santral.toml", "[seats.web]", "[desk]\nsentences = true\n\n[seats.web]")
    (told,) = [one for one in warnings(folder) if "/live" in one]
    line = (folder / "santral.toml").read_text(encoding="utf-8").splitlines().index("sentences = true") + 1
    assert told.startswith(f"santral.toml:{line}: supervisors see on /live what each caller hears")
