"""The lab's own AMI client for the telephone network: asyncio streams around the codec of `routing.ami`.

Santral's own link is a different client. This one may set global variables and reads every event. When the connection
is lost, every waiter fails at once and nothing is retried.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterable
from contextlib import suppress

from lab.errors import LabError
from routing.ami.wire import Decoder, Message, WireError

ANSWER_S = 30.0
"""Limit for an answer. Asterisk answers an action in milliseconds; a machine under full load in seconds."""
READ_BYTES = 65_536

Field = tuple[str, str]


class AmiError(LabError):
    """Raised when the lab's telephone network refused an action or is gone."""


class AmiClient:
    """One session. It calls `on_event` with every event, in order."""

    def __init__(self, on_event: Callable[[Message], None] = lambda message: None) -> None:
        self._on_event = on_event
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self._numbers = itertools.count(1)
        self._waiting: dict[str, asyncio.Future[Message]] = {}
        self._lists: dict[str, list[Message]] = {}

    async def connect_to(self, port: int, user: str, secret: str) -> None:
        """Connect to 127.0.0.1 and log in. Raise AmiError if the login is refused."""
        reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self._task = asyncio.create_task(self._read_messages(reader), name=f"lab.ami[{port}]")
        await self.send_action("Login", ("Username", user), ("Secret", secret))

    async def close(self) -> None:
        """End the session. All waiters fail."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._writer is not None:
            self._writer.close()
            with suppress(OSError):
                await self._writer.wait_closed()
            self._writer = None

    @property
    def connected(self) -> bool:
        """Whether the session is alive."""
        return self._task is not None and not self._task.done()

    async def wait_lost(self) -> None:
        """Wait until the session has ended."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def send_action(self, name: str, *fields: Field) -> Message:
        """Send an action and return its response. Raise AmiError if the response is an error."""
        response, _ = await self._send_and_wait(name, fields, collect=False)
        return response

    async def fetch_list(self, name: str, *fields: Field) -> list[Message]:
        """Send an action that Asterisk answers with a list, and return the items."""
        return (await self._send_and_wait(name, fields, collect=True))[1]

    async def _send_and_wait(self, name: str, fields: Iterable[Field], collect: bool) -> tuple[Message, list[Message]]:
        if self._writer is None or not self.connected:
            raise AmiError("the lab's telephone network is not connected any more")
        # 1. Register the waiter before sending: the answer may come at once.
        number = f"lab{next(self._numbers)}"
        future: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        items: list[Message] = []
        if collect:
            self._lists[number] = items
        # 2. Send and wait. A late answer finds no waiter and is dropped.
        try:
            self._writer.write(_encode_action(name, number, fields))
            response = await asyncio.wait_for(future, ANSWER_S)
        except TimeoutError as error:
            raise AmiError(f"the lab's telephone network did not answer {name} within {ANSWER_S:.0f} s") from error
        finally:
            self._waiting.pop(number, None)
            self._lists.pop(number, None)
        # 3. An error is a refusal. The last item of a list is an event and carries no response.
        if not response.ok and not response.is_event:
            raise AmiError(f"the lab's telephone network refused {name}: {response.get('Message')}")
        return response, items

    async def _read_messages(self, reader: asyncio.StreamReader) -> None:
        decoder = Decoder()
        try:
            while data := await reader.read(READ_BYTES):
                for message in decoder.feed(data):
                    self._handle_message(message)
        except (OSError, WireError):
            pass
        finally:
            # Nobody else would ever wake the waiters of a lost connection.
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(AmiError("the lab's telephone network ended"))
                    future.exception()  # marks it as seen: a cancelled waiter does not fetch it

    def _handle_message(self, message: Message) -> None:
        number = message.get("ActionID")
        if not message.is_event:
            future = self._waiting.get(number)
            # A list ends with its last item, except when Asterisk refuses the action.
            if future is not None and not future.done() and (number not in self._lists or not message.ok):
                future.set_result(message)
            return
        items = self._lists.get(number)
        if items is None:
            self._on_event(message)
        elif message.get("EventList") == "Complete":
            if not self._waiting[number].done():
                self._waiting[number].set_result(message)
        else:
            items.append(message)


def _encode_action(name: str, number: str, fields: Iterable[Field]) -> bytes:
    lines = [f"Action: {name}", f"ActionID: {number}"]
    for header, value in fields:
        # A line break in a value would begin another header, or another action.
        if any(char in value for char in "\r\n\0"):
            raise AmiError(f"{name}: the value of {header} holds a line break")
        lines.append(f"{header}: {value}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
