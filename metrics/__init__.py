"""Turn facts into metrics, MQTT messages, the queue_log, reports and dashboards."""

from __future__ import annotations
