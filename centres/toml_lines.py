"""Lines of the keys of a TOML text that tomllib has already accepted (tomllib itself keeps no positions).

A scanner, not a second parser: it only has to tell where statements begin and to skip values.
"""

from __future__ import annotations

from collections.abc import Iterator

Path = tuple[str | int, ...]

_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def key_lines(text: str) -> dict[Path, int]:
    """Line (from 1) of every table and key. What stands inside an inline table or array has its statement's line."""
    lines: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    table: Path = ()
    for line, kind, keys in _statements(text):
        if kind == "key":
            _note(lines, table, keys, line)
            continue
        table = _place(lines, keys[:-1], counts, line)
        _note(lines, table, keys[-1:], line)
        table = (*table, keys[-1])
        if kind == "tables":
            counts[table] = counts.get(table, -1) + 1
            table = (*table, counts[table])
            lines[table] = line
    return lines


def _place(lines: dict[Path, int], keys: list[str], counts: dict[Path, int], line: int) -> Path:
    """A header's path; a part that names an array of tables means its newest table."""
    base: Path = ()
    for key in keys:
        base = (*base, key)
        lines.setdefault(base, line)
        if base in counts:
            base = (*base, counts[base])
    return base


def _note(lines: dict[Path, int], base: Path, keys: list[str], line: int) -> None:
    for key in keys:
        base = (*base, key)
        lines.setdefault(base, line)


def _statements(text: str) -> Iterator[tuple[int, str, list[str]]]:
    at, line, end = 0, 1, len(text)
    while at < end:
        char = text[at]
        if char == "\n":
            at, line = at + 1, line + 1
        elif char in " \t\r":
            at += 1
        elif char == "#":
            at = _line_end(text, at)
        elif char == "[":
            kind = "tables" if text.startswith("[[", at) else "table"
            keys, at = _keys(text, at + (2 if kind == "tables" else 1))
            yield line, kind, keys
            at = _line_end(text, at)
        else:
            keys, at = _keys(text, at)
            yield line, "key", keys
            after = _skip_value(text, at)
            line, at = line + text.count("\n", at, after), after


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _keys(text: str, at: int) -> tuple[list[str], int]:
    """The dotted key at `at`, and the place behind it."""
    keys: list[str] = []
    while at < len(text):
        char = text[at]
        if char in "\"'":
            after = _skip_string(text, at)
            keys.append(text[at + 1:after - 1])
            at = after
        elif char in _BARE:
            start = at
            while at < len(text) and text[at] in _BARE:
                at += 1
            keys.append(text[start:at])
        elif char in " \t.":
            at += 1
        else:
            break
    return keys, at


def _skip_string(text: str, at: int) -> int:
    quote = text[at]
    fence = quote * 3 if text.startswith(quote * 3, at) else quote
    at += len(fence)
    while at < len(text):
        if text[at] == "\\" and quote == '"':
            at += 2
        elif text.startswith(fence, at):
            at += len(fence)
            while len(fence) == 3 and at < len(text) and text[at] == quote:  # up to two quotes may precede the fence
                at += 1
            return at
        else:
            at += 1
    return at


def _skip_value(text: str, at: int) -> int:
    """Behind the value that follows: the end of its line, or of the line its last bracket closes on."""
    depth = 0
    while at < len(text):
        char = text[at]
        if char in "\"'":
            at = _skip_string(text, at)
        elif char == "#":
            at = _line_end(text, at)
        elif char == "\n" and depth == 0:
            return at
        else:
            depth += (char in "[{") - (char in "]}")
            at += 1
    return at
