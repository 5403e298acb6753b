"""A network namespace that only forwards of single TCP ports leave, as a laptop behind `ssh -L` has it, and a browser.

Unix sockets pass between namespaces: one process inside listens on the ports, and this one connects to the real ones.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from lab.lifecycle import LabInfo
from tests.system.desk.chromium import FLAGS, MICROPHONE, PROGRAM, write_tone

ADDRESS, GATEWAY = "198.51.100.2", "198.51.100.1"
"""Addresses of documentation (RFC 5737). The browser looks for an interface; nothing answers there."""

_INSIDE = """
import asyncio, sys
async def pump(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()
async def main():
    def to(path):
        async def carry(reader, writer):
            far_reader, far_writer = await asyncio.open_unix_connection(path)
            await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        return carry
    for port in sys.argv[2:]:
        await asyncio.start_server(to(f"{sys.argv[1]}/{port}"), "127.0.0.1", int(port))
    print("ready", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


def forwarded_ports(info: LabInfo) -> tuple[int, int]:
    """Return the ports that a page of this lab needs: of the node and of the TURN relay."""
    turn = tomllib.loads(Path(info.settings).read_text(encoding="utf-8"))["turn"]["url"]
    return int(info.http.rpartition(":")[2]), int(turn.split(":")[2].partition("?")[0])


@asynccontextmanager
async def launch_browser(program: str, folder: Path) -> AsyncIterator[Browser]:
    """Yield a browser that only one test uses, such as one behind a tunnel. `folder` gets the sound of its microphone.
    """
    write_tone(folder / "microphone.wav", MICROPHONE)
    flags = [flag for flag in FLAGS if not flag.startswith(("--headless", "--remote"))]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=[
            *flags, f"--use-file-for-fake-audio-capture={folder / 'microphone.wav'}"])
        try:
            yield browser
        finally:
            await browser.close()


class NoNamespace(Exception):
    """This machine allows no network namespace. The message says what it answered."""


class Tunnel:
    """A namespace with the forwards of some ports."""

    def __init__(self, ports: Iterable[int]) -> None:
        self._ports = tuple(ports)
        self._name = f"santral-{os.getpid()}"
        self._folder = Path(tempfile.mkdtemp(prefix="tunnel-"))
        self._servers: list[asyncio.Server] = []
        self._inside: subprocess.Popen[str] | None = None
        self.browser = self._folder / "chromium"
        """Program that starts Chromium inside."""

    async def __aenter__(self) -> Tunnel:
        try:
            self._make_namespace()
            for port in self._ports:
                self._servers.append(await asyncio.start_unix_server(self._carrier(port), self._folder / str(port)))
            self._inside = subprocess.Popen(
                ["ip", "netns", "exec", self._name, sys.executable, "-c", _INSIDE, str(self._folder),
                 *map(str, self._ports)], stdout=subprocess.PIPE, text=True)
            assert self._inside.stdout is not None
            assert await asyncio.to_thread(self._inside.stdout.readline) == "ready\n"
            self.browser.write_text(f'#!/bin/sh\nexec ip netns exec {self._name} {PROGRAM} "$@"\n',
                                    encoding="ascii")
            self.browser.chmod(0o755)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        if self._inside is not None:
            self._inside.kill()
            self._inside.wait()
            if self._inside.stdout is not None:
                self._inside.stdout.close()
        subprocess.run(["ip", "netns", "del", self._name], capture_output=True, check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop what carries the bytes, as a network that has gone: connections stand, and nothing passes."""
        assert self._inside is not None
        self._inside.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._inside.send_signal(signal.SIGCONT)

    def _make_namespace(self) -> None:
        far = f"sf{os.getpid() % 100_000}"
        for command in (
            ["netns", "add", self._name], ["-n", self._name, "link", "set", "lo", "up"],
            ["link", "add", far, "type", "veth", "peer", "name", "near", "netns", self._name],
            ["link", "set", far, "up"], ["-n", self._name, "addr", "add", f"{ADDRESS}/24", "dev", "near"],
            ["-n", self._name, "link", "set", "near", "up"],
            ["-n", self._name, "route", "add", "default", "via", GATEWAY],
        ):
            try:
                done = subprocess.run(["ip", *command], capture_output=True, text=True, check=False)
            except FileNotFoundError:
                raise NoNamespace("there is no program `ip`: apt-get install iproute2") from None
            if done.returncode:
                raise NoNamespace(f"ip {' '.join(command)}: {done.stderr.strip()}")

    def _carrier(self, port: int):  # type: ignore[no-untyped-def]
        async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                writer.close()
                return
            await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

        return carry


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
