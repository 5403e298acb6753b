"""Check the rules that hold whatever fails: I1 to I8 of the reliability of Santral, as far as they apply here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lab.simulation.database import Database
from lab.simulation.history import DIED, History
from routing.ami.cel_recovery import CLOCK_SKEW_MAX_S, MENU_TRUE_S
from routing.core.model.centre_model import LIVE_STATES, OFFER_WITH_AGENT, Outcome
from routing.core.model.facts import MenuEndedRecorded
from routing.core.records import Contact, Offer

if TYPE_CHECKING:
    from lab.simulation.asterisk_model import Asterisk
    from lab.simulation.sim_node import SimNode

TOGETHER_S = 0.6
"""Time for which a leg waits at a caller who talks (`santral-fence`), with its steps."""


def live_rows(database: Database) -> list[Any]:
    """Return the rows of contacts and offers that are not over."""
    return [*[row for row in database.rows[Contact].values() if row.state in LIVE_STATES],
            *[row for row in database.rows[Offer].values() if row.state in OFFER_WITH_AGENT]]


def unrecorded_callers(history: History, database: Database) -> list[str]:
    """Return the callers who are in no record: neither a contact nor, unless a node queued them, a path of the menu."""
    rows, menus = database.rows[Contact], database.menus
    return [uniqueid for uniqueid, past in history.callers.items()
            if uniqueid not in rows and (past.queued or uniqueid not in menus
                                         or not _reaches_end(history, uniqueid, menus[uniqueid]))]


def _reaches_end(history: History, uniqueid: str, path: MenuEndedRecorded) -> bool:
    """Return whether a path through the menu is the record of a caller who went to the fallback queue at last.

    A node that was frozen ends the path of a caller who goes on without it.
    """
    past, unsure_s = history.callers[uniqueid], MENU_TRUE_S + CLOCK_SKEW_MAX_S * history.clock_moved
    if not past.missed or past.ended is None or history.clock_set:
        return True
    return path.outcome == "abandoned" and history.last_talk(uniqueid) is None \
        and path.at >= history.wall_at(past.ended) - unsure_s


def check_end(history: History, database: Database, nodes: Iterable[SimNode], asterisk: Asterisk,
              settled: bool) -> None:
    """Check everything after the world was healed."""
    if not settled:
        names = [one.uniqueid for one in asterisk.channels.values()]
        rows = [f"{type(row).__name__} {row[0]} {row.state.value}" for row in live_rows(database)]
        history.blame("I8", f"not settled: channels {names}, rows {rows}")
    if database.revision > max(database.led_by_revision, 1):
        history.blame("I8", "the tables are newer than every node that has led: an older node cannot start again")
    _check_callers(history, database)


def _check_callers(history: History, database: Database) -> None:
    """Check that each caller is in the records once, with what happened, and that none was dropped."""
    contacts, offers = database.rows[Contact], database.rows[Offer]
    for uniqueid in unrecorded_callers(history, database):
        history.blame("I3", f"{uniqueid} is in no record")
    for uniqueid, past in history.callers.items():
        talk = history.last_talk(uniqueid)
        if past.ended is not None and talk is None and past.how not in ("caller", DIED):
            history.blame("I1", f"{uniqueid} was hung up by {past.how} without a talk")
        row = contacts.get(uniqueid)
        if row is None:
            continue
        if row.outcome is None:
            if past.ended is not None:
                history.blame("I3", f"{uniqueid} has no outcome")
            continue
        # After a change of the clock nobody can tell when a talk was that the former leader did not store.
        if history.clock_set and (history.epoch > 1 or any(one.unseen for one in history.talks)):
            continue
        answered = [one for one in history.talks if one.caller == uniqueid and one.offer]
        if row.outcome is Outcome.ANSWERED and not answered:
            history.blame("I3", f"{uniqueid} is recorded as answered, without a talk")
        elif row.outcome is not Outcome.ANSWERED and answered and talk is not None and talk.offer:
            history.blame("I3", f"{uniqueid} has talked, and is recorded as {row.outcome.value}")
        if row.outcome is Outcome.ANSWERED and answered:
            # Of two agents who picked up together, the second has the caller when the first one hangs up at once.
            last = [one for one in answered if one is answered[-1] or (
                one.ended is not None and answered[-1].began - one.ended <= TOGETHER_S)]
            if not any(one.offer in offers and offers[one.offer].agent == f"a{one.seat}" == row.agent for one in last):
                history.blame("I4", f"{uniqueid} talked with {answered[-1].seat}, recorded is {row.agent}")
