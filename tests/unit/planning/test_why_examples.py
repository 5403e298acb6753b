"""`santral why` on the worked examples of docs/develop/routing.md: who was chosen, who was not and why."""

from __future__ import annotations

from pathlib import Path

import pytest

from guide import examples, story
from planning.journal.recording_engine import RecordingEngine
from planning.why import contact_account
from planning.why.contact_account import ContactAccount
from tests.fakes.archive import Archive
from tests.guide_centre import centre_of
from tests.why_house import text

pytestmark = pytest.mark.unit

HOME = Path(__file__).resolve().parents[3]
PAGE = (HOME / "docs" / "develop" / "routing.md").read_text(encoding="utf-8")
EXAMPLES = {one.name: one for one in examples.find_examples(PAGE)}


def example(name: str, contact: str, tmp_path: Path, more: str = "") -> ContactAccount:
    """A contact of a worked example of docs/develop/routing.md. `more` goes on with its story."""
    heard = RecordingEngine()
    story.tell_story(centre_of(EXAMPLES[name], tmp_path), story.read_story(EXAMPLES[name].story + more), heard)
    account = contact_account.explain_contact(Archive.of(heard), contact)
    assert not account.untold
    return account


def test_who_was_chosen_at_once_and_whom_they_were_compared_with(tmp_path: Path) -> None:
    told = text(example("last-agent", "K1", tmp_path))
    assert "Çağrı K1 · İhbar ve şikâyet (ihbar) · 01.01.1970 Yanıtlandı; bekleme 4 sn; görüşme 46 sn." in told
    assert "09:00:10 ali seçildi (teklif 1): düzey 50, 10 sn boşta" in told
    assert "Oturumu açık 2 temsilci: 2 hazır" in told
    assert "1 ali 50 10 sn seçildi 2 ece 50 5 sn" in told
    assert "uygundu; sırada sonra geliyordu 1 ece" in told
    assert "ali: görüşme başladı; bekleme 4 sn, hedef içinde (20 sn)" in told


def test_who_waited_for_a_step(tmp_path: Path) -> None:
    told = text(example("steps", "B", tmp_path))
    assert "09:00:20 1. adım; aranan: psikososyal ≥ 70; her adımda aranan: psikososyal >= 50 and not stajyer" in told
    assert "Boşta uygun kimse yoktu: başka bir iletişimle ilgileniyordu (1)" in told
    assert "09:00:40 Adımın süresi doldu, daha azı aranır: 2. adım; aranan: psikososyal ≥ 50" in told
    assert "ali seçildi (teklif 2): 2. adım, düzey 55" in told
    assert "2. adım, düzey 55" in text(example("steps", "C", tmp_path))


def test_a_preferred_agent_and_the_contact_before(tmp_path: Path) -> None:
    told = text(example("last-agent", "K3", tmp_path))
    assert "Arayanı önceki iletişiminden tanıyan temsilci: ece; K2 (01.01.1970 09:03:00)" in told
    assert "şahsen beklenen temsilci" in told and "şahsen ece için bekliyordu 1 ali" in told
    late = text(example("last-agent", "K2", tmp_path), english=True)
    assert "The agent who knows the caller: ali, from contact K1 (1970-01-01 09:00:10)" in late
    assert "The wait for one agent is over, anybody may come: asked: genel ≥ 1" in late


def test_overflow_and_a_full_line(tmp_path: Path) -> None:
    assert "Uzman (uzman) → Genel (genel), bekleme uzadığı için; 1. sırada" in text(example("rules", "B", tmp_path))
    assert "Uzman (uzman) → Genel (genel), sıra dolu olduğu için" in text(example("rules", "C", tmp_path))


def test_distress_limits_are_named_for_those_alone_who_may_know_them(tmp_path: Path) -> None:
    spared = example("distress", "B", tmp_path)
    told = text(spared)
    assert "ali seçildi" in told and "uygun değildi 1 ece" in told and "80" not in told, "ece's level is not compared"
    named = text(spared, needs=True)
    assert "uygundu; yük sınırına yakın olduğu için sonra geliyordu 1 ece" in named
    assert "1 ali 50 6 dk 0 seçildi 2 ece 80 - 1" in named
    ceiling = example("distress", "D", tmp_path)
    assert "sınır" not in text(ceiling) and "tavan" not in text(ceiling)
    assert "acil tavanla, sınırın üstünde" in text(ceiling, needs=True)
    assert "ece: bağlanmadı; temsilci almadı; 6 sn çaldı" in text(ceiling)


def test_a_pair_is_one_agent_for_those_who_may_not_know_it(tmp_path: Path) -> None:
    pair = example("pair", "A", tmp_path)
    assert "ece seçildi" in text(pair) and "isik" not in text(pair).partition("Neden")[0]
    assert "ece + isik seçildi" in text(pair, needs=True)
    assert "uygun değildi 1 ece" in text(example("pair", "B", tmp_path))


def test_a_break_is_no_reason_that_everybody_reads(tmp_path: Path) -> None:
    near = example("break", "B", tmp_path)
    assert "uygun değildi 1 ece" in text(near) and "planlı molası yakındı 1 ece" in text(near, needs=True)


def test_an_interrupted_mail(tmp_path: Path) -> None:
    told = text(example("capacity", "M", tmp_path))
    assert "E-posta M" in told
    assert "ece: çağrı geldi, bu iletişim beklemede" in told and "ece: iletişime geri döndü" in told


def test_a_callback_and_its_tries(tmp_path: Path) -> None:
    told = text(example("callback", "B", tmp_path, "\n09:02:34  ece answers\n09:04:00  C hangs up\n"
                        "09:04:04  ece answers\n09:04:12  B picks up\n"))
    for words in ("Geri aranmak istedi; sıradaki yeri korunuyor", "kapatınca aranır",
                  "09:02:04 Arayan aranıyor; ece hazır", "ece: bağlanmadı; arayan geri arandı: açılmadı",
                  "1. deneme olmadı (açılmadı); sonraki en erken 09:03:30", "Geri arama zamanı gelmedi.",
                  "09:04:12 Arayan hatta: geri aramaya yanıt verdi"):
        assert words in told, words


def test_a_missed_offer(tmp_path: Path) -> None:
    missed = example("ring-no-answer", "A", tmp_path)
    told = text(missed)
    assert "ali: bağlanmadı; telefon açılmadı 0" in told and "çaldı" not in told, "how long it may ring is a need's"
    assert "hazır değildi: yanıt vermiyor 1 ali" in told
    assert "ali: bağlanmadı; telefon açılmadı; 25 sn çaldı" in text(missed, needs=True)
