"""The API on loopback: every route for every role, hostile input, one shape of errors."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import aiohttp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from desk.api.live_routes import show_course
from desk.api.models import (
    Announce,
    AnnouncementEnd,
    CallerPreference,
    CallersPreferences,
    CallerToErase,
    Duties,
    FollowUp,
    LoadReport,
    Move,
    Pause,
    Points,
    RecordingSearch,
    Reload,
    RuleOverride,
    SignIn,
    Transfer,
)
from desk.api.note_models import NOTE_MAX, NoteWanted
from desk.api.openapi import describe_api
from desk.api.route import BODY_MAX, NOTE_BODY_MAX, Route
from desk.api.routes import ROUTES
from desk.api.tokens import Role
from routing.core import events
from routing.core.inbox import InboxClosed
from routing.core.model.centre_model import Profile, WrapUpMode
from routing.core.model.errors import InDistress, NotNow, SeatTaken, WindowPast
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId
from tests.core.house import House as CoreHouse
from tests.fakes.desk import SOUND, TOKENS, running
from tests.until import until_async

pytestmark = pytest.mark.integration


def body(route: Route) -> dict[str, Any]:
    bodies: dict[type | None, dict[str, Any]] = {SignIn: {"json": {"seat": "2001"}}, Pause: {"json": {"reason": "çay"}},
                                               LoadReport: {"json": {"load": 4}},
                                               Duties: {"json": {"skills": {"tr": 80}}},
                                               RuleOverride: {"json": {"rules": ["rest_gap"], "minutes": 5}},
                                               Transfer: {"json": {"service": "temsilci"}},
                                               Move: {"json": {"service": "temsilci"}},
                                               NoteWanted: {"json": {"contact": "c1", "text": "Not"}},
                                               FollowUp: {"json": {"agreed": True}}, Reload: {"json": {}},
                                               Points: {"json": {"points": 3}},
                                               CallerToErase: {"json": {"hash": "5b" * 16}},
                                               Announce: {"json": {"text": "Bugün kapalıyız."}},
                                               AnnouncementEnd: {"json": {"id": 7}},
                                               CallerPreference: {"json": {"human_first": True}},
                                               CallersPreferences: {"json": {"hashes": ["5b" * 16], "slow": True}}}
    return bodies.get(route.request, {})



async def test_role_matrix_over_every_route() -> None:
    async with running() as desk:
        for route in ROUTES:
            for agent in ("a1", "a2"):
                path = route.path.replace("{id}", agent)
                assert (await desk.ask(route.method, path, None, **body(route)))[0] in (401, 429)
                for role in TOKENS:
                    allowed = not route.session_only and role in route.roles and (
                        role is not Role.AGENT or not route.own or agent == "a1")
                    before = len(desk.inbox.events)
                    status, said = await desk.ask(route.method, path, role, **body(route))
                    # Nobody is on the line whose course could be shown.
                    found = 404 if route.handler is show_course else 200
                    assert status == (found if allowed else 403), (route.path, role, agent, said)
                    if not allowed:
                        assert said["error"] == "forbidden" and len(desk.inbox.events) == before


async def test_each_post_is_one_event() -> None:
    async with running() as desk:
        for path, how, event in (
            ("login", {"json": {"seat": "2001"}}, events.AgentSignedIn("a1", "2001")),  # type: ignore[arg-type]
            ("pause", {"json": {"reason": "öğle"}}, events.AgentPaused("a1", "öğle")),  # type: ignore[arg-type]
            ("pause", {"json": {}}, events.AgentPaused("a1", "")),  # type: ignore[arg-type]
            ("pause", {}, events.AgentPaused("a1", "")),  # type: ignore[arg-type]
            ("resume", {}, events.AgentResumed("a1")),  # type: ignore[arg-type]
            ("wrapup/end", {"json": {}}, events.WrapUpEnded("a1")),  # type: ignore[arg-type]
            ("wrapup/extend", {}, events.WrapUpExtended("a1")),  # type: ignore[arg-type]
            ("wrapup/request", {}, events.WrapUpRequested("a1")),  # type: ignore[arg-type]
            ("decline-heavy", {}, events.HeavyContactsDeclined("a1")),  # type: ignore[arg-type]
            ("report-load", {"json": {"load": 4}}, events.LoadReported(7, 4)),  # type: ignore[arg-type]
            ("transfer", {"json": {"service": "temsilci"}}, events.TransferRequested(7, "temsilci")),  # type: ignore[arg-type]
            ("consult", {"json": {"service": "temsilci"}}, events.ConsultRequested(7, "temsilci")),  # type: ignore[arg-type]
            ("consult/complete", {}, events.ConsultEndRequested(7, True)),  # type: ignore[arg-type]
            ("consult/cancel", {}, events.ConsultEndRequested(7)),  # type: ignore[arg-type]
            ("flag-abusive", {}, events.CallerFlaggedAbusive(7)),  # type: ignore[arg-type]
            ("flag-abusive", {"json": {"abusive": False}}, events.CallerFlaggedAbusive(7, False)),  # type: ignore[arg-type]
            ("follow-up", {"json": {"agreed": True}}, events.FollowUpAgreed(7)),  # type: ignore[arg-type]
            ("follow-up", {"json": {"agreed": False}}, events.FollowUpAgreed(7, False)),  # type: ignore[arg-type]
            ("transfer", {"json": {"agent": "a2"}}, events.TransferRequested(7, None, "a2")),  # type: ignore[arg-type]
            ("logout", {}, events.AgentSignedOut("a1")),  # type: ignore[arg-type]
        ):
            status, said = await desk.ask("POST", f"/api/v1/agents/a1/{path}", Role.AGENT, **how)
            assert (status, said["id"], desk.inbox.events[-1]) == (200, "a1", event)
        told = len(desk.inbox.events)
        desk.house.callable = False
        status, said = await desk.ask("POST", "/api/v1/agents/a1/follow-up", Role.AGENT, json={"agreed": True})
        assert (status, said["error"], len(desk.inbox.events)) == (409, "no_callback", told)
        status, _ = await desk.ask("POST", "/api/v1/agents/a1/follow-up", Role.AGENT, json={"agreed": False})
        assert status == 200, "consent can always be taken back"


async def test_what_a_caller_prefers_goes_to_the_house_and_no_further() -> None:
    async with running() as desk:
        before = len(desk.inbox.events)
        path = "/api/v1/agents/a1/preferences"
        status, said = await desk.ask("POST", path, Role.AGENT, json={"human_first": True})
        assert (status, said["id"]) == (200, "a1")
        contact, wanted = desk.house.asked[-1]
        assert contact == "c1" and wanted == CallerPreference(human_first=True)
        for wrong in ({}, {"human_first": "ja"}, {"human_first": True, "why": "65"}):
            assert (await desk.ask("POST", path, Role.AGENT, json=wrong))[0] == 400
        many = {"hashes": ["5b" * 16, "6c" * 16], "slow": False}
        assert await desk.ask("POST", "/api/v1/callers/preferences", json=many) == (200, {"changed": 2})
        for wrong in ({"hashes": [], "slow": True}, {"hashes": ["+905321112233"], "slow": True},
                      {"hashes": ["5b" * 16]}, {"hashes": ["5b" * 16] * 51, "slow": True}):
            assert (await desk.ask("POST", "/api/v1/callers/preferences", json=wrong))[0] == 400
        assert (await desk.ask("GET", "/api/v1/callers/preferences"))[1] == {
            "slow": 7, "human_first": 0, "max_callers": 200_000, "expiry_days": 365, "enabled": True}
        assert len(desk.inbox.events) == before, "the engine decides nothing by it"


async def test_callbacks_are_shown_longest_first_and_taken_out_of_the_line() -> None:
    async with running() as desk:
        status, said = await desk.ask("GET", "/api/v1/callbacks")
        assert status == 200 and said["callbacks"] == [
            {"id": "a1", "service": "temsilci", "since": 700.0, "position": 1, "tries": 0, "next_at": 1000.0,
             "dialling": False},
            {"id": "a2", "service": "temsilci", "since": 940.0, "position": 2, "tries": 1, "next_at": 1090.0,
             "dialling": False}]
        assert (await desk.ask("POST", "/api/v1/callbacks/a2/cancel"))[0] == 200
        assert desk.inbox.events == [events.ContactExited(ContactId("a2"), "cancelled")]
        for nobody in ("c1", "c9"):  # one talks, one is not there
            assert (await desk.ask("POST", f"/api/v1/callbacks/{nobody}/cancel"))[0] == 404
        assert len(desk.inbox.events) == 1


async def test_a_recording_is_heard_by_supervisors_and_who_it_was_is_told() -> None:
    async with running() as desk:
        status, found = await desk.ask("POST", "/api/v1/recordings/search", json={"kind": "call", "limit": 5})
        assert (status, found["recordings"][0]["agent"]) == (200, "a1")
        assert desk.house.asked[-1] == ("supervisor", RecordingSearch(kind="call", limit=5))
        path = "/api/v1/recordings/20251125-0123456789abcdef/sound"
        assert await desk.ask("GET", path, Role.ADMIN) == (200, SOUND)
        assert desk.house.asked[-1] == ("admin", "20251125-0123456789abcdef")
        status, said = await desk.ask("GET", "/api/v1/recordings/missing/sound")
        assert (status, said["error"]) == (404, "unknown_recording")
        with pytest.raises(aiohttp.ClientError):
            await desk.ask("GET", "/api/v1/recordings/damaged/sound")
        for wrong in ({"limit": 0}, {"limit": 501}, {"kind": "other"}, {"contact": "a b"}, {"number": "1"}):
            assert (await desk.ask("POST", "/api/v1/recordings/search", json=wrong))[0] == 400


def _takes(kind: type, annotation: Any) -> bool:
    return annotation is kind or any(_takes(kind, one) for one in get_args(annotation))


def numbers(kind: type) -> list[tuple[Route, str]]:
    """Fields of requests that are, or hold, such numbers."""
    return [(route, name) for route in ROUTES if route.request is not None
            for name, field in route.request.model_fields.items() if _takes(kind, field.annotation)]


FLOATS = numbers(float)


@pytest.mark.parametrize(("route", "name"), FLOATS, ids=lambda one: one if isinstance(one, str) else one.path)
@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e400", "9" * 400])
async def test_a_number_of_a_request_is_one(route: Route, name: str, value: str) -> None:
    raw = json.dumps({**body(route).get("json", {}), name: 0}).replace(f'"{name}": 0', f'"{name}": {value}')
    async with running() as desk:
        role = Role.ADMIN if Role.ADMIN in route.roles else Role.AGENT
        status, said = await desk.ask(route.method, route.path.replace("{id}", "a1"), role, data=raw,
                                      headers={"Content-Type": "application/json"})
        assert (status, said["error"]) == (400, "bad_request") and said["detail"].startswith(f"{name}: ")
        assert not desk.house.asked


def test_moments_are_among_the_numbers_of_requests() -> None:
    assert {(route.request, name) for route, name in FLOATS} >= {(RecordingSearch, "since"),
        (RecordingSearch, "until"), (Announce, "until")}


@pytest.mark.parametrize(("route", "name"), numbers(int), ids=lambda one: one if isinstance(one, str) else one.path)
async def test_a_whole_number_of_a_request_has_an_end(route: Route, name: str) -> None:
    """A store cannot even be asked for one that is too large."""
    huge = {"tr": 10**30} if name == "skills" else 10**30
    async with running() as desk:
        role = Role.AGENT if Role.AGENT in route.roles else Role.ADMIN
        status, said = await desk.ask(route.method, route.path.replace("{id}", "a1"), role, json={
            **body(route).get("json", {}), name: huge})
        assert (status, said["error"]) == (400, "bad_request"), said


async def test_who_stops_listening_raises_no_alarm() -> None:
    """The log's line is for a recording that is damaged."""
    async with running() as desk:
        with capture_logs() as logs:
            headers = {"Authorization": "Bearer sup-token"}
            async with desk.http.get(f"{desk.base}/api/v1/recordings/endless/sound", headers=headers) as response:
                await response.content.read(1000)
                response.close()
            await until_async(lambda: desk.house.given_up == 1)
            assert logs == []
            with pytest.raises(aiohttp.ClientError):
                await desk.ask("GET", "/api/v1/recordings/damaged/sound")
        assert [one["event"] for one in logs] == ["http.sound_aborted"]


