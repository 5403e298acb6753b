"""Turn a document into checked values, and the errors of pydantic into problems with file, line and a fix."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from centres.base_shapes import PATTERNS, TAGS, Shape
from centres.document_reader import Mapping, Sequence
from centres.problem import Problem

M = TypeVar("M", bound=Shape)
Loc = tuple[int | str, ...]


def suggest_word(word: str, known: Iterable[str]) -> str:
    """Return `Did you mean 'skills'?`, or all known words if none is near."""
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{near[0]}'?"
    return f"Known: {', '.join(known)}." if known else "Remove it."


def locate_in(documents: Iterable[Mapping], loc: Loc) -> str:
    """Return `file:line` of a location.

    Take the first document that has the whole location. Otherwise take the nearest parent of it.
    """
    best, depth = "", -1
    for document in documents:
        at, reached = _walk_to(document, loc)
        if reached > depth:
            best, depth = at, reached
    return best


def _walk_to(node: Any, loc: Loc) -> tuple[str, int]:
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


def validate_value(model: type[M], documents: tuple[Mapping, ...], data: Any, base: Loc = (), *,
                   private: bool = False) -> tuple[M | None, list[Problem]]:
    """Return `data` as a value of `model`, or every problem in it. `base` is the location of `data` in the documents.

    `private`: an unknown word is not repeated, only its line is given. Somebody may have written a reason where a need
    belongs, and problems go to the log and to supervisors.
    """
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        # Input and URL stay out: the input may be private, and the URL explains pydantic, not this file.
        found = [dict(detail) for detail in error.errors(include_input=False, include_url=False)]
        return None, [_to_problem(model, documents, base, detail, private)
                      for detail in found if not _is_consequence(detail, found)]


def _is_consequence(detail: dict[str, Any], found: Iterable[dict[str, Any]]) -> bool:
    """Return whether the error only follows from others: a list is too short because its items are wrong."""
    loc = detail["loc"]
    return detail["type"] == "too_short" and any(
        len(other["loc"]) > len(loc) and other["loc"][:len(loc)] == loc for other in found)


def _to_problem(model: type[Shape], documents: tuple[Mapping, ...], base: Loc, detail: dict[str, Any],
                private: bool) -> Problem:
    # Pydantic adds marks to a location; they are no keys of the file.
    loc: Loc = tuple(part for part in detail["loc"] if part != "[key]" and part not in TAGS)
    at = locate_in(documents, base + loc)
    name = ".".join(str(part) for part in (_of_model(model, loc) if private else loc))
    key = str(loc[-1]) if loc else ""
    # Each kind of error has its own sentence; pydantic's own words come last.
    if detail["type"] == "extra_forbidden":
        return Problem(at, "unknown key" if private else f"unknown key '{key}'",
                       suggest_word(key, _field_names(model, loc[:-1])))
    if detail["type"] == "missing":
        return Problem(at, f"the key '{name}' is missing", "Add it.")
    message = _plain_message(detail)
    # A wrong key of a table must be renamed, while any other error asks for another value.
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
"""Errors of pydantic in plain words. They may hold bounds and known names, never the wrong input."""


def _plain_message(detail: dict[str, Any]) -> str:
    found = detail.get("ctx", {})
    if detail["type"] == "string_pattern_mismatch" and found["pattern"] in PATTERNS:
        return PATTERNS[found["pattern"]]
    if detail["type"] in _WORDS:
        return _WORDS[detail["type"]].format(**found)
    message = str(detail["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _field_names(model: Any, loc: Loc) -> list[str]:
    """Return the names that are allowed at a location of a model."""
    for part in loc:
        model = _annotation_of(model, part)
    found = next((kind for kind in _annotation_kinds(model)
                  if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return list(found.model_fields) if found is not None else []


def _of_model(model: Any, loc: Loc) -> Loc:
    """Return the part of a location that the model itself names."""
    for depth, part in enumerate(loc):
        if isinstance(part, str) and part not in _field_names(model, loc[:depth]):
            return loc[:depth]
    return loc


def _annotation_kinds(annotation: Any) -> list[Any]:
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _annotation_kinds(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        return [kind for one in typing.get_args(annotation) for kind in _annotation_kinds(one)]
    return [annotation]


def _annotation_of(annotation: Any, part: int | str) -> Any:
    for kind in _annotation_kinds(annotation):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            field = kind.model_fields.get(str(part))
            return field.annotation if field is not None else None
        if typing.get_origin(kind) in (tuple, list):
            return typing.get_args(kind)[0]
        if typing.get_origin(kind) is dict:
            return typing.get_args(kind)[1]
    return None
