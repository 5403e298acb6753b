"""Announcements of a node: kept with who and when, spoken by the voice that is there, on again after a restart."""

from __future__ import annotations

import math
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ivr.caller.announcements import Announcement
from routing.store.announcements import AnnouncementRow
from routing.store.store import Store
from santral.centre.config import NodeConfig, node_config
from santral.node.announcement_board import ON_MAX, RECORDINGS, UNTIL_MAX_S, AnnouncementBoard, AnnouncementError
from santral.node.centre_calendar import Closing
from tests.ministry import copied, edit

pytestmark = pytest.mark.integration

NOW = 1_795_569_100.0
SAY = AnnouncementRow(0, "", "merkez-kapali", "", "", False, 0.0, None, "supervisor ayse")


class Node:
    """A board over a store; its clock is the test's."""

    def __init__(self, config: NodeConfig, store: Store, state: Path) -> None:
        self.now, self.changes, self.config = NOW, 0, config
        self.store, self.state = store, state
        self.board = self.fresh()

    def fresh(self) -> AnnouncementBoard:
        board = AnnouncementBoard(self.store, self.state, lambda: self.config, lambda: self.now)
        board.changed = self.changed
        return board

    def changed(self) -> None:
        self.changes += 1

    async def restarted(self) -> AnnouncementBoard:
        self.board = self.fresh()
        await self.board.load_announcements()
        return self.board

    def said(self) -> list[Announcement]:
        return list(self.board.current_announcements())


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Node]:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", 'sounds = "/var/lib/santral/sounds"', f'sounds = "{tmp_path}/sounds"')
    with (folder / "santral.toml").open("a", encoding="utf-8") as file:
        file.write("""
[[calendar.closures]]
begins = 2026-11-25T00:00:00
ends = 2026-11-26T00:00:00
services = ["gorus_oneri"]
say = "merkez-kapali"
""")
    store = await Store.open_store(tmp_path / "santral.db")
    yield Node(node_config(folder), store, tmp_path)
    await store.close()


async def test_a_text_is_spoken_kept_and_heard_until_it_is_switched_off(node: Node) -> None:
    row = await node.board.switch_on(SAY._replace(prompt="", text="Bugün hava muhalefeti var.", until=NOW + 600.0))
    assert (row.id, row.since, node.changes) == (1, NOW, 1)
    (planned, one) = node.said()
    assert (planned.service, planned.prompt, planned.id) == ("gorus_oneri", "merkez-kapali", -1)
    for path in (one.path, one.slow_path):
        for ending in ("wav", "wav16"):
            assert Path(f"{path}.{ending}").stat().st_size > 8_000, "it can be heard"
    assert [spoken.id for spoken in (await node.restarted()).current_announcements()] == [-1,
        1], "a restart forgets nothing"
    shutil.rmtree(Path(one.path).parent)
    await node.restarted()
    assert Path(f"{one.path}.wav").exists(), "another machine, or lost sounds: spoken again"
    node.now += 601.0
    assert [spoken.id for spoken in node.said()] == [-1], "its time is over"
    with pytest.raises(AnnouncementError, match="announcement 1 is not on"):
        await node.board.switch_off(1, "admin")
    await node.board.switch_on(SAY)
    assert not list(Path(one.path).parent.iterdir()), "nobody switches it off, and its sounds go"


async def test_sounds_that_cannot_be_taken_away_hinder_nothing(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, root: Path) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("santral.node.announcement_board.announcement_sounds.remove_sounds", refuse)
    await node.board.switch_on(SAY._replace(until=NOW + 600.0))
    node.now += 601.0
    await node.restarted()
    row = await node.board.switch_on(SAY)
    await node.board.switch_off(row.id, "admin")
    assert [one.id for one in node.said()] == [-1]


async def test_sounds_of_what_is_over_go_at_a_start_too(node: Node) -> None:
    await node.board.switch_on(SAY._replace(prompt="", text="Bugün hava muhalefeti var.", until=NOW + 600.0))
    folder = Path(node.said()[-1].path).parent
    node.now += 601.0
    await node.restarted()
    assert not list(folder.iterdir())


async def test_who_switched_it_on_and_off_stays_on_record(node: Node) -> None:
    await node.board.switch_on(SAY)
    node.now += 60.0
    await node.board.switch_off(1, "admin ali")
    (row,) = await node.board.latest_rows()
    assert row == AnnouncementRow(1, "", "merkez-kapali", "", "", False, NOW, None, "supervisor ayse", NOW + 60.0,
        "admin ali")
    assert node.changes == 2 and (await node.board.switch_on(SAY)).id == 2
    assert [row.id for row in await node.board.latest_rows()] == [2, 1]


