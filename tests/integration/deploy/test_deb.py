"""Install the Debian package, upgrade it, refuse a downgrade and purge it in a fresh Debian 13."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.integration.deploy.debian import CHROOT, NEEDED, NEW, NEWEST, OLD, PLANTED_NUMBER, Machine
from tests.integration.deploy.source_tree import HOUSE

pytestmark = [pytest.mark.integration, pytest.mark.skipif(not CHROOT, reason=NEEDED)]


def test_a_package_is_installed_upgraded_refused_and_purged(packages: tuple[Path, Path], machine: Machine) -> None:
    old, new = packages
    # 1. Install it without a network, and run its commands as its user.
    told = machine.install(old)
    assert "describe your centre in /etc/santral/centre" in told
    assert machine.run("santral", "--version").startswith("santral ")
    assert machine.path("/var/lib/santral").stat().st_mode & 0o777 == 0o711
    machine.run("cp", "-r", "/opt/santral/centres/meb", "/etc/santral/centre")
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
    # 3. Upgrade. A backup is made first. The planted migration is too long for a start by its estimate, so programs
    # refuse it, and the package prints what to do.
    told = machine.install(new)
    [backup] = machine.path("/var/backups/santral").glob("santral-*.tar")
    assert "rows of contacts, about 1 minute" in told and "the old version goes on until you stop it" in told
    assert "santral store upgrade" in machine.santral("people", "list", "/etc/santral/centre", code=4)
    assert revision(machine) == NEWEST
    [command] = [line.strip() for line in told.splitlines() if line.startswith("  runuser")]
    assert f"the tables have revision {PLANTED_NUMBER}" in machine.run("sh", "-euc", command)
    assert revision(machine) == PLANTED_NUMBER
    # 4. The tables only grew, so the release before works on them, and the newer one afterwards.
    machine.install(old)
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "santral") == OLD
    assert machine.santral("people", "list", "/etc/santral/centre") is not None and revision(machine) == PLANTED_NUMBER
    assert "the old version goes on" not in machine.install(new) and revision(machine) == PLANTED_NUMBER
    # 5. Tables that shrank are refused, with a way back that works as it is written.
    change_meta(machine, f"{PLANTED_NUMBER} {PLANTED_NUMBER}")
    told = machine.install(old, code=1)
    assert f"{OLD} is older than the installed {NEW} by more than one release" in told and "The way back:" in told
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "santral") == NEW
    lines = [line.strip() for line in told.splitlines() if line.startswith("  ") and "systemctl" not in line]
    assert len(lines) == 4
    for line in lines:
        machine.run("sh", "-euc", line.replace("THIS_PACKAGE", f"/tmp/{old.name}").replace("FILE", backup.name))
    assert revision(machine) == NEWEST
    assert machine.run("dpkg-query", "-W", "-f", "${Version}", "santral") == OLD
    assert "callbacks are dialled again" in machine.santral("release-callbacks", "/etc/santral/centre")
    # 6. A purge keeps the records, unless the question is answered with yes.
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


def change_meta(machine: Machine, value: str) -> None:
    """Let the store say which code works on its tables."""
    machine.run("python3", "-c", "import sqlite3; file = sqlite3.connect('/var/lib/santral/santral.db'); file.execute("
                f"\"update meta set value = '{value}' where key = 'oldest_code'\"); file.commit()")


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
