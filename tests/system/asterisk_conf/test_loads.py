"""The rendered files on a real Asterisk: they load without a complaint, and they refuse what they must."""

from __future__ import annotations

import hashlib
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_conf.carrier import Address, Trunk
from asterisk_conf.conf_plan import AsteriskPlan, Pages
from asterisk_conf.machine_addresses import list_addresses
from asterisk_conf.render import render_files
from asterisk_conf.write import write_files
from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import find_asterisk
from lab.pbx.ports import PortBlock
from tests.fakes.asterisk_plan import pages
from tests.fakes.asterisk_plan import plan as small_plan
from tests.until import until

pytestmark = pytest.mark.system

COMPLAINT = re.compile(r"(WARNING|ERROR)\[\d+\].*")
SHARED = "127.0.0.8"
"""The carrier calls from here too, by one port; phones are at the same address."""
ALLOWED: tuple[str, ...] = ()
"""Complaints that may stand in the log of a start, each with its reason: none."""


class Running:
    """A started Asterisk with its plan."""

    def __init__(self, pbx: PrivateAsterisk, plan: AsteriskPlan, log: Path) -> None:
        self.pbx, self.plan, self.log = pbx, plan, log

    def complaints(self) -> list[str]:
        """Warnings and errors since the start, but for the allowed ones."""
        found = [line.group(0) for line in COMPLAINT.finditer(self.log.read_text(encoding="utf-8"))]
        return [line for line in found if not any(allowed in line for allowed in ALLOWED)]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("pbx")
    sounds = folder / "sounds"
    (sounds / "tr").mkdir(parents=True)
    (sounds / "moh").mkdir()
    (sounds / "moh" / "music.sln").write_bytes(b"\0\0" * 8000)
    ports = PortBlock()
    sip, ami = ports.free_port(socket.SOCK_DGRAM), ports.free_port()
    first, last = ports.media_range(40)
    nobody = ports.free_port()
    carrier = ports.free_port(socket.SOCK_DGRAM)
    plan = replace(small_plan(), sounds=str(sounds),
                   trunk=Trunk(("127.0.0.9", f"{SHARED}:{carrier}"), way_out="127.0.0.9:5060"),
                   sip=Address("127.0.0.1", sip), ami=Address("127.0.0.1", ami), rtp=(first, last),
                   nodes=(Address("127.0.0.1", nobody),), http=Address("127.0.0.1", ports.free_port()), metrics=True,
                   pages=Pages(pages().web, pages().far, "127.0.0.1", list_addresses()))
    write_files(render_files(plan), folder / "etc")
    with PrivateAsterisk(find_asterisk(), folder / "etc", folder / "state") as pbx:
        yield Running(pbx, plan, folder / "state" / "log" / "messages.log")
    ports.close()


def test_the_files_load_without_a_complaint(running: Running) -> None:
    assert running.complaints() == []


@pytest.mark.parametrize("context", ["santral-in", "santral-menu", "santral-hold", "santral-agent",
                                     "santral-after-talk", "santral-fallback", "santral-bye", "santral-seat",
                                     "santral-keys", "santral-refer", "santral-transferred"])
def test_the_context_is_there(running: Running, context: str) -> None:
    assert f"Context '{context}' created by 'pbx_config'" in running.pbx.run_console(f"dialplan show {context}")


def test_trunk_phones_queue_music_and_black_box_are_there(running: Running) -> None:
    endpoints = running.pbx.run_console("pjsip show endpoints")
    assert re.findall(r"Endpoint:\s+([\w-]+)/?\S*", endpoints) == [
        "2001", "2002", "3001", "3002", "3101", "geri-arama", "replaces", "trunk", "uzak-a1201"]
    assert "santral-psikososyal has 0 calls" in running.pbx.run_console("queue show santral-psikososyal")
    assert "Class: santral" in running.pbx.run_console("moh show classes")
    assert "CEL Logging: Enabled" in running.pbx.run_console("cel show status")


def test_the_web_server_answers_pages_and_readers_of_metrics_alone(running: Running) -> None:
    status = running.pbx.run_console("http show status")
    assert f"{running.plan.http}" in status
    assert re.findall(r"^(/\S+) +=>", status, re.MULTILINE) == ["/metrics/...", "/ws"], status


def test_asterisk_has_the_codecs_of_a_page_in_their_order(running: Running) -> None:
    assert "(opus|alaw|g722)" in running.pbx.run_console("pjsip show endpoint 3101")
    assert "(alaw|g722)" in running.pbx.run_console("pjsip show endpoint 3001")


@pytest.mark.parametrize("module", ["bridge_native_rtp", "res_pjsip_diversion", "app_system", "func_shell",
                                    "func_curl"])
