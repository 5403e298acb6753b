"""Say times, dates, durations and telephone numbers in Turkish words, to compare with what the prompts say."""

from __future__ import annotations

import datetime

from prompts.verbalise.number_prompts import digit_groups
from prompts.verbalise.turkish_numbers import ONES, cardinal_words, split_words

MONTHS = ("Ocak", "Şubat", "Mart", "Nisan", "Mayıs", "Haziran", "Temmuz", "Ağustos", "Eylül", "Ekim", "Kasım", "Aralık")
WEEKDAYS = ("Pazartesi", "Salı", "Çarşamba", "Perşembe", "Cuma", "Cumartesi", "Pazar")
"""From Monday, as Python counts."""


def clock(hour: int, minute: int) -> str:
    """A time of the day on 24 hours: 14:30 "on dört otuz", 17:05 "on yedi sıfır beş", 17:00 "on yedi".

    Not "iki buçuk" or "on dörde çeyrek var": what is heard once, by telephone, is best said as it is written, and an
    agent's screen shows the same. ValueError for what is no time of the day.
    """
    if not (0 <= hour < 24 and 0 <= minute < 60):
        raise ValueError(f"{hour}:{minute} is not a time of the day")
    if minute == 0:
        return cardinal_words(hour)
    return f"{cardinal_words(hour)} {ONES[0] + ' ' if minute < 10 else ''}{cardinal_words(minute)}"


def date(day: datetime.date, *, year: bool = True) -> str:
    """ "yirmi dört Kasım iki bin yirmi altı Salı". The day is a cardinal: nobody says "yirmi dördüncü Kasım"."""
    said = [cardinal_words(day.day), MONTHS[day.month - 1], *([cardinal_words(day.year)] if year else []),
        WEEKDAYS[day.weekday()]]
    return " ".join(said)


def duration(seconds: float) -> str:
    """ "iki saat beş dakika", "kırk saniye". Seconds are said only below one minute; the rest is rounded down."""
    whole = int(seconds)
    if whole < 0:
        raise ValueError(f"{seconds} s is not a duration")
    if whole < 60:
        return f"{cardinal_words(whole)} saniye"
    hours, minutes = divmod(whole // 60, 60)
    parts = [f"{cardinal_words(count)} {name}" for count, name in ((hours, "saat"), (minutes, "dakika")) if count]
    return " ".join(parts)


def telephone(number: str) -> str:
    """A telephone number by the groups it is written in: "444 0 632" is "dört yüz kırk dört, sıfır, altı yüz otuz iki".

    Leading zeros of a group are said one by one, a `+` as "artı". Groups and errors: see `groups`.
    """
    said = ", ".join(_in_words(group) for group in digit_groups(number))
    return "artı " + said if number.strip(" (").startswith("+") else said


def _in_words(digits: str) -> str:
    significant = digits.lstrip("0")
    zeros = [ONES[0]] * (len(digits) - len(significant))
    return " ".join(zeros + (split_words(int(significant)) if significant else []))
