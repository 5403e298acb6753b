"""What not every centre has. Without it the panels about it have no data, and that is right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from metrics.dashboards.promql import spoken
from metrics.report_words import Said


class Part(NamedTuple):
    """Something a centre may do without."""

    sign: str
    """The metric that is there when the part is."""
    about: tuple[str, ...]
    """Metrics that begin so tell of it."""
    missing: Said
    """What its panels say instead of a value."""


MQTT = Part("acd_mqtt_connected", ("acd_mqtt_", "acd_signal_"), Said("MQTT aracısı yok", "no MQTT broker"))
ASTERISK = Part("asterisk_core_uptime_seconds", ("asterisk_",), Said("res_prometheus yok", "no res_prometheus"))
ON_DUTY = Part("acd_agents_distress_limited", ("acd_agents_distress_limited", "acd_agent_state_seconds", "team:acd_"),
               Said("görevde beşten az kişi", "fewer than five on duty"))
GROUPS = Part("acd_agents", ("acd_agent", "acd_break_protection"),
              Said("beşten az kişi", "fewer than five"))
RULES = Part("acd_accommodations_applied_total", ("acd_accommodations_applied",),
             Said("beşten az kişi", "fewer than five"))
PARTS = (MQTT, ASTERISK, ON_DUTY, GROUPS, RULES)


def part_of(expressions: Iterable[str]) -> Part | None:
    """The part that a panel with these queries is about."""
    metrics = {metric for expression in expressions for metric in spoken(expression).metrics}
    return next((part for part in PARTS if any(metric.startswith(part.about) for metric in metrics)), None)
