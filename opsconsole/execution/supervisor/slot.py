"""A slot: one process, one run at a time, reused run after run until a run leaves something behind."""

from __future__ import annotations

import array
import json
import mmap
import os
import select
import signal
import socket
from typing import Any

from . import kernel
from .cgroup import Leaf
from .run import Run
from .tree import Tree

IDLE, BUSY, RETIRED = range(3)
_LINE = 1 << 16


class Note:
    """Shared memory between a slot and its parent: what the slot is doing, should it be killed."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, 4096)

    def set(self, state: int, run: str = "") -> None:
        data = run.encode("utf-8", "surrogateescape")[:4000]
        self._map[1 : 3 + len(data)] = len(data).to_bytes(2, "little") + data
        self._map[0] = state

    def get(self) -> tuple[int, str]:
        length = int.from_bytes(self._map[1:3], "little")
        return self._map[0], self._map[3 : 3 + length].decode("utf-8", "surrogateescape")


class Slot:
    """Serves launches that come over `console` until it closes; then finishes the run and leaves."""

    def __init__(self, console: socket.socket, note: Note, leaf: Leaf | None) -> None:
        self.console: socket.socket | None = console
        self.note = note
        self.tree = Tree(leaf)
        self.run: Run | None = None
        self.environments: dict[str, dict[str, str]] = {}
        self.start_ticks = kernel.start_ticks(os.getpid())
        self.parent = os.getppid(), kernel.start_ticks(os.getppid())
        self._received = b""
        self._fds: list[int] = []
        self._buffer = memoryview(bytearray(kernel.READ_BYTES))
        self._terminated = False
        self._wake, wake_write = kernel.wake_pipe()
        signal.set_wakeup_fd(wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGUSR1, signal.SIGTERM):
            signal.signal(number, _noted)
        self._poller = select.poll()
        self._poller.register(self._wake, select.POLLIN)
        self._poller.register(console.fileno(), select.POLLIN)

    def serve(self) -> None:
        self._tell({"op": "hello", "pid": os.getpid(), "start": self.start_ticks, "kill": self.tree.mechanism})
        while self.console is not None and not self._terminated:
            line = self._next_line()
            if line is not None:
                if self._handle(json.loads(line)):
                    return
                continue
            for fd, _ in self._poller.poll():
                self._ready(fd)

    def _handle(self, message: dict[str, Any]) -> bool:
        """True: this slot is retired."""
        if message["op"] == "environment":
            self.environments[message["key"]] = message["values"]
            return False
        if message["op"] != "launch":
            return False
        fds = [self._fds.pop(0) for _ in range(message["fds"])]
        script_fd = fds.pop(0) if message["script"] is None else None
        script = _read_all(script_fd) if script_fd is not None else _bytes(message["script"])
        return self._execute(message, script, fds.pop(0) if fds else None)

    def _execute(self, launch: dict[str, Any], script: bytes, stdin: int | None) -> bool:
        launch["supervisor_start"] = self.start_ticks
        launch["parent"] = self.parent
        run = self.run = Run(launch, self.tree, self._tell)
        early = run.take_claim()
        if early is None:
            self.note.set(BUSY, run.folder)
            early = run.start(dict(self.environments[launch["environment"]]), script, stdin)
        elif stdin is not None:
            os.close(stdin)
        if early is not None:
            self.run = None
            self.note.set(IDLE)
            self._tell(early)
            return False
        run.watch(self._poller, self._buffer, self._ready)
        result = run.finish(self._buffer)
        self.run = None
        if run.has_left:
            self.note.set(RETIRED, run.folder)
            self._tell({**result, "retired": True})
            self._retire(run)
            return True
        run.release()
        self.tree.settle()
        self.note.set(IDLE)
        self._send(run.result)
        return False

    def _retire(self, run: Run) -> None:
        """Go on moving and capping the output of what the run left, until it stops writing."""
        if self.console is not None:
            self._close_console()
        by_fd = {stream.pipe: stream for stream in run.streams if stream.open}
        for fd in by_fd:
            self._poller.register(fd, select.POLLIN)
        while by_fd and not self._terminated:
            for fd, _ in self._poller.poll():
                stream = by_fd.get(fd)
                if stream is None:
                    self._terminated = self._terminated or signal.SIGTERM in self._drain_wake()
                    run.reap()
                elif stream.pump(self._buffer) < 0:
                    self._poller.unregister(fd)
                    del by_fd[fd]
                    stream.finish()
                    stream.let_readers_in()
        run.release()

    # -- descriptors of its own

    def _ready(self, fd: int) -> None:
        if fd == self._wake:
            self._signals(self._drain_wake())
        else:
            self._receive()

    def _drain_wake(self) -> bytes:
        try:
            return os.read(self._wake, 512)
        except BlockingIOError:
            return b""

    def _signals(self, numbers: bytes) -> None:
        run = self.run
        if signal.SIGTERM in numbers:
            self._terminated = True
            if run is not None:
                run.stop("the supervisor was told to end (SIGTERM)", None)
        if run is None:
            return
        if signal.SIGUSR1 in numbers:
            run.read_commands()
        if signal.SIGCHLD in numbers:
            run.reap()

    def _receive(self) -> None:
        assert self.console is not None  # noqa: S101 - it is registered while it is open
        fds = array.array("i")
        try:
            data, ancillary, _, _ = self.console.recvmsg(_LINE, socket.CMSG_SPACE(4 * fds.itemsize))
        except BlockingIOError:
            return
        except OSError:
            data, ancillary = b"", []
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(payload[: len(payload) - len(payload) % fds.itemsize])
        for fd in fds:
            os.set_inheritable(fd, False)
        self._fds.extend(fds)
        if data:
            self._received += data
        else:
            self._close_console()

    def _next_line(self) -> bytes | None:
        line, found, rest = self._received.partition(b"\n")
        if not found:
            return None
        self._received = rest
        return line

    def _close_console(self) -> None:
        if self.console is not None:
            self._poller.unregister(self.console.fileno())
            self.console.close()
            self.console = None

    def _tell(self, message: dict[str, Any]) -> None:
        self._send(json.dumps(message).encode())

    def _send(self, line: bytes) -> None:
        if self.console is None:
            return
        try:
            self.console.sendall(line + b"\n")
        except OSError:
            self._close_console()


def _noted(number: int, frame: object) -> None:
    """The wake-up descriptor carries the number; nothing is done here."""


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _read_all(fd: int) -> bytes:
    try:
        os.lseek(fd, 0, os.SEEK_SET)
        parts = []
        while part := os.read(fd, 1 << 20):
            parts.append(part)
        return b"".join(parts)
    finally:
        os.close(fd)
