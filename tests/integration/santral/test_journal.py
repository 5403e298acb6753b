"""`santral replay` and `santral what-if` on the journal of a real store."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import time
from contextlib import closing
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner, Result

from planning.journal import cli as journal_cli
from planning.journal import recorded_traffic
from planning.journal.comparison import RuleChange, compare_rules, describe_comparison
from planning.journal.recording_engine import RecordingEngine
from planning.simulation.centre_run import Arrival, Duty, run_simulation
from planning.simulation.ledger import OutcomeLedger
from routing.core.engine import Engine
from routing.core.events import (
    AgentSignedIn,
    CallerHungUp,
    Configured,
    ContactQueued,
    Event,
    LinkChanged,
    OfferConnected,
    SeatChanged,
    TalkEnded,
)
from routing.core.model.centre_model import AgentState, Centre
from routing.core.model.facts import AgentChanged, Fact, Offered
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId, SkillId
from routing.core.model.talk_facts import TalkEndedRecorded
from routing.core.stored import Started
from routing.runner import RunnerTurn
from routing.store.callers import erasure
from routing.store.store import Store
from santral.centre.config import node_config
from santral.cli import cli
from santral.node.state_reader import open_journal
from tests.fakes.journal_day import Day
from tests.planning_house import EDU, agent, always, calls, pool, service

pytestmark = pytest.mark.integration

MEB = Path(__file__).resolve().parents[3] / "centres" / "meb"


@pytest.fixture(scope="module")
def centre() -> Centre:
    return node_config(MEB).centre


@pytest.fixture(scope="module")
def day(centre: Centre) -> Day:
    found = Day()
    found.run(centre, 0.02)
    return found


@pytest.fixture(scope="module")
def state(day: Day, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("state")
    asyncio.run(day.keep(folder / "santral.db"))
    return folder


def santral(*words: str) -> Result:
    return CliRunner().invoke(cli, list(words))


def test_a_replay_is_the_same_bit_for_bit(state: Path, day: Day) -> None:
    done = santral("replay", str(state))
    assert done.exit_code == 0, done.output
    offers = sum(isinstance(fact, Offered) for fact in day.facts)
    assert f"{len(day.entries)} entries, 1 starts of a node, {len(day.facts)} facts, {offers} decisions" in done.output
    assert "the same again, bit for bit" in done.output


def test_the_first_decision_that_differs_is_named(state: Path, day: Day, tmp_path: Path) -> None:
    copy = tmp_path / "santral.db"
    with closing(sqlite3.connect(state / "santral.db")) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    fact = [one for one in day.facts if isinstance(one, Offered)][20]
    with sqlite3.connect(copy) as other:
        changed = other.execute("UPDATE facts SET body = replace(body, ?, '\"a9999\"') WHERE seq = ?",
                                (f'"{fact.agent}"', fact.seq))
        assert changed.rowcount == 1
    other.close()
    done = santral("replay", str(copy))
    assert done.exit_code == 1
    assert f"fact {fact.seq} Offered differs" in done.output
    assert f"  agent: recorded 'a9999', replayed '{fact.agent}'" in done.output


def test_a_decision_is_explained_for_every_agent_without_naming_needs(state: Path, day: Day) -> None:
    offers = [one for one in day.facts if isinstance(one, Offered)]
    fact = offers[len(offers) // 2]
    done = json.loads(santral("replay", str(state), "--offer", str(fact.offer), "--json").stdout)
    why = {one["agent"]: one["why"] for one in done["agents"]}
    assert len(why) == 180 and why[fact.agent] == "chosen" and done["same"]
    assert all(why[agent] == "ranked_after" for agent in fact.runners_up)
    private = {"channel", "topic", "rest", "break", "load", "pair"}
    assert not private & set(why.values())
    assert done["offer"]["score"] == pytest.approx(fact.score, abs=0.001)
    assert not {"tier", "partner"} & set(done["offer"])
    assert done["offer"]["by_state"] == dict(zip(AgentState, fact.by_state, strict=True))
    told = json.loads(santral("replay", str(state), "--offer", str(fact.offer), "--json", "--needs").stdout)
    assert told["offer"]["tier"] == fact.tier
    said = santral("replay", str(state), "--offer", str(fact.offer)).output
    assert f"{fact.by_state[list(AgentState).index(AgentState.READY)]} ready" in said.split("Agents: ")[1]
    named = {one["agent"]: one["why"] for one in told["agents"]}
    hidden = {agent for agent, one in named.items() if one in private}
    assert {agent for agent, one in why.items() if one == "not_now"} <= hidden
    assert {why[agent] for agent in hidden} <= {"not_now", "state", "busy", "phone"}, "what anybody could see"


@pytest.mark.parametrize(("words", "code", "told"), [
    (("replay", "nowhere"), 2, "no journal at nowhere"),
    (("replay", "sqlite:///nowhere.db"), 2, "no journal at sqlite:///nowhere.db"),
    (("replay", "://x"), 2, "://… is no URL of a database"),
    (("replay", "STATE", "--offer", "999999"), 2, "no offer 999999 in this journal"),
    (("what-if", "STATE", "--centre", str(MEB), "--from", "gestern"), 2, "is no time; write 2026-03-02"),
    (("what-if", "STATE", "--centre", str(MEB), "--from", "2026-03-02"), 2, "no contact came in the time"),
    (("what-if", "STATE", "--centre", str(MEB), "--html", "/"), 1, "/ cannot be written"),
])
def test_what_cannot_be_used_is_one_message(state: Path, words: tuple[str, ...], code: int, told: str) -> None:
    done = santral(*(str(state) if word == "STATE" else word for word in words))
    assert done.exit_code == code and told in " ".join(done.output.split())
    assert not Path("nowhere.db").exists()


def test_a_part_is_taken_by_the_centres_clock(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours before Greenwich, wherever the machine stands."""
    with monkeypatch.context() as here:
        here.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        done = santral("what-if", str(state), "--centre", str(MEB), "--from", "1970-01-01T10:00", "--json")
    time.tzset()
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["from"] == 8 * 3600.0


