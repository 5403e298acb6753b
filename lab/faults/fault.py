"""A fault as data: its name, how it is injected and undone, what it needs, and its bounds."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from lab.faults.fault_model import Bounds, FaultLab
from lab.faults.fault_place import FaultPlace

Inject = Callable[[FaultPlace], AbstractAsyncContextManager[None]]
"""Injects on entry and undoes on exit."""


@dataclass(frozen=True)
class Fault(FaultLab):
    """One row of the table."""

    id: str
    title: str
    how: str
    """Means of injection and undoing, for a reader of the row."""
    inject: Inject
    lasts_s: float
    """Time between injection and its undoing."""
    bounds: Bounds = field(default_factory=Bounds)
    cuts_calls: bool = False
    """The calls of the moment end with the fault: they are lost by it, and their records have to say so."""
    decides_after: bool = False
    """No decision is possible while the fault lasts, so the first one counts from its end."""
    joined: bool = True
    """The history of everybody is joined and checked. The callers of a flood have no lines of the lab's."""
    calm_s: float = 180.0
    """Limit until all callers were served after the fault."""
