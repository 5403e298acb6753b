"""The AMI link is cut and stalled at ten random moments of a day: afterwards the engine believes what Asterisk does."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from lab.errors import LabError
from lab.faults.belief import find_differences
from lab.faults.pbx import AsteriskFault
from lab.pbx.fetch import AsteriskProgram
from lab.people import node_records
from lab.people.agent import SimAgent
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from routing.store.kinds import NUMBERS
from tests.system.conftest import Link, NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

FAULTS = 10
CALLERS = 12
KEYS = {"gorus_oneri": "4", "uzaktan_egitim": "2"}
BACK_S = 90.0
"""A stalled link is noticed within 8 s (ping 5 s, silence 3 s); then it is tried again within seconds."""


async def test_cut_and_stalled_at_ten_moments_of_a_day(
        new_lab: NewLab, link: Link, asterisk_tree: AsteriskProgram, tmp_path: Path) -> None:
    rng = random.Random(444)
    lab = await new_lab(through=link.through)
    assert link.proxy is not None
    stage, pbx, proxy = Stage(lab, tmp_path), AsteriskFault(lab.folder, asterisk_tree), link.proxy
    people = await stage.agents([*plain("gorus_oneri", 2), *plain("uzaktan_egitim", 2)])
    for person, answer, talk in zip(people, ("0", "1", "2", "ignore"), (2.0, 6.0, 4.0, None), strict=True):
        await person.set_behaviour(PhoneBehaviour(answer, talk))
    callers: list[Leg] = []
    day = asyncio.create_task(_day(stage, rng, people, callers), name="day")
    for number in range(FAULTS):
        fault: Callable[[], None] = proxy.stall_traffic if number % 4 == 3 else proxy.drop_connections
        await _after(rng.uniform(0.2, 3.0))
        fault()
        await _after(rng.uniform(0.2, 2.0) if fault == proxy.drop_connections else 9.0)
        proxy.restore_traffic()
        await _link_up(lab)
        await _agrees(lab, pbx, people, f"fault {number + 1}, {fault.__name__}")
    await day
    await _link_up(lab)
    await _agrees(lab, pbx, people, "the end")
    await lab.network.hang_up_all()
    await lab.wait_until_quiet()
    ends = Counter(one["contact"] for one in lab.query_store(
        f"select json_extract(body, '$[0]') as contact from facts where kind = {NUMBERS['Ended']}"))
    contacts = {one["contact"] for one in lab.query_store("select contact from contacts where outcome is not null")}
    assert len(callers) == CALLERS and len(ends) >= CALLERS - 2, "some hang up before they are in line"
    assert set(ends) == contacts and set(ends.values()) == {1}
    assert lab.query_store("select contact from contacts where outcome is null") == []
    assert node_records.sum_samples(await lab.fetch_metrics(),
        "acd_asterisk_reconnects_total") >= FAULTS, "each fault was felt"
    for kind in ("answered", "abandoned"):
        assert lab.query_store("select 1 from contacts where outcome like ?",
            f"{kind}%"), f"a day in which nobody was {kind}"


async def _after(seconds: float) -> None:
    """Wait for this long in the script, with the link broken or well."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    await until_async(lambda: loop.time() >= end, seconds + 60)


async def _day(stage: Stage, rng: random.Random, people: list[SimAgent], callers: list[Leg]) -> None:
    """Callers come, give up or talk; agents take breaks and go. By a seed, whatever the link does."""
    for number in range(CALLERS):
        key = rng.choice(list(KEYS.values()))
        leg = await stage.hurried(key)
        callers.append(leg)
        await _after(rng.uniform(1.0, 4.0))
        person = people[number % len(people)]
        wish = rng.choice(["pause", "resume", "wrapup/end", "resume", "sign", ""])
        try:
            if wish == "sign":
                await person.sign_out()
                await person.ask_as_agent("login", {"seat": person.seat})
            elif wish:
                await person.ask_as_agent(wish, {"reason": "mola"} if wish == "pause" else None)
        except LabError:
            pass  # refused: not signed in, or not in wrap-up
        if rng.random() < 0.3:
            await callers[rng.randrange(len(callers))].hang_up()


async def _link_up(lab: LabSession) -> None:
    async def up() -> bool:
        return bool((await lab.fetch_status())["link_up"])

    # A cut of a moment may not even have been noticed yet: what is compared then is eventual anyway.
    await until_async(up, BACK_S, what="the link is back")


async def _agrees(lab: LabSession, pbx: AsteriskFault, people: list[SimAgent], when: str) -> None:
    """The engine's belief becomes Asterisk's truth; both move on, so a moment is looked for in which they agree."""
    seen: list[str] = []

    async def same() -> bool:
        channels = await asyncio.to_thread(pbx.list_channels)
        status = await lab.fetch_status()
        seen[:] = find_differences(lab, channels, status, people)
        return not seen

    try:
        await until_async(same, BACK_S)
    except AssertionError:
        raise AssertionError(f"after {when}: {seen}") from None
