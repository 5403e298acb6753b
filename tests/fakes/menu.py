"""The example of docs/menu.md, read by the centres' own reader: the format and its description cannot drift apart."""

from __future__ import annotations

import re
from pathlib import Path

from centres.document import parse_yaml
from ivr.app import OWN_PROMPTS
from ivr.flow.load import Loaded, load
from ivr.flow.model import Flow

GUIDE = (Path(__file__).parents[2] / "docs" / "menu.md").read_text(encoding="utf-8")
EXAMPLE, CLOSED_EXAMPLE = (part.partition("```")[0] for part in GUIDE.split("```yaml\n")[1:])
TEXTS = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.+) \|$", GUIDE, re.MULTILINE))
SERVICES = ("psikososyal", "uzaktan_egitim", "ihbar_sikayet", "gorus_oneri", "temsilci")
PROMPTS = frozenset(TEXTS) | OWN_PROMPTS


def read(text: str, closed: str | None = None) -> Loaded:
    """Load a text as menu.yaml."""
    parsed = parse_yaml(text, "menu.yaml")
    assert not parsed.problems, parsed.problems
    return load(parsed.data, prompts=PROMPTS, services=SERVICES, closed=closed)


def closing(change: tuple[str, str] = ("", "")) -> Flow:
    """The menu of a centre that closes, changed in one place; its closed entry is `kapali`."""
    loaded = read(CLOSED_EXAMPLE.replace(*change, 1), closed="kapali")
    assert loaded.flow is not None, loaded.problems
    return loaded.flow


def example() -> Flow:
    """The ministry's menu."""
    loaded = read(EXAMPLE)
    assert loaded.flow is not None, loaded.problems
    return loaded.flow
