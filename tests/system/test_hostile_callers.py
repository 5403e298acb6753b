"""Hostile callers, strangers, and phones that want more than they may: tried on a real Asterisk with a real node, while
other people talk. What is refused leaves nothing behind, what is answered does no harm."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import stat
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from lab import up
from lab.asterisk import PrivateAsterisk
from lab.errors import LabError
from lab.fetch import Program
from lab.leg import Leg
from lab.network import Behaviour
from lab.person import Person
from lab.session import Lab
from tests.fakes.sip_uac import Dialogue, Telephone, telephone
from tests.system import ended, hostile, unbroken
from tests.system.stage import Stage, plain
from tests.until import until_async

pytestmark = pytest.mark.system

TRUNK = ("127.0.0.1", "127.0.0.2")
CARRIER, STRANGER = "127.0.0.2", "127.0.0.3"
SKILL, KEY = "uzaktan_egitim", "2"
CALLER, AGENT = 440, 700
GAP_S = 1.0
"""A talk that loses more than this has suffered: two shared cores drop a packet now and then."""
AT_ONCE = 12
AUTH_LIMIT = 20
"""`authlimit` of manager.conf: so many clients may be connected without having logged in."""
IDLE = 200
GROWTH_MAX_KB = 60_000
"""A node that keeps nothing of what it refuses grows by less than a tenth of this."""


@pytest.fixture(scope="module")
def lab_session(asterisk_tree: Program, tmp_path_factory: pytest.TempPathFactory) -> Iterator[up.Info]:
    """A lab whose trunk does not match everybody."""
    folder = tmp_path_factory.mktemp("hostile")
    try:
        yield up.up(folder=folder, trunk=TRUNK, guarded=True)
    finally:
        ended.down(folder)


@pytest.fixture
def pbx(lab_session: up.Info, asterisk_tree: Program) -> PrivateAsterisk:
    """The console of its Asterisk."""
    folder = Path(lab_session.state)
    return PrivateAsterisk(asterisk_tree, folder / "asterisk", folder / "pbx")


@pytest.fixture
async def carrier(lab: Lab) -> AsyncIterator[Telephone]:
    """Says whatever it likes, from an address of the trunk."""
    async with telephone(lab.info.sip, CARRIER) as phone:
        yield phone


@pytest.fixture
async def stranger(lab: Lab) -> AsyncIterator[Telephone]:
    """The same from an address that is nobody's."""
    async with telephone(lab.info.sip, STRANGER) as phone:
        yield phone


class Talk(NamedTuple):
    """Two people who talk."""

    caller: Leg
    phone: Leg
    contact: str
    person: Person
    since: float


@contextlib.asynccontextmanager
async def undisturbed(stage: Stage) -> AsyncIterator[Talk]:
    """A talk that must not notice anything: still there afterwards, in sound, in Asterisk and in the records."""
    person = await stage.agent(plain(SKILL, 1)[0], Behaviour(tone=AGENT, record=stage.folder))
    caller = await stage.hurried(KEY, tone=CALLER)
    phone = await stage.network.wait_ring(person.seat)
    await stage.talk(phone)
    contact = await stage.newest()
    talk = Talk(caller, phone, contact, person, time.time())
    yield talk
    await until_async(lambda: time.time() > talk.since + 2.0, what="2 s of talk")
    ended = time.time()
    assert (await person.view())["state"] == "talking"
    assert not caller.ended.is_set() and not phone.ended.is_set(), f"{caller.story()} | {phone.story()}"
    await caller.hangup()
    assert await stage.ended(contact) == "answered"
    assert len(stage.lab.rows("select offer from offers where contact = ?", contact)) == 1
    await phone.wait_ended()
    for leg, hertz in ((caller, AGENT), (phone, CALLER)):
        heard = unbroken.between(leg, talk.since, ended - 1.0)
        assert unbroken.longest_without(heard, hertz) <= GAP_S, f"{leg} had a gap"


def calls(pbx: PrivateAsterisk) -> int:
    """Channels that Asterisk has had so far, by its own count of calls."""
    found = re.search(r"(\d+) calls? processed", pbx.console("core show channels count"))
    assert found
    return int(found[1])


