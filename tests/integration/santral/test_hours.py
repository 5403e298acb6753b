"""The dialogues of a centre's files ask the hours of that centre, by the clock on its wall."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from santral.centre.config import node_config
from santral.node.centre_calendar import CentreCalendar, Closing
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.integration.ivr_node import Start
from tests.ministry import MEB, copied, edit

pytestmark = pytest.mark.integration

HOURS = 'monday = ["09:00-12:00", "13:00-17:00"]'
CLOSED, OPEN = ["karsilama", "ana-menu-1", "merkez-kapali"], ["karsilama", "ana-menu-1", "ana-menu-2"]
"""The first sounds of callers: the way to distress, before the sentence that the line is closed."""


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    folder = copied(tmp_path)
    edit(folder, "santral.toml", "always = true", HOURS)
    edit(folder, "santral.toml", '"127.0.0.1:4573"\n', '"127.0.0.1:0"\n')
    return folder


@pytest.mark.parametrize(("local", "heard"), [
    ("2026-11-23T08:59:59", CLOSED), ("2026-11-23T09:00:00", OPEN), ("2026-11-23T12:30:00", CLOSED),
    ("2026-11-23T16:59:59", OPEN), ("2026-11-24T10:00:00", CLOSED)])
async def test_a_call_hears_what_the_hour_says(start: Start, centre: Path, local: str, heard: list[str]) -> None:
    dialler = await call(start, centre, local, "1")
    assert dialler.played[:3] == heard
    assert dialler.variables["ACD_NEXT"] == "hold" and dialler.variables["SC_SERVICE"] == "psikososyal"


async def test_a_line_that_is_closed_at_once_says_so_and_answers_distress(start: Start) -> None:
    """`santral announce on --close` in the ministry's own centre, which is open at all hours: who presses nothing is
    led to a counsellor too, after the whole menu."""
    closed = Closing("", 0.0, None)
    for key in ("1", ""):
        dialler = await call(start, MEB, "2026-11-24T10:00:00", key, closed)
        assert dialler.variables["ACD_NEXT"] == "hold" and dialler.variables["SC_SERVICE"] == "psikososyal"
    assert dialler.played[:4] == [*CLOSED, "tus-bilgisi"]
    assert (await call(start, MEB, "2026-11-24T10:00:00", "1")).played[:3] == OPEN


async def call(start: Start, centre: Path, local: str, key: str, *closings: Closing) -> Dialler:
    """A call at this time, by the clock of the centre, of somebody who presses the key after the first option."""
    at = datetime.fromisoformat(local + "+03:00").timestamp()
    config = node_config(centre)
    inbox = FakeInbox(contact_view(UNIQUEID))
    calendar = CentreCalendar(config, inbox.post, lambda: at, lambda: closings)
    port = await start(inbox, config.flow, config.ivr_settings("one"), services=config.centre.services,
                       entry_now=calendar.entry_in_force)
    return await Dialler(port, "menu", "ana", by_file=dict.fromkeys((CLOSED[-1], OPEN[-1]), key) if key else {}).call()
