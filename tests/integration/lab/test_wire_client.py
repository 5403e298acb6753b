"""The lab's own AMI client: lists, refusals, and that nobody waits for ever. A scripted peer on loopback."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from lab.phones import ami_client
from lab.phones.ami_client import AmiClient, AmiError
from routing.ami.wire import Message
from tests.until import until_async

pytestmark = pytest.mark.integration

Reply = Callable[[dict[str, str]], str]


class Peer:
    """Greets, then answers each action as told."""

    def __init__(self) -> None:
        self.reply: Reply = lambda fields: "Response: Success"
        self.seen: list[dict[str, str]] = []
        self.writers: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        writer.write(b"Asterisk Call Manager/9.0.0\r\n")
        while True:
            try:
                block = (await reader.readuntil(b"\r\n\r\n")).decode()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            fields = dict(line.split(": ", 1) for line in block.strip().split("\r\n"))
            self.seen.append(fields)
            for part in self.reply(fields).split("\n\n"):
                if part:
                    kind, _, rest = part.partition("\n")
                    lines = [kind, f"ActionID: {fields['ActionID']}", *rest.split("\n")]
                    writer.write(("\r\n".join(line for line in lines if line) + "\r\n\r\n").encode())


@pytest.fixture
async def peer() -> AsyncIterator[tuple[Peer, int]]:
    one = Peer()
    server = await asyncio.start_server(one.serve, "127.0.0.1", 0)
    yield one, server.sockets[0].getsockname()[1]
    for writer in one.writers:
        writer.close()
    server.close()


async def test_login_actions_and_global_variables(peer: tuple[Peer, int]) -> None:
    one, port = peer
    client = AmiClient()
    await client.connect_to(port, "lab", "geheim")
    await client.send_action("Setvar", ("Variable", "D_2001"), ("Value", "busy"))
    assert one.seen[0]["Secret"] == "geheim"
    assert one.seen[1]["Value"] == "busy"
    with pytest.raises(AmiError, match="line break"):
        await client.send_action("Setvar", ("Value", "a\r\nAction: Logoff"))
    one.reply = lambda fields: "Response: Error\nMessage: Permission denied"
    with pytest.raises(AmiError, match="Permission denied"):
        await client.send_action("Command", ("Command", "core stop now"))
    await client.close()
    assert not client.connected


async def test_a_list_is_its_items(peer: tuple[Peer, int]) -> None:
    one, port = peer
    events: list[Message] = []
    client = AmiClient(events.append)
    await client.connect_to(port, "lab", "x")
    one.reply = lambda fields: ("Response: Success\nEventList: start\n\nEvent: Detail\nName: a\n\n"
                                "Event: Detail\nName: b\n\nEvent: DetailComplete\nEventList: Complete")
    items = await client.fetch_list("Show")
    assert [item.get("Name") for item in items] == ["a", "b"]
    assert events == []
    one.writers[0].write(b"Event: Hangup\r\nPrivilege: call,all\r\nCause: 16\r\n\r\n")
    await until_async(lambda: events)
    assert events[0].get("Cause") == "16"
    one.reply = lambda fields: "Response: Error\nMessage: none there"
    with pytest.raises(AmiError, match="none there"):
        await client.fetch_list("Show")
    await client.close()


async def test_waiters_fail_when_the_peer_goes(peer: tuple[Peer, int]) -> None:
    one, port = peer
    client = AmiClient()
    await client.connect_to(port, "lab", "x")
    one.reply = lambda fields: ""
    waiting = asyncio.create_task(client.send_action("Ping"))
    await until_async(lambda: len(one.seen) == 2)
    one.writers[0].close()
    with pytest.raises(AmiError, match="ended"):
        await waiting
    with pytest.raises(AmiError, match="not connected"):
        await client.send_action("Ping")
    await client.close()


async def test_a_silent_peer_is_not_waited_for_for_ever(
        peer: tuple[Peer, int], monkeypatch: pytest.MonkeyPatch) -> None:
    one, port = peer
    client = AmiClient()
    await client.connect_to(port, "lab", "x")
    one.reply = lambda fields: ""
    monkeypatch.setattr(ami_client, "ANSWER_S", 0.05)
    with pytest.raises(AmiError, match="did not answer Ping"):
        await client.send_action("Ping")
    await client.close()
