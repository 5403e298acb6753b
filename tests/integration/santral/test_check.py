"""`santral check`: each mistake in a centre's files is one line with file, line and a way to fix it; exit 0 or 2."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.ministry import MEB, copied, edit, seated

pytestmark = pytest.mark.integration



@pytest.fixture
def centre(tmp_path: Path) -> Path:
    copy = copied(tmp_path)
    seated(copy)
    edit(copy, "santral.toml", "[trunk]\n",
         '[sms]\nurl = "https://sms.example/send"\n\n[trunk]\noutgoing = "sip.carrier.example:5060"\n')
    return copy


def santral_check(centre: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "santral", "check", str(centre)], capture_output=True, text=True,
                          timeout=60, env={"COLUMNS": "300", "PATH": "/usr/bin:/bin"})


def replace(old: str, new: str) -> Callable[[str], str]:
    def change(text: str) -> str:
        assert old in text, f"{old!r} is not in the file any more"
        return text.replace(old, new, 1)
    return change


def test_the_ministrys_centre_is_good() -> None:
    done = santral_check(MEB)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "180 agents" in done.stdout
    assert re.search(r"^warning: menu\.yaml:\d+: the menu has short messages, but the centre has no gateway",
                     done.stdout, re.MULTILINE)


FAULTS = {
    "menu with a loop": ("menu.yaml", replace("say: karsilama\n    then: ana-menu",
                                                "say: karsilama\n    then: karsilama"),
                         r"menu\.yaml:\d+: .*loop"),
    "missing prompt": ("menu.yaml", replace("say: ana-menu-2", "say: ana-menu-22"), r"menu\.yaml:\d+: .*ana-menu-22"),
    "unknown service": ("menu.yaml", replace("queue: gorus_oneri", "queue: gorus"), r"menu\.yaml:\d+: .*gorus"),
    "skill nobody has": ("services.yaml", replace("{gorus_oneri: 60}", "{isaret_dili: 60}"),
                         r"services\.yaml:\d+: .*isaret_dili"),
    "duplicate sign-in number": ("team.yaml", replace('number: "1002"', 'number: "1001"'), r"team\.yaml:\d+: .*1001"),
    "typo in a key": ("team.yaml", replace("skills:", "skils:"), r"team\.yaml:\d+: unknown key 'skils'.*skills"),
    "unknown entry": ("santral.toml", replace('"4440632" = "ana"', '"4440632" = "anna"'),
                      r"santral\.toml:\d+: .*anna"),
    "pages of another machine": ("santral.toml", replace("[asterisk]", '[asterisk]\nadvertise = "203.0.113.77"'),
                                 r"santral\.toml:\d+: 203\.0\.113\.77 is no address of this machine"),
    "nonsense address": ("santral.toml", replace('agi = "127.0.0.1:4573"', 'agi = "here"'),
                         r"santral\.toml:\d+: .*agi"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_one_clear_line_and_exit_2(centre: Path, name: str) -> None:
    file, change, expected = FAULTS[name]
    path = centre / file
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    done = santral_check(centre)
    assert done.returncode == 2, done.stdout + done.stderr
    assert re.search(expected, done.stdout), done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def closes(centre: Path, hours: str = 'closed = "kapali"\nmonday = ["09:00-17:00"]', nodes: str = "") -> None:
    """Another closed entry than the ministry's."""
    for name, change in (("santral.toml", replace("always = true", hours)),
                         ("santral.toml", replace('\nclosed = "kapali"    ', "\n#")),
                         ("menu.yaml", replace("  kapali: kapali-karsilama ", "  kapali: kapali ")),
                         ("menu.yaml", lambda text: re.sub(r"  kapali-karsilama:.*?\n\n  kapali-menu:.*?\n\n", nodes,
                                                           text, flags=re.DOTALL))):
        path = centre / name
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")


END = "  kapali:\n    say: merkez-kapali\n    end: true\n    text: https://mebim.meb.gov.tr\n"
MENU = ("  kapali:\n    options:\n"
        "      - {{key: 1, say: ana-menu-1, confirm: secildi-psikososyal, then: {then}}}\n"
        "    closing: [merkez-kapali, tus-bilgisi]\n    after_failures: {then}\n")


def test_a_centre_that_closes_and_keeps_distress_is_good(centre: Path) -> None:
    closes(centre, nodes=MENU.format(then="psikososyal"))
    done = santral_check(centre)
    assert done.returncode == 0, done.stdout + done.stderr
    warned = [line for line in done.stdout.splitlines() if line.startswith("warning: ")]
    assert sum("nobody is told" in line for line in warned) == 2, "the shipped example names no people"
    assert sum("'channels' without voice" in line for line in warned) == 1
    assert not any("while the centre is closed" in line for line in warned)
    assert "I10, keys and speech both: not applicable" in done.stdout


@pytest.mark.parametrize(("nodes", "warned"), [
    (END, ["nobody reaches 'psikososyal', which is for distress"]),
    (MENU.format(then="gorus-oneri"), ["callers can still wait for 'gorus_oneri'", "nobody reaches 'psikososyal'"])])
