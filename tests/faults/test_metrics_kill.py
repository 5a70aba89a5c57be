"""`kill -9` of a recording process loses at most what came after its last commit, and no question notices it died."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from opsconsole.storage.metrics import MetricsStore
from opsconsole.storage.metrics.recorder import COMMIT_S
from tests.conftest import HandClock
from tests.faults.console import ROOT, environment
from tests.faults.processes import wait_until

SECOND = 1_000_000
T0 = 1_790_000_000_000_000 // (3600 * SECOND) * 3600 * SECOND

_RECORDER = """
import sys
from pathlib import Path
from opsconsole.storage.metrics import MetricsStore

store = MetricsStore(Path(sys.argv[1]), commit_s=float(sys.argv[2]))
begin, pace = int(sys.argv[3]), int(sys.argv[4])
for second in range(10**9):
    store.record(begin + second * 1_000_000, {f"metric:{n}": second + n for n in range(30)})
    if second % pace == 0:
        print(second, flush=True)     # recorded
        sys.stdin.readline()          # until the test lets it go on
"""


class Recording:
    """A process that records; `go_on` lets it record `pace` samples more."""

    def __init__(self, file: Path, *, commit_s: float, pace: int, begin: int = T0) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", _RECORDER, file, str(commit_s), str(begin), str(pace)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment(), cwd=ROOT,
        )  # fmt: skip

    def recorded(self) -> int:
        """The last sample it has recorded."""
        assert self.process.stdout is not None
        return int(self.process.stdout.readline())

    def go_on(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return self.recorded()

    def kill(self) -> None:
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()


def committed(file: Path) -> int:
    """Samples in the file."""
    if not file.exists():
        return 0
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as c:
        try:
            return int(c.execute("SELECT count(*) FROM raw").fetchone()[0])
        except sqlite3.OperationalError:  # just being created
            return 0


def commits(file: Path, samples: int) -> None:
    """Wait until so many are in the file."""
    assert wait_until(lambda: committed(file) >= samples), f"{committed(file)} of {samples} samples"


def test_the_thread_commits_within_ten_seconds() -> None:
    assert COMMIT_S <= 9.5, "what the commit itself takes comes on top"


def test_killed_processes_lose_only_what_no_commit_had_taken(tmp_path: Path) -> None:
    """Five recorders after one another in one hour, each killed between commits: the file stays whole, what was
    committed stays, and the hour's figures are those of the samples that are left."""
    file, at = tmp_path / "metrics.db", 0
    for _ in range(5):
        before = committed(file)
        recording = Recording(file, commit_s=0.02, pace=100, begin=T0 + at * SECOND)
        recording.recorded()
        commits(file, before + 1)  # by this process
        last = recording.go_on()
        seen = committed(file)
        recording.kill()
        assert committed(file) >= seen, "what was committed is not lost"
        at += last + 100
    with closing(sqlite3.connect(file)) as c:
        assert c.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        times = [t for (t,) in c.execute("SELECT t FROM raw ORDER BY t")]
    assert len(times) == len(set(times)) >= 5

    clock = HandClock(T0 + 2 * 3600 * SECOND)
    store = MetricsStore(file, None, clock, commit_s=3600.0)
    store.record(T0 + 3600 * SECOND + 600 * SECOND, {"metric:0": 0.0})  # the hour is over: it is summed up
    store.flush()
    hour = store.graph("metric:0", T0, T0 + 3600 * SECOND, 1)[0]
    whole = store.stats("metric:0", T0, T0 + 3600 * SECOND)
    store.close()
    assert hour is not None and whole is not None
    assert hour == whole
    assert hour.n == len([t for t in times if t < T0 + 3600 * SECOND])


def test_all_that_is_older_than_a_commit_is_there_after_the_kill(tmp_path: Path) -> None:
    """The product's promise in small: with a commit each 0.05 s, a sample that is older than the commit after it is
    there, whenever the process is killed."""
    file = tmp_path / "metrics.db"
    recording = Recording(file, commit_s=0.05, pace=50)
    first = recording.recorded()
    commits(file, first + 1)
    last = recording.go_on()
    commits(file, last + 1)
    recording.go_on()  # up to 50 samples that perhaps no commit has taken
    recording.kill()
    store = MetricsStore(file, None, HandClock(T0 + 600 * SECOND), read_only=True)
    found = store.stats("metric:7", T0, T0 + (last + 1) * SECOND)
    store.close()
    assert found is not None and (found.n, found.min, found.max) == (last + 1, 7.0, last + 7.0)
