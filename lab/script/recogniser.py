"""Recognition of prompts in a stream of sound. It reports the prompts that begin and end.

A prompt is found by its first half second (normalised correlation with every prompt). All prompts that begin like that
are followed window by window, and those that continue differently are dropped. The last complete prompt was heard:
whole, or cut off where the sound continued differently.

Measured through A-law with the 970 prompts of two languages in random order, often without a pause and three in ten cut
off. 697 of 700 were recognised. The other three were cut where a shorter prompt with the same beginning ends. The cost
is 60 ms of CPU for a second of sound, with 1,460 prompts.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from lab.phones.audio import QUIET_LEVEL, RATE, Samples, root_mean_square
from lab.script.prompt_library import FFT, HEAD_S, STEP, PromptLibrary, downsample_sound

CLEAR_SCORE = 0.7
"""Score from which a place is examined with every prompt that begins like it. Most beginnings reach 0.9."""
LOOSE_SCORE = 0.5
"""Score from which a beginning may be examined at all. At a quarter of the rate its place is off by up to two samples,
and "saat" then reaches 0.58: its vowel is nearly too high for that rate."""
LOOSE_MAX = 8
"""Most beginnings of a loose score that are examined in a piece of sound, the best first. Of 1,460 prompts hundreds
reach it by chance, and all of them took 6 s of CPU."""
ALIKE = 0.15
"""Prompts that begin alike differ by less than this in their score at one place."""
HEAD_SCORE = 0.9
"""Score from which a beginning is accepted at the full rate. A prompt reaches 0.99 through A-law."""
WINDOW = RATE // 20
"""Samples of a window of 50 ms, the step in which a prompt is followed."""
WINDOW_SCORE = 0.75
"""Score from which a window belongs to the prompt. Its own windows reach 0.97, except where they are nearly silent."""
LOST_WINDOWS = 3
"""Consecutive windows that do not fit, after which the prompt was cut off or was a different one."""
FAINT = 4 * QUIET_LEVEL
"""Level below which a window of a prompt says nothing by its form. The heard window must only not be loud."""
BACK_SAMPLES = 8 * WINDOW
"""Samples before the end of a cut-off prompt where the search for the next one begins.

