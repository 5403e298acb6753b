"""Faults from outside: floods of callers and of strangers, and input that no honest program sends."""

from __future__ import annotations

import asyncio
import itertools
import socket
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager, closing, suppress
from pathlib import Path
from typing import Any

from asterisk_conf.conf_plan import ECHO_CODE, SEAT_CALLS
from lab.faults.fault_place import FaultPlace
from lab.faults.hostile_input import JUNK, render_request, render_torture
from lab.faults.judge import FLOOD_SERVICE
from lab.pbx.ports import PortBlock
from lab.people.sipp_load import LoadPlan, LoadResult, run_sipp

LINES = 120
LINES_EXTRA = f"[lines]\ntotal = {LINES}\nkept = {{ psikososyal = 24 }}\nmost = {{ psikososyal = 36 }}\n"
RATE, FLOOD_S, HOLD_S = 20.0, 10.0, 20.0
"""New calls a second, length of the flood, and stay of each caller: what a machine of two cores carries. A thousand in
ten seconds need the ports and cores of a real one."""
FLOOD_KEY = "3"
"""Key of the flood's service, which nobody serves here: its callers wait until they hang up."""
STRANGER = "127.0.0.3"
STRANGER_RATE, BURST = 500, 25
"""Messages of a stranger a second, and how many go out at once."""
ROUND_S = 2.0
"""Time between two rounds of hostile input."""
READ_MAX = 65_536
SILENT, FORGED_EVERY_S = 1_000, 0.1
"""Connections to AGI that say nothing, and the pause between two rounds of forged questions."""
FORGED = "9999."
"""Begin of the ids of callers who do not exist."""
FORGED_SCRIPTS = tuple(f"{key}{route}" for key in ("", "k" * 32 + "/") for route in ("menu", "tick", "after-talk"))
"""Questions without the key of AGI and with a wrong one."""
SEAT_FLOOD, SEAT_ROUND_S = 70, 3.0
"""Calls that one seat makes at the same time, and how long it keeps them before it calls again."""
ANSWER_S = 1.0
"""Limit for the answer to junk, and pause between two looks at the records of a flood."""
COUNT_LOOKS = 10


@asynccontextmanager
async def flood_callers(place: FaultPlace) -> AsyncIterator[None]:
    """Let SIPp bring more callers than there are lines, and check that each was answered or told busy."""
    with closing(PortBlock()) as ports:
        sip, (media, _) = ports.free_port(socket.SOCK_DGRAM), ports.media_range(2 * LINES)
        load = LoadPlan(place.lab.info.sip, place.lab.info.numbers[0], round(RATE * FLOOD_S), RATE, HOLD_S, sip, media,
                        press=f"{FLOOD_KEY}@3s", may_be_busy=True)
        flood = asyncio.create_task(asyncio.to_thread(run_sipp, load, place.lab.folder / "sipp"), name="fault.flood")
        try:
            yield
        finally:
            result = await flood
    await _check_flood(place, load, result)


async def _check_flood(place: FaultPlace, load: LoadPlan, result: LoadResult) -> None:
    greeted = result.successful - result.busy
    place.notes.append(f"{load.calls} callers in {FLOOD_S:.0f} s: {greeted} greeted, {result.busy} told busy; "
                       "1,000 need a larger machine")
    if result.failed or result.successful != load.calls:
        place.problems.append(f"{result.failed} of {load.calls} callers of the flood failed: {result.log[-200:]}")
    count = 0
    for _ in range(COUNT_LOOKS):
        rows = place.lab.query_store("select count(*) as n from contacts where service = ?", FLOOD_SERVICE)
        if (count := rows[0]["n"]) == greeted:
            return
        await asyncio.sleep(ANSWER_S)
    place.problems.append(f"{count} records of the flood for {greeted} callers")


@asynccontextmanager
async def flood_strangers(place: FaultPlace) -> AsyncIterator[None]:
    """Send INVITEs from an address that belongs to nobody."""
    invite = [render_request(b"INVITE", number, f"{STRANGER}:5099".encode()) for number in range(BURST)]
    async with _sending(_send_datagrams(place, invite, STRANGER, BURST / STRANGER_RATE)):
        yield
    sent = await asyncio.to_thread(_count_strangers, place.lab.folder)
    place.notes.append(f"{STRANGER_RATE} INVITEs a second; {sent} lines in security.log")


def _count_strangers(folder: Path) -> int:
    path = folder / "pbx" / "log" / "security.log"
    return len(path.read_bytes().splitlines()) if path.exists() else 0


