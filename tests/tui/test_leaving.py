"""How the console leaves a real terminal: quit, signals, a line that is cut; and where it does not begin."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import sqlite3
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from opsconsole.engine import Engine
from opsconsole.models import Status, TaskSpec
from opsconsole.paths import StatePaths

START = """
import sys
from opsconsole.settings import Settings
from opsconsole.tui.app import run_console
sys.exit(run_console(Settings(on_hangup=sys.argv[2]), state_dir=sys.argv[1]))
"""

CALM = b"nothing runs"
"""What the overview says of an empty queue."""
TAKEN = b"\x1b[?1049h"


class Terminal:
    """A console in a pseudo-terminal; `screen` is all it ever wrote."""

    def __init__(
        self, state: Path, *, on_hangup: str = "leave", before: Callable[[], None] | None = None,
        words: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """`words`: a command line of opsconsole, in the place of a console on `state`."""
        self.screen = b""
        waits, goes = os.pipe()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            with contextlib.suppress(BaseException):
                os.close(goes)
                os.read(waits, 1)  # until the terminal is as it is to be found
                os.close(waits)
                if before is not None:
                    before()
                environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
                arguments = ["-m", "opsconsole", *words] if words else ["-c", START, str(state), on_hangup]
                os.execve(sys.executable, [sys.executable, *arguments], environment)
            os._exit(99)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.before = termios.tcgetattr(self.fd)
        os.close(waits)
        os.close(goes)

    def read_until(self, text: bytes, timeout_s: float = 40.0) -> None:
        end = time.monotonic() + timeout_s
        while text not in self.screen:
            assert time.monotonic() < end, self.screen[-2000:]
            self._read()

    def _read(self, wait_s: float = 0.05) -> bool:
        """Whether there was anything."""
        if not select.select([self.fd], [], [], wait_s)[0]:
            return False
        try:
            more = os.read(self.fd, 65536)
        except OSError:
            return False
        self.screen += more
        return bool(more)

    def press(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def cut(self) -> None:
        os.close(self.fd)
        self.fd = -1

    def ended(self, timeout_s: float = 40.0) -> int:
        """Its exit code (negative: the signal it died of)."""
        end = time.monotonic() + timeout_s
        while time.monotonic() < end:
            if self.fd >= 0:
                self._read()
            else:
                time.sleep(0.01)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                while self.fd >= 0 and self._read(0):  # its last words
                    pass
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("it is still there")

    def close(self) -> None:
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.fd >= 0:
            os.close(self.fd)


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "real-state"


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    made: list[Terminal] = []
    yield made
    for terminal in made:
        terminal.close()


@pytest.fixture
def running(state: Path, tmp_path: Path) -> Iterator[Path]:
    """A task is queued that the console will run until the file in `tmp_path` is there."""
    stop = tmp_path / "stop"
    with Engine.look(state_dir=state) as engine:
        engine.add(TaskSpec(script=f"echo begun; while [ ! -e {stop} ]; do sleep 0.05; done; exit 4", name="patient"))
    yield stop
    stop.touch()


def shows_the_run(terminal: Terminal) -> None:
    """The tasks have more of it than the overview, which comes first."""
    terminal.read_until(b"patient")
    terminal.press(b"2")
    terminal.read_until(b"begun")


def restored(terminal: Terminal) -> bool:
    """The alternate screen was left and the cursor is back."""
    return b"\x1b[?1049l" in terminal.screen and b"\x1b[?25h" in terminal.screen


def exit_code_later(state: Path, timeout_s: float = 40.0) -> int | None:
    """Of task 1, once a new look finds that it ended."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        with Engine.look(state_dir=state) as engine:
            if not engine.task(1).status.is_open:
                return engine.task(1).exit_code
        time.sleep(0.1)
    return None


@pytest.mark.parametrize(("number", "code"), [(signal.SIGHUP, 129), (signal.SIGTERM, 143)])
def test_a_signal_restores_the_terminal_and_the_run_goes_on(
    state: Path, running: Path, terminals: list[Terminal], number: int, code: int
) -> None:
    terminals.append(terminal := Terminal(state))
    shows_the_run(terminal)
    os.kill(terminal.pid, number)
    assert terminal.ended() == code
    assert restored(terminal)
    assert termios.tcgetattr(terminal.fd)[3] == terminal.before[3]
    running.touch()
    assert exit_code_later(state) == 4


def test_a_cut_line_ends_the_console_and_the_run_goes_on(state: Path, running: Path, terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal(state))
    shows_the_run(terminal)
    terminal.cut()
    assert terminal.ended() == 129
    running.touch()
    assert exit_code_later(state) == 4


def test_a_cut_line_ends_it_even_when_hangups_are_ignored(state: Path, terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal(state, before=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN) and None))
    terminal.read_until(CALM)
    terminal.cut()
    assert terminal.ended() == 129