The first words of the next prompt may fit by chance, because the same voice speaks them.
"""
SLACK_SAMPLES = RATE // 50
"""Samples around its place in which a window is searched. A late packet moves the rest by 20 ms."""
AGREED = 0.9
"""Least share of fitting windows among the telling ones of a heard prompt."""
NEAR_SAMPLES = RATE // 8
"""Samples after the first fit within which beginnings may be the same one, 125 ms. Each prompt takes its best place
there."""
LOOK_SAMPLES = RATE // 8
"""New sound between two searches for a beginning. A search costs some milliseconds, however little is new."""
FORGET_SAMPLES = RATE
"""Explained sound is dropped a second at a time. Unexplained sound is never longer than the longest prompt."""


class PromptBegan(NamedTuple):
    """A prompt begins, or one that begins like it. Seconds count from the first sample."""

    keys: frozenset[str]
    at: float


class PromptHeard(NamedTuple):
    """A prompt was played."""

    keys: frozenset[str]
    """Several keys if the prompts cannot be told apart.

    The catalogue has the same sentence twice, or the prompt was cut off too early to be known.
    """
    began: float
    ended: float
    whole: bool
    """False if the prompt was cut off."""


class _PromptTrace:
    """A prompt that may be the one that is heard."""

    def __init__(self, key: str, sound: Samples, start: int) -> None:
        self.key, self.sound, self.start = key, sound, start
        self.done = 0
        """Samples of the prompt that were compared."""
        self.good = self.scored_windows = self.lost = 0
        self.sum = 0.0
        self.good_until = 0
        """Samples of the prompt up to the end of the last window that fitted in its place."""
        self.moved = False
        """True if the last fitting window was a little off its place, because a packet was late.

        That happens once. Other words in a voice of the same pitch fit a little off their place again and again.
        """

    @property
    def is_complete(self) -> bool:
        """Whether the prompt was compared to its end."""
        return self.done >= len(self.sound)

    @property
    def left(self) -> int:
        """Samples of the prompt that were not compared yet."""
        return len(self.sound) - self.done

    @property
    def dead(self) -> bool:
        """Whether the sound is no longer this prompt."""
        return self.lost >= LOST_WINDOWS

    @property
    def share(self) -> float:
        """Share of the telling windows that fit."""
        return self.good / self.scored_windows if self.scored_windows else 0.0

    @property
    def fit(self) -> float:
        """Mean score of the windows, rounded to a hundredth so that smaller differences are equal."""
        return round(self.sum / self.scored_windows, 2) if self.scored_windows else 0.0

    def compare_sound(self, heard: Samples, first: int) -> None:
        """Compare the prompt with the heard sound. `first` is the number of the first sample of `heard`."""
        while not self.is_complete and not self.dead:
            end = min(self.done + WINDOW, len(self.sound))
            # A window waits until the slack behind it is there too.
            begin = self.start + self.done - first
            if begin + (end - self.done) + SLACK_SAMPLES > len(heard):
                return
            self._compare_window(self.sound[self.done:end], heard, begin)
            self.done = end

    def _compare_window(self, wanted: Samples, heard: Samples, begin: int) -> None:
        got = heard[begin: begin + len(wanted)]
        # 1. A nearly silent window only has to stay quiet.
        if root_mean_square(wanted) < FAINT:
            if root_mean_square(got) > 2 * FAINT:
                self.lost += 1
            return
        # 2. Compare in place, then a little off it: a late packet moves the rest.
        self.scored_windows += 1
        fit = correlation_score(wanted, got)
        if fit < WINDOW_SCORE and not self.moved:
            beside, found = best_offset(wanted, heard, begin - SLACK_SAMPLES, 2 * SLACK_SAMPLES)
            if beside >= HEAD_SCORE:
                self.start += found - begin
                self.moved, fit = True, beside
        elif fit >= WINDOW_SCORE:
            self.moved = False
            self.good_until = self.done + len(wanted)
        # 3. Count the window.
        self.sum += fit
        if fit >= WINDOW_SCORE:
            self.good += 1
            self.lost = 0
        else:
            self.lost += 1


class PromptRecogniser:
    """Turn sound into beginnings and ends of prompts as it comes."""

    def __init__(self, library: PromptLibrary) -> None:
        self._library = library
        self._sound: Samples = np.zeros(0)
        self._first = 0
        """Number of the first sample that is kept."""
        self._place = 0
        """Sample at which the search goes on."""
        self._explained = 0
        """Sample up to which the sound is known. No prompt that is found later may begin before it."""
        self._traces: list[_PromptTrace] = []
        self._fallen: list[_PromptTrace] = []
        """Prompts that began alike and continued differently."""

    @property
    def seconds(self) -> float:
        """Seconds of sound taken so far."""
        return (self._first + len(self._sound)) / RATE

    @property
    def settled(self) -> float:
        """Seconds up to which nothing more will be found."""
        return min([self._place, *(trace.start for trace in self._traces)]) / RATE

    @property
    def following(self) -> bool:
        """Whether a possible prompt is being heard."""
        return bool(self._traces)

    @property
    def left_s(self) -> tuple[float, float]:
        """Least and most seconds that possible prompts still have to come, zeros if there are none."""
        left = [trace.left / RATE for trace in self._traces if not trace.dead] or [0.0]
        return min(left), max(left)

    def skip_sound(self, until: float) -> None:
        """Skip sound up to `until`, because it is known and no prompt. Do nothing while a possible prompt is heard."""
        if not self._traces:
            self._place = max(self._place, min(round(until * RATE), self._first + len(self._sound)))
            self._explained = max(self._explained, self._place)

    def take_sound(self, samples: Samples) -> Iterator[PromptBegan | PromptHeard]:
        """Yield the beginnings and ends in new sound."""
        self._sound = np.concatenate((self._sound, samples))
        # Go on until nothing moves: one prompt may end and the next begin within the same sound.
        while True:
            before = self._place, len(self._traces)
            if self._traces:
                yield from self._follow_traces()
            else:
                yield from self._search_beginning()
            if (self._place, len(self._traces)) == before:
                break
        self._drop_old_sound()

    def finish_sound(self) -> Iterator[PromptHeard]:
        """Yield the prompt that the end of the sound cut off, if any."""
        # Silence of this length lets the last window be compared.
        yield from self.take_sound(np.zeros(SLACK_SAMPLES + WINDOW))  # type: ignore[misc]
        if self._traces:
            yield self._report_cut_off()
            self._traces = []

    # -- beginnings ----------------------------------------------------------------------------------------------------

    def _search_beginning(self) -> Iterator[PromptBegan]:
        # 1. Wait for enough new sound, and skip silence.
        left = self._sound[self._place - self._first:]
        if len(left) < HEAD_S * RATE + LOOK_SAMPLES:
            return
        part = downsample_sound(left[: FFT * STEP])
        # At the full rate: an "s" is too high for the divided one, and many a prompt begins with it.
        loud = np.flatnonzero(np.abs(left[: len(part) * STEP]) > QUIET_LEVEL)
        if not len(loud):
            self._place += len(part) * STEP - STEP
            return
        if loud[0] > WINDOW:  # silence first: begin at the sound
            self._place += int(loud[0] - WINDOW // 2)
            return
        # 2. Find the first place at which some prompt's beginning fits loosely.
        scores = self._library.beginnings.score_places(part)
        places = np.flatnonzero(scores.max(axis=0) >= CLEAR_SCORE)
        clear = int(places[0]) if len(places) else len(part)
        first = self._find_loose(scores[:, :clear])
        if first is None and not len(places):
            if traces := self._find_damaged(part):
                yield self._begin_traces(traces)
                return
            # A place too near to the end for a long beginning is searched again with more sound.
            self._place += max(0, len(part) - int(HEAD_S * RATE) // STEP - 1) * STEP
            return
        first = clear if first is None else first
        if first + (NEAR_SAMPLES + int(HEAD_S * RATE)) // STEP \
                > len(part):  # some beginnings near it need more sound
            if len(part) >= FFT - 1:
                self._place += first * STEP
            return
        # 3. Locate every such prompt exactly, at the full rate.
        near = scores[:, first: first + NEAR_SAMPLES // STEP].max(axis=1)
        traces = []
        for number in np.flatnonzero(near >= max(LOOSE_SCORE, np.max(near) - ALIKE)):
            trace = self._locate_exactly(self._library.beginnings.keys[number], self._place + first * STEP)
            if trace is not None:
                traces.append(trace)
        if not traces:
            self._place += (first + 1) * STEP
            return
        yield self._begin_traces(traces)

    def _find_loose(self, scores: Samples) -> int | None:
        """Return the first place of a beginning that fits loosely here and exactly at the full rate, or None."""
        if not scores.shape[1]:
            return None
        best = scores.max(axis=1)
        found = []
        for number in np.argsort(-best)[:LOOSE_MAX]:
            place = int(np.argmax(scores[number]))
            if best[number] >= LOOSE_SCORE and self._locate_exactly(
                    self._library.beginnings.keys[number], self._place + place * STEP - SLACK_SAMPLES) is not None:
                found.append(max(0, place - SLACK_SAMPLES // STEP))
        return min(found, default=None)

    def _begin_traces(self, traces: list[_PromptTrace]) -> PromptBegan:
        self._traces, self._fallen = traces, []
        return PromptBegan(frozenset(trace.key for trace in traces), min(trace.start for trace in traces) / RATE)

    def _find_damaged(self, part: Samples) -> list[_PromptTrace]:
        """Return the prompts whose second half second is in a part of the sound.

        Their first one was not found, because a packet is missing in it. All of it is compared as that of any other.
        """
        head, traces = int(HEAD_S * RATE), list[_PromptTrace]()
        scores = self._library.seconds.score_places(part)
        for number in np.flatnonzero(scores.max(axis=1, initial=0.0) >= LOOSE_SCORE):
            key = self._library.seconds.keys[number]
            sound = self._library.sounds[key]
            place = self._place + int(np.argmax(scores[number])) * STEP - self._first
            fit, found = best_offset(sound[head: 2 * head], self._sound, place - SLACK_SAMPLES, 2 * SLACK_SAMPLES)
            start = self._first + found - head
            if fit >= HEAD_SCORE and start >= max(self._explained, self._first):
                traces.append(_PromptTrace(key, sound, start))
        return traces

    def _locate_exactly(self, key: str, place: int) -> _PromptTrace | None:
        """Locate a prompt near a place to the sample. Return None if the full rate does not confirm it.

        At a quarter of the rate the place may be off by periods of the voice.
        """
        sound = self._library.sounds[key]
        fit, found = best_offset(sound[: int(HEAD_S * RATE)], self._sound, place - SLACK_SAMPLES - self._first,
                                 SLACK_SAMPLES + NEAR_SAMPLES)
        return _PromptTrace(key, sound, self._first + found) if fit >= HEAD_SCORE else None

    # -- the rest ------------------------------------------------------------------------------------------------------

    def _follow_traces(self) -> Iterator[PromptBegan | PromptHeard]:
        # 1. Compare every possible prompt with the new sound. Report when fewer remain.
        for trace in self._traces:
            trace.compare_sound(self._sound, self._first)
        alive = [trace for trace in self._traces if not trace.dead]
        if any(not trace.is_complete for trace in alive):
            if len(alive) < len(self._traces):
                yield PromptBegan(frozenset(trace.key for trace in alive), min(trace.start for trace in alive) / RATE)
                self._fallen += [trace for trace in self._traces if trace.dead]
                self._traces = alive
            return
        # 2. All that remain are complete, so the best fit was heard. The longer prompt wins a tie.
        whole = [trace for trace in alive if trace.share >= AGREED]
        if whole:
            rank = max((trace.fit, len(trace.sound)) for trace in whole)
            yield self._report_heard([trace for trace in whole if (trace.fit, len(trace.sound)) == rank], whole=True)
        # 3. None remains: a prompt was cut off, or the beginning was no prompt.
        else:
            if max(trace.good_until for trace in self._traces) >= HEAD_S * RATE / 2:
                yield self._report_cut_off()
            else:
                self._place = min(trace.start for trace in self._traces) + WINDOW
                self._explained = max(self._explained, self._place)
        self._traces = []

    def _report_cut_off(self) -> PromptHeard:
        """Report the prompts that got about as far as the furthest one.

        Windows tell them apart, and one window of three fits by chance.
        """
        furthest = sorted((*self._traces, *self._fallen), key=lambda trace: -trace.good_until)
        least = furthest[0].good_until - LOST_WINDOWS * WINDOW
        return self._report_heard([trace for trace in furthest if trace.good_until >= least], whole=False)

    def _report_heard(self, traces: list[_PromptTrace], *, whole: bool) -> PromptHeard:
        first = traces[0]
        length = len(first.sound) if whole else first.good_until
        # The next prompt may have begun in the last windows that seemed to fit. A prompt that is cut off in its last
        # windows counts as whole, and the next one begins before its end.
        back = SLACK_SAMPLES if whole else BACK_SAMPLES
        self._place = max(self._place + STEP, first.start + min(length, first.good_until) - back)
        self._explained = self._place
        return PromptHeard(frozenset(trace.key for trace in traces), first.start / RATE,
                           (first.start + length) / RATE, whole)

    def _drop_old_sound(self) -> None:
        needed = min([self._place, *(trace.start for trace in self._traces)]) - 2 * SLACK_SAMPLES \
            - int(HEAD_S * RATE)
        if needed - self._first >= FORGET_SAMPLES:
            self._sound = self._sound[needed - self._first:]
            self._first = needed


def correlation_score(wanted: Samples, got: Samples) -> float:
    """Return how well two sounds fit, -1 to 1. Nearly silent sound fits nothing."""
    if len(got) < len(wanted):
        return 0.0
    least = QUIET_LEVEL * QUIET_LEVEL * len(wanted)
    return float(np.dot(wanted, got) / np.sqrt(max(np.dot(got, got), least) * max(np.dot(wanted, wanted), least)))


def best_offset(wanted: Samples, heard: Samples, first: int, more: int) -> tuple[float, int]:
    """Return the best score at the places from `first` to `first + more`, and its place."""
    first = max(0, first)
    area = heard[first: first + len(wanted) + more]
    if len(area) < len(wanted):
        return 0.0, first
    product = np.correlate(area, wanted, "valid")
    squares = np.concatenate(([0.0], np.cumsum(area * area)))
    least = QUIET_LEVEL * QUIET_LEVEL * len(wanted)
    energy = np.maximum(squares[len(wanted):] - squares[: len(squares) - len(wanted)], least)
    scores = product / np.sqrt(energy * max(np.dot(wanted, wanted), least))
    at = int(np.argmax(scores))
    return float(scores[at]), first + at


def find_prompts(library: PromptLibrary, recording: Samples) -> list[PromptHeard]:
    """Return every prompt in a recording, in order."""
    recogniser = PromptRecogniser(library)
    return [one for one in (*recogniser.take_sound(recording), *recogniser.finish_sound())
            if isinstance(one, PromptHeard)]
