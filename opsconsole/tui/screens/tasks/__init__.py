"""Mode 2, Tasks: queue and history, and the selected run."""
