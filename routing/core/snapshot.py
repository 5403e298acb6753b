"""Write the whole state of an engine as text, and build the same engine from it.

A replay of the journal must give every fact again, so it can begin only where the whole state is known. A start of a
node is such a place, because its engine begins with the rows of the store. A node that runs for months has no start.
Once a day its journal therefore gets a start with the state of the running engine. The rows would not do: they lack
links, phones, hours, deadlines and the order of agents.

The text follows the objects, whatever their classes are, so a new field is part of it without a declaration. Each
object has a number, and two references to one object stay two references to one object. Only classes and functions of
`routing.core` are read back. The text therefore belongs to the version of the program that wrote it.

A caller's hash is in the text only as a number in the list of callers, where an erasure replaces it. An encrypted
number is not in the text at all, as in the events of a journal.
"""

from __future__ import annotations

import json
import sys
import zlib
from base64 import b64decode, b64encode
from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterator
from enum import Enum
from functools import cache, partial
from types import FunctionType
from typing import Any

from routing.core.domain import Domain
from routing.core.memory.callers import Spoke
from routing.core.model.declare import Stored
from routing.core.model.errors import SnapshotError
from routing.core.model.privacy import Privacy
from routing.core.records import Contact
from routing.core.stored import FIELDS

ROOM = "routing.core"
"""Only what is defined in this package is written and read."""

HIDDEN_NUMBER = "*"
"""Stands for an encrypted number. The engine asks only whether there is one."""

OUTPUTS = frozenset({"commands", "facts", "changes", "dirty", "on_choice", "repairs"})
"""Parts of a domain that belong to the turn and not to the state."""

COMPRESSION = 3
"""Level of zlib: a third of the time of the default for a tenth more text. Calls wait meanwhile."""

UNSET: list[Any] = []
"""Stands for an attribute without a value."""

# Kinds of objects in the text.
TUPLE, NAMED, FROZEN_SET, SET, LIST, DICT, ORDERED_DICT, DEFAULT_DICT, RECORD, ENUM, NAME, PARTIAL, NOTES = range(13)
_CONTAINERS: dict[type, int] = {tuple: TUPLE, frozenset: FROZEN_SET, set: SET, list: LIST, dict: DICT,
                                OrderedDict: ORDERED_DICT, defaultdict: DEFAULT_DICT}
_EMPTY: dict[int, Callable[[], Any]] = {SET: set, LIST: list, DICT: dict, ORDERED_DICT: OrderedDict,
                                        NOTES: OrderedDict}
_MAPPINGS = (DICT, ORDERED_DICT, DEFAULT_DICT)
_FINAL = (TUPLE, NAMED, FROZEN_SET, ENUM, NAME, PARTIAL)
"""Objects that cannot change, so they are made after their parts."""


def encode_domain(d: Domain) -> tuple[tuple[str, ...], str]:
    """Return the hashes of all callers in the state, and the text of the state."""
    return _Encoder(d).encode_state()


def decode_domain(callers: tuple[str, ...], text: str) -> Domain:
    """Return the domain that `encode_domain` wrote. Raise SnapshotError if the text is of another version."""
    try:
        objects = json.loads(zlib.decompress(b64decode(text)))
        found = _Decoder(callers, objects).decode_state()
    except (SnapshotError, ValueError, TypeError, KeyError, IndexError, AttributeError, zlib.error) as error:
        raise SnapshotError(f"another version of Santral wrote the state of the engine into the journal ({error}): "
                            "use that version") from error
    if not isinstance(found, Domain):
        raise SnapshotError("the text is not the state of an engine")
    return found


_attributes: dict[type, tuple[str, ...]] = {}


def _attributes_of(kind: type) -> tuple[str, ...]:
    """Return the attributes of a class with slots, or none for a class without."""
    found = _attributes.get(kind)
    if found is None:
        names = [name for base in reversed(kind.__mro__) for name in base.__dict__.get("__slots__", ())]
        found = _attributes[kind] = tuple([name for name in dict.fromkeys(names) if name != "__weakref__"])
    return found