def test_a_terminal_that_takes_no_bytes_does_not_keep_it_from_leaving(state: Path, terminals: list[Terminal]) -> None:
    with Engine.look(state_dir=state) as engine:
        engine.add(TaskSpec(script="while :; do seq 1 2000; sleep 0.1; done", name="flood", timeout_s=120))
    terminals.append(terminal := Terminal(state))
    terminal.read_until(b"flood")
    terminal.press(b"2")
    terminal.read_until(b"following")
    time.sleep(1.0)  # nobody reads: the pseudo-terminal fills up
    os.kill(terminal.pid, signal.SIGTERM)
    fd, terminal.fd = terminal.fd, -1
    assert terminal.ended() == 143
    terminal.fd = fd
    with Engine.look(state_dir=state) as engine:
        engine.command("cancel", 1)


def test_whoever_stopped_it_it_goes_on_as_one_console(state: Path, terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal(state))
    terminal.read_until(CALM)
    for _ in range(3):  # kill -STOP and fg: it is not asked before
        os.kill(terminal.pid, signal.SIGSTOP)
        os.waitpid(terminal.pid, os.WUNTRACED)
        terminal.screen = b""
        os.kill(terminal.pid, signal.SIGCONT)
        terminal.read_until(TAKEN)  # before it takes the terminal anew, it drops what was typed
        terminal.screen = terminal.screen.rpartition(TAKEN)[2]
        terminal.read_until(CALM)
    terminal.press(b"2")
    terminal.read_until(b"No tasks yet")
    terminal.press(b"q")
    assert terminal.ended() == 0
    assert restored(terminal) and termios.tcgetattr(terminal.fd) == terminal.before


def test_drain_hands_the_queue_to_a_worker(state: Path, tmp_path: Path, terminals: list[Terminal]) -> None:
    stop = tmp_path / "stop"
    with Engine.look(state_dir=state) as engine:
        first = engine.add(TaskSpec(script=f"echo begun; while [ ! -e {stop} ]; do sleep 0.05; done", name="patient"))
        engine.add(TaskSpec(script="echo two; exit 0", name="second", after=first.id))
    terminals.append(terminal := Terminal(state, on_hangup="drain"))
    shows_the_run(terminal)
    terminal.cut()
    assert terminal.ended() == 129
    stop.touch()
    end = time.monotonic() + 40
    while time.monotonic() < end:
        with Engine.look(state_dir=state) as engine:
            if engine.task(2).status is Status.COMPLETED:
                return
        time.sleep(0.1)
    raise AssertionError("nobody worked the queue off")


def test_quit_leaves_a_clean_terminal_and_says_nothing(state: Path, terminals: list[Terminal]) -> None:
    terminals.append(terminal := Terminal(state))
    terminal.read_until(CALM)
    terminal.press(b"q")
    assert terminal.ended() == 0
    assert restored(terminal)


def test_a_state_directory_that_cannot_be_used_is_said_on_a_restored_terminal(
    tmp_path: Path, terminals: list[Terminal]
) -> None:
    with contextlib.closing(sqlite3.connect(StatePaths(tmp_path).database)) as later:
        later.execute("PRAGMA user_version = 9999")
    terminals.append(terminal := Terminal(tmp_path))
    assert terminal.ended() != 0
    before, _, after = terminal.screen.rpartition(b"\x1b[?1049l")
    assert before and b"newer" in after


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_show_it_is_refused(state: Path, term: str) -> None:
    code = "import sys; from opsconsole.tui import terminal; import os; print(terminal.refusal(os.environ))"
    main, side = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], env={**os.environ, "TERM": term}, stdin=side, stderr=side,
            stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
    finally:
        os.close(main)
        os.close(side)
    assert b"--run" in done.stdout


def test_without_a_terminal_it_is_refused() -> None:
    code = "from opsconsole.tui import terminal; print(terminal.refusal({'TERM': 'xterm'}))"
    done = subprocess.run([sys.executable, "-c", code], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    assert b"needs a terminal" in done.stdout


def test_what_a_cut_line_did_not_take_is_no_failure(tmp_path: Path) -> None:
    """Something waits in stdout's buffer; the exit code is that of the command, and nothing is said."""
    code = (
        "import os, sys; sys.stdout.write('left'); os.write(int(sys.argv[1]), b'.'); sys.stdin.readline(); "
        "from opsconsole.__main__ import main; from opsconsole.cli import main as commands; "
        "commands._dispatch = lambda words: 129; main([])"
    )
    near, far = pty.openpty()
    hears, written = os.pipe()
    with (tmp_path / "said").open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", code, str(written)], stdin=subprocess.PIPE, stdout=far, stderr=said,
            pass_fds=[written], start_new_session=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        )  # fmt: skip
    os.close(far)
    os.close(written)
    assert os.read(hears, 1) == b"."
    os.close(hears)
    os.close(near)
    process.communicate(b"\n", timeout=60)
    assert process.returncode == 129
    assert (tmp_path / "said").read_bytes() == b""
