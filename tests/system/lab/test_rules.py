"""Each rule of a service by ear: why a caller is led out of the queue, which way is offered, and how the call ends.

The lab has the ministry's centre with shorter waits, a full service, and one that opens in three days. All scripts run
at once. The shipped scripts hear `when_nobody`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lab import lifecycle
from lab.lifecycle import CENTRE
from lab.pbx.fetch import AsteriskProgram
from lab.script import runner
from lab.script.cli import failure_message
from lab.script.player import ScriptOutcome
from tests.ministry import copied, edit
from tests.system import ended

pytestmark = pytest.mark.system

OPENS = datetime.now(ZoneInfo("Europe/Istanbul")).date() + timedelta(days=3)
"""A day that is neither today nor tomorrow, so it is said by its name, also if midnight passes."""
DISTRESS = "distress"
SCRIPTS = {
    "when_full": """\
ad: Sıra dolu; geri arama istemiyor
hizmet: uzaktan_egitim
onunde: {kac: 1, basar: 2}
temsilciler:
  - uzaktan_egitim: cevaplamaz
adimlar:
  - duyar: karsilama
  - baslar: ana-menu-1
  - basar: 2
  - duyar: [kural-dolu, kural-arayalim-mi]
  - basar: 2
  - duyar: bekleme-veda
  - kapanir
""",
    "when_expected": """\
ad: Bekleme uzun; geri arama
kimden: "05321234567"
hizmet: temsilci
onunde: {kac: 1, basar: 0}
temsilciler:
  - temsilci: cevaplar
adimlar:
  - duyar: karsilama
  - baslar: ana-menu-1
  - basar: 0
  - duyar: [kural-uzun, kural-arayalim]
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
""",
    "when_waited": """\
ad: Çok bekledi; mesaj
hizmet: gorus_oneri
onunde: {kac: 1, basar: 4}
temsilciler:
  - gorus_oneri: cevaplar
adimlar:
  - duyar: [karsilama, ana-menu-1, ana-menu-2]
  - baslar: ana-menu-3
  - basar: 4
  - duyar: [secildi-gorus-oneri, kayit-bilgisi, bekleme-ilk, bekleme-siradaki]
  - muzik: 1 sn
  - duyar: kural-bekledi, 60 sn
  - duyar: kural-mesaj
  - basar: 1
  - duyar: mesaj-konusun
  - soyler: 3 sn
  - basar: "#"
  - duyar: [mesaj-alindi, system/goodbye]
  - kapanir
""",
    "when_waited, another service": """\
ad: Çok bekledi; başka hizmette görüşür
hizmet: ihbar_sikayet
onunde: {kac: 1, basar: 3}
temsilciler:
  - ihbar_sikayet: cevaplar
  - gorus_oneri: cevaplar
adimlar:
  - duyar: karsilama
  - baslar: ana-menu-1
  - basar: 3
  - duyar: [secildi-ihbar-sikayet, bekleme-ilk, bekleme-siradaki]
  - muzik: 1 sn
  - konusur: gorus_oneri
  - kapatir
""",
    "when_closed": f"""\
ad: Hizmet kapalı; mesaj istemiyor
arar: arsiv
hizmet: arsiv
adimlar:
  - duyar: [hizmet-kapali, kural-gun-{OPENS.isoweekday()}, saatte-bas, saatte-9, acilacak, kural-mesaj-mi]
  - basar: 2
  - duyar: bekleme-veda
  - kapanir
""",
}


def centre(folder: Path, opens: date) -> Path:
    """Write the ministry's centre with a rule for each reason, reached within seconds."""
    made = copied(folder)
    edit(made, "services.yaml", "when_nobody: {to: callback}", "max_waiting: 1\n    when_full: {to: callback}\n"
         "    when_nobody: {to: callback}")
    edit(made, "services.yaml", "when_nobody: {to: goodbye}", "when_waited: {to: gorus_oneri, over_s: 20}\n"
         "    when_nobody: {to: goodbye}")
    edit(made, "services.yaml", "    when_expected: {to: message, over_s: 900}\n", "")
    edit(made, "services.yaml", "when_waited: {to: message, over_s: 1200}", "when_waited: {to: message, over_s: 20}")
    head, tail = (made / "services.yaml").read_text(encoding="utf-8").split("- id: temsilci")
    (made / "services.yaml").write_text(
        f"{head}- id: temsilci{tail.replace('over_s: 900', 'over_s: 60')}\n"
        "  - id: arsiv\n    name: Arşiv\n    steps:\n      - needs: {temsilci: 30}\n"
        f"    hours: {{dates: {{{opens}: [\"09:00-17:00\"]}}}}\n"
        "    when_closed: {to: message}\n    when_nobody: {to: goodbye}\n", encoding="utf-8")
    edit(made, "menu.yaml", "  ana: karsilama\n", "  ana: karsilama\n  arsiv: arsiv\n")
    edit(made, "menu.yaml", "  temsilci:\n    queue: temsilci\n",
         "  arsiv:\n    queue: arsiv\n\n  temsilci:\n    queue: temsilci\n")
    edit(made, "santral.toml", '"4440632" = "ana"', '"4440632" = "ana"\n"4440640" = "arsiv"')
    return made


@pytest.fixture(scope="module")
def played(asterisk_tree: AsteriskProgram,
           tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ScriptOutcome]]:
    """All scripts of the rules and that of distress, at once in a separate lab."""
    folder = tmp_path_factory.mktemp("rules")
    paths = {name: folder / f"{name.replace(', ', '-').replace(' ', '-')}.yaml" for name in SCRIPTS}
    for name, path in paths.items():
        path.write_text(SCRIPTS[name], encoding="utf-8")
    paths[DISTRESS] = CENTRE / "scripts" / "uzun" / "bekleme-destek.yaml"
    info = lifecycle.start_lab(centre(folder, OPENS), folder / "lab", extra=lifecycle.ANY_HOUR,
                               texts=lifecycle.NO_OFFER_S)
    try:
        outcomes = asyncio.run(runner.run_in_lab(info, [*paths.values()], folder / "recordings", lambda _: None))
    finally:
        ended.down(folder / "lab")
    yield dict(zip(paths, outcomes, strict=True))


@pytest.mark.parametrize("rule", [*SCRIPTS, DISTRESS])
def test_a_caller_hears_the_rule_of_the_service(played: dict[str, ScriptOutcome], rule: str) -> None:
    outcome = played[rule]
    assert outcome.passed, f"{failure_message(outcome)}\n{outcome.recording}\n{outcome.moments}"
