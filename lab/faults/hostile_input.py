"""Input that no honest program sends: SIP after RFC 4475, and junk for the ports of AGI and HTTP."""

from __future__ import annotations

from typing import Any


def render_request(method: bytes, number: int, place: bytes, *, target: bytes = b"sip:4440632@127.0.0.1",
                   more: bytes = b"", version: bytes = b"SIP/2.0", cseq: bytes = b"", length: bytes = b"0",
                   body: bytes = b"") -> bytes:
    """Render one SIP message outside any dialogue."""
    return (method + b" " + target + b" " + version + b"\r\nVia: SIP/2.0/UDP " + place
            + b";branch=z9hG4bKtorture%d\r\nFrom: <sip:torture@127.0.0.1>;tag=t%d\r\nTo: <sip:4440632@127.0.0.1>\r\n"
            b"Call-ID: torture-%d\r\nCSeq: " % (number, number, number) + (cseq or b"1 " + method)
            + b"\r\nContact: <sip:torture@" + place + b">\r\nMax-Forwards: 70\r\n" + more + b"Content-Length: " + length
            + b"\r\n\r\n" + body)


def render_torture(place: bytes) -> list[bytes]:
    """Render messages after RFC 4475, and junk."""
    sdp, kind = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\n", b"Content-Type: application/sdp\r\n"
    made: list[dict[str, Any]] = [
        {"method": b"INVITE", "length": b"-999"}, {"method": b"INVITE", "length": b"99999999999999999999"},
        {"method": b"INVITE", "length": b"9999", "body": sdp, "more": kind},
        {"method": b"INVITE", "cseq": b"36893488147419103232 INVITE"}, {"method": b"INVITE", "cseq": b"1 OPTIONS"},
        {"method": b"INVITE", "version": b"SIP/7.0"}, {"method": b"INVITE", "target": b"nobodyKnowsThisScheme:x"},
        {"method": b"INVITE", "target": b"sip:4440632@127.0.0.1;lr;x=\x00"}, {"method": b"INVITE", "target": b""},
        {"method": b"INVITE", "more": kind, "body": sdp + b"m=audio 99999999 RTP/AVP 0 \xff\r\n", "length": b"60"},
        {"method": b"INVITE", "more": b"Via: SIP/2.0/UDP x;branch=z9hG4bKx\r\n" * 500},
        {"method": b"INVITE", "more": b"Require: nothing-that-exists\r\n"},
        {"method": b"INVITE", "more": b"Replaces: x;to-tag=y;from-tag=z\r\nRequire: replaces\r\n"},
        {"method": b"INVITE", "more": b"Date: Fri, 01 Jan 2010 16:00:00 EST\r\nExpires: 0 0l@company.com\r\n"},
        {"method": b"OPTIONS", "more": b'From: "unterminated <sip:x@y>;tag=q\r\n'}, {"method": b"!interesting-Method0"},
        {"method": b"MESSAGE", "more": b"Content-Type: text/plain\r\n", "length": b"5", "body": b"${X}\n"},
        {"method": b"SUBSCRIBE", "more": b"Event: presence\r\nExpires: 60\r\n"},
        {"method": b"PUBLISH", "more": b"Event: presence\r\n"}, {"method": b"NOTIFY", "more": b"Event: check-sync\r\n"},
        {"method": b"REFER", "more": b"Refer-To: <sip:00905320000000@127.0.0.1>\r\n"}, {"method": b"BYE"},
        {"method": b"CANCEL"}, {"method": b"ACK"}, {"method": b"UPDATE"}, {"method": b"INFO"}, {"method": b"PRACK"},
    ]
    return [render_request(number=number, place=place, **one) for number, one in enumerate(made)] + [
        b"", b"\r\n\r\n", b"\x00" * 2000, b"\xff" * 65_000, b"SIP/2.0 200 OK\r\n\r\n", b"INVITE", b"\r\n" * 5000,
        b"INVITE sip:4440632@127.0.0.1 SIP/2.0\r\n" + b"X: y\r\n" * 8000]


JUNK = (
    b"", b"\x00" * 5000, b"\xff" * 70_000, b"agi_network_script: menu\n" * 500, b"agi_x: " + b"y" * 70_000,
    b"HANGUP\n" * 300, b"200 result=0\n" * 300, b"agi_network_script: nowhere\n\n",
    b"agi_network_script: menu,\x1b[2J\nagi_uniqueid: \xff\n\n", b"GET / HTTP/9.9\r\n\r\n",
    b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /metrics HTTP/1.1\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    b"POST /api/v1/agents/a1001/login HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n"
    b"ffffffffffffffff\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
    b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \x1b[2J\xff\r\n\r\n",
    b"Action: Login\r\nUsername: santral-actions\r\nSecret: x\r\n\r\n")
"""For the ports of AGI and HTTP."""
