"""Where agents stand and where contacts wait.

A *pool* holds the ready agents who fit a requirement on a channel. In it one line of ready agents for each rank (as the
pool's strategy ranks them), and an integer with one bit for each line that is not empty: its highest bit is the best. A
*group* holds waiting contacts that are served from the same pool by the same rules, in their order: only heads are ever
compared.

A pool for services of load 3 and more has three *tiers*, each with its own 128 bits: agents who take such a contact
gladly (tier 0, the highest bits), those for whom it is better when nobody else is free (1), and those at their limit
(2), where only groups of contacts beyond the service's emergency ceiling look. Beyond `utmost` an agent does not stand.
"""

from __future__ import annotations

from collections import OrderedDict
from itertools import islice
from typing import Generic, TypeAlias

from routing.core.line import Line, LineKey
from routing.core.matching.protocols import A, C
from routing.core.model import Channel, Service
from routing.core.ready import ReadyLine
from routing.core.requirement import Requirement
from routing.core.strategies import Strategy

Place: TypeAlias = "tuple[Pool[A, C], int, OrderedDict[A, LineKey], ReadyLine[A]]"
"""A pool, the bit of the line there, the line's `prompt`, and the line."""

MINUTE_S = 60.0
"""One point of priority counts as one minute of age (the rule of Genesys: minutes in queue plus priority)."""

CHANNEL_BIT = {channel: 1 << number for number, channel in enumerate(Channel)}
"""A set of channels is the sum of these."""

ALL_CHANNELS = sum(CHANNEL_BIT.values())

HEAVY = 3
"""From this load on a service's contacts keep to the tiers."""

TIER_BITS = 128
"""Bits of a tier: one more than the highest rank."""

ALL_RANKS = (1 << TIER_BITS) - 1


def line_key(service: Service, since: float, priority: int, number: int) -> LineKey:
    """Return the place of a contact in its group by age and priority: the smallest key is served first. Between
    services of different weights the elapsed time counts too (`Group`)."""
    return since * service.weight - MINUTE_S * (service.priority + priority), number


class Quota:
    """How many contacts of a service are at agents, and how many may be."""

    __slots__ = ("limit", "taken")

    def __init__(self, limit: int) -> None:
        self.limit, self.taken = limit, 0


class Pool(Generic[A, C]):
    """Agents who fit a requirement on a channel, or (`owner`) one agent in person."""

    __slots__ = ("_places", "channel", "groups", "key", "lines", "load", "mask", "name", "owner", "personal",
                 "ranks_by", "requirement", "signed", "signed_mask", "strategy", "waiting")

    def __init__(self, channel: int, requirement: Requirement, strategy: Strategy, load: int,
                 owner: A | None = None) -> None:
        self.channel = channel
        """The channel's bit."""
        self.requirement = requirement
        self.strategy, self.name, self.key = strategy, strategy.name, strategy.key
        self.ranks_by = requirement.needs[0][0] if requirement.needs and not requirement.by_where else None
        """The skill whose level is told; None: not that simple."""
        self.load = load
        """Of the services that look here, when it is heavy; else 0."""
        self.owner = owner
        self.lines: dict[int, ReadyLine[A]] = {}
        self._places: dict[int, Place[A, C]] = {}
        self.mask = 0
        """Bit n: somebody stands in line n."""
        self.signed: dict[int, int] = {}
        """Agents signed in, by rank."""
        self.signed_mask = 0
        """Bit n: somebody of rank n is signed in."""
        self.groups: list[Group[A, C]] = []
        """All that are served from here, but for personal ones."""
        self.waiting: dict[Group[A, C], None] = {}
        """Groups in which somebody waits."""
        self.personal: dict[tuple[object, ...], Group[A, C]] = {}
        """Groups of the owner's pool."""

    def place(self, number: int) -> Place[A, C]:
        """The same value for everybody who stands there: a choice then reads little memory that is cold."""
        found = self._places.get(number)
        if found is None:
            line: ReadyLine[A] = ReadyLine()
            self.lines[number] = line
            found = self._places[number] = self, 1 << number, line.prompt, line
        return found

    def number(self, rank: int, tier: int) -> int:
        """The line of a rank in a tier."""
        return rank + TIER_BITS * (2 - tier) if self.load else rank

    def sign(self, rank: int, by: int) -> None:
        """Count an agent in (+1) or out (-1)."""
        count = self.signed.get(rank, 0) + by
        self.signed[rank] = count
        if count:
            self.signed_mask |= 1 << rank
        else:
            self.signed_mask &= ~(1 << rank)

    def first(self, allowed: int) -> A:
        """The best of those who stand in the allowed lines. There must be somebody."""
        if self.owner is not None:
            return self.owner
        line = self.lines[(self.mask & allowed).bit_length() - 1]
        return next(iter(line if line.late.size else line.prompt))

    def best(self, allowed: int, limit: int) -> list[A]:
        """At most so many of those who stand in the allowed lines, the best first."""
        mask = self.mask & allowed
        if self.owner is not None:
            return [self.owner] if mask else []
        found: list[A] = []
        while mask:
            number = mask.bit_length() - 1
            line = self.lines[number]
            found.extend(islice(line if line.late.size else line.prompt, limit))
            if len(found) >= limit:
                del found[limit:]
                break
            mask ^= 1 << number
        return found


class Group(Generic[A, C]):
    """Contacts of one node that wait for the same agents by the same rules, in their order.

    Their order is that of `since * weight - 60 * points` (`line_key`). Between groups `now * weight` is taken
    off: what is left is the age times the weight plus a minute a point, negative, so the smallest goes first.
    """

    __slots__ = ("allowed", "head", "levels", "line", "may_relax", "node", "pool", "quota", "weight")

    def __init__(self, node: str, pool: Pool[A, C], levels: int, urgent: bool, may_relax: bool, weight: float,
                 quota: Quota | None) -> None:
        self.node = node
        self.pool = pool
        self.levels = levels
        """Bits of the ranks that will do."""
        self.allowed = levels
        """Bits of the lines that will do."""
        if pool.load:
            self.allowed = levels << 2 * TIER_BITS | levels << TIER_BITS | (levels if urgent else 0)
        self.may_relax = may_relax
        """Its contacts have a next step."""
        self.weight = weight
        self.quota = quota
        self.line: Line[tuple[float, int, C]] = Line()
        self.head: tuple[float, int, C] | None = None
        """The first of the line, at hand."""

    @property
    def unmet(self) -> bool:
        """There is a next step, and nobody who is signed in could meet this one."""
        return self.may_relax and not self.pool.signed_mask & self.levels

    @property
    def ready(self) -> bool:
        """Somebody could take the first of these contacts now."""
        return bool(self.pool.mask & self.allowed)

    def signed_in(self) -> int:
        """How many agents who fit are signed in. Costs a look at each rank."""
        return sum(count for rank, count in self.pool.signed.items() if count and self.levels >> rank & 1)
