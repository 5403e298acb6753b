"""A node put together from a centre's files asks the hours of that centre, by the clock on its wall."""

from __future__ import annotations

import asyncio
import shutil
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ivr.app import OWN_PROMPTS
from ivr.sounds import Folder
from routing.store.numbers import NumberKeys
from santral import app
from santral.calendar import Calendar
from santral.config import node_config
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view

pytestmark = pytest.mark.integration

MEB = Path(__file__).resolve().parents[2] / "centres" / "meb"
HOURS = 'closed = "kapali"\nmonday = ["09:00-12:00", "13:00-17:00"]'
CLOSED = """  kapali:
    intro: [karsilama, merkez-kapali]
    options:
      - {key: 1, say: ana-menu-1, confirm: secildi-psikososyal, then: psikososyal}
    after_failures: psikososyal
"""


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    folder = tmp_path / "centre"
    shutil.copytree(MEB, folder)
    for name, old, new in (("santral.toml", "always = true", HOURS),
                           ("santral.toml", '"127.0.0.1:4573"\n', '"127.0.0.1:0"\n'),
                           ("menu.yaml", "entries:\n", "entries:\n  kapali: kapali\n"),
                           ("menu.yaml", "nodes:\n", "nodes:\n" + CLOSED)):
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    return folder


@pytest.mark.parametrize(("local", "heard"), [
    ("2026-11-23T08:59:59", "merkez-kapali"), ("2026-11-23T09:00:00", "kayit-bilgisi"),
    ("2026-11-23T12:30:00", "merkez-kapali"), ("2026-11-23T16:59:59", "kayit-bilgisi"),
    ("2026-11-24T10:00:00", "merkez-kapali")])
async def test_a_call_hears_what_the_hour_says(centre: Path, tmp_path: Path, local: str, heard: str) -> None:
    at = datetime.fromisoformat(local + "+03:00").timestamp()
    config = node_config(centre)
    node = app.Node(config, tmp_path / "state")
    node._talks = cast(Any, SimpleNamespace(vault=SimpleNamespace(spool=tmp_path, keep=None)))
    sounds = Folder("/sounds", OWN_PROMPTS | config.flow.prompts())
    inbox = FakeInbox(contact_view(UNIQUEID))
    calendar = Calendar(config, inbox.post, lambda: at)
    numbers = NumberKeys.load_or_create(tmp_path / "numbers.json")
    server = node._dialogues(cast(Any, inbox), cast(Any, sounds), numbers, calendar,
                              cast(Any, SimpleNamespace(spoken=tuple))).server
    running = asyncio.create_task(server.run())
    await server.listening()
    dialler = await Dialler(server.address[1], "menu", "ana", by_file={"ana-menu-1": "1"}).call()
    server.stop()
    await running
    assert dialler.played[:2] == ["karsilama", heard]
    assert dialler.variables["ACD_NEXT"] == "hold" and dialler.variables["SC_SERVICE"] == "psikososyal"
