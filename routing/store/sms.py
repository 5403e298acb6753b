"""Short messages that callers have asked for: what waits to go out, and what went, so that nobody gets one twice.

A caller is a keyed hash. The number stands beside it sealed, and only until the message is over: then number and text
are gone, and what stays recognises the same caller for as long as they get no other one. In no journal and no fact: it
decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, or_, select, text, update

from routing.store.schema import SMS_LIVE, SMS_STATES, one_of, sms

WAITING_MAX = 500
"""Messages that wait for a gateway: ten minutes of a line of which every call asks for one. More are refused."""
CALLER_MAX = 3
"""Messages to one caller within the time in which none is sent twice. A caller is a number that somebody has claimed to
call from; nobody can use us to bother it."""
PAGE = 500
"""Rows of one transaction, so that a running node waits for none of them."""

WAITING, SENDING, SENT, FAILED, EXPIRED = SMS_STATES
_OVER = (SENT, FAILED, EXPIRED)


class Verdict(StrEnum):
    """What became of a request."""

    TAKEN = "taken"
    AGAIN = "again"
    """This caller has it, or gets it."""
    REFUSED = "refused"
    """Too many: of this caller, of this minute, or waiting."""


class Wanted(NamedTuple):
    """A message that a caller asks for."""

    contact: str
    leaf: str
    """The node of the menu whose twin in writing it is."""
    caller: str
    """Keyed hash of the number."""
    box: str
    text: str


class Message(NamedTuple):
    """One of them, as it is kept."""

    id: int
    contact: str
    leaf: str
    caller: str
    box: str
    """The number, sealed; empty when the message is over."""
    text: str
    asked_at: float
    next_at: float
    """When it is sent, or tried again."""
    tries: int
    state: str


_ALL = select(*(sms.c[name] for name in Message._fields))
_LIVE = text(one_of("state", SMS_LIVE))
"""As in the partial index, word for word: the rows of a day are not read for each message."""
_WAITS = and_(_LIVE, sms.c.state == WAITING)


def ask(connection: Connection, wanted: Wanted, now: float, *, again_s: float, per_minute: int) -> Verdict:
    """Keep it to be sent, unless the caller has it, or there are too many. One that failed may be asked for again."""
    theirs = connection.execute(select(sms.c.leaf, sms.c.state).where(
        sms.c.caller == wanted.caller, sms.c.asked_at > now - again_s)).all()
    if any(leaf == wanted.leaf and state in (WAITING, SENDING, SENT) for leaf, state in theirs):
        return Verdict.AGAIN
    lately = _count(connection, sms.c.asked_at > now - 60.0)
    if len(theirs) >= CALLER_MAX or lately >= per_minute or _count(connection, _WAITS) >= WAITING_MAX:
        return Verdict.REFUSED
    number = int(connection.execute(select(func.max(sms.c.id))).scalar() or 0) + 1
    connection.execute(insert(sms), Message(number, wanted.contact, wanted.leaf, wanted.caller, wanted.box, wanted.text,
                                            now, now, 0, WAITING)._asdict())
    return Verdict.TAKEN


def claim(connection: Connection, now: float, most: int) -> list[Message]:
    """Those whose time has come, oldest first. They are noted as being sent before anything leaves: a node that dies
    now sends none of them twice."""
    found = [Message(*row) for row in connection.execute(
        _ALL.where(_WAITS, sms.c.next_at <= now).order_by(sms.c.id).limit(most))]
    for one in found:
        connection.execute(update(sms).where(sms.c.id == one.id).values(state=SENDING, tries=one.tries + 1))
    return [one._replace(state=SENDING, tries=one.tries + 1) for one in found]


def later(connection: Connection, message: int, next_at: float) -> None:
    """It was certainly not taken: again at that time."""
    connection.execute(update(sms).where(sms.c.id == message, sms.c.state == SENDING).values(
        state=WAITING, next_at=next_at))


def over(connection: Connection, message: int, state: str) -> None:
    """It is `SENT` or `FAILED`: number and text go."""
    connection.execute(update(sms).where(sms.c.id == message).values(state=state, box="", text=""))


def expire(connection: Connection, before: float) -> list[Message]:
    """Those that wait since before this moment are sent to nobody any more."""
    found = [Message(*row) for row in connection.execute(
        _ALL.where(_WAITS, sms.c.asked_at <= before).limit(PAGE))]
    for one in found:
        over(connection, one.id, EXPIRED)
    return found


def begin(connection: Connection) -> list[Message]:
    """After a start: what was being sent may have arrived, and is not sent again."""
    found = [Message(*row) for row in connection.execute(_ALL.where(_LIVE, sms.c.state == SENDING))]
    for one in found:
        over(connection, one.id, FAILED)
    return found


def waiting(connection: Connection) -> tuple[int, float | None]:
    """How many wait, and when the first is due."""
    many, first = connection.execute(select(func.count(), func.min(sms.c.next_at)).where(_WAITS)).one()
    return int(many), first


def drop_over(connection: Connection, before: float) -> int:
    """Forget those that are over and were asked for before this moment; how many there were."""
    return connection.execute(delete(sms).where(sms.c.state.in_(_OVER), sms.c.asked_at <= before)).rowcount


def of_callers(connection: Connection, hashes: Sequence[str], ids: Sequence[str] = ()) -> list[Message]:
    """Of the callers of these hashes and of these contacts, oldest first."""
    found: set[Message] = set()
    for start in range(0, max(len(ids), 1), PAGE):
        wanted = or_(sms.c.caller.in_(hashes), sms.c.contact.in_(ids[start: start + PAGE]))
        found |= {Message(*row) for row in connection.execute(_ALL.where(wanted))}
    return sorted(found)


def forget(connection: Connection, some: Sequence[Message]) -> int:
    """Take them out; what waits is not sent. How many there were."""
    return sum(connection.execute(delete(sms).where(sms.c.id == one.id)).rowcount for one in some)


def count_old(connection: Connection, before: float) -> int:
    """How many were asked for before this moment."""
    return _count(connection, sms.c.asked_at < before)


def forget_old(connection: Connection, before: float) -> int:
    """Take out at most `PAGE` of those; how many there were."""
    return forget(connection, [Message(*row) for row in connection.execute(
        _ALL.where(sms.c.asked_at < before).limit(PAGE))])


def _count(connection: Connection, where: object) -> int:
    return int(connection.execute(select(func.count()).select_from(sms).where(where)).scalar() or 0)  # type: ignore[arg-type]
