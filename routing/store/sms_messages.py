"""Keep the short messages that callers have asked for: waiting ones to send, and sent ones to prevent repeats.

A caller is a keyed hash. The encrypted number is next to it until the message is finished. Then number and text are
deleted, and the hash recognises the caller for as long as no repeat is sent.

The messages are in no journal and no fact, because they decide nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, or_, select, text, update

from routing.store.schema import SMS_LIVE, SMS_STATES, one_of, sms_messages

WAITING_MAX = 500
"""Messages that wait for a gateway: ten minutes in which every call asks for one. More are refused."""
CALLER_MAX = 3
"""Messages to one caller within the time in which none is repeated.

Anybody can claim a number when they call, and nobody shall use this centre to bother that number.
"""
PAGE = 500
"""Rows of one transaction, so that a running node waits for none of them."""

WAITING, SENDING, SENT, FAILED, EXPIRED = SMS_STATES
_FINISHED_STATES = (SENT, FAILED, EXPIRED)


class RequestVerdict(StrEnum):
    """Outcome of a request."""

    TAKEN = "taken"
    ALREADY_SENT = "again"
    """The caller already has the message, or will get it."""
    REFUSED = "refused"
    """There are too many messages: of this caller, in this minute, or waiting."""


class RequestedMessage(NamedTuple):
    """A message that a caller asks for."""

    contact: str
    leaf: str
    """Node of the menu whose written twin the message is."""
    caller: str
    """Keyed hash of the number."""
    number_encrypted: str
    text: str


class SmsMessage(NamedTuple):
    """A message as stored."""

    id: int
    contact: str
    leaf: str
    caller: str
    number_encrypted: str
    """Encrypted number, empty when the message is finished."""
    text: str
    asked_at: float
    next_at: float
    """Time of the next try."""
    tries: int
    state: str


_ALL = select(*(sms_messages.c[name] for name in SmsMessage._fields))
_LIVE = text(one_of("state", SMS_LIVE))
"""Written exactly as in the partial index, so that the rows of a day are not read for each message."""
_IS_WAITING = and_(_LIVE, sms_messages.c.state == WAITING)


def request_message(connection: Connection, wanted: RequestedMessage, now: float, *, again_s: float,
                    per_minute: int) -> RequestVerdict:
    """Store a message to send, unless the caller has it or there are too many. A failed message may be asked for again.
    """
    # 1. The same message is sent once.
    theirs = connection.execute(select(sms_messages.c.leaf, sms_messages.c.state).where(
        sms_messages.c.caller == wanted.caller, sms_messages.c.asked_at > now - again_s)).all()
    if any(leaf == wanted.leaf and state in (WAITING, SENDING, SENT) for leaf, state in theirs):
        return RequestVerdict.ALREADY_SENT
    # 2. Limits of the caller, of the minute and of the waiting messages.
    lately = _count_where(connection, sms_messages.c.asked_at > now - 60.0)
    if len(theirs) >= CALLER_MAX or lately >= per_minute or _count_where(connection, _IS_WAITING) >= WAITING_MAX:
        return RequestVerdict.REFUSED
    # 3. Store it: from here on the caller may be promised the message.
    number = int(connection.execute(select(func.max(sms_messages.c.id))).scalar() or 0) + 1
    connection.execute(insert(sms_messages), SmsMessage(
        number, wanted.contact, wanted.leaf, wanted.caller, wanted.number_encrypted, wanted.text, now, now, 0,
        WAITING)._asdict())
    return RequestVerdict.TAKEN


def claim_due(connection: Connection, now: float, most: int) -> list[SmsMessage]:
    """Return due messages, oldest first, and mark them as being sent.

    The mark is stored before anything leaves, so a node that dies now sends no message twice.
    """
    found = [SmsMessage(*row) for row in connection.execute(
        _ALL.where(_IS_WAITING, sms_messages.c.next_at <= now).order_by(sms_messages.c.id).limit(most))]
    for one in found:
        connection.execute(update(sms_messages).where(sms_messages.c.id == one.id).values(
            state=SENDING, tries=one.tries + 1))
    return [one._replace(state=SENDING, tries=one.tries + 1) for one in found]


def retry_later(connection: Connection, message: int, next_at: float) -> None:
    """Let a message wait until `next_at`. The gateway has certainly not taken it."""
    connection.execute(update(sms_messages).where(sms_messages.c.id == message, sms_messages.c.state == SENDING).values(
        state=WAITING, next_at=next_at))


def finish_message(connection: Connection, message: int, state: str) -> None:
    """Set a message to its final state, and delete number and text."""
    connection.execute(update(sms_messages).where(sms_messages.c.id == message).values(
        state=state, number_encrypted="", text=""))


def expire_waiting(connection: Connection, before: float) -> list[SmsMessage]:
    """Expire messages that were asked for before this moment and still wait. Return them."""
    found = [SmsMessage(*row) for row in connection.execute(
        _ALL.where(_IS_WAITING, sms_messages.c.asked_at <= before).limit(PAGE))]
    for one in found:
        finish_message(connection, one.id, EXPIRED)
    return found


def fail_interrupted(connection: Connection) -> list[SmsMessage]:
    """Fail messages that were being sent when the last node ended. They may have arrived and are not sent again."""
    found = [SmsMessage(*row) for row in connection.execute(_ALL.where(_LIVE, sms_messages.c.state == SENDING))]
    for one in found:
        finish_message(connection, one.id, FAILED)
    return found


def count_waiting(connection: Connection) -> tuple[int, float | None]:
    """Return how many messages wait, and when the first is due."""
    many, first = connection.execute(select(func.count(), func.min(sms_messages.c.next_at)).where(_IS_WAITING)).one()
    return int(many), first


def drop_finished(connection: Connection, before: float) -> int:
    """Delete finished messages that were asked for before this moment. Return how many there were."""
    return connection.execute(delete(sms_messages).where(
        sms_messages.c.state.in_(_FINISHED_STATES), sms_messages.c.asked_at <= before)).rowcount


def messages_of_callers(connection: Connection, hashes: Sequence[str], ids: Sequence[str] = ()) -> list[SmsMessage]:
    """Return the messages of callers with these hashes and of these contacts, oldest first."""
    found: set[SmsMessage] = set()
    # In pages, because a database limits the values of one statement.
    for start in range(0, max(len(ids), 1), PAGE):
        wanted = or_(sms_messages.c.caller.in_(hashes), sms_messages.c.contact.in_(ids[start: start + PAGE]))
        found |= {SmsMessage(*row) for row in connection.execute(_ALL.where(wanted))}
    return sorted(found)


def erase_messages(connection: Connection, some: Sequence[SmsMessage]) -> int:
    """Delete messages, so that waiting ones are not sent. Return how many there were."""
    return sum(connection.execute(delete(sms_messages).where(sms_messages.c.id == one.id)).rowcount for one in some)


def count_old_messages(connection: Connection, before: float) -> int:
    """Return how many messages were asked for before this moment."""
    return _count_where(connection, sms_messages.c.asked_at < before)


def erase_old_messages(connection: Connection, before: float) -> int:
    """Delete at most `PAGE` messages that were asked for before this moment. Return how many there were."""
    return erase_messages(connection, [SmsMessage(*row) for row in connection.execute(
        _ALL.where(sms_messages.c.asked_at < before).limit(PAGE))])


def _count_where(connection: Connection, where: ColumnElement[bool]) -> int:
    return int(connection.execute(select(func.count()).select_from(sms_messages).where(where)).scalar() or 0)