async def test_an_agent_has_the_recording_paused_and_go_on() -> None:
    async with running() as desk:
        for word, on in (("pause", True), ("resume", False)):
            status, said = await desk.ask("POST", f"/api/v1/agents/a1/recording/{word}", Role.AGENT)
            assert (status, said["id"]) == (200, "a1")
            assert desk.house.asked[-1] == ("agent a1", ("a1", on))


async def test_a_caller_is_forgotten_by_the_hash_alone() -> None:
    async with running() as desk:
        path = "/api/v1/callers/erase"
        assert (await desk.ask("POST", path, json={"hash": "5b" * 16}))[0] == 200
        assert desk.inbox.events[-1] == events.CallerErased("5b" * 16)
        for wrong in ("", "+905321112233", "5B" * 16, "5b" * 17):
            assert (await desk.ask("POST", path, json={"hash": wrong}))[0] == 400


async def test_duties_and_overrides_are_a_supervisors_word() -> None:
    async with running() as desk:
        for path, body, event in (
            ("skills", {"skills": {"tr": 80}},
             events.AgentSkillsChanged("a1", (("tr", 80),), added=True)),  # type: ignore[arg-type]
            ("skills", {"skills": {"tr": 80}, "only": True},
             events.AgentSkillsChanged("a1", (("tr", 80),))),  # type: ignore[arg-type]
            ("skills", {}, events.AgentSkillsChanged("a1", None)),  # type: ignore[arg-type]
            ("override", {"rules": ["rest_gap"], "minutes": 5},
             events.RulesOverridden("a1", frozenset({"rest_gap"}), 1300.0, "supervisor")),  # type: ignore[arg-type]
        ):
            assert (await desk.ask("POST", f"/api/v1/agents/a1/{path}", json=body))[0] == 200
            assert desk.inbox.events[-1] == event
        before = len(desk.inbox.events)
        wrong: tuple[tuple[str, dict[str, Any]], ...] = (
            ("skills", {"skills": {"t r": 80}}), ("skills", {"skills": {"tr": 101}}),
            ("override", {"rules": ["breaks"], "minutes": 5}), ("override", {"rules": [], "minutes": 5}),
            ("override", {"rules": ["rest_gap"], "minutes": 61}), ("override", {"rules": ["rest_gap"]}))
        for path, bad in wrong:
            assert (await desk.ask("POST", f"/api/v1/agents/a1/{path}", json=bad))[1]["error"] == "bad_request"
        assert len(desk.inbox.events) == before


