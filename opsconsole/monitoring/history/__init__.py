"""What was: the last minutes in memory. The rest is in `storage.metrics`."""

from opsconsole.monitoring.history.ring import Ring

__all__ = ["Ring"]
