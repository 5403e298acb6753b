"""Build the Debian package: an own environment below /opt/santral, with all dependencies inside.

    python3 deploy/deb/build.py collect --wheels .cache/wheels          (needs the package index)
    python3 deploy/deb/build.py build --wheels .cache/wheels --out DIR  (needs no network)

Only the standard library, so that Debian's own python3 runs it. The package belongs to the Python that builds it.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
TREE = HERE.parents[1]
HOME = "opt/santral"
NEXT = f"3.{sys.version_info.minor + 1}"
SCRIPTS = ("preinst", "postinst", "prerm", "postrm", "config")
MAINTAINER = "Santral <packages@santral.example.org>"


def run_command(*words: str | Path) -> str:
    """Return what a command prints. Exit with its message if it fails."""
    # A path to a checkout would pass for an installation, and nothing would be installed.
    env = {name: text for name, text in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        sys.exit(f"{words[0]}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def collect_wheels(wheels: Path) -> None:
    """Bring the wheels of Santral and of all its dependencies into a folder."""
    with tempfile.TemporaryDirectory() as folder:
        run_command(sys.executable, "-m", "venv", folder)
        wheels.mkdir(parents=True, exist_ok=True)
        # A build leaves files in its tree, and a later one would pack them.
        copy = Path(folder) / "tree"
        shutil.copytree(TREE, copy, ignore=shutil.ignore_patterns(".*", "tests", "docs", "build", "*.egg-info"))
        run_command(f"{folder}/bin/pip", "wheel", "--quiet", "--wheel-dir", wheels, copy)


def fill_root(wheels: Path, root: Path) -> None:
    """Install the wheels below a root folder, with the paths that the package has on a machine."""
    home = root / HOME
    # 1. An environment of Debian's Python. pip stays outside of it.
    run_command(sys.executable, "-m", "venv", "--without-pip", home)
    with tempfile.TemporaryDirectory() as folder:
        run_command(sys.executable, "-m", "venv", folder)
        run_command(f"{folder}/bin/pip", "--python", home / "bin" / "python", "install", "--quiet", "--no-index",
                    "--no-compile", "--find-links", wheels, "santral")
    # 2. One command only, which names its place on a machine.
    for one in (home / "bin").iterdir():
        if not one.name.startswith("python"):
            one.unlink()
    command = home / "bin" / "santral"
    command.write_text(f"#!/{HOME}/bin/python -IX utf8\n"
                       "from santral.__main__ import run_cli\n\nrun_cli()\n", encoding="utf-8")
    command.chmod(0o755)
    # -I leaves the folder of the command out of the path, so nothing there can stand in for a module.
    configuration = home / "pyvenv.cfg"
    configuration.write_text(re.sub(r"(?m)^command = .*\n", "", configuration.read_text(encoding="utf-8")),
                             encoding="utf-8")
    shutil.rmtree(home / "include", ignore_errors=True)
    (home / "lib64").unlink(missing_ok=True)
    (home / ".gitignore").unlink(missing_ok=True)
    # The guide copies a centre from the place that a checkout has.
    [packages] = (home / "lib").glob("python3*/site-packages")
    (home / "centres").symlink_to((packages / "centres").relative_to(home))
    # 3. Libraries without symbols for debuggers, and not executable, as Debian has them.
    libraries = [one for one in home.rglob("*.so*") if one.is_file() and not one.is_symlink()]
    run_command("strip", "--strip-unneeded", *libraries)
    for one in libraries:
        one.chmod(0o644)


def add_files(root: Path, version: str) -> None:
    """Add unit, completion, man page and papers."""
    # 1. systemd.
    place_file(TREE / "deploy" / "santral.service", root / "usr/lib/systemd/system/santral.service")
    place_file(TREE / "deploy" / "santral-spool.conf", root / "usr/lib/tmpfiles.d/santral-spool.conf")
    # 2. The command, its completion and its page.
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/santral").symlink_to(f"/{HOME}/bin/santral")
    python, packages = root / HOME / "bin/python", next((root / HOME / "lib").glob("python3*/site-packages"))
    for words, name in ((("completion", "bash"), "bash-completion/completions/santral"),
                        (("completion", "zsh"), "zsh/vendor-completions/_santral"),
                        (("completion", "fish"), "fish/vendor_completions.d/santral.fish"),
                        (("man",), "man/man1/santral.1")):
        text = run_command(python, "-IBc", f"import sys; sys.path.insert(0, {str(packages)!r}); "
                           f"sys.argv[1:] = {words!r}; from santral.__main__ import run_cli; run_cli()")
        path = root / "usr/share" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    compress_file(root / "usr/share/man/man1/santral.1")
    # 3. Papers.
    papers = root / "usr/share/doc/santral"
    place_file(HERE / "copyright", papers / "copyright")
    place_file(TREE / "README.md", papers / "README.md")
    changelog = papers / "changelog.gz"
    stamp = time.strftime("%a, %d %b %Y %H:%M:%S +0000", time.gmtime())
    changelog.with_suffix("").write_text(f"santral ({version}) stable; urgency=medium\n\n  * See CHANGELOG.md of the "
                                         f"source.\n\n -- {MAINTAINER}  {stamp}\n", encoding="utf-8")
    compress_file(changelog.with_suffix(""))
    place_file(HERE / "lintian-overrides", root / "usr/share/lintian/overrides/santral")


def newest_migration(root: Path) -> str:
    """Return the number of the newest migration of a filled root folder. It names the code (`routing.store.migrate`).
    """
    found = (root / HOME / "lib").glob("python3*/site-packages/routing/store/migrations/versions/r*.py")
    return max(one.stem[1:5] for one in found)


def place_file(source: Path, target: Path) -> None:
    """Copy a file to its place."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def compress_file(path: Path) -> None:
    """Compress a file as Debian wants it: without a name and a time inside."""
    path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    path.unlink()


