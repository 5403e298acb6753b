"""Say that all that is said is true at the moment it is said."""

from __future__ import annotations

from collections.abc import Iterator

from tests.callers_side.invariants.standing import Lasts
from tests.callers_side.observations import Seen
from tests.callers_side.scene import Scene

SETTLED_S = 5.0
"""Time for which people must have sat idle before a told wait is called untrue next to them."""


def nobody_unserved_is_told_a_wait(scene: Scene, seen: Seen) -> Iterator[str]:
    """Nobody is told a wait by a house in which nobody works on that wait.

    All who may serve the caller sit free, and none of them is rung: their getting free cannot be what is waited for.
    """
    if seen.what != "hears" or seen.words not in ("wait", "wait more"):
        return
    caller = scene.callers.get(seen.who)
    if caller is None or not caller.in_line or caller.rings:
        return
    fit = [one for one in scene.agents.values() if caller.line in one.perhaps and one.signed_in]
    if not fit:
        yield f"{seen.who} is told a wait of {seen.n:g} min, and nobody who may serve {caller.line} is at work"
    elif all((since := one.free_since()) is not None and since + SETTLED_S <= seen.at for one in fit):
        yield (f"{seen.who} is told a wait of {seen.n:g} min, while {fit[0].name} and all others who may serve "
               f"{caller.line} sit free")


def a_told_place_counts_people_who_wait(scene: Scene, seen: Seen) -> Iterator[str]:
    """A told place is not above the number of people who wait in that line."""
    if seen.what != "hears" or seen.words != "place":
        return
    caller = scene.callers.get(seen.who)
    if caller is not None and (there := len(scene.waiting_on(caller.line))) < seen.n:
        yield f"{seen.who} is told place {seen.n:g}, and {there} people wait there"


def no_wait_is_told_while_nobody_can_be_connected(scene: Scene, seen: Seen) -> Iterator[str]:
    """No wait is told while the house cannot connect anybody."""
    if seen.what == "hears" and seen.words in ("wait", "wait more") \
            and (caller := scene.callers.get(seen.who)) is not None and caller.aside == "link":
        yield f"{seen.who} is told a wait of {seen.n:g} min, and the house can connect nobody now"


def nobody_is_offered_after_good_bye(scene: Scene, seen: Seen) -> Iterator[str]:
    """No phone rings for a caller who has heard good-bye."""
    if seen.what == "rings" and (caller := scene.callers.get(seen.about)) is not None and caller.sent_away:
        yield f"{seen.who} is rung for {seen.about}, who has heard good-bye"


def nobody_is_promised_a_call_in_quiet_hours(scene: Scene, seen: Seen) -> Iterator[str]:
    """Nobody is promised a call until a time that is over, or within hours in which nobody is called."""
    if seen.what == "hears" and seen.words == "promised for" and not (seen.at < seen.n < float("inf")):
        yield f"{seen.who} is promised a call until a time that never comes"


def the_house_answers(scene: Scene, seen: Seen) -> Iterator[str]:
    """The house never stops answering."""
    if seen.what == "broke":
        yield f"the house fails: {seen.words}"


def somebody_in_distress_is_not_sent_away_by_a_change(scene: Scene) -> Iterator[Lasts]:
    """A line that becomes a crisis line keeps nobody whom it has sent away before."""
    for caller in scene.callers.values():
        if caller.sent_away and caller.waits and caller.line in scene.distress and not caller.rings:
            free = scene.free_for(caller.line)
            if free:
                yield Lasts((caller.name,), 60.0, f"{caller.name} was sent away from {caller.line}, which is a crisis "
                            f"line now, and {free[0].name} is free", free[0].rests_until)


MOMENTS = (nobody_unserved_is_told_a_wait, a_told_place_counts_people_who_wait,
           no_wait_is_told_while_nobody_can_be_connected, nobody_is_offered_after_good_bye,
           nobody_is_promised_a_call_in_quiet_hours, the_house_answers)
STANDING = (somebody_in_distress_is_not_sent_away_by_a_change,)