NAMED: tuple[tuple[str, dict[str, Any], events.Event], ...] = (
    ("wrapup/end", {}, events.WrapUpEnded(AgentId("a1"), ContactId("m2"))),
    ("wrapup/extend", {}, events.WrapUpExtended(AgentId("a1"), ContactId("m2"))),
    ("wrapup/request", {}, events.WrapUpRequested(AgentId("a1"), ContactId("m2"))),
    ("report-load", {"json": {"load": 4}}, events.LoadReported(OfferId(8), 4)),
    ("transfer", {"json": {"agent": "a2"}}, events.TransferRequested(OfferId(8), None, AgentId("a2"))),
    ("consult", {"json": {"agent": "a2"}}, events.ConsultRequested(OfferId(8), None, AgentId("a2"))),
    ("consult/complete", {}, events.ConsultEndRequested(OfferId(8), complete=True)),
    ("consult/cancel", {}, events.ConsultEndRequested(OfferId(8))),
    ("follow-up", {"json": {"agreed": False}}, events.FollowUpAgreed(OfferId(8), False)),
    ("flag-abusive", {}, events.CallerFlaggedAbusive(OfferId(8))))
"""Routes that act on a contact at hand, with the event about a message next to a call."""


async def test_a_route_acts_on_the_contact_that_the_request_names() -> None:
    async with running() as desk:
        for path, how, event in NAMED:
            assert (await desk.ask("POST", f"/api/v1/agents/a1/{path}?contact=m2", Role.AGENT, **how))[0] == 200, path
            assert desk.inbox.events[-1] == event
        assert (await desk.ask("POST", "/api/v1/agents/a1/preferences?contact=m2", Role.AGENT,
                               json={"slow": True}))[0] == 200
        assert desk.house.asked[-1][0] == "m2"
        listed = (await desk.ask("GET", "/api/v1/agents/a1", Role.AGENT))[1]["contacts"]
        assert [(one["contact"], one["channel"]) for one in listed] == [("c1", "voice"), ("m2", "chat")]


