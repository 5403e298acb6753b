"""Convert events and facts to (kind, JSON text) and back without loss, and replay a journal.

The kind is the name of the record's type. Every value is read by its declared type, so the value that is read equals
the value that was written. This holds for enums, tuples, sets and nested settings too. Floats of events keep every
digit, because Python writes the shortest text that reads back the same.

A call makes some thirty records, so their text is short: a JSON array of the values in the order of the fields. The
last values are left out if they are the defaults. Number and time of a fact have columns, and its other times are
written in milliseconds. The number of a caller and its hash are in the contact's row: facts have neither, and events
say only that there was a number. A start and settings are rare and compared field by field: objects with names.

A tick of the clock is an entry as well (`None`, kind `tick`). A replay could not know otherwise when deadlines were
handled.
"""

from __future__ import annotations

import json
import types
import typing
from collections.abc import Callable, Iterable, Sequence
from enum import Enum, Flag
from functools import cache
from json.encoder import encode_basestring
from math import copysign
from typing import Any, NamedTuple

from routing.core.engine import Engine
from routing.core.events import CallsRefused, Configured, Event, MenuEnded, SurveyAnswered
from routing.core.model.errors import RoutingError, SnapshotError
from routing.core.model.facts import CallsRefusedRecorded, Fact, MenuEndedRecorded, SurveyAnsweredRecorded
from routing.core.model.privacy import Privacy, privacy_of
from routing.core.stored import Started

TICK = "tick"


class JournalError(RoutingError, ValueError):
    """The text is no record: its kind is unknown, a field is missing or unknown, or a value has another type."""


class Entry(NamedTuple):
    """One entry of the journal."""

    now: float
    event: Event | None
    """The event, or None if the clock ticked."""


Decoder = Callable[[Any], Any]
"""Convert a JSON value to a value of the field's type. `Any`, because a field may have any type."""

EVENTS: dict[str, type] = {kind.__name__: kind for kind in typing.get_args(Event)}
FACTS: dict[str, type] = {kind.__name__: kind for kind in typing.get_args(Fact)}

NAMED = (Started, Configured)
"""Records that are written as objects with names."""

STAMP = ("seq", "at")
"""Fields of a fact that are columns of its row."""


def encode_record(record: Event | Fact | None) -> tuple[str, str]:
    """Return the kind and the JSON text of an event or a fact. None is a tick."""
    if record is None:
        return TICK, "[]"
    return type(record).__name__, _RECORD_WRITERS[type(record)](record)


NOTED_BY: dict[type, Callable[..., Fact]] = {
    MenuEnded: MenuEndedRecorded, SurveyAnswered: SurveyAnsweredRecorded, CallsRefused: CallsRefusedRecorded}
"""Events that the engine only notes, with the fact that has the same fields."""


def noted_as(event: Event | None) -> tuple[str, str]:
    """Return the kind and text of the fact that notes an event, or two empty texts if no fact does."""
    fact = NOTED_BY.get(type(event))
    return ("", "") if fact is None or event is None else encode_record(fact(0, 0.0, *event))


def decode_event(kind: str, text: str) -> Event | None:
    """Return the event of a text, or None for a tick. Raise JournalError, which names what does not fit."""
    if kind == TICK:
        return None
    event: Event = _decode_record(EVENTS, kind, text)
    return event


def decode_fact(kind: str, text: str, seq: int, at: float) -> Fact:
    """Return the fact of a text with its number and time. Raise JournalError, which names what does not fit.

    Fields that a newer release has added at the end are left out: what is known of the fact stays true without them.
    """
    fact: Fact = _decode_record(FACTS, kind, text, (seq, at))
    return fact


def stored_form(fact: Fact) -> tuple[int, float, str, str]:
    """Return a fact as its row holds it. Two facts that are stored alike are the same decision."""
    return fact.seq, fact.at, *encode_record(fact)


def field_names(kind: str) -> tuple[str, ...]:
    """Return the fields of a kind in the order of its text. A record inside it has them in its own order."""
    record: Any = FACTS.get(kind) or EVENTS[kind]
    names: tuple[str, ...] = record._fields
    return names[len(STAMP):] if kind in FACTS else names


def write_value(value: Any) -> str:
    """Return one value as JSON text, as the journal writes it. `Any`, because every stored field has its own type."""
    return _WRITERS[type(value)](value)


def read_value(declared: Any, text: str) -> Any:
    """Return the value of a declared type that `write_value` wrote as `text`."""
    return _build_decoder(declared)(json.loads(text))