@asynccontextmanager
async def flood_seat(place: FaultPlace) -> AsyncIterator[None]:
    """Let a seat at which nobody works call the sound check again and again, and check that few calls are taken."""
    network, taken = place.lab.network, {one.seat for one in place.lab.people}
    seat = next(one for one in reversed(place.lab.info.agents) if one.endpoint not in taken)
    await network.register_phones({seat.endpoint: seat.secret})
    rounds = [0, 0]
    async with _sending(_call_from_seat(place, seat.endpoint, rounds)):
        yield
    most, refused = rounds
    place.notes.append(f"{SEAT_FLOOD} calls of one seat at once, again and again: {most} taken at most, "
                       f"{refused} refused")
    if not 0 < most <= SEAT_CALLS or not refused:
        place.problems.append(f"one seat had {most} calls at once, and {refused} were refused")


async def _call_from_seat(place: FaultPlace, seat: str, rounds: list[int]) -> None:
    """Call in rounds until cancelled. `rounds` gets the most calls that were answered, and the refused ones."""
    network = place.lab.network
    while True:
        legs = [await network.place_call(ECHO_CODE, seat=seat) for _ in range(SEAT_FLOOD)]
        try:
            await asyncio.gather(*(leg.answered.wait() for leg in legs))
            answered = sum(leg.was_answered for leg in legs)
            rounds[0], rounds[1] = max(rounds[0], answered), rounds[1] + len(legs) - answered
            await asyncio.sleep(SEAT_ROUND_S)
        finally:
            await asyncio.gather(*(leg.hang_up() for leg in legs))


@asynccontextmanager
async def send_hostile(place: FaultPlace) -> AsyncIterator[None]:
    """Send torture messages to SIP, and junk to the ports of AGI, AMI and HTTP, in rounds."""
    # The carrier's address would make calls of some of them.
    torture = render_torture(f"{STRANGER}:5098".encode())
    async with _sending(_send_rounds(place, torture)):
        yield


@asynccontextmanager
async def forge_questions(place: FaultPlace) -> AsyncIterator[None]:
    """Open silent connections to AGI, and ask for callers who do not exist, with no key and with a wrong one."""
    host, _, port = place.lab.info.agi.rpartition(":")
    silent = [await asyncio.open_connection(host, int(port)) for _ in range(SILENT)]
    try:
        async with _sending(_send_forged(place.lab.info.agi)):
            yield
    finally:
        for _, writer in silent:
            writer.close()
    refused = sum(one.value for one in await place.lab.fetch_metrics()
                  if one.name == "acd_agi_refused_total" and one.labels.get("reason") == "forged")
    place.notes.append(f"{SILENT} silent connections, {refused:.0f} forged questions refused")
    taken = place.lab.query_store("select count(*) as n from contacts where contact like ?", f"{FORGED}%")[0]["n"]
    if taken or not refused:
        place.problems.append(f"{taken} forged callers have a record, and {refused:.0f} questions were refused")


async def _send_forged(agi: str) -> None:
    for number in itertools.count():
        script = FORGED_SCRIPTS[number % len(FORGED_SCRIPTS)]
        await _send_junk(agi, f"agi_network_script: {script}\nagi_channel: PJSIP/x-{number}\nagi_uniqueid: "
                              f"{FORGED}{number}\nagi_arg_1: ana\n\n".encode())
        await asyncio.sleep(FORGED_EVERY_S)


@asynccontextmanager
async def _sending(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Send in the background, until the fault is over."""
    task = asyncio.create_task(work, name="fault.sender")
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _send_rounds(place: FaultPlace, torture: Sequence[bytes]) -> None:
    info = place.lab.info
    while True:
        await asyncio.gather(*(_send_junk(port, data) for port in (info.agi, info.ami, info.http) for data in JUNK))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind((STRANGER, 0))
            host, _, port = info.sip.rpartition(":")
            for message in torture:
                with suppress(OSError):  # longer than a datagram
                    sender.sendto(message, (host, int(port)))
        await asyncio.sleep(ROUND_S)


async def _send_junk(place: str, data: bytes) -> None:
    """Send bytes to a port and read what comes, as long as the other end wants it."""
    host, _, port = place.rpartition(":")
    with suppress(OSError, TimeoutError):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(data)
            async with asyncio.timeout(ANSWER_S):
                await writer.drain()
                await reader.read(READ_MAX)
        finally:
            writer.close()


async def _send_datagrams(place: FaultPlace, messages: Sequence[bytes], source: str, every_s: float) -> None:
    host, _, port = place.lab.info.sip.rpartition(":")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.setblocking(False)
        while True:
            for message in messages:
                with suppress(BlockingIOError):
                    sender.sendto(message, (host, int(port)))
            await asyncio.sleep(every_s)
