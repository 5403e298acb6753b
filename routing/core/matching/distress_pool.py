"""Keep the ready agents who fit a distress service.

All steps of such a service are tried at once, so the pool holds everybody who meets the floor. Its ready queues are, in
this order: for each step those agents in tier 0 who meet that step and none before, by the rank of the strategy. Then
those in tier 0 who only meet the floor. Then tier 1, then tier 2, each by the burden of the agents alone. The same
queues follow once more for the agents who are asked last.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import log2

from routing.core.matching import skill_requirement
from routing.core.matching.agent_pool import TIER_BITS, Pool
from routing.core.matching.protocols import A, C, RankedAgent
from routing.core.matching.skill_requirement import Requirement
from routing.core.matching.strategies import Key, Strategy
from routing.core.model.centre_model import Agent
from routing.core.model.ids import SkillId

BURDENED_QUEUES = 2
"""The two lowest bits: tier 2 and tier 1, each with one ready queue."""

NO_BURDEN = -1100.0
"""Burden of an agent without load: less than log2 of the smallest number above 0, at any time after 1970."""

BURDEN_DIGITS = 6
"""Burdens that are equal to a millionth are equal: the same load may have been added up in another order."""


def burden_of(record: RankedAgent, load_half_life_s: float) -> float:
    """Return the burden of an agent: a number in the order of the decayed loads of all agents at any moment."""
    if record.load <= 0.0:
        return NO_BURDEN
    return round(log2(record.load) + record.load_at / load_half_life_s, BURDEN_DIGITS)


def find_step(steps: tuple[Requirement, ...], fit: Requirement, skills: Mapping[SkillId, int]) -> tuple[int, int]:
    """Return the first step that an agent with these skills meets, and the level there that ranks the agent.

    The number of steps stands for the floor alone. The agent must fit.
    """
    for step, wanted in enumerate(steps):
        level = skill_requirement.level_of(wanted, skills)
        if level is not None:
            return step, level
    level = skill_requirement.level_of(fit, skills)
    return len(steps), skill_requirement.UNRANKED if level is None else level


class DistressPool(Pool[A, C]):
    """Agents who fit a distress service on a channel. `steps` has the requirement of each step."""

    __slots__ = ("burden", "steps")

    def __init__(self, channel: int, fit: Requirement, steps: tuple[Requirement, ...], strategy: Strategy, load: int,
                 burden: Key) -> None:
        super().__init__(channel, fit, strategy, load, distress=True)
        self.steps = steps
        self.burden = burden
        # The level comes from the agent's step, which differs between agents.
        self.ranks_by = None

    @property
    def range_bits(self) -> int:
        """Return the number of bits of all ready queues. No agent is kept free from distress, so there is one range."""
        return 2 * self._half

    @property
    def _half(self) -> int:
        """Return the number of the first ready queue of agents who are not asked last."""
        return BURDENED_QUEUES + TIER_BITS * (len(self.steps) + 1)

    def queue_number(self, rank: int, tier: int, _kept_for: int = 0, asked_last: bool = False) -> int:
        """Return the number of the ready queue of a rank in a tier."""
        return (rank + BURDENED_QUEUES if tier == 0 else 2 - tier) + (0 if asked_last else self._half)

    def rank_of(self, agent: Agent, skills: Mapping[SkillId, int], excluded: frozenset[str]) -> int | None:
        """Return the rank of an agent, or None if the agent does not fit. Every step has its own range of ranks."""
        if skill_requirement.level_of(self.requirement, skills, excluded) is None:
            return None
        step, level = find_step(self.steps, self.requirement, skills)
        return self.strategy.rank(agent, level) + TIER_BITS * (len(self.steps) - step)

    def key_for(self, tier: int) -> Key:
        """Return the function that orders the agents of one rank in a tier."""
        return self.burden if tier else self.key

    def allowed_tiers(self, _levels: int, urgent: bool) -> int:
        """Return the bits of all ready queues. Tier 2 is open only to contacts beyond the emergency ceiling."""
        every = (1 << self.range_bits) - 1
        return every if urgent else every & ~(1 | 1 << self._half)
