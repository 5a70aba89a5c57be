"""Episodes to begin a test with."""

from __future__ import annotations

from opsconsole.anomalies import AnomalyState
from opsconsole.monitoring.detection.observation import Observation
from tests.monitoring.looks import Hands

SHORT = {"cpu_high": {"medium": 85, "high": 90, "critical": 95, "for_s": 10, "clear": 75, "clear_for_s": 20}}


def full(value: float | None, mount: str = "/", **given: object) -> Observation:
    return Observation("disk_full", mount, value, **given)  # type: ignore[arg-type]


def opened(settings: dict[str, object] | None = None) -> Hands:
    hands = Hands(settings or SHORT)
    assert hands.cpu(*[88.0] * 11) == ["opened cpu_high"]
    return hands


def flapping() -> Hands:
    """Three recoveries, none of them long enough to close it."""
    hands = opened()
    for _ in range(3):
        hands.cpu(40.0, 40.0, 88.0, 88.0)
    assert hands.words()[1:] == ["changed cpu_high: it flaps: over for now, and kept open until that lasts 5 min"]
    assert hands.one.state is AnomalyState.FLAPPING
    assert hands.one.flips == 3
    assert hands.one.message.endswith("; it comes and goes")
    return hands


def busy(value: float | None, pid: int = 7) -> Observation:
    return Observation("process_cpu_high", f"stress[{pid}]", value)
