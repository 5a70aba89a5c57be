"""The section `[monitor]`: how often the host is looked at, what is kept, and when something is wrong.

The text under a field is its documentation. Loaded only where somebody monitors.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import field, fields
from typing import Any

from opsconsole.errors import SettingsError
from opsconsole.values import dataclass


@dataclass(frozen=True)
class MonitorSettings:
    autostart: bool = True
    """The console and `work` start the monitor, if nobody else watches this state directory; false: only by hand."""
    interval_s: float = 1.0
    """Seconds between samples while a screen looks, at least 0.1."""
    idle_interval_s: float = 30.0
    """Seconds between samples while nobody looks."""
    max_share: float = 0.05
    """Share of one core that sampling may cost; above it the interval grows, and the screen says so."""
    top_processes: int = 5
    """Processes kept with an anomaly's peak and shown as its cause."""
    run_interval_s: float = 1.0
    """Seconds between samples of a run's own processes."""
    keep_raw_h: float = 48.0
    """Hours that every sample is kept."""
    keep_minutes_d: float = 30.0
    """Days that the figures of each minute are kept."""
    keep_hours_d: float = 730.0
    """Days that the figures of each hour are kept."""
    learning: bool = True
    """Learn what is usual for each metric, and say "unusual" (it never notifies anybody by itself)."""
    unusual_threshold: float = 0.0
    """Score (0–1) from which a value is unusual; 0: the detector's own."""
    smart: bool = True
    """Ask smartctl about the disks' health once an hour, where it is installed and allowed."""
    listen: str = ""
    """HOST:PORT on which a background monitor serves Prometheus; empty: none."""
    ignore_mounts: tuple[str, ...] = ()
    """Patterns of mount points that are not watched, such as "/mnt/archive*"."""
    thresholds: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """A kind's own thresholds, `[monitor.thresholds.disk_full]`; for one subject (mount, device, process, host)
    `[monitor.thresholds.disk_full.on."/var"]`. `opsconsole anomalies kinds` lists kinds, keys and defaults."""

    def check(self) -> None:
        """Raises one SettingsError with all that is wrong."""
        if wrong := [*self._wrong()]:
            raise SettingsError.of_all(wrong)

    def _wrong(self) -> Iterator[SettingsError]:
        for item in fields(self):
            value = getattr(self, item.name)
            if isinstance(value, int | float) and (value < 0 or not math.isfinite(value)):
                yield SettingsError(f"setting monitor.{item.name} must be a number that is not negative")
        if self.interval_s < 0.1 or self.idle_interval_s < self.interval_s:
            yield SettingsError("setting monitor.interval_s must be at least 0.1 and at most monitor.idle_interval_s")
        if not 0 < self.max_share <= 1 or not 0 <= self.unusual_threshold <= 1:
            yield SettingsError("settings monitor.max_share and monitor.unusual_threshold are shares between 0 and 1")
