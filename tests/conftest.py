"""Shared by all tests: the profile of hypothesis, which must be in force before the first `@settings` is read, Ctrl+C
for the programs that tests start, and PostgreSQL."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

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
