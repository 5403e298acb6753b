"""Explain how one contact was routed, from its first event to its end, and why others were not chosen (`santral why`).

The facts hold what happened, but not who was excluded. So a new engine replays the journal up to each decision. The
replay begins at the last start of a node before the contact's first offer. A contact that still waits is examined at
the end of the journal. Each offer of the replay is compared with the record. If they differ, the exclusions of that
time are unknown, and the account says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from planning.errors import PlanningError
from planning.journal.replay import PROGRESS_EVERY, EventJournal, JournalEntry
from routing.core.engine import Engine
from routing.core.events import CallerHungUp, Configured, ContactExited
from routing.core.explain import Exclusion, WaitReason
from routing.core.journal import stored_form
from routing.core.model.centre_model import AgentState, Centre, Outcome
from routing.core.model.errors import RoutingError, SnapshotError
from routing.core.model.facts import (
    AgentChanged,
    CallbackChanged,
    Ended,
    Fact,
    MenuEndedRecorded,
    Moved,
    OfferClosed,
    Offered,
    Queued,
    Stepped,
)
from routing.core.model.ids import AgentId, ContactId, OfferId, ServiceId
from routing.core.model.reasons import FOUND
from routing.core.model.talk_facts import ConsultStarted, TalkEndedRecorded
from routing.core.stored import Started

SEARCH_FACTS = Queued | Moved | Stepped | OfferClosed | CallbackChanged | TalkEndedRecorded
"""Facts after which a contact looks for an agent."""

FOLLOWS = "f"
"""Prefix of a contact that follows up a lost call. The id of the call follows it (`routing.core.calls.lost_call`)."""

NAMED_MAX = 6
"""Most contacts named if a beginning is ambiguous. One more is searched, to know whether there are more."""


class ContactRow(Protocol):
    """A contact as the rows of a store describe it."""

    @property
    def contact(self) -> ContactId:
        """Id of the contact, distinct from an older contact with the same name."""
        ...

    @property
    def name(self) -> ContactId:
        """Id of the contact in the facts."""
        ...

    @property
    def service(self) -> ServiceId: ...

    @property
    def since(self) -> float: ...

    @property
    def queued_at(self) -> float: ...

    @property
    def agent(self) -> AgentId | None: ...

    @property
    def outcome(self) -> Outcome | None: ...

    @property
    def changed_at(self) -> float: ...


class ContactArchive(EventJournal, Protocol):
    """A journal that can find one contact."""

    @property
    def last(self) -> int:
        """Number of the last entry."""
        ...

    def find_contacts(self, beginning: str, limit: int) -> Sequence[ContactRow]:
        """Return the contacts whose id begins so. A contact with exactly this id is returned alone."""
        ...

    def find_longest(self, start: float, end: float) -> ContactRow | None:
        """Return the answered or abandoned contact of this time that waited longest, or None if none waited."""
        ...

    def contacts_of_caller(self, caller_hash: str, before: float) -> Sequence[ContactRow]:
        """Return contacts of the same caller that arrived before this time, the latest first."""
        ...

    def facts_of(self, row: ContactRow) -> Sequence[Fact]:
        """Return the facts of a contact in order. They may include an older contact with the same id."""
        ...

    def find_menu_paths(self, beginning: str) -> Sequence[MenuEndedRecorded]:
        """Return the IVR paths of contacts whose id begins so."""
        ...

    def entries_for(self, fact: int) -> Iterator[JournalEntry]:
        """Return the entries from the last start of a node before this fact on."""
        ...


class OfferDecision(NamedTuple):
    """One offer with its decision."""

    offered: Offered
    agents: tuple[Exclusion, ...]
    """A reason for each agent of the team."""
    centre: Centre
    """Rules at that time."""


class WaitExplanation(NamedTuple):
    """Reasons why a contact has no agent."""

    at: float
    held: tuple[WaitReason, ...]
    agents: tuple[Exclusion, ...]
    position: int
    """Position in the queue of the service, from 1."""
    left: Mapping[AgentId, float] = {}
    """Time at which agents who are away signed out, as far as the replay has seen it."""


class EarlierContact(NamedTuple):
    """An earlier contact of the same caller, with its effect on this one."""

    row: ContactRow
    how: str
    """The effect: `place` for its position in the queue, `knows` for its agent, `lost` for a lost call that this
    contact follows up."""


class ContactAccount(NamedTuple):
    """The full account of one contact."""

    contact: ContactId
    facts: tuple[Fact, ...]
    """Facts of the contact, in order."""
    whole: bool
    """Whether the facts reach back to the contact's arrival. A purge destroys older facts."""
    decisions: dict[OfferId, OfferDecision]
    """Decisions by offer. An offer that the replay does not reach is missing."""
    waits: dict[int, WaitExplanation]
    """Reasons for the wait after facts with these numbers. For the end of the contact, the reasons just before it."""
    waiting: WaitExplanation | None
    """Reasons for the wait at the end of the journal."""
    rules: tuple[tuple[int, Centre], ...]
    """Rules of the contact's time, each with the number of its first fact."""
    until: float
    """End of the replayed time in Unix seconds. For an ended contact, its last fact."""
    before: tuple[EarlierContact, ...]
    """Earlier contacts of the same caller that affect this one."""
    after: ContactRow | None = None
    """The contact that follows up this one if its call was lost."""
    outcome: Outcome | None = None
    """Outcome from the contact's row, because the fact of the end may be older than the record."""

    @property
    def over(self) -> bool:
        """Whether the contact has ended."""
        return self.outcome is not None or any(isinstance(fact, Ended) for fact in self.facts) or self.in_menu_only

    @property
    def in_menu_only(self) -> bool:
        """Whether the contact never entered a queue."""
        return all(isinstance(fact, MenuEndedRecorded) for fact in self.facts)

    @property
    def untold(self) -> list[OfferId]:
        """Offers whose exclusions are unknown."""
        return [fact.offer for fact in self.facts if isinstance(fact, Offered) and fact.offer not in self.decisions]

    def centre_at(self, fact: Fact) -> Centre:
        """Return the rules under which a fact was made."""
        return next((centre for first, centre in reversed(self.rules) if first <= fact.seq), self.rules[0][1])


