"""How long `opsconsole --run` of an empty script takes, and a console's start with a long history."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

from opsconsole.storage.database import open_database
from tests.benchmarks.bench_history import fill
from tests.benchmarks.rounds import compare, folder

PEER = "import asyncio, sqlite3, pydantic"


def _seconds(command: list[str], state: Path) -> float:
    start = time.perf_counter()
    environment = {**os.environ, "OPSCONSOLE_STATE_DIR": str(state)}
    subprocess.run(command, check=True, env=environment, stdin=subprocess.DEVNULL)
    return time.perf_counter() - start


def _first_frame(state: Path) -> float:
    """Seconds from the start of the process until the console has drawn its table, in a terminal of 160 × 45."""
    start = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        environment = {**os.environ, "OPSCONSOLE_STATE_DIR": str(state), "TERM": "xterm-256color"}
        os.execvpe(sys.executable, [sys.executable, "-m", "opsconsole"], environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 45, 160, 0, 0))
    seen = b""
    while b"RESULT" not in seen:
        seen += os.read(terminal, 65536)
    spent = time.perf_counter() - start
    os.kill(pid, signal.SIGTERM)
    with contextlib.suppress(OSError):
        while os.read(terminal, 65536):
            pass
    os.waitpid(pid, 0)
    os.close(terminal)
    return spent


def main() -> None:
    state = folder()
    script = state / "empty.sh"
    script.write_text("")
    run = [sys.executable, "-m", "opsconsole", "--run", str(script)]
    _seconds(run, state)
    compare("--run of an empty script, whole process", lambda: _seconds(run, state),
            lambda: _seconds([sys.executable, "-c", PEER], state), rounds=15, target="≤ 2.0", unit="s")  # fmt: skip
    long, short = folder(), folder()
    for target, count in ((long, 100_000), (short, 10)):
        open_database(target / "opsconsole.db", print).close()
        fill(target / "opsconsole.db", count)
    compare(
        "console, from start to first frame, 100,000 tasks against 10",
        lambda: _first_frame(long),
        lambda: _first_frame(short),
        rounds=15,
        target="≤ 1.1",
        unit="s",
    )


if __name__ == "__main__":
    main()
