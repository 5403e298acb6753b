"""Read the ministry's menu and the examples of docs/centre as a centre's reader does. A page cannot drift from it."""

from __future__ import annotations

import re
from pathlib import Path

from centres.document_reader import parse_yaml
from ivr.flow.field_reader import KnownNames
from ivr.flow.menu_model import MenuFlow
from ivr.flow.menu_reader import LoadedMenu, load_menu
from ivr.flow.sound_checks import PromptVoice
from prompts.prompt_lengths import PromptLengths
from prompts.text_reader import first_texts
from tests.ministry import WORDS

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "centres" / "meb" / "menu.yaml").read_text(encoding="utf-8")
BARE_EXAMPLE = re.sub(r"(?m)^    sms: .*\n", "", EXAMPLE)
"""The same without short messages: each leaf is two lines."""
GUIDE = (ROOT / "docs" / "centre" / "menu.md").read_text(encoding="utf-8")
RICH_EXAMPLE = (ROOT / "docs" / "centre" / "menu-example.yaml").read_text(encoding="utf-8")
[CLOSED_EXAMPLE] = (part.partition("```")[0] for part in GUIDE.split("```yaml\n")[1:])
TEXTS = {key: prompt.text for key, prompt in first_texts(WORDS).items()}
SERVICES = ("psikososyal", "uzaktan_egitim", "ihbar_sikayet", "gorus_oneri", "temsilci")
SKILLS = (*SERVICES, "en")
LENGTHS = PromptLengths.of_folders(words=WORDS)
PROMPTS = LENGTHS.keys


def read(text: str, closed: str | None = "kapali", voice: PromptVoice | None = None) -> LoadedMenu:
    """Load a text as menu.yaml."""
    parsed = parse_yaml(text, "menu.yaml")
    assert not parsed.problems, parsed.problems
    return load_menu(parsed.data, KnownNames(PROMPTS, SERVICES, closed, {"psikososyal"},
        {"psikososyal", "ihbar_sikayet"},
                                   {"alo183"}, SKILLS), voice)


def closing(change: tuple[str, str] = ("", "")) -> MenuFlow:
    """The menu of a centre that closes, changed in one place; its closed entry is `kapali`."""
    loaded = read(CLOSED_EXAMPLE.replace(*change, 1), closed="kapali")
    assert loaded.flow is not None, loaded.problems
    return loaded.flow


def example() -> MenuFlow:
    """The ministry's menu."""
    loaded = read(EXAMPLE)
    assert loaded.flow is not None, loaded.problems
    return loaded.flow


def rich() -> MenuFlow:
    """The menu that has everything."""
    loaded = read(RICH_EXAMPLE)
    assert loaded.flow is not None, loaded.problems
    return loaded.flow
