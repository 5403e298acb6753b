"""Keep the sentences that a caller hears or has heard, for the page of live calls. They are never stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple, Protocol

HEARD_MAX = 20
"""Sentences of a call that are kept, the newest. A caller hears about ten before the queue."""

UNHEARD_S = 0.5
"""A sentence that is cut off earlier was not heard. The dialplan passes over a confirmation if a rule leads away."""


class Sentence(Protocol):
    """A sentence that is played to a caller."""

    @property
    def text(self) -> str:
        """Words of the prompt."""
        ...

    @property
    def language(self) -> str:
        """Language of the words."""
        ...

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        ...


class HeardSentence(NamedTuple):
    """A sentence with the time in which it is heard."""

    at: float
    until: float
    """End of the sound, or the time at which something else began."""
    language: str
    text: str


class HeardSentences:
    """The sentences of one call."""

    def __init__(self) -> None:
        self._heard: deque[HeardSentence] = deque(maxlen=HEARD_MAX)
        self._held_back: list[Sentence] = []
        self._by_dialplan = False
        """Whether the dialplan plays the last sentences."""

    def list_heard(self) -> list[HeardSentence]:
        """Return the sentences in their order."""
        return list(self._heard)

    def add_sentences(self, sentences: Sequence[Sentence], at: float, *, by_dialplan: bool = False) -> None:
        """Add sentences that begin now, or after those that the dialplan plays already."""
        # A dialogue plays one file at a time, so the next one tells that the last one was cut off.
        if by_dialplan and self._by_dialplan and self._heard:
            at = max(at, self._heard[-1].until)
        else:
            self.cut_off(at)
        self._by_dialplan = by_dialplan
        for one in sentences:
            self._heard.append(HeardSentence(at, at + one.seconds, one.language, one.text))
            at += one.seconds

    def hold_back(self, sentences: Sequence[Sentence]) -> None:
        """Keep sentences that confirm a choice, until the service is known. It may be one that nobody watches."""
        self._held_back += sentences

    def release_held(self, at: float) -> None:
        """Add the sentences that were held back."""
        if self._held_back:
            self.add_sentences(self._held_back, at, by_dialplan=True)
            self._held_back = []

    def cut_off(self, at: float) -> None:
        """End what is still heard, because something else begins."""
        while self._heard and self._heard[-1].at > at - UNHEARD_S:
            self._heard.pop()
        if self._heard and self._heard[-1].until > at:
            self._heard[-1] = self._heard[-1]._replace(until=at)
