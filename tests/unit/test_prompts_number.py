"""Turkish numbers: a table of words that are easy to get wrong."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from prompts.number import MOST, cardinal, clock, dative, duration, key_dative, ordinal, telephone

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

PHONES = {
    "444 0 632": "dört yüz kırk dört, sıfır, altı yüz otuz iki",
    "4440632": "dört yüz kırk dört, sıfır, altı yüz otuz iki",
    "112": "yüz on iki",
    "0850": "sıfır sekiz yüz elli",
    "0532 112 34 56": "sıfır beş yüz otuz iki, yüz on iki, otuz dört, elli altı",
    "05321123456": "sıfır beş yüz otuz iki, yüz on iki, otuz dört, elli altı",
    "+905321120006": "artı doksan, beş yüz otuz iki, yüz on iki, sıfır sıfır, sıfır altı",
    "(0312) 413-00-07": "sıfır üç yüz on iki, dört yüz on üç, sıfır sıfır, sıfır yedi",
}


@pytest.mark.parametrize(("value", "words"), CARDINALS.items())
def test_cardinals(value: int, words: str) -> None:
    assert cardinal(value) == words


@pytest.mark.parametrize(("value", "words"), ORDINALS.items())
def test_ordinals(value: int, words: str) -> None:
    assert ordinal(value) == words


def test_datives_of_keys() -> None:
    assert tuple(key_dative(str(key)) for key in range(10)) == KEYS == tuple(dative(key) for key in range(10))
    assert (key_dative("*"), key_dative("#"), dative(104), dative(1000)) == ("yıldıza", "kareye", "yüz dörde", "bine")
    for bad in ("", "10", "a", "²"):
        with pytest.raises(ValueError, match="not a key"):
            key_dative(bad)


def test_clock_and_duration() -> None:
    assert (clock(17, 0), clock(17, 5), clock(0, 30)) == ("on yedi", "on yedi sıfır beş", "sıfır otuz")
    assert (duration(40.9), duration(60), duration(7500), duration(3600)) == (
        "kırk saniye", "bir dakika", "iki saat beş dakika", "bir saat",
    )  # fmt: skip
    with pytest.raises(ValueError, match="time of the day"):
        clock(24, 0)
    with pytest.raises(ValueError, match="duration"):
        duration(-1)


@pytest.mark.parametrize(("number", "words"), PHONES.items())
def test_telephone_numbers_by_groups(number: str, words: str) -> None:
    assert telephone(number) == words


@pytest.mark.parametrize("number", ["", "+", "05a2", "٣٤", "12,3"])
def test_what_is_no_telephone_number(number: str) -> None:
    with pytest.raises(ValueError, match="telephone number"):
        telephone(number)


@pytest.mark.parametrize("value", [-1, MOST + 1])
def test_the_range(value: int) -> None:
    with pytest.raises(ValueError, match="only 0 to"):
        cardinal(value)


ORACLE = """
import icu
cardinals = icu.RuleBasedNumberFormat(icu.URBNFRuleSetTag.SPELLOUT, icu.Locale("tr"))
for n in [*range(1200), *range(1999, 10**6, 9973), *range(10**6, 10**12, 9_999_999_937)]:
    print(n, cardinals.format(n, "%spellout-numbering"), cardinals.format(n, "%spellout-ordinal"), sep="\\t")
"""


def test_the_same_words_as_icu() -> None:
    """Against Debian's python3-icu, when it is there: another author's rules, in another process."""
    python = Path("/usr/bin/python3")
    if not python.exists() or subprocess.run([python, "-c", "import icu"], capture_output=True).returncode:
        pytest.skip("NOT COMPARED WITH ICU: apt-get install python3-icu")
    lines = subprocess.run([python, "-c", ORACLE], capture_output=True, check=True).stdout.decode().splitlines()
    assert len(lines) > 1300
    for line in lines:
        n, said, placed = line.split("\t")
        assert (cardinal(int(n)), ordinal(int(n))) == (said.replace("\u00ad", ""), placed.replace("\u00ad", ""))
