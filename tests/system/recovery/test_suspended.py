"""The database is away for seconds while callers wait and call: nobody is told sorry, and everybody keeps the place."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import create_engine, text

from asterisk_conf.conf_plan import CEL_FALLBACK, CEL_NO_NODE
from lab import lifecycle
from lab.pbx.fetch import AsteriskProgram
from lab.pbx.ports import PortBlock
from lab.phones import audio
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from lab.private_postgres import PrivatePostgres
from lab.session import LabSession
from routing.store.database import url_of
from tests.fakes import postgres
from tests.system.stage import Stage, growing, length, plain, prompt
from tests.until import until_async

pytestmark = [pytest.mark.system, pytest.mark.long]

WAITS, KEY = "uzaktan_egitim", "2"
FROZEN_S = 10.0
SORRY = ("menu-ozur", "system/outage", "system/net")
"""Sentences of a node that does not answer, and of the fallback queue."""
QUICK = "[wait]\ntick_s = 2\n"
"""Without a node the waiting caller would be in the fallback queue after 8 s."""


@pytest.fixture
def server() -> Iterator[PrivatePostgres]:
    ports = PortBlock()
    found = postgres.start_private(ports.free_port())
    yield found
    found.stop()
    ports.close()


def read_rows(server: PrivatePostgres, query: str) -> list[Any]:
    """Return the rows of a query in the store of the node."""
    engine = create_engine(url_of(server.url))
    with engine.connect() as connection:
        rows = list(connection.execute(text(query)))
    engine.dispose()
    return rows


def heard_sorry(leg: Leg) -> list[str]:
    """Return the sentences of `SORRY` in the recording of a caller."""
    assert leg.recording is not None
    recording = growing(leg.recording)
    return [key for key in SORRY if audio.find_prompt(prompt(key), recording).found]


@pytest.fixture
async def lab(tmp_path: Path, server: PrivatePostgres, asterisk_tree: AsteriskProgram) -> AsyncIterator[LabSession]:
    """A lab whose node keeps its records on that server."""
    extra = f'\n{QUICK}\n[store]\nurl = "{server.url}"\n'
    info = await asyncio.to_thread(lambda: lifecycle.start_lab(folder=tmp_path / "lab", extra=extra))
    found = await LabSession(info).__aenter__()
    try:
        yield found
    finally:
        await found.network.__aexit__()
        await asyncio.to_thread(lifecycle.stop_lab, tmp_path / "lab")


async def test_nobody_loses_the_place_while_the_database_is_away(
        lab: LabSession, tmp_path: Path, server: PrivatePostgres) -> None:
    stage = Stage(lab, tmp_path)
    log = lab.folder / "node.log"
    waits = await stage.waiting(KEY, WAITS)

    async def tells_suspension() -> bool:
        with suppress(aiohttp.ClientError):
            async with aiohttp.ClientSession() as client, client.get(
                    f"http://{lab.info.http}/health/leader") as answer:
                return answer.status == 503 and (await answer.json())["parts"] == {"leads": False, "suspended": True}
        return False

    # 1. The server is frozen while a caller listens to the menu. The node stands down, and goes on answering.
    early = await stage.caller(f"{KEY}@8s")
    await early.wait_answered()
    server.freeze()
    began = time.monotonic()
    await until_async(lambda: "node.suspended" in log.read_text(encoding="utf-8"), what="the node is suspended")
    print(f"suspended after {time.monotonic() - began:.1f} s")
    await until_async(tells_suspension, what="its role is shown")
    late = await stage.hurried(KEY)
    await asyncio.sleep(max(0.0, began + FROZEN_S - time.monotonic()))  # how long it is away is what is tried
    # 2. The database is back. The same node leads again, and knows both.
    server.thaw()
    thawed, wall = time.monotonic(), time.time()
    await until_async(lambda: log.read_text(encoding="utf-8").count("node.ready") == 2, 60.0, "the node leads again")
    print(f"led again {time.monotonic() - thawed:.1f} s after the thaw")
    await stage.counts(WAITS, 3)
    print(f"all were in line {time.monotonic() - thawed:.1f} s after the thaw")
    # The black box tells each caller who met no node or came to the fallback queue.
    seen = (lab.folder / "pbx/log/cel-custom/santral.csv").read_text(encoding="utf-8")
    assert seen.count("ANSWER") == 3 and CEL_NO_NODE not in seen and CEL_FALLBACK not in seen
    places = read_rows(server, "SELECT contact, since FROM contacts ORDER BY since")
    assert places[-1].since < wall, "the place of a new caller counts from the choice"
    # 3. All are served, in order.
    for number, name in enumerate(plain(WAITS, 3), 1):
        await serve(stage, name)
        # The row follows the talk, on a busy machine not at once.
        await until_async(lambda number=number: [one.contact for one in read_rows(
            server, "SELECT contact FROM contacts WHERE state = 'assigned' ORDER BY since")]
            == [one.contact for one in places[:number]], what="the next one in line talks")
    callers = (waits, early, late)
    assert not any(one.ended.is_set() for one in callers)
    assert [heard_sorry(one) for one in callers] == [[], [], []]
    assert early.recording is not None
    greeted = growing(early.recording)
    assert audio.find_prompt(prompt("karsilama"), greeted).found
    assert not audio.find_prompt(prompt("karsilama"), greeted[round(length("karsilama") * audio.RATE) + audio.RATE:]
                                 ).found, "the menu went on"
    told = log.read_text(encoding="utf-8")
    assert "Traceback" not in told and "ivr.orphaned_caller" not in told
    await lab.network.hang_up_all()
    await until_async(lambda: [row.outcome for row in read_rows(server, "SELECT outcome FROM contacts")]
                      == ["answered"] * 3, what="all stand in the records")


async def serve(stage: Stage, name: str) -> None:
    """Let an agent sign in, who then talks with the next caller."""
    seat = stage.info.seat_of(name)
    await stage.network.register_phones({seat.endpoint: seat.secret})
    await stage.reaches(await stage.lab.sign_in_agent(seat.id, PhoneBehaviour("0")), "talking")
