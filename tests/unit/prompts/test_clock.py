"""Times, dates and durations in words."""

from __future__ import annotations

import datetime
import re

import pytest

from prompts.text_reader import read_texts, read_translation
from prompts.verbalise import number_prompts
from prompts.verbalise.turkish_numbers import ONES, TENS
from tests.turkish_words import MONTHS, WEEKDAYS, clock, date, duration

pytestmark = pytest.mark.unit


def test_clock() -> None:
    assert (clock(17, 0), clock(17, 5), clock(14, 30)) == ("on yedi", "on yedi sıfır beş", "on dört otuz")
    assert (clock(0, 30), clock(0, 0), clock(23, 59)) == ("sıfır otuz", "sıfır", "yirmi üç elli dokuz")
    for hour, minute in ((24, 0), (-1, 0), (0, 60), (0, -1)):
        with pytest.raises(ValueError, match="time of the day"):
            clock(hour, minute)
    assert len({clock(hour, minute) for hour in range(24) for minute in range(60)}) == 24 * 60


def test_duration() -> None:
    assert (duration(40.9), duration(60), duration(8100), duration(3600)) == (
        "kırk saniye", "bir dakika", "iki saat on beş dakika", "bir saat",
    )  # fmt: skip
    with pytest.raises(ValueError, match="duration"):
        duration(-1)


def test_date() -> None:
    day = datetime.date(2026, 11, 24)
    assert date(day) == "yirmi dört Kasım iki bin yirmi altı Salı"
    assert date(day, year=False) == "yirmi dört Kasım Salı"
    assert date(datetime.date(2027, 1, 3), year=False) == "üç Ocak Pazar"


def test_months_and_days_are_recorded_as_they_are_said() -> None:
    catalogue = read_texts()
    assert [catalogue[f"digits/mon-{month}"].text for month in range(12)] == list(MONTHS)
    assert [catalogue[f"digits/day-{day}"].text for day in range(7)] == [WEEKDAYS[-1], *WEEKDAYS[:-1]]


NUMBER = "|".join((*ONES, *filter(None, TENS), "yüz", "bin", "milyon"))
PLURAL = re.compile(rf"\b(?:{NUMBER}) \w+l[ae]r\b", re.IGNORECASE)


def test_no_sentence_has_a_plural_after_a_number() -> None:
    assert PLURAL.search("Beş dakikalar sonra") and not PLURAL.search("Beş dakika, Kareler")
    assert [prompt.text for prompt in read_texts().values() if PLURAL.search(prompt.text)] == []


@pytest.mark.parametrize(("hour", "minute", "turkish", "english"), [
    (9, 0, "saat dokuzda", "at nine a m."), (8, 30, "saat sekiz buçukta", "at eight thirty a m."),
    (13, 0, "saat on üçte", "at one p m."), (12, 5, "saat on iki sıfır beşte", "at twelve zero five p m."),
    (20, 0, "saat yirmide", "at eight p m."), (21, 45, "saat yirmi bir kırk beşte", "at nine forty five p m."),
    (0, 0, "gece yarısı", "at midnight"), (0, 20, "saat sıfır yirmide", "at twelve twenty a m."),
    (10, 40, "saat on kırkta", "at ten forty a m."), (17, 30, "saat on yedi buçukta", "at five thirty p m."),
])
def test_a_moment_at_which_something_happens(hour: int, minute: int, turkish: str, english: str) -> None:
    first = read_texts()
    for language, words, said in (("tr", first, turkish), ("en", read_translation("en", first), english)):
        keys = number_prompts.time_at_keys(hour, minute, language)
        assert " ".join(words[key].text for key in keys) == said


@pytest.mark.parametrize(("hour", "minute", "turkish", "english"), [
    (9, 0, "saat dokuzdan sonra", "after nine a m."), (9, 30, "saat dokuz buçuktan sonra", "after nine thirty a m."),
    (21, 0, "saat yirmi birden sonra", "after nine p m."), (0, 0, "gece yarısından sonra", "after midnight"),
    (8, 45, "saat sekiz kırk beşten sonra", "after eight forty five a m."),
])
def test_a_time_after_which_something_happens(hour: int, minute: int, turkish: str, english: str) -> None:
    first = read_texts()
    for language, words, said in (("tr", first, turkish), ("en", read_translation("en", first), english)):
        keys = number_prompts.time_after_keys(hour, minute, language)
        assert " ".join(words[key].text for key in keys) == said


def test_every_moment_has_its_pieces_in_both_languages() -> None:
    first = read_texts()
    for language, words in (("tr", first), ("en", read_translation("en", first))):
        for minute in range(24 * 60):
            for pieces in (number_prompts.time_at_keys, number_prompts.time_after_keys):
                assert set(pieces(*divmod(minute, 60), language)) <= set(words)
