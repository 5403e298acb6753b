"""Live events on loopback: the whole state at each change, notices in order, and the bounds of a stream."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from desk.live.event_stream import UNSENT_MAX, StreamPace
from desk.live.live_desks import STREAMS_MAX
from desk.live.notices import NOTICES_MAX
from desk.people.session_requests import COOKIE
from routing.core import events as e
from routing.core.model.centre_model import AgentState, Profile, WrapUpMode
from routing.core.model.ids import AgentId, ContactId, SeatId, ServiceId
from tests.fakes.desk import add_people
from tests.fakes.live_node import CENTRE, Node, live_node
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration

QUICK = StreamPace(check_s=0.05, stalled_s=0.6, beat_s=0.15, look_s=0.15, tick_s=0.3)
"""Times that a test can wait for. The order of the four is that of the real ones."""


async def test_a_stream_opens_with_the_whole_state_and_follows_a_call(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node, node.stream() as client:
        opened = await client.read()
        assert opened is not None and opened.name == "state" and opened.data["state"] == "signed_out"
        await node.sits("a1", "2001")
        state = await client.next("state")
        assert (state.data["state"], state.data["seat"], state.data["phone"]) == (
            "ready", "2001", {"kind": "page", "registered": True})
        assert (await client.next("notice")).data["kind"] == "signed_in"
        offer = await node.rings("c1")
        state = await client.next("state")
        assert state.data["offer"]["offer"] == offer.offer and state.data["offer"]["service_name"] == "Bilgi"
        told = await client.next("notice")
        assert (told.data["kind"], told.data["contact"], told.data["id"]) == ("offer", "c1", told.id)
        node.post(e.OfferConnected(offer.offer, offer.contact))
        assert (await client.next("state")).data["talk"]["contact"] == "c1"
        assert (await client.next("notice")).data["kind"] == "taken"
        node.post(e.HoldSet(offer.offer, True))
        assert (await client.next("state")).data["talk"]["on_hold_since"] is not None
        assert (await client.next("notice")).data["kind"] == "hold"
        node.post(e.TalkEnded(offer.offer, "caller"))
        state = await client.next("state")
        assert state.data["talk"] is None and state.data["wrapup"]["contact"] == "c1"
        ended = await client.next("notice")
        assert (ended.data["kind"], ended.data["reason"]) == ("talk_ended", "caller")


async def test_a_phone_that_registers_or_goes_is_told_without_any_fact(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        await node.sits("a1", "2001")
        await node.ask("POST", "/api/v1/agents/a1/pause", "a1", json={})
        async with node.stream() as client:
            assert (await client.next("state")).data["phone"]["registered"]
            # In a pause the state of the agent stays, so no fact tells of the phone.
            for there in (False, True):
                node.post(e.SeatChanged(SeatId("2001"), reachable=there, in_use=False))
                assert (await client.next("state")).data["phone"]["registered"] is there


async def test_two_facts_at_once_come_in_order_after_one_state(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        await node.sits("a1", "2001")
        first = await node.rings("c1")
        async with node.stream() as client:
            await client.next("state")
            # The caller hangs up and another one comes: both are events of one turn.
            node.post(e.CallerHungUp(first.contact), e.ContactQueued(ContactId("c2"), ServiceId("bilgi"), "PJSIP/c2"))
            state = await client.read()
            assert state is not None and state.name == "state" and state.data["offer"]["contact"] == "c2"
            gone, new = await client.notices(2)
            assert (gone.data["kind"], gone.data["contact"], new.data["kind"], new.data["contact"]) == (
                "offer_gone", "c1", "offer", "c2")
            assert gone.id is not None and new.id is not None and gone.id < new.id


async def test_what_a_client_missed_comes_again_even_over_a_restart_of_the_node(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        await node.sits("a1", "2001")
        async with node.stream() as client:
            seen = (await client.next("state")).id
            assert seen is not None
        offer = await node.talks("c1")
        node.post(e.TalkEnded(offer.offer, "caller"))
        async with node.stream(last_id=seen) as client:
            assert (await client.read()).name == "state"  # type: ignore[union-attr]
            told = await client.notices(3)
            assert [one.data["kind"] for one in told] == ["offer", "taken", "talk_ended"]
        # A page that opens a new stream cannot send the header.
        async with node.browse("a1", {"Authorization": "Bearer a1"}, f"?last_event_id={told[0].id}") as client:
            assert [one.id for one in await client.notices(2)] == [told[1].id, told[2].id]
    async with live_node(tmp_path) as node, node.stream(last_id=told[0].id) as client:
        assert (await client.read()).name == "state"  # type: ignore[union-attr]
        again = await client.notices(2)
        assert [one.id for one in again] == [told[1].id, told[2].id] and again[1].data == told[2].data


async def test_a_client_gets_at_most_the_last_notices_and_nothing_for_an_unknown_id(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        await node.sits("a1", "2001")
        for _ in range(NOTICES_MAX // 2 + 5):
            await node.ask("POST", "/api/v1/agents/a1/pause", "a1", json={})
            await node.ask("POST", "/api/v1/agents/a1/resume", "a1")
        async with node.stream(last_id=0) as client:
            told = await client.notices(NOTICES_MAX)
            assert [one.id for one in told] == sorted(one.id or 0 for one in told)
            assert told[-1].data["kind"] == "ready"
            await node.ask("POST", "/api/v1/agents/a1/pause", "a1", json={"reason": "yemek"})
            assert (await client.next("notice")).data["reason"] == "yemek"
        for wrong in ("999999999", "-1", "x", "1" * 30):
            async with node.stream(**{"Last-Event-ID": wrong}) as client:
                await client.next("state")
                await node.ask("POST", "/api/v1/agents/a1/resume", "a1")
                assert (await client.next("notice")).data["kind"] == "ready"
                await node.ask("POST", "/api/v1/agents/a1/pause", "a1", json={})


async def test_a_growing_queue_warns_those_who_serve_it(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        await node.sits("a1", "2001")
        await node.talks("c0")
        async with node.stream() as mine, node.stream("a2", "a2") as others:
            for number in range(1, 6):
                node.post(e.ContactQueued(ContactId(f"c{number}"), ServiceId("bilgi"), f"PJSIP/c{number}"))
            told = await mine.next("notice")
            while told.data["kind"] != "queue_warning":
                told = await mine.next("notice")
            assert (told.data["service"], told.data["waiting"]) == ("bilgi", 5)
            # An agent who is signed out serves nothing.
            await node.sits("a2", "2002")
            assert (await others.next("notice")).data["kind"] == "signed_in"


async def test_a_supervisor_sees_the_desk_without_what_shows_an_accommodation(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        await node.sits("a1", "2001")
        async with node.stream("a1", "sup") as theirs, node.stream() as mine:
            await theirs.next("state"), await mine.next("state")
            offer = await node.rings("c1")
            assert (await mine.next("state")).data["offer"]["rings_until"] is not None
            assert (await theirs.next("state")).data["offer"]["rings_until"] is None
            node.post(e.OfferEnded(offer.offer, "no_answer"))
            assert [one.data["kind"] for one in await mine.notices(2)] == ["offer", "missed"]
            node.post(e.AgentPaused(AgentId("a1"), "yemek"))
            kinds = [one.data["kind"] for one in await theirs.notices(2)]
            assert "missed" not in kinds
            # An agent may not follow a colleague, and nobody follows somebody who does not exist.
            for agent, who, status in (("a2", "a1", 403), ("nobody", "sup", 404)):
                async with node.http.get(f"{node.base}/api/v1/agents/{agent}/events",
                                         headers={"Authorization": f"Bearer {who}"}) as answer:
                    assert answer.status == status


async def test_comments_and_ticks_come_without_any_change(tmp_path: Path) -> None:
    async with live_node(tmp_path, QUICK) as node, node.stream() as client:
        await client.next("state")
        first, second = await client.next("tick"), await client.next("tick")
        assert second.data["at"] > first.data["at"] and client.comments >= 2


async def test_the_oldest_stream_of_a_person_ends_when_there_are_too_many(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        async with node.stream() as first:
            await first.next("state")
            others = []
            for _ in range(STREAMS_MAX):
                stream = node.stream()
                client = await stream.__aenter__()
                await client.next("state")
                others.append((stream, client))
            assert (await first.next("end")).data == {"reason": "too_many"} and await first.read() is None
            # All others live, and so does a stream of somebody else.
            await node.sits("a1", "2001")
            for stream, client in others:
                assert (await client.next("state")).data["state"] == "ready"
                await stream.__aexit__(None, None, None)
        await until_async(lambda: node.desk.live.stream_count == 0)


async def test_a_client_that_goes_is_forgotten(tmp_path: Path) -> None:
    async with live_node(tmp_path, QUICK) as node:
        async with node.stream() as client:
            await client.next("state")
            assert node.desk.live.stream_count == 1
        await until_async(lambda: node.desk.live.stream_count == 0)


def half_open(node: Node) -> socket.socket:
    """Open a stream over a connection that takes almost nothing and never reads."""
    where = urlsplit(node.base)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    sock.connect((where.hostname, where.port))
    sock.sendall(b"GET /api/v1/agents/a1/events HTTP/1.1\r\nHost: santral\r\nAuthorization: Bearer a1\r\n\r\n")
    return sock


async def test_a_client_that_takes_nothing_is_ended_after_a_while(tmp_path: Path) -> None:
    async with live_node(tmp_path, QUICK) as node:
        await node.sits("a1", "2001")
        sock = half_open(node)
        try:
            await until_async(lambda: node.desk.live.stream_count == 1)
            # Far below the limit of unsent bytes, but more than the client's window.
            for _ in range(8):
                await node.ask("POST", "/api/v1/agents/a1/pause", "a1", json={})
                await node.ask("POST", "/api/v1/agents/a1/resume", "a1")
            await until_async(lambda: node.desk.live.stream_count == 0)
        finally:
            sock.close()


async def test_a_client_that_leaves_too_much_is_ended_at_once(tmp_path: Path) -> None:
    patient = StreamPace(check_s=0.05, stalled_s=3600.0, beat_s=3600.0, look_s=3600.0, tick_s=3600.0)
    async with live_node(tmp_path, patient) as node:
        await node.sits("a1", "2001")
        sock = half_open(node)
        try:
            await until_async(lambda: node.desk.live.stream_count == 1)
            sent = 0
            while node.desk.live.stream_count:
                await node.ask("POST", "/api/v1/agents/a1/pause", "a1", json={})
                await node.ask("POST", "/api/v1/agents/a1/resume", "a1")
                # Two states of some 700 bytes and two notices.
                sent += 1400
                assert sent < 4 * UNSENT_MAX, "the stream lives on with far too much unsent"
            assert sent > UNSENT_MAX / 2
        finally:
            sock.close()


async def test_a_slow_client_that_reads_lives_on(tmp_path: Path) -> None:
    # A busy machine needs a second for two requests.
    pace = QUICK._replace(stalled_s=3.0)
    async with live_node(tmp_path, pace) as node:
        await node.sits("a1", "2001")
        sock = half_open(node)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        try:
            await until_async(lambda: node.desk.live.stream_count == 1)
            taken = b""
            # It reads a little at a time, for twice the limit of a client that takes nothing.
            end = loop.time() + 2 * pace.stalled_s
            while loop.time() < end:
                await node.ask("POST", "/api/v1/agents/a1/pause", "a1", json={})
                await node.ask("POST", "/api/v1/agents/a1/resume", "a1")
                taken += await loop.sock_recv(sock, 8192)
                await asyncio.sleep(0.02)
            assert node.desk.live.stream_count == 1 and taken.count(b"event: state") > 3
        finally:
            sock.close()


async def test_a_stop_of_the_node_ends_all_streams_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.server.STOP_S", 3600.0)
    async with live_node(tmp_path) as node, node.stream() as client, node.stream("a2", "sup") as other:
        await client.next("state"), await other.next("state")
        stop = asyncio.create_task(node.server.stop_listening())
        # The stop waits for no stream: both are told before it is over.
        assert (await client.next("end")).data == {"reason": "stopping"}
        assert (await other.next("end")).data == {"reason": "stopping"}
        assert await client.read() is None
        async with asyncio.timeout(LIMIT_S):
            await stop


async def test_the_state_changes_by_the_clock_too(tmp_path: Path) -> None:
    centre_pace = StreamPace(check_s=0.05, stalled_s=60.0, beat_s=0.1, look_s=0.1, tick_s=60.0)
    async with live_node(tmp_path, centre_pace) as node:
        await node.sits("a1", "2001")
        async with node.stream() as client:
            await client.next("state")
            await node.ask("POST", "/api/v1/agents/a1/override", "sup", json={"rules": ["rest_gap"], "minutes": 5})
            state = await client.next("state")
            assert list(state.data["overrides"]) == ["rest_gap"]


async def test_the_stream_of_a_session_ends_with_it_but_not_in_a_talk(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        await add_people(node.store)
        cookie = await node.desk.sessions.open_session("a1")
        assert cookie is not None
        browser = {"Cookie": f"{COOKIE}={cookie}", "Sec-Fetch-Site": "same-origin"}
        await node.sits("a1", "2001")
        offer = await node.talks("c1")
        await until_async(lambda: node.runner.agent_view(AgentId("a1")).state is AgentState.TALKING)  # type: ignore[union-attr]
        async with node.browse("a1", browser) as client:
            assert (await client.next("state")).data["talk"]["contact"] == "c1"
            await node.desk.sessions.end_session(cookie)
            # The talk goes on with its events, also for a page that was reloaded.
            node.post(e.HoldSet(offer.offer, True))
            assert (await client.next("state")).data["talk"]["on_hold_since"] is not None
            async with node.browse("a1", browser) as again:
                assert (await again.next("state")).data["talk"]["contact"] == "c1"
            node.post(e.TalkEnded(offer.offer, "caller"))
            await client.next("notice")
            node.post(e.WrapUpEnded(AgentId("a1")))
            await until_async(lambda: node.runner.agent_view(AgentId("a1")).state is AgentState.SIGNED_OUT)  # type: ignore[union-attr]
            await node.desk.sessions.check_ends()
            assert (await client.next("end")).data == {"reason": "session_over"}
        async with node.http.get(f"{node.base}/api/v1/agents/a1/events", headers=browser) as answer:
            assert answer.status == 401


async def test_an_own_request_is_seen_at_once(tmp_path: Path) -> None:
    """The stream looks by itself only after an hour, so it is the event of the request that brings the state."""
    asks = Profile(wrapup_mode=WrapUpMode.OPTIONAL, wrapup_s=20.0)
    centre = CENTRE._replace(agents=tuple(one._replace(profile=asks) for one in CENTRE.agents))
    async with live_node(tmp_path, StreamPace(look_s=3600.0), centre) as node, node.stream() as client:
        await node.sits("a1", "2001")
        await node.talks("c1")
        while (state := await client.next("state")).data["talk"] is None:
            pass
        assert (state.data["talk"]["wrapup_after"], state.data["leaving"]) == ("on_request", False)
        await node.ask("POST", "/api/v1/agents/a1/wrapup/request", "a1")
        assert (await client.next("state")).data["talk"]["wrapup_after"] == "requested"
        await node.ask("POST", "/api/v1/agents/a1/logout", "a1")
        state = await client.next("state")
        assert (state.data["talk"]["wrapup_after"], state.data["leaving"]) == ("none", True)
        # The same seat again takes the sign-out back.
        await node.sits("a1", "2001")
        assert not (await client.next("state")).data["leaving"]
