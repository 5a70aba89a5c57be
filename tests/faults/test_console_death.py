"""The console is killed at any point: every task has one true result, nothing runs twice, nothing stays behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.faults.kill_rounds import play


@pytest.mark.rounds
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", range(9001, 9009))
def test_a_killed_console_loses_and_repeats_nothing(seed: int, tmp_path: Path) -> None:
    tally = play(seed, tmp_path)
    assert tally.wrong == []
    assert tally.statuses["abandoned"] == 0, "only consoles were killed: every supervisor had its say"


@pytest.mark.rounds
@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", range(9101, 9103))
def test_a_supervisor_killed_with_it_is_told_from_a_run_that_ended(seed: int, tmp_path: Path) -> None:
    assert play(seed, tmp_path, supervisors=True).wrong == []
