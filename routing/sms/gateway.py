"""Send short messages to the operator's gateway by one POST each, and read its answer.

One distinction counts. A message that was certainly not taken may be tried again, and one that may have been taken is
never repeated. A caller gets a message late rather than twice, and rather none than two.
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
"""Bytes of an answer that are read."""
NOT_TAKEN = (429, 503)
"""Too many requests, or away: the gateway itself says that it took nothing."""
SERVER_ERROR = 500
"""From this status on the outcome is unknown: a 502 or 504 of a proxy may come after the message was taken."""
NUMBER_FORMS = {"plus": 0, "digits": 1, "national": 3}
"""From the form of the number that the gateway wants to the characters of `+905…` that are left out."""


class SendResult(StrEnum):
    """Outcome of a POST."""

    SENT = "sent"
    NOT_NOW = "not now"
    """Certainly not taken, and worth another try: no connection, no trusted certificate, 429 or 503."""
    REFUSED = "refused"
    """Certainly not taken, and useless to repeat."""
    UNSURE = "unsure"
    """The request was sent, and the outcome is unknown."""


class GatewayAnswer(NamedTuple):
    """Answer for the outbox and for the person who tests the gateway."""

    result: SendResult
    why: str = ""
    """The fault, never with a number in it."""
    status: int = 0
    words: str = ""
    """The beginning of the gateway's answer. It may hold the number, so no log has it."""


class GatewayPlan(NamedTuple):
    """Settings of the gateway."""

    url: str
    body: str
    """`json` or `form`."""
    number_field: str
    text_field: str
    number_form: str
    """A key of `NUMBER_FORMS`."""
    fields: Mapping[str, str | int | bool]
    """Fields that are sent as they are, secret ones among them."""
    headers: Mapping[str, str]
    accepted: str | None
    ca: str | None
    timeout_s: float

    def __repr__(self) -> str:
        return f"Plan({self.url!r})"


class SmsGateway:
    """Send messages to the gateway.

    Redirects, cookies and the proxy of the environment are ignored. No connection is kept open: if the other side has
    closed it meanwhile, the fate of a message is unknown.
    """

    def __init__(self, plan: GatewayPlan) -> None:
        self._plan = plan
        self._accepted = re.compile(plan.accepted) if plan.accepted else None

    async def send_message(self, number: str, text: str) -> GatewayAnswer:
        """Send one message to a number of Türkiye in E.164. Never raise for what a gateway does."""
        plan = self._plan
        # 1. Build the request with the operator's authorities.
        fields = {**plan.fields, plan.number_field: number[NUMBER_FORMS[plan.number_form]:], plan.text_field: text}
        try:
            context = await asyncio.to_thread(ssl.create_default_context, cafile=plan.ca)
            connector = aiohttp.TCPConnector(ssl=context, force_close=True)
            # 2. Half of the time is for the connection. A later time-out means that the request was sent.
            timeout = aiohttp.ClientTimeout(total=plan.timeout_s, connect=plan.timeout_s / 2)
            async with aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False,
                                             cookie_jar=aiohttp.DummyCookieJar(), headers=plan.headers) as session:
                how = {"json": fields} if plan.body == "json" else {
                    "data": {name: str(value) for name, value in fields.items()}}
                async with session.post(plan.url, allow_redirects=False, **how) as response:
                    return await self._read_answer(response)
        # 3. Without a connection nothing was sent. After it, nobody knows.
        except (aiohttp.ConnectionTimeoutError, aiohttp.ClientConnectorError) as error:
            return GatewayAnswer(SendResult.NOT_NOW, _failure_reason(error))
        except (aiohttp.ClientError, TimeoutError) as error:
            return GatewayAnswer(SendResult.UNSURE, _failure_reason(error))
        except (OSError, ValueError) as error:
            # The file of authorities, before anything was sent.
            return GatewayAnswer(SendResult.NOT_NOW,
                                 f"the authorities at [sms] ca cannot be used: {type(error).__name__}")

    async def _read_answer(self, response: aiohttp.ClientResponse) -> GatewayAnswer:
        status, body, whole = response.status, bytearray(), True
        # 1. Read a bounded part of the answer.
        try:
            while len(body) < ANSWER_MAX and (piece := await response.content.read(ANSWER_MAX - len(body))):
                body += piece
        except (aiohttp.ClientError, TimeoutError):
            whole = False
        words = bytes(body).decode("utf-8", "replace")
        # 2. The status decides first, then the words that the operator expects.
        if status in NOT_TAKEN:
            return GatewayAnswer(SendResult.NOT_NOW, f"it answers {status}", status, words)
        if status >= SERVER_ERROR:
            return GatewayAnswer(SendResult.UNSURE, f"it answers {status}", status, words)
        if not 200 <= status < 300:
            return GatewayAnswer(SendResult.REFUSED, f"it answers {status}", status, words)
        if self._accepted is None or self._accepted.match(words):
            return GatewayAnswer(SendResult.SENT, "", status, words)
        if not whole:
            return GatewayAnswer(SendResult.UNSURE, "its answer ended early", status, words)
        return GatewayAnswer(SendResult.REFUSED, "its answer does not begin as [sms] accepted has it", status, words)


def _failure_reason(error: Exception) -> str:
    """Describe an error in a few words of our own choice: the text of an error may hold anything."""
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
            return f"its answer is not valid ({type(error).__name__})"
