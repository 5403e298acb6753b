"""Levels: silence, loudness, and what is refused."""

from __future__ import annotations

import itertools
import math
import wave
from array import array
from pathlib import Path
from typing import Any

import pytest

from prompts.audio import sound_level
from prompts.audio.hold_music import PIECES, RATE, hold_music
from prompts.audio.sound_windows import measure_peaks, measure_powers
from prompts.errors import SoundError

pytestmark = pytest.mark.unit


def tone(ms: int, amplitude: float, rate: int = 8000) -> Any:
    count = ms * rate // 1000
    samples = array("h", (round(amplitude * 32767 * math.sin(2 * math.pi * 400 * n / rate)) for n in range(count)))
    return sound_level.pydub_segment()(data=samples.tobytes(), sample_width=2, frame_rate=rate, channels=1)


def test_silence_is_cut_off_at_both_ends_and_kept_in_the_middle() -> None:
    quiet = sound_level.make_silence(500, tone(10, 1))
    cut = sound_level.trim_silence(quiet + tone(200, 0.5) + quiet + tone(200, 0.5) + quiet, "x")
    assert abs(len(cut) - 900 - 2 * sound_level.KEPT_MS) <= 20


@pytest.mark.parametrize("amplitude", [0.01, 0.2, 0.9])
def test_every_loudness_becomes_the_same(amplitude: float) -> None:
    made = sound_level.level_sound(tone(800, amplitude))
    assert sound_level.speech_rms(made) == pytest.approx(sound_level.RMS_DBFS, abs=0.3)
    assert made.max_dBFS <= sound_level.PEAK_DBFS + 0.1


def test_pauses_do_not_make_a_prompt_louder() -> None:
    plain = tone(800, 0.3)
    with_pause = plain + sound_level.make_silence(1200, plain) + plain
    assert sound_level.speech_rms(with_pause) == pytest.approx(sound_level.speech_rms(plain), abs=0.1)


def test_a_peak_bounds_the_gain_and_a_click_is_refused() -> None:
    click = tone(900, 0.01) + tone(5, 0.95) + tone(900, 0.01)
    made = sound_level.level_sound(click)
    assert made.max_dBFS == pytest.approx(sound_level.PEAK_DBFS, abs=0.2)
    with pytest.raises(SoundError, match="click"):
        sound_level.measure_levels(made, "x")


def test_too_loud_silent_and_empty_are_refused() -> None:
    with pytest.raises(SoundError, match="peak"):
        sound_level.measure_levels(tone(500, 1.0), "x")
    with pytest.raises(SoundError, match="no sound"):
        sound_level.trim_silence(sound_level.make_silence(500, tone(10, 1)), "x")
    assert sound_level.is_silent(tone(500, 0.001))
    with pytest.raises(SoundError, match="no sound"):
        sound_level.measure_levels(tone(0, 1), "x")
    assert sound_level.speech_rms(sound_level.make_silence(100, tone(10, 1))) == -math.inf


@pytest.mark.parametrize(("rate", "channels"), [(8000, 1), (16000, 1), (22050, 1), (44100, 2)])
@pytest.mark.parametrize("samples", [0, 3, 50, 4400, 20011, 22055])
def test_windows_have_the_numbers_of_slices(rate: int, channels: int, samples: int) -> None:
    """A length that is no whole number of milliseconds is rounded as pydub does, and the last window is padded."""
    wave_form = array("h", (round(32767 * math.sin(n * n / 90000)) for n in range(samples * channels)))
    segment = sound_level.pydub_segment()(data=wave_form.tobytes(), sample_width=2, frame_rate=rate, channels=channels)
    slices = [segment[at : at + 10] for at in range(0, len(segment), 10)]
    assert measure_peaks(segment, 10) == [piece.max for piece in slices]
    assert measure_powers(segment, 10) == [piece.rms for piece in slices]


@pytest.mark.parametrize(("run", "refused"), [(sound_level.CLIPPED_RUN - 1, False), (sound_level.CLIPPED_RUN, True)])
@pytest.mark.parametrize("full", [32767, -32768])
def test_a_clipped_wave(run: int, refused: bool, full: int) -> None:
    samples = array("h", [0, 20000, *[full] * run, 20000, -full // 2, full, 0])
    segment = sound_level.pydub_segment()(data=samples.tobytes(), sample_width=2, frame_rate=8000, channels=1)
    if refused:
        with pytest.raises(SoundError, match="clipped"):
            sound_level.refuse_clipped(segment, "x")
    else:
        sound_level.refuse_clipped(segment, "x")


def test_a_file_is_written_whole_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.wav16"
    sound_level.save_wav(tone(100, 0.5, 16000), path)
    assert [entry.name for entry in path.parent.iterdir()] == ["a.wav16"]
    assert sound_level.load_wav(path).frame_rate == 16000
    with wave.open(str(path)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getnframes()) == (1, 2, 1600)


@pytest.mark.parametrize("data", [b"", b"RIFFxxxxWAVE", b"not a wave at all"])
def test_what_is_no_wav(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "a.wav").write_bytes(data)
    with pytest.raises(SoundError, match=r"a\.wav: not a readable"):
        sound_level.load_wav(tmp_path / "a.wav")


def test_eight_bits_are_refused(tmp_path: Path) -> None:
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((1, 1, 8000, 0, "NONE", ""))
        file.writeframes(bytes(100))
    with pytest.raises(SoundError, match="8 bit"):
        sound_level.load_wav(tmp_path / "a.wav")


@pytest.mark.parametrize("name", PIECES)
def test_the_music_is_alike_every_time_and_has_no_seam(name: str) -> None:
    piece = PIECES[name]
    music = hold_music(piece, bars=1)
    assert music == hold_music(piece, bars=1)
    assert len(music) == piece.bar_s * RATE
    steps = [abs(one - other) for one, other in itertools.pairwise(music)]
    assert abs(music[0] - music[-1]) <= max(steps)
    rms = 20 * math.log10(math.sqrt(sum(sample * sample for sample in music) / len(music)) / 32768)
    assert -24 < rms <= -19.9
    assert max(map(abs, music)) < 32767 * 10 ** (-2.9 / 20)


def test_peaks_that_stand_out_are_measured() -> None:
    """A steady voice fits; one whose peaks are 12 dB above it stands out by what the peak is above -3 at -21."""
    assert sound_level.peak_excess_db(tone(800, 0.3)) == pytest.approx(-21 + 3 - -3.01, abs=0.1)
    spiky = tone(800, 0.02)
    for _ in range(3):
        spiky += tone(2, 0.4) + tone(400, 0.02)
    peak_over_voice = 20 * math.log10(0.4 / (0.02 / math.sqrt(2)))
    assert sound_level.peak_excess_db(spiky) == pytest.approx(peak_over_voice - 18, abs=1.5)
