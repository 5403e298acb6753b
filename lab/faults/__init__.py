"""Faults on purpose. A seed chooses what breaks, and the tests check that the node survives it."""

from __future__ import annotations
