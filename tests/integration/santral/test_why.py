"""`santral why` on the journal of a real store: what it finds, and what is said when there is nothing to be told."""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
from contextlib import closing
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from planning.errors import PlanningError
from routing.core.engine import Engine
from routing.core.events import ContactQueued
from routing.core.model.facts import Ended, Offered, Queued
from routing.core.model.ids import ContactId
from routing.core.stored import Started
from routing.runner import RunnerTurn
from routing.store.audit import Audit, asker_name
from routing.store.reader import Reader
from routing.store.store import Store
from santral.centre.config import node_config
from santral.cli import cli
from santral.errors import StoreFailure
from santral.node.state_reader import note_needs, open_journal
from tests.fakes.journal_day import Day

pytestmark = pytest.mark.integration

MEB = Path(__file__).resolve().parents[3] / "centres" / "meb"
TOLD = 4
"""Contacts of the day that are told."""


@pytest.fixture(scope="module")
def day() -> Day:
    found = Day()
    found.run(node_config(MEB).centre, 0.01)
    return found


@pytest.fixture(scope="module")
def state(day: Day, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state")
    asyncio.run(day.keep(folder / "santral.db"))
    return folder


def santral(*words: str) -> Result:
    return CliRunner().invoke(cli, ["why", *words])


def one_line(done: Result) -> str:
    return " ".join(done.output.split())


def copied(state: Path, folder: Path, *statements: str) -> str:
    """A copy of the state with something done to it."""
    with closing(sqlite3.connect(state / "santral.db")) as source, \
            closing(sqlite3.connect(folder / "santral.db")) as target:
        source.backup(target)
        for statement in statements:
            target.execute(statement)
        target.commit()
    return str(folder)


def test_contacts_of_a_day_are_told_with_a_reason_for_everybody(state: Path, day: Day) -> None:
    offers = random.Random(1).sample([fact for fact in day.facts if isinstance(fact, Offered)], TOLD)
    for fact in offers:
        done = santral(fact.contact, str(state), "--json")
        assert done.exit_code == 0, done.output
        told = json.loads(done.stdout)
        assert told["contact"] == fact.contact and told["over"] and told["replay_complete"]
        (offer,) = [one for one in told["offers"] if one["offer"] == fact.offer]
        assert offer["agent"] == fact.agent and len(offer["agents"]) == 180
        assert offer["score"] == pytest.approx(fact.score, abs=0.001)
    said = santral(offers[0].contact, str(state))
    assert said.exit_code == 0 and f"{offers[0].agent} seçildi (teklif {offers[0].offer})" in said.output
    assert max(len(line.rstrip()) for line in said.output.splitlines()) <= 100


def test_a_contact_whose_journal_goes_on_after_a_restart(state: Path, day: Day, tmp_path: Path) -> None:
    """The last start before the contact is where the replay begins: of what is before it nothing need be sound."""
    copy = copied(state, tmp_path)
    with Reader(Path(copy) / "santral.db") as reader:
        loaded = reader.load_state()
    rules = node_config(MEB).centre
    start = Started(rules, loaded.contacts, loaded.offers, loaded.agents, next_offer=loaded.next_offer,
                    next_fact=loaded.next_fact)
    engine, at = Engine(), day.entries[-1][0] + 60.0
    engine.handle(start, at)
    first = engine.take_facts()
    later = ContactQueued(ContactId("77.1"), rules.services[0].id, "PJSIP/x")
    engine.handle(later, at + 1.0)

    async def write() -> None:
        store = await Store.open_store(Path(copy) / "santral.db")
        await store.take_lease("day")
        changes = engine.take_changes()
        await store.commit(RunnerTurn([(at, start), (at + 1.0, later)], [*first, *engine.take_facts()], changes))
        await store.close()

    asyncio.run(write())
    with closing(sqlite3.connect(Path(copy) / "santral.db")) as broken:
        broken.execute("UPDATE journal SET body = '{' WHERE seq = 100")
        broken.commit()
    done = santral("77.", copy)
    assert done.exit_code == 0, done.output
    assert "Neden hâlâ bekliyor" in done.output


@pytest.mark.parametrize(("words", "told"), [
    (("1", "nowhere"), "no journal at nowhere"),
    (("nobody", "STATE"), "no contact nobody in this journal"),
    (("", "STATE"), "name a contact"),
])
def test_what_cannot_be_used_is_one_message(state: Path, words: tuple[str, ...], told: str) -> None:
    done = santral(*(str(state) if word == "STATE" else word for word in words))
    assert done.exit_code == 2 and told in one_line(done)


def test_who_is_shown_what_agents_need_is_noted_first_and_nothing_is_shown_unnoted(
        state: Path, day: Day, tmp_path: Path) -> None:
    copy = copied(state, tmp_path)
    offer = next(fact for fact in day.facts if isinstance(fact, Offered))
    assert santral(offer.contact, copy).exit_code == 0 and not list(Audit(tmp_path).read_entries())
    assert santral(offer.contact, f"{copy}/santral.db", "--needs").exit_code == 0
    replayed = CliRunner().invoke(cli, ["replay", copy, "--offer", str(offer.offer), "--needs"])
    assert replayed.exit_code == 0 and CliRunner().invoke(cli, ["replay", copy, "--needs"]).exit_code == 0
    noted = list(Audit(tmp_path).read_entries())
    assert [(one.what, one.about, one.who) for one in noted] == 2 \
        * [("needs", {"contact": offer.contact}, asker_name())]

    Audit(tmp_path).path.unlink()
    Audit(tmp_path).path.mkdir()
    done = santral(offer.contact, copy, "--needs")
    assert isinstance(done.exception, StoreFailure) and "audit.jsonl cannot be written" in str(done.exception)
    assert done.exception.exit_code == 4 and offer.agent not in done.output
    with pytest.raises(PlanningError, match="--state"):
        note_needs("postgresql://127.0.0.1/santral", None, offer.contact)
    (elsewhere := tmp_path / "elsewhere").mkdir()
    note_needs("postgresql://127.0.0.1/santral", elsewhere, offer.contact)
    assert len(list(Audit(elsewhere).read_entries())) == 1


def test_a_beginning_of_several_contacts_names_them(state: Path, day: Day, tmp_path: Path) -> None:
    copy = copied(state, tmp_path, "UPDATE contacts SET contact = 'x17.' || contact WHERE contact IN ('1', '2')")
    done = santral("x17", copy)
    assert done.exit_code == 2 and "x17 is the beginning of several contacts: x17.1, x17.2" in one_line(done)


@pytest.mark.parametrize(("statement", "told"), [
    ("UPDATE facts SET body = replace(body, '\"voice\"', '\"smoke\"') WHERE seq = {offered}",
     "fact {offered}: not a record of kind Offered"),
    ("UPDATE journal SET kind = 'Nothing' WHERE seq = 5", "entry 5: no record of kind 'Nothing'"),
    ("DELETE FROM journal WHERE seq = 5", "entry 5 of {entries} is missing"),
    ("DELETE FROM facts", "contact {contact} is older than the journal"),
    ("DELETE FROM journal WHERE seq = 1", "does not begin with the start of a node"),
])
def test_a_damaged_journal_is_named(state: Path, day: Day, tmp_path: Path, statement: str, told: str) -> None:
    fact = [fact for fact in day.facts if isinstance(fact, Offered)][20]
    places = {"offered": str(fact.seq), "entries": str(len(day.entries)), "contact": fact.contact}
    for name, value in places.items():
        statement, told = statement.replace("{" + name + "}", value), told.replace("{" + name + "}", value)
    done = santral(fact.contact, copied(state, tmp_path, statement))
    assert done.exit_code == 2, done.output
    assert told in one_line(done) and "Traceback" not in done.output


def test_the_rest_of_a_contact_whose_beginning_was_destroyed(state: Path, day: Day, tmp_path: Path) -> None:
    fact = [fact for fact in day.facts if isinstance(fact, Ended)][30]
    done = santral(fact.contact, copied(state, tmp_path, f"DELETE FROM facts WHERE seq < {fact.seq}"))
    assert done.exit_code == 0 and "Kaydın başı silinmiş" in done.output


def test_what_a_running_node_writes_meanwhile_is_not_seen(state: Path, day: Day, tmp_path: Path) -> None:
    """The entries that led to it are not read either, and it would show as a decision that does not come again."""
    fact = [fact for fact in day.facts if isinstance(fact, Offered)][20]
    copy = copied(state, tmp_path)
    with open_journal(copy) as journal:
        (row,) = journal.find_contacts(fact.contact, 2)
        before = journal.facts_of(row)
        with closing(sqlite3.connect(Path(copy) / "santral.db")) as node:
            node.execute("INSERT INTO facts (seq, at, kind, body) SELECT seq + 100000, at, kind, body "
                         "FROM facts WHERE seq = ?", [fact.seq])
            node.execute(f"UPDATE facts SET at = {fact.at} WHERE seq > {fact.seq}")
            node.commit()
        seqs = [one.seq for one in before]
        assert fact.seq in seqs and [one.seq for one in journal.facts_of(row)] == seqs


def test_a_decision_that_does_not_come_again_is_said_so(state: Path, day: Day, tmp_path: Path) -> None:
    fact = [fact for fact in day.facts if isinstance(fact, Offered)][20]
    copy = copied(state, tmp_path, "UPDATE facts SET body = replace(body, '\"" + fact.agent
                  + f"\"', '\"a9999\"') WHERE seq = {fact.seq}")
    done = santral(fact.contact, copy)
    assert done.exit_code == 1
    assert "a9999 seçildi" in done.output and "aynı karar çıkmıyor" in one_line(done)


def test_the_longest_wait_of_a_day_is_explained(state: Path, day: Day) -> None:
    ended = [fact for fact in day.facts if isinstance(fact, Ended) and fact.wait_s > 0.0]
    zone = ZoneInfo("Europe/Istanbul")
    date = f"{datetime.fromtimestamp(day.entries[0][0], zone):%Y-%m-%d}"
    queued = {fact.contact: fact.at for fact in day.facts if isinstance(fact, Queued)}
    that_day = [fact for fact in ended if f"{datetime.fromtimestamp(queued[fact.contact], zone):%Y-%m-%d}" == date
                and fact.outcome in ("answered", "abandoned", "abandoned_short")]
    done = santral("--longest", date, str(state), "--json")
    assert done.exit_code == 0, done.output
    longest = max(fact.wait_s for fact in that_day)
    assert json.loads(done.stdout)["contact"] in {fact.contact for fact in that_day if fact.wait_s == longest}
    for words, code, said in ((("--longest", "2001-01-01", str(state)), 2, "nobody waited on 2001-01-01"),
                              (("--longest", "gestern", str(state)), 2, "no day; write 2026-03-02"),
                              (("--longest", date, "x", str(state)), 2, "santral why CONTACT JOURNAL")):
        wrong = santral(*words)
        assert wrong.exit_code == code and said in one_line(wrong), wrong.output
