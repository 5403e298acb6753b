"""Count the modules of each folder and show the longest functions of the product.

`python -m guide.structure` prints both. `lint-imports` checks which module may import which (see `setup.cfg`).
"""

from __future__ import annotations

import ast
import sys
from collections import Counter
from typing import NamedTuple

from guide.language import ROOT, is_product, list_files

MODULES_MAX = 20
"""Modules in one folder: as many as a reader takes in at a glance."""

SHOWN = 10
"""Longest functions that are printed."""


class Length(NamedTuple):
    """A function with its number of lines."""

    lines: int
    file: str
    line: int
    name: str


def count_modules() -> Counter[str]:
    """Return the number of modules in each folder of the product, without `__init__`."""
    files = [name for name in list_files(".py") if is_product(name) and not name.endswith("/__init__.py")]
    return Counter(name.rpartition("/")[0] for name in files)


def measure_functions() -> list[Length]:
    """Return the functions of the product, the longest first."""
    found = []
    for name in filter(is_product, list_files(".py")):
        for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                found.append(Length((node.end_lineno or node.lineno) - node.lineno + 1, name, node.lineno, node.name))
    return sorted(found, reverse=True)


def print_structure() -> None:
    """Print the modules of each folder and the longest functions."""
    for folder, count in count_modules().most_common():
        sys.stdout.write(f"{count:4} modules  {folder}\n")
    for one in measure_functions()[:SHOWN]:
        sys.stdout.write(f"{one.lines:4} lines    {one.name} ({one.file}:{one.line})\n")


if __name__ == "__main__":
    print_structure()
