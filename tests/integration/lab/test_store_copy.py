"""The copy of a store for a history: the same from both databases, and without what identifies callers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lab.history.store_copy import LEFT_OUT, copy_store
from santral.cli import cli

pytestmark = pytest.mark.integration


def copied(place: str | Path, path: Path) -> list[dict[str, Any]]:
    copy_store(place, path)
    lines = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines()]
    for line in lines:
        line.pop("steady")
        # Rows have the time of the copy. Facts and inputs have their own.
        if line["table"] not in ("facts", "journal"):
            line.pop("at")
    return lines


def test_both_databases_give_the_same_copy(tmp_path: Path, where: str) -> None:
    state = tmp_path / "state"
    for words in (["lab", "day", str(state), "--date", "2026-03-02", "--contacts", "20"],
                  ["store", "move", str(state / "santral.db"), where]):
        done = CliRunner().invoke(cli, words)
        assert done.exit_code == 0, done.output
    first, second = copied(state / "santral.db", tmp_path / "a.jsonl"), copied(where, tmp_path / "b.jsonl")
    order = [(line["table"], json.dumps(line, sort_keys=True)) for line in first]
    assert sorted(order) == sorted((line["table"], json.dumps(line, sort_keys=True)) for line in second)
    for lines in (first, second):
        numbers = [line["seq"] for line in lines if line["table"] == "facts"]
        assert numbers == sorted(numbers) and len(numbers) > 100
        assert {"contacts", "offers", "agents", "facts", "journal"} <= {line["table"] for line in lines}
        assert not any(LEFT_OUT & set(line) for line in lines)