def replay_entries(entries: Iterable[tuple[float, Event | None]], *, first_offer: int = 1,
        first_seq: int = 1) -> list[Fact]:
    """Return every fact that follows from these entries.

    The replay starts with an empty engine, and takes a new one at each start of a node. A refused event is refused
    again.
    """
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
        except SnapshotError:
            raise
        except RoutingError:
            # A refused event changed nothing in the original run either.
            pass
        found += engine.take_facts()
    return found


Writer = Callable[[Any], str]
"""Convert a value to JSON text. `Any`, because it takes the fields of every record."""

_dumps = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode


class _Writers(dict[type, Writer]):
    """Writers of values, by exact type, found once for each type.

    Every turn waits until its records are written. To test each value for its type takes three times as long.
    """

    def __missing__(self, kind: type) -> Writer:
        self[kind] = writer = _build_writer(kind)
        return writer


def _build_writer(kind: type) -> Writer:
    # An enum has few members, so their texts are made in advance. A `Flag` has combinations and is written as a plain
    # value.
    if issubclass(kind, Enum) and not issubclass(kind, Flag):
        return {member: _dumps(member.value) for member in kind}.__getitem__
    # A named tuple becomes an object. Its keys are part of a fixed frame.
    names = getattr(kind, "_fields", None)
    if names is not None:
        frame = "{" + ",".join(f"{_dumps(name)}:%s" for name in names) + "}"
        return lambda value: frame % tuple([_WRITERS[type(one)](one) for one in value])
    if kind is tuple:
        return lambda value: "[" + ",".join([_WRITERS[type(one)](one) for one in value]) + "]"
    return lambda value: _dumps(_plain_value(value))


def _write_float(value: float) -> str:
    # Infinity and "not a number" have names in JSON that differ from Python's. Their difference with themselves is not
    # 0.
    return repr(value) if value - value == 0.0 else _dumps(value)


_WRITERS = _Writers({
    str: encode_basestring, int: int.__repr__, float: _write_float, type(None): lambda _: "null",
    bool: lambda value: "true" if value else "false",
})


def _write_array(values: list[Any], defaults: Sequence[Any], writers: dict[type, Writer]) -> str:
    """Return values as a JSON array, without the last ones that are the defaults. `defaults` are those of the last
    values, the last one first."""
    for default in defaults:
        if not _is_same(values[-1], default):
            break
        values.pop()
    return "[" + ",".join([writers[type(value)](value) for value in values]) + "]"


def _is_same(value: Any, default: Any) -> bool:
    if value is default:
        return True
    # The text tells 0 from false, and 0.0 from -0.0.
    return type(value) is type(default) and value == default and not (type(value) is float and copysign(1.0, value) < 0)


class _InnerWriters(dict[type, Writer]):
    """Writers of values inside a short record. Records and tuples differ from those of `_WRITERS`."""

    def __missing__(self, kind: type) -> Writer:
        self[kind] = writer = self._build(kind)
        return writer

    def _build(self, kind: Any) -> Writer:
        if hasattr(kind, "_fields"):
            defaults = tuple(reversed(kind._field_defaults.values()))
            return lambda value: _write_array(list(value), defaults, self)
        if kind is tuple:
            return lambda value: "[" + ",".join([self[type(one)](one) for one in value]) + "]"
        return _WRITERS[kind]


def round_stored(value: float) -> float:
    """Return a number of a fact as the store keeps it: times in milliseconds, shares and scores to six digits."""
    return round(value, 3 if abs(value) >= 1.0 else 6)


def _write_rounded(value: float) -> str:
    return _write_float(round_stored(value))


_INNER_WRITERS, _FACT_WRITERS = _InnerWriters(), _InnerWriters({float: _write_rounded})

HIDDEN_NUMBER = "*"
"""Text in the journal for a number that the event had. The engine asks only whether there is one."""


class _RecordWriters(dict[type, Writer]):
    """Writers of whole events and facts."""

    def __missing__(self, kind: type) -> Writer:
        self[kind] = writer = _WRITERS[kind] if kind in NAMED else _build_record_writer(kind)
        return writer


_RECORD_WRITERS = _RecordWriters()


