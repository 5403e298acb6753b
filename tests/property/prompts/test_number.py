"""Turkish numbers: what must hold for every number, read back by an independent little reader."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prompts.text_reader import read_texts, read_translation
from prompts.verbalise import english_numbers, number_prompts
from prompts.verbalise.turkish_numbers import (
    NUMBER_MAX,
    ONES,
    ORDINALS,
    TENS,
    cardinal_words,
    dative_words,
    ordinal_words,
)
from tests.turkish_words import duration, telephone

pytestmark = pytest.mark.property

NUMBERS = st.integers(0, NUMBER_MAX) | st.integers(0, 2000) | st.builds(lambda a, b: a * 10**b, st.integers(0, 99),
                                                                  st.integers(0, 10))
CATALOGUE = read_texts()
ENGLISH = read_translation("en", CATALOGUE)
BIG = {"bin": 10**3, "milyon": 10**6, "milyar": 10**9}


def read(words: str) -> int:
    """The number that a cardinal says."""
    total, group = 0, 0
    for word in words.split():
        if word in BIG:
            total, group = total + (group or 1) * BIG[word], 0
        elif word == "yüz":
            group = (group or 1) * 100
        else:
            group += ONES.index(word) if word in ONES else 10 * TENS.index(word)
    return total + group


@given(NUMBERS)
def test_a_cardinal_can_be_read_back(value: int) -> None:
    said = cardinal_words(value)
    assert read(said) == value
    assert "bir yüz" not in f" {said}" or value % 1000 // 100 != 1
    assert not said.startswith(("bir bin", "bir yüz"))


@given(NUMBERS)
def test_only_the_last_word_takes_the_ending(value: int) -> None:
    before, _, last = cardinal_words(value).rpartition(" ")
    for said in (ordinal_words(value), dative_words(value)):
        assert said.rpartition(" ")[0] == before
        assert said.rpartition(" ")[2][:2] == last[:2]
    assert ordinal_words(value).rpartition(" ")[2] in ORDINALS.values()


@given(NUMBERS)
def test_pieces_say_what_words_say(value: int) -> None:
    assert " ".join(CATALOGUE[key].text for key in number_prompts.number_keys(value)) == cardinal_words(value)
    assert " ".join(CATALOGUE[key].text for key in number_prompts.ordinal_keys(value)) == ordinal_words(value)


@given(st.integers(0, english_numbers.NUMBER_MAX) | st.integers(0, 2000))
def test_english_pieces_say_what_words_say(value: int) -> None:
    assert " ".join(ENGLISH[key].text for key in number_prompts.number_keys(value,
        "en")) == english_numbers.cardinal_words(value)
    if value:
        assert all(key in ENGLISH for key in (*number_prompts.position_keys(value, "en"),
            *number_prompts.minutes_keys(value, "en")))


@given(st.text("0123456789", min_size=1, max_size=15))
def test_what_is_played_of_a_telephone_number_loses_no_digit(number: str) -> None:
    digits = ""
    said = " ".join("," if key == number_prompts.PAUSE else CATALOGUE[key].text
        for key in number_prompts.telephone_words(number))
    for group in said.split(" , "):
        words = group.split()
        zeros = next((at for at, word in enumerate(words) if word != "sıfır"), len(words))
        digits += "0" * zeros + (str(read(" ".join(words[zeros:]))) if words[zeros:] else "")
    assert digits == number
    assert [key.removeprefix("digits/") for key in number_prompts.telephone_words(number, "en")
        if key != number_prompts.PAUSE] == list(number)


@given(st.integers(0, NUMBER_MAX) | st.integers(0, 200))
def test_every_place_and_every_wait_can_be_said(value: int) -> None:
    assert all(key in CATALOGUE for key in number_prompts.minutes_keys(value))
    spoken = " ".join(CATALOGUE[key].text for key in number_prompts.minutes_keys(value))
    told = value if value < 60 else -(-value // number_prompts.COARSE_MIN) * number_prompts.COARSE_MIN
    assert value == 0 or f"Tahminî bekleme süreniz {duration(60 * told)}" == spoken.removesuffix(".")
    if value:
        spoken = " ".join(CATALOGUE[key].text for key in number_prompts.position_keys(value))
        assert spoken.lower().replace("i̇", "i").endswith(f"{ordinal_words(value)} sıradasınız.")


@given(st.text("0123456789", min_size=1, max_size=15))
def test_a_telephone_number_loses_no_digit(number: str) -> None:
    digits = ""
    for group in telephone(number).split(", "):
        words = group.split()
        zeros = 0
        while zeros < len(words) and words[zeros] == "sıfır":
            zeros += 1
        rest = " ".join(words[zeros:])
        digits += "0" * zeros + (str(read(rest)) if rest else "")
    assert digits == number
