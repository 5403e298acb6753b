"""From a document to checked values: what pydantic finds, told as problems with file, line and a way to mend it."""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from centres.document import Mapping, Sequence
from centres.model import Shape
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


def validate(model: type[M], documents: tuple[Mapping, ...], data: Any,
             base: Loc = ()) -> tuple[M | None, list[Problem]]:
    """`data` as a value of `model`, or every problem in it. `base` is the place of `data` inside the documents."""
    try:
        return model.model_validate(data), []
    except ValidationError as error:
        return None, [_problem(model, documents, base, dict(detail)) for detail in
                      error.errors(include_input=False, include_context=False, include_url=False)]


def _problem(model: type[Shape], documents: tuple[Mapping, ...], base: Loc, detail: dict[str, Any]) -> Problem:
    loc: Loc = tuple(part for part in detail["loc"] if part != "[key]")
    at = where(documents, base + loc)
    name = ".".join(str(part) for part in loc)
    key = str(loc[-1]) if loc else ""
    if detail["type"] == "extra_forbidden":
        return Problem(at, f"unknown key '{key}'", guess(key, _fields(model, loc[:-1])))
    if detail["type"] == "missing":
        return Problem(at, f"the key '{name}' is missing", "Add it.")
    message = detail["msg"].removeprefix("Value error, ")
    message = message[:1].lower() + message[1:]
    if "[key]" in detail["loc"]:
        return Problem(at, f"the key '{key}' cannot be used: {message}", "Rename it.")
    return Problem(at, f"'{name}' {message}" if name else message, "Change the value.")


def _fields(model: Any, loc: Loc) -> list[str]:
    """Names that may stand at a place of a model."""
    for part in loc:
        model = _step(model, part)
    found = next((kind for kind in _kinds(model) if isinstance(kind, type) and issubclass(kind, BaseModel)), None)
    return list(found.model_fields) if found is not None else []


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
