"""Best level, then longest idle, then smallest index (Avaya's EAD-MIA; ranks and scores as in L'Ecuyer's routers)."""

from __future__ import annotations

from routing.core.match import Pool
from routing.core.records import AgentRecord


def ranked(pool: Pool, low: int, limit: int) -> list[tuple[AgentRecord, int]]:
    """At most `limit` ready agents of a pool with level `low` or above, the best first, each with the level.

    Candidates are those in the pool (hard constraints are met there), rank is the level, score the idle time; equal
    scores go by the index in the centre's list.
    """
    found: list[tuple[AgentRecord, int]] = []
    mask = pool.mask >> low
    while mask:
        above = mask.bit_length() - 1
        mask ^= 1 << above
        level = low + above
        for record in pool.lines[level]:
            found.append((record, level))
            if len(found) == limit:
                return found
    return found
