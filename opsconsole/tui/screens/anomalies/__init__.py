"""Mode 4, Anomalies: what was wrong when, and what is wrong now."""
