"""Facts as lines of Asterisk's queue_log, as app_queue.c and logger.c write them:
`epoch|callid|queue|agent|event|data...`. docs/integrate/queue-log.md has every verb and the words
that a call's lines may form.

Santral is the only writer of the file. What readers of this format need (from their code) is kept here: the epoch is an
integer and never goes back, no event stands twice for one call in one second, names are `[A-Za-z0-9_./-]` and at most
40 long, every answered visit has one CONNECT and one COMPLETE*, BLINDTRANSFER or ATTENDEDTRANSFER.

A talk from which the caller was sent on closes its visit with BLINDTRANSFER (the next service, `santral`), and the
caller enters the next queue (ENTERQUEUE of the same call, with the same call id: that is the chain). A talk that was
cut without the caller hanging up closes its visit with COMPLETEAGENT and the caller enters the queue again (a second
ENTERQUEUE of the same call, at position 1), as calls do that come back to `Queue()` in a dialplan.
Only voice is written: the format has no words for other channels. Callbacks and the survey have verbs of our own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

from routing.core.callback import MERGED, SERVED
from routing.core.facts import (
    AgentChanged,
    Alarm,
    CallbackChanged,
    CentreChanged,
    Ended,
    Fact,
    Moved,
    OfferClosed,
    Queued,
    Surveyed,
)
from routing.core.ids import AgentId, ContactId, OfferId, leg_id
from routing.core.model import PHONE_CHANNELS, AgentState, ContactState, OfferState, Outcome
from routing.core.restore import REPAIRED
from routing.core.talk_facts import Connected, HoldChanged, Introduced, TalkOver

FIELD_MAX = 40
"""Readers keep each field in a varchar(40)."""
NONE = "NONE"
MANAGER = "MANAGER"
"""The call id of member changes that no call made."""
CONTEXT = "santral"
"""Where a transfer leads: the field that names a dialplan's context."""
AUTO_PAUSE, AUTO_UNPAUSE = "Auto-Pause", "Auto-Unpause"
"""app_queue's reasons for what it does itself."""
LEAD_MAX_S = 60
"""Lines of one call or agent that would stand twice in a second move on to the next, and what follows with them. So far
ahead of the clock: then an agent's are left out, for a device gone wild (pause, resume, ten times a second) would write
times of tomorrow. A call's never are: it has no more than a few."""

_FOREIGN = re.compile(r"[^A-Za-z0-9_./-]")
_TURKISH = str.maketrans("çğıöşüâîûÇĞİÖŞÜÂÎÛ", "cgiosuaiuCGIOSUAIU")
_CALLER = re.compile(r"[^0-9+*]")

REPEATED = frozenset({"RINGNOANSWER", "RINGCANCELED", "CONFIGRELOAD"})
"""A second one in the same second is left out: readers keep one only, and nothing is counted by it. Every other line is
moved to the next second."""
OF_AGENTS = frozenset({"ADDMEMBER", "REMOVEMEMBER", "PAUSE", "UNPAUSE", "PAUSEALL", "UNPAUSEALL", "CALLERONHOLD",
                       "CALLEROFFHOLD"})
"""What an agent does by hand, as often as they like."""

CallerId = Callable[[str], str]
"""From the encrypted number of a fact to what may be written: nothing, a masked number, or the number."""


def no_callerid(box: str) -> str:
    """The default: the file has no numbers."""
    return ""


def masked(number: str) -> str:
    """A number of which only the last two digits are left."""
    return "*" * max(0, len(number) - 2) + number[-2:] if len(number) > 4 else "*" * len(number)


@lru_cache(maxsize=4096)  # each of them comes again within the call, or with the next one
def name(text: str) -> str:
    """A name as readers can keep it: Turkish letters without their marks, everything foreign as `_`."""
    return _FOREIGN.sub("_", text.translate(_TURKISH))[:FIELD_MAX]


class Talk(NamedTuple):
    """What a talk's next lines need."""

    who: tuple[str, str, str]
    """Call, queue and agent."""
    offer: OfferId
    wait_s: float
    since: float
    position: int


