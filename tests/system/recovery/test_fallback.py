"""The fallback queues on the real Asterisk: what callers hear without a node, and how a returning node takes them back.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from lab.faults.pbx import AsteriskFault
from lab.pbx.fetch import AsteriskProgram
from lab.people.agent import SimAgent
from lab.phones import audio
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.stage import Stage, growing, length, plain, prompt
from tests.until import until_async

pytestmark = pytest.mark.system

DISTRESS, WAITS, UNKNOWN = "psikososyal", "uzaktan_egitim", "temsilci"
KEYS = {DISTRESS: "1", WAITS: "2"}
QUICK = "\n[wait]\ntick_s = 2\nmax_fails = 2\n"
"""Waiting callers reach the fallback queue after some 5 s instead of a minute."""
DEAD_S, FROZEN_S = 20.0, 40.0
"""A new caller has heard the whole sentence within this time, with a dead and with a frozen node, although the machine
is busy: an idle one takes half of it."""
BACK_S = 20.0
"""All callers are back in the hold loop within this time of the node's return. An idle machine takes a quarter of it. A
round of the fallback queue, which ends by itself if no node asks for the callers, takes 30 s."""
AGE_S = 1.5
"""The start of a wait is true to this. A new caller's wait begins after the first tries to reach a node."""
TALK = PhoneBehaviour("0", tone=600)


async def wait_places(pbx: AsteriskFault, wanted: dict[tuple[str, str], int], limit: float = 120.0) -> float:
    """Wait until this many channels are in each context and application. Return the time it took."""
    began, seen = time.monotonic(), Counter[tuple[str, str]]()

    async def there() -> bool:
        seen.clear()
        seen.update((one.context, one.application) for one in await asyncio.to_thread(pbx.list_channels))
        return all(seen[place] == count for place, count in wanted.items())

    try:
        await until_async(there, limit, f"{wanted}")
    except AssertionError as error:
        raise AssertionError(f"{error}; there are {seen}") from None
    return time.monotonic() - began


async def member_line(pbx: AsteriskFault, service: str, agent: SimAgent) -> str:
    """Return what Asterisk shows of this agent as a member of a fallback queue. Empty if the agent is none."""
    text = await asyncio.to_thread(pbx.run_console, f"queue show santral-{service}")
    return next((line for line in text.splitlines() if f"PJSIP/{agent.seat} " in line or f"PJSIP/{agent.seat})" in line
                 or line.strip().startswith(agent.seat)), "")


async def heard_after(stage: Stage, leg: Leg, key: str) -> float:
    """Return the time from the ring to the end of a prompt, by the recording. How late a busy machine looks at the
    recording does not count."""
    await stage.hears(leg, key)
    (match,) = stage.heard(leg, key)
    assert leg.answered_at is not None
    return leg.answered_at - leg.began + match.offset_s + length(key)


def recording_of(leg: Leg) -> Path:
    assert leg.recording is not None
    return leg.recording


def heard_since(leg: Leg, key: str, samples: int) -> bool:
    """Return whether a prompt is in the recording after this many samples. The node may have said it before."""
    return audio.find_prompt(prompt(key), growing(recording_of(leg))[samples:]).found


def since_of(lab: LabSession) -> dict[str, float]:
    """Return the start of the wait of each contact that waits."""
    return {str(row["contact"]): float(row["since"]) for row in lab.query_store(
        "select contact, since from contacts where outcome is null")}