def test_a_closed_entry_that_forgets_distress_is_a_warning(centre: Path, nodes: str, warned: list[str]) -> None:
    closes(centre, nodes=nodes)
    done = santral_check(centre)
    assert done.returncode == 0, done.stdout + done.stderr
    known = "short message", "'channels' without voice", "nobody is told", "full privacy notice"  # of the ministry
    found = [line for line in done.stdout.splitlines()
             if line.startswith("warning: ") and not any(one in line for one in known)]
    assert len(found) == len(warned)
    for line, part in zip(found, warned, strict=True):
        assert re.match(r"warning: santral\.toml:\d+: while the centre is closed, ", line) and part in line


@pytest.mark.parametrize(("hours", "told"), [
    ('monday = ["09:00-17:00"]', r"^santral\.toml:12: .*'closed' is missing\. Add closed = "),
    ('closed = "kapal"\nmonday = ["09:00-17:00"]', r"^santral\.toml:13: 'closed' names 'kapal', .*Name one of its ")])
def test_hours_without_a_sound_closed_entry_end_with_2(centre: Path, hours: str, told: str) -> None:
    closes(centre, hours, END)
    done = santral_check(centre)
    assert done.returncode == 2 and re.search(told, done.stdout, re.MULTILINE), done.stdout + done.stderr


def test_a_mistake_elsewhere_in_the_settings_makes_no_mistake_of_the_closed_menu(centre: Path) -> None:
    closes(centre, nodes=MENU.format(then="psikososyal"))
    path = centre / "santral.toml"
    path.write_text(replace("tick_s", "tik_s")(path.read_text(encoding="utf-8")), encoding="utf-8")
    done = santral_check(centre)
    assert done.returncode == 2 and "has no key 0" not in done.stdout and "1 problem in" in done.stdout, done.stdout


def test_all_mistakes_are_told_together(centre: Path) -> None:
    misspelt = ("services.yaml", replace("priority:", "prioritty:"), "")
    for file, change, _ in (FAULTS["missing prompt"], FAULTS["typo in a key"], misspelt):
        path = centre / file
        path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    done = santral_check(centre)
    assert done.returncode == 2
    for file in ("menu.yaml", "team.yaml", "services.yaml"):
        assert f"{file}:" in done.stdout


def test_a_day_whose_needs_leave_nobody_is_told_before_and_ends_with_2_when_it_has_come(centre: Path) -> None:
    for file, change in (("menu.yaml", replace("then: gorus-oneri", "then: gorus-oneri\n        needs: {en: 40}")),
                         ("team.yaml", replace('number: "1131", team: gorus_oneri, skills: {',
                                               'number: "1131", team: gorus_oneri, skills: {en: 40, '))):
        (centre / file).write_text(change((centre / file).read_text(encoding="utf-8")), encoding="utf-8")
    for day, code, told in (("2999-01-01", 0, r"^warning: menu\.yaml:\d+: from 2999-01-01 on: no agent"),
                            ("2026-01-01", 2, r"^menu\.yaml:\d+: no agent who takes calls of 'gorus_oneri' has en 40")):
        (centre / "accommodations.yaml").write_text(
            f"accommodations:\n  - {{agent: a1131, channels: [chat], valid_from: {day}}}\n", encoding="utf-8")
        done = santral_check(centre)
        assert done.returncode == code and re.search(told, done.stdout, re.MULTILINE), done.stdout + done.stderr


def test_what_is_recorded_is_there_and_not_private(centre: Path) -> None:
    path = centre / "santral.toml"
    text = path.read_text(encoding="utf-8")
    assert text.count("talks = true") == 1
    named = 'services = ["psikososyal", "gorus_onery", "temsilci"]'
    path.write_text(re.sub(r"talks = true.*", f"talks = true\n{named}", text), encoding="utf-8")
    done = santral_check(centre)
    assert done.returncode == 2
    line = path.read_text(encoding="utf-8").splitlines().index(named) + 1
    assert f"santral.toml:{line}: service 'psikososyal' is private: its talks are never recorded" in done.stdout
    assert f"santral.toml:{line}: unknown service 'gorus_onery'. Did you mean 'gorus_oneri'?" in done.stdout
    assert "2 problems in" in done.stdout


def test_open_accommodations_are_warned_about_and_never_shown(centre: Path) -> None:
    path = centre / "accommodations.yaml"
    path.chmod(0o644)
    done = santral_check(centre)
    assert done.returncode == 0
    assert re.search(r"warning: accommodations\.yaml:1: .*chmod 600", done.stdout)
    changed = replace("ring_timeout_s: 30", "ring_timeout_s: 4711")(path.read_text(encoding="utf-8"))
    path.write_text(changed, encoding="utf-8")
    done = santral_check(centre)
    assert done.returncode == 2
    assert "4711" not in done.stdout + done.stderr
