"""What a caller hears, told piece by piece: prompts, music, the voices of our people, and what is none of these.

Every piece of 50 ms is explained by exactly one of them or stays unexplained; enough unexplained sound is `Strange`, so
that nothing is heard which nobody knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from lab.audio import QUIET, RATE, TONE_SHARE, Samples, rms
from lab.library import Library
from lab.recognise import WINDOW, Began, Heard, Recogniser
from lab.tune import LOCK_S, Follower, Tunes

WINDOW_S = WINDOW / RATE
PIECE = 2 * WINDOW
"""Sound is looked at in pieces of 100 ms."""
TOLD_S = 0.25
"""Music and voices are told of so often while they last."""
HOLE = 2
"""Windows in which a voice or the music may be missing, and it is the same one all the same: a note that begins."""
STRANGE_S = 0.4
"""Unexplained sound of this length is told of. Less is a click, or what is left of a prompt that was cut off."""
SETTLE_S = 1.0
"""Before sound counts as unexplained, music has had the time to be found in it."""
LOOK_S = 0.5
"""Between two looks for the music in sound that is not explained: each costs tens of milliseconds."""
ENDING_S, UNSURE_S, AMID_S, IDLE_S = 0.08, 0.3, 1.0, 0.2
"""So long nothing comes before it is silence: when a prompt is at its end; when another one that begins alike is not;
amid a prompt, where a packet that is late must not tear it; else."""
NEAR_END_S = 0.1
"""What is missing of a prompt at its end: a window that is not full yet, and the slack."""


class Music(NamedTuple):
    """The hold music, so far without a pause."""

    began: float
    until: float


class Voice(NamedTuple):
    """One of our people speaks, so far without a pause."""

    hertz: int
    began: float
    until: float


class Strange(NamedTuple):
    """Sound that is no prompt, no music and nobody of ours."""

    began: float
    until: float


class Nothing(NamedTuple):
    """What began like a prompt was none."""

    at: float


Event = Began | Heard | Music | Voice | Strange | Nothing


class _Run:
    """Windows one after the other that are of one kind."""

    def __init__(self) -> None:
        self.first = self.last = -1
        self.told = 0.0

    def add(self, window: int) -> tuple[float, float] | None:
        """One more; seconds of the run when they are to be told."""
        if self.first < 0 or window > self.last + HOLE + 1:
            self.first, self.told = window, 0.0
        self.last = window
        began, until = self.first * WINDOW_S, (window + 1) * WINDOW_S
        if until - max(self.told, began) < TOLD_S:
            return None
        self.told = until
        return began, until


class Voices:
    """Our people's tones in a stream."""

    def __init__(self, voices: Sequence[int]) -> None:
        self._turns = {hertz: np.exp(-2j * np.pi * hertz / RATE * np.arange(WINDOW)) for hertz in voices}
        self._runs = {hertz: _Run() for hertz in voices}
        self._part: Samples = np.zeros(0)
        self._windows = 0

    def take(self, samples: Samples) -> Iterator[Voice]:
        """More sound."""
        sound = np.concatenate((self._part, samples))
        whole = len(sound) // WINDOW * WINDOW
        self._part = sound[whole:]
        for window in sound[:whole].reshape(-1, WINDOW):
            hertz = self.who(window)
            if hertz is not None and (told := self.add(hertz, self._windows)):
                yield told
            self._windows += 1

    def who(self, window: Samples) -> int | None:
        """Whose tone stands out in it."""
        energy = float(np.dot(window, window)) * len(window)
        if energy < (QUIET * len(window)) ** 2:
            return None
        return next((hertz for hertz, turn in self._turns.items()
                     if 2.0 * abs(complex(np.dot(window, turn))) ** 2 >= TONE_SHARE * energy), None)

    def add(self, hertz: int, window: int) -> Voice | None:
        """Somebody speaks in this window; what is to be told."""
        told = self._runs[hertz].add(window)
        return Voice(hertz, *told) if told else None


