"""Fetch Asterisk 22 LTS without installing anything: unpack Debian packages and run them with their own loader.

Debian 13 has no Asterisk; the next release has. mmdebstrap unpacks Asterisk with its libraries into a folder of the
cache (7-14 s, 268 MB). When several processes ask at once, one builds and the others wait for its lock.
"""

from __future__ import annotations

import errno
import fcntl
import os
import re
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lab.errors import LabError, NoAsterisk

SUITE = "forky"
"""Debian release that carries Asterisk 22 LTS."""
OLDEST_FETCHED = (22, 4, 1)
"""Earlier versions let anybody write messages in another user's name (CVE-2025-47779)."""
OLDEST_GIVEN = (20, 0, 0)
"""Oldest version with what Santral's dialplan and AMI filters need."""
BUILD_LIMIT_S = 1200.0
"""Limit for mmdebstrap. It takes 7-14 s with a fast mirror. 90 MB over a slow line (1 Mbit/s) take 12 minutes."""
MIN_FREE_MB = 700
"""Free space for a build. The tree has 268 MB, and packages and tree share the disk for a while."""
VERSION_LIMIT_S = 20.0
"""Limit for `asterisk -V`, which ends in milliseconds unless the machine is busy."""
STDERR_LINES = 40
"""Last lines of mmdebstrap's messages that an error can quote."""

_LOADERS = (("usr/lib64/ld-linux-x86-64.so.2", "usr/lib/x86_64-linux-gnu"),
            ("usr/lib/ld-linux-aarch64.so.1", "usr/lib/aarch64-linux-gnu"))
_EXPIRED = re.compile(r"^E: Release file for \S+ is expired")
_VERSION = re.compile(r"Asterisk (?:certified/)?(\d+)\.(\d+)(?:\.(\d+))?")
_STEPS = {"running apt-get update": "reading the package lists", "downloading packages": "downloading the packages",
          "extracting archives": "unpacking"}

Say = Callable[[str], None]
"""Callback that tells a person the current step in one short sentence."""


class AsteriskProgram(NamedTuple):
    """An Asterisk that can be started."""

    command: tuple[str, ...]
    """Beginning of its command line: the loader with its library path, or the program alone."""
    modules: Path
    """Folder for `astmoddir`."""
    data: Path
    """Folder for `astdatadir`."""
    version: tuple[int, int, int]


def find_asterisk(given: Path | None = None, say: Say = lambda text: None) -> AsteriskProgram:
    """Return the Asterisk to use: the given one, or the cached one. Fetch the cached one if it is missing.

    `given` is a program, or a folder with an unpacked tree. Raise NoAsterisk.
    """
    if given is not None:
        return check_installed(given)
    tree = cache_folder()
    # The lock is outside the tree, because a build replaces the tree as a whole.
    with hold_lock(tree.with_name(tree.name + ".lock"), say, "Asterisk is"):
        if not (tree / "usr/sbin/asterisk").exists():
            _unpack_asterisk(tree, say)
    return _tree_program(tree)


def cache_folder() -> Path:
    """Return the folder of the unpacked Asterisk."""
    root = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(root) / "santral" / "asterisk-22"


def check_installed(path: Path) -> AsteriskProgram:
    """Return the operator's Asterisk. `path` is the program, or a folder with an unpacked tree.

    Raise NoAsterisk if the version is older than 20.
    """
    if path.is_dir():
        program = _tree_program(path)
    else:
        if not os.access(path, os.X_OK):
            raise NoAsterisk(f"{path} is no program. Give --asterisk the path of the asterisk program (version 20 or "
                             f"later), or leave it out: the lab brings its own")
        version = _read_version((str(path),))
        program = AsteriskProgram((str(path),), _modules_of(path), Path("/usr/share/asterisk"), version)
    if program.version < OLDEST_GIVEN:
        raise NoAsterisk(f"{path} is Asterisk {_format_version(program.version)}; {OLDEST_GIVEN[0]} or later is "
                         f"needed. Leave --asterisk out: the lab brings its own")
    return program