def _names_of(value: Any) -> tuple[str, ...]:
    return *_attributes_of(type(value)), *getattr(value, "__dict__", ())


def _personal(privacy: Privacy) -> tuple[Stored, ...]:
    return tuple([one for one in FIELDS[Contact] if one.privacy is privacy])


_NUMBERS = frozenset(str(one.attribute) for one in _personal(Privacy.NUMBER))
_HASHES = tuple(str(one.attribute) for one in _personal(Privacy.HASH))


class _Encoder:
    """Number the objects in the order in which they are met, and write each once."""

    def __init__(self, d: Domain) -> None:
        self._domain = d
        self._callers = {hash_: number for number, hash_ in enumerate(dict.fromkeys(filter(None, _hashes_of(d))))}
        self._numbers: dict[int, int] = {}
        self._objects: list[Any] = []
        """The objects by number. They stay here, so that no other object gets the same id."""

    def encode_state(self) -> tuple[tuple[str, ...], str]:
        """Return the callers and the text."""
        self._refer(self._domain)
        written: list[Any] = []
        # The list grows while it is written: the parts of an object follow later. A recursion would be too deep.
        for one in self._objects:
            written.append(self._write(one))
        text = json.dumps(written, ensure_ascii=False, separators=(",", ":"))
        return tuple(self._callers), b64encode(zlib.compress(text.encode(), COMPRESSION)).decode()

    def _refer(self, value: Any) -> Any:
        """Return what stands for a value inside another one."""
        kind = type(value)
        if kind is str:
            number = self._callers.get(value)
            return value if number is None else {"c": number}
        if kind is float or kind is int or kind is bool or value is None:
            return value
        number = self._numbers.get(id(value))
        if number is None:
            number = self._numbers[id(value)] = len(self._objects)
            self._objects.append(value)
        return [number]

    def _write(self, value: Any) -> list[Any]:
        kind, refer = type(value), self._refer
        if kind is OrderedDict and value and type(next(iter(value.values()))) is Spoke:
            return self._write_talks(value)
        number = _CONTAINERS.get(kind)
        if number in _MAPPINGS:
            items = [refer(one) for pair in value.items() for one in pair]
            return [number, refer(value.default_factory), *items] if kind is defaultdict else [number, *items]
        if number is not None:
            return [number, *[refer(one) for one in value]]
        if isinstance(value, Enum):
            return [ENUM, _name_of(kind), value.value]
        if isinstance(value, (FunctionType, type)):
            return [NAME, _name_of(value)]
        if kind is partial:
            return [PARTIAL, refer(value.func), *[refer(one) for one in value.args]]
        if isinstance(value, tuple):
            return [NAMED, _name_of(kind), *[refer(one) for one in value]]
        return [RECORD, _name_of(kind), *[one for name in _names_of(value) for one in (name, self._attribute(
            value, name))]]

    def _write_talks(self, talks: OrderedDict[str, Spoke]) -> list[Any]:
        # Up to 200,000 talks, so they are columns: objects would take ten times as long, and calls wait meanwhile.
        return [NOTES, [self._callers[caller] for caller in talks], [one.agent for one in talks.values()],
                [one.at for one in talks.values()]]

    def _attribute(self, value: Any, name: str) -> Any:
        found = getattr(value, name, UNSET)
        if found is UNSET:
            return UNSET
        if name == "dirty" and value is not self._domain:
            return 0
        if value is self._domain and name in OUTPUTS:
            return UNSET
        if name in _NUMBERS and type(value) is Contact:
            return HIDDEN_NUMBER if found else ""
        return self._refer(found)


def _hashes_of(d: Domain) -> Iterator[str]:
    """Yield every caller's hash in a domain."""
    for contact in d.contacts.values():
        for name in _HASHES:
            yield getattr(contact, name)
    memory = d.caller_memory
    yield from memory.last_agents
    yield from memory.held_positions
    yield from memory.abuse
    yield from memory.callback_calls
    for talk in memory.recent_talks:
        yield talk.caller_hash


