"""A program in a pseudo-terminal: what it prints and when, what it costs, keys typed into it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from codecs import getincrementaldecoder
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

from tests.tui import emulated

_ESCAPES = re.compile(
    rb"\x1b(?:\][^\x07\x1b]*(?:\x07|\x1b\\)|\[[0-?]*[ -/]*[@-~]|[PX^_][^\x1b]*\x1b\\|[()#][0-9A-Z]|[=>78cDEHM])"
)
_TICK = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGESIZE")


class Terminal:
    """`received` are all bytes so far. The child has a session of its own; leaving kills what is left of it."""

    def __init__(
        self, argv: Sequence[str], *, size: tuple[int, int] = (160, 45), environ: Mapping[str, str] | None = None
    ) -> None:
        self.received = bytearray()
        self._shown = 0
        self._emulated = emulated.Terminal(*size)
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self.began = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
            os.execvpe(argv[0], list(argv), {**os.environ, "TERM": "xterm-256color", **(environ or {})})
        os.set_blocking(self.fd, False)

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for pid in self.processes():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        try:
            os.waitpid(self.pid, 0)
        except ChildProcessError:
            pass
        os.close(self.fd)

    @property
    def text(self) -> str:
        """All that came, without escape sequences."""
        return _ESCAPES.sub(b"", bytes(self.received)).decode("utf-8", "replace")

    @property
    def screen(self) -> str:
        """What a terminal would show now."""
        data, self._shown = bytes(self.received[self._shown :]), len(self.received)
        self._emulated.feed(self._decoder.decode(data))
        return "\n".join(self._emulated.lines)

    def read(self, timeout_s: float) -> bytes:
        """What comes next; empty: nothing did."""
        if not select.select([self.fd], [], [], max(0.0, timeout_s))[0]:
            return b""
        try:
            data = os.read(self.fd, 1 << 16)
        except OSError:
            return b""
        self.received += data
        return data

    def pump(self, seconds: float) -> int:
        """Take what comes for so long; how many bytes came."""
        before, end = len(self.received), time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if not self.read(left) and not self.alive:
                break
        return len(self.received) - before

    def until(self, *words: str, timeout_s: float = 30.0) -> float:
        """Seconds since the start when all words had come."""
        while not all(word in self.text for word in words):
            if time.monotonic() - self.began > timeout_s:
                raise TimeoutError(f"{words} never came; last: {self.text[-400:]!r}")
            self.read(0.5)
        return time.monotonic() - self.began

    def press(self, keys: str) -> float:
        """Seconds from the key to the first byte that comes after it."""
        while self.read(0.0):
            pass
        at = time.monotonic()
        os.write(self.fd, keys.encode())
        while not self.read(5.0):
            if time.monotonic() - at > 5.0:
                raise TimeoutError(f"nothing came after {keys!r}")
        return time.monotonic() - at

    def shows(self, keys: str, *words: str) -> float:
        """Seconds from the keys until all words came after them."""
        while self.read(0.0):
            pass
        at = time.monotonic()
        os.write(self.fd, keys.encode())
        while not all(word in self.screen for word in words):
            if time.monotonic() - at > 10.0:
                raise TimeoutError(f"{words} never came after {keys!r}; on the screen:\n{self.screen}")
            self.read(0.05)
        return time.monotonic() - at

    def type(self, keys: str) -> None:
        """Keys that nothing is waited for."""
        os.write(self.fd, keys.encode())

    # -- costs

    @property
    def alive(self) -> bool:
        try:
            return os.waitpid(self.pid, os.WNOHANG) == (0, 0)
        except ChildProcessError:
            return False

    def processes(self) -> list[int]:
        """It and all below it, in whatever session."""
        parents: dict[int, int] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    stat = (entry / "stat").read_bytes()
                except OSError:
                    continue
                parents[int(entry.name)] = int(stat[stat.rindex(b")") + 2 :].split()[1])
        found = [self.pid]
        for pid in found:
            found += [child for child, parent in parents.items() if parent == pid]
        return found

    def cpu_s(self) -> float:
        """User and system time of the program and of all below it."""
        total = 0.0
        for pid in self.processes():
            try:
                stat = Path(f"/proc/{pid}/stat").read_bytes()
            except OSError:
                continue
            fields = stat[stat.rindex(b")") + 2 :].split()
            total += (int(fields[11]) + int(fields[12])) / _TICK
        return total

    def rss_bytes(self) -> int:
        """Of the program itself."""
        return int(Path(f"/proc/{self.pid}/statm").read_text().split()[1]) * _PAGE