def _build_record_writer(kind: Any) -> Writer:
    is_fact = kind.__name__ in FACTS
    skip, defaults = len(STAMP) if is_fact else 0, tuple(reversed(kind._field_defaults.values()))
    writers = _FACT_WRITERS if is_fact else _INNER_WRITERS
    hints = typing.get_type_hints(kind, include_extras=True)
    classes = [(number, privacy_of(hints[name])) for number, name in enumerate(field_names(kind.__name__))]
    hidden = [number for number, privacy in classes if privacy is Privacy.NUMBER or (is_fact and privacy is not None)]
    hides = "" if is_fact else HIDDEN_NUMBER

    def write_record(value: Any) -> str:
        said = list(value[skip:])
        for number in hidden:
            said[number] = said[number] and hides
        return _write_array(said, defaults, writers)

    return write_record


def _plain_value(value: Any) -> Any:
    """Return a value as JSON types: the slow way, for types without their own writer."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        names = getattr(value, "_fields", None)
        if names is None:
            return [_plain_value(one) for one in value]
        return {name: _plain_value(one) for name, one in zip(names, value, strict=True)}
    if isinstance(value, frozenset):
        # The order of a set is arbitrary. Sorted members make equal sets equal texts.
        return sorted(_plain_value(one) for one in value)
    return value


def _decode_record(kinds: dict[str, type], kind: str, text: str, stamp: tuple[Any, ...] = ()) -> Any:
    known = kinds.get(kind)
    if known is None:
        raise JournalError(f"a newer Santral wrote it: its kind {kind} is not known here" if kind.isdecimal() else
                           f"no record of kind {kind!r}; known: {', '.join(kinds)}")
    try:
        value = json.loads(text)
        return _build_decoder(known, bool(stamp))(
            value if known in NAMED else [*stamp, *_require_list(value, known)])
    except JournalError:
        raise
    except (ValueError, TypeError, KeyError) as error:
        raise JournalError(f"not a record of kind {kind}: {error}") from error


@cache
def _build_decoder(declared: Any, lenient: bool = False) -> Decoder:
    """Return the decoder of a declared type. Each type gets its decoder once.

    `lenient` leaves fields out that records do not have. An event must be read completely, or a replay would differ.
    """
    origin, args = typing.get_origin(declared), typing.get_args(declared)
    if origin in (typing.Union, types.UnionType):
        # The only union in records is "a type or None".
        (inner,) = [_build_decoder(arg, lenient) for arg in args if arg is not type(None)]
        return lambda value: None if value is None else inner(value)
    if origin is tuple and args[-1] is Ellipsis:
        one = _build_decoder(args[0], lenient)
        return lambda value: tuple([one(item) for item in value])
    if origin is tuple:
        each = [_build_decoder(arg, lenient) for arg in args]
        return lambda value: tuple([read(item) for read, item in zip(each, value, strict=True)])
    if origin is frozenset:
        member = _build_decoder(args[0], lenient)
        return lambda value: frozenset(member(item) for item in value)
    # A `NewType` is read as its base type.
    declared = getattr(declared, "__supertype__", declared)
    if hasattr(declared, "_fields"):
        return _record_decoder(declared, lenient)
    if issubclass(declared, Enum):
        return typing.cast(Decoder, declared)
    if declared is float:
        return _read_float
    return _exact_decoder(declared)


def _record_decoder(declared: Any, lenient: bool) -> Decoder:
    hints = typing.get_type_hints(declared)
    fields = {name: _build_decoder(hints[name], lenient) for name in declared._fields}

    decoders = tuple(fields.values())

    def read_record(value: Any) -> Any:
        if isinstance(value, list):
            if len(value) > len(decoders) and not lenient:
                raise JournalError(f"{declared.__name__} has no more than {len(decoders)} fields")
            return declared(*[read(item) for read, item in zip(decoders, value, strict=False)])
        if not isinstance(value, dict):
            raise JournalError(f"{value!r} does not hold the fields of {declared.__name__}")
        unknown = value.keys() - fields.keys()
        if unknown and not lenient:
            raise JournalError(f"{declared.__name__} has no field {', '.join(sorted(unknown))}")
        return declared(**{name: fields[name](item) for name, item in value.items() if name in fields})

    return read_record


def _require_list(value: Any, declared: Any) -> list[Any]:
    if not isinstance(value, list):
        raise JournalError(f"{value!r} does not hold the fields of {declared.__name__}")
    return value


def _read_float(value: Any) -> float:
    # A whole number in JSON is a valid float. A boolean is an `int` in Python, but no number here.
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise JournalError(f"{value!r} is no number")
    return float(value)


def _exact_decoder(declared: type) -> Decoder:
    def read_exact(value: Any) -> Any:
        # `isinstance` would accept true and false as integers.
        if type(value) is not declared:
            raise JournalError(f"{value!r} is not of type {declared.__name__}")
        return value

    return read_exact
