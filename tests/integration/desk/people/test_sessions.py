"""Sessions of people on a real store: cookies, ends, restarts, and talks that outlive a session."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from desk.api.tokens import Role, TokenHolder
from desk.people import person_rows, sessions
from desk.people.person_rows import SESSIONS_MAX
from desk.people.session_requests import COOKIE
from desk.people.sessions import COOKIE_MAX, SESSION_S, Sessions, hash_cookie
from routing.core import events
from routing.core.model.centre_model import AgentState
from routing.store.audit import Audit
from routing.store.store import Store
from tests.fakes.desk import Desk, add_people, running
from tests.fakes.inbox import FakeInbox, agent_view

pytestmark = pytest.mark.integration


class Hands:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def cookie_of(headers: dict[str, str]) -> str:
    return headers["Cookie"].partition("=")[2]


async def disable(desk: Desk, person: str, at: float) -> None:
    """Do what `santral people disable` does, with a separate connection."""
    other = await Store.open_store(Path(desk.audit.path).parent / "santral.db")
    await other.run_write(lambda connection: person_rows.disable_person(connection, person, at))
    await other.close()


async def test_a_person_asks_in_each_of_their_roles(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        both, ayse, nil = [await desk.sign_in(one) for one in ("a2", "ayse", "nil")]
        asked = {(name, path): (await desk.ask(method, path, None, headers=headers))[0]
                 for name, headers in (("both", both), ("ayse", ayse), ("nil", nil))
                 for method, path in (("POST", "/api/v1/agents/a2/decline-heavy"), ("GET", "/api/v1/agents/a1"),
                                      ("GET", "/api/v1/agents/a2/needs"), ("GET", "/api/v1/status"),
                                      ("POST", "/api/v1/reload"))}
        assert [path for (name, path), status in asked.items() if name == "both" and status == 200] == [
            "/api/v1/agents/a2/decline-heavy", "/api/v1/agents/a1", "/api/v1/agents/a2/needs", "/api/v1/status"]
        assert [path for (name, path), status in asked.items() if name == "ayse" and status == 200] == [
            "/api/v1/agents/a1", "/api/v1/status"]
        assert {status for (name, _), status in asked.items() if name == "nil"} == {403}


async def test_the_engine_and_the_audit_learn_which_supervisor_it_was(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        headers = await desk.sign_in("ayse")
        rules = {"rules": ["rest_gap"], "minutes": 5}
        assert (await desk.ask("POST", "/api/v1/agents/a1/override", None, headers=headers, json=rules))[0] == 200
        event = desk.inbox.events[-1]
        assert isinstance(event, events.RulesOverridden) and event.by == "supervisor ayse"
        await desk.ask("POST", "/api/v1/recordings/search", None, headers=headers, json={})
        assert desk.house.asked[-1][0] == "supervisor ayse"


async def test_a_cookie_is_256_random_bits_and_only_its_hash_is_stored(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        cookies = [cookie_of(await desk.sign_in("a1")) for _ in range(2)]
        assert len(set(cookies)) == 2 and all(re.fullmatch(r"[\w-]{43}", one) for one in cookies)
    with closing(sqlite3.connect(tmp_path / "santral.db")) as rows:
        stored = "\n".join(rows.iterdump()) + (tmp_path / "audit.jsonl").read_text()
    assert not any(one in stored for one in cookies)


@pytest.mark.parametrize(("sent", "status"), [
    ({"Sec-Fetch-Site": "same-origin"}, 200), ({"Origin": "http://{host}"}, 200), ({"Origin": "https://{host}"}, 200),
    ({}, 403), ({"Origin": "null"}, 403), ({"Origin": "https://kotu.example"}, 403),
    ({"Origin": "http://["}, 403),
    ({"Sec-Fetch-Site": "cross-site"}, 403), ({"Sec-Fetch-Site": "same-site"}, 403), ({"Sec-Fetch-Site": "none"}, 403),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://{host}"}, 403)])
async def test_a_cookie_counts_only_on_requests_of_our_own_pages(tmp_path: Path, sent: dict[str, str],
                                                                 status: int) -> None:
    async with running(folder=tmp_path) as desk:
        headers = {"Cookie": (await desk.sign_in("a1"))["Cookie"],
                   **{name: value.format(host=desk.base.removeprefix("http://")) for name, value in sent.items()}}
        found, said = await desk.ask("POST", "/api/v1/agents/a1/resume", None, headers=headers)
        assert (found, said.get("error")) == (status, None if status == 200 else "foreign_request")
        assert len(desk.inbox.events) == (1 if status == 200 else 0)


async def test_a_cookie_without_a_session_is_told_that_it_is_over(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        for cookie in ("x", "A" * 43, "A" * (COOKIE_MAX + 1)):
            headers = {"Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}
            status, said = await desk.ask("GET", "/api/v1/queues", None, headers=headers)
            assert (status, said["error"]) == (401, "session_over")
        # A token decides alone, whatever the cookie is.
        assert (await desk.ask("GET", "/api/v1/queues", Role.AGENT, headers=headers))[0] == 200
        good = await desk.sign_in("a1")
        assert (await desk.ask("GET", "/api/v1/queues", None, headers={**good, "Authorization": "Bearer x"}))[0] == 401


async def test_sign_out_ends_the_session_and_signs_the_agent_out(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        closed: list[str] = []
        desk.node.sessions.on_end(closed.append)
        first, second = await desk.sign_in("a1"), await desk.sign_in("a1")
        assert await desk.node.sessions.end_session(cookie_of(first))
        assert closed == [hash_cookie(cookie_of(first))] and desk.inbox.events == [], "the other browser works on"
        assert not await desk.node.sessions.end_session(cookie_of(first))
        assert (await desk.ask("GET", "/api/v1/queues", None, headers=first))[0] == 401
        assert (await desk.ask("GET", "/api/v1/queues", None, headers=second))[0] == 200
        assert await desk.node.sessions.end_session(cookie_of(second))
        assert desk.inbox.events == [events.AgentSignedOut("a1")]  # type: ignore[arg-type]
        assert [(one.who, one.what, dict(one.about)) for one in desk.audit.read_entries()] == [
            ("agent a1", "signed_in", {}), ("agent a1", "signed_in", {}),
            ("agent a1", "session_ended", {"reason": "signed_out"}),
            ("agent a1", "session_ended", {"reason": "signed_out"})]


async def test_in_a_talk_phone_and_events_live_until_wrap_up_is_over(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        closed: list[str] = []
        people = desk.node.sessions
        people.on_end(closed.append)
        cookie = cookie_of(await desk.sign_in("a1"))
        desk.inbox.agents = (agent_view("a1", "3001", AgentState.TALKING),)
        await disable(desk, "a1", time.time())
        await people.check_ends()
        assert desk.inbox.events == [events.AgentSignedOut("a1")], "no new offer"  # type: ignore[arg-type]
        for state in (AgentState.TALKING, AgentState.WRAPUP):
            desk.inbox.agents = (agent_view("a1", "3001", state),)
            await people.check_ends()
            assert people.holder_of(cookie) is None and closed == []
            kept = people.holder_of(cookie, until_talk_ends=True)
            assert kept is not None and kept.agent == "a1"
        desk.inbox.agents = (agent_view("a1", None, AgentState.SIGNED_OUT),)
        await people.check_ends()
        assert closed == [hash_cookie(cookie)] and people.holder_of(cookie, until_talk_ends=True) is None
        assert len(desk.inbox.events) == 1


async def test_a_session_that_ends_while_a_body_comes_opens_nothing(tmp_path: Path,
                                                                   monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(folder=tmp_path) as desk:
        mine, looked = await desk.sign_in("a1"), asyncio.Event()
        holder_of = desk.node.sessions.holder_of

        def look(cookie: str, *, until_talk_ends: bool = False) -> TokenHolder | None:
            looked.set()
            return holder_of(cookie, until_talk_ends=until_talk_ends)

        async def slow_body() -> AsyncIterator[bytes]:
            yield b"{"
            await looked.wait()
            await desk.node.sessions.end_session(cookie_of(mine))
            yield b"}"

        monkeypatch.setattr(desk.node.sessions, "holder_of", look)
        status, answer = await desk.ask("GET", "/api/v1/agents/a1/events", None, headers=mine, data=slow_body())
        assert status == 401 and answer["error"] == "session_over" and desk.node.live.stream_count == 0


async def test_a_session_ended_elsewhere_is_over_within_a_second(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        cookie = cookie_of(await desk.sign_in("ayse"))
        await disable(desk, "ayse", time.time())
        await desk.node.sessions.check_ends()
        assert desk.node.sessions.holder_of(cookie) is None
        assert await desk.node.sessions.open_session("ayse") is None
        assert sessions.WATCH_S <= 0.5


async def test_sessions_survive_a_restart_and_end_after_twelve_hours(tmp_path: Path) -> None:
    clock, inbox, audit = Hands(), FakeInbox(), Audit(tmp_path)
    store = await Store.open_store(tmp_path / "santral.db")
    await add_people(store)
    first = Sessions(store, inbox, audit, clock)
    await first.load_sessions()
    cookie = await first.open_session("ayse")
    assert cookie is not None
    await store.close()
    store = await Store.open_store(tmp_path / "santral.db")
    try:
        second = Sessions(store, inbox, audit, clock)
        await second.load_sessions()
        assert second.holder_of(cookie) == TokenHolder(Role.SUPERVISOR, "", "ayse", (Role.SUPERVISOR,),
                                                       hash_cookie(cookie))
        clock.now += SESSION_S - 1
        await second.check_ends()
        assert second.holder_of(cookie) is not None
        clock.now += 1
        assert second.holder_of(cookie) is None, "at once, whenever somebody looks"
        closed: list[str] = []
        second.on_end(closed.append)
        await second.check_ends()
        assert closed == [hash_cookie(cookie)] and await store.run_query(person_rows.load_sessions) == []
        assert [one.about for one in audit.read_entries()][-1] == {"reason": "expired"}
    finally:
        await store.close()


async def test_a_person_has_so_many_sessions_and_the_oldest_ends(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        cookies = [cookie_of(await desk.sign_in("ayse")) for _ in range(SESSIONS_MAX + 1)]
        live = [desk.node.sessions.holder_of(one) is not None for one in cookies]
        assert live == [False] + [True] * SESSIONS_MAX