def test_what_is_denied_is_not_loaded(running: Running, module: str) -> None:
    assert "0 modules loaded" in running.pbx.run_console(f"module show like {module}")


class Ami:
    """One AMI session, as plain as possible: an independent witness."""

    def __init__(self, plan: AsteriskPlan, user: str, secret: str) -> None:
        self.socket = socket.create_connection((plan.ami.host, plan.ami.port), timeout=30)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()
        self.greeting = self.ask(f"Action: Login\nUsername: {user}\nSecret: {secret}")

    def ask(self, text: str) -> dict[str, str]:
        self.socket.sendall((text + "\n\n").replace("\n", "\r\n").encode())
        return self.block("Response")

    def block(self, key: str, value: str = "") -> dict[str, str]:
        while True:
            block: dict[str, str] = {}
            while line := self.lines.readline().decode().strip():
                name, _, text = line.partition(":")
                block[name] = text.strip()
            if key in block and value in block[key] and (key != "Response" or "Event" not in block):
                return block

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


@pytest.fixture
def events(running: Running) -> Iterator[Ami]:
    ami = Ami(running.plan, "santral-events", running.plan.events_secret)
    yield ami
    ami.close()


@pytest.fixture
def actions(running: Running) -> Iterator[Ami]:
    ami = Ami(running.plan, "santral-actions", running.plan.actions_secret)
    yield ami
    ami.close()


REFUSED = [
    "Action: Command\nCommand: core show version",
    "Action: Getvar\nVariable: SHELL(true)",
    "Action: ModuleLoad\nModule: app_system.so\nLoadType: load",
    "Action: UpdateConfig\nSrcFilename: manager.conf\nDstFilename: other.conf",
    "Action: GetConfig\nFilename: manager.conf",
    "Action: Originate\nChannel: PJSIP/2001\nApplication: System\nData: true\nAsync: true",
    "Action: Originate\nChannel: PJSIP/2001\nApplication: AGI\nData: agi:async\nAsync: true",
    "Action: PJSIPNotify\nEndpoint: 2001\nVariable: Event=reboot",
]


@pytest.mark.parametrize("action", REFUSED, ids=lambda text: text.replace("\n", " ")[8:50])
@pytest.mark.parametrize("user", ["events", "actions"])
def test_an_ami_user_may_not(request: pytest.FixtureRequest, user: str, action: str) -> None:
    assert request.getfixturevalue(user).ask(action)["Response"] == "Error"


def test_each_ami_user_may_do_its_own_work(events: Ami, actions: Ami) -> None:
    assert events.greeting["Response"] == actions.greeting["Response"] == "Success"
    assert events.ask("Action: CoreShowChannels")["Response"] == "Success"
    assert actions.ask("Action: Ping")["Response"] == "Success"
    assert "No such channel" in actions.ask("Action: Hangup\nChannel: o1-1.1")["Message"]


def test_a_wrong_secret_is_refused(running: Running) -> None:
    ami = Ami(running.plan, "santral-actions", "not-the-secret-of-anybody")
    ami.close()
    assert ami.greeting["Response"] == "Error"


