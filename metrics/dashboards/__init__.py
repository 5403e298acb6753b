"""Describe dashboards as values: written for Grafana, checked against a Prometheus, drawn without either."""
