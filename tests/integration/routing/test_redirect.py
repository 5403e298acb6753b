"""The number of a caller who is called back, asked for by Asterisk: over a real socket, and with what is no request."""

from __future__ import annotations

import asyncio
import re
import socket
from functools import partial
from pathlib import Path

import pytest

from routing import sip_redirect as module
from routing.sip_redirect import DATAGRAM_MAX, TOKEN_S, TOKENS_MAX, SipRedirect
from santral.centre.config import node_config
from santral.node.app import Node
from santral.node.service_manager import ServiceManager
from tests.until import LIMIT_S

pytestmark = pytest.mark.integration

NUMBER = "+905321234567"
ASTERISK = ("127.0.0.1", 5060)


def invite(uri: str, *, more: str = "") -> bytes:
    return (f"INVITE {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bK1\r\n"
            f"From: <sip:4440632@127.0.0.1>;tag=a1\r\nTo: <{uri}>\r\nCall-ID: c1\r\nCSeq: 7 INVITE\r\n{more}"
            "Content-Length: 0\r\n\r\n").encode()


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def headers(answer: bytes | None) -> dict[str, str]:
    assert answer is not None
    return dict(line.split(": ", 1) for line in answer.decode().split("\r\n")[1:] if ": " in line)


async def test_an_invite_is_answered_with_the_number_as_often_as_it_comes() -> None:
    redirect, opened = SipRedirect(("192.0.2.10:5060",)), []

    def number() -> str:
        opened.append(1)
        return NUMBER

    await redirect.start_listening("127.0.0.1")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asterisk:
        asterisk.setblocking(False)
        host, _, port = redirect.address.partition(":")
        uri = redirect.dial_uri(number)
        assert not opened, "opened when it is asked for, not before"
        for _ in range(2):
            await loop.sock_sendto(asterisk, invite(uri), (host, int(port)))
            answer = await asyncio.wait_for(loop.sock_recv(asterisk, 4096), LIMIT_S)
            assert answer.startswith(b"SIP/2.0 302 ")
            said = headers(answer)
            assert said["Contact"] == f"<sip:{NUMBER}@192.0.2.10:5060>"
            assert (said["CSeq"], said["Call-ID"], said["From"]) == (
                "7 INVITE", "c1", "<sip:4440632@127.0.0.1>;tag=a1")
            assert re.fullmatch(re.escape(f"<{uri}>") + r";tag=\w+", said["To"])
    redirect.stop_listening()


async def test_what_is_no_invite_gets_no_answer() -> None:
    redirect = SipRedirect(("192.0.2.10",))
    redirect.address = "127.0.0.1:5999"
    uri = redirect.dial_uri(lambda: NUMBER)
    whole = invite(uri)
    for wrong in (b"", b"\xff\x00" * 40, whole.replace(b"INVITE sip", b"OPTIONS sip"), whole.replace(b"Via:", b"Vya:"),
                  whole.replace(b"CSeq: 7 INVITE\r\n", b""), b"ACK " + whole[7:], whole + b"x" * DATAGRAM_MAX):
        assert redirect.answer_datagram(wrong, ASTERISK) is None
    compact = whole.replace(b"Via:", b"v:").replace(b"From:", b"f:").replace(b"To:", b"t:").replace(b"Call-ID:", b"i:")
    assert headers(redirect.answer_datagram(compact, ASTERISK))["Contact"] == f"<sip:{NUMBER}@192.0.2.10>"


async def test_a_token_is_good_for_a_while_and_for_nothing_else() -> None:
    clock = Clock()
    redirect = SipRedirect(("192.0.2.10",), clock)
    redirect.address = "127.0.0.1:5999"
    uri = redirect.dial_uri(lambda: NUMBER)
    guessed = redirect.answer_datagram(invite("sip:AAAAAAAAAAAAAAAAAAAAAAAA@127.0.0.1:5999"), ASTERISK)
    assert guessed is not None and guessed.startswith(b"SIP/2.0 404 ") and b"Contact" not in guessed
    clock.now = TOKEN_S - 0.1
    assert NUMBER.encode() in (redirect.answer_datagram(invite(uri), ASTERISK) or b"")
    clock.now = TOKEN_S
    assert (redirect.answer_datagram(invite(uri), ASTERISK) or b"").startswith(b"SIP/2.0 404 ")

    def broken() -> str:
        raise ValueError("other keys")

    assert (redirect.answer_datagram(invite(redirect.dial_uri(broken)), ASTERISK) or b"").startswith(b"SIP/2.0 404 ")


