"""Mode 6, History & reports: what was run, how it compares, and what is handed over."""
