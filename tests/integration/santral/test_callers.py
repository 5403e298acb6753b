"""`santral callers`: what callers ask for is kept by hashes, with a node and without one; nothing shows a number."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from desk import client
from routing.store.callers import caller_preferences
from routing.store.callers.caller_preferences import CallerPreferences
from routing.store.callers.number_keys import NumberKeys
from routing.store.store import Store
from santral import preferences_cli
from santral.cli import cli
from santral.preferences_cli import PAGE

pytestmark = pytest.mark.integration

NUMBER = "0532 123 45 67"


def run(state: Path, given: str, *more: str, command: str = "preferences") -> tuple[int, str]:
    done = CliRunner().invoke(cli, ["callers", command, "--state", str(state), *more], input=given)
    told = f"{done.output}{done.exception or ''}"
    assert "5321234567" not in told and "532 123" not in told
    return done.exit_code, told


def kept(state: Path) -> list[CallerPreferences]:
    async def look() -> list[CallerPreferences]:
        store = await Store.open_store(state / "santral.db")
        try:
            return await store.run_write(caller_preferences.all_preferences)
        finally:
            await store.close()

    return asyncio.run(look())


def hashed(state: Path, number: str) -> str:
    return NumberKeys.load_keys(state / "secrets" / "numbers.json").encrypt_number(number)[0]


@pytest.fixture
def begun(tmp_path: Path) -> Path:
    """The state of a node that has started once, and does not run."""
    NumberKeys.load_or_create(tmp_path / "secrets" / "numbers.json")
    return tmp_path


def test_a_folder_in_which_no_node_has_started_gets_no_keys(tmp_path: Path) -> None:
    """With new keys nobody would be found, and a message such as "1 of 1 changed" would be wrong."""
    code, told = run(tmp_path, NUMBER, "--slow")
    assert code != 0 and "no node has started with the state" in told and list(tmp_path.iterdir()) == []


def test_lines_are_counted_as_an_editor_does(begun: Path) -> None:
    assert run(begun, f"\ufeff{NUMBER}\n\n+90 312 413 10 00\n", "--slow") == (0, "2 of 2 changed\n")
    assert "line 3: no telephone number" in run(begun, f"{NUMBER}\n\nabc\n", "--slow")[1]
    code, told = run(begun, NUMBER, "--slow", "--region", "XX")
    assert code == 2 and "XX is no country" in told


def test_without_a_node_it_is_kept_changed_and_let_go_of(begun: Path) -> None:
    assert run(begun, f"{NUMBER}\n+90 312 413 10 00\n{NUMBER}\n", "--human-first") == (0, "2 of 2 changed\n")
    first = hashed(begun, "+905321234567")
    assert {(one.caller_hash, one.slow, one.human_first) for one in kept(begun)} == {
        (first, False, True), (hashed(begun, "+903124131000"), False, True)}
    assert run(begun, NUMBER, "--human-first") == (0, "0 of 1 changed\n")
    assert run(begun, NUMBER, "--slow", "--no-human-first") == (0, "1 of 1 changed\n")
    assert (first, True, False) in {one[:3] for one in kept(begun)}
    assert run(begun, NUMBER, "--no-slow") == (0, "1 of 1 changed\n")
    assert [one.caller_hash for one in kept(begun)] == [hashed(begun, "+903124131000")]
    assert not [path for path in begun.rglob("*") if path.is_file() and b"5321234567" in path.read_bytes()]


@pytest.mark.parametrize(("given", "more", "code", "told"), [
    ("", ["--slow"], 2, "no number was given"), ("0532\n", ["--slow"], 2, "line 1: no telephone number"),
    (f"{NUMBER}\nabc\n", ["--slow"], 2, "line 2: no telephone number"), (NUMBER, [], 2, "name a preference")])
def test_what_says_nothing_changes_nothing(begun: Path, given: str, more: list[str], code: int, told: str) -> None:
    found = run(begun, given, *more)
    assert found[0] == code and told in found[1] and "abc" not in found[1]
    assert not (begun / "santral.db").exists()


def test_a_centre_that_keeps_none_says_so(begun: Path) -> None:
    overlay = begun / "off.toml"
    overlay.write_text("[preferences]\nenabled = false\n", encoding="utf-8")
    code, told = run(begun, NUMBER, "--slow", "--settings", str(overlay))
    assert code != 0 and "set enabled = true at [preferences]" in told
    assert run(begun, NUMBER, "--no-slow", "--settings", str(overlay)) == (0, "0 of 1 changed\n")


def test_a_node_is_told_hashes_page_by_page(begun: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, str, Any]] = []

    def call(node: client.Node, method: str, path: str, body: dict[str, Any] | None = None, **_: Any) -> dict[str, Any]:
        asked.append((method, path, body))
        return {"changed": 1} if body else {
            "slow": 12, "human_first": 0, "max_callers": 9, "expiry_days": 365, "enabled": True}

    (begun / "node.json").write_text(json.dumps({"http": "127.0.0.1:1"}), encoding="utf-8")
    (begun / "secrets" / "tokens.json").write_text(json.dumps({"supervisor": "t"}), encoding="utf-8")
    monkeypatch.setattr(preferences_cli.client, "call_api", call)
    numbers = "\n".join(f"0532{number:07d}" for number in range(1_000_000, 1_000_000 + PAGE + 1))
    assert run(begun, numbers, "--slow") == (0, f"2 of {PAGE + 1} changed\n")
    posts = [one for one in asked if one[0] == "POST"]
    assert [len(body["hashes"]) for _, _, body in posts] == [PAGE, 1]
    assert all((path, body["slow"], body["human_first"]) == ("/api/v1/callers/preferences", True, None)
               for _, path, body in posts)
    code, told = run(begun, "", command="list")
    assert code == 0 and told == ("slow speech: 12\na person at once: none, or fewer than 5\n"
                                  "9 callers can be remembered. A caller without a call for 365 days is forgotten\n")
