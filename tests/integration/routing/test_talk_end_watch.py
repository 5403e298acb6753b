"""A suspended node hears from Asterisk how talks end, and tells it nothing."""

from __future__ import annotations

import asyncio

import pytest

from routing import talk_end_watch
from routing.ami.link import Login
from routing.core.model.ids import ContactId, OfferId, leg_id
from routing.talk_end_watch import TalkEndWatch
from tests.fakes.asterisk_ami import FakeAsterisk
from tests.until import until_async

pytestmark = pytest.mark.integration


async def test_the_cause_of_the_agents_leg_tells_whether_a_talk_was_lost(
        asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk_end_watch, "ENDS_MAX", 3)
    watch = TalkEndWatch(Login("127.0.0.1", asterisk.port, "engine-events", "e1"))
    listening = asyncio.create_task(watch.run_forever())
    await until_async(lambda: asterisk.open_sessions and asterisk.asked("Login"))
    assert asterisk.asked("Login")[0]["Events"] == ["call"]

    def end_talk(contact: str, cause: int) -> ContactId:
        asterisk.hangup(asterisk.leg(leg_id(OfferId(7), ContactId(contact)), "2001", "Up"), cause)
        return ContactId(contact)

    # The question of the dialplan may come before the event.
    asked = asyncio.create_task(watch.was_lost(ContactId("8.1")))
    await asyncio.sleep(0)
    end_talk("8.1", 44)
    assert await asked is True
    assert await watch.was_lost(end_talk("8.2", 16)) is False
    # A link that broke is made again.
    asterisk.cut()
    await until_async(lambda: len(asterisk.asked("Login")) == 2 and asterisk.open_sessions)
    assert await watch.was_lost(end_talk("8.3", 27)) is True
    # A caller who hangs up is no leg, and the oldest ends are forgotten.
    asterisk.hangup(asterisk.caller("9.1"))
    monkeypatch.setattr(talk_end_watch, "SETTLE_S", 0.1)
    for number in range(4, 8):
        end_talk(f"8.{number}", 16)
    assert await watch.was_lost(ContactId("8.7")) is False
    assert await watch.was_lost(ContactId("8.4")) is None and await watch.was_lost(ContactId("9.1")) is None
    assert not asterisk.names(), "it only listens"
    listening.cancel()


async def test_a_refused_log_in_ends_the_watch_and_nothing_else(
        asterisk: FakeAsterisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(talk_end_watch, "SETTLE_S", 0.05)
    watch = TalkEndWatch(Login("127.0.0.1", asterisk.port, "engine-events", "wrong"))
    await watch.run_forever()
    assert await watch.was_lost(ContactId("8.1")) is None