class LineState:
    """What the next line depends on. Rebuilt by feeding the stored facts, from before the first open visit on.
    `asternic`: the legacy TRANSFER stands beside BLINDTRANSFER and ATTENDEDTRANSFER, which Asternic Lite does not
    know."""

    def __init__(self, *, asternic: bool = False) -> None:
        self.asternic = asternic
        self.talking: dict[ContactId, Talk | None] = {}
        """Open visits; None: the caller waits. As many as there are calls."""
        self.held: set[ContactId] = set()
        """Callers on hold."""
        self.members: dict[AgentId, list[str]] = {}
        """Queues of the agents who are signed in."""
        self.epoch = 0
        self.seen: set[tuple[str, str, str, str]] = set()
        """Call, queue, agent and event of the lines of second `epoch`."""


def lines(fact: Fact, state: LineState, callerid: CallerId = no_callerid) -> list[str]:
    """The lines of one fact, without line ends. Same facts in the same order: same lines, bit for bit."""
    writer = _WRITERS.get(type(fact))
    if writer is None:
        return []
    found = []
    for callid, queue, agent, event, data in writer(fact, state, callerid):
        line = stamped(state, fact.at, callid, queue, agent, event, data)
        if line is not None:
            found.append(line)
    return found


def stamped(state: LineState, at: float, callid: str, queue: str, agent: str, event: str,
            data: tuple[str | int, ...]) -> str | None:
    """The line with its second; None when it would stand twice in it."""
    epoch = max(int(at), state.epoch)
    key = (callid, queue, agent, event)
    if epoch == state.epoch and key in state.seen:
        epoch += 1
        if event in REPEATED or (event in OF_AGENTS and epoch > at + LEAD_MAX_S):
            return None
    if epoch != state.epoch:
        state.epoch = epoch
        state.seen.clear()
    state.seen.add(key)
    return "|".join((str(epoch), callid, queue, agent, event, *(str(one) for one in data)))


Row = tuple[str, str, str, str, tuple[str | int, ...]]


def _whole(seconds: float) -> int:
    return max(0, int(seconds))


def _queued(fact: Queued, state: LineState, callerid: CallerId) -> list[Row]:
    if fact.channel not in PHONE_CHANNELS or fact.contact in state.talking:
        return []
    state.talking[fact.contact] = None
    caller = _CALLER.sub("", callerid(fact.caller_box))[:FIELD_MAX] if fact.caller_box else ""
    return [(name(fact.contact), name(fact.service), NONE, "ENTERQUEUE", ("", caller, fact.position))]


def _moved(fact: Moved, state: LineState, callerid: CallerId) -> list[Row]:
    """Out of one queue and into the next, as a call does that goes from `Queue()` to `Queue()` in a dialplan."""
    if fact.channel not in PHONE_CHANNELS or state.talking.get(fact.contact, True):
        return []
    entry: Row = (name(fact.contact), name(fact.service), NONE, "ENTERQUEUE", ("", "", fact.position))
    if fact.reason == "transfer":
        return [entry]
    callid, wait = name(fact.contact), (fact.left_position, fact.left_position, _whole(fact.waited_s))
    out: Row = ((callid, name(fact.before), NONE, "EXITWITHKEY", ("", *wait)) if fact.reason == "chosen" else
                (callid, name(fact.before), NONE, "EXITWITHTIMEOUT", wait))
    return [out, entry]


def _connected(fact: Connected, state: LineState, callerid: CallerId) -> list[Row]:
    if fact.channel not in PHONE_CHANNELS or state.talking.get(fact.contact) is not None:
        return []
    who = name(fact.contact), name(fact.service), name(fact.agent)
    state.talking[fact.contact] = Talk(who, fact.offer, fact.wait_s, fact.at, fact.original_position)
    return [(*who, "CONNECT",
             (_whole(fact.wait_s), name(leg_id(fact.offer, fact.contact)), _whole(fact.ring_s)))]


def _held(fact: HoldChanged, state: LineState, callerid: CallerId) -> list[Row]:
    """The caller hears music, or the agent again: verbs that QueueMetrics knows."""
    talk = state.talking.get(fact.contact)
    if not fact.on:
        return _off_hold(fact.contact, talk, state)
    if talk is None or fact.contact in state.held:
        return []
    state.held.add(fact.contact)
    return [(*talk.who, "CALLERONHOLD", ("",))]


