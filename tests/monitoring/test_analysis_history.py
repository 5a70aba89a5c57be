"""Now against before: the span, its gaps, since when, and what this hour usually has."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole.anomalies import AnomalyState
from opsconsole.monitor_settings import MonitorSettings
from opsconsole.monitoring.analysis import Usual
from opsconsole.storage.metrics import MetricsStore
from tests.monitoring.analysis_situations import (
    CALM,
    CPU_BOUND,
    DAY,
    IO_BOUND,
    MINUTE,
    NOW,
    QUIET,
    Hand,
    Recorded,
    calm,
    calm_history,
    disk,
    episode,
    history,
    now,
    over,
    states,
)

# -- over the last minutes


def test_the_verdict_says_both_the_span_and_now() -> None:
    found = over(IO_BOUND, calm_history(pressure_io_full=30.0, pressure_io=60.0, drive_busy__sda=95.0))
    assert found.verdict.startswith(
        "I/O is the bottleneck: all tasks waited for a drive 30 % of the last 15 min (38 % now); sda 97 % busy"
    )


def test_the_verdict_has_the_queue_of_now_as_all_that_stands_beneath_it() -> None:
    found = over(CPU_BOUND, calm_history(pressure_cpu=60.0, cpu=99.0, load1=30.0))
    assert found.verdict.endswith("(42 % now); 98 % used; 12 tasks for 4 cores")


def test_what_was_waited_for_and_is_no_more_is_said_as_past() -> None:
    found = over(QUIET, calm_history(pressure_memory_full=[20.0] * 15, pressure_memory=30.0))
    assert found.bottleneck is None
    assert found.past_bottleneck is not None and found.past_bottleneck.resource == "memory"
    assert found.verdict.startswith(
        "Nothing is waited for just now; over the last 15 min memory was the bottleneck: "
        "all tasks waited for memory 20 % of the last 15 min"
    )
    assert states(found)["memory"] == "ok", "the state is that of now"


def test_a_bottleneck_of_now_counts_more_than_another_of_before() -> None:
    found = over(CPU_BOUND, calm_history(pressure_memory_full=20.0, pressure_memory=30.0))
    assert found.verdict.startswith("CPU is the bottleneck: tasks waited for a core 42 % of the last 1 s")
    assert found.past_bottleneck is not None and found.past_bottleneck.resource == "memory"


def test_without_a_look_now_the_history_speaks_alone_and_says_so() -> None:
    found = over(None, calm_history(pressure_cpu=50.0, cpu=99.0))
    assert found.verdict == (
        "CPU is the bottleneck, over the last 15 min: tasks waited for a core 50 % of the last 15 min; 99 % used; "
        "how it is now is not known"
    )
    assert over(None, calm_history()).verdict == (
        "Nothing was waited for over the last 15 min; how it is now is not known"
    )


def test_mean_maximum_and_share_above_the_limit() -> None:
    used = [50.0] * 10 + [90.0] * 4 + [100.0]
    trend = next(each for each in over(QUIET, calm_history(cpu=used)).resource("cpu").trends if each.series == "cpu")
    assert trend.mean == pytest.approx(sum(used) / 15) and trend.max == 100.0
    assert trend.limit == 85.0 and trend.above == pytest.approx(5 / 15) and trend.buckets == 15


def test_what_lies_before_the_span_does_not_count() -> None:
    trend = over(QUIET, calm_history(30, cpu=[100.0] * 15 + [10.0] * 15)).resource("cpu").trends[0]
    assert (trend.mean, trend.max) == (10.0, 10.0)


def test_a_single_gap_is_one() -> None:
    assert "1 of 15 parts of the last 15 min is not on record" in over(QUIET, history(15, missing=(4,), **calm())).notes


def test_gaps_are_said_and_do_not_count_as_anything() -> None:
    found = over(QUIET, history(15, missing=(3, 4, 9), **calm()))
    assert found.span is not None and (found.span.buckets, found.span.recorded) == (15, 12)
    assert found.span.gaps == ((NOW - 12 * MINUTE, NOW - 10 * MINUTE), (NOW - 6 * MINUTE, NOW - 5 * MINUTE))
    assert "3 of 15 parts of the last 15 min are not on record" in found.notes
    assert found.resource("cpu").trends[0].mean == 12.0


def test_a_span_that_begins_within_a_minute_has_no_gap_at_its_ends() -> None:
    late = replace(QUIET, time_us=NOW + MINUTE // 4)
    found = over(late, calm_history())
    assert found.span is not None and found.span.gaps == ()


def test_an_empty_history_is_none() -> None:
    found = over(QUIET, Recorded({}))
    assert found.span is None and "no history: nothing is on record of the last 15 min" in found.notes
    assert "no history: run `opsconsole monitor` to have some" in now(QUIET).notes


# -- since when


def crossed(values: list[float], **others: Any) -> tuple[float, bool] | None:
    """Minutes ago, and whether it may be longer."""
    store = calm_history(len(values), pressure_cpu=values, cpu=99.0)
    since = over(CPU_BOUND, store, **others).since
    return None if since is None else ((NOW - since.time_us) / MINUTE, since.at_least)


def test_since_the_minute_in_which_it_crossed_the_limit() -> None:
    assert crossed([1.0] * 9 + [40.0] * 6) == (6.0, False)


def test_an_earlier_time_above_that_ended_does_not_count() -> None:
    assert crossed([40.0] * 3 + [1.0] * 6 + [40.0] * 6) == (6.0, False)


def test_a_single_minute_below_does_not_end_it_but_two_do() -> None:
    assert crossed([1.0] * 5 + [40.0] * 4 + [1.0] + [40.0] * 5) == (10.0, False)
    assert crossed([1.0] * 5 + [40.0] * 3 + [1.0] * 2 + [40.0] * 5) == (5.0, False)


def test_the_limit_itself_is_not_above_it() -> None:
    assert crossed([1.0] * 9 + [10.0] * 3 + [40.0] * 3) == (3.0, False)


def test_what_began_before_the_span_is_looked_for_in_the_day_before() -> None:
    assert crossed([1.0] * 40 + [40.0] * 60) == (60.0, False)


def test_what_was_so_when_the_record_began_may_have_begun_before() -> None:
    assert crossed([40.0] * 15) == (15.0, True)


def test_an_open_episode_knows_its_begin_better() -> None:
    found = over(
        CPU_BOUND,
        calm_history(pressure_cpu=[1.0] * 9 + [40.0] * 6, cpu=99.0),
        anomalies=[
            episode("cpu_high", began_at=NOW - 8 * MINUTE),
            episode("cpu_pressure", began_at=NOW - 7 * MINUTE),
            episode("memory_high", began_at=NOW - 30 * MINUTE),
            episode("process_cpu_high", subject="x[1]", began_at=NOW - 40 * MINUTE),
        ],
    )
    assert found.since is not None
    assert (found.since.time_us, found.since.basis, found.since.why) == (
        NOW - 7 * MINUTE, "anomaly", "cpu_pressure began",
    )  # fmt: skip


def test_of_a_disk_only_its_own_episode_counts() -> None:
    full = replace(QUIET, disks=(disk("/var", 97.0), disk("/old", 91.0)))
    episodes = [episode("disk_full", subject="/old", began_at=NOW - DAY), episode("disk_full", subject="/var")]
    found = now(full, anomalies=episodes)
    assert found.since is not None and found.since.time_us == NOW - 10 * MINUTE
    assert found.since.why == "disk_full of /var began"


def test_a_closed_episode_explains_nothing() -> None:
    assert now(CPU_BOUND, anomalies=[episode("cpu_high", state=AnomalyState.CLOSED)]).since is None


# -- the same hour on earlier days


def with_days(*means: float) -> Recorded:
    store = calm_history(cpu=64.0)
    hour = NOW - NOW % (60 * MINUTE) + 5 * MINUTE
    store.values["cpu"] += [(hour - day * DAY, mean) for day, mean in enumerate(means, 1)]
    return store


def usual_cpu(*means: float) -> Usual | None:
    return next((each for each in over(QUIET, with_days(*means)).resource("cpu").usual if each.series == "cpu"), None)


def test_against_the_median_of_the_same_hour() -> None:
    found = usual_cpu(20.0, 10.0, 90.0)
    assert found is not None
    assert (found.value, found.median, found.days) == (64.0, 20.0, 3) and found.ratio == pytest.approx(3.2)


def test_one_earlier_day_is_no_habit() -> None:
    assert usual_cpu(20.0) is None
    assert usual_cpu(20.0, 20.0) is not None


def test_a_ratio_to_next_to_nothing_is_not_said() -> None:
    found = usual_cpu(0.1, 0.2)
    assert found is not None and found.ratio is None


def test_the_real_store_tells_the_same(tmp_path: Path) -> None:
    """A sample each 30 s for 40 minutes, waiting in the last 9 of them, the monitor away in between."""
    clock = Hand()
    path = tmp_path / "metrics.db"
    with closing(MetricsStore(path, MonitorSettings(), clock)) as store:
        for age in range(80, 0, -1):
            minute = (age - 1) // 2 + 1
            if minute in (13, 14):
                continue
            values = {**calm(), "pressure_cpu": 60.0 if minute <= 9 else 1.0, "cpu": 99.0}
            store.record(NOW - age * 30_000_000 + 1_000_000, values)
        store.flush()
    with closing(MetricsStore(path, MonitorSettings(), clock, read_only=True)) as store:
        found = over(CPU_BOUND, store)
    assert found.since is not None
    assert (found.since.time_us, found.since.at_least) == (NOW - 9 * MINUTE, False)
    assert found.span is not None and (found.span.buckets, found.span.recorded) == (15, 13)
    assert found.span.gaps == ((NOW - 14 * MINUTE, NOW - 12 * MINUTE),)
    waiting = next(each for each in found.resource("cpu").trends if each.series == "pressure_cpu")
    assert waiting.mean == pytest.approx((9 * 60.0 + 4 * 1.0) / 13, rel=1e-6)
    assert waiting.above == pytest.approx(9 / 13) and waiting.max == 60.0
    assert found.past_bottleneck is not None and found.past_bottleneck.resource == "cpu"
    assert found.verdict.startswith("CPU is the bottleneck: tasks waited for a core 42 % of the last 15 min (42 % now)")


def test_a_real_store_without_a_file_is_no_history(tmp_path: Path) -> None:
    with closing(MetricsStore(tmp_path / "metrics.db", read_only=True)) as store:
        assert over(QUIET, store).span is None


def test_a_last_minute_that_has_only_begun_does_not_end_it() -> None:
    late = replace(CPU_BOUND, time_us=NOW + MINUTE // 4)
    values = [1.0] * 8 + [40.0] * 6 + [1.0]
    since = over(late, calm_history(15, pressure_cpu=values, cpu=99.0)).since
    assert since is not None and since.time_us == NOW - 7 * MINUTE


def test_half_of_some_has_twice_the_limit_of_full() -> None:
    sample = replace(QUIET, pressure=replace(CALM, io_some=60.0, io_full=1.0))
    past = calm_history(pressure_io=[19.0] * 10 + [21.0] * 5, pressure_io_full=1.0)
    trend = next(each for each in over(sample, past).resource("io").trends if each.series == "pressure_io")
    assert trend.limit == 20.0 and trend.above == pytest.approx(1 / 3)
