"""A private PostgreSQL for tests: its own folder, its own socket, no port. Not a fake, only short-lived."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import quote

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian puts the servers, one folder a version."""
OLDEST = 15
START_S = 60
UNPRIVILEGED = ("postgres", "nobody")
"""The server refuses to run as root: it is started as the first of these that exists."""


def programs() -> Path | None:
    """Folder of the newest server that is new enough; None: there is none."""
    found = [path for path in PROGRAMS.glob("*/bin") if path.parent.name.isdigit() and int(path.parent.name) >= OLDEST]
    return max(found, key=lambda path: int(path.parent.name), default=None)


class PrivatePostgres:
    """One server, from `start` to `stop`."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="santral-pg-"))
        self._user: str | None = None
        if os.geteuid() == 0:
            self._user = next(name for name in UNPRIVILEGED if _exists(name))
            shutil.chown(self._folder, self._user)

    def start(self) -> str:
        """Its URL, of a role that may create databases."""
        data = self._folder / "data"
        self._run("initdb", "--pgdata", str(data), "--auth=trust", "--username=santral", "--encoding=UTF8", "--no-sync")
        options = f"-c listen_addresses='' -c unix_socket_directories={self._folder}"
        self._run("pg_ctl", "--pgdata", str(data), "--log", str(self._folder / "log"), "--wait", "--timeout",
                  str(START_S), "--options", options, "start")
        return f"postgresql://santral@/postgres?host={quote(str(self._folder), safe='')}"

    def stop(self) -> None:
        """End it and take its folder away."""
        try:
            self._run("pg_ctl", "--pgdata", str(self._folder / "data"), "--mode=immediate", "stop")
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([str(self._programs / program), *arguments], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, user=self._user, cwd=self._folder, timeout=2 * START_S,
                              env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr.strip()}")


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
