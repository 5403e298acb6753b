"""The three dashboards."""

from __future__ import annotations

from metrics.dashboards import platform, service, workload

BOARDS = (service.BOARD, workload.BOARD, platform.BOARD)
