"""Keep callbacks from being a weapon: limit the dials of one number, and stop after two refusals.

Both count over the last day, by the keyed hash of the number that is dialled, whoever asked for the callbacks. A number
that has been dialled `Centre.callback_dials_per_day` times rests until the oldest dial is a day old. A number whose
owner has refused twice gets no callback for a day.
"""

from __future__ import annotations

from routing.core.domain import Domain
from routing.core.memory.callers import CallbackCall

DAY_S = 86_400.0

REFUSALS_MAX = 2
"""Refusals after which a number is left alone for a day. The first may be a mistake of the key."""


def note_dial(d: Domain, caller_hash: str) -> None:
    """Note that a number is dialled now."""
    _note_call(d, caller_hash, refused=False)


def note_refusal(d: Domain, caller_hash: str) -> None:
    """Note that the owner of a number refuses the callback now."""
    _note_call(d, caller_hash, refused=True)


def is_left_alone(d: Domain, caller_hash: str) -> bool:
    """Return whether the owner of a number has refused so often that it gets no callback today."""
    return sum(call.refused for call in _calls_today(d, caller_hash)) >= REFUSALS_MAX


def next_dial_at(d: Domain, caller_hash: str) -> float:
    """Return the earliest time at which a number may be dialled again, or 0 if it may be dialled now."""
    dials = [call.at for call in _calls_today(d, caller_hash) if not call.refused]
    most = d.centre.callback_dials_per_day
    return 0.0 if len(dials) < most else dials[-most] + DAY_S


def _note_call(d: Domain, caller_hash: str, *, refused: bool) -> None:
    if caller_hash:
        d.caller_memory.callback_calls.set_value(
            caller_hash, (*_calls_today(d, caller_hash), CallbackCall(caller_hash, d.now, refused)))


def _calls_today(d: Domain, caller_hash: str) -> tuple[CallbackCall, ...]:
    # The oldest are forgotten at the next note, so a number has at most as many entries as a day allows.
    return tuple([call for call in d.caller_memory.callback_calls.get(caller_hash) or () if call.at > d.now - DAY_S])