def _off_hold(contact: ContactId, talk: Talk | None, state: LineState) -> list[Row]:
    """The end of a hold; a talk that ends in it ends it."""
    if talk is None or contact not in state.held:
        return []
    state.held.remove(contact)
    return [(*talk.who, "CALLEROFFHOLD", ("",))]


def _end_talk(fact: TalkOver | Introduced, state: LineState) -> tuple[
        list[Row], tuple[str, str, str], tuple[int, int, int]] | None:
    """The talk is no more under way: the end of a hold in it, who had it, its times. None: it is not known here."""
    talk = state.talking.get(fact.contact)
    if talk is None:
        return None
    rows = _off_hold(fact.contact, talk, state)
    del state.talking[fact.contact]
    return rows, talk.who, (_whole(fact.wait_s), _whole(fact.talk_s), fact.original_position)


def _talk_over(fact: TalkOver, state: LineState, callerid: CallerId) -> list[Row]:
    ended = _end_talk(fact, state)
    if ended is None:
        return []
    rows, (callid, queue, agent), times = ended
    if fact.to is not None:
        rows += _sent_on(state, callid, queue, agent, "BLINDTRANSFER", (name(fact.to), CONTEXT), times)
    else:
        rows.append((callid, queue, agent, "COMPLETECALLER" if fact.by == "caller" else "COMPLETEAGENT", times))
    if fact.state is ContactState.PENDING:
        state.talking[fact.contact] = None
        if fact.to is None or fact.to == fact.service:
            rows.append((callid, queue, NONE, "ENTERQUEUE", ("", "", 1)))
    return rows


def _introduced(fact: Introduced, state: LineState, callerid: CallerId) -> list[Row]:
    """The agent asked the next one first, and has left: the caller goes on, or has hung up meanwhile."""
    ended = _end_talk(fact, state)
    if ended is None:
        return []
    rows, (callid, queue, agent), times = ended
    if fact.by == "caller":
        return [*rows, (callid, queue, agent, "COMPLETECALLER", times)]
    state.talking[fact.contact] = None
    return [*rows, *_sent_on(state, callid, queue, agent, "ATTENDEDTRANSFER", ("BRIDGE", name(fact.to)), times),
            (callid, name(fact.to), NONE, "ENTERQUEUE", ("", "", 1))]


def _sent_on(state: LineState, callid: str, queue: str, agent: str, event: str, where: tuple[str, str],
             times: tuple[int, int, int]) -> list[Row]:
    rows: list[Row] = [(callid, queue, agent, event, (*where, *times))]
    if state.asternic:
        rows.append((callid, queue, agent, "TRANSFER", (where[where[0] == "BRIDGE"], CONTEXT, *times)))
    return rows


def _ended(fact: Ended, state: LineState, callerid: CallerId) -> list[Row]:
    if fact.channel not in PHONE_CHANNELS or fact.contact not in state.talking:
        return []
    del state.talking[fact.contact]
    wait = (fact.position, fact.original_position, _whole(fact.wait_s))
    event: str
    data: tuple[str | int, ...]
    if fact.outcome in (Outcome.OVERFLOW, Outcome.CALLBACK_FAILED, Outcome.FAILURE):
        event, data = "EXITWITHTIMEOUT", wait
    elif fact.outcome is Outcome.LEFT and fact.key in (MERGED, SERVED):
        event, data = "WITHDRAW", (*wait, fact.key)
    elif fact.outcome is Outcome.LEFT:
        event, data = "EXITWITHKEY", (_key(fact.key), *wait)
    else:
        event, data = "ABANDON", wait
    return [(name(fact.contact), name(fact.service), NONE, event, data)]


def _key(key: str) -> str:
    return key if len(key) == 1 and key in "0123456789*#" else ""


