"""Contacts other than calls, on a real Asterisk: messages ring no phone, and nobody is called back without a way out.
"""

from __future__ import annotations

import asyncio
import json

import pytest

from lab.session import LabSession
from routing.ami.asterisk_session import AsteriskSession
from routing.ami.link import Link, Login
from routing.ami.resync import take_snapshot
from routing.ami.settings import AsteriskSettings
from routing.channels import Channels
from routing.core.events import CallbackFailed, CommandRefused, Event, OfferEnded
from routing.core.model.centre_model import AnswerMode, Channel
from routing.core.model.commands import DialCaller, Offer, Rescind
from routing.core.model.ids import AgentId, ContactId, OfferId, SeatId, ServiceId
from tests.system.stage import plain
from tests.until import until_async

pytestmark = pytest.mark.system

MESSAGE, CALLBACK, CALL = OfferId(900_001), OfferId(900_002), OfferId(900_003)


async def test_only_calls_reach_asterisk(lab: LabSession) -> None:
    seat = lab.info.seat_of(plain("psikososyal", 1)[0]).endpoint
    host, _, port = lab.info.ami.partition(":")
    secrets = json.loads((lab.folder / "secrets" / "ami.json").read_text(encoding="utf-8"))
    login = Login(host, int(port), "santral-events", secrets["events"], events="system,call")
    told: list[Event] = []
    switch = AsteriskSession(AsteriskSettings("asterisk", login,
        Login(host, int(port), "santral-actions", secrets["actions"]),
                                   lab.info.numbers[0]), told.append, lambda: ((), ()))
    work = asyncio.create_task(switch.run_session())
    try:
        await until_async(lambda: switch.connected)
        plain_offer = Offer(CALL, ContactId("1.1"), "PJSIP/trunk-ffffffff", AgentId("a"), SeatId("nobody"),
                            ServiceId("psikososyal"), "Psikososyal destek", 10.0, AnswerMode.MANUAL, False, 0.0)
        channels = Channels([switch], told.append, lambda channels: ())
        channels.execute([
            plain_offer._replace(offer=MESSAGE, contact=ContactId("chat-1"), leg="", channel=Channel.CHAT,
                                 seat=SeatId(seat)),
            Rescind(MESSAGE, ContactId("chat-1"), "call", channel=Channel.CHAT),
            DialCaller(CALLBACK, ContactId("1.2"), "sealed", ServiceId("psikososyal"), 0.0, 0), plain_offer])
        await until_async(lambda: OfferEnded(CALL, "unreachable") in told, what=f"{told}")
        assert [one for one in told if isinstance(one, CallbackFailed | OfferEnded)] == [
            CallbackFailed(CALLBACK, "failed"), OfferEnded(CALL, "unreachable")]
        assert CommandRefused(ContactId("chat-1"), MESSAGE) in told and channels.refused == {Channel.CHAT: 2}
        link = Link(login)
        await link.connect_and_login()
        assert (await take_snapshot(link)).channels == {} and not lab.network.rung
        await link.close()
    finally:
        work.cancel()
        await asyncio.wait([work])
