"""Memory of the process: a large block is the system's own, also after a larger one was freed."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.integration

LARGE = """
import ctypes, sys
from santral.allocator import return_large_blocks

class Mallinfo(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks",
                                                     "fsmblks", "uordblks", "fordblks", "keepcost")]

if sys.argv[1] == "fixed":
    return_large_blocks()
look = ctypes.CDLL(None).mallinfo2
look.restype = Mallinfo
del [bytearray(16_000_000)][0]
before = look().hblkhd
kept = bytearray(1_000_000)
print(look().hblkhd - before >= 1_000_000)
"""


@pytest.mark.parametrize(("way", "by_itself"), [("fixed", "True"), ("usual", "False")])
def test_a_large_block_is_no_part_of_the_heap(way: str, by_itself: str) -> None:
    done = subprocess.run([sys.executable, "-c", LARGE, way], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == by_itself
