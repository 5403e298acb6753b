"""Emit facts: one function for each kind of fact.

    emit.hold_changed(d, offer=offer.id, contact=contact.id, agent=record.id, on=True, held_s=0.0)
    emit.wrapped_up(d, offer)

Each function numbers the fact, stamps the domain's time on the fact and appends the fact to `Domain.facts`. Most
functions take the fact's fields as named arguments.

Functions for the facts of every call take a record. They read from the record each field that is no parameter. They
also mark the record as changed, so that its row is written with the turn. Their arguments go by position: Python
compares each named argument with all parameters, and named arguments made an event 2 % slower.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import Parameter, signature
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar, cast

from routing.core.memory.waits import LearnedService
from routing.core.model import commands, facts, talk_facts
from routing.core.model.centre_model import AgentState, AnswerMode, Estimate, OfferState
from routing.core.model.declare import DIRTY, END, STATE
from routing.core.model.ids import AgentId, ServiceId
from routing.core.records import AgentRecord, Contact, Offer

P = ParamSpec("P")
R = TypeVar("R")


class FactLog(Protocol):
    """Attributes of the domain that a new fact reads and changes."""

    next_seq: int
    now: float
    facts: list[facts.Fact]
    dirty: list[Contact | Offer | AgentRecord | LearnedService]


# Bodies of the compiled functions. `_new` is `tuple.__new__`, which takes the values in the order of the fields.
_EMIT = """
    seq = d.next_seq
    d.next_seq = seq + 1
    d.facts.append(_new(_kind, ({values},)))
{marks}"""
_RETURN = """
    return _new(_kind, ({values},))
"""
_CHANGES = {"offer": {"offer": STATE, "contact": STATE}, "contact": {"contact": STATE}, "record": {"record": 0}}
"""Records whose rows change with a fact about a record, and the groups of columns that change."""
_OTHER_CHANGES = {facts.Ended: {"contact": STATE | END}, facts.OfferRang: {"offer": 0}}

# Sources of the fields: the expression that reads each field, by name.
_STAMP = {"seq": "seq", "at": "d.now"}
_OF_CONTACT = {
    "contact": "contact.id", "service": "contact.service.id", "service_name": "contact.service.name",
    **{name: f"contact.{name}" for name in (
        "version", "state", "outcome", "channel", "original_position", "since", "priority", "leg", "caller_hash",
        "number_encrypted",
        "slow", "node", "estimate", "needs", "topics", "language", "step", "callback")}}
_OF_AGENT = {
    "agent": "record.id", "agent_version": "record.version",
    "since": "None if record.since == d.now else record.since",
    "idle_since": "None if record.idle_since == record.since else record.idle_since",
    "skills": "None if record.as_configured is None else record.agent.skills",
    **{name: f"record.{name}" for name in (
        "version", "state", "team", "reason", "seat", "rna_count", "pause_pending",
        "leave_pending",
        "wrapup_until",
        *facts.LoadState._fields)}}
_OF_OFFER = {
    **_OF_AGENT, **_OF_CONTACT, "offer": "offer.id", "by": "offer.reason",
    "preferred": "contact.preferred is record",
    "partner": "None if offer.partner is None else offer.partner.id",
    "remote": "record.agent.remote", "comfort": "record.profile.comfort",
    **{name: f"offer.{name}" for name in ("seat", "ring_s", "rings_at", "step", "level", "held_s", "tier", "reason",
                                              "talk_s", "wrapup_s")}}
_SUBJECTS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "offer": ("    contact, record = offer.contact, offer.agent", _OF_OFFER),
    "contact": ("", _OF_CONTACT),
    "record": ("", _OF_AGENT),
}
"""Expressions from which fields are read, by the record that a function takes next to the domain."""


def _compile(kind: Any, parameters: list[Parameter], subject: str | None, body: str) -> Any:
    """Return a function with `parameters` that makes a named tuple of `kind`.

    `subject` is the parameter that is a record. The class call of a named tuple would pass named arguments through a
    dictionary, which costs twice as much.
    """
    # 1. Find what is read from the record, and the rows that the function marks.
    fields = {one.name for one in parameters} - {"d", subject}
    before, sources = ("", {}) if subject is None else _SUBJECTS[subject]
    changes = {} if subject is None else _OTHER_CHANGES.get(kind, _CHANGES[subject])
    # As `Domain.mark`, without a call. Most records of a turn are marked already: an offer with its contact, and each
    # record at least for the highest group.
    marks = "".join([f"        if {name}.dirty:\n            {name}.dirty |= {DIRTY | groups}\n"
                     f"        else:\n            d.dirty.append({name})\n            {name}.dirty = {DIRTY | groups}\n"
                     for name, groups in changes.items()])
    if changes:
        name, groups = next(iter(changes.items()))
        known = f"{name}.dirty >= {groups & END or STATE}" if groups else f"{name}.dirty"
        marks = f"    if not {known}:\n" + marks
    # 2. Find the source of each field. An argument wins over number and time, then the record, then the default of the
    # field.
    defaults = {one.name: one.default for one in parameters if one.default is not Parameter.empty}
    sources = {**{name: f"_defaults[{name!r}]" for name in kind._field_defaults}, **sources, **_STAMP,
               **{name: name for name in fields}}
    # 3. Write the function as source text and compile it.
    listed = ", ".join([f"{one.name}=_defaults[{one.name!r}]" if one.name in defaults else one.name
                        for one in parameters])
    # No field begins with an underscore, so these names are free.
    space: dict[str, Any] = {"_kind": kind, "_new": tuple.__new__, "_defaults": {**kind._field_defaults, **defaults}}
    values = ", ".join([sources[name] for name in kind._fields])
    # `namedtuple` of the standard library compiles its methods the same way.
    # The name stands in tracebacks and profiles.
    name = f"emit_{kind.__name__}"
    exec(f"def {name}({listed}):\n{before}{body.format(values=values, marks=marks)}", space)  # noqa: S102
    return space[name]


def emitter(kind: Callable[Concatenate[int, float, P], facts.Fact]) -> Callable[Concatenate[FactLog, P], None]:
    """Return the function that emits a fact of `kind`. Each field except number and time is a named argument."""
    log, *rest = [Parameter("d", Parameter.POSITIONAL_OR_KEYWORD), *list(signature(kind).parameters.values())[2:]]
    named = [one.replace(kind=Parameter.KEYWORD_ONLY) for one in rest]
    return cast("Callable[Concatenate[FactLog, P], None]", _compile(kind, [log, *named], None, _EMIT))


def emits(kind: type[facts.Fact]) -> Callable[[Callable[P, None]], Callable[P, None]]:
    """Return a decorator that gives a signature the body that emits a fact of `kind`."""
    def decorate(declared: Callable[P, None]) -> Callable[P, None]:
        parameters = list(signature(declared).parameters.values())
        return cast("Callable[P, None]", _compile(kind, parameters, parameters[1].name, _EMIT))
    return decorate


def returns(kind: Callable[..., R]) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that gives a signature the body that returns a named tuple of `kind`."""
    def decorate(declared: Callable[P, R]) -> Callable[P, R]:
        parameters = list(signature(declared).parameters.values())
        return cast("Callable[P, R]", _compile(kind, parameters, parameters[0].name, _RETURN))
    return decorate


