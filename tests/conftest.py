"""Shared by all tests: the profile of hypothesis, which must be in force before the first `@settings` is read, and
Ctrl+C for the programs that tests start."""

from __future__ import annotations

import signal

from hypothesis import HealthCheck, settings

from tests.examples import FACTOR, examples

# No deadline: how long an example takes says something of the machine, which others use too. A whole centre of random
# fields is large.
settings.register_profile("santral", derandomize=FACTOR == 1, deadline=None, max_examples=examples(100),
                          suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
settings.load_profile("santral")

# A shell that starts `make` in the background lets all programs below it ignore Ctrl+C. Those of a test must not.
signal.signal(signal.SIGINT, signal.default_int_handler)
