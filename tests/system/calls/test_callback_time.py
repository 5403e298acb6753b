"""A caller chooses the time of a callback by key, with real phones and by ear, and moves it in a later call."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from lab import lifecycle
from lab.people.agent import ask_node
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from tests.system import ended
from tests.system.calls.test_callback import AGENT_TONE, CALLBACK, LIMIT_S, Callers, centre_of, hears_tone
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICE, KEY = "uzaktan_egitim", "2"
MINE, HURRIED = "05381000001", "05381000002"
PARTS = {9: "geri-arama-sabah", 12: "geri-arama-ogle", 17: "geri-arama-aksam"}
"""Hours at which the parts of a day begin, by default."""
RUNS_S = 300.0


@pytest.fixture(scope="module")
def lab(asterisk_tree: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lifecycle.LabInfo]:
    """Start a lab without quiet hours, whose services are open day and night."""
    folder = tmp_path_factory.mktemp("time")
    info = lifecycle.start_lab(centre_of(folder), folder / "lab", extra=(
        '[callback]\nquiet_from = "00:00"\nquiet_to = "00:00"\n[profile]\nwrapup_s = 0\n'))
    try:
        yield info
    finally:
        ended.down(folder / "lab")


def next_begins() -> list[datetime]:
    """Return the begins of the next three parts of a day."""
    now = datetime.now(ZoneInfo("Europe/Istanbul"))
    all_begins = [(now + timedelta(days=ahead)).replace(hour=hour, minute=0, second=0, microsecond=0)
                  for ahead in (0, 1) for hour in PARTS]
    return [one for one in all_begins if one > now][:3]


def is_far_from_begin() -> bool:
    """Return whether no part of a day begins while the test runs: the node would offer other times then."""
    return (next_begins()[0] - datetime.now(ZoneInfo("Europe/Istanbul"))).total_seconds() > RUNS_S


async def asks(callers: Callers, leg: Leg, contact: str) -> None:
    """Ask for a callback to the number of the call. The promise holds before the time is asked for."""
    stage = callers.stage
    await stage.hears_music(leg)
    await leg.press_keys(CALLBACK)
    await stage.hears(leg, "geri-arama-numara")
    await leg.press_keys("1")

    async def promised() -> bool:
        return contact in await callers.waiting()

    await until_async(promised, LIMIT_S, f"a callback for {contact}; {leg.describe_moments()}")


async def chooses(callers: Callers, leg: Leg, contact: str, key: str, after: str) -> None:
    """Choose a time by key when `after` was heard, and hear the day and the part of it."""
    stage, begins = callers.stage, next_begins()[int(key) - 2]
    await stage.hears(leg, after)
    await leg.press_keys(key)
    await stage.hears(leg, "geri-arama-arasinda")
    stage.in_order(leg, "geri-arama-tamam", "geri-arama-zaman", after, "geri-arama-arasinda")
    stage.heard(leg, PARTS[begins.hour])  # before that
    assert (await callers.waiting())[contact]["next_at"] == begins.timestamp()
    await leg.hang_up()
    await leg.wait_ended()


async def test_a_time_of_the_callers_choice_by_key_and_by_ear(lab: lifecycle.LabInfo, tmp_path: Path) -> None:
    await until_async(is_far_from_begin, 2 * RUNS_S, "the next part of a day")
    session = LabSession(lab)
    async with session.network:
        callers = Callers(Stage(session, tmp_path))
        stage = callers.stage
        # 1. A caller chooses the second of the times.
        leg, first = await callers.waits(KEY, MINE)
        await asks(callers, leg, first)
        await chooses(callers, leg, first, "3", "geri-arama-icin-2")
        # 2. The next one hangs up at the promise, and stands for the turn in the queue.
        hurried = await callers.called_back(KEY, HURRIED)
        # 3. The first one calls again and moves the callback.
        leg = await stage.hurried(KEY, number=MINE)
        await until_async(lambda: callers.contact(MINE) not in ("", first), LIMIT_S, "the second call")
        again = callers.contact(MINE)
        await asks(callers, leg, again)
        assert await stage.ended(first) == "left", "one live callback to a number"
        await chooses(callers, leg, again, "4", "geri-arama-zaman")
        assert set(await callers.waiting()) == {hurried, again}
        # 4. Only the callback without a time rings now, although the other one is older.
        await callers.phone(HURRIED, PhoneBehaviour(tone=440, record=tmp_path))
        agent = await callers.agent(plain(SERVICE, 1)[0])
        await callers.talks(agent, hurried)
        leg = await callers.rings(HURRIED)
        await hears_tone(stage, leg, AGENT_TONE)
        await leg.hang_up()
        assert await stage.ended(hurried) == "answered"
        assert list(await callers.waiting()) == [again]
        await ask_node(stage.info, "POST", f"/api/v1/callbacks/{again}/cancel")
        await stage.network.hang_up_all()
        await agent.sign_out()
