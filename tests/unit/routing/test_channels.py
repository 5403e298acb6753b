"""The dispatcher of commands: each to the adapter of its channel, and an answer where there is none."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

import pytest
from structlog.testing import capture_logs

from routing.channels import Channels
from routing.core.events import CallbackFailed, CallerHungUp, CommandRefused, Event
from routing.core.model.centre_model import AnswerMode, Channel, ContactState
from routing.core.model.commands import Command, DialCaller, Offer, Rescind, SetInterrupted
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model.live_calls import LiveContact

pytestmark = pytest.mark.unit

CALL = Offer(OfferId(1), ContactId("c1"), "PJSIP/c1", AgentId("a"), SeatId("sa"), ServiceId("edu"), "Eğitim", 15.0,
             AnswerMode.MANUAL, False, 0.0)
CHAT = CALL._replace(offer=OfferId(2), contact=ContactId("c2"), leg="", channel=Channel.CHAT)
MAIL = CALL._replace(offer=OfferId(3), contact=ContactId("c3"), leg="", channel=Channel.EMAIL)


class Adapter:
    """Keeps what it is given. `has`: what is alive, None: it does not say."""

    def __init__(self, *channels: Channel, node: str = "", has: Collection[str] | None = None) -> None:
        self.channels = frozenset(channels)
        self.node = node
        self.has = has
        self.batches: list[list[Command]] = []
        self.runs = False

    def takes(self, command: Command) -> bool:
        return command.channel in self.channels and command.node in ("", self.node)

    def execute(self, commands: Sequence[Command]) -> None:
        self.batches.append(list(commands))

    def live(self) -> Collection[ContactId] | None:
        return None if self.has is None else [ContactId(one) for one in self.has]

    async def run_session(self) -> None:
        self.runs = True
        await asyncio.Event().wait()


class House:
    def __init__(self, *adapters: Adapter, believed: dict[Channel, list[str]] | None = None) -> None:
        self.told: list[Event] = []
        self.believed = believed or {}
        self.channels = Channels(adapters, self.told.append, lambda channels: [
            LiveContact(ContactId(name), "", ContactState.PENDING, "")
            for channel in channels for name in self.believed.get(channel, ())])


def test_each_command_goes_to_the_adapter_of_its_channel_in_order() -> None:
    calls, texts = Adapter(Channel.VOICE), Adapter(Channel.CHAT, Channel.EMAIL)
    house = House(calls, texts)
    house.channels.execute([MAIL, CALL, Rescind(OfferId(3), ContactId("c3"), "call", channel=Channel.EMAIL), CHAT])
    assert calls.batches == [[CALL]] and house.told == [] and not house.channels.refused
    assert [type(one) for one in texts.batches[0]] == [Offer, Rescind, Offer]
    assert house.channels.channels == {Channel.VOICE, Channel.CHAT, Channel.EMAIL}


def test_two_adapters_of_a_channel_share_it_by_what_they_take() -> None:
    first, second = Adapter(Channel.VOICE, node="n1"), Adapter(Channel.VOICE, node="n2")
    house = House(first, second)
    house.channels.execute([CALL._replace(node="n2"), CALL._replace(node="n3")])
    assert first.batches == [] and second.batches == [[CALL._replace(node="n2")]]
    assert house.told == [CommandRefused(ContactId("c1"), OfferId(1))]


def test_a_command_that_no_adapter_takes_is_answered_logged_and_counted() -> None:
    house = House(Adapter(Channel.VOICE))
    with capture_logs() as logs:
        house.channels.execute([
            CHAT,
            DialCaller(OfferId(4), ContactId("c4"), "sealed", ServiceId("edu"), 0.0, 0, channel=Channel.SOCIAL),
            DialCaller(None, ContactId("c5"), "sealed", ServiceId("edu"), 0.0, 0, channel=Channel.SOCIAL),
            SetInterrupted(OfferId(3), ContactId("c3"), True, channel=Channel.EMAIL)])
    assert house.told == [CommandRefused(ContactId("c2"), OfferId(2)),
                          CallbackFailed(OfferId(4), "failed"), CallbackFailed(None, "failed", ContactId("c5"))]
    assert house.channels.refused == {Channel.CHAT: 1, Channel.SOCIAL: 2, Channel.EMAIL: 1}
    assert logs[0] == {"event": "channel.command_refused", "log_level": "warning", "channel": "chat",
                       "command": "Offer", "call": "c2"}
    assert [one["command"] for one in logs] == ["Offer", "DialCaller", "DialCaller", "SetInterrupted"]
    assert "sealed" not in str(logs)


def test_what_is_not_there_any_more_is_told_to_the_engine() -> None:
    texts = Adapter(Channel.CHAT, Channel.EMAIL, has=("c1",))
    house = House(Adapter(Channel.VOICE), texts, believed={
        Channel.VOICE: ["call"], Channel.CHAT: ["c1", "c2"], Channel.EMAIL: ["c3"]})
    house.channels.settle_differences()
    assert set(house.told) == {CallerHungUp(ContactId("c2"), failure=True), CallerHungUp(ContactId("c3"), failure=True)}


def test_nothing_is_gone_while_an_adapter_of_the_channel_does_not_know() -> None:
    house = House(Adapter(Channel.CHAT, has=()), Adapter(Channel.CHAT), believed={Channel.CHAT: ["c1"]})
    house.channels.settle_differences()
    assert house.told == []


async def test_the_adapters_run_as_long_as_the_dispatcher() -> None:
    calls = Adapter(Channel.VOICE)
    task = asyncio.create_task(House(calls).channels.run())
    while not calls.runs:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
