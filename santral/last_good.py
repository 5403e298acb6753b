"""The files of a centre, and the copy of them that the state folder keeps: those that were in force last.

Somebody saves a file half way, and at night the node dies of something else. Without the copy it could not start
again, and every caller would be with the safety net until a person has mended a file. With it the node goes on as it
was, says so everywhere, and takes the mended files at the next reload. The copy is that of one centre, whole: files of
two moments were never checked together.
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

from centres.load import ACCOMMODATIONS, MENU, SERVICES, SETTINGS, TEAM
from centres.problem import Problem
from prompts.catalogue import Catalogue
from routing.store.keyfile import sync_folder
from santral.config import NodeConfig, check, config_of, listed
from santral.difference import difference
from santral.errors import BadCentre
from santral.playable import playable

log = structlog.get_logger()

FOLDER = "last-good"
"""In the state folder, mode 0700, files 0600: agents' needs are among them."""
DRAFT, BEFORE = f"{FOLDER}.new", f"{FOLDER}.old"
"""While one is written; the one before, while the new one takes its place."""
ABOUT = "about.json"
"""Whose copy it is: paths of the centre and of the machine's settings, and since when it is in force."""
OVERLAY = "overlay.toml"
NAMES = (SETTINGS, SERVICES, TEAM, ACCOMMODATIONS, MENU)

BYTES_MOST = 4 * 1024 * 1024
"""Of all files together: a hundred times what a centre of 180 agents has. What is bigger is no centre, and is not
copied."""
TOLD_MOST = 10
"""Problems, or changes, that are told: a file that ends in the middle makes dozens, and the first one says where."""

Content = Mapping[str, bytes]
"""Name in the copy -> what stands in the file; a file that may be missing and is, is left out."""


class Instead(NamedTuple):
    """The copy is in force instead of the files."""

    since: float
    """When these files came in force, in Unix seconds."""
    problems: tuple[str, ...]
    """Of the files as the start found them, with file and line; `TOLD_MOST` at most."""


Begun = tuple[NodeConfig, Catalogue]
"""What a node starts with."""


class _Judged(NamedTuple):
    """Files, or a copy of them."""

    begun: Begun | None
    """None: there are `problems`."""
    problems: tuple[Problem, ...]
    today: tuple[Problem, ...]
    """See `Checked`."""


