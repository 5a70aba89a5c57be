"""The process that owns a run and outlives the console. Standard library only."""
