"""Tell an agent in words what is stored about them. Reasons are stored nowhere, so none is shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from desk.api.models import OwnNeeds
from desk.api.own_models import AccessLog


class OwnProfile(NamedTuple):
    """Stored values of an agent, each with its name, in one language."""

    own: bool
    """Something is stored for this agent. Otherwise the rows are those of everybody."""
    rows: tuple[tuple[str, str], ...]
    review_at: str | None
    shown: tuple[str, ...] = ()
    """One line for each time at which somebody saw the records, or a rule was set aside."""


def describe_profile(needs: OwnNeeds, words: Mapping[str, str], services: Mapping[str, str]) -> OwnProfile:
    """Return what is in force for an agent today, in words."""
    entries = [one for one in needs.entries if one.in_force]
    own = {name: value for one in entries for name, value in one.needs.items()}
    rows = tuple((words.get(f"need.{name}", name), _write_value(value, words, services))
                 for name, value in (own or needs.everybody).items())
    return OwnProfile(bool(own), rows, next((one.review_at for one in entries if one.review_at), None))


def value_in_force(needs: OwnNeeds, name: str, default: str) -> str:
    """Return a value that is in force for the agent: an own one, else that of everybody, else the default."""
    own = {key: value for one in needs.entries if one.in_force for key, value in one.needs.items()}
    return str(own.get(name, needs.everybody.get(name, default)))


def describe_access(log: AccessLog, words: Mapping[str, str], zone: ZoneInfo) -> tuple[str, ...]:
    """Return who saw the records of an agent and which rules were set aside, newest first, one line each."""
    def write_moment(at: datetime, *, day: bool = True) -> str:
        local = at.astimezone(zone)
        clock = words["time"].format(h=f"{local.hour:02}", m=f"{local.minute:02}")
        return f"{local:%d.%m.%Y} {clock}" if day else clock

    found = [(moment, words["profile.seen"].format(time=write_moment(moment), who=one.who))
             for one in log.shown if one.what == "needs" for moment in (datetime.fromisoformat(one.at),)]
    for rule in log.rules:
        moment = datetime.fromtimestamp(rule.at, zone)
        found.append((moment, words["profile.set_aside"].format(
            time=write_moment(moment), who=words["profile.ceiling"] if rule.by == "ceiling" else rule.by,
            rule=words.get(f"rule.{rule.rule}", rule.rule),
            until=write_moment(datetime.fromtimestamp(rule.until, zone), day=False))))
    return tuple(line for _, line in sorted(found, reverse=True))


def _write_value(value: Any, words: Mapping[str, str], services: Mapping[str, str]) -> str:
    if isinstance(value, bool):
        return words["profile.yes" if value else "profile.no"]
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{_write_value(name, words, services)}: {_write_value(one, words, services)}"
                         for name, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(_write_value(one, words, services) for one in value) or words["value.none"]
    return words.get(f"value.{value}", services.get(str(value), str(value)))
