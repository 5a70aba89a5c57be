"""When what happened is known to the operator."""

from __future__ import annotations

from opsconsole.tui.screens.overview.looking import AWAY_US, GLANCE_US, Looking
from opsconsole.tui.screens.overview.since import FIRST_LOOK_US

T = 1_795_183_331_000_000


def looking(last: int | None = None) -> Looking:
    found = Looking()
    found.start(last, T)
    return found


def test_who_never_looked_is_told_of_the_last_day() -> None:
    assert looking().known is None and looking().since == T - FIRST_LOOK_US


def test_a_glance_is_no_look() -> None:
    found = looking(T - 5)
    found.begin(T)
    assert found.end(T + GLANCE_US - 1) is None


def test_what_was_looked_at_is_written_down_once() -> None:
    found = looking()
    found.begin(T)
    assert found.end(T + GLANCE_US) == T + GLANCE_US
    assert found.end(T + 10 * GLANCE_US) is None


def test_another_mode_for_a_moment_takes_nothing_away() -> None:
    found = looking(T - 5)
    found.begin(T)
    left = found.end(T + GLANCE_US)
    assert left is not None
    found.begin(left + AWAY_US - 1)
    assert found.since == T - 5


def test_who_was_away_is_told_what_happened_meanwhile() -> None:
    found = looking(T - 5)
    found.begin(T)
    left = found.end(T + GLANCE_US)
    assert left is not None
    found.begin(left + AWAY_US)
    assert found.since == left


def test_a_dialog_that_is_closed_is_no_new_look() -> None:
    found = looking(T - 5)
    found.begin(T)
    left = found.end(T + GLANCE_US)
    assert left is not None
    found.begin(left + 1)
    found.begin(left + AWAY_US)
    assert found.since == T - 5 and found.end(left + AWAY_US + 1) == left + AWAY_US + 1


def test_all_seen_begins_anew() -> None:
    found = looking(T - 5)
    assert found.all_seen(T + 1) == T + 1
    assert found.since == found.known == T + 1
