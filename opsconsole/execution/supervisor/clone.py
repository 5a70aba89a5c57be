"""A fork whose child is born in a cgroup v2 group: clone3 with CLONE_INTO_CGROUP.

Only for a process with one thread whose child execs at once: Python's own preparations for a fork are not run.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import struct

from . import controllers

_CLONE3 = 435  # the same number on every architecture
_CLONE_INTO_CGROUP = 0x2_0000_0000
_ARGUMENTS = struct.Struct("=11Q")  # struct clone_args: flags, …, exit_signal, …, cgroup

_libc = ctypes.PyDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def fork_into(group: str) -> int:
    """As os.fork; the child lives in `group`, a folder of cgroup v2. Raises OSError.

    Where clone3 is filtered (containers), the child moves itself, which takes some milliseconds.
    """
    fd = os.open(group, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _clone_into(fd)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EPERM):
            raise
    finally:
        os.close(fd)
    pid = os.fork()
    if pid == 0:
        try:
            controllers.write(group + "/cgroup.procs", "0")
        except OSError:
            os._exit(127)  # outside of its limits it must not run
    return pid


def _clone_into(fd: int) -> int:
    arguments = ctypes.create_string_buffer(
        _ARGUMENTS.pack(_CLONE_INTO_CGROUP, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, 0, 0, fd)
    )
    pid = int(_libc.syscall(ctypes.c_long(_CLONE3), arguments, ctypes.c_size_t(_ARGUMENTS.size)))
    if pid < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "clone3")
    return pid
