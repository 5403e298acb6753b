"""`santral bench choice` compares three ways to choose, which agree before anything is measured."""

from __future__ import annotations

import pytest

from bench import choice

pytestmark = pytest.mark.integration


def test_a_team_and_a_short_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("SIZES", (1_000,)), ("SCANNED", 1_000), ("PICKS", 200), ("SCANS", 10)):
        monkeypatch.setattr(choice, name, value)
    rows = {row.name: row for row in choice.measure_rows()}
    assert {"choice.agent.1000", "choice.agent.scan", "choice.caller.20", "choice.caller.2000"} <= set(rows)
    assert all(row.value > 0 for row in rows.values())
