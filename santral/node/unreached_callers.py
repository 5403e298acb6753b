"""Send a short message to callers whose callback ended without reaching them, if the centre has a gateway.

The message says that the centre has called and how to reach it. A caller who has refused callbacks gets none. The
outbox limits messages to one number (`routing.store.sms_messages`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import structlog
from sqlalchemy import Connection, select

from ivr.caller.dialable import is_mobile
from prompts.verbalise.number_prompts import LANGUAGE
from routing.core.model.centre_model import Outcome
from routing.core.model.facts import Ended, Fact
from routing.core.model.reasons import REFUSED
from routing.store.errors import StoreError
from routing.store.schema import contacts
from routing.store.store import Store

LEAF = "geri-arama"
"""Name of the message in the outbox, where a menu's message has that of its node."""
TEXTS = {
    "tr": "Geri arama isteğiniz için sizi aradık, ulaşamadık. Dilediğinizde yeniden arayabilirsiniz: {number}",
    "en": "You asked us to call you back. We called and could not reach you. You can call us again: {number}",
}
UNREACHED_MAX = 500
"""Messages that are being looked up: as many as the outbox takes. Of more, the rest is dropped and logged."""

log = structlog.get_logger()

RequestMessage = Callable[[str, str, str, str, str], Awaitable[str]]
"""Request a message: contact, leaf, keyed hash, encrypted number, text (`SmsOutbox.request_message`)."""


class UnreachedCallers:
    """Watch facts for callbacks that failed. `number` is the number of the centre, `decrypt` opens a caller's."""

    def __init__(self, store: Store, request: RequestMessage, decrypt: Callable[[str], str],
                 number: Callable[[], str]) -> None:
        self._store, self._request, self._decrypt, self._number = store, request, decrypt, number
        self._tasks: set[asyncio.Task[None]] = set()

    def note_facts(self, facts: Sequence[Fact]) -> None:
        """Begin to tell the callers of failed callbacks. Never waits."""
        for fact in facts:
            if isinstance(fact, Ended) and fact.outcome is Outcome.CALLBACK_FAILED and fact.key != REFUSED:
                if len(self._tasks) >= UNREACHED_MAX:
                    log.warning("sms.callback_not_told", call=fact.contact)
                    continue
                task = asyncio.get_running_loop().create_task(self._tell_caller(fact.contact), name="unreached")
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _tell_caller(self, contact: str) -> None:
        def look_up(connection: Connection) -> tuple[str, str, str] | None:
            columns = contacts.c
            row = connection.execute(select(
                columns.callback_hash, columns.callback_number_encrypted, columns.caller_hash,
                columns.number_encrypted, columns.language).where(columns.contact == contact)).one_or_none()
            return None if row is None else (row[0] or row[2], row[1] or row[3], row[4])

        try:
            found = await self._store.run_query(look_up)
            if found is None or not found[1] or not is_mobile(self._decrypt(found[1])):
                return
            caller, box, language = found
            text = TEXTS.get(language, TEXTS[LANGUAGE]).format(number=self._number())
            await self._request(contact, LEAF, caller, box, text)
        # A message is a courtesy: no fault of it may reach the routing.
        except StoreError as error:
            log.error("sms.store_failed", call=contact, why=str(error))
