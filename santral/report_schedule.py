"""Mail the report of the day before, on the days and at the time of `[reports]`.

The node starts `santral report mail` as a process of low priority. Reading a day takes seconds of a processor, and the
calls of the node must not wait for that.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from centres.base_shapes import DAYS
from centres.settings import Settings

log = structlog.get_logger()

RUN_S = 1_800.0
"""Limit of one report with its mail. Three tries at a silent server take two minutes."""
LONGEST_SLEEP_S = 60.0
"""Longest sleep. The wall clock may be set, and a reload may change the time."""
LOW_PRIORITY = ("nice", "-n", "15")


def mail_command(centre: Path, overlay: Path | None, state: Path) -> list[str]:
    """Return the command that mails the report of yesterday."""
    return [*LOW_PRIORITY, sys.executable, "-m", "santral", "report", "mail", str(state), "--centre", str(centre),
            *(["--settings", str(overlay)] if overlay is not None else [])]


def next_mail(settings: Settings, at: float) -> float | None:
    """Return the next time after `at` at which a report is due, Unix seconds, or None if nobody gets one."""
    wanted, zone = settings.reports, ZoneInfo(settings.centre.timezone)
    if not wanted.to:
        return None
    today, clock = datetime.fromtimestamp(at, zone).date(), time.fromisoformat(wanted.at)
    # The same weekday comes again after seven days at the latest.
    return next((due for ahead in range(8) if DAYS[(day := today + timedelta(days=ahead)).weekday()] in wanted.days
                 and (due := datetime.combine(day, clock, zone).timestamp()) > at), None)


class ReportSchedule:
    """The mails of one node. `settings` returns those in force, because a reload may change them."""

    def __init__(self, settings: Callable[[], Settings], command: Sequence[str], clock: Callable[[], float]) -> None:
        self._settings, self._command, self._clock = settings, command, clock

    async def run_days(self) -> None:
        """Send each report at its time, until cancelled. The wall clock is read again after `LONGEST_SLEEP_S`."""
        due = next_mail(self._settings(), self._clock())
        while True:
            wait = LONGEST_SLEEP_S if due is None else max(0.0, due - self._clock())
            await asyncio.sleep(min(LONGEST_SLEEP_S, wait))
            now = self._clock()
            if due is not None and now >= due:
                await self.send_once()
            due = next_mail(self._settings(), max(now, self._clock()))

    async def send_once(self) -> None:
        """Run the command once and log how it ended. Its words go to the log only if it failed."""
        process = await asyncio.create_subprocess_exec(*self._command, stdin=asyncio.subprocess.DEVNULL,
                                                       stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
        try:
            said, _ = await asyncio.wait_for(process.communicate(), RUN_S)
        except TimeoutError:
            log.error("report.mail_failed", why=f"not sent within {RUN_S:.0f} s")
            return
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            log.error("report.mail_failed", why=said.decode("utf-8", "replace").strip()[-500:])
        else:
            log.info("report.mailed")
