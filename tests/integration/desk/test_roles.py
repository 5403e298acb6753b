"""Every route and every role: one table, and a new route without a row fails.

A row names who may use a route. `own` is the agent in the path, `agent` any agent; `everybody` has no session at all,
and `machine` is a program on this machine.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from desk.api.routes import ROUTES, STAFF, Route
from desk.api.tokens import Role
from tests.fakes.desk import TOKENS, Desk, running
from tests.fakes.inbox import agent_view
from tests.integration.desk.test_http import body

pytestmark = pytest.mark.integration

TABLE = """
POST /api/v1/agents/{id}/login: own supervisor admin
POST /api/v1/agents/{id}/phone: own
POST /api/v1/agents/{id}/phone/returned: own
POST /api/v1/agents/{id}/pause: own supervisor admin
GET /api/v1/pause-reasons: agent supervisor admin
POST /api/v1/agents/{id}/resume: own supervisor admin
POST /api/v1/agents/{id}/wrapup/end: own supervisor admin
POST /api/v1/agents/{id}/wrapup/extend: own supervisor admin
POST /api/v1/agents/{id}/wrapup/request: own supervisor admin
POST /api/v1/agents/{id}/decline-heavy: own
POST /api/v1/agents/{id}/report-load: own
POST /api/v1/agents/{id}/transfer: own
POST /api/v1/agents/{id}/consult: own
POST /api/v1/agents/{id}/consult/complete: own
POST /api/v1/agents/{id}/consult/cancel: own
POST /api/v1/agents/{id}/follow-up: own
POST /api/v1/agents/{id}/flag-abusive: own
POST /api/v1/agents/{id}/preferences: own
GET /api/v1/agents/{id}/skills: supervisor admin
POST /api/v1/agents/{id}/skills: supervisor admin
POST /api/v1/agents/{id}/override: supervisor admin
POST /api/v1/agents/{id}/logout: own supervisor admin
POST /api/v1/agents/{id}/recording/pause: own supervisor admin
POST /api/v1/agents/{id}/recording/resume: own supervisor admin
POST /api/v1/recordings/search: supervisor admin
GET /api/v1/recordings/{id}/sound: supervisor admin
POST /api/v1/callers/erase: supervisor admin
POST /api/v1/callers/preferences: supervisor admin
GET /api/v1/callers/preferences: supervisor admin
GET /api/v1/callbacks: supervisor admin
POST /api/v1/callbacks/{id}/cancel: supervisor admin
GET /api/v1/contacts: supervisor admin
POST /api/v1/contacts/{id}/prioritise: supervisor admin
POST /api/v1/contacts/{id}/move: supervisor admin
POST /api/v1/contacts/{id}/undo: supervisor admin
POST /api/v1/contacts/{id}/withdraw: supervisor admin
POST /api/v1/agents/{id}/hangup: own
GET /api/v1/agents/{id}/callbacks: own
GET /api/v1/agents/{id}/day: own
GET /api/v1/agents/{id}/comfort: own
PUT /api/v1/agents/{id}/comfort: own
GET /api/v1/agents/{id}/colleagues: own
GET /api/v1/agents/{id}/access-log: own
POST /api/v1/agents/{id}/note: own
GET /api/v1/agents/{id}/contacts: own
GET /api/v1/agents/{id}/caller: own
GET /api/v1/codes: agent supervisor admin
GET /api/v1/agents/{id}/needs: own
GET /api/v1/agents/{id}: own supervisor admin
GET /api/v1/agents/{id}/events: own supervisor admin
GET /api/v1/live/events: supervisor admin
GET /api/v1/live/calls/{id}: supervisor admin
GET /api/v1/agents: supervisor admin
GET /api/v1/queues: agent supervisor admin
GET /api/v1/status: supervisor admin
GET /api/v1/surge: supervisor admin
POST /api/v1/surge: supervisor admin
GET /api/v1/announcements: supervisor admin
POST /api/v1/announcements: supervisor admin
POST /api/v1/announcements/off: supervisor admin
GET /api/v1/hours: agent supervisor admin
POST /api/v1/reload: admin
GET /phone: agent
GET /phone/session: agent
GET /: agent supervisor admin
GET /live: supervisor admin
GET /sign-in: everybody
POST /sign-in: everybody
GET /password: everybody
POST /password: everybody
POST /sign-out: everybody
GET /static/{name}: everybody
GET /openapi.json: everybody
GET /health/live: everybody
GET /health/ready: everybody
GET /health/leader: everybody
GET /metrics: machine
"""

ROWS = {row: set(who.split()) for row, _, who in (line.partition(": ") for line in TABLE.strip().splitlines())}
PEOPLE = {"a1": {"own", "agent"}, "a3": {"agent"}, "a2": {"agent", "supervisor"},
          "ayse": {"supervisor"}, "omer": {"admin"}, "nil": set(), "ufuk": set()}
"""People of the fake, with what they are for a path that names `a1`."""
HOLDERS = {Role.AGENT: {"own", "agent"}, Role.SUPERVISOR: {"supervisor"}, Role.ADMIN: {"admin"}}
API = {f"{route.method} {route.path}": route for route in ROUTES}


def request_of(row: str) -> tuple[str, str, dict[str, Any]]:
    method, _, path = row.partition(" ")
    how = body(API[row]) if row in API else {}
    return method, path.replace("{id}", "a1").replace("{name}", "desk.css"), how


async def status_of(desk: Desk, row: str, headers: dict[str, str]) -> int:
    """Return the status alone: a stream of events has no end."""
    method, path, how = request_of(row)
    async with desk.http.request(method, desk.base + path, headers=headers, allow_redirects=False, **how) as answer:
        return answer.status


async def test_each_route_has_its_row(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        routes = {f"{route.method} {route.resource.canonical}" for route in desk.app.router.routes()
                  if route.method != "HEAD" and route.resource is not None}
        assert routes == set(ROWS)


@pytest.mark.parametrize("person", PEOPLE)
async def test_each_person_may_use_the_routes_of_the_table(tmp_path: Path, person: str) -> None:
    async with running(folder=tmp_path) as desk:
        headers = await desk.sign_in(person)
        desk.inbox.agents = (*desk.inbox.agents, agent_view("a3", None))
        for row, allowed in ROWS.items():
            if allowed & {"everybody", "machine"}:
                continue
            events, asked = len(desk.inbox.events), len(desk.house.asked)
            status = await status_of(desk, row, headers)
            if allowed & PEOPLE[person]:
                assert status < 500 and status not in (401, 403), (row, status)
            else:
                assert status == 403, (row, status)
                assert len(desk.inbox.events) == events and len(desk.house.asked) == asked, row


@pytest.mark.parametrize("role", TOKENS)
async def test_each_token_may_use_the_routes_of_the_table(tmp_path: Path, role: Role) -> None:
    async with running(folder=tmp_path) as desk:
        for row, route in API.items():
            status = await status_of(desk, row, {"Authorization": f"Bearer {TOKENS[role]}"})
            allowed = ROWS[row] & HOLDERS[role] and not route.session_only
            assert (status == 403) is not bool(allowed) and status < 500, (row, status)


async def test_without_a_session_there_are_only_open_pages(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        over, live = await desk.sign_in("a1"), await desk.sign_in("omer")
        await desk.http.post(f"{desk.base}/sign-out", headers=over)
        for row, allowed in ROWS.items():
            none, ended = await status_of(desk, row, {}), await status_of(desk, row, over)
            foreign = await status_of(desk, row, {**live, "Sec-Fetch-Site": "cross-site"})
            if row.startswith("POST") and "everybody" in allowed:
                # A form is taken only from a page of ours, with a session or without.
                assert none == foreign == 403 and ended in (204, 303, 400, 403), (row, none, foreign, ended)
            elif allowed & {"everybody", "machine"}:
                assert {none, ended} == {200}, (row, none, ended)
            elif row in ("GET /", "GET /live"):
                # A page leads to the form. A document shows only, so it may be opened from anywhere.
                assert none == ended == 303 and foreign == (303 if row == "GET /" else 200), (row, none, ended, foreign)
            else:
                assert none in (401, 403, 429) and ended in (401, 403) and foreign == 403, (row, none, ended, foreign)


ACTS = [route for route in ROUTES if route.method != "GET" and route.roles & STAFF]


@pytest.mark.parametrize("route", ACTS, ids=lambda route: route.path)
async def test_each_act_of_a_supervisor_or_admin_is_in_the_audit_with_the_person(tmp_path: Path, route: Route) -> None:
    person, role = ("ayse", "supervisor") if Role.SUPERVISOR in route.roles else ("omer", "admin")
    async with running(folder=tmp_path) as desk:
        row = f"{route.method} {route.path}"
        await status_of(desk, row, await desk.sign_in(person))
        told = [who for who, _ in desk.house.asked]
        if route.audited:
            # The handler hands the name to the part that writes the line.
            assert told and set(told) == {f"{role} {person}"}
        else:
            assert desk.house.acts == [(f"{role} {person}", {
                "route": row, **({"on": "a1"} if "{id}" in route.path else {})})]


async def test_a_number_in_place_of_an_id_is_not_in_the_audit(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        headers = await desk.sign_in("ayse")
        for path in ("/api/v1/callbacks/05321234567/cancel", "/api/v1/agents/05321234567/skills"):
            async with desk.http.post(desk.base + path, headers=headers, json={} if "skills" in path else None):
                pass
        assert [about.get("on") for _, about in desk.house.acts] == ["unknown", "unknown"]


async def test_an_act_that_cannot_be_audited_is_not_done(tmp_path: Path) -> None:
    async with running(folder=tmp_path) as desk:
        desk.house.audit_fails = True
        status, _ = await desk.ask("POST", "/api/v1/agents/a1/logout", Role.SUPERVISOR)
        assert status == 500 and desk.inbox.events == []
        # An agent's own sign-out is no act of a supervisor.
        assert (await desk.ask("POST", "/api/v1/agents/a1/logout", Role.AGENT))[0] == 200
