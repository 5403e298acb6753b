"""Calculate the lines that a plan needs: Erlang B over the calls of the busiest half hour, with repeated calls."""

from __future__ import annotations

from typing import NamedTuple

from drawing.chart import format_clock
from planning.simulation.outcome import SLOT_S
from planning.simulation.trunk_lines import LineRules
from planning.staffing.requirement import StaffingPlan
from planning.theory.erlang import erlang_b

REFUSED = 0.01
"""Share of calls that may find no line, as is usual for the lines of an exchange."""
MENU_S = 20.0
"""Time from the ring to the agent besides talk and wrap-up: greeting, menu and the wait of a centre that meets its
target."""


class LineNeed(NamedTuple):
    """Lines of the busiest half hour."""

    slot: int
    load: float
    """Load of the lines in Erlang, with the repeated calls."""
    lines: int


def find_line_need(plan: StaffingPlan, redial_share: float) -> LineNeed | None:
    """Return the lines of the half hour with the highest load, so that no more than `REFUSED` of the calls find none.

    Return None for a plan without calls. A blocked caller tries again with `redial_share`.
    """
    loads: dict[int, float] = {}
    for need in plan.needs:
        loads[need.slot] = loads.get(need.slot, 0.0) + need.load + need.calls / SLOT_S * MENU_S
    if not loads:
        return None
    slot = max(loads, key=lambda one: loads[one])
    load = loads[slot] / (1.0 - redial_share * REFUSED)
    return LineNeed(slot, load, fewest_lines(load))


def fewest_lines(load: float) -> int:
    """Return the fewest lines on which no more than `REFUSED` of the calls of this load find none."""
    low, high = 0, max(1, round(load))
    while erlang_b(load, high) > REFUSED:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if erlang_b(load, middle) <= REFUSED else (middle, high)
    return high


def describe_need(need: LineNeed | None, rules: LineRules | None) -> list[str]:
    """Return a sentence on the lines of a plan, and a warning if the centre has fewer."""
    if need is None:
        return []
    found = [f"Lines: {need.lines} at {format_clock(need.slot * SLOT_S)}, so that {REFUSED * 100:.0f} % of the calls "
             f"find none, repeated calls counted ({need.load:.0f} Erlang)."]
    if rules is not None:
        kept = rules.total - rules.others
        found.append(f"The centre has {rules.total}, {kept} of them kept for distress: "
                     + ("enough." if need.lines <= rules.others else "too few for all other callers."))
    return found

