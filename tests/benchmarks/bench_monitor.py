"""The whole monitor without a screen, at 1 Hz beside 300 processes: CPU and memory, against `top -b -d 1`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.rounds import folder

SECONDS = 20
WARM_S = 3
PROCESSES = 300
_TICKS = os.sysconf("SC_CLK_TCK")
_SLEEPERS = (
    "import os, signal, sys\n"
    f"for _ in range({PROCESSES}):\n"
    "    if os.fork() == 0: signal.pause()\n"
    "print('there', flush=True); sys.stdin.read(); os.killpg(0, signal.SIGKILL)"
)


@contextmanager
def sleepers() -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-S", "-c", _SLEEPERS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def measured(command: list[str], environ: dict[str, str]) -> tuple[float, float, float]:
    """(percent of a core once it has started, MiB resident at the end, MiB it grew meanwhile)."""
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
    try:
        time.sleep(WARM_S)
        before, size, begun = cpu_of(process.pid), rss_of(process.pid), time.monotonic()
        time.sleep(SECONDS)
        used = cpu_of(process.pid) - before
        return used / (time.monotonic() - begun) * 100, rss_of(process.pid), rss_of(process.pid) - size
    finally:
        process.terminate()
        process.wait()


def cpu_of(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return (int(words[11]) + int(words[12])) / _TICKS


def rss_of(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    return int(words[21]) * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


def main() -> None:
    environ = {**os.environ, "OPSCONSOLE_STATE_DIR": str(folder() / "state"), "TERM": "xterm"}
    with sleepers():
        share, rss, grown = measured([sys.executable, "-m", "opsconsole", "monitor", "--json"], environ)
        print(
            f"monitor at 1 Hz, {PROCESSES} more processes: {share:.2f} % of a core, {rss:.0f} MiB resident "
            f"({grown:+.1f} in {SECONDS} s); target ≤ 1 %, ≤ 45 MB"
        )
        if top := shutil.which("top"):
            peer, size, _ = measured([top, "-b", "-d", "1", "-w", "200"], environ)
            print(f"top -b -d 1: {peer:.2f} % of a core, {size:.0f} MiB; ours / top {share / max(peer, 0.01):.2f}")


if __name__ == "__main__":
    main()
