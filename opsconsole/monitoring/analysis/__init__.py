"""What is short on this host, who causes it, since when, and what could be done; one state of its health."""

from opsconsole.monitoring.analysis.causes import IoSeen, ProcessIo
from opsconsole.monitoring.analysis.diagnosis import analyze
from opsconsole.monitoring.analysis.health import Health, health
from opsconsole.monitoring.analysis.model import (
    Analysis,
    Bottleneck,
    Cause,
    Reading,
    ResourceUse,
    Since,
    State,
    Suggestion,
    Trend,
    Usual,
)

__all__ = [
    "Analysis",
    "Bottleneck",
    "Cause",
    "Health",
    "IoSeen",
    "ProcessIo",
    "Reading",
    "ResourceUse",
    "Since",
    "State",
    "Suggestion",
    "Trend",
    "Usual",
    "analyze",
    "health",
]
