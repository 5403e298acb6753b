"""Describe a key of an agent during a talk, as far as the dialplan needs it, and check a set of keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Protocol

RECORDING_PAUSE, EXTEND = "recording-pause", "extend"
EXTENSIONS = {RECORDING_PAUSE: "santral-record,keys", EXTEND: "santral-talk-limit,extend"}
"""Keys with a separate extension. A recording ends if the node does not answer. The limit of a talk needs no node."""

DIGITS_MAX = 11
"""Longest feature code of Asterisk (`FEATURE_MAX_LEN` in `features_config.c`)."""

_DIGITS = re.compile(r"[*#][0-9*#]+\Z", re.ASCII)
_NAME = re.compile(r"[a-z][a-z_-]{1,39}\Z", re.ASCII)


class InCallKey(Protocol):
    """A key of an agent during a talk."""

    @property
    def digits(self) -> str:
        """The keys, such as `*1`."""

    @property
    def name(self) -> str:
        """Extension of `[santral-keys]`, and first argument of `agi://node/in-call-key`."""

    @property
    def feature(self) -> str:
        """Name in `features.conf` and DYNAMIC_FEATURES."""

    @property
    def asks_number(self) -> bool:
        """Whether the agent keys in a number afterwards."""


def check_keys(keys: Sequence[InCallKey]) -> Iterable[str]:
    """Yield a sentence for each key that Asterisk would not take, or would mistake for another."""
    for key in keys:
        if not _DIGITS.match(key.digits) or len(key.digits) > DIGITS_MAX:
            yield f"key {key.digits!r}: * or #, and then up to {DIGITS_MAX - 1} digits, * and #"
        if not _NAME.match(key.name) or not _NAME.match(key.feature):
            yield f"key {key.digits}: its names {key.name!r} and {key.feature!r} need small letters, - and _ only"
        for other in keys:
            if other is not key and other.digits.startswith(key.digits):
                yield f"key {key.digits}: {other.digits} begins with it and could not be pressed"
            if other is not key and key.name == other.name:
                yield f"key {key.digits}: {other.digits} has the same name {key.name!r}"
