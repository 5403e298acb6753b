"""Packages and a Debian 13 for a real Asterisk: the fixtures are those of the tests without one."""

from __future__ import annotations

from tests.integration.deploy.conftest import debian, machine, packages, wheel

__all__ = ["debian", "machine", "packages", "wheel"]
