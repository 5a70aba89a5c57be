"""Coverage that costs no more than it tells: cheap in a process that a test starts, off where a test is only long."""

from __future__ import annotations

import atexit
import functools
import marshal
import os
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import opsconsole

CONFIG = "COVERAGE_PROCESS_CONFIG"


def lighten() -> bool:
    """Let the processes that tests start note what they ran, and not every file of the package that they did not run.

    A process whose `source` is a package looks all of it up and writes it down when it ends; the process of pytest
    does that once for all. Gives whether anything is measured.
    """
    if (own := os.environ.get(CONFIG)) is None:
        return False
    from coverage.config import CoverageConfig

    config = CoverageConfig.deserialize(own)
    config.source = None
    config.run_include = [f"{Path(opsconsole.__file__).parent}/*"]
    os.environ[CONFIG] = config.serialize()
    return True


def noting() -> list[str]:
    """Where `arcs` is, and what it is to be told; nothing where nothing is measured."""
    if CONFIG not in os.environ:
        return []
    import coverage.tracer

    own = Path(__file__).parent, coverage.tracer.__file__, f"{Path(opsconsole.__file__).parent}/", _notes()
    return list(map(str, own))


def boot(program: str) -> str:
    """That program of a supervisor, which then notes what it ran, as does everything that it forks; see `gather`."""
    here, *told = noting()
    return f"import sys; sys.path.insert(0, {here!r}); import arcs; arcs.note(*{told!r}); {program}"


@functools.cache
def _notes() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="opsconsole-ran-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def gather() -> None:
    """Give coverage what was noted for this process so far, as one file among its own."""
    if not _notes.cache_info().currsize:
        return
    from coverage import CoverageData
    from coverage.config import CoverageConfig

    ran: defaultdict[str, set[int]] = defaultdict(set)
    for path in _notes().iterdir():
        if path.suffix != ".part":
            for name, pairs in marshal.loads(path.read_bytes()).items():  # noqa: S302 - written by `arcs`
                ran[name] |= pairs
            path.unlink()
    into = CoverageConfig.deserialize(os.environ[CONFIG]).data_file
    data = CoverageData(os.path.abspath(into), suffix=f"noted.{os.getpid()}")
    data.add_arcs({name: [_pair(packed) for packed in pairs] for name, pairs in ran.items()})
    data.write()


def _pair(packed: int) -> tuple[int, int]:
    """From line, to line: as coverage's collector unpacks them."""
    first, second = packed & 0xFFFFFFF, packed >> 28 & 0xFFFFFFF
    return -first if packed & 1 << 56 else first, -second if packed & 1 << 57 else second


@contextmanager
def paused() -> Iterator[None]:
    """Nothing of this thread is measured meanwhile: a long input takes ten times as long under a tracer."""
    tracer = sys.gettrace()
    sys.settrace(None)
    try:
        yield
    finally:
        sys.settrace(tracer)
