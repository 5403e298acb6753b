"""The operator's gateway for short messages: one POST each, and what its answer means.

The one distinction that counts is between what was certainly not taken, which may be tried again, and what may have
been: a caller gets a message late rather than twice, and rather none than two.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

import aiohttp

ANSWER_MAX = 4096
"""Bytes of an answer that are looked at."""
NOT_TAKEN = (429, 503)
"""Too many, or away: it says itself that it took nothing."""
SERVER_ERROR = 500
"""From here on nobody knows: a 502 or 504 of a proxy may come after the message was taken."""
NUMBERS = {"plus": 0, "digits": 1, "national": 3}
"""How the gateway wants a number -> characters of `+905…` that are left out."""


class Result(StrEnum):
    """What became of a POST."""

    SENT = "sent"
    NOT_NOW = "not now"
    """Certainly not taken, and worth another try: nobody listens, no trusted certificate, 429, 503."""
    REFUSED = "refused"
    """Certainly not taken, and it will not be."""
    UNSURE = "unsure"
    """It was asked for, and nobody knows."""


class Answer(NamedTuple):
    """For the outbox and for the person who tries the gateway."""

    result: Result
    why: str = ""
    """What was wrong, never with a number in it."""
    status: int = 0
    words: str = ""
    """The beginning of the gateway's answer; it may hold the number, so no log has it."""


class Plan(NamedTuple):
    """How the gateway is asked."""

    url: str
    body: str
    """`json` or `form`."""
    number_field: str
    text_field: str
    number_form: str
    """A key of `NUMBERS`."""
    fields: Mapping[str, str | int | bool]
    """Sent as they are, secret ones among them."""
    headers: Mapping[str, str]
    accepted: str | None
    ca: str | None
    timeout_s: float

    def __repr__(self) -> str:
        return f"Plan({self.url!r})"


class Gateway:
    """Asks it. No redirect is followed, no cookie kept, no proxy of the environment used, no connection kept open: on
    one that the other side has closed meanwhile nobody knows what became of a message."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._accepted = re.compile(plan.accepted) if plan.accepted else None

    async def send(self, number: str, text: str) -> Answer:
        """One message to a number in E.164 of Türkiye. Never raises for what a gateway does."""
        plan = self._plan
        fields = {**plan.fields, plan.number_field: number[NUMBERS[plan.number_form]:], plan.text_field: text}
        try:
            context = await asyncio.to_thread(ssl.create_default_context, cafile=plan.ca)
            connector = aiohttp.TCPConnector(ssl=context, force_close=True)
            # Half of the time to connect: what then times out was asked for.
            timeout = aiohttp.ClientTimeout(total=plan.timeout_s, connect=plan.timeout_s / 2)
            async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False,
                                             cookie_jar=aiohttp.DummyCookieJar(), headers=plan.headers) as session:
                how = {"json": fields} if plan.body == "json" else {
                    "data": {name: str(value) for name, value in fields.items()}}
                async with session.post(plan.url, allow_redirects=False, **how) as response:
                    return await self._read(response)
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            return Answer(Result.NOT_NOW, _why(error))
        except (aiohttp.ClientError, TimeoutError) as error:
            return Answer(Result.UNSURE, _why(error))
        except (OSError, ValueError) as error:  # of the file of authorities, before anything was sent
            return Answer(Result.NOT_NOW, f"the authorities at [sms] ca cannot be used: {type(error).__name__}")

    async def _read(self, response: aiohttp.ClientResponse) -> Answer:
        status, body, whole = response.status, bytearray(), True
        try:
            while len(body) < ANSWER_MAX and (piece := await response.content.read(ANSWER_MAX - len(body))):
                body += piece
        except (aiohttp.ClientError, TimeoutError):
            whole = False
        words = bytes(body).decode("utf-8", "replace")
        if status in NOT_TAKEN:
            return Answer(Result.NOT_NOW, f"it answers {status}", status, words)
        if status >= SERVER_ERROR:
            return Answer(Result.UNSURE, f"it answers {status}", status, words)
        if not 200 <= status < 300:
            return Answer(Result.REFUSED, f"it answers {status}", status, words)
        if self._accepted is None or self._accepted.match(words):
            return Answer(Result.SENT, "", status, words)
        if not whole:
            return Answer(Result.UNSURE, "its answer ended early", status, words)
        return Answer(Result.REFUSED, "its answer does not begin as [sms] accepted has it", status, words)


def _why(error: Exception) -> str:
    """In a few words; texts of errors may hold anything."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not trusted: {error.certificate_error.args[-1]}"
        case aiohttp.ClientConnectorSSLError():
            return "it does not speak TLS as we do"
        case aiohttp.ClientConnectorError():
            return f"no connection: {error.os_error.strerror or type(error.os_error).__name__}"
        case TimeoutError():
            return "it does not answer in time"
        case _:
            return f"its answer is none ({type(error).__name__})"
