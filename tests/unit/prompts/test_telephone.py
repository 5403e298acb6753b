"""Telephone numbers in words: by the groups people say."""

from __future__ import annotations

import random

import phonenumbers
import pytest

from prompts.verbalise.number_prompts import digit_groups
from tests.turkish_words import telephone

pytestmark = pytest.mark.unit

PHONES = {
    "444 0 632": "dört yüz kırk dört, sıfır, altı yüz otuz iki",
    "4440632": "dört yüz kırk dört, sıfır, altı yüz otuz iki",
    "112": "yüz on iki",
    "0850": "sıfır sekiz yüz elli",
    "0532 112 34 56": "sıfır beş yüz otuz iki, yüz on iki, otuz dört, elli altı",
    "05321123456": "sıfır beş yüz otuz iki, yüz on iki, otuz dört, elli altı",
    "+905321120006": "artı doksan, beş yüz otuz iki, yüz on iki, sıfır sıfır, sıfır altı",
    "0 532 123 45 67": "sıfır beş yüz otuz iki, yüz yirmi üç, kırk beş, altmış yedi",
    "0800 123 4567": "sıfır sekiz yüz, yüz yirmi üç, kırk beş, altmış yedi",
    "(0312) 413-00-07": "sıfır üç yüz on iki, dört yüz on üç, sıfır sıfır, sıfır yedi",
}


@pytest.mark.parametrize(("number", "words"), PHONES.items())
def test_telephone_numbers_by_groups(number: str, words: str) -> None:
    assert telephone(number) == words


@pytest.mark.parametrize("number", ["", "+", "05a2", "٣٤", "12,3"])
def test_what_is_no_telephone_number(number: str) -> None:
    with pytest.raises(ValueError, match="telephone number"):
        telephone(number)


@pytest.mark.parametrize("area", ["532", "505", "551", "312", "212", "442"])
def test_the_groups_are_those_in_which_it_is_written(area: str) -> None:
    """Against Google's table of how numbers are written: mobile and land lines of Türkiye."""
    chance = random.Random(632)
    for _ in range(50):
        dialled = f"0{area}{chance.randrange(2_000_000, 9_999_999)}"
        number = phonenumbers.parse(dialled, "TR")
        written = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
        assert digit_groups(dialled) == written.translate(str.maketrans("()", "  ")).split()
