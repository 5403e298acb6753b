"""The carrier's side of the rendered files on a real Asterisk: failover, TLS and SRTP, NAT."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from asterisk_conf.carrier import Address, Nat, Tls, Trunk
from asterisk_conf.conf_plan import AsteriskPlan
from asterisk_conf.render import render_files
from asterisk_conf.write import write_files
from lab.pbx.asterisk import PrivateAsterisk
from lab.pbx.fetch import AsteriskProgram
from lab.pbx.ports import PortBlock
from lab.phones import audio
from routing.sip_redirect import SipRedirect
from tests.fakes.asterisk_plan import pages
from tests.fakes.asterisk_plan import plan as small_plan
from tests.fakes.tls import certificates
from tests.system.stage import growing
from tests.until import until_async

pytestmark = pytest.mark.system


class FakeCarrier(asyncio.DatagramProtocol):
    """A carrier that gives each INVITE one answer, or none, and notes when it came."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer, self.invites = answer, list[tuple[float, bytes]]()
        self.transport: asyncio.DatagramTransport | None = None

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if not data.startswith(b"INVITE "):
            return
        self.invites.append((time.monotonic(), data))
        if self.answer is not None and self.transport is not None:
            kept = [line for line in data.split(b"\r\n\r\n")[0].split(b"\r\n")
                    if line.split(b":")[0].lower() in (b"via", b"from", b"to", b"call-id", b"cseq")]
            kept = [line + b";tag=x" if line.lower().startswith(b"to:") else line for line in kept]
            lines = [b"SIP/2.0 " + self.answer, *kept, b"Content-Length: 0", b"", b""]
            self.transport.sendto(b"\r\n".join(lines), addr)

    @property
    def first_s(self) -> float:
        return self.invites[0][0]

    def close(self) -> None:
        if self.transport is not None:
            self.transport.close()

    async def listen(self, host: str = "127.0.0.1") -> str:
        self.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, (host, 0))
        return "{}:{}".format(*self.transport.get_extra_info("sockname"))


@pytest.fixture
def ports() -> Iterator[PortBlock]:
    held = PortBlock()
    yield held
    held.close()


def ours(folder: Path, ports: PortBlock, **changes: object) -> AsteriskPlan:
    sounds = folder / "sounds"
    (sounds / "moh").mkdir(parents=True)
    (sounds / "moh/music.sln").write_bytes(b"\0\0" * 8000)
    return replace(small_plan(), sounds=str(sounds), sip=Address("127.0.0.1", ports.free_port(socket.SOCK_DGRAM)),
                   ami=Address("127.0.0.1", ports.free_port()), rtp=ports.media_range(16), **changes)


def started(program: AsteriskProgram, plan: AsteriskPlan, folder: Path) -> PrivateAsterisk:
    write_files(render_files(plan), folder / "etc")
    return PrivateAsterisk(program, folder / "etc", folder / "state")