def memory_kb(pid: int) -> int:
    """Resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    assert found
    return int(found[1])


async def visit(phone: Telephone, number: bytes, how: dict[str, Any]) -> Dialogue:
    """One call: as far as the greeting, when it is answered at all, and good-bye."""
    call = await phone.call(how.pop("number", number), limit=2.0, **how)
    if call.status == 200:
        await until_async(lambda: phone.hears(call) or call.ended.is_set(), what="the greeting")
    await call.bye()
    return call


@contextlib.asynccontextmanager
async def connection(place: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TCP connection to host:port, closed at the end whatever the other end did."""
    host, port = place.split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


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
            return await visit(carrier, number, how)

    async with undisturbed(stage) as talk:
        pid, before = stage.info.pid, len(stage.lab.rows("select contact from contacts"))
        texts = {name: text.replace(b"{contact}", talk.contact.encode()) for name, text in hostile.TEXTS.items()}
        made = [(field, name) for field in hostile.FIELDS for name in texts]
        done = await asyncio.gather(*(one(field, texts[name]) for field, name in made))
        told = {pair: call.status for pair, call in zip(made, done, strict=True)}
        answered = {pair for pair, status in told.items() if status == 200}
        assert len(answered) > len(made) / 3, "most of these are legal SIP: they are calls like others"
        assert {name for field, name in answered if field == "user"} == set(texts), told
        assert not {pair for pair in answered if "number" in pair[0]}, "only the called numbers exist"
        assert set(told.values()) <= {0, 200, 400, 404, 416}, told
        assert "SC_HACKED" not in pbx.console("dialplan show globals")
        status = json.dumps(await stage.lab.status(), ensure_ascii=False)
        assert stage.info.pid == pid and len(stage.lab.rows("select contact from contacts")) == before
    assert not hostile.dirty(status.encode())
    assert not hostile.dirty(str(await stage.lab.metrics()).encode())
    clean(stage.lab)


def clean(lab: Lab) -> None:
    """Nothing a terminal would obey stands in what people read."""
    found = {path.name: lines[:3] for path in hostile.logs(lab.folder) if (lines := hostile.dirty(path.read_bytes()))}
    assert not found, found
    for path in hostile.logs(lab.folder):
        assert not re.search(rb"^(Event|Uniqueid): ", path.read_bytes(), re.MULTILINE), f"a forged block in {path.name}"


async def test_an_agents_phone_and_a_terminal_show_nothing_of_it(stage: Stage, carrier: Telephone) -> None:
    agent = await stage.agent(plain(SKILL, 1)[0], Behaviour(record=stage.folder))
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

    await until_async(rings, 20, "the hostile caller reaches the agent")
    phone = stage.network.rung[-1]
    await stage.reaches(agent, "talking")
    assert re.fullmatch(r"[\w ,.:·()-]*", phone.shown_name), phone.shown_name
    assert re.fullmatch(r"\d*", phone.shown_number) and phone.shown_number != "1", phone.shown_number
    assert "SC_HACKED" not in json.dumps(phone.headers) and "\x1b" not in json.dumps(phone.headers)
    box = stage.lab.rows("select caller_hash, caller_box from contacts where contact = ?", await stage.newest())[0]
    assert box == {"caller_hash": "", "caller_box": ""}, "no number is an anonymous caller"
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "santral", "status", "--all", "--lab", str(stage.lab.folder),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT)
    shown = (await program.communicate())[0]
    assert program.returncode == 0 and SKILL.split("_")[0].encode() in shown.lower()
    assert not hostile.dirty(shown) and b"SC_HACKED" not in shown
    await call.bye()
    await phone.wait_ended()
    clean(stage.lab)


# -- who may dial what -------------------------------------------------------------------------------------------

OUTSIDE = (b"00905321112233", b"00442071234567", b"9001234567", b"05321112233", b"+905321112233", b"112")
INSIDE = (b"s", b"h", b"i", b"T", b"santral-in", b"santral-hold", b"santral-net", b"santral-agent", b"brief", b"press",
          b"hold", b"*45", b"*44", b"*21*0532#", b"44406321", b"444063", b"4440632,1", b"4440632%26s", b"")


