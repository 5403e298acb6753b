"""New files of a centre put in force while calls go on. All problems are told first, and then nothing changes.

What callers in a menu are hearing they hear to its end, who waits or talks is not touched. Some settings live in
Asterisk's files or belong to what a node is started with: those keep the old value, and what has to be done for the new
one is said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

from asterisk_conf.plan import MUSIC_CLASS
from centres.problem import Problem
from centres.settings import Settings
from ivr.flow.model import Transfer
from prompts.catalogue import Catalogue
from santral import by_date
from santral.config import NodeConfig, check, config_of
from santral.difference import Change, difference
from santral.last_good import CentreFiles
from santral.playable import playable

log = structlog.get_logger()

RELOADED = frozenset({"centre", "hours", "calendar", "callback", "wait", "recording", "privacy", "wishes",
                      "pause_reasons", "routing", "profile"})
"""Tables of santral.toml that a reload puts in force. One that is not named here needs a restart."""
BY_ASTERISK = frozenset({"numbers", "asterisk", "trunk", "transfer", "seats", "net", "wait.tick_s", "wait.step_s",
                         "wait.max_fails"})
"""Tables and keys that Asterisk's files are rendered from."""
RENDER = "santral asterisk-conf, copy the files, asterisk -rx 'core reload', restart the node"
RESTART = "restart the node: callers keep their places"
RENDER_ONLY = "santral asterisk-conf, copy the files, asterisk -rx 'core reload'"

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
    warnings: tuple[Problem, ...]
    """Those of today, and what comes at a later day."""


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
            return Reloaded(not dry_run, changes, new.later, (), new.warnings)


def read(folder: Path, overlay: Path | None, old: NodeConfig) -> tuple[New | None, tuple[Problem, ...]]:
    """The files as they would be in force beside what cannot change now; or every problem of them."""
    checked = check(folder, overlay)
    config = config_of(checked)
    if config is None or checked.today:  # who reloads is there to mend it
        return None, checked.problems + checked.today
    config, later = beside(old, config)
    if problems := tuple(_entries(config)):
        return None, problems
    sounds, problems = playable(config)
    if sounds is None:
        return None, problems
    return New(config, sounds, later, (*checked.warnings, *by_date.coming(checked.loaded, checked.flow))), ()


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
    music = {one.music for one in old.waits.values()} | {MUSIC_CLASS}
    later += [Later(f"the music '{one.music}' of {id_}", RENDER_ONLY) for id_, one in new.waits.items()
              if one.music not in music]
    said = {one.id: one.emergency for one in old.loaded.services}
    later += [Later(f"what callers of {one.id} hear in the safety net", RENDER_ONLY) for one in new.loaded.services
              if one.emergency != said.get(one.id)]
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
