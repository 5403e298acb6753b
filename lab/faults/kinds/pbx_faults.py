"""Faults of Asterisk, of the link to it, and of telephones."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lab.errors import LabError
from lab.faults.fault_place import FaultPlace
from lab.faults.proxy import stalled_links
from lab.lifecycle import find_process
from lab.pbx import process

LINK_S = 60.0
"""Limit until the node has its link again. A busy machine takes longer than an idle one."""
FLOOD_CALLS, FLOOD_EVERY_S = 40, 0.02
"""Calls in Asterisk while the node's link is slow. Each brings events, which fill the small buffers of a proxy."""
RELOADS = ("core reload", "pjsip reload", "dialplan reload", "module reload res_rtp_asterisk.so",
           "module reload app_queue.so")
PAUSE_S = 1.0
"""Pause between two reloads."""


@asynccontextmanager
async def kill_asterisk(place: FaultPlace) -> AsyncIterator[None]:
    """Kill Asterisk and start it again, as its own unit does."""
    await asyncio.to_thread(place.pbx.kill_asterisk)
    await asyncio.to_thread(place.pbx.start_asterisk)
    await wait_link(place)
    seats = [one.endpoint for one in place.lab.info.agents]
    known = await place.lab.network.list_registrations()
    # A killed Asterisk may have lost the registrations of its last seconds, and no phone notices.
    await place.lab.network.renew_registrations(seat for seat in seats if known.get(seat) == "Registered")
    yield


@asynccontextmanager
async def freeze_asterisk(place: FaultPlace) -> AsyncIterator[None]:
    """Stop Asterisk with SIGSTOP and continue it."""
    identity = find_process(place.lab.folder, "asterisk")
    process.send_signal(identity, signal.SIGSTOP)
    try:
        yield
    finally:
        process.send_signal(identity, signal.SIGCONT)
    await wait_link(place)


@asynccontextmanager
async def stall_link(place: FaultPlace) -> AsyncIterator[None]:
    """Let the AMI link carry nothing and keep it open, as a cable that is pulled out."""
    with stalled_links(await place.find_leader_links("ami")):
        yield
    await wait_link(place)


@asynccontextmanager
async def slow_link(place: FaultPlace) -> AsyncIterator[None]:
    """Read nothing from the AMI link while Asterisk has many events to tell. Then read on."""
    [link] = await place.find_leader_links("ami")
    link.stall_traffic()
    try:
        for _ in range(FLOOD_CALLS):
            await asyncio.to_thread(place.pbx.run_console, "channel originate Local/s@santral-none application Wait 1")
            await asyncio.sleep(FLOOD_EVERY_S)
        yield
    finally:
        link.restore_traffic()
    await wait_link(place)


@asynccontextmanager
async def reload_asterisk(place: FaultPlace) -> AsyncIterator[None]:
    """Reload everything that an operator can reload, while calls go on."""
    reloads = asyncio.create_task(_reload_all(place), name="fault.reloads")
    yield
    await reloads


async def _reload_all(place: FaultPlace) -> None:
    for command in RELOADS:
        await asyncio.to_thread(place.pbx.run_console, command)
        await asyncio.sleep(PAUSE_S)


@asynccontextmanager
async def lose_phone(place: FaultPlace) -> AsyncIterator[None]:
    """Let the phone of the talker vanish: no sound, no BYE. Wait until somebody else has taken the caller."""
    assert place.lone is not None
    await place.lone.vanish()
    yield
    loop = asyncio.get_running_loop()
    end = loop.time() + LINK_S
    while not place.lab.query_store("select contact from offers where connected_at is not null group by contact "
                                    "having count(*) > 1"):
        if loop.time() > end:
            raise LabError(f"{LINK_S:.0f} s after the phone was lost nobody else talks with its caller")
        await asyncio.sleep(0.1)


@asynccontextmanager
async def crash_phone(place: FaultPlace) -> AsyncIterator[None]:
    """Let the phone crash that rings, and register again."""
    assert place.lone is not None
    await place.lone.vanish()
    yield
    old = place.lone.network
    await place.lone.switch_on()
    people = [one for one in place.lab.people if one.network is old]
    for person in people:
        person.network = place.lone.network
        await person.set_behaviour(old.behaviour_of(person.seat))
        await place.lone.network.register_phones({person.seat: person.place.secret})


async def wait_link(place: FaultPlace) -> None:
    """Wait until the node says that its link is up. Raise LabError."""
    loop = asyncio.get_running_loop()
    end = loop.time() + LINK_S
    while True:
        try:
            if (await place.lab.fetch_status())["link_up"]:
                return
        except LabError:
            if loop.time() > end:
                raise
        if loop.time() > end:
            raise LabError(f"the link to Asterisk is not back after {LINK_S:.0f} s")
        await asyncio.sleep(0.1)
