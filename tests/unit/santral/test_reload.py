"""A reload: what would change, what cannot, problems first, and nothing half done."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from centres.settings import Settings, Wait
from ivr.sounds import SoundFolder
from prompts.catalogue import Catalogue
from prompts.text_reader import first_texts
from santral.centre import file_reload
from santral.centre.config import NodeConfig, node_config
from santral.centre.file_reload import (
    BY_ASTERISK,
    RELOADED,
    RENDER,
    RESTART,
    CentreReloader,
    Change,
    NewFiles,
    find_changes,
    keep_unchangeable,
    read_new_files,
)
from santral.centre.last_known_good import CentreFiles
from tests.ministry import copied, edit
from tests.until import LIMIT_S

pytestmark = pytest.mark.unit


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    copy = copied(tmp_path)
    # Built sounds are another test's business.
    monkeypatch.setattr(Catalogue, "load_built", classmethod(
        lambda cls, root, words: SoundFolder(str(root), first_texts(words))))
    return copy


class Node:
    """The settings in force, and the number of their changes."""

    def __init__(self, folder: Path) -> None:
        self.config = node_config(folder)
        self.taken: list[NewFiles] = []
        self.reloader = CentreReloader(CentreFiles(folder, None, folder.parent), lambda: self.config, self.take)

    async def take(self, new: NewFiles) -> None:
        self.taken.append(new)
        self.config = new.config


def changes(old: NodeConfig, folder: Path) -> list[Change]:
    return list(find_changes(old, node_config(folder)))


async def test_what_changes_is_told_item_by_item_and_put_in_force(folder: Path) -> None:
    node = Node(folder)
    edit(folder, "services.yaml", "name: Uzaktan eğitim", "name: Uzaktan eğitim\n    target_s: 25")
    edit(folder, "services.yaml", "    target_s: 20\n    target_share: 0.8\n    codes: {cozuldu",
         "    target_share: 0.8\n    codes: {cozuldu")
    edit(folder, "team.yaml", "- {id: a1001, ",
         "- {id: a2001, number: \"2001\", skills: {psikososyal: 90}}\n  - {id: a1001, ")
    edit(folder, "menu.yaml", "    closing: tus-bilgisi\n", "")
    edit(folder, "santral.toml", "announce_s = 60", "announce_s = 90")
    edit(folder, "santral.toml", "limit_min = 90", "limit_min = 45")
    looked = await node.reloader.reload_files("test", dry_run=True)
    assert not looked.applied and not node.taken
    assert looked.changes == (
        Change("services", "uzaktan_egitim", "target_s", "20.0", "25.0"), Change("team", "a2001", "", "", "new"),
        Change("menu", "ana-menu", "closing", '["tus-bilgisi"]', "[]"),
        Change("settings", "[wait]", "announce_s", "60", "90"),
        Change("settings", "[pause_reasons]", "toplanti.limit_min", "90.0", "45.0"))
    done = await node.reloader.reload_files("test")
    assert done.applied and done.changes == looked.changes and done.later == ()
    assert node.config.sign_in["2001"] == "a2001" and node.taken[0].config.settings.wait.announce_s == 90
    assert {one.id: one.limit_s for one in node.taken[0].config.centre.pause_reasons}["toplanti"] == 2700.0
    again = await node.reloader.reload_files("test")
    assert again.applied and again.changes == ()


async def test_with_any_problem_all_are_told_and_nothing_changes(folder: Path) -> None:
    node = Node(folder)
    before = node.config
    edit(folder, "services.yaml", "target_s: 15", "target_s: 0")
    edit(folder, "menu.yaml", "then: gorus-oneri", "then: gorus")
    edit(folder, "team.yaml", "number: \"1002\"", "number: \"1001\"")
    done = await node.reloader.reload_files("test")
    assert not done.applied and node.config is before and not node.taken
    assert [one.where.partition(":")[0] for one in done.problems] == ["menu.yaml", "services.yaml", "team.yaml"]


async def test_days_at_which_needs_leave_nobody_are_told_before_and_refused_on_the_day(folder: Path) -> None:
    node = Node(folder)
    edit(folder, "menu.yaml", "then: gorus-oneri", "then: gorus-oneri\n        needs: {en: 40}")
    edit(folder, "team.yaml", 'number: "1131", team: gorus_oneri, skills: {',
         'number: "1131", team: gorus_oneri, skills: {en: 40, ')
    edit(folder, "accommodations.yaml", "  - {agent: a1130,",
         "  - {agent: a1131, channels: [chat], valid_from: 2999-01-01}\n  - {agent: a1130,")
    for dry_run in (True, False):
        done = await node.reloader.reload_files("test", dry_run=dry_run)
        (told,) = [str(one) for one in done.warnings if "from 2999-01-01 on: no agent" in str(one)]
        assert done.problems == () and told.startswith("menu.yaml:")
    edit(folder, "accommodations.yaml", "2999-01-01", "2026-01-01")
    done = await node.reloader.reload_files("test")
    assert not done.applied and ["from" in one.what for one in done.problems] == [False]


def test_what_agents_need_is_told_as_a_number_and_nothing_else(folder: Path) -> None:
    old = node_config(folder)
    edit(folder, "accommodations.yaml", "accommodations:\n",
         "accommodations:\n  - {agent: a1001, ring_timeout_s: 44}\n")
    assert changes(old, folder) == [Change("accommodations", "", "", "", "of 1 agent")]


def test_what_cannot_change_now_keeps_its_value_and_is_said(folder: Path) -> None:
    old = node_config(folder)
    for before, after in (('http = "127.0.0.1:8063"', 'http = "127.0.0.1:9063"'), ("count = 180", "count = 200"),
                          ("tick_s = 15", "tick_s = 10"), ("announce_s = 60", "announce_s = 30"),
                          ('closed = "kapali"', 'closed = "gece"')):
        edit(folder, "santral.toml", before, after)
    edit(folder, "menu.yaml", "  kapali: ", "  gece: ")
    edit(folder, "team.yaml", "- {id: a1001,", "- {id: a1001, on_call: {monday: [\"18:00-24:00\"]},")
    edit(folder, "services.yaml", "  - id: temsilci\n",
         "  - id: yeni\n    name: Yeni\n    steps: [{needs: {temsilci: 30}}]\n  - id: temsilci\n")
    config, later = keep_unchangeable(old, node_config(folder))
    assert {(one.what, one.how) for one in later} == {
        ("[listen]", RESTART), ("[seats]", RENDER), ("[wait] tick_s", RENDER),
        ("a1001 is on call and cannot be called yet", RENDER),
        ("whisper announcement and fallback queue of yeni", file_reload.RENDER_ONLY)}
    settings = config.settings
    assert (settings.listen, settings.seats, settings.wait.tick_s) == (old.settings.listen, old.settings.seats, 15)
    assert (settings.wait.announce_s, settings.hours.closed) == (30, "gece")
    assert config.centre.seats == old.centre.seats | {"uzak-a1001"}, "of the seats that Asterisk knows"  # type: ignore[operator]
    assert config.loaded.settings is settings


@pytest.mark.parametrize(("entry", "closed", "told"), [
    ("baska", "", r"menu.yaml:\d+: the entry 'ana' is gone, and Asterisk leads calls to 4440632 there"),
    ("baska", "ana", r"santral.toml:\d+: Asterisk leads calls to 4440632 to 'ana', the entry of the closed centre")])
def test_an_entry_that_asterisk_still_names_must_stay(folder: Path, entry: str, closed: str, told: str) -> None:
    old = node_config(folder)
    edit(folder, "santral.toml", '"4440632" = "ana"', f'"4440632" = "{entry}"')
    edit(folder, "menu.yaml", "  ana: karsilama", f"  {entry}: karsilama")
    if closed:
        edit(folder, "santral.toml", 'closed = "kapali"', f'closed = "{closed}"')
        edit(folder, "menu.yaml", "  kapali: ", f"  {closed}: ")
    new, problems = read_new_files(folder, None, old)
    assert new is None and len(problems) == 1 and re.match(told, str(problems[0])), problems


def test_what_asterisk_itself_says_in_distress_and_plays_is_rendered_again(
        folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a node its callers hear the help of before, and its queue rings for as long as before."""
    monkeypatch.chdir(folder)  # without built sounds a key for distress that is known late only warns
    old = node_config(folder)
    edit(folder, "services.yaml", "    emergency: acil-destek ", "    emergency: acil-tekrar ")
    later = [one.what for one in keep_unchangeable(old, node_config(folder))[1]]
    assert later == ["what callers of psikososyal hear in the fallback queue"]
    edit(folder, "services.yaml", "id: temsilci\n", "id: temsilci\n    music: sakin\n")
    assert len(keep_unchangeable(old, node_config(folder))[1]) == 1, "of that music there is a class already"
    edit(folder, "services.yaml", "        lasts_s: 10\n      - needs: {ihbar_sikayet: 30}",
         "      - needs: {ihbar_sikayet: 30}")
    edit(folder, "services.yaml", "    when_nobody: {to: goodbye} ", "    ")
    edit(folder, "services.yaml", "    privacy: anonymous ",
         "    distress: true\n    emergency: acil-destek\n    privacy: anonymous ")
    later = [one.what for one in keep_unchangeable(old, node_config(folder))[1]]
    assert "the fallback queue of ihbar_sikayet" in later


