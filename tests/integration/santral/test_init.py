"""`santral init`: a new centre from flags or answers, which is good at once; and nothing written for a wrong answer."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner

from prompts.text_reader import all_prompts
from santral.centre.centre_words import read_words
from santral.centre.config import check_centre
from santral.cli import cli
from santral.first_centre.answers import UnusableAnswer, check_days, check_hours, check_services, service_id

pytestmark = pytest.mark.integration

FLAGS = ("--name", "Şehir Hastanesi", "--numbers", "444 0 112, 0312 444 01 13", "--services",
         "Randevu,Tahlil sonucu", "--hours", "8:00-17:00", "--days", "monday-friday", "--agents", "25")


def run(folder: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a script does: without a terminal."""
    return subprocess.run([sys.executable, "-m", "santral", "init", str(folder), *flags], capture_output=True,
                          text=True, check=False, stdin=subprocess.DEVNULL, timeout=60)


def test_flags_make_a_good_centre_that_names_no_ministry(tmp_path: Path) -> None:
    folder = tmp_path / "hastane"
    done = run(folder, *FLAGS)
    assert done.returncode == 0, done.stderr
    assert f"santral lab up {folder}" in done.stdout and "santral lab call 4440112" in done.stdout
    checked = check_centre(folder, today=date(2026, 11, 30))
    assert checked.problems == () and checked.loaded.settings is not None
    assert [one.name for one in checked.loaded.services] == ["Randevu", "Tahlil sonucu", "Temsilci"]
    assert (len(checked.loaded.agents), checked.loaded.settings.seats.count) == (25, 25)
    said = all_prompts(read_words(folder))
    assert said["karsilama"].text == "Şehir Hastanesine hoş geldiniz."
    assert said["ana-menu-2"].text == "Tahlil sonucu için, ikiye basın."
    assert said["bilgi-tahlil_sonucu"].text == "Tahlil sonucu."
    for path in folder.rglob("*"):
        assert path.is_dir() or "bakanl" not in path.read_text(encoding="utf-8").lower()
    assert not [one for one in said.values() if "Bakanl" in one.text or "MEB" in one.text]
    assert (folder / "accommodations.yaml").stat().st_mode & 0o777 == 0o600


def test_a_line_that_never_closes_has_no_words_for_a_closed_one(tmp_path: Path) -> None:
    done = run(tmp_path / "c", *FLAGS, "--hours", "always", "--carrier", "192.0.2.10")
    assert done.returncode == 0, done.stderr
    assert "kapali" not in (tmp_path / "c" / "menu.yaml").read_text(encoding="utf-8")
    assert check_centre(tmp_path / "c").warnings == ()


@pytest.mark.parametrize(("flags", "told"), [
    (("--name", "Acme Wax"), "the endings of 'Acme Wax' are not known: 'Wax' has 'w'"),
    (("--name", 'a"b'), "A name has 1 to 80 letters"), (("--numbers", "12"), "3 to 15 digits"),
    (("--services", "A,B,C,D,E,F"), "1 to 5 services"), (("--services", "Temsilci"), "Two services have one name"),
    (("--services", "Randevu,Rändevu,randevu"), "Two services have one name"), (("--services", "...."), "no name of"),
    (("--hours", "17:00-08:00"), "ends before it begins"), (("--hours", "gündüz"), "Write hours as"),
    (("--days", "t-friday"), "Write days as"), (("--agents", "0"), "number of agents is 1 to 500"),
    (("--phones", "many"), "number of phones"), (("--language", "de"), "Callers hear Turkish first"),
    (("--carrier", "a b"), "The carrier is an address"),
])
def test_a_wrong_answer_has_one_message_and_writes_nothing(tmp_path: Path, flags: tuple[str, str], told: str) -> None:
    done = CliRunner().invoke(cli, ["init", str(tmp_path / "c"), *FLAGS, *flags])
    assert isinstance(done.exception, UnusableAnswer) and told in str(done.exception)
    assert not (tmp_path / "c").exists()


def test_a_folder_with_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    done = run(tmp_path, *FLAGS)
    assert (done.returncode, "is not empty, and nothing was written" in done.stderr) == (1, True)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]
    missing = run(tmp_path / "c", "--name", "Şehir Hastanesi")
    assert (missing.returncode, "--numbers is missing" in missing.stderr) == (1, True)


def test_a_terminal_is_asked_and_asked_again_after_a_wrong_answer(tmp_path: Path) -> None:
    """Questions come in their order, a wrong answer is explained, and Return takes what stands there."""
    ours, theirs = pty.openpty()
    folder = tmp_path / "c"
    answers = "Acme Wax\nSağlık Ocağı\n4440112\nRandevu\n25:00\n\n\n3\n\n\n"
    process = subprocess.Popen([sys.executable, "-m", "santral", "init", str(folder)], stdin=theirs,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    os.write(ours, answers.encode())
    told, _ = process.communicate(timeout=60)
    os.close(ours)
    os.close(theirs)
    assert process.returncode == 0, told
    assert "'Wax' has 'w'" in told and "Write hours as 08:00-17:00" in told
    loaded = check_centre(folder).loaded
    assert loaded.settings is not None and loaded.settings.centre.name == "Sağlık Ocağı"
    assert (len(loaded.agents), loaded.settings.seats.count) == (3, 3)
    assert loaded.settings.hours.spans_on is not None and not loaded.settings.hours.always


def test_hours_days_and_names_are_read_as_people_write_them() -> None:
    assert (check_hours("8:30 - 17:00"), check_hours("Always"), check_hours("0:00-24:00")) == (
        "08:30-17:00", "always", "00:00-24:00")
    assert check_days("sat-mon") == ("monday", "saturday", "sunday")
    assert check_days("wed, FRI") == ("wednesday", "friday")
    assert check_services(" Randevu , Şikâyet ") == ("Randevu", "Şikâyet")
    assert (service_id("İhbar & Şikâyet"), service_id("2. El IŞIK")) == ("ihbar_sikayet", "el_isik")
