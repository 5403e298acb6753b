"""Share a wheel of the tracked files, its packages and a Debian 13 between the tests of packages."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.deploy.debian import Machine, build_packages, run
from tests.integration.deploy.source_tree import HOUSE, tracked_files


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source, out = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("wheel")
    for name in tracked_files():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(HOUSE / name, source / name)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", out, source],
                   check=True, timeout=600)
    [built] = out.glob("santral-*.whl")
    return built


@pytest.fixture(scope="session")
def packages(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Return a package of this tree with a lower version, and one with a higher version and a further migration."""
    return build_packages(wheel, tmp_path_factory.mktemp("debian-packages"))


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("debian") / "root"
    # The mirrors are those of this machine's own Debian 13.
    run("mmdebstrap", "--variant=minbase", "--include=python3,adduser,debconf", "trixie", root)
    yield root
    shutil.rmtree(root, ignore_errors=True)


@pytest.fixture
def machine(debian: Path) -> Iterator[Machine]:
    """Yield a Debian 13 without Santral, and leave nothing of Santral in it."""
    yield Machine(debian)
    # Nothing is mounted here: each process had its own mounts.
    clean = Machine(debian)
    clean.run("dpkg", "--purge", "santral")
    for name in ("/etc/santral", "/var/lib/santral", "/var/backups/santral"):
        shutil.rmtree(clean.path(name), ignore_errors=True)
