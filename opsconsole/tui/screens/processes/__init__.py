"""Mode 3, Processes: the host's processes as a list and as a tree, and what can be done to them."""
