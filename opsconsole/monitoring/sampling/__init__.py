"""What the host, its processes and our runs use: one pass over /proc, psutil elsewhere."""
