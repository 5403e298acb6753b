"""Check that docs/reference is drawn from the code of today, and that its hand-written words belong to real names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asterisk_conf import dialplan_names
from asterisk_conf.conf_plan import ECHO_CODE, LineClass, LinePlan
from asterisk_conf.render import render_files
from centres.settings import Settings
from centres.team import Accommodation, Agent
from desk.api.routes import ROUTES
from guide import code_reference, reference, settings_reference
from guide.log_meanings import ALARM, MEANINGS
from guide.phone_keys import CODES, EXIT_ADVICE
from guide.tables import ROOT, write_table
from ivr.routes import feature_codes
from santral.errors import SantralError
from tests.fakes.asterisk_plan import pages, plan

pytestmark = pytest.mark.unit


def test_the_pages_are_those_of_the_code() -> None:
    drawn = reference.draw_pages()
    there = {path.name: path.read_text(encoding="utf-8") for path in reference.FOLDER.glob("*.md")}
    old = sorted(name for name in drawn.keys() | there.keys() if drawn.get(name) != there.get(name))
    assert not old, f"run python -m guide.reference: {', '.join(old)}"


def test_a_page_that_is_no_longer_drawn_is_removed(tmp_path: Path) -> None:
    (tmp_path / "old.md").write_text("# Old\n")
    reference.write_pages(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == set(reference.PAGES)


def test_each_key_of_the_settings_has_its_bounds_and_default() -> None:
    page = settings_reference.draw_settings()
    tables = settings_reference.list_shapes(Settings)
    assert all(f"## `[{name}]`" in page for name in tables if not name.startswith("profile."))
    assert "`tick_s` | integer 2–15 | `15` |" in page
    assert "`monday` … `sunday` | list: span | `[]` |" in page
    assert "`body` | `json` `form` | `json` |" in page


@pytest.mark.parametrize("shape", [*filter(None, settings_reference.list_shapes(Settings).values()), Accommodation,
                                   Agent])
def test_each_key_is_in_a_page(shape: type) -> None:
    page = settings_reference.draw_settings() + settings_reference.draw_team_files()
    days = {"tuesday", "wednesday", "thursday", "friday", "saturday"}
    assert all(f"`{key}`" in page for key in shape.model_fields if key not in days)  # type: ignore[attr-defined]


def test_an_accommodation_shows_the_default_of_the_profile() -> None:
    page = settings_reference.draw_team_files()
    assert "`ring_timeout_s` | number 10–60 | `15` |" in page
    assert "`wrapup_mode` |" in page and "| `mandatory_timeout` |" in page


def test_each_warning_and_error_has_a_meaning() -> None:
    serious = {event: level for event, (level, _, _) in code_reference.list_log_events().items()
               if level in ("warning", "error", "exception", "critical")}
    assert len(serious) > 40, "the reader of the code finds them"
    assert set(MEANINGS) == set(serious)
    assert all(MEANINGS[event][0] == ALARM for event, level in serious.items() if level != "warning")


def test_each_exit_code_has_an_action() -> None:
    assert set(EXIT_ADVICE) == {0, SantralError.exit_code, *(kind.exit_code for kind in SantralError.__subclasses__())}


def test_each_key_of_a_phone_has_a_meaning() -> None:
    known = {value for value in vars(feature_codes).values() if isinstance(value, str)
        and re.fullmatch(r"\*\d\d", value)}
    assert set(CODES) == known | {ECHO_CODE}


def test_commands_of_the_table_exist() -> None:
    commands = code_reference.list_commands()
    assert set(code_reference.COMMANDS.values()) <= set(commands)
    paths = {path.rpartition(" ")[2] for path in code_reference.COMMANDS}
    assert paths <= {route.path for route in ROUTES}
    assert len(commands) > 50 and "contacts" in commands and "lab traffic" not in commands


def test_names_of_the_dialplan_are_those_of_the_files() -> None:
    lines = LinePlan(300, (LineClass("psikososyal", 60, 90, "tr/acil-destek"),))
    files = render_files(plan(node_count=2, lines=lines, pages=pages()))
    text = files["extensions.conf"]
    named = {kind: {one for row in dialplan_names.TABLE if row.kind == kind for one in row.name.split()}
             for kind in (dialplan_names.CONTEXT, dialplan_names.ROUTE, dialplan_names.VARIABLE, dialplan_names.EVENT)}
    assert named["context"] == set(re.findall(r"^\[(santral-[a-z-]+)\]", text, re.MULTILINE))
    assert {one.partition(",")[0] for one in named["AGI route"]} == set(
        re.findall(r"AGI\(agi://[^/]+/[^/]+/([a-z-]+)", text))
    assert named["CEL event"] == set(re.findall(r"CELGenUserEvent\(([A-Z_]+-?)", text))
    node = "".join(path.read_text(encoding="utf-8") for room in ("ivr", "routing")
                   for path in (ROOT / room).rglob("*.py"))
    pattern = re.compile(r"(?:\b|__)((?:ACD|SC)_[A-Z]+(?:_[A-Z]+)*)\b")
    events = {one.rstrip("-") for one in named["CEL event"]}
    assert set(pattern.findall(node)) <= named["variable"] | events, "the node relies on them"
    used = set(pattern.findall(node + "".join(files.values())))
    assert named["variable"] - {"SC"} <= used


def test_last_columns_without_text_are_left_out() -> None:
    assert write_table(("a", "b", "c"), [("1", "x|y", ""), ("2", "", "")]) == \
        "a | b\n--- | ---\n1 | x\\|y\n2 |\n"
