"""Redaction removes a caller from each entry that a random day has written, and changes nothing else.

Facts hold nothing of a caller.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import pairwise

import pytest

from routing.core import events as e
from routing.core.journal import TICK, decode_event, encode_record, field_names
from routing.core.model.facts import Fact
from routing.core.model.privacy import PersonalField
from routing.core.stored import Started
from routing.store.callers import redaction
from routing.store.start_entry import SHARED_FIELDS, START_KIND, complete_start, shorten_start
from tests.oracle import crowd
from tests.oracle.side_by_side import NumberedSideBySide

pytestmark = pytest.mark.property

EVENTS = 2_000
"""In one house: some 400 contacts."""
KILLS = 0.06
"""Share of the steps after which the node is started again."""
HOUSES = range(22, 40)
"""Random houses at most, until each declared field has had a value."""
WORD = "0123abcd"
"""Takes the place of the erased hash."""

Entry = tuple[str, str]
"""Kind and text of an entry."""


class Recorded(NumberedSideBySide):
    """Keep each event and fact as the store writes it."""

    def __init__(self, *told: object) -> None:
        self.entries: list[Entry] = []
        super().__init__(*told)  # type: ignore[arg-type]

    def _compare(self, event: e.Event | None, commands: list[object]) -> None:
        self.entries.append(encode_record(event))
        super()._compare(event, commands)

    def _count(self, event: e.Event | None, fact: Fact) -> None:
        self.entries.append(encode_record(fact))
        super()._count(event, fact)


def record_day(seed: int) -> list[Entry]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowd, "SideBySide", Recorded)
        day = crowd.Crowd(seed)
        while day.side_by_side.events < EVENTS:
            day.step()
            if day.rng.random() < KILLS:
                day.side_by_side.entries.append(encode_record(state_of(day.side_by_side)))  # type: ignore[attr-defined]
                day.side_by_side.restart()
    assert isinstance(day.side_by_side, Recorded)
    return day.side_by_side.entries


def state_of(side_by_side: NumberedSideBySide) -> Started:
    """Return the entry of a night. Its text has no caller (`test_snapshot`), but only numbers of the list."""
    d = side_by_side.engine._domain
    return Started(d.centre, callers=tuple(sorted({one.caller_hash for one in d.contacts.values()} - {""})), state="-")


def values_at(value: object, path: tuple[str, ...]) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from values_at(one, path)
    elif isinstance(value, dict):
        yield from values_at(value[path[0]], path[1:])
    elif value:
        yield str(value)


@cache
def entries_of_days() -> list[Entry]:
    """Return the entries of as many days as give each declared field a value."""
    found: list[Entry] = []
    missing = {(kind, field) for kind, fields in redaction.PERSONAL.items() for field in fields}
    for seed in HOUSES:
        found += record_day(seed)
        known = {hash_of for kind, body in found if kind == "ContactQueued"
                 for hash_of in values_at(with_names(kind, body), ("caller_hash",))}
        # A value of somebody who has not called shows nothing: only callers are erased here.
        missing -= {(kind, field) for kind, body in found for field in redaction.PERSONAL.get(kind, ())
                    if any(one.removeprefix("box of ") in known for one in values_at(with_names(kind, body),
                        field.path))}
        if not missing:
            return found
    raise AssertionError(f"no house has come to these: {missing}")


def with_names(kind: str, body: str) -> object:
    value = json.loads(body)
    return dict.fromkeys(field_names(kind)) | dict(zip(field_names(kind), value, strict=False)) \
        if isinstance(value, list) else value


@cache
def callers() -> list[str]:
    return sorted({hash_of for kind, body in entries_of_days() if kind == "ContactQueued"
                   for hash_of in values_at(with_names(kind, body), ("caller_hash",))})


def redact(entry: Entry, caller: str) -> str:
    change = redaction.without_caller({caller: WORD}, lambda box: box == f"box of {caller}")
    return redaction.redact_entry(*entry, change)


def find_faults(entries: list[Entry]) -> set[str]:
    """Return the kinds of entries in which a caller is left, or anything else is changed."""
    return {kind for caller in callers() for kind, body in entries if f'{caller}"' in body
            # As a search through the text would do it, which knows no declaration.
            if redact((kind, body), caller) != body.replace(f'"{caller}"', f'"{WORD}"')
            .replace(f'"box of {caller}"', '""')}


def test_a_caller_goes_from_every_entry_and_nothing_else_changes() -> None:
    entries = entries_of_days()
    assert len(callers()) > 3
    for kind, body in entries:
        assert not any(f'"{caller}"' in body or f'"box of {caller}"' in body for caller in callers()) \
            or kind in redaction.PERSONAL
    assert not find_faults(entries)
    for kind, body in entries:
        assert kind == TICK or redact((kind, body), "nobody") == body


@pytest.mark.parametrize(("kind", "field"), [
    pytest.param(kind, field, id=f"{kind}.{'.'.join(field.path)}")
    for kind, fields in redaction.PERSONAL.items() for field in fields])
def test_a_field_whose_declaration_was_forgotten_is_found(kind: str, field: PersonalField,
                                                          monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [one for one in entries_of_days() if one[0] in (kind, "ContactQueued")]
    monkeypatch.setitem(redaction.PERSONAL, kind, tuple(one for one in redaction.PERSONAL[kind] if one != field))
    assert find_faults(entries) == {kind}


def test_a_shortened_start_is_redacted_like_a_whole_one() -> None:
    starts = [body for kind, body in entries_of_days() if kind == START_KIND]
    shortened = 0
    for base, later in pairwise(starts):
        short = shorten_start(json.loads(later), json.loads(base), 1)
        for caller in [one for one in callers() if f'"{one}"' in later]:
            again = complete_start(json.loads(redact((START_KIND, short), caller)),
                                   json.loads(redact((START_KIND, base), caller)))
            assert json.loads(again) == json.loads(redact((START_KIND, later), caller))
            shortened += 1
    assert shortened


def test_no_shared_field_of_a_start_has_a_number() -> None:
    """Numbers are blanked by the age of an entry, so a later start must not refer to one."""
    numbers = {field.path[0] for field in redaction.PERSONAL[START_KIND]
               if field.privacy is redaction.Privacy.NUMBER}
    assert numbers and not numbers & set(SHARED_FIELDS)


def test_a_redacted_entry_is_still_a_record() -> None:
    for kind, body in entries_of_days():
        if kind in redaction.PERSONAL:
            told = redaction.redact_entry(kind, body, redaction.without_callers(b"secret"))
            decode_event(kind, told)
            assert not any(f'"{caller}"' in told or f'"box of {caller}"' in told for caller in callers())
