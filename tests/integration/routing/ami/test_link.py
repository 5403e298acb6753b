"""The hardened link against a fake AMI server. Each AMI defect of panoramisk 1.4 has its regression test here; the
defect's place in the published wheel stands in the test's docstring."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from routing.ami import link as link_module
from routing.ami.errors import ActionRefused, AuthFailed, LinkLost, OutcomeUnknown
from routing.ami.link import Link, Login, Timing, backoff_delays
from routing.ami.wire import BadAction
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration

PATIENT = Timing(connect=LIMIT_S, login=LIMIT_S, action=LIMIT_S, ping_every=LIMIT_S, pong=LIMIT_S)
"""Limits that a busy machine never reaches. A test that waits for one gives a shorter one."""


@asynccontextmanager
async def connected(asterisk: FakeAsterisk, timing: Timing = PATIENT,
                    wanted: frozenset[str] | None = None) -> AsyncIterator[Link]:
    link = Link(Login("127.0.0.1", asterisk.port, "engine-events", "e1", "system,call"), wanted, timing=timing)
    try:
        await link.connect_and_login()
        yield link
    finally:
        await link.close()


async def take(link: Link, count: int) -> list[str]:
    names: list[str] = []
    while len(names) < count:
        names += [event.name for event in await link.next_events()]
    return names


async def test_login_actions_lists_and_events(asterisk: FakeAsterisk) -> None:
    asterisk.caller("1.1")
    async with connected(asterisk) as link:
        assert (await link.run_action({"Action": "Ping"})).get("Ping") == "Pong"
        items = await link.list_action({"Action": "CoreShowChannels"})
        assert [item.get("Uniqueid") for item in items] == ["1.1"]
        asterisk.caller("1.2")
        assert await take(link, 3) == ["FullyBooted", "Newchannel", "Newstate"]


async def test_split_letters_survive(asterisk: FakeAsterisk) -> None:
    """ami_protocol.py:41: a letter cut by two segments vanished."""
    asterisk.knobs.split = 1
    async with connected(asterisk) as link:
        asterisk.emit("Hold", CallerIDName="Şükrü Iğdır")
        await take(link, 1)
        event = (await link.next_events())[-1]
        assert event.get("CallerIDName") == "Şükrü Iğdır"


async def test_a_burst_of_100_000_events_is_taken_whole_and_in_order(asterisk: FakeAsterisk) -> None:
    kinds = ("VarSet", "Newexten", "RTCPSent", "AGIExecStart", "MusicOnHoldStart", "Hangup", "VarSet", "Newexten")
    blocks = [f"Event: {kinds[n % 8]}\r\nPrivilege: call,all\r\nUniqueid: 9.{n}\r\nName: Görüş\r\n\r\n"
              for n in range(100_000)]
    async with connected(asterisk, wanted=frozenset({"Hangup"})) as link:
        asterisk.raw("".join(blocks).encode())
        found: list[str] = []
        while len(found) < 12_500:
            found += [event.get("Uniqueid") for event in await link.next_events()]
        assert (await link.run_action({"Action": "Ping"})).ok, "the link is still there"
        assert found == [f"9.{n}" for n in range(5, 100_000, 8)]
        # FullyBooted is not wanted here either.
        assert link.counters.dropped == 87_501
        assert (link.counters.tainted, link.counters.overflows, link.is_lost) == (0, 0, False)


@pytest.mark.parametrize("value", ["x\r\nAction: Hangup", "x\nAction: Hangup", "x\r", "x\0y", "x" * 2000])
async def test_a_line_break_is_refused_before_anything_leaves(asterisk: FakeAsterisk, value: str) -> None:
    """actions.py:45-53: a line break in a value became a second action."""
    async with connected(asterisk) as link:
        with pytest.raises(BadAction):
            await link.run_action({"Action": "Getvar", "Variable": value})
        await link.run_action({"Action": "Ping"})
        assert asterisk.names() == []


async def test_nothing_is_replayed_after_a_loss(asterisk: FakeAsterisk) -> None:
    """ami_protocol.py:94-111: unanswered actions were sent again after the reconnect, so a phone rang twice."""
    asterisk.knobs.cut_after = {"Originate"}
    originate = {"Action": "Originate", "Channel": "PJSIP/1", "ChannelId": "o1-1.1", "Async": "true"}
    async with connected(asterisk) as link:
        with pytest.raises(OutcomeUnknown):
            await link.run_action(originate)
        assert link.is_lost
    asterisk.knobs.cut_after = set()
    async with connected(asterisk) as link:
        await link.run_action({"Action": "Ping"})
    assert asterisk.names() == ["Originate"]


async def test_a_node_that_may_not_act_writes_nothing_and_resets_the_connection() -> None:
    """Bytes in the kernel's buffer were still delivered after another node had taken over."""
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    written: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while data := await reader.readuntil(b"\r\n\r\n"):
                written.append(data)
                number = next(line for line in data.split(b"\r\n") if line.startswith(b"ActionID"))
                writer.write(b"Response: Success\r\n" + number + b"\r\n\r\n")
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            ended.set_result(type(error).__name__)

    acts = True
    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        login = Login("127.0.0.1", server.sockets[0].getsockname()[1], "engine-actions", "a1", "off")
        link = Link(login, timing=PATIENT, may_act=lambda: acts)
        await link.connect_and_login()
        assert (await link.run_action({"Action": "Ping"})).ok
        acts, before = False, len(written)
        originate = {"Action": "Originate", "Channel": "PJSIP/1", "ChannelId": "o1-1.1", "Async": "true"}
        assert link.start_action(originate) is None
        with pytest.raises(LinkLost):
            await link.run_action(originate)
        assert await asyncio.wait_for(ended, LIMIT_S) == "ConnectionResetError" and len(written) == before
        await link.close()


