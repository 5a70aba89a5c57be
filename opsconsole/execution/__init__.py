"""The life of a task: queue → executor → supervisor → result."""
