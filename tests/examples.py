"""How far properties are searched. `make test` tries the same examples every time, so that a change is judged by what
it changes; `make test-long` tries others each time, and `SANTRAL_EXAMPLES` times as many."""

from __future__ import annotations

import os

FACTOR = int(os.environ.get("SANTRAL_EXAMPLES", "1"))


def examples(usual: int) -> int:
    """Of a test that is content with `usual` in `make test`."""
    return usual * FACTOR
