"""Serve the page of the agents: documents, scripts and styles."""

from __future__ import annotations
