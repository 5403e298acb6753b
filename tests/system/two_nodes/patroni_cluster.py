"""Two servers of PostgreSQL under Patroni with etcd, by the files and commands that docs/operate/postgresql.md shows.

Each text is taken from the page. Only what belongs to one machine is replaced: names, addresses, ports and folders.
Root starts everything as `postgres`, as Debian's services do.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import subprocess
import tempfile
import textwrap
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from lab.pbx import process
from lab.pbx.ports import PortBlock
from lab.private_postgres import PrivatePostgres, find_programs
from routing.store.database import url_of
from tests.until import until

PAGE = (Path(__file__).parents[3] / "docs/operate/postgresql.md").read_text(encoding="utf-8")
MEMBERS, VOTES = ("db-a", "db-b"), ("db-a", "db-b", "pbx")
"""Names of the page: the two servers, and the three machines with a vote."""
PROGRAMS = {"/usr/bin/etcd": "etcd-server", "/usr/bin/patroni": "patroni", "/usr/bin/patronictl": "patroni"}
USER = "postgres"
LIMIT_S = 90.0
"""Limit for a start and for a promotion. Patroni itself needs up to 25 s, and a busy machine more."""
COMMAND_S = 60.0
ASK_S = 2
"""Limit of one connection to a member, the least that libpq has."""


class Member(NamedTuple):
    """A member of the cluster."""

    name: str
    port: int
    api: int
    folder: Path

    @property
    def config(self) -> Path:
        """Return the file of Patroni."""
        return self.folder / "config.yml"


def fenced(kind: str, begin: str) -> str:
    """Return the fenced block of the page that begins so."""
    (found,) = [one for one in re.findall(rf"^```{kind}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
                if one.startswith(begin)]
    return str(found)


def commands(part: str) -> str:
    """Return the indented block of the page that has this part."""
    (found,) = [one for one in re.findall(r"^(?: {4}.*\n)+", PAGE, re.MULTILINE) if part in one]
    return textwrap.dedent(found)


class PatroniCluster:
    """The whole cluster, from `start` to `stop`."""

    def __init__(self) -> None:
        for program, package in PROGRAMS.items():
            if not Path(program).exists():
                pytest.fail(f"{program} is missing: make packages, or apt-get install {package}")
        found = find_programs()
        if found is None:
            pytest.fail("PostgreSQL is missing: make packages, or apt-get install postgresql")
        self._programs: Path = found
        self._user = USER if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="santral-patroni-"))
        self.folder.chmod(0o755)
        self._ports = PortBlock()
        self.members = {name: Member(name, self._ports.free_port(), self._ports.free_port(), self.folder / name)
                        for name in MEMBERS}
        self._votes = {name: (self._ports.free_port(), self._ports.free_port()) for name in VOTES}
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.password = "a-password-of-this-test"

    # --- life ---------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start etcd and both members, and make role and database. Return when the standby is synchronous."""
        self._own(self.folder)
        for member in self.members.values():
            member.folder.mkdir()
            self._own(member.folder)
        self._sign_certificates()
        self._start_votes()
        # The first member makes the cluster, so that the other one copies it.
        for name in MEMBERS:
            self._write_config(self.members[name])
            self.start_member(name)
            until(lambda: self.leader() == MEMBERS[0], LIMIT_S, f"{MEMBERS[0]} leads, see {self.folder}")
        until(self.is_synchronous, LIMIT_S, f"the standby is synchronous, see {self.folder}")
        self._make_database()

    def stop(self) -> None:
        """End all processes, and take the folder away."""
        for name in MEMBERS:
            with suppress(KeyError):
                self.kill_member(name)
        for started in self._processes.values():
            started.kill()
            started.wait()
        self._ports.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start_member(self, name: str) -> None:
        """Start Patroni of a member, for the first time or again. Patroni starts PostgreSQL."""
        member = self.members[name]
        # Patroni keeps passwords in its home folder.
        self._start(f"patroni-{name}", ["/usr/bin/patroni", str(member.config)], {"HOME": str(member.folder)})

    def kill_member(self, name: str) -> None:
        """Kill Patroni and PostgreSQL of a member with SIGKILL, as a machine that loses its power."""
        patroni = self._processes.pop(f"patroni-{name}")
        patroni.kill()
        patroni.wait()
        self.server(name).kill()

    def server(self, name: str) -> PrivatePostgres:
        """Return the server of a member."""
        member = self.members[name]
        return PrivatePostgres(self._programs, member.folder, member.port)

    # --- what it says -------------------------------------------------------------------------------------------------

    def run_patronictl(self, *arguments: str) -> str:
        """Run `patronictl` with the file of the first member, and return what it prints."""
        return self._run(["/usr/bin/patronictl", "-c", str(self.members[MEMBERS[0]].config), *arguments])

    def list_roles(self) -> dict[str, str]:
        """Return the role of each member by `patronictl list`, none while etcd has no leader."""
        rows: list[dict[str, Any]] = yaml.safe_load(self.run_patronictl("list", "-f", "yaml")) or []
        return {str(row["Member"]): str(row["Role"]) for row in rows if row["State"] in ("running", "streaming")}

    def leader(self) -> str:
        """Return the name of the leader, or an empty text."""
        return next((name for name, role in self.list_roles().items() if role == "Leader"), "")

    def is_synchronous(self) -> bool:
        """Return whether one member leads and the other one is its synchronous standby."""
        return sorted(self.list_roles().values()) == ["Leader", "Sync Standby"]

    def wait_writable(self, name: str) -> float:
        """Wait until a member stores a row, and return the Unix time of that."""
        member = self.members[name]
        engine = create_engine(url_of(f"postgresql://santral@localhost:{member.port}/santral?{self._tls()}"
                                      f"&connect_timeout={ASK_S}"), poolclass=NullPool)
        written: list[float] = []

        def write() -> bool:
            with suppress(DBAPIError), engine.begin() as connection:
                connection.exec_driver_sql("create table if not exists written_by_test (at float)")
                connection.exec_driver_sql("insert into written_by_test values (1)")
                connection.commit()
                written.append(time.time())
            return bool(written)

        until(write, LIMIT_S, f"{name} takes writes")
        engine.dispose()
        return written[0]

    def url(self) -> str:
        """Return the URL of the page for nodes, with both members."""
        line = next(one for one in fenced("toml", "[store]").splitlines() if one.startswith("url = "))
        return self._fit(line.partition('"')[2].rstrip('"'), MEMBERS[0])

    def tail(self) -> str:
        """Return the last lines of Patroni's logs."""
        logs = sorted(self.folder.glob("patroni-*.log"))
        return "\n".join(f"{path.name}:\n{process.read_tail(path)}" for path in logs)

    # --- the page -----------------------------------------------------------------------------------------------------

    def _tls(self) -> str:
        return f"sslmode=verify-full&sslrootcert={self.folder}/db-ca.pem&passfile={self.folder}/pgpass"

    def _fit(self, text: str, name: str) -> str:
        """Return a text of the page for the member or vote of this name on this machine."""
        replaced = {**{f"{one}.example:5432": f"localhost:{member.port}" for one, member in self.members.items()},
                    **{f"{one}.example:8008": f"localhost:{member.api}" for one, member in self.members.items()},
                    **{f"{one}.example:2379": f"localhost:{ports[0]}" for one, ports in self._votes.items()},
                    **{f"{one}.example:2380": f"localhost:{ports[1]}" for one, ports in self._votes.items()},
                    "192.0.2.11:2379": f"127.0.0.1:{self._votes[name][0]}",
                    "192.0.2.11:2380": f"127.0.0.1:{self._votes[name][1]}",
                    "192.0.2.0/24": "127.0.0.0/8", "$name.example": "localhost",
                    "/usr/lib/postgresql/17/bin": str(self._programs),
                    "/var/lib/postgresql/17/main": f"{self.folder}/{name}/data",
                    "/etc/patroni": f"{self.folder}/{name}", "/root/database-ca": f"{self.folder}/ca",
                    "/var/lib/santral/secrets": str(self.folder), "PASSWORD": self.password}
        for old, new in replaced.items():
            text = text.replace(old, new)
        assert ".example" not in text and "192.0.2." not in text, f"the page names another machine: {text}"
        return text

    def _sign_certificates(self) -> None:
        """Sign the certificates of both servers, and put them where the page puts them."""
        self._shell(self._fit(commands("openssl req -x509"), MEMBERS[0]))
        for name, member in self.members.items():
            for ending in ("key", "pem"):
                target = member.folder / f"server.{ending}"
                shutil.copyfile(self.folder / "ca" / f"{name}.{ending}", target)
                target.chmod(0o600)
                self._own(target)
        shutil.copyfile(self.folder / "ca/ca.pem", self.folder / "db-ca.pem")

    def _start_votes(self) -> None:
        (lines,) = re.findall(r"<<'END'\n(.*?)^END$", commands("ETCD_NAME"), re.DOTALL | re.MULTILINE)
        for name in VOTES:
            # The other machines have their own name and addresses in these places.
            text = "\n".join(one if one.startswith("ETCD_INITIAL_CLUSTER=") else one.replace(MEMBERS[0], name)
                             for one in lines.splitlines())
            env = dict(line.split("=", 1) for line in self._fit(text, name).splitlines())
            data = {"ETCD_DATA_DIR": f"{self.folder}/etcd-{name}"}
            self._start(f"etcd-{name}", ["/usr/bin/etcd"], env | data)

    def _write_config(self, member: Member) -> None:
        text, other = fenced("yaml", "scope: santral"), MEMBERS[0]
        # The other machine has its own name in the first five places.
        text = text.replace(other, member.name, 5)
        config = yaml.safe_load(self._fit(text, member.name))
        config["postgresql"]["parameters"]["unix_socket_directories"] = str(member.folder)
        member.config.write_text(yaml.safe_dump(config), encoding="utf-8")
        member.config.chmod(0o600)
        self._own(member.config)

    def _make_database(self) -> None:
        """Make role, database and the file with the password."""
        first = self.members[MEMBERS[0]]
        authentication = yaml.safe_load(first.config.read_text())["postgresql"]["authentication"]["superuser"]
        env = {"PGHOST": "localhost", "PGPORT": str(first.port), "PGUSER": authentication["username"],
               "PGPASSWORD": authentication["password"]}
        for line in commands("createuser").splitlines():
            command = line.removeprefix("runuser -u postgres -- ").split()
            # Without a terminal the password is read from the input, twice.
            self._run([str(self._programs / command[0]), *command[1:]], env, f"{self.password}\n" * 2)
        (line,) = [one for one in commands(">pgpass").splitlines() if one.startswith("echo")]
        path = self.folder / "pgpass"
        # Each server has another port here.
        path.write_text(self._fit(line.split("'")[1].replace("*:5432:", "*:*:"), MEMBERS[0]) + "\n", encoding="utf-8")
        path.chmod(0o600)

    # --- processes ----------------------------------------------------------------------------------------------------

    def _own(self, path: Path) -> None:
        if self._user is not None:
            shutil.chown(path, self._user, self._user)

    def _start(self, name: str, command: list[str], env: Mapping[str, str] | None = None) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder,
                env=_environment() | dict(env or {}), user=self._user, group=self._user, extra_groups=self._groups(),
                start_new_session=True)

    def _groups(self) -> list[int] | None:
        return None if self._user is None else os.getgrouplist(self._user, pwd.getpwnam(self._user).pw_gid)

    def _shell(self, script: str) -> None:
        self._run(["/bin/sh", "-e", "-c", script])

    def _run(self, command: list[str], env: Mapping[str, str] | None = None, told: str = "") -> str:
        done = subprocess.run(command, input=told, capture_output=True, text=True, cwd=self.folder, user=self._user,
                              group=self._user, extra_groups=self._groups(), env=_environment() | dict(env or {}),
                              timeout=COMMAND_S, start_new_session=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
