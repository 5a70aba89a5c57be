"""Mode 1, Overview: what is wrong, what runs, what happened since the operator last looked."""
