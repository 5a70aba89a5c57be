"""How often people are told: a day at the threshold, a fixed noisy day, a bad night."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator

import pytest

from opsconsole.anomalies import AnomalyState, Change
from opsconsole.monitoring.detection.observation import Look, Observation
from opsconsole.samples import Cpu, Sample
from tests.monitoring.looks import CALM, GIB, START_US, Hands, disk

DAY_S = 86_400
STEP_S = 5.0


def notifications(hands: Hands) -> int:
    """What somebody might be told: begins, ends, and graver than before."""
    return sum(each.change is not Change.CHANGED or "severity" in each.what for each in hands.seen)


def day(value: Callable[[float], float], kind: str, settings: dict[str, object] | None = None) -> Hands:
    hands = Hands(settings)
    for number in range(int(DAY_S / STEP_S)):
        at_s = number * STEP_S
        sample = Sample(
            START_US + int(at_s * 1e6), at_s, STEP_S, CALM.cpu, CALM.load, CALM.memory, CALM.swap
        )  # fmt: skip
        hands.seen += hands.book.update(Look(sample, {}), (Observation(kind, "", value(at_s)),))
    return hands


def swings(period_s: float) -> Callable[[float], float]:
    return lambda at_s: 85 + 3 * math.sin(2 * math.pi * at_s / period_s)


def noise(seed: int) -> Callable[[float], float]:
    luck = random.Random(seed)
    return lambda _: 85 + luck.uniform(-3, 3)


def square(period_s: float) -> Callable[[float], float]:
    return lambda at_s: 88.0 if at_s % period_s < period_s / 2 else 82.1


TRACES = {
    **{f"sine of {period} s": lambda period=period: swings(period) for period in (60, 3600)},
    **{f"square of {period} s": lambda period=period: square(period) for period in (10, 400)},
    **{f"noise {seed}": lambda seed=seed: noise(seed) for seed in (1,)},
}


@pytest.mark.unmeasured
@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("kind", ["cpu_high", "disk_full"])
def test_a_day_of_three_points_around_85_tells_at_most_twice(name: str, kind: str) -> None:
    hands = day(TRACES[name](), kind)
    assert notifications(hands) <= 2
    assert len(hands.book.recent()) <= 1


@pytest.mark.unmeasured
def test_memory_around_its_level_tells_at_most_twice() -> None:
    hands = day(lambda at_s: swings(600)(at_s) + 5, "memory_high")
    assert 1 <= notifications(hands) <= 2


@pytest.mark.unmeasured
def test_with_clear_at_the_level_flapping_still_tells_little() -> None:
    """Somebody has set the thresholds without any hysteresis."""
    hands = day(swings(120), "disk_full", {"disk_full": {"clear": 85, "clear_for_s": 0}})
    assert notifications(hands) <= 7
    (only,) = hands.book.recent()
    assert only.state is AnomalyState.FLAPPING
    assert only.flips > 700


NIGHT = (  # minutes, and how busy
    (30, 40), (0.5, 88), (30, 40), (5, 88), (30, 40), (45, 88), (30, 40), (0.5, 88), (1, 40), (0.5, 88), (30, 40),
    (5, 88), (4, 40), (5, 88), (30, 40), (2.5, 88), (1.5, 40), (2.5, 88), (30, 40),
)  # fmt: skip
"""Four episodes: of 5 minutes, of 45, of two times five with a break that is soon over, of two with a break too short
to count as recovery; and three bursts too short for any."""


def bursts(seed: int) -> Iterator[float]:
    luck = random.Random(seed)
    for minutes, busy in NIGHT:
        yield from (luck.gauss(busy, 2) for _ in range(int(minutes * 60 / STEP_S)))
    while True:
        yield luck.gauss(40, 8)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_fixed_noisy_night_tells_exactly_so_often(seed: int) -> None:
    values = bursts(seed)
    hands = day(lambda _: next(values), "cpu_high")
    assert [(each.change, each.anomaly.id, each.what) for each in hands.seen] == [
        (Change.OPENED, 1, ""),
        (Change.CLOSED, 1, "recovered"),
        (Change.OPENED, 2, ""),
        (Change.CLOSED, 2, "recovered"),
        (Change.OPENED, 3, ""),
        (Change.CLOSED, 3, "recovered"),
        (Change.OPENED, 3, "again"),
        (Change.CLOSED, 3, "recovered"),
        (Change.OPENED, 4, ""),
        (Change.CLOSED, 4, "recovered"),
    ]
    assert notifications(hands) == 10


@pytest.mark.unmeasured
def test_a_calm_day_of_a_whole_host_tells_nothing() -> None:
    hands = Hands().watching()
    luck = random.Random(3)
    used = 40.0
    for number in range(int(DAY_S / 60)):
        used += luck.uniform(-0.05, 0.0505)
        busy = 20 + 10 * math.sin(2 * math.pi * number / 1440) + luck.uniform(-5, 5)
        hands.look(
            60.0,
            cpu=Cpu(percent=busy, per_core=(busy, busy), steal=0.1, cores=2.0),
            disks=(disk("/", used, 100 * GIB), disk("/run", 1.0)),
        )
    assert hands.seen == []
