"""The ring of the last minutes: a place a second, gaps are NaN, and it does not grow."""

from __future__ import annotations

import math
import random

from opsconsole.monitoring.history import Ring


def shown(values: list[float]) -> list[float | None]:
    return [None if math.isnan(value) else value for value in values]


def test_a_sample_a_second_is_a_value_a_second() -> None:
    ring = Ring(seconds=10)
    for second in range(25):
        ring.add(1000.0 + second, {"cpu": second}, 1.0 if second else None)
    assert shown(ring.values("cpu", 3)) == [22.0, 23.0, 24.0]
    assert shown(ring.values("cpu")) == [float(second) for second in range(15, 25)]
    assert shown(ring.values("cpu", 12)) == [None, None, *map(float, range(15, 25))]
    assert ring.latest("cpu") == 24.0


def test_before_the_first_sample_and_for_unknown_series_there_is_nothing() -> None:
    ring = Ring(seconds=10)
    assert shown(ring.values("cpu", 2)) == [None, None]
    ring.add(5.0, {"cpu": 1.0}, None)
    assert shown(ring.values("cpu", 3)) == [None, None, 1.0]
    assert shown(ring.values("other", 2)) == [None, None]
    assert ring.latest("other") is None


def test_ticks_that_come_a_little_early_or_late_make_no_holes() -> None:
    ring, luck, before = Ring(), random.Random(3), 0.0
    for second in range(600):
        now = second + luck.uniform(-0.45, 0.45) if second else 0.0
        ring.add(now, {"cpu": 1.0}, now - before if second else None)
        before = now
    assert None not in shown(ring.values("cpu", 590))


def test_a_sample_stands_for_the_interval_it_was_measured_over() -> None:
    ring = Ring()
    ring.add(0.0, {"cpu": 1.0}, None)
    ring.add(30.0, {"cpu": 5.0}, 30.0)
    assert shown(ring.values("cpu", 31)) == [1.0] + [5.0] * 30


def test_missed_ticks_are_a_gap() -> None:
    ring = Ring()
    for second in (0, 1, 2):
        ring.add(float(second), {"cpu": 1.0}, 1.0 if second else None)
    ring.add(10.0, {"cpu": 2.0}, None)
    assert shown(ring.values("cpu", 11)) == [1.0] * 3 + [None] * 7 + [2.0]


def test_a_suspend_that_the_clock_did_not_count_leaves_a_hole() -> None:
    ring = Ring()
    for second in (0, 1):
        ring.add(float(second), {"cpu": 1.0}, 1.0 if second else None)
    ring.add(2.0, {"cpu": 9.0}, None)
    ring.add(3.0, {"cpu": 9.0}, 1.0)
    assert shown(ring.values("cpu", 5)) == [1.0, 1.0, None, 9.0, 9.0]


def test_a_series_missing_in_a_sample_is_a_hole_in_that_series_only() -> None:
    ring = Ring(seconds=4)
    for second in range(9):
        ring.add(float(second), {"cpu": 1.0, "disk:/": 2.0} if second != 7 else {"cpu": 1.0}, 1.0 if second else None)
    assert shown(ring.values("disk:/", 4)) == [2.0, 2.0, None, 2.0]
    assert shown(ring.values("cpu", 4)) == [1.0] * 4


def test_nothing_since_is_shown_as_nothing() -> None:
    ring = Ring()
    ring.add(0.0, {"cpu": 1.0}, None)
    assert shown(ring.values("cpu", 4, now_s=2.0)) == [None, 1.0, None, None]
    ring.add(5000.0, {"cpu": 2.0}, None)
    assert shown(ring.values("cpu")) == [None] * 899 + [2.0]


def test_the_number_of_series_is_bounded_and_dead_ones_make_room() -> None:
    ring = Ring(seconds=10, most=3)
    ring.add(0.0, {f"disk:{n}": 1.0 for n in range(5)}, None)
    assert len(ring.names()) == 3
    for second in range(1, 12):
        ring.add(float(second), {"disk:0": 1.0, "disk:1": 1.0}, 1.0)
    assert ring.names() == ["disk:0", "disk:1"]
    ring.add(12.0, {"net": 4.0}, 1.0)
    assert ring.latest("net") == 4.0
    ring.clear()
    assert ring.names() == []


def test_ten_samples_a_second_keep_the_last() -> None:
    ring = Ring()
    for tenth in range(31):
        ring.add(tenth / 10, {"cpu": float(tenth)}, 0.1 if tenth else None)
    assert shown(ring.values("cpu", 3))[-1] == 30.0
    assert None not in shown(ring.values("cpu", 4))
