"""Read the random days of the crowd (`tests/oracle/crowd.py`), which drives the shipped engine."""

from __future__ import annotations

from collections import Counter

from routing.core.model.centre_model import Agent, Channel, Estimate
from routing.core.model.facts import Queued
from tests.callers_side.adapters.watched_engine import WatchedEngine
from tests.callers_side.reader import Finding, Reader
from tests.oracle import crowd
from tests.oracle.side_by_side import SideBySide, Still


class WatchedSide(SideBySide):
    """Engine and oracle with a watched engine. The reader begins again with each process."""

    findings: list[Finding]
    observations: int
    begun: Counter[str]

    def _begin(self) -> None:
        super()._begin()
        if not hasattr(self, "findings"):
            self.findings, self.observations, self.begun = [], 0, Counter()
        else:
            self.close()
        self.reader = Reader()
        self.engine = WatchedEngine(self.reader.see)
        self.engine._domain.handle_times = Still(self.takes_s)

    def close(self) -> None:
        """Take what the reader has found so far."""
        self.findings += self.reader.findings
        self.observations += self.reader.observations
        self.begun += self.reader.begun

    def pass_time(self, until: float, *, late: bool = False) -> None:
        """Move the time forward. A clock that is late would make every machine look slow, so none is here."""
        super().pass_time(until)

    def expected(self, contact: str) -> Estimate | None:
        """Return the wait that the engine has just told a new contact to expect."""
        return next((fact.estimate for fact in self.engine._kept if isinstance(fact, Queued)
                     and fact.contact == contact), None)


def make_plain(agent: Agent, number: int) -> Agent:
    """Return an agent of the crowd without an arrangement, but for every third one."""
    if number % 3 == 0:
        return agent
    profile = agent.profile._replace(
        channels=frozenset(Channel), max_concurrency=((Channel.VOICE, 1), (Channel.CHAT, 3)), capacity=100, pair_id="",
        no_topics=frozenset(), distress=agent.profile.distress._replace(binds=False))
    return agent._replace(skills=tuple((skill, 80) for skill in crowd.SKILLS), profile=profile, remote=False)


def read_crowd(seed: int, events: int, plain: bool = False) -> WatchedSide:
    """Return a random house after some events, with its findings. With `plain`, most agents are like each other."""
    before, usual = crowd.SideBySide, crowd.agent_of
    crowd.SideBySide = WatchedSide
    if plain:
        crowd.agent_of = lambda rng, number: make_plain(usual(rng, number), number)
    try:
        found = crowd.Crowd(seed, restarts=False)
        side = found.side_by_side
        while side.events < events:
            found.step()
        side.close()
    finally:
        crowd.SideBySide, crowd.agent_of = before, usual
    return side
