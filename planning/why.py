"""`santral why`: how one contact was routed, from its first sign to its end, and why others were not chosen.

What happened stands in the facts. Who was excluded stands nowhere: a new engine is told the journal, from the last
start of a node before the contact's first offer to the decision, and looks. A contact that still waits is looked at as
the journal ends. Whether the engine decides the same again is compared for each of its offers; where it does not,
nobody can say who was excluded then, and the account says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Protocol

from planning.errors import PlanningError
from planning.replay import PROGRESS_EVERY, Input, Journal
from routing.core.engine import Engine
from routing.core.errors import RoutingError
from routing.core.events import Configured, ContactGone, ContactLeft
from routing.core.excluded import Exclusion, Held
from routing.core.facts import (
    CallbackChanged,
    Ended,
    Fact,
    MenuPassed,
    Moved,
    OfferClosed,
    Offered,
    Queued,
    Stepped,
)
from routing.core.ids import AgentId, ContactId, OfferId, ServiceId
from routing.core.model import Centre, Outcome
from routing.core.stored import Started
from routing.core.talk_facts import Consulting, TalkOver

LOOKS = Queued | Moved | Stepped | OfferClosed | CallbackChanged | TalkOver
"""After these a contact looks for somebody."""

FOLLOWS = "f"
"""The id of a contact that follows up a lost call is this and the id of the call (`routing.core.follow_up`)."""

NAMED_MAX = 6
"""Contacts named when a beginning does not tell them apart; one more is looked for."""


class Row(Protocol):
    """A contact, as the rows of a state have it."""

    @property
    def contact(self) -> ContactId:
        """Its id, told apart from an older one of the same."""
        ...

    @property
    def name(self) -> ContactId:
        """Its id in the facts."""
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


class Archive(Journal, Protocol):
    """A journal in which one contact can be found."""

    @property
    def last(self) -> int:
        """Number of the last entry."""
        ...

    def named(self, beginning: str, limit: int) -> Sequence[Row]:
        """Contacts whose id begins so; when one has just this id, that one alone."""
        ...

    def of_caller(self, caller_hash: str, before: float) -> Sequence[Row]:
        """Contacts of the same caller that came before that moment, the latest first."""
        ...

    def facts_of(self, row: Row) -> Sequence[Fact]:
        """What the facts tell of a contact, and perhaps of an older one with the same id, in order."""
        ...

    def menus(self, beginning: str) -> Sequence[MenuPassed]:
        """Ways through the menu of contacts whose id begins so."""
        ...

    def entries_for(self, fact: int) -> Iterator[Input]:
        """What the engine was told, from the last start of a node before this fact on."""
        ...


class Decision(NamedTuple):
    """One offer, as it was decided."""

    offered: Offered
    agents: tuple[Exclusion, ...]
    """A reason for every agent of the team."""
    centre: Centre
    """The rules of that moment."""


class Waiting(NamedTuple):
    """A contact that nobody has, and why."""

    at: float
    held: tuple[Held, ...]
    agents: tuple[Exclusion, ...]
    position: int
    """In its service's order, from 1."""


class Earlier(NamedTuple):
    """A contact before, and what this one has of it."""

    row: Row
    how: str
    """`place`: its place in line; `knows`: the agent who spoke with the caller; `lost`: it was lost, and this one calls
    the caller back."""


class Account(NamedTuple):
    """All that can be told of one contact."""

    contact: ContactId
    facts: tuple[Fact, ...]
    """Its own, in order."""
    whole: bool
    """They begin with its beginning; what is older was destroyed by its age."""
    decisions: dict[OfferId, Decision]
    """Of its offers; one that a replay does not come to is missing."""
    waits: dict[int, Waiting]
    """Why nobody had it, after facts of these numbers; of its end: just before."""
    waiting: Waiting | None
    """The same as the journal ends."""
    rules: tuple[tuple[int, Centre], ...]
    """The rules of its time, each with the number of the first fact by them."""
    until: float
    """The end of what was read, Unix seconds; of a contact that is over, its last fact."""
    before: tuple[Earlier, ...]
    """Contacts of the same caller before it that it comes of."""
    after: Row | None = None
    """The contact by which a call that was lost is followed up."""
    outcome: Outcome | None = None
    """As its row has it: the fact of its end may be older than the record."""

    @property
    def over(self) -> bool:
        """The caller is gone."""
        return self.outcome is not None or any(isinstance(fact, Ended) for fact in self.facts) or self.in_menu_only

    @property
    def in_menu_only(self) -> bool:
        """It never came into a line."""
        return all(isinstance(fact, MenuPassed) for fact in self.facts)

    @property
    def untold(self) -> list[OfferId]:
        """Offers of which nobody can say who was excluded."""
        return [fact.offer for fact in self.facts if isinstance(fact, Offered) and fact.offer not in self.decisions]

    def centre(self, fact: Fact) -> Centre:
        """The rules by which a fact came."""
        return next((centre for first, centre in reversed(self.rules) if first <= fact.seq), self.rules[0][1])


