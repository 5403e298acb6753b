"""The scripts of the ministry's centre, played on a real Asterisk: actions and sounds of callers, from real RTP.

All of them run at once, together with some scripts in which a line is wrong. Each wrong line must be reported.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from lab import lifecycle
from lab.lifecycle import CENTRE, LabInfo
from lab.pbx.fetch import AsteriskProgram
from lab.phones import audio, network_conf
from lab.script import cli as script_cli
from lab.script import runner
from lab.script.cli import ScriptRequest, failure_message
from lab.script.player import ScriptOutcome

pytestmark = pytest.mark.system

FOLDER = CENTRE / "scripts"
SHORT, LONG = sorted(FOLDER.glob("*.yaml")), sorted((FOLDER / "uzun").glob("*.yaml"))
COMMAND_S = 120.0

WRONG = {
    "another sentence": ("""\
ad: başka söz
adimlar:
  - baslar: karsilama
  - basar: 6
  - duyar: menu-yavas-onerisi
  - kapatir
""", "x.yaml:5: beklenen menu-yavas-onerisi, duyulan menu-tus-yanlis"),
    "nothing": ("""\
ad: hiçbir şey
adimlar:
  - duyar:
      - karsilama
  - duyar: ana-menu-1, 1 sn
  - kapanir: 1 sn
""", "x.yaml:6: beklenen karşı tarafın kapatması, duyulan "),
    "the end": ("""\
ad: beklenmeyen son
hizmet: gorus_oneri
adimlar:
  - baslar: karsilama
  - basar: 4
  - muzik: 2 sn
""", "x.yaml:6: beklenen 2 sn müzik, duyulan kural-kimse-yok"),
    "nobody": ("""\
ad: kimse yok
hizmet: uzaktan_egitim
temsilciler:
  - uzaktan_egitim: cevaplamaz
adimlar:
  - baslar: karsilama
  - basar: 2
  - duyar: [secildi-uzaktan-egitim, kayit-bilgisi]
  - konusur: uzaktan_egitim, 4 sn
""", "x.yaml:9: beklenen uzaktan_egitim ile karşılıklı konuşma, duyulan müzik"),
}


def play(info: LabInfo, paths: Sequence[Path], recordings: Path) -> dict[Path, ScriptOutcome]:
    outcomes = asyncio.run(runner.run_in_lab(info, paths, recordings, lambda _: None))
    return dict(zip(paths, outcomes, strict=True))


def wrong(folder: Path, name: str) -> Path:
    return folder / name.replace(" ", "-") / "x.yaml"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("scripts")
    for name, (text, _) in WRONG.items():
        path = wrong(found, name)
        path.parent.mkdir()
        path.write_text(text, encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def played(lab_session: LabInfo, folder: Path) -> Iterator[dict[Path, ScriptOutcome]]:
    """Everything that is not long, at once: a minute."""
    yield play(lab_session, [*SHORT, *(wrong(folder, name) for name in WRONG)], folder / "recordings")


@pytest.mark.parametrize("path", SHORT, ids=lambda path: path.stem)
def test_a_script_of_the_centre_goes_as_written(played: dict[Path, ScriptOutcome], path: Path) -> None:
    outcome = played[path]
    assert outcome.passed, f"{failure_message(outcome)}\n{outcome.recording}\n{outcome.moments}"
    assert outcome.recording is None


@pytest.mark.parametrize("name", WRONG)
def test_a_line_that_is_wrong_is_told_with_what_was_heard(played: dict[Path, ScriptOutcome], folder: Path,
        name: str) -> None:
    outcome = played[wrong(folder, name)]
    assert failure_message(outcome).startswith(WRONG[name][1])
    assert outcome.recording is not None and outcome.recording.stat().st_mode & 0o077 == 0
    seconds = len(audio.read_wav(outcome.recording)) / audio.RATE
    assert abs(seconds - outcome.seconds) < 1.0, "silence stands in the recording where it was"
    assert any("karsilama" in moment.what for moment in outcome.moments)


@pytest.mark.long
def test_the_long_scripts_go_as_written(asterisk_tree: AsteriskProgram, folder: Path) -> None:
    """Every wait to its end, and a killed node, in a separate lab."""
    info = lifecycle.start_lab(folder=folder / "lab", extra=lifecycle.ANY_HOUR, texts=lifecycle.NO_OFFER_S)
    try:
        outcomes = play(info, LONG, folder / "recordings")
    finally:
        lifecycle.stop_lab(folder / "lab")
    assert not [failure_message(outcome) for outcome in outcomes.values() if not outcome.passed]


def command(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "santral", "lab", "script", *arguments], capture_output=True,
                          text=True, check=False, timeout=COMMAND_S, cwd=folder)


def test_the_command_at_a_number_at_a_trunk(lab_session: LabInfo, folder: Path) -> None:
    """The lab's own Asterisk, called as a stranger's: only the callers are ours."""
    good = folder / "kisa.yaml"
    good.write_text("ad: kısa\nadimlar:\n  - baslar: karsilama\n  - basar: \"#\"\n"
                    "  - duyar: ana-menu-1\n  - kapatir\n", encoding="utf-8")
    bad = folder / "kotu.yaml"
    bad.write_text("ad: kötü\nadimlar:\n  - duyar: kayit-bilgisi\n", encoding="utf-8")
    done = command(folder, str(good), str(bad), "--to", f"sip:{lab_session.numbers[0]}@{lab_session.sip}")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "✓ kisa.yaml: kısa" in done.stdout
    assert "✗ kotu.yaml:3: beklenen kayit-bilgisi, duyulan karsilama" in done.stdout
    assert f"ses kaydı: {folder / 'script-recordings' / 'kotu.wav'}" in done.stdout
    assert "2 betik, 1 yazıldığı gibi, 1 farklı" in done.stdout


def test_a_number_that_does_not_know_who_calls_says_so(lab_session: LabInfo, folder: Path,
        monkeypatch: pytest.MonkeyPatch
                                                       ) -> None:
    monkeypatch.setattr(network_conf, "CALLERS", "127.0.0.3")
    script = folder / "kimsin.yaml"
    script.write_text("ad: kimsin\nadimlar:\n  - baslar: karsilama\n  - kapatir\n", encoding="utf-8")
    out = StringIO()
    wish = ScriptRequest((script,), CENTRE, None, f"sip:{lab_session.numbers[0]}@{lab_session.sip}", lifecycle.SOUNDS,
                folder / "script-recordings", 1, None)
    assert script_cli.run_scripts(wish, Console(file=out, width=300)) == 1
    assert "refused (21). It is called from 127.0.0.3: does its [trunk] match have that?" in out.getvalue()


def test_the_command_refuses_bad_scripts_before_it_calls_anybody(folder: Path) -> None:
    bad = folder / "yanlis.yaml"
    bad.write_text("ad: x\nadimlar:\n  - duyar: karsilam\n  - bekler: uzun\n", encoding="utf-8")
    done = command(folder, str(bad))
    assert done.returncode == 2
    assert done.stdout.splitlines() == [
        "yanlis.yaml:3: there is no prompt 'karsilam'. Did you mean 'karsilama'?",
        "yanlis.yaml:4: 'uzun' is no time. Write for example 5 sn, 1.5 sn or 2 dk."]
