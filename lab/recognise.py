"""Which prompt is being played? A stream of sound goes in, prompts that began and ended come out.

A prompt is found by its first half second (normalised correlation with every prompt there is). All that begin like that
are followed window by window; those whose sound goes on otherwise fall out. The last one that is over was heard: whole,
or cut off where the sound went on otherwise.

Measured with the 970 prompts of two languages through A-law, in random order, often without a pause and three in ten
cut off: 697 of 700 are recognised, the other three were cut where a shorter one ends that begins alike; 23 ms of CPU a
second of sound.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lab.audio import QUIET, RATE, Samples, rms
from lab.library import FFT, HEAD_S, STEP, Library, thin

LOOSE_SCORE = 0.6
"""From which a beginning is looked at closer: at a quarter of the rate the place is off by up to two samples."""
HEAD_SCORE = 0.9
"""From which it is that beginning, at the full rate. Through A-law a prompt reaches 0.99."""
WINDOW = RATE // 20
"""A prompt is followed in steps of 50 ms."""
WINDOW_SCORE = 0.75
"""From which a window is the prompt's. Its own: 0.97 and more, except where it is nearly silent."""
LOST_WINDOWS = 3
"""Windows in a row that are not the prompt's: it was cut off, or it was another one."""
FAINT = 4 * QUIET
"""Windows of a prompt with less sound say nothing by their form; they must only not be loud."""
BACK = 8 * WINDOW
"""So far before the end of a sentence that was cut off the next one is looked for: its first words may fit by chance,
the same voice says them."""
SLACK = RATE // 50
"""A packet that came late moves the rest by 20 ms: so far around is looked for a window that does not fit."""
AGREED = 0.9
"""Share of its telling windows that must fit for a prompt to have been heard."""
NEAR = RATE // 8
"""Beginnings that may be the same one: within 125 ms of the first that fits a little. Each prompt stands at its own
best place there."""
LOOK = RATE // 8
"""New sound between two looks for a beginning: a look costs some milliseconds, however little is new."""
FORGET = RATE
"""Sound that is explained is dropped a second at a time. What is not yet is never more than the longest prompt."""


class Began(NamedTuple):
    """A prompt is being played, or one that begins like it. Seconds count from the first sample."""

    keys: frozenset[str]
    at: float


class Heard(NamedTuple):
    """A prompt was played."""

    keys: frozenset[str]
    """Several when they cannot be told apart: the same sentence twice in the catalogue, or one that was cut off before
    it could be known."""
    began: float
    ended: float
    whole: bool
    """To its end; else it was cut off."""


class _Trace:
    """One prompt that may be what is heard."""

    def __init__(self, key: str, sound: Samples, start: int) -> None:
        self.key, self.sound, self.start = key, sound, start
        self.done = 0
        """Samples of the prompt that were compared."""
        self.good = self.told = self.lost = 0
        self.sum = 0.0
        self.good_until = 0
        """Samples of the prompt up to the end of the last window that fitted at its place."""
        self.moved = False
        """The last window that fitted did so a little beside its place: a packet was late. That happens once; a voice
        of its pitch, which says something else, fits a little beside again and again."""

    @property
    def over(self) -> bool:
        """Compared to its end."""
        return self.done >= len(self.sound)

    @property
    def left(self) -> int:
        """Samples of the prompt that were not compared yet."""
        return len(self.sound) - self.done

    @property
    def dead(self) -> bool:
        """It is not this one any more."""
        return self.lost >= LOST_WINDOWS

    @property
    def share(self) -> float:
        """Of its telling windows those that fit."""
        return self.good / self.told if self.told else 0.0

    @property
    def fit(self) -> float:
        """Mean score of the windows, to a hundredth: what differs by less is equal."""
        return round(self.sum / self.told, 2) if self.told else 0.0

    def follow(self, heard: Samples, first: int) -> None:
        """Compare what is there. `first`: number of the first sample of `heard`."""
        while not self.over and not self.dead:
            end = min(self.done + WINDOW, len(self.sound))
            begin = self.start + self.done - first
            if begin + (end - self.done) + SLACK > len(heard):
                return
            self._compare(self.sound[self.done:end], heard, begin)
            self.done = end

    def _compare(self, wanted: Samples, heard: Samples, begin: int) -> None:
        got = heard[begin: begin + len(wanted)]
        if rms(wanted) < FAINT:
            if rms(got) > 2 * FAINT:
                self.lost += 1
            return
        self.told += 1
        fit = score(wanted, got)
        if fit < WINDOW_SCORE and not self.moved:
            beside, found = best(wanted, heard, begin - SLACK, 2 * SLACK)
            if beside >= HEAD_SCORE:
                self.start += found - begin
                self.moved, fit = True, beside
        elif fit >= WINDOW_SCORE:
            self.moved = False
            self.good_until = self.done + len(wanted)
        self.sum += fit
        if fit >= WINDOW_SCORE:
            self.good += 1
            self.lost = 0
        else:
            self.lost += 1


