"""Say that a promise is kept, or taken back in words."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf

from tests.callers_side.invariants.standing import Lasts
from tests.callers_side.observations import Seen
from tests.callers_side.scene import Scene

WORDS_S = 60.0
"""Time in which a caller hears that a wait lasts longer: the sentences of two rounds, and the pause between them."""

RINGS_S = 60.0
"""A call that was promised until a time may ring at its end."""


def a_told_wait_is_kept_or_told_anew(scene: Scene) -> Iterator[Lasts]:
    """A caller who was told a wait is served within it, or is told again."""
    for caller in scene.told.values():
        if not caller.rings:
            yield Lasts((caller.name, caller.told_words), WORDS_S,
                        f"{caller.name} was told a wait of {caller.told_words}, which is over, and hears nothing new",
                        caller.told_until)


def a_promised_call_comes_or_is_taken_back(scene: Scene) -> Iterator[Lasts]:
    """A caller who was promised a call until a time is called by then, or hears that it is not so."""
    for caller in scene.promised.values():
        if caller.promised_by < inf and not caller.was_dialled:
            yield Lasts((caller.name,), RINGS_S, f"{caller.name} was promised a call, and nobody has called",
                        caller.promised_by)


def a_promise_is_not_forgotten(scene: Scene, seen: Seen) -> Iterator[str]:
    """A caller who was promised a call is not dropped without a call or a word."""
    if seen.what == "gone" and seen.words == "forgotten" and seen.who in scene.promised \
            and not scene.callers[seen.who].was_dialled:
        yield f"{seen.who} was promised a call, and is forgotten without one"


def a_told_place_never_grows(scene: Scene, seen: Seen) -> Iterator[str]:
    """A caller who was told a place is never told a later one of the same line."""
    if seen.what == "hears" and seen.words == "place" and (caller := scene.callers.get(seen.who)) is not None \
            and 0 < caller.place < seen.n:
        yield f"{seen.who} was told place {caller.place}, and now {seen.n:g}"


MOMENTS = (a_promise_is_not_forgotten, a_told_place_never_grows)
STANDING = (a_told_wait_is_kept_or_told_anew, a_promised_call_comes_or_is_taken_back)
