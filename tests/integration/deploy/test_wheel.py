"""Build the wheel, and use it in a new environment outside any checkout."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.integration.deploy.debian import CHROOT, NEEDED, Machine, run
from tests.integration.deploy.source_tree import tracked_files

pytestmark = pytest.mark.integration

ROOMS = ("santral", "ivr", "routing", "prompts", "asterisk_conf", "metrics", "desk", "planning", "drawing", "centres",
         "lab")
ONLY_FOR_MAKE = {"lab/packages.sh"}
NEW_CENTRE = ("--name", "Deneme Hastanesi", "--numbers", "4441234", "--services", "Randevu", "--hours", "08:00-17:00",
              "--days", "monday-friday", "--agents", "3", "--phones", "3", "--carrier", "192.0.2.10",
              "--language", "tr")
OTHERS = [name for name in ("3.11", "3.13", "3.14") if shutil.which(f"python{name}")]


def santral(environment: Path, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command of the environment in an empty folder, with nothing of the checkout in the path."""
    done = subprocess.run([environment / "bin" / "santral", *words], cwd=folder, capture_output=True, text=True,
                          timeout=600, check=False, env={"PATH": "/usr/bin:/bin", "HOME": str(folder)})
    assert done.returncode == 0, f"santral {' '.join(words)}: {done.stdout}{done.stderr}"
    return done


def try_environment(environment: Path, folder: Path) -> None:
    """Do what an operator does first, with the files inside the wheel."""
    python = environment / "bin" / "python"
    [packages] = (environment / "lib").glob("python*/site-packages")
    assert ": good. " in santral(environment, folder, "check").stdout
    centre = str(packages / "centres" / "meb")
    santral(environment, folder, "asterisk-conf", centre, "--state", "state", "--out", "asterisk")
    assert (folder / "asterisk" / "extensions.conf").is_file()
    santral(environment, folder, "init", "ours", *NEW_CENTRE)
    assert "ours: good. " in santral(environment, folder, "check", "ours").stdout
    day = json.loads(santral(environment, folder, "simulate", "--scale", "0.01", "--json").stdout)
    assert day["scale"] == 0.01
    assert santral(environment, folder, "run", "--help").stdout.startswith("Usage: santral run")
    there = subprocess.run([python, "-I", "-c", "import santral, bench"], cwd=folder, capture_output=True, text=True,
                           check=False).stderr
    assert "No module named 'bench'" in there and not (packages / "tests").exists()


def test_the_wheel_has_every_file_of_every_room(wheel: Path) -> None:
    inside = set(zipfile.ZipFile(wheel).namelist())
    missing = [name for name in tracked_files() if name.split("/")[0] in ROOMS and name not in inside]
    assert set(missing) == ONLY_FOR_MAKE
    assert not {name.split("/")[0] for name in inside if ".dist-info" not in name} - set(ROOMS)


def test_it_runs_where_only_the_wheel_is(wheel: Path, tmp_path: Path) -> None:
    # The environment is new. Its dependencies are those of this one, so that nothing has to be downloaded.
    environment = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True, timeout=300)
    [packages] = (environment / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    subprocess.run([environment / "bin" / "pip", "install", "--quiet", "--no-deps", "--no-index", wheel], check=True,
                   timeout=300, env={name: text for name, text in os.environ.items() if name != "PYTHONPATH"})
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    try_environment(environment, folder)


@pytest.mark.long
@pytest.mark.parametrize("version", OTHERS)
def test_it_installs_with_all_its_dependencies(wheel: Path, version: str, tmp_path: Path) -> None:
    environment, folder = tmp_path / "environment", tmp_path / "elsewhere"
    folder.mkdir()
    made = subprocess.run([f"python{version}", "-m", "venv", environment], capture_output=True, text=True, timeout=300,
                          check=False)
    if made.returncode:
        pytest.skip(f"python{version} makes no environment here: {made.stderr.strip()[:200]}")
    subprocess.run([environment / "bin" / "pip", "install", "--quiet", wheel], check=True, timeout=1200)
    try_environment(environment, folder)


NEXT = """python3.14 -m venv /tmp/environment
/tmp/environment/bin/pip install --quiet /wheel/santral-*.whl
mkdir /tmp/elsewhere; cd /tmp/elsewhere; santral=/tmp/environment/bin/santral
$santral --version
$santral check
$santral init ours "$@"
$santral check ours
$santral asterisk-conf ours --state state --out asterisk
$santral simulate --scale 0.01 --json
"""


@pytest.mark.long
@pytest.mark.skipif(not CHROOT, reason=NEEDED)
def test_it_runs_on_the_python_of_the_next_debian(wheel: Path, tmp_path: Path) -> None:
    # 1. Debian 14 has Python 3.14, which Debian 13 does not have. Its lists may be old, as the lab's Asterisk knows.
    root = tmp_path / "root"
    run("mmdebstrap", "--variant=minbase", '--aptopt=Acquire::Check-Valid-Until "false"',
        "--include=python3.14-venv,ca-certificates", "forky", root)
    machine = Machine(root)
    machine.shared = [(Path("/proc"), "/proc"), (Path("/dev"), "/dev"), (wheel.parent, "/wheel"),
                      (Path("/etc/ssl/certs"), "/etc/ssl/certs")]
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    # 2. Do what an operator does first.
    told = machine.run("sh", "-euc", NEXT, "sh", *NEW_CENTRE)
    assert "(Python 3.14." in told
    assert told.count(": good. ") == 2 and "every rule holds" in told and '"scale": 0.01' in told, told
    shutil.rmtree(root)
