"""Carries out `docs/operate/install.md`: every command line of the page, in its order, below a folder used as `/`.

The commands run as on the page. Only paths (`/etc`, `/var`, `/usr/local` and `/opt/santral` are below the folder),
ports, and steps for root of a whole machine (packages, users, owners, units) are replaced.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from lab.pbx.ports import PortBlock
from lab.phones.network_conf import CALLERS
from tests.system.stock_asterisk import StockAsterisk

HOUSE = Path(__file__).resolve().parents[2]
PAGE = HOUSE / "docs" / "operate" / "install.md"

COMMAND_S = 600.0
"""Building all prompts takes a minute or two on a slow machine."""

ELSEWHERE = ("apt-get update && apt-get install -y git make",
             "git clone <this repository> /opt/santral && cd /opt/santral", "make install",
             "adduser --system --group --home /var/lib/santral santral")
"""Lines whose work is done before any test runs, or is an administrator's: their exact words, so that a change of the
page is seen here."""

PRELUDE = 'runuser() { shift 3; "$@"; }; chown() { :; }; '
"""Everything runs as one user here; rights are looked at by their modes."""

_PATHS = re.compile(r"(?<![\w./])/(?=(?:etc|var|run/santral-spool|usr/local|opt/santral)\b)")
_OWNERS = re.compile(r"(?<=install) ((?:-d )?)-o \w+ -g \w+")


class Unit(NamedTuple):
    """A systemd unit as far as it starts a process."""

    command: tuple[str, ...]
    umask: int
    state_mode: int
    never_again: tuple[int, ...]
    """Exit codes after which it is not started again."""


class Machine:
    """The machine of the page."""

    def __init__(self, root: Path, asterisk: StockAsterisk, ports: PortBlock) -> None:
        self.root = root
        self.asterisk = asterisk
        self.node: subprocess.Popen[bytes] | None = None
        self.log = root / "node.log"
        self.ran: list[str] = []
        """Every line that was carried out, as it stands on the page."""
        self.places = {name: f"127.0.0.1:{ports.free_port()}" for name in ("agi", "http", "ami", "sip")}
        self.rtp = ports.media_range(64)
        for folder in ("etc/systemd/system", "etc/tmpfiles.d", "run", "usr/local/bin", "var/lib/santral", "opt"):
            (root / folder).mkdir(parents=True)
        (root / "opt/santral").symlink_to(HOUSE)

    def path(self, name: str) -> Path:
        """A path of the page, here."""
        return self.root / name.lstrip("/")

    def here(self, text: str) -> str:
        """A text of the page with the paths of this machine."""
        # The page's virtual environment is the one these tests run in.
        text = text.replace("/opt/santral/.venv/bin/santral", f"{Path(sys.executable).parent}/santral")
        return _PATHS.sub(f"{self.root}/", text)

    def run(self, line: str) -> str:
        """Carry out a line of the page; what it printed. Fails as the page would."""
        self.ran.append(line)
        if line in ELSEWHERE:
            return ""
        if line == "systemctl restart asterisk":
            self.asterisk.restart()
            return ""
        if line == "systemctl daemon-reload && systemctl enable --now santral":
            self.start_node()
            return ""
        if line.startswith("asterisk -rx "):
            return self.asterisk.console(shlex.split(line)[2])
        done = subprocess.run(["/bin/sh", "-euc", PRELUDE + self.here(_OWNERS.sub(r" \1", line))], cwd=HOUSE,
                              capture_output=True, text=True, timeout=COMMAND_S, check=False, env=self.env)
        assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
        return done.stdout

    @property
    def env(self) -> Mapping[str, str]:
        """Of a root shell, with this machine's /usr/local/bin; wide tables."""
        return {"PATH": f"{self.root}/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(self.root),
                "LANG": "C.UTF-8", "COLUMNS": "200"}

    def settings(self, text: str) -> None:
        """Write local.toml: the page's, with ports and carrier of this machine."""
        text = self.here(text).replace('"192.0.2.10"', f'"{CALLERS}"')
        for old, new in (("127.0.0.1:4573", self.places["agi"]), ("127.0.0.1:8063", self.places["http"]),
                         ("127.0.0.1:5038", self.places["ami"]), ("0.0.0.0:5060", self.places["sip"]),
                         ("rtp_start = 10000", f"rtp_start = {self.rtp[0]}"),
                         ("rtp_end = 20000", f"rtp_end = {self.rtp[1]}")):
            assert old in text, f"{old} stands no more in the page's local.toml"
            text = text.replace(old, new)
        self.path("/etc/santral/local.toml").write_text(text, encoding="utf-8")

    def start_node(self) -> None:
        """As systemd would, from the unit that was copied."""
        chosen = unit(self.path("/etc/systemd/system/santral.service").read_text(encoding="utf-8"))
        self.path("/var/lib/santral").chmod(chosen.state_mode)
        words = [self.here(word) for word in chosen.command]
        with self.log.open("ab") as log:
            self.node = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env,
                                         cwd="/", umask=chosen.umask, start_new_session=True)

    def close(self) -> None:
        """Nothing is left running."""
        if self.node is not None and self.node.poll() is None:
            self.node.kill()
            self.node.wait()
        self.asterisk.stop()


def commands(page: str) -> list[str]:
    """The command lines of a page: its indented blocks. Lists are no commands."""
    return [line.strip() for line in page.splitlines() if line.startswith("    ")]


def toml_block(page: str) -> str:
    """The one TOML block of a page."""
    found = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    assert len(found) == 1
    return str(found[0])


def unit(text: str) -> Unit:
    """A unit file, read."""
    values = {key: value for line in text.splitlines() if not line.startswith(("#", ";", "["))
              for key, _, value in [line.partition("=")] if value}
    return Unit(tuple(shlex.split(values["ExecStart"])), int(values["UMask"], 8), int(values["StateDirectoryMode"], 8),
                tuple(int(code) for code in values["RestartPreventExitStatus"].split()))


def readable_by_all(path: Path, root: Path) -> bool:
    """Whether anybody may read a file, and enter every folder from `root` down to it."""
    folders = [one for one in path.parents if one.is_relative_to(root) and one != root]
    return bool(path.stat().st_mode & 0o004) and all(one.stat().st_mode & 0o001 for one in folders)
