"""Events and facts as (kind, JSON text) and back, exactly; and the replay of a journal.

The kind is the name of the record's type, the text an object of its fields. Every value goes by its declared type, so
what is read back equals what was written: enums, tuples, sets and nested settings too. Floats keep every digit (JSON
texts of Python hold the shortest form that reads back the same). A tick of the clock is an entry as well (`None`, kind
`tick`): without it a replay could not know when deadlines were met.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Iterable
from enum import Enum, Flag
from functools import cache
from json.encoder import encode_basestring
from typing import Any, NamedTuple

from routing.core.engine import Engine
from routing.core.errors import RoutingError
from routing.core.events import Event
from routing.core.facts import Fact
from routing.core.stored import Started

TICK = "tick"


class JournalError(RoutingError, ValueError):
    """A text that is no record of ours: an unknown kind, a missing or unknown field, a value of another type."""


class Entry(NamedTuple):
    """One line of the journal."""

    now: float
    event: Event | None
    """None: the clock ticked."""


Decoder = Callable[[Any], Any]
"""Any: JSON values come in, values of the field's type go out."""

EVENTS: dict[str, type] = {kind.__name__: kind for kind in typing.get_args(Event)}
FACTS: dict[str, type] = {kind.__name__: kind for kind in typing.get_args(Fact)}


def encode(record: Event | Fact | None) -> tuple[str, str]:
    """The kind and the JSON text of an event or a fact; None is a tick."""
    if record is None:
        return TICK, "{}"
    return type(record).__name__, _WRITERS[type(record)](record)


def decode_event(kind: str, text: str) -> Event | None:
    """Back from the text. JournalError names what does not fit."""
    if kind == TICK:
        return None
    event: Event = _decode(EVENTS, kind, text)
    return event


def decode_fact(kind: str, text: str) -> Fact:
    """Back from the text. JournalError names what does not fit."""
    fact: Fact = _decode(FACTS, kind, text)
    return fact


def write_value(value: Any) -> str:
    """Return one value as JSON text, as the journal writes it. Any: of every stored field."""
    return _WRITERS[type(value)](value)


def read_value(declared: Any, text: str) -> Any:
    """Return the value of a declared type that `write_value` wrote as `text`. Any: as above."""
    return _decoder(declared)(json.loads(text))


def replay(entries: Iterable[tuple[float, Event | None]], *, first_offer: int = 1, first_seq: int = 1) -> list[Fact]:
    """Every fact that these entries lead to, in an engine that begins empty, and in a new one at each start of a node.
    What was refused then is refused again."""
    engine = Engine(first_offer=first_offer, first_seq=first_seq)
    found: list[Fact] = []
    for now, event in entries:
        try:
            if isinstance(event, Started):
                engine = Engine()
            if event is None:
                engine.tick(now)
            else:
                engine.handle(event, now)
        except RoutingError:
            pass  # it changed nothing then, and changes nothing now
        found += engine.take_facts()
    return found


Writer = Callable[[Any], str]
"""Any: of every field of every record."""

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class _Writers(dict[type, Writer]):
    """How a value of exactly this type is written. Found out once for each type: every turn waits for its records to be
    written, and asking each value what it is takes three times as long."""

    def __missing__(self, kind: type) -> Writer:
        self[kind] = writer = _writer(kind)
        return writer


def _writer(kind: type) -> Writer:
    if issubclass(kind, Enum) and not issubclass(kind, Flag):
        return {member: _dumps(member.value) for member in kind}.__getitem__
    names = getattr(kind, "_fields", None)
    if names is not None:
        frame = "{" + ",".join(f"{_dumps(name)}:%s" for name in names) + "}"
        return lambda value: frame % tuple([_WRITERS[type(one)](one) for one in value])
    if kind is tuple:
        return lambda value: "[" + ",".join([_WRITERS[type(one)](one) for one in value]) + "]"
    return lambda value: _dumps(_plain(value))


def _write_float(value: float) -> str:
    return repr(value) if value - value == 0.0 else _dumps(value)  # what is no number has names of JSON's own


_WRITERS = _Writers({
    str: encode_basestring, int: int.__repr__, float: _write_float, type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
})


def _plain(value: Any) -> Any:
    """A value as JSON knows it. Any: of every field of every record."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        if names is None:
            return [_plain(one) for one in value]
        return {name: _plain(one) for name, one in zip(names, value, strict=True)}
    if isinstance(value, frozenset):
        return sorted(_plain(one) for one in value)
    return value


def _decode(kinds: dict[str, type], kind: str, text: str) -> Any:
    known = kinds.get(kind)
    if known is None:
        raise JournalError(f"no record of kind {kind!r}; known: {', '.join(kinds)}")
    try:
        return _decoder(known)(json.loads(text))
    except JournalError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise JournalError(f"not a record of kind {kind}: {error}") from error


@cache
def _decoder(declared: Any) -> Decoder:
    """How a value of this declared type is read. Built once for each type."""
    origin, args = typing.get_origin(declared), typing.get_args(declared)
    if origin in (typing.Union, types.UnionType):
        (inner,) = [_decoder(arg) for arg in args if arg is not type(None)]
        return lambda value: None if value is None else inner(value)
    if origin is tuple and args[-1] is Ellipsis:
        one = _decoder(args[0])
        return lambda value: tuple([one(item) for item in value])
    if origin is tuple:
        each = [_decoder(arg) for arg in args]
        return lambda value: tuple([read(item) for read, item in zip(each, value, strict=True)])
    if origin is frozenset:
        member = _decoder(args[0])
        return lambda value: frozenset(member(item) for item in value)
    declared = getattr(declared, "__supertype__", declared)
    if hasattr(declared, "_fields"):
        return _record_decoder(declared)
    if issubclass(declared, Enum):
        return typing.cast(Decoder, declared)
    if declared is float:
        return _float
    return _exactly(declared)


def _record_decoder(declared: Any) -> Decoder:
    hints = typing.get_type_hints(declared)
    fields = {name: _decoder(hints[name]) for name in declared._fields}

    def read(value: Any) -> Any:
        if not isinstance(value, dict):
            raise JournalError(f"{value!r} does not hold the fields of {declared.__name__}")
        unknown = value.keys() - fields.keys()
        if unknown:
            raise JournalError(f"{declared.__name__} has no field {', '.join(sorted(unknown))}")
        return declared(**{name: fields[name](item) for name, item in value.items()})

    return read


def _float(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise JournalError(f"{value!r} is no number")
    return float(value)


def _exactly(declared: type) -> Decoder:
    def read(value: Any) -> Any:
        if type(value) is not declared:
            raise JournalError(f"{value!r} is not of type {declared.__name__}")
        return value

    return read
