"""Keys and times as a person writes them."""

from __future__ import annotations

import pytest

from lab.errors import BadInput
from lab.phones.keys import GAP_S, SOON_S, KeyPress, parse_presses, parse_seconds

pytestmark = pytest.mark.unit


def test_keys_have_times_from_the_answer_and_order() -> None:
    assert parse_presses("1@2s,#") == (KeyPress(2.0, "1"), KeyPress(2.0 + GAP_S + SOON_S, "#"))
    assert parse_presses("4*@500ms") == (KeyPress(0.5, "4"), KeyPress(0.75, "*"))
    assert parse_presses("") == ()


def test_a_time_in_the_past_means_at_once() -> None:
    assert [press.at for press in parse_presses("1@3s,2@1s")] == [3.0, 3.0 + GAP_S]


@pytest.mark.parametrize("text", ["x", "1@", "1@2h", "@2s", "1@-1s", "1 2"])
def test_what_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="write for example"):
        parse_presses(text)


def test_times() -> None:
    assert [parse_seconds(text) for text in ("10s", "500ms", "2m", "7", "1.5s")] == [10.0, 0.5, 120.0, 7.0, 1.5]
    for text in ("", "s", "-1s", "1h"):
        with pytest.raises(BadInput):
            parse_seconds(text)