def explain_contact(archive: ContactArchive, beginning: str,
        progress: Callable[[float], None] | None = None) -> ContactAccount:
    """Return the account of the contact whose id begins so. `progress` gets the finished share now and then.

    Raise PlanningError if no contact or several contacts begin so, or if the journal has no facts of it any more.
    """
    # 1. Find the contact. One that never left the menu needs no replay.
    row = _find_contact(archive, beginning)
    if isinstance(row, MenuEndedRecorded):
        return ContactAccount(row.contact, (row,), True, {}, {}, None, ((0, _centre_at_start(archive, row.seq)),),
            row.at, ())
    # 2. Collect its facts.
    facts = _facts_of_this_use(archive.facts_of(row), row)
    if not facts:
        raise PlanningError(f"contact {row.contact} is older than the journal: its facts were destroyed by their age "
                            "(santral privacy purge)")
    # 3. Replay the journal for the decisions.
    replayed = _replay_contact(archive, row.name, facts, progress or (lambda _: None))
    whole = any(isinstance(fact, Queued) for fact in facts)
    return ContactAccount(row.contact, tuple(facts), whole, replayed.decisions, replayed.waits, replayed.waiting,
                          replayed.rules, max(facts[-1].at, replayed.until), tuple(_find_earlier(archive, facts)),
                          _find_exact(archive, f"{FOLLOWS}{row.name}"), row.outcome)


def _find_exact(archive: ContactArchive, name: str) -> ContactRow | None:
    """Return the contact with exactly this id, if the archive has it. A longer id may begin the same."""
    return next((row for row in archive.find_contacts(name, 1) if row.name == name), None)


