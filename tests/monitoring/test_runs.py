"""What our own runs use: real trees of processes below a stand-in for the supervisor, and through the engine."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from opsconsole import Engine, TaskSpec, host
from opsconsole.clock import Clock
from opsconsole.events import RunSampled
from opsconsole.monitoring.sampling.proc_descriptors import Allowance
from opsconsole.monitoring.sampling.runs import SERIES_FILE, Active, RunSampler, read_series
from opsconsole.samples import RunUsage

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="trees are read from /proc")
OpenEngine = Callable[..., Awaitable[Engine]]
MIB = 1 << 20


class Ticking(Clock):
    """A second passes at each look."""

    def __init__(self) -> None:
        self.s = 1000.0

    def now(self) -> int:
        return int(self.s * 1e6)

    def monotonic(self) -> float:
        return self.s


@pytest.fixture
def parent() -> Iterator[subprocess.Popen[str]]:
    """A process whose child holds 50 MB, burns and then waits; it says so when it is there."""
    child = (
        "import os, sys; kept = b'x' * (50 << 20); n = 0\n"
        "while sum(os.times()[:2]) < 0.3: n += 1\n"
        "print('there', flush=True); sys.stdin.read()"
    )
    program = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {child!r}]))"
    process = subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None and process.stdout.readline() == "there\n"
    yield process
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def active(process: subprocess.Popen[str], folder: Path, start: int | None = None) -> list[Active]:
    return [Active("7.1", folder, 1, process.pid, start, 0)]


def test_the_tree_below_the_supervisor_is_summed_and_kept(parent: subprocess.Popen[str], tmp_path: Path) -> None:
    clock = Ticking()
    sampler = RunSampler(lambda: active(parent, tmp_path), keep=True, clock=clock)
    [first] = sampler.look()
    clock.s += 1
    [second] = sampler.look()
    assert (first.cpu_percent, first.processes, first.source) == (None, 1, "sampled")
    assert first.rss_bytes > 50 * MIB and first.peak_rss_bytes == first.rss_bytes
    assert (first.cpu_time_s or 0) >= 0.25
    assert second.cpu_percent is not None and second.cpu_percent <= 20
    kept = read_series(tmp_path)
    assert [(one.time_us, one.rss_bytes, one.cpu_percent) for one in kept] == [
        (one.time_us, one.rss_bytes, one.cpu_percent) for one in (first, second)
    ]
    assert (tmp_path / SERIES_FILE).stat().st_mode & 0o777 == 0o600


def test_a_reused_pid_is_not_the_supervisor(parent: subprocess.Popen[str], tmp_path: Path) -> None:
    sampler = RunSampler(lambda: active(parent, tmp_path, start=12345), keep=True)
    assert sampler.look() == []
    assert not (tmp_path / SERIES_FILE).exists()


def test_time_of_children_that_ended_between_looks_is_counted(tmp_path: Path) -> None:
    burn = "import os\nwhile sum(os.times()[:2]) < 0.2: pass"
    program = (
        "import subprocess, sys\n"
        "for line in sys.stdin: subprocess.call([sys.executable, '-c', " + repr(burn) + "]); print('done', flush=True)"
    )
    middle = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {program!r}]))"
    with subprocess.Popen(
        [sys.executable, "-c", middle], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        clock = Ticking()
        sampler = RunSampler(lambda: active(process, tmp_path), keep=False, clock=clock)

        def burnt() -> list[RunUsage]:
            assert process.stdin is not None and process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            process.stdout.readline()
            clock.s += 1
            return sampler.look()

        burnt()
        [usage] = burnt()
        assert usage.processes == 1
        assert usage.cpu_percent is not None and usage.cpu_percent >= 15
        process.stdin.close()


def test_a_cut_line_of_a_series_is_left_out(tmp_path: Path) -> None:
    head = {"columns": ["time_us", "cpu_percent", "rss_bytes", "processes", "threads"], "source": "sampled"}
    lines = [json.dumps(head), "[1, null, 500, 1, 1]", "[2, 5.0, 400, 1, 1]", "[3, 5.0, 4"]
    (tmp_path / SERIES_FILE).write_text("\n".join(lines))
    assert [(one.time_us, one.rss_bytes, one.peak_rss_bytes) for one in read_series(tmp_path)] == [
        (1, 500, 500), (2, 400, 500),
    ]  # fmt: skip
    assert read_series(tmp_path / "nothing") == []


async def test_an_engine_keeps_the_series_of_a_longer_run_and_tells_it(open_engine: OpenEngine, tmp_path: Path) -> None:
    engine = await open_engine()
    seen: asyncio.Queue[RunUsage] = asyncio.Queue()
    engine.subscribe(lambda event: seen.put_nowait(event.usage) if isinstance(event, RunSampled) else None)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    task = await engine.submit(TaskSpec(script=f"read -r line < {gate}"))
    usage = await asyncio.wait_for(seen.get(), 20)
    await asyncio.to_thread(gate.write_text, "go\n")  # waits for the script to open it
    result = await engine.wait(task.id)
    assert usage.execution_id == result.execution_id and usage.processes >= 1 and usage.rss_bytes > 0
    assert read_series(engine.paths.run_folder(result.execution_id))[0].time_us == usage.time_us
    assert result.metrics["sources"]["user_cpu_s"] == "wait4"


async def test_a_limit_that_the_monitor_raised_for_itself_is_not_the_scripts(
    open_engine: OpenEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    low = min(soft, 512)
    resource.setrlimit(resource.RLIMIT_NOFILE, (low, hard))
    monkeypatch.setattr(host, "open_files_before", None)
    try:
        assert Allowance().ask(600) >= 600
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] > low
        engine = await open_engine()
        result = await engine.run(TaskSpec(script="ulimit -n"))
        assert result.read_stdout() == f"{low}\n".encode()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