@pytest.mark.parametrize("away_s", [8.0, pytest.param(600.0, marks=pytest.mark.long)], ids=["short", "ten minutes"])
async def test_a_node_that_comes_back_takes_all_its_callers_back(
        new_lab: NewLab, tmp_path: Path, asterisk_tree: AsteriskProgram, away_s: float) -> None:
    lab = await new_lab(centre=patient(tmp_path), extra=QUICK)
    stage, pbx = Stage(lab, tmp_path), AsteriskFault(lab.folder, asterisk_tree)
    # 1. Twelve wait, three of them in distress. Two agents for the unknown callers of the gap are ready.
    agents = await stage.agents(plain(UNKNOWN, 2), TALK._replace(record=tmp_path))
    for agent in agents:
        await until_async(partial(member_line, pbx, UNKNOWN, agent), what="members")
    waiting = {service: [await stage.hurried(KEYS[service]) for _ in range(count)]
               for service, count in ((DISTRESS, 3), (WAITS, 9))}
    await wait_places(pbx, {("santral-hold", "Read"): 12})
    before = since_of(lab)

    # 2. The node dies. Twelve new callers ring; the two agents talk with the first two.
    await asyncio.to_thread(lab.kill_node)
    earlier = {leg: len(growing(recording_of(leg))) for leg in waiting[DISTRESS]}
    new = [await stage.caller(tone=440 if number < 2 else None) for number in range(12)]
    rung = time.time()
    dead = await asyncio.gather(*[heard_after(stage, leg, "system/outage") for leg in new])
    talks = [await lab.network.wait_ring(agent.seat) for agent in agents]
    for phone in talks:
        await phone.wait_answered()
    for leg, samples in earlier.items():
        await until_async(partial(heard_since, leg, "acil-destek", samples), 120.0, "the emergency text without a node")
    stage.not_heard(waiting[WAITS][0], "acil-destek")
    # The emergency text of 16 s came before the queue, and two more rounds follow while the node is away.
    await wait_places(pbx, {("santral-fallback", "Queue"): 24}, 180.0)
    await asyncio.sleep(away_s)
    # 3. A known and an unknown caller give up.
    gone = [waiting[WAITS].pop(), new.pop()]
    for leg in gone:
        await leg.hang_up()
        await leg.wait_ended()

    # 4. The node is back, and so are its callers, with their age. They hear no words of the menu again.
    back = {leg: len(growing(recording_of(leg))) for leg in waiting[WAITS]}
    await lab.start_node()
    back_s = await wait_places(pbx, {("santral-hold", "Read"): 20, ("santral-fallback", "Queue"): 2})
    assert back_s <= BACK_S
    found = since_of(lab)
    known = {contact: since for contact, since in before.items() if contact in found}
    assert len(known) == 11 and all(abs(found[contact] - since) < 0.1 for contact, since in known.items())
    made = [since for contact, since in found.items() if contact not in before]
    assert len(made) == 9 and all(rung - 30.0 < since < rung + DEAD_S + AGE_S for since in made), (made, rung)
    assert (await lab.fetch_queue(UNKNOWN))["waiting"] == 9
    for leg in (*waiting[DISTRESS], *waiting[WAITS], *new, *talks):
        assert not leg.ended.is_set(), f"{leg} was dropped: {leg.describe_moments()}"
    assert not any(heard_since(leg, "secildi-uzaktan-egitim", samples) for leg, samples in back.items())
    print(f"\ndead node: sentence heard after {min(dead):.1f} to {max(dead):.1f} s; back in {back_s:.2f} s")
    assert max(dead) <= DEAD_S

    # 5. The two talks go on, and every caller is counted once.
    for phone in talks:
        await stage.talk(phone, 1.0)
    await lab.network.hang_up_all()
    await lab.wait_until_quiet()
    await count_everything(lab)


async def count_everything(lab: LabSession) -> None:
    """All 24 callers are in the store, in queue_log and in the metrics: two talked in the fallback queue."""
    def outcomes() -> Counter[str]:
        return Counter(str(row["outcome"]).replace("_short", "") for row in lab.query_store(
            "select outcome from contacts"))

    wanted = {"abandoned": 22, "fallback": 2}
    await until_async(lambda: outcomes() == wanted, what=f"{wanted}; there are {outcomes()}")

    def lines() -> Counter[str]:
        return Counter(line.event for line in lab.read_queue_log())

    await until_async(lambda: lines()["ABANDON"] >= 22 and lines()["EXITWITHTIMEOUT"] >= 2, what="all in queue_log")
    assert lines()["ENTERQUEUE"] == 24 and lines()["ABANDON"] == 22 and lines()["EXITWITHTIMEOUT"] == 2, lines()
    counted: Counter[str] = Counter()

    async def count_metrics() -> bool:
        counted.clear()
        for sample in await lab.fetch_metrics():
            if sample.name == "acd_contacts_total" and sample.value:
                counted[sample.labels["outcome"].replace("_short", "")] += int(sample.value)
            if sample.name == "acd_outage_contacts_total":
                counted["outage"] += int(sample.value)
        return counted.total() >= 27

    await until_async(count_metrics, what="all in the metrics")
    assert counted == wanted | {"outage": 3}, counted


async def test_a_frozen_node_keeps_no_new_caller_in_silence(
        new_lab: NewLab, tmp_path: Path, asterisk_tree: AsteriskProgram) -> None:
    lab = await new_lab(centre=patient(tmp_path), extra=QUICK)
    stage, pbx = Stage(lab, tmp_path), AsteriskFault(lab.folder, asterisk_tree)
    known = await stage.waiting("2", WAITS)
    # The engine knows of the caller before the menu has ended, and a frozen menu has the time of a dialogue.
    await wait_places(pbx, {("santral-hold", "Read"): 1})
    lab.freeze_node()
    try:
        new = [await stage.caller() for _ in range(4)]
        frozen = await asyncio.gather(*[heard_after(stage, leg, "system/outage") for leg in new])
        await wait_places(pbx, {("santral-fallback", "Queue"): 5})
    finally:
        lab.thaw_node()
    back_s = await wait_places(pbx, {("santral-hold", "Read"): 5})
    print(f"\nfrozen node: sentence heard after {min(frozen):.1f} to {max(frozen):.1f} s; back in {back_s:.2f} s")
    assert max(frozen) <= FROZEN_S and back_s <= BACK_S
    assert not any(leg.ended.is_set() for leg in (known, *new))


