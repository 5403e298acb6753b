"""Read the recording rules and alerts of Prometheus from `alerts.yaml`. Their texts are Turkish and name nobody."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import yaml
from pydantic import TypeAdapter

RUNBOOKS = "docs/runbooks"
DESK, MANAGER, OPERATOR = "masa", "uyarlama", "isletim"
"""Receivers: the supervisors' desk, the manager of accommodations, and operators of the machines."""
AUDIENCES = (DESK, MANAGER, OPERATOR)
CRITICAL, WARNING = "critical", "warning"
SEVERITIES = (CRITICAL, WARNING)


class Recording(NamedTuple):
    """A figure that Prometheus computes ahead of time."""

    name: str
    expression: str


class Alert(NamedTuple):
    """A condition that Alertmanager reports to an audience after it has held for `holds_s`."""

    name: str
    expression: str
    holds_s: float
    severity: str
    audience: str
    summary: str
    description: str

    @property
    def runbook(self) -> str:
        """Path of its page in the project: `ServiceLevelLow` has `docs/runbooks/service-level-low.md`."""
        words = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in self.name)
        return f"{RUNBOOKS}/{words.removeprefix('-')}.md"


class Table(NamedTuple):
    """The whole file."""

    recorded: tuple[Recording, ...]
    alerts: tuple[Alert, ...]


RECORDING_RULES, ALERTS = TypeAdapter(Table).validate_python(yaml.safe_load(
    (files("metrics") / "alerts.yaml").read_text(encoding="utf-8")))
