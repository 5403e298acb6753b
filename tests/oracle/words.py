"""Requirements in words, read in the plainest way: the text becomes nested lists by precedence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache

SIGNS = {">=", "<=", "==", "!=", ">", "<"}


@cache
def read(text: str) -> tuple:
    """Return a tree of ("or", ...), ("and", ...), ("not", x), ("has", skill), (sign, skill, level)."""
    tokens = re.findall(r">=|<=|==|!=|[<>()]|[\w.-]+", text)
    tree, rest = _either(tokens)
    assert not rest, text
    return tree


def _either(tokens: list[str]) -> tuple[tuple, list[str]]:
    parts = []
    while True:
        part, tokens = _both(tokens)
        parts.append(part)
        if not tokens or tokens[0] not in ("or", "veya"):
            return (parts[0] if len(parts) == 1 else ("or", *parts)), tokens
        tokens = tokens[1:]


def _both(tokens: list[str]) -> tuple[tuple, list[str]]:
    parts = []
    while True:
        part, tokens = _one(tokens)
        parts.append(part)
        if not tokens or tokens[0] not in ("and", "ve"):
            return (parts[0] if len(parts) == 1 else ("and", *parts)), tokens
        tokens = tokens[1:]


def _one(tokens: list[str]) -> tuple[tuple, list[str]]:
    if tokens[0] in ("not", "değil"):
        part, rest = _one(tokens[1:])
        return ("not", part), rest
    if tokens[0] == "(":
        part, rest = _either(tokens[1:])
        assert rest[0] == ")"
        rest = rest[1:]
    elif len(tokens) > 2 and tokens[1] in SIGNS:
        part, rest = (tokens[1], tokens[0], int(tokens[2])), tokens[3:]
    else:
        part, rest = ("has", tokens[0]), tokens[1:]
    if rest and rest[0] in ("not", "değil"):
        part, rest = ("not", part), rest[1:]
    return part, rest


def holds(tree: tuple, skills: Mapping[str, int]) -> bool:
    """Return whether the tree is true for these skills. A comparison with an absent skill is false."""
    kind = tree[0]
    if kind == "or":
        return any(holds(part, skills) for part in tree[1:])
    if kind == "and":
        return all(holds(part, skills) for part in tree[1:])
    if kind == "not":
        return not holds(tree[1], skills)
    if tree[1] not in skills:
        return False
    if kind == "has":
        return True
    has, level = skills[tree[1]], tree[2]
    return {">=": has >= level, "<=": has <= level, "==": has == level, "!=": has != level, ">": has > level,
            "<": has < level}[kind]


def ranks(tree: tuple, skills: Mapping[str, int]) -> int | None:
    """Return the level of the first required skill, in a part that holds."""
    kind = tree[0]
    if kind == "not" or not holds(tree, skills):
        return None
    if kind in ("or", "and"):
        for part in tree[1:]:
            found = ranks(part, skills)
            if found is not None:
                return found
        return None
    return skills[tree[1]] if kind in ("has", ">=", ">", "==") else None


def asks(tree: tuple) -> bool:
    """Return whether the tree has a skill that ranks."""
    return any(map(asks, tree[1:])) if tree[0] in ("or", "and") else tree[0] in ("has", ">=", ">", "==")


def plain_needs(tree: tuple) -> list[tuple[str, int]] | None:
    """Return the tree as a list of skills at levels that must all be there, or None if it says more."""
    if tree[0] == "and":
        found: list[tuple[str, int]] = []
        for part in tree[1:]:
            some = plain_needs(part)
            if some is None:
                return None
            found += some
        return found
    if tree[0] == "has":
        return [(tree[1], 0)]
    return [(tree[1], tree[2])] if tree[0] == ">=" else None
