"""`santral replay` and `santral what-if` on the journal of a real store."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from planning import recorded
from planning.whatif import compare
from routing.core.facts import AgentChanged, Offered
from routing.core.ids import ServiceId
from routing.core.model import AgentState, Centre
from santral.cli import cli
from santral.config import node_config
from santral.journal import open_journal
from tests.fakes.journal_day import Day

pytestmark = pytest.mark.integration

MEB = Path(__file__).resolve().parents[2] / "centres" / "meb"


@pytest.fixture(scope="module")
def centre() -> Centre:
    return node_config(MEB).centre


@pytest.fixture(scope="module")
def day(centre: Centre) -> Day:
    found = Day()
    with pytest.MonkeyPatch.context() as patch:
        found.run(centre, 0.02, patch)
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
    with sqlite3.connect(state / "santral.db") as source, sqlite3.connect(copy) as target:
        source.backup(target)
    fact = [one for one in day.facts if isinstance(one, Offered)][20]
    with sqlite3.connect(copy) as other:
        changed = other.execute("UPDATE facts SET body = replace(body, ?, '\"agent\":\"a9999\"') WHERE seq = ?",
                                (f'"agent":"{fact.agent}"', fact.seq))
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
    told = json.loads(santral("replay", str(state), "--offer", str(fact.offer), "--json", "--needs").stdout)
    named = {one["agent"]: one["why"] for one in told["agents"]}
    assert {agent for agent, one in named.items() if one in private} == {
        agent for agent, one in why.items() if one == "not_now"}


@pytest.mark.parametrize(("words", "code", "told"), [
    (("replay", "nowhere"), 2, "no journal at nowhere"),
    (("replay", "STATE", "--offer", "999999"), 2, "no offer 999999 in this journal"),
    (("what-if", "STATE", "--centre", str(MEB), "--from", "gestern"), 2, "is no time; write 2026-03-02"),
    (("what-if", "STATE", "--centre", str(MEB), "--from", "2026-03-02"), 2, "no contact came in the time"),
])
def test_what_cannot_be_used_is_one_message(state: Path, words: tuple[str, ...], code: int, told: str) -> None:
    done = santral(*(str(state) if word == "STATE" else word for word in words))
    assert done.exit_code == code and told in " ".join(done.output.split())


def test_what_is_no_database_is_said_so(tmp_path: Path) -> None:
    (tmp_path / "santral.db").write_text("not a database " * 100, encoding="utf-8")
    done = santral("replay", str(tmp_path))
    assert done.exit_code != 0 and "Traceback" not in done.output


def test_the_record_under_its_own_rules_is_nearly_what_it_was(state: Path, centre: Centre) -> None:
    with open_journal(str(state)) as journal:
        taken = recorded.read(journal.facts())
        compared = compare(taken, [list(journal.facts())], centre, centre)
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
        taken = recorded.read(journal.facts())
        compared = compare(taken, [list(journal.facts())], centre, fewer)
    assert compared.other.total.asa_s > compared.same.total.asa_s
    assert set(compared.other.agents) < set(compared.same.agents)


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
    person = recorded._Person()
    for fact in (changed("a", 10.0, S.SIGNED_OUT, S.READY), changed("a", 20.0, S.READY, S.PAUSED),
                 changed("a", 25.0, S.PAUSED, S.UNREACHABLE), changed("a", 30.0, S.UNREACHABLE, S.READY),
                 changed("a", 40.0, S.READY, S.SIGNED_OUT), changed("a", 50.0, S.SIGNED_OUT, S.READY)):
        person.becomes(fact.state, fact.at)
    person.becomes(S.SIGNED_OUT, 60.0)
    assert person.duties == [(10.0, 40.0, ((20.0, 30.0),)), (50.0, 60.0, ())]