def tell(archive: Archive, beginning: str, progress: Callable[[float], None] | None = None) -> Account:
    """The account of the contact whose id begins so. `progress` is given the share that is done, now and then.

    Raises PlanningError: no contact begins so, or several do, or the journal holds nothing of it any more."""
    row = _find(archive, beginning)
    if isinstance(row, MenuPassed):
        return Account(row.contact, (row,), True, {}, {}, None, ((0, _centre(archive, row.seq)),), row.at, ())
    facts = _of_this_life(archive.facts_of(row), row)
    if not facts:
        raise PlanningError(f"contact {row.contact} is older than the journal: what happened before its beginning was "
                            "destroyed by its age (santral privacy purge)")
    replayed = _replayed(archive, row.name, facts, progress or (lambda _: None))
    whole = any(isinstance(fact, Queued) for fact in facts)
    return Account(row.contact, tuple(facts), whole, replayed.decisions, replayed.waits, replayed.waiting,
                   replayed.rules, max(facts[-1].at, replayed.until), tuple(_before(archive, facts)),
                   _exactly(archive, f"{FOLLOWS}{row.name}"), row.outcome)


def _exactly(archive: Archive, name: str) -> Row | None:
    """The contact with just this id; another one may begin so."""
    return next((row for row in archive.named(name, 1) if row.name == name), None)


def _find(archive: Archive, beginning: str) -> Row | MenuPassed:
    if not beginning.strip():
        raise PlanningError("name a contact: its id, or the beginning of it")
    rows = archive.named(beginning, NAMED_MAX + 1)
    names = [str(row.contact) for row in rows]
    if len(rows) == 1:
        return rows[0]
    if not rows:
        ways = {way.contact: way for way in archive.menus(beginning)}
        names = [str(contact) for contact in ways]
        if beginning in names:
            return ways[ContactId(beginning)]
        if len(ways) == 1:
            return next(iter(ways.values()))
    if not names:
        raise PlanningError(f"no contact {beginning} in this journal; the id is the Uniqueid of the call, as in "
                            "queue_log and in `santral export contacts`")
    shown = ", ".join(names[:NAMED_MAX])
    raise PlanningError(f"{beginning} is the beginning of several contacts: {shown}"
                        f"{' and more' if len(names) > NAMED_MAX else ''}. Write more of the id")


def _of_this_life(facts: Sequence[Fact], row: Row) -> list[Fact]:
    """An id may have been used before, or again: those of this row alone, and the way through the menu just before."""
    found: list[Fact] = []
    for fact in facts:
        if isinstance(fact, Queued):
            if fact.at > row.queued_at:
                break
            found = [one for one in found if isinstance(one, MenuPassed) and found.index(one) > _last_end(found)]
        found.append(fact)
    return found


def _last_end(facts: list[Fact]) -> int:
    return max((place for place, one in enumerate(facts) if isinstance(one, Ended)), default=-1)


class _Mark(NamedTuple):
    entry: int
    fact: int


class _Replayed(NamedTuple):
    decisions: dict[OfferId, Decision]
    waits: dict[int, Waiting]
    waiting: Waiting | None
    rules: tuple[tuple[int, Centre], ...]
    until: float


def _replayed(archive: Archive, contact: ContactId, facts: list[Fact], progress: Callable[[float], None]) -> _Replayed:
    """Tell an engine what was told then, up to the last time the contact looked for somebody; of one that is not over,
    to the end."""
    over = any(isinstance(fact, Ended) for fact in facts)
    last = max((fact.seq for fact in facts if isinstance(fact, LOOKS | Offered) or (
        isinstance(fact, Ended) and fact.outcome is not Outcome.ANSWERED)), default=0) if over else None
    teller, first = _Teller(contact, facts), _Mark(0, 0)
    for count, entry in enumerate(archive.entries_for(facts[0].seq)):
        teller.tell(entry)
        first = first if count else _Mark(entry.seq, teller.seq)
        if last is not None and teller.seq >= last:
            break
        if count % PROGRESS_EVERY == 0:
            done, all_ = ((entry.seq - first.entry, archive.last - first.entry) if last is None else
                          (teller.seq - first.fact, last - first.fact))
            progress(done / max(1, all_))
    waiting = teller.look() if not over and teller.same else None
    return _Replayed(teller.decisions, teller.waits, waiting, tuple(teller.rules), teller.at)


