"""The learning detector: what it promises whatever it is fed."""

from __future__ import annotations

import math
import random
import zlib
from collections.abc import Iterable

import pytest

from opsconsole.monitoring import Detector
from opsconsole.monitoring.learning import contexts, novelty
from tests.monitoring.faults import DAY, START, cycle, jobs, noise

HOSTILE = (math.nan, math.inf, -math.inf, 1e300, -1e300, 5e-324, 0.0, -0.0, 1.7e308, -1.7e308)


def feed(detector: Detector, values: Iterable[float], first: int = 0, step: float = 60.0) -> list[float]:
    return [detector.update(START + (first + n) * step, value) for n, value in enumerate(values)]


def size(value: object, seen: set[int]) -> int:
    """Bytes of an object and all it holds."""
    import sys

    if id(value) in seen:
        return 0
    seen.add(id(value))
    inside: list[object] = []
    if isinstance(value, (list, tuple)):
        inside += value
    for name in getattr(type(value), "__slots__", ()):
        inside.append(getattr(value, name))
    return sys.getsizeof(value) + sum(size(each, seen) for each in inside)


def test_scores_nothing_before_it_is_ready() -> None:
    detector = Detector()
    scores = [(detector.ready, detector.update(START + 60 * n, 1e6 * (n % 17 == 3))) for n in range(100)]
    assert not any(ready or score for ready, score in scores)


def test_is_ready_within_three_hours_of_minutes() -> None:
    detector = Detector()
    feed(detector, noise(0.125, 1))
    assert detector.ready


def test_every_score_lies_between_0_and_1() -> None:
    scores = feed(Detector(), [*noise(1, 2), *HOSTILE, *noise(0.2, 3), 1e9, *noise(0.2, 4)])
    assert all(0.0 <= score < 1.0 for score in scores)


def test_looks_at_the_past_only() -> None:
    values = jobs(2, 5)
    assert feed(Detector(), values)[:2000] == feed(Detector(), values[:2000])


def test_the_same_values_have_the_same_scores() -> None:
    assert feed(Detector(), jobs(1, 1)) == feed(Detector(), jobs(1, 1))


def test_a_value_far_out_of_everything_is_unusual() -> None:
    detector = Detector()
    feed(detector, cycle(2, 1))
    assert detector.update(START + 2 * DAY * 60, 300.0) >= Detector.threshold


def test_is_told_once_and_then_only_what_tops_it() -> None:
    detector = Detector()
    feed(detector, noise(1, 1))
    scores = feed(detector, [300.0, 300.0, 300.0], DAY)
    assert scores[0] >= Detector.threshold > scores[2]


def test_unlearned_values_stay_unusual_as_long_as_they_last() -> None:
    detector = Detector()
    feed(detector, noise(1, 1))
    detector.update(START + DAY * 60, 300.0)
    later = [detector.update(START + (DAY + n) * 60, 300.0, learn=False) for n in range(1, 60)]
    assert min(later) >= Detector.threshold


def test_unlearned_values_leave_what_is_known_as_it_was() -> None:
    detector = Detector()
    feed(detector, noise(1, 1))
    before = detector.expected
    for n in range(30):
        detector.update(START + DAY * 60 + n, 300.0, learn=False)
    assert detector.expected == before


def test_a_level_that_stays_is_learned_in_the_end() -> None:
    detector = Detector()
    feed(detector, noise(1, 1))
    scores = [detector.update(START + (DAY + n) * 60, 300.0 + n % 7, learn=False) for n in range(3 * DAY)]
    assert scores[0] >= Detector.threshold > scores[-1]


def test_a_repeating_day_is_not_unusual() -> None:
    day = [50 + 40 * math.sin(2 * math.pi * n / DAY) for n in range(DAY)]
    assert max(feed(Detector(), day * 5)[2 * DAY :]) < Detector.threshold


def test_a_constant_is_not_unusual() -> None:
    assert max(feed(Detector(), [42.0] * DAY)) < Detector.threshold


@pytest.mark.unmeasured
@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_value_neither_raises_nor_blinds(hostile: float) -> None:
    detector = Detector()
    feed(detector, noise(1, 1))
    feed(detector, [hostile], DAY)
    feed(detector, noise(1, 2), DAY + 1)
    assert detector.update(START + (2 * DAY + 1) * 60, 400.0) >= Detector.threshold
    feed(detector, [hostile] * 3, 2 * DAY + 2)
    feed(detector, noise(1, 3), 2 * DAY + 5)
    assert detector.update(START + (3 * DAY + 5) * 60, 1e6) >= Detector.threshold


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_hostile_time_neither_raises_nor_blinds(hostile: float) -> None:
    detector = Detector()
    feed(detector, noise(1, 1))
    for _ in range(3):
        detector.update(hostile, 40.0)
    feed(detector, noise(0.5, 2), DAY)
    assert detector.update(START + 1.5 * DAY * 60, 400.0) >= Detector.threshold


