"""A Debian 13 in a folder, and two packages of this tree for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from routing.store import migrate
from tests.integration.deploy.source_tree import HOUSE

TRIXIE = Path("/usr/bin/python3.13")
"""Debian 13's Python. The package belongs to it, and no other Python can build it."""

CHROOT = os.geteuid() == 0 and TRIXIE.exists() and all(map(shutil.which, ("mmdebstrap", "dpkg-deb", "strip")))
NEEDED = "a chroot needs root, mmdebstrap, binutils and Debian 13's Python"
BUILD = HOUSE / "deploy" / "deb" / "build.py"
WHEELS = HOUSE / ".cache" / "wheels"
"""Wheels of the dependencies, kept between runs."""
OLD, NEW = "0.0.9", "0.1.0"
NEWEST, PLANTED_NUMBER = migrate.HEAD, "9001"
"""Revision of the tables of this tree, and of the planted release."""
PLANTED = f'''
from alembic import op
from sqlalchemy import Column, Text
from routing.store.migrations.long_migration import LongMigration
LONG = LongMigration("contacts", "contact", rows_per_s=10.0)
revision, down_revision, branch_labels, depends_on = "{PLANTED_NUMBER}", "{NEWEST}", None, None
FITS = "{NEWEST}"
def upgrade(): op.create_table("planted", Column("one", Text, primary_key=True))
def downgrade(): op.drop_table("planted")
'''

ENTER = """root=$1; shift
while [ "$1" != -- ]; do mount --bind "$1" "$root$2"; shift 2; done
shift; exec chroot "$root" "$@"
"""


def run(*words: str | Path, code: int = 0, **more: str) -> str:
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=600, check=False,
                          env={**os.environ, "LC_ALL": "C.UTF-8", "DEBIAN_FRONTEND": "noninteractive", **more})
    assert done.returncode == code, f"{words}: {done.returncode}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
    return done.stdout + done.stderr


class Machine:
    """A Debian 13 in a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.shared: list[tuple[Path, str]] = []
        """Folders of this machine, and where each of its processes finds them."""

    def command(self, *words: str) -> list[str]:
        """Return the words that run a command in it. The shared folders are mounted for that process only."""
        pairs = [word for place, name in self.shared for word in (str(place), name)]
        for _, name in self.shared:
            self.path(name).mkdir(parents=True, exist_ok=True)
        return ["/usr/bin/unshare", "--mount", "--propagation", "private", "sh", "-euc", ENTER, "sh", str(self.root),
                *pairs, "--", *words]

    def run(self, *words: str, code: int = 0, **more: str) -> str:
        return run(*self.command(*words), code=code, **more)

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


def build_packages(wheel: Path, folder: Path) -> tuple[Path, Path]:
    """Return a package of this tree with a lower version, and one with a higher version and a further migration."""
    wanted, stamp = (HOUSE / "setup.cfg").read_text(encoding="utf-8"), WHEELS / "setup.cfg"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != wanted:
        run(TRIXIE, BUILD, "collect", "--wheels", WHEELS)
        stamp.write_text(wanted, encoding="utf-8")
    wheels, root, out = (folder / name for name in ("wheels", "root", "packages"))
    for one in (wheels, root, out):
        one.mkdir()
    for one in WHEELS.glob("*.whl"):
        if not one.name.startswith("santral-"):
            (wheels / one.name).symlink_to(one)
    shutil.copy(wheel, wheels / wheel.name)
    began = time.monotonic()
    first = run("unshare", "--net", TRIXIE, BUILD, "build", "--wheels", wheels, "--out", out, "--root",
                root / "tree", "--version", OLD, "--compression", "gzip")
    [versions] = (root / "tree").glob("opt/santral/lib/python3*/site-packages/routing/store/migrations/versions")
    (versions / f"r{PLANTED_NUMBER}_planted.py").write_text(PLANTED, encoding="utf-8")
    second = run(TRIXIE, BUILD, "pack", "--out", out, "--root", root / "tree", "--version", NEW,
                 "--compression", "gzip")
    print(f"two packages in {time.monotonic() - began:.0f} s")
    return Path(first.strip()), Path(second.strip())
