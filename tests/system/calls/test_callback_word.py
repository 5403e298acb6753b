"""Callbacks that keep their word and are no weapon, with real phones and outside quiet hours.

A caller rings in again and gives up. Two people want a call at one number. A caller with a withheld number keys in the
number of somebody else, who has asked for nothing. A supervisor sends a caller away with a sentence.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import lifecycle
from lab.people.agent import ask_node
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from tests.ministry import patient
from tests.system import ended
from tests.system.calls.test_callback import AGENT_TONE, CALLBACK, LIMIT_S, Callers, hears_tone, through
from tests.system.stage import Stage, length, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SERVICE, KEY = "uzaktan_egitim", "2"
MINE, THEIRS, SOMEBODY = "05371000001", "05371000002", "05371000003"
WITHHELD = "anonymous"
LATE_S = 4.0
"""After what is said, the key of the other telephone. It has ten seconds."""


@pytest.fixture(scope="module")
def lab(asterisk_tree: object, tmp_path_factory: pytest.TempPathFactory) -> Iterator[lifecycle.LabInfo]:
    """Start a lab without quiet hours and without rules. Callers wait although nobody is signed in."""
    folder = tmp_path_factory.mktemp("word")
    info = lifecycle.start_lab(patient(folder), folder / "lab", extra=(
        '[callback]\nquiet_from = "00:00"\nquiet_to = "00:00"\n[profile]\nwrapup_s = 0\n'))
    try:
        yield info
    finally:
        ended.down(folder / "lab")


async def only_waiting(stage: Stage, but: set[str]) -> str:
    """Return the one contact that waits besides these."""
    async def there() -> str:
        found = {one["id"] for one in (await ask_node(stage.info, "GET", "/api/v1/contacts"))["contacts"]} - but
        return next(iter(found)) if len(found) == 1 else ""

    return await until_async(there, LIMIT_S, "a contact")


async def keys_in(stage: Stage, leg: Leg, number: str, *, hidden: bool, answer: str) -> None:
    """Ask for a callback to another number: the digits, and the word that is heard last. Each question is heard before
    its key, which would be lost otherwise."""
    await stage.hears_music(leg)  # a key over the words after the choice would end these words
    steps = ((CALLBACK, None), *([] if hidden else [("2", "geri-arama-numara")]), (f"{number}#", "geri-arama-gir"),
             ("1", "geri-arama-dogru-mu"))
    for keys, question in steps:
        if question is not None:
            await stage.hears_begin(leg, question)
        await leg.press_keys(keys)
    await stage.hears(leg, answer)


async def test_the_word_is_kept_and_nobody_is_bothered(lab: lifecycle.LabInfo, tmp_path: Path) -> None:
    session = LabSession(lab)
    async with session.network:
        callers = Callers(Stage(session, tmp_path))
        stage = callers.stage
        # 1. A caller with a promise rings in again, hears of it, and gives up: the promise holds.
        promised = await callers.called_back(KEY, MINE)
        again = await stage.hurried(KEY, number=MINE)
        await through(again)
        await stage.hears(again, "geri-arama-birlesti")
        second = await only_waiting(stage, {promised})
        await again.hang_up()
        assert await stage.ended(second) in ("abandoned", "abandoned_short")
        assert promised in await callers.waiting()
        # 2. Somebody else wants a call at the same number: one is enough.
        other = await stage.hurried(KEY, number=THEIRS)
        await through(other)
        await keys_in(stage, other, MINE, hidden=False, answer="geri-arama-var")
        assert list(await callers.waiting()) == [promised]
        # 3. A supervisor sends that caller away with a sentence.
        third = await only_waiting(stage, {promised})
        await ask_node(stage.info, "POST", f"/api/v1/contacts/{third}/withdraw", {})
        await stage.hears(other, "bekleme-veda")
        await other.wait_ended()
        assert await stage.ended(third) == "left"
        # 4. A withheld caller keys in the number of somebody who has asked for nothing.
        hidden = await stage.hurried(KEY, number=WITHHELD)
        fourth = await only_waiting(stage, {promised})
        await through(hidden)
        await keys_in(stage, hidden, SOMEBODY, hidden=True, answer="geri-arama-tamam")
        await hidden.hang_up()
        # 5. The promise comes first. The other telephone answers by key 1 alone.
        await callers.phone(MINE, PhoneBehaviour(tone=440, record=stage.folder))
        await callers.phone(SOMEBODY, PhoneBehaviour(
            tone=440, press=f"1@{length('geri-arama-merhaba') + length('geri-arama-bas') + LATE_S:.2f}s",
            record=stage.folder))
        agent = await callers.agent(plain(SERVICE, 1)[0])
        await callers.talks(agent, promised)
        leg = await callers.rings(MINE)
        await hears_tone(stage, leg, AGENT_TONE)
        await leg.hang_up()
        assert await stage.ended(promised) == "answered"
        await callers.talks(agent, fourth)
        leg = await callers.rings(SOMEBODY)
        await hears_tone(stage, leg, AGENT_TONE)
        stage.heard(leg, "geri-arama-bas")
        await leg.hang_up()
        assert await stage.ended(fourth) == "answered"
        await stage.network.hang_up_all()
        await agent.sign_out()
