"""`santral people`: who may sign in, with and without a node, and one message for each mistake."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from desk.api.tokens import Role
from desk.desk import Desk
from desk.live import comfort_rows
from desk.people import person_rows
from desk.people.one_use_code import CODE_S, hash_code
from desk.people.person_rows import Person, Secrets, SessionRow
from desk.people.sessions import Sessions, hash_cookie
from desk.phone.web_seats import PagePhones
from routing.core.events import AgentSignedOut
from routing.core.model.centre_model import AgentState
from routing.core.model.ids import AgentId
from routing.store.audit import Audit
from routing.store.store import Store
from santral.cli import cli
from santral.people_cli import NAME_MAX
from santral.secrets import NodeSecrets
from tests.fakes.inbox import FakeInbox, agent_view

pytestmark = pytest.mark.integration

CODE = re.compile(r"^[A-Z2-9]{4}(-[A-Z2-9]{4}){4}\n$")


def run(state: Path, *words: str) -> tuple[int, str, str]:
    done = CliRunner().invoke(cli, ["people", *words, "--state", str(state)])
    return done.exit_code, done.stdout, f"{done.stderr}{done.exception or ''}"


def stored(state: Path, person: str) -> tuple[Person | None, Secrets | None, list[SessionRow]]:
    async def look() -> tuple[Person | None, Secrets | None, list[SessionRow]]:
        store = await Store.open_store(state / "santral.db")
        try:
            return await store.run_query(lambda connection: (
                person_rows.find_person(connection, person), person_rows.read_secrets(connection, person),
                person_rows.load_sessions(connection)))
        finally:
            await store.close()

    return asyncio.run(look())


def audited(state: Path) -> list[tuple[str, str, dict[str, object]]]:
    return [(one.who, one.what, dict(one.about)) for one in Audit(state).read_entries()]


def test_an_added_person_gets_a_code_that_is_stored_as_a_hash(tmp_path: Path) -> None:
    code, out, told = run(tmp_path, "add", "ayse", "--role", "supervisor", "--role", "admin", "--name", "Ayşe  Şahin",
                          "--who", "Ömer")
    assert code == 0 and CODE.match(out) and "/password" in told and out.strip() not in told
    person, secrets, _ = stored(tmp_path, "ayse")
    assert person == Person("ayse", "Ayşe Şahin", (Role.ADMIN, Role.SUPERVISOR), disabled=False)
    assert secrets is not None and secrets.password == "" and secrets.code == hash_code(out)
    assert abs(secrets.code_until - time.time() - CODE_S) < 60
    assert out.strip() not in (tmp_path / "audit.jsonl").read_text()
    assert audited(tmp_path) == [("Ömer", "person_added", {"person": "ayse", "roles": ["admin", "supervisor"]})]


@pytest.mark.parametrize("typed", ["abcd-efgh-jkmn-pqrs-tvwx", " ABCDEFGHJKMNPQRSTVWX ", "abcd efgh jkmn pqrs tvwx"])
def test_a_code_is_the_same_however_it_is_typed(typed: str) -> None:
    assert hash_code(typed) == hash_code("ABCD-EFGH-JKMN-PQRS-TVWX")


def test_an_agent_has_the_id_of_the_team(tmp_path: Path) -> None:
    assert run(tmp_path, "add", "a1001", "--role", "agent")[0] == 0
    code, out, told = run(tmp_path, "add", "ayse", "--role", "agent")
    assert code != 0 and out == "" and "has no agent 'ayse'" in told
    assert len(audited(tmp_path)) == 1


@pytest.mark.parametrize(("words", "told"), [
    (("add", "ayse", "--role", "chef"), "no role 'chef'; there are admin, supervisor, agent, needs, unit"),
    (("add", "ayşe", "--role", "unit"), "'ayşe' cannot be an id"),
    (("add", "a" * 33, "--role", "unit"), "cannot be an id"),
    (("add", "ayse", "--role", "unit", "--name", "x" * (NAME_MAX + 1)), "a name has at most"),
    (("add", "ayse", "--role", "unit", "--name", "a\x1bb"), "a name has at most"),
    (("add", "omer", "--role", "unit"), "'omer' is there already"),
    (("reset", "ayse"), "no person 'ayse'"), (("disable", "ayse"), "no person 'ayse'")])
def test_a_mistake_has_one_message_and_changes_nothing(tmp_path: Path, words: tuple[str, ...], told: str) -> None:
    run(tmp_path, "add", "omer", "--role", "unit")
    before = audited(tmp_path)
    code, out, said = run(tmp_path, *words)
    assert code != 0 and out == "" and told in said and audited(tmp_path) == before
    assert stored(tmp_path, "ayse")[0] is None


def test_a_running_node_ends_sessions_that_a_command_ends(tmp_path: Path) -> None:
    """The node holds the lease meanwhile, and the command does not ask for it."""
    run(tmp_path, "add", "ayse", "--role", "supervisor", "--name", "Ayşe Şahin")
    assert "Ayşe Şahin" in run(tmp_path, "list")[1]

    async def work() -> None:
        store = await Store.open_store(tmp_path / "santral.db")
        await store.take_lease("node")
        closed: list[str] = []
        sessions = Sessions(store, FakeInbox(), Audit(tmp_path), time.time)
        await sessions.load_sessions()
        sessions.on_end(closed.append)
        try:
            for command in ("reset", "disable"):
                cookie = await sessions.open_session("ayse")
                assert cookie is not None and sessions.holder_of(cookie) is not None
                code, _, told = await asyncio.to_thread(run, tmp_path, command, "ayse")
                assert code == 0 and "1 sessions end" in told
                await sessions.check_ends()
                assert sessions.holder_of(cookie) is None and closed.pop() == hash_cookie(cookie)
            # A person who was added meanwhile is known as well.
            await asyncio.to_thread(run, tmp_path, "add", "omer", "--role", "admin")
            assert await sessions.open_session("omer") is not None
        finally:
            await store.close()

    asyncio.run(work())
    assert run(tmp_path, "reset", "ayse")[0] != 0, "a disabled person is added again"
    _, listed, _ = run(tmp_path, "list")
    assert "Ayşe Şahin" not in listed, "a name goes with its access"
    assert re.search(r"ayse\t.*disabled\t0", listed) and re.search(r"omer\t.*code given.*\t1", listed)
    code, out, _ = run(tmp_path, "add", "ayse", "--role", "unit")
    person, secrets, _ = stored(tmp_path, "ayse")
    assert code == 0 and person is not None and person.roles == (Role.UNIT,)
    assert secrets is not None and secrets.code == hash_code(out)


@pytest.mark.parametrize("known", [True, False])
def test_a_disabled_agent_is_out_with_and_without_a_session(tmp_path: Path, known: bool) -> None:
    """Also one who works with PIN and token alone, whom no command has added."""
    if known:
        run(tmp_path, "add", "a1001", "--role", "agent")

    async def work() -> None:
        store = await Store.open_store(tmp_path / "santral.db")
        inbox = FakeInbox()
        inbox.agents = (agent_view("a1001", "2001"), agent_view("a1002", "2002"))
        sessions = Sessions(store, inbox, Audit(tmp_path), time.time)
        try:
            await sessions.check_ends()
            assert not sessions.is_disabled("a1001") and inbox.events == []
            assert (await asyncio.to_thread(run, tmp_path, "disable", "a1001"))[0] == 0
            # 1. The record is what token, PIN and codes ask. The engine signs the agent out.
            await sessions.check_ends()
            assert sessions.is_disabled("a1001") and not sessions.is_disabled("a1002")
            assert inbox.events == [AgentSignedOut(AgentId("a1001"))]
            # 2. A way in that nobody has closed, such as a roster, leads out again.
            await sessions.check_ends()
            assert len(inbox.events) == 2
            # 3. A talk goes on, and its end is asked for once.
            inbox.agents = (agent_view("a1001", "2001", AgentState.TALKING),)
            for _ in range(3):
                await sessions.check_ends()
            assert len(inbox.events) == 3
            # 4. Added again, the doors are open again.
            await asyncio.to_thread(run, tmp_path, "add", "a1001", "--role", "agent")
            await sessions.check_ends()
            assert not sessions.is_disabled("a1001") and len(inbox.events) == 3
        finally:
            await store.close()

    asyncio.run(work())


def test_a_disabled_agent_knows_no_secret_of_a_page_any_more(tmp_path: Path) -> None:
    """Of the seats whose secrets the agent was given, and of no other."""
    secrets = NodeSecrets(tmp_path)
    before = secrets.seat_secrets(["2001", "3001", "3002", "3003"])
    for agent in ("a1001", "a1002"):
        run(tmp_path, "add", agent, "--role", "agent")

    async def hand_out() -> None:
        store = await Store.open_store(tmp_path / "santral.db")
        desk = Desk(store, FakeInbox(), Audit(tmp_path), time.time,
                    PagePhones({seat: before[seat] for seat in ("3001", "3002", "3003")}, {}, "127.0.0.1:9"))
        try:
            assert (await desk.phones.hand_out_phone("a1001")).seat == "3001"
            assert (await desk.phones.hand_out_phone("a1002")).seat == "3002"
            await desk.phones.hand_out_phone("a1001")
        finally:
            await store.close()

    asyncio.run(hand_out())
    code, _, told = run(tmp_path, "disable", "a1001")
    assert code == 0 and "New secrets of page seats: 3001. To put them in force: santral asterisk-conf" in told
    after = secrets.seat_secrets(before)
    assert [seat for seat in before if before[seat] != after[seat]] == ["3001"]
    assert before["3001"] not in (tmp_path / "secrets" / "seats.json").read_text(encoding="utf-8")
    # The new secret is nobody's yet, so a second time changes nothing.
    run(tmp_path, "add", "a1001", "--role", "agent")
    assert "New secrets" not in run(tmp_path, "disable", "a1001")[2]
    assert secrets.seat_secrets(before) == after


def test_what_a_disabled_agent_wished_to_hear_is_forgotten(tmp_path: Path) -> None:
    async def wishes(*chosen: str) -> list[Mapping[str, Any]]:
        store = await Store.open_store(tmp_path / "santral.db")
        try:
            for agent in chosen:
                await store.run_write(partial(comfort_rows.write_wish, agent=agent, wish={"ear": "left"}))
            return [await store.run_query(partial(comfort_rows.read_wish, agent=agent)) for agent in ("a1001", "a1002")]
        finally:
            await store.close()

    run(tmp_path, "add", "a1001", "--role", "agent")
    assert asyncio.run(wishes("a1001", "a1002")) == [{"ear": "left"}, {"ear": "left"}]
    assert run(tmp_path, "disable", "a1001")[0] == 0
    assert asyncio.run(wishes()) == [{}, {"ear": "left"}]


def test_a_folder_that_is_no_state_gets_no_people(tmp_path: Path) -> None:
    code, _, told = run(tmp_path / "none", "add", "ayse", "--role", "unit")
    assert code != 0 and "is no state folder" in told and not (tmp_path / "none").exists()


def test_settings_that_nobody_can_read_are_told(tmp_path: Path) -> None:
    bad = tmp_path / "bad.toml"
    bad.write_text(json.dumps({"x": 1}))
    assert run(tmp_path, "list", "--settings", str(bad))[0] != 0