def test_times_from_the_first_to_the_last_of_the_calendar() -> None:
    zone = ZoneInfo("Europe/Istanbul")
    first, last = (journal_cli._parse_moment(text, zone) for text in ("0001-01-01", "9999-12-31T23:59"))
    assert first is not None and last is not None and first < 0.0 < last
    assert journal_cli._parse_moment("1970-01-01T10:00+01:00", zone) == 9 * 3600.0, "another offset may be named"


def test_what_a_purge_has_left_can_be_run_again(tmp_path: Path) -> None:
    """A node starts again while two agents talk and one caller waits. One of the agents is no longer in the settings.
    Everything before that start is destroyed."""
    centre, day, heard = pool(2), Day(), RecordingEngine()
    run_simulation(centre, calls(10.0, 20.0, 30.0, handle_s=500.0), always(centre), until=100.0, engine=heard)
    day.entries, day.facts, day.changes = heard.entries, heard.happened, heard.changes

    async def go_on() -> None:
        await day.keep(tmp_path / "santral.db")
        store = await Store.open_store(tmp_path / "santral.db")
        await store.take_lease("after")
        rows = await store.load_state()
        assert len(rows.contacts) == 3 and len(rows.offers) == 2
        told: list[tuple[float, Event | None]] = [
            (200.0, Started(pool(1), **rows._asdict())),
            *((210.0 + one.offer, TalkEnded(one.offer, "caller")) for one in rows.offers),
            (300.0, ContactQueued(ContactId("new"), EDU)), (310.0, CallerHungUp(ContactId("new"))),
            (320.0, CallerHungUp(ContactId("3")))]
        engine = Engine()
        for at, event in told:
            assert event is not None
            engine.handle(event, at)
        changes = engine.take_changes()
        await store.commit(RunnerTurn(told, engine.take_facts(), changes))
        await erasure.drop_history(store, await store.run_query(partial(
            erasure.find_old_history, journal_before=201.0, facts_before=201.0)))
        await store.close()

    asyncio.run(go_on())
    done = santral("what-if", str(tmp_path), "--centre", str(MEB), "--json")
    assert done.exit_code == 0, done.output
    was = json.loads(done.stdout)["runs"]["As it was"]["total"]
    assert (was["offered"], was["answered"]) == (1, 0)


def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "santral.db").write_text("not a database " * 100, encoding="utf-8")
    done = santral("replay", str(tmp_path))
    assert done.exit_code != 0 and "Traceback" not in done.output


def test_the_record_under_its_own_rules_is_nearly_what_it_was(state: Path, centre: Centre) -> None:
    with open_journal(str(state)) as journal:
        taken = recorded_traffic.read_traffic(journal.read_facts())
        compared = compare_rules(taken, [list(journal.read_facts())], [(0.0, Configured(centre))], centre)
    assert compared.same.total.offered == compared.was.total.offered == len(taken.arrivals)
    assert abs(compared.same.total.answered - compared.was.total.answered) <= 5
    assert abs(compared.same.total.service_level() - compared.was.total.service_level()) <= 0.02
    assert compared.same.violations == 0 == compared.was.violations
    assert compared.other.total.offered == compared.same.total.offered
    assert list(compared.other.total.waits) == list(compared.same.total.waits), "same rules, same numbers"


def test_other_rules_show_in_the_other_run_alone(state: Path, centre: Centre) -> None:
    """Half of the team are not in the other centre: its callers wait longer, the others as before."""
    fewer = centre._replace(agents=centre.agents[::6])
    with open_journal(str(state)) as journal:
        taken = recorded_traffic.read_traffic(journal.read_facts())
        compared = compare_rules(taken, [list(journal.read_facts())], [(0.0, Configured(centre))], fewer)
    assert compared.other.total.asa_s > compared.same.total.asa_s
    assert set(compared.other.agents) < set(compared.same.agents)


