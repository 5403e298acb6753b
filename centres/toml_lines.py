"""Find the lines of keys in a TOML text that tomllib has accepted, because tomllib keeps no positions.

This is a scanner, not a second parser: it finds where statements begin and skips values.
"""

from __future__ import annotations

from collections.abc import Iterator

Path = tuple[str | int, ...]

_BARE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-")


def key_lines(text: str) -> dict[Path, int]:
    """Return the line (from 1) of every table and key. Keys inside an inline table or array have no entry of their
    own."""
    lines: dict[Path, int] = {(): 1}
    counts: dict[Path, int] = {}
    table: Path = ()
    # 1. A plain key belongs to the table that was opened last.
    for line, kind, keys in _scan_statements(text):
        if kind == "key":
            _note_line(lines, table, keys, line)
            continue
        # 2. A header opens a table. Its last part is new; the parts before it may exist.
        table = _table_path(lines, keys[:-1], counts, line)
        _note_line(lines, table, keys[-1:], line)
        table = (*table, keys[-1])
        # 3. `[[name]]` opens the next table of an array, numbered from 0.
        if kind == "tables":
            counts[table] = counts.get(table, -1) + 1
            table = (*table, counts[table])
            lines[table] = line
    return lines


def _table_path(lines: dict[Path, int], keys: list[str], counts: dict[Path, int], line: int) -> Path:
    """Return the path of a header. A part that names an array of tables means its newest table."""
    base: Path = ()
    for key in keys:
        base = (*base, key)
        lines.setdefault(base, line)
        if base in counts:
            base = (*base, counts[base])
    return base


def _note_line(lines: dict[Path, int], base: Path, keys: list[str], line: int) -> None:
    for key in keys:
        base = (*base, key)
        lines.setdefault(base, line)


def _scan_statements(text: str) -> Iterator[tuple[int, str, list[str]]]:
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
            # `[` begins a header only here; inside a value it was skipped with the value.
            kind = "tables" if text.startswith("[[", at) else "table"
            keys, at = _read_keys(text, at + (2 if kind == "tables" else 1))
            yield line, kind, keys
            at = _line_end(text, at)
        else:
            keys, at = _read_keys(text, at)
            # The line is counted on after the value, because a value may span lines.
            yield line, "key", keys
            after = _skip_value(text, at)
            line, at = line + text.count("\n", at, after), after


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found


def _read_keys(text: str, at: int) -> tuple[list[str], int]:
    """Return the dotted key at `at`, and the position after it."""
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
        # Only strings in double quotes know a backslash escape.
        if text[at] == "\\" and quote == '"':
            at += 2
        elif text.startswith(fence, at):
            at += len(fence)
            # Up to two quotes may precede the fence of a long string.
            while len(fence) == 3 and at < len(text) and text[at] == quote:
                at += 1
            return at
        else:
            at += 1
    return at


def _skip_value(text: str, at: int) -> int:
    """Return the position after the value: the end of its line, or of the line on which its last bracket closes."""
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
