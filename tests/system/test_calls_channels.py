"""What is no call, before a real Asterisk: messages ring nothing, and nobody is called back without a way out."""

from __future__ import annotations

import asyncio
import json

import pytest

from lab.session import Lab
from routing.ami.link import Link, Login
from routing.ami.resync import snapshot
from routing.ami.settings import SwitchSettings
from routing.ami.switch import Switch
from routing.channels import Channels
from routing.core.commands import Dial, Offer, Rescind
from routing.core.events import CallbackFailed, CommandRefused, Event, OfferEnded
from routing.core.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from routing.core.model import AnswerMode, Channel
from tests.system.stage import plain
from tests.until import until_async

pytestmark = pytest.mark.system

MESSAGE, CALLBACK, CALL = OfferId(900_001), OfferId(900_002), OfferId(900_003)


async def test_only_calls_reach_asterisk(lab: Lab) -> None:
    seat = lab.info.seat(plain("psikososyal", 1)[0]).endpoint
    host, _, port = lab.info.ami.partition(":")
    secrets = json.loads((lab.folder / "secrets" / "ami.json").read_text(encoding="utf-8"))
    login = Login(host, int(port), "santral-events", secrets["events"], events="system,call")
    told: list[Event] = []
    switch = Switch(SwitchSettings("asterisk", login, Login(host, int(port), "santral-actions", secrets["actions"]),
                                   lab.info.numbers[0]), told.append, lambda: ((), ()))
    work = asyncio.create_task(switch.run())
    try:
        await until_async(lambda: switch.connected)
        plain_offer = Offer(CALL, ContactId("1.1"), "PJSIP/trunk-ffffffff", AgentId("a"), SeatId("nobody"),
                            ServiceId("psikososyal"), "Psikososyal destek", 10.0, AnswerMode.MANUAL, False, 0.0)
        channels = Channels([switch], told.append, lambda channels: ())
        channels.execute([
            plain_offer._replace(offer=MESSAGE, contact=ContactId("chat-1"), leg="", channel=Channel.CHAT,
                                 seat=SeatId(seat)),
            Rescind(MESSAGE, ContactId("chat-1"), "call", channel=Channel.CHAT),
            Dial(CALLBACK, ContactId("1.2"), "sealed", ServiceId("psikososyal"), 0.0, 0), plain_offer])
        await until_async(lambda: OfferEnded(CALL, "unreachable") in told, what=f"{told}")
        assert [one for one in told if isinstance(one, CallbackFailed | OfferEnded)] == [
            CallbackFailed(CALLBACK, "failed"), OfferEnded(CALL, "unreachable")]
        assert CommandRefused(ContactId("chat-1"), MESSAGE) in told and channels.refused == {Channel.CHAT: 2}
        link = Link(login)
        await link.open()
        assert (await snapshot(link)).channels == {} and not lab.network.rung
        await link.close()
    finally:
        work.cancel()
        await asyncio.wait([work])
