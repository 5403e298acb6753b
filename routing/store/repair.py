"""Make rows agree that contradict each other: outcomes before the engine is built, the rest as the engine decides.

No kill leaves such rows, because a turn is one transaction. A manual change of the store or a bug does.
"""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, bindparam, func, text, update

from routing.core.model.centre_model import LIVE_STATES, ContactState, Outcome
from routing.core.records import Contact, Offer
from routing.core.stored import ROWS, Row
from routing.store.schema import agents, contacts, offers, one_of

_MEND_CONTACT = (update(contacts).where(contacts.c.contact == bindparam("b_contact"))
                 .values(state=bindparam("state"), offer=None, agent=None))
_MEND_DONE = (update(contacts).where(contacts.c.contact == bindparam("b_contact"))
              .values(state=bindparam("state"), outcome=func.coalesce(contacts.c.outcome, Outcome.ANSWERED.value),
                      ended_at=func.coalesce(contacts.c.ended_at, contacts.c.changed_at)))
_MEND_OFFER = (update(offers).where(offers.c.offer == bindparam("b_offer"))
               .values(state=bindparam("state"), reason="repaired",
                       ended_at=func.coalesce(offers.c.ended_at, offers.c.offered_at)))
_MEND_AGENT = (update(agents).where(agents.c.agent == bindparam("b_agent"))
               .values(state=bindparam("state"), seat=bindparam("seat"), wrapup_until=None))
_LIVE = text(one_of("state", LIVE_STATES))
"""Condition that keeps a start from reading every contact that ever existed."""
_WITH_OUTCOME = (update(contacts).where(_LIVE, contacts.c.outcome.is_not(None),
                                        contacts.c.state != ContactState.WRAPPING.value)
                 .values(state=ContactState.WRAPPING.value))
_WITHOUT = (update(contacts).where(_LIVE, contacts.c.outcome.is_(None),
                                   contacts.c.state == ContactState.WRAPPING.value)
            .values(outcome=Outcome.ANSWERED.value, ended_at=contacts.c.changed_at))


def repair_outcomes(connection: Connection) -> None:
    """Make state and outcome of live contacts agree.

    A contact with an outcome is in wrap-up, and a contact in wrap-up has an outcome. The engine gets no outcomes, so
    this is settled before it is built.
    """
    connection.execute(_WITH_OUTCOME)
    connection.execute(_WITHOUT)


def repair_rows(connection: Connection, rows: Iterable[Row]) -> None:
    """Set rows to the given values, inside the caller's transaction.

    A restart found them contradictory, and the engine has decided.
    """
    for row in rows:
        state = {"state": row.state.value}
        if isinstance(row, ROWS[Offer]):
            connection.execute(_MEND_OFFER, {"b_offer": row.offer, **state})
        # A completed contact keeps its agent and gets an outcome. Any other one returns to its queue without offer.
        elif isinstance(row, ROWS[Contact]):
            done = row.state is ContactState.COMPLETED
            connection.execute(_MEND_DONE if done else _MEND_CONTACT, {"b_contact": row.contact, **state})
        else:
            connection.execute(_MEND_AGENT, {"b_agent": row.agent, "seat": row.seat, **state})
