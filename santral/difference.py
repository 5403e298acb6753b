"""What a change of a centre's files changes, part by part: for a reload's table, and for the log of a start."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from centres.load import Loaded
from centres.model import Shape
from centres.settings import Settings
from ivr.flow.model import Node as FlowNode
from santral.config import NodeConfig

SHOWN = 60
"""Letters of a value in a table of changes."""


class Change(NamedTuple):
    """One thing that is changed. Of what agents need only how many there are."""

    part: str
    """`services`, `team`, `accommodations`, `menu`, `settings`."""
    item: str
    key: str
    was: str
    now: str

    @property
    def place(self) -> str:
        """Where, without values: among those are numbers of people."""
        return " ".join(filter(None, (self.part, self.item, self.key or self.now)))


def difference(old: NodeConfig, new: NodeConfig) -> Iterator[Change]:
    """What a change from one to the other changes, part by part."""
    yield from _items("services", {one.id: one for one in old.loaded.services},
                      {one.id: one for one in new.loaded.services})
    yield from _items("team", {one.id: one for one in old.loaded.agents}, {one.id: one for one in new.loaded.agents})
    needs = _needs(old.loaded, new.loaded)
    if needs:
        yield Change("accommodations", "", "", "", f"of {needs} agent{'' if needs == 1 else 's'}")
    yield from _menu(old, new)
    for name in Settings.model_fields:
        yield from _fields("settings", f"[{name}]", _plain(getattr(old.settings, name)),
                           _plain(getattr(new.settings, name)))


def _items(part: str, old: Mapping[str, Shape], new: Mapping[str, Shape]) -> Iterator[Change]:
    for name in dict.fromkeys((*old, *new)):
        if name not in new:
            yield Change(part, name, "", "there", "gone")
        elif name not in old:
            yield Change(part, name, "", "", "new")
        else:
            yield from _fields(part, name, _plain(old[name]), _plain(new[name]))
    if [name for name in old if name in new] != [name for name in new if name in old]:
        yield Change(part, "", "order", "", "another")


def _needs(old: Loaded, new: Loaded) -> int:
    """How many agents need something else from now on; never who, nor what."""
    agents = {one.agent for one in (*old.dated, *new.dated)}
    return sum([one for one in old.dated if one.agent == agent] != [one for one in new.dated if one.agent == agent]
               for agent in agents)


def _menu(old: NodeConfig, new: NodeConfig) -> Iterator[Change]:
    yield from _fields("menu", "entries", dict(old.flow.entries), dict(new.flow.entries))
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
            yield from _fields("menu", name, was._asdict(), now._asdict())


def _fields(part: str, item: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for key in dict.fromkeys((*old, *new)):
        if old.get(key) != new.get(key):
            yield Change(part, item, str(key), _shown(old.get(key)), _shown(new.get(key)))


def _plain(value: Any) -> Mapping[str, Any]:
    """Return the fields of a shape, or a mapping. A mapping of rows gives each field of each row. Any: whatever a table
    of the settings is."""
    if isinstance(value, Shape):
        return value.model_dump()
    found: dict[str, Any] = {}
    for name, one in value.items():
        if isinstance(one, Shape):
            found |= {f"{name}.{key}": field for key, field in one.model_dump(exclude_defaults=True).items()}
        else:
            found[name] = one
    return found


def _shown(value: Any) -> str:
    """A value in a table. Any: of every field."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_listed)
    return text if len(text) <= SHOWN else text[:SHOWN - 1] + "…"


def _listed(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset | set) else str(value)
