"""The engine: pure, deterministic, without I/O. Events and the time go in, commands and facts come out."""

from __future__ import annotations
