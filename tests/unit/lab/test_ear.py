"""The sound at a caller: prompts, music, the voices of the lab's people, and sound that is none of them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from lab.phones.audio import RATE, Samples
from lab.script.hold_music import LOCK_S, HoldTunes, MusicFollower, TunePlace
from lab.script.prompt_library import PromptLibrary
from lab.script.prompt_listener import (
    AMID_S,
    ENDING_S,
    IDLE_S,
    UNSURE_S,
    Event,
    Music,
    NotAPrompt,
    PromptListener,
    Strange,
    Voice,
    VoiceDetector,
)
from lab.script.recogniser import PromptBegan, PromptHeard
from tests.unit.lab.test_recognise import SILENCE, SOUNDS, line, voice

pytestmark = pytest.mark.unit

LIBRARY = PromptLibrary(SOUNDS)


def tune(seed: int, seconds: float) -> Samples:
    """Chords that fade into each other, as hold music is made of."""
    rng, count = np.random.default_rng(seed), int(seconds * RATE)
    time, found = np.arange(count) / RATE, np.zeros(count)
    for beat in range(int(seconds)):
        shape = np.exp(-((time - beat - 0.5) / 0.6) ** 2)
        for note in rng.choice(np.arange(220, 900, 7), 3, replace=False):
            found += 900 * shape * np.sin(2 * np.pi * note * time + rng.uniform(0, 6))
    return found


MUSIC = tune(1, 20.0)
TUNES = HoldTunes([tune(2, 9.0), MUSIC])


def tone(hertz: int, seconds: float) -> Samples:
    return 8_000 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)


def hear(*parts: Samples, voices: Sequence[int] = (), piece: int = 800) -> list[Event]:
    ear, sound, found = PromptListener(LIBRARY, TUNES, voices), line(*parts), list[Event]()
    for at in range(0, len(sound), piece):
        found += ear.take_sound(sound[at: at + piece])
    return [*found, *ear.finish_sound()]


def kinds(events: Sequence[Event]) -> list[str]:
    """Of each kind one, in order; prompts by name."""
    found: list[str] = []
    for event in events:
        if isinstance(event, PromptBegan):
            continue
        name = "|".join(sorted(event.keys)) if isinstance(event, PromptHeard) else type(event).__name__
        if not found or found[-1] != name:
            found.append(name)
    return found


# -- music -------------------------------------------------------------------------------------------------------------


def test_any_piece_of_music_is_found_in_its_tune() -> None:
    sound = line(MUSIC)
    for at in np.random.default_rng(3).integers(0, len(MUSIC) - RATE, 20):
        assert TUNES.find_piece(sound[at: at + int(LOCK_S * RATE)]) == TunePlace(1, int(at))
    assert TUNES.find_piece(line(voice(100, 2.0))[: int(LOCK_S * RATE)]) is None
    assert TUNES.find_piece(np.zeros(int(LOCK_S * RATE))) is None
    assert HoldTunes([]).find_piece(sound[: int(LOCK_S * RATE)]) is None


def test_music_is_followed_over_its_end_and_when_a_packet_is_late() -> None:
    follower, begin = MusicFollower(TUNES), len(MUSIC) - 2 * RATE
    assert not follower.follow_window(MUSIC[:400]), "it has to be found first"
    sound = line(np.concatenate((MUSIC[begin:], MUSIC[: RATE], np.zeros(80), MUSIC[RATE: 3 * RATE])))
    assert follower.find_music(sound[: int(LOCK_S * RATE)])
    rest = sound[int(LOCK_S * RATE):]
    followed = [follower.follow_window(window) for window in rest[: len(rest) // 400 * 400].reshape(-1, 400)]
    assert followed.count(False) <= 1
    assert not any(follower.follow_window(window) for window in line(voice(7, 1.0)).reshape(-1, 400))
    assert not follower.following


# -- everything --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("piece", [160, 800, RATE])
def test_a_call_with_everything(piece: int) -> None:
    events = hear(SILENCE, SOUNDS["merhaba"], SILENCE, MUSIC[3 * RATE: 7 * RATE], SOUNDS["menu-2"], tone(650, 2.0),
                  SILENCE, SOUNDS["kisa"], SILENCE, SILENCE, SILENCE, voices=(600, 650), piece=piece)
    assert kinds(events) == ["merhaba", "Music", "menu-2", "Voice", "kisa"]
    music = [event for event in events if isinstance(event, Music)][-1]
    assert music.began == pytest.approx(3.0, abs=0.3) and music.until == pytest.approx(7.0, abs=0.3)
    voices = [event for event in events if isinstance(event, Voice)]
    assert {event.hertz for event in voices} == {650}
    assert voices[-1].until - voices[-1].began == pytest.approx(2.0, abs=0.3)


def test_sound_that_is_nothing_known_is_told_and_goes_on() -> None:
    events = hear(SOUNDS["merhaba"], SILENCE, voice(900, 3.0), *[SILENCE] * 4)
    assert kinds(events) == ["merhaba", "Strange"]
    strange = [event for event in events if isinstance(event, Strange)]
    assert strange[0].began == pytest.approx(2.5, abs=0.1)
    assert strange[-1].began == strange[0].began and strange[-1].until == pytest.approx(5.5, abs=0.4)


def test_a_click_and_what_is_left_of_a_cut_sentence_are_not_strange() -> None:
    assert kinds(hear(SILENCE, voice(900, 0.7)[: int(0.25 * RATE)], *[SILENCE] * 4)) == []
    assert kinds(hear(SOUNDS["menu-1"][: int(1.3 * RATE)], *[SILENCE] * 4)) == ["menu-1"]


def test_somebody_elses_tone_is_strange() -> None:
    assert kinds(hear(SILENCE, tone(700, 2.0), *[SILENCE] * 4, voices=(650,))) == ["Strange"]
    [last] = list(VoiceDetector((650,)).take_sound(line(tone(650, 0.3))))
    assert last == Voice(650, 0.0, 0.25)


def test_what_begins_like_a_sentence_and_is_none_is_taken_back() -> None:
    """Its first half second, then silence for longer than a sentence could have: it may have been cut off."""
    other = np.concatenate((SOUNDS["merhaba"][: int(0.62 * RATE)], voice(900, 2.0)))
    events = hear(SILENCE, other, *[SILENCE] * 4)
    assert any(isinstance(event, NotAPrompt) or (isinstance(event, PromptHeard) and not event.whole)
        for event in events)
    assert kinds(events)[-1] == "Strange"


def test_how_long_nothing_must_come_until_it_is_silence() -> None:
    """A packet that is late must not tear a sentence; at its end nothing is missing any more."""
    ear, whole = PromptListener(LIBRARY, TUNES), line(SOUNDS["menu-1"])
    assert ear.patience_s == IDLE_S
    list(ear.take_sound(whole[: int(1.2 * RATE)]))
    assert ear.patience_s == AMID_S
    list(ear.take_sound(whole[int(1.2 * RATE):]))
    assert ear.patience_s == ENDING_S
    alike = PromptListener(PromptLibrary({"kurz": SOUNDS["menu-1"][: int(1.2 * RATE)], "lang": SOUNDS["menu-1"]}),
        TUNES)
    list(alike.take_sound(line(SOUNDS["menu-1"][: int(1.19 * RATE)])))
    assert alike.patience_s == UNSURE_S
