"""Fixtures of the fault tests: a state directory that leaves no process behind, and settings that do not dawdle."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults import processes


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory of the test's own."""
    folder = tmp_path / "state"
    yield folder
    processes.end_all(folder)
