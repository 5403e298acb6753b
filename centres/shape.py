"""From a document to checked values: what pydantic finds, told as problems with file, line and a way to mend it."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from centres.document import Mapping, Sequence
from centres.model import PATTERNS, TAGS, Shape
from centres.problem import Problem

M = TypeVar("M", bound=Shape)
Loc = tuple[int | str, ...]


def guess(word: str, known: Iterable[str]) -> str:
    """`Did you mean 'skills'?`, or all known words when none is near."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Known: {', '.join(known)}." if known else "Take it out."


def where(documents: Iterable[Mapping], loc: Loc) -> str:
    """`file:line` of a place; the first document that has all of it, else where its nearest parent stands."""
    best, depth = "", -1
    for document in documents:
        at, reached = _walk(document, loc)
        if reached > depth:
            best, depth = at, reached
    return best


def _walk(node: Any, loc: Loc) -> tuple[str, int]:
    line, file, reached = node.line, node.file, 0
    for part in loc:
        if isinstance(node, Mapping) and part in node:
            line = node.lines[str(part)]
            node = node[str(part)]
        elif isinstance(node, Sequence) and isinstance(part, int) and part < len(node):
            line, node = node.lines[part], node[part]
        else:
            break
        reached += 1
    return f"{file}:{line}", reached


def validate(model: type[M], documents: tuple[Mapping, ...], data: Any, base: Loc = (), *,
             private: bool = False) -> tuple[M | None, list[Problem]]:
    """`data` as a value of `model`, or every problem in it. `base` is the place of `data` inside the documents.
    `private`: a word that the model does not know is not repeated, its line says where it stands: somebody may have
    written a reason where only a need belongs, and problems go into the log and to supervisors."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        found = [dict(detail) for detail in error.errors(include_input=False, include_url=False)]
        return None, [_problem(model, documents, base, detail, private)
                      for detail in found if not _follows(detail, found)]


def _follows(detail: dict[str, Any], found: Iterable[dict[str, Any]]) -> bool:
    """A list that is too short because its items were not understood: they are told of."""
    loc = detail["loc"]
    return detail["type"] == "too_short" and any(
        len(other["loc"]) > len(loc) and other["loc"][:len(loc)] == loc for other in found)


def _problem(model: type[Shape], documents: tuple[Mapping, ...], base: Loc, detail: dict[str, Any],
             private: bool) -> Problem:
    loc: Loc = tuple(part for part in detail["loc"] if part != "[key]" and part not in TAGS)
    at = where(documents, base + loc)
    name = ".".join(str(part) for part in (_of_model(model, loc) if private else loc))
    key = str(loc[-1]) if loc else ""
    if detail["type"] == "extra_forbidden":
        return Problem(at, "unknown key" if private else f"unknown key '{key}'", guess(key, _fields(model, loc[:-1])))
    if detail["type"] == "missing":
        return Problem(at, f"the key '{name}' is missing", "Add it.")
    message = _plain(detail)
    if "[key]" in detail["loc"]:
        return Problem(at, f"{f'a key in {name!r}' if private else f'the key {key!r}'} cannot be used: {message}",
                       "Rename it.")
    return Problem(at, f"'{name}' {message}" if name else message, "Change the value.")


_WORDS = {
    "greater_than": "should be above {gt:g}", "greater_than_equal": "should be at least {ge:g}",
    "less_than": "should be below {lt:g}", "less_than_equal": "should be at most {le:g}",
    "int_type": "should be a whole number", "int_parsing": "should be a whole number",
    "int_from_float": "should be a whole number", "float_type": "should be a number",
    "float_parsing": "should be a number", "bool_type": "should be true or false",
    "bool_parsing": "should be true or false", "string_type": "should be a text, in quotes where it is a number",
    "string_too_short": "should not be empty", "string_too_long": "should have at most {max_length} letters",
    "too_short": "should have at least {min_length} of them", "too_long": "should have at most {max_length} of them",
    "dict_type": "should be a table of keys and values", "model_type": "should be a table of keys and values",
    "tuple_type": "should be a list", "list_type": "should be a list", "frozen_set_type": "should be a list",
    "date_type": "should be a date, such as 2026-03-31", "date_parsing": "should be a date, such as 2026-03-31",
    "date_from_datetime_parsing": "should be a date, such as 2026-03-31",
    "date_from_datetime_inexact": "should be a date without a time, such as 2026-03-31",
    "datetime_type": "should be a date and a time, such as 2026-12-31T12:00",
    "datetime_parsing": "should be a date and a time, such as 2026-12-31T12:00",
    "datetime_from_date_parsing": "should be a date and a time, such as 2026-12-31T12:00",
    "literal_error": "should be {expected}",
}
"""What pydantic finds, in words for people. Bounds and names that may stand there; never what stands there."""


def _plain(detail: dict[str, Any]) -> str:
    found = detail.get("ctx", {})
    if detail["type"] == "string_pattern_mismatch" and found["pattern"] in PATTERNS:
        return PATTERNS[found["pattern"]]
    if detail["type"] in _WORDS:
        return _WORDS[detail["type"]].format(**found)
    message = str(detail["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _fields(model: Any, loc: Loc) -> list[str]:
    """Names that may stand at a place of a model."""
    for part in loc:
        model = _step(model, part)
    found = next((kind for kind in _kinds(model) if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return list(found.model_fields) if found is not None else []


def _of_model(model: Any, loc: Loc) -> Loc:
    """As much of a place as the model itself names."""
    for depth, part in enumerate(loc):
        if isinstance(part, str) and part not in _fields(model, loc[:depth]):
            return loc[:depth]
    return loc


def _kinds(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _kinds(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [kind for one in typing.get_args(annotation) for kind in _kinds(one)]
    return [annotation]


def _step(annotation: Any, part: int | str) -> Any:
    for kind in _kinds(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            return field.annotation if field is not None else None
        if typing.get_origin(kind) in (tuple, list):
            return typing.get_args(kind)[0]
        if typing.get_origin(kind) is dict:
            return typing.get_args(kind)[1]
    return None
