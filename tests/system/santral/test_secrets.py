"""Guesses and reads of secrets: the management port lets nobody in or out of bounds, and no file holds numbers, PINs or
keys in the clear.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab import lifecycle
from lab.pbx.asterisk import PrivateAsterisk
from lab.people import node_records
from lab.people.agent import SimAgent
from lab.phones.network import PhoneBehaviour
from lab.session import LabSession
from tests.system import hostile
from tests.system.stage import Stage, plain
from tests.until import LIMIT_S, until_async

pytestmark = pytest.mark.system

SKILL = "uzaktan_egitim"
AUTH_LIMIT = 20
"""`authlimit` of manager.conf: this many clients may be connected without a login."""


@pytest.fixture(scope="module")
def lab_session(guarded_session: lifecycle.LabInfo) -> lifecycle.LabInfo:
    """The one in which somebody tries what they may not."""
    return guarded_session


# -- the management port -----------------------------------------------------------------------------------------


async def ami(lab: LabSession, user: str, secret: str, *actions: str) -> list[dict[str, str]]:
    """Log in and ask; the responses."""
    found: list[dict[str, str]] = []
    async with hostile.connection(lab.info.ami) as (reader, writer):
        await reader.readline()
        for action in (f"Action: Login\nUsername: {user}\nSecret: {secret}\nEvents: off", *actions):
            writer.write(action.replace("\n", "\r\n").encode() + b"\r\n\r\n")
            answer: dict[str, str] = {}
            while "Response" not in answer:
                block = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT_S)).decode().split("\r\n")
                answer = dict(line.partition(": ")[::2] for line in block if line)
            found.append(answer)
    return found


async def test_no_user_writes_what_the_dialplan_or_the_disk_believes(lab: LabSession, pbx: PrivateAsterisk) -> None:
    secrets = json.loads((lab.folder / "secrets/ami.json").read_text(encoding="utf-8"))
    told = await ami(lab, "santral-events", secrets["events"], "Action: Setvar\nVariable: SC_PROBE\nValue: 1",
                     "Action: Originate\nChannel: PJSIP/2001\nExten: s\nContext: santral-fallback\nPriority: 1\n"
                     "Async: true")
    assert [one["Response"] for one in told] == ["Success", "Error", "Error"]
    assert "SC_PROBE" not in pbx.run_console("dialplan show globals")
    target = lab.folder / "written-by-ami"
    told = await ami(lab, "santral-actions", secrets["actions"],
                     *(f"Action: Setvar\nVariable: {what}\nValue: x" for what in (
                         f"FILE({target})", "SHELL(x)", "DB(a/b)", "ENV(PATH)", "AST_CONFIG(a.conf,b,c)")),
                     "Action: DBPut\nFamily: a\nKey: b\nVal: c", "Action: Atxfer\nChannel: PJSIP/2001\nExten: 0090",
                     "Action: CreateConfig\nFilename: x.conf", "Action: Reload")
    assert [one["Response"] for one in told[1:]] == ["Error"] * 9, told
    assert not target.exists() and "No entries" not in pbx.run_console("manager show users")


async def test_guessers_and_silent_clients_do_not_keep_the_engine_out(lab: LabSession, pbx: PrivateAsterisk) -> None:
    told = await asyncio.gather(*(ami(lab, "santral-actions", f"wrong-{number}") for number in range(20)))
    assert {one[0]["Response"] for one in told} == {"Error"}
    async with contextlib.AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(hostile.connection(lab.info.ami)) for _ in range(AUTH_LIMIT + 5)]
        assert (await lab.fetch_status())["link_up"], "who is in stays in"
        sessions = re.findall(r"^\s+santral-\w+\s+\S+\s+\d+\s+\d+\s+(\d+)", pbx.run_console("manager show connected"),
                              re.MULTILINE)
        assert len(sessions) >= 2

        async def cuts() -> float:
            return node_records.sum_samples(await lab.fetch_metrics(), "acd_asterisk_reconnects_total")

        async def linked() -> bool:
            return bool((await lab.fetch_status())["link_up"])

        before = await cuts()
        for session in sessions:
            pbx.run_console(f"manager kick session {session}")

        async def cut() -> bool:  # counted: the engine may be in again between two looks
            return await cuts() > before

        await until_async(cut, what="the link is cut")
        await until_async(linked, what="the engine is in again")
        # Read to the end: Asterisk has closed every one of them.
        await asyncio.gather(*(asyncio.wait_for(reader.read(), LIMIT_S) for reader, _ in silent))


# -- what is secret ------------------------------------------------------------------------------------------------

NUMBER = "05329876543"
TRACE = re.compile(rb"5329876543|532 ?987 ?65 ?43")


async def test_a_number_and_a_pin_are_nowhere(stage: Stage) -> None:
    lab = stage.lab
    secrets = json.loads((lab.folder / "secrets/ami.json").read_text(encoding="utf-8"))
    async with hostile.connection(lab.info.ami) as (reader, writer):
        writer.write(f"Action: Login\r\nUsername: santral-events\r\nSecret: {secrets['events']}\r\n\r\n".encode())
        captured = asyncio.create_task(reader.read(-1))
        pins = await a_days_work(stage)
        writer.write(b"Action: Logoff\r\n\r\n")
        pages = [await asyncio.wait_for(captured, LIMIT_S)]
    assert b"Newchannel" in pages[0], "the capture has these calls"
    pages += [await _page(lab, path) for path in ("/metrics", "/openapi.json", "/health/ready")]
    pages.append(json.dumps(await lab.fetch_status()).encode())
    pin = re.compile(rb"(?<![\d.])(" + "|".join(pins).encode() + rb")(?!\d)")
    found = [f"page {number}" for number, page in enumerate(pages) if TRACE.search(page) or pin.search(page)]
    for path in lab.folder.rglob("*"):
        # The network plays the telephones: it is the caller who keys and dials there.
        own = path.is_file() and path.suffix != ".wav" and lab.folder / "network" not in path.parents
        if own and path.name not in ("pins.json", "lab.json"):
            data = path.read_bytes()
            found += [f"{what} in {path}" for what, form in (("number", TRACE), ("PIN", pin)) if form.search(data)]
    assert not found, found
    assert not list(_told_by_processes(lab, pins))


async def a_days_work(stage: Stage) -> list[str]:
    """Two agents sign in by telephone, one also tries with the other's PIN, 12 callers of one number; the PINs."""
    lab, names = stage.lab, plain(SKILL, 2)
    people = []
    for name in names:
        person = SimAgent(lab.info, lab.network, name)
        await person.set_behaviour(PhoneBehaviour(talk=0.5))
        await lab.network.register_phones({person.seat: person.place.secret})
        lab.people.append(person)
        people.append(person)
    pins = [lab.info.seat_of(name).pin for name in names]
    await asyncio.gather(*(stage.dials(person.seat, "*45", f"{person.id[1:]}#@700ms,{pin}#@3s")
                           for person, pin in zip(people, pins, strict=True)))
    for person in people:
        await stage.reaches(person, "ready")
    await stage.dials(people[0].seat, "*45", f"{people[1].id[1:]}#@700ms,{pins[0]}#@3s")  # somebody else's PIN

    def count_contacts(which: str = "") -> int:
        return len(lab.query_store(f"select contact from contacts {which}"))

    # Other tests have used this lab, so only what is added counts.
    answered = "where outcome = 'answered'"
    before, answered_before = count_contacts(), count_contacts(answered)
    legs = [await stage.hurried("23"[number % 2], number=NUMBER) for number in range(12)]
    await until_async(lambda: count_contacts() >= before + 12, what="12 contacts")
    await until_async(lambda: count_contacts(answered) > answered_before, what="a caller is answered")
    await asyncio.gather(*(leg.hang_up() for leg in legs))
    await lab.wait_until_quiet()
    assert count_contacts("where number_encrypted <> ''") >= 6, "the number was known"
    return pins


