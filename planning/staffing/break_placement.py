"""Place the breaks of a shift in quarters of an hour, where they cost least.

The breaks meet three rules. The total is that of the labour law (4857, article 68): 15 minutes up to 4 hours of work,
30 up to 7.5 hours, and an hour above. One break of 30 minutes is for a meal if the law gives that much. No stretch of
work is longer than the limit of the agent. Breaks that an agent needs at fixed times are kept as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import cache

CELL_S = 900.0
"""A quarter of an hour: the grid of shifts and breaks."""
CELLS = 96
HOUR_CELLS = 4
MEAL_CELLS = 2
FIRST_CELLS = 4
"""Shortest work before a break: a break sooner is no rest. Agents with a smaller limit have breaks sooner."""
LAST_CELLS = 2
"""Shortest work at the end of a shift."""

Spans = tuple[tuple[int, int], ...]
"""Cells of breaks: first one, and the one after the last."""


def lawful_break_cells(presence: int) -> int:
    """Return the quarters of an hour of breaks for a presence of this length. Work is presence without breaks."""
    if presence - 1 <= 4 * HOUR_CELLS:
        return 1
    return 2 if presence - 2 <= 7 * HOUR_CELLS + 2 else 4


def place_breaks(first: int, end: int, fixed: Collection[int], limit: int,
                 cost: Callable[[int], float]) -> Spans | None:
    """Return the cheapest breaks of a shift, or None if no breaks keep the rules.

    `fixed` are cells in which the agent has a break anyway. `limit` is the longest stretch of work. `cost` is the price
    of a break in a cell.
    """
    total = lawful_break_cells(end - first)
    soon = min(FIRST_CELLS, limit)

    @cache
    def search(at: int, stretch: int, taken: int, meal: bool) -> tuple[float, tuple[int, ...]] | None:
        """Return the price and the cells of the breaks from here on."""
        # 1. The end of the shift: every rule must be kept.
        if at == end:
            whole = taken >= total and (meal or total < MEAL_CELLS)
            return (0.0, ()) if whole and (stretch >= min(LAST_CELLS, soon) or end - 1 in fixed) else None
        # 2. A fixed break ends the stretch. Two such cells in a row are as good as a meal.
        if at in fixed:
            return _add_cells(search(at + 1, 0, min(total, taken + 1), meal or at - 1 in fixed), 0.0, (at,))
        found = None
        # 3. Work on.
        if stretch < limit:
            found = search(at + 1, stretch + 1, taken, meal)
        # 4. Or take a break of one cell, or of two for the meal.
        if stretch >= soon:
            short = _add_cells(search(at + 1, 0, min(total, taken + 1), meal), cost(at), (at,))
            found = _cheaper(found, short)
            if not meal and total >= MEAL_CELLS and at + 1 < end and at + 1 not in fixed:
                found = _cheaper(found, _add_cells(search(at + 2, 0, min(total, taken + 2), True),
                                                   cost(at) + cost(at + 1), (at, at + 1)))
        return found

    best = search(first, 0, 0, False)
    return None if best is None else join_cells(best[1])


Found = tuple[float, tuple[int, ...]]


def _add_cells(found: Found | None, price: float, cells: tuple[int, ...]) -> Found | None:
    return None if found is None else (found[0] + price, (*cells, *found[1]))


def _cheaper(one: Found | None, other: Found | None) -> Found | None:
    if one is None or other is None:
        return one or other
    return other if other[0] < one[0] else one


def join_cells(cells: Sequence[int]) -> Spans:
    """Return cells in order as spans."""
    joined: list[tuple[int, int]] = []
    for cell in cells:
        if joined and joined[-1][1] == cell:
            joined[-1] = (joined[-1][0], cell + 1)
        else:
            joined.append((cell, cell + 1))
    return tuple(joined)
