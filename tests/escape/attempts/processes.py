"""Reaching other processes."""

from __future__ import annotations

import ctypes
import os
import signal
import struct

from tests.escape.attempts.common import CONSOLE, VICTIM, WORLD, attempt, call, put


@attempt
def end_a_process() -> object:
    os.kill(VICTIM, signal.SIGCONT)
    return "sent"


@attempt
def stop_the_console() -> object:
    os.kill(CONSOLE, 0)
    return "could have"


@attempt
def signal_everybody() -> object:
    if WORLD["policy"] == "restricted":
        raise OSError("processes of its own")
    os.kill(-1, 0)
    return "could have"


@attempt
def signal_a_thread() -> object:
    call("tgkill", VICTIM, VICTIM, 0)
    return "could have"


@attempt
def queue_a_signal() -> object:
    return "sent" if call("rt_sigqueueinfo", VICTIM, 0, struct.pack("iii", 0, 0, -1) + bytes(116)) == 0 else None


@attempt
def signal_by_descriptor() -> object:
    fd = os.pidfd_open(VICTIM)
    signal.pidfd_send_signal(fd, 0)
    return "could have"


@attempt
def signal_by_readiness() -> object:
    """A pipe's owner gets a signal when there is something to read."""
    import fcntl

    reading, writing = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETOWN, VICTIM)
    fcntl.fcntl(reading, 10, signal.SIGCONT)
    fcntl.fcntl(reading, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    os.write(writing, b"x")
    return None if WORLD["policy"] == "restricted" else "sent"


@attempt
def own_a_descriptor() -> object:
    import fcntl

    if WORLD["policy"] == "restricted":
        raise OSError("processes of its own")
    fcntl.ioctl(os.pipe()[0], 0x8901, struct.pack("i", VICTIM))
    return "owned"


@attempt
def trace_a_process() -> object:
    call("ptrace", 16, VICTIM, 0, 0)
    return "attached"


@attempt
def write_into_a_process() -> object:
    buffer = ctypes.create_string_buffer(8)
    local = struct.pack("QQ", ctypes.addressof(buffer), 8)
    return call("process_vm_writev", VICTIM, local, 1, struct.pack("QQ", WORLD["address"], 8), 1, 0)


@attempt
def take_a_descriptor() -> object:
    return call("pidfd_getfd", os.pidfd_open(VICTIM), 0, 0)


@attempt
def slow_a_process_down() -> object:
    os.setpriority(os.PRIO_PROCESS, VICTIM, 19)
    return "slowed"


@attempt
def slow_a_user_down() -> object:
    os.setpriority(os.PRIO_USER, 0, 19)
    return "slowed"


@attempt
def pin_a_process() -> object:
    os.sched_setaffinity(VICTIM, {0})
    return "pinned"


@attempt
def limit_a_process() -> object:
    import resource

    resource.prlimit(VICTIM, resource.RLIMIT_CORE, (0, 0))
    return "limited"


@attempt
def starve_a_process_of_io() -> object:
    return "starved" if call("ioprio_set", 1, VICTIM, 3 << 13) == 0 else None


@attempt
def offer_a_process_to_the_oom_killer() -> object:
    return put(f"/proc/{VICTIM}/oom_score_adj", "1000")


@attempt
def compare_processes() -> object:
    return call("kcmp", VICTIM, VICTIM, 0, 0, 0)


@attempt
def attach_shared_memory() -> object:
    identifier = call("shmget", WORLD["shared"], 0, 0)
    return call("shmat", identifier, 0, 0)


@attempt
def remove_shared_memory() -> object:
    identifier = WORLD["shared_id"]
    if WORLD["policy"] == "restricted":
        call("shmget", WORLD["shared"], 0, 0)  # an id of its own namespace is no escape
    return call("shmctl", identifier, 1, ctypes.create_string_buffer(256))
