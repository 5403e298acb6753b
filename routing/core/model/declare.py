"""Declare once which fields of a record are stored.

    abusive: bool = stored(default=False, erased=True)
    caller_hash: CallerHash = stored(default="")

Everything else follows from the declaration. It gives the row type of the record and the columns of its table. It also
gives the fields that a restart reads, and those that are erased with a caller. A field without `stored` lives in memory
only.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Annotated, Any, NamedTuple, TypeVar, dataclass_transform

from routing.core.model.privacy import Privacy, privacy_of

T = TypeVar("T")

DIRTY, CALLER, STATE, END = 1, 2, 4, 8
"""Groups of columns that are in an index. Each update of such a column also writes a page of the index. A change
therefore names the groups that it needs. `DIRTY` alone means that no such column has changed. `END` comes only with
`STATE`, so a value of at least `STATE` tells that the state is written."""

_REQUIRED: Any = dataclasses.MISSING


class Stored(NamedTuple):
    """The place of one record field in the row of that record."""

    column: str
    """Name in the row and in the table."""
    type: Any
    """Type of the value in the row, as in an annotation."""
    default: Any
    """`dataclasses.MISSING` if each row gives a value."""
    read: str
    """Expression that reads the value from the record `r`."""
    attribute: str | None
    """Attribute of the record that a restart sets to the value of the row. None if the restart derives it."""
    key: bool
    past: bool
    """Whether the value is a time that cannot be in the future. A restart after the clock was set back takes the
    present time."""
    privacy: Privacy | None
    """How the value is erased with its caller. None if it identifies nobody."""
    once: bool
    """Whether the value never changes after the row was added."""
    group: int
    """The column is written only in changes that name this group. 0 for each change."""
    erased: bool
    """Whether the value tells something about the caller. It is set to the default when the caller is erased."""
    comment: str


@dataclasses.dataclass(frozen=True, slots=True)
class _Mark:
    column: str | None
    read: str | None
    type: str | None
    options: dict[str, Any]


def stored(*, default: Any = _REQUIRED, default_factory: Any = _REQUIRED, init: bool = True, column: str | None = None,
           read: str | None = None, type: str | None = None, key: bool = False, past: bool = False,
           erased: bool = False, once: bool = False, group: int = 0, comment: str = "") -> Any:
    """Return the declaration of a stored field.

    `column` is needed where the name differs from the attribute. `read` and `type` are needed where the row holds a
    different value, such as the id of a service.
    """
    # A key never changes.
    options = {"key": key, "past": past, "once": once or key, "group": group, "erased": erased, "comment": comment}
    return dataclasses.field(default=default, default_factory=default_factory, init=init,
                             metadata={"stored": _Mark(column, read, type, options)})


@dataclass_transform(field_specifiers=(stored, dataclasses.field))
def record(kind: type[T]) -> type[T]:
    """Make a class of mutable records, compared by identity."""
    # By identity: two contacts are never the same one, and a comparison of fields would cost time in each dict.
    return dataclasses.dataclass(slots=True, eq=False)(kind)


def fields_of(kind: type, names: dict[str, Any]) -> tuple[Stored, ...]:
    """Return the stored fields of a record class. `names` resolves the names in their annotations."""
    found = []
    for one in dataclasses.fields(kind):
        mark: _Mark | None = one.metadata.get("stored")
        if mark is not None:
            # Annotations are texts (PEP 563), so the type must be evaluated with the names of the record's module.
            declared = eval(mark.type or str(one.type), names)  # noqa: S307 - an annotation of our own
            privacy = privacy_of(declared)
            plain = declared if privacy is None else declared.__origin__
            # A number or its hash is always erased with the caller.
            options = mark.options | {"privacy": privacy, "erased": mark.options["erased"] or privacy is not None}
            default = one.default if mark.read is None else _absent(mark.type or str(one.type))
            found.append(Stored(mark.column or one.name, plain, default, mark.read or f"r.{one.name}",
                                one.name if mark.read is None and one.init and not mark.options["key"] else None,
                                **options))
    return tuple(found)


def _absent(declared: str) -> Any:
    """Return the empty value of a column by the type of the row's value."""
    if declared.startswith("tuple"):
        return ()
    return None if declared.endswith("None") else _REQUIRED


def row_type(name: str, fields: tuple[Stored, ...]) -> Any:
    """Return the named tuple of a record's row."""
    # A named tuple has its fields without a default first.
    required = [one for one in fields if one.default is _REQUIRED]
    optional = [one for one in fields if one.default is not _REQUIRED]
    made: Any = NamedTuple(  # type: ignore[misc]
        name, [(one.column, one.type if one.privacy is None else Annotated[one.type, one.privacy])
               for one in (*required, *optional)])
    # The functional form of NamedTuple takes no defaults, so they are set as the class form sets them.
    made.__new__.__defaults__ = tuple([one.default for one in optional])
    made._field_defaults = {one.column: one.default for one in optional}
    return made


def reader(row: Any, fields: tuple[Stored, ...]) -> Callable[[Any], Any]:
    """Return the function that makes the row of a record."""
    # One compiled function for each record: a row is made at every change, and a loop over the fields would be slow.
    sources = {one.column: one.read for one in fields}
    space: dict[str, Any] = {"_row": row, "_new": tuple.__new__}
    values = ", ".join([sources[name] for name in row._fields])
    exec(f"def _read(r):\n return _new(_row, ({values},))", space)  # noqa: S102 - expressions of our own
    found: Callable[[Any], Any] = space["_read"]
    return found


def attributes(fields: tuple[Stored, ...], row: Any, now: float) -> dict[str, Any]:
    """Return the attributes that a record gets from its row.

    A time marked `past` becomes `now` if it is later, because the clock was set back before the restart.
    """
    found = {}
    for one in fields:
        if one.attribute is not None:
            value = getattr(row, one.column)
            found[one.attribute] = min(value, now) if one.past and value is not None else value
    return found


def blank(record: object, fields: tuple[Stored, ...], choose: Callable[[Stored], bool]) -> None:
    """Set the chosen fields of a record to their defaults."""
    for one in fields:
        if one.attribute is not None and choose(one):
            setattr(record, one.attribute, one.default)
