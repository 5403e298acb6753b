"""Define the shape of `services.yaml`: the kinds of help that callers ask for, and the agents each needs."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from centres.base_shapes import EXPRESSION, LEVELS, Name, ServiceId, Shape, Skills, Text, Week, require_plain

Expression = Annotated[str, StringConstraints(min_length=1, max_length=500)]
"""An expression such as `psikososyal >= 60 and tr`. `santral check` parses it and marks the column of a mistake."""

def _needs_kind(needs: Any) -> str | None:
    if isinstance(needs, str):
        return EXPRESSION
    return LEVELS if isinstance(needs, dict) else None


Needs = Annotated[
    Annotated[Skills, Tag(LEVELS)] | Annotated[Expression, Tag(EXPRESSION)],
    Discriminator(_needs_kind, custom_error_type="needs",
                  custom_error_message="should be levels, such as {psikososyal: 60}, or an expression in quotes")]
"""Minimum level by skill, or an expression."""

Strategy = Literal["longest_idle", "least_occupied", "longest_idle_any", "least_occupied_any", "fewest_skills",
                   "weakest_first", "fewest_contacts"]
"""Modules of `routing/core/strategies`; a test compares the names."""


Share = Annotated[str, StringConstraints(pattern=r"^(100|[1-9][0-9]?)%$")]
"""A share in whole per cent."""

DISTRESS_LOAD = 3
"""Load of a contact of a distress service that names none: a psychosocial call."""


class Step(Shape):
    """One step of a requirement. Every step but the last states how long it lasts, except in distress."""

    needs: Needs
    """Skills with minimum levels, or an expression such as `psikososyal >= 60 and (tr or en)`."""
    lasts_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    """Duration; required for every step but the last. Not for distress."""


class Opening(Week):
    """Opening hours of a service. Without them the service is open whenever the line is."""

    @model_validator(mode="after")
    def _require_spans(self) -> Self:
        if not self.has_spans():
            raise ValueError("is never open; write spans for the days, or remove 'hours'")
        return self


def _require_music(name: str) -> str:
    """Return a name that can be a class of Asterisk's music on hold, and a folder."""
    # Both names have a meaning in musiconhold.conf already.
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,40}", name) or name in ("general", "default"):
        raise ValueError("should be 1 to 40 of the letters A to Z and a to z, digits, _ and -, and neither general nor "
                         "default")
    return name


class Waiting(Shape):
    """Announcements during the wait for a service. Left out: the usual ones; distress services have gentler ones."""

    first: Name | None = None
    """Prompt at the start of the wait; left out: the usual one."""
    place: bool = True
    """Announce the position."""
    expected: bool = True
    """Announce the EWT when it is known well enough."""
    comfort: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)] | None = None
    """Prompts in turn; left out: the usual three."""


WAYS_OUT = ("callback", "message", "goodbye")
"""Ways out of a queue, as targets of rules. No service may have such an id."""


class Rule(Shape):
    """Where a service leads callers for whom it would be vain to wait."""

    to: Name
    """Another service, or a way out: `callback` and `message` are offered by a key, `goodbye` ends the call."""
    say: Name | None = None
    """Prompt that says why; left out: the usual one. Only with a way out."""

    @model_validator(mode="after")
    def _require_heard(self) -> Self:
        if self.say is not None and self.to not in WAYS_OUT:
            raise ValueError("has 'say' and leads to a service, which nobody is told; remove 'say'")
        return self


class TimedRule(Rule):
    """A rule that holds above a limit of the wait."""

    over_s: Annotated[float, Field(ge=10, le=7200)]
    """The expected or the real wait must be longer."""


class Plan(Shape):
    """The planned busy hour of a distress service. `santral check` says what the team carries."""

    calls_per_h: Annotated[float, Field(gt=0, le=10_000)]
    """Calls in the hour."""
    handle_s: Annotated[float, Field(gt=0, le=86_400)]
    """Mean handle time: talk and wrap-up."""
    on_duty: Annotated[int, Field(ge=1, le=500, strict=True)]
    """Agents on duty who fit the service."""


