"""A node whose centre's files are bad goes on with the last ones that were good, and with nothing else."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ivr.dialogues import OWN_PROMPTS
from ivr.sounds import SoundFolder
from prompts.catalogue import Catalogue
from prompts.text_reader import first_texts
from santral.centre import last_known_good
from santral.centre.config import check_centre
from santral.centre.last_known_good import BEFORE, DRAFT, FOLDER, CentreFiles
from santral.errors import BadCentre
from tests.ministry import MEB, WORDS, copied, edit

pytestmark = pytest.mark.unit

AT = 1_764_000_000.0
HALF = "services:\n  - id: psikososyal\n    name: \"Psiko"
"""A file whose writing was broken off."""


class House:
    """A centre in one folder, the state of its node in another."""

    def __init__(self, folder: Path) -> None:
        self.centre, self.state, self.overlay = copied(folder), folder / "state", folder / "local.toml"
        self.state.mkdir()
        self.overlay.write_text("[wait]\nannounce_s = 75\n", encoding="utf-8")

    def files(self, centre: Path | None = None, overlay: Path | None = None, at: float = AT) -> CentreFiles:
        return CentreFiles(centre or self.centre, overlay or self.overlay, self.state, lambda: at)

    def started(self, at: float = AT) -> CentreFiles:
        """A node that has come up."""
        files = self.files(at=at)
        files.choose_files()
        files.confirm_start()
        return files

    def write(self, text: str, name: str = "services.yaml") -> None:
        (self.centre / name).write_text(text, encoding="utf-8")

    def read(self, name: str = "services.yaml") -> str:
        return (self.centre / name).read_text(encoding="utf-8")

    def kept(self) -> dict[str, bytes]:
        copy = self.state / FOLDER
        return {str(path.relative_to(copy)): path.read_bytes() for path in copy.rglob("*") if path.is_file()}


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    # Built sounds are another test's business.
    monkeypatch.setattr(Catalogue, "load_built", classmethod(
        lambda cls, root, words: SoundFolder(str(root), first_texts(words))))
    return House(tmp_path)


def test_a_start_with_bad_files_goes_on_with_the_last_good_ones(house: House) -> None:
    house.started()
    house.write(house.read("menu.yaml").replace("ana-menu-2", "ana-menu-22"), "menu.yaml")
    house.write(HALF)
    files = house.files(at=AT + 5.0)
    with capture_logs() as logs:
        config, _ = files.choose_files()
    assert len(config.loaded.services) == 5 and config.settings.wait.announce_s == 75, "the machine's settings too"
    assert files.instead is not None and files.instead.since == AT
    assert [one for one in files.instead.problems if one.startswith("services.yaml:3: ")]
    assert [(one["event"], one["since"], one["problems"], one["of"]) for one in logs] == [
        ("centre.last_known_good_used", "2025-11-24T16:00:00+00:00", list(files.instead.problems),
            len(files.instead.problems))]
    before = house.kept()
    files.confirm_start()
    assert house.kept() == before and files.instead is not None, "bad files are never kept, the good ones stay"


def test_a_start_tells_what_is_other_than_before(house: House) -> None:
    house.started()
    team, needs = house.read("team.yaml"), house.read("accommodations.yaml")
    entries = needs.splitlines(keepends=True)
    house.write("".join(entries[:-3]), "accommodations.yaml")  # a good file: cut between entries
    house.write(team.replace('number: "1001"', 'number: "1991"'), "team.yaml")
    files = house.files(at=AT + 5.0)
    with capture_logs() as logs:
        files.choose_files()
    assert [(one["event"], one["since"], one["changes"], one["of"]) for one in logs] == [
        ("centre.changed", "2025-11-24T16:00:00+00:00",
         ["team a1001 number", "accommodations of 3 agents"], 2)], "places, and no values"
    files.confirm_start()
    with capture_logs() as logs:
        house.files(at=AT + 9.0).choose_files()
    assert not logs, "told once"


def test_only_the_first_mistakes_are_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.started()
    house.write(house.read("team.yaml").replace("skills:", "skils:"), "team.yaml")
    files = house.files()
    with capture_logs() as logs:
        files.choose_files()
    assert files.instead is not None and len(files.instead.problems) == last_known_good.REPORTED_MAX < logs[0]["of"]


def test_the_copy_is_the_owners_alone_and_whole(house: House) -> None:
    house.started()
    assert (house.state / FOLDER).stat().st_mode & 0o777 == 0o700
    for path in (house.state / FOLDER).rglob("*"):
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path
    assert sorted(house.kept()) == ["about.json", "accommodations.yaml", "menu.yaml", "overlay.toml",
                                    "prompts/en/menu.yaml", "prompts/tr/menu.yaml", "santral.toml", "services.yaml",
                                    "team.yaml"]
    assert house.kept()["team.yaml"] == (house.centre / "team.yaml").read_bytes()
    assert [path.name for path in house.state.iterdir()] == [FOLDER]


def test_a_start_with_the_same_files_writes_nothing(house: House) -> None:
    """A node that ends again and again does not wear out the disk, and the copy says since when it is in force."""
    house.started()
    before = (house.state / FOLDER).stat().st_ino
    house.started(at=AT + 60.0)
    assert (house.state / FOLDER).stat().st_ino == before
    (house.centre / "accommodations.yaml").unlink()  # may be missing
    house.started(at=AT + 90.0)
    assert "accommodations.yaml" not in house.kept() and b"1764000090" in house.kept()["about.json"]


def test_a_reload_keeps_what_it_has_put_in_force(house: House) -> None:
    house.started()
    house.write(HALF)
    files = house.files(at=AT + 5.0)
    files.choose_files()
    shutil.copy(MEB / "services.yaml", house.centre)
    house.write(house.read().replace("name: Uzaktan eğitim", "name: Uzaktan öğrenim"))
    files.save_copy(files.read_content())
    assert files.instead is None and "Uzaktan öğrenim".encode() in house.kept()["services.yaml"]
    house.write(HALF)
    assert "Uzaktan öğrenim" in {one.name for one in house.files().choose_files()[0].loaded.services}


def test_what_was_saved_while_it_was_read_is_not_kept(house: House) -> None:
    """Nobody has checked it."""
    files = house.files()
    files.choose_files()
    house.write(HALF)
    with capture_logs() as logs:
        files.confirm_start()
    assert [(one["event"], one["why"]) for one in logs] == [
        ("centre.copy_failed", "the files were changed while they were read")]
    assert not (house.state / FOLDER).exists()
    with pytest.raises(BadCentre, match=r"services\.yaml:3: "):
        house.files().choose_files()


@pytest.mark.parametrize("change", [
    lambda house: {"overlay": house.overlay.rename(house.overlay.with_name("other.toml"))},
    lambda house: {"centre": house.centre.rename(house.centre.with_name("other"))}])
def test_a_copy_of_another_centre_or_machine_is_none(house: House, change: Callable[[House], dict[str, Any]]) -> None:
    house.started()
    house.write(HALF)
    with pytest.raises(BadCentre, match="services"):
        house.files(**change(house)).choose_files()


@pytest.mark.parametrize("about", [b"", b"[]", b'{"since": 1.0}', b"\xff"])
def test_a_copy_that_says_nothing_of_itself_is_none(house: House, about: bytes) -> None:
    house.started()
    (house.state / FOLDER / "about.json").write_bytes(about)
    house.write(HALF)
    with pytest.raises(BadCentre):
        house.files().choose_files()


def test_a_copy_that_this_version_cannot_read_is_none(house: House) -> None:
    house.started()
    (house.state / FOLDER / "menu.yaml").write_text("entries: {}\nof_old: true\n", encoding="utf-8")
    house.write(HALF)
    with pytest.raises(BadCentre, match=r"^\d+ problems? in the centre .*meb:\n  .*services\.yaml:3: "):
        house.files().choose_files()


def test_a_centre_whose_folder_is_gone_goes_on(house: House) -> None:
    """A disk that was not mounted."""
    house.started()
    shutil.rmtree(house.centre)
    house.overlay.unlink()
    assert len(house.files().choose_files()[0].loaded.services) == 5


def test_a_menu_whose_prompts_are_not_built_is_bad_too(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """`check` knows their texts, the node needs their sounds: it had ended with a traceback."""
    house.started()
    built = {key: text for key, text in first_texts(WORDS).items() if key != "sira-2"}
    monkeypatch.setattr(Catalogue, "load_built", classmethod(lambda cls, root, words: SoundFolder(str(root), built)))
    house.write(house.read("menu.yaml").replace("say: karsilama", "say: sira-2", 1), "menu.yaml")
    files = house.files()
    files.choose_files()
    assert files.instead is not None and "santral prompts build" in files.instead.problems[0]
    del built["karsilama"]  # the copy needs this one
    with pytest.raises(BadCentre, match=r"'karsilama'.*santral prompts build"):
        house.files().choose_files()
    menu = check_centre(house.centre).flow
    assert menu is not None
    left = sorted(menu.prompt_keys() - OWN_PROMPTS)
    for key in left:
        built.pop(key, None)
    with pytest.raises(BadCentre, match=f"'{left[0]}'"):  # the first by name: each start tells the same one
        house.files().choose_files()


@pytest.mark.parametrize("first", [True, False])
def test_no_start_fails_by_the_calendar_alone(house: House, monkeypatch: pytest.MonkeyPatch, first: bool) -> None:
    """Needs of agents begin by date, and what a node took over at midnight must not keep it from starting by noon."""
    now = AT

    class Clock(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Clock:
            return cls.fromtimestamp(now, tz)

    monkeypatch.setattr("centres.centre_reader.datetime", Clock)
    edit(house.centre, "menu.yaml", "then: gorus-oneri", "then: gorus-oneri\n        needs: {en: 40}")
    edit(house.centre, "team.yaml", 'number: "1131", team: gorus_oneri, skills: {',
         'number: "1131", team: gorus_oneri, skills: {en: 40, ')
    edit(house.centre, "accommodations.yaml", "  - {agent: a1130,",
         "  - {agent: a1131, channels: [chat], valid_from: 2025-11-25}\n  - {agent: a1130,")
    if not first:
        house.started()
    now += 5.5 * 3600.0  # 21:30 UTC: the 25th has begun in Istanbul
    for at in (AT + 5.0, AT + 9.0):
        files = house.files(at=at)
        with capture_logs() as logs:
            config, _ = files.choose_files()
        files.confirm_start()
        assert files.instead is None and not logs, "the files are in force; the calendar says what is left to nobody"
        [agent] = [one for one in config.centre.agents if one.id == "a1131"]
        assert agent.profile.channels == {"chat"}
    good = house.read("team.yaml")
    house.write(HALF)
    files = house.files()
    files.choose_files()  # of two that leave nobody today the one that can be put in force
    assert files.instead is not None and files.instead.problems[0].startswith("services.yaml:3: ")
    shutil.copy(MEB / "services.yaml", house.centre)
    house.write(good.replace("en: 40", "en: 10", 1), "team.yaml")
    (house.state / FOLDER / "team.yaml").write_text(house.read("team.yaml"), encoding="utf-8")
    with pytest.raises(BadCentre, match="which callers of node 'gorus-oneri' may need"):  # bad on every day
        house.files().choose_files()


def test_a_copy_that_leaves_somebody_today_goes_before_files_that_leave_nobody(house: House) -> None:
    """They were changed, and nobody has put them in force."""
    edit(house.centre, "menu.yaml", "then: gorus-oneri", "then: gorus-oneri\n        needs: {en: 40}")
    edit(house.centre, "team.yaml", 'number: "1131", team: gorus_oneri, skills: {',
         'number: "1131", team: gorus_oneri, skills: {en: 40, ')
    house.started()
    edit(house.centre, "accommodations.yaml", "  - {agent: a1130,",
         "  - {agent: a1131, channels: [chat], valid_from: 2025-11-20}\n  - {agent: a1130,")
    files = house.files(at=AT + 5.0)
    with capture_logs() as logs:
        config, _ = files.choose_files()
    assert files.instead is not None and files.instead.since == AT
    assert [one["event"] for one in logs] == ["centre.last_known_good_used"]
    assert any("which callers of node 'gorus-oneri' may need" in one for one in files.instead.problems)
    assert "voice" in next(one for one in config.centre.agents if one.id == "a1131").profile.channels


@pytest.mark.parametrize("broken_off", ["writing", "renaming"])
def test_a_loss_of_power_leaves_one_that_is_whole(house: House, monkeypatch: pytest.MonkeyPatch, broken_off: str
                                                  ) -> None:
    house.started()
    house.write(house.read().replace("name: Uzaktan eğitim", "name: Uzaktan öğrenim"))
    rename = Path.rename

    def cut(path: Path, target: Path) -> Path:
        if path.name == DRAFT:
            raise OSError(5, "no power")
        return rename(path, target)

    with monkeypatch.context() as patch:
        if broken_off == "writing":
            patch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "no room")))
        else:
            patch.setattr(Path, "rename", cut)
        with capture_logs() as logs:
            house.started(at=AT + 5.0)
    assert logs[-1]["event"] == "centre.copy_failed"
    assert (house.state / BEFORE).exists() == (broken_off == "renaming")
    good = house.read()
    house.write(HALF)
    found, _ = house.files().choose_files()
    assert "Uzaktan eğitim" in {one.name for one in found.loaded.services}
    house.write(good)
    house.started(at=AT + 9.0)
    assert [path.name for path in house.state.iterdir()] == [FOLDER]
    assert "Uzaktan öğrenim".encode() in house.kept()["services.yaml"]


def test_what_is_too_big_is_not_copied(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_known_good, "BYTES_MAX", 20_000)
    with capture_logs() as logs:
        house.started()
    assert logs[-1]["event"] == "centre.copy_failed" and not (house.state / FOLDER).exists()
