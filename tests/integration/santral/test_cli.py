"""Santral's commands with wrong arguments: one clear sentence, the right exit code, no traceback, nothing half-made."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.lifecycle import SOUNDS
from santral.__main__ import INTERRUPTED, run_cli
from santral.cli import SECTIONS

pytestmark = pytest.mark.integration

HOUSE = Path(__file__).resolve().parents[3]
MEB = HOUSE / "centres" / "meb"
NOT_ROOT = os.geteuid() != 0

Done = subprocess.CompletedProcess[str]


def santral(*words: str | Path) -> Done:
    done = subprocess.run([sys.executable, "-m", "santral", *map(str, words)], capture_output=True, text=True,
                          timeout=60, cwd=HOUSE, env={"COLUMNS": "300", "PATH": "/usr/bin:/bin"}, check=False)
    assert "Traceback" not in done.stdout + done.stderr, done.stderr
    return done


def told(done: Done, code: int, sentence: str) -> None:
    """This exit code, and exactly one line that says this."""
    text = done.stdout + done.stderr
    assert done.returncode == code, text
    assert len(re.findall(sentence, text)) == 1, text


def check(centre: Path, settings: Path | None, folder: Path) -> Done:
    return santral("check", centre, *(["--settings", settings] if settings else []))


def run(centre: Path, settings: Path | None, folder: Path) -> Done:
    return santral("run", centre, "--state", folder / "state", *(["--settings", settings] if settings else []))


def render(centre: Path, settings: Path | None, folder: Path) -> Done:
    return santral("asterisk-conf", centre, "--state", folder / "state", "--out", folder / "out",
                   *(["--settings", settings] if settings else []))


each_command = pytest.mark.parametrize("command", [check, run, render])
Command = Callable[[Path, Path | None, Path], Done]


@each_command
def test_a_folder_that_is_missing(command: Command, tmp_path: Path) -> None:
    done = command(tmp_path / "nowhere", None, tmp_path)
    told(done, 2, "nowhere: no centre is there: No such file or directory. Name the folder that holds santral.toml")
    assert "1 problem in" in done.stdout + done.stderr
    assert list(tmp_path.iterdir()) == [], "nothing is half-made"


@each_command
def test_a_folder_that_is_no_centre(command: Command, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "readme.txt").write_text("hello", encoding="utf-8")
    told(command(other, None, tmp_path), 2, "other: no centre is there: it holds none of a centre's files")
    assert not (tmp_path / "state").exists()


def test_a_file_instead_of_a_folder(tmp_path: Path) -> None:
    told(check(MEB / "santral.toml", None, tmp_path), 2, "no centre is there: it is no folder")


@each_command
def test_settings_that_are_missing(command: Command, tmp_path: Path) -> None:
    told(command(MEB, tmp_path / "local.toml", tmp_path), 2,
         "local.toml:1: the file is missing. Name the file of this machine's settings")
    assert not (tmp_path / "state").exists()


UNUSABLE: dict[str, tuple[bytes, str]] = {
    "unknown key": (b'[listen]\nhtttp = "127.0.0.1:8063"\n', r"local\.toml:2: unknown key 'htttp'.*http"),
    "unknown table": (b"[lisen]\n", r"local\.toml:1: unknown key 'lisen'.*listen"),
    "no TOML": (b"[listen\n", r"local\.toml:1: "),
    "no UTF-8": (b'[centre]\nname = "\xff"\n', r"local\.toml:2: the file is not UTF-8"),
    "a path Asterisk splits": (b'[asterisk]\nsounds = "/srv/a, b"\n', r"sounds '/srv/a, b': an absolute path"),
    "ports below 1024": (b"[asterisk]\nrtp_start = 80\n", "rtp"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_settings_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    content, sentence = UNUSABLE[name]
    overlay = tmp_path / "local.toml"
    overlay.write_bytes(content)
    told(check(MEB, overlay, tmp_path), 2, sentence)
    told(render(MEB, overlay, tmp_path), 2, sentence)
    assert not (tmp_path / "out").exists()


def test_settings_are_toml_whatever_their_name(tmp_path: Path) -> None:
    overlay = tmp_path / "local.conf"
    overlay.write_text("listens: here\n", encoding="utf-8")
    told(check(MEB, overlay, tmp_path), 2, r"local\.conf:1: this is not TOML")
    overlay.write_text("[listens]\n", encoding="utf-8")
    told(check(MEB, overlay, tmp_path), 2, r"local\.conf:1: unknown key 'listens'\. Did you mean 'listen'\?")


def test_a_reader_that_has_enough() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as out:
        done = subprocess.run([sys.executable, "-m", "santral", "prompts", "list", "--tsv"], stdout=out, text=True,
                              stderr=subprocess.PIPE, timeout=60, cwd=HOUSE, check=False)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("words", [("menu", "show", "--svg"), ("lab", "day", "--date", "2026-03-02")])
def test_a_file_that_is_in_the_way(words: tuple[str, ...], tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = santral(*words, tmp_path / "file" / "below")
    told(done, 1, r"^santral: \S+file\S*: (Not a directory|File exists)\. Name another place, or fix its permissions$")


def test_ctrl_c_before_a_command_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("santral.cli.cli", interrupted)
    monkeypatch.setattr("sys.argv", ["santral", "status"])
    with pytest.raises(SystemExit) as ended:
        run_cli()
    assert ended.value.code == INTERRUPTED


@pytest.mark.parametrize("command", [check, run])
def test_settings_that_cannot_be_read(command: Command, tmp_path: Path) -> None:
    overlay = tmp_path / "local.toml"
    overlay.mkdir()
    told(command(MEB, overlay, tmp_path), 2, r"local\.toml:1: the file cannot be read: Is a directory")
    if NOT_ROOT:
        overlay.rmdir()
        overlay.touch(mode=0o000)
        told(command(MEB, overlay, tmp_path), 2, r"local\.toml:1: the file cannot be read: Permission denied")


def built(folder: Path) -> Path:
    """Settings of a machine whose prompts are built: a start looks at them first."""
    overlay = folder / "local.toml"
    overlay.write_text(f'[asterisk]\nsounds = "{SOUNDS}"\n', encoding="utf-8")
    return overlay


def test_prompts_that_are_not_built(tmp_path: Path) -> None:
    overlay = tmp_path / "local.toml"
    overlay.write_text(f'[asterisk]\nsounds = "{tmp_path}"\n', encoding="utf-8")
    told(run(MEB, overlay, tmp_path), 2, f"Build them: santral prompts build --out {tmp_path}")
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("command", [run, render])
def test_a_state_folder_that_cannot_be_written(command: Command, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "secrets").write_text("in the way", encoding="utf-8")
    told(command(MEB, built(tmp_path), tmp_path), 4,
         "secrets cannot be used by this user: File exists. Name another state folder")
    if NOT_ROOT:
        (tmp_path / "state" / "secrets").unlink()
        (tmp_path / "state").chmod(0o500)
        told(command(MEB, built(tmp_path), tmp_path), 4, "secrets cannot be used by this user: Permission denied")


def test_a_state_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("in the way", encoding="utf-8")
    told(run(MEB, built(tmp_path), tmp_path), 4, "the state folder .*state cannot be made: File exists")
    told(render(MEB, built(tmp_path), tmp_path), 4, "secrets cannot be used by this user: Not a directory")


def test_a_folder_for_the_files_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("in the way", encoding="utf-8")
    told(render(MEB, None, tmp_path), 1, "out: cannot be written: File exists. Choose another --out")


def test_a_secret_that_others_may_read(tmp_path: Path) -> None:
    assert render(MEB, None, tmp_path).returncode == 0
    (tmp_path / "state/secrets/ami.json").chmod(0o644)
    told(render(MEB, None, tmp_path), 1, r"ami\.json is readable by others\. Close it: chmod 600")


def test_a_trunk_that_registers(tmp_path: Path) -> None:
    overlay = tmp_path / "local.toml"
    overlay.write_text('[trunk.registration]\nserver = "sip.carrier.example"\nuser = "902120000000"\n',
                       encoding="utf-8")
    assert check(MEB, overlay, tmp_path).returncode == 0, "the check needs no password"
    told(render(MEB, overlay, tmp_path), 1, r"its password is not there\. Write it as .* into \S+trunk\.json, mode")
    secret = tmp_path / "state/secrets/trunk.json"
    secret.touch(mode=0o600)
    secret.write_text('{"secret": "of-the-carrier"}', encoding="utf-8")
    assert render(MEB, overlay, tmp_path).returncode == 0
    assert "server_uri=sip:sip.carrier.example\n" in (tmp_path / "out/pjsip.conf").read_text(encoding="utf-8")


@pytest.mark.parametrize("words, sentence", [
    (("frobnicate",), "No such command 'frobnicate'"),
    (("check", "--nonsense"), "No such option: --nonsense"),
    (("asterisk-conf", str(MEB)), "Missing option '--out'"),
    (("run", "one", "two"), "unexpected extra argument"),
])
def test_what_the_command_line_does_not_know(words: tuple[str, ...], sentence: str) -> None:
    told(santral(*words), 2, sentence)


@pytest.mark.parametrize("command", ["purge", "audit"])
def test_a_state_of_another_place_is_not_called_clean(command: str, tmp_path: Path) -> None:
    told(santral("privacy", command, "--state", tmp_path / "elsewhere"), 4, "elsewhere is no state folder of a node")


def test_a_folder_without_records_is_not_called_clean(tmp_path: Path) -> None:
    told(santral("privacy", "purge", "--state", tmp_path), 4, r"santral\.db is not there: no node has kept records in")
    assert not list(tmp_path.iterdir()), "it made a store"


@pytest.mark.parametrize("words, sentence", [
    (("prompts", "report", "--sounds", "nowhere", "--out", "{0}/page.html"), "no sounds are built in nowhere"),
    (("report", "day", "{0}", "--picture", "{0}/page.png"), "--picture is a picture of the page"),
])
def test_a_page_that_would_show_nothing(words: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    told(santral(*(word.format(tmp_path) for word in words)), 1 if words[0] == "prompts" else 2, sentence)
    assert not list(tmp_path.iterdir())


def test_the_help_has_every_command_once_by_section() -> None:
    done = santral("--help")
    shown = re.findall(r"^  ([a-z][a-z-]+) {2,}", done.stdout, re.MULTILINE)
    assert {"check", "run", "report", "simulate", "lab"} <= set(shown) and len(shown) == len(set(shown))
    places = [done.stdout.index(title) for title in SECTIONS]
    assert places == sorted(places)


@pytest.mark.parametrize("page", ["README.md", "docs/operate/install.md", "docs/operate/asterisk.md",
                                  "docs/centre/prompts.md"])
def test_the_documents_name_commands_and_options_that_exist(page: str) -> None:
    from typer.main import get_command

    from santral.cli import cli

    text = (HOUSE / page).read_text(encoding="utf-8")
    lines = re.findall(r"(?:^ {4,}(?:runuser -u santral -- )?|`)santral ([a-z-]+[^`\n#]*)", text, re.MULTILINE)
    assert lines, f"{page} names no command any more"
    for line in lines:
        known = get_command(cli)
        words = line.split()
        while words and words[0] in getattr(known, "commands", {}):
            known = known.commands[words.pop(0)]  # type: ignore[attr-defined]
        assert known is not get_command(cli) and not (hasattr(known, "commands") and words), f"{page}: santral {line}"
        options = {name for one in known.params for name in one.opts}
        for word in words:
            assert not word.startswith("--") or word in options, f"{page}: santral {line}: {word} is no option"


INSTALLED = ("asterisk_conf", "centres", "desk", "drawing", "ivr", "lab", "metrics", "planning", "prompts", "routing",
             "santral")
"""Packages that an installation makes known to Python."""


def test_benchmarks_run_from_a_checkout_in_any_folder(tmp_path: Path) -> None:
    """An editable installation knows the packages of the checkout and nothing else of it."""
    for name in INSTALLED:
        (tmp_path / name).symlink_to(HOUSE / name)
    done = subprocess.run([sys.executable, "-P", "-m", "santral", "bench"], capture_output=True, text=True, timeout=60,
                          cwd="/", env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(tmp_path)}, check=False)
    assert done.returncode == 0, done.stderr
    assert "handover" in done.stdout
