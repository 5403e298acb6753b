"""The PostgreSQL of a lab: a primary, and if wanted a synchronous standby that follows it.

    pair = LabPostgres.attach(folder)
    pair.primary.kill()
    pair.standby.promote()
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from lab.errors import LabError, NotReady
from lab.lab_record import load_state, note_process
from lab.private_postgres import OLDEST, PrivatePostgres, find_programs

PRIMARY, STANDBY = "primary", "standby"
"""Roles at the start, by which the servers are called until the end of the lab."""
PREFIX = "santral-lab-pg-"
"""Beginning of a server's folder. It is no folder of the lab, because the server runs as another user."""


class ServerPlace(NamedTuple):
    """A server of a lab, as recorded in `lab.json`."""

    name: str
    folder: str
    port: int

    @property
    def process(self) -> str:
        """Name of its process in `lab.json`."""
        return f"postgres-{self.name}"


class LabServer(PrivatePostgres):
    """A server whose processes the lab records."""

    def __init__(self, lab: Path, place: ServerPlace) -> None:
        super().__init__(_require_programs(), Path(place.folder), place.port)
        self._lab, self.place = lab, place

    def start_again(self, *settings: str) -> None:
        """Start the server on the folder that it has, and wait until it takes connections."""
        super().start_again(*settings)
        identity = self.find_process()
        if identity is None:
            raise NotReady(f"the PostgreSQL of {self.folder} ended while it started. See {self.folder / 'log'}")
        note_process(self._lab, self.place.process, identity, self.folder)


class LabPostgres:
    """The servers of a lab."""

    def __init__(self, lab: Path, places: tuple[ServerPlace, ...]) -> None:
        self.places = places
        servers = [LabServer(lab, place) for place in places]
        self.primary = servers[0]
        """The server that is the primary at first. It stays under this name when the other one is promoted."""
        self._other = servers[1] if len(servers) > 1 else None

    @classmethod
    def choose_places(cls, lab: Path, ports: list[int]) -> LabPostgres:
        """Return servers that do not run yet: a primary, and a standby for a second port."""
        _require_programs()
        return cls(lab, tuple(ServerPlace(name, tempfile.mkdtemp(prefix=PREFIX), port)
                              for name, port in zip((PRIMARY, STANDBY), ports, strict=False)))

    @classmethod
    def attach(cls, lab: Path) -> LabPostgres:
        """Return the servers of a lab that runs. Raise LabError if it has none."""
        found = tuple(ServerPlace(**one) for one in load_state(lab).get("postgres", ()))
        if not found:
            raise LabError(f"the lab in {lab} has no PostgreSQL. Start one with it: santral lab up --store postgres")
        return cls(lab, found)

    @property
    def standby(self) -> LabServer:
        """Return the server that is the standby at first. Raise LabError if there is none."""
        if self._other is None:
            raise LabError("this lab has no standby of PostgreSQL. Start one with it: santral lab up --standby")
        return self._other

    def start(self) -> None:
        """Start the primary and then its standby. From then on each commit waits for both."""
        self.primary.start(self.primary.place.port)
        if self._other is not None:
            self.follow_other(self.primary, self._other)

    def follow_other(self, primary: LabServer, standby: LabServer) -> None:
        """Make a server the synchronous standby of the other one, with a new copy of its rows."""
        standby.kill()
        primary.pair_with(standby, standby.place.port, standby.place.name)

    def release_commits(self) -> None:
        """Let the primary commit without its standby, as Patroni does when the standby is gone."""
        self.primary.demand_standby("")

    def url(self, through: Callable[[str, str], str] = lambda name, place: place) -> str:
        """Return the URL for nodes: all servers, of which the one that takes writes counts.

        `through` takes name and address of a server and returns the address that the node shall use.
        """
        hosts = [through(one.name, f"127.0.0.1:{one.port}") for one in self.places]
        return ("postgresql://santral@/postgres?" + "".join(f"host={host}&" for host in hosts)
                + "target_session_attrs=primary")


def _require_programs() -> Path:
    if (found := find_programs()) is None:
        raise LabError(f"PostgreSQL {OLDEST} or later is not installed: apt-get install postgresql")
    return found


def thaw_servers(places: list[dict[str, object]]) -> None:
    """Let frozen servers of a lab go on, so that nodes and servers can end."""
    for server in _attach_servers(places):
        server.thaw()


def remove_servers(places: list[dict[str, object]]) -> None:
    """End what is left of the servers of a lab, and take their folders away."""
    for server in _attach_servers(places):
        server.kill()
        shutil.rmtree(server.folder, ignore_errors=True)


def _attach_servers(places: list[dict[str, object]]) -> list[PrivatePostgres]:
    programs = find_programs()
    folders = [Path(str(place["folder"])) for place in places]
    return [] if programs is None else [PrivatePostgres(programs, folder) for folder in folders
                                        if folder.name.startswith(PREFIX) and folder.is_dir()]
