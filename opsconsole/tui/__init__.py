"""Door 2: the Textual app."""
