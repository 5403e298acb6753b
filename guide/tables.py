"""Markdown tables and sources for the reference pages."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOT_PRODUCT = ("tests", "guide", "bench", "docs")
"""Folders whose code is not part of a node."""


def write_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown, without bars at its edges. Last columns that are empty are left out."""
    filled = [tuple(row) for row in rows]
    width = max((1 + index for row in filled for index, cell in enumerate(row) if cell), default=len(head))
    lines = [" | ".join(head[:width]), " | ".join("---" for _ in head[:width])]
    lines += [" | ".join(escape_cell(cell) for cell in row[:width]).rstrip() for row in filled]
    return "".join(f"{line}\n" for line in lines)


def escape_cell(text: str) -> str:
    """Return a text on one line, without bars that would end the cell."""
    return " ".join(text.split()).replace("|", "\\|")


def quote_code(value: object) -> str:
    """Return a value as code."""
    return f"`{value}`"


def iterate_product() -> Iterator[tuple[str, ast.Module]]:
    """Yield each product file by its path in the repository, with its syntax tree."""
    for folder in sorted(path for path in ROOT.iterdir() if (path / "__init__.py").exists()):
        if folder.name in NOT_PRODUCT:
            continue
        for path in sorted(folder.rglob("*.py")):
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def read_attribute_texts(model: type) -> dict[str, str]:
    """Return the text below each attribute of a class and its bases, by the attribute's name."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        path = Path(getattr(sys.modules[base.__module__], "__file__", None) or "")
        if ROOT not in path.parents or "site-packages" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        bodies = (node.body for node in tree.body if isinstance(node, ast.ClassDef) and node.name == base.__name__)
        for node, after in pairwise([*next(bodies, []), ast.Pass()]):
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                found.pop(node.target.id, None)
                if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
                    found[node.target.id] = " ".join(str(after.value.value).split())
    return found