async def test_a_contact_that_is_not_at_hand_any_more_is_named_in_vain() -> None:
    async with running() as desk:
        more: tuple[tuple[str, dict[str, Any]], ...] = (
            ("preferences", {"json": {"slow": True}}), ("hangup", {}), ("recording/pause", {}),
            ("recording/resume", {}))
        for path, how in (*[(path, how) for path, how, _ in NAMED], *more):
            status, said = await desk.ask("POST", f"/api/v1/agents/a1/{path}?contact=c9", Role.AGENT, **how)
            assert (status, said["error"]) == (404, "unknown_contact"), path
            status, said = await desk.ask("POST", f"/api/v1/agents/a1/{path}?contact=c%209", Role.AGENT, **how)
            assert (status, said["error"]) == (400, "bad_request"), path
        assert desk.inbox.events == [] and desk.house.asked == []
        # A message has no leg and no recording.
        for path in ("hangup", "recording/pause"):
            status, said = await desk.ask("POST", f"/api/v1/agents/a1/{path}?contact=m2", Role.AGENT)
            assert (status, said["error"]) == (409, "not_now")


def test_each_route_that_names_a_contact_says_so() -> None:
    paths = describe_api("1")["paths"]
    named = {path for path, how in paths.items() for one in how.values()
             if any(parameter["name"] == "contact" for parameter in one.get("parameters", ()))}
    assert named == {f"/api/v1/agents/{{id}}/{path}" for path in (
        *[path for path, _, _ in NAMED], "preferences", "hangup", "recording/pause", "recording/resume")}