def _name_of(value: Any) -> str:
    """Return the name of a class or function. Raise SnapshotError if it is not of `ROOM` or has no name there."""
    module, name = value.__module__, value.__qualname__
    if not module.startswith(ROOM) or "<" in name:
        raise SnapshotError(f"{module}.{name} is no part of {ROOM}")
    return f"{module}:{name}"


class _Decoder:
    """Make the objects of a text."""

    def __init__(self, callers: tuple[str, ...], written: list[list[Any]]) -> None:
        self._callers, self._written = callers, written
        self._objects: list[Any] = [UNSET] * len(written)

    def decode_state(self) -> Any:
        """Return the first object, with everything that it refers to."""
        # 1. Make what can change, still empty, because these objects refer to each other in circles.
        for number, one in enumerate(self._written):
            if one[0] not in _FINAL:
                self._objects[number] = self._make_empty(one)
        # 2. Make what cannot change from its parts.
        for number in range(len(self._written)):
            self._object(number)
        # 3. Fill what can change.
        for number, one in enumerate(self._written):
            if one[0] not in _FINAL:
                self._fill(self._objects[number], one)
        return self._objects[0]

    def _object(self, number: int) -> Any:
        found = self._objects[number]
        if found is UNSET:
            found = self._objects[number] = self._make_final(self._written[number])
        return found

    def _value(self, one: Any) -> Any:
        if type(one) is list:
            return self._object(one[0])
        return self._callers[one["c"]] if type(one) is dict else one

    def _values(self, ones: list[Any]) -> list[Any]:
        return [self._value(one) for one in ones]

    def _make_empty(self, one: list[Any]) -> Any:
        if one[0] == RECORD:
            return object.__new__(_find_name(one[1]))
        if one[0] == DEFAULT_DICT:
            return defaultdict(self._value(one[1]))
        made: Callable[[], Any] = _EMPTY[one[0]]
        return made()

    def _make_final(self, one: list[Any]) -> Any:
        kind = one[0]
        if kind == TUPLE:
            return tuple(self._values(one[1:]))
        if kind == NAMED:
            return _find_name(one[1])._make(self._values(one[2:]))
        if kind == FROZEN_SET:
            return frozenset(self._values(one[1:]))
        if kind == ENUM:
            return _find_name(one[1])(one[2])
        if kind == NAME:
            return _find_name(one[1])
        func, *args = self._values(one[1:])
        return partial(func, *args)

    def _fill(self, found: Any, one: list[Any]) -> None:
        kind = one[0]
        if kind == RECORD:
            if not set(_attributes_of(type(found))) <= set(one[2::2]):
                raise SnapshotError(f"{one[1]} has other attributes")
            for name, value in zip(one[2::2], one[3::2], strict=True):
                if value != UNSET:
                    setattr(found, name, self._value(value))
        elif kind in _MAPPINGS:
            items = self._values(one[2:] if kind == DEFAULT_DICT else one[1:])
            found.update(zip(items[::2], items[1::2], strict=True))
        elif kind == NOTES:
            callers = [self._callers[number] for number in one[1]]
            found.update(zip(callers, map(Spoke, callers, one[2], one[3]), strict=True))
        elif kind == SET:
            found.update(self._values(one[1:]))
        else:
            found.extend(self._values(one[1:]))


@cache
def _find_name(text: str) -> Any:
    """Return the class or function of this name. Raise SnapshotError if `ROOM` has none."""
    module, _, name = text.partition(":")
    found: Any = sys.modules.get(module) if module.startswith(ROOM) else None
    for part in name.split("."):
        found = getattr(found, part, None)
    if not isinstance(found, (FunctionType, type)) or not found.__module__.startswith(ROOM):
        raise SnapshotError(f"there is no {text}")
    return found
