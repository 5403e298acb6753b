"""A private PostgreSQL server: its own folder, its own socket, no port unless one is given."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, text

from routing.store.database import url_of

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian puts the servers, one folder a version."""
OLDEST = 15
START_S = 60
UNPRIVILEGED = ("postgres", "nobody")
"""The server refuses to run as root: it is started as the first of these that exists."""


def find_programs() -> Path | None:
    """Return the folder of the newest server that is new enough, or None if there is none."""
    found = [path for path in PROGRAMS.glob("*/bin") if path.parent.name.isdigit() and int(path.parent.name) >= OLDEST]
    return max(found, key=lambda path: int(path.parent.name), default=None)


class PrivatePostgres:
    """One server, from `start` to `stop`."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self.folder = Path(tempfile.mkdtemp(prefix="santral-pg-"))
        self.url = f"postgresql://santral@/postgres?host={quote(str(self.folder), safe='')}"
        """Its URL, of a role that may create databases."""
        self._user: str | None = None
        if os.geteuid() == 0:
            self._user = next(name for name in UNPRIVILEGED if _exists(name))
            shutil.chown(self.folder, self._user)

    def start(self, port: int | None = None) -> None:
        """Make the folder of the server and start it, on a port of the machine too if one is given."""
        data = self.folder / "data"
        self._run("initdb", "--pgdata", str(data), "--auth=trust", "--username=santral", "--encoding=UTF8", "--no-sync")
        if port is not None:
            self.url += f"&port={port}"
        addresses = "''" if port is None else f"127.0.0.1 -c port={port}"
        options = f"-c listen_addresses={addresses} -c unix_socket_directories={self.folder}"
        self._run("pg_ctl", "--pgdata", str(data), "--log", str(self.folder / "log"), "--wait", "--timeout",
                  str(START_S), "--options", options, "start")

    def freeze(self) -> None:
        """Stop all its processes where they are. The kernel still takes connections for them."""
        self._signal_processes(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the processes go on."""
        self._signal_processes(signal.SIGCONT)

    def demand_standby(self) -> None:
        """Let each commit wait for a synchronous standby that is not there."""
        engine = create_engine(url_of(self.url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text("ALTER SYSTEM SET synchronous_standby_names = 'gone'"))
            connection.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()

    def _signal_processes(self, number: signal.Signals) -> None:
        first = int((self.folder / "data/postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        for pid in (first, *map(int, children)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def stop(self) -> None:
        """End it and take its folder away."""
        try:
            self.thaw()
            self._run("pg_ctl", "--pgdata", str(self.folder / "data"), "--mode=immediate", "stop")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([str(self._programs / program), *arguments], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, user=self._user, cwd=self.folder, timeout=2 * START_S,
                              env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr.strip()}")


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
