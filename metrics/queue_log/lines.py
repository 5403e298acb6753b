"""Turn facts into lines of Asterisk's queue_log, as app_queue.c and logger.c write them.

A line is `epoch|callid|queue|agent|event|data...`. docs/integrate/queue-log.md lists every verb, and the order in which
the lines of a call may come.

Santral is the only writer of the file, and keeps what readers of this format need (from their code). The epoch is an
integer and never goes back. No event appears twice for one call in one second. Names are `[A-Za-z0-9_./-]` and at most
40 long. Every answered visit has one CONNECT and one COMPLETE*, BLINDTRANSFER or ATTENDEDTRANSFER.

A blind transfer closes the visit with BLINDTRANSFER (the next service, `santral`). The caller enters the next queue
with an ENTERQUEUE of the same call id, which is the chain. A talk that broke while the caller stayed closes the visit
with COMPLETEAGENT. Then the caller enters the queue again at position 1, as a call does that returns to `Queue()` in a
dialplan.

Only voice is written, because the format has no words for other channels. Callbacks and the survey have verbs of this
project.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from routing.core.calls.callback_flow import MERGED, SERVED
from routing.core.journal import round_stored
from routing.core.model.centre_model import PHONE_CHANNELS, AgentState, ContactState, OfferState, Outcome
from routing.core.model.facts import (
    AgentChanged,
    Alarm,
    CallbackChanged,
    CentreChanged,
    Ended,
    Fact,
    Moved,
    OfferClosed,
    Queued,
    SurveyAnsweredRecorded,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, leg_id
from routing.core.model.reasons import (
    MESSAGE,
    PRE_CONNECT_HANGUP,
    REPLACED,
    REQUESTED,
    TIME_CHOSEN,
    TRANSFER,
    WITHDRAWN,
)
from routing.core.model.talk_facts import Connected, ConsultCompleted, HoldSetRecorded, TalkEndedRecorded
from routing.core.restore import REPAIRED

FIELD_MAX = 40
"""Readers keep each field in a varchar(40)."""
NONE = "NONE"
MANAGER = "MANAGER"
"""Call id of member changes that no call made."""
CONTEXT = "santral"
"""Target of a transfer: the field names a context of the dialplan."""
AUTO_PAUSE, AUTO_UNPAUSE = "Auto-Pause", "Auto-Unpause"
"""Reasons of app_queue for pauses that it begins or ends itself."""
LEAD_MAX_S = 60
"""Limit of the seconds that lines may run ahead of the clock.

A line that would repeat within a second moves to the next one, and later lines follow. A device gone wild (pause and
resume ten times a second) would write times of tomorrow. So beyond this limit lines of agents are dropped. Lines of a
call never are: a call has only a few.
"""

_FOREIGN = re.compile(r"[^A-Za-z0-9_./-]")
_TURKISH = str.maketrans("çğıöşüâîûÇĞİÖŞÜÂÎÛ", "cgiosuaiuCGIOSUAIU")
_CALLER = re.compile(r"[^0-9+*]")

REPEATED = frozenset({"RINGNOANSWER", "RINGCANCELED", "AGENTDUMP", "CONFIGRELOAD"})
"""Events of which a second one in the same second is dropped. Readers keep only one, and nothing is counted by it.

