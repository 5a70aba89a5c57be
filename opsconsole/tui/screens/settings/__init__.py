"""Mode 7, Settings & host: what this host can do, and how the console behaves."""
