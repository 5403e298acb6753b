"""Tokens and roles, and what a flood of wrong ones costs."""

from __future__ import annotations

import pytest

from desk.api.tokens import FAILURES_MAX, PEERS_MAX, TOKEN_MAX, WINDOW_S, Failures, Role, TokenHolder, Tokens

pytestmark = pytest.mark.unit


def test_a_token_has_one_role() -> None:
    tokens = Tokens("adm", "sup", {"a1": "one", "a2": ""})
    assert tokens.holder_of("Bearer adm") == TokenHolder(Role.ADMIN)
    assert tokens.holder_of("bearer sup") == TokenHolder(Role.SUPERVISOR)
    assert tokens.holder_of("Bearer one") == TokenHolder(Role.AGENT, "a1")
    for header in ("", "Bearer", "Bearer ", "Basic adm", "Bearer adm ", "Bearer admin", "adm", "Bearer ADM",
                   "Bearer \udcff", "Bearer " + "x" * (TOKEN_MAX + 1)):
        assert tokens.holder_of(header) is None, header


def test_two_equal_tokens_are_refused() -> None:
    with pytest.raises(ValueError, match=r"tokens\.json"):
        Tokens("same", "sup", {"a1": "same"})


def test_tokens_do_not_show_themselves() -> None:
    assert "geheim" not in repr(vars(Tokens("geheim", "b", {"a": "geheim2"})))


def test_failures_are_counted_by_address_and_forgotten() -> None:
    now = [100.0]
    failures = Failures(lambda: now[0])
    assert [failures.wait_s("x") for _ in range(FAILURES_MAX)] == [0.0] * FAILURES_MAX
    now[0] += 20
    assert failures.wait_s("x") == WINDOW_S - 20 and failures.wait_s("y") == 0
    now[0] += WINDOW_S
    assert failures.wait_s("x") == 0


def test_addresses_are_bounded() -> None:
    failures = Failures(lambda: 0.0)
    for _ in range(FAILURES_MAX + 1):
        failures.wait_s("first")
    for number in range(PEERS_MAX):
        failures.wait_s(f"p{number}")
    assert len(failures._peers) == PEERS_MAX and failures.wait_s("first") == 0
