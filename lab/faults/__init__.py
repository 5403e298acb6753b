"""Faults on purpose: what must be survived is broken here, with a seed, and looked at."""

from __future__ import annotations
