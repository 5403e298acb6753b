"""docs/centre/centre.md names every key of a centre's files, with the default and the bounds that hold."""

from __future__ import annotations

import re
import typing
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic.fields import FieldInfo

from centres.model import Shape
from centres.services import Service, Step, Waiting
from centres.settings import Settings
from centres.team import Accommodation, Agent
from routing.core.model import Profile

pytestmark = pytest.mark.unit

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "centre" / "centre.md").read_text(encoding="utf-8")
FREE = {"numbers", "transfer"}
"""Tables of santral.toml whose keys are the centre's own."""
PATH_MAX = 4096.0
LISTS: dict[str, type[Shape]] = {
    "services": Service, "steps": Step, "waiting": Waiting, "agents": Agent, "accommodations": Accommodation}


class Row(NamedTuple):
    kind: str
    default: str
    bounds: str
    meaning: str


def sections() -> dict[str, dict[str, Row]]:
    """Heading -> key -> the rest of its row."""
    found: dict[str, dict[str, Row]] = {}
    for part in re.split(r"^### ", GUIDE, flags=re.MULTILINE)[1:]:
        rows = re.findall(r"^\| `([a-z0-9_]+)` \| (.*?) \| (.*?) \| ?(.*?) \| (.*?) \|$", part, re.MULTILINE)
        found[part.partition("\n")[0].strip("`[]")] = {key: Row(*rest) for key, *rest in rows}
        assert len(rows) == len(re.findall(r"^\| `", part, re.MULTILINE)), f"a row of {part[:30]!r} has other columns"
    return found


def shapes(model: type[Shape], prefix: str = "") -> dict[str, type[Shape]]:
    """Every table of santral.toml by its dotted name."""
    found: dict[str, type[Shape]] = {}
    for name, field in model.model_fields.items():
        for kind in (field.annotation, *typing.get_args(field.annotation)):
            if isinstance(kind, type) and issubclass(kind, Shape):
                found |= {prefix + name: kind, **shapes(kind, f"{prefix}{name}.")}
    return found


TABLES = shapes(Settings) | LISTS


def shown(value: Any) -> str:
    """A default as the page writes it."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, float):
        return f"`{value:g}`"
    if isinstance(value, Enum):
        return f"`{value.value}`"
    if isinstance(value, Shape):
        return "see below"
    if isinstance(value, frozenset):
        return f"`[{', '.join(sorted(str(one) for one in value))}]`"
    if isinstance(value, dict):
        return f"`{{{', '.join(f'{key}: {one}' for key, one in value.items())}}}`"
    if isinstance(value, tuple):
        return f"`[{', '.join(f'{chr(34)}{one}{chr(34)}' for one in value)}]`"
    return f"`{value}`"


def numbers_in(annotation: Any, metadata: typing.Iterable[Any] = ()) -> set[float]:
    """Every bound of a field, however deep it stands in it; not that a text has a certain form."""
    found: set[float] = set()
    for one in metadata:
        if isinstance(one, FieldInfo):
            found |= numbers_in(None, one.metadata)
        for name in ("ge", "gt", "le", "lt", "min_length", "max_length"):
            value = getattr(one, name, None)
            if isinstance(value, int | float):
                found.add(float(value))
    if typing.get_origin(annotation) is typing.Annotated:
        inner, *more = typing.get_args(annotation)
        return found | numbers_in(inner, more)
    if typing.get_origin(annotation) is typing.Literal:
        return found | {float(one) for one in typing.get_args(annotation) if isinstance(one, int)}
    for part in typing.get_args(annotation):
        found |= numbers_in(part)
    return found


def test_every_table_and_list_has_its_section_and_no_other() -> None:
    assert "trunk.registration" in TABLES
    assert set(sections()) == set(TABLES) | FREE | {"Who may read it"}
    assert set(Settings.model_fields) <= set(TABLES) | FREE


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_key_is_there_with_its_default(name: str) -> None:
    rows, fields = sections()[name], TABLES[name].model_fields
    assert list(rows) == list(fields)
    everybody = Profile()._asdict() | Profile().comfort._asdict() | {
        "max_concurrency": dict(Profile().max_concurrency), "pre_connect_mode": Profile().pre_connect}
    for key, field in fields.items():
        default = "needed" if field.is_required() else shown(field.default)
        if name == "accommodations" and key in everybody:
            default = shown(everybody[key])
        assert rows[key].default == default, f"{name}.{key}"
        assert rows[key].kind and rows[key].meaning, f"{name}.{key}"


@pytest.mark.parametrize("name", sorted(TABLES))
def test_every_bound_is_there(name: str) -> None:
    for key, row in sections()[name].items():
        field = TABLES[name].model_fields[key]
        wanted = numbers_in(field.annotation, field.metadata)
        if PATH_MAX in wanted:  # a path or an address of a store: its length bounds nobody
            wanted = set()
        told = {float(one) for one in re.findall(r"-?\d+(?:\.\d+)?", row.bounds)}
        if key == "number":
            assert told == {3.0, 8.0} and r"{3,8}" in str(field.metadata)
        else:
            assert told == wanted, f"{name}.{key}"