class Ear:
    """Give it sound as it comes; it says what it hears. Seconds count from the first sample."""

    def __init__(self, library: Library, tunes: Tunes, voices: Sequence[int] = ()) -> None:
        """`voices`: the tones of our people, in Hz."""
        self._recogniser = Recogniser(library)
        self._music = Follower(tunes)
        self._voices = Voices(voices)
        self._music_run, self._strange_run = _Run(), _Run()
        self._part: Samples = np.zeros(0)
        """What does not fill a window yet."""
        self._late: Samples = np.zeros(0)
        """The last `LOCK_S`, for the music."""
        self._windows = 0
        self._loud: dict[int, bool] = {}
        """Windows not judged yet -> whether they are explained; silent ones are not in it."""
        self._unexplained = 0
        """Loud windows in a row that are nobody's."""
        self._looked = 0.0
        self._announced = False

    @property
    def seconds(self) -> float:
        """Sound taken so far."""
        return self._recogniser.seconds

    @property
    def patience_s(self) -> float:
        """So long nothing may come until it is silence."""
        if not self._recogniser.following:
            return IDLE_S
        least, most = self._recogniser.left_s
        return ENDING_S if most < NEAR_END_S else UNSURE_S if least < NEAR_END_S else AMID_S

    def take(self, samples: Samples) -> Iterator[Event]:
        """More sound. In small pieces, however much comes at once: what is heard first is told first."""
        for at in range(0, len(samples), PIECE):
            piece = samples[at: at + PIECE]
            sound = np.concatenate((self._part, piece))
            whole = len(sound) // WINDOW * WINDOW
            self._part = sound[whole:]
            for window in sound[:whole].reshape(-1, WINDOW):
                yield from self._window(window)
            yield from self._prompts(self._recogniser.take(piece))
            yield from self._strange(self._recogniser.settled - SETTLE_S)

    def finish(self) -> Iterator[Event]:
        """The line is dead."""
        yield from self._prompts(self._recogniser.finish())
        yield from self._strange(self.seconds)

    # -- inside --------------------------------------------------------------------------------------------------------

    def _window(self, window: Samples) -> Iterator[Event]:
        number, level = self._windows, rms(window)
        self._windows += 1
        self._late = np.concatenate((self._late, window))[-round(LOCK_S * RATE):]
        hertz = self._voices.who(window)
        if hertz is not None:
            self._explained(number)
            if voice := self._voices.add(hertz, number):
                yield voice
        elif self._music.take(window):
            self._explained(number)
            if told := self._music_run.add(number):
                yield Music(*told)
        elif level > QUIET:
            self._loud[number] = False
            self._unexplained += 1
            yield from self._look()
        else:
            self._unexplained = 0

    def _explained(self, number: int) -> None:
        self._loud[number] = True
        self._unexplained = 0
        self._recogniser.skip((number + 1) * WINDOW_S)

    def _look(self) -> Iterator[Event]:
        """Is it the music? Not while a prompt is heard."""
        now, count = self._windows * WINDOW_S, round(LOCK_S / WINDOW_S)
        if self._recogniser.following or self._music.following or self._unexplained < count \
                or now < self._looked + LOOK_S:
            return
        self._looked = now
        if self._music.find(self._late):
            for number in range(self._windows - count, self._windows):
                self._explained(number)
                if told := self._music_run.add(number):
                    yield Music(*told)

    def _prompts(self, found: Iterator[Began | Heard]) -> Iterator[Event]:
        for one in found:
            if isinstance(one, Heard):
                self._announced = False
                for number in range(int(one.began / WINDOW_S), int(one.ended / WINDOW_S) + 1):
                    if number in self._loud:
                        self._loud[number] = True
                self._unexplained = 0
            else:
                self._announced = True
            yield one
        if self._announced and not self._recogniser.following:
            self._announced = False
            yield Nothing(self._recogniser.settled)

    def _strange(self, until: float) -> Iterator[Event]:
        for number in [number for number in self._loud if number < int(until / WINDOW_S)]:
            if self._loud.pop(number):
                continue
            told = self._strange_run.add(number)
            if told and told[1] - told[0] >= STRANGE_S:
                yield Strange(*told)