def _tree_program(tree: Path) -> AsteriskProgram:
    for loader, libraries in _LOADERS:
        # The unpacked program was linked for another system, so the loader in its tree starts it.
        if (tree / loader).exists():
            command = (str(tree / loader), "--library-path", str(tree / libraries), str(tree / "usr/sbin/asterisk"))
            return AsteriskProgram(command, tree / libraries / "asterisk/modules", tree / "usr/share/asterisk",
                                   _read_version(command))
    raise NoAsterisk(f"{tree} holds no unpacked Asterisk (no loader such as {_LOADERS[0][0]}). Delete the folder: it "
                     f"is brought again")


def _modules_of(program: Path) -> Path:
    """Return the module folder of an installed Asterisk: as in its asterisk.conf, or where distributions put it."""
    conf = Path("/etc/asterisk/asterisk.conf")
    try:
        said = re.search(r"^\s*astmoddir\s*=>?\s*(/\S+)", conf.read_text(encoding="utf-8"), re.MULTILINE)
    except (OSError, UnicodeDecodeError):
        said = None
    prefix = program.resolve().parent.parent
    places = [Path(said[1])] if said else []
    places += [prefix / name / "asterisk/modules" for name in ("lib/x86_64-linux-gnu", "lib/aarch64-linux-gnu",
                                                               "lib64", "lib")]
    for place in places:
        if (place / "chan_pjsip.so").exists():
            return place
    raise NoAsterisk(f"the modules of {program} are not found (no chan_pjsip.so in "
                     f"{', '.join(str(place) for place in places)}). Name them as astmoddir in {conf}")


