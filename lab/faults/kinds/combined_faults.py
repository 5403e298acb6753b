"""Two faults at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lab.faults.fault import Inject
from lab.faults.fault_place import FaultPlace


def combine(outer: Inject, inner: Inject) -> Inject:
    """Return an injection of the second fault while the first one lasts."""
    @asynccontextmanager
    async def inject(place: FaultPlace) -> AsyncIterator[None]:
        async with outer(place), inner(place):
            yield
    return inject
