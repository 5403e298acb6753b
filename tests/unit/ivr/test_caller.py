"""Callers' numbers: three ways to write one, and everything that is none."""

from __future__ import annotations

import pytest

from ivr.caller.identity import ANONYMOUS, normalise_number

pytestmark = pytest.mark.unit


@pytest.mark.parametrize("raw", ["+905321234567", "05321234567", "5321234567", "905321234567", "00905321234567"])
def test_one_number_however_it_is_written(raw: str) -> None:
    assert normalise_number(raw) == "+905321234567"


def test_other_countries_keep_theirs() -> None:
    assert normalise_number("+4930901820") == "+4930901820"
    assert normalise_number("03122345678") == "+903122345678"


@pytest.mark.parametrize("raw", [
    None, "", "anonymous", "0", "12", "0532123", "5" * 16, "+", "+90532123456a", "05321234567\n", "05321234567\r\nX: y",
    "\x0005321234567", "${SHELL(id)}", "0532\u202e1234567",
    "\u0660\u0665\u0663\u0662\u0661\u0662\u0663\u0664\u0665\u0666\u0667",
    "\x1b[2J5321234567", '5321234567" x', "532 123 45 67", "tel:+905321234567", "９０５３２１２３４５６７",
])
def test_everything_else_is_anonymous(raw: str | None) -> None:
    assert normalise_number(raw) == ANONYMOUS