async def test_a_link_that_is_given_up_with_an_action_under_way_is_reset() -> None:
    """A phone rang minutes later: the kernel delivered an Originate whose offer was over by then."""
    ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            login = await reader.readuntil(b"\r\n\r\n")
            number = next(line for line in login.split(b"\r\n") if line.startswith(b"ActionID"))
            writer.write(b"Response: Success\r\n" + number + b"\r\n\r\n")
            while await reader.readuntil(b"\r\n\r\n"):
                pass
        except (ConnectionError, asyncio.IncompleteReadError) as error:
            ended.set_result(type(error).__name__)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        link = Link(Login("127.0.0.1", server.sockets[0].getsockname()[1], "engine-actions", "a1", "off"),
                    timing=PATIENT)
        await link.connect_and_login()
        assert link.start_action({"Action": "Hangup", "Channel": "o1-1.1", "Cause": "26"}) is not None
        link.mark_lost("no pong")
        assert await asyncio.wait_for(ended, LIMIT_S) == "ConnectionResetError"
        await link.close()


@pytest.mark.parametrize("name", ["Ping", "CoreShowChannels", "Hangup"])
async def test_every_action_under_way_ends_when_the_link_is_lost(asterisk: FakeAsterisk, name: str) -> None:
    """ami_protocol.py:102-108: futures of pings, logins and half answered lists never ended."""
    asterisk.knobs.silent = {name}
    async with connected(asterisk) as link:
        asking = [asyncio.create_task(link.send_action({"Action": name}, as_list=as_list)) for as_list in (True, False)]
        await until_async(lambda: len(asterisk.asked(name)) == 2)
        asterisk.cut()
        for task in asking:
            with pytest.raises(OutcomeUnknown):
                await task
        with pytest.raises(LinkLost):
            await link.run_action({"Action": "Ping"})
        assert link.protocol is not None and not link.protocol.responses


async def test_a_half_answered_list_ends_with_the_link(asterisk: FakeAsterisk) -> None:
    """ami_protocol.py:106: a list with its head and no end stayed for ever."""
    asterisk.knobs.silent = {"BridgeList"}
    async with connected(asterisk) as link:
        asking = asyncio.create_task(link.list_action({"Action": "BridgeList"}))
        await until_async(lambda: asterisk.names() == ["BridgeList"])
        asterisk.raw(f"Response: Success\r\nActionID: {asterisk.received[-1]['ActionID'][0]}\r\n"
                     "EventList: start\r\n\r\n".encode())
        assert link.protocol is not None
        await until_async(lambda: any(one.messages for one in link.protocol.responses.values()))
        asterisk.cut()
        with pytest.raises(OutcomeUnknown):
            await asking


