"""Announcements of one call: each heard once, those of a service by its callers only, never endless."""

from __future__ import annotations

import pytest

from ivr.caller.announcements import AT_ONCE, HEARD_MAX, Announcement, format_heard, parse_heard, unheard_files
from ivr.sounds import SoundFolder

pytestmark = pytest.mark.unit

SOUNDS = SoundFolder("/s", {"uyari", "uyari-yavas"})
EVERYBODY = Announcement(1, "", prompt="uyari")
SOME = Announcement(2, "edu", path="/s/tr/duyuru/2", slow_path="/s/tr/duyuru/2-yavas")


def test_each_is_heard_once_and_where_it_belongs() -> None:
    heard: set[int] = set()
    on = [EVERYBODY, SOME]
    assert unheard_files(lambda: on, heard, SOUNDS) == ["/s/tr/uyari"]
    assert unheard_files(lambda: on, heard, SOUNDS, "info") == []
    assert unheard_files(lambda: on, heard, SOUNDS, "edu", slow=True) == ["/s/tr/duyuru/2-yavas"]
    assert unheard_files(lambda: on, heard, SOUNDS, "edu") == [] and heard == {1, 2}


def test_a_few_at_once_and_never_more_than_a_call_bears() -> None:
    on = [SOME._replace(id=number, service="") for number in range(1, 100)]
    heard: set[int] = set()
    rounds = [len(unheard_files(lambda: on, heard, SOUNDS)) for _ in range(20)]
    assert rounds[0] == AT_ONCE and sum(rounds) == len(heard) == HEARD_MAX and rounds[-1] == 0


def test_what_was_heard_survives_in_the_channel() -> None:
    assert parse_heard(format_heard({3, -1, 12})) == {3, -1, 12} and format_heard(set()) == "" \
        and parse_heard(None) == parse_heard("") == set()
    assert len(format_heard(set(range(10**8, 10**8 + HEARD_MAX)))) < 250
    for hostile in ("1;2", "${SHELL(id)}", "1,,2", ",".join(["1"] * 21), "9" * 50):
        assert parse_heard(hostile) == set()
