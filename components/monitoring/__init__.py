"""What is measured, what alerts and what dashboards show: pure data, applied by `prometheus_monitoring`."""
