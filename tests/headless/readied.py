"""`opsconsole` from a process that has loaded it already: one fork for each command, not one start of Python.

What runs is a process of its own all the same, with its own descriptors, environment and end; only the interpreter's
start and the reading of the modules are done once. Whoever looks at a start itself starts Python (`Console.start`,
`Console.shell`, `terminal`).
"""

from __future__ import annotations

import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import selectors
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

_MOST = 100_000
_NOT_OURS = ("opsconsole.tui", "opsconsole.demo", "opsconsole.execution.supervisor")
_OF_PYTHON = ("PYTHON", "LC_", "LANG", "TZ")
"""What Python reads of the environment only when it starts."""


def fits(words: Sequence[str], environment: Mapping[str, str]) -> bool:
    """Whether that command can come from here: Python itself would not start otherwise, and the order is no book."""
    return (
        hasattr(os, "pidfd_open")
        and _of_python(environment) == _of_python(_environment())
        and len(json.dumps([words, dict(environment)])) < _MOST
    )


def run(
    words: Sequence[str], *, input: bytes, cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[bytes]:
    """As `subprocess.run` of `python -m opsconsole` with both outputs captured."""
    (their_in, our_in), (our_out, their_out), (our_err, their_err) = (os.pipe() for _ in range(3))
    near, far = socket.socketpair()
    theirs = [far.detach(), their_in, their_out, their_err]
    order = json.dumps({"words": list(words), "cwd": str(cwd), "env": dict(env)}).encode()
    try:
        socket.send_fds(_server()[0], [order], theirs)
    finally:
        for fd in theirs:
            os.close(fd)
    captured = [b"", b""]
    readers = [
        threading.Thread(target=_read, args=(fd, captured, n), daemon=True) for n, fd in enumerate((our_out, our_err))
    ]
    for one in readers:
        one.start()
    _write(our_in, input)
    with near, near.makefile("rb") as answer:
        near.settimeout(timeout)
        status = int(answer.readline())
    for one in readers:
        one.join(timeout)
        assert not one.is_alive(), "somebody keeps an output open"
    return subprocess.CompletedProcess(["opsconsole", *words], status, *captured)


def _read(fd: int, into: list[bytes], place: int) -> None:
    with os.fdopen(fd, "rb") as file:
        into[place] = file.read()


def _write(fd: int, data: bytes) -> None:
    with contextlib.suppress(BrokenPipeError), os.fdopen(fd, "wb", buffering=0) as file:  # it may not want to know
        while data:
            data = data[file.write(data) or 0 :]


def _environment() -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _of_python(environment: Mapping[str, str]) -> dict[str, str]:
    return {key: value for key, value in environment.items() if key.startswith(_OF_PYTHON)}


@functools.cache
def _server() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    from tests import measured

    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    environment = {key: value for key, value in _environment().items() if key != measured.CONFIG}
    with theirs:
        process = subprocess.Popen(
            [sys.executable, __file__, str(theirs.fileno()), *measured.noting()],
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
            env=environment,
        )
    return ours, process


def leave() -> None:
    """End it, before the session does: coverage wants what it has seen."""
    if _server.cache_info().currsize:
        ours, process = _server()
        ours.close()
        process.wait()
        _server.cache_clear()


# ------------------------------------------------------------ the process that has all loaded


def _load() -> None:
    import opsconsole

    for found in pkgutil.walk_packages(opsconsole.__path__, "opsconsole."):
        if not found.name.startswith(_NOT_OURS):
            importlib.import_module(found.name)
    gc.collect()
    gc.freeze()


def _serve(orders: socket.socket) -> None:
    """A process for each order, and how each ended; until nobody orders any more."""
    answers: dict[int, tuple[int, socket.socket]] = {}
    with selectors.DefaultSelector() as selector:
        selector.register(orders, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd in answers:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    pid, answer = answers.pop(key.fd)
                    with answer, contextlib.suppress(BrokenPipeError):
                        answer.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
                    continue
                order, fds, _, _ = socket.recv_fds(orders, 2 * _MOST, 4)
                if not order:
                    return
                if (pid := os.fork()) == 0:
                    _be(fds[1:], **json.loads(order))
                for fd in fds[1:]:
                    os.close(fd)
                ended = os.pidfd_open(pid)
                answers[ended] = (pid, socket.socket(fileno=fds[0]))
                selector.register(ended, selectors.EVENT_READ)


def _be(standard: list[int], words: list[str], cwd: str, env: dict[str, str]) -> NoReturn:
    from opsconsole.__main__ import main

    try:
        for number, fd in enumerate(standard):
            os.dup2(fd, number)
        os.closerange(3, 256)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        sys.argv = ["opsconsole", *words]
        main(words)
    finally:
        os._exit(70)  # never back into the loop


if __name__ == "__main__":
    sys.path.pop(0)  # as `-m` has it: nothing of this folder
    if len(sys.argv) > 2:
        sys.path.insert(0, sys.argv[2])
        arcs: Any = importlib.import_module("arcs")
        arcs.note(*sys.argv[3:], threads=True)
    _load()
    _serve(socket.socket(fileno=int(sys.argv[1])))