def _find_contact(archive: ContactArchive, beginning: str) -> ContactRow | MenuEndedRecorded:
    if not beginning.strip():
        raise PlanningError("name a contact by its id or the beginning of it")
    # 1. Look among the contacts of the store.
    rows = archive.find_contacts(beginning, NAMED_MAX + 1)
    names = [str(row.contact) for row in rows]
    if len(rows) == 1:
        return rows[0]
    # 2. Look among the contacts that never left the menu.
    if not rows:
        ways = {way.contact: way for way in archive.find_menu_paths(beginning)}
        names = [str(contact) for contact in ways]
        if beginning in names:
            return ways[ContactId(beginning)]
        if len(ways) == 1:
            return next(iter(ways.values()))
    # 3. Report a missing or ambiguous contact.
    if not names:
        raise PlanningError(f"no contact {beginning} in this journal; the id is the Uniqueid of the call, as in "
                            "queue_log and in `santral export contacts`")
    shown = ", ".join(names[:NAMED_MAX])
    raise PlanningError(f"{beginning} is the beginning of several contacts: {shown}"
                        f"{' and more' if len(names) > NAMED_MAX else ''}. Write more of the id")


def _facts_of_this_use(facts: Sequence[Fact], row: ContactRow) -> list[Fact]:
    """Return the facts of this use of the id, with the IVR path just before.

    Asterisk may use an id again, so facts of earlier and later contacts are left out.
    """
    found: list[Fact] = []
    for fact in facts:
        if isinstance(fact, Queued):
            if fact.at > row.queued_at:
                break
            # A new arrival ends the earlier use. Only an IVR path after its end belongs to this use.
            found = [one for one in found if isinstance(one, MenuEndedRecorded) and found.index(one) > _last_end(found)]
        found.append(fact)
    return found


def _last_end(facts: list[Fact]) -> int:
    return max((place for place, one in enumerate(facts) if isinstance(one, Ended)), default=-1)


class _ReplayPoint(NamedTuple):
    entry: int
    fact: int


class _ReplayResult(NamedTuple):
    decisions: dict[OfferId, OfferDecision]
    waits: dict[int, WaitExplanation]
    waiting: WaitExplanation | None
    rules: tuple[tuple[int, Centre], ...]
    until: float


def _replay_contact(archive: ContactArchive, contact: ContactId, facts: list[Fact],
                    progress: Callable[[float], None]) -> _ReplayResult:
    """Replay the journal up to the last time the contact looked for an agent.

    The replay of a contact that has not ended goes to the end of the journal.
    """
    # 1. Find the last fact that matters.
    over = any(isinstance(fact, Ended) for fact in facts)
    last = max((fact.seq for fact in facts if isinstance(fact, SEARCH_FACTS | Offered) or (
        isinstance(fact, Ended) and fact.outcome is not Outcome.ANSWERED)), default=0) if over else None
    # 2. Replay up to it. The progress counts facts or entries, whichever has a known end.
    teller, first = _ContactReplayer(contact, facts), _ReplayPoint(0, 0)
    for count, entry in enumerate(archive.entries_for(facts[0].seq)):
        teller.replay_entry(entry)
        first = first if count else _ReplayPoint(entry.seq, teller.seq)
        if last is not None and teller.seq >= last:
            break
        if count % PROGRESS_EVERY == 0:
            done, all_ = ((entry.seq - first.entry, archive.last - first.entry) if last is None else
                          (teller.seq - first.fact, last - first.fact))
            progress(done / max(1, all_))
    # 3. A contact that still waits is examined at the end.
    waiting = teller.explain_wait() if not over and teller.same else None
    return _ReplayResult(teller.decisions, teller.waits, waiting, tuple(teller.rules), teller.at)


