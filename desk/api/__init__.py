"""Define the HTTP API: models, routes, roles and the OpenAPI description."""

from __future__ import annotations