async def test_a_caller_reaches_the_called_numbers_only(
        stage: Stage, carrier: Telephone, pbx: PrivateAsterisk) -> None:
    before = calls(pbx)
    numbers = (*OUTSIDE, *INSIDE, stage.info.agents[0].endpoint.encode())
    done = await asyncio.gather(*(carrier.call(number, limit=3.0) for number in numbers))
    assert {call.status for call in done} <= {0, 404, 484}, {  # 0: not even a legal URI, ignored
        number: call.status for number, call in zip(numbers, done, strict=True)}
    assert calls(pbx) == before and not stage.network.rung


def alone(pbx: PrivateAsterisk, endpoint: str) -> str:
    """The channels, all of them of this endpoint."""
    channels = pbx.console("core show channels concise")
    assert all(line.startswith(f"PJSIP/{endpoint}-") for line in channels.splitlines() if "!" in line), channels
    return channels


async def test_an_agents_phone_dials_codes_and_reaches_nobody_else(
        stage: Stage, stranger: Telephone, pbx: PrivateAsterisk) -> None:
    seat, other = stage.info.agents[5], stage.info.agents[6]
    await stage.network.register({other.endpoint: other.secret})
    assert await stranger.register(seat.endpoint, seat.secret) == 200
    me = f'"{seat.endpoint}" <sip:{seat.endpoint}@127.0.0.1>'.encode()
    digits = (*OUTSIDE, other.endpoint.encode(), stage.info.numbers[0].encode(), b"*21*0532%23", b"*50", b"*4", b"%23")
    for number in (*digits, *(one for one in INSIDE if one.isalpha() or b"-" in one)):
        call = await stranger.call(number, caller=me)
        assert call.status == (200 if number in digits else 404), (number, call.status)
        if call.status == 200:  # a short one after the node was asked whether its agent talks and may ask somebody
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
    seat = stage.info.seat(name)
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

    await until_async(rings, 20, "the phone rings")
    phone = talks[0]
    await stage.reaches(agent, "talking")
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
    assert (await agent.view())["state"] == "talking" and not phone.ended.is_set() and not caller.ended.is_set()
    assert len(pbx.console("core show channels concise").strip().splitlines()) == 2
    await caller.bye()
    await until_async(lambda: phone.ended.is_set(), what="the phone's end")
    await stranger.register(seat.endpoint, seat.secret, expires=0)


async def test_a_stranger_gets_no_channel_and_learns_nothing(
        stage: Stage, stranger: Telephone, pbx: PrivateAsterisk) -> None:
    before, contacts = calls(pbx), len(stage.lab.rows("select contact from contacts"))
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
    assert calls(pbx) == before and len(stage.lab.rows("select contact from contacts")) == contacts
    guesses = (stage.lab.folder / "pbx/log/security.log").read_text(encoding="utf-8", errors="replace")
    assert f"{STRANGER}/" in guesses and "InvalidAccountID" in guesses and "ChallengeResponseFailed" in guesses
    clean(stage.lab)


# -- the management port -----------------------------------------------------------------------------------------


async def ami(lab: Lab, user: str, secret: str, *actions: str) -> list[dict[str, str]]:
    """Log in and ask; the responses."""
    found: list[dict[str, str]] = []
    async with connection(lab.info.ami) as (reader, writer):
        await reader.readline()
        for action in (f"Action: Login\nUsername: {user}\nSecret: {secret}\nEvents: off", *actions):
            writer.write(action.replace("\n", "\r\n").encode() + b"\r\n\r\n")
            answer: dict[str, str] = {}
            while "Response" not in answer:
                block = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)).decode().split("\r\n")
                answer = dict(line.partition(": ")[::2] for line in block if line)
            found.append(answer)
    return found


