"""A time without any node on the real Asterisk: everybody who called stands in all records, with true times.

The three minutes of `-m long` print the callers' own times and those of the records (`-s`).
"""

from __future__ import annotations

import asyncio
import csv
import signal
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.testing import CliRunner

from lab.faults.pbx import AsteriskFault
from lab.lifecycle import find_process
from lab.pbx import process
from lab.pbx.fetch import AsteriskProgram
from lab.phones.leg import Leg
from lab.session import LabSession
from santral.cli import cli
from tests.ministry import edit, patient
from tests.system.conftest import NewLab
from tests.system.recovery.test_fallback import DISTRESS, QUICK, TALK, UNKNOWN, WAITS, member_line, wait_places
from tests.system.stage import Stage, length, plain
from tests.until import until_async

pytestmark = pytest.mark.system

CRISIS, COMMON = "4440183", "4440632"
"""A called number that leads to the service for distress only, and that of all others."""
WAVE_S = 20.0
"""Pause between two groups of callers: the one who waits longest is served meanwhile."""
GLANCE_S, CRISIS_S, ORDINARY_S = 1.5, 14.0, 26.0
"""Seconds after which a caller hangs up: before anything else, in a talk with a counsellor, in a talk with an agent."""
SERVED = ("crisis", "ordinary")
"""Callers who stay until somebody talks with them."""
TRUE_S = 1.0
"""Greatest difference between a caller's own times and the record."""
FROZEN_S = 20.0
"""Time of a frozen Asterisk: longer than a phone may be silent (`seat_rtp_s`), shorter than a line may."""
LOST = 44
"""Cause of a phone without sound (`rtp_timeout`)."""


class Caller(NamedTuple):
    """A caller of the gap."""

    kind: str
    leg: Leg


def centre_with_crisis_number(folder: Path) -> Path:
    centre = patient(folder)
    edit(centre, "santral.toml", f'"{COMMON}" = "ana"', f'"{COMMON}" = "ana"\n"{CRISIS}" = "kriz"')
    edit(centre, "menu.yaml", "  ana: karsilama\n", "  ana: karsilama\n  kriz: psikososyal\n")
    return centre


@pytest.mark.parametrize("away_s", [0.0, pytest.param(180.0, marks=pytest.mark.long)], ids=["short", "three minutes"])
async def test_everybody_who_called_while_no_node_ran_is_recorded(
        new_lab: NewLab, tmp_path: Path, asterisk_tree: AsteriskProgram, away_s: float) -> None:
    lab = await new_lab(centre=centre_with_crisis_number(tmp_path), extra=QUICK)
    stage, pbx = Stage(lab, tmp_path), AsteriskFault(lab.folder, asterisk_tree)
    # 1. One agent for everybody, one counsellor. The node dies.
    (agent, counsellor) = await stage.agents([*plain(UNKNOWN, 1), *plain(DISTRESS, 1, 70)], TALK)
    for person, service in ((agent, UNKNOWN), (counsellor, DISTRESS)):
        await until_async(partial(member_line, pbx, service, person), what="members")
    # A caller hears the menu of the node that freezes, and hangs up. Nobody wakes that node.
    leg = await stage.caller()
    await stage.hears(leg, "karsilama")
    lab.freeze_node()
    await leg.hang_up()
    await leg.wait_ended()
    callers = [Caller("menu", leg)]
    await asyncio.to_thread(lab.kill_node)
    # 2. Callers come in groups, and everybody leaves by their own hand.
    began = time.monotonic()
    while len(callers) == 1 or time.monotonic() - began < away_s:
        for kind, number, stay in (("glance", COMMON, GLANCE_S), ("crisis", CRISIS, CRISIS_S),
                                   ("ordinary", COMMON, ORDINARY_S)):
            callers.append(Caller(kind, await lab.network.place_call(number, stay=stay, tone=440)))
        if away_s:
            await asyncio.sleep(WAVE_S)
    for caller in callers:
        await caller.leg.wait_ended()
    # 3. The node is back, and makes a record of each call.
    await lab.start_node()
    rows: list[dict[str, Any]] = []

    def recorded() -> bool:
        rows[:] = lab.query_store("select * from contacts where outcome is not null order by queued_at, contact")
        return len(rows) >= len(callers)

    await until_async(recorded, what=f"{len(callers)} records")
    people = {DISTRESS: counsellor.id, UNKNOWN: agent.id}
    compare_times(callers, rows, people, lab)
    await compare_counts(callers, lab, tmp_path)


