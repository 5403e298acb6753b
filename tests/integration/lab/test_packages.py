"""What `make demo` installs, and that no service of a package starts by itself afterwards."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from lab import private_postgres
from tests.fakes import postgres
from tests.until import until

pytestmark = pytest.mark.integration

HOME = Path(__file__).parents[3]
TOOLS = ("sh", "grep", "sort", "tr", "rm", "chmod", "ln", "mkdir", "cp", "sleep", "touch")
UNIT, SESSION, SCRIPT = ("etc/systemd/system/multi-user.target.wants/relay.service",
                         "etc/systemd/user/sockets.target.wants/speaker.socket", "etc/rc2.d/S01relay")
OPERATORS = "etc/systemd/system/multi-user.target.wants/backup.service"
"""A service that was enabled before, so that it stays so."""
POLICY = "usr/sbin/policy-rc.d"


class Machine:
    """A machine whose package brings a service for the boot, one for sessions and a script of System V.

    The second one comes with a package that the list does not name.
    """

    def __init__(self, folder: Path) -> None:
        self.root, self.bin = folder / "root", folder / "bin"
        self.bin.mkdir()
        for tool in TOOLS:
            (self.bin / tool).symlink_to(str(shutil.which(tool)))
        for link in (OPERATORS, UNIT, SESSION, SCRIPT, POLICY):
            (self.root / link).parent.mkdir(parents=True, exist_ok=True)
        (self.root / OPERATORS).symlink_to("/usr/lib/backup.service")
        self.add("id", "echo 0")
        self.add("dpkg-query", "exit 1")
        self.add("python", "exit 0")
        links = "; ".join(f"ln -s /usr/lib/x $SYSTEM/{link}" for link in (UNIT, SESSION, SCRIPT))
        self.install = f"cp $SYSTEM/{POLICY} $SYSTEM/policy-seen; {links}"
        self.add("apt-get", self.install)
        self.add("systemctl", 'case "$2" in --system) where=system/*;; --global) where=user/*;; esac\n'
                              f'test "$3" = disable && rm {self.root}/etc/systemd/$where/$4')
        self.add("update-rc.d", f'test "$2" = disable && rm {self.root}/etc/rc2.d/S01$1')

    def add(self, program: str, body: str) -> None:
        """Put a program in place, or another one in its place."""
        path = self.bin / program
        path.write_text(f"#!/bin/sh\n{body}\n")
        path.chmod(0o755)

    def start(self) -> subprocess.Popen[str]:
        """Run the script for a package that is missing."""
        env: Mapping[str, str] = {"PATH": str(self.bin), "NEED": "relay", "PYTHON": "python", "SYSTEM": str(self.root)}
        return subprocess.Popen(["sh", HOME / "lab/packages.sh"], env=env, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, start_new_session=True)

    def enabled(self) -> set[str]:
        """Return the links by which something starts."""
        return {str(path.relative_to(self.root)) for path in (self.root / "etc").rglob("*") if path.is_symlink()}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_no_service_of_a_package_starts_by_itself(machine: Machine) -> None:
    script = machine.start()
    said, errors = script.communicate(timeout=60)
    assert (script.returncode, machine.enabled(), errors) == (0, {OPERATORS}, "")
    for service in ("relay.service", "speaker.socket", "relay"):
        assert f"   disabled: {service}\n" in said
    assert "exit 101" in (machine.root / "policy-seen").read_text()
    assert not (machine.root / POLICY).exists()


def test_without_systemd_its_links_are_removed_too(machine: Machine) -> None:
    """The links of a container would start services when the machine gets systemd later."""
    (machine.bin / "systemctl").unlink()
    machine.add("deb-systemd-helper", f'where=system/*; if [ "$1" = --user ]; then shift; where=user/*; fi\n'
                                      f'test "$1" = disable && rm {machine.root}/etc/systemd/$where/$2')
    script = machine.start()
    script.communicate(timeout=60)
    assert script.returncode == 0
    assert machine.enabled() == {OPERATORS}


def test_a_service_that_cannot_be_disabled_is_named(machine: Machine) -> None:
    machine.add("systemctl", "exit 1")
    script = machine.start()
    _, errors = script.communicate(timeout=60)
    assert script.returncode == 0
    assert "still starts by itself: relay.service; disable it by hand" in errors


@pytest.mark.parametrize("ending", ["fails", "is stopped"])
def test_an_installation_that_does_not_end_leaves_nothing(machine: Machine, ending: str) -> None:
    """Neither a service, nor the policy that would keep all services of the machine from starting."""
    halt = "exit 100" if ending == "fails" else "touch $SYSTEM/waiting; sleep 60"
    machine.add("apt-get", f'test "$1" = update || {{ test -e $SYSTEM/{UNIT} || {{ {machine.install}; }}; {halt}; }}')
    script = machine.start()
    if ending == "is stopped":
        until((machine.root / "waiting").exists)
        os.killpg(script.pid, signal.SIGINT)
    script.communicate(timeout=60)
    assert script.returncode == (100 if ending == "fails" else 130)
    assert (machine.enabled(), (machine.root / POLICY).exists()) == ({OPERATORS}, False)


def test_the_policy_of_the_machine_is_kept(machine: Machine) -> None:
    (machine.root / POLICY).write_text("#!/bin/sh\nexit 104\n")
    script = machine.start()
    script.communicate(timeout=60)
    assert script.returncode == 0
    assert (machine.root / POLICY).read_text() == "#!/bin/sh\nexit 104\n"


def dry_run(folder: Path, target: str) -> tuple[str, set[str]]:
    """Return what a target of the Makefile would run, and the packages that it would install."""
    for name in ("Makefile", "setup.cfg", "pyproject.toml"):
        shutil.copy(HOME / name, folder)
    dry = subprocess.run(["make", "-n", target], cwd=folder, capture_output=True, text=True, check=True).stdout
    return dry, set(" ".join(re.findall(r'NEED="([^"]*)"', dry)).split())


def test_the_demo_brings_a_relay_and_nothing_that_only_tests_use(tmp_path: Path) -> None:
    dry, packages = dry_run(tmp_path, "demo")
    assert {"coturn", "espeak-ng", "mmdebstrap"} <= packages
    assert not packages & {"chromium", "orca", "xvfb", "prometheus", "mosquitto", "postgresql", "pulseaudio"}
    installs = [line for line in dry.splitlines() if "pip install" in line]
    assert installs and not any("[" in line.partition("--editable")[2] for line in installs)


def test_postgresql_is_tested_on_a_fresh_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _, packages = dry_run(tmp_path, "test")
    assert {"postgresql", "etcd-server", "patroni", "python3-etcd"} <= packages
    # A missing server is a failure: a skipped test looks like a good one.
    monkeypatch.delenv("SANTRAL_TEST_POSTGRES", raising=False)
    monkeypatch.setattr(private_postgres, "PROGRAMS", tmp_path / "nowhere")
    with pytest.raises(pytest.fail.Exception, match="make packages"), postgres.serve_postgres():
        pass