def pack_root(root: Path, version: str, out: Path, compression: str = "xz") -> Path:
    """Write the package of a filled root folder."""
    control = root / "DEBIAN"
    control.mkdir(exist_ok=True)
    size = sum(one.stat().st_size for one in root.rglob("*") if one.is_file() and not one.is_symlink()) // 1024
    minor = f"3.{sys.version_info.minor}"
    architecture = run_command("dpkg", "--print-architecture").strip()
    (control / "control").write_text(
        (HERE / "control.in").read_text(encoding="utf-8").format(
            version=version, architecture=architecture, size=size, python=minor, next_python=NEXT,
            maintainer=MAINTAINER), encoding="utf-8")
    for name in SCRIPTS:
        script = control / name
        text = (HERE / name).read_text(encoding="utf-8").replace("@VERSION@", version).replace(
            "@TABLES@", newest_migration(root))
        script.write_text(text, encoding="utf-8")
        script.chmod(0o755)
    place_file(HERE / "templates", control / "templates")
    # Modes as Debian wants them, whatever the umask of the builder is.
    for one in root.rglob("*"):
        if not one.is_symlink():
            one.chmod(0o755 if one.is_dir() or one.stat().st_mode & 0o100 else 0o644)
    # dpkg compares these sums; they protect nothing.
    sums = [f"{hashlib.md5(one.read_bytes(), usedforsecurity=False).hexdigest()}  {one.relative_to(root)}"
            for one in sorted(root.rglob("*"))
            if one.is_file() and not one.is_symlink() and control not in one.parents]
    (control / "md5sums").write_text("\n".join(sums) + "\n", encoding="utf-8")
    out.mkdir(parents=True, exist_ok=True)
    package = out / f"santral_{version}_{architecture}.deb"
    run_command("dpkg-deb", "--root-owner-group", f"-Z{compression}", "-z1", "--build", root, package)
    return package


def read_version() -> str:
    """Return the version of the tree."""
    found = re.search(r"(?m)^version = (\S+)$", (TREE / "setup.cfg").read_text(encoding="utf-8"))
    assert found is not None
    return found[1]


def main() -> None:
    """Carry out what the command line says."""
    reader = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    reader.add_argument("action", choices=("collect", "build", "pack"))
    reader.add_argument("--wheels", type=Path, default=TREE / ".cache" / "wheels")
    reader.add_argument("--out", type=Path, default=TREE / ".cache" / "deb")
    reader.add_argument("--version", default=read_version())
    reader.add_argument("--root", type=Path, help="folder to fill, or to pack; default: a new one, removed at the end")
    reader.add_argument("--compression", default="xz", help="gzip is faster, and the package larger")
    chosen = reader.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = chosen.root or Path(folder) / "root"
        if chosen.action == "collect":
            collect_wheels(chosen.wheels)
            return
        if chosen.action == "build":
            fill_root(chosen.wheels, root)
            add_files(root, chosen.version)
        sys.stdout.write(f"{pack_root(root, chosen.version, chosen.out, chosen.compression)}\n")


if __name__ == "__main__":
    main()