def compare_times(callers: list[Caller], rows: list[dict[str, Any]], people: dict[str, str], lab: LabSession) -> None:
    """Compare each caller's own times with the record that begins with that caller."""
    assert len(rows) == len(callers), f"{len(rows)} records of {len(callers)} callers"
    talks = [phone for phone in lab.network.rung if phone.answered_at is not None]
    free = list(rows)
    print(f"\n{'caller':10}{'came':>9}{'record':>9}{'talk':>9}{'record':>9}{'left':>9}{'record':>9}  outcome, agent")
    first = callers[0].leg.began
    for kind, leg in callers:
        wanted = DISTRESS if kind == "crisis" else UNKNOWN
        assert leg.ended_at is not None
        same = [one for one in free
                if one["service"] == wanted and (one["outcome"] == "fallback") is (kind in SERVED)]
        row = min(same, key=lambda one: abs(one["queued_at"] - leg.began))
        free.remove(row)
        talk = min((one for one in talks if one.ended_at is not None and kind in SERVED),
                   key=lambda one: abs((one.ended_at or 0.0) - (leg.ended_at or 0.0)), default=None)
        left = row["ended_at"] + (row["fallback_talk_s"] or 0.0)
        spoke = "" if talk is None or talk.answered_at is None else f"{talk.answered_at - first:.2f}"
        print(f"{kind:10}{leg.began - first:9.2f}{row['queued_at'] - first:9.2f}{spoke:>9}"
              f"{(row['ended_at'] - first if talk else 0.0):9.2f}{leg.ended_at - first:9.2f}{left - first:9.2f}  "
              f"{row['outcome']}, {row['agent'] or '-'}")
        # The record has the caller's own times.
        assert abs(row["queued_at"] - leg.began) < TRUE_S and abs(left - leg.ended_at) < TRUE_S, (row, kind)
        assert row["source"] == "fallback"
        if talk is None:
            assert row["outcome"] in ("abandoned", "abandoned_short") and row["agent"] is None
            continue
        # The member of that service talked, and nobody else. The phone hears the announcement of the service first.
        assert row["outcome"] == "fallback" and row["agent"] == people[wanted]
        assert talk.seat == next(seat.endpoint for seat in lab.info.agents if seat.id == people[wanted])
        assert talk.answered_at is not None
        assert abs(row["ended_at"] - talk.answered_at - length(f"bilgi-{wanted}")) < TRUE_S
        talks.remove(talk)
    assert not talks, "everybody whose phone was answered talked with a caller of theirs"


async def compare_counts(callers: list[Caller], lab: LabSession, folder: Path) -> None:
    """Find each caller once in queue_log, metrics, report and export."""
    served = sum(kind in SERVED for kind, _ in callers)
    gave_up = len(callers) - served

    def lines() -> Counter[str]:
        return Counter(line.event for line in lab.read_queue_log())

    await until_async(lambda: lines()["ENTERQUEUE"] >= len(callers), what="all in queue_log")
    await until_async(lambda: lines()["ABANDON"] + lines()["EXITWITHTIMEOUT"] >= len(callers), what="all ends")
    assert (lines()["ENTERQUEUE"], lines()["ABANDON"], lines()["EXITWITHTIMEOUT"]) == (
        len(callers), gave_up, served), lines()
    counted: Counter[str] = Counter()

    async def in_metrics() -> bool:
        counted.clear()
        for sample in await lab.fetch_metrics():
            if sample.name == "acd_outage_contacts_total" and sample.value:
                counted[sample.labels["outcome"].replace("_short", "")] += int(sample.value)
        return counted.total() >= len(callers)

    await until_async(in_metrics, what="all in the metrics")
    assert counted == {"fallback": served, "abandoned": gave_up}
    start, end = (time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at + 3 * 3600.0))
                  for at in (callers[0].leg.began - 60.0, time.time() + 60.0))
    for words in (["report", "interval", start, end, str(lab.folder), "--csv", str(folder / "report.csv")],
                  ["export", "contacts", str(lab.folder), "--from", start, "--to", end, "--out",
                   str(folder / "contacts.csv")]):
        said = CliRunner().invoke(cli, words)
        assert said.exit_code == 0, said.output
    with (folder / "contacts.csv").open(encoding="utf-8-sig", newline="") as file:
        sources = Counter(row["source"] for row in csv.DictReader(file))
    assert sources == {"fallback": len(callers)}
    assert "without_node" in (folder / "report.csv").read_text(encoding="utf-8-sig")


