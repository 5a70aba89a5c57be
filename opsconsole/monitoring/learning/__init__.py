"""What one metric's own past says about its newest value."""
