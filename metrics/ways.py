"""How callers came through the menu, node by node, from what is told of each dialogue when it is over. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import JSON, Boolean, Double, Integer

from metrics.figures import share
from metrics.past import Field

HARD = ("timeouts", "wrong", "repeats", "more", "slow")
FIELDS = (Field("outcome"), Field("nodes", JSON), Field("lasted_s", Double), Field("resumed", Boolean),
          *(Field(name, Boolean if name == "slow" else Integer) for name in HARD))
"""Of `MenuPassed`."""
MENU_LIMIT_S = 45.0
"""From the greeting to the queue: the limit of the regulators for the main menu (BTK, EPDK)."""

LEFT, TO_QUEUE = "abandoned", ("queued", "operator")


class Ways:
    """Sums of dialogues."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.heard: Counter[str] = Counter()
        """Node -> callers who came to it; again, who came to it again after a way that led outside in vain."""
        self.left: Counter[str] = Counter()
        """Node -> callers who hung up in it."""
        self.hard: Counter[str] = Counter()
        """What was hard (`HARD`), all times of all callers."""
        self.to_queue_s: list[float] = []
        """How long the menu took those who came to a queue."""

    def take(self, outcome: str, nodes: Sequence[str], lasted_s: float, resumed: bool | None, *hard: int) -> None:
        """One dialogue, its fields in the order of `FIELDS`. `resumed`: the rest of a way that led outside in vain, of
        which only the nodes and what was hard count; None in older records, which do not tell."""
        self.heard.update(set(nodes))
        if outcome == LEFT and nodes:
            self.left[nodes[-1]] += 1
        for name, times in zip(HARD, hard, strict=True):
            self.hard[name] += int(times)
        if resumed:
            return
        self.outcomes[outcome] += 1
        if outcome in TO_QUEUE:
            self.to_queue_s.append(lasted_s)

    @property
    def calls(self) -> int:
        """Callers' ways through the menu."""
        return self.outcomes.total()

    @property
    def containment(self) -> float | None:
        """Who got everything in the menu / all."""
        return share(self.outcomes["self_service"], self.calls)

    @property
    def quick(self) -> float | None:
        """Of those who came to a queue, the share that was there within `MENU_LIMIT_S`."""
        return share(sum(1 for lasted in self.to_queue_s if lasted <= MENU_LIMIT_S), len(self.to_queue_s))

    def nodes(self) -> list[tuple[str, int, int]]:
        """Node, callers who came to it, and of them who hung up there; the most heard first."""
        return [(node, heard, self.left[node])
                for node, heard in sorted(self.heard.items(), key=lambda one: (-one[1], one[0]))]