async def test_nothing_at_hand_cannot_be_weighed() -> None:
    async with running() as desk:
        desk.inbox.agents = (desk.inbox.agents[0]._replace(offers=()),)
        status, said = await desk.ask("POST", "/api/v1/agents/a1/report-load", Role.AGENT, json={"load": 4})
        assert (status, said["error"], desk.inbox.events) == (409, "not_now", [])


async def test_who_talks_with_nobody_sends_nobody_on_and_nobody_is_sent_nowhere() -> None:
    async with running() as desk:
        status, said = await desk.ask("POST", "/api/v1/agents/a1/transfer", Role.AGENT, json={})
        assert (status, said["error"], said["message"]) == (
            409, "target_needed", "Önce nereye aktaracağınızı seçin: bir hizmet ya da bir çalışma arkadaşı.")
        desk.inbox.agents = (desk.inbox.agents[0]._replace(contacts=()),)
        for path, how in (("transfer", {"json": {"agent": "a2"}}), ("consult", {"json": {"agent": "a2"}}),
                          ("consult/cancel", {}), ("consult/complete", {}), ("follow-up", {"json": {"agreed": True}})):
            status, said = await desk.ask("POST", f"/api/v1/agents/a1/{path}", Role.AGENT, **how)
            assert (status, said["error"], desk.inbox.events) == (409, "not_now", [])


async def test_what_would_show_an_accommodation_is_for_the_agent_alone() -> None:
    async with running() as desk:
        own = (await desk.ask("GET", "/api/v1/agents/a1", Role.AGENT))[1]
        assert own["until"] == 99.0 and own["rna_count"] == 3
        assert own["overrides"] == {"rest_gap": 2000.0} \
            and (own["heavy_declined_until"], own["resting_until"]) == (150.0, None)
        for role in (Role.SUPERVISOR, Role.ADMIN):
            for said in ((await desk.ask("GET", "/api/v1/agents/a1", role))[1],
                         (await desk.ask("POST", "/api/v1/agents/a1/resume", role))[1],
                         (await desk.ask("GET", "/api/v1/agents", role))[1]["agents"][0],
                         (await desk.ask("GET", "/api/v1/status", role))[1]["agents"][0]):
                assert said["until"] is None and said["rna_count"] is None
                assert said["overrides"] is said["heavy_declined_until"] is said["resting_until"] is None


async def test_agents_alone_see_what_is_stored_of_their_needs() -> None:
    async with running() as desk:
        path = "/api/v1/agents/a1/needs"
        assert await desk.ask("GET", path, Role.AGENT) == (200, {"everybody": {"wrapup_s": 20.0}, "entries": [
            {"in_force": True, "valid_from": "2026-01-01", "valid_to": None, "review_at": None, "approved_by": "kurul",
             "needs": {"ring_timeout_s": 30.0, "channels": ["chat", "email"]}}]})
        for role in (Role.SUPERVISOR, Role.ADMIN):
            assert (await desk.ask("GET", path, role))[0] == 403
        assert (await desk.ask("GET", "/api/v1/agents/a2/needs", Role.AGENT))[0] == 403


async def test_a_supervisors_word_gives_one_who_waits_other_points() -> None:
    async with running() as desk:
        line = [{"id": name, "service": "temsilci", "position": place, "waited_s": waited, "points": 0}
                for name, place, waited in (("a1", 1, 300.0), ("a2", 2, 60.0))]
        assert await desk.ask("GET", "/api/v1/contacts") == (200, {"contacts": line})
        path = "/api/v1/contacts/a2/prioritise"
        assert await desk.ask("POST", path, json={"points": 5}) == (200, {"contacts": line})
        assert desk.inbox.events == [events.ContactPrioritised("a2", 5, "supervisor")]  # type: ignore[arg-type]
        assert desk.house.asked == [("supervisor", ("contact_prioritised", {"contact": "a2", "points": 5}))]
        for wrong in ({}, {"points": 61}, {"points": -61}, {"points": 1.5}):
            assert (await desk.ask("POST", path, json=wrong))[0] == 400
        for gone in ("c1", "c9"):  # one talks, one was never there
            status, said = await desk.ask("POST", f"/api/v1/contacts/{gone}/prioritise", json={"points": 5})
            assert (status, said["error"]) == (404, "unknown_contact")
        assert len(desk.inbox.events) == 1


