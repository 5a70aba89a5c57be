"""Faults injected into metrics of six kinds: found within five minutes; clean days stay quiet."""

from __future__ import annotations

import copy

import pytest

from tests.monitoring.faults import CLEAN, DAY, FAULTS, Series, Watch, episodes, faulty

MINUTES = 5
SEEDS = (1, 2)
DAYS = 5

NOT_OURS = {
    ("flatline", "constant"): "a constant is flat",
}
"""(fault, metric): why the learning detector does not find it, by definition."""


@pytest.mark.unmeasured
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("base", CLEAN)
def test_each_fault_is_found_within_five_minutes(base: str, seed: int) -> None:
    """All of them come into the same days, which are learnt once."""
    days: list[tuple[int, int, str, Series]] = []
    for fault in FAULTS:
        if (fault, base) not in NOT_OURS:
            series, at = faulty(base, fault, seed)
            days.append((at - FAULTS[fault].after, at, fault, series))
    before, missed = Watch(), []
    for begin, at, fault, series in sorted(days):
        assert all(other[:begin] == series[:begin] for when, _, _, other in days if when >= begin)
        before.feed(series[before.rows : begin])
        after = copy.deepcopy(before)
        after.feed(series[begin : at + MINUTES + 1])
        if not any(row >= begin for row in after.begun):
            missed.append(fault)
    assert missed == []


@pytest.mark.unmeasured
@pytest.mark.parametrize("base", CLEAN)
def test_clean_days_have_at_most_one_false_episode_each(base: str) -> None:
    begun = sum(len(episodes(CLEAN[base](DAYS, seed))) for seed in SEEDS)
    assert begun <= DAYS * len(SEEDS)


@pytest.mark.unmeasured
def test_a_slow_leak_is_told_when_it_leaves_what_was_ever_seen() -> None:
    series = CLEAN["steady"](4, 3)
    highest = max(series[: 3 * DAY])
    for n in range(DAY):
        series[3 * DAY + n] += 1e6 * n
    left = next(n for n in range(3 * DAY, 4 * DAY) if series[n] > 1.1 * highest)
    assert any(3 * DAY <= row <= left + MINUTES for row in episodes(series))
