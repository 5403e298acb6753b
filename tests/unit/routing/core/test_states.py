"""The tables: every legal transition, every illegal one, and the page that is drawn from them."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from routing.core.model.centre_model import AgentState, ContactState, OfferState
from routing.core.model.errors import IllegalTransition
from routing.core.model.state_tables import (
    AGENT,
    CALLBACK,
    CONSULT,
    CONTACT,
    LEG,
    OFFER,
    CallbackState,
    ConsultState,
    LegState,
    next_state,
    render_mermaid,
    render_page,
)

pytestmark = pytest.mark.unit

TABLES = {"contact": (CONTACT, ContactState), "offer": (OFFER, OfferState), "agent": (AGENT, AgentState),
          "leg": (LEG, LegState), "consult": (CONSULT, ConsultState), "callback": (CALLBACK, CallbackState)}
FIRST = {"contact": {"pending"}, "offer": {"pending", "beside"}, "agent": {"signed_out"}, "leg": {"called"},
         "consult": {"seeking"}, "callback": {"agent_called", "caller_dialled_first"}}
ALL = [(kind, table, state, trigger) for kind, (table, states) in TABLES.items()
       for state, trigger in product(states, sorted({trigger for _, trigger in table}))]
ENDS = {"contact": {"completed", "canceled"}, "agent": set(), "leg": {"ended"}, "callback": {"caller_there", "failed"},
        "consult": {"completed", "cancelled", "caller_left"},
        "offer": {"rejected", "timeout", "canceled", "rescinded", "completed"}}


@pytest.mark.parametrize(("kind", "table", "state", "trigger"), ALL, ids=lambda v: v if isinstance(v, str) else "")
def test_a_transition_is_in_the_table_or_refused_by_name(kind, table, state, trigger) -> None:  # type: ignore[no-untyped-def]
    if (state, trigger) in table:
        assert next_state(table, kind, "x7", state, trigger) is table[state, trigger]
        return
    with pytest.raises(IllegalTransition) as caught:
        next_state(table, kind, "x7", state, trigger)
    assert (caught.value.kind, caught.value.subject, caught.value.state) == (kind, "x7", state.value)
    assert trigger in str(caught.value) and state.value in str(caught.value)


@pytest.mark.parametrize("kind", TABLES)
def test_every_state_is_reached_and_only_the_last_ones_are_final(kind: str) -> None:
    table, states = TABLES[kind]
    assert FIRST[kind] | {after.value for after in table.values()} == {state.value for state in states}
    # A talk that is found opens an offer again, and nothing else does.
    assert {state.value for state in states} - {state.value for state, trigger in table if trigger != "found"} \
        == ENDS[kind]


def test_a_diagram_has_one_arrow_for_each_transition() -> None:
    lines = render_mermaid(OFFER).splitlines()
    assert lines[0] == "stateDiagram-v2" and len(lines) == 1 + len(OFFER)
    assert "    pending --> accepted: connected" in lines


def test_the_page_in_docs_is_that_of_the_tables() -> None:
    written = (Path(__file__).resolve().parents[4] / "docs" / "develop" / "states.md").read_text(encoding="utf-8")
    assert written == render_page(), (
        "write docs/develop/states.md again from routing.core.model.state_tables.render_page()")
