"""Follow the facts of who leads, so that metrics and queue_log of a standby stand where they stood when it leads."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from routing.store.callers.number_keys import NumberKeys
from routing.store.store import Store
from santral.centre.config import NodeConfig
from santral.node.projections import Projections
from santral.node.supervision import run_supervised
from santral.standby.node_proofs import NodeProofs


class FactFollower:
    """Metrics and queue_log of a node that stands by. One object serves the whole life of the process."""

    def __init__(self, proofs: NodeProofs, state: Path) -> None:
        self._proofs, self._state = proofs, state
        self._told: Projections | None = None
        self._config: NodeConfig | None = None
        """Configuration for which the projections were built."""

    async def follow_store(self, store: Store) -> None:
        """Follow the facts of this store until cancelled. All proofs of this node were given."""
        await run_supervised("facts", partial(self._follow_facts, store))

    async def take_projections(self, store: Store, config: NodeConfig, numbers: NumberKeys) -> Projections:
        """Return the projections for a node that begins to lead.

        They are built again if the files have changed, or if the store has fewer facts: an older copy replaced it.
        """
        told, self._told = self._told, None
        if told is not None and (self._config is not config or await store.last_fact() < told.read):
            told.queue_log.close()
            told = None
        return told or Projections.from_config(config, self._state, numbers)

    def close(self) -> None:
        """Save how far queue_log has come. Safe to repeat."""
        told, self._told = self._told, None
        if told is not None:
            told.queue_log.close()

    async def _follow_facts(self, store: Store) -> None:
        proofs = self._proofs
        if self._told is None:
            assert proofs.start is not None and proofs.numbers is not None
            self._config = proofs.start[0]
            self._told = Projections.from_config(self._config, self._state, proofs.numbers)
        await self._told.follow_facts(store)
