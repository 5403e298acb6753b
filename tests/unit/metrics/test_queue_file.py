"""queue_log is rotated by day or size: no line lost, doubled or cut, whoever reads and whenever the node ends."""

from __future__ import annotations

import gzip
import os
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from structlog.testing import capture_logs

from metrics.queue_log import log_file
from metrics.queue_log.log_file import Rotation
from metrics.queue_log.writer import QueueLog
from routing.core.model.centre_model import Outcome
from routing.core.model.facts import Fact
from tests.fakes.facts import Story, text

pytestmark = pytest.mark.unit

ZONE = ZoneInfo("Europe/Istanbul")
NOON = 1_700_040_000.25
"""15 November 2023, 12:20 in Istanbul."""
DAILY = Rotation(daily=True, zone=ZONE)


def days(count: int = 3, calls: int = 4) -> Story:
    """Some calls on each of these days, from noon to the night: the last one of a day talks over midnight."""
    story = Story()
    for day in range(count):
        story.at = NOON + day * 86_400
        for call in range(calls):
            story.at = NOON + day * 86_400 + call * (11.65 * 3600 / (calls - 1))
            name = f"{int(story.at)}.{call}"
            story.queued(name)
            story.at += 10
            story.connected(name, "a1")
            story.at += 300
            story.talked(name, "a1")
    return story


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if "place" not in one.name)


def said(folder: Path) -> list[str]:
    """All lines, in the order of the names; the present file last."""
    order = [*(name for name in names(folder) if name != "queue_log"), "queue_log"]
    return [line for name in order for line in (folder / name).read_text().splitlines() if "QUEUESTART" not in line]


def tell(log: QueueLog, facts: list[Fact], turn: int = 3) -> None:
    for at in range(0, len(facts), turn):
        log.write_facts(facts[at:at + turn])


