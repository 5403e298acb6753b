"""Read the recording rules and alerts of Prometheus from `alerts.yaml`. Their texts have two languages and no names."""

from __future__ import annotations

from importlib.resources import files
from typing import NamedTuple

import yaml
from pydantic import TypeAdapter

from drawing.texts import Phrase

DESK, MANAGER, OPERATOR = "masa", "uyarlama", "isletim"
"""Receivers: the supervisors' desk, the manager of accommodations, and operators of the machines."""
AUDIENCES = (DESK, MANAGER, OPERATOR)
CRITICAL, WARNING = "critical", "warning"
SEVERITIES = (CRITICAL, WARNING)


WINDOW = "WINDOW"
"""Word in a recorded figure that each of its windows replaces."""


class Recording(NamedTuple):
    """A figure that Prometheus computes ahead of time."""

    name: str
    expression: str
    windows: tuple[str, ...] = ()
    """Windows that the figure is computed over, each under its own name."""

    def expand_windows(self) -> tuple[Recording, ...]:
        """Return one figure for each window, or the figure itself if it has none."""
        return tuple(Recording(self.name.replace(WINDOW, window), self.expression.replace(WINDOW, window))
                     for window in self.windows) or (self,)


class Alert(NamedTuple):
    """A condition that Alertmanager reports to an audience after it has held for `holds_s`."""

    name: str
    expression: str
    holds_s: float
    severity: str
    audience: str
    summary: Phrase
    description: Phrase
    keeps_s: float = 0
    """Time that the alert stays after its condition has ended, so that a condition on the edge sends one mail."""


class Silence(NamedTuple):
    """Alerts that are not sent while another one tells their cause."""

    causes: tuple[str, ...]
    symptoms: tuple[str, ...]
    equal: tuple[str, ...]
    """Labels that both have alike."""


class Table(NamedTuple):
    """The whole file."""

    recorded: tuple[Recording, ...]
    silenced: tuple[Silence, ...]
    alerts: tuple[Alert, ...]


_TABLE = TypeAdapter(Table).validate_python(yaml.safe_load(
    (files("metrics") / "alerts.yaml").read_text(encoding="utf-8")))
RECORDING_RULES = tuple(one for figure in _TABLE.recorded for one in figure.expand_windows())
ALERTS, SILENCES = _TABLE.alerts, _TABLE.silenced
