"""A private PostgreSQL server: its own folder, its own socket, no port unless one is given."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import create_engine, text

from lab.errors import NotReady
from lab.pbx.ports import PortBlock
from lab.pbx.process import KILL_S, POLL_S, Identity, identify_process, wait_end
from routing.store.database import url_of

PROGRAMS = Path("/usr/lib/postgresql")
"""Where Debian puts the servers, one folder a version."""
OLDEST = 15
START_S = 60
FOLLOW_S = 60.0
"""Limit until a standby has caught up, which takes half a second. A machine under full load takes longer."""
PID_FILE = "postmaster.pid"
UNPRIVILEGED = ("postgres", "nobody")
"""The server refuses to run as root: it is started as the first of these that exists."""


def find_programs() -> Path | None:
    """Return the folder of the newest server that is new enough, or None if there is none."""
    found = [path for path in PROGRAMS.glob("*/bin") if path.parent.name.isdigit() and int(path.parent.name) >= OLDEST]
    return max(found, key=lambda path: int(path.parent.name), default=None)


class PrivatePostgres:
    """One server, from `start` or `follow` to `stop`."""

    def __init__(self, programs: Path, folder: Path | None = None, port: int | None = None) -> None:
        """With a `folder` the object is for a server that another process has made, at this port."""
        self._programs, self.port = programs, port
        self.folder = folder or Path(tempfile.mkdtemp(prefix="santral-pg-"))
        self._user: str | None = None
        if os.geteuid() == 0:
            self._user = next(name for name in UNPRIVILEGED if _exists(name))
            shutil.chown(self.folder, self._user)

    @property
    def url(self) -> str:
        """Return its URL, of a role that may create databases."""
        return (f"postgresql://santral@/postgres?host={quote(str(self.folder), safe='')}"
                + ("" if self.port is None else f"&port={self.port}"))

    @property
    def data(self) -> Path:
        """Return the folder of its rows."""
        return self.folder / "data"

    def start(self, port: int | None = None) -> None:
        """Make the folder of the server and start it, on a port of the machine too if one is given."""
        self.port = port
        self._run("initdb", "--pgdata", str(self.data), "--auth=trust", "--username=santral", "--encoding=UTF8",
                  "--no-sync")
        self.start_again()

    def follow(self, primary: PrivatePostgres, port: int, name: str) -> None:
        """Copy another server and follow it under a name, as its standby. The former rows of this server are gone."""
        self.port = port
        shutil.rmtree(self.data, ignore_errors=True)
        self._run("pg_basebackup", "--pgdata", str(self.data), "--write-recovery-conf", "--wal-method=stream",
                  "--checkpoint=fast", "--no-sync", "--dbname",
                  f"host=127.0.0.1 port={primary.port} user=santral application_name={name}")
        # The copy has the other server's own settings, and shall wait for nobody when it is promoted.
        self.start_again("synchronous_standby_names=")

    def start_again(self, *settings: str) -> None:
        """Start the server on the folder that it has, and wait until it takes connections."""
        # A server that was killed has left this file. Its pid may belong to another process now.
        if self.find_process() is None:
            (self.data / PID_FILE).unlink(missing_ok=True)
        addresses = "''" if self.port is None else f"127.0.0.1 -c port={self.port}"
        options = f"-c listen_addresses={addresses} -c unix_socket_directories={self.folder}"
        if settings:
            with (self.data / "postgresql.auto.conf").open("a", encoding="utf-8") as file:
                file.writelines(f"{name} = '{value}'\n" for name, _, value in (one.partition("=") for one in settings))
        self._run("pg_ctl", "--pgdata", str(self.data), "--log", str(self.folder / "log"), "--wait", "--timeout",
                  str(START_S), "--options", options, "start")

    def find_process(self) -> Identity | None:
        """Return its first process, or None if the server does not run."""
        try:
            pid = int((self.data / PID_FILE).read_text().split()[0])
            program = Path(f"/proc/{pid}/exe").readlink()
        except (OSError, ValueError, IndexError):
            return None
        return identify_process(pid) if program.name == "postgres" else None

    def freeze(self) -> None:
        """Stop all its processes where they are. The kernel still takes connections for them."""
        self._signal_processes(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let the processes go on."""
        self._signal_processes(signal.SIGCONT)

    def kill(self) -> None:
        """Kill all its processes at once, as a machine that loses its power. Safe to repeat."""
        first = self.find_process()
        self._signal_processes(signal.SIGKILL)
        if first is not None and not wait_end(first, KILL_S):
            raise RuntimeError(f"the PostgreSQL of {self.folder} does not end (pid {first.pid})")

    def promote(self) -> None:
        """Make a standby the primary, and wait until it takes writes."""
        self._run("pg_ctl", "--pgdata", str(self.data), "--wait", "--timeout", str(START_S), "promote")

    def demand_standby(self, name: str = "gone") -> None:
        """Let each commit wait for a synchronous standby, by default for one that is not there. No name ends that."""
        engine = create_engine(url_of(self.url), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f"ALTER SYSTEM SET synchronous_standby_names = '{name}'"))
            connection.execute(text("SELECT pg_reload_conf()"))
        engine.dispose()

    def is_followed(self) -> bool:
        """Return whether a synchronous standby has all that this server has written."""
        engine = create_engine(url_of(self.url))
        with engine.connect() as connection:
            found = connection.execute(text("SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"))
            followed = bool(found.scalar_one())
        engine.dispose()
        return followed

    def pair_with(self, standby: PrivatePostgres, port: int, name: str) -> None:
        """Make another server the synchronous standby of this one, and wait until it has caught up."""
        standby.follow(self, port, name)
        self.demand_standby(name)
        end = time.monotonic() + FOLLOW_S
        while not self.is_followed():
            if time.monotonic() >= end:
                raise NotReady(f"the standby of PostgreSQL did not follow within {FOLLOW_S:.0f} s. See "
                               f"{standby.folder / 'log'}")
            time.sleep(POLL_S)

    def stop(self) -> None:
        """End it and take its folder away."""
        try:
            if self.find_process() is not None:
                self.thaw()
                self._run("pg_ctl", "--pgdata", str(self.data), "--mode=immediate", "stop")
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _signal_processes(self, number: signal.Signals) -> None:
        first = self.find_process()
        if first is None:
            return
        with suppress(OSError):
            children = Path(f"/proc/{first.pid}/task/{first.pid}/children").read_text().split()
            for pid in (first.pid, *map(int, children)):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run([str(self._programs / program), *arguments], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, user=self._user, cwd=self.folder, timeout=2 * START_S,
                              env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr.strip()}")


@contextmanager
def start_pair(programs: Path) -> Iterator[tuple[PrivatePostgres, PrivatePostgres]]:
    """Yield a server whose commits wait for its synchronous standby, and that standby. Both end afterwards."""
    primary, standby, ports = PrivatePostgres(programs), PrivatePostgres(programs), PortBlock()
    try:
        primary.start(ports.free_port())
        primary.pair_with(standby, ports.free_port(), "standby")
        yield primary, standby
    finally:
        ports.close()
        standby.stop()
        primary.stop()


def _exists(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True
