"""One of this process's own descriptors as a way out: unbuffered, so that a reader sees every write at once."""

from __future__ import annotations

import os
import select
from collections.abc import Mapping

_MOST = 1 << 20


class ReaderGone(Exception):
    """Raised when whoever read from the other end has left. Nothing to report: `| head` does this."""


class Channel:
    """Standard output or standard error. Bytes go out exactly as given."""

    def __init__(self, fd: int, environ: Mapping[str, str] = os.environ) -> None:
        self.fd = fd
        self.terminal = _is_terminal(fd)
        self.colours = self.terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"

    def write(self, data: bytes) -> None:
        """All of `data`, however long the reader takes. Raises ReaderGone, OSError."""
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self.fd, view[:_MOST]) :]
            except BlockingIOError:  # somebody who shares the descriptor made it non-blocking
                poller = select.poll()
                poller.register(self.fd, select.POLLOUT)
                poller.poll()
            except BrokenPipeError as error:
                raise ReaderGone from error

    def is_where(self, fd: int) -> bool:
        """Whether what is written to this descriptor of ours comes out at the same place."""
        try:
            return os.path.sameopenfile(self.fd, fd)
        except OSError:
            return False

    def columns(self) -> int | None:
        """Width of the terminal, or None when this is none."""
        if not self.terminal:
            return None
        try:
            return os.get_terminal_size(self.fd).columns or 80
        except OSError:
            return 80


def _is_terminal(fd: int) -> bool:
    try:
        return os.isatty(fd)
    except OSError:
        return False


def open_missing() -> None:
    """Give a closed descriptor 0, 1 or 2 to the null device, lest a database be opened under its number."""
    for fd in range(3):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