@emits(facts.Queued)
def queued(d: FactLog, contact: Contact, position: int, entered_at: float | None) -> None:
    """Emit `Queued` of a contact."""


@emits(facts.Offered)
def offered(d: FactLog, offer: Offer, idle_s: float, runners_up: tuple[AgentId, ...], agents_ready: int,
            agents_signed_in: int, waiting: int, strategy: str, score: float, by_state: tuple[int, ...],
            beside: bool) -> None:
    """Emit `Offered` of an offer."""


@emits(facts.OfferRang)
def offer_rang(d: FactLog, offer: Offer) -> None:
    """Emit `OfferRang` of an offer."""


@emits(facts.OfferClosed)
def offer_closed(d: FactLog, offer: Offer, state: OfferState, rang_s: float, contact_version: int | None) -> None:
    """Emit `OfferClosed` of an offer."""


@emits(talk_facts.Connected)
def connected(d: FactLog, offer: Offer, wait_s: float, ring_s: float, within: bool,
              connected_at: float | None, estimate: Estimate | None, pre_connect_s: float) -> None:
    """Emit `Connected` of an offer."""


@emits(talk_facts.TalkEndedRecorded)
def talk_over(d: FactLog, offer: Offer, wait_s: float, to: ServiceId | None) -> None:
    """Emit `TalkEndedRecorded` of an offer."""


@emits(talk_facts.WrappedUp)
def wrapped_up(d: FactLog, offer: Offer) -> None:
    """Emit `WrappedUp` of an offer."""


@emits(facts.Ended)
def ended(d: FactLog, contact: Contact, wait_s: float, position: int, key: str,
          ended_at: float | None) -> None:
    """Emit `Ended` of a contact."""


@emits(facts.AgentChanged)
def agent_changed(d: FactLog, record: AgentRecord, before: AgentState, before_s: float,
                  services: tuple[ServiceId, ...] | None, load_state: facts.LoadState | None) -> None:
    """Emit `AgentChanged` of an agent."""


@returns(commands.Offer)
def new_offer_command(offer: Offer, answer_mode: AnswerMode, whisper: bool, waited_s: float, reading_s: float,
                      partner: commands.Partner | None, consulting_leg: str) -> commands.Offer:
    """Return the command that rings the agent's phone for `offer`."""
    raise NotImplementedError


@returns(facts.LoadState)
def new_load_state(record: AgentRecord, overrides: tuple[tuple[str, float], ...]) -> facts.LoadState:
    """Return the part of the agent's load and breaks that metrics and reports need."""
    raise NotImplementedError


@emits(facts.DeskChangedRecorded)
def desk_changed(d: FactLog, record: AgentRecord, present: bool) -> None:
    """Emit `DeskChangedRecorded` of an agent."""


# These facts are rare, so each call names all fields.
moved = emitter(facts.Moved)
way_out_offered = emitter(facts.WayOutOffered)
contact_changed = emitter(facts.ContactChanged)
stepped = emitter(facts.Stepped)
callback_changed = emitter(facts.CallbackChanged)
callback_dialled = emitter(facts.CallbackDialled)
hold_changed = emitter(talk_facts.HoldSetRecorded)
wrap_up_wanted = emitter(talk_facts.WrapUpRequestedRecorded)
follow_up_set = emitter(talk_facts.FollowUpAgreedRecorded)
abuse_noted = emitter(talk_facts.CallerFlaggedAbusiveRecorded)
consulting = emitter(talk_facts.ConsultStarted)
returned = emitter(talk_facts.ConsultCancelled)
consult_completed = emitter(talk_facts.ConsultCompleted)
interrupted = emitter(talk_facts.Interrupted)
overridden = emitter(facts.Overridden)
service_changed = emitter(facts.ServiceChanged)
centre_changed = emitter(facts.CentreChanged)
alarm = emitter(facts.Alarm)
pause_limit_reached = emitter(facts.PauseLimitReached)
break_postponed = emitter(facts.BreakPostponed)
surveyed = emitter(facts.SurveyAnsweredRecorded)
menu_passed = emitter(facts.MenuEndedRecorded)
calls_refused = emitter(facts.CallsRefusedRecorded)