async def test_a_refused_list_is_an_error_at_once(asterisk: FakeAsterisk) -> None:
    """actions.py:86-96: `as_list` and `Response: Error` never ended."""
    asterisk.knobs.refuse = {"CoreShowChannels": "Permission denied"}
    async with connected(asterisk) as link:
        with pytest.raises(ActionRefused, match="CoreShowChannels: Permission denied"):
            await link.list_action({"Action": "CoreShowChannels"})
        assert not (await link.run_action({"Action": "CoreShowChannels"})).ok


async def test_the_end_of_a_list_is_no_english_sentence(asterisk: FakeAsterisk) -> None:
    """actions.py:60-72: `successfully queued` was taken for a list, and `KeyError: async` rose in data_received."""
    asterisk.phones["1"] = "ring"
    async with connected(asterisk) as link:
        reply = await link.run_action({"Action": "Originate", "Channel": "PJSIP/1", "ChannelId": "o1-1.1",
                                   "Async": "true"})
        assert reply.get("Message") == "Originate successfully queued"
        assert (await link.list_action({"Action": "Ping"})) == []


async def test_events_with_our_action_id_are_events(asterisk: FakeAsterisk) -> None:
    """ami_protocol.py:74-87: OriginateResponse went to the future and was not dispatched."""
    asterisk.knobs.silent = {"Originate"}
    async with connected(asterisk, wanted=frozenset({"OriginateResponse"})) as link:
        asking = asyncio.create_task(link.run_action({"Action": "Originate", "Channel": "PJSIP/9", "Async": "true",
                                                  "ChannelId": "o1-1.1"}))
        (event,) = await link.next_events()
        assert event.name == "OriginateResponse" and event.get("Response") == "Failure"
        assert not asking.done()
        asking.cancel()


async def test_a_stuck_or_failing_reader_does_not_hurt_the_link(asterisk: FakeAsterisk) -> None:
    """manager.py:261-265: a handler's exception closed the connection; async handlers became loose, unordered tasks."""
    async with connected(asterisk) as link:
        for number in range(3000):
            asterisk.emit("Hold", Number=str(number))
        assert (await link.run_action({"Action": "Ping"})).ok
        assert len(asyncio.all_tasks()) < 10
        numbers = [event.get("Number") for event in await link.next_events() if event.name == "Hold"]
        assert numbers == [str(number) for number in range(3000)]