async def test_a_rule_leads_a_caller_out_of_the_fallback_queue(
        new_lab: NewLab, tmp_path: Path, asterisk_tree: AsteriskProgram) -> None:
    lab = await new_lab(extra=QUICK)
    stage, pbx = Stage(lab, tmp_path), AsteriskFault(lab.folder, asterisk_tree)
    # 1. Nobody is signed in, so a rule offers a callback. The node dies in that dialogue.
    caller = await stage.hurried(KEYS[WAITS])
    await stage.hears(caller, "kural-kimse-yok")
    await asyncio.to_thread(lab.kill_node)
    await wait_places(pbx, {("santral-fallback", "Queue"): 1})
    samples = len(growing(recording_of(caller)))
    # 2. The node is back, and so is its offer.
    await lab.start_node()
    await until_async(partial(heard_since, caller, "kural-arayalim", samples), 120.0, "the offer of a callback")
    assert (await lab.fetch_queue(WAITS))["waiting"] == 1
    await caller.press_keys("1")
    await stage.hears(caller, "geri-arama-numara")


async def test_key_1_leads_an_unknown_caller_to_a_counsellor_without_a_node(
        new_lab: NewLab, tmp_path: Path, asterisk_tree: AsteriskProgram) -> None:
    lab = await new_lab(extra=QUICK)
    stage, pbx = Stage(lab, tmp_path), AsteriskFault(lab.folder, asterisk_tree)
    (counsellor,) = await stage.agents(plain(DISTRESS, 1, 70), TALK._replace(record=tmp_path))
    await until_async(lambda: member_line(pbx, DISTRESS, counsellor), what="the counsellor is a member")
    await asyncio.to_thread(lab.kill_node)
    caller = await stage.caller()
    await stage.hears(caller, "system/outage-key")
    await stage.hears_music(caller)
    await caller.press_keys("1")
    phone = await lab.network.wait_ring(counsellor.seat)
    await stage.hears(phone, f"bilgi-{DISTRESS}")
    await until_async(lambda: stage.tone_s(caller, 600) > 0.8, 60.0, "the caller hears the counsellor")
    stage.not_heard(caller, "acil-destek")
    await lab.start_node()


async def test_members_follow_the_agents_and_survive_a_restart_of_asterisk(
        new_lab: NewLab, tmp_path: Path, asterisk_tree: AsteriskProgram) -> None:
    lab = await new_lab()
    stage, pbx = Stage(lab, tmp_path), AsteriskFault(lab.folder, asterisk_tree)
    (counsellor,) = await stage.agents(plain(DISTRESS, 1, 70), PhoneBehaviour("ignore"))

    async def member(wanted: str) -> bool:
        line = await member_line(pbx, DISTRESS, counsellor)
        return (not line) if not wanted else wanted in line

    await until_async(lambda: member("Not in use"), what="the counsellor is a member")
    assert not await member_line(pbx, WAITS, counsellor)
    await counsellor.ask_as_agent("pause", {"reason": "mola"})
    await until_async(lambda: member("paused:mola"), what="paused")
    await asyncio.sleep(5.0)  # Asterisk writes it down each second
    await asyncio.to_thread(lab.kill_node)
    await asyncio.to_thread(pbx.kill_asterisk)
    await asyncio.to_thread(pbx.start_asterisk)
    await until_async(lambda: member("paused:mola"), what="Asterisk has kept the member and the pause")
    await lab.start_node()
    await counsellor.ask_as_agent("logout")
    await until_async(lambda: member(""), what="no member any more")


async def test_a_frozen_node_gives_no_sign_of_life(new_lab: NewLab, tmp_path: Path,
                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    """systemd's protocol with a socket of ours: it would end and start a node that is silent."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "2000000")
        lab = await new_lab()

        def fed() -> int:
            count = 0
            while True:
                try:
                    count += manager.recv(100) == b"WATCHDOG=1"
                except BlockingIOError:
                    return count

        fed()
        lived = 0

        def lives() -> bool:
            nonlocal lived
            lived += fed()
            return lived >= 3

        await until_async(lives, what="an idle node turns, too")
        lab.freeze_node()
        await asyncio.sleep(1.0)
        fed()
        await asyncio.sleep(3.0)
        frozen = fed()
        lab.thaw_node()
        assert frozen == 0
        await until_async(fed, what="it lives again")