async def test_a_caller_whose_agents_phone_vanishes_without_a_node_is_put_in_front_again(
        new_lab: NewLab, tmp_path: Path, asterisk_tree: AsteriskProgram) -> None:
    lab = await new_lab(centre=centre_with_crisis_number(tmp_path))
    stage, pbx = Stage(lab, tmp_path), AsteriskFault(lab.folder, asterisk_tree)
    # 1. A caller talks, and then no node runs. Another one is served by the fallback queue.
    (agent, counsellor) = await stage.agents([*plain(WAITS, 1), *plain(DISTRESS, 1, 70)], TALK)
    await until_async(partial(member_line, pbx, DISTRESS, counsellor), what="members")
    caller = await stage.hurried("2", tone=440)
    phone = await lab.network.wait_ring(agent.seat)
    await wait_places(pbx, {("santral-agent", "Bridge"): 1})
    await asyncio.to_thread(lab.kill_node)
    other = await lab.network.place_call(CRISIS, tone=440, record=tmp_path / "other.wav")
    first = await lab.network.wait_ring(counsellor.seat)
    await until_async(lambda: stage.tone_s(other, 600) > 0.5, 60.0, "the caller hears the counsellor")
    # 2. Both phones vanish. The one waits in the hold loop, and the counsellor's phone rings for the other again.
    rung = len(lab.network.rung)
    await phone.hang_up(LOST)
    await first.hang_up(LOST)
    again = await lab.network.wait_ring(counsellor.seat, since=rung)
    await again.wait_answered()
    assert not caller.ended.is_set() and not other.ended.is_set()
    # 3. The node is back. The talk was lost, not ended by the agent, and its caller waits in front.
    await lab.start_node()
    await until_async(lambda: lab.query_store("select 1 from offers where reason = 'lost'"), what="a lost talk")
    (row,) = lab.query_store("select * from contacts where service = ?", WAITS)
    assert (row["outcome"], row["source"]) == (None, "")
    # 4. Each of them leaves, and stands in the records once.
    for leg in (caller, other):
        await leg.hang_up()
        await leg.wait_ended()
    await lab.wait_until_quiet()
    await until_async(lambda: len(lab.query_store("select 1 from contacts where outcome is not null")) == 2,
                      what="two records")
    (row,) = lab.query_store("select * from contacts where service = ?", DISTRESS)
    assert (row["outcome"], row["agent"]) == ("fallback", counsellor.id)


@pytest.mark.long
async def test_no_talk_that_a_frozen_asterisk_has_cut_was_ended_by_its_agent(
        new_lab: NewLab, tmp_path: Path) -> None:
    """Whether a talk is cut depends on what Asterisk reads first: the sound that has waited, or its own clock."""
    lab = await new_lab(centre=patient(tmp_path))
    stage = Stage(lab, tmp_path)
    agents = await stage.agents(plain(WAITS, 4), TALK)
    callers = [await stage.hurried("2", tone=440) for _ in agents]
    for caller in callers:
        await until_async(lambda leg=caller: stage.tone_s(leg, 600) > 0.5, 60.0, "a talk")
    asterisk = find_process(lab.folder, "asterisk")
    process.send_signal(asterisk, signal.SIGSTOP)
    await asyncio.sleep(FROZEN_S)
    process.send_signal(asterisk, signal.SIGCONT)

    async def linked() -> bool:
        samples = [one for one in await lab.fetch_metrics() if one.name == "acd_asterisk_connected"]
        return bool(samples) and all(one.value == 1.0 for one in samples)

    await until_async(linked, what="the link is up again")
    cut = [caller for caller in callers if caller.ended.is_set()]
    await lab.network.hang_up_all()
    await lab.wait_until_quiet()
    reasons = Counter(row["reason"] for row in lab.query_store("select reason from offers where connected_at not null"))
    print(f"\n{len(cut)} callers cut by a frozen Asterisk; ends of talks: {dict(reasons)}")
    assert set(reasons) <= {"caller", "lost"} and not cut, reasons
    assert len(lab.query_store("select 1 from contacts where outcome is not null")) == len(callers)
