"""Define the table `[callback]`: callbacks to callers, and the parts of a day in which they are promised."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from centres.base_shapes import DAY_MIN, Shape, Span, WallTime, minute_of

DAY_PARTS: tuple[Literal["morning", "noon", "evening"], ...] = ("morning", "noon", "evening")
"""Parts of a day in order."""
PART_MIN = 60
"""Shortest part of a day in minutes. In less, an agent may be free too seldom to keep the promise of a callback."""


def _span_minutes(span: str) -> tuple[int, int]:
    return minute_of(span[:5]), minute_of(span[6:])


class Callback(Shape):
    """[callback]: callbacks to callers."""

    quiet_from: WallTime = "21:00"
    """Start of quiet hours: no callback is dialled unless the caller asked for it."""
    quiet_to: WallTime = "09:00"
    """End of quiet hours; equal to `quiet_from`: no quiet hours."""
    callback_share: Annotated[float, Field(ge=0.05, le=0.5)] = 0.1
    """Share of offers for callbacks of the night or of a chosen time, while live callers wait too."""
    callback_hours: Annotated[float, Field(ge=1, le=168)] = 24.0
    """Hours after which a callback ends that did not reach its caller. With `[sms]` the caller gets a message."""
    callback_dials_per_day: Annotated[int, Field(ge=1, le=50, strict=True)] = 6
    """Limit of dials of one number within 24 hours, for all its callbacks."""
    parts: dict[Literal["morning", "noon", "evening"], Span] = {
        "morning": "09:00-12:00", "noon": "12:00-15:00", "evening": "17:00-20:00"}
    """Parts of a day that a caller may choose; `{}`: no choice."""

    @field_validator("parts", mode="after")
    @classmethod
    def _require_parts(cls, parts: dict[str, str], info: ValidationInfo) -> dict[str, str]:
        # 1. Each part follows the one before it.
        known = [(part, *_span_minutes(parts[part])) for part in DAY_PARTS if part in parts]
        for (earlier, _, before), (part, begins, _) in pairwise(known):
            if begins < before:
                raise ValueError(f"begins '{part}' before '{earlier}' ends; each part of a day follows the last")
        # 2. No part lies in quiet hours, in which nobody is called at a chosen time.
        quiet_from, quiet_to = (minute_of(info.data.get(key, "00:00")) for key in ("quiet_from", "quiet_to"))
        quiet = [] if quiet_from == quiet_to else [(quiet_from, quiet_to)] if quiet_from < quiet_to \
            else [(0, quiet_to), (quiet_from, DAY_MIN)]
        for part, begins, ends in known:
            if any(begins < over and start < ends for start, over in quiet):
                raise ValueError(f"lets '{part}' reach into quiet hours, in which nobody is called; change either")
            if ends - begins < PART_MIN:
                raise ValueError(f"makes '{part}' shorter than {PART_MIN} minutes, too short to keep a promise")
        return parts

    def day_parts(self) -> list[tuple[str, int, int]]:
        """Return the parts of a day in order: name, begin and end in minutes from local midnight."""
        return [(part, *_span_minutes(self.parts[part])) for part in DAY_PARTS if part in self.parts]