class _Teller:
    """Tells entries to an engine and looks at one contact."""

    def __init__(self, contact: ContactId, facts: list[Fact]) -> None:
        self._contact, self._facts = contact, {fact.seq: fact for fact in facts}
        self._offers = {fact.offer for fact in facts if isinstance(fact, Offered)}
        self._seen: dict[OfferId, list[Exclusion]] = {}
        self.decisions: dict[OfferId, Decision] = {}
        self.waits: dict[int, Waiting] = {}
        self.same = True
        """Whatever the contact did so far, it did in the record."""
        self.rules: list[tuple[int, Centre]] = [(0, Centre((), ()))]
        self.seq, self.at = 0, 0.0
        self.engine = self._new()

    def tell(self, entry: Input) -> None:
        """The next one."""
        event = entry.event
        if isinstance(event, Started):
            self.engine = self._new()
        leaves = isinstance(event, ContactGone | ContactLeft) and event.contact == self._contact
        before = self.look() if leaves else None
        self.at = entry.at
        try:
            if event is None:
                self.engine.tick(entry.at)
            else:
                self.engine.handle(event, entry.at)
        except RoutingError:
            pass  # it changed nothing then, and changes nothing now
        told = self.engine.take_facts()
        if isinstance(event, Started | Configured):
            self.rules.append((self.seq + 1, event.centre))
        if told:
            self.seq = told[-1].seq
        self._keep([fact for fact in told if getattr(fact, "contact", None) == self._contact], before)

    def look(self) -> Waiting | None:
        """Why nobody has the contact now; None: somebody has, or it is not there."""
        waits, view = self.engine.why_waiting(self._contact), self.engine.contact(self._contact, self.at)
        return None if waits is None or view is None else Waiting(
            self.at, waits[0], tuple(waits[1]), view.position)

    def _keep(self, told: list[Fact], before: Waiting | None) -> None:
        self.same &= all(self._facts.get(fact.seq) == fact for fact in told)
        if not self.same:
            return
        for fact in told:
            if isinstance(fact, Offered):
                self.decisions[fact.offer] = Decision(fact, tuple(self._seen[fact.offer]), self.rules[-1][1])
            elif isinstance(fact, Ended) and before is not None:
                self.waits[fact.seq] = before
        if told and isinstance(told[-1], LOOKS) and (now := self.look()) is not None:
            self.waits[told[-1].seq] = now

    def _new(self) -> Engine:
        engine = Engine()
        engine.why(self._seen.__setitem__, self._offers)
        return engine


def _centre(archive: Archive, fact: int) -> Centre:
    """The rules with which the node had started."""
    event = next(archive.entries_for(fact)).event
    return event.centre if isinstance(event, Started | Configured) else Centre((), ())


def _before(archive: Archive, facts: list[Fact]) -> Iterator[Earlier]:
    """Contacts of the same caller, as far as this one's way comes of them: the one whose place it has, the last one of
    the agent it waited for, the one that was lost."""
    queued = next((fact for fact in facts if isinstance(fact, Queued)), None)
    if queued is None or not queued.caller_hash:
        return
    name = str(queued.contact)
    if name.startswith(FOLLOWS):
        if (row := _exactly(archive, name.removeprefix(FOLLOWS))) is not None:
            yield Earlier(row, "lost")
        return
    knows = _in_person(facts)
    if queued.since >= queued.at and not knows:
        return
    for row in archive.of_caller(queued.caller_hash, queued.at):
        if row.outcome is Outcome.ANSWERED:
            if knows:
                yield Earlier(row, "knows")
            knows = False  # the last talk alone
        elif row.since == queued.since < queued.at:
            yield Earlier(row, "place")


def _in_person(facts: list[Fact]) -> bool:
    """It waited for the agent who knows the caller, before anybody sent it on."""
    for fact in facts:
        if isinstance(fact, TalkOver | Consulting):
            return False
        if (isinstance(fact, Stepped) and fact.reason == "preferred") or (isinstance(fact, Offered) and fact.preferred):
            return True
    return False