async def test_a_supervisor_moves_and_withdraws_one_caller_and_both_are_audited() -> None:
    async with running() as desk:
        def at(act: str, contact: str = "a2") -> str:
            return f"/api/v1/contacts/{contact}/{act}"

        for act, body, event, about in (
                ("move", {"service": "bilgi"}, events.MoveRequested("a2", "bilgi", None, "supervisor"),  # type: ignore[arg-type]
                 {"service": "bilgi"}),
                ("move", {"service": "kriz", "confirm": True},
                 events.MoveRequested("a2", "kriz", None, "supervisor", True), {"service": "kriz", "confirmed": True}),  # type: ignore[arg-type]
                ("undo", None, events.ActUndone("a2", "supervisor"), {}),  # type: ignore[arg-type]
                ("move", {"agent": "a1"}, events.MoveRequested("a2", None, "a1", "supervisor"), {"agent": "a1"}),  # type: ignore[arg-type]
                ("withdraw", {}, events.WithdrawalRequested("a2", "", False, None, "supervisor"), {"callback": False}),  # type: ignore[arg-type]
                ("withdraw", {"prompt": "bekleme-veda"},
                 events.WithdrawalRequested("a2", "bekleme-veda", False, None, "supervisor"),  # type: ignore[arg-type]
                 {"callback": False, "prompt": "bekleme-veda"}),
                ("withdraw", {"callback": True}, events.WithdrawalRequested("a2", "", True, None, "supervisor"),  # type: ignore[arg-type]
                 {"callback": True})):
            assert (await desk.ask("POST", at(act), json=body))[0] == 200
            what = {"move": "contact_moved", "withdraw": "contact_withdrawn", "undo": "contact_act_undone"}[act]
            assert desk.inbox.events[-1] == event
            assert desk.house.asked[-1] == ("supervisor", (what, {"contact": "a2", **about}))
        window = {"callback": True, "callback_from": 2_000_000_000.0, "callback_until": 2_000_003_600.0}
        assert (await desk.ask("POST", at("withdraw"), json=window))[0] == 200
        assert desk.inbox.events[-1].window == (2_000_000_000.0, 2_000_003_600.0)  # type: ignore[union-attr]
        done = len(desk.inbox.events)
        for act, body, status, code in (
                ("move", {}, 409, "target_needed"), ("withdraw", {"prompt": "Merhaba"}, 400, "bad_request"),
                ("withdraw", {"prompt": "bekleme-veda", "callback": True}, 400, "bad_request"),
                ("withdraw", {"callback_from": 5.0, "callback_until": 9.0}, 400, "bad_request"),
                ("withdraw", {"callback": True, "callback_from": 5.0}, 400, "bad_request"),
                ("withdraw", {"prompt": "yok"}, 404, "unknown_prompt")):
            found = await desk.ask("POST", at(act), json=body)
            assert (found[0], found[1]["error"]) == (status, code), body
        for act, body in (("move", {"service": "bilgi"}), ("withdraw", {})):
            assert (await desk.ask("POST", at(act, "c1"), json=body))[1]["error"] == "unknown_contact", "it talks"
            assert (await desk.ask("POST", at(act), Role.AGENT, json=body))[0] == 403
        desk.house.audit_fails = True
        assert (await desk.ask("POST", at("withdraw"), json={}))[0] >= 500
        assert len(desk.inbox.events) == done, "without its line in the audit log nothing is done"


async def test_what_the_engine_refuses_is_told() -> None:
    async with running(InDistress()) as desk:
        found = await desk.ask("POST", "/api/v1/contacts/a2/move", json={"service": "bilgi"})
        assert (found[0], found[1]["error"]) == (409, "in_distress")
    async with running(WindowPast("the time for the callback is over")) as desk:
        found = await desk.ask("POST", "/api/v1/contacts/a2/withdraw", json={
            "callback": True, "callback_from": 1.0, "callback_until": 2.0})
        assert (found[0], found[1]["error"], found[1]["message"]) == (
            409, "window_past", "Geri arama için seçilen zaman geçmiş.")


async def test_queues_and_status() -> None:
    async with running() as desk:
        queue = {"id": "temsilci", "name": "Temsilci", "waiting": 2, "ringing": 1, "talking": 3, "oldest_wait_s": 12.3,
                 "agents_signed_in": 6, "agents_ready": 5, "open": True,
                 "expected_wait": {"wait_s": 20.0, "low_s": 5.0, "high_s": 41.2}}
        assert await desk.ask("GET", "/api/v1/queues", Role.AGENT) == (200, {"at": 1000.0, "queues": [queue]})
        status, said = await desk.ask("GET", "/api/v1/status")
        assert status == 200 and said["queues"] == [queue] and said["link_up"] and len(said["agents"]) == 2
        assert (await desk.ask("GET", "/api/v1/agents/a9"))[1]["error"] == "unknown_agent"


@pytest.mark.parametrize(("answered", "status", "code"), [
    (SeatTaken(), 409, "seat_taken"), (NotNow(), 409, "not_now"), (None, 404, "unknown_agent"),
    (InboxClosed(), 503, "unavailable"), (TimeoutError(), 503, "unavailable"),
    (RuntimeError("05321234567 broke /srv/secret"), 500, "internal")])
