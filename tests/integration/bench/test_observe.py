"""`santral bench observe` goes through the node's path and measures what it says."""

from __future__ import annotations

import pytest

from bench import observe
from routing.runner import INBOX_MAX

pytestmark = pytest.mark.integration


def test_a_small_round_of_each_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observe, "CALLS", 80)
    monkeypatch.setattr(observe, "ROUNDS", 1)
    rows = {row.name: row for row in observe.measure_rows()}
    assert list(rows) == ["observe.calls", "observe.cpu", "observe.event", "observe.drain", "observe.engine_alone"]
    assert all(row.value >= 0 for row in rows.values()) and rows["observe.calls"].ratio
    a_call = 1e6 / rows["observe.event"].value / rows["observe.calls"].value
    assert 6 < a_call < 12, "queued and five words of the agent's phone, and everybody's sign-in once"
    assert observe.CALLS_AT_ONCE * 6 + 2 * observe.AGENTS < INBOX_MAX
