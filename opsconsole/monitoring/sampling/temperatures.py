"""Temperatures of /sys/class/hwmon and /sys/class/thermal, in degrees Celsius. Linux only."""

from __future__ import annotations

import glob
from collections import Counter
from collections.abc import Iterator

from opsconsole.monitoring.sampling.kept import read_text

READ_EVERY_S = 10.0
"""A sensor may take milliseconds to answer, and heat is slow."""
FIND_EVERY_S = 300.0
_PLAUSIBLE = (-60.0, 250.0)


class Temperatures:
    def __init__(self, sys: str) -> None:
        self._sys = sys
        self._files: list[tuple[str, str]] = []
        self._found_at = self._read_at = float("-inf")
        self._values: tuple[tuple[str, float], ...] = ()

    def look(self, monotonic_s: float) -> tuple[tuple[str, float], ...]:
        """(sensor, degrees), at most READ_EVERY_S old. A sensor that does not answer is left out."""
        if monotonic_s - self._found_at >= FIND_EVERY_S:
            self._files, self._found_at = list(_sensors(self._sys)), monotonic_s
        if monotonic_s - self._read_at >= READ_EVERY_S:
            self._values, self._read_at = tuple(self._read()), monotonic_s
        return self._values

    def _read(self) -> Iterator[tuple[str, float]]:
        for name, path in self._files:
            text = read_text(path)
            if text is None or not text.lstrip("-").isdecimal():
                continue
            degrees = int(text) / 1000.0
            if _PLAUSIBLE[0] < degrees < _PLAUSIBLE[1]:
                yield name, degrees


def _sensors(sys: str) -> Iterator[tuple[str, str]]:
    """(name, file): `coretemp Core 0`, `nvme Composite`; two chips of a name get their hwmon's number."""
    chips = [(folder, read_text(f"{folder}/name") or "?") for folder in sorted(glob.glob(f"{sys}/class/hwmon/hwmon*"))]
    times = Counter(chip for _, chip in chips)
    for folder, chip in chips:
        label = chip if times[chip] == 1 else f"{chip}{folder.rpartition('hwmon')[2]}"
        for path in sorted(glob.glob(f"{folder}/temp*_input")):
            channel = path.rpartition("/")[2].removesuffix("_input")
            yield f"{label} {read_text(path.removesuffix('input') + 'label') or channel}", path
    # The kernel shows most thermal zones as hwmon chips too, with "-" spelt "_".
    zones = [
        (path, read_text(f"{path}/type") or "?") for path in sorted(glob.glob(f"{sys}/class/thermal/thermal_zone*"))
    ]
    types = Counter(kind for _, kind in zones)
    for folder, kind in zones:
        if kind.replace("-", "_") not in times:
            label = kind if types[kind] == 1 else f"{kind}{folder.rpartition('thermal_zone')[2]}"
            yield label, f"{folder}/temp"