async def originate(plan: AsteriskPlan, channel: str, context: str, timeout_ms: int = 30_000) -> None:
    """Let Asterisk call, as the node does."""
    reader, writer = await asyncio.open_connection(*plan.ami)
    for action in (f"Action: Login\r\nUsername: santral-actions\r\nSecret: {plan.actions_secret}\r\nEvents: off",
                   f"Action: Originate\r\nChannel: {channel}\r\nContext: {context}\r\nExten: s\r\nPriority: 1\r\n"
                   f"Timeout: {timeout_ms}\r\nAsync: true"):
        writer.write(f"{action}\r\n\r\n".encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        assert b"Response: Success" in answer, answer
    writer.close()
    await writer.wait_closed()


@pytest.mark.parametrize("answer", [b"503 Service Unavailable", None])
async def test_the_second_carrier_rings_after_the_first(asterisk_tree: AsteriskProgram, tmp_path: Path,
                                                        ports: PortBlock, answer: bytes | None) -> None:
    first, second = FakeCarrier(answer), FakeCarrier(b"486 Busy Here")
    ways = [await first.listen(), await second.listen()]
    redirect = SipRedirect(ways)
    await redirect.start_listening("127.0.0.1")
    plan = ours(tmp_path, ports, trunk=Trunk(("127.0.0.9",), way_out=ways[0]))
    with contextlib.ExitStack() as stack:
        stack.enter_context(started(asterisk_tree, plan, tmp_path))
        stack.callback(redirect.stop_listening)
        for fake in (first, second):
            stack.callback(fake.close)
        uri = redirect.dial_uri(lambda: "+905321112233")
        await originate(plan, f"PJSIP/geri-arama/{uri}", "santral-bye")
        if answer is None:
            # A silent carrier costs this try. The next one begins with the other carrier.
            await until_async(lambda: bool(first.invites), what="the first carrier is asked")
            redirect.note_silence(1)
            await originate(plan, f"PJSIP/geri-arama/{redirect.dial_uri(lambda: '+905321112233')}", "santral-bye")
        await until_async(lambda: bool(second.invites), 40, "the second carrier rings")
    print(f"{answer or 'silent'}: the second carrier after {second.first_s - first.first_s:.2f} s")
    assert re.match(rb"INVITE sip:\+905321112233@", second.invites[0][1])


CARRIER = "127.0.0.2"
CARRIER_CONF = """\
[transport-tls]
type=transport
protocol=tls
bind={carrier}:{port}
cert_file={folder}/server.crt
priv_key_file={folder}/server.key
method=tlsv1_2
[us]
type=endpoint
transport=transport-tls
context=phone
disallow=all
allow=alaw
direct_media=no
media_encryption={encryption}
aors=us
[us]
type=aor
contact=sip:{us}\\;transport=tls
[us]
type=identify
endpoint=us
match=127.0.0.1
"""
CARRIER_DIALPLAN = """\
[phone]
exten => _+X.,1,Answer(0)
 same => n,Playtones(440)
 same => n,Record({folder}/heard.wav,,4,kqx)
 same => n,Hangup()
"""


def carrier_asterisk(program: AsteriskProgram, folder: Path, ports: PortBlock, us: str, port: int,
                     encryption: str) -> PrivateAsterisk:
    """The carrier's side: TLS and SRTP only, a telephone with a tone behind it."""
    conf = folder / "conf"
    conf.mkdir(parents=True)
    rtp = ports.media_range(8)
    for name, text in {
            "pjsip.conf": CARRIER_CONF.format(carrier=CARRIER, port=port, folder=folder.parent, us=us,
                                              encryption=encryption),
            "extensions.conf": CARRIER_DIALPLAN.format(folder=folder),
            "modules.conf": "[modules]\nautoload=yes\nnoload=chan_iax2.so\nnoload=chan_unistim.so\n",
            "rtp.conf": f"[general]\nrtpstart={rtp[0]}\nrtpend={rtp[1]}\n",
            "logger.conf": "[logfiles]\nconsole => warning,error,notice\n"}.items():
        (conf / name).write_text(text, encoding="utf-8")
    return PrivateAsterisk(program, conf, folder / "state")


@pytest.mark.parametrize("encryption", ["sdes", "no"])
async def test_a_call_by_tls_and_srtp_has_sound_both_ways(asterisk_tree: AsteriskProgram, tmp_path: Path,
                                                          ports: PortBlock, encryption: str) -> None:
    authority = certificates(tmp_path, ("127.0.0.1", CARRIER))
    port, us = ports.free_port(), ports.free_port()
    plan = ours(tmp_path, ports, pages=pages(), http=Address("127.0.0.1", ports.free_port()),
                trunk=Trunk((CARRIER,), way_out=f"{CARRIER}:{port}", tls=True, srtp=True, codecs=("alaw",),
                            options_s=3),
                tls=Tls(Address("127.0.0.1", us), f"{tmp_path}/server.crt", f"{tmp_path}/server.key", str(authority)))
    with carrier_asterisk(asterisk_tree, tmp_path / "carrier", ports, f"4440632@127.0.0.1:{us}", port, encryption), \
            started(asterisk_tree, plan, tmp_path) as pbx:
        await originate(plan, "PJSIP/uzak-a1201", "santral-seat-echo")
        heard = tmp_path / "carrier/heard.wav"
        if encryption == "no":
            # A carrier without SRTP gets no call.
            await until_async(lambda: "0 active calls" in pbx.run_console("core show channels count"), what="the end")
            assert not heard.exists()
            return
        await until_async(lambda: audio.tone_s(growing(heard), 440) > 1 if heard.exists() else False,
                          what="the carrier hears the echo of its tone")
        shown = pbx.run_console("pjsip show transports")
        assert "tls" in shown and str(us) in shown
        await until_async(lambda: "Avail" in pbx.run_console("pjsip show contacts"), what="OPTIONS by TLS is answered")


async def test_the_address_outside_stands_in_sip_and_sdp(asterisk_tree: AsteriskProgram, tmp_path: Path,
                                                         ports: PortBlock) -> None:
    carrier = FakeCarrier(b"486 Busy Here")
    way = await carrier.listen("127.0.0.5")
    plan = ours(tmp_path, ports, trunk=Trunk(("127.0.0.9",), way_out=way), nat=Nat("198.51.100.7", ("127.0.0.1/32",)))
    with contextlib.ExitStack() as stack:
        stack.callback(carrier.close)
        stack.enter_context(started(asterisk_tree, plan, tmp_path))
        await originate(plan, "PJSIP/uzak-a1201", "santral-bye")
        await until_async(lambda: bool(carrier.invites), what="the INVITE")
    message = carrier.invites[0][1].decode()
    assert "c=IN IP4 198.51.100.7" in message
    assert re.search(r"^Contact: <sip:[^@]+@198\.51\.100\.7:", message, re.MULTILINE)
