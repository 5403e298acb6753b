"""Hand out the secrets of this machine once, over TLS, to the machine that knows the code.

    joining machine                                   this machine
    <── certificate, whose fingerprint is in the code
    {"version", "proof"} ──>
                               <── {"version", "files"}, or {"refused", "version"}
    {"joined": true} ──>       the code is used up

A line of JSON is one message.
"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from santral.cluster.certificate import CODE_S, JoinCertificate
from santral.cluster.join_code import JoinCode
from santral.cluster.secret_files import Files
from santral.errors import AddressTaken, SantralError

WRONG_MAX = 5
"""Wrong codes after which nobody may join. A person has the right one, so somebody else tries."""

WRONG_PAUSE_S = 1.0
"""Pause before the answer to a wrong code."""

ANSWER_S = 10.0
"""Longest wait for a message of the joining machine, which writes some files meanwhile."""

REQUEST_MAX = 4096
"""Most bytes of a message of the joining machine. One has about 120."""

FAREWELL_S = 0.5
"""Longest wait for connections at the end."""

CONNECTIONS_MAX = 32
"""Most connections at once. More are closed unheard, and one that says nothing is closed after `ANSWER_S`."""


class JoinServer:
    """The first machine, for the time of one code."""

    def __init__(self, files: Files, version: str, note: Callable[[str], None]) -> None:
        """`note` writes down who gets the secrets, before they leave."""
        self._files, self._version, self._note = files, version, note
        self._certificate = JoinCertificate()
        self.code = JoinCode.make_code(self._certificate.der)
        self._wrong = 0
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._turn = asyncio.Lock()
        self._end: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def serve_until_joined(self, host: str, port: int, listening: Callable[[int], None]) -> str:
        """Return the address of the machine that joined. `listening` hears the port.

        Raise `AddressTaken` if the address cannot be used, and SantralError if nobody joined in time or too many tried.
        """
        try:
            server = await asyncio.start_server(self._serve_connection, host, port, limit=REQUEST_MAX,
                                                ssl=self._certificate.server_context(), ssl_handshake_timeout=ANSWER_S,
                                                ssl_shutdown_timeout=FAREWELL_S)
        except OSError as error:
            raise AddressTaken(f"cluster init cannot listen on {host}:{port}: {error.strerror}. Name an address of "
                               "this machine, and a free port, by --listen") from error
        try:
            listening(server.sockets[0].getsockname()[1])
            async with asyncio.timeout(CODE_S):
                return await self._end
        except TimeoutError:
            raise SantralError(f"nobody joined within {CODE_S / 60:.0f} minutes, and the code is good no more. Begin "
                               "again") from None
        finally:
            server.close()
            await self._close_connections()

    async def _serve_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = writer
        try:
            if len(self._open) <= CONNECTIONS_MAX:
                async with asyncio.timeout(ANSWER_S):
                    asked = await _read_message(reader)
                # One at a time: the pause after a wrong code holds all others, too.
                async with self._turn:
                    if not self._end.done():
                        await self._answer_message(asked, reader, writer)
        except (OSError, ValueError, EOFError, asyncio.LimitOverrunError):
            # A broken connection or a message of another kind. The joining machine tells its person.
            pass
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            del self._open[task]

    async def _close_connections(self) -> None:
        """Let the last answer leave, and cut the connections that say nothing."""
        if self._open:
            await asyncio.wait(self._open, timeout=FAREWELL_S)
        for writer in self._open.values():
            writer.transport.abort()
        if self._open:
            await asyncio.wait(self._open, timeout=FAREWELL_S)

    async def _answer_message(self, asked: Mapping[str, Any], reader: asyncio.StreamReader,
                              writer: asyncio.StreamWriter) -> None:
        peer = str(writer.get_extra_info("peername")[0])
        # 1. Refuse a wrong code, slowly and not often.
        proof = str(asked.get("proof"))
        if not hmac.compare_digest(proof.encode(), self.code.prove_secret(self._certificate.der).encode()):
            self._wrong += 1
            await asyncio.sleep(WRONG_PAUSE_S)
            await _send_message(writer, {"refused": "code", "version": self._version})
            if self._wrong >= WRONG_MAX:
                self._end.set_exception(SantralError(
                    f"{WRONG_MAX} wrong codes came, the last from {peer}. Nobody got anything. Find out who tries, "
                    "then begin again"))
            return
        # 2. Refuse another version, which may have other files.
        if asked.get("version") != self._version:
            await _send_message(writer, {"refused": "version", "version": self._version})
            return
        # 3. Send the files. The code is used up when they are written there.
        try:
            self._note(peer)
        except Exception as error:
            self._end.set_exception(error)
            return
        async with asyncio.timeout(ANSWER_S):
            await _send_message(writer, {"version": self._version, "files": {
                name: base64.b64encode(content).decode("ascii") for name, content in self._files.items()}})
            if (await _read_message(reader)).get("joined") is True:
                self._end.set_result(peer)


async def _read_message(reader: asyncio.StreamReader) -> dict[str, Any]:
    """Return a message. Raise ValueError if it is none."""
    found = json.loads(await reader.readuntil(b"\n"))
    if not isinstance(found, dict):
        raise ValueError("a message is an object")
    return found


async def _send_message(writer: asyncio.StreamWriter, message: Mapping[str, Any]) -> None:
    writer.write(json.dumps(message).encode() + b"\n")
    await writer.drain()
