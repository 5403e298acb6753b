"""Define the table `[reports]`: the report of a day by mail."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from centres.alerts import People
from centres.base_shapes import Shape, WallTime

DayName = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


class Reports(Shape):
    """[reports]: the report of the day before, by mail."""

    to: People = ()
    """Addresses; left out: no mail. Needs `[mail]`."""
    days: Annotated[tuple[DayName, ...], Field(min_length=1)] = ("monday", "tuesday", "wednesday", "thursday", "friday")
    """Days on which it is sent."""
    at: WallTime = "07:00"
    """Time at which it is sent."""
