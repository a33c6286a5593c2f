"""Metrics, alerts and dashboards: data that `prometheus_monitoring` applies, and the servers behind it."""
