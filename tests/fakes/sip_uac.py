"""A telephone of raw bytes: says in SIP whatever a test wants, hostile or not, and keeps its dialogues honest (ACK,
BYE, digest, answers to OPTIONS). One UDP socket for SIP and one for sound, at an address of 127.0.0.0/8.

    async with telephone("127.0.0.1:5060") as phone:
        call = await phone.call(b"4440632", caller=b'"\\x1b[2J" <sip:x@127.0.0.1>')
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import itertools
import math
import re
import secrets
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import cast

FIRST_S = 0.5
"""Time until a request is repeated (T1 of RFC 3261), doubled each time."""
ANSWER_S = 15.0
"""A request without a final answer for this long was ignored. Asterisk answers in milliseconds, and in seconds on
a busy machine."""
RINGS_S = 60.0
SILENCE_EVERY_S = 0.5
"""Between two packets of a phone that says nothing. Asterisk takes a phone for lost after 15 s without one."""
EVENT_PT = 101
KEYS = "0123456789*#"


@dataclass(eq=False)
class Dialogue:
    """One call as this end sees it."""

    phone: Telephone
    call_id: bytes
    local: bytes
    remote: bytes
    target: bytes
    """Where requests within the dialogue go: the URI of the other end's Contact."""
    status: int = 0
    """Final answer to the INVITE, or 0 without one. 200 for a call that rang here and was answered."""
    cseq: int = 1
    offers: int = 1
    """Versions of the session description."""
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    wanted: bool = True
    """False if nobody waits for the call any more. A late answer is then hung up at once."""
    media_to: tuple[str, int] | None = None
    held: bool = False
    """Whether this end has put the other one on hold."""

    async def request(self, method: bytes, more: bytes = b"", body: bytes = b"") -> int:
        """Send a request within the dialogue. Return its final status, or 0 without one."""
        self.cseq += 1
        head = (b"From: " + self.local + b"\r\nTo: " + self.remote + b"\r\n" + more)
        answer = await self.phone.exchange(method, self.target, self.call_id, self.cseq, head, body)
        return answer.status if answer else 0

    async def bye(self) -> None:
        """Hang up. Do nothing if the call is over."""
        if self.status == 200 and not self.ended.is_set():
            self.ended.set()
            await self.request(b"BYE")

    async def hold(self, on: bool = True) -> int:
        """Press the hold key of a telephone, or press it again: another INVITE (RFC 3264, 8.4). Return its final
        status."""
        self.offers += 1
        self.held = on
        body = self.phone.offer().replace(b"o=- 1 1", b"o=- 1 %d" % self.offers)
        body += b"a=sendonly\r\n" if on else b"a=sendrecv\r\n"
        contact = b"Contact: <sip:phone@" + self.phone.place + b">\r\nContent-Type: application/sdp\r\n"
        return await self.request(b"INVITE", contact, body)

    async def refer(self, to: Dialogue) -> int:
        """Press the transfer key of a telephone with two lines, which joins the other ends of both (RFC 3891, RFC
        5589). Return the final status of the REFER; NOTIFY tells the result."""
        tags = [side.partition(b";tag=")[2].partition(b";")[0] for side in (to.remote, to.local)]
        replaces = b"%b%%3Bto-tag%%3D%b%%3Bfrom-tag%%3D%b" % (to.call_id.replace(b"@", b"%40"), *tags)
        me = b"<sip:phone@" + self.phone.place + b">"
        return await self.request(b"REFER", b"Refer-To: <sip:x@127.0.0.1?Replaces=" + replaces + b">\r\nContact: "
                                  + me + b"\r\n")

    async def speak(self, seconds: float) -> None:
        """Send a tone of 1000 Hz for this long."""
        for _ in range(round(seconds / 0.02)):
            if self.media_to is not None:
                self.phone.speak(self.media_to)
            # A packet holds 20 ms of sound, and a telephone sends them at the pace of speech.
            await asyncio.sleep(0.02)

    async def press(self, key: str) -> None:
        """Press a key for 100 ms, by RFC 4733 if the telephone has that, else as two tones in the sound."""
        if self.media_to is None:
            return
        if not self.phone.tones:
            self.phone.press(key, self.media_to)
            return
        for number in range(15):  # 200 ms of rest behind it
            self.phone.play(_tones(key, number) if number < 5 else b"\xd5" * 160, self.media_to)
            # The tones keep the pace of sound, or Asterisk would hear no key.
            await asyncio.sleep(0.02)


