"""See it first: sampling, detection, episodes, analysis, alerts, the history of metrics.

`Detector`, `ProcessSampler` and `Monitor` are loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsconsole.monitoring.learning.detector import Detector
    from opsconsole.monitoring.monitor import Monitor
    from opsconsole.monitoring.sampling.processes import ProcessSampler

__all__ = ["Detector", "Monitor", "ProcessSampler"]

_HOMES = {
    "Detector": "opsconsole.monitoring.learning.detector",
    "Monitor": "opsconsole.monitoring.monitor",
    "ProcessSampler": "opsconsole.monitoring.sampling.processes",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
