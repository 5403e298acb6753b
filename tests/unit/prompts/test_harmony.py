"""Ordinals and datives against the grammar: a second table, of rules instead of words, written without a look at the
code. Sources: the vowel harmony and the buffer letters of any grammar of Turkish (Türk Dil Kurumu, Yazım Kılavuzu)."""

from __future__ import annotations

import random

import pytest

from prompts.text_reader import read_texts
from prompts.verbalise.number_prompts import number_keys as number_pieces
from prompts.verbalise.number_prompts import ordinal_keys as ordinal_pieces
from prompts.verbalise.turkish_numbers import KEYS, cardinal_words, dative_words, key_dative, ordinal_words

pytestmark = pytest.mark.unit

VOWELS = "aıoueiöü"
NARROW = {"a": "ı", "ı": "ı", "o": "u", "u": "u", "e": "i", "i": "i", "ö": "ü", "ü": "ü"}
"""Fourfold harmony: the narrow vowel that follows a vowel."""
WIDE = {"a": "a", "ı": "a", "o": "a", "u": "a", "e": "e", "i": "e", "ö": "e", "ü": "e"}
"""Twofold harmony."""
SOFTENED = {"dört": "dörd"}
"""The one number whose last consonant is voiced before a vowel; kırk, üç and yüz stay as they are."""

NUMBERS = [*range(10_000), *(random.Random(444).randrange(10_000, 10**9) for _ in range(10_000))]


def last_vowel(word: str) -> str:
    return [letter for letter in word if letter in VOWELS][-1]


def stem(word: str) -> str:
    return SOFTENED.get(word, word)


def by_rule_ordinal(word: str) -> str:
    """-(I)ncI: both vowels narrow, the first one only after a consonant."""
    narrow = NARROW[last_vowel(word)]
    return stem(word) + ("" if word[-1] in VOWELS else narrow) + "nc" + narrow


def by_rule_dative(word: str) -> str:
    """-(y)A: the buffer y only after a vowel."""
    return stem(word) + ("y" if word[-1] in VOWELS else "") + WIDE[last_vowel(word)]


def ended(words: str, rule: object) -> str:
    """The rule on the last word alone."""
    assert callable(rule)
    before, space, last = words.rpartition(" ")
    return before + space + str(rule(last))


def test_the_rules_give_the_forms_that_everybody_knows() -> None:
    assert [by_rule_ordinal(word) for word in ("iki", "üç", "dört", "altı", "dokuz", "yirmi", "kırk", "bin")] == [
        "ikinci", "üçüncü", "dördüncü", "altıncı", "dokuzuncu", "yirminci", "kırkıncı", "bininci",
    ]  # fmt: skip
    assert [by_rule_dative(word) for word in ("iki", "dört", "altı", "on", "yüz")] == [
        "ikiye", "dörde", "altıya", "ona", "yüze",
    ]  # fmt: skip


def test_ordinals_and_datives_of_twenty_thousand_numbers() -> None:
    assert [n for n in NUMBERS if ordinal_words(n) != ended(cardinal_words(n), by_rule_ordinal)] == []
    assert [n for n in NUMBERS if dative_words(n) != ended(cardinal_words(n), by_rule_dative)] == []


def test_the_keys_of_a_telephone() -> None:
    assert {key: key_dative(key) for key in KEYS} == {key: by_rule_dative(word) for key, word in KEYS.items()}


def test_what_is_played_is_what_the_rules_say() -> None:
    """The pieces that are joined, heard as words."""
    catalogue = read_texts()

    def heard(keys: list[str]) -> str:
        return " ".join(catalogue[key].text for key in keys)

    for n in NUMBERS[::7]:
        assert heard(number_pieces(n)) == cardinal_words(n)
        assert heard(ordinal_pieces(n)) == ended(cardinal_words(n), by_rule_ordinal)
    for place in range(1, 51):
        said = catalogue[f"sira-{place}"].text
        assert said.replace("İ", "i").lower() == ended(cardinal_words(place), by_rule_ordinal) + " sıradasınız."
