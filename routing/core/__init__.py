"""Decide which agent gets which contact: the engine, pure, deterministic and without I/O.

Events and the time go in. Commands and facts come out.
"""

from __future__ import annotations
