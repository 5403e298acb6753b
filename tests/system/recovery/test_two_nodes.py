"""Two nodes on one PostgreSQL with one Asterisk, under calls: whichever part fails, callers stay and decisions go on.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from lab.pbx import process
from lab.phones.network import PhoneBehaviour
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

WAITS, KEY = "uzaktan_egitim", "2"
AGENT, CALLER = 600, 440
"""Hz."""


async def test_a_killed_leader_is_followed_under_calls(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(nodes=2, store="postgres", standby=True)
    assert (await lab.find_leader()).name == "a"
    stage = Stage(lab, tmp_path)
    agent = await stage.agent(plain(WAITS, 1)[0], PhoneBehaviour("0", tone=AGENT, record=tmp_path))
    talk = await stage.hurried(KEY, tone=CALLER)
    phone = await lab.network.wait_ring(agent.seat)
    await phone.wait_answered()
    await stage.reaches(agent, "talking")
    waiting = [await stage.waiting(KEY, WAITS)]
    # 1. The standby takes over: who waited waits, who talks talks, and who comes now waits behind.
    lab.kill_node("a")
    killed = time.monotonic()
    assert (await lab.find_leader()).name == "b"
    print(f"the other node led after {time.monotonic() - killed:.2f} s")
    waiting.append(await stage.waiting(KEY, WAITS))
    print(f"a new caller waited after {time.monotonic() - killed:.2f} s")
    await stage.reaches(agent, "talking")
    # 2. The node comes back as a standby, and only as itself.
    await lab.start_node("a")
    assert (await lab.find_leader()).name == "b"
    assert not any(leg.ended.is_set() for leg in (talk, phone, *waiting))
    # 3. Everybody is in the one store.
    assert [(row["service"], row["outcome"]) for row in lab.query_store(
        "select service, outcome from contacts where service = ? order by queued_at", WAITS)] == [(WAITS, None)] * 3
    await lab.clear_lab()
    assert lab.query_store("select epoch from leases where name = ?", "router")[0]["epoch"] == 2


@pytest.mark.long
async def test_a_frozen_leader_costs_each_question_one_step(new_lab: NewLab, tmp_path: Path) -> None:
    lab = await new_lab(nodes=2, store="postgres", standby=True, centre=patient(tmp_path))
    stage = Stage(lab, tmp_path)
    talks, dials = await stage.agents(plain(WAITS, 2), PhoneBehaviour("0", tone=AGENT, record=tmp_path))
    await dials.ask_as_agent("pause", {"reason": "mola"})
    served = await stage.hurried(KEY, tone=CALLER)
    phone = await lab.network.wait_ring(talks.seat)
    await stage.hears_tone(phone, CALLER)
    # 1. Meanwhile a new caller comes, the agent hangs up, and another agent asks for the own state.
    lab.freeze_node("a")
    frozen = time.time()
    new = await stage.caller()
    code = asyncio.create_task(stage.dials(dials.seat, "*41"), name="code")
    await phone.hang_up()
    # 2. The other node answers all three.
    await stage.hears_begin(new, "karsilama")
    greeted_s = time.time() - frozen
    heard = await code
    await served.wait_ended()
    stage.not_heard(heard, "agent/unavailable")
    stage.not_heard(new, "system/outage")
    stage.heard(served, "system/goodbye")
    # 3. A later caller is not kept by the frozen node at all.
    began = time.monotonic()
    later = await stage.caller()
    await stage.hears_begin(later, "karsilama")
    print(f"\nthe new caller was greeted {greeted_s:.1f} s after the freeze, a later one after "
          f"{time.monotonic() - began:.1f} s")
    lab.thaw_node("a")
    log = Path(lab.node("a").log)
    await until_async(lambda: "node.stood_down" in log.read_text(encoding="utf-8"), what="the node stands down")


def test_processes_apart_are_ended_like_others(tmp_path: Path) -> None:
    one = process.start_process(["/bin/sh", "-c", "echo $$; exec sleep 60"], tmp_path / "log", apart=True)
    try:
        assert process.wait_until(lambda: bool((tmp_path / "log").read_text()), one, 30.0)
    finally:
        process.end_process(one)
    assert not process.is_alive(one)