class Recogniser:
    """Give it sound as it comes; it says what began and what ended."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._sound: Samples = np.zeros(0)
        self._first = 0
        """Number of the first sample that is kept."""
        self._place = 0
        """Sample up to which everything is explained."""
        self._traces: list[_Trace] = []
        self._fallen: list[_Trace] = []
        """Those that began alike and went on otherwise."""

    @property
    def seconds(self) -> float:
        """Sound taken so far."""
        return (self._first + len(self._sound)) / RATE

    @property
    def settled(self) -> float:
        """Seconds up to which nothing more will be found."""
        return min([self._place, *(trace.start for trace in self._traces)]) / RATE

    @property
    def following(self) -> bool:
        """Something that may be a prompt is being heard."""
        return bool(self._traces)

    @property
    def left_s(self) -> tuple[float, float]:
        """The least and the most that is still to come of what may be being heard; zeros when nothing is."""
        left = [trace.left / RATE for trace in self._traces if not trace.dead] or [0.0]
        return min(left), max(left)

    def skip(self, until: float) -> None:
        """What is heard up to there is known and no prompt. Nothing changes while one may be being heard."""
        if not self._traces:
            self._place = max(self._place, min(round(until * RATE), self._first + len(self._sound)))

    def take(self, samples: Samples) -> Iterator[Began | Heard]:
        """More sound."""
        self._sound = np.concatenate((self._sound, samples))
        while True:
            before = self._place, len(self._traces)
            if self._traces:
                yield from self._follow()
            else:
                yield from self._search()
            if (self._place, len(self._traces)) == before:
                break
        self._forget()

    def finish(self) -> Iterator[Heard]:
        """The sound is over: what was being played was cut off."""
        yield from self.take(np.zeros(SLACK + WINDOW))  # type: ignore[misc]
        if self._traces:
            yield self._cut()
            self._traces = []

    # -- beginnings ----------------------------------------------------------------------------------------------------

    def _search(self) -> Iterator[Began]:
        left = self._sound[self._place - self._first:]
        if len(left) < HEAD_S * RATE + LOOK:
            return
        part = thin(left[: FFT * STEP])
        loud = np.flatnonzero(np.abs(part) > QUIET)
        if not len(loud):
            self._place += len(part) * STEP - STEP
            return
        if loud[0] > WINDOW // STEP:  # silence first: begin at the sound
            self._place += int(loud[0] - WINDOW // STEP // 2) * STEP
            return
        scores = self._library.scores(part)
        places = np.flatnonzero(scores.max(axis=0) >= LOOSE_SCORE)
        if not len(places):
            # What is too near to the end for a long beginning is looked at again with more sound.
            self._place += max(0, len(part) - int(HEAD_S * RATE) // STEP - 1) * STEP
            return
        first = int(places[0])
        if first + (NEAR + int(HEAD_S * RATE)) // STEP > len(part):  # not all that begin near it can be seen yet
            if len(part) >= FFT - 1:
                self._place += first * STEP
            return
        near = scores[:, first: first + NEAR // STEP]
        traces = []
        for number in np.flatnonzero(near.max(axis=1) >= LOOSE_SCORE):
            trace = self._exact(self._library.keys[number], self._place + first * STEP)
            if trace is not None:
                traces.append(trace)
        if not traces:
            self._place += (first + 1) * STEP
            return
        self._traces, self._fallen = traces, []
        yield Began(frozenset(trace.key for trace in traces), min(trace.start for trace in traces) / RATE)

    def _exact(self, key: str, place: int) -> _Trace | None:
        """The best place near this one, to the sample (at a quarter of the rate it may be off by periods of the voice);
        None when at the full rate it is not that prompt."""
        sound = self._library.sounds[key]
        fit, found = best(sound[: int(HEAD_S * RATE)], self._sound, place - SLACK - self._first, SLACK + NEAR)
        return _Trace(key, sound, self._first + found) if fit >= HEAD_SCORE else None

    # -- the rest ------------------------------------------------------------------------------------------------------

    def _follow(self) -> Iterator[Began | Heard]:
        for trace in self._traces:
            trace.follow(self._sound, self._first)
        alive = [trace for trace in self._traces if not trace.dead]
        if any(not trace.over for trace in alive):
            if len(alive) < len(self._traces):
                yield Began(frozenset(trace.key for trace in alive), min(trace.start for trace in alive) / RATE)
                self._fallen += [trace for trace in self._traces if trace.dead]
                self._traces = alive
            return
        whole = [trace for trace in alive if trace.share >= AGREED]
        if whole:
            rank = max((trace.fit, len(trace.sound)) for trace in whole)
            yield self._close([trace for trace in whole if (trace.fit, len(trace.sound)) == rank], whole=True)
        else:
            if max(trace.good_until for trace in self._traces) >= HEAD_S * RATE / 2:
                yield self._cut()
            else:
                self._place = min(trace.start for trace in self._traces) + WINDOW
        self._traces = []

    def _cut(self) -> Heard:
        """Those that went about as far as any: windows tell them apart, and one of three fits by chance."""
        furthest = sorted((*self._traces, *self._fallen), key=lambda trace: -trace.good_until)
        least = furthest[0].good_until - LOST_WINDOWS * WINDOW
        return self._close([trace for trace in furthest if trace.good_until >= least], whole=False)

    def _close(self, traces: list[_Trace], *, whole: bool) -> Heard:
        first = traces[0]
        length = len(first.sound) if whole else first.good_until
        # The next one may have begun in the last windows that seemed to fit.
        back = SLACK if whole else BACK
        self._place = max(self._place + STEP, first.start + length - back)
        return Heard(frozenset(trace.key for trace in traces), first.start / RATE, (first.start + length) / RATE, whole)

    def _forget(self) -> None:
        needed = min([self._place, *(trace.start for trace in self._traces)]) - 2 * SLACK
        if needed - self._first >= FORGET:
            self._sound = self._sound[needed - self._first:]
            self._first = needed


def score(wanted: Samples, got: Samples) -> float:
    """How well they fit, -1 to 1; what is nearly silent fits nothing."""
    if len(got) < len(wanted):
        return 0.0
    least = QUIET * QUIET * len(wanted)
    return float(np.dot(wanted, got) / np.sqrt(max(np.dot(got, got), least) * max(np.dot(wanted, wanted), least)))


def best(wanted: Samples, heard: Samples, first: int, more: int) -> tuple[float, int]:
    """The best score at the places from `first` on and `more` beyond, and which place it is."""
    first = max(0, first)
    area = heard[first: first + len(wanted) + more]
    if len(area) < len(wanted):
        return 0.0, first
    product = np.correlate(area, wanted, "valid")
    squares = np.concatenate(([0.0], np.cumsum(area * area)))
    least = QUIET * QUIET * len(wanted)
    energy = np.maximum(squares[len(wanted):] - squares[: len(squares) - len(wanted)], least)
    scores = product / np.sqrt(energy * max(np.dot(wanted, wanted), least))
    at = int(np.argmax(scores))
    return float(scores[at]), first + at


def heard(library: Library, recording: Samples) -> list[Heard]:
    """Every prompt in a recording, in order."""
    recogniser = Recogniser(library)
    return [one for one in (*recogniser.take(recording), *recogniser.finish()) if isinstance(one, Heard)]
