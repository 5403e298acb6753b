"""Declare which fields identify a caller, and how each of them is erased.

    caller_hash: CallerHash = ""

The type is the declaration, in records, events, facts and notes alike. Erasure of rows (`declare`) and redaction of
journal and facts (`routing/store/callers/redaction.py`) follow from it.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, NamedTuple, TypeAlias, get_args, get_origin, get_type_hints


class Privacy(Enum):
    """Tell how a field is erased with its caller."""

    HASH = "hash"
    """Blanked in rows. In journal and facts a random word takes its place, everywhere the same one, because a replay
    compares hashes."""
    NUMBER = "number"
    """Blanked everywhere, and in old entries by age."""


CallerHash: TypeAlias = Annotated[str, Privacy.HASH]
"""Keyed hash of a caller's number. Empty for an unknown caller."""

EncryptedNumber: TypeAlias = Annotated[str, Privacy.NUMBER]
"""A caller's encrypted number. Empty for an unknown caller."""


class PersonalField(NamedTuple):
    """A field that identifies a caller, somewhere inside a record."""

    path: tuple[str, ...]
    """Names of the fields that lead to it. Each may be a tuple of records, and the path leads through all of them."""
    privacy: Privacy


def privacy_of(declared: Any) -> Privacy | None:
    """Return the privacy class of a declared type, or None if a field of it identifies nobody."""
    if get_origin(declared) is not Annotated:
        return None
    return next((one for one in declared.__metadata__ if isinstance(one, Privacy)), None)


def find_personal_fields(declared: Any, path: tuple[str, ...] = ()) -> Iterator[PersonalField]:
    """Find all fields inside a declared type that identify a caller."""
    if (privacy := privacy_of(declared)) is not None:
        yield PersonalField(path, privacy)
    elif hasattr(declared, "_fields"):
        for name, hint in get_type_hints(declared, include_extras=True).items():
            yield from find_personal_fields(hint, (*path, name))
    else:
        for inner in get_args(declared):
            yield from find_personal_fields(inner, path)
