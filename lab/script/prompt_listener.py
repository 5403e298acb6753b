"""A listener for what a caller hears: prompts, music, the voices of the lab, and unknown sound.

Each window of 50 ms is explained by exactly one of them or stays unexplained. Enough unexplained sound is `Strange`, so
no sound goes unnoticed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from lab.phones.audio import QUIET_LEVEL, RATE, TONE_SHARE, Samples, root_mean_square
from lab.script.hold_music import LOCK_S, HoldTunes, MusicFollower
from lab.script.prompt_library import PromptLibrary
from lab.script.recogniser import WINDOW, PromptBegan, PromptHeard, PromptRecogniser

WINDOW_S = WINDOW / RATE
PIECE = 2 * WINDOW
"""Samples of a piece of 100 ms. Sound is examined in such pieces."""
REPORT_S = 0.25
"""Interval of reports on music and voices while they last."""
HOLE = 2
"""Windows that a voice or the music may miss without a new beginning: a note that starts."""
STRANGE_S = 0.4
"""Length of unexplained sound that is reported. Less is a click, or the rest of a prompt that was cut off."""
SETTLE_S = 1.0
"""Age of sound that can count as unexplained. Until then the music has had time to be found in it."""
LOOK_S = 0.5
"""Interval of searches for the music in unexplained sound. Each search costs tens of milliseconds."""
ENDING_S, UNSURE_S, AMID_S, IDLE_S = 0.08, 0.3, 1.0, 0.2
"""Times without sound before it counts as silence.

In order: at the end of a prompt; where a longer prompt with the same beginning is possible; in the middle of a prompt,
which a late packet must not split; elsewhere.
"""
NEAR_END_S = 0.1
"""Sound of a prompt that may be missing at its end: a window that is not full yet, and the slack."""


class Music(NamedTuple):
    """The hold music, without a pause so far."""

    began: float
    until: float


class Voice(NamedTuple):
    """A person of the lab speaks, without a pause so far."""

    hertz: int
    began: float
    until: float


class Strange(NamedTuple):
    """Sound that is no prompt, no music and no voice of the lab."""

    began: float
    until: float


class NotAPrompt(NamedTuple):
    """A sound that began like a prompt was none."""

    at: float


Event = PromptBegan | PromptHeard | Music | Voice | Strange | NotAPrompt


class _WindowRun:
    """Consecutive windows of one kind."""

    def __init__(self) -> None:
        self.first = self.last = -1
        self.reported = 0.0

    def add_window(self, window: int) -> tuple[float, float] | None:
        """Add a window. Return begin and end of the run in seconds if a report is due."""
        # A small hole does not end a run.
        if self.first < 0 or window > self.last + HOLE + 1:
            self.first, self.reported = window, 0.0
        self.last = window
        began, until = self.first * WINDOW_S, (window + 1) * WINDOW_S
        if until - max(self.reported, began) < REPORT_S:
            return None
        self.reported = until
        return began, until


class VoiceDetector:
    """Find the tones of the lab's people in a stream."""

    def __init__(self, voices: Sequence[int]) -> None:
        self._turns = {hertz: np.exp(-2j * np.pi * hertz / RATE * np.arange(WINDOW)) for hertz in voices}
        self._runs = {hertz: _WindowRun() for hertz in voices}
        self._part: Samples = np.zeros(0)
        self._windows = 0

    def take_sound(self, samples: Samples) -> Iterator[Voice]:
        """Yield the voices in new sound."""
        sound = np.concatenate((self._part, samples))
        whole = len(sound) // WINDOW * WINDOW
        self._part = sound[whole:]
        for window in sound[:whole].reshape(-1, WINDOW):
            hertz = self.speaker_of(window)
            if hertz is not None and (told := self.add_window(hertz, self._windows)):
                yield told
            self._windows += 1

    def speaker_of(self, window: Samples) -> int | None:
        """Return the tone that stands out in a window, or None."""
        energy = float(np.dot(window, window)) * len(window)
        if energy < (QUIET_LEVEL * len(window)) ** 2:
            return None
        return next((hertz for hertz, turn in self._turns.items()
                     if 2.0 * abs(complex(np.dot(window, turn))) ** 2 >= TONE_SHARE * energy), None)

    def add_window(self, hertz: int, window: int) -> Voice | None:
        """Add a window in which a tone is heard. Return the voice if a report is due."""
        told = self._runs[hertz].add_window(window)
        return Voice(hertz, *told) if told else None


