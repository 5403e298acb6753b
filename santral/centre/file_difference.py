"""Compare two versions of a centre's files, for the table of a reload and the log of a start."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from centres.base_shapes import Shape
from centres.centre_reader import LoadedCentre
from centres.settings import Settings
from ivr.flow.menu_model import Node as FlowNode
from santral.centre.config import NodeConfig

SHOWN = 60
"""Most characters of a value in a table of changes."""


class Change(NamedTuple):
    """One change. Changes of agents' needs are only counted."""

    part: str
    """`services`, `team`, `accommodations`, `menu` or `settings`."""
    item: str
    key: str
    was: str
    now: str

    @property
    def place(self) -> str:
        """Place of the change without values, because some values are numbers of people."""
        return " ".join(filter(None, (self.part, self.item, self.key or self.now)))


def find_changes(old: NodeConfig, new: NodeConfig) -> Iterator[Change]:
    """Yield the changes from one configuration to another, part by part."""
    yield from _item_changes("services", {one.id: one for one in old.loaded.services},
                             {one.id: one for one in new.loaded.services})
    yield from _item_changes("team", {one.id: one for one in old.loaded.agents},
                             {one.id: one for one in new.loaded.agents})
    # Needs are private, so only the number of agents is shown.
    needs = _changed_needs(old.loaded, new.loaded)
    if needs:
        yield Change("accommodations", "", "", "", f"of {needs} agent{'' if needs == 1 else 's'}")
    yield from _menu_changes(old, new)
    for name in Settings.model_fields:
        yield from _field_changes("settings", f"[{name}]", _field_mapping(getattr(old.settings, name)),
                                  _field_mapping(getattr(new.settings, name)))


def _item_changes(part: str, old: Mapping[str, Shape], new: Mapping[str, Shape]) -> Iterator[Change]:
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield Change(part, name, "", "there", "gone")
        elif name not in old:
            yield Change(part, name, "", "", "new")
        else:
            yield from _field_changes(part, name, _field_mapping(old[name]), _field_mapping(new[name]))
    # The order matters too: services are called by their position.
    if [name for name in old if name in new] != [name for name in new if name in old]:
        yield Change(part, "", "order", "", "another")


def _changed_needs(old: LoadedCentre, new: LoadedCentre) -> int:
    """Return the number of agents with changed needs, never the agents or the needs."""
    agents = {one.agent for one in (*old.dated, *new.dated)}
    return sum([one for one in old.dated if one.agent == agent] != [one for one in new.dated if one.agent == agent]
               for agent in agents)


def _menu_changes(old: NodeConfig, new: NodeConfig) -> Iterator[Change]:
    yield from _field_changes("menu", "entries", dict(old.flow.entries), dict(new.flow.entries))
    if old.flow.human != new.flow.human:
        yield Change("menu", "human", "", old.flow.human, new.flow.human)
    nodes: list[Mapping[str, FlowNode]] = [old.flow.nodes, new.flow.nodes]
    for name in dict.fromkeys((*nodes[0], *nodes[1])):
        was, now = (one.get(name) for one in nodes)
        if was is None or now is None:
            yield Change("menu", name, "", "" if was is None else "there", "new" if was is None else "gone")
        elif type(was) is not type(now):
            yield Change("menu", name, "", type(was).__name__.lower(), type(now).__name__.lower())
        else:
            yield from _field_changes("menu", name, was._asdict(), now._asdict())


def _field_changes(part: str, item: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            yield Change(part, item, str(key), _format_value(old.get(key)), _format_value(new.get(key)))


def _field_mapping(value: Any) -> Mapping[str, Any]:
    """Return the fields of a shape or a mapping, none of a table that is left out. A mapping of rows gives each field
    of each row.

    The type is Any, because tables of the settings differ.
    """
    if value is None:
        return {}
    if isinstance(value, Shape):
        return value.model_dump()
    found: dict[str, Any] = {}
    for name, one in value.items():
        # A row is compared field by field, without its defaults.
        if isinstance(one, Shape):
            found |= {f"{name}.{key}": field for key, field in one.model_dump(exclude_defaults=True).items()}
        else:
            found[name] = one
    return found


def _format_value(value: Any) -> str:
    """Return a value as text for a table, shortened to `SHOWN` characters."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_to_list)
    return text if len(text) <= SHOWN else text[:SHOWN - 1] + "…"


def _to_list(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset | set) else str(value)