class Phone:
    """A telephone on one UDP socket: registers with its secret and answers every INVITE with a redirect."""

    def __init__(self, plan: AsteriskPlan, seat: str, secret: str, here: tuple[str, int] = ("127.0.0.1", 0)) -> None:
        self.plan, self.seat, self.secret = plan, seat, secret
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(here)
        self.socket.settimeout(30)
        self.port = self.socket.getsockname()[1]
        self.asked = 0

    def request(self, method: str, target: str, more: str = "") -> str:
        self.asked += 1
        self.socket.sendto((
            f"{method} sip:{target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};rport;branch=z9hG4bK{self.port}x{self.asked}\r\n"
            f"From: <sip:{self.seat}@127.0.0.1>;tag=phone\r\nTo: <sip:{self.seat}@127.0.0.1>\r\n"
            f"Call-ID: test-{self.port}\r\nCSeq: {self.asked} {method}\r\nMax-Forwards: 70\r\n"
            f"Contact: <sip:{self.seat}@127.0.0.1:{self.port}>\r\n{more}Content-Length: 0\r\n\r\n"
        ).encode(), tuple(self.plan.sip))
        return self.receive("SIP/2.0")

    def receive(self, beginning: str) -> str:
        while True:
            data, sender = self.socket.recvfrom(8192)
            text = data.decode()
            if text.startswith(beginning):
                return text
            if text.startswith("OPTIONS"):
                self.reply(text, "200 OK", sender)

    def reply(self, asked: str, status: str, to: tuple[str, int], more: str = "") -> None:
        kept = [line for line in asked.split("\r\n") if line.startswith(("Via:", "From:", "Call-ID:", "CSeq:"))]
        whom = next(line for line in asked.split("\r\n") if line.startswith("To:"))
        self.socket.sendto(("\r\n".join([f"SIP/2.0 {status}", *kept, f"{whom};tag=phone", *filter(None, [more]),
                                         "Content-Length: 0", "", ""])).encode(), to)

    def register(self) -> str:
        asked = self.request("REGISTER", "127.0.0.1")
        realm, nonce = (re.search(rf'{name}="([^"]+)"', asked) for name in ("realm", "nonce"))
        opaque = re.search(r'opaque="([^"]+)"', asked)
        assert realm and nonce and opaque, asked

        def digest(text: str) -> str:
            return hashlib.md5(text.encode()).hexdigest()

        one = digest(f"{self.seat}:{realm[1]}:{self.secret}")
        two = digest("REGISTER:sip:127.0.0.1")
        response = digest(f"{one}:{nonce[1]}:00000001:cafe:auth:{two}")
        return self.request("REGISTER", "127.0.0.1", (
            f'Authorization: Digest username="{self.seat}", realm="{realm[1]}", nonce="{nonce[1]}", '
            f'uri="sip:127.0.0.1", response="{response}", algorithm=MD5, cnonce="cafe", qop=auth, nc=00000001, '
            f'opaque="{opaque[1]}"\r\nExpires: 120\r\n')).partition("\r\n")[0]

    def close(self) -> None:
        self.socket.close()


def test_a_phone_registers_with_its_secret_only(running: Running) -> None:
    phone = Phone(running.plan, "2001", "some-other-secret-012345")
    assert phone.register().startswith("SIP/2.0 401")
    phone.close()


def test_a_redirect_by_a_phone_is_no_answer(running: Running, events: Ami, actions: Ami) -> None:
    phone = Phone(running.plan, "2002", dict(running.plan.seats)["2002"])
    assert phone.register() == "SIP/2.0 200 OK"
    until(lambda: "sip:2002@" in running.pbx.run_console("pjsip show contacts"), what="the phone is registered")
    actions.ask("Action: Originate\nActionID: redirect\nChannel: PJSIP/2002\nContext: santral-agent\nExten: s\n"
                "Priority: 1\nAsync: true\nTimeout: 5000\nChannelId: o1-1.1\nVariable: SC_CHAN=PJSIP/trunk-00000000")
    invite = phone.receive("INVITE")
    phone.reply(invite, "302 Moved Temporarily", (running.plan.sip.host, running.plan.sip.port),
                "Contact: <sip:05550000000@127.0.0.1>")
    ended = events.block("Event", "OriginateResponse")
    phone.close()
    assert ended["ActionID"] == "redirect"
    assert ended["Response"] == "Failure"


@pytest.mark.parametrize("user", ["2001", "05321234567", "trunk"])
@pytest.mark.parametrize("here", [0, 1], ids=["by address", "by address and port"])
def test_a_caller_whose_number_is_that_of_a_phone_is_a_caller(running: Running, user: str, here: int) -> None:
    """The house's own exchange calls as 2001: had been asked for the secret of that phone, and was lost."""
    address, _, port = running.plan.trunk.match[here].partition(":")
    carrier = Phone(running.plan, user, "", (address, int(port or 0)))
    answer = carrier.request("INVITE", "nobody@127.0.0.1").partition("\r\n")[0]
    carrier.close()
    assert answer.startswith("SIP/2.0 404"), f"{answer}: only the called numbers exist"


def test_a_phone_at_the_carriers_address_is_a_phone_where_the_carrier_is_known_by_its_port(running: Running) -> None:
    phone = Phone(running.plan, "2001", dict(running.plan.seats)["2001"], (SHARED, 0))
    assert phone.register() == "SIP/2.0 200 OK"
    phone.close()
    until(lambda: re.search(rf"sip:2001@({SHARED}|127\.0\.0\.1):{phone.port}\b",
                            running.pbx.run_console("pjsip show contacts")), what="the phone is registered")


@pytest.mark.parametrize("user", ["nobody", "trunk", "anonymous"])
def test_a_stranger_gets_nothing_whatever_he_calls_himself(running: Running, user: str) -> None:
    stranger = Phone(running.plan, user, "")
    answer = stranger.request("INVITE", "4440632@127.0.0.1").partition("\r\n")[0]
    stranger.close()
    assert answer.startswith("SIP/2.0 401"), answer
    until(lambda: "0 active channels" in running.pbx.run_console("core show channels count"), what="no channel is left")
