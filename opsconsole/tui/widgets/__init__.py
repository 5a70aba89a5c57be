"""Widgets, each with its .tcss beside it."""
