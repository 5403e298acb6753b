"""How texts speak: one voice, one word for one thing, and nothing that a telephone turns into another word."""

from __future__ import annotations

from pathlib import Path

import pytest

from centres.centre_reader import SHIPPED
from prompts.text_reader import Prompt, all_prompts, read_texts
from prompts.text_style import LONGEST_S, MOST_WORDS, find_style_faults
from santral.centre.centre_words import read_words

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("centre", ["meb", "ornek"])
def test_all_shipped_texts_speak_with_one_voice(centre: str) -> None:
    prompts = all_prompts(read_words(SHIPPED / centre))
    assert len(prompts) > 800 and find_style_faults(prompts) == []


@pytest.mark.parametrize(("group", "text", "fault"), [
    ("menu", "Devam etmek için, bir tuşa basın.", "heard as key one"),
    ("bekleme", "Lütfen ayrılmayın.", "hatta kalın"),
    ("bekleme", "Sizi duyuyoruz, buradayız.", "nobody hears"),
    ("menu", "Psikososyal destek için, bire basın.", "loses its first sound"),
    ("menu", "Görüşmeniz kaydedilebilir.", "heard as 'kaybedil-'"),
    ("bekleme", "Size bir danışman arıyoruz.", "uzmanımız"),
    ("menu", "Hoş geldiniz!", "no exclamation"),
    ("bekleme", "Sana yardım edeceğiz.", "siz"),
    ("bekleme", "Birazdan konuşacaksın.", "siz"),
    ("menu", "Numarayı girin.", "tuşlayın"),
    ("menu", "Bekliyoruz. Devam edin.", "'ben'"),
    ("bekleme", "Sizi bağlıyoruz.", "'ben'"),
    ("bekleme", "Bunu saklayamadım.", "done by 'biz'"),
    ("anket", "Yanıtınızı bekliyorum.", "only in menu and bekleme"),
    ("kod", "Oturumunuzu açıyoruz.", "agents hear facts"),
    ("menu", "a" * round(LONGEST_S["menu"] * 9 + 2), "takes about"),
    ("menu", " ".join(["a"] * (MOST_WORDS + 1)), "15 words")])
def test_another_voice_is_a_fault_with_its_place(group: str, text: str, fault: str) -> None:
    (told,) = find_style_faults({"x": Prompt("x", text, "always", group, where="a.yaml:3")})
    assert told.startswith("a.yaml:3: x: ") and fault in told


@pytest.mark.parametrize("text", ["Bekliyorum. Devam etmek için herhangi bir tuşa basın.", "Sizi bağlıyorum.",
                                  "Bundan sonra daha yavaş konuşacağım.", "Sıranız gelince sizi arayacağız.",
                                  "Başvurunuzun durumuna bakalım.", " ".join(["a"] * MOST_WORDS)])
def test_the_voice_and_its_centre_may_say_this(text: str) -> None:
    assert find_style_faults({"x": Prompt("x", text, "always", "menu")}) == []


def test_english_has_its_own_words() -> None:
    for text, fault in (("We hear you.", "nobody hears"), ("If you feel unwell, press 1.", "in distress"),
                        ("Talk to a specialist.", "counsellor")):
        (told,) = find_style_faults({"en/x": Prompt("x", text, "always", "menu", language="en"),
                                     "x": Prompt("x", "Merhaba.", "always", "menu")})
        assert fault in told


def test_the_product_alone_speaks_so_too(tmp_path: Path) -> None:
    assert find_style_faults(read_texts()) == []
