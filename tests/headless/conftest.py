from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import readied
from headless_console import Console


@pytest.fixture
def console(tmp_path: Path) -> Console:
    return Console(tmp_path)


@pytest.fixture(scope="session", autouse=True)
def _nobody_stays_behind() -> Iterator[None]:
    yield
    readied.leave()
