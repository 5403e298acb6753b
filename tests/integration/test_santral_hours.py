"""The dialogues of a centre's files ask the hours of that centre, by the clock on its wall."""

from __future__ import annotations

import asyncio
import shutil
from datetime import datetime
from pathlib import Path

import pytest

from ivr.app import OWN_PROMPTS, Dialogues
from ivr.sounds import Folder
from routing.core.ids import AgentId
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


async def nobody(agent: AgentId, pin: str) -> bool:
    return False


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
async def test_a_call_hears_what_the_hour_says(centre: Path, local: str, heard: str) -> None:
    at = datetime.fromisoformat(local + "+03:00").timestamp()
    config = node_config(centre)
    inbox = FakeInbox(contact_view(UNIQUEID))
    calendar = Calendar(config, inbox.post, lambda: at)
    server = Dialogues(inbox, config.flow, Folder("/sounds", OWN_PROMPTS | config.flow.prompts()), config.ivr("one"),
                       seal=lambda number: ("", ""), verify_pin=nobody, agent_by_number=lambda number: None,
                       services=config.centre.services, port=0, entry_now=calendar.entry).server
    running = asyncio.create_task(server.run())
    await server.listening()
    dialler = await Dialler(server.address[1], "menu", "ana", by_file={"ana-menu-1": "1"}).call()
    server.stop()
    await running
    assert dialler.played[:2] == ["karsilama", heard]
    assert dialler.variables["ACD_NEXT"] == "hold" and dialler.variables["SC_SERVICE"] == "psikososyal"