def _called_back(fact: CallbackChanged, state: LineState, callerid: CallerId) -> list[Row]:
    """Verbs of our own: the format has none. The visit stays open, the caller is in line all the time."""
    callid, queue = name(fact.contact), name(fact.service)
    if fact.reason == "asked":
        return [(callid, queue, NONE, "CALLBACKASKED", ("",))]
    if not fact.callback:
        return [(callid, queue, NONE, "CALLBACKREACHED", (fact.tries,))]
    return [(callid, queue, NONE, "CALLBACKFAILED", (name(fact.reason), fact.tries))]


def _offer_closed(fact: OfferClosed, state: LineState, callerid: CallerId) -> list[Row]:
    if fact.channel not in PHONE_CHANNELS:
        return []
    missed = fact.state in (OfferState.TIMEOUT, OfferState.REJECTED)
    return [(name(fact.contact), name(fact.service), name(fact.agent),
             "RINGNOANSWER" if missed else "RINGCANCELED", (max(0, round(fact.rang_s * 1000)),))]


AWAY = (AgentState.PAUSED, AgentState.NOT_RESPONDING)


def _agent(fact: AgentChanged, state: LineState, callerid: CallerId) -> list[Row]:
    agent, queues = name(fact.agent), [name(service) for service in fact.services]
    before = state.members.get(fact.agent, [] if fact.before is AgentState.SIGNED_OUT else queues)
    here = [] if fact.state is AgentState.SIGNED_OUT else queues
    state.members[fact.agent] = here
    rows: list[Row] = [(MANAGER, queue, agent, "ADDMEMBER", ("PAUSED" if fact.state in AWAY else "",))
                       for queue in here if queue not in before]
    if fact.before in AWAY and fact.state not in AWAY:
        reason = AUTO_UNPAUSE if fact.state is AgentState.SIGNED_OUT else ""
        rows += _for_all(agent, before, "UNPAUSE", reason)
    if fact.state in AWAY and fact.before is not fact.state:
        reason = name(fact.reason) if fact.state is AgentState.PAUSED else AUTO_PAUSE
        rows += _for_all(agent, queues, "PAUSE", reason)
    return rows + [(MANAGER, queue, agent, "REMOVEMEMBER", ("",)) for queue in before if queue not in here]


def _surveyed(fact: Surveyed, state: LineState, callerid: CallerId) -> list[Row]:
    """A verb of our own: the format has none."""
    return [(name(fact.contact), name(fact.service), NONE, "SURVEY", (name(fact.question), fact.answer))]


def _for_all(agent: str, queues: list[str], event: str, reason: str) -> list[Row]:
    """Once for all queues, then once for each, as app_queue does."""
    return [(NONE, NONE, agent, f"{event}ALL", (reason,)),
            *((NONE, queue, agent, event, (reason,)) for queue in queues)]


def _alarm(fact: Alarm, state: LineState, callerid: CallerId) -> list[Row]:
    """Rows that contradicted each other at a start: the talk is no more, the caller waits again. No other fact says
    so."""
    talk = None if fact.contact is None or fact.kind != REPAIRED else state.talking.get(fact.contact)
    if talk is None or fact.contact is None or fact.offer not in (None, talk.offer):
        return []
    state.talking[fact.contact] = None
    callid, queue, _ = talk.who
    times = _whole(talk.wait_s), _whole(fact.at - talk.since), talk.position
    return [*_off_hold(fact.contact, talk, state), (*talk.who, "COMPLETEAGENT", times),
            (callid, queue, NONE, "ENTERQUEUE", ("", "", 1))]


def _centre(fact: CentreChanged, state: LineState, callerid: CallerId) -> list[Row]:
    return [(NONE, NONE, NONE, "CONFIGRELOAD", ("",))]


def started(state: LineState, at: float) -> str:
    """The line of a start. It follows from no fact, so it leaves the state alone."""
    return f"{max(int(at), state.epoch)}|{NONE}|{NONE}|{NONE}|QUEUESTART|"


_WRITERS: dict[type, Callable[[Any, LineState, CallerId], list[Row]]] = {
    Queued: _queued, Connected: _connected, TalkOver: _talk_over, Introduced: _introduced,
    Ended: _ended, OfferClosed: _offer_closed,
    AgentChanged: _agent, CentreChanged: _centre, Moved: _moved, CallbackChanged: _called_back,
    HoldChanged: _held, Surveyed: _surveyed, Alarm: _alarm,
}
