"""Read recorded calls, the calendar and the opening hours of a centre for planning and reports."""

from __future__ import annotations

import stat
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

from centres.base_shapes import DAY_MIN
from centres.centre_reader import load_centre
from metrics.reports.call_history import ServiceWork, read_history
from metrics.reports.cli import ReportOpening
from metrics.reports.mail import MailPlan
from planning.errors import PlanningError
from planning.simulation.arrivals import PATIENCE_S, CallProfile
from planning.staffing.call_record import CalendarDay, CallRecord, KindOn
from routing.core.model.ids import ServiceId
from santral.centre import config
from santral.errors import BadCentre
from santral.node.state_reader import open_past

SQLITE = "sqlite:///"


def read_record(place: str, centre: Path) -> CallRecord:
    """Return the calls of a state by the clock of a centre. Raise PlanningError if no whole day is recorded."""
    zone = ZoneInfo(config.node_config(centre).settings.centre.timezone)
    with open_past(place) as ask:
        found = read_history(ask, zone)
    if found is None or not found.days:
        raise PlanningError(f"{place}: no whole day is recorded; a forecast needs two weeks")
    return CallRecord(
        {day: {ServiceId(service): counts for service, counts in services.items()}
         for day, services in found.days.items()},
        {ServiceId(service): profile for service, work in found.work.items()
         if (profile := _profile_of(work)) is not None})


def _profile_of(work: ServiceWork) -> CallProfile | None:
    """Return the measured handle time. The patience is the usual one where too few callers gave up."""
    if work.handle is None:
        return None
    mean, deviation = work.handle
    return CallProfile(max(1.0, mean), deviation, max(1.0, work.patience_s or PATIENCE_S))


def read_calendar(centre: Path) -> KindOn:
    """Return the calendar of a centre."""
    calendar = config.node_config(centre).settings.calendar

    def kind_on(at: date) -> CalendarDay:
        day = calendar.day_of(at)
        return CalendarDay(day.kind, day.name)

    return kind_on


def read_mail_plan(centre: Path, settings: Path | None, state: Path) -> MailPlan:
    """Return where reports go by mail. Raise BadCentre if the centre names nobody, and SantralError for a bad file."""
    loaded = load_centre(centre, settings)
    if loaded.settings is None:
        raise BadCentre("\n".join(map(str, loaded.problems)))
    wanted, server = loaded.settings.reports, loaded.settings.mail
    if not wanted.to or server.server is None or server.sender is None:
        raise BadCentre(f"{loaded.where('reports')}: nobody gets reports; write 'to' into [reports]")
    host, _, port = server.server.rpartition(":")
    password = "" if server.password_file is None else _read_password(
        Path(server.password_file), loaded.where("mail", "password_file"))
    return MailPlan(wanted.to, server.sender, host.strip("[]"), int(port), server.tls, server.user or "", password,
                    _place_of(loaded.settings.store.url, state))


def _read_password(file: Path, place: str) -> str:
    """Return the password of the mail server. Raise BadCentre if the file is unreadable, or readable by anybody."""
    try:
        # Alertmanager reads the file too, so its group may read it.
        if stat.S_IMODE(file.stat().st_mode) & stat.S_IRWXO:
            raise BadCentre(f"{place}: {file} is open to everybody. Close it: chmod o= {file}")
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadCentre(f"{place}: the password cannot be read from {file}: {error}. The node's user must be able to "
                        "read it") from error


def _place_of(url: str, state: Path) -> str:
    """Return the place of a node's record. A relative SQLite path is inside the state folder."""
    return str(state / url.removeprefix(SQLITE)) if url.startswith(SQLITE) else url


def read_opening(centre: Path) -> ReportOpening:
    """Return the opening hours of a centre for its reports. Only its settings must be valid."""
    settings = load_centre(centre).settings
    if settings is None:
        return ReportOpening("", lambda _: ())

    def spans_on(at: date) -> tuple[tuple[int, int], ...]:
        spans = settings.hours.spans_on(settings.calendar.day_of(at))
        return () if spans == ((0, DAY_MIN),) else spans

    return ReportOpening(settings.hours.closed or "", spans_on)
