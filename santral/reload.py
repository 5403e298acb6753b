"""New files of a centre put in force while calls go on. All problems are told first, and then nothing changes.

What callers in a menu are hearing they hear to its end, who waits or talks is not touched. Some settings live in
Asterisk's files or belong to what a node is started with: those keep the old value, and what has to be done for the new
one is said.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import structlog

from centres.load import Loaded
from centres.model import Shape
from centres.problem import Problem
from centres.settings import Settings
from ivr.flow.model import Node as FlowNode
from ivr.flow.model import Transfer
from prompts.catalogue import Catalogue
from santral.config import NodeConfig, check, config_of
from santral.last_good import CentreFiles
from santral.playable import playable

log = structlog.get_logger()

RELOADED = frozenset({"centre", "hours", "calendar", "callback", "wait", "recording", "privacy", "wishes",
                      "routing", "profile"})
"""Tables of santral.toml that a reload puts in force. One that is not named here needs a restart."""
BY_ASTERISK = frozenset({"numbers", "asterisk", "trunk", "transfer", "seats", "net", "wait.tick_s", "wait.step_s",
                         "wait.max_fails"})
"""Tables and keys that Asterisk's files are rendered from."""
RENDER = "santral asterisk-conf, copy the files, asterisk -rx 'core reload', restart the node"
RESTART = "restart the node: callers keep their places"
RENDER_ONLY = "santral asterisk-conf, copy the files, asterisk -rx 'core reload'"

SHOWN = 60
"""Letters of a value in a table of changes."""


class Change(NamedTuple):
    """One thing that a reload changes. Of what agents need only how many there are."""

    part: str
    """`services`, `team`, `accommodations`, `menu`, `settings`."""
    item: str
    key: str
    was: str
    now: str


class Later(NamedTuple):
    """What a reload cannot put in force, and what has to be done for it."""

    what: str
    how: str


class Reloaded(NamedTuple):
    """How a reload went."""

    applied: bool
    changes: tuple[Change, ...] = ()
    later: tuple[Later, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Any: nothing was changed."""
    warnings: tuple[Problem, ...] = ()


class New(NamedTuple):
    """New files, read and checked: what is in force if they are taken."""

    config: NodeConfig
    sounds: Catalogue
    later: tuple[Later, ...]


class Reloader:
    """Reads the files again. `apply` puts them in force, or raises what it wants said; one reload at a time."""

    def __init__(self, files: CentreFiles, current: Callable[[], NodeConfig],
                 apply: Callable[[New], Awaitable[None]]) -> None:
        self._files, self._current, self._apply = files, current, apply
        self._one = asyncio.Lock()

    async def reload(self, by: str, *, dry_run: bool = False) -> Reloaded:
        """Look what would change, and unless `dry_run`, change it. `by`: who wants it, for the log."""
        async with self._one:
            old = self._current()
            content = await asyncio.to_thread(self._files.look)
            new, problems = await asyncio.to_thread(read, self._files.folder, self._files.overlay, old)
            if new is None:
                log.error("node.reload_refused", by=by, problems=[str(one) for one in problems])
                return Reloaded(False, problems=problems)
            changes = tuple(difference(old, new.config))
            if not dry_run:
                await self._apply(new)
                await asyncio.to_thread(self._files.taken, content)
                log.info("node.reloaded", by=by, changes=len(changes), later=[one.what for one in new.later])
            return Reloaded(not dry_run, changes, new.later, (), new.config.warnings)


def read(folder: Path, overlay: Path | None, old: NodeConfig) -> tuple[New | None, tuple[Problem, ...]]:
    """The files as they would be in force beside what cannot change now; or every problem of them."""
    checked = check(folder, overlay)
    config = config_of(checked)
    if config is None:
        return None, checked.problems
    config, later = beside(old, config)
    if problems := tuple(_entries(config)):
        return None, problems
    sounds, problems = playable(config)
    return (None, problems) if sounds is None else (New(config, sounds, later), ())


def beside(old: NodeConfig, new: NodeConfig) -> tuple[NodeConfig, tuple[Later, ...]]:
    """The new files with the old value of everything that cannot change now, and what that is."""
    was, wanted = old.settings, new.settings
    fixed = [name for name in Settings.model_fields
             if name not in RELOADED and getattr(was, name) != getattr(wanted, name)]
    later = [Later(f"[{name}]", RENDER if name in BY_ASTERISK else RESTART) for name in fixed]
    held = {key: getattr(was.wait, key) for key in type(was.wait).model_fields if f"wait.{key}" in BY_ASTERISK}
    later += [Later(f"[wait] {key}", RENDER) for key, value in held.items() if getattr(wanted.wait, key) != value]
    settings = wanted.model_copy(update={name: getattr(was, name) for name in fixed}
                                 | {"wait": wanted.wait.model_copy(update=held)})
    known = {one.id: one for one in old.loaded.agents}
    for agent in new.loaded.agents:
        if agent.on_call is not None and (agent.id not in known or known[agent.id].on_call is None):
            later.append(Later(f"{agent.id} is on call and cannot be called yet", RENDER))
    served = {one.id for one in old.loaded.services}
    later += [Later(f"the spoken brief of {one.id}", RENDER_ONLY) for one in new.loaded.services
              if one.id not in served]
    music = {one.music for one in old.loaded.services}
    later += [Later(f"the music '{one.music}' of {one.id}", RENDER_ONLY) for one in new.loaded.services
              if one.music is not None and one.music not in music]
    return new.with_settings(settings), tuple(later)


def _entries(config: NodeConfig) -> Iterator[Problem]:
    """The dialplan goes on naming the entries it was rendered with, and knows only the outside numbers of then."""
    for node in config.flow.nodes.values():
        if isinstance(node, Transfer) and node.to not in config.settings.transfer:
            yield Problem(config.loaded.where("transfer", node.to),
                          f"the menu leads to '{node.to}', which Asterisk does not know yet",
                          f"First: {RENDER}.")
    for number, entry in config.settings.numbers.items():
        if entry not in config.flow.entries:
            yield Problem(f"menu.yaml:{config.loaded.menu.line if config.loaded.menu is not None else 1}",
                          f"the entry '{entry}' is gone, and Asterisk leads calls to {number} there",
                          f"Keep it until this is done: {RENDER}.")
        elif entry == config.settings.hours.closed:
            yield Problem(config.loaded.where("hours", "closed"),
                          f"Asterisk leads calls to {number} to '{entry}', the entry of the closed centre",
                          f"Name another until this is done: {RENDER}.")


# -- what is different -------------------------------------------------------------------------------------------------


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
    """The fields of a shape, or a mapping as it is. Any: whatever a table of the settings is."""
    return value.model_dump() if isinstance(value, Shape) else dict(value)


def _shown(value: Any) -> str:
    """A value in a table. Any: of every field."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=_listed)
    return text if len(text) <= SHOWN else text[:SHOWN - 1] + "…"


def _listed(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset | set) else str(value)
