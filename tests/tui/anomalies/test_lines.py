"""What is drawn and said of one episode, without a screen."""

from __future__ import annotations

from typing import Any

import pytest

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.tui.screens.anomalies import facts
from opsconsole.tui.screens.anomalies.graph import lines_of
from opsconsole.tui.screens.anomalies.table import in_order
from opsconsole.tui.widgets.plot import Stretch
from opsconsole.tui.wording import quantity
from tests.tui.anomalies.test_jumping import episode

MINUTE = 60_000_000


@pytest.mark.parametrize(
    ("value", "unit", "said"),
    [
        (18_941_000, "B/s", "18.9 MB/s"), (812, "B", "812 B"), (86.64, "%", "86.6 %"), (99.96, "%", "100 %"),
        (1204, "", "1,204"), (4.6951e6, "", "4,695,100"), (0.0042, "", "0.0042"), (0, "%", "0 %"),
    ],
)  # fmt: skip
def test_a_quantity_is_never_a_power_of_ten(value: float, unit: str, said: str) -> None:
    assert quantity(value, unit) == said


def test_what_is_open_stands_in_the_order_of_gravity_and_what_is_over_in_that_of_time() -> None:
    closed = {"state": AnomalyState.CLOSED}
    given = [
        episode(id=1, severity=Severity.CRITICAL, opened_at=10), episode(id=2, severity=Severity.LOW, opened_at=50),
        episode(id=3, severity=Severity.HIGH, opened_at=20, **closed),
        episode(id=4, severity=Severity.LOW, opened_at=60, **closed),
        episode(id=5, severity=Severity.LOW, opened_at=55),
    ]  # fmt: skip
    assert [one.id for one in in_order(given)] == [1, 5, 2, 4, 3]


def graph(one: Anomaly, *values: float) -> list[str]:
    plot = facts.plot_of(one)
    assert plot is not None
    recorded = [Stretch(at * MINUTE, (at + 1) * MINUTE, value) for at, value in enumerate(values)]
    span = 0, len(values) * MINUTE
    return ["".join(cell.text for cell in line) for line in lines_of(one, plot, recorded, span, span[1], 40, 4)]


def test_a_graph_of_what_hardly_moves_is_drawn_around_it_and_says_so() -> None:
    heading, *rows = graph(episode(kind="memory_high", threshold=85.0), 83, 84, 86, 87)
    assert "most 87 %  least 83 %  ┈ 85 %  from 81 %" in heading
    assert rows[0].startswith(" ") or rows[0].startswith("┈"), "not a full block"


def test_a_graph_of_what_moves_much_begins_at_zero() -> None:
    heading, *_ = graph(episode(kind="memory_high", threshold=85.0), 3, 84, 86, 87)
    assert heading.endswith("┈ 85 %")


def test_a_series_without_a_threshold_of_its_own_has_its_own_unit() -> None:
    heading, *_ = graph(episode(kind="unusual", subject="net_tx:eth0", unit="×"), 5_695_000, 18_940_000)
    assert "most 18.9 MB/s  least 5.7 MB/s" in heading


def test_a_process_is_told_by_when_it_began_and_a_single_recovery_is_one() -> None:
    details: dict[str, Any] = {"pid": 4711, "start_time": 0.0, "start_ticks": 4_695_100}
    said = ["".join(cell.text for cell in line) for line in facts.facts(episode(details=details, flips=1), 1)]
    assert any(line.startswith("start_time") and line.endswith("00:00:00") for line in said)
    assert not any("start_ticks" in line for line in said)
    assert any(line.split() == ["comes", "and", "goes", "1", "recovery", "did", "not", "last"] for line in said)
