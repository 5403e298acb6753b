"""A recording that is true in time: each silence is as long as it was, and lateness of packets is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lab.phones import audio, silence
from lab.phones.audio import RATE
from lab.phones.timed_recording import SLACK_S, TimedRecording

pytestmark = pytest.mark.unit

FRAME_S = 0.02
LOUD = np.full(round(FRAME_S * RATE), 9000, dtype="<i2").tobytes()


class Line:
    """A line whose packets come when the test says so."""

    def __init__(self, path: Path) -> None:
        self.now = 100.0
        self.path = path
        self.recording = TimedRecording(path, lambda: self.now)

    def send(self, seconds: float, *, at_once: bool = False) -> None:
        frames = round(seconds / FRAME_S)
        if at_once:
            self.recording.add_sound(LOUD * frames)
            return
        for _ in range(frames):
            self.now += FRAME_S
            self.recording.add_sound(LOUD)

    def close(self) -> audio.Samples:
        self.recording.close()
        return audio.read_wav(self.path)


@pytest.fixture
def line(tmp_path: Path) -> Line:
    return Line(tmp_path / "heard.wav")


def test_each_moment_without_sound_is_as_long_as_it_was(line: Line) -> None:
    for quiet in (1.0, 5.0, 0.5):
        line.send(2.0)
        line.now += quiet
    heard = line.close()
    assert len(heard) / RATE == pytest.approx(line.now - 100.0, abs=0.05)
    assert silence.longest_silence(heard) == pytest.approx(5.0, abs=0.05), "one silence is not the sum of all"


def test_a_burst_after_a_held_up_reader_is_no_silence(line: Line) -> None:
    line.send(1.0)
    line.now += 3.0
    line.send(3.0, at_once=True)
    line.send(1.0)
    heard = line.close()
    assert silence.longest_silence(heard) == 0.0 and len(heard) / RATE == pytest.approx(5.0)


def test_packets_that_are_a_little_late_are_no_silence(line: Line) -> None:
    for _ in range(50):
        line.now += SLACK_S / 2
        line.send(FRAME_S)
        line.now -= SLACK_S / 2
    assert silence.longest_silence(line.close()) == 0.0


def test_a_file_is_whole_only_after_its_end(line: Line) -> None:
    assert line.path.stat().st_size == 0
    line.send(1.0)
    assert len(audio.read_wav(line.path)) < RATE, "the header does not tell of what came"
    assert len(line.close()) == RATE
