"""Compare with ICU in another process (Debian's python3-icu). docs/centre/prompts.md has the rules."""

from __future__ import annotations

import datetime
import subprocess
from pathlib import Path

import pytest

from prompts.verbalise import english_numbers
from prompts.verbalise.turkish_numbers import cardinal_words, ordinal_words
from tests.turkish_words import date, duration

pytestmark = pytest.mark.unit

PYTHON = Path("/usr/bin/python3")
MANY = 10_000

NUMBERS = f"""
import icu, random
spelled = icu.RuleBasedNumberFormat(icu.URBNFRuleSetTag.SPELLOUT, icu.Locale("tr"))
chance = random.Random(632)
english = icu.RuleBasedNumberFormat(icu.URBNFRuleSetTag.SPELLOUT, icu.Locale("en"))
for n in [*range({MANY}), *(chance.randrange({MANY}, 10**9) for _ in range({MANY}))]:
    print(n, spelled.format(n, "%spellout-numbering"), spelled.format(n, "%spellout-ordinal"),
          english.format(n, "%spellout-cardinal").replace("-", " "), sep="\\t")
"""

TIMES = """
import icu
turkish = icu.Locale("tr")
dates = icu.SimpleDateFormat("d MMMM y EEEE", turkish)
dates.setTimeZone(icu.TimeZone.createTimeZone("UTC"))
for day in range(20000, 21500):
    print(day, dates.format(day * 86400.0), sep="\\t")
lengths = icu.MeasureFormat(turkish, icu.UMeasureFormatWidth.WIDE)
for count in range(1, 121):
    for name, unit in (("s", icu.MeasureUnit.createSecond()), ("m", icu.MeasureUnit.createMinute()),
                       ("h", icu.MeasureUnit.createHour())):
        print(f"{count}{name}", lengths.formatMeasure(icu.Measure(count, unit)), sep="\\t")
"""


def asked(script: str) -> list[list[str]]:
    if not PYTHON.exists() or subprocess.run([PYTHON, "-c", "import icu"], capture_output=True).returncode:
        pytest.skip("NOT COMPARED WITH ICU: apt-get install python3-icu")
    done = subprocess.run([PYTHON, "-c", script], capture_output=True, check=True, cwd="/", timeout=60)
    return [line.split("\t") for line in done.stdout.decode().splitlines()]


def in_words(text: str) -> str:
    """Numbers written in digits, said."""
    return " ".join(cardinal_words(int(part)) if part.isdigit() else part for part in text.split())


def test_every_number_to_9999_and_ten_thousand_larger_ones() -> None:
    lines = asked(NUMBERS)
    assert len(lines) == 2 * MANY
    assert max(int(n) for n, *_ in lines) > 999_000_000
    assert [line for line in lines if [cardinal_words(int(line[0])), ordinal_words(int(line[0]))] != line[1:3]] == []
    assert [line for line in lines if english_numbers.cardinal_words(int(line[0])) != line[3]] == []


def test_months_days_and_units() -> None:
    lines = asked(TIMES)
    seconds = {"s": 1, "m": 60, "h": 3600}
    for name, written in lines:
        if name.isdigit():
            assert date(datetime.date.fromordinal(719_163 + int(name))) == in_words(written)
        elif name[-1] == "h" or int(name[:-1]) < 60:
            assert duration(int(name[:-1]) * seconds[name[-1]]) == in_words(written)
    assert len(lines) == 1500 + 360