def test_what_a_record_cannot_tell_is_said(state: Path, centre: Centre) -> None:
    other = centre._replace(services=centre.services[:-1], agents=(
        *centre.agents[1:], centre.agents[0]._replace(id=AgentId("new"))))
    with open_journal(str(state)) as journal:
        taken = recorded_traffic.read_traffic(journal.read_facts())
        compared = compare_rules(taken, [list(journal.read_facts())], [(0.0, Configured(centre))], other)
    lost = sum(one.service == centre.services[-1].id for one in taken.arrivals)
    said = " ".join(describe_comparison(taken, compared))
    assert lost and f"{lost} contacts are for services that the other centre does not have" in said
    assert "1 agents of the record are not in the other centre" in said
    assert "1 agents of the other centre have no duty in the record" in said
    assert f"patience of {taken.patience_drawn} contacts" in said
    assert f"talk of {taken.talks_drawn} who had none" in said
    assert taken.talks_drawn == len(taken.arrivals) - compared.was.total.answered


def test_rules_that_changed_in_the_record_count_from_their_moment() -> None:
    """Half of the team goes, somebody new comes and points change: no order is broken, nobody is forgotten."""
    first = Centre((service("edu"), service("tip")), tuple(agent(f"a{n}", "edu", "tip") for n in range(4)))
    second = Centre((service("edu", priority=1), service("tip")),
                    (agent("a0", "edu", "tip"), agent("a1", "edu"), agent("a4", "tip")))
    coming = [Arrival(10.0 * n, ServiceId(("edu", "tip")[n % 2]), 60.0, 300.0, needs=((SkillId("edu"), 1),) * (n == 7))
              for n in range(60)]
    facts: list[Fact] = []
    run_simulation(first, coming, [Duty(one.id, 0.0, 2000.0 if one.id in ("a0", "a1") else 299.0)
        for one in first.agents],
        watch=facts.extend, also=[(300.0, Configured(second)), (310.0, SeatChanged(SeatId("n"), True, False)),
                                  (310.0, AgentSignedIn(AgentId("a4"), SeatId("n")))])
    taken = recorded_traffic.read_traffic(facts)
    assert [one.needs for one in taken.arrivals if one.needs] == [((SkillId("edu"), 1),)]
    changes: list[RuleChange] = [(0.0, Configured(first)), (300.0, Configured(second)),
        (400.0, LinkChanged("x", False))]
    compared = compare_rules(taken, [facts], changes, first)
    assert set(compared.was.agents) == {AgentId(f"a{n}") for n in range(5)}
    assert set(compared.same.agents) == {one.id for one in second.agents}, "the last rules"
    assert compared.was.violations == 0 and compared.was.offers > 30
    blind = OutcomeLedger(first._replace(agents=(*first.agents, second.agents[2])))
    blind.fold_facts(facts)
    assert blind.close_ledger(taken.end).violations > 0, "under the rules of the beginning it would look like disorder"


def test_a_talk_that_was_cut_is_one_answer() -> None:
    centre, engine, name = Centre((service("edu"),), (agent("a", "edu"),)), Engine(), ContactId("1")
    told: list[tuple[float, Event]] = [
        (0.0, Configured(centre)), (0.0, SeatChanged(SeatId("s"), True, False)),
        (0.0, AgentSignedIn(AgentId("a"), SeatId("s"))), (1.0, ContactQueued(name, ServiceId("edu"))),
        (2.0, OfferConnected(OfferId(1), name)), (5.0, TalkEnded(OfferId(1), "lost")), (9.0, CallerHungUp(name))]
    for at, event in told:
        engine.handle(event, at)
    facts = engine.take_facts()
    assert any(isinstance(one, TalkEndedRecorded) and one.by == "lost" for one in facts)
    was = compare_rules(recorded_traffic.read_traffic(facts), [facts], [(0.0, Configured(centre))], centre).was.total
    assert (was.offered, was.answered, was.abandoned, was.still_there) == (1, 1, 0, 0)


def test_the_page_and_the_table_show_three_runs(state: Path, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    done = santral("what-if", str(state), "--centre", str(MEB), "--html", str(page))
    assert done.exit_code == 0, done.output
    for one in ("As it was", "Same rules, run again", "Other rules", "Wait P99, s", "Order violations", "Occupancy"):
        assert one in done.stdout
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg viewBox") >= 5 and "Görüş ve öneri" in text and "Order violations" in text


def test_what_agents_did_becomes_duties_and_times_away() -> None:
    def changed(agent: str, at: float, before: AgentState, state: AgentState) -> AgentChanged:
        return AgentChanged(1, at, agent, 1, "genel", before, state, "", "s1", 0.0, (ServiceId("x"),), 0)  # type: ignore[arg-type]

    S = AgentState
    person = recorded_traffic._RecordedAgent()
    for fact in (changed("a", 10.0, S.SIGNED_OUT, S.READY), changed("a", 20.0, S.READY, S.PAUSED),
                 changed("a", 25.0, S.PAUSED, S.UNREACHABLE), changed("a", 30.0, S.UNREACHABLE, S.READY),
                 changed("a", 40.0, S.READY, S.SIGNED_OUT), changed("a", 50.0, S.SIGNED_OUT, S.READY)):
        person.change_state(fact.state, fact.at)
    person.change_state(S.SIGNED_OUT, 60.0)
    assert person.duties == [(10.0, 40.0, ((20.0, 30.0),)), (50.0, 60.0, ())]