async def test_refusals_have_a_code_and_a_turkish_sentence(answered: Any, status: int, code: str,
                                                           capsys: pytest.CaptureFixture[str]) -> None:
    async with running(answered) as desk:
        found, said = await desk.ask("POST", "/api/v1/agents/a1/resume")
        assert (found, said["error"]) == (status, code)
        assert said["message"].endswith(".") and "secret" not in json.dumps(said)
    assert "05321234567" not in capsys.readouterr().out


FORCED = Profile(wrapup_mode=WrapUpMode.MANDATORY_FORCED_TIMEOUT, wrapup_s=60.0)
NEEDS = re.compile("|".join(("profile", "pair", "clock", "_s\\b", *Profile._fields)))
"""Words of a profile. Only the agent's own answers may contain them."""


@pytest.mark.parametrize(("profile", "event", "in_talk"), [
    (FORCED, events.WrapUpEnded(AgentId("a")), False), (FORCED, events.AgentResumed(AgentId("a")), False),
    (Profile(wrapup_mode=WrapUpMode.MANDATORY), events.WrapUpExtended(AgentId("a")), False),
    (Profile(wrapup_mode=WrapUpMode.AGENT_REQUESTED), events.WrapUpRequested(AgentId("a")), False),
    (Profile(wrapup_s=0.0), events.WrapUpRequested(AgentId("a")), True),
    (Profile(pair_id="x"), events.ConsultRequested(OfferId(1), ServiceId("edu")), True)])
async def test_a_refusal_tells_nobody_what_is_needed(profile: Profile, event: events.Event, in_talk: bool) -> None:
    house = CoreHouse({"a": 50, "b": 50}, profile)
    house.sits("a", "b", at=1.0)
    offer = house.talks(2.0)
    assert offer.agent == "a"
    if not in_talk:
        house.over(offer, 9.0)
    with pytest.raises(NotNow) as refused:
        house.tell(event, 10.0)
    async with running(refused.value) as desk:
        for role in (Role.SUPERVISOR, Role.ADMIN):
            status, said = await desk.ask("POST", "/api/v1/agents/a/resume", role)
            assert (status, said["detail"]) == (409, str(refused.value))
            assert not NEEDS.search(json.dumps(said, ensure_ascii=False))


HOSTILE = ["a\r\nAction: x", 'a"b', "a'b", "a,b", "a&b", "a|b", "", " " * 41, "\x00", "a\u202eb", "\x1b[2J", "${X}",
           "<b>", "a;b", "a=b", "a`b", "x\n"]


@pytest.mark.parametrize("text", HOSTILE)
async def test_hostile_text_is_refused_everywhere(text: str) -> None:
    async with running() as desk:
        for path, key in (("login", "seat"), ("pause", "reason")):
            status, said = await desk.ask("POST", f"/api/v1/agents/a1/{path}", json={key: text})
            assert (status, said["error"], said["detail"].split(":")[0]) == (400, "bad_request", key)
            assert text not in said["detail"] or not text.strip()
        assert desk.inbox.events == []


@pytest.mark.parametrize(("how", "status", "code"), [
    ({"json": {"seat": "2001", "agent": "a2"}}, 400, "bad_request"), ({"json": ["2001"]}, 400, "bad_request"),
    ({"json": {"seat": 2001}}, 400, "bad_request"), ({}, 409, "seat_needed"),
    ({"data": b"{", "headers": {"Content-Type": "application/json"}}, 400, "bad_request"),
    ({"data": b"\xff", "headers": {"Content-Type": "application/json"}}, 400, "bad_request"),
    ({"data": b'{"seat": "2001"}', "headers": {"Content-Type": "text/plain"}}, 415, "not_json"),
    ({"data": {"seat": "2001"}}, 415, "not_json"),
    ({"data": b" " * (BODY_MAX + 1), "headers": {"Content-Type": "application/json"}}, 413, "too_large")])
async def test_bodies_that_are_not_as_described(how: dict[str, Any], status: int, code: str) -> None:
    async with running() as desk:
        found, said = await desk.ask("POST", "/api/v1/agents/a1/login", **how)
        assert (found, said["error"]) == (status, code) and desk.inbox.events == []


async def test_agents_sign_in_in_their_hours_and_supervisors_sign_them_in_at_any_time() -> None:
    async with running() as desk:
        desk.house.off_duty.add(AgentId("a1"))
        path, body = "/api/v1/agents/a1/login", {"json": {"seat": "2001"}}
        status, said = await desk.ask("POST", path, Role.AGENT, **body)
        assert (status, said["error"]) == (409, "off_duty") and said["message"].startswith("Çalışma saatiniz")
        assert desk.inbox.events == []
        assert (await desk.ask("POST", path, Role.SUPERVISOR, **body))[0] == 200
        assert len(desk.inbox.events) == 1