async def test_a_recording_of_a_person_is_taken(node: Node) -> None:
    (node.state / RECORDINGS).mkdir()
    await node.board.switch_on(SAY._replace(prompt="", text="Deneme cümlesi okunuyor."))
    shutil.copy(f"{node.said()[-1].path}.wav16", node.state / RECORDINGS / "benim.wav")
    row = await node.board.switch_on(SAY._replace(prompt="", recording="benim.wav"))
    assert Path(f"{node.said()[-1].path}.wav").stat().st_size > 8_000 and row.recording == "benim.wav"
    (node.state / RECORDINGS / "bozuk.wav").write_bytes(b"no sound at all")
    for name, told in (("yok.wav", "no recording"), ("bozuk.wav", "bozuk.wav")):
        with pytest.raises(AnnouncementError, match=told):
            await node.board.switch_on(SAY._replace(prompt="", recording=name))
    assert len(await node.board.latest_rows()) == 2


@pytest.mark.parametrize("until", [NOW, math.nan, math.inf, (NOW + 3600.0) * 1000.0, NOW + UNTIL_MAX_S + 1.0])
async def test_an_end_that_never_comes_is_refused(node: Node, until: float) -> None:
    with pytest.raises(AnnouncementError, match="its end is "):
        await node.board.switch_on(SAY._replace(until=until))
    assert await node.board.latest_rows() == []


async def test_an_end_in_a_year_is_taken(node: Node) -> None:
    assert (await node.board.switch_on(SAY._replace(until=NOW + UNTIL_MAX_S))).until == NOW + UNTIL_MAX_S


async def test_what_it_closes_is_closed_while_it_is_on(node: Node) -> None:
    await node.board.switch_on(SAY._replace(service="temsilci", prompt="", closes=True, until=NOW + 10.0))
    assert node.board.current_closings() == (Closing("temsilci", NOW, NOW + 10.0),)
    assert [one.id for one in node.said()] == [-1], "it says nothing"
    await node.board.switch_off(1, "admin")
    assert node.board.current_closings() == ()


async def test_the_whole_line_is_closed_where_an_entry_says_what_callers_hear_then(node: Node) -> None:
    await node.board.switch_on(SAY._replace(closes=True))
    assert node.board.current_closings() == (Closing("", NOW, None),)
    await node.board.switch_off(1, "admin")
    settings = node.config.settings
    node.config = node.config.with_settings(settings.model_copy(
        update={"hours": settings.hours.model_copy(update={"closed": None})}))
    with pytest.raises(AnnouncementError, match="set 'closed' at"):
        await node.board.switch_on(SAY._replace(closes=True))


@pytest.mark.parametrize(("wanted", "told"), [
    ({"service": "yok"}, "no service 'yok'"), ({"prompt": "yok"}, "no prompt 'yok'"),
    ({"text": "İki şey."}, "give one of"), ({"prompt": ""}, "give one of"),
    ({"service": "psikososyal", "closes": True}, "never closed"),
    ({"until": NOW}, "not in the future")])
async def test_what_cannot_be_is_refused_and_nothing_changes(node: Node, wanted: dict[str, Any], told: str) -> None:
    with pytest.raises(AnnouncementError, match=told):
        await node.board.switch_on(SAY._replace(**wanted))
    assert await node.board.latest_rows() == [] and node.changes == 0 and [one.id for one in node.said()] == [-1]


async def test_not_more_than_callers_bear_at_one_moment(node: Node) -> None:
    for _ in range(ON_MAX):
        await node.board.switch_on(SAY._replace(until=NOW + 5.0))
    with pytest.raises(AnnouncementError, match="switch one off"):
        await node.board.switch_on(SAY)
    node.now += 6.0
    assert (await node.board.switch_on(SAY)).id == ON_MAX + 1, "those that are over count no more"


async def test_a_folder_that_cannot_be_written_is_told(node: Node) -> None:
    root = Path(node.config.settings.asterisk.sounds)
    root.mkdir(parents=True)
    (root / "tr").write_text("a file where a folder should be")
    with pytest.raises(AnnouncementError, match="cannot be written"):
        await node.board.switch_on(SAY._replace(prompt="", text="Bugün kapalıyız."))
