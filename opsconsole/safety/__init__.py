"""What may run, what it may touch, and what of it may reach the screen."""
