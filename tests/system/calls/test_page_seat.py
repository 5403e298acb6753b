"""Seats whose phone is a page, on a real Asterisk: a page registers over a WebSocket and an offer rings in it."""

from __future__ import annotations

import asyncio
import json
import re
from functools import partial
from pathlib import Path

import pytest

from lab.faults.pbx import AsteriskFault
from lab.pbx.fetch import AsteriskProgram
from lab.people.agent import SimAgent
from tests.fakes.sip_uac import telephone
from tests.fakes.sip_websocket import PageLine
from tests.ministry import patient
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SKILL, KEY = "psikososyal", "1"
SEAT, OTHER = "3001", "3002"
OUTSIDE = "127.0.0.3"
"""Address of somebody who is neither the relay nor the carrier."""
NUMBER = "05005553311"
QUICK = "\n[wait]\ntick_s = 2\nmax_fails = 2\n"
"""A waiting caller reaches the fallback queue after some 5 s instead of a minute."""
WORDS_S = 120.0
"""Until the queue rings: one in distress hears two sentences of 24 s before it."""


def page_line(stage: Stage, seat: str, secret: str | None = None) -> PageLine:
    """Return the line of a page, with the secret of the seat."""
    known = json.loads((stage.lab.folder / "secrets" / "seats.json").read_text(encoding="utf-8"))
    return PageLine(stage.info.asterisk_web, seat, secret or known[seat])


async def sits_at_page(stage: Stage, name: str, seat: str) -> SimAgent:
    """An agent who is signed in at a page seat."""
    person = SimAgent(stage.info, stage.network, name)
    await person.ask_as_agent("login", {"seat": seat})
    stage.lab.people.append(person)
    return person


async def queue_text(pbx: AsteriskFault) -> str:
    return await asyncio.to_thread(pbx.run_console, f"queue show santral-{SKILL}")


async def test_a_page_registers_with_its_secret_only(stage: Stage) -> None:
    async with page_line(stage, SEAT, "some-other-secret-012345") as stranger:
        assert (await stranger.register()).startswith("SIP/2.0 401 ")
    async with page_line(stage, SEAT) as page:
        answer = await page.register(expires=600)
        assert answer.startswith("SIP/2.0 200 ")
        # Timers of a hidden page come late, so a page may stay registered for ten minutes.
        assert re.search(r"^Contact: .*;expires=(599|600)\r$", answer, re.MULTILINE), answer


async def test_the_secret_of_a_page_opens_nothing_by_udp_from_another_address(stage: Stage) -> None:
    """A dismissed person may have kept the secret."""
    known = json.loads((stage.lab.folder / "secrets" / "seats.json").read_text(encoding="utf-8"))
    async with telephone(stage.info.sip, OUTSIDE) as phone:
        for seat in (SEAT, OTHER):
            # The right secret is answered as a wrong one, so nobody learns which it was.
            assert await phone.register(seat, known[seat]) == 401
            call = await phone.call(b"*40", caller=f"<sip:{seat}@127.0.0.1>".encode())
            assert call.status in (401, 403)
    async with page_line(stage, SEAT) as page:
        assert (await page.register()).startswith("SIP/2.0 200 "), "the relay's own address"


async def test_an_offer_rings_in_the_page_and_stops_with_the_caller(stage: Stage) -> None:
    # 1. Without its page the seat is no place to ring. With it the agent is ready.
    person = await sits_at_page(stage, plain(SKILL, 1)[0], SEAT)
    await stage.reaches(person, "unreachable")
    async with page_line(stage, SEAT) as page:
        await page.register()
        await stage.reaches(person, "ready")
        # 2. The offer shows the service, and offers sound at one address, encrypted.
        caller = await stage.hurried(KEY, number=NUMBER)
        offer = await page.wait_request("INVITE")
        await page.answer(offer, "180 Ringing")
        await stage.reaches(person, "ringing")
        shown, _, sound = offer.partition("\r\n\r\n")
        assert re.search(r'^From: "Psikososyal', shown, re.MULTILINE), shown
        assert NUMBER[1:] not in offer, "nobody sees a caller's number"
        assert set(re.findall(r"^a=candidate:\S+ \d UDP \d+ (\S+) ", sound, re.MULTILINE)) == {"127.0.0.1"}, sound
        assert re.search(r"^m=audio \d+ UDP/TLS/RTP/SAVPF 8 9 ", sound, re.MULTILINE) and "a=fingerprint:" in sound
        assert "c=IN IP4 127.0.0.1" in sound
        # 3. The caller hangs up, and the page stops ringing.
        await caller.hang_up()
        ended = await page.wait_request("CANCEL")
        await page.answer(ended, "200 OK")
        await page.answer(offer, "487 Request Terminated")
        await page.wait_request("ACK")
        await stage.reaches(person, "ready")
    # 4. A page that has gone is no place to ring, at once and not when its registration ends.
    await stage.reaches(person, "unreachable")


async def test_no_fallback_queue_rings_a_page(stage: Stage, asterisk_tree: AsteriskProgram) -> None:
    pbx = AsteriskFault(stage.lab.folder, asterisk_tree)
    at_page, at_phone = plain(SKILL, 2)
    async with page_line(stage, OTHER) as page:
        await page.register()
        person = await sits_at_page(stage, at_page, OTHER)
        await stage.reaches(person, "ready")
        phone = await stage.agent(at_phone)

        async def has_phone(seat: str) -> bool:
            return seat in await queue_text(pbx)

        # The phone signed in later, so its membership shows that the page's has been decided.
        await until_async(partial(has_phone, f"PJSIP/{phone.seat}"), what="the phone is a member")
        assert f"PJSIP/{OTHER}" not in await queue_text(pbx)


async def test_asterisk_asks_whether_a_page_is_there(stage: Stage) -> None:
    async with page_line(stage, OTHER) as page:
        await page.register()

        async def was_asked() -> bool:
            return page.options > 0

        await until_async(was_asked, 120.0, "an OPTIONS to the page")


async def test_a_page_that_is_led_past_the_node_rings_without_it(new_lab: NewLab, tmp_path: Path,
                                                                 asterisk_tree: AsteriskProgram) -> None:
    """With `[desk] sip` a TLS proxy leads there. The line of this test goes straight to Asterisk."""
    lab = await new_lab(centre=patient(tmp_path), extra='[desk]\nsip = "wss://desk.example/sip"\n' + QUICK)
    stage, pbx = Stage(lab, tmp_path), AsteriskFault(lab.folder, asterisk_tree)
    async with page_line(stage, SEAT) as page:
        await page.register()
        person = await sits_at_page(stage, plain(SKILL, 1)[0], SEAT)
        await stage.reaches(person, "ready")

        async def is_member() -> bool:
            return f"PJSIP/{SEAT}" in await queue_text(pbx)

        await until_async(is_member, what="the page is a member of the fallback queue")
        caller = await stage.hurried(KEY)
        await page.answer(await page.wait_request("INVITE"), "486 Busy Here")
        await asyncio.to_thread(lab.kill_node)
        # The caller reaches the fallback queue after some seconds and sentences, and the page rings.
        offer = await page.wait_request("INVITE", WORDS_S)
        assert f"sip:{SEAT}@" in offer.partition("\r\n")[0]
        await caller.hang_up()
