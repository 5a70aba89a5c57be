"""The filters, run by a small BPF interpreter: also for the machine that this is not."""

from __future__ import annotations

import errno
import struct

import pytest

from opsconsole.safety.containment import seccomp
from opsconsole.safety.containment.syscalls import LAST, NUMBERS
from tests.cases import each

ALLOW, KILL = "allow", "kill"
MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
SAFE = {"writes": False, "signals": False, "thread_signals": False, "inet": False}
RESTRICTED = {"writes": True, "signals": True, "thread_signals": True, "inet": True, "listens": True, "own_ipc": True}


def verdict(code: bytes, machine: int, number: int, arguments: tuple[int, ...]) -> str | int:
    """What the kernel would do: allow, kill, or an errno."""
    data = struct.pack("=IIQ6Q", number, machine, 0, *(*arguments, *(0,) * (6 - len(arguments))))
    program = list(struct.iter_unpack("=HBBI", code))
    at = accumulator = 0
    while True:
        operation, yes, no, value = program[at]
        at += 1
        if operation == 0x20:
            (accumulator,) = struct.unpack_from("=I", data, value)
        elif operation == 0x54:
            accumulator &= value
        elif operation == 0x06:
            return {0x7FFF0000: ALLOW, 0x80000000: KILL}.get(value, value & 0xFFFF)
        else:
            holds = {0x15: accumulator == value, 0x25: accumulator > value, 0x45: bool(accumulator & value)}[operation]
            at += yes if holds else no


def ask(options: dict[str, bool], machine: str, call: str, *arguments: int) -> str | int:
    column, token = MACHINES[machine]
    number = NUMBERS[call][column]
    if number is None:
        pytest.skip(f"{machine} has no {call}")
    return verdict(seccomp.program(machine=machine, **options), token, number, arguments)  # type: ignore[arg-type]


