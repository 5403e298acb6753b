"""Write the rows of a turn by a pipeline: each compare-and-set is sent at once, and fails if its row has changed."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from sqlalchemy import Integer, bindparam, func, insert, literal_column, select, text

from routing.core.model.centre_model import OFFER_WITH_AGENT
from routing.core.model.facts import Fact
from routing.core.stored import Change
from routing.store.rows import SLOTS_MAX, RowPlan, RowWriter, has_slot_zero
from routing.store.schema import offers, one_of
from routing.store.statement import Statement
from routing.store.turns.pipeline import Pipeline

_TAKEN = select(offers.c.slot).where(offers.c.agent == bindparam("agent"), offers.c.channel == bindparam("channel"),
                                     text(one_of("state", OFFER_WITH_AGENT)))
_SLOT = literal_column("slot", Integer)
_FREE_SLOT = (select(func.min(_SLOT)).select_from(text(f"generate_series(0, {SLOTS_MAX - 1}) AS slot"))
              .where(_SLOT.not_in(_TAKEN)).scalar_subquery())
_ADD_WITH_SLOT = Statement(insert(offers).values(
    {column.name: bindparam(column.name) for column in offers.c if column.name != "slot"} | {"slot": _FREE_SLOT}))


class ContactIdTaken(Exception):
    """A new contact has the id of an earlier one, whose record must be renamed first: no step of a pipeline."""


class PipelinedRows(RowWriter):
    """Send the changes of a turn into a pipeline."""

    def __init__(self, pipeline: Pipeline, refused: type[Exception], seq: int, facts: Sequence[Fact]) -> None:
        super().__init__(seq, facts)
        self._pipeline, self._refused = pipeline, refused

    def _run_statement(self, statement: Statement, **values: Any) -> None:
        self._pipeline.send(statement, values)

    def _change(self, change: Change, plan: RowPlan) -> None:
        self._pipeline.send(plan.update(change.groups), plan.update_values(change),
                            partial(self._explain, change, self._other_version), one_row=True)

    def _add(self, change: Change, plan: RowPlan) -> None:
        self._pipeline.send(plan.insert, plan.values(change.row), partial(self._explain, change, None))

    def _add_contact(self, change: Change, plan: RowPlan) -> None:
        self._pipeline.send(plan.insert_new, {**plan.values(change.row), "changed_at": change.at},
                            partial(self._explain, change, lambda _: ContactIdTaken()), one_row=True)

    def _add_offer(self, change: Change, plan: RowPlan) -> None:
        values, explain = plan.values(change.row), partial(self._explain, change, None)
        if has_slot_zero(change):
            self._pipeline.send(plan.insert, {**values, "slot": 0}, explain)
        else:
            self._pipeline.send(_ADD_WITH_SLOT, values, explain)

    def _explain(self, change: Change, miscounted: Any, error: Exception | None) -> Exception | None:
        if error is None:
            found: Exception = miscounted(change)
            return found
        if not isinstance(error, self._refused):
            return None
        diag: Any = getattr(error, "diag", None)
        if diag is not None and diag.column_name == "slot":
            return self._no_slot(change)
        return self._refused_row(change, error)
