"""The listener against a fake Asterisk on loopback: each defect of panoramisk 1.4's FastAGI has a test here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from ivr.agi.errors import CallerGone, CommandRefused, ReplyTimeout
from ivr.agi.server import FastAgi, Limits
from ivr.agi.session import MAX_STRAYS, SET_BYTES_MAX, Session
from tests.fakes.agi_dialler import Dialler, environment
from tests.integration.ivr_node import answering
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration

LIMITS = Limits(calls=4, urgent=2, env_s=LIMIT_S, drain_s=0.3)


@pytest.fixture
async def server() -> AsyncIterator[FastAgi]:
    server = FastAgi(port=0, limits=LIMITS)
    async with answering(server):
        yield server


def port(server: FastAgi) -> int:
    return server.address[1]


async def connected(server: FastAgi, data: bytes) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port(server))
    writer.write(data)
    await writer.drain()
    return reader, writer


async def closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(), LIMIT_S) == b""
    except ConnectionError:
        return True


async def test_connect_and_close_does_not_freeze(server: FastAgi) -> None:
    """fast_agi.py:146 reads at end of file for ever without suspending."""
    done: list[str] = []

    async def ok(session: Session) -> None:
        await session.set_variable("ACD_NEXT", "hold")
        done.append(session.uniqueid)

    server.add_route("menu", ok)
    for data in (b"", b"agi_network: yes\n", b"\xff" * 100):
        _, writer = await connected(server, data)
        writer.close()
    await until_async(lambda: server.counters.silent == 3)
    await Dialler(port(server), "menu").call()
    assert len(done) == 1


async def test_environment_has_a_deadline_and_a_limit() -> None:
    server = FastAgi(port=0, limits=replace(LIMITS, env_s=0.2))
    async with answering(server):
        reader, writer = await connected(server, b"agi_network: yes\n")
        assert await closed(reader)
        writer.close()
        assert (server.counters.silent, server.counters.broken) == (1, 0)
    server = FastAgi(port=0, limits=LIMITS)
    async with answering(server):
        reader, writer = await connected(server, b"x: y\n" * 1_000)
        assert await closed(reader)
        writer.close()
        assert (server.counters.silent, server.counters.broken) == (1, 1)


async def test_a_question_without_the_key_does_nothing_and_is_counted() -> None:
    server, done = FastAgi(port=0, key="the-key"), list[str]()

    async def ok(session: Session) -> None:
        await session.set_variable("ACD_NEXT", "hold")
        done.append(session.uniqueid)

    server.add_route("menu", ok)
    async with answering(server):
        for script in ("menu", "the-ke/menu", "the-key2/menu", "/menu", "the-key", "ışık/menu", ""):
            reader, writer = await connected(server, environment(script))
            assert await closed(reader) and done == [], script
            writer.close()
        assert server.counters.refusals()["forged"] == 6 and server.counters.unrouted == 1
        await Dialler(port(server), "the-key/menu").call()
    assert len(done) == 1


async def test_a_node_that_was_frozen_says_nothing_from_its_old_memory(server: FastAgi) -> None:
    """Another node may have taken over: what is known here decides nothing, neither before nor within a dialogue."""
    acts, done = [True], list[str]()
    server.may_act = lambda: acts[0]

    async def decide(session: Session) -> None:
        await session.set_variable("SC_KEY", "first")
        acts[0] = "freezes" not in session.query
        await session.set_variable("ACD_NEXT", "hold")
        done.append(session.uniqueid)

    server.add_route("tick", decide)
    frozen = await Dialler(port(server), "tick?freezes").call()
    assert frozen.variables == {"SC_KEY": "first"}
    assert (await Dialler(port(server), "tick").call()).variables == {}
    assert done == [] and server.counters.refusals()["stale"] == 2 and server.counters.failed == 0
    acts[0] = True
    assert (await Dialler(port(server), "tick").call()).variables["ACD_NEXT"] == "hold"


async def test_connections_that_say_nothing_keep_nobody_out() -> None:
    server, done = FastAgi(port=0, limits=Limits(strangers=8, calls=4, urgent=2)), list[str]()

    async def ok(session: Session) -> None:
        await session.set_variable("ACD_NEXT", "hold")
        done.append(session.uniqueid)

    server.add_route("menu", ok)
    async with answering(server):
        silent = [await connected(server, b"agi_network: yes\n") for _ in range(50)]
        await until_async(lambda: server.counters.silent >= 42)
        assert len(server.strangers) == 8
        # The oldest have ended, and the newest are waited for.
        assert await closed(silent[0][0]) and not silent[-1][0].at_eof()
        await Dialler(port(server), "menu").call()
        assert len(done) == 1
        for _, writer in silent:
            writer.close()


@pytest.mark.parametrize("how", ["line", "glued", "result", "eof", "dead"])
@pytest.mark.parametrize("at", [0, 1])
async def test_every_way_to_hang_up_is_caller_gone(server: FastAgi, how: str, at: int) -> None:
    """fast_agi.py:38, utils.py:43-61: HANGUP was taken as the reply, end of file was a ValueError."""
    seen: list[str] = []

    async def endpoint(session: Session) -> None:
        try:
            seen.append(await session.get_variable("A") or "")
            await session.stream_file("x")
            seen.append(await session.get_variable("B") or "")
        except CallerGone:
            assert session.has_ended
            with pytest.raises(CallerGone):
                await session.get_variable("B")
            raise

    server.add_route("menu", endpoint)
    dialler = Dialler(port(server), "menu", variables={"A": "a", "B": "b"})
    dialler.hang_up_at, dialler.how = at, how
    await dialler.call()
    await until_async(lambda: server.counters.gone == 1)
    assert seen == ["a"][:at] and server.counters.failed == 0
    assert len(dialler.commands) == at + 1, "no command after the hang-up"


async def test_usage_error_is_one_reply_and_the_next_command_is_right(server: FastAgi) -> None:
    """fast_agi.py:44: only one line of a usage text was read, the next command parsed the rest."""
    seen: list[object] = []

    async def endpoint(session: Session) -> None:
        with pytest.raises(CommandRefused, match="520"):
            await session.send_command("WAIT FOR DIGIT")
        seen.append(await session.get_variable("A"))

    server.add_route("menu", endpoint)
    reader, writer = await connected(server, environment("menu"))
    await reader.readline()
    writer.write(b"520-Invalid command syntax.  Proper usage follows:\nWaits\n\n for it\n520 End of proper usage.\n")
    await reader.readline()
    writer.write(b"200 result=1 (a)\n")
    assert await closed(reader)
    writer.close()
    assert seen == ["a"]


async def test_a_get_data_timeout_is_told_apart(server: FastAgi) -> None:
    """utils.py:15: `result= (timeout)` did not match."""
    seen: list[object] = []

    async def endpoint(session: Session) -> None:
        reply = await session.send_command("GET DATA", "x", "100", "2")
        seen.append((reply.result, reply.value))

    server.add_route("menu", endpoint)
    reader, writer = await connected(server, environment("menu"))
    await reader.readline()
    writer.write(b"200 result= (timeout)\n")
    assert await closed(reader)
    writer.close()
    assert seen == [("", "timeout")]


async def test_undecodable_bytes_cost_no_call_and_are_counted(server: FastAgi) -> None:
    """fast_agi.py:148 decodes strictly before any handler runs."""
    names: list[str] = []

    async def endpoint(session: Session) -> None:
        names.append(session.values["agi_rdnis"])

    server.add_route("menu", endpoint)
    reader, writer = await connected(server, environment("menu", extra="agi_rdnis: ığ\n".encode("iso-8859-9")))
    assert await closed(reader)
    writer.close()
    assert names == ["\ufffd\ufffd"] and server.counters.tainted == 1


async def test_routes_ignore_the_query(server: FastAgi) -> None:
    """fast_agi.py:159 compares the whole script."""
    seen: list[tuple[str, str, str]] = []

    async def endpoint(session: Session) -> None:
        seen.append((session.script, session.query, session.argument_at(1)))

    server.add_route("/menu", endpoint)
    await Dialler(port(server), "menu?lang=tr", "ana").call()
    assert seen == [("menu", "lang=tr", "ana")]
    await Dialler(port(server), "nothing").call()
    assert server.counters.unrouted == 1


def test_an_endpoint_must_be_async() -> None:
    """fast_agi.py:101 calls asyncio.coroutine, gone since 3.11; :73 wants a loop in the constructor."""
    with pytest.raises(TypeError, match="async def"):
        FastAgi().add_route("menu", lambda session: None)  # type: ignore[arg-type,return-value]


async def test_a_failing_dialogue_costs_its_own_call(server: FastAgi) -> None:
    async def bad(session: Session) -> None:
        raise RuntimeError("0532 000 00 00")

    async def good(session: Session) -> None:
        await session.set_variable("A", 'quo"te')

    server.add_route("bad", bad)
    server.add_route("good", good)
    await Dialler(port(server), "bad").call()
    dialler = await Dialler(port(server), "good").call()
    assert dialler.variables["A"] == 'quo"te' and server.counters.failed == 1


async def test_replies_in_pieces_and_late(server: FastAgi) -> None:
    seen: list[object] = []

    async def endpoint(session: Session) -> None:
        seen.append(await session.get_variable("A"))
        seen.append(await session.play_files(["x", "y", "z"], "5"))

    server.add_route("menu", endpoint)
    dialler = Dialler(port(server), "menu", variables={"A": "şğı (ü)"}, by_file={"y": "5"})
    dialler.cut, dialler.pause_s = 1, 0.02
    await dialler.call()
    assert seen == ["şğı (ü)", "5"] and dialler.played == ["x", "y"]


async def test_silence_ends_with_a_typed_error(server: FastAgi, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[Exception] = []

    async def endpoint(session: Session) -> None:
        try:
            await session.send_command("NOOP", within_s=0.05)
        except ReplyTimeout as error:
            errors.append(error)
            raise

    server.add_route("menu", endpoint)
    dialler = Dialler(port(server), "menu")
    dialler.hang_up_at, dialler.how = 0, "silent"
    await dialler.call()
    await until_async(lambda: server.counters.late == 1)
    assert "NOOP" in str(errors[0])


async def test_a_missing_prompt_is_not_a_hang_up(server: FastAgi) -> None:
    played: list[str] = []

    async def endpoint(session: Session) -> None:
        played.append(await session.play_files(["nix", "x"], "1"))

    server.add_route("menu", endpoint)
    dialler = Dialler(port(server), "menu")
    dialler.missing = {"nix"}
    await dialler.call()
    await until_async(lambda: server.counters.missing == 1)
    assert played == [""] and dialler.played == ["x"]


async def test_unasked_replies_are_bounded(server: FastAgi) -> None:
    gone = asyncio.Event()

    async def endpoint(session: Session) -> None:
        await gone.wait()

    server.add_route("menu", endpoint)
    reader, writer = await connected(server, environment("menu") + b"200 result=0\n" * (MAX_STRAYS + 1))
    assert await closed(reader)
    writer.close()
    gone.set()
    assert server.counters.broken == 1


async def test_one_command_at_a_time(server: FastAgi) -> None:
    caught: list[BaseException | None] = []

    async def endpoint(session: Session) -> None:
        first = asyncio.ensure_future(session.get_variable("A"))
        await asyncio.sleep(0)
        try:
            await session.get_variable("B")
        except AssertionError as error:
            caught.append(error)
        await first

    server.add_route("menu", endpoint)
    await Dialler(port(server), "menu").call()
    assert "in flight" in str(caught[0])


async def test_over_the_limit_is_refused_and_room_is_made_again(server: FastAgi) -> None:
    go = asyncio.Event()

    async def endpoint(session: Session) -> None:
        await go.wait()

    server.add_route("menu", endpoint)
    calls = [await connected(server, environment("menu")) for _ in range(LIMITS.calls)]
    await until_async(lambda: server.counters.accepted == LIMITS.calls)
    reader, writer = await connected(server, environment("menu"))
    assert await closed(reader) and server.counters.refused == 1
    writer.close()
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert "call[1795569005.1].menu" in names
    go.set()
    for reader, writer in calls:
        assert await closed(reader)
        writer.close()
    await until_async(lambda: not server.connections)
    await Dialler(port(server), "menu").call()
    assert server.counters.accepted == LIMITS.calls + 1


async def test_a_tick_is_answered_while_the_menu_is_full_and_both_together_have_a_bound(server: FastAgi) -> None:
    go = asyncio.Event()

    async def menu(session: Session) -> None:
        await go.wait()

    async def tick(session: Session) -> None:
        await session.set_variable("ACD_NEXT", "hold")
        await go.wait()

    server.add_route("menu", menu)
    server.add_route("tick", tick, urgent=True)
    calls = [await connected(server, environment("menu")) for _ in range(LIMITS.calls)]
    await until_async(lambda: server.counters.accepted == LIMITS.calls)
    ticks = [asyncio.create_task(Dialler(port(server), "tick").call()) for _ in range(LIMITS.urgent)]
    await until_async(lambda: server.counters.accepted == LIMITS.calls + LIMITS.urgent)
    reader, writer = await connected(server, environment("tick"))
    assert await closed(reader) and server.counters.refused == 1
    writer.close()
    go.set()
    assert [(await one).variables["ACD_NEXT"] for one in ticks] == ["hold"] * LIMITS.urgent
    for reader, writer in calls:
        assert await closed(reader)
        writer.close()


async def test_stop_lets_dialogues_finish_then_cuts_and_cancellation_goes_through() -> None:
    """fast_agi.py:167 swallowed cancellation; :177 did not close."""
    server = FastAgi(port=0, limits=Limits(drain_s=0.3))
    running = asyncio.create_task(server.run())
    await server.wait_listening()
    ended: list[str] = []
    go = asyncio.Event()

    async def quick(session: Session) -> None:
        await go.wait()
        ended.append("finished")

    async def slow(session: Session) -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ended.append("cut")
            raise

    server.add_route("quick", quick)
    server.add_route("slow", slow)
    one = await connected(server, environment("quick"))
    two = await connected(server, environment("slow"))
    await until_async(lambda: server.counters.accepted == 2)
    server.stop()
    await until_async(lambda: server.stopping)
    with pytest.raises(OSError):
        await asyncio.open_connection("127.0.0.1", port(server))
    go.set()
    await asyncio.wait_for(running, LIMIT_S)
    assert ended == ["finished", "cut"]
    for reader, writer in (one, two):
        assert await closed(reader)
        writer.close()


async def test_cancelling_the_listener_ends_everything() -> None:
    server = FastAgi(port=0)
    running = asyncio.create_task(server.run())
    await server.wait_listening()

    async def endpoint(session: Session) -> None:
        await session.wait_for_digit(60_000)

    server.add_route("menu", endpoint)
    reader, writer = await connected(server, environment("menu"))
    await reader.readline()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert await closed(reader) and server.counters.failed == 0
    writer.close()


async def test_a_taken_port_is_an_error_at_once(server: FastAgi) -> None:
    with pytest.raises(OSError):
        await FastAgi(port=port(server)).run()


async def test_a_cancelled_command_ends_the_session(server: FastAgi) -> None:
    """Its reply may still come; a later command must not take it for its own."""
    seen: list[object] = []

    async def endpoint(session: Session) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.get_variable("A")
        seen.append(session.has_ended)
        await session.get_variable("B")

    server.add_route("menu", endpoint)
    dialler = Dialler(port(server), "menu", variables={"A": "a"})
    dialler.pause_s = 0.1
    await dialler.call()
    assert seen == [True] and dialler.commands == ['GET VARIABLE "A"'] and server.counters.gone == 1


async def test_several_variables_in_one_round_trip(server: FastAgi) -> None:
    seen: list[tuple[str, ...]] = []

    async def endpoint(session: Session) -> None:
        seen.append(await session.get_variables("A", "B", "C"))
        seen.append(await session.get_variables("A", "HOSTILE"))
        await session.set_variables(
            ("__S", "tip"), ("CHANNEL(musicclass)", "sakin"), ("E", ""), ("N", "en:1,isaret:50"), ("P", 'quo"te'),
            ("LONG", "x" * SET_BYTES_MAX), ("M", "/a.b&c"), ("LAST", "hold"))

    server.add_route("menu", endpoint)
    dialler = Dialler(port(server), "menu", variables={"A": "a", "C": "c (1)", "HOSTILE": "1|2"})
    await dialler.call()
    assert seen == [("a", "", "c (1)"), ("", "")], "who holds the mark between values hides them all"
    assert dialler.commands == [
        'GET FULL VARIABLE "${A}|${B}|${C}"', 'GET FULL VARIABLE "${A}|${HOSTILE}"',
        'SET VARIABLE "ARRAY(__S,CHANNEL(musicclass),E)" "tip,sakin,"',
        'SET VARIABLE "N" "en:1,isaret:50"', r'SET VARIABLE "P" "quo\"te"',
        f'SET VARIABLE "LONG" "{"x" * SET_BYTES_MAX}"', 'SET VARIABLE "ARRAY(M,LAST)" "/a.b&c,hold"']


async def test_a_short_deadline_after_a_long_one_and_the_reverse(server: FastAgi) -> None:
    seen: list[str] = []

    async def endpoint(session: Session) -> None:
        await session.send_command("NOOP", within_s=1.0)
        dialler.pause_s = 1.1
        await session.send_command("NOOP", within_s=60)  # answered after the first one's timer has rung
        seen.append("long")
        await session.send_command("NOOP", within_s=0.05)

    server.add_route("menu", endpoint)
    dialler = Dialler(port(server), "menu")
    dialler.hang_up_at, dialler.how = 2, "silent"
    await dialler.call()
    await until_async(lambda: server.counters.late == 1)
    assert seen == ["long"]
