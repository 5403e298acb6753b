"""Asterisk is brought once, whole or not at all, and every failure is one sentence. A script plays mmdebstrap."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import pytest

from lab.errors import NoAsterisk
from lab.pbx import fetch

pytestmark = pytest.mark.integration

TREE = """\
for last; do :; done
mkdir -p "$last/usr/lib64" "$last/usr/sbin" "$last/usr/lib/x86_64-linux-gnu/asterisk/modules"
printf '#!/bin/sh\\necho "Asterisk {version}"\\n' > "$last/usr/lib64/ld-linux-x86-64.so.2"
chmod +x "$last/usr/lib64/ld-linux-x86-64.so.2"
touch "$last/usr/sbin/asterisk"
"""
EXPIRED = """\
case "$*" in
*Check-Valid-Until*) ;;
*) echo 'E: Release file for http://deb.example/dists/forky/InRelease is expired (invalid since 18d).' >&2; exit 25;;
esac
"""


class Mirror:
    """A machine with a scripted mmdebstrap and an empty cache."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.calls = folder / "calls"
        self._bin = folder / "bin"
        self._bin.mkdir()
        self.said: list[str] = []
        patch.setenv("PATH", f"{self._bin}:/usr/bin:/bin")
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.setattr(os, "geteuid", lambda: 0)

    def plays(self, body: str, version: str = "22.10.1") -> None:
        script = self._bin / "mmdebstrap"
        script.write_text(f"#!/bin/sh\necho \"$LC_ALL $*\" >> {self.calls}\n{body.replace('{version}', version)}")
        script.chmod(0o755)

    def fetch(self) -> fetch.Program:
        return fetch.find_asterisk(say=self.said.append)

    def called(self) -> list[str]:
        return self.calls.read_text().splitlines() if self.calls.exists() else []


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    return Mirror(tmp_path, monkeypatch)


def test_it_is_brought_once_and_then_taken_from_the_cache(mirror: Mirror) -> None:
    mirror.plays(TREE)
    first, second = mirror.fetch(), mirror.fetch()
    assert first == second
    assert first.version == (22, 10, 1)
    assert len(mirror.called()) == 1
    assert mirror.called()[0].startswith("C --variant=extract --include=asterisk forky ")
    assert not list(fetch.cache_folder().parent.glob("*.new*"))


def test_only_an_expired_release_file_is_taken_all_the_same_and_said(mirror: Mirror) -> None:
    mirror.plays(EXPIRED + TREE)
    mirror.fetch()
    assert ["Check-Valid-Until" in line for line in mirror.called()] == [False, True]
    assert any("expired" in text for text in mirror.said)


@pytest.mark.parametrize(("words", "told"), [
    ("E: The repository is not signed.", "could not unpack.*not signed"),
    ("E: Release file for http://a is not valid yet", "could not unpack"),
    ("W: Temporary failure resolving deb.example", "mirror is not reached"),
    ("E: write error: No space left on device", "no room left"),
    ("E: unable to pick chroot mode automatically", "subuid")])
def test_another_failure_is_told_once_and_leaves_nothing(mirror: Mirror, words: str, told: str) -> None:
    mirror.plays(f"echo '{words}' >&2\nfor last; do :; done\nmkdir -p \"$last\"\nexit 25\n")
    with pytest.raises(NoAsterisk, match=told):
        mirror.fetch()
    assert len(mirror.called()) == 1
    assert [path.name for path in fetch.cache_folder().parent.iterdir()] == ["asterisk-22.lock"]


def test_a_version_with_a_known_hole_is_refused(mirror: Mirror) -> None:
    mirror.plays(TREE, version="22.4.0")
    with pytest.raises(NoAsterisk, match=r"22\.4\.0.*22\.4\.1"):
        mirror.fetch()
    assert not fetch.cache_folder().exists()


def test_a_builder_that_died_leaves_nothing_in_the_way(mirror: Mirror) -> None:
    mirror.plays(TREE)
    (fetch.cache_folder().with_name("asterisk-22.new") / "usr").mkdir(parents=True)
    assert mirror.fetch().version == (22, 10, 1)


def test_several_at_once_build_it_once(mirror: Mirror) -> None:
    mirror.plays(TREE + "sleep 0.3\n")
    found: list[fetch.AsteriskProgram] = []
    threads = [threading.Thread(target=lambda: found.append(mirror.fetch())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert len(mirror.called()) == 1


def test_without_mmdebstrap_it_says_what_to_install(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(NoAsterisk, match="apt-get install mmdebstrap"):
        mirror.fetch()


def test_a_full_disk_is_seen_before(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror.plays(TREE)
    usage = shutil.disk_usage("/")._replace(free=(fetch.MIN_FREE_MB - 1) * 1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(NoAsterisk, match="are needed"):
        mirror.fetch()
    assert mirror.called() == []


def test_a_builder_that_never_ends_is_ended(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror.plays("exec sleep 60\n")
    monkeypatch.setattr(fetch, "BUILD_LIMIT_S", 0.2)
    with pytest.raises(NoAsterisk):
        mirror.fetch()


def test_an_operators_asterisk_must_be_twenty_or_later(tmp_path: Path) -> None:
    (tmp_path / "lib/asterisk/modules").mkdir(parents=True)
    (tmp_path / "lib/asterisk/modules/chan_pjsip.so").touch()
    program = tmp_path / "sbin/asterisk"
    program.parent.mkdir()
    for version, good in (("18.26.1", False), ("certified/20.7-cert4", True), ("22.10.1~dfsg", True)):
        program.write_text(f"#!/bin/sh\necho 'Asterisk {version}'\n")
        program.chmod(0o755)
        if good:
            assert fetch.check_installed(program).modules == tmp_path / "lib/asterisk/modules"
        else:
            with pytest.raises(NoAsterisk, match="20 or later"):
                fetch.check_installed(program)
    with pytest.raises(NoAsterisk, match="no program"):
        fetch.check_installed(tmp_path / "nothing")
    program.write_text("#!/bin/sh\necho hello\n")
    with pytest.raises(NoAsterisk, match="does not tell a version"):
        fetch.check_installed(program)
