"""Mode 5, Editor: scripts, and what they would do before they do it."""
