"""The process that reviews, seen from the console's loop: started, asked and heard without ever waiting for it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from opsconsole.safety.review.worker import Frames
from opsconsole.safety.sanitise import sanitise_name

_ROOT = str(Path(__file__).parents[4])
_BOOT = f"import sys; sys.path.insert(0, {_ROOT!r}); from opsconsole.safety.review.worker import serve; serve()"
COMMAND = (sys.executable, "-P", "-c", _BOOT)
_KEPT = 400  # of what it says when it dies
_PIECE = 1 << 16
_REAPED_WITHIN_S = 0.5


class ReviewProcess:
    """`heard` gets each answer, `ended` is called once when the process is gone, with what it said last.

    Neither is called after `close`. It is not asyncio's subprocess: that one needs the loop to live as long as the
    child, and complains into the terminal where it does not.
    """

    def __init__(self, heard: Callable[[dict[str, Any]], None], ended: Callable[[str], None]) -> None:
        self._heard = heard
        self._ended = ended
        self._frames = Frames()
        self._child: subprocess.Popen[bytes] | None = None
        self._unsent = bytearray()

    def start(self) -> None:
        """Raises OSError."""
        pipe = subprocess.PIPE
        child = subprocess.Popen(COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, start_new_session=True)
        self._child = child
        self._loop = asyncio.get_running_loop()
        for end in (child.stdin, child.stdout, child.stderr):
            assert end is not None  # noqa: S101 - they are pipes
            os.set_blocking(end.fileno(), False)
        self._in, self._out, self._err = (end.fileno() for end in (child.stdin, child.stdout, child.stderr) if end)
        self._loop.add_reader(self._out, self._hear)

    @property
    def pid(self) -> int | None:
        return None if self._child is None else self._child.pid

    def send(self, data: bytes) -> None:
        """Never blocks: what the process does not read yet is held."""
        if self._child is not None:
            waits = bool(self._unsent)
            self._unsent += data
            if not waits:
                self._write()

    def close(self) -> None:
        """It is killed, also where it is stopped."""
        if (child := self._let_go()) is not None:
            self._reap(child)

    # -- what the loop calls

    def _hear(self) -> None:
        try:
            data = os.read(self._out, _PIECE)
        except BlockingIOError:
            return
        if not data:
            self._is_gone()
            return
        for answer in self._frames.feed(data):
            if self._child is not None:
                self._heard(answer)

    def _write(self) -> None:
        try:
            del self._unsent[: os.write(self._in, self._unsent)]
        except BlockingIOError:
            pass
        except BrokenPipeError:
            self._unsent.clear()  # its end is heard on the other pipe
        if self._unsent:
            self._loop.add_writer(self._in, self._write)
        else:
            self._loop.remove_writer(self._in)

    def _is_gone(self) -> None:
        child = self._let_go()
        if child is None:
            return
        said = b""
        with contextlib.suppress(BlockingIOError):
            said = os.read(self._err, _PIECE)[-_KEPT:]
        code = self._reap(child)
        last = said.decode("utf-8", "replace").strip().rpartition("\n")[2]
        reason = "it was killed" if code < 0 else f"it ended with code {code}"
        self._ended(sanitise_name(f"{reason}: {last}" if last else reason, limit=_KEPT))

    def _let_go(self) -> subprocess.Popen[bytes] | None:
        child, self._child = self._child, None
        if child is not None and not self._loop.is_closed():
            self._loop.remove_reader(self._out)
            self._loop.remove_writer(self._in)
        return child

    @staticmethod
    def _reap(child: subprocess.Popen[bytes]) -> int:
        """Its exit code. What is killed is gone in a moment; where the machine has none to spare, a thread waits."""
        if child.poll() is None:
            child.kill()
        for end in (child.stdin, child.stdout, child.stderr):
            if end is not None:
                with contextlib.suppress(OSError):
                    end.close()
        try:
            return child.wait(_REAPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            threading.Thread(target=child.wait, name="review-reaper", daemon=True).start()
            return -signal.SIGKILL
