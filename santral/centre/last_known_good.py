"""Keep a copy of the centre's files that were last in force, in the state folder.

A user may save half a file, and at night the node may stop for another reason. Without the copy it could not start
again. All callers would be in the fallback queue until a person has fixed the file. With the copy the node continues as
before and reports it. It takes the fixed files at the next reload. The copy holds one centre as a whole, because files
of two versions were never checked together.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import structlog

from centres.centre_reader import ACCOMMODATIONS, MENU, SERVICES, SETTINGS, TEAM
from centres.problem import Problem
from prompts.catalogue import Catalogue
from prompts.centre_words import FOLDER as PROMPTS
from routing.store.keyfile import sync_folder
from santral.centre.config import NodeConfig, check_centre, config_of, format_problems
from santral.centre.file_difference import find_changes
from santral.centre.prompt_check import check_playable
from santral.errors import BadCentre

log = structlog.get_logger()

FOLDER = "last-known-good"
"""Name of the copy in the state folder. Its mode is 0700 and that of its files 0600, because it holds agents' needs."""
DRAFT, BEFORE = f"{FOLDER}.new", f"{FOLDER}.old"
"""Names of a copy that is being written, and of the old copy while the new one replaces it."""
ABOUT = "about.json"
"""File with the origin of the copy: the paths of the centre and the machine's settings, and the start of its use."""
OVERLAY = "overlay.toml"
NAMES = (SETTINGS, SERVICES, TEAM, ACCOMMODATIONS, MENU)

BYTES_MAX = 4 * 1024 * 1024
"""Most bytes of all files, a hundred times those of a centre of 180 agents. A larger folder is no centre and is not
copied."""
REPORTED_MAX = 10
"""Most problems or changes in a log line. A truncated file has dozens, and the first one says where."""

Content = Mapping[str, bytes]
"""Content of each file by its path in the copy. A missing optional file is left out. Recordings are no part of it,
because their sounds are built."""


class CopyInForce(NamedTuple):
    """Information that the copy is in force instead of the files."""

    since: float
    """Time since when these files are in force, in Unix seconds."""
    problems: tuple[str, ...]
    """Problems of the files at the start, with file and line, at most `REPORTED_MAX`."""


StartValues = tuple[NodeConfig, Catalogue]
"""Configuration and prompts with which a node starts."""


class _JudgedFiles(NamedTuple):
    """The files, or a copy of them, with their problems."""

    begun: StartValues | None
    """Values for a start, or None if there are `problems`."""
    problems: tuple[Problem, ...]
    today: tuple[Problem, ...]
    """Problems of the date alone (see `CheckedCentre.today`)."""


