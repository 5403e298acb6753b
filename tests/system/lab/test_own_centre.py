"""A hospital's line made by the docs alone: init, check, prompts, a lab; callers hear its words and nobody else's.

The centre never closes while the first calls run. Then its hours are changed and reloaded, and a call finds it closed.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lab import lifecycle
from lab.pbx.fetch import AsteriskProgram
from lab.script import runner
from lab.script.cli import failure_message
from lab.script.player import ScriptOutcome
from tests.system import ended

pytestmark = pytest.mark.system

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
OPENS = datetime.now(ZoneInfo("Europe/Istanbul")).date() + timedelta(days=3)
"""A day that is neither today nor tomorrow, so it is said by its name, also if midnight passes."""
COMMANDS_S = 300.0

CALLBACK = """\
ad: Hastane; kimse yok, geri arama
kimden: "05321234567"
hizmet: randevu
temsilciler:
  - randevu: sonra cevaplar
adimlar:
  - duyar: karsilama
  - duyar: ana-menu-1
  - basar: 1
  - duyar: [kural-kimse-yok, kural-arayalim]
  - basar: 1
  - duyar: geri-arama-numara
  - duyar: [digits/0, digits/5, digits/hundred, digits/30, digits/2]
  - duyar: [digits/hundred, digits/20, digits/3, digits/40, digits/5, digits/60, digits/7]
  - baslar: geri-arama-dogru-mu
  - basar: 1
  - duyar: geri-arama-tamam
  - baslar: geri-arama-zaman
  - basar: 1
  - duyar: [geri-arama-sirada, system/goodbye]
  - kapanir
  - temsilci: gelir
  - aranir: 60 sn
  - duyar: [geri-arama-merhaba, geri-arama-bir-dakika]
  - konusur: randevu
  - kapatir
"""
CLOSED = f"""\
ad: Hastane; kapalı, açılacağı zaman söylenir
hizmet: randevu
adimlar:
  - duyar: [karsilama, merkez-kapali]
  - duyar: [kural-gun-{OPENS.isoweekday()}, saatte-bas, digits/8, saatte-bucuk, acilacak]
  - duyar: system/goodbye
  - kapanir
"""


def santral(*words: str) -> str:
    """Run a command as the page says; return its words."""
    done = subprocess.run([sys.executable, "-m", "santral", *words], capture_output=True, text=True, check=False,
                          timeout=COMMANDS_S, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def played(asterisk_tree: AsteriskProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[
        dict[str, ScriptOutcome]]:
    """Both calls of the hospital, in one lab."""
    folder = tmp_path_factory.mktemp("hastane")
    centre, sounds, lab = folder / "hastane", folder / "sounds", folder / "lab"
    # 1. The commands of docs/centre/first-centre.md.
    santral("init", str(centre), "--name", "Şehir Hastanesi", "--numbers", "444 0 112", "--services",
            "Randevu,Tahlil sonucu,Fatura", "--hours", "00:00-24:00", "--days", "monday-sunday", "--agents", "25")
    assert "good. 4 services, 25 agents" in santral("check", str(centre))
    # Sounds of the same words are there already, so that the test waits for the hospital's alone.
    shutil.copytree(lifecycle.SOUNDS, sounds)
    santral("prompts", "build", "--centre", str(centre), "--out", str(sounds), "--voice", "espeak", "--renamed")
    for path in centre.rglob("*"):
        assert path.is_dir() or not re.search("bakanl|mebim", path.read_text(encoding="utf-8"), re.IGNORECASE), path
    assert not (sounds / "tr" / "ana-menu-4.wav").exists(), "an option of the ministry"
    scripts = {name: folder / f"{name}.yaml" for name in ("callback", "closed")}
    scripts["callback"].write_text(CALLBACK, encoding="utf-8")
    scripts["closed"].write_text(CLOSED, encoding="utf-8")
    # 2. A lab with that centre.
    info = lifecycle.start_lab(centre, lab, sounds=sounds, extra=lifecycle.ANY_HOUR)
    try:
        outcomes = asyncio.run(runner.run_in_lab(info, [scripts["callback"]], folder / "recordings", lambda _: None))
        # 3. Close it until a morning of this week.
        settings = centre / "santral.toml"
        text = re.sub(r'(?m)^(' + "|".join(DAYS) + r') = .*\n', "", settings.read_text(encoding="utf-8"))
        settings.write_text(text.replace('closed = "kapali"', f'{DAYS[OPENS.weekday()]} = ["08:30-17:00"]\n'
                                                              'closed = "kapali"'), encoding="utf-8")
        santral("reload", "--state", str(lab))
        outcomes += asyncio.run(runner.run_in_lab(info, [scripts["closed"]], folder / "recordings", lambda _: None))
    finally:
        ended.down(lab)
    yield dict(zip(scripts, outcomes, strict=True))


@pytest.mark.parametrize("call", ["callback", "closed"])
def test_a_caller_hears_the_hospital(played: dict[str, ScriptOutcome], call: str) -> None:
    outcome = played[call]
    assert outcome.passed, f"{failure_message(outcome)}\n{outcome.recording}\n{outcome.moments}"
