"""Short messages in the dialogues, over a real socket: who is offered one, what is asked for, what they hear."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ivr.flow.menu_model import End, MenuFlow
from ivr.settings import IvrSettings
from routing.core.inbox import ContactView
from routing.core.model.centre_model import ContactState
from routing.core.model.ids import ContactId
from tests.fakes.agi_dialler import UNIQUEID, Dialler
from tests.fakes.inbox import FakeInbox, contact_view
from tests.fakes.menu import example
from tests.integration.ivr_node import Serve, said, services, tick

pytestmark = pytest.mark.integration

LINK = "https://mebim.meb.gov.tr"
MOBILE, FIXED = "+905321234567", "+903124131000"


class House:
    """A node; what it was asked to send."""

    def __init__(self) -> None:
        self.port, self.asked, self.verdict = 0, list[tuple[str, ...]](), "taken"

    async def send(self, contact: ContactId, leaf: str, digest: str, box: str, text: str) -> str:
        self.asked.append((contact, leaf, digest, box, text))
        return self.verdict

    async def tick(self, key: str = "", number: str = MOBILE, **variables: str) -> list[str]:
        """Return the sounds that the hold loop plays next."""
        dialler = await tick(self.port, key, SC_NUMBER=number, **variables)
        assert number not in str(dialler.commands), "no number goes back to a channel"
        return said(dialler)


Start = Callable[..., Awaitable[House]]


@pytest.fixture
def start(serve: Serve) -> Start:
    async def begin(view: ContactView, flow: MenuFlow | None = None, *, gateway: bool = True, **more: Any) -> House:
        house = House()
        dialogues = await serve(FakeInbox(view), flow, IvrSettings(comfort_s=600.0), texts_after_s=25.0,
                                services=services("ihbar_sikayet"), texts=house.send if gateway else None, **more)
        house.port = dialogues.server.address[1]
        return house

    return begin


def waiting(service: str = "uzaktan_egitim", state: ContactState = ContactState.PENDING) -> ContactView:
    return contact_view(UNIQUEID, state, service=service)._replace(waited_s=30.0)


async def test_who_waits_is_offered_one_and_has_it_by_a_key(start: Start) -> None:
    house = await start(waiting())
    assert await house.tick() == ["bekleme-ilk", "bekleme-siradaki"]
    assert await house.tick() == ["kisa-mesaj-sor"] and await house.tick() == []
    assert await house.tick("6") == ["kisa-mesaj-yolda"]
    [asked] = house.asked
    assert asked[:4] == (UNIQUEID, "uzaktan-egitim", f"hash({MOBILE})", f"box({MOBILE})")
    assert asked[4].startswith("Uzaktan eğitim: ") and asked[4].endswith(f" {LINK}")


@pytest.mark.parametrize(("verdict", "heard"), [
    ("again", "kisa-mesaj-gonderildi"), ("refused", "kisa-mesaj-olmadi")])
async def test_what_became_of_it_is_said(start: Start, verdict: str, heard: str) -> None:
    house = await start(waiting())
    house.verdict = verdict
    await house.tick()
    assert await house.tick("6") == [heard]


@pytest.mark.parametrize(("number", "service", "gateway"), [
    (FIXED, "uzaktan_egitim", True), ("anonymous", "uzaktan_egitim", True), (MOBILE, "psikososyal", True),
    (MOBILE, "ihbar_sikayet", True), (MOBILE, "uzaktan_egitim", False)],
    ids=["fixed line", "withheld", "distress", "anonymous service", "no gateway"])
async def test_nobody_else_is_offered_one(start: Start, number: str, service: str, gateway: bool) -> None:
    house = await start(waiting(service), gateway=gateway)
    await house.tick(number=number)
    assert await house.tick(number=number) == []
    assert await house.tick("6", number=number) == ["bekleme-tus"] and house.asked == []


async def test_nothing_covers_a_call_that_is_being_connected(start: Start) -> None:
    house = await start(waiting(state=ContactState.RESERVED))
    assert await house.tick("6") == [] and house.asked == []


async def test_the_slow_and_the_english_hear_it_theirs(start: Start) -> None:
    flow = example()
    words = (("tr", "Bilgi:"), ("en", "More:"))
    flow = flow._replace(nodes={**flow.nodes, "uzaktan-egitim": flow.queue_node("uzaktan-egitim")._replace(sms=words)})
    house = await start(waiting(), flow)
    await house.tick(SC_LANGUAGE="en", SC_SLOW="1")
    assert await house.tick("6", SC_LANGUAGE="en", SC_SLOW="1") == ["kisa-mesaj-yolda-yavas"]
    assert house.asked[0][4] == f"More: {LINK}"


async def test_the_end_of_a_call_in_the_menu(start: Start) -> None:
    flow = example()
    last = End("uzaktan-egitim", ("karsilama",), LINK, (("tr", "Bilgi:"),))
    house = await start(waiting(), flow._replace(nodes={**flow.nodes, "uzaktan-egitim": last}))
    dialler = Dialler(house.port, "menu", "ana", variables={"SC_NUMBER": MOBILE},
                      by_file={"ana-menu-2": "2", "kisa-mesaj-sor": "6"})
    await dialler.call()
    assert dialler.played[-3:] == ["karsilama", "kisa-mesaj-sor", "kisa-mesaj-yolda"]
    assert dialler.variables["ACD_NEXT"] == "bye" and house.asked[0][4] == f"Bilgi: {LINK}"
    fixed = Dialler(house.port, "menu", "ana", variables={"SC_NUMBER": FIXED}, by_file={"ana-menu-2": "2"})
    await fixed.call()
    assert fixed.played[-1] == "karsilama" and len(house.asked) == 1


async def test_a_closed_service(start: Start) -> None:
    house = await start(waiting(), is_open=lambda service: service != "gorus_oneri")
    dialler = Dialler(house.port, "menu", "ana", variables={"SC_NUMBER": MOBILE},
                      by_file={"ana-menu-4": "4", "kisa-mesaj-sor": "6", "ana-menu-0": "0"})
    await dialler.call()
    played = dialler.played
    assert played[played.index("hizmet-kapali"):][:4] == ["hizmet-kapali", "kisa-mesaj-sor", "kisa-mesaj-yolda",
                                                         "ana-menu-1"]
    assert [one[1] for one in house.asked] == ["gorus-oneri"]
