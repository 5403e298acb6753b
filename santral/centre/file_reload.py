"""Put new files of a centre in force while calls continue.

All problems are reported first, and then nothing changes. Callers in a menu hear their sentence to its end, and waiting
or talking callers are not affected. Some settings belong to Asterisk's files or to the start of a node. Those keep the
old value, and the result says how to apply the new one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

from asterisk_conf.conf_plan import MUSIC_CLASS
from centres.problem import Problem
from centres.settings import Settings
from ivr.flow.menu_model import Transfer
from prompts.catalogue import Catalogue
from routing.ami.fallback.members import longest_ring_s
from santral.centre import coverage_by_date
from santral.centre.config import NodeConfig, check_centre, config_of
from santral.centre.file_difference import Change, find_changes
from santral.centre.last_known_good import CentreFiles
from santral.centre.prompt_check import check_playable

log = structlog.get_logger()

RELOADED = frozenset({"centre", "hours", "calendar", "callback", "wait", "recording", "privacy", "preferences", "mail",
                      "pause_reasons", "reports", "routing", "profile", "surge"})
"""Tables of santral.toml that a reload puts in force. All others need a restart."""
BY_ASTERISK = frozenset({"numbers", "asterisk", "trunk", "lines", "transfer", "seats", "fallback", "wait.tick_s",
                         "wait.step_s", "wait.max_fails"})
"""Tables and keys from which the Asterisk files are rendered."""
RENDER = "santral asterisk-conf, copy the files, asterisk -rx 'core reload', restart the node"
RESTART = "restart the node: callers keep their places"
RENDER_ONLY = "santral asterisk-conf, copy the files, asterisk -rx 'core reload'"


class NotApplied(NamedTuple):
    """A change that a reload cannot apply, and the steps that apply it."""

    what: str
    how: str


class ReloadResult(NamedTuple):
    """Result of a reload."""

    applied: bool
    changes: tuple[Change, ...] = ()
    later: tuple[NotApplied, ...] = ()
    problems: tuple[Problem, ...] = ()
    """Problems of the files. With any problem nothing was changed."""
    warnings: tuple[Problem, ...] = ()


class NewFiles(NamedTuple):
    """New files, read and checked."""

    config: NodeConfig
    sounds: Catalogue
    later: tuple[NotApplied, ...]
    warnings: tuple[Problem, ...]
    """Warnings of today and of later days."""


class CentreReloader:
    """Read the files again and put them in force, one reload at a time.

    `apply` puts them in force. It may raise an error for the user.
    """

    def __init__(self, files: CentreFiles, current: Callable[[], NodeConfig],
                 apply: Callable[[NewFiles], Awaitable[None]]) -> None:
        self._files, self._current, self._apply = files, current, apply
        self._one = asyncio.Lock()

    async def reload_files(self, by: str, *, dry_run: bool = False) -> ReloadResult:
        """Report the changes, and apply them unless `dry_run`. `by` names the user for the log."""
        async with self._one:
            # 1. Read and check the files. The content is read first, so that the copy holds the checked files.
            old = self._current()
            content = await asyncio.to_thread(self._files.read_content)
            new, problems = await asyncio.to_thread(read_new_files, self._files.folder, self._files.overlay, old)
            if new is None:
                log.error("node.reload_refused", by=by, problems=[str(one) for one in problems])
                return ReloadResult(False, problems=problems)
            # 2. Compare with the configuration in force.
            changes = tuple(find_changes(old, new.config))
            # 3. Apply, then keep a copy for the next start.
            if not dry_run:
                await self._apply(new)
                await asyncio.to_thread(self._files.save_copy, content)
                log.info("node.reloaded", by=by, changes=len(changes), later=[one.what for one in new.later])
            return ReloadResult(not dry_run, changes, new.later, (), new.warnings)


def read_new_files(folder: Path, overlay: Path | None, old: NodeConfig) -> tuple[NewFiles | None, tuple[Problem, ...]]:
    """Return the files as they would apply next to the unchangeable settings, or all their problems."""
    checked = check_centre(folder, overlay)
    config = config_of(checked)
    # 1. Check the files. A reload also refuses problems of the date, because a person is there to fix them.
    if config is None or checked.today:
        return None, checked.problems + checked.today
    # 2. Keep the settings that cannot change, and check the files with them again.
    config, later = keep_unchangeable(old, config)
    if problems := tuple(_check_entries(config)):
        return None, problems
    # 3. Check that the prompts are built.
    sounds, problems = check_playable(config)
    if sounds is None:
        return None, problems
    return NewFiles(config, sounds, later, (
        *checked.warnings, *coverage_by_date.coming_problems(checked.loaded, checked.flow))), ()


def keep_unchangeable(old: NodeConfig, new: NodeConfig) -> tuple[NodeConfig, tuple[NotApplied, ...]]:
    """Return the new files with the old values of unchangeable settings, and a list of these settings."""
    # 1. Keep whole tables, and the keys of [wait] that Asterisk's files hold.
    was, wanted = old.settings, new.settings
    fixed = [name for name in Settings.model_fields
             if name not in RELOADED and getattr(was, name) != getattr(wanted, name)]
    later = [NotApplied(f"[{name}]", RENDER if name in BY_ASTERISK else RESTART) for name in fixed]
    held = {key: getattr(was.wait, key) for key in type(was.wait).model_fields if f"wait.{key}" in BY_ASTERISK}
    later += [NotApplied(f"[wait] {key}", RENDER) for key, value in held.items() if getattr(wanted.wait, key) != value]
    settings = wanted.model_copy(update={name: getattr(was, name) for name in fixed}
                                 | {"wait": wanted.wait.model_copy(update=held)})
    # 2. List additions that need new Asterisk files: remote agents, services, music, emergency prompts.
    known = {one.id: one for one in old.loaded.agents}
    for agent in new.loaded.agents:
        if agent.on_call is not None and (agent.id not in known or known[agent.id].on_call is None):
            later.append(NotApplied(f"{agent.id} is on call and cannot be called yet", RENDER))
    served = {one.id for one in old.loaded.services}
    later += [NotApplied(f"whisper announcement and fallback queue of {one.id}", RENDER_ONLY)
              for one in new.loaded.services if one.id not in served]
    music = {one.music for one in old.waits.values()} | {MUSIC_CLASS}
    later += [NotApplied(f"the music '{one.music}' of {id_}", RENDER_ONLY) for id_, one in new.waits.items()
              if one.music not in music]
    said = {one.id: one.emergency for one in old.loaded.services}
    later += [NotApplied(f"what callers of {one.id} hear in the fallback queue", RENDER_ONLY)
              for one in new.loaded.services
              if one.emergency != said.get(one.id)]
    queues = {one.id: (one.distress, longest_ring_s(one, old.centre.agents)) for one in old.centre.services}
    later += [NotApplied(f"the fallback queue of {one.id}", RENDER_ONLY) for one in new.centre.services
              if one.id in queues and queues[one.id] != (one.distress, longest_ring_s(one, new.centre.agents))]
    return new.with_settings(settings), tuple(later)


def _check_entries(config: NodeConfig) -> Iterator[Problem]:
    """Yield problems with names in the running dialplan.

    The dialplan keeps the entries it was rendered with, and knows only the outside numbers of that time.
    """
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