async def test_no_user_writes_what_the_dialplan_or_the_disk_believes(lab: Lab, pbx: PrivateAsterisk) -> None:
    secrets = json.loads((lab.folder / "secrets/ami.json").read_text(encoding="utf-8"))
    told = await ami(lab, "santral-events", secrets["events"], "Action: Setvar\nVariable: SC_PROBE\nValue: 1",
                     "Action: Originate\nChannel: PJSIP/2001\nExten: s\nContext: santral-net\nPriority: 1\nAsync: true")
    assert [one["Response"] for one in told] == ["Success", "Error", "Error"]
    assert "SC_PROBE" not in pbx.console("dialplan show globals")
    target = lab.folder / "written-by-ami"
    told = await ami(lab, "santral-actions", secrets["actions"],
                     *(f"Action: Setvar\nVariable: {what}\nValue: x" for what in (
                         f"FILE({target})", "SHELL(x)", "DB(a/b)", "ENV(PATH)", "AST_CONFIG(a.conf,b,c)")),
                     "Action: DBPut\nFamily: a\nKey: b\nVal: c", "Action: Atxfer\nChannel: PJSIP/2001\nExten: 0090",
                     "Action: CreateConfig\nFilename: x.conf", "Action: Reload")
    assert [one["Response"] for one in told[1:]] == ["Error"] * 9, told
    assert not target.exists() and "No entries" not in pbx.console("manager show users")


async def test_guessers_and_silent_clients_do_not_keep_the_engine_out(lab: Lab, pbx: PrivateAsterisk) -> None:
    told = await asyncio.gather(*(ami(lab, "santral-actions", f"wrong-{number}") for number in range(20)))
    assert {one[0]["Response"] for one in told} == {"Error"}
    async with contextlib.AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(connection(lab.info.ami)) for _ in range(AUTH_LIMIT + 5)]
        assert (await lab.status())["link_up"], "who is in stays in"
        sessions = re.findall(r"^\s+santral-\w+\s+\S+\s+\d+\s+\d+\s+(\d+)", pbx.console("manager show connected"),
                              re.MULTILINE)
        assert len(sessions) >= 2
        for session in sessions:
            pbx.console(f"manager kick session {session}")

        async def link(is_up: bool) -> bool:
            return bool((await lab.status())["link_up"]) is is_up

        await until_async(lambda: link(False), 10, "the link is cut")
        await until_async(lambda: link(True), 30, "the engine is in again")
        # Read to the end: Asterisk has closed every one of them.
        await asyncio.gather(*(asyncio.wait_for(reader.read(), 15) for reader, _ in silent))


# -- what is secret ------------------------------------------------------------------------------------------------

NUMBER = "05329876543"
TRACE = re.compile(rb"5329876543|532 ?987 ?65 ?43")


async def test_a_number_and_a_pin_are_nowhere(stage: Stage) -> None:
    lab = stage.lab
    secrets = json.loads((lab.folder / "secrets/ami.json").read_text(encoding="utf-8"))
    async with connection(lab.info.ami) as (reader, writer):
        writer.write(f"Action: Login\r\nUsername: santral-events\r\nSecret: {secrets['events']}\r\n\r\n".encode())
        captured = asyncio.create_task(reader.read(-1))
        pins = await a_days_work(stage)
        writer.write(b"Action: Logoff\r\n\r\n")
        pages = [await asyncio.wait_for(captured, 10)]
    assert b"Newchannel" in pages[0], "the capture has these calls"
    pages += [await _page(lab, path) for path in ("/metrics", "/openapi.json", "/health/ready")]
    pages.append(json.dumps(await lab.status()).encode())
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
        person = Person(lab.info, lab.network, name)
        await person.behave(Behaviour(talk=0.5))
        await lab.network.register({person.seat: person.place.secret})
        lab.people.append(person)
        people.append(person)
    pins = [lab.info.seat(name).pin for name in names]
    await asyncio.gather(*(stage.dials(person.seat, "*45", f"{person.id[1:]}#@700ms,{pin}#@3s")
                           for person, pin in zip(people, pins, strict=True)))
    for person in people:
        await stage.reaches(person, "ready")
    await stage.dials(people[0].seat, "*45", f"{people[1].id[1:]}#@700ms,{pins[0]}#@3s")  # somebody else's PIN
    before = len(lab.rows("select contact from contacts"))
    legs = [await stage.hurried("23"[number % 2], number=NUMBER) for number in range(12)]
    await until_async(lambda: len(lab.rows("select contact from contacts")) >= before + 12, 30, "12 contacts")
    await until_async(lambda: len(lab.rows("select contact from contacts where outcome = 'answered'")) > before, 30)
    await asyncio.gather(*(leg.hangup() for leg in legs))
    await lab.quiet()
    assert len(lab.rows("select contact from contacts where caller_box <> ''")) >= 6, "the number was known"
    return pins


