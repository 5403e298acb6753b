"""The ear of the lab: tones, prompts in recordings, silence."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np
import pytest

from lab.errors import LabError
from lab.history.heard_tones import HeardAgent, find_agents
from lab.phones import audio
from lab.phones.audio import Samples

pytestmark = pytest.mark.unit


def tone(hertz: float, seconds: float, level: float = 5000.0) -> Samples:
    return level * np.sin(2 * math.pi * hertz / audio.RATE * np.arange(int(seconds * audio.RATE)))


def speech(seed: int, seconds: float) -> Samples:
    """Noise with syllables: as little like another one as speech is."""
    random = np.random.default_rng(seed)
    noise = np.convolve(random.normal(0, 3000, int(seconds * audio.RATE)), np.ones(5) / 5, mode="same")
    return np.asarray(noise * (1 + np.sin(2 * math.pi * (2 + seed) * np.arange(len(noise)) / audio.RATE)))


def alaw(samples: Samples) -> Samples:
    """Through A-law and back: what a telephone line does."""
    x = np.clip(samples / 32768, -1, 1)
    a = 87.6
    size = np.abs(x)
    law = np.where(size < 1 / a, a * size / (1 + math.log(a)),
                   (1 + np.log(np.maximum(a * size, 1))) / (1 + math.log(a)))
    law = np.round(law * 127) / 127
    back = np.where(law < 1 / (1 + math.log(a)), law * (1 + math.log(a)) / a,
                    np.exp(law * (1 + math.log(a)) - 1) / a)
    return np.asarray(np.sign(x) * back * 32768)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * audio.RATE))


def write(path: Path, samples: Samples, rate: int = audio.RATE, channels: int = 1) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def test_a_tone_is_heard_and_its_neighbour_is_not() -> None:
    heard = np.concatenate((silence(1), alaw(tone(440, 2)), silence(1)))
    assert audio.tone_s(heard, 440) == pytest.approx(2.0, abs=0.1)
    for other in (350, 500, 600, 880):
        assert audio.tone_s(heard, other) == 0


def test_the_louder_of_two_tones_is_heard() -> None:
    both = tone(440, 1, 6000) + tone(600, 1, 2000)
    assert audio.tone_s(both, 440) > 0.9
    assert audio.tone_s(both, 600) == 0


def test_a_prompt_is_found_where_it_is_and_another_is_not() -> None:
    prompt, other = np.concatenate((silence(0.2), speech(1, 1.5), silence(0.3))), speech(2, 1.5)
    recording = alaw(np.concatenate((tone(440, 1.0), silence(0.5), prompt * 0.7, speech(3, 2))))
    match = audio.find_prompt(prompt, recording)
    assert match.found
    assert match.offset_s == pytest.approx(1.5, abs=0.01)
    assert match.score > 0.9
    assert not audio.find_prompt(other, recording).found


def test_a_prompt_that_was_cut_off_early_is_not_found() -> None:
    prompt = speech(1, 2.0)
    recording = np.concatenate((silence(0.5), prompt[: len(prompt) // 4], silence(3)))
    assert not audio.find_prompt(prompt, recording).found


@pytest.mark.parametrize("gap_s", [0.02, 0.12, 0.28, -0.02, -0.06])
@pytest.mark.parametrize("at", [0.1, 0.35, 0.5, 0.9])
def test_a_prompt_with_one_gap_is_the_same_prompt(gap_s: float, at: float) -> None:
    """A loaded machine sends frames late (silence comes between) or not at all (`gap_s` below zero)."""
    prompt = speech(3, 2.0)
    cut = int(at * len(prompt))
    rest = prompt[cut:] if gap_s > 0 else prompt[cut + int(-gap_s * audio.RATE):]
    line = alaw(np.concatenate((silence(1.5), prompt[:cut], silence(max(0.0, gap_s)), rest, speech(5, 1.0))))
    match = audio.find_prompt(prompt, line)
    assert match.found and match.offset_s == pytest.approx(1.5, abs=0.35), match


@pytest.mark.parametrize("lost_s", [0.02, 0.04, 0.12])
@pytest.mark.parametrize("at", [0.1, 0.35, 0.5, 0.9])
def test_a_prompt_that_lacks_packets_is_found_where_it_is_all_of_the_recording(lost_s: float, at: float) -> None:
    """A code is spoken at the answer, and the call ends with it. The recording is shorter than the prompt."""
    prompt = speech(3, 2.0)
    cut = int(at * len(prompt))
    line = alaw(np.concatenate((prompt[:cut], prompt[cut + int(lost_s * audio.RATE):])))
    match = audio.find_prompt(prompt, line)
    assert match.found and match.offset_s == 0.0, match


def test_both_ends_of_a_prompt_are_heard_or_it_is_not() -> None:
    prompt = speech(3, 2.0)
    for line in (prompt[audio.RATE // 2:], prompt[: -audio.RATE // 2], prompt[: int(1.9 * audio.RATE)]):
        assert not audio.find_prompt(prompt, alaw(line)).found


def test_a_gap_makes_no_prompt_of_a_sentence_that_breaks_off_or_ends_otherwise() -> None:
    prompt = speech(3, 2.0)
    most = prompt[: int(0.75 * len(prompt))]
    for other in (silence(1.0), speech(6, 0.5), most[: audio.RATE // 2]):
        line = alaw(np.concatenate((silence(0.5), most, other, silence(1.0))))
        assert not audio.find_prompt(prompt, line).found
    apart = np.concatenate((silence(0.5), prompt[: len(prompt) // 2], silence(0.6), prompt[len(prompt) // 2:]))
    assert not audio.find_prompt(prompt, alaw(apart)).found, "more than a gap: two pieces"


def test_silence_matches_nothing_and_a_silent_prompt_is_refused() -> None:
    assert audio.find_prompt(speech(1, 1), silence(3)).score == pytest.approx(0.0)
    assert audio.find_prompt(speech(1, 3), silence(1)) == audio.Match(0.0, 0.0)
    with pytest.raises(LabError, match="silent"):
        audio.find_prompt(silence(1), speech(1, 3))


def test_levels() -> None:
    assert audio.root_mean_square(tone(440, 1, 10_000)) == pytest.approx(10_000 / math.sqrt(2), rel=0.01)
    assert audio.silence_share(np.concatenate((silence(3), tone(440, 1)))) == pytest.approx(0.75)
    assert audio.silence_share(silence(0)) == 1.0
    assert audio.root_mean_square(silence(0)) == 0.0


def test_files_are_read_and_others_refused(tmp_path: Path) -> None:
    assert len(audio.read_wav(write(tmp_path / "a.wav", tone(440, 1)))) == 8000
    assert len(audio.read_wav(write(tmp_path / "b.wav", tone(440, 2), rate=16_000))) == 8000
    match = audio.find_prompt_file(write(tmp_path / "c.wav", speech(1, 1)), write(tmp_path / "d.wav", speech(1, 1)))
    assert match.found
    fast = write(tmp_path / "e.wav", tone(440, 1), rate=44_100)
    stereo = write(tmp_path / "f.wav", tone(440, 1), channels=2)
    for path in (fast, stereo, tmp_path / "nothing.wav"):
        with pytest.raises(LabError, match=path.name):
            audio.read_wav(path)


def test_agents_are_told_by_their_tones_with_their_times(tmp_path: Path) -> None:
    gap = np.concatenate((alaw(tone(500, 1)), silence(0.3), alaw(tone(500, 1))))
    heard = np.concatenate((silence(0.5), gap, silence(1), alaw(speech(3, 1)), alaw(tone(600, 0.1)), silence(1),
                            alaw(tone(700, 0.5)), silence(0.2)))
    found = find_agents(write(tmp_path / "a.wav", heard), {"a1": 500, "a2": 600, "a3": 700, "a4": 800})
    assert [one.agent for one in found] == ["a1", "a3"], "a short tone is none, and a short gap ends no talk"
    assert found[0].began == pytest.approx(0.5, abs=0.06) and found[0].ended == pytest.approx(2.8, abs=0.06)
    assert found[1].ended - found[1].began == pytest.approx(0.5, abs=0.11)
    assert find_agents(write(tmp_path / "b.wav", silence(0.01)), {"a1": 500}) == []
    assert isinstance(found[0], HeardAgent)
