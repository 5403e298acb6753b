"""Turkish numbers: a table of words that are easy to get wrong."""

from __future__ import annotations

import pytest

from prompts.verbalise.turkish_numbers import NUMBER_MAX, cardinal_words, dative_words, key_dative, ordinal_words

pytestmark = pytest.mark.unit

CARDINALS = {
    0: "sıfır", 4: "dört", 10: "on", 11: "on bir", 19: "on dokuz", 40: "kırk", 44: "kırk dört", 100: "yüz",
    101: "yüz bir", 110: "yüz on", 200: "iki yüz", 632: "altı yüz otuz iki", 1000: "bin", 1001: "bin bir",
    1100: "bin yüz", 1250: "bin iki yüz elli", 2026: "iki bin yirmi altı", 21_345: "yirmi bir bin üç yüz kırk beş",
    100_000: "yüz bin", 101_000: "yüz bir bin", 591_608: "beş yüz doksan bir bin altı yüz sekiz",
    1_000_000: "bir milyon", 1_001_000: "bir milyon bin", 1_000_000_000: "bir milyar",
    83_009_103_324: "seksen üç milyar dokuz milyon yüz üç bin üç yüz yirmi dört",
}  # fmt: skip

ORDINALS = {
    0: "sıfırıncı", 1: "birinci", 2: "ikinci", 3: "üçüncü", 4: "dördüncü", 5: "beşinci", 6: "altıncı", 7: "yedinci",
    8: "sekizinci", 9: "dokuzuncu", 10: "onuncu", 14: "on dördüncü", 20: "yirminci", 30: "otuzuncu", 40: "kırkıncı",
    50: "ellinci", 60: "altmışıncı", 70: "yetmişinci", 80: "sekseninci", 90: "doksanıncı", 100: "yüzüncü",
    101: "yüz birinci", 1000: "bininci", 2_000_000: "iki milyonuncu",
}  # fmt: skip

KEYS = ("sıfıra", "bire", "ikiye", "üçe", "dörde", "beşe", "altıya", "yediye", "sekize", "dokuza")

@pytest.mark.parametrize(("value", "words"), CARDINALS.items())
def test_cardinals(value: int, words: str) -> None:
    assert cardinal_words(value) == words


@pytest.mark.parametrize(("value", "words"), ORDINALS.items())
def test_ordinals(value: int, words: str) -> None:
    assert ordinal_words(value) == words


def test_datives_of_keys() -> None:
    assert tuple(key_dative(str(key)) for key in range(10)) == KEYS == tuple(dative_words(key) for key in range(10))
    assert (key_dative("*"), key_dative("#"), dative_words(104), dative_words(1000)) == ("yıldıza", "kareye",
        "yüz dörde", "bine")
    for bad in ("", "10", "a", "²"):
        with pytest.raises(ValueError, match="not a key"):
            key_dative(bad)


@pytest.mark.parametrize("value", [-1, NUMBER_MAX + 1])
def test_the_range(value: int) -> None:
    with pytest.raises(ValueError, match="only 0 to"):
        cardinal_words(value)