@pytest.mark.parametrize("start", [0.0, -1e9, 1e12, 1e300, math.nan])
def test_hostile_values_from_the_very_first_do_no_harm(start: float) -> None:
    detector = Detector()
    scores = [detector.update(start, value) for value in HOSTILE * 40]
    assert all(0.0 <= score < 1.0 for score in scores)
    assert feed(detector, noise(1, 1))


def test_repeated_backward_and_missing_times_do_no_harm() -> None:
    luck = random.Random(3)
    at, detector = START, Detector()
    for value in noise(2, 1):
        at += luck.choice((60.0, 60.0, 60.0, 0.0, -3300.0, 3600.0, 7 * 86400.0 * (luck.random() < 0.01)))
        assert 0.0 <= detector.update(at, value) < 1.0
    assert detector.update(at + 60, 400.0) >= Detector.threshold


@pytest.mark.parametrize("spacing", [0.25, 1.0, 10.0, 60.0, 300.0, 3600.0, 86400.0, 1e7])
def test_any_distance_of_samples_is_fine(spacing: float) -> None:
    detector = Detector()
    feed(detector, noise(1, 1), step=spacing)
    assert detector.update(START + DAY * spacing, 400.0) >= Detector.threshold


def test_expects_the_usual() -> None:
    detector = Detector()
    assert detector.expected is None
    feed(detector, cycle(3, 1))
    low, high = detector.expected or (0.0, 0.0)
    assert 20 < low < 50 < high < 80  # midnight: the middle of the wave


def test_is_of_constant_size_below_64_kib() -> None:
    detector = Detector()
    feed(detector, noise(2, 1))
    early = size(detector, set())
    feed(detector, noise(4, 2), 2 * DAY)
    assert early <= 65536 and abs(size(detector, set()) - early) < 1024


@pytest.mark.parametrize("rows", [0, 1, 50, 100, 1439, 2500])
def test_a_restored_detector_continues_with_the_same_scores(rows: int) -> None:
    values = jobs(2, 2)
    detector = Detector()
    feed(detector, values[:rows])
    again = Detector.restored(detector.state())
    assert again.ready == detector.ready
    assert feed(again, values[rows : rows + 300], rows) == feed(detector, values[rows : rows + 300], rows)


def test_a_state_taken_while_symbols_are_cut_anew_continues_as_well() -> None:
    detector, at = Detector(), 0
    feed(detector, noise(1, 1))
    while detector.novelty.learned < 0 and at < 500:
        detector.update(START + (DAY + at) * 60, 1000.0 + at)
        at += 1
    assert 0 <= detector.novelty.learned <= detector.novelty.seen and at < 500
    again = Detector.restored(detector.state())
    rest = [1000.0 + n % 90 for n in range(contexts.WINDOW // novelty.PACE + 50)]
    assert feed(again, rest, DAY + at) == feed(detector, rest, DAY + at)


def broken_states() -> dict[str, bytes]:
    detector = Detector()
    feed(detector, noise(0.3, 1))
    state = detector.state()
    changed = bytearray(state)
    changed[len(state) // 2] ^= 1
    return {
        "empty": b"",
        "short": state[:7],
        "cut": state[: len(state) // 2],
        "one bit": bytes(changed),
        "other version": b"ocd0" + state[4:],
        "text": b"not a state at all",
        "no contents": state[:5] + (0).to_bytes(4, "little") + zlib.compress(b""),
        "bomb": state[:9] + zlib.compress(bytes(1 << 24)),
    }


@pytest.mark.parametrize("what", broken_states())
def test_refuses_a_broken_state(what: str) -> None:
    with pytest.raises(ValueError, match="state of a detector"):
        Detector.restored(broken_states()[what])


@pytest.mark.parametrize("value", [10**400, -(10**400)])
def test_an_integer_beyond_every_float_is_ignored(value: int) -> None:
    detector = Detector()
    feed(detector, noise(0.2, 6))
    before = detector.state()
    assert detector.update(START + DAY, value) == 0.0
    assert detector.state() == before


def test_a_time_beyond_every_float_has_no_time_of_day_and_does_no_harm() -> None:
    assert Detector().update(10**400, 1.0) == 0.0


@pytest.mark.parametrize("data", [None, "ocd1l", 5, ["a"]])
def test_what_is_no_bytes_at_all_is_no_state(data: object) -> None:
    with pytest.raises(ValueError, match="is bytes, not"):
        Detector.restored(data)  # type: ignore[arg-type]


def test_a_state_may_come_in_any_sort_of_bytes() -> None:
    detector = Detector()
    feed(detector, noise(0.2, 6))
    state = detector.state()
    assert {Detector.restored(each).state() for each in (state, bytearray(state), memoryview(state))} == {state}  # type: ignore[arg-type]