async def test_other_refusals() -> None:
    async with running() as desk:
        assert (await desk.ask("POST", "/api/v1/agents/a1/resume", json={"x": 1}))[0] == 400
        assert (await desk.ask("POST", "/api/v1/agents/a%0d%0ab/resume"))[1]["error"] == "bad_request"
        assert (await desk.ask("GET", "/nowhere"))[1]["error"] == "not_found"
        assert (await desk.ask("DELETE", "/api/v1/queues"))[1]["error"] == "method_not_allowed"
        assert desk.inbox.events == []


async def test_a_note_has_two_thousand_letters_and_its_body_a_limit() -> None:
    async with running() as desk:
        async def write(text: str, **more: Any) -> tuple[int, Any]:
            return await desk.ask("POST", "/api/v1/agents/a1/note", Role.AGENT, data=json.dumps(
                {"contact": "c1", "text": text, **more}, ensure_ascii=False).encode(),
                headers={"Content-Type": "application/json"})

        status, said = await write("ş" * NOTE_MAX, code="bilgi")
        assert (status, said["code"], len(said["text"])) == (200, "bilgi", NOTE_MAX)
        assert (await write("ş" * (NOTE_MAX + 1)))[1]["detail"] == "text: string_too_long"
        status, said = await write("x" * 9 * 1024)
        assert (status, said["error"], said["detail"]) == (413, "too_large", f"at most {NOTE_BODY_MAX} bytes")
        status, said = await write("kısa", code="yok")
        assert (status, said["error"]) == (404, "unknown_code") and "it has bilgi" in said["detail"]
        assert (await write("kısa", contact="c 1"))[0] == 400
        assert (await desk.ask("GET", "/api/v1/codes", Role.AGENT))[1]["services"] == [
            {"service": "temsilci", "codes": [{"id": "bilgi", "name": "Bilgi verildi"}]}]


async def test_openapi_describes_what_is_there() -> None:
    async with running() as desk:
        document = (await desk.ask("GET", "/openapi.json", None))[1]
        assert document == describe_api("0") and document["openapi"].startswith("3.1")
        for route in ROUTES:
            operation = document["paths"][route.path][route.method.lower()]
            assert operation["summary"] == route.summary
            assert ("requestBody" in operation) == (route.request is not None)
            named = re.findall(r"{(\w+)}", route.path) + ["contact"] * route.of_contact
        assert [one["name"] for one in operation.get("parameters", [])] == named
        names = [op["operationId"] for path in document["paths"].values() for op in path.values()]
        assert len(names) == len(set(names))
        for ref in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
            assert ref.removeprefix("#/components/schemas/") in document["components"]["schemas"]


@given(st.text(max_size=60))
def test_whatever_passes_is_harmless(text: str) -> None:
    for model, key in ((SignIn, "seat"), (Pause, "reason")):
        try:
            model.model_validate({key: text})
        except ValueError:
            continue
        assert not re.search(r"[\x00-\x1f\x7f\"',&|;<>$`(){}\\]", text) and 1 <= len(text) <= 40


async def test_what_cannot_be_announced_is_told_with_the_reason() -> None:
    async with running() as desk:
        status, said = await desk.ask("POST", "/api/v1/announcements", json={"text": "Merhaba.", "service": "yok"})
        assert (status, said["error"]) == (409, "cannot_announce")
        assert said["detail"] == "no service 'yok'; there are temsilci"
        for bad in ({"text": "x" * 501}, {"text": "bir\niki"}, {"recording": "../../etc/passwd"}, {"prompt": "a/b"},
                    {"text": "iyi", "by": "a;b"}):
            assert (await desk.ask("POST", "/api/v1/announcements", json=bad))[1]["error"] == "bad_request", bad
        assert [wanted for _, wanted in desk.house.asked] == [Announce(text="Merhaba.", service="yok")]


async def test_no_request_of_an_agent_looks_at_the_whole_centre(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running() as desk:
        def refuse() -> None:
            raise AssertionError("the whole centre")

        queue = desk.inbox.queue_status()
        monkeypatch.setattr(desk.inbox, "queue_status", lambda: queue)
        monkeypatch.setattr(desk.inbox, "now", lambda: 1000.0)
        monkeypatch.setattr(desk.inbox, "status", refuse)
        for route in ROUTES:
            if Role.AGENT in route.roles:
                status, _ = await desk.ask(route.method, route.path.replace("{id}", "a1"), Role.AGENT, **body(route))
                assert status in ((403,) if route.session_only else (200, 404, 409)), route.path
