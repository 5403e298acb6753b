"""Shared by all tests: the profile of hypothesis, which must be in force before the first `@settings` is read, Ctrl+C
for the programs that tests start, and PostgreSQL."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.examples import FACTOR, examples
from tests.fakes import postgres

# No deadline: how long an example takes says something of the machine, which others use too. A whole centre of random
# fields is large.
settings.register_profile("santral", derandomize=FACTOR == 1, deadline=None, max_examples=examples(100),
                          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
settings.load_profile("santral")

# A shell that starts `make` in the background lets all programs below it ignore Ctrl+C. Those of a test must not.
signal.signal(signal.SIGINT, signal.default_int_handler)


LONGEST = [Path(__file__).parent / name for name in (
    "integration/deploy/test_deb.py", "integration/santral/test_cli.py", "integration/santral/test_output.py",
    "integration/planning/test_theory.py", "system/recovery/test_fallback.py", "system/calls/test_waiting.py",
    "system/calls/test_menu.py", "system/lab/test_scripts.py", "system/calls/test_distress_first.py",
    "system/calls/test_agent.py", "system/recovery/test_kill.py", "system/metrics/test_counts_agree.py",
    "system/calls/test_transfer.py", "system/calls/test_pair.py", "system/calls/test_callback_word.py",
    "system/lab/test_rules.py", "system/lab/test_up.py", "system/calls/test_needs.py", "system/desk/test_demo.py",
    "system/calls/test_callback_time.py", "system/bench/test_handover.py", "system/desk/test_desk_hidden.py")]
"""Files that take longest. They begin first, so that no worker is busy alone at the end."""
assert all(path.exists() for path in LONGEST), "a file of LONGEST has another name"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the longest files first. `make test` gives whole files to its workers, in this order."""
    places = {path: number for number, path in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))


@pytest.fixture(scope="module")
def server_url() -> Iterator[str]:
    """Yield the URL of a PostgreSQL server whose role may create databases."""
    with postgres.serve_postgres() as url:
        yield url


@pytest.fixture
def where(server_url: str) -> Iterator[str]:
    """Yield the URL of an empty database of that server, which is dropped afterwards."""
    with postgres.fresh_database(server_url, f"santral_{os.getpid()}") as url:
        yield url