class Service(Shape):
    """A queue. Its fields match those of the engine's `Service`."""

    id: ServiceId
    """Unique; name in the menu, metrics and queue_log."""
    name: Annotated[str, StringConstraints(min_length=1, max_length=40), AfterValidator(require_plain)]
    """Shown on the phones of agents."""
    steps: Annotated[tuple[Step, ...], Field(min_length=1, max_length=10)]
    """Requirement, step by step."""
    floor: Needs = {}
    """Minimum that never relaxes."""
    priority: Annotated[int, Field(ge=-60, le=60, strict=True)] = 0
    """Points; one counts as a minute of waiting."""
    weight: Annotated[float, Field(ge=0.1, le=10)] = 1.0
    """Factor of ageing: 2 doubles every second of waiting."""
    strategy: Strategy = "longest_idle"
    """Order of the candidates."""
    distress: bool = False
    """Callers may be in distress: never dropped, full, closed or timed out."""
    keep_free: Annotated[int, Field(ge=1, le=500, strict=True)] | Share | None = None
    """Agents who fit and stay free of other contacts: a number, or a share such as `"20%"` of those signed in. Only
    for distress."""
    plan: Plan | None = None
    """Planned busy hour, for `santral check`. Only for distress."""
    load: Annotated[int, Field(ge=0, le=5, strict=True)] | None = None
    """Distress load of one contact; from 3 on it is heavy. Left out: 3 for distress, else 0."""
    ceiling_s: Annotated[float, Field(ge=10, le=3600)] | None = None
    """Emergency ceiling: after this wait an agent at the hard limit may accept by a key."""
    preferred_s: Annotated[float, Field(ge=0, le=300)] = 0.0
    """Wait for the agent of the last talk."""
    preferred_days: Annotated[float, Field(gt=0, le=366)] = 30.0
    """Age of the last talk beyond which it does not count."""
    target_s: Annotated[float, Field(gt=0, le=3600)] = 20.0
    """Service level: answered within."""
    target_share: Annotated[float, Field(gt=0, le=1)] = 0.8
    """Service level: share of callers."""
    short_abandon_s: Annotated[float, Field(ge=0, le=60)] = 5.0
    """A shorter wait counts as `abandoned_short`."""
    when_nobody: Rule | None = None
    """Rule while nobody is there who could take the call. Rules are not for distress."""
    when_waited: TimedRule | None = None
    """Rule after a wait in this service."""
    when_expected: TimedRule | None = None
    """Rule for callers with a long expected wait, when they come."""
    when_full: Rule | None = None
    """Rule for callers who come beyond `max_waiting`."""
    when_closed: Rule | None = None
    """Rule for callers who come outside `hours`; left out: they go back to the menu."""
    max_waiting: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    """Queue limit, with `when_full`. Not for distress."""
    max_talking: Annotated[int, Field(ge=1, le=100_000, strict=True)] | None = None
    """Limit of contacts with agents at one time. Not for distress."""
    hours: Opening | None = None
    """Spans by day as in `[hours]`; left out: as the line. Not for distress."""
    callback: Literal["none", "agent_first", "caller_first", "predictive"] | None = None
    """First party dialled, or `none`. `predictive`: the caller, without a reserved agent; not for distress. Left out:
    `agent_first`, and `none` for distress, anonymous services and trunks without a way out."""
    callback_press: bool = False
    """The called person must press 1, so that no mailbox counts as answered."""
    callback_max: Annotated[int, Field(ge=1, le=10_000, strict=True)] = 100
    """Limit of waiting callbacks."""
    position_held_s: Annotated[float, Field(ge=0, le=1800)] = 300.0
    """Held position: time in which a caller who hung up gets the position back; 0: never."""
    music: Annotated[str, AfterValidator(_require_music)] | None = None
    """`santral`, `sakin` (calm), or a folder below `[asterisk] music`; left out: `santral`, for distress `sakin`."""
    waiting: Waiting = Waiting()
    """Announcements during the wait."""
    callback_after_s: Annotated[float, Field(ge=15, le=3600)] = 120.0
    """Wait before the callback is offered; repeated every five minutes."""
    callback_key: Annotated[int, Field(ge=3, le=7, strict=True)] = 3
    """Works from the start."""
    callback_tries: Annotated[int, Field(ge=1, le=20, strict=True)] = 3
    """Number of tries."""
    callback_retry_s: Annotated[float, Field(ge=60, le=86_400)] = 900.0
    """Time between two tries."""
    emergency: Name | None = None
    """Prompt for callers in distress while nobody can be reached, with emergency numbers."""
    survey: bool | None = None
    """Ask callers after the talk; left out: unless distress or anonymous."""
    codes: Annotated[dict[ServiceId, Text], Field(max_length=30)] = {}
    """Codes of the wrap-up, each with its name on the desk. An agent chooses one, or none."""
    privacy: Literal["normal", "private", "anonymous"] = "normal"
    """`private`: never recorded. `anonymous`: also no number is shown or stored."""

    @property
    def rules(self) -> dict[str, Rule]:
        """The rules by key, in the order of the engine."""
        found = {"when_closed": self.when_closed, "when_full": self.when_full, "when_nobody": self.when_nobody,
                 "when_expected": self.when_expected, "when_waited": self.when_waited}
        return {key: rule for key, rule in found.items() if rule is not None}

    @property
    def calls_back(self) -> str:
        """`callback` with its default. A service that hides numbers from everybody cannot call back."""
        return self.callback or ("none" if self.distress or self.privacy == "anonymous" else "agent_first")

    @property
    def load_of_contact(self) -> int:
        """`load` with its default."""
        return self.load if self.load is not None else DISTRESS_LOAD if self.distress else 0

    @property
    def asks_survey(self) -> bool:
        """Whether callers are asked after the talk."""
        return self.survey if self.survey is not None else not self.distress and self.privacy != "anonymous"

    @model_validator(mode="after")
    def _require_consistent(self) -> Self:
        # Without `lasts_s` a step would never end, so the steps after it would never be reached.
        if self.distress and any(step.lasts_s is not None for step in self.steps):
            raise ValueError("is for distress, so all its steps are tried at once; remove 'lasts_s'")
        if not self.distress and (any(step.lasts_s is None for step in self.steps[:-1])
                                  or self.steps[-1].lasts_s is not None):
            raise ValueError("every step but the last needs 'lasts_s', and the last may not have it")
        # A caller in distress is never dropped, so no limit may send that caller away.
        if self.distress and self.rules:
            raise ValueError("is for distress, and its callers hear 'emergency' and stay; remove "
                             f"{' and '.join(map(repr, self.rules))}")
        if self.distress and (self.max_waiting is not None or self.hours is not None):
            raise ValueError("a distress service is never full and never closed; remove 'max_waiting' and 'hours'")
        if self.distress and self.max_talking is not None:
            raise ValueError("callers in distress never wait for a limit of talks; remove 'max_talking'")
        # A caller in distress must not answer the phone and find nobody there.
        if self.distress and self.callback == "predictive":
            raise ValueError("is for distress, and nobody in distress is called before an agent is there; set "
                             "'callback' to 'agent_first' or 'caller_first'")
        if self.keep_free is not None and not self.distress:
            raise ValueError("has 'keep_free' and is not for distress; set 'distress', or remove it")
        if self.plan is not None and not self.distress:
            raise ValueError("has 'plan' and is not for distress; remove it")
        if self.emergency is not None and not self.distress:
            raise ValueError("has 'emergency' and is not for distress; set 'distress', or remove it")
        if self.privacy == "anonymous" and self.callback not in (None, "none"):
            raise ValueError("is anonymous and keeps no number to call back; remove 'callback'")
        self._require_rules()
        return self

    def _require_rules(self) -> None:
        """Raise ValueError for a rule that contradicts the service or another rule."""
        if self.id in WAYS_OUT:
            raise ValueError("has the id of a way out; choose another id")
        for key, rule in self.rules.items():
            if rule.to == self.id:
                raise ValueError(f"'{key}' leads to itself; name another service or a way out")
            if rule.to == "callback" and self.calls_back == "none":
                raise ValueError(f"'{key}' offers a callback, and the service calls nobody back; lead elsewhere")
            if rule.to == "message" and self.privacy != "normal":
                raise ValueError(f"'{key}' takes a message, and nothing of the service is recorded; lead elsewhere")
        if (self.max_waiting is None) is not (self.when_full is None):
            raise ValueError("'max_waiting' and 'when_full' belong together: the limit, and where callers go then")
        if self.when_waited is not None and self.when_expected is not None \
                and self.when_expected.over_s > self.when_waited.over_s:
            raise ValueError("'when_expected' lets callers in whom 'when_waited' leads on before their turn; "
                             "make its 'over_s' no longer than that of 'when_waited'")