async def _page(lab: LabSession, path: str) -> bytes:
    async with hostile.connection(lab.info.http) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {lab.info.http}\r\nConnection: close\r\n\r\n".encode())
        page = await asyncio.wait_for(reader.read(), LIMIT_S)
    assert b" 200 " in page.split(b"\r\n")[0], page[:200]
    return page


def _told_by_processes(lab: LabSession, pins: list[str]) -> Iterator[str]:
    """Secrets in the command line or environment of our processes."""
    folder = lab.folder / "secrets"
    tokens = json.loads((folder / "tokens.json").read_text(encoding="utf-8"))
    secrets = [*json.loads((folder / "ami.json").read_text(encoding="utf-8")).values(),
               *json.loads((folder / "seats.json").read_text(encoding="utf-8")).values(),
               tokens["admin"], tokens["supervisor"], *tokens["agents"].values(), NUMBER[1:], *pins]
    running = json.loads((lab.folder / "lab.json").read_text(encoding="utf-8"))["processes"]
    for one in running:
        for name in ("cmdline", "environ"):
            data = Path(f"/proc/{one['pid']}/{name}").read_bytes()
            yield from (f"{name} of {one['name']}" for secret in secrets if secret.encode() in data)


def test_what_is_secret_others_cannot_read(lab_session: lifecycle.LabInfo) -> None:
    folder = Path(lab_session.state)
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700
    private = [*folder.glob("santral.db*"), *(folder / "secrets").iterdir(), folder / "lab.json", folder / "node.log",
               folder / "node.json", *(folder / "asterisk" / name for name in ("pjsip.conf", "manager.conf"))]
    assert len(private) >= 11
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in private} == {path.name: "0o600" for path in private}
    assert not (folder / "queue_log").stat().st_mode & 0o007
    for path in folder.rglob("*"):
        assert not path.stat().st_mode & 0o002, f"anybody may write {path}"