@dataclass
class Answer:
    """A response."""

    status: int
    raw: bytes

    def header(self, name: bytes) -> bytes:
        return header(self.raw, name)


def header(raw: bytes, name: bytes) -> bytes:
    """Return the first header of this name, or b""."""
    found = re.search(rb"^" + re.escape(name) + rb"[ \t]*:[ \t]*(.*?)\r$", raw, re.MULTILINE | re.IGNORECASE)
    return bytes(found[1]) if found else b""


def uri(value: bytes) -> bytes:
    """Return the text in the angle brackets of a Contact."""
    found = re.search(rb"<([^>]*)>", value)
    return found[1] if found else value.partition(b";")[0]


class _Sound(asyncio.DatagramProtocol):
    """Counts incoming packets, to know that the other end speaks."""

    def __init__(self) -> None:
        self.transport: asyncio.DatagramTransport
        self.heard: dict[tuple[str, int], int] = {}

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)  # its class says so since Python 3.12 only

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.heard[addr] = self.heard.get(addr, 0) + 1


class Telephone(asyncio.DatagramProtocol):
    """Many calls at once. With `tones` it lacks RFC 4733, and keys are tones in its sound. With `early_s` it sends 183
    with sound for this long before it answers, and never 180."""

    def __init__(self, target: str, *, tones: bool = False, early_s: float = 0.0) -> None:
        self.tones, self.early_s = tones, early_s
        self.acknowledges = True
        """False: a refusal of a call gets no ACK, so the other end repeats it."""
        host, _, port = target.rpartition(":")
        self.server = (host, int(port))
        self.transport: asyncio.DatagramTransport
        self.sound = _Sound()
        self.rung: asyncio.Queue[Dialogue] = asyncio.Queue()
        """Calls that rang here. They are answered at once."""
        self.dialogues: dict[bytes, Dialogue] = {}
        self._answers: dict[tuple[bytes, bytes], asyncio.Queue[Answer]] = {}
        self._numbers = itertools.count(1)
        self._tag = secrets.token_hex(4).encode()
        self._login = (b"", b"")
        self._nonces = itertools.count(1)
        self._stamp = itertools.count(1000, 8000)
        self._sequence = itertools.count(1)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)  # its class says so since Python 3.12 only

    @property
    def place(self) -> bytes:
        """host:port of this telephone."""
        host, port = self.transport.get_extra_info("sockname")[:2]
        return f"{host}:{port}".encode()

    def raw(self, data: bytes) -> None:
        """Send these bytes as they are."""
        self.transport.sendto(data, self.server)

    async def rings(self, limit: float = RINGS_S) -> Dialogue:
        """Return the next call that rings here, answered already. Raise TimeoutError with an explanation."""
        try:
            return await asyncio.wait_for(self.rung.get(), limit)
        except TimeoutError:
            raise TimeoutError(f"no call rang at {self.place.decode()} within {limit:.0f} s") from None

    # -- calling --------------------------------------------------------------------------------------------------

    async def call(self, number: bytes, *, caller: bytes = b"<sip:05320000000@127.0.0.1>", more: bytes = b"",
                   contact: bytes = b"", call_id: bytes = b"", to: bytes | None = None, sdp: bytes = b"-",
                   limit: float = ANSWER_S, uri: bytes | None = None) -> Dialogue:
        """Dial. `more`: further header lines; `sdp`: the name of the session; `call_id`: what is added to ours.

        `uri` is a whole target. Returns with the final answer, or without one when none came within `limit`.
        """
        token = self._tag + b"-%d-" % next(self._numbers)
        target = uri or b"sip:" + number + b"@" + self.server[0].encode() + b":%d" % self.server[1]
        local = caller + b";tag=" + self._tag
        remote = b"<" + (target if to is None else to) + b">"
        dialogue = Dialogue(self, token + call_id, local, remote, target)
        self.dialogues[token] = dialogue
        head = (b"From: " + local + b"\r\nTo: " + remote + b"\r\nContact: "
                + (contact or b"<sip:caller@" + self.place + b">") + b"\r\nContent-Type: application/sdp\r\n" + more)
        body = self.offer(sdp)
        answer = await self.exchange(b"INVITE", target, dialogue.call_id, 1, head, body, limit)
        if answer is not None and answer.status in (401, 407) and self._login[0]:
            dialogue.cseq = 2
            more = self._digest(b"INVITE", target, answer)
            answer = await self.exchange(b"INVITE", target, dialogue.call_id, 2, head + more, body, limit)
        if answer is None:
            dialogue.wanted = False
            return dialogue
        self._settle(dialogue, answer)
        return dialogue

    def _settle(self, dialogue: Dialogue, answer: Answer) -> None:
        dialogue.status = answer.status
        dialogue.remote = answer.header(b"To") or dialogue.remote
        dialogue.target = uri(answer.header(b"Contact")) or dialogue.target
        dialogue.media_to = _media(answer.raw)

    def offer(self, name: bytes = b"-") -> bytes:
        """Our description of sound: A-law and keys."""
        where: tuple[str, int] = self.sound.transport.get_extra_info("sockname")
        host, port = where
        if self.tones:
            return (b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=" + name + b"\r\nc=IN IP4 " + host.encode()
                    + b"\r\nt=0 0\r\nm=audio %d RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n" % port)
        return (b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=" + name + b"\r\nc=IN IP4 " + host.encode() + b"\r\nt=0 0\r\n"
                b"m=audio %d RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
                b"a=fmtp:101 0-15\r\n" % port)

    async def register(self, seat: str, secret: str, expires: int = 300) -> int:
        """Register as a phone; the final status. From now on challenges are answered with this secret."""
        self._login = (seat.encode(), secret.encode())
        target = b"sip:" + self.server[0].encode() + b":%d" % self.server[1]
        me = b"<sip:" + seat.encode() + b"@" + self.server[0].encode() + b">"
        call_id = self._tag + b"-%d-reg" % next(self._numbers)
        head = (b"From: " + me + b";tag=" + self._tag + b"\r\nTo: " + me + b"\r\nContact: <sip:" + seat.encode() + b"@"
                + self.place + b">\r\nExpires: %d\r\n" % expires)
        answer = await self.exchange(b"REGISTER", target, call_id, 1, head)
        if answer is not None and answer.status == 401:
            answer = await self.exchange(b"REGISTER", target, call_id, 2,
                                         head + self._digest(b"REGISTER", target, answer))
        return answer.status if answer else 0

    async def ask(self, method: bytes, user: bytes, *, caller: bytes, more: bytes = b"") -> Answer | None:
        """A request outside of any dialogue; None when it was ignored."""
        target = b"sip:" + user + b"@" + self.server[0].encode() + b":%d" % self.server[1]
        head = (b"From: " + caller + b";tag=" + self._tag + b"\r\nTo: <" + target + b">\r\nContact: <sip:x@"
                + self.place + b">\r\n" + more)
        return await self.exchange(method, target, self._tag + b"-%d-ask" % next(self._numbers), 1, head)

    async def exchange(self, method: bytes, target: bytes, call_id: bytes, cseq: int, head: bytes, body: bytes = b"",
                       limit: float = ANSWER_S) -> Answer | None:
        """Send a request until a final answer comes. An INVITE's is acknowledged."""
        token = b"-".join(call_id.split(b"-")[:2]) + b"-"
        branch = b"z9hG4bK" + secrets.token_hex(6).encode()

        def lines(verb: bytes, rest: bytes, content: bytes) -> bytes:
            return (verb + b" " + target + b" SIP/2.0\r\nVia: SIP/2.0/UDP " + self.place + b";rport;branch=" + branch
                    + b"\r\nCall-ID: " + call_id + b"\r\nCSeq: %d " % cseq + verb + b"\r\nMax-Forwards: 70\r\n" + rest
                    + b"Content-Length: %d\r\n\r\n" % len(content) + content)

        queue = self._answers[token, b"%d " % cseq + method] = asyncio.Queue()
        message, rest = lines(method, head, body), FIRST_S
        loop = asyncio.get_running_loop()
        end = loop.time() + limit
        try:
            while loop.time() < end:
                self.raw(message)
                with contextlib.suppress(TimeoutError):
                    answer = await self._final(queue, min(rest, max(0.0, end - loop.time())), end)
                    challenged = answer.status in (401, 407)
                    if method == b"INVITE" and answer.status != 200 and (self.acknowledges or challenged):
                        to = answer.header(b"To")
                        self.raw(lines(b"ACK", _acknowledged(head, to), b""))
                    return answer
                rest *= 2
        finally:
            del self._answers[token, b"%d " % cseq + method]
        return None

    @staticmethod
    async def _final(queue: asyncio.Queue[Answer], first: float, end: float) -> Answer:
        """Return the final answer. After a provisional answer wait until `end`."""
        limit = first
        while True:
            answer = await asyncio.wait_for(queue.get(), limit)
            if answer.status >= 200:
                return answer
            limit = max(0.0, end - asyncio.get_running_loop().time())

    def _digest(self, method: bytes, target: bytes, asked: Answer) -> bytes:
        user, secret = self._login
        said = asked.header(b"WWW-Authenticate") or asked.header(b"Proxy-Authenticate")
        value = {name: found[1] for name in (b"realm", b"nonce", b"opaque")
                 if (found := re.search(name + rb'="([^"]*)"', said))}

        def md5(*parts: bytes) -> bytes:
            return hashlib.md5(b":".join(parts), usedforsecurity=False).hexdigest().encode()

        response = md5(md5(user, value[b"realm"], secret), value[b"nonce"], b"00000001", b"cafe", b"auth",
                       md5(method, target))
        return (b'Authorization: Digest username="' + user + b'", realm="' + value[b"realm"] + b'", nonce="'
                + value[b"nonce"] + b'", uri="' + target + b'", response="' + response + b'", algorithm=MD5, '
                b'cnonce="cafe", qop=auth, nc=00000001, opaque="' + value.get(b"opaque", b"") + b'"\r\n')

    # -- what comes -----------------------------------------------------------------------------------------------

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        token = b"-".join(header(data, b"Call-ID").split(b"-")[:2]) + b"-"
        if not data.startswith(b"SIP/2.0 "):
            self._asked(data, addr)
            return
        answer = Answer(int(data[8:11]), data)
        cseq = b" ".join(header(data, b"CSeq").split())
        dialogue = self.dialogues.get(token) or self.dialogues.get(header(data, b"Call-ID"))
        if cseq.endswith(b"INVITE") and answer.status == 200:
            raw = Dialogue(self, answer.header(b"Call-ID"), answer.header(b"From"), b"", b"", wanted=False)
            self._acknowledge(dialogue or raw, answer, cseq)
        queue = self._answers.get((token, cseq))
        if queue is not None:
            queue.put_nowait(answer)

    def _acknowledge(self, dialogue: Dialogue, answer: Answer, cseq: bytes) -> None:
        """Acknowledge each 200 of an INVITE, also a repeated one. Hang up a call that nobody waits for."""
        target = uri(answer.header(b"Contact")) or dialogue.target
        for method, number in ((b"ACK", cseq.split()[0]), (b"BYE", b"9"))[: 1 if dialogue.wanted else 2]:
            self.raw(method + b" " + target + b" SIP/2.0\r\nVia: SIP/2.0/UDP " + self.place + b";rport;branch=z9hG4bK"
                     + secrets.token_hex(6).encode() + b"\r\nFrom: " + dialogue.local + b"\r\nTo: "
                     + answer.header(b"To") + b"\r\nCall-ID: " + dialogue.call_id + b"\r\nCSeq: " + number + b" "
                     + method
                     + b"\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")

    def _asked(self, data: bytes, addr: tuple[str, int]) -> None:
        method = data.split(b" ", 1)[0]
        call_id = header(data, b"Call-ID")
        if method == b"BYE":
            for dialogue in self.dialogues.values():
                if dialogue.call_id == call_id:
                    dialogue.ended.set()
        if method == b"INVITE" and call_id not in self.dialogues:
            me = header(data, b"To") + b";tag=" + self._tag
            dialogue = Dialogue(self, call_id, me, header(data, b"From"), uri(header(data, b"Contact")), 200,
                                media_to=_media(data))
            self.dialogues[call_id] = dialogue
            self.rung.put_nowait(dialogue)
        if method == b"INVITE" and self.early_s and b"tag=" not in header(data, b"To"):
            self._reply(data, addr, self.offer(), b"183 Session Progress")
            asyncio.get_running_loop().call_later(self.early_s, self._reply, data, addr, self.offer())
        elif method == b"INVITE":
            self._reply(data, addr, self.offer())
        elif method != b"ACK":
            self._reply(data, addr)

    def _reply(self, asked: bytes, addr: tuple[str, int], body: bytes = b"", status: bytes = b"200 OK") -> None:
        kept = re.findall(rb"^(?:Via|From|Call-ID|CSeq)[ \t]*:.*?\r\n", asked, re.MULTILINE | re.IGNORECASE)
        to = header(asked, b"To")
        to = to if b"tag=" in to else to + b";tag=" + self._tag
        kind = b"Content-Type: application/sdp\r\n" if body else b""
        self.transport.sendto(b"SIP/2.0 " + status + b"\r\n" + b"".join(kept) + b"To: " + to
                              + b"\r\nContact: <sip:phone@" + self.place + b">\r\n" + kind
                              + b"Content-Length: %d\r\n\r\n" % len(body) + body, addr)

    # -- sound ----------------------------------------------------------------------------------------------------

    async def send_silence(self) -> None:
        """Send a packet of silence in each talk now and then, but for those on hold, until cancelled."""
        while True:
            for one in self.dialogues.values():
                if one.status == 200 and not one.ended.is_set() and not one.held and one.media_to is not None:
                    self.play(b"\xd5" * 160, one.media_to)
            await asyncio.sleep(SILENCE_EVERY_S)

    def hears(self, dialogue: Dialogue) -> bool:
        """Whether the other end has sent sound."""
        return dialogue.media_to is not None and self.sound.heard.get(dialogue.media_to, 0) > 0

    def speak(self, to: tuple[str, int]) -> None:
        """20 ms of 1000 Hz in A-law, a square wave: 4 samples up, 4 down."""
        self.play((b"\x84" * 4 + b"\x04" * 4) * 20, to)

    def play(self, samples: bytes, to: tuple[str, int]) -> None:
        """20 ms of sound in A-law."""
        number = next(self._sequence)
        self.sound.transport.sendto(struct.pack("!BBHII", 0x80, 8, number & 0xFFFF, number * 160, 0x5A5A) + samples, to)

    def press(self, key: str, to: tuple[str, int]) -> None:
        """RFC 4733: three packets of a key that is held, three of its end."""
        stamp = next(self._stamp)
        for number, duration in enumerate((160, 320, 640, 800, 800, 800)):
            end = 0x80 if number >= 3 else 0
            self.sound.transport.sendto(
                struct.pack("!BBHII", 0x80, EVENT_PT | (0x80 if number == 0 else 0), next(self._sequence) & 0xFFFF,
                            stamp, 0x5A5A) + struct.pack("!BBH", KEYS.index(key), end | 10, duration), to)


