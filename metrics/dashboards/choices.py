"""Let a person choose centre and node on a dashboard, and mark on it what happened."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from drawing.texts import Phrase

NODE = "node"
"""Variable of a dashboard about machines."""


class Variable(NamedTuple):
    """A choice on a dashboard: its name for people, and the query of its values."""

    title: Phrase
    query: str


VARIABLES: Mapping[str, Variable] = {
    "centre": Variable(Phrase("Merkez", "Centre"), "label_values(acd_build_info, centre)"),
    NODE: Variable(Phrase("Düğüm", "Node"), 'label_values(up{job="santral", centre=~"$centre"}, instance)'),
    # These metrics have all values from the start of a node.
    "queue": Variable(Phrase("Hizmet", "Service"),
                      'label_values(acd_contacts_offered_total{centre=~"$centre"}, queue)'),
    "team": Variable(Phrase("Ekip", "Team"), 'label_values(acd_agents{centre=~"$centre"}, team)'),
}

_SERIES = re.compile(r"(?<![\w:.$])((?:queue|team):acd_\w+:\w+|(?:acd|ivr|process|asterisk)_\w+|up)\b(\{)?")


class Event(NamedTuple):
    """A mark on every panel at the time of an event."""

    name: Phrase
    query: str
    colour: str
    text: str = ""


EVENTS = (
    Event(Phrase("Yeniden başlama", "Restart"), 'changes(process_start_time_seconds{job="santral"}[2m]) > 0', "orange",
          "{{instance}}"),
    Event(Phrase("Yeniden yükleme", "Reload"), "increase(acd_centre_changes_total[2m]) > 0", "blue", "{{instance}}"),
    Event(Phrase("Duyuru", "Announcement"), "acd_announcements > 0", "purple", "{{instance}}"),
    Event(Phrase("Uyarı", "Alert"), 'ALERTS{alertstate="firing",centre=~"$centre"}', "red", "{{alertname}} {{queue}}"),
)


def choose_series(expression: str, *, by_node: bool) -> str:
    """Return an expression with the choice of the centre in each series, and of the node in those of nodes."""
    def add_matchers(found: re.Match[str]) -> str:
        name = found.group(1)
        wanted = 'centre=~"$centre"'
        # Asterisk has a separate address, so no node is its instance.
        if by_node and not name.startswith("asterisk_"):
            wanted += f',instance=~"${NODE}"'
        return f"{name}{{{wanted}" + ("," if found.group(2) else "}")

    return _SERIES.sub(add_matchers, expression)


def build_annotations(datasource: Mapping[str, str], *, english: bool) -> dict[str, Any]:
    """Return the marks of a dashboard."""
    return {"list": [{
        "name": event.name.text(english=english), "datasource": dict(datasource), "enable": True, "hide": False,
        "iconColor": event.colour, "expr": choose_series(event.query, by_node=False), "step": "60s",
        "titleFormat": event.name.text(english=english), "textFormat": event.text,
    } for event in EVENTS]}
