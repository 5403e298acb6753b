"""A start that is written as like another one is read back as it was, whatever is other in it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routing.store.start_entry import (
    BEGINS,
    SHARED_FIELDS,
    START_KIND,
    base_number,
    complete_start,
    read_entry,
    shorten_start,
)

pytestmark = pytest.mark.property

ITEMS = st.lists(st.integers(0, 9), max_size=8)
"""Few values, so that lists slide, repeat and only seem to slide."""


@st.composite
def starts(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, Any]]:
    """One and a later one, of which each part is the same, has slid, or is another."""
    base: dict[str, Any] = {"centre": draw(ITEMS), "contacts": draw(ITEMS), "next_fact": 1}
    base |= {name: draw(ITEMS) for name in SHARED_FIELDS[1:]}
    later = dict(base)
    for name in draw(st.sets(st.sampled_from(sorted(base)))):
        old = base[name]
        slides = isinstance(old, list) and draw(st.booleans())
        later[name] = old[draw(st.integers(0, len(old))):] + draw(ITEMS) if slides else draw(ITEMS)
    return base, later


@given(starts(), st.integers(1, 10**9))
def test_what_is_shortened_is_completed_again(pair: tuple[dict[str, Any], dict[str, Any]], seq: int) -> None:
    base, later = pair
    short = shorten_start(later, base, seq)
    assert short.startswith(BEGINS) and base_number(short) == seq
    assert json.loads(complete_start(json.loads(short), base)) == later
    texts = {seq: json.dumps(base)}
    assert json.loads(read_entry(START_KIND, short, texts.__getitem__)) == later
    whole = json.dumps(later)
    assert read_entry(START_KIND, whole, texts.__getitem__) is whole \
        and read_entry("tick", short, texts.__getitem__) is short


@given(ITEMS.filter(bool), ITEMS, st.data())
def test_what_slides_is_not_written_again(old: list[int], more: list[int], data: st.DataObject) -> None:
    base = {"last_talks": [[number, "x" * 100] for number in range(len(old))]}
    gone = data.draw(st.integers(0, len(old) - 1))
    later = {"last_talks": base["last_talks"][gone:] + [[number, "new"] for number in more]}
    assert "x" not in shorten_start(later, base, 1)
