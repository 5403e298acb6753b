"""Connect the softphone of the page: seats, relay to Asterisk, credentials for TURN."""

from __future__ import annotations
