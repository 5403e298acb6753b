"""The lab's telephone network against an Asterisk without Santral: what it says it does, it does."""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from lab.errors import LabError, NotReady
from lab.pbx import process
from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import AsteriskProgram
from lab.pbx.ports import PortBlock
from lab.pbx.process import Identity
from lab.people.sipp_load import LoadPlan, run_sipp
from lab.phones import audio
from lab.phones.network import NetworkPlace, PhoneBehaviour, PhoneNetwork, start_network
from tests.fakes.sip_uac import telephone
from tests.system import plain_conf
from tests.system.stage import growing
from tests.until import LIMIT_S, until, until_async

pytestmark = pytest.mark.system

SEATS = {"2001": "secret-of-2001-for-tests", "2002": "secret-of-2002-for-tests"}
LATE = {"2003": "secret-of-2003-for-tests"}
STALL_S = 0.4
"""Between packets that a machine lets wait; over 0.1 s MixMonitor threw away what it had."""
LAST_S = 0.1
"""The hang-up comes behind the last packets, and is not held up by what plays late."""


class Plain:
    """The Asterisk that is called, and what its dialplan saw."""

    def __init__(self, asterisk: PrivateAsterisk, place: NetworkPlace, told: Path) -> None:
        self.asterisk = asterisk
        self.place = place
        self.phones = Identity(place.pid, place.started)
        self.noise = asterisk.conf / "noise.wav"
        self._told = told

    def told(self) -> list[str]:
        return self._told.read_text().splitlines() if self._told.exists() else []


@pytest.fixture(scope="module")
def plain(asterisk_tree: AsteriskProgram, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plain]:
    folder = tmp_path_factory.mktemp("network")
    ports = PortBlock()
    sip, told = ports.free_port(socket.SOCK_DGRAM), folder / "told"
    plain_conf.write(folder / "conf", sip, ports.media_range(100), SEATS | LATE, told)
    with PrivateAsterisk(asterisk_tree, folder / "conf", folder / "state") as asterisk:
        place, network = start_network(asterisk_tree, folder / "phones", f"127.0.0.1:{sip}", ports, SEATS, media=200)
        try:
            yield Plain(asterisk, place, told)
        finally:
            network.stop_process()
            ports.close()


@pytest.fixture
async def network(plain: Plain) -> AsyncIterator[PhoneNetwork]:
    async with PhoneNetwork(plain.place) as session:
        await session.wait_registered(SEATS)
        for seat in SEATS:
            await session.set_behaviour(seat, PhoneBehaviour())
        yield session
        await session.hang_up_all()


async def test_a_caller_hears_what_it_said(network: PhoneNetwork, tmp_path: Path) -> None:
    heard = tmp_path / "echo.wav"
    call = await network.place_call("100", tone=440, stay=1.5, record=heard)
    await call.wait_answered()
    await call.wait_ended()
    assert call.cause == 16
    assert 1.3 < call.talked_s < LIMIT_S
    samples = audio.read_wav(heard)
    assert audio.tone_s(samples, 440) > 0.9
    assert audio.tone_s(samples, 700) == 0


async def test_keys_and_the_callers_number_arrive(plain: Plain, network: PhoneNetwork) -> None:
    before = len(plain.told())
    call = await network.place_call("101", caller="05321112233", press="1@300ms,27,3")
    await call.wait_ended()
    assert until(lambda: plain.told()[before:]) == ["1273 05321112233"]
    pressed = [moment for moment in call.moments if moment.what.startswith("pressed")]
    assert [moment.what[-1] for moment in pressed] == ["1", "2", "7", "3"]


async def test_keys_can_be_pressed_while_a_tone_is_spoken(plain: Plain, network: PhoneNetwork) -> None:
    before = len(plain.told())
    call = await network.place_call("101", caller="anonymous", tone=500, press="9876@200ms")
    await call.wait_ended()
    assert until(lambda: plain.told()[before:]) == ["9876 anonymous"]


async def test_tones_go_both_ways(network: PhoneNetwork, tmp_path: Path) -> None:
    await network.set_behaviour("2001", PhoneBehaviour(answer="0.2", tone=600, record=tmp_path))
    call = await network.place_call("2001", tone=440, record=tmp_path / "caller.wav")
    await call.wait_answered()
    phone = await network.wait_ring("2001")
    await phone.wait_answered()
    assert phone.recording is not None
    caller_heard, phone_heard = tmp_path / "caller.wav", phone.recording
    for heard, tone in ((caller_heard, 600), (phone_heard, 440)):
        await until_async(lambda heard=heard, tone=tone: audio.tone_s(growing(heard), tone) > 0.8,  # type: ignore[misc]
                          what=f"{tone} Hz are recorded")
    await call.hang_up()
    await phone.wait_ended()
    await call.wait_ended()
    assert audio.tone_s(audio.read_wav(phone_heard), 600) == 0


async def test_a_line_that_has_no_turn_for_a_while_has_recorded_all_of_it(
        plain: Plain, network: PhoneNetwork, tmp_path: Path) -> None:
    """On a busy machine half sentences had been recorded: what came late pushed out what was there."""
    heard = tmp_path / "heard.wav"
    call = await network.place_call("103", record=heard)
    await call.wait_answered()
    for _ in range(4):
        await asyncio.sleep(STALL_S)
        process.send_signal(plain.phones, signal.SIGSTOP)
        await asyncio.sleep(STALL_S)
        process.send_signal(plain.phones, signal.SIGCONT)
    await call.wait_ended()
    match = audio.find_prompt_file(plain.noise, heard, plain_conf.SOUND_S - LAST_S)
    assert match.score > 0.99, match


