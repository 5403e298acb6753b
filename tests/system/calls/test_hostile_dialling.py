"""Callers, agents' phones and strangers who dial or send a talk where they may not, tried on a real Asterisk."""

from __future__ import annotations

import asyncio
import contextlib
import re

import pytest

from lab import lifecycle
from lab.pbx.asterisk import PrivateAsterisk
from tests.fakes.sip_uac import Dialogue, Telephone
from tests.system import hostile
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

SKILL, KEY = "uzaktan_egitim", "2"
OUTSIDE = (b"00905321112233", b"00442071234567", b"9001234567", b"05321112233", b"+905321112233", b"112")
INSIDE = (b"s", b"h", b"i", b"T", b"santral-in", b"santral-hold", b"santral-fallback", b"santral-agent", b"whisper",
    b"press",
          b"hold", b"*45", b"*44", b"*21*0532#", b"44406321", b"444063", b"4440632,1", b"4440632%26s", b"")


@pytest.fixture(scope="module")
def lab_session(guarded_session: lifecycle.LabInfo) -> lifecycle.LabInfo:
    """The one in which somebody tries what they may not."""
    return guarded_session


def calls(pbx: PrivateAsterisk) -> int:
    """Channels that Asterisk has had so far, by its own count of calls."""
    found = re.search(r"(\d+) calls? processed", pbx.run_console("core show channels count"))
    assert found
    return int(found[1])


async def test_a_caller_reaches_the_called_numbers_only(
        stage: Stage, carrier: Telephone, pbx: PrivateAsterisk) -> None:
    before, contacts = calls(pbx), len(stage.lab.query_store("select contact from contacts"))
    numbers = (*OUTSIDE, *INSIDE, stage.info.agents[0].endpoint.encode())
    done = await asyncio.gather(*(carrier.call(number, limit=10.0) for number in numbers))
    assert {call.status for call in done} <= {0, 404, 484}, {  # 0: not even a legal URI, ignored
        number: call.status for number, call in zip(numbers, done, strict=True)}
    # A number in digits that is not ours is refused by the dialplan, which tells its form. Nothing else has a channel.
    digits = sum(number[:1] in b"+0123456789" for number in numbers if number)
    assert calls(pbx) == before + digits and not stage.network.rung
    assert len(stage.lab.query_store("select contact from contacts")) == contacts


def alone(pbx: PrivateAsterisk, endpoint: str) -> str:
    """The channels, all of them of this endpoint."""
    channels = pbx.run_console("core show channels concise")
    assert all(line.startswith(f"PJSIP/{endpoint}-") for line in channels.splitlines() if "!" in line), channels
    return channels


async def test_an_agents_phone_dials_codes_and_reaches_nobody_else(
        stage: Stage, stranger: Telephone, pbx: PrivateAsterisk) -> None:
    seat, other = stage.info.agents[5], stage.info.agents[6]
    await stage.network.register_phones({other.endpoint: other.secret})
    assert await stranger.register(seat.endpoint, seat.secret) == 200
    me = f'"{seat.endpoint}" <sip:{seat.endpoint}@127.0.0.1>'.encode()
    digits = (*OUTSIDE, other.endpoint.encode(), stage.info.numbers[0].encode(), b"*21*0532%23", b"*59", b"*4", b"%23")
    for number in (*digits, *(one for one in INSIDE if one.isalpha() or b"-" in one)):
        call = await stranger.call(number, caller=me)
        assert call.status == (200 if number in digits else 404), (number, call.status)
        if call.status == 200:  # a short one, after the node was asked whether a consult transfer is possible
            await until_async(lambda: "not-allowed" in alone(pbx, seat.endpoint), what=f"{number!r} is refused")
        else:
            assert "not-allowed" not in alone(pbx, seat.endpoint)
        await call.bye()
    assert not stage.network.rung
    await stranger.register(seat.endpoint, seat.secret, expires=0)


REFER = b"Refer-To: <sip:00905321112233@127.0.0.1>\r\nReferred-By: <sip:x@127.0.0.1>\r\n"


