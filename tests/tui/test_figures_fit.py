"""Every column that has a size, a duration or an age in it is as wide as the widest of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.anomalies import Anomaly
from opsconsole.tui.episodes import amount
from opsconsole.tui.screens.anomalies.table import COLUMNS as ANOMALIES
from opsconsole.tui.screens.history.table import COLUMNS as HISTORY
from opsconsole.tui.screens.overview import zoom
from opsconsole.tui.screens.processes.table import COLUMNS as PROCESSES
from opsconsole.tui.screens.tasks.rows import COLUMNS as TASKS
from opsconsole.tui.widgets.column_list import Column
from opsconsole.tui.wording import age, duration, rate, short_size
from tests.tui.overview.test_rows import episode

YEARS = st.floats(0, 20 * 365 * 86_400)
BYTES = st.one_of(st.floats(0, 2.0**49), st.integers(0, 49).map(lambda power: 2.0**power - 1))


def width(columns: tuple[Column, ...], key: str) -> int:
    return next(column.width for column in columns if column.key == key)


@given(BYTES)
def test_a_size_fits(count: float) -> None:
    assert len(short_size(count)) <= width(PROCESSES, "rss")
    assert len("≤" + short_size(count)) <= width(TASKS, "rss")


@given(YEARS)
def test_a_duration_fits_while_it_goes_on_and_when_it_is_over(seconds: float) -> None:
    for said in (duration(seconds), duration(seconds, ticking=True)):
        for columns, key in ((TASKS, "duration"), (HISTORY, "duration"), (ANOMALIES, "lasted"), (PROCESSES, "time")):
            assert len(said) <= width(columns, key), (key, said)


@given(YEARS)
def test_an_age_fits(seconds: float) -> None:
    for columns, key in ((TASKS, "age"), (HISTORY, "age"), (ANOMALIES, "since")):
        assert len(age(int(seconds * 1e6))) <= width(columns, key)


@pytest.mark.parametrize(("kind", "unit"), [("run_stuck", "s"), ("drive_latency", "ms"), ("swap_thrash", "MiB/s")])
@given(value=st.floats(0, 20_000))
def test_a_peak_fits(kind: str, unit: str, value: float) -> None:
    one: Anomaly = episode(kind=kind, unit=unit)
    assert len(amount(one, value, narrow=True)) <= width(ANOMALIES, "peak")


@given(BYTES)
def test_a_rate_fits_beside_a_zoomed_graph(bytes_per_second: float) -> None:
    assert len(rate(bytes_per_second)) < zoom._LABELS
