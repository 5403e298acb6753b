"""Quiet hours: when nobody is called back but who wants it. Pure: the moment is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

DAY_MIN = 1440


@dataclass(frozen=True, slots=True)
class Quiet:
    """From `begins` to `ends`, minutes of the day by the clock on the centre's wall; over midnight when `ends` is the
    smaller one. Equal: never."""

    begins: int
    ends: int
    timezone: str = "Europe/Istanbul"

    def until(self, at: float) -> datetime | None:
        """When those hours end that are at `at` (Unix seconds), as the clock on the wall shows it; None: it is not
        quiet then."""
        local = datetime.fromtimestamp(at, ZoneInfo(self.timezone))
        minute = local.hour * 60 + local.minute
        night = self.begins > self.ends
        if night:
            quiet = minute >= self.begins or minute < self.ends
        else:
            quiet = self.begins <= minute < self.ends
        if not quiet:
            return None
        day = local.date() + timedelta(days=1 if night and minute >= self.begins else 0)
        return datetime(day.year, day.month, day.day, *divmod(self.ends, 60), tzinfo=local.tzinfo)

    def edges(self) -> frozenset[int]:
        """Minutes of the day at which something changes."""
        return frozenset() if self.begins == self.ends else frozenset({self.begins, self.ends})
