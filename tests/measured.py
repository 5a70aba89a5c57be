"""Coverage that costs no more than it tells: cheap in a process that a test starts, off where a test is only long."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import opsconsole

_CONFIG = "COVERAGE_PROCESS_CONFIG"


def lighten() -> str | None:
    """Let the processes that tests start note what they ran, and not every file of the package that they did not run.

    A process whose `source` is a package looks all of it up and writes it down when it ends; the process of pytest
    does that once for all. Gives the configuration of such a process, None where nothing is measured.
    """
    if (own := os.environ.get(_CONFIG)) is None:
        return None
    from coverage.config import CoverageConfig

    config = CoverageConfig.deserialize(own)
    config.source = None
    config.run_include = [f"{Path(opsconsole.__file__).parent}/*"]
    os.environ[_CONFIG] = lean = config.serialize()
    return lean


@contextmanager
def paused() -> Iterator[None]:
    """Nothing of this thread is measured meanwhile: a long input takes ten times as long under a tracer."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)
