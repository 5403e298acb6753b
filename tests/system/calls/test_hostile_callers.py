"""Hostile text and junk from callers and strangers, tried on a real Asterisk with a real node while other people talk:
what is refused leaves nothing behind, what is answered does no harm."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lab import lifecycle
from lab.errors import LabError
from lab.faults import hostile_input
from lab.pbx.asterisk import PrivateAsterisk
from lab.people import node_records
from lab.people.agent import SimAgent, ask_node
from lab.phones import silence
from lab.phones.leg import Leg
from lab.phones.network import PhoneBehaviour
from tests.fakes.agi_dialler import Dialler, environment
from tests.fakes.sip_uac import ANSWER_S, Dialogue, Telephone
from tests.system import hostile
from tests.system.stage import Stage, plain
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.system

SKILL, KEY = "uzaktan_egitim", "2"
CALLER, AGENT = 440, 700
GAP_S = 1.0
"""A talk that loses more than this has suffered: two shared cores drop a packet now and then."""
AT_ONCE = 12
IGNORED_S = 4.0
"""After this time without an answer a call with hostile text was ignored."""
SILENT, IDLE = 1_000, 200
GROWTH_MAX_KB = 60_000
"""A node that keeps nothing of what it refuses grows by less than a tenth of this."""


@pytest.fixture(scope="module")
def lab_session(guarded_session: lifecycle.LabInfo) -> lifecycle.LabInfo:
    """The one in which somebody tries what they may not."""
    return guarded_session


class Talk(NamedTuple):
    """Two people who talk."""

    caller: Leg
    phone: Leg
    contact: str
    person: SimAgent
    since: float


@contextlib.asynccontextmanager
async def undisturbed(stage: Stage) -> AsyncIterator[Talk]:
    """A talk that must not notice anything: still there afterwards, in sound, in Asterisk and in the records."""
    person = await stage.agent(plain(SKILL, 1)[0], PhoneBehaviour(tone=AGENT, record=stage.folder))
    caller = await stage.hurried(KEY, tone=CALLER)
    phone = await stage.network.wait_ring(person.seat)
    await stage.hears_tone(phone, CALLER)  # the words after the key come first
    await stage.hears_tone(caller, AGENT)
    contact = await stage.newest()
    talk = Talk(caller, phone, contact, person, time.time())
    yield talk
    await until_async(lambda: time.time() > talk.since + 2.0, what="2 s of talk")
    ended = time.time()
    assert (await person.fetch_view())["state"] == "talking"
    assert not caller.ended.is_set() \
        and not phone.ended.is_set(), f"{caller.describe_moments()} | {phone.describe_moments()}"
    await caller.hang_up()
    assert await stage.ended(contact) == "answered"
    assert len(stage.lab.query_store("select offer from offers where contact = ?", contact)) == 1
    await phone.wait_ended()
    for leg, hertz in ((caller, AGENT), (phone, CALLER)):
        heard = silence.between(leg, talk.since, ended - 1.0)
        assert silence.longest_without(heard, hertz) <= GAP_S, f"{leg} had a gap"


def memory_kb(pid: int) -> int:
    """Resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    assert found
    return int(found[1])


def outcomes(stage: Stage) -> dict[str, str]:
    """Return the outcome of each contact."""
    rows = stage.lab.query_store("select contact, outcome from contacts")
    return {one["contact"]: str(one["outcome"]) for one in rows}


async def visit(phone: Telephone, number: bytes, how: dict[str, Any], limit: float = ANSWER_S) -> Dialogue:
    """One call: as far as the greeting, when it is answered at all, and good-bye. An ignored one costs the limit."""
    call = await phone.call(how.pop("number", number), limit=limit, **how)
    if call.status == 200:
        await until_async(lambda: phone.hears(call) or call.ended.is_set(), what="the greeting")
    await call.bye()
    return call


# -- hostile text ----------------------------------------------------------------------------------------------


