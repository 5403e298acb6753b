"""An agent's phone with two lines: the caller on the first one, on hold, and on the second one whom the agent asks. Its
transfer key (REFER with Replaces) joins both, on a real Asterisk; whoever ends what when, nobody is left in silence."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from lab.people.agent import SimAgent
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from tests.fakes.sip_uac import Dialogue, Telephone, telephone
from tests.system.calls.test_transfer import CALLER, EDU, EDU_KEY, SECOND, TALK_S, chain, hears, talking
from tests.system.conftest import NewLab
from tests.system.stage import Stage, plain
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.system

SPOKEN = 1000
"""Tone of a phone of raw bytes."""
SPEAKS_S = 60.0
"""Until it is heard."""


class Desk:
    """An agent with a phone of two lines, in a talk with a caller whom the phone has put on hold, and a colleague."""

    def __init__(self, stage: Stage, phone: Telephone, agent: SimAgent) -> None:
        self.stage, self.phone, self.agent = stage, phone, agent
        self.caller: Leg
        self.contact = ""
        self.first: Dialogue
        self.second: Dialogue
        self.colleague: SimAgent
        self.other: Leg

    async def talks(self) -> None:
        """A caller comes, and is put on hold at once."""
        self.caller, self.contact = await talking(self.stage, EDU_KEY, self.agent)
        self.first = await self.phone.rings()
        assert await self.first.hold() == 200

    async def dials(self, number: str) -> Dialogue:
        """On the second line, the caller on hold."""
        self.second = await self.phone.call(number.encode(), caller=b"<sip:" + self.agent.seat.encode()
                                            + b"@127.0.0.1>")
        return self.second

    async def asks(self, colleague: SimAgent) -> None:
        """A colleague by their number; returns when it rings there."""
        since = len(self.stage.network.rung)
        self.colleague = colleague
        assert (await self.dials(colleague.id[1:])).status == 200
        self.other = await self.stage.network.wait_ring(colleague.seat, since)

    async def speaks(self, what: str) -> None:
        """On the first line, until the caller has heard it."""
        before = self.stage.tone_s(self.caller, SPOKEN)
        speech = asyncio.create_task(self.first.speak(SPEAKS_S))
        try:
            await until_async(lambda: self.stage.tone_s(self.caller, SPOKEN) > before + TALK_S, SPEAKS_S, what)
        finally:
            speech.cancel()

    async def meets(self) -> None:
        """Both agents talk."""
        await self.stage.reaches(self.colleague, "talking")
        await until_async(lambda: self.phone.hears(self.second), what="the second line has sound")


@asynccontextmanager
async def desk(stage: Stage, name: str) -> AsyncIterator[Desk]:
    """At the end the seat is the lab's phone's again, if it was before: that one does not know that it was not."""
    seat = stage.info.seat_of(name)
    try:
        async with telephone(stage.info.sip) as phone:
            assert await phone.register(seat.endpoint, seat.secret) == 200
            one = Desk(stage, phone, await stage.sits(name))
            await one.talks()
            yield one
    finally:
        if seat.endpoint in await stage.network.list_registrations():
            await stage.network.renew_registrations([seat.endpoint])


GIVES = ("key on the first line", "key on the second line", "key while it rings", "first line ends")
KEEPS = ("second line ends", "asked hangs up", "first line off hold, second line ends")
QUICK = ("key on the first line", "key while it rings", "second line ends")
LONG = tuple(case for case in (*GIVES, *KEEPS, "caller hangs up") if case not in QUICK)


@pytest.mark.parametrize("cases", [QUICK, pytest.param(LONG, marks=pytest.mark.long)], ids=["short", "rest"])
async def test_whatever_ends_on_a_phone_of_two_lines_nobody_is_left_in_silence(stage: Stage,
                                                                               cases: tuple[str, ...]) -> None:
    """All at once. The transfer key, at either line and while the other phone still rings; and each end."""
    names = plain(EDU, 2 * len(cases), alone=False)
    async with AsyncExitStack() as phones:
        desks = {case: await phones.enter_async_context(desk(stage, name))
                 for case, name in zip(cases, names, strict=False)}
        rings = {name: PhoneBehaviour("10" if case == "key while it rings" else "0.2", tone=SECOND, record=stage.folder)
                 for case, name in zip(cases, names[len(cases):], strict=True)}
        colleagues = await asyncio.gather(*(stage.agent(name, way) for name, way in rings.items()))
        for one, colleague in zip(desks.values(), colleagues, strict=True):
            await one.asks(colleague)
        await asyncio.gather(*(one.meets() for case, one in desks.items() if case != "key while it rings"))
        await asyncio.gather(*(_does(case, one) for case, one in desks.items()))
        await asyncio.gather(*(_after(stage, case, one) for case, one in desks.items()))
    assert not stage.lab.query_store(
        "select contact from contacts where contact not like '%.%'"), "no phone stood in line"


async def _does(case: str, one: Desk) -> None:
    match case:
        case "key on the first line" | "key while it rings":
            assert await one.first.refer(one.second) == 202
        case "key on the second line":
            assert await one.second.refer(one.first) == 202
        case "first line ends":
            await one.first.bye()
        case "second line ends":
            await one.second.bye()
        case "asked hangs up":
            await one.other.hang_up()
        case "first line off hold, second line ends":
            assert (await one.second.hold(), await one.first.hold(False)) == (200, 200)
            await one.speaks(f"{case}: caller and agent talk meanwhile")
            await one.second.bye()
        case _:
            await one.caller.hang_up()


async def _after(stage: Stage, case: str, one: Desk) -> None:
    if case in GIVES:
        await stage.reaches(one.agent, "wrapup")
        await stage.reaches(one.colleague, "talking")
        await hears(stage, one.caller, SECOND, f"{case}: the second agent is heard")
        await hears(stage, one.other, CALLER, f"{case}: and hears the caller")
        assert [row[1:] for row in chain(stage, one.contact)] == [
            (one.agent.id, "completed", "transfer"), (one.colleague.id, "accepted", "")], case
        await one.caller.hang_up()
        assert await stage.ended(one.contact) == "answered", case
    elif case in KEEPS:
        await stage.reaches(one.colleague, "ready")
        await asyncio.gather(one.second.ended.wait(), one.other.wait_ended())
        if case != KEEPS[-1]:
            await stage.hears_music(one.caller)
            assert await one.first.hold(False) == 200
        await one.speaks(f"{case}: the agent is heard again")
        assert (await one.agent.fetch_view())["state"] == "talking", case
        assert [row[1:] for row in chain(stage, one.contact)] == [
            (one.agent.id, "accepted", ""), (one.colleague.id, "canceled", "consult_cancelled")], case
        await one.caller.hang_up()
        assert await stage.ended(one.contact) == "answered", case
    else:
        await stage.reaches(one.agent, "wrapup")
        await stage.reaches(one.colleague, "ready")
        await asyncio.gather(one.first.ended.wait(), one.second.ended.wait(), one.other.wait_ended())
        assert await stage.ended(one.contact) == "answered", "by the first agent"


async def test_a_transfer_key_that_names_the_talk_of_another_phone_joins_nobody(stage: Stage) -> None:
    """Asterisk would join them. The two callers are separated in milliseconds, and each is first in the queue again."""
    # Not the seats of the test before: the lab's own phones have just said REGISTER there again.
    names = plain(EDU, 2 * len(QUICK) + 2, alone=False)[-2:]
    async with desk(stage, names[0]) as one, desk(stage, names[1]) as two:
        assert await one.first.refer(two.first) == 202
        await stage.counts(EDU, 2)
        for desk_ in (one, two):
            await stage.reaches(desk_.agent, "wrapup")
            await desk_.agent.sign_out()
            assert chain(stage, desk_.contact) == [(EDU, desk_.agent.id, "completed", "transfer")]
        await asyncio.gather(*(stage.hears(desk_.caller, "system/sent-on") for desk_ in (one, two)))
        assert stage.tone_s(one.caller, CALLER) < 0.2, "nor were they together for longer than it takes"
        await asyncio.gather(*(desk_.caller.hang_up() for desk_ in (one, two)))
        await asyncio.gather(*(stage.ended(desk_.contact) for desk_ in (one, two)))


@pytest.mark.long
@pytest.mark.parametrize("code", ["*45", "*40"])
async def test_a_transfer_key_that_names_a_code_on_the_second_line_leaves_the_caller_in_front(stage: Stage,
                                                                                              code: str) -> None:
    name, colleague = plain(EDU, 2, alone=False)
    async with desk(stage, name) as one:
        assert (await one.dials(code)).status == 200
        assert await one.first.refer(one.second) == 202
        await stage.counts(EDU, 1)
        await one.agent.sign_out()
        await stage.hears(one.caller, "system/sent-on")
        await stage.hears_music(one.caller)
        helped = await stage.lab.sign_in_agent(colleague, PhoneBehaviour(tone=SECOND))
        await stage.reaches(helped, "talking")
        await hears(stage, one.caller, SECOND, "and is helped")
        await one.caller.hang_up()
        assert await stage.ended(one.contact) == "answered"


@pytest.mark.long
async def test_a_transfer_key_needs_no_node_and_the_next_one_knows_what_it_did(new_lab: NewLab, tmp_path: Path) -> None:
    stage = Stage(await new_lab(), tmp_path)
    names = plain(EDU, 2, alone=False)
    async with desk(stage, names[0]) as one:
        await one.asks(await stage.agent(names[1], PhoneBehaviour("0.2", tone=SECOND, record=stage.folder)))
        await one.meets()
        stage.lab.kill_node()
        assert await one.first.refer(one.second) == 202
        await hears(stage, one.caller, SECOND, "the second agent is heard, without a node")
        await hears(stage, one.other, CALLER, "and hears the caller")
        await stage.lab.start_node()
        await stage.reaches(one.colleague, "talking")
        await stage.reaches(one.agent, "wrapup")
        await one.other.hang_up()
        await stage.hears(one.caller, "anket-giris")
        await one.caller.hang_up()
        assert await stage.ended(one.contact) == "answered"
        assert [row[1] for row in chain(stage, one.contact)] == [one.agent.id, one.colleague.id]


@pytest.mark.long
async def test_what_a_second_line_may_not_dial_is_said_and_the_talk_is_as_it_was(stage: Stage) -> None:
    name, colleague = plain(EDU, 2, alone=False)
    async with desk(stage, name) as one:
        for number in ("99", "05321112233", colleague[1:], name[1:]):
            line = await one.dials(number)
            assert line.status == 200
            await asyncio.wait_for(line.ended.wait(), LIMIT_S)
        assert await one.first.hold(False) == 200
        await one.speaks("caller and agent talk on")
        assert [row[2] for row in chain(stage, one.contact)] == ["accepted"]
        await one.caller.hang_up()
        assert await stage.ended(one.contact) == "answered"