class Follower:
    """Reads as `tail -F` does: by inode, the old file to its end before the new one."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = path.open("rb")
        self.heard = b""

    def look(self) -> None:
        self.heard += self.file.read()
        assert self.heard.endswith(b"\n") or not self.heard, "half a line"
        if self.path.exists() and self.path.stat().st_ino != os.fstat(self.file.fileno()).st_ino:
            self.heard += self.file.read()
            self.file.close()
            self.file = self.path.open("rb")
            self.look()


def test_a_day_has_its_file_named_after_it(tmp_path: Path) -> None:
    story, log = days(), QueueLog(tmp_path / "queue_log", rotation=DAILY)
    tell(log, story.facts)
    log.close()
    assert names(tmp_path) == ["queue_log", "queue_log-20231115-001", "queue_log-20231116-001",
                               "queue_log-20231117-001"]
    assert said(tmp_path) == text(story)
    for name in names(tmp_path):
        found = {int(line.split("|")[0]) for line in (tmp_path / name).read_text().splitlines()}
        assert len({(one + 3 * 3600) // 86_400 for one in found}) == 1, "one day's lines, by the centre's midnight"
    assert len((tmp_path / "queue_log").read_text().splitlines()) == 1, "the end of the talk over the last midnight"


def test_all_of_it_at_once_makes_the_same_files(tmp_path: Path) -> None:
    story, log = days(), QueueLog(tmp_path / "queue_log", rotation=DAILY)
    log.write_facts(story.facts)
    log.close()
    assert len(names(tmp_path)) == 4 and said(tmp_path) == text(story)


def test_by_size_and_the_names_go_on(tmp_path: Path) -> None:
    story, log = days(calls=40), QueueLog(tmp_path / "queue_log", rotation=Rotation(True, 1_000, None, ZONE))
    tell(log, story.facts)
    log.close()
    found = names(tmp_path)
    assert len(found) > 12 and "queue_log-20231115-002" in found and "queue_log-20231117-001" in found
    for name in found[1:]:
        size = (tmp_path / name).stat().st_size
        assert size < 1_000 + 600, "one turn's lines more at most"
    assert said(tmp_path) == text(story)


def test_a_reader_that_follows_by_inode_hears_each_line_once(tmp_path: Path) -> None:
    story = days(calls=12)
    log = QueueLog(tmp_path / "queue_log", rotation=Rotation(True, 900, None, ZONE))
    log.write_facts(story.facts[:1])
    follower = Follower(tmp_path / "queue_log")
    for fact in story.facts[1:]:
        log.write_facts([fact])
        follower.look()
    log.close()
    follower.look()
    follower.file.close()
    assert follower.heard.decode().splitlines() == text(story)


@pytest.mark.parametrize("rotation", [DAILY, Rotation(True, 700, None, ZONE), Rotation()])
@pytest.mark.parametrize("turn", [1, 4, 1000])
def test_killed_anywhere_each_line_is_there_once(tmp_path: Path, rotation: Rotation, turn: int,
                                                 monkeypatch: pytest.MonkeyPatch) -> None:
    """Ends without a word between any two acts on the files, and starts again from the facts that were stored."""
    story = days(calls=5)

    class Killed(Exception):
        pass

    for last in range(0, 400, 7):
        for old in tmp_path.iterdir():
            old.unlink()
        left = [last]

        def act(real: object, left: list[int] = left) -> object:
            def may(*args: object, **more: object) -> object:
                left[0] -= 1
                if left[0] < 0:
                    raise Killed
                return real(*args, **more)  # type: ignore[operator]
            return may

        done = False
        with monkeypatch.context() as patch:
            for owner, name in ((os, "write"), (os, "open"), (os, "fsync"), (Path, "rename"), (Path, "replace"),
                                (Path, "write_text")):
                patch.setattr(owner, name, act(getattr(owner, name)))
            try:
                log = QueueLog(tmp_path / "queue_log", rotation=rotation)
                tell(log, story.facts, turn)
                log.close()
                done = True
            except Killed:
                pass
        again = QueueLog(tmp_path / "queue_log", rotation=rotation)
        again.write_facts(story.facts)
        again.write_start(story.at)
        again.close()
        assert said(tmp_path) == text(story), last
        if done:
            break
    else:
        raise AssertionError("never came to its end")


def test_moved_away_by_somebody_else_and_killed_before_the_place_was_noted(tmp_path: Path) -> None:
    story, path = days(1), tmp_path / "queue_log"
    first = QueueLog(path)
    first.write_facts(story.facts[:4])
    first.close()
    second = QueueLog(path)
    second.write_facts(story.facts[:4])
    second.write_start(story.at)
    second.write_facts(story.facts[4:8])  # and gone, without close
    path.rename(tmp_path / "queue_log.1")
    third = QueueLog(path)
    third.write_facts(story.facts)
    third.write_start(story.at)
    third.close()
    moved = [line for line in (tmp_path / "queue_log.1").read_text().splitlines() if "QUEUESTART" not in line]
    assert moved + [line for line in path.read_text().splitlines() if "QUEUESTART" not in line] == text(story)


def test_files_that_are_older_than_is_kept_are_deleted_and_no_others(tmp_path: Path) -> None:
    story = days(6)
    for name in ("queue_log.1", "queue_log-20230101", "queue_log-other"):
        (tmp_path / name).write_text("theirs\n")
    with gzip.open(tmp_path / "queue_log-20231101-001.gz", "wb") as packed:
        packed.write(b"ours, packed\n")
    log = QueueLog(tmp_path / "queue_log", rotation=Rotation(daily=True, keep_days=2, zone=ZONE))
    tell(log, story.facts)
    log.close()
    assert names(tmp_path) == ["queue_log", "queue_log-20230101", "queue_log-20231119-001", "queue_log-20231120-001",
                               "queue_log-other", "queue_log.1"]
    assert (tmp_path / "queue_log").read_text().startswith(f"{int(NOON) + 6 * 86_400 - 43_200}"[:5])


def test_half_a_line_of_a_power_failure_is_written_again_whole(tmp_path: Path) -> None:
    story, path = days(1), tmp_path / "queue_log"
    whole = "".join(line + "\n" for line in text(story))
    path.write_text(whole[:150])
    assert not whole[:150].endswith("\n")
    log = QueueLog(path)
    log.write_facts(story.facts)
    log.close()
    assert path.read_text() == whole


def test_the_switch_holds_from_the_start_on(tmp_path: Path) -> None:
    """Turned on and off between starts without a clean end: nothing is doubled and nothing is written late."""
    story = Story(NOON)
    for number in range(6):
        story.queued(f"1.{number}")
        story.connected(f"1.{number}", "a1")
        story.at += 30
        story.sent_on(f"1.{number}", "a1", "gorus_oneri")
        story.ended(f"1.{number}", Outcome.ABANDONED)
        story.at += 5
    path = tmp_path / "queue_log"
    with capture_logs() as logged:
        for upto, asternic in ((10, False), (20, True), (30, False)):
            log = QueueLog(path, asternic=asternic)
            log.write_facts(story.facts[:upto - 7])
            log.write_start(story.facts[upto - 8].at)
            log.write_facts(story.facts[upto - 7:upto])
    assert not logged
    both, plain = text(story, asternic=True), text(story)
    found = [line for line in path.read_text().splitlines() if "QUEUESTART" not in line]
    assert [line for line in found if "|TRANSFER|" not in line] == plain
    legacy = [line for line in found if "|TRANSFER|" in line]
    assert legacy == [line for line in both if "|TRANSFER|" in line][1:4], "those of the time in which it was on"


def test_lines_that_no_fact_explains_and_lines_that_come_late_are_told(tmp_path: Path) -> None:
    story, path = days(1), tmp_path / "queue_log"
    wanted = text(story)
    path.write_text("".join(f"{line}\n" for line in [*wanted[:2], f"{int(NOON) + 400}|9.9|x|NONE|ENTERQUEUE|||1",
                                                     *wanted[3:]]))
    with capture_logs() as logged:
        log = QueueLog(path)
        log.write_facts(story.facts)
        log.write_start(story.at)
        log.close()
    assert [(entry["event"], entry["lines"]) for entry in logged] == [
        ("queue_log.lines_unexplained", 1), ("queue_log.lines_added_late", 1)]
    assert wanted[2] not in path.read_text(), "readers skip what comes late"


def test_the_start_of_a_long_record_holds_one_second_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story, path = days(5, 60), tmp_path / "queue_log"
    first = QueueLog(path, rotation=DAILY)
    first.write_facts(story.facts)
    first.close()
    (tmp_path / "queue_log.place").unlink()
    again = QueueLog(path, rotation=DAILY)
    most = 0
    for fact in story.facts:
        again.write_facts([fact])
        assert again._written_lines is not None
        most = max(most, len(again._written_lines._found))
    again.write_start(story.at)
    again.close()
    assert most <= 3 and said(tmp_path) == text(story)
    monkeypatch.setattr(log_file, "CHUNK", 50)
    log_file.QueueLogFile(path, DAILY).truncate_torn_line()  # looks back in steps
    assert said(tmp_path) == text(story)
