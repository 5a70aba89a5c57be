"""From samples to anomalies: sources observe, thresholds judge, episodes remember."""