Every other line moves to the next second.
"""
OF_AGENTS = frozenset({"ADDMEMBER", "REMOVEMEMBER", "PAUSE", "UNPAUSE", "PAUSEALL", "UNPAUSEALL", "CALLERONHOLD",
                       "CALLEROFFHOLD"})
"""Events that agents cause by hand, as often as they like."""

CallerId = Callable[[str], str]
"""Turns the encrypted number of a fact into the text to write: nothing, a masked number, or the number."""


def hide_callerid(box: str) -> str:
    """Return nothing: by default the file has no numbers."""
    return ""


def mask_number(number: str) -> str:
    """Return a number with only its last two digits."""
    return "*" * max(0, len(number) - 2) + number[-2:] if len(number) > 4 else "*" * len(number)


# The same names come again within a call and in the next one.
@lru_cache(maxsize=4096)
def clean_name(text: str) -> str:
    """Return a name as readers can keep it: Turkish letters without marks, every foreign character as `_`."""
    return _FOREIGN.sub("_", text.translate(_TURKISH))[:FIELD_MAX]


NEEDLESS = (MERGED, SERVED, REPLACED, WITHDRAWN, MESSAGE)
"""Keys of contacts that a later call, a supervisor or a recorded message made unnecessary."""


class Talk(NamedTuple):
    """Values of a talk for its next lines."""

    who: tuple[str, str, str]
    """Call, queue and agent."""
    offer: OfferId
    wait_s: float
    since: float
    position: int


class LineState:
    """The state on which the next line depends. Feed it the stored facts, beginning before the first open visit.

    `asternic`: also write the legacy TRANSFER next to BLINDTRANSFER and ATTENDEDTRANSFER, which Asternic Lite does not
    know.
    """

    def __init__(self, *, asternic: bool = False) -> None:
        self.asternic = asternic
        self.talking: dict[ContactId, Talk | None] = {}
        """Open visits, at most one for each call. None: the caller waits."""
        self.held: set[ContactId] = set()
        """Callers on hold."""
        self.members: dict[AgentId, list[str]] = {}
        """Queues of the signed-in agents."""
        self.epoch = 0
        self.seen: set[tuple[str, str, str, str]] = set()
        """Call, queue, agent and event of the lines in second `epoch`."""


def lines_of(fact: Fact, state: LineState, callerid: CallerId = hide_callerid) -> list[str]:
    """Return the lines of one fact, without line ends.

    The same facts in the same order give the same lines, bit for bit.
    """
    writer = _WRITERS.get(type(fact))
    if writer is None:
        return []
    found = []
    for callid, queue, agent, event, data in writer(fact, state, callerid):
        line = stamp_line(state, fact.at, callid, queue, agent, event, data)
        if line is not None:
            found.append(line)
    return found


def stamp_line(state: LineState, at: float, callid: str, queue: str, agent: str, event: str,
               data: tuple[str | int, ...]) -> str | None:
    """Return the line with its second, or None if it would repeat within that second."""
    # 1. The second never goes back, even if the clock does.
    epoch = max(int(at), state.epoch)
    key = (callid, queue, agent, event)
    # 2. A repeated event moves to the next second, or is dropped if nothing is counted by it.
    if epoch == state.epoch and key in state.seen:
        epoch += 1
        if event in REPEATED or (event in OF_AGENTS and epoch > at + LEAD_MAX_S):
            return None
    # 3. A new second forgets the events of the one before.
    if epoch != state.epoch:
        state.epoch = epoch
        state.seen.clear()
    state.seen.add(key)
    return "|".join((str(epoch), callid, queue, agent, event, *(str(one) for one in data)))


Row = tuple[str, str, str, str, tuple[str | int, ...]]


def _whole_seconds(seconds: float) -> int:
    # A reader of the stored facts, such as a start that writes missing lines, must find the same second.
    return max(0, int(round_stored(seconds)))


def _write_queued(fact: Queued, state: LineState, callerid: CallerId) -> list[Row]:
    if fact.channel not in PHONE_CHANNELS or fact.contact in state.talking:
        return []
    state.talking[fact.contact] = None
    # The number is decrypted only here, and only if the operator asked for numbers in the file.
    caller = _CALLER.sub("", callerid(fact.number_encrypted))[:FIELD_MAX] if fact.number_encrypted else ""
    return [(clean_name(fact.contact), clean_name(fact.service), NONE, "ENTERQUEUE", ("", caller, fact.position))]


def _write_moved(fact: Moved, state: LineState, callerid: CallerId) -> list[Row]:
    """Return the exit of one queue and the entry of the next, as a call does that goes between two `Queue()`."""
    if fact.channel not in PHONE_CHANNELS or state.talking.get(fact.contact, True):
        return []
    entry: Row = (clean_name(fact.contact), clean_name(fact.service), NONE, "ENTERQUEUE", ("", "", fact.position))
    # The talk has closed the visit of a transfer already.
    if fact.reason == TRANSFER:
        return [entry]
    callid, wait = clean_name(fact.contact), (fact.left_position, fact.left_position, _whole_seconds(fact.waited_s))
    out: Row = ((callid, clean_name(fact.before), NONE, "EXITWITHKEY", ("", *wait)) if fact.reason == "chosen" else
                (callid, clean_name(fact.before), NONE, "EXITWITHTIMEOUT", wait))
    return [out, entry]


def _write_connected(fact: Connected, state: LineState, callerid: CallerId) -> list[Row]:
    # A visit has one CONNECT, so a further connection within it is not written.
    if fact.channel not in PHONE_CHANNELS or state.talking.get(fact.contact) is not None:
        return []
    who = clean_name(fact.contact), clean_name(fact.service), clean_name(fact.agent)
    state.talking[fact.contact] = Talk(who, fact.offer, fact.wait_s, fact.at, fact.original_position)
    return [(*who, "CONNECT",
             (_whole_seconds(fact.wait_s), clean_name(leg_id(fact.offer, fact.contact)), _whole_seconds(fact.ring_s)))]


def _write_hold(fact: HoldSetRecorded, state: LineState, callerid: CallerId) -> list[Row]:
    """Return the start or end of a hold, in verbs that QueueMetrics knows."""
    talk = state.talking.get(fact.contact)
    if not fact.on:
        return _write_hold_end(fact.contact, talk, state)
    if talk is None or fact.contact in state.held:
        return []
    state.held.add(fact.contact)
    return [(*talk.who, "CALLERONHOLD", ("",))]


def _write_hold_end(contact: ContactId, talk: Talk | None, state: LineState) -> list[Row]:
    """Return the end of a hold. A talk that ends during a hold ends the hold."""
    if talk is None or contact not in state.held:
        return []
    state.held.remove(contact)
    return [(*talk.who, "CALLEROFFHOLD", ("",))]


def _close_talk(fact: TalkEndedRecorded | ConsultCompleted, state: LineState) -> tuple[
        list[Row], tuple[str, str, str], tuple[int, int, int]] | None:
    """Close a talk. Return the end of its hold, its call, queue and agent, and its times. Return None if the talk is
    unknown."""
    talk = state.talking.get(fact.contact)
    if talk is None:
        return None
    rows = _write_hold_end(fact.contact, talk, state)
    del state.talking[fact.contact]
    return rows, talk.who, (_whole_seconds(fact.wait_s), _whole_seconds(fact.talk_s), fact.original_position)


def _write_talk_end(fact: TalkEndedRecorded, state: LineState, callerid: CallerId) -> list[Row]:
    ended = _close_talk(fact, state)
    if ended is None:
        return []
    rows, (callid, queue, agent), times = ended
    # 1. Close the visit: with a transfer, or by the side that ended the talk.
    if fact.to is not None:
        rows += _write_transfer(state, callid, queue, agent, "BLINDTRANSFER", (clean_name(fact.to), CONTEXT), times)
    else:
        rows.append((callid, queue, agent, "COMPLETECALLER" if fact.by == "caller" else "COMPLETEAGENT", times))
    # 2. A caller who is still there enters a queue again. A transfer to another service writes its own entry.
    if fact.state is ContactState.PENDING:
        state.talking[fact.contact] = None
        if fact.to is None or fact.to == fact.service:
            rows.append((callid, queue, NONE, "ENTERQUEUE", ("", "", 1)))
    return rows


def _write_consult_completed(fact: ConsultCompleted, state: LineState, callerid: CallerId) -> list[Row]:
    """Return the lines of a completed consult transfer: the caller moves on, or has hung up meanwhile."""
    ended = _close_talk(fact, state)
    if ended is None:
        return []
    rows, (callid, queue, agent), times = ended
    if fact.by == "caller":
        return [*rows, (callid, queue, agent, "COMPLETECALLER", times)]
    state.talking[fact.contact] = None
    return [*rows,
            *_write_transfer(state, callid, queue, agent, "ATTENDEDTRANSFER", ("BRIDGE", clean_name(fact.to)), times),
            (callid, clean_name(fact.to), NONE, "ENTERQUEUE", ("", "", 1))]


def _write_transfer(state: LineState, callid: str, queue: str, agent: str, event: str, where: tuple[str, str],
                    times: tuple[int, int, int]) -> list[Row]:
    rows: list[Row] = [(callid, queue, agent, event, (*where, *times))]
    # Asternic Lite reads the target from the first field, so a BRIDGE must not be there.
    if state.asternic:
        rows.append((callid, queue, agent, "TRANSFER", (where[where[0] == "BRIDGE"], CONTEXT, *times)))
    return rows


def _write_ended(fact: Ended, state: LineState, callerid: CallerId) -> list[Row]:
    if fact.channel not in PHONE_CHANNELS or fact.contact not in state.talking:
        return []
    del state.talking[fact.contact]
    wait = (fact.position, fact.original_position, _whole_seconds(fact.wait_s))
    event: str
    data: tuple[str | int, ...]
    # The format has no event for these ends; a timeout comes nearest.
    if fact.outcome in (Outcome.FALLBACK, Outcome.CALLBACK_FAILED, Outcome.FAILURE, Outcome.TURNED_AWAY):
        event, data = "EXITWITHTIMEOUT", wait
    # These callers were served in another way, so an ABANDON would be wrong.
    elif fact.outcome is Outcome.LEFT and fact.key in NEEDLESS:
        event, data = "WITHDRAW", (*wait, fact.key)
    elif fact.outcome is Outcome.LEFT:
        event, data = "EXITWITHKEY", (_exit_key(fact.key), *wait)
    else:
        event, data = "ABANDON", wait
    return [(clean_name(fact.contact), clean_name(fact.service), NONE, event, data)]


def _exit_key(key: str) -> str:
    return key if len(key) == 1 and key in "0123456789*#" else ""


def _write_callback(fact: CallbackChanged, state: LineState, callerid: CallerId) -> list[Row]:
    """Return a line with a verb of this project, because the format has none. The visit stays open while the caller
    keeps the place. A chosen time changes nothing that a reader of the format knows."""
    if fact.reason == TIME_CHOSEN:
        return []
    callid, queue = clean_name(fact.contact), clean_name(fact.service)
    if fact.reason == REQUESTED:
        return [(callid, queue, NONE, "CALLBACKASKED", ("",))]
    if not fact.callback:
        return [(callid, queue, NONE, "CALLBACKREACHED", (fact.tries,))]
    return [(callid, queue, NONE, "CALLBACKFAILED", (clean_name(fact.reason), fact.tries))]


def _write_offer_closed(fact: OfferClosed, state: LineState, callerid: CallerId) -> list[Row]:
    if fact.channel not in PHONE_CHANNELS:
        return []
    # The agent's phone answered and hung up in the announcement: app_queue has a verb for it, without data.
    if fact.reason == PRE_CONNECT_HANGUP:
        return [(clean_name(fact.contact), clean_name(fact.service), clean_name(fact.agent), "AGENTDUMP", ("",))]
    missed = fact.state in (OfferState.TIMEOUT, OfferState.REJECTED)
    # Readers count RINGNOANSWER against the agent, so an offer that was taken back has another verb.
    return [(clean_name(fact.contact), clean_name(fact.service), clean_name(fact.agent),
             "RINGNOANSWER" if missed else "RINGCANCELED", (max(0, round(fact.rang_s * 1000)),))]


AWAY_STATES = (AgentState.PAUSED, AgentState.NOT_RESPONDING)


def _write_agent(fact: AgentChanged, state: LineState, callerid: CallerId) -> list[Row]:
    # 1. Compare the queues: those of before the first known change follow from its state.
    if fact.services is None and fact.agent not in state.members:
        return []
    agent = clean_name(fact.agent)
    queues = state.members[fact.agent] if fact.services is None else [clean_name(service) for service in fact.services]
    before = state.members.get(fact.agent, [] if fact.before is AgentState.SIGNED_OUT else queues)
    here = [] if fact.state is AgentState.SIGNED_OUT else queues
    state.members[fact.agent] = here
    # 2. New queues come first, since a pause needs a member.
    rows: list[Row] = [(MANAGER, queue, agent, "ADDMEMBER", ("PAUSED" if fact.state in AWAY_STATES else "",))
                       for queue in here if queue not in before]
    # 3. The end of a pause, with app_queue's own reason when a sign-out ends it.
    if fact.before in AWAY_STATES and fact.state not in AWAY_STATES:
        reason = AUTO_UNPAUSE if fact.state is AgentState.SIGNED_OUT else ""
        rows += _write_for_queues(agent, before, "UNPAUSE", reason)
    # 4. The start of a pause. *Not responding* is app_queue's automatic pause.
    if fact.state in AWAY_STATES and fact.before is not fact.state:
        reason = clean_name(fact.reason) if fact.state is AgentState.PAUSED else AUTO_PAUSE
        rows += _write_for_queues(agent, queues, "PAUSE", reason)
    return rows + [(MANAGER, queue, agent, "REMOVEMEMBER", ("",)) for queue in before if queue not in here]


def _write_survey(fact: SurveyAnsweredRecorded, state: LineState, callerid: CallerId) -> list[Row]:
    """Return a line with a verb of this project, because the format has none."""
    return [(clean_name(fact.contact), clean_name(fact.service), NONE, "SURVEY",
             (clean_name(fact.question), fact.answer))]


def _write_for_queues(agent: str, queues: list[str], event: str, reason: str) -> list[Row]:
    """Return a line for all queues, then one for each, as app_queue does."""
    return [(NONE, NONE, agent, f"{event}ALL", (reason,)),
            *((NONE, queue, agent, event, (reason,)) for queue in queues)]


def _write_repair(fact: Alarm, state: LineState, callerid: CallerId) -> list[Row]:
    """Return the end of a talk whose rows contradicted each other at a start. The caller waits again; no other fact
    says so."""
    talk = None if fact.contact is None or fact.kind != REPAIRED else state.talking.get(fact.contact)
    if talk is None or fact.contact is None or fact.offer not in (None, talk.offer):
        return []
    state.talking[fact.contact] = None
    callid, queue, _ = talk.who
    times = _whole_seconds(talk.wait_s), _whole_seconds(fact.at - talk.since), talk.position
    return [*_write_hold_end(fact.contact, talk, state), (*talk.who, "COMPLETEAGENT", times),
            (callid, queue, NONE, "ENTERQUEUE", ("", "", 1))]


def _write_reload(fact: CentreChanged, state: LineState, callerid: CallerId) -> list[Row]:
    return [(NONE, NONE, NONE, "CONFIGRELOAD", ("",))]


def start_line(state: LineState, at: float) -> str:
    """Return the line of a start. It follows from no fact, so it leaves the state alone."""
    return f"{max(int(at), state.epoch)}|{NONE}|{NONE}|{NONE}|QUEUESTART|"


_WRITERS: dict[type, Callable[[Any, LineState, CallerId], list[Row]]] = {
    Queued: _write_queued, Connected: _write_connected, TalkEndedRecorded: _write_talk_end,
    ConsultCompleted: _write_consult_completed,
    Ended: _write_ended, OfferClosed: _write_offer_closed,
    AgentChanged: _write_agent, CentreChanged: _write_reload, Moved: _write_moved, CallbackChanged: _write_callback,
    HoldSetRecorded: _write_hold, SurveyAnsweredRecorded: _write_survey, Alarm: _write_repair,
}