async def test_a_phone_shows_who_calls_and_hangs_up_after_its_talk(network: PhoneNetwork) -> None:
    await network.set_behaviour("2002", PhoneBehaviour(talk=0.3))
    call = await network.place_call("2002", caller="05554443322")
    await call.wait_answered()
    phone = await network.wait_ring("2002")
    assert phone.shown_number == "05554443322"
    await phone.wait_ended()
    await call.wait_ended()
    assert call.talked_s < LIMIT_S


async def test_another_sessions_caller_is_no_phone_that_rings(network: PhoneNetwork) -> None:
    async with PhoneNetwork(network.place) as other:
        leg = await other.place_call("100", stay=0.2)
        await leg.wait_ended()
        assert leg.answered.is_set()
    assert network.rung == []


@pytest.mark.parametrize(("answer", "seen"), [
    ("busy", "2001 BUSY 17"), ("decline", "2001 CHANUNAVAIL 21"), ("ignore", "2001 NOANSWER"),
    ("redirect", "2001 ")])
async def test_a_phone_that_does_not_answer(plain: Plain, network: PhoneNetwork, answer: str, seen: str) -> None:
    before = len(plain.told())
    await network.set_behaviour("2001", PhoneBehaviour(answer=answer))
    call = await network.place_call("2001")
    await call.wait_ended()
    assert not call.was_answered
    assert until(lambda: plain.told()[before:])[0].startswith(seen)
    with pytest.raises(LabError, match="not answered"):
        await call.wait_answered()


async def test_a_phone_dials_as_its_seat(plain: Plain, network: PhoneNetwork) -> None:
    before = len(plain.told())
    call = await network.place_call("*45", seat="2001")
    await call.wait_answered()
    assert until(lambda: plain.told()[before:]) == ["45 2001"]
    await call.hang_up()
    await call.wait_ended()


async def test_a_phone_comes_later_and_goes(plain: Plain, network: PhoneNetwork) -> None:
    assert "2003" not in await network.list_registrations()
    await network.register_phones(LATE)
    call = await network.place_call("2003", stay=0.1)
    await call.wait_answered()
    await call.wait_ended()
    await network.unregister_phone("2003")
    before = len(plain.told())
    gone = await network.place_call("2003")
    await gone.wait_ended()
    assert until(lambda: plain.told()[before:])[0].startswith("2003 CHANUNAVAIL")
    await network.wait_registered(SEATS)


async def test_a_phone_that_registers_again_is_where_the_next_call_rings(plain: Plain,
        network: PhoneNetwork) -> None:
    """Not at the other one, which had its place: the call came before the REGISTER did."""
    async with telephone(plain.place.target) as other:
        assert await other.register("2001", SEATS["2001"]) == 200
        await network.renew_registrations(["2001"])
        call = await network.place_call("2001", stay=0.1)
        await call.wait_answered()
        await call.wait_ended()
        assert other.rung.empty()
    with pytest.raises(NotReady, match="2001"):
        await network.renew_registrations(["2001"], limit=0.0)
    await network.renew_registrations(["2001"])


async def test_a_phone_in_a_network_of_its_own_vanishes(
        plain: Plain, network: PhoneNetwork, asterisk_tree: AsteriskProgram, tmp_path: Path) -> None:
    ports = PortBlock()
    place, own = start_network(asterisk_tree, tmp_path / "own", plain.place.target, ports, LATE, media=20)
    try:
        async with PhoneNetwork(place) as session:
            await session.wait_registered(LATE)
            await session.set_behaviour("2003", PhoneBehaviour())
            call = await network.place_call("2003")
            await call.wait_answered()
            own.kill_process()
        assert not call.ended.is_set()
        await call.hang_up()
        await call.wait_ended()
        before = len(plain.told())
        gone = await network.place_call("2003")
        await gone.wait_ended()
        assert not gone.was_answered
        assert until(lambda: plain.told()[before:])[0].startswith("2003 NOANSWER")
    finally:
        own.stop_process()
        ports.close()


async def test_a_wrong_secret_is_told(network: PhoneNetwork) -> None:
    with pytest.raises(LabError, match="2004"):
        await network.register_phones({"2004": "nobody-knows-this-phone"}, limit=1.0)


async def test_a_network_that_is_gone_is_told(plain: Plain) -> None:
    ports = PortBlock()
    place = plain.place._replace(ami=ports.free_port())
    with pytest.raises(LabError, match="not running"):
        async with PhoneNetwork(place):
            pass
    ports.close()


async def test_sipp_makes_calls_with_keys_and_sound(plain: Plain, tmp_path: Path) -> None:
    before = len(plain.told())
    ports = PortBlock()
    try:
        load = LoadPlan(plain.place.target, "102", calls=3, rate=10, hold_s=4.5,
            port=ports.free_port(socket.SOCK_DGRAM),
                    media_port=ports.media_range(40)[0], press="12@400ms,3@2500ms", caller="05001234567")
        result = run_sipp(load, tmp_path)
    finally:
        ports.close()
    assert (result.successful, result.failed) == (3, 0), result.log
    assert until(lambda: plain.told()[before:]) == ["123 05001234567"] * 3


async def test_phones_of_several_tasks_register_at_the_same_time(network: PhoneNetwork) -> None:
    phones = {**SEATS, **LATE}
    await asyncio.gather(*(network.register_phones({seat: secret}) for seat, secret in phones.items()))
    states = await network.list_registrations()
    assert [states[seat] for seat in phones] == ["Registered"] * len(phones)
