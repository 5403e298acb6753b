"""Templates are files next to the code that fills them, and an installed Santral has all of them."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

import pytest

pytestmark = pytest.mark.unit

ROOT = Path(__file__).resolve().parents[3]


def test_every_template_is_in_the_wheel() -> None:
    setup = ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    packed = {path for room, globs in setup["options.package_data"].items()
              for glob in globs.replace(",", " ").split() for path in (ROOT / room).glob(glob)}
    templates = {path for folder in ROOT.glob("*/templates") for path in folder.rglob("*") if path.is_file()}
    assert templates and templates <= packed, templates - packed
