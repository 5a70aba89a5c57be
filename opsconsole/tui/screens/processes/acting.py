"""Signals and nice values for exactly the process that was looked at, never for a later one with its number."""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from opsconsole import host
from opsconsole.errors import ConsoleError, OpsError
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample

WITHOUT_PIDFD = (errno.ENOSYS, errno.EPERM)
"""`pidfd_open` of an old kernel, or below a seccomp filter that does not know it."""


@dataclass(frozen=True, slots=True)
class Target:
    """Who is meant: a number alone is not enough. `name` and `user` are harmless."""

    pid: int
    start_ticks: int
    name: str
    user: str
    start_time: float

    @classmethod
    def of(cls, process: ProcessSample) -> Target:
        user = sanitise_name(process.user or str(process.uid), limit=30)
        return cls(*process.identity, sanitise_name(process.name, limit=40), user, process.start_time)

    def __str__(self) -> str:
        return f"{self.pid} {self.name}"


class Outcome(NamedTuple):
    """`error` None: it was done."""

    target: Target
    error: OpsError | None


def send(target: Target, number: signal.Signals) -> None:
    """Send a signal. Raises ConsoleError: it has ended meanwhile, it is not permitted, this host cannot.

    The descriptor is opened first and the start time compared after: if that fits, the descriptor is of that process,
    and stays so whatever becomes of the number.
    """
    descriptor = _descriptor(target)
    try:
        _check(target)
        if descriptor is None:
            os.kill(target.pid, number)
        else:
            signal.pidfd_send_signal(descriptor, number)
    except ProcessLookupError:
        raise _ended(target) from None
    except PermissionError:
        raise _refused(target, f"send {number.name}") from None
    except OSError as error:
        raise ConsoleError(f"{target}: {number.name} was not sent: {_reason(error)}") from error
    finally:
        if descriptor is not None:
            os.close(descriptor)


def renice(target: Target, nice: int) -> None:
    """Set its nice value, of its first thread's process as `renice` does. Raises ConsoleError.

    The kernel knows no way to do this by descriptor: the start time is compared before and after.
    """
    _check(target)
    try:
        os.setpriority(os.PRIO_PROCESS, target.pid, nice)
    except ProcessLookupError:
        raise _ended(target) from None
    except PermissionError:
        raise _refused(target, f"set nice {nice}") from None
    except OSError as error:
        raise ConsoleError(f"{target}: nice {nice} was not set: {_reason(error)}") from error
    if host.start_time(target.pid) != target.start_ticks:
        raise ConsoleError(
            f"{target} ended while its nice value was set",
            hint=f"look at what process {target.pid} is now: the value may have gone to it",
        )


def each(targets: list[Target], act: Callable[[Target], None]) -> list[Outcome]:
    """Do it to all, whatever becomes of one."""
    outcomes = []
    for target in targets:
        try:
            act(target)
        except OpsError as error:
            outcomes.append(Outcome(target, error))
        else:
            outcomes.append(Outcome(target, None))
    return outcomes


def special(target: Target) -> str | None:
    """Why a mere yes is not enough for it; None: it is."""
    if target.pid == 1:
        return "It is process 1, which starts and ends everything else: without it this host, or this container, stops."
    if target.pid == os.getpid():
        return "It is this console. What it runs and watches ends with it."
    return None


def _descriptor(target: Target) -> int | None:
    """None: this host has no such thing."""
    if not hasattr(os, "pidfd_open"):
        return None
    try:
        return os.pidfd_open(target.pid)
    except ProcessLookupError:
        raise _ended(target) from None
    except OSError as error:
        if error.errno in WITHOUT_PIDFD:
            return None
        raise ConsoleError(f"{target} cannot be reached: {_reason(error)}") from error


def _check(target: Target) -> None:
    started = host.start_time(target.pid)
    if started is None:
        raise _ended(target)
    if started != target.start_ticks:
        raise ConsoleError(
            f"{target} has ended meanwhile, and its number belongs to another process", hint="nothing was done to that"
        )


def _ended(target: Target) -> ConsoleError:
    return ConsoleError(f"{target} has ended meanwhile", hint="nothing was done")


def _refused(target: Target, what: str) -> ConsoleError:
    me = host.actor()
    return ConsoleError(
        f"{target}: {sanitise_name(me, limit=30)} may not {what}",
        hint=f"it runs as {target.user}; start the console as that user or as root to do this",
    )


def _reason(error: OSError) -> str:
    return (error.strerror or "it failed").lower()
