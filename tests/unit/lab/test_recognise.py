"""Prompts are recognised in a stream of sound: whole, cut off, one after the other, in pieces of any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lab.errors import LabError
from lab.phones.audio import RATE, Samples
from lab.script.prompt_library import FFT, STEP, PromptLibrary, load_library
from lab.script.recogniser import (
    FORGET_SAMPLES,
    PromptBegan,
    PromptHeard,
    PromptRecogniser,
    best_offset,
    correlation_score,
    find_prompts,
)

pytestmark = pytest.mark.unit

SILENCE = np.zeros(RATE // 2)


def voice(seed: int, seconds: float) -> Samples:
    """Something like a voice: a pitch that wanders, overtones, syllables. A hundred seeds begin alike, for 0.6 s."""
    found = np.zeros(0)
    for part, length in ((seed // 100, 0.6), (seed, seconds - 0.6)):
        rng = np.random.default_rng(part + 1)
        count = int(length * RATE)
        pitch = 110 + 40 * np.interp(np.arange(count), np.arange(0, count + RATE, RATE // 8),
                                     rng.uniform(-1, 1, len(np.arange(0, count + RATE, RATE // 8))))
        phase = 2 * np.pi * np.cumsum(pitch) / RATE
        tones = sum(rng.uniform(0.2, 1.0) / n * np.sin(n * phase + rng.uniform(0, 6)) for n in range(1, 12))
        loud = 0.3 + np.abs(np.interp(np.arange(count), np.arange(0, count + RATE, RATE // 5),
                                      rng.uniform(0, 1, len(np.arange(0, count + RATE, RATE // 5)))))
        found = np.concatenate((found, 4_000 * loud * tones))
    return found


SOUNDS = {"merhaba": voice(100, 2.0), "menu-1": voice(200, 1.8), "menu-2": voice(201, 2.2), "kisa": voice(300, 0.7)}
LIBRARY = PromptLibrary(SOUNDS)


def line(*parts: Samples) -> Samples:
    """As a telephone carries it, about: with the noise of eight bits."""
    sound = np.concatenate(parts)
    return np.round(sound + np.random.default_rng(0).normal(0, 1, len(sound)) * (10 + 0.01 * np.abs(sound)))


def told(found: list[PromptHeard]) -> list[tuple[str, bool]]:
    return [("|".join(sorted(one.keys)), one.whole) for one in found]


@pytest.mark.parametrize("piece", [160, 2_000, RATE * 60])
def test_one_after_the_other_with_and_without_a_pause(piece: int) -> None:
    sound = line(SILENCE, SOUNDS["merhaba"], SOUNDS["menu-2"], SILENCE, SOUNDS["kisa"], SOUNDS["menu-1"], SILENCE)
    recogniser, found = PromptRecogniser(LIBRARY), list[PromptHeard]()
    for begin in range(0, len(sound), piece):
        found += [one for one in recogniser.take_sound(sound[begin: begin + piece]) if isinstance(one, PromptHeard)]
    found += recogniser.finish_sound()
    assert told(found) == [("merhaba", True), ("menu-2", True), ("kisa", True), ("menu-1", True)]
    assert found[0].began == pytest.approx(0.5, abs=0.02)
    assert found[1].ended == pytest.approx(0.5 + 2.0 + 2.2, abs=0.05)


def test_what_is_cut_off_is_said_to_be() -> None:
    sound = line(SILENCE, SOUNDS["merhaba"][: int(1.3 * RATE)], SOUNDS["menu-1"], SILENCE)
    assert told(find_prompts(LIBRARY, sound)) == [("merhaba", False), ("menu-1", True)]


@pytest.mark.parametrize("lost_s", [0.03, 0.06, 0.09])
def test_a_prompt_cut_off_at_its_very_end_does_not_hide_the_next(lost_s: float) -> None:
    """A key comes while the last syllable is said."""
    for first, second in (("merhaba", "menu-1"), ("menu-2", "merhaba"), ("kisa", "menu-2")):
        sound = line(SILENCE, SOUNDS[first][: -int(lost_s * RATE)], SOUNDS[second], SILENCE)
        assert [keys for keys, _ in told(find_prompts(LIBRARY, sound))] == [first, second]


def test_cut_off_before_it_could_be_known_it_may_be_either() -> None:
    sound = line(SILENCE, SOUNDS["menu-1"][: int(0.58 * RATE)], SILENCE, SILENCE)
    assert told(find_prompts(LIBRARY, sound)) == [("menu-1|menu-2", False)]


def test_the_same_sentence_under_two_keys_is_both() -> None:
    library = PromptLibrary({**SOUNDS, "selam": SOUNDS["merhaba"]})
    assert told(find_prompts(library, line(SILENCE, SOUNDS["merhaba"], SILENCE))) == [("merhaba|selam", True)]


def test_a_packet_that_comes_late_does_not_hide_the_rest() -> None:
    late = SOUNDS["menu-2"]
    sound = line(SILENCE, late[: RATE], np.zeros(RATE // 100), late[RATE:], SILENCE)
    assert told(find_prompts(LIBRARY, sound)) == [("menu-2", True)]


@pytest.mark.parametrize("at", [0.15, 0.25, 0.35, 0.45])
@pytest.mark.parametrize("lost_s", [0.02, -0.02])
def test_a_packet_that_is_missing_or_late_at_the_beginning_does_not_hide_the_prompt(at: float, lost_s: float) -> None:
    cut = int(at * RATE)
    for key in ("merhaba", "menu-1", "menu-2"):
        late = np.zeros(max(0, int(-lost_s * RATE)))
        sound = line(SILENCE, SOUNDS[key][:cut], late, SOUNDS[key][cut + max(0, int(lost_s * RATE)):], SOUNDS["kisa"],
                     SILENCE)
        assert told(find_prompts(LIBRARY, sound)) == [(key, True), ("kisa", True)]


def test_it_is_told_when_one_begins() -> None:
    recogniser = PromptRecogniser(LIBRARY)
    began = [one for one in recogniser.take_sound(line(SILENCE, SOUNDS["menu-1"])) if isinstance(one, PromptBegan)]
    assert began[0].keys == {"menu-1", "menu-2"} and began[-1].keys == {"menu-1"}


def test_strange_sound_and_silence_are_nothing() -> None:
    strange = voice(900, 3.0)
    assert find_prompts(LIBRARY, line(SILENCE, strange, SILENCE)) == []
    assert find_prompts(LIBRARY, np.zeros(5 * RATE)) == []
    assert find_prompts(LIBRARY, np.zeros(0)) == []


def test_silence_fits_nothing_whichever_side_it_is_on() -> None:
    loud = SOUNDS["merhaba"]
    for wanted, got in ((SILENCE, loud), (loud[: len(SILENCE)], np.zeros(len(loud)))):
        assert correlation_score(wanted, got[: len(wanted)]) == 0.0
        assert best_offset(wanted, got, 0, 800) == (0.0, 0)


def test_what_is_kept_is_bounded() -> None:
    """By the longest prompt, and what is explained is dropped."""
    recogniser, longest = PromptRecogniser(LIBRARY), max(map(len, SOUNDS.values()))
    strange = line(voice(900, 3.0), SOUNDS["menu-2"], SILENCE)
    for at in range(0, 20 * len(strange), 800):
        list(recogniser.take_sound(np.take(strange, range(at, at + 800), mode="wrap")))
        assert len(recogniser._sound) <= longest + 2 * FORGET_SAMPLES + FFT * STEP
    assert recogniser.seconds == pytest.approx(20 * len(strange) / RATE, abs=0.2)


def test_what_is_known_to_be_no_prompt_is_skipped() -> None:
    recogniser = PromptRecogniser(LIBRARY)
    assert not list(recogniser.take_sound(line(voice(900, 0.6))))
    recogniser.skip_sound(0.6)
    assert recogniser.settled == 0.6
    found = [*recogniser.take_sound(line(SOUNDS["kisa"], SILENCE))]
    assert [one.keys for one in found if isinstance(one, PromptHeard)] == [{"kisa"}]
    assert not recogniser.following


def test_it_is_known_how_much_is_still_to_come() -> None:
    recogniser = PromptRecogniser(LIBRARY)
    list(recogniser.take_sound(line(SOUNDS["menu-1"][: RATE])))
    assert recogniser.following and recogniser.settled < 0.01
    least, most = recogniser.left_s
    assert 0.7 < least <= most < 0.9, "menu-2 begins alike and goes on otherwise after 0.6 s"


def test_silent_and_missing_prompts_are_named(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="the prompt stille is silent"):
        PromptLibrary({"stille": np.zeros(RATE)})
    with pytest.raises(LabError, match="no prompts in"):
        load_library(tmp_path)
