"""Redact journal entries and facts: replace the fields that identify a caller, and nothing else.

The declarations of events and facts name these fields (`routing.core.model.privacy`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

from sqlalchemy import Table, and_, false, func, or_
from sqlalchemy.sql.elements import ColumnElement

from routing.core.journal import EVENTS, FACTS
from routing.core.model.privacy import PersonalField, Privacy, find_personal_fields
from routing.store.start_entry import SHIFTED_KEY

PERSONAL: dict[str, tuple[PersonalField, ...]] = {
    name: fields for name, kind in (EVENTS | FACTS).items() if (fields := tuple(find_personal_fields(kind)))}
"""Fields that identify a caller, by kind of entry."""

PERSONAL_NAMES = frozenset(field.path[-1] for fields in PERSONAL.values() for field in fields)
"""Names of all these fields."""

DECIDED_MAX = 2_000
"""Numbers of which a redaction remembers whose they are. A caller has far fewer, and a forgotten one is decrypted
again."""

Replace = Callable[[Privacy, str], str]
"""From the privacy class and the value of a field to its new value."""


def redact_entry(kind: str, body: str, replace: Replace) -> str:
    """Return the text of an entry with the new values of its personal fields."""
    entry = json.loads(body)
    # A shortened start has the new items of a list apart (`start_entry`).
    shifted = entry.get(SHIFTED_KEY, {})
    for (first, *rest), privacy in PERSONAL.get(kind, ()):
        change = partial(replace, privacy)
        if first in entry:
            entry[first] = _replace_values(entry[first], rest, change)
        if first in shifted:
            shifted[first][1] = _replace_values(shifted[first][1], rest, change)
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


def _replace_values(value: Any, path: list[str], change: Callable[[str], str]) -> Any:
    # `value` is of JSON: a list, an object, a text, or None.
    if isinstance(value, list):
        return [_replace_values(one, path, change) for one in value]
    if not value:
        return value
    if not path:
        return change(value)
    if path[0] in value:
        value[path[0]] = _replace_values(value[path[0]], path[1:], change)
    return value


def without_caller(words: Mapping[str, str], is_theirs: Callable[[str], bool]) -> Replace:
    """Return the replacement that removes one caller: each hash becomes its word, and the caller's numbers go.

    `is_theirs` tells whether an encrypted number is the caller's. It is asked once for each.
    """
    known: dict[str, bool] = {}

    def replace_value(privacy: Privacy, value: str) -> str:
        if privacy is Privacy.HASH:
            return words.get(value, value)
        if value not in known:
            if len(known) >= DECIDED_MAX:
                known.clear()
            known[value] = is_theirs(value)
        return "" if known[value] else value

    return replace_value


def without_numbers(privacy: Privacy, value: str) -> str:
    """Return the value of a field, or an empty text for an encrypted number."""
    return "" if privacy is Privacy.NUMBER else value


def holds_hash(table: Table, hashes: Collection[str]) -> ColumnElement[bool]:
    """Return the condition that an entry holds one of these hashes."""
    return and_(table.c.kind.in_(_kinds_with(Privacy.HASH)),
                or_(false(), *(table.c.body.contains(f'"{one}"', autoescape=True) for one in hashes)))


def holds_number(table: Table) -> ColumnElement[bool]:
    """Return the condition that an entry holds an encrypted number."""
    kinds = _kinds_with(Privacy.NUMBER)
    names = {field.path[-1] for kind in kinds for field in PERSONAL[kind] if field.privacy is Privacy.NUMBER}
    # A start has many contacts. Without its blank numbers, each number that is left is a real one.
    return and_(table.c.kind.in_(kinds),
                or_(false(), *(func.replace(table.c.body, f'"{name}":""', "").contains(f'"{name}":"', autoescape=True)
                               for name in sorted(names))))


def _kinds_with(privacy: Privacy) -> list[str]:
    return [kind for kind, fields in PERSONAL.items() if any(field.privacy is privacy for field in fields)]
