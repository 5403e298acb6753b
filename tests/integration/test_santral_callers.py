"""`santral callers`: what callers ask for is kept by hashes, with a node and without one; nothing shows a number."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from desk import client
from routing.store import wishes
from routing.store.numbers import NumberKeys
from routing.store.store import Store
from routing.store.wishes import Kept
from santral import callers_cli
from santral.callers_cli import PAGE
from santral.cli import cli

pytestmark = pytest.mark.integration

NUMBER = "0532 123 45 67"


def run(state: Path, given: str, *more: str, command: str = "wish") -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["callers", command, "--state", str(state), *more], input=given)
    told = f"{done.output}{done.exception or ''}"
    assert "5321234567" not in told and "532 123" not in told
    return done.exit_code, told


def kept(state: Path) -> list[Kept]:
    async def look() -> list[Kept]:
        store = await Store.open(state / "santral.db")
        try:
            return await store.work(wishes.all_of)
        finally:
            await store.close()

    return asyncio.run(look())


def hashed(state: Path, number: str) -> str:
    return NumberKeys.load(state / "secrets" / "numbers.json").seal(number)[0]


def test_without_a_node_it_is_kept_changed_and_let_go_of(tmp_path: Path) -> None:
    assert run(tmp_path, f"{NUMBER}\n+90 312 413 10 00\n{NUMBER}\n", "--human-first") == (0, "2 of 2 changed\n")
    first = hashed(tmp_path, "+905321234567")
    assert {(one.caller_hash, one.slow, one.human_first) for one in kept(tmp_path)} == {
        (first, False, True), (hashed(tmp_path, "+903124131000"), False, True)}
    assert run(tmp_path, NUMBER, "--human-first") == (0, "0 of 1 changed\n")
    assert run(tmp_path, NUMBER, "--slow", "--no-human-first") == (0, "1 of 1 changed\n")
    assert (first, True, False) in {one[:3] for one in kept(tmp_path)}
    assert run(tmp_path, NUMBER, "--no-slow") == (0, "1 of 1 changed\n")
    assert [one.caller_hash for one in kept(tmp_path)] == [hashed(tmp_path, "+903124131000")]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"5321234567" in path.read_bytes()]


@pytest.mark.parametrize(("given", "more", "code", "told"), [
    ("", ["--slow"], 2, "no number was given"), ("0532\n", ["--slow"], 2, "line 1: no telephone number"),
    (f"{NUMBER}\nabc\n", ["--slow"], 2, "line 2: no telephone number"), (NUMBER, [], 2, "say what")])
def test_what_says_nothing_changes_nothing(tmp_path: Path, given: str, more: list[str], code: int, told: str) -> None:
    found = run(tmp_path, given, *more)
    assert found[0] == code and told in found[1] and "abc" not in found[1]
    assert not (tmp_path / "santral.db").exists()


def test_a_centre_that_keeps_none_says_so(tmp_path: Path) -> None:
    overlay = tmp_path / "off.toml"
    overlay.write_text("[wishes]\nkept = false\n", encoding="utf-8")
    code, told = run(tmp_path, NUMBER, "--slow", "--settings", str(overlay))
    assert code != 0 and "set kept = true at [wishes]" in told
    assert run(tmp_path, NUMBER, "--no-slow", "--settings", str(overlay)) == (0, "0 of 1 changed\n")


def test_a_node_is_told_hashes_page_by_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, Any]] = []

    def call(node: client.Node, method: str, path: str, body: dict[str, Any] | None = None, **_: Any) -> dict[str, Any]:
        asked.append((method, path, body))
        return {"changed": 1} if body else {
            "slow": 12, "human_first": 0, "most": 9, "forgotten_days": 365, "kept": True}

    (tmp_path / "node.json").write_text(json.dumps({"http": "127.0.0.1:1"}), encoding="utf-8")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "tokens.json").write_text(json.dumps({"supervisor": "t"}), encoding="utf-8")
    monkeypatch.setattr(callers_cli.client, "call", call)
    numbers = "\n".join(f"0532{number:07d}" for number in range(1_000_000, 1_000_000 + PAGE + 1))
    assert run(tmp_path, numbers, "--slow") == (0, f"2 of {PAGE + 1} changed\n")
    posts = [one for one in asked if one[0] == "POST"]
    assert [len(body["hashes"]) for _, _, body in posts] == [PAGE, 1]
    assert all((path, body["slow"], body["human_first"]) == ("/api/v1/callers/wishes", True, None)
               for _, path, body in posts)
    code, told = run(tmp_path, "", command="list")
    assert code == 0 and told == ("slow speech: 12\na person at once: none, or fewer than 5\n"
                                  "9 can be remembered; who has not called for 365 days is forgotten\n")
