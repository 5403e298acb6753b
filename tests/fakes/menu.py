"""The ministry's menu and the examples of docs/centre/menu.md, read by the centres' own reader: the format and its
description cannot drift apart."""

from __future__ import annotations

import re
from pathlib import Path

from centres.document import parse_yaml
from ivr.flow.fields import Names
from ivr.flow.hear import Voice
from ivr.flow.load import Loaded, load
from ivr.flow.model import Flow
from prompts.catalogue import texts
from prompts.lengths import Lengths

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "centres" / "meb" / "menu.yaml").read_text(encoding="utf-8")
BARE_EXAMPLE = re.sub(r"(?m)^    sms: .*\n", "", EXAMPLE)
"""The same without short messages: each leaf is two lines."""
GUIDE = (ROOT / "docs" / "centre" / "menu.md").read_text(encoding="utf-8")
RICH_EXAMPLE, CLOSED_EXAMPLE = (part.partition("```")[0] for part in GUIDE.split("```yaml\n")[1:])
TEXTS = {key: prompt.text for key, prompt in texts().items()}
SERVICES = ("psikososyal", "uzaktan_egitim", "ihbar_sikayet", "gorus_oneri", "temsilci")
SKILLS = (*SERVICES, "en")
LENGTHS = Lengths.of()
PROMPTS = LENGTHS.keys


def read(text: str, closed: str | None = "kapali", voice: Voice | None = None) -> Loaded:
    """Load a text as menu.yaml."""
    parsed = parse_yaml(text, "menu.yaml")
    assert not parsed.problems, parsed.problems
    return load(parsed.data, Names(PROMPTS, SERVICES, closed, {"psikososyal"}, {"psikososyal", "ihbar_sikayet"},
                                   {"alo183"}, SKILLS), voice)


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


def rich() -> Flow:
    """The menu that has everything."""
    loaded = read(RICH_EXAMPLE)
    assert loaded.flow is not None, loaded.problems
    return loaded.flow
