"""Sum how callers passed the menu, node by node, from the record of each dialogue. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import JSON, Boolean, Double, Integer

from metrics.reports.fact_query import Field
from metrics.reports.figures import share_of
from routing.core.callers.menu_outcome import HUNG_UP, TO_QUEUE

HARDSHIPS = ("timeouts", "wrong", "repeats", "more", "slow")
FIELDS = (Field("outcome"), Field("nodes", JSON), Field("lasted_s", Double), Field("resumed", Boolean),
          *(Field(name, Boolean if name == "slow" else Integer) for name in HARDSHIPS))
"""Fields of `MenuEndedRecorded`."""
RESUMED = 3
"""Place of `resumed` in them."""
MENU_LIMIT_S = 45.0
"""Limit from the greeting to the queue, by the regulators for the main menu (BTK, EPDK)."""



class MenuPaths:
    """Sums of dialogues."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.heard: Counter[str] = Counter()
        """Node -> callers who came to it. A caller who returns from a failed external transfer counts again."""
        self.left: Counter[str] = Counter()
        """Node -> callers who hung up in it."""
        self.hard: Counter[str] = Counter()
        """Difficulties (`HARDSHIPS`), all times of all callers."""
        self.to_queue_s: list[float] = []
        """Duration of the menu for callers who came to a queue."""

    def count_dialogue(self, outcome: str, nodes: Sequence[str], lasted_s: float, resumed: bool | None,
                       *hard: int) -> None:
        """Count one dialogue, with its fields in the order of `FIELDS`.

        `resumed`: the dialogue follows a failed external transfer. Then only its nodes and difficulties count, because
        the call is counted already. None in older records, which do not tell.
        """
        # A node that was passed twice counts one caller.
        self.heard.update(set(nodes))
        if outcome == HUNG_UP and nodes:
            self.left[nodes[-1]] += 1
        for name, times in zip(HARDSHIPS, hard, strict=True):
            self.hard[name] += int(times)
        if resumed:
            return
        self.outcomes[outcome] += 1
        if outcome in TO_QUEUE:
            self.to_queue_s.append(lasted_s)

    @property
    def calls(self) -> int:
        """Callers who passed the menu."""
        return self.outcomes.total()

    @property
    def containment(self) -> float | None:
        """Callers who got everything in the menu / all."""
        return share_of(self.outcomes["self_service"], self.calls)

    @property
    def quick(self) -> float | None:
        """Share of callers who came to a queue within `MENU_LIMIT_S`."""
        return share_of(sum(1 for lasted in self.to_queue_s if lasted <= MENU_LIMIT_S), len(self.to_queue_s))

    def node_counts(self) -> list[tuple[str, int, int]]:
        """Return node, callers who came to it, and callers who hung up there; the most visited first."""
        return [(node, heard, self.left[node])
                for node, heard in sorted(self.heard.items(), key=lambda one: (-one[1], one[0]))]
