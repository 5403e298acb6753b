"""Tell in which hours no callback is dialled, unless the caller wants it. No I/O: the moment is an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

DAY_MIN = 1440


@dataclass(frozen=True, slots=True)
class QuietHours:
    """Hours from `begins` to `ends`, in minutes of the day by the centre's wall clock.

    The hours pass midnight if `ends` is smaller. Equal values mean no quiet hours.
    """

    begins: int
    ends: int
    timezone: str = "Europe/Istanbul"

    def end_at(self, at: float) -> datetime | None:
        """Return the end of the quiet hours that include `at` (Unix seconds), as wall clock time.

        Return None if `at` is not in quiet hours.
        """
        local = datetime.fromtimestamp(at, ZoneInfo(self.timezone))
        minute = local.hour * 60 + local.minute
        night = self.begins > self.ends
        if night:
            quiet = minute >= self.begins or minute < self.ends
        else:
            quiet = self.begins <= minute < self.ends
        if not quiet:
            return None
        # Before midnight the quiet hours end on the next day, after midnight on the same day.
        day = local.date() + timedelta(days=1 if night and minute >= self.begins else 0)
        return datetime(day.year, day.month, day.day, *divmod(self.ends, 60), tzinfo=local.tzinfo)

    def change_minutes(self) -> frozenset[int]:
        """Return the minutes of the day at which quiet hours begin or end."""
        return frozenset() if self.begins == self.ends else frozenset({self.begins, self.ends})
