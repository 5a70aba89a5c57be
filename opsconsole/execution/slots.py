"""The console's end of its supervisors: the lean parent, and the slots it forks.

A slot takes one launch at a time and is used again; one whose run left processes behind retires with them, and one
that dies is reported. All callbacks run on the event loop.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from opsconsole import host
from opsconsole.errors import SupervisorError
from opsconsole.execution.dispatch import Launch

_HERE = str(Path(__file__).parent)
_BOOT = f"import sys;sys.path.insert(0,{_HERE!r});from supervisor.parent import main;main()"
_RECEIVE = 1 << 16


def _boot() -> str:
    """The lean parent's program; the limit of open files that the monitor raised for itself is not for scripts."""
    soft = host.open_files_before
    if soft is None:
        return _BOOT
    limit = f"resource.setrlimit(resource.RLIMIT_NOFILE,({soft},resource.getrlimit(resource.RLIMIT_NOFILE)[1]))"
    return f"import resource;{limit};{_BOOT}"


_let_go: list[int] = []
"""Parents that outlive their engine in a process that goes on: reaped when the next engine comes or goes."""


def _reap() -> None:
    for pid in tuple(_let_go):
        try:
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
        except ChildProcessError:
            pass  # somebody else took it
        with contextlib.suppress(ValueError):
            _let_go.remove(pid)


class LeanParent:
    """A process that forks slots; it outlives this console as long as one of them works."""

    def __init__(self, log: Path, prefix: Sequence[str] = (), *, use_cgroup: bool = True) -> None:
        """Start it; `prefix` stands before its command line (sudo). Raises SupervisorError."""
        _reap()
        command = [*prefix, sys.executable, "-I", "-S", "-c", _boot(), *([] if use_cgroup else ["no-cgroup"])]
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._pid = self._spawn(theirs.fileno(), log, command)
        except OSError as error:
            ours.close()
            raise SupervisorError(f"the supervisor cannot be started: {error.strerror}") from error
        finally:
            theirs.close()
        self._control = ours
        self._reaped = False

    @staticmethod
    def _spawn(control: int, log: Path, command: list[str]) -> int:
        errors = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        null = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
        try:
            return os.posix_spawn(
                command[0],
                command,
                {"LC_ALL": "C.UTF-8", "PATH": os.defpath},
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, control, 0),
                    (os.POSIX_SPAWN_DUP2, null, 1),
                    (os.POSIX_SPAWN_DUP2, errors, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=[signal.SIGPIPE, signal.SIGTERM, signal.SIGCHLD],
            )
        finally:
            os.close(errors)
            os.close(null)

    def fork_slot(self) -> socket.socket:
        """Our end of a new slot's socket. Raises SupervisorError when the parent is gone."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            socket.send_fds(self._control, [b"s"], [theirs.fileno()])
        except OSError as error:
            ours.close()
            raise SupervisorError("the supervisors' parent process is gone") from error
        finally:
            theirs.close()
        return ours

    @property
    def alive(self) -> bool:
        if not self._reaped:
            try:
                self._reaped = os.waitpid(self._pid, os.WNOHANG)[0] != 0
            except ChildProcessError:
                self._reaped = True
        return not self._reaped

    def close(self) -> None:
        """Let it go: it leaves with its last busy slot."""
        self._control.close()
        if not self._reaped:
            _let_go.append(self._pid)
        _reap()


class Slot:
    """One supervisor process, as seen from here."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        connection: socket.socket,
        on_message: Callable[[Slot, dict[str, Any]], None],
        on_lost: Callable[[Slot], None],
    ) -> None:
        self.pid: int | None = None
        self.start: int | None = None
        self._loop = loop
        self._connection = connection
        self._on_message = on_message
        self._on_lost = on_lost
        self._received = b""
        self._knows: set[str] = set()
        loop.add_reader(connection.fileno(), self._readable)

    def launch(self, launch: Launch, environment: Mapping[str, str]) -> None:
        """Hand a launch over. Raises SupervisorError when the slot is gone: nothing was started then."""
        key = launch.message["environment"]
        lines = []
        if key not in self._knows:
            lines.append(json.dumps({"op": "environment", "key": key, "values": dict(environment)}))
        lines.append(json.dumps(launch.message))
        data = "".join(line + "\n" for line in lines).encode()
        try:
            if launch.fds:
                rights = array.array("i", launch.fds)
                sent = self._connection.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
                data = data[sent:]
            self._connection.sendall(data)
        except OSError as error:
            raise SupervisorError("the supervisor is gone") from error
        self._knows.add(key)

    def close(self) -> None:
        """Part with it: it finishes its run and leaves."""
        self._loop.remove_reader(self._connection.fileno())
        self._connection.close()

    def _readable(self) -> None:
        try:
            data = self._connection.recv(_RECEIVE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            self._on_lost(self)
            return
        *lines, self._received = (self._received + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if message["op"] == "hello":
                self.pid, self.start = message["pid"], message["start"]
            else:
                self._on_message(self, message)
