"""Serve the people at the desk: the HTTP API of a node, and the commands that use it."""

from __future__ import annotations
