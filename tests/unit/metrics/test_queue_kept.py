"""Every line of queue_log once in its file, whatever ends the node or fills the disk."""

from __future__ import annotations

import errno
import json
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from metrics.queue_log import log_file, writer
from metrics.queue_log.writer import BACKLOG_MAX, SAVE_EVERY, QueueLog
from routing.store.errors import KeyFileError
from tests.fakes.facts import Story, T, day, text

pytestmark = pytest.mark.unit


@contextmanager
def limited(size: int) -> Iterator[None]:
    """No file of this process may grow beyond: a write is cut short there, the next one refused, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        with capture_logs():
            yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def written(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if "QUEUESTART" not in line]


def test_a_start_says_so_and_the_file_is_not_for_everybody(tmp_path: Path) -> None:
    file = QueueLog(tmp_path / "queue_log")
    file.write_start(T + 0.5)
    story = Story()
    story.configured()
    file.write_facts(story.facts)
    file.close()
    assert (tmp_path / "queue_log").read_text() == f"{T}|NONE|NONE|NONE|QUEUESTART|\n{T}|NONE|NONE|NONE|CONFIGRELOAD|\n"
    assert (tmp_path / "queue_log").stat().st_mode & 0o007 == 0


@pytest.mark.parametrize("save", [False, True])
def test_killed_at_any_byte_every_line_is_there_once(tmp_path: Path, save: bool) -> None:
    story = day(3)
    whole = "".join(line + "\n" for line in text(story)).encode()
    path = tmp_path / "queue_log"
    for cut in range(0, len(whole) + 1, 7):
        for old in tmp_path.iterdir():
            old.unlink()
        if save:  # the place is known up to the first call
            first = QueueLog(path)
            first.write_facts(story.facts[:5])
            first.close()
            path.write_bytes(whole[:max(cut, path.stat().st_size)])
        else:
            path.write_bytes(whole[:cut])
        again = QueueLog(path)
        again.write_facts(story.facts[:8])
        again.write_facts(story.facts[6:])
        again.write_start(story.at)
        again.close()
        assert written(path) == text(story), cut
        third = QueueLog(path)
        third.write_facts(story.facts)
        third.write_start(story.at)
        third.close()
        assert written(path) == text(story), cut


def test_killed_between_starts(tmp_path: Path) -> None:
    story, path = day(2), tmp_path / "queue_log"
    for upto in (3, 5, 8, len(story.facts)):
        file = QueueLog(path)
        file.write_facts(story.facts[:upto - 2])
        file.write_start(story.facts[upto - 3].at)
        file.write_facts(story.facts[upto - 2:upto])  # and gone, without close
    assert written(path) == text(story)


def test_the_place_is_noted_from_time_to_time(tmp_path: Path) -> None:
    story, path = day(SAVE_EVERY // 5 + 1), tmp_path / "queue_log"
    file = QueueLog(path)
    file.write_facts(story.facts)
    assert (tmp_path / "queue_log.place").exists()
    noted = json.loads((tmp_path / "queue_log.place").read_text())
    assert noted["seq"] >= SAVE_EVERY and noted["inode"] == path.stat().st_ino
    file.close()


def test_a_page_larger_than_the_backlog_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "BACKLOG_MAX", 100)
    monkeypatch.setattr(log_file, "CHUNK", 64)
    story, file = day(20), QueueLog(tmp_path / "queue_log")
    file.write_facts(story.facts)
    file.close()
    assert written(tmp_path / "queue_log") == text(story)


def test_a_number_whose_key_is_gone_is_left_out(tmp_path: Path) -> None:
    def no_key(box: str) -> str:
        raise KeyFileError("does not open")

    story, file = Story(), QueueLog(tmp_path / "queue_log", no_key)
    story.queued("1.1", box="sealed")
    file.write_facts(story.facts)
    file.close()
    assert written(tmp_path / "queue_log") == [f"{T}|1.1|temsilci|NONE|ENTERQUEUE|||1"]


def test_a_rotated_file_is_opened_again(tmp_path: Path) -> None:
    story, path = day(2), tmp_path / "queue_log"
    file = QueueLog(path)
    file.write_facts(story.facts[:5])
    path.rename(tmp_path / "queue_log.1")
    file.write_facts(story.facts[5:])
    again = QueueLog(path)
    again.write_facts(story.facts)
    again.close()
    file.close()
    assert written(tmp_path / "queue_log.1") + written(path) == text(story)


def test_another_store_does_not_silence_the_file(tmp_path: Path) -> None:
    path = tmp_path / "queue_log"
    file = QueueLog(path)
    file.write_facts(day(4).facts)
    file.close()
    fresh, story = QueueLog(path), Story(at=T + 5000)
    fresh.write_start(T + 5000)
    story.queued("2.1")
    fresh.write_facts(story.facts)
    fresh.close()
    assert path.read_text().endswith(f"{T + 5000}|2.1|temsilci|NONE|ENTERQUEUE|||1\n")


def test_a_full_disk_stops_nothing_and_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story, path = day(2), tmp_path / "queue_log"
    file = QueueLog(path)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(log_file.os, "write", full)
        file.write_facts(story.facts[:6])
        file.save_position()
        assert not (tmp_path / "queue_log.place").exists()
    file.write_facts(story.facts[6:])
    file.close()
    assert written(path) == text(story)


def test_a_disk_full_for_long_ends_the_file_until_the_next_start(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story, path = day(40), tmp_path / "queue_log"
    whole = "".join(line + "\n" for line in text(story))
    monkeypatch.setattr(writer, "BACKLOG_MAX", 2_000)
    file = QueueLog(path)
    with limited(200):
        for fact in story.facts[:-2]:
            file.write_facts([fact])
            assert path.read_text().endswith("\n") and whole.startswith(path.read_text()), "never half a line"
        assert sum(map(len, file._backlog)) <= 2_000
    file.write_facts(story.facts[-2:])
    file.close()
    assert 0 < path.stat().st_size <= 200 and not (tmp_path / "queue_log.place").exists()
    monkeypatch.setattr(writer, "BACKLOG_MAX", BACKLOG_MAX)
    again = QueueLog(path)
    again.write_facts(story.facts)
    again.close()
    assert path.read_text() == whole


def test_a_disk_with_little_room_is_left_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story, path = day(2), tmp_path / "queue_log"
    file, disk = QueueLog(path), os.statvfs(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(log_file, "ROOM", disk.f_blocks * disk.f_frsize)
        file.write_facts(story.facts)
        assert path.read_bytes() == b"", "a write that might not fit is not begun"
    file.close()
    assert written(path) == text(story)


@pytest.mark.parametrize("hinder", ["folder", "gone"])
def test_a_file_that_cannot_be_written_costs_no_line(tmp_path: Path, hinder: str) -> None:
    story, path = day(2), tmp_path / "state" / "queue_log"
    if hinder == "folder":
        path.mkdir(parents=True)
    with capture_logs() as logged:
        file = QueueLog(path)
        file.write_facts(story.facts)
        file.close()
    why = {"folder": "Is a directory", "gone": "No such file or directory"}[hinder]
    told = {"folder": "queue_log.stopped", "gone": "queue_log.write_failed"}[hinder]
    assert [(entry["event"], entry["why"]) for entry in logged] == [(told, why)], "once, and what is wrong"
    assert all("mend" in entry for entry in logged)
    if hinder == "folder":
        path.rmdir()
    else:
        path.parent.mkdir()
    again = QueueLog(path)
    again.write_facts(story.facts)
    again.close()
    assert written(path) == text(story)