class CentreFiles:
    """`folder`: of the centre; `overlay`: settings of this machine; `state`: where the copy is."""

    def __init__(self, folder: Path, overlay: Path | None, state: Path,
                 clock: Callable[[], float] = time.time) -> None:
        self.folder, self.overlay = folder, overlay
        self.instead: Instead | None = None
        """What a start has found; None: the files are in force."""
        self._state, self._clock = state, clock
        self._begun: Content = {}

    def begin(self) -> Begun:
        """What a node starts with: the files, or their last good copy, and the built prompts. Of what is good on
        another day only, the copy that is good today goes before the files. BadCentre with every problem of the files
        when there is nothing, or nothing that is of this centre and that this version can read."""
        self._begun = self.look()
        files = _judged(self.folder, self.overlay)
        found = files.problems + files.today
        if found and (copy := self._copy(good_today=files.begun is not None)) is not None:
            since, begun = copy
            self.instead = Instead(since, tuple(map(str, found[:TOLD_MOST])))
            log.error("centre.last_good", since=_told(since), problems=list(self.instead.problems), of=len(found))
            return begun
        if files.begun is None:
            raise BadCentre(listed(found, self.folder))
        with suppress(OSError):
            self._tell(files.begun[0])
        return files.begun

    def _copy(self, *, good_today: bool) -> tuple[float, Begun] | None:
        """One that can be put in force, and since when it was; of two the one that is good today. `good_today`: no
        other one."""
        copies = [(since, _judged(copy, self._overlay(copy)))
                  for copy in (self._state / FOLDER, self._state / BEFORE) if (since := self._since(copy)) is not None]
        return next(((since, one.begun) for since, one in sorted(copies, key=lambda copy: bool(copy[1].today))
                     if one.begun is not None and not (good_today and one.today)), None)

    def _tell(self, config: NodeConfig) -> None:
        """What is other than when the node ran last, as a reload tells it. A list that was broken off between two
        entries is a good file, and what somebody needs is gone from it."""
        copy = self._state / FOLDER
        since = self._since(copy)
        if since is None or self._content(copy) == self._begun:
            return
        before = config_of(check(copy, self._overlay(copy)))
        changes = () if before is None else tuple(difference(before, config))
        if changes:
            log.warning("centre.changed", since=_told(since), changes=[one.place for one in changes[:TOLD_MOST]],
                        of=len(changes))

    def look(self) -> Content:
        """The files as they are now, to be given back to `taken`; nothing when they cannot be read."""
        with suppress(OSError):
            return self._read()
        return {}

    def begun(self) -> None:
        """The start has gone well."""
        if self.instead is None:
            self.taken(self._begun)

    def taken(self, content: Content) -> None:
        """The files are in force. `content`: as they were looked at right before they were read. Keeps a copy; that it
        cannot is a line in the log."""
        self.instead = None
        try:
            if self._read() != content:
                raise OSError(errno.EAGAIN, "the files were changed while they were read")
            if self._since(self._state / FOLDER) is None or self._content(self._state / FOLDER) != content:
                self._write(content)
        except OSError as error:
            log.warning("centre.not_kept", why=error.strerror or str(error))

    def _read(self) -> Content:
        paths = {name: self.folder / name for name in NAMES} | ({OVERLAY: self.overlay} if self.overlay else {})
        content: dict[str, bytes] = {}
        left = BYTES_MOST
        for name, path in paths.items():
            if name == ACCOMMODATIONS and not path.exists():
                continue
            with path.open("rb") as file:
                content[name] = file.read(left + 1)
            left -= len(content[name])
            if left < 0:
                raise OSError(errno.EFBIG, f"the files have more than {BYTES_MOST >> 20} MB")
        return content

    def _since(self, copy: Path) -> float | None:
        """Since when the files of a copy are in force; None: there is none, or it is of another centre."""
        try:
            about = json.loads((copy / ABOUT).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        if not isinstance(about, dict) or not isinstance(about.get("since"), float):
            return None
        return about["since"] if {**about, **self._whose()} == about else None

    def _overlay(self, copy: Path) -> Path | None:
        return copy / OVERLAY if self.overlay else None

    def _whose(self) -> dict[str, str | None]:
        return {"centre": str(self.folder.absolute()),
                "settings": None if self.overlay is None else str(self.overlay.absolute())}

    @staticmethod
    def _content(copy: Path) -> Content:
        return {path.name: path.read_bytes() for path in copy.iterdir() if path.name != ABOUT}

    def _write(self, content: Content) -> None:
        """Whole or not at all, and one is there at every moment: after a loss of power the new one, or `BEFORE`."""
        folder, draft, before = (self._state / name for name in (FOLDER, DRAFT, BEFORE))
        about = json.dumps({**self._whose(), "since": self._clock()}, ensure_ascii=False)
        _remove(draft)
        draft.mkdir(mode=0o700)
        for name, data in {**content, ABOUT: about.encode()}.items():
            handle = os.open(draft / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        sync_folder(draft)
        if folder.exists():
            _remove(before)
            folder.rename(before)
        draft.rename(folder)
        sync_folder(self._state)
        _remove(before)


def _judged(folder: Path, overlay: Path | None) -> _Judged:
    """The centre, when it can be put in force and everything it says can be played; and what is wrong."""
    checked = check(folder, overlay)
    config = config_of(checked)
    if config is None:
        return _Judged(None, checked.problems, checked.today)
    sounds, problems = playable(config)
    return _Judged(None if sounds is None else (config, sounds), problems, checked.today)


def _told(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")


def _remove(folder: Path) -> None:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
