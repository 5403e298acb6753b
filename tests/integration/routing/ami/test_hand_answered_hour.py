"""An hour of calls that agents answer by hand, audited each minute: a phone that only rings is no lost event."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from routing.ami.asterisk_session import AsteriskSession
from routing.ami.link import Login
from routing.ami.settings import AsteriskSettings, SessionPace
from routing.core import events as e
from routing.core.model.centre_model import Profile
from routing.core.model.commands import Offer
from routing.core.model.ids import leg_id
from tests.core.house import House
from tests.fakes.asterisk_ami import Channel, FakeAsterisk
from tests.integration.ami_node import PATIENT
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.integration

NAMES = ("a", "b", "c", "d", "e", "f")
MINUTES = 60
OF_CALLS = (e.OfferRinging, e.OfferAnswered, e.OfferConnected, e.TalkEnded, e.OfferEnded, e.CallerHungUp)


class Hour:
    """A centre and its Asterisk. A minute passes between two audits, which here take some milliseconds."""

    def __init__(self, asterisk: FakeAsterisk, folder: Path) -> None:
        self.asterisk = asterisk
        self.house = House(dict.fromkeys(NAMES, 50), Profile(ring_timeout_s=120.0, wrapup_s=0.0))
        self.house.sits(*NAMES)
        self.ringing: dict[Offer, tuple[Channel, Channel]] = {}
        self.talking: dict[Offer, tuple[Channel, Channel]] = {}
        where = ("127.0.0.1", asterisk.port)
        self.session = AsteriskSession(
            AsteriskSettings("", Login(*where, "engine-events", "e1", "system,call"),
                             Login(*where, "engine-actions", "a1"), "4440632", folder / "cel.csv"),
            self.hear, lambda: (self.house.engine.live_contacts(), self.house.engine.live_offers()),
            timing=PATIENT, pace=SessionPace(boot=LIMIT_S, audit=0.005, settle=0.01, rescind=0.02))
        self.heard: list[e.Event] = []

    def hear(self, event: e.Event) -> None:
        if isinstance(event, OF_CALLS):
            self.heard.append(event)
            self.house.tell(event)

    def call(self) -> None:
        number = self.house.numbers + 1
        caller = self.asterisk.caller(f"c{number}")
        offer = self.house.calls("edu")
        self.ringing[offer] = caller, self.asterisk.leg(leg_id(offer.offer, offer.contact), offer.seat)

    def pick_up(self, offer: Offer) -> None:
        caller, leg = self.talking[offer] = self.ringing.pop(offer)
        self.asterisk.up(leg)
        self.asterisk.bridge(caller, leg)

    def hang_up(self, offer: Offer) -> None:
        for channel in self.talking.pop(offer):
            self.asterisk.hangup(channel)

    async def pass_minute(self) -> None:
        """Let the events arrive and an audit look twice at the same state."""
        self.house.now += 60.0
        looks = self.looks + 3
        await until_async(lambda: self.looks >= looks)

    @property
    def looks(self) -> int:
        return self.asterisk.names().count("CoreShowChannels")


@pytest.fixture
async def hour(tmp_path: Path) -> AsyncIterator[Hour]:
    async with FakeAsterisk() as asterisk:
        made = Hour(asterisk, tmp_path)
        task = asyncio.create_task(made.session.run_session())
        await until_async(lambda: made.session.connected)
        yield made
        task.cancel()
        await asyncio.wait([task])


async def test_an_hour_answered_by_hand_has_no_mismatch(hour: Hour) -> None:
    rng, most = random.Random(7), 0
    for _ in range(MINUTES):
        for offer in [one for one in hour.talking if rng.random() < 0.5]:
            hour.hang_up(offer)
        for offer in [one for one in hour.ringing if rng.random() < 0.6]:
            hour.pick_up(offer)
        await until_async(lambda: len(hour.house.engine.live_offers()) == len(hour.ringing) + len(hour.talking))
        for _ in range(len(NAMES) - len(hour.ringing) - len(hour.talking)):
            hour.call()
        most = max(most, len(hour.ringing))
        await hour.pass_minute()
    assert hour.session.mismatches == 0
    assert hour.house.numbers > 60 and most > 2, "calls came, and phones rang while an audit looked"
    assert hour.heard.count(e.OfferRinging(next(iter(hour.ringing)).offer)) == 1


async def test_a_lost_event_is_counted(hour: Hour) -> None:
    """Each of four events is lost once: a ring, an answer, a bridge, and a hang-up."""
    for _ in range(4):
        hour.call()
    offers = list(hour.ringing)
    await hour.pass_minute()
    assert hour.session.mismatches == 0
    # 1. A phone rings and nobody says so. The leg exists, so its birth was heard.
    number = hour.house.numbers + 1
    hour.asterisk.caller(f"c{number}")
    offer = hour.house.calls("edu")
    hour.asterisk.leg(leg_id(offer.offer, offer.contact), offer.seat, "Down").state = "Ringing"
    await hour.pass_minute()
    assert hour.session.mismatches == 1 and e.OfferRinging(offer.offer) in hour.heard
    # 2. A phone is answered.
    hour.ringing[offers[0]][1].state = "Up"
    await hour.pass_minute()
    assert hour.session.mismatches == 2 and e.OfferAnswered(offers[0].offer) in hour.heard
    # 3. A caller and an agent are bridged.
    caller, leg = hour.ringing[offers[1]]
    leg.state, caller.bridge, leg.bridge = "Up", "bridge-lost", "bridge-lost"
    await hour.pass_minute()
    assert hour.session.mismatches == 3 and e.OfferConnected(offers[1].offer, offers[1].contact) in hour.heard
    # 4. A caller hangs up.
    hour.pick_up(offers[2])
    await until_async(lambda: any(isinstance(one, e.OfferConnected) and one.offer == offers[2].offer
                                  for one in hour.heard))
    for channel in hour.talking[offers[2]]:
        del hour.asterisk.channels[channel.uniqueid]
    await hour.pass_minute()
    assert hour.session.mismatches > 3