async def test_too_many_unread_events_end_the_link_and_are_counted(
        asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    """manager.py:264: no bound."""
    monkeypatch.setattr(link_module, "EVENTS_MAX", 10)
    async with connected(asterisk) as link:
        for _ in range(11):
            asterisk.emit("Hold")
        assert await link.wait_lost() == "events came faster than they were handled"
        assert link.counters.overflows == 1
        assert len(await link.next_events()) == 10
        with pytest.raises(LinkLost):
            await link.next_events()


async def test_too_long_a_list_ends_the_link(asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "LIST_MAX", 5)
    for number in range(10):
        asterisk.caller(f"1.{number}")
    async with connected(asterisk) as link:
        with pytest.raises(OutcomeUnknown):
            await link.list_action({"Action": "CoreShowChannels"})


async def test_a_silent_peer_is_found_by_its_missing_pong(asterisk: FakeAsterisk) -> None:
    """manager.py:107-109: pings had no deadline and piled up."""
    asterisk.knobs.silent = {"Ping"}
    async with connected(asterisk, PATIENT._replace(ping_every=0.02, pong=0.05)) as link:
        assert await link.wait_lost() == "no pong"
        assert link.protocol is not None and not link.protocol.responses
    assert len(asterisk.asked("Ping")) == 1


async def test_a_wrong_password_is_final_and_tried_once(asterisk: FakeAsterisk) -> None:
    """manager.py:72,96-105: `connect()` succeeded, then the login was tried for ever."""
    link = Link(Login("127.0.0.1", asterisk.port, "engine-events", "wrong"), timing=PATIENT)
    with pytest.raises(AuthFailed, match=r"\[engine-events\].*manager\.conf"):
        await link.connect_and_login()
    await link.close()
    assert asterisk.connections == 1 and len(asterisk.received) == 1
    assert "wrong" not in repr(link.who)


async def test_close_is_final(asterisk: FakeAsterisk) -> None:
    """manager.py:283: `close()` during the wait reconnected anyway."""
    link = Link(Login("127.0.0.1", asterisk.port, "engine-events", "e1"), timing=PATIENT)
    await link.connect_and_login()
    await link.close()
    await link.close()
    assert link.is_lost and link.pinger is not None and link.pinger.done()
    await until_async(lambda: not asterisk._writers)
    assert asterisk.connections == 1


async def test_close_before_and_during_open(asterisk: FakeAsterisk) -> None:
    """manager.py:270: close without a protocol; and a cancelled connect leaves nothing behind."""
    link = Link(Login("127.0.0.1", asterisk.port, "engine-events", "e1"), timing=PATIENT)
    await link.close()
    asterisk.knobs.silent = {"Login"}
    link = Link(Login("127.0.0.1", asterisk.port, "engine-events", "e1"), timing=PATIENT)
    opening = asyncio.create_task(link.connect_and_login())
    await until_async(lambda: asterisk.received)
    opening.cancel()
    await asyncio.wait([opening])
    await link.close()
    await until_async(lambda: not asterisk._writers)


async def test_an_action_before_connect_says_so_and_changes_nothing() -> None:
    """manager.py:146-147: AttributeError on None, and the caller's dict was changed."""
    link = Link(Login("127.0.0.1", 1, "engine-events", "e1"), timing=PATIENT)
    action = {"Action": "Ping"}
    with pytest.raises(LinkLost, match="no link"):
        await link.run_action(action)
    assert action == {"Action": "Ping"}
    with pytest.raises(LinkLost, match="is Asterisk running"):
        await link.connect_and_login()
    await link.close()


async def test_an_action_without_reply_ends_at_its_deadline(asterisk: FakeAsterisk) -> None:
    """manager.py:147: no deadline."""
    asterisk.knobs.silent = {"Hangup"}
    async with connected(asterisk) as link:
        with pytest.raises(OutcomeUnknown, match="Hangup"):
            await link.run_action({"Action": "Hangup", "Channel": "o1-1.1"}, deadline_s=0.05)
        assert link.protocol is not None and not link.protocol.responses and not link.is_lost


async def test_a_peer_that_does_not_read_holds_writes_back(asterisk: FakeAsterisk) -> None:
    """ami_protocol.py:34: writes without regard to the peer."""
    async with connected(asterisk) as link:
        assert link.protocol is not None
        link.protocol.pause_writing()
        with pytest.raises(LinkLost, match="not sent in time"):
            await link.run_action({"Action": "Hangup"}, deadline_s=0.05)
        assert asterisk.names() == []
        link.protocol.resume_writing()
        assert (await link.run_action({"Action": "Ping"})).ok


async def test_no_more_actions_under_way_than_the_limit(
        asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "IN_FLIGHT_MAX", 2)
    asterisk.knobs.silent = {"Hangup"}
    async with connected(asterisk) as link:
        asking = [asyncio.create_task(link.run_action({"Action": "Hangup"}, deadline_s=LIMIT_S)) for _ in range(2)]
        await until_async(lambda: asterisk.names() == ["Hangup", "Hangup"])
        with pytest.raises(LinkLost):
            await link.run_action({"Action": "Hangup"}, deadline_s=0.2)
        assert asterisk.names() == ["Hangup", "Hangup"]
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)


