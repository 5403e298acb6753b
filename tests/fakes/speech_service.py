"""A speech service over a real socket. It speaks with espeak-ng, and has every fault that its client may meet."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from prompts.audio.voices import Espeak

Do = Callable[[BaseHTTPRequestHandler, dict[str, Any]], None]


def speak(text: str) -> bytes:
    """The WAV of espeak-ng."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        Espeak("tr").speak_text(text, path, 1.0)
        return path.read_bytes()


def says(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    """The words that were asked for."""
    send(handler, speak(asked.get("input") or asked["text"]))


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200, length: int | None = None,
         **headers: str) -> None:
    """`length`: another one than the answer has."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body) if length is None else length))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)
    handler.close_connection = True


def answer(body: bytes, status: int = 200, length: int | None = None, **headers: str) -> Do:
    """Always the same."""
    return lambda handler, asked: send(handler, body, status, length, **headers)


def cut_off(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    """In the middle of the sound."""
    body = speak(asked.get("input") or asked["text"])
    send(handler, body[:len(body) // 2], length=len(body))


def short_of_its_header(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    """A whole answer of HTTP, but half of the WAV."""
    body = speak(asked.get("input") or asked["text"])
    send(handler, body[:len(body) // 2])


def streamed(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    """As OpenAI's: the length is unknown when the sound begins."""
    body = bytearray(speak(asked.get("input") or asked["text"]))
    body[4:8] = body[40:44] = b"\xff\xff\xff\xff"
    send(handler, bytes(body))


def late(handler: BaseHTTPRequestHandler, asked: dict[str, Any]) -> None:
    """A byte now and then, so that no limit of a single read is reached."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(100):
        handler.wfile.write(b"R")
        time.sleep(0.1)


class FakeSpeech:
    """`does` is what it does next, in turn; the last one for ever. `asked` and `keys`: what it was given."""

    def __init__(self, *does: Do) -> None:
        self.does = list(does) or [says]
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.url = ""
        self.die_after: int | None = None
        """Number of answers after which it is away."""


@contextmanager
def speech_service(*does: Do) -> Iterator[FakeSpeech]:
    """One that listens."""
    fake = FakeSpeech(*does)
    guard = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with guard:
                if fake.die_after is not None and len(fake.asked) >= fake.die_after:
                    # As a killed process: no word, and nobody at the port.
                    self.close_connection = True
                    server.shutdown()
                    server.server_close()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                fake.asked.append(asked)
                fake.keys.append(self.headers["Authorization"])
                do = fake.does.pop(0) if len(fake.does) > 1 else fake.does[0]
            try:
                do(self, asked)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *words: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *words: object) -> None:
            """A client that left is no error of ours."""

    server = Server(("127.0.0.1", 0), Handler)
    fake.url = f"http://127.0.0.1:{server.server_address[1]}/v1/audio/speech"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield fake
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
