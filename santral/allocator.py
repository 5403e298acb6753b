"""Give large blocks of memory back to the system, so that a node of months does not grow by holes."""

from __future__ import annotations

import ctypes
from contextlib import suppress

LARGE_B = 128 * 1024
"""Size from which a block is taken from the system by itself, in bytes: the C library's own first value. The library
raises its value up to 32 MB when such a block is freed. Later blocks then leave holes in the heap, 0.2 MB a take-over.
"""
_M_MMAP_THRESHOLD = -3
"""Number of this parameter in <malloc.h>."""


def return_large_blocks() -> None:
    """Fix the size from which the system gets a block back as soon as it is free. Without glibc nothing happens."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, LARGE_B)
