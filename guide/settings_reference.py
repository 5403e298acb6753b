"""Tables of the keys of a centre's files, from the models that read them."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from itertools import groupby
from typing import Any

from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo

from centres import base_shapes, calendar_days, services
from centres.base_shapes import Shape
from centres.services import Service, Step, Waiting
from centres.settings import Settings
from centres.team import Accommodation, Agent
from guide.tables import quote_code, read_attribute_texts, write_table
from routing.core.model.centre_model import Profile

HEAD = ("key", "value", "default", "meaning")

WORDS: tuple[tuple[Any, str], ...] = (
    (base_shapes.Name, "name"), (base_shapes.Id, "name"), (base_shapes.ServiceId, "name"),
    (base_shapes.Entry, "entry"), (base_shapes.Text, "text"),
    (base_shapes.HostPort, "host:port"), (base_shapes.Carrier, "host:port"), (base_shapes.SipUser, "name"),
    (base_shapes.Network, "network"), (base_shapes.Address, "address"),
    (base_shapes.Label, "label"), (base_shapes.Number, "number"), (base_shapes.Span, "span"),
    (base_shapes.File, "path"),
    (base_shapes.WallTime, "HH:MM"), (services.Needs, "skills or expression"), (base_shapes.Skills, "skill: 0–100"),
    (base_shapes.Channel, "channel"), (calendar_days.Moment, "date and time"))
"""Types with their word in the table."""
PLAIN = {bool: "boolean", int: "integer", float: "number", str: "text", date: "date", datetime: "date and time"}
FREE = {"numbers": "number = entry", "transfer": "label = number"}
"""Tables whose keys the centre chooses."""


def draw_settings() -> str:
    """Return the page of `santral.toml`."""
    texts = read_attribute_texts(Settings)
    parts = ["# Keys of `santral.toml`\n", INTRODUCTION]
    for name, shape in list_shapes(Settings).items():
        if name.startswith("profile"):
            continue
        parts.append(f"## `[{name}]`\n\n" + (_write_rows(shape) if shape is not None else f"{texts[name]}\n"))
    return "\n".join([*parts, "## `[profile]`\n", "The keys of [`accommodations`](team-files.md#accommodations).\n"])


INTRODUCTION = """A dash marks a key that must be set; `none` marks a key that may be left out. A name has 1 to 40 of
`A-Za-z0-9_./-`. A span is `"HH:MM-HH:MM"` of one day. Durations are seconds.
"""


def draw_team_files() -> str:
    """Return the page of `services.yaml`, `team.yaml`, `accommodations.yaml` and `[profile]`."""
    profile = Profile()
    shipped = {**profile._asdict(), **profile.comfort._asdict(), "max_concurrency": dict(profile.max_concurrency),
               "pre_connect_mode": profile.pre_connect}
    tables = list_shapes(Settings)
    limits = tables["profile.distress_limit"]
    assert limits is not None
    return "\n".join([
        "# Keys of services, agents and profiles\n", INTRODUCTION,
        "## `services`\n", _write_rows(Service),
        "## `waiting`\n", _write_rows(Waiting),
        "## `steps`\n", _write_rows(Step),
        "## `agents`\n", _write_rows(Agent),
        "## `accommodations`\n", "`[profile]` of `santral.toml` has the keys up to `braille_cells`, for all agents.\n",
        _write_rows(Accommodation, shipped),
        "## `distress_limit`\n", _write_rows(limits)])


def list_shapes(shape: type[Shape], prefix: str = "") -> dict[str, type[Shape] | None]:
    """Return each table of a model by its dotted name. None marks a table with free keys."""
    found: dict[str, type[Shape] | None] = {}
    for name, field in shape.model_fields.items():
        inner = _find_shape(field.annotation)
        if inner is None or _find_word(_read_hints(shape)[name]):
            if not prefix and name in FREE:
                found[name] = None
            continue
        found[prefix + name] = inner
        found.update(list_shapes(inner, f"{prefix}{name}."))
    return found


def _find_shape(annotation: Any) -> type[Shape] | None:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _find_shape(part)) is not None), None)


def _read_hints(shape: type[BaseModel]) -> dict[str, Any]:
    return typing.get_type_hints(shape, include_extras=True)


def _write_rows(shape: type[Shape], shipped: Mapping[str, Any] | None = None) -> str:
    texts, hints = read_attribute_texts(shape), _read_hints(shape)
    rows = [(name, describe_type(hints[name]), _show_default(field, name, shipped or {}), texts.get(name, ""))
            for name, field in shape.model_fields.items()]
    merged = []
    # Keys that differ by name only, such as the days of a week, share a row.
    for (_, text), group in groupby(rows, key=lambda row: (row[1:], row[3] or None)):
        same = list(group)
        names = [quote_code(row[0]) for row in same]
        if text is None and len(same) > 2:
            merged.append((f"{names[0]} … {names[-1]}", *same[0][1:]))
        else:
            merged += [(name, *row[1:]) for name, row in zip(names, same, strict=True)]
    return write_table(HEAD, merged)


def _show_default(field: FieldInfo, name: str, shipped: Mapping[str, Any]) -> str:
    if field.is_required():
        return "–"
    return show_value(shipped.get(name, field.default))


def show_value(value: Any) -> str:
    """Return a default as the files of a centre write it."""
    if value is None or value == "" or isinstance(value, Shape):
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:g}`"
    if isinstance(value, Enum):
        return f"`{value.value}`"
    if isinstance(value, frozenset):
        return f"`[{', '.join(sorted(str(one) for one in value))}]`"
    if isinstance(value, dict):
        return f"`{{{', '.join(f'{key}: {one}' for key, one in value.items())}}}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(str(one) for one in value)}]`"
    return f"`{value}`"


def _find_word(annotation: Any) -> str | None:
    return next((word for alias, word in WORDS if annotation == alias), None)


def describe_type(annotation: Any) -> str:
    """Return what may stand at a key, with its bounds."""
    word = _find_word(annotation) or (PLAIN.get(annotation) if isinstance(annotation, type) else None)
    if word:
        return word
    if isinstance(annotation, type) and issubclass(annotation, base_shapes.Week):
        return "spans by day"
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return "table"
    origin, inner = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(describe_type(one) for one in inner if one is not type(None))
    if origin is typing.Annotated:
        bounds = _describe_bounds(inner[1:])
        plain = describe_type(inner[0])
        return f"{plain} {bounds}" if bounds else plain
    if origin is typing.Literal:
        return " ".join(f"`{one}`" for one in inner)
    if origin in (tuple, frozenset, list):
        return f"list: {describe_type(inner[0])}"
    if origin is dict:
        return f"{describe_type(inner[0])}: {describe_type(inner[1])}"
    return "text"


def _describe_bounds(metadata: tuple[Any, ...]) -> str:
    low = high = None
    for one in [part for each in metadata for part in (each.metadata if isinstance(each, FieldInfo) else (each,))]:
        if isinstance(one, StringConstraints) and one.pattern:
            found = str(one.pattern).partition("{")[2].partition("}")[0]
            return f"of {found.replace(',', '–')} digits" if found else ""
        low = _find_bound(one, low, ("ge", "min_length"), "")
        low = _find_bound(one, low, ("gt",), ">")
        high = _find_bound(one, high, ("le", "max_length", "lt"), "")
    if low is None:
        return f"≤{high}" if high is not None else ""
    return f"{low}–{high}" if high is not None else f"≥{low}"


def _find_bound(constraint: Any, found: str | None, names: tuple[str, ...], sign: str) -> str | None:
    for name in names:
        value = getattr(constraint, name, None)
        if isinstance(value, int | float):
            return f"{sign}{value:.10g}"
    return found