CASES = [
    (SAFE, "mount", (), errno.EPERM),
    (RESTRICTED, "mount", (), errno.EPERM),
    (SAFE, "kill", (1, 9), errno.EPERM),
    (RESTRICTED, "kill", (1, 9), ALLOW),
    (SAFE, "tgkill", (1, 1, 9), errno.EPERM),
    (SAFE | {"thread_signals": True}, "tgkill", (1, 1, 9), ALLOW),
    (SAFE, "fcntl", (3, 8, 1), errno.EPERM),
    (SAFE, "fcntl", (3, 1, 1), ALLOW),
    (RESTRICTED, "fcntl", (3, 8, 1), ALLOW),
    (RESTRICTED, "fcntl", (3, 1024, 1), errno.EPERM),
    (SAFE, "socket", (2, 1, 0), errno.EACCES),
    (SAFE, "socket", (10, 2, 0), errno.EACCES),
    (SAFE, "socket", (1, 1, 0), errno.EACCES),
    (SAFE, "socket", (1 | 1 << 40, 1, 0), errno.EACCES),
    (SAFE, "socket", (16, 3, 0), ALLOW),
    (SAFE, "socket", (16, 3, 4), ALLOW),
    (SAFE, "socket", (16, 3, 12), errno.EACCES),
    (SAFE, "socket", (16 | 1 << 32, 3, 12), errno.EACCES),
    (SAFE, "socket", (40, 1, 0), errno.EACCES),
    (SAFE | {"inet": True}, "socket", (2, 1, 0), ALLOW),
    (SAFE | {"inet": True}, "socket", (1, 1, 0), errno.EACCES),
    (SAFE | {"inet": True}, "listen", (3, 1), errno.EACCES),
    (RESTRICTED, "listen", (3, 1), ALLOW),
    (RESTRICTED, "socket", (1, 1, 0), errno.EACCES),
    (SAFE, "socketpair", (1, 1, 0), ALLOW),
    (SAFE, "socketpair", (1, 1 | 0o2000000, 0), ALLOW),
    (SAFE, "socketpair", (1, 5, 0), ALLOW),
    (SAFE, "socketpair", (1, 2, 0), errno.EACCES),
    (SAFE, "socketpair", (1, 2 | 0o4000, 0), errno.EACCES),
    (SAFE, "socketpair", (1, 3, 0), errno.EACCES),
    (SAFE, "socketpair", (2, 1, 0), errno.EACCES),
    (SAFE, "clone", (17,), ALLOW),
    (SAFE, "clone", (0x3D0F00,), ALLOW),
    (RESTRICTED, "clone", (0x10000000 | 17,), errno.EPERM),
    (RESTRICTED, "clone", (0x00020000 | 17,), errno.EPERM),
    (RESTRICTED, "clone3", (), errno.ENOSYS),
    (SAFE, "ioctl", (0, 0x5412), errno.EPERM),
    (SAFE, "ioctl", (0, 0x5412 | 1 << 32), errno.EPERM),
    (SAFE, "ioctl", (0, 0x5413), ALLOW),
    (SAFE, "ioctl", (0, 0x8901), errno.EPERM),
    (SAFE, "ioctl", (0, 0x40086602), errno.EPERM),
    (RESTRICTED, "ioctl", (0, 0x40086602), ALLOW),
    (SAFE, "prlimit64", (0, 7, 1), ALLOW),
    (SAFE, "prlimit64", (9, 7, 0), ALLOW),
    (SAFE, "prlimit64", (9, 7, 1), errno.EPERM),
    (SAFE, "prlimit64", (9, 7, 1 << 32), errno.EPERM),
    (SAFE, "setpriority", (0, 0, 5), ALLOW),
    (SAFE, "setpriority", (0, 9, 5), errno.EPERM),
    (SAFE, "setpriority", (2, 0, 5), errno.EPERM),
    (SAFE, "sched_setaffinity", (0,), ALLOW),
    (SAFE, "sched_setaffinity", (9,), errno.EPERM),
    (SAFE, "shmctl", (1, 0), errno.EPERM),
    (SAFE, "shmctl", (1, 2), ALLOW),
    (SAFE, "semctl", (1, 0, 16), errno.EPERM),
    (SAFE, "semctl", (1, 0, 12), ALLOW),
    (RESTRICTED, "shmget", (1,), ALLOW),
    (SAFE, "unlinkat", (), errno.EPERM),
    (RESTRICTED, "unlinkat", (), ALLOW),
    (SAFE, "fchmodat", (), errno.EPERM),
    (RESTRICTED | {"attributes": False}, "fchmodat", (), errno.EPERM),
    (SAFE, "openat", (0, 0, 0o1000), ALLOW),
    (SAFE | {"old_landlock": True}, "openat", (0, 0, 0o1000), errno.EACCES),
    (SAFE | {"old_landlock": True}, "openat", (0, 0, 0o1101), ALLOW),
    (SAFE | {"old_landlock": True}, "openat2", (), errno.ENOSYS),
]


@each((*case, machine) for case in CASES for machine in MACHINES)
def test_each_call_has_its_verdict(
    options: dict[str, bool], call: str, arguments: tuple[int, ...], expected: str | int, machine: str
) -> None:
    assert ask(options, machine, call, *arguments) == expected


@pytest.mark.parametrize("machine", MACHINES)
@pytest.mark.parametrize("options", [SAFE, RESTRICTED])
def test_other_doors_into_the_kernel_are_shut(machine: str, options: dict[str, bool]) -> None:
    code = seccomp.program(machine=machine, **options)  # type: ignore[arg-type]
    token = MACHINES[machine][1]
    others = {0x40000003, 0x40000028, *(value for _, value in MACHINES.values())} - {token}
    assert {verdict(code, other, 0, ()) for other in others} == {KILL}
    assert verdict(code, token, LAST + 1, ()) == errno.ENOSYS
    assert verdict(code, token, 1 << 29, ()) == errno.ENOSYS
    assert verdict(code, token, 0x40000000 | 39, ()) == (KILL if machine == "x86_64" else errno.ENOSYS)


def test_a_machine_without_a_filter_is_said() -> None:
    assert not seccomp.supported("riscv64")
    with pytest.raises(KeyError):
        seccomp.program(machine="riscv64", **SAFE)  # type: ignore[arg-type]


def test_a_filter_fits_into_the_kernels_limit() -> None:
    longest = seccomp.program(machine="x86_64", **{**SAFE, "old_landlock": True})  # type: ignore[arg-type]
    assert len(longest) % 8 == 0
    assert len(longest) // 8 < 4096