async def test_prompts_that_are_missing_are_a_problem(folder: Path, tmp_path: Path,
                                                      monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(folder)
    monkeypatch.undo()
    edit(folder, "santral.toml", "sounds = \"/var/lib/santral/sounds\"", f"sounds = \"{tmp_path}/none\"")
    node.config = node_config(folder)
    (problem,) = (await node.reloader.reload_files("test")).problems
    assert "the prompts are not complete" in str(problem) and "santral prompts build" in str(problem)


async def test_reloads_come_one_after_the_other_and_a_failure_changes_nothing(folder: Path) -> None:
    node = Node(folder)
    entered, go = asyncio.Event(), asyncio.Event()

    async def slow(new: NewFiles) -> None:
        entered.set()
        await go.wait()
        raise TimeoutError

    node.reloader = CentreReloader(CentreFiles(folder, None, folder.parent), lambda: node.config, slow)
    first = asyncio.create_task(node.reloader.reload_files("one"))
    await asyncio.wait_for(entered.wait(), LIMIT_S)
    second = asyncio.create_task(node.reloader.reload_files("two"))
    await asyncio.sleep(0)
    assert not second.done()
    go.set()
    with pytest.raises(TimeoutError):
        await first
    with pytest.raises(TimeoutError):
        await second
    assert node.config.centre == node_config(folder).centre


def test_every_name_of_the_tables_is_one_of_the_settings() -> None:
    names = set(Settings.model_fields)
    assert names >= RELOADED and not RELOADED & BY_ASTERISK
    assert {one.partition(".")[0] for one in BY_ASTERISK} <= names
    assert {one.partition(".")[2] for one in BY_ASTERISK if "." in one} <= set(Wait.model_fields)


def test_an_outside_number_that_asterisk_does_not_know_yet_is_no_way_of_the_menu(folder: Path) -> None:
    old = node_config(folder)
    with (folder / "santral.toml").open("a", encoding="utf-8") as file:
        file.write('\n[transfer]\nalo = "183"\n')
    edit(folder, "santral.toml", 'match = ["127.0.0.2"]', 'match = ["127.0.0.2"]\noutgoing = "sip.example:5060"')
    edit(folder, "menu.yaml", "  psikososyal:\n    queue: psikososyal\n", "  psikososyal:\n    queue: psikososyal\n")
    edit(folder, "menu.yaml", '    sms: "Görüş', '    # sms: "Görüş')
    edit(folder, "menu.yaml", "  gorus-oneri:\n    queue: gorus_oneri\n", "  gorus-oneri:\n    transfer: alo\n"
         "    after_failures: temsilci\n    say: menu-temsilciye\n")
    new, problems = read_new_files(folder, None, old)
    assert new is None and [one.what for one in problems] == [
        "the menu leads to 'alo', which Asterisk does not know yet"], problems
