"""Follow each call from its greeting to its end: a projection of facts, and of what callers hear in the menu.

A service that is private or anonymous has no call here, but only a count.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from desk.live.heard_sentences import HeardSentences, Sentence
from routing.core.model import facts as f
from routing.core.model import talk_facts as tf
from routing.core.model.centre_model import Channel, ContactState, Outcome
from routing.core.model.facts import Fact
from routing.core.model.ids import ContactId

CALLS_MAX = 200
"""Calls in the list. Nobody looks at more, and the others are counted."""
COURSES_MAX = 1000
"""Calls whose course is kept, so that a call of the list is known from its beginning. Those beyond are only counted."""
FACTS_MAX = 200
"""Facts of a course. A call has about ten; one that is offered for hours loses its oldest but the first."""
STEPS_MAX = 50
"""Steps of a course that are kept, the newest."""
ENDED_S = 20.0
"""Time for which an ended call stays in the list, so that its end is seen."""
SILENT_S = 3600.0
"""Time after which a caller in the menu is forgotten. No menu lasts an hour, so the end of the call was lost."""


class LiveStep(StrEnum):
    """Steps of a call, in their order."""

    GREETING = "greeting"
    MENU = "menu"
    QUEUE = "queue"
    RINGING = "ringing"
    TALK = "talk"
    WRAPUP = "wrapup"
    END = "end"


COURSE_FACTS: tuple[type[Fact], ...] = (
    f.MenuEndedRecorded, f.Queued, f.Moved, f.WayOutOffered, f.ContactChanged, f.Stepped, f.CallbackChanged,
    f.CallbackDialled, f.Offered, f.OfferRang, f.OfferClosed, f.Ended, tf.Connected, tf.HoldSetRecorded,
    tf.FollowUpAgreedRecorded, tf.CallerFlaggedAbusiveRecorded, tf.Interrupted, tf.TalkEndedRecorded, tf.ConsultStarted,
    tf.ConsultCancelled, tf.ConsultCompleted, tf.WrappedUp)
"""Facts that belong to the course of a call."""

_COURSE_FACTS = frozenset(COURSE_FACTS)
_WITHOUT_SENTENCES = frozenset({LiveStep.TALK, LiveStep.END})
"""Steps that end what a caller hears from Santral."""
_GOES_ON = frozenset({"queued", "operator"})
"""Outcomes of a menu after which the caller waits for a service."""


class LiveCall:
    """One call with its course so far."""

    def __init__(self, contact: ContactId, at: float) -> None:
        self.contact, self.began = contact, at
        self.service = ""
        """Empty while the caller is in the menu."""
        self.step = LiveStep.GREETING
        self.since = at
        self.callback = False
        """The caller has asked to be called back."""
        self.facts: deque[Fact] = deque()
        self.whole = True
        """Whether the facts reach from the beginning to now without a gap."""
        self.steps: deque[tuple[float, LiveStep]] = deque(maxlen=STEPS_MAX)
        self.heard = HeardSentences()

    @property
    def is_off_line(self) -> bool:
        """Return whether nobody is on the line: the caller waits to be called back."""
        return self.callback and self.step is LiveStep.QUEUE

    def set_step(self, step: LiveStep, at: float) -> None:
        """Set the step, if it is a different one."""
        if not self.steps or step is not self.step:
            self.step, self.since = step, at
            self.steps.append((at, step))
            if step in _WITHOUT_SENTENCES:
                self.heard.cut_off(at)

    def add_fact(self, fact: Fact) -> None:
        """Add a fact to the course."""
        if len(self.facts) >= FACTS_MAX:
            # The first fact tells how the call began.
            del self.facts[1]
            self.whole = False
        self.facts.append(fact)


class LiveCalls:
    """All calls of this moment, in the order in which they came. `hidden` returns the services without a list."""

    def __init__(self, hidden: Callable[[], frozenset[str]] = frozenset) -> None:
        self._hidden_services = hidden
        self._calls: dict[ContactId, LiveCall] = {}
        self._hidden: dict[ContactId, LiveStep] = {}
        """Calls of hidden services. A call that was one stays one, because its course would tell."""
        self._uncounted: dict[ContactId, LiveStep] = {}
        """Calls beyond `COURSES_MAX`."""
        self._shown: dict[ContactId, None] = {}
        self._changed: dict[ContactId, None] = {}
        self._gone: dict[ContactId, None] = {}

    @property
    def hidden_count(self) -> int:
        """Return the number of calls of private and anonymous services."""
        return len(self._hidden)

    @property
    def callback_count(self) -> int:
        """Return the number of callers who wait to be called back."""
        return sum(call.is_off_line for call in self._calls.values())

    @property
    def more_count(self) -> int:
        """Return the number of calls that the list has no place for."""
        return len(self._uncounted) + len(self._calls) - self.callback_count - len(self._shown)

    def find_call(self, contact: ContactId) -> LiveCall | None:
        """Return a call, or None if it is hidden or unknown."""
        return self._calls.get(contact)

    def shown_calls(self) -> list[LiveCall]:
        """Return the calls of the list."""
        return [self._calls[contact] for contact in self._shown]

    def take_changes(self) -> tuple[list[LiveCall], list[ContactId]]:
        """Return the calls of the list that have changed since the last time, and those that have left it."""
        self._fill_list()
        changed = [self._calls[contact] for contact in self._changed if contact in self._shown]
        gone = list(self._gone)
        self._changed.clear()
        self._gone.clear()
        return changed, gone

    # -- what happens --------------------------------------------------------------------------------------------------

    def note_menu(self, contact: ContactId, at: float, *, greeting: bool) -> None:
        """Note that a caller hears the greeting or the menu."""
        if contact in self._hidden or contact in self._uncounted:
            return
        call = self._calls.get(contact) or self._add_call(contact, at)
        if call is not None:
            first = not call.steps or call.step is LiveStep.GREETING
            call.set_step(LiveStep.GREETING if greeting and first else LiveStep.MENU, at)
            self._changed[contact] = None

    def note_sentences(self, contact: ContactId, at: float, sentences: Sequence[Sentence], *, later: bool) -> None:
        """Note what a caller hears from now on.

        `later`: the dialogue has ended, so before the service is known the sentences wait for it.
        """
        call = self._calls.get(contact)
        if call is None:
            return
        if later and not call.service:
            call.heard.hold_back(sentences)
        else:
            call.heard.add_sentences(sentences, at, by_dialplan=later)
            self._changed[contact] = None

    def add_facts(self, facts: Iterable[Fact]) -> None:
        """Follow facts, in their order."""
        for fact in facts:
            if type(fact) in _COURSE_FACTS:
                self._add_fact(fact)

    def forget_others(self, live: Callable[[ContactId], bool], now: float) -> None:
        """Forget the calls that are neither alive nor just over. A start reads facts of ended calls as well."""
        for contact, call in list(self._calls.items()):
            if not (live(contact) or (call.step is LiveStep.END and now - call.since < ENDED_S)):
                self._forget_call(contact)
        for some in (self._hidden, self._uncounted):
            for contact in [one for one in some if not live(one)]:
                del some[contact]

    def drop_ended(self, now: float) -> None:
        """Drop calls that ended some time ago, and callers whose menu must be over."""
        for contact, call in list(self._calls.items()):
            if (call.step is LiveStep.END and now - call.since >= ENDED_S) \
                    or (not call.service and now - call.since >= SILENT_S):
                self._forget_call(contact)

    # -- one fact ------------------------------------------------------------------------------------------------------

    def _add_fact(self, fact: Fact) -> None:
        contact: ContactId | None = getattr(fact, "contact", None)
        if contact is None or (isinstance(fact, f.Queued) and fact.channel is not Channel.VOICE):
            return
        # 1. A call that is only counted.
        for some in (self._hidden, self._uncounted):
            if contact in some:
                before = some[contact]
                step = _step_after(fact, before, "" if before is LiveStep.MENU else "any") or before
                some[contact] = step
                if step is LiveStep.END:
                    del some[contact]
                return
        # 2. A call of the list. One that is unknown begins with its menu or in the queue.
        call = self._calls.get(contact)
        if call is None:
            if not isinstance(fact, f.Queued | f.MenuEndedRecorded):
                return
            call = self._add_call(contact, fact.at)
            if call is None:
                return
        call.add_fact(fact)
        # 3. Its service, which may hide it.
        service = _service_after(fact)
        if service and service in self._hidden_services():
            self._forget_call(contact)
            self._hidden[contact] = _step_after(fact, call.step, service) or LiveStep.QUEUE
            return
        call.service = service or call.service
        if service:
            call.heard.release_held(fact.at)
        if isinstance(fact, f.CallbackChanged):
            call.callback = fact.callback
        # 4. Its step.
        step_now = _step_after(fact, call.step, call.service)
        if step_now is not None:
            call.set_step(step_now, fact.at)
        self._changed[contact] = None
        if call.is_off_line:
            self._leave_list(contact)

    def _add_call(self, contact: ContactId, at: float) -> LiveCall | None:
        if len(self._calls) >= COURSES_MAX:
            self.drop_ended(at)
        if len(self._calls) >= COURSES_MAX:
            self._uncounted[contact] = LiveStep.MENU
            return None
        self._calls[contact] = call = LiveCall(contact, at)
        return call

    def _forget_call(self, contact: ContactId) -> None:
        self._leave_list(contact)
        self._calls.pop(contact, None)
        self._changed.pop(contact, None)

    def _leave_list(self, contact: ContactId) -> None:
        if contact in self._shown:
            del self._shown[contact]
            self._gone[contact] = None

    def _fill_list(self) -> None:
        """Give free places of the list to calls that have none, the oldest first."""
        free = CALLS_MAX - len(self._shown)
        # The changed ones are looked at alone, unless a place has become free for another one.
        some: Sequence[ContactId] = list(self._calls if self._gone else self._changed)
        for contact in some:
            if free <= 0:
                return
            call = self._calls.get(contact)
            if call is not None and contact not in self._shown and not call.is_off_line:
                self._shown[contact] = None
                self._gone.pop(contact, None)
                self._changed[contact] = None
                free -= 1


def _service_after(fact: Fact) -> str:
    """Return the service that a fact gives to its call, or an empty text."""
    match fact:
        case f.Queued() | f.Moved():
            return str(fact.service)
        case tf.ConsultCompleted():
            return str(fact.to)
        case f.MenuEndedRecorded() if fact.outcome in _GOES_ON:
            return str(fact.service)
        case tf.TalkEndedRecorded() | tf.ConsultStarted() if fact.to is not None:
            return str(fact.to)
    return ""


def _step_after(fact: Fact, step: LiveStep, service: str) -> LiveStep | None:
    """Return the step of a call after a fact, or None if it stays."""
    match fact:
        case f.Queued() | f.Moved() | tf.ConsultStarted():
            return LiveStep.QUEUE
        case f.MenuEndedRecorded():
            # A caller who waits has taken the choice back, and has chosen again or has hung up.
            return LiveStep.QUEUE if fact.outcome in _GOES_ON else None if service else LiveStep.END
        case f.Offered():
            return LiveStep.RINGING
        case f.OfferClosed() if fact.contact_version is not None:
            return LiveStep.QUEUE
        case tf.Connected() | tf.ConsultCancelled():
            return LiveStep.TALK
        case tf.TalkEndedRecorded():
            return LiveStep.WRAPUP if fact.state is ContactState.WRAPPING else LiveStep.QUEUE
        case f.Ended():
            return None if fact.outcome is Outcome.ANSWERED and step is LiveStep.WRAPUP else LiveStep.END
        case tf.WrappedUp():
            return LiveStep.END
    return None