async def test_hostile_text_in_every_field_changes_nothing(
        stage: Stage, carrier: Telephone, pbx: PrivateAsterisk) -> None:
    gate = asyncio.Semaphore(AT_ONCE)
    number = stage.info.numbers[0].encode()

    async def one(field: str, text: bytes) -> Dialogue:
        how = hostile.fields(field, text)
        if "contact" in how:
            how["contact"] = how["contact"].replace(b"{place}", carrier.place)
        async with gate:
            return await visit(carrier, number, how, ANSWER_S if field == "user" else IGNORED_S)

    async with undisturbed(stage) as talk:
        pid, before = stage.info.pid, outcomes(stage)
        texts = {name: text.replace(b"{contact}", talk.contact.encode()) for name, text in hostile.TEXTS.items()}
        made = [(field, name) for field in hostile.FIELDS for name in texts]
        done = await asyncio.gather(*(one(field, texts[name]) for field, name in made))
        told = {pair: call.status for pair, call in zip(made, done, strict=True)}
        answered = {pair for pair, status in told.items() if status == 200}
        assert len(answered) > len(made) / 3, "most of these are legal SIP: they are calls like others"
        assert {name for field, name in answered if field == "user"} == set(texts), told
        assert not {pair for pair in answered if "number" in pair[0]}, "only the called numbers exist"
        assert set(told.values()) <= {0, 200, 400, 404, 416}, told
        assert "SC_HACKED" not in pbx.run_console("dialplan show globals")
        status = json.dumps(await stage.lab.fetch_status(), ensure_ascii=False)
        assert stage.info.pid == pid
        # A caller who was answered too late on a busy machine hung up before a node was asked, and is recorded so.
        new = {contact: outcome for contact, outcome in outcomes(stage).items() if contact not in before}
        assert set(new.values()) <= {"abandoned", "abandoned_short"}, new
    assert not hostile.dirty(status.encode())
    assert not hostile.dirty(str(await stage.lab.fetch_metrics()).encode())
    hostile.clean(stage.lab.folder)


async def test_an_agents_phone_and_a_terminal_show_nothing_of_it(stage: Stage, carrier: Telephone) -> None:
    agent = await stage.agent(plain(SKILL, 1)[0], PhoneBehaviour(record=stage.folder))
    text = b'\x1b[2J${SET(GLOBAL(SC_HACKED)=1)},x|y&z "\\"' + "\u202eğş".encode()
    call = await carrier.call(
        stage.info.numbers[0].encode(), caller=b'"' + text.replace(b'"', b"'") + b'" <sip:' + hostile.percent(text)
        + b"@127.0.0.1>", more=b"P-Asserted-Identity: <sip:" + hostile.percent(text) + b"@127.0.0.1>\r\nSubject: "
        + text + b"\r\nAlert-Info: <" + text + b">\r\nCall-Info: <" + text + b">\r\n")
    assert call.status == 200

    async def rings() -> bool:
        await call.press(KEY)
        with contextlib.suppress(LabError):
            await stage.network.wait_ring(agent.seat, limit=1.0)
            return True
        return False

    await until_async(rings, what="the hostile caller reaches the agent")
    phone = stage.network.rung[-1]
    await stage.reaches(agent, "talking", 60.0)
    assert re.fullmatch(r"[\w ,.:·()-]*", phone.shown_name), phone.shown_name
    assert re.fullmatch(r"\d*", phone.shown_number) and phone.shown_number != "1", phone.shown_number
    assert "SC_HACKED" not in json.dumps(phone.headers) and "\x1b" not in json.dumps(phone.headers)
    box = stage.lab.query_store("select caller_hash, number_encrypted from contacts where contact = ?",
        await stage.newest())[0]
    assert box == {"caller_hash": "", "number_encrypted": ""}, "no number is an anonymous caller"
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "santral", "status", "--all", "--lab", str(stage.lab.folder),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    shown = (await program.communicate())[0]
    assert program.returncode == 0 and SKILL.split("_")[0].encode() in shown.lower()
    assert not hostile.dirty(shown) and b"SC_HACKED" not in shown
    await call.bye()
    await phone.wait_ended()
    hostile.clean(stage.lab.folder)


# -- junk --------------------------------------------------------------------------------------------------------


