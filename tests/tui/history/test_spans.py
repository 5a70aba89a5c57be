"""Statistics open at the span that holds what there is."""

from __future__ import annotations

import pytest

from opsconsole.models import Status
from opsconsole.reporting.document import Harmless
from opsconsole.storage.trends import Tally, Trends
from opsconsole.tui.glyphs import ASCII
from opsconsole.tui.screens.history.sheet import text_of
from opsconsole.tui.screens.history.spans import SPANS, fitting
from opsconsole.tui.screens.history.statistics_rows import rows_of
from tests.tui.fake_engine import NOW
from tests.tui.history.record import HOUR, MINUTE

DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("first", "last", "span"),
    [
        (16 * MINUTE, 0, "hour"),
        (2 * HOUR, MINUTE, "6 hours"),
        (7 * HOUR, MINUTE, "24 hours"),
        (3 * DAY, 0, "7 days"),
        (300 * DAY, HOUR, "7 days"),
        (300 * DAY, 9 * DAY, "30 days"),
        (300 * DAY, 200 * DAY, "all"),
        (-MINUTE, -MINUTE, "hour"),
    ],
)
def test_the_shortest_that_holds_all_and_of_a_long_record_the_last_days(first: int, last: int, span: str) -> None:
    assert SPANS[fitting((NOW - first, NOW - last), NOW)][0] == span


def test_of_nothing_any_will_do() -> None:
    assert SPANS[fitting(None, NOW)][0] == "7 days"


def test_the_share_that_succeeded_has_its_count_beside_it() -> None:
    whole = Tally({Status.COMPLETED: 3, Status.FAILED: 5, Status.CANCELLED: 5}, 1.0, 2.0)
    found = Trends(NOW - HOUR, NOW, "name", whole, [whole], {"a": whole})
    text = "\n".join(text_of(row) for row in rows_of(found, "hour", "", Harmless(), 120, 40, ASCII))
    assert "13 runs" in text and "37.5 % (3 of 8) succeeded" in text and "the last hour" in text
