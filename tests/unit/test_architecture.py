"""The house: which room may import which. The table is the one of ARCHITECTURE.md; a broken row fails here."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("santral", "ivr", "routing", "prompts", "asterisk_conf", "metrics", "desk", "centres", "lab", "planning",
         "drawing")

# room -> the prefixes of ours that it may import beside itself. The longest matching room rules.
ALLOWED: dict[str, tuple[str, ...]] = {
    "santral": ROOMS,
    "ivr.agi": (),
    "ivr.flow": ("prompts",),
    "ivr": ("ivr", "routing.core", "prompts"),
    "routing.core": (),
    "routing.ami": ("routing.core",),
    "routing.store": ("routing.core",),
    "routing": ("routing",),
    "prompts": (),
    "asterisk_conf": (),
    "metrics": ("routing.core", "routing.store", "drawing"),
    "drawing": (),
    "desk": ("routing.core", "routing.store"),
    "planning": ("routing.core", "drawing"),
    "centres": (),
    "lab": tuple(room for room in ROOMS if room != "santral"),
}

# What the engine may not touch: it is pure (no I/O, no clock, no randomness of its own).
CORE_FORBIDDEN = {"asyncio", "socket", "time", "datetime", "random", "os", "pathlib", "io", "logging", "structlog",
                  "threading", "subprocess", "sqlite3", "sqlalchemy", "panoramisk", "aiohttp", "secrets", "uuid"}
# The codecs are pure too.
CODECS = ("ivr/agi/wire.py", "routing/ami/wire.py", "ivr/flow/machine.py", "ivr/flow/keying.py", "ivr/flow/refusal.py",
          "ivr/flow/steps.py")
CODEC_FORBIDDEN = CORE_FORBIDDEN - {"io"}


def room_of(module: str) -> str:
    fitting = [room for room in ALLOWED if module == room or module.startswith(room + ".")]
    return max(fitting, key=len)


def imports(path: Path) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            name = ".".join([*base, node.module] if node.module else base)
            found += [(node.lineno, f"{name}.{alias.name}") for alias in node.names]
    return found


def modules() -> list[Path]:
    return sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def test_imports_follow_the_house() -> None:
    broken = []
    for path in modules():
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        room = room_of(module)
        for line, name in imports(path):
            if name.split(".")[0] not in ROOMS:
                continue
            target = room_of(name)
            if target == room or any(target == ok or target.startswith(ok + ".") for ok in ALLOWED[room]):
                continue
            broken.append(f"{path.relative_to(ROOT)}:{line}: {room} may not import {name}")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("path", sorted((ROOT / "routing" / "core").rglob("*.py")), ids=lambda p: p.name)
def test_the_engine_is_pure(path: Path) -> None:
    touched = {name.split(".")[0] for _, name in imports(path)} & CORE_FORBIDDEN
    assert not touched, f"{path.name} imports {sorted(touched)}"


@pytest.mark.parametrize("name", CODECS)
def test_codecs_do_no_io(name: str) -> None:
    path = ROOT / name
    if not path.exists():
        pytest.fail(f"{name} is gone: the codec has moved, mend this list")
    touched = {found.split(".")[0] for _, found in imports(path)} & CODEC_FORBIDDEN
    assert not touched, f"{name} imports {sorted(touched)}"


def test_every_top_level_folder_is_in_the_house() -> None:
    made = {line.strip("/") for line in (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()}
    known = {*ROOMS, "guide", "tests", "docs", *made}  # what commands leave behind is no room
    found = {path.name for path in ROOT.iterdir()
             if path.is_dir() and not path.name.startswith(".") and not path.name.endswith(".egg-info")}
    assert found <= known, f"a new folder needs a sentence in ARCHITECTURE.md and a row here: {sorted(found - known)}"


def test_every_test_has_exactly_one_tier() -> None:
    tiers = {"unit", "property", "contract", "integration", "system"}
    wrong = []
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        marks = [tier for tier in tiers if f"pytestmark = pytest.mark.{tier}" in path.read_text(encoding="utf-8")
                 or f"pytestmark = [pytest.mark.{tier}" in path.read_text(encoding="utf-8")]
        if marks != [path.relative_to(ROOT / "tests").parts[0]]:
            wrong.append(f"{path.relative_to(ROOT)}: {marks}")
    assert not wrong, "\n".join(wrong)


def test_a_starting_node_waits_for_no_arrays() -> None:
    """After a crash each import is time in which nobody is routed; numpy alone takes 0.1 s."""
    said = subprocess.run([sys.executable, "-c", "import santral.cli, sys; print('numpy' in sys.modules)"],
                          capture_output=True, text=True, check=True, timeout=60.0)
    assert said.stdout == "False\n"
