"""Hold what is known of callers and agents at one moment, from observations alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf

from tests.callers_side.observations import Seen


@dataclass(slots=True)
class Ring:
    """A phone that rings for a caller."""

    agent: str
    caller: str
    kind: str
    since: float
    answered: float | None = None
    """Time at which the agent picked up."""
    briefed: bool = False
    """The agent hears a brief before the caller."""
    acts: bool = True


@dataclass(slots=True)
class Caller:
    """A person who has called."""

    name: str
    line: str
    since: float
    waits: bool = True
    aside: str = ""
    """Why the house cannot reach the caller now. Empty if it can."""
    rings: dict[str, Ring] = field(default_factory=dict)
    """Phones that ring for the caller, by agent."""
    agent: str = ""
    """Agent whom the caller hears."""
    told_until: float = inf
    """End of the wait that the caller was told."""
    told_words: str = ""
    place: int = 0
    """Place that the caller was told last."""
    promised: bool = False
    """The caller was promised a call."""
    promised_by: float = inf
    """End of the time for which the call was promised."""
    was_dialled: bool = False
    dialled: bool = False
    """The caller's phone rings now."""
    sent_away: bool = False
    """The house has ended the wait."""
    partner_rang: bool = False
    pressed: dict[str, float] = field(default_factory=dict)
    """Keys that the caller has pressed without an answer, with the time of each."""
    alone_since: float | None = None

    @property
    def in_line(self) -> bool:
        """Whether the caller waits on the line, and the house can reach the caller."""
        return self.waits and not self.aside and not self.promised and not self.sent_away


@dataclass(slots=True)
class Agent:
    """A person who answers."""

    name: str
    sure: frozenset[str] = frozenset()
    """Lines that the agent surely may serve."""
    perhaps: frozenset[str] = frozenset()
    """Lines that the agent may serve, as far as anybody can see."""
    own: str = "out"
    since: float = 0.0
    rests_until: float = 0.0
    limit_s: float = inf
    break_s: float = 0.0
    at_work_since: float = 0.0
    rings: dict[str, Ring] = field(default_factory=dict)
    """Phones rings for these callers."""
    caller: str = ""
    """Caller whom the agent hears."""

    @property
    def signed_in(self) -> bool:
        """Whether the agent is at work."""
        return self.own not in ("out", "away")

    def free_since(self) -> float | None:
        """Return since when the agent could take a call, or None."""
        if self.own != "free" or self.rings or self.caller:
            return None
        return max(self.since, self.rests_until)


