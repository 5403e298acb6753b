"""Derive the tables of records from the declarations of their fields (`routing.core.model.declare`).

A value of a row goes into its column as text, number or truth value. A tuple, set or mapping goes in as JSON text.
Both databases get the same values.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Callable
from enum import StrEnum
from typing import Any

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Double, Integer, Text

from routing.core.journal import read_value, write_value
from routing.core.model.declare import Stored
from routing.core.model.ids import OfferId

NUMBER = BigInteger().with_variant(Integer(), "sqlite")
"""Type of numbered keys. Both variants hold 64 bits.

On SQLite a key of the type INTEGER needs no separate index (sqlite.org/lang_createtable.html, 5). That saves one page
of each commit for each such table.
"""

_SIMPLE: dict[Any, Any] = {str: Text, int: Integer, float: Double, bool: Boolean, OfferId: BigInteger}


def plain_of(declared: Any) -> tuple[Any, bool]:
    """Return the declared type without None, and whether None is a value of the type."""
    if typing.get_origin(declared) in (typing.Union, types.UnionType):
        (inner,) = [one for one in typing.get_args(declared) if one is not type(None)]
        return inner, True
    return declared, False


def column_of(field: Stored) -> Column[Any]:
    """Return the column of a stored field."""
    kind, nullable = plain_of(field.type)
    base = getattr(kind, "__supertype__", kind)
    declared = NUMBER if field.key and kind is OfferId else _SIMPLE.get(kind, _SIMPLE.get(base, Text))
    return Column(field.column, declared, primary_key=field.key, nullable=nullable and not field.key,
                  autoincrement=False, comment=field.comment or None)


def checks_of(fields: tuple[Stored, ...]) -> list[CheckConstraint]:
    """Return, for each column of words, the check that admits only the words of its enum."""
    words = [(field.column, kind) for field in fields for kind, _ in [plain_of(field.type)]
             if isinstance(kind, type) and issubclass(kind, StrEnum)]
    return [CheckConstraint(f"{column} IN ({', '.join(repr(str(one)) for one in kind)})", name=f"{column}_known")
            for column, kind in words]


def writer_of(field: Stored) -> Callable[[Any], Any] | None:
    """Return the function from a value of a row to the value of its column, or None if both are the same."""
    kind, _ = plain_of(field.type)
    if getattr(kind, "__supertype__", kind) in _SIMPLE:
        return None
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return lambda value: None if value is None else value.value
    return lambda value: None if value is None else write_value(value) if value else "[]"


def reader_of(field: Stored) -> Callable[[Any], Any] | None:
    """Return the function from a value of a column to the value of its row, or None if both are the same."""
    kind, _ = plain_of(field.type)
    if getattr(kind, "__supertype__", kind) in _SIMPLE:
        return None
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return lambda value: None if value is None else kind(value)
    return lambda value: None if value is None else read_value(kind, value)