async def test_an_action_is_written_at_once_unless_something_holds_it_up(
        asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_module, "IN_FLIGHT_MAX", 2)
    async with connected(asterisk) as link:
        started = link.start_action({"Action": "Ping"})
        assert started is not None and (await link.await_reply(started)).ok
        with pytest.raises(BadAction):
            link.start_action({"Action": "Hangup", "Channel": "a\r\nb"})
        asterisk.knobs.silent = {"Hangup"}
        held = [link.start_action({"Action": "Hangup"}) for _ in range(3)]
        assert held[2] is None and held[0] is not None
        assert link.protocol is not None
        link.protocol.responses.clear()
        link.protocol.pause_writing()
        assert link.start_action({"Action": "Ping"}) is None
        waiting = asyncio.create_task(link.run_action({"Action": "Ping"}))
        await until_async(lambda: link._in_line)
        link.protocol.resume_writing()
        assert link.start_action({"Action": "Ping"}) is None, "somebody was in line before"
        await waiting
        assert link._in_line == 0
        started = link.start_action({"Action": "Hangup"})
        assert started is not None
        link.mark_lost("over")
        with pytest.raises(OutcomeUnknown):
            await link.await_reply(started)
        assert link.start_action({"Action": "Ping"}) is None


async def test_a_watcher_learns_of_each_action_that_was_written(asterisk: FakeAsterisk) -> None:
    seen: list[str] = []
    link = Link(Login("127.0.0.1", asterisk.port, "engine-events", "e1", "system,call"), timing=PATIENT,
                watch=lambda action: seen.append(str(action["Action"])))
    try:
        await link.connect_and_login()
        await link.run_action({"Action": "CoreStatus"})
        started = link.start_action({"Action": "Ping"})
        assert started is not None and (await link.await_reply(started)).ok
        with pytest.raises(BadAction):
            link.start_action({"Action": "Hangup", "Channel": "a\r\nb"})
        link.mark_lost("over")
        with pytest.raises(LinkLost):
            await link.run_action({"Action": "Hangup"})
        assert seen == ["Login", "CoreStatus", "Ping"]
    finally:
        await link.close()


async def test_replies_given_twice_or_to_nobody_are_counted(asterisk: FakeAsterisk) -> None:
    asterisk.knobs.twice = {"Ping", "CoreShowChannels"}
    asterisk.caller("1.1")
    async with connected(asterisk) as link:
        assert (await link.run_action({"Action": "Ping"})).ok
        assert len(await link.list_action({"Action": "CoreShowChannels"})) == 1
        asterisk.raw(b"Response: Success\r\nActionID: stranger\r\n\r\n")
        await until_async(lambda: link.counters.orphans == 1 + 3 + 1)


async def test_hostile_bytes_end_the_link_or_are_counted(asterisk: FakeAsterisk) -> None:
    async with connected(asterisk) as link:
        await take(link, 1)
        asterisk.raw(b"Event: Hangup\r\nPrivilege: call,all\r\nName: a\nEvent: x\r\n\r\n\xff\x00\r\n\r\n")
        asterisk.emit("Hold")
        assert await take(link, 1) == ["Hold"]
        assert link.counters.tainted == 2
        asterisk.raw(b"x" * 70_000)
        assert "65536" in await link.wait_lost()


async def test_a_server_that_is_no_asterisk_is_named(asterisk: FakeAsterisk) -> None:
    asterisk.knobs.greeting = b"SSH-2.0-OpenSSH_9.9\r\n"
    link = Link(Login("127.0.0.1", asterisk.port, "engine-events", "e1"), timing=PATIENT)
    with pytest.raises(LinkLost):
        await link.connect_and_login()
    assert "AMI port" in await link.wait_lost()
    await link.close()


def test_waits_between_tries_grow_to_a_ceiling_and_are_random() -> None:
    most = backoff_delays(lambda: 1.0)
    assert [next(most) for _ in range(6)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    least = backoff_delays(lambda: 0.0)
    assert next(least) == 0.25


@pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")
async def test_pyst2_reads_the_same_server(asterisk: FakeAsterisk) -> None:
    """A second, independent client finds the fake's words to be AMI."""
    from asterisk.manager import Manager as Witness

    asterisk.users["witness"] = "w1"

    def ask() -> tuple[str, str]:
        witness = Witness()
        witness.connect("127.0.0.1", asterisk.port)
        try:
            return str(witness.login("witness", "w1")), str(witness.ping().get_header("Ping"))
        finally:
            witness.logoff()
            witness.close()

    login, ping = await asyncio.to_thread(ask)
    assert "Success" in login and ping == "Pong"