class _ContactReplayer:
    """Replay entries on an engine and collect the decisions about one contact."""

    def __init__(self, contact: ContactId, facts: list[Fact]) -> None:
        self._contact, self._facts = contact, {fact.seq: fact for fact in facts}
        self._offers = {fact.offer for fact in facts if isinstance(fact, Offered)}
        self._seen: dict[OfferId, list[Exclusion]] = {}
        self.decisions: dict[OfferId, OfferDecision] = {}
        self.waits: dict[int, WaitExplanation] = {}
        self.same = True
        """Whether all facts of the contact so far equal those of the record."""
        self.rules: list[tuple[int, Centre]] = [(0, Centre((), ()))]
        self.seq, self.at = 0, 0.0
        self._left: dict[AgentId, float] = {}
        self.engine = self._new_engine()

    def replay_entry(self, entry: JournalEntry) -> None:
        """Replay the next entry."""
        event = entry.event
        if isinstance(event, Started):
            self.engine = self._new_engine()
        # 1. A caller who leaves is removed at once, so collect the reasons for the wait before.
        leaves = isinstance(event, CallerHungUp | ContactExited) and event.contact == self._contact
        before = self.explain_wait() if leaves else None
        # 2. Let the engine handle the entry.
        self.at = entry.at
        try:
            if event is None:
                self.engine.tick(entry.at)
            else:
                self.engine.handle(event, entry.at)
        except SnapshotError:
            raise
        except RoutingError:
            # The event was refused when it was recorded and changed nothing. Now it changes nothing either.
            pass
        # 3. Note new rules, then the facts of the contact.
        told = self.engine.take_facts()
        if isinstance(event, Started | Configured):
            self.rules.append((self.seq + 1, event.centre))
        for fact in told:
            if isinstance(fact, AgentChanged):
                if fact.state is AgentState.SIGNED_OUT:
                    self._left[fact.agent] = fact.at
                else:
                    self._left.pop(fact.agent, None)
        if told:
            self.seq = told[-1].seq
        self._keep_facts([fact for fact in told if getattr(fact, "contact", None) == self._contact], before)

    def explain_wait(self) -> WaitExplanation | None:
        """Return why the contact has no agent now, or None if it has one or is not present."""
        waits, view = self.engine.explain_waiting(self._contact), self.engine.contact_view(self._contact, self.at)
        return None if waits is None or view is None else WaitExplanation(
            self.at, waits[0], tuple(waits[1]), view.position, dict(self._left))

    def _keep_facts(self, told: list[Fact], before: WaitExplanation | None) -> None:
        for fact in told:
            stored = self._facts.get(fact.seq)
            self.same &= stored is not None and stored_form(stored) == stored_form(fact)
        # After the first difference the replay says nothing about the record.
        if not self.same:
            return
        for fact in told:
            if isinstance(fact, Offered):
                # A talk that was found is no new decision.
                if fact.strategy != FOUND:
                    self.decisions[fact.offer] = OfferDecision(fact, tuple(self._seen[fact.offer]), self.rules[-1][1])
            elif isinstance(fact, Ended) and before is not None:
                self.waits[fact.seq] = before
        if told and isinstance(told[-1], SEARCH_FACTS) and (now := self.explain_wait()) is not None:
            self.waits[told[-1].seq] = now

    def _new_engine(self) -> Engine:
        engine = Engine()
        engine.explain_offers(self._seen.__setitem__, self._offers)
        return engine


def _centre_at_start(archive: ContactArchive, fact: int) -> Centre:
    """Return the rules with which the node started."""
    event = next(archive.entries_for(fact)).event
    return event.centre if isinstance(event, Started | Configured) else Centre((), ())


def _find_earlier(archive: ContactArchive, facts: list[Fact]) -> Iterator[EarlierContact]:
    """Yield earlier contacts of the same caller that affect this one.

    These are the contact whose position it has, the last talk with the preferred agent, and a lost call.
    """
    queued = next((fact for fact in facts if isinstance(fact, Queued)), None)
    if queued is None or not queued.caller_hash:
        return
    name = str(queued.contact)
    if name.startswith(FOLLOWS):
        if (row := _find_exact(archive, name.removeprefix(FOLLOWS))) is not None:
            yield EarlierContact(row, "lost")
        return
    knows = _waited_for_agent(facts)
    if queued.since >= queued.at and not knows:
        return
    for row in archive.contacts_of_caller(queued.caller_hash, queued.at):
        if row.outcome is Outcome.ANSWERED:
            if knows:
                yield EarlierContact(row, "knows")
            # Only the last talk counts.
            knows = False
        elif row.since == queued.since < queued.at:
            yield EarlierContact(row, "place")


def _waited_for_agent(facts: list[Fact]) -> bool:
    """Return whether the contact waited for its preferred agent before any transfer."""
    for fact in facts:
        if isinstance(fact, TalkEndedRecorded | ConsultStarted):
            return False
        if (isinstance(fact, Stepped) and fact.reason == "preferred") or (isinstance(fact, Offered) and fact.preferred):
            return True
    return False
