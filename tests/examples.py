"""The number of examples of properties.

`make test` tries the same examples each time, so that only the change decides. `make test-long` tries different
examples each time, `SANTRAL_EXAMPLES` times as many.
"""

from __future__ import annotations

import os

FACTOR = int(os.environ.get("SANTRAL_EXAMPLES", "1"))


def examples(usual: int) -> int:
    """Of a test that is content with `usual` in `make test`."""
    return usual * FACTOR