async def test_malformed_messages_and_junk_harm_nobody(
        stage: Stage, carrier: Telephone, stranger: Telephone) -> None:
    pid, pbx_pid = stage.info.pid, stage.info.asterisk_pid
    before = memory_kb(pid)

    async def throw(place: str, data: bytes) -> None:
        # OSError: a node that has closed already leaves nothing to shut down (ENOTCONN).
        with contextlib.suppress(OSError):
            async with hostile.connection(place) as (reader, writer):
                writer.write(data)
                writer.write_eof()
                await asyncio.wait_for(reader.read(), LIMIT_S)

    async with undisturbed(stage):
        for phone in (carrier, stranger):
            for message in hostile_input.render_torture(phone.place):
                phone.raw(message)
        await asyncio.gather(*(throw(place, data) for place in (stage.info.agi, stage.info.http)
                               for data in hostile_input.JUNK * 4))
        good = await carrier.call(stage.info.numbers[0].encode())
        assert good.status == 200
        await until_async(lambda: carrier.hears(good), what="a new caller hears the greeting")
        await good.bye()
    assert memory_kb(pid) - before < GROWTH_MAX_KB
    assert (lifecycle.read_lab(stage.lab.folder).pid, lifecycle.read_lab(stage.lab.folder).asterisk_pid) == (pid,
        pbx_pid)
    assert (await stage.lab.fetch_status())["link_up"]
    hostile.clean(stage.lab.folder)


async def test_a_forged_question_puts_nobody_into_the_queue(stage: Stage) -> None:
    forged = [environment(script, "ana", uniqueid="1795569005.999") for script in (
        "menu", "tick", "after-talk", f"{'k' * 32}/menu", f"{'k' * 32}/tick")]

    async def refused() -> float:
        page = await asyncio.to_thread(node_records.fetch_page, stage.info.http, "/metrics")
        return sum(map(float, re.findall(r'^acd_agi_refused_total\{reason="forged"\} (\S+)$', page, re.MULTILINE)))

    before = await refused()
    for question in forged:
        async with hostile.connection(stage.info.agi) as (reader, writer):
            writer.write(question)
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), LIMIT_S) == b""

    async def counted() -> bool:
        return await refused() == before + len(forged)

    await until_async(counted, what=f"{len(forged)} are refused")
    found = await ask_node(stage.info, "GET", "/api/v1/contacts")
    assert [one["id"] for one in found["contacts"] if one["id"].endswith(".999")] == []


async def test_a_question_with_the_key_about_no_call_rings_no_phone(stage: Stage) -> None:
    """Somebody has read the key, and names a call that Asterisk does not have. A real caller comes afterwards."""
    key = json.loads((stage.lab.folder / "secrets" / "agi.json").read_text())["key"]
    person = await stage.agent(plain(SKILL, 1)[0], PhoneBehaviour(record=stage.folder))

    async def unseen() -> float:
        page = await asyncio.to_thread(node_records.fetch_page, stage.info.http, "/metrics")
        return float(re.findall(r'^acd_reconciliation_mismatches_total\{kind="unseen"\} (\S+)$', page, re.MULTILINE)[0])

    before = await unseen()
    tick = Dialler(int(stage.info.agi.rpartition(":")[2]), f"{key}/tick", "", uniqueid="1795569005.998", variables={
        "SC_SERVICE": SKILL, "SC_SINCE": f"{time.time() - 3_000:.3f}", "SC_PRIORITY": "20"})
    assert (await tick.call()).variables["ACD_NEXT"] == "hold", "the node has taken it for a caller"

    async def counted() -> bool:
        return await unseen() == before + 1

    await until_async(counted, what="a look at Asterisk has ended it")
    assert (await person.fetch_view())["state"] == "ready"
    assert stage.lab.query_store("select offer from offers where contact = ?", "1795569005.998") == []
    caller = await stage.hurried(KEY)
    phone = await stage.network.wait_ring(person.seat)
    assert stage.network.rung == [phone], "only for the real caller"
    await caller.hang_up()
    await phone.wait_ended()


async def test_idle_connections_do_not_keep_a_caller_waiting(stage: Stage, carrier: Telephone) -> None:
    async with contextlib.AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(hostile.connection(stage.info.agi)) for _ in range(SILENT)]
        slow = [await stack.enter_async_context(hostile.connection(stage.info.http)) for _ in range(IDLE)]
        for _, writer in silent:
            writer.write(b"agi_network: yes\n")
        for _, writer in slow:
            writer.write(b"GET /metrics HTTP/1.1\r\nX-Slow: ")
        visits = [await visit(carrier, stage.info.numbers[0].encode(), {}) for _ in range(3)]
        assert [call.status for call in visits] == [200] * 3
        assert (await stage.lab.fetch_status())["link_up"]
        ends = await asyncio.gather(*(asyncio.wait_for(reader.read(), 2 * LIMIT_S) for reader, _ in silent),
                                    return_exceptions=True)
        assert all(end == b"" or isinstance(end, ConnectionError) for end in ends), "the node has closed each of them"