def _tones(key: str, number: int) -> bytes:
    """The 20 ms of a key that come as such: two tones (ITU-T Q.23) in A-law (G.711)."""
    row, column = divmod("123456789*0#".index(key), 3)
    found = bytearray()
    for at in range(number * 160, number * 160 + 160):
        value = sum(6000.0 * math.sin(2 * math.pi * hertz * at / 8000)
                    for hertz in ((697, 770, 852, 941)[row], (1209, 1336, 1477)[column]))
        size = int(abs(value)) >> 3
        power = max(0, size.bit_length() - 5)
        found.append((power << 4 | (size >> max(power, 1) & 0x0F) | (0x80 if value >= 0 else 0)) ^ 0x55)
    return bytes(found)


def _media(raw: bytes) -> tuple[str, int] | None:
    where = re.search(rb"^c=IN IP4 (\S+)", raw, re.MULTILINE)
    port = re.search(rb"^m=audio (\d+)", raw, re.MULTILINE)
    return (where[1].decode("ascii"), int(port[1])) if where and port else None


def _acknowledged(head: bytes, to: bytes) -> bytes:
    """The headers of an INVITE for the ACK of its refusal."""
    kept = re.sub(rb"^To: .*?\r\n", lambda _: b"To: " + to + b"\r\n", head, flags=re.MULTILINE)
    return kept.replace(b"Content-Type: application/sdp\r\n", b"")


@contextlib.asynccontextmanager
async def telephone(target: str, host: str = "127.0.0.1", *, tones: bool = False, early_s: float = 0.0,
                    mute: bool = False) -> AsyncIterator[Telephone]:
    """Yield a telephone at a separate address. At the end all its calls are hung up.

    A mute one sends no packet of sound by itself, as a phone that was lost. Silence would cut the keys of `tones`.
    """
    loop = asyncio.get_running_loop()
    phone = Telephone(target, tones=tones, early_s=early_s)
    await loop.create_datagram_endpoint(lambda: phone.sound, local_addr=(host, 0))
    await loop.create_datagram_endpoint(lambda: phone, local_addr=(host, 0))
    silence = None if mute or tones else asyncio.create_task(phone.send_silence(), name=f"silence[{host}]")
    try:
        yield phone
    finally:
        if silence is not None:
            silence.cancel()
        await asyncio.gather(*(one.bye() for one in phone.dialogues.values()))
        phone.transport.close()
        phone.sound.transport.close()
