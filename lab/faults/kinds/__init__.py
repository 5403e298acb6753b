"""The faults themselves, by what they break. Each is an asynchronous context: entry injects, exit undoes."""

from __future__ import annotations