class PromptListener:
    """Turn sound into events as it comes. Seconds count from the first sample."""

    def __init__(self, library: PromptLibrary, tunes: HoldTunes, voices: Sequence[int] = ()) -> None:
        """Prepare a listener. `voices` are the tones of the lab's people, in Hz."""
        self._recogniser = PromptRecogniser(library)
        self._music = MusicFollower(tunes)
        self._voices = VoiceDetector(voices)
        self._music_run, self._strange_run = _WindowRun(), _WindowRun()
        self._part: Samples = np.zeros(0)
        """Samples that do not fill a window yet."""
        self._late: Samples = np.zeros(0)
        """The last `LOCK_S` of sound, for the music."""
        self._windows = 0
        self._loud: dict[int, bool] = {}
        """Windows that are not judged yet -> whether they are explained. Silent windows are left out."""
        self._unexplained = 0
        """Consecutive loud windows without an explanation."""
        self._looked = 0.0
        self._announced = False

    @property
    def seconds(self) -> float:
        """Seconds of sound taken so far."""
        return self._recogniser.seconds

    @property
    def patience_s(self) -> float:
        """Seconds without sound until it is silence."""
        if not self._recogniser.following:
            return IDLE_S
        least, most = self._recogniser.left_s
        return ENDING_S if most < NEAR_END_S else UNSURE_S if least < NEAR_END_S else AMID_S

    def take_sound(self, samples: Samples) -> Iterator[Event]:
        """Yield the events in new sound.

        The sound is handled in small pieces, so that events come in the order of the sound.
        """
        for at in range(0, len(samples), PIECE):
            piece = samples[at: at + PIECE]
            sound = np.concatenate((self._part, piece))
            whole = len(sound) // WINDOW * WINDOW
            self._part = sound[whole:]
            # Windows come first: a voice or music in them is no beginning of a prompt.
            for window in sound[:whole].reshape(-1, WINDOW):
                yield from self._explain_window(window)
            yield from self._report_prompts(self._recogniser.take_sound(piece))
            yield from self._report_strange(self._recogniser.settled - SETTLE_S)

    def finish_sound(self) -> Iterator[Event]:
        """Yield the last events when the line is dead."""
        yield from self._report_prompts(self._recogniser.finish_sound())
        yield from self._report_strange(self.seconds)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _explain_window(self, window: Samples) -> Iterator[Event]:
        number, level = self._windows, root_mean_square(window)
        self._windows += 1
        self._late = np.concatenate((self._late, window))[-round(LOCK_S * RATE):]
        # 1. A tone of the lab's people.
        hertz = self._voices.speaker_of(window)
        if hertz is not None:
            self._mark_explained(number)
            if voice := self._voices.add_window(hertz, number):
                yield voice
        # 2. The hold music, if it is being followed.
        elif self._music.follow_window(window):
            self._mark_explained(number)
            if told := self._music_run.add_window(number):
                yield Music(*told)
        # 3. Loud and unexplained: perhaps the beginning of music, or of a prompt that is recognised later.
        elif level > QUIET_LEVEL:
            self._loud[number] = False
            self._unexplained += 1
            yield from self._look_for_music()
        else:
            self._unexplained = 0

    def _mark_explained(self, number: int) -> None:
        self._loud[number] = True
        self._unexplained = 0
        self._recogniser.skip_sound((number + 1) * WINDOW_S)

    def _look_for_music(self) -> Iterator[Event]:
        """Look for the music in unexplained sound, but not while a prompt is heard."""
        now, count = self._windows * WINDOW_S, round(LOCK_S / WINDOW_S)
        if self._recogniser.following or self._music.following or self._unexplained < count \
                or now < self._looked + LOOK_S:
            return
        self._looked = now
        if self._music.find_music(self._late):
            # The search covered these windows, so they are explained afterwards.
            for number in range(self._windows - count, self._windows):
                self._mark_explained(number)
                if told := self._music_run.add_window(number):
                    yield Music(*told)

    def _report_prompts(self, found: Iterator[PromptBegan | PromptHeard]) -> Iterator[Event]:
        for one in found:
            if isinstance(one, PromptHeard):
                self._announced = False
                # A prompt is known only at its end; its windows are explained afterwards.
                for number in range(int(one.began / WINDOW_S), int(one.ended / WINDOW_S) + 1):
                    if number in self._loud:
                        self._loud[number] = True
                self._unexplained = 0
            else:
                self._announced = True
            yield one
        # A beginning that no prompt continued is withdrawn.
        if self._announced and not self._recogniser.following:
            self._announced = False
            yield NotAPrompt(self._recogniser.settled)

    def _report_strange(self, until: float) -> Iterator[Event]:
        for number in [number for number in self._loud if number < int(until / WINDOW_S)]:
            if self._loud.pop(number):
                continue
            told = self._strange_run.add_window(number)
            if told and told[1] - told[0] >= STRANGE_S:
                yield Strange(*told)
