"""Redact journal entries: replace the fields that identify a caller, and nothing else.

The declarations of events name these fields (`routing.core.model.privacy`). Facts hold none of them.
"""

from __future__ import annotations

import hashlib
import json
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from typing import Any

from routing.core.journal import EVENTS, FACTS, JournalError, field_names
from routing.core.model.privacy import Privacy
from routing.store.kinds import PERSONAL
from routing.store.start_entry import BASE_KEY, SHIFTED_KEY

DECIDED_MAX = 2_000
"""Numbers of which a redaction remembers whose they are. A caller has far fewer, and a forgotten one is decrypted
again."""

Replace = Callable[[Privacy, str], str]
"""From the privacy class and the value of a field to its new value."""


def redact_entry(kind: str, body: str, replace: Replace) -> str:
    """Return the text of an entry with the new values of its personal fields.

    Raise JournalError if a newer release has written something into it that this version does not know: a caller might
    be in that.
    """
    if kind not in EVENTS and kind not in FACTS:
        raise JournalError(f"its kind {kind} is not known here")
    entry = json.loads(body)
    if unknown := _find_unknown(kind, entry):
        raise JournalError(f"{unknown} of {kind} is not known here")
    if isinstance(entry, list):
        _redact_array(field_names(kind), entry, kind, replace)
        return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
    # A shortened start has the new items of a list apart (`start_entry`).
    shifted = entry.get(SHIFTED_KEY, {})
    for (first, *rest), privacy in PERSONAL.get(kind, ()):
        change = partial(replace, privacy)
        if first in entry:
            entry[first] = _replace_values(entry[first], rest, change)
        if first in shifted:
            shifted[first][1] = _replace_values(shifted[first][1], rest, change)
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))


def _find_unknown(kind: str, entry: Any) -> str:
    """Return what is in an entry and no field of this version, or an empty text."""
    names = field_names(kind)
    if isinstance(entry, list):
        return f"field {len(names) + 1}" if len(entry) > len(names) else ""
    # The lists of a start have records with names. Those of a shortened one are the items that came.
    shifted = {name: more for name, (_, more) in entry.get(SHIFTED_KEY, {}).items()}
    unknown = (entry.keys() | shifted.keys()) - {*names, BASE_KEY, SHIFTED_KEY}
    for name, known in _fields_of_lists(kind).items():
        for one in (*(entry.get(name) or ()), *shifted.get(name, ())):
            unknown |= one.keys() - known
    return ", ".join(sorted(unknown))


@cache
def _fields_of_lists(kind: str) -> dict[str, frozenset[str]]:
    """Return the lists of records in an event that is written with names, each with the names inside its records."""
    found = {}
    for name, declared in typing.get_type_hints(EVENTS[kind]).items():
        arguments = typing.get_args(declared)
        if typing.get_origin(declared) is tuple and hasattr(arguments[0], "_fields"):
            found[name] = frozenset(arguments[0]._fields)
    return found


def _redact_array(names: Sequence[str], entry: list[Any], kind: str, replace: Replace) -> None:
    for (first, *rest), privacy in PERSONAL.get(kind, ()):
        place = names.index(first)
        # The last values are absent if they are the defaults, which identify nobody.
        if place < len(entry):
            entry[place] = _replace_values(entry[place], rest, partial(replace, privacy))


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


def without_callers(secret: bytes) -> Replace:
    """Return the replacement that removes all callers: numbers go, and each hash becomes a word of this secret.

    Without the secret, which nobody keeps, the words tell nothing.
    """
    def replace_value(privacy: Privacy, value: str) -> str:
        return "" if privacy is Privacy.NUMBER else hashlib.blake2b(
            value.encode(), key=secret, digest_size=max(1, len(value) // 2)).hexdigest()

    return replace_value