class CentreFiles:
    """The files of a centre and their last good copy.

    `folder` holds the centre, `overlay` the settings of this machine, and `state` the copy.
    """

    def __init__(self, folder: Path, overlay: Path | None, state: Path,
                 clock: Callable[[], float] = time.time) -> None:
        self.folder, self.overlay = folder, overlay
        self.instead: CopyInForce | None = None
        """The copy that a start has chosen, or None if the files are in force."""
        self._state, self._clock = state, clock
        self._begun: Content = {}

    def choose_files(self) -> StartValues:
        """Return the configuration and prompts for a start, from the files or their last good copy.

        If the files are good only on other days, a copy that is good today comes first. Raise BadCentre with all
        problems of the files if neither can be used. A copy of another centre or version cannot be used.
        """
        # 1. Check the files.
        self._begun = self.read_content()
        files = _judge_files(self.folder, self.overlay)
        found = files.problems + files.today
        # 2. With any problem, look for a copy.
        if found and (copy := self._find_copy(good_today=files.begun is not None)) is not None:
            since, begun = copy
            self.instead = CopyInForce(since, tuple(map(str, found[:REPORTED_MAX])))
            log.error("centre.last_known_good_used", since=_format_moment(since),
                      problems=list(self.instead.problems), of=len(found))
            return begun
        # 3. Without a copy, problems of the date alone do not stop the start.
        if files.begun is None:
            raise BadCentre(format_problems(found, self.folder))
        with suppress(OSError):
            self._log_changes(files.begun[0])
        return files.begun

    def _find_copy(self, *, good_today: bool) -> tuple[float, StartValues] | None:
        """Return a usable copy and the start of its use. A copy that is good today comes first.

        With `good_today` only such a copy is returned.
        """
        copies = [(since, _judge_files(copy, self._copy_overlay(copy)))
                  for copy in (self._state / FOLDER, self._state / BEFORE)
                  if (since := self._in_force_since(copy)) is not None]
        return next(((since, one.begun) for since, one in sorted(copies, key=lambda copy: bool(copy[1].today))
                     if one.begun is not None and not (good_today and one.today)), None)

    def _log_changes(self, config: NodeConfig) -> None:
        """Log the changes since the node last ran, as a reload would report them.

        A list cut off between two entries is still a valid file, but accommodations may be missing from it.
        """
        copy = self._state / FOLDER
        since = self._in_force_since(copy)
        if since is None or self._copy_content(copy) == self._begun:
            return
        before = config_of(check_centre(copy, self._copy_overlay(copy)))
        changes = () if before is None else tuple(find_changes(before, config))
        if changes:
            log.warning("centre.changed", since=_format_moment(since),
                        changes=[one.place for one in changes[:REPORTED_MAX]], of=len(changes))

    def have_changed(self) -> bool:
        """Return whether the files are others than at the last `choose_files`."""
        return self.read_content() != self._begun

    def read_content(self) -> Content:
        """Return the present content of the files for `save_copy`, or an empty mapping if they cannot be read."""
        with suppress(OSError):
            return self._read_files()
        return {}

    def confirm_start(self) -> None:
        """Confirm that the start succeeded, and keep a copy of its files."""
        if self.instead is None:
            self.save_copy(self._begun)

    def save_copy(self, content: Content) -> None:
        """Note that the files are in force and keep a copy. A failure is only logged.

        `content` is what `read_content` returned right before the files were checked.
        """
        self.instead = None
        try:
            # The copy must hold the checked files. A file that was saved meanwhile is not checked yet.
            if self._read_files() != content:
                raise OSError(errno.EAGAIN, "the files were changed while they were read")
            if self._in_force_since(self._state / FOLDER) is None \
                    or self._copy_content(self._state / FOLDER) != content:
                self._write_copy(content)
        except OSError as error:
            log.warning("centre.copy_failed", why=error.strerror or str(error))

    def _read_files(self) -> Content:
        texts = sorted((self.folder / PROMPTS).glob("*/*.yaml"))
        paths = {name: self.folder / name for name in NAMES} | ({OVERLAY: self.overlay} if self.overlay else {}) \
            | {str(path.relative_to(self.folder)): path for path in texts}
        content: dict[str, bytes] = {}
        left = BYTES_MAX
        # Read at most one byte more than allowed, so that a huge file does not fill the memory.
        for name, path in paths.items():
            if name == ACCOMMODATIONS and not path.exists():
                continue
            with path.open("rb") as file:
                content[name] = file.read(left + 1)
            left -= len(content[name])
            if left < 0:
                raise OSError(errno.EFBIG, f"the files have more than {BYTES_MAX >> 20} MB")
        return content

    def _in_force_since(self, copy: Path) -> float | None:
        """Return the time since when a copy is in force, or None if it is missing or belongs to another centre."""
        try:
            about = json.loads((copy / ABOUT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(about, dict) or not isinstance(about.get("since"), float):
            return None
        # Equal only if the origin in the file is this centre.
        return about["since"] if {**about, **self._copy_origin()} == about else None

    def _copy_overlay(self, copy: Path) -> Path | None:
        return copy / OVERLAY if self.overlay else None

    def _copy_origin(self) -> dict[str, str | None]:
        return {"centre": str(self.folder.absolute()),
                "settings": None if self.overlay is None else str(self.overlay.absolute())}

    @staticmethod
    def _copy_content(copy: Path) -> Content:
        return {str(path.relative_to(copy)): path.read_bytes() for path in copy.rglob("*")
                if path.is_file() and path.name != ABOUT}

    def _write_copy(self, content: Content) -> None:
        """Write a copy whole or not at all. After a loss of power the new copy or `BEFORE` exists."""
        folder, draft, before = (self._state / name for name in (FOLDER, DRAFT, BEFORE))
        # 1. Write all files into a draft, and wait until they are on disk.
        about = json.dumps({**self._copy_origin(), "since": self._clock()}, ensure_ascii=False)
        _remove_folder(draft)
        draft.mkdir(mode=0o700)
        for name, data in {**content, ABOUT: about.encode()}.items():
            for folder_in in reversed((draft / name).relative_to(draft).parents[:-1]):
                (draft / folder_in).mkdir(mode=0o700, exist_ok=True)
            handle = os.open(draft / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        for inner in {(draft / name).parent for name in content} | {draft}:
            sync_folder(inner)
        # 2. Replace the old copy by renaming, because a folder cannot be replaced in one step.
        if folder.exists():
            _remove_folder(before)
            folder.rename(before)
        draft.rename(folder)
        # 3. Remove the old copy only when the new one is on disk.
        sync_folder(self._state)
        _remove_folder(before)


def _judge_files(folder: Path, overlay: Path | None) -> _JudgedFiles:
    """Return the values for a start if the centre is good and its prompts are built, with all problems."""
    checked = check_centre(folder, overlay)
    config = config_of(checked)
    if config is None:
        return _JudgedFiles(None, checked.problems, checked.today)
    sounds, problems = check_playable(config)
    return _JudgedFiles(None if sounds is None else (config, sounds), problems, checked.today)


def _format_moment(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _remove_folder(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
