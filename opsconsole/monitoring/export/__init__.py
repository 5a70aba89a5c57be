"""For others' tools: Prometheus text and the server for it, a Grafana dashboard, alert rules."""
