"""Short messages that callers ask for in a call: taken at once, sent beside it, each at most once.

The rows are the outbox (`routing.store.sms`): a message survives a restart, nothing of it is in memory. It is noted as
being sent before it leaves, so whatever dies in between, no caller gets it twice; only what the gateway has certainly
not taken is tried again, until it expires. The number is opened at the last moment and is in no log.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import structlog

from routing.core.backoff import wait_after
from routing.sms_gateway import Answer, Gateway, Result
from routing.store import sms
from routing.store.audit import Audit
from routing.store.errors import StoreError
from routing.store.sms import Message, Verdict, Wanted
from routing.store.store import Store

AT_ONCE = 4
"""Messages under way: a gateway that takes seconds for each still gets one a second, and is not flooded after an
outage."""
BACKOFF_FIRST_S, BACKOFF_MOST_S = 5.0, 120.0
"""Between two tries of a message, doubled: a gateway that comes back has it within two minutes."""
LOOK_S = 60.0
"""What has expired or is to be forgotten is looked for so often; a new message wakes the outbox at once."""
HOUR_S, MINUTE_S = 3600.0, 60.0

log = structlog.get_logger()


class Limits(NamedTuple):
    """Of a centre; seconds."""

    per_minute: int
    again_s: float
    expires_s: float


class Outbox:
    """`ask` in a call, `run` for ever. `open_box` gives the number in a box. `clock`: Unix seconds."""

    def __init__(self, store: Store, gateway: Gateway, limits: Limits, open_box: Callable[[str], str], audit: Audit,
                 clock: Callable[[], float]) -> None:
        self.done: Counter[str] = Counter()
        """Since the start: `sent`, `failed`, `expired`, and `refused`: never taken, or taken before."""
        self.waiting = 0
        self._store, self._gateway, self._limits, self._open, self._audit = store, gateway, limits, open_box, audit
        self._clock = clock
        self._more = asyncio.Event()
        self._told = ""

    async def ask(self, contact: str, leaf: str, caller: str, box: str, text: str) -> Verdict:
        """Whether it is on its way: then it is stored, and the caller may be told so."""
        wanted = Wanted(contact, leaf, caller, box, text)
        try:
            verdict = await self._store.work(partial(
                sms.ask, wanted=wanted, now=self._clock(), again_s=self._limits.again_s,
                per_minute=self._limits.per_minute))
        except StoreError as error:
            log.error("sms.not_stored", call=contact, why=str(error))
            verdict = Verdict.REFUSED
        if verdict is Verdict.TAKEN:
            self._more.set()
        else:
            self.done["refused"] += 1
        return verdict

    async def run(self) -> None:
        """Send what waits, until cancelled. What was under way when the last node ended is not sent again."""
        begun = False
        while True:
            self._more.clear()
            wait = LOOK_S
            try:
                if not begun:
                    await self._note("failed", await self._store.work(sms.begin), "the node ended meanwhile")
                    begun = True
                wait = await self._round()
            except StoreError as error:
                self._tell(f"the store does not answer: {error}")
            try:
                async with asyncio.timeout(wait):
                    await self._more.wait()
            except TimeoutError:
                continue

    async def _round(self) -> float:
        """Everything that is due; seconds until something is again."""
        while True:
            now = self._clock()
            await self._note("expired", await self._store.work(
                partial(sms.expire, before=now - self._limits.expires_s)), "not taken in time")
            if not (due := await self._store.work(partial(sms.claim, now=now, most=AT_ONCE))):
                break
            for failed in await asyncio.gather(*map(self._deliver, due), return_exceptions=True):
                if failed is not None:
                    raise failed
        await self._store.work(partial(sms.drop_over, before=now - max(self._limits.again_s, MINUTE_S)))
        self.waiting, first = await self._store.work(sms.waiting)
        return LOOK_S if first is None else min(LOOK_S, max(0.05, first - self._clock()))

    async def _deliver(self, one: Message) -> None:
        try:
            answer = await self._gateway.send(self._open(one.box), one.text)
        except StoreError as error:  # the key file belongs to another state
            answer = Answer(Result.REFUSED, str(error))
        if answer.result is Result.SENT:
            self._told = ""
        else:
            self._tell(answer.why)
        if answer.result is Result.NOT_NOW:
            rest = wait_after(one.tries, BACKOFF_FIRST_S, BACKOFF_MOST_S)
            await self._store.work(partial(sms.later, message=one.id, next_at=self._clock() + rest))
            return
        state = sms.SENT if answer.result is Result.SENT else sms.FAILED
        await self._store.work(partial(sms.over, message=one.id, state=state))
        await self._note(state, [one], answer.why)

    async def _note(self, result: str, some: list[Message], why: str) -> None:
        """Count them, and write down what became of each: of which call, never to whom."""
        for one in some:
            self.done[result] += 1
            await asyncio.to_thread(partial(self._audit.note, "node", "short message", self._clock(), result=result,
                                            contact=one.contact, leaf=one.leaf, tries=one.tries,
                                            **({"why": why} if why else {})))

    def _tell(self, why: str) -> None:
        """Each reason once, until a message goes."""
        if why != self._told:
            self._told = why
            log.warning("sms.not_sent", why=why)
