"""The legs of a day, counted on fingers, and those of a made day as the store has them."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lab.people import day as made
from lab.people import node_records
from metrics.reports import legs
from routing.core import events
from routing.core.model.centre_model import Agent, CallbackOrder, Centre, Profile, Service, Step
from routing.core.model.ids import AgentId, ContactId
from routing.store.kinds import NUMBERS
from santral.cli import cli
from tests.fakes.report_day import BILGI, MIDNIGHT, SKILL, TIP, Day

pytestmark = pytest.mark.integration

H = 3600.0


def exported(folder: Path, first: str = "2026-03-02", last: str = "2026-03-03") -> list[dict[str, str]]:
    """Return the rows that the command writes, with times as seconds of the day."""
    out = folder / "legs.csv"
    said = CliRunner().invoke(cli, ["export", "legs", str(folder), "--from", first, "--to", last, "--out", str(out)])
    assert said.exit_code == 0, said.output
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert said.output == f"{len(rows)} legs in {out}\n"
    return rows


def short(row: dict[str, str]) -> tuple[str, ...]:
    """Kind, service, start, duration, billed seconds, what became of it."""
    return (row["kind"], row["service"], row["start"][11:19], row["duration_s"], row["billsec_s"], row["disposition"],
            row["reason"])


def menu(day: Day, at: float, name: str, outcome: str, lasted_s: float) -> None:
    day.give(at, events.MenuEnded(ContactId(name), "ana", ("karsilama",), outcome, lasted_s))


async def test_a_day_counted_on_fingers(tmp_path: Path) -> None:
    day = Day()
    day.sign_in(8 * H, 0)
    menu(day, 9 * H, "1.1", "queued", 20.0)
    one = day.call(9 * H, "1.1")  # talks, and says afterwards what they think
    day.connect(9 * H + 10, one)
    day.over(9 * H + 110, one)
    day.give(9 * H + 115, events.SurveyAnswered(one, BILGI, "asked", 0))
    day.give(9 * H + 120, events.SurveyAnswered(one, BILGI, "cared", 4))
    menu(day, 10 * H, "1.2", "external_transfer",
        7.0)  # never came to a queue: led outside in vain, and hung up in the menu then
    menu(day, 10 * H + 60, "1.2", "abandoned", 13.0)
    menu(day, 11 * H, "1.3", "queued", 15.0)
    three = day.call(11 * H, "1.3", TIP)  # hangs up while the phone rings
    day.give(11 * H + 6, events.CallerHungUp(three))
    menu(day, 12 * H, "1.4", "queued", 10.0)
    four = day.call(12 * H, "1.4", TIP, "can")  # wants to be called back, is reached at the second try
    day.give(12 * H, events.CallbackRequested(four))
    day.give(12 * H + 1, events.CallerHungUp(four))
    day.give(12 * H + 5, events.OfferAnswered(day.offers[four]))
    day.give(12 * H + 5, events.CallbackAccepted(day.offers[four]))
    day.give(12 * H + 25, events.CallbackFailed(day.offers[four], "busy"))
    offer = day.offer(12 * H + 90, four)
    day.give(12 * H + 92, events.OfferAnswered(offer))
    day.give(12 * H + 92, events.CallbackAccepted(offer))
    day.give(12 * H + 104, events.CallbackReached(four, "PJSIP/geri"))
    day.give(12 * H + 105, events.OfferConnected(offer, four))
    day.over(12 * H + 165, four, "agent")
    menu(day, 13 * H, "1.6", "queued", 2.0)
    six = day.call(13 * H, "1.6")  # chooses a time for a callback, and is on the line until then
    day.give(13 * H + 10, events.CallbackRequested(six))
    day.give(13 * H + 18, events.CallbackRequested(six, window=(MIDNIGHT + 30 * H, MIDNIGHT + 31 * H)))
    day.give(13 * H + 40, events.CallerHungUp(six))
    menu(day, 24 * H + 5, "1.5", "queued", 30.0)  # began before midnight
    five = day.call(24 * H + 5, "1.5")
    day.connect(24 * H + 10, five)  # still talks
    await day.keep(str(tmp_path / "santral.db"))
    found = exported(tmp_path)
    assert [short(row) for row in found] == [
        ("caller", "bilgi", "08:59:40", "140.0", "140.0", "ANSWERED", ""),
        ("agent", "bilgi", "09:00:00", "110.0", "100.0", "ANSWERED", "caller"),
        ("caller", "", "09:59:53", "67.0", "67.0", "ANSWERED", "abandoned"),
        ("caller", "tip", "10:59:45", "21.0", "21.0", "ANSWERED", ""),
        ("agent", "tip", "11:00:00", "6.0", "0.0", "NO ANSWER", "caller_hung_up"),
        ("caller", "tip", "11:59:50", "10.0", "10.0", "ANSWERED", ""),
        ("agent", "tip", "12:00:00", "0.0", "0.0", "NO ANSWER", "callback"),
        ("agent", "tip", "12:00:01", "24.0", "20.0", "ANSWERED", "callback_busy"),
        ("called", "tip", "12:00:05", "20.0", "0.0", "BUSY", "callback_busy"),
        ("agent", "tip", "12:01:25", "80.0", "73.0", "ANSWERED", "agent"),
        ("called", "tip", "12:01:32", "73.0", "61.0", "ANSWERED", "agent"),
        ("caller", "bilgi", "12:59:58", "20.0", "20.0", "ANSWERED", ""),
        ("agent", "bilgi", "13:00:00", "10.0", "0.0", "NO ANSWER", "callback"),
        ("caller", "bilgi", "23:59:35", "", "", "ANSWERED", "")]
    assert [row["leg"] for row in found][:2] == ["1.1", f"o{day.offers[one]}-1.1"]
    assert [short(row) for row in exported(tmp_path, "2026-03-03", "2026-03-04")] == [
        ("agent", "bilgi", "00:00:05", "", "", "ANSWERED", "")]


async def test_callers_who_are_dialled_without_an_agent_have_a_leg_each(tmp_path: Path) -> None:
    """Busy, then reached and connected; another one is cancelled while the phone rings."""
    day = Day(Centre((Service(BILGI, "Bilgi", (Step(((SKILL, 1),)),), callback=CallbackOrder.PREDICTIVE,
                              callback_retry_s=60.0),), (Agent(AgentId("a0"), ((SKILL, 50),)),)))
    one = day.call(9 * H, "1.1")
    day.give(9 * H + 1, events.CallbackRequested(one))
    day.give(9 * H + 2, events.CallerHungUp(one))
    day.sign_in(9 * H + 2.5, 0)
    day.give(9 * H + 20, events.CallbackFailed(None, "busy", one))
    day.give(9 * H + 100, events.CallbackReached(one, "PJSIP/geri"))
    day.connect(9 * H + 104, one)
    day.over(9 * H + 164, one, "agent")
    two = day.call(10 * H, "1.2")
    day.give(10 * H, events.CallbackRequested(two))
    day.give(10 * H + 1, events.CallerHungUp(two))
    day.give(10 * H + 30, events.ContactExited(two, "key"))
    await day.keep(str(tmp_path / "santral.db"))
    found = [short(row) for row in exported(tmp_path)]
    assert [one for one in found if one[0] == "called"] == [
        ("called", "bilgi", "09:00:07", "13.0", "0.0", "BUSY", "callback_busy"),
        ("called", "bilgi", "09:01:25", "79.0", "64.0", "ANSWERED", ""),
        ("called", "bilgi", "10:00:06", "24.0", "0.0", "NO ANSWER", "")]
    assert next(one for one in found if one[0] == "agent") == (
        "agent", "bilgi", "09:01:40", "64.0", "60.0", "ANSWERED", "agent"), "no phone of an agent rings for a dial"


async def test_what_an_agent_needs_is_in_no_leg(tmp_path: Path) -> None:
    """One of a pair says "not now", takes a break in the next ring, and then talks: one leg, one word."""
    team = tuple(Agent(AgentId(name), ((SKILL, 50),), Profile(pair_id="p")) for name in ("a0", "a1"))
    day = Day(Centre((Service(BILGI, "Bilgi", (Step(((SKILL, 1),)),), distress=True, load=3),), team))
    day.sign_in(8 * H, 0, 1)
    one = day.call(9 * H, "1.1")
    day.offer(9 * H, one)
    day.give(9 * H + 4, events.HeavyContactsDeclined(AgentId("a0")))
    day.give(9 * H + 60, events.CallerHungUp(one))
    day.offer(12 * H, two := day.call(12 * H, "1.2"))
    day.give(12 * H + 7, events.AgentPaused(AgentId("a0")))
    day.give(12 * H + 60, events.CallerHungUp(two))
    await day.keep(str(tmp_path / "santral.db"))
    phones = [(row["kind"], row["duration_s"], row["reason"]) for row in exported(tmp_path) if row["kind"] != "caller"]
    assert phones == [("agent", "4.0", "rescinded"), ("agent", "7.0", "rescinded")]


async def test_every_offer_of_a_made_day_is_a_leg_and_so_is_every_caller(tmp_path: Path) -> None:
    heard = made.simulate_day(made.build_centre(), MIDNIGHT, 500)
    await made.store_day(tmp_path / "santral.db", heard)
    found = exported(tmp_path, "2026-03-01", "2026-03-04")
    assert len({(row["leg"], row["kind"]) for row in found}) == len(found)
    kinds = Counter(row["kind"] for row in found)
    offers = node_records.query_store(tmp_path / "santral.db", "select talk_s, connected_at from offers")
    passed = node_records.query_store(tmp_path / "santral.db",
        f"select count(*) as n from facts where kind = {NUMBERS['MenuEndedRecorded']}")
    assert kinds == {"agent": len(offers), "caller": passed[0]["n"]}
    assert sum(row["disposition"] == "ANSWERED" for row in found if row["kind"] == "agent") == sum(
        one["connected_at"] is not None for one in offers)
    assert sum(float(row["billsec_s"]) for row in found if row["kind"] == "agent") == pytest.approx(
        sum(one["talk_s"] or 0.0 for one in offers))
    assert not {"agent", "seat", "number"} & set(found[0])
    guide = (Path(__file__).resolve().parents[3] / "docs" / "supervise" / "reports.md").read_text(encoding="utf-8")
    table = guide.partition("\n## Export of legs\n")[2].partition("\n## ")[0]
    assert re.findall(r"`(\w+)`", "".join(re.findall(r"^(\| `[^|]+)\|", table, re.MULTILINE))) == list(legs.COLUMNS)


@pytest.mark.parametrize(("arguments", "code", "said"), [
    (["--from", "2026-03-02", "--to", "2026-03-03", "--out", "x.txt"], 2, ".parquet"),
    (["--from", "2025-03-02", "--to", "2025-03-03", "--out", "x.csv"], 2, "nothing is known"),
    (["--from", "2026-03-02", "--to", "2026-03-03", "--out", "/no/x.csv"], 1, "cannot be written")])
async def test_what_cannot_be_used_is_told(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    day = Day()
    day.sign_in(8 * H, 0)
    await day.keep(str(tmp_path / "santral.db"))
    result = CliRunner().invoke(cli, ["export", "legs", str(tmp_path), *arguments])
    assert result.exit_code == code and said in result.output
