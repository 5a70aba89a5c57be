"""`opsconsole` as a user starts it: a real process, a state directory of its own, a terminal where one is needed."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import readied

from opsconsole.engine import Engine
from opsconsole.models import ExecutionResult, TaskSpec
from opsconsole.settings import Settings

COMMAND = [sys.executable, "-m", "opsconsole"]
_ON_A_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


class Console:
    """Starts `opsconsole` with one state directory. Its home has no configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.state = folder / "state"
        own = {key: value for key, value in os.environ.items() if not key.startswith(("OPSCONSOLE_", "SSH_"))}
        own.pop("NO_COLOR", None)
        self.environment = {
            **own,
            "OPSCONSOLE_STATE_DIR": str(self.state),
            "OPSCONSOLE_CONFIG": str(folder / "config.toml"),
            "TERM": "xterm-256color",
            "LC_ALL": "C.UTF-8",
        }

    def run(
        self, *words: str | Path, input: bytes | None = None, **variables: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run to its end; stdin is empty unless given. A process of its own, forked from one that is ready."""
        given = list(map(str, words))
        how: dict[str, Any] = {"input": input or b"", "cwd": self.folder, "timeout": 50}
        environment = {**self.environment, **variables}
        if readied.fits(given, environment):
            return readied.run(given, env=environment, **how)
        return subprocess.run([*COMMAND, *given], capture_output=True, env=environment, check=False, **how)

    def start(self, *words: str | Path, **variables: str) -> subprocess.Popen[bytes]:
        """Start it in a process group of its own."""
        return subprocess.Popen(
            [*COMMAND, *map(str, words)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.folder,
            env={**self.environment, **variables},
            start_new_session=True,
        )

    def shell(self, line: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
        """A bash line in which `$OC` is opsconsole."""
        environment = {**self.environment, **variables, "OC": " ".join(COMMAND)}
        return subprocess.run(
            ["bash", "-c", line], stdin=subprocess.DEVNULL, capture_output=True, cwd=self.folder, env=environment,
            timeout=50, check=False,
        )  # fmt: skip

    def objects(self, *words: str | Path) -> list[dict[str, Any]]:
        """The NDJSON of a command."""
        done = self.run(*words, "--json")
        assert done.stderr == b""
        return ndjson(done.stdout)

    # -- the same record, without the price of a process: where the command line is not what is tested

    def add(self, text: str, **spec: Any) -> int:
        with Engine.look(Settings(), state_dir=self.state) as engine:
            return engine.add(TaskSpec(script=text, **spec)).id

    def result(self, task_id: int) -> ExecutionResult:
        with Engine.look(Settings(), state_dir=self.state) as engine:
            return engine.result(task_id)

    def statuses(self) -> list[tuple[int, str]]:
        """Every task, newest first."""
        with Engine.look(Settings(), state_dir=self.state) as engine:
            return [(task.id, task.status.value) for task in engine.tasks()]

    # -- what scripts need

    def script(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text)
        return path

    def fifo(self, name: str) -> Fifo:
        return Fifo(self.folder / name)


class Fifo:
    """A gate for a script: `read < name` waits until `open` is called."""

    def __init__(self, path: Path) -> None:
        self.path = path
        os.mkfifo(path)

    def open(self) -> None:
        """Let one reader through; waits for it to come."""
        self.path.write_bytes(b"go\n")

    def __str__(self) -> str:
        return str(self.path)


class Terminal:
    """A command on a pseudo-terminal of its own, which is its controlling terminal."""

    def __init__(
        self, console: Console, words: tuple[str | Path, ...], columns: int, variables: dict[str, str]
    ) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
        self.seen = b""
        self.process = subprocess.Popen(
            [sys.executable, "-c", _ON_A_TERMINAL, *COMMAND, *map(str, words)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=console.folder,
            env={**console.environment, **variables},
            start_new_session=True,
        )
        os.close(slave)

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def read_until(self, text: bytes) -> bytes:
        """Everything seen so far, once `text` is in it."""
        while text not in self.seen:
            if not self._read():
                raise AssertionError(f"{text!r} never came, but {self.seen!r}")
        return self.seen

    def read_to_end(self) -> bytes:
        while self._read():
            pass
        return self.seen

    def hang_up(self) -> None:
        os.close(self.master)
        self.master = -1

    def _read(self) -> bool:
        if not select.select([self.master], [], [], 30)[0]:
            raise AssertionError(f"nothing came for 30 s after {self.seen!r}")
        try:
            data = os.read(self.master, 65536)
        except OSError:
            return False
        self.seen += data
        return bool(data)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.master >= 0:
            os.close(self.master)


@contextmanager
def terminal(console: Console, *words: str | Path, columns: int = 100, **variables: str) -> Iterator[Terminal]:
    opened = Terminal(console, words, columns, variables)
    try:
        yield opened
    finally:
        opened.close()


def ndjson(data: bytes) -> list[dict[str, Any]]:
    """Every line must be one object."""
    found = [json.loads(line) for line in data.decode("ascii").splitlines()]
    assert all(isinstance(value, dict) for value in found)
    return found


def read_line_with(stream: Any, text: bytes) -> bytes:
    """Lines up to the first that holds `text`, which is returned."""
    for line in stream:
        if text in line:
            return bytes(line)
    raise AssertionError(f"{text!r} never came")


def is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return False
    return stat.rpartition(b")")[2].split()[0] not in (b"Z", b"X")


def wait_until(holds: Any, what: str) -> None:
    """For what another process does without telling us: looked at often, for 20 s at most."""
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until, f"never: {what}"
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes], number: int = signal.SIGKILL) -> None:
    if process.poll() is None:
        process.send_signal(number)
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()
