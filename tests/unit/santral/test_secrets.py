"""Secrets of a node."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from santral.errors import SantralError
from santral.secrets import PIN_DIGITS, NodeSecrets, compare_secret

pytestmark = pytest.mark.unit


def test_random_private_and_kept(tmp_path: Path) -> None:
    first, other = NodeSecrets(tmp_path / "a"), NodeSecrets(tmp_path / "b")
    pins = first.agent_pins(["a1001", "a1002"])
    assert all(len(pin) == PIN_DIGITS and pin.isdigit() for pin in pins.values())
    assert first.ami_secrets() != other.ami_secrets()
    assert first.seat_secrets(["2001"]) == NodeSecrets(tmp_path / "a").seat_secrets(["2001"])
    for path in (tmp_path / "a" / "secrets").iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "a" / "secrets").stat().st_mode) == 0o700


def test_a_new_agent_gets_what_is_missing_and_the_others_keep_theirs(tmp_path: Path) -> None:
    before = NodeSecrets(tmp_path).api_tokens(["a1001"])
    after = NodeSecrets(tmp_path).api_tokens(["a1001", "a1002"])
    assert after[0] == before[0]
    assert after[2]["a1001"] == before[2]["a1001"]
    assert len({after[0], after[1], *after[2].values()}) == 4


def test_two_tokens_that_are_the_same_are_told_before_anything_changes(tmp_path: Path) -> None:
    """A reload would end the node in the middle of it."""
    secrets = NodeSecrets(tmp_path)
    admin, _, _ = secrets.api_tokens(["a1001"])
    path = secrets.folder / "tokens.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"agents": {"a1001": admin}}))
    with pytest.raises(SantralError, match="two of the tokens are the same"):
        secrets.api_tokens(["a1001"])


def test_a_file_readable_by_others_is_refused(tmp_path: Path) -> None:
    NodeSecrets(tmp_path).ami_secrets()
    (tmp_path / "secrets" / "ami.json").chmod(0o644)
    with pytest.raises(SantralError, match="chmod 600"):
        NodeSecrets(tmp_path).ami_secrets()


@pytest.mark.parametrize("text", ["{", "[]"])
def test_a_broken_file_is_named(tmp_path: Path, text: str) -> None:
    NodeSecrets(tmp_path).agent_pins(["a1001"])
    (tmp_path / "secrets" / "pins.json").write_text(text)
    with pytest.raises(SantralError, match=r"pins\.json"):
        NodeSecrets(tmp_path).agent_pins(["a1001"])


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    seats = NodeSecrets(tmp_path).seat_secrets(["2001", "2002"])
    assert json.loads((tmp_path / "secrets" / "seats.json").read_text()) == seats


def test_same() -> None:
    assert compare_secret("abc", "abc")
    assert not compare_secret("abc", "abd")
    assert not compare_secret("", "abd")
