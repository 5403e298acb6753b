"""Build the Debian package, and install, upgrade, downgrade and purge it in a fresh Debian 13."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deploy.conftest import HOUSE

TRIXIE = Path("/usr/bin/python3.13")
"""Debian 13's Python. The package belongs to it, and no other Python can build it."""

pytestmark = [pytest.mark.integration, pytest.mark.skipif(
    os.geteuid() != 0 or not TRIXIE.exists() or not all(map(shutil.which, ("mmdebstrap", "dpkg-deb", "strip"))),
    reason="a chroot needs root, mmdebstrap, binutils and Debian 13's Python")]

BUILD = HOUSE / "deploy" / "deb" / "build.py"
WHEELS = HOUSE / ".cache" / "wheels"
"""Wheels of the dependencies, kept between runs."""
OLD, NEW = "0.0.9", "0.1.0"
PLANTED = '''
from alembic import op
from sqlalchemy import Column, Text
revision, down_revision, branch_labels, depends_on = "0002", "0001", None, None
def upgrade(): op.create_table("planted", Column("one", Text, primary_key=True))
def downgrade(): op.drop_table("planted")
'''


def run(*words: str | Path, code: int = 0, **more: str) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=600, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **more})
    assert done.returncode == code, f"{words}: {done.returncode}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout + done.stderr


class Machine:
    """A Debian 13 in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *words: str, code: int = 0, **more: str) -> str:
        return run("chroot", self.root, *words, code=code, **more)

    def santral(self, *words: str, code: int = 0) -> str:
        return self.run("runuser", "-u", "santral", "--", "santral", *words, code=code)

    def santral_python(self, text: str) -> str:
        return self.run("runuser", "-u", "santral", "--", "/opt/santral/bin/python", "-Ic", text)

    def install(self, package: Path, code: int = 0, **more: str) -> str:
        shutil.copy(package, self.root / "tmp" / package.name)
        # Without a network: what the package needs is in it, or in Debian's base.
        return self.run("unshare", "--net", "dpkg", "-i", f"/tmp/{package.name}", code=code, **more)

    def path(self, name: str) -> Path:
        return self.root / name.lstrip("/")


@pytest.fixture(scope="module")
def packages(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a package of this tree with a lower version, and one with a higher version and a further migration."""
    wanted, stamp = (HOUSE / "setup.cfg").read_text(encoding="utf-8"), WHEELS / "setup.cfg"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        run(TRIXIE, BUILD, "collect", "--wheels", WHEELS)
        stamp.write_text(wanted, encoding="utf-8")
    wheels, root, out = (tmp_path_factory.mktemp(name) for name in ("wheels", "root", "packages"))
    for one in WHEELS.glob("*.whl"):
        if not one.name.startswith("santral-"):
            (wheels / one.name).symlink_to(one)
    shutil.copy(wheel, wheels / wheel.name)
    began = time.monotonic()
    first = run("unshare", "--net", TRIXIE, BUILD, "build", "--wheels", wheels, "--out", out, "--root",
                root / "tree", "--version", OLD, "--compression", "gzip")
    [versions] = (root / "tree").glob("opt/santral/lib/python3*/site-packages/routing/store/migrations/versions")
    (versions / "r0002_planted.py").write_text(PLANTED, encoding="utf-8")
    second = run(TRIXIE, BUILD, "pack", "--out", out, "--root", root / "tree", "--version", NEW,
                 "--compression", "gzip")
    print(f"two packages in {time.monotonic() - began:.0f} s")
    return Path(first.strip()), Path(second.strip())


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    root = tmp_path_factory.mktemp("debian") / "root"
    # The mirrors are those of this machine's own Debian 13.
    run("mmdebstrap", "--variant=minbase", "--include=python3,adduser,debconf", "trixie", root)
    yield Machine(root)
    shutil.rmtree(root, ignore_errors=True)


