"""The ministry's menu fits its services, its prompts and its called number."""

from __future__ import annotations

from pathlib import Path

import pytest

from centres import centre_reader as centres_load
from ivr.flow.field_reader import KnownNames
from ivr.flow.menu_reader import load_menu as load_flow
from prompts.text_reader import first_texts
from tests.ministry import WORDS

pytestmark = pytest.mark.unit

MEB = Path(centres_load.__file__).resolve().parent / "meb"


def test_the_menu_of_the_ministry_is_sound() -> None:
    loaded = centres_load.load_centre(MEB)
    services = [service.id for service in loaded.services]
    found = load_flow(loaded.menu, KnownNames(first_texts(WORDS), services, "kapali"))
    assert found.problems == () and found.flow is not None
    assert loaded.settings is not None and set(loaded.settings.numbers.values()) <= set(found.flow.entries)
    assert loaded.menu is not None
    queues = [node["queue"] for node in loaded.menu["nodes"].values() if "queue" in node]
    assert sorted(queues) == sorted(services), "each service is reached, and only those"


def test_a_mistake_in_the_menu_has_the_line_of_the_document() -> None:
    loaded = centres_load.load_centre(MEB)
    assert loaded.menu is not None
    loaded.menu["nodes"]["psikososyal"]["queue"] = "yok"
    found = load_flow(loaded.menu, KnownNames(first_texts(WORDS), [service.id for service in loaded.services]))
    line = loaded.menu["nodes"]["psikososyal"].lines["queue"]
    assert f"menu.yaml:{line}" in {str(one.where) for one in found.problems}