def _read_version(command: tuple[str, ...]) -> tuple[int, int, int]:
    try:
        done = subprocess.run([*command, "-V"], capture_output=True, text=True, timeout=VERSION_LIMIT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoAsterisk(f"{command[-1]} does not start ({error}). Is it an asterisk for this machine?") from error
    found = _VERSION.search(done.stdout)
    if not found:
        raise NoAsterisk(f"{command[-1]} -V does not tell a version of Asterisk but {done.stdout.strip()!r} "
                         f"{done.stderr.strip()!r}. Is it an asterisk for this machine?")
    return int(found[1]), int(found[2]), int(found[3] or 0)


def _format_version(version: tuple[int, int, int]) -> str:
    return ".".join(str(part) for part in version)


@contextmanager
def hold_lock(path: Path, say: Say, what: str) -> Iterator[None]:
    """Hold a lock so that only one process builds. The kernel frees the lock when its holder dies.

    `what` begins the waiting message, such as `Asterisk is`.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise LabError(f"the cache {path.parent} cannot be written ({error.strerror}). Make it writable, or name "
                       f"another with XDG_CACHE_HOME") from error
    try:
        # Try without waiting first, so that the person learns why the command waits.
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"{what} being made by another process: waiting for it")
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _unpack_asterisk(tree: Path, say: Say) -> None:
    """Unpack into a neighbour folder, check it and rename it, so that `tree` is either whole or missing."""
    # 1. Check what the build needs.
    if shutil.which("mmdebstrap") is None:
        raise NoAsterisk("mmdebstrap is missing, it unpacks Asterisk for the lab. As root: apt-get install mmdebstrap "
                         "(or give --asterisk the path of an Asterisk 20 or later)")
    free = shutil.disk_usage(tree.parent).free // 1_000_000
    if free < MIN_FREE_MB:
        raise NoAsterisk(f"{tree.parent} has {free} MB left, {MIN_FREE_MB} are needed to unpack Asterisk. Make room, "
                         f"or name another cache with XDG_CACHE_HOME")
    # 2. Unpack, once more without the date check if the mirror's release file has expired.
    draft = tree.with_name(f"{tree.name}.new")
    shutil.rmtree(draft, ignore_errors=True)  # the lock is ours, so this draft is of a builder that died
    say("bringing Asterisk 22 LTS, once (about 90 MB; nothing is installed on the system)")
    try:
        code, told = _run_mmdebstrap(draft, (), say)
        if code and any(_EXPIRED.match(line) for line in told):
            say("the mirror's release file has expired: using it anyway; its signature is still checked")
            shutil.rmtree(draft, ignore_errors=True)
            code, told = _run_mmdebstrap(draft, ("--aptopt=Acquire::Check-Valid-Until \"false\"",), say)
        if code:
            raise _failure_reason(code, told)
        # 3. Check that the program runs and is new enough.
        program = _tree_program(draft)
        if program.version < OLDEST_FETCHED:
            raise NoAsterisk(f"the mirror's Asterisk is {_format_version(program.version)}; before "
                             f"{_format_version(OLDEST_FETCHED)} it has a known hole. Use a fresher mirror, or "
                             f"--asterisk PATH")
        # 4. Put the whole tree in place with one rename.
        shutil.rmtree(tree, ignore_errors=True)
        draft.rename(tree)
        say(f"Asterisk {_format_version(program.version)} is ready in {tree}")
    except OSError as error:
        raise NoAsterisk(f"Asterisk cannot be unpacked into {draft} ({error.strerror or error}). Make room there, or "
                         f"name another cache with XDG_CACHE_HOME") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def _run_mmdebstrap(draft: Path, options: tuple[str, ...], say: Say) -> tuple[int, list[str]]:
    """Run mmdebstrap and return its exit code and the last lines of its messages."""
    root = os.geteuid() == 0
    # Without root the files of a folder would belong to sub-ids, which nobody can delete. Unpack a tar instead.
    target = draft if root else draft.with_suffix(".tar")
    command = ["mmdebstrap", "--variant=extract", "--include=asterisk", *options, SUITE, str(target)]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                               env={**os.environ, "LC_ALL": "C"}, text=True, errors="replace", start_new_session=True)
    # 1. Run the build with a limit: a mirror that stops sending would block for ever.
    limit = threading.Timer(BUILD_LIMIT_S, process.terminate)
    limit.daemon = True
    limit.start()
    told: list[str] = []
    try:
        # 2. Report each known step and keep the last lines for an error.
        assert process.stderr is not None
        for line in process.stderr:
            told = [*told[1 - STDERR_LINES:], line.rstrip()]
            for sign, step in _STEPS.items():
                if sign in line:
                    say(step)
        code = process.wait()
        # 3. Without root, unpack the tar as the caller's own files. Device nodes cannot be made then.
        if code == 0 and not root:
            draft.mkdir()
            code = subprocess.run(["tar", "-C", str(draft), "--exclude=./dev", "-xf", str(target)], check=False,
                                  stdin=subprocess.DEVNULL, start_new_session=True).returncode
    finally:
        limit.cancel()
        if process.poll() is None:
            process.terminate()
            process.wait()
        if process.stderr is not None:
            process.stderr.close()
        if not root:
            target.unlink(missing_ok=True)
    return code, told


def _failure_reason(code: int, told: list[str]) -> NoAsterisk:
    """Return the error that explains what mmdebstrap said."""
    text = "\n".join(told)
    errors = [line[3:] for line in told if line.startswith("E: ") and "mmdebstrap failed" not in line]
    # The first error is the cause; the later ones follow from it.
    last = errors[0] if errors else (told[-1] if told else "no message")
    if os.strerror(errno.ENOSPC) in text:
        return NoAsterisk("no room left on disk while unpacking Asterisk. Make room (about 700 MB), or name another "
                          "cache with XDG_CACHE_HOME")
    if re.search(r"Could not resolve|Temporary failure resolving|Could not connect|Connection (?:refused|timed out)|"
                 r"Network is unreachable|Unable to connect", text):
        return NoAsterisk("the Debian mirror is not reached while bringing Asterisk. Is there a network (and a proxy, "
                          f"http_proxy)? Or give --asterisk the path of an Asterisk 20 or later. It said: {last}")
    if "unable to pick chroot mode" in text or "/etc/subuid" in text:
        return NoAsterisk("mmdebstrap needs user namespaces to unpack Asterisk for an ordinary user: a line for you in "
                          "/etc/subuid and /etc/subgid and the package uidmap. Or bring it once as root with the same "
                          "XDG_CACHE_HOME, or give --asterisk the path of an Asterisk 20 or later")
    return NoAsterisk(f"mmdebstrap could not unpack Asterisk (exit {code}). It said: {last}")