async def _page(lab: Lab, path: str) -> bytes:
    async with connection(lab.info.http) as (reader, writer):
        writer.write(f"GET {path} HTTP/1.1\r\nHost: {lab.info.http}\r\nConnection: close\r\n\r\n".encode())
        page = await asyncio.wait_for(reader.read(), 10)
    assert b" 200 " in page.split(b"\r\n")[0], page[:200]
    return page


def _told_by_processes(lab: Lab, pins: list[str]) -> Iterator[str]:
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


def test_what_is_secret_others_cannot_read(lab_session: up.Info) -> None:
    folder = Path(lab_session.state)
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE((folder / "secrets").stat().st_mode) == 0o700
    private = [*folder.glob("santral.db*"), *(folder / "secrets").iterdir(), folder / "lab.json", folder / "node.log",
               folder / "node.json", *(folder / "asterisk" / name for name in ("pjsip.conf", "manager.conf"))]
    assert len(private) >= 11
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in private} == {path.name: "0o600" for path in private}
    assert not (folder / "queue_log").stat().st_mode & 0o007
    for path in folder.rglob("*"):
        assert not path.stat().st_mode & 0o002, f"anybody may write {path}"


# -- junk --------------------------------------------------------------------------------------------------------


async def test_malformed_messages_and_junk_harm_nobody(
        stage: Stage, carrier: Telephone, stranger: Telephone) -> None:
    pid, pbx_pid = stage.info.pid, stage.info.asterisk_pid
    before = memory_kb(pid)

    async def throw(place: str, data: bytes) -> None:
        # OSError: a node that has closed already leaves nothing to shut down (ENOTCONN).
        with contextlib.suppress(OSError):
            async with connection(place) as (reader, writer):
                writer.write(data)
                writer.write_eof()
                await asyncio.wait_for(reader.read(), 20)

    async with undisturbed(stage):
        for phone in (carrier, stranger):
            for message in hostile.torture(phone.place):
                phone.raw(message)
        await asyncio.gather(*(throw(place, data) for place in (stage.info.agi, stage.info.http)
                               for data in hostile.JUNK * 4))
        good = await carrier.call(stage.info.numbers[0].encode())
        assert good.status == 200
        await until_async(lambda: carrier.hears(good), what="a new caller hears the greeting")
        await good.bye()
    assert memory_kb(pid) - before < GROWTH_MAX_KB
    assert (up.read(stage.lab.folder).pid, up.read(stage.lab.folder).asterisk_pid) == (pid, pbx_pid)
    assert (await stage.lab.status())["link_up"]
    clean(stage.lab)


async def test_idle_connections_do_not_keep_a_caller_waiting(stage: Stage, carrier: Telephone) -> None:
    async with contextlib.AsyncExitStack() as stack:
        idle = [await stack.enter_async_context(connection(place)) for place in (stage.info.agi, stage.info.http)
                for _ in range(IDLE)]
        for number, (_, writer) in enumerate(idle):
            writer.write(b"agi_network: yes\n" if number < IDLE else b"GET /metrics HTTP/1.1\r\nX-Slow: ")
        visits = [await visit(carrier, stage.info.numbers[0].encode(), {}) for _ in range(3)]
        assert [call.status for call in visits] == [200] * 3
        assert (await stage.lab.status())["link_up"]
        ends = await asyncio.gather(*(asyncio.wait_for(reader.read(), 15) for reader, _ in idle[:IDLE]),
                                    return_exceptions=True)
        assert all(end == b"" or isinstance(end, ConnectionError) for end in ends), "the node has closed each of them"