def test_a_package_is_installed_upgraded_refused_and_purged(packages: tuple[Path, Path], machine: Machine) -> None:
    old, new = packages
    # 1. Install it without a network, and run its commands as its user.
    told = machine.install(old)
    assert "describe your centre in /etc/santral/centre" in told
    assert machine.run("santral", "--version").startswith("santral ")
    assert machine.path("/var/lib/santral").stat().st_mode & 0o777 == 0o711
    shutil.copytree(HOUSE / "centres" / "meb", machine.path("/etc/santral/centre"))
    machine.run("chown", "-R", "santral:santral", "/etc/santral/centre")
    assert ": good. " in machine.santral("check", "/etc/santral/centre")
    machine.santral("lab", "day", "/var/lib/santral/day", "--date", "2026-03-02", "--contacts", "150")
    machine.run("sh", "-euc", "cd /var/lib/santral && mv day/* . && rmdir day")
    machine.santral_python("from pathlib import Path; from routing.store.callers.number_keys import NumberKeys; "
                           "NumberKeys.load_or_create(Path('/var/lib/santral/secrets/numbers.json'))")
    listed = machine.run("dpkg", "-L", "santral")
    for name in ("/usr/bin/santral", "/usr/share/man/man1/santral.1.gz",
                 "/usr/share/bash-completion/completions/santral", "/usr/lib/systemd/system/santral.service"):
        assert name in listed, name
    # 2. Without a backup there is no upgrade.
    machine.path("/var/backups").mkdir(exist_ok=True)
    machine.path("/var/backups/santral").write_text("a file, so no backup can be made here", encoding="utf-8")
    machine.install(new, code=1)
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "santral") == OLD
    machine.path("/var/backups/santral").unlink()
    # 3. Upgrade. A backup is made first, and the planted migration runs at the first start of a program.
    machine.install(new)
    [backup] = machine.path("/var/backups/santral").glob("santral-*.tar")
    assert revision(machine) == "0001"
    machine.santral("people", "list", "/etc/santral/centre")
    assert revision(machine) == "0002"
    # 4. A downgrade is refused, with a way back that works as it is written.
    told = machine.install(old, code=1)
    assert f"{OLD} is older than the installed {NEW}" in told and "The way back:" in told
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "santral") == NEW
    lines = [line.strip() for line in told.splitlines() if line.startswith("  ") and "systemctl" not in line]
    assert len(lines) == 4
    for line in lines:
        machine.run("sh", "-euc", line.replace("THIS_PACKAGE", f"/tmp/{old.name}").replace("FILE", backup.name))
    assert revision(machine) == "0001"
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "santral") == OLD
    assert "callbacks are dialled again" in machine.santral("release-callbacks", "/etc/santral/centre")
    # 5. A purge keeps the records, unless the question is answered with yes.
    machine.run("dpkg", "--purge", "santral")
    assert not machine.path("/opt/santral").exists() and machine.path("/var/lib/santral/santral.db").exists()
    machine.install(old)
    machine.run("sh", "-c", "echo santral santral/remove-data boolean true | debconf-set-selections")
    machine.run("dpkg", "--purge", "santral")
    assert not machine.path("/var/lib/santral").exists() and not machine.path("/etc/santral").exists()
    assert list(machine.path("/var/backups/santral").iterdir())


def revision(machine: Machine) -> str:
    return machine.run("python3", "-c", "import sqlite3; print(sqlite3.connect('/var/lib/santral/santral.db').execute("
                       "'select version_num from alembic_version').fetchone()[0])").strip()


@pytest.mark.long
def test_lintian_finds_no_error(packages: tuple[Path, Path]) -> None:
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    found = subprocess.run(["lintian", "--tag-display-limit", "0", packages[0]], capture_output=True, text=True,
                           timeout=1200, check=False).stdout
    assert [line for line in found.splitlines() if line.startswith("E:")] == []


def test_the_unit_is_sound_and_hardened(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("no systemd-analyze on this machine")
    text = (HOUSE / "deploy" / "santral.service").read_text(encoding="utf-8")
    copy = tmp_path / "santral.service"
    copy.write_text(text.replace("ExecStart=santral", "ExecStart=/bin/true"), encoding="utf-8")
    told = subprocess.run([analyze, "verify", "--man=no", copy], capture_output=True, text=True, timeout=60,
                          check=False).stderr
    assert not [line for line in told.splitlines() if "santral" in line], told
    exposure = subprocess.run([analyze, "security", "--offline=true", copy], capture_output=True, text=True,
                              timeout=60, check=True).stdout
    level = re.search(r"Overall exposure level for \S+: ([\d.]+)", exposure)
    assert level is not None and float(level[1]) <= 2.0, exposure
