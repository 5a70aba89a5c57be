"""What is drawn and said of one episode, without a screen."""

from __future__ import annotations

from typing import Any

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.tui.screens.anomalies import facts
from opsconsole.tui.screens.anomalies.graph import lines_of
from opsconsole.tui.screens.anomalies.table import in_order
from opsconsole.tui.widgets.plot import Stretch
from tests.tui.anomalies.test_jumping import episode

MINUTE = 60_000_000


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
    assert heading.endswith("most 87 %  least 83 %  ┈ 85 %")
    assert rows[0].startswith("89 %  "), "not a full block, and the value of its upper edge"
    assert [row[:5] for row in rows[1:]] == ["     ", "     ", "81 % ", "     ", "     "]


def test_a_graph_of_what_moves_much_begins_at_zero() -> None:
    heading, *rows = graph(episode(kind="memory_high", threshold=85.0), 3, 84, 86, 87)
    assert heading.endswith("┈ 85 %")
    assert rows[0].startswith("100 % ") and rows[3].startswith("  0 % ")


def test_a_series_without_a_threshold_of_its_own_has_its_own_unit() -> None:
    heading, *rows = graph(episode(kind="unusual", subject="net_tx:eth0", unit="×"), 5_695_000, 18_940_000)
    assert "most 18.1 MiB/s  least 5.43 MiB/s" in heading
    assert rows[0].startswith("18.1 MiB/s ") and rows[3].startswith("         0 "), "a 0 has no unit of its own"


def test_a_process_is_told_by_when_it_began_and_a_single_recovery_is_one() -> None:
    details: dict[str, Any] = {"pid": 4711, "start_time": 0.0, "start_ticks": 4_695_100}
    said = ["".join(cell.text for cell in line) for line in facts.facts(episode(details=details, flips=1), 1)]
    assert any(line.startswith("start_time") and line.endswith("00:00:00") for line in said)
    assert not any("start_ticks" in line for line in said)
    assert any(line.split() == ["comes", "and", "goes", "1", "recovery", "did", "not", "last"] for line in said)