async def test_neither_end_of_a_talk_can_send_it_elsewhere(
        stage: Stage, carrier: Telephone, stranger: Telephone, pbx: PrivateAsterisk) -> None:
    name = plain(SKILL, 5)[4]  # whose phone in the network is never registered: this one takes its place
    seat = stage.info.seat_of(name)
    assert await stranger.register(seat.endpoint, seat.secret) == 200
    agent = await stage.sits(name)
    caller = await carrier.call(stage.info.numbers[0].encode())
    assert caller.status == 200
    talks: list[Dialogue] = []

    async def rings() -> bool:
        await caller.press(KEY)
        with contextlib.suppress(TimeoutError):
            talks.append(await asyncio.wait_for(stranger.rung.get(), 1.0))
        return bool(talks)

    await until_async(rings, what="the phone rings")
    phone = talks[0]

    await stage.reaches(agent, "talking", 60.0)
    before = calls(pbx)
    for end in (phone, caller):
        assert await end.request(b"REFER", REFER) >= 400
        assert await end.request(b"REFER", REFER.replace(b"@127.0.0.1>", b"@127.0.0.1?Replaces=x>")) >= 400
    asked = await carrier.ask(b"REFER", b"4440632", caller=b"<sip:x@127.0.0.1>", more=REFER)
    assert asked is None or asked.status >= 400
    # A call that wants to take the place of one that is there, by the ids it has overheard.
    for thief, victim in ((carrier, phone), (stranger, caller), (carrier, caller)):
        tags = [one.rpartition(b"tag=")[2] for one in (victim.remote, victim.local)]
        more = (b"Replaces: " + victim.call_id + b";to-tag=" + tags[0] + b";from-tag=" + tags[1]
                + b"\r\nRequire: replaces\r\n")
        stolen = await thief.call(b"4440632", more=more, limit=3.0)
        assert stolen.status != 200, f"a stranger took over the talk of {victim.call_id!r}"
    assert calls(pbx) == before
    assert (await agent.fetch_view())["state"] == "talking" and not phone.ended.is_set() and not caller.ended.is_set()
    assert len(pbx.run_console("core show channels concise").strip().splitlines()) == 2
    await caller.bye()
    await until_async(lambda: phone.ended.is_set(), what="the phone's end")
    await stranger.register(seat.endpoint, seat.secret, expires=0)


async def test_a_stranger_gets_no_channel_and_learns_nothing(
        stage: Stage, stranger: Telephone, pbx: PrivateAsterisk) -> None:
    before, contacts = calls(pbx), len(stage.lab.query_store("select contact from contacts"))
    known = [one.endpoint.encode() for one in stage.info.agents[:3]] + [b"trunk"]
    unknown = [b"2999", b"admin", b"nobody", b"anonymous"]
    own_words = ("Call-ID", "Via", "From", "To", "CSeq", "Date")

    async def shape(method: bytes, name: bytes) -> tuple[int, tuple[str, ...]]:
        answer = await stranger.ask(method, name if method != b"INVITE" else b"4440632",
                                    caller=b"<sip:" + name + b"@127.0.0.1>")
        assert answer is not None
        lines = answer.raw.decode().split("\r\n")
        return answer.status, tuple(re.sub(r'(nonce|opaque|branch|tag|rport|received)="?[^",;]*', r"\1", line)
                                    for line in lines if not line.startswith(own_words))

    for method in (b"INVITE", b"REGISTER", b"OPTIONS", b"SUBSCRIBE", b"MESSAGE", b"PUBLISH", b"REFER"):
        found = {name: await shape(method, name) for name in (*known, *unknown)}
        assert len(set(found.values())) == 1, (method, found)
        assert next(iter(found.values()))[0] == 401, (method, found)
    for name in (*known[:2], b"2999"):
        assert await stranger.register(name.decode(), "guessed-secret-0123456789") in (401, 403)
    assert calls(pbx) == before and len(stage.lab.query_store("select contact from contacts")) == contacts
    guesses = (stage.lab.folder / "pbx/log/security.log").read_text(encoding="utf-8", errors="replace")
    assert f"{hostile.STRANGER}/" in guesses and "InvalidAccountID" in guesses and "ChallengeResponseFailed" in guesses
    hostile.clean(stage.lab.folder)