async def test_no_more_tokens_than_there_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert TOKENS_MAX >= 200
    monkeypatch.setattr(module, "TOKENS_MAX", 3)
    redirect = SipRedirect(("192.0.2.10",), Clock())
    redirect.address = "127.0.0.1:5999"
    uris = [redirect.dial_uri(lambda: NUMBER) for _ in range(4)]
    told = [NUMBER.encode() in (redirect.answer_datagram(invite(uri), ASTERISK) or b"") for uri in uris]
    assert told == [False, True, True, True]


async def test_only_who_asked_first_is_told_and_others_fill_no_log(capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    redirect = SipRedirect(("192.0.2.10",), clock)
    redirect.address = "127.0.0.1:5999"
    uri = redirect.dial_uri(lambda: NUMBER)
    assert NUMBER.encode() in (redirect.answer_datagram(invite(uri), ASTERISK) or b"")
    for port in range(6000, 6100):
        assert (redirect.answer_datagram(invite(uri), ("127.0.0.1", port)) or b"").startswith(b"SIP/2.0 404 ")
    assert capsys.readouterr().out.count("redirect.token_rejected") == 1
    assert NUMBER.encode() in (redirect.answer_datagram(invite(uri), ASTERISK) or b"")


def test_the_node_has_no_number_dialled_that_costs_more_is_abroad_or_its_own(
        tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = node_config(Path("centres/meb"), None)
    node = Node(config, tmp_path, stop=asyncio.Event(), again=asyncio.Event(), manager=ServiceManager(),
                vacate=partial(asyncio.sleep, 0))
    redirect = SipRedirect(("192.0.2.10",), Clock())
    redirect.address = "127.0.0.1:5999"
    for claimed in ("+449098790000", "+909001234567", *config.settings.numbers):
        uri = redirect.dial_uri(lambda claimed=claimed: node.to_call(claimed))
        assert (redirect.answer_datagram(invite(uri), ASTERISK) or b"").startswith(b"SIP/2.0 404 ")
        told = capsys.readouterr().out
        assert "redirect.number_unavailable" in told and "NotDialable" in told and claimed.lstrip("+") not in told
    uri = redirect.dial_uri(lambda: node.to_call(NUMBER))
    assert headers(redirect.answer_datagram(invite(uri), ASTERISK))["Contact"] == f"<sip:{NUMBER}@192.0.2.10>"


async def test_further_carriers_follow_and_a_silent_one_comes_last_for_a_while(
        capsys: pytest.CaptureFixture[str]) -> None:
    clock = Clock()
    redirect = SipRedirect(("192.0.2.10;transport=tls", "192.0.2.11"), clock)
    redirect.address = "127.0.0.1:5999"

    def contacts() -> list[str]:
        answer = redirect.answer_datagram(invite(redirect.dial_uri(lambda: NUMBER)), ASTERISK) or b""
        return [line.partition("@")[2] for line in answer.decode().split("\r\n") if line.startswith("Contact")]

    first, second = "192.0.2.10;transport=tls", "192.0.2.11"
    assert contacts() == [f"{first}>;q=1.0", f"{second}>;q=0.9"]
    for dials in (1, 1):  # the same count is told with every dial
        redirect.note_silence(dials)
    assert contacts() == [f"{second}>;q=1.0", f"{first}>;q=0.9"]
    clock.now += module.SILENT_S + 1
    redirect.note_silence(1)
    assert contacts() == [f"{first}>;q=1.0", f"{second}>;q=0.9"]
    assert capsys.readouterr().out.count("redirect.carrier_silent") == 1