class Scene:
    """Everybody, at the moment of the last observation."""

    def __init__(self) -> None:
        self.now = -inf
        self.distress: set[str] = set()
        """Crisis lines."""
        self.partners: dict[str, str] = {}
        self.callers: dict[str, Caller] = {}
        self.agents: dict[str, Agent] = {}
        self.in_distress: dict[str, Caller] = {}
        """Callers who wait on a crisis line."""
        self.told: dict[str, Caller] = {}
        """Callers who wait, and were told a wait."""
        self.promised: dict[str, Caller] = {}
        """Callers who were promised a call."""
        self.picked_up: dict[tuple[str, str], Ring] = {}
        """Rings that an agent has answered, and whose caller is not heard yet."""
        self.came: dict[str, int] = {}
        """Callers of each line who were helped or sent away, each once."""
        self.sent_away: dict[str, int] = {}
        """Callers of each line who were sent away."""
        self.quiet_hours = False

    def agent(self, name: str) -> Agent:
        """Return an agent, who may be new."""
        found = self.agents.get(name)
        if found is None:
            found = self.agents[name] = Agent(name)
        return found

    def waiting_on(self, line: str) -> list[Caller]:
        """Return the callers who wait on a line."""
        return [one for one in self.callers.values() if one.line == line and one.waits and not one.sent_away]

    def free_for(self, line: str) -> list[Agent]:
        """Return the agents who surely may serve a line and are free, or whose rest ends soon."""
        return [one for one in self.agents.values()
                if line in one.sure and one.own == "free" and not one.rings and not one.caller]

    def apply(self, seen: Seen) -> None:
        """Take one observation."""
        self.now = seen.at
        getattr(self, "_on_" + seen.what.replace(" ", "_"))(seen)

    # -- the house

    def _on_line(self, seen: Seen) -> None:
        (self.distress.add if seen.words == "distress" else self.distress.discard)(seen.who)
        self.partners[seen.who] = seen.about
        for caller in self.callers.values():
            self._sort(caller)

    def _on_card(self, seen: Seen) -> None:
        agent = self.agent(seen.who)
        agent.sure, agent.perhaps = frozenset(seen.words.split()), frozenset(seen.about.split() + seen.words.split())
        agent.limit_s, agent.break_s = seen.n or inf, seen.also

    def _on_broke(self, seen: Seen) -> None:
        pass

    def _on_figures(self, seen: Seen) -> None:
        pass

    def _on_quiet_hours(self, seen: Seen) -> None:
        self.quiet_hours = seen.n > 0

    # -- agents

    def _on_own(self, seen: Seen) -> None:
        agent = self.agent(seen.who)
        rested = agent.own in ("break", "out") or (agent.own == "free" and seen.at - agent.since >= agent.break_s > 0)
        if rested and seen.words not in ("break", "out"):
            agent.at_work_since = seen.at
        if seen.words != agent.own:
            agent.since = seen.at
        agent.own, agent.rests_until = seen.words, seen.n

    def _on_rings(self, seen: Seen) -> None:
        ring = Ring(seen.who, seen.about, seen.words or "live", seen.at)
        self.agent(seen.who).rings[seen.about] = ring
        if (caller := self.callers.get(seen.about)) is not None:
            caller.rings[seen.who] = ring

    def _on_quiet(self, seen: Seen) -> None:
        self.agent(seen.who).rings.pop(seen.about, None)
        self.picked_up.pop((seen.who, seen.about), None)
        if (caller := self.callers.get(seen.about)) is not None:
            caller.rings.pop(seen.who, None)

    def _on_answers(self, seen: Seen) -> None:
        ring = self.agent(seen.who).rings.get(seen.about)
        if ring is not None and ring.answered is None:
            ring.answered, ring.briefed = seen.at, seen.words == "brief"
            self.picked_up[seen.who, seen.about] = ring

    def _on_voice(self, seen: Seen) -> None:
        self._on_quiet(seen)
        self.agent(seen.who).caller = seen.about
        caller = self.callers.get(seen.about)
        if caller is not None:
            self.came[caller.line] = self.came.get(caller.line, 0) + caller.waits
            caller.agent, caller.waits, caller.promised, caller.dialled = seen.who, False, False, False
            caller.told_until, caller.place = inf, 0
            self._sort(caller)

    def _on_over(self, seen: Seen) -> None:
        self.agent(seen.who).caller = ""
        if (caller := self.callers.get(seen.about)) is not None:
            caller.agent = ""

    def _on_told(self, seen: Seen) -> None:
        pass

    def _on_acts(self, seen: Seen) -> None:
        pass

    def _on_asks_back(self, seen: Seen) -> None:
        pass

    def _on_refuses(self, seen: Seen) -> None:
        pass

    # -- callers

    def _on_asks(self, seen: Seen) -> None:
        caller = self.callers.get(seen.who)
        if caller is None:
            caller = self.callers[seen.who] = Caller(seen.who, seen.about, seen.at)
        if caller.line != seen.about:
            caller.told_until, caller.place = inf, 0
        if not caller.waits:
            caller.since, caller.told_until, caller.place = seen.at, inf, 0
        caller.line, caller.waits, caller.sent_away = seen.about, True, False
        if seen.words != "promise":
            caller.promised = False
        self._sort(caller)

    def _on_aside(self, seen: Seen) -> None:
        if (caller := self.callers.get(seen.who)) is not None:
            caller.aside = seen.words or "aside"
            self._sort(caller)

    def _on_back(self, seen: Seen) -> None:
        if (caller := self.callers.get(seen.who)) is not None:
            caller.aside = ""
            self._sort(caller)

    def _on_hears(self, seen: Seen) -> None:
        caller = self.callers.get(seen.who)
        if caller is None:
            return
        caller.pressed.clear()
        if seen.words == "wait":
            caller.told_until, caller.told_words = seen.at + 60.0 * max(1.0, seen.n), f"{seen.n:g} min"
        elif seen.words in ("wait more", "anew"):
            caller.told_until = inf
        elif seen.words == "place":
            caller.place = int(seen.n)
        elif seen.words in ("promise", "promised for"):
            caller.promised, caller.promised_by, caller.was_dialled = True, seen.n or inf, False
            caller.told_until, caller.sent_away = inf, False
        elif seen.words == "taken back":
            caller.promised = False
        elif seen.words == "good-bye" and not caller.sent_away:
            caller.sent_away = True
            self.sent_away[caller.line] = self.sent_away.get(caller.line, 0) + 1
            self.came[caller.line] = self.came.get(caller.line, 0) + 1
        self._sort(caller)

    def _on_presses(self, seen: Seen) -> None:
        if (caller := self.callers.get(seen.who)) is not None:
            caller.pressed[seen.words] = seen.at

    def _on_gone(self, seen: Seen) -> None:
        caller = self.callers.get(seen.who)
        if caller is None or (caller.promised and seen.words == "hung up"):
            if caller is not None:
                caller.dialled = False
            return
        del self.callers[seen.who]
        for found in (self.in_distress, self.told, self.promised):
            found.pop(seen.who, None)

    def _on_dialled(self, seen: Seen) -> None:
        if (caller := self.callers.get(seen.who)) is not None:
            caller.dialled = caller.was_dialled = True

    def _on_undialled(self, seen: Seen) -> None:
        if (caller := self.callers.get(seen.who)) is not None:
            caller.dialled = False

    def _on_partner(self, seen: Seen) -> None:
        if (caller := self.callers.get(seen.who)) is not None:
            caller.partner_rang = True

    def _sort(self, caller: Caller) -> None:
        """Keep the indexes of callers who wait."""
        for found, belongs in ((self.in_distress, caller.in_line and caller.line in self.distress),
                               (self.told, caller.in_line and caller.told_until < inf),
                               (self.promised, caller.promised)):
            if belongs:
                found[caller.name] = caller
            else:
                found.pop(caller.name, None)
