"""Send the short messages that callers ask for in a call, each at most once.

A message is accepted at once and sent during the call. The rows are the outbox (`routing.store.sms_messages`). So a
message survives a restart, and nothing of it is in memory.

A message is marked as being sent before it leaves, so whatever fails in between, no caller gets it twice. Only a
message that the gateway has certainly not taken is tried again, until it expires. The number is decrypted at the last
moment and is in no log.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import structlog

from routing.core.backoff import wait_after
from routing.sms.gateway import GatewayAnswer, SendResult, SmsGateway
from routing.store import sms_messages
from routing.store.audit import Audit
from routing.store.errors import StoreError
from routing.store.sms_messages import RequestedMessage, RequestVerdict, SmsMessage
from routing.store.store import Store

PARALLEL_MAX = 4
"""Messages under way.

A gateway that takes seconds for each still gets one a second, and is not flooded after an outage.
"""
BACKOFF_FIRST_S, BACKOFF_MAX_S = 5.0, 120.0
"""Waits between two tries of a message, doubled. A gateway that is back gets it within two minutes."""
SWEEP_S = 60.0
"""Longest time between looks for messages to expire or delete. A new message wakes the outbox at once."""
HOUR_S, MINUTE_S = 3600.0, 60.0

log = structlog.get_logger()


class SmsLimits(NamedTuple):
    """Limits of a centre, in seconds."""

    per_minute: int
    repeat_after_s: float
    expires_s: float


class SmsOutbox:
    """Take messages by `request_message` in a call, and send them by `send_forever`.

    `open_box` decrypts a number. `clock` returns Unix seconds.
    """

    def __init__(self, store: Store, gateway: SmsGateway, limits: SmsLimits, open_box: Callable[[str], str],
                 audit: Audit, clock: Callable[[], float]) -> None:
        self.done: Counter[str] = Counter()
        """Messages since the start: `sent`, `failed`, `expired`, and `refused` (never taken, or taken before)."""
        self.waiting = 0
        self._store, self._gateway, self._limits, self._open, self._audit = store, gateway, limits, open_box, audit
        self._clock = clock
        self._more = asyncio.Event()
        self._told = ""

    async def request_message(self, contact: str, leaf: str, caller: str, box: str, text: str) -> RequestVerdict:
        """Request a message. After the verdict `TAKEN` it is stored, and the caller may be told so."""
        wanted = RequestedMessage(contact, leaf, caller, box, text)
        try:
            verdict = await self._store.run_write(partial(
                sms_messages.request_message, wanted=wanted, now=self._clock(), again_s=self._limits.repeat_after_s,
                per_minute=self._limits.per_minute))
        except StoreError as error:
            log.error("sms.store_failed", call=contact, why=str(error))
            verdict = RequestVerdict.REFUSED
        if verdict is RequestVerdict.TAKEN:
            self._more.set()
        else:
            self.done["refused"] += 1
        return verdict

    async def send_forever(self) -> None:
        """Send waiting messages until cancelled. A message that was under way when the last node ended is not sent
        again."""
        begun = False
        while True:
            # Cleared before the look, so that a request during the look causes another one.
            self._more.clear()
            wait = SWEEP_S
            try:
                if not begun:
                    await self._record_results("failed", await self._store.run_write(sms_messages.fail_interrupted),
                        "the node ended meanwhile")
                    begun = True
                wait = await self._send_due()
            except StoreError as error:
                self._log_failure(f"the store does not answer: {error}")
            try:
                async with asyncio.timeout(wait):
                    await self._more.wait()
            except TimeoutError:
                continue

    async def _send_due(self) -> float:
        """Send everything that is due, and return the seconds until the next message."""
        while True:
            # 1. Expire before sending, so that nothing leaves too late.
            now = self._clock()
            await self._record_results("expired", await self._store.run_write(
                partial(sms_messages.expire_waiting, before=now - self._limits.expires_s)), "not taken in time")
            # 2. Send a few at a time, each marked in the store beforehand.
            if not (due := await self._store.run_write(partial(sms_messages.claim_due, now=now, most=PARALLEL_MAX))):
                break
            for failed in await asyncio.gather(*map(self._deliver_message, due), return_exceptions=True):
                if failed is not None:
                    raise failed
        # 3. Delete finished messages that no repeat can meet.
        await self._store.run_write(partial(sms_messages.drop_finished,
            before=now - max(self._limits.repeat_after_s, MINUTE_S)))
        self.waiting, first = await self._store.run_write(sms_messages.count_waiting)
        return SWEEP_S if first is None else min(SWEEP_S, max(0.05, first - self._clock()))

    async def _deliver_message(self, one: SmsMessage) -> None:
        try:
            answer = await self._gateway.send_message(self._open(one.number_encrypted), one.text)
        # A message whose number cannot be decrypted is useless to repeat.
        except StoreError as error:
            answer = GatewayAnswer(SendResult.REFUSED, str(error))
        if answer.result is SendResult.SENT:
            self._told = ""
        else:
            self._log_failure(answer.why)
        if answer.result is SendResult.NOT_NOW:
            rest = wait_after(one.tries, BACKOFF_FIRST_S, BACKOFF_MAX_S)
            await self._store.run_write(partial(sms_messages.retry_later, message=one.id, next_at=self._clock() + rest))
            return
        state = sms_messages.SENT if answer.result is SendResult.SENT else sms_messages.FAILED
        await self._store.run_write(partial(sms_messages.finish_message, message=one.id, state=state))
        await self._record_results(state, [one], answer.why)

    async def _record_results(self, result: str, some: list[SmsMessage], why: str) -> None:
        """Count messages, and write the result of each to the audit record: of which call, never to whom."""
        for one in some:
            self.done[result] += 1
            await asyncio.to_thread(partial(
                self._audit.note_entry, "node", "short message", self._clock(), result=result, contact=one.contact,
                leaf=one.leaf, tries=one.tries, **({"why": why} if why else {})))

    def _log_failure(self, why: str) -> None:
        """Log each reason once, until a message is sent."""
        if why != self._told:
            self._told = why
            log.warning("sms.send_failed", why=why)
