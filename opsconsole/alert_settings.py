"""The section `[alerts]`: who is told of what, by which way.

The text under a field is its documentation. Loaded only where somebody is told.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AlertSettings:
    enabled: bool = True
    """Tell anybody at all."""

    def check(self) -> None:
        """Raises SettingsError."""
