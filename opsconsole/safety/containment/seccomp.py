"""The system call filters: a list of rules, and a small assembler that turns it into a BPF program.

Whatever the rules do not name is allowed, since files are the business of Landlock and the mounts; but a call newer
than the table, another architecture and the x32 calls are not. An argument that the kernel takes as 32 bits is tested
as 32 bits; where a pointer is tested against NULL, both halves are.
"""

from __future__ import annotations

import errno
import functools
import os
import struct
from collections.abc import Iterable
from dataclasses import dataclass

from opsconsole.safety.containment.syscalls import LAST, NUMBERS

_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_X32 = 0x40000000

_LOAD, _AND, _EQUAL, _ABOVE, _BITS, _RETURN = 0x20, 0x54, 0x15, 0x25, 0x45, 0x06
_ALLOW, _KILL_PROCESS, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER_AT, _MACHINE_AT, _ARGUMENTS_AT = 0, 4, 16

_UNIX, _INET, _INET6, _NETLINK = 1, 2, 10, 16
_STREAM, _SEQPACKET, _SOCKET_KIND = 1, 5, 0xF
_NETLINK_ROUTE, _NETLINK_SOCK_DIAG = 0, 4
_NEW_NAMESPACES = 0x7E020000
_ACCMODE_TRUNC = 0o1003
_TRUNC = 0o1000
_TERMINAL_COMMANDS = {
    "TIOCSTI": 0x5412, "TIOCLINUX": 0x541C, "TIOCCONS": 0x541D, "TIOCSCTTY": 0x540E, "TIOCSETD": 0x5423,
    "TIOCVHANGUP": 0x5437,
}  # fmt: skip
_OWNER_COMMANDS = {"FIOSETOWN": 0x8901, "SIOCSPGRP": 0x8902}
_OWNER_CONTROLS = {"F_SETOWN": 8, "F_SETSIG": 10, "F_SETOWN_EX": 15}
_SET_LEASE = 1024
_ATTRIBUTE_COMMANDS = {"FS_IOC_SETFLAGS": 0x40086602, "FS_IOC_FSSETXATTR": 0x401C5820}

_KERNEL = """
    mount umount2 pivot_root chroot move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr
    unshare setns init_module finit_module delete_module create_module query_module kexec_load kexec_file_load bpf
    perf_event_open userfaultfd keyctl add_key request_key io_uring_setup io_uring_enter io_uring_register swapon
    swapoff reboot sethostname setdomainname acct quotactl quotactl_fd settimeofday clock_settime iopl ioperm vhangup
    modify_ldt fanotify_init open_by_handle_at nfsservctl lookup_dcookie uselib _sysctl
"""
_OTHER_PROCESSES = """
    ptrace process_vm_readv process_vm_writev kcmp pidfd_getfd process_madvise process_mrelease migrate_pages
    move_pages
"""
_SIGNALS = "kill rt_sigqueueinfo rt_tgsigqueueinfo pidfd_send_signal"
_THREAD_SIGNALS = "tkill tgkill"
_ATTRIBUTES = """
    chmod fchmod fchmodat fchmodat2 chown lchown fchown fchownat utime utimes futimesat utimensat setxattr lsetxattr
    fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat file_setattr
"""
_NAMES = """
    truncate link linkat symlink symlinkat rename renameat renameat2 unlink unlinkat mkdir mkdirat rmdir mknod mknodat
    creat
"""
_SHARED_MEMORY = "shmget shmat semget semop semtimedop msgget msgsnd msgrcv mq_open mq_unlink"
_SCHEDULING = "sched_setscheduler sched_setparam sched_setaffinity sched_setattr"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on argument `argument`: its low word (`high`: its high word), masked, compared with `value`."""

    argument: int
    kind: str
    value: int
    mask: int = 0
    high: bool = False


@dataclass(frozen=True, slots=True)
class Rule:
    """The call fails with `error`: always, or when every test of one alternative holds."""

    call: str
    error: int = errno.EPERM
    alternatives: tuple[tuple[Condition, ...], ...] = ()


def supported(machine: str | None = None) -> bool:
    """Whether there are filters for this machine."""
    return (machine or os.uname().machine) in _MACHINES


@functools.cache
def program(
    *,
    writes: bool,
    signals: bool,
    thread_signals: bool,
    inet: bool,
    listens: bool = False,
    attributes: bool | None = None,
    own_ipc: bool = False,
    old_landlock: bool = False,
    machine: str | None = None,
) -> bytes:
    """The BPF program (8 bytes an instruction) of a run.

    `writes`: it has places where it may make files. `attributes`: chmod and its kind, which
    Landlock knows nothing of (default: as `writes`).
    `signals`: it may send them; `thread_signals`: to threads (abort, Go's scheduler), which is to anybody where
    nothing else confines them. `inet`: it may open internet sockets, `listens`: and listen on them. `own_ipc`: it has
    an IPC namespace. `old_landlock`: truncation has to be kept away here. Raises KeyError on an unsupported machine.
    """
    rules = [*_refused(_KERNEL), *_refused(_OTHER_PROCESSES), *_processes(), *_sockets(inet, listens)]
    commands, controls = dict(_TERMINAL_COMMANDS), {"F_SETLEASE": _SET_LEASE}
    if not signals:
        rules += _refused(_SIGNALS)
        commands |= _OWNER_COMMANDS  # whoever owns a descriptor is signalled when it is ready
        controls |= _OWNER_CONTROLS
    if not thread_signals:
        rules += _refused(_THREAD_SIGNALS)
    if not writes:
        rules += _refused(_NAMES)
    with_attributes = writes if attributes is None else attributes
    if not with_attributes:
        rules += _refused(_ATTRIBUTES)
        commands |= _ATTRIBUTE_COMMANDS
    if not own_ipc:
        rules += _ipc()
    if old_landlock:
        rules += _truncation()
    for name, values in (("ioctl", commands), ("fcntl", controls)):
        rules.append(Rule(name, errno.EPERM, tuple((Condition(1, "is", value),) for value in values.values())))
    return _assemble(rules, machine or os.uname().machine)


def _refused(names: str, error: int = errno.EPERM) -> list[Rule]:
    return [Rule(name, error) for name in names.split()]


def _processes() -> list[Rule]:
    """No namespaces, and nothing that changes how another process runs."""
    foreign_limits = tuple((Condition(0, "not", 0), Condition(2, "not", 0, high=high)) for high in (False, True))
    return [
        Rule("clone", errno.EPERM, ((Condition(0, "any", _NEW_NAMESPACES),),)),
        Rule("clone3", errno.ENOSYS),  # its flags cannot be seen here; the C library falls back to clone
        Rule("setpriority", errno.EPERM, ((Condition(0, "not", 0),), (Condition(1, "not", 0),))),
        Rule("ioprio_set", errno.EPERM, ((Condition(0, "not", 1),), (Condition(1, "not", 0),))),
        Rule("prlimit64", errno.EPERM, foreign_limits),
        *(Rule(name, errno.EPERM, ((Condition(0, "not", 0),),)) for name in _SCHEDULING.split()),
    ]


def _sockets(inet: bool, listens: bool) -> list[Rule]:
    """Netlink to read interfaces and sockets; internet where granted; never a Unix socket: services listen there."""
    families = [_NETLINK, *((_INET, _INET6) if inet else ())]
    netlink = (
        Condition(0, "is", _NETLINK),
        Condition(2, "not", _NETLINK_ROUTE),
        Condition(2, "not", _NETLINK_SOCK_DIAG),
    )
    not_connected = tuple(Condition(1, "not", kind, mask=_SOCKET_KIND) for kind in (_STREAM, _SEQPACKET))
    return [
        Rule("socket", errno.EACCES, (tuple(Condition(0, "not", family) for family in families), netlink)),
        # A datagram pair can send to any path; SOCK_RAW is one, too.
        Rule("socketpair", errno.EACCES, ((Condition(0, "not", _UNIX),), not_connected)),
        *([] if listens else _refused("listen accept accept4", errno.EACCES)),
    ]


def _ipc() -> list[Rule]:
    """System V objects of the host may be looked at, not used, changed or removed."""
    change = ((Condition(1, "below", 2),),)
    return [
        *_refused(_SHARED_MEMORY),
        Rule("shmctl", errno.EPERM, change),
        Rule("msgctl", errno.EPERM, change),
        Rule(
            "semctl", errno.EPERM, ((Condition(2, "below", 2),), (Condition(2, "is", 16),), (Condition(2, "is", 17),))
        ),
    ]


def _truncation() -> list[Rule]:
    """Before its third version Landlock let a file be truncated that could only be read."""
    return [
        Rule("truncate"),
        Rule("openat2", errno.ENOSYS),  # its flags are behind a pointer
        Rule("open", errno.EACCES, ((Condition(1, "is", _TRUNC, mask=_ACCMODE_TRUNC),),)),
        Rule("openat", errno.EACCES, ((Condition(2, "is", _TRUNC, mask=_ACCMODE_TRUNC),),)),
    ]


# -- the assembler


def _assemble(rules: Iterable[Rule], machine: str) -> bytes:
    """Raises KeyError: another machine."""
    column, token = _MACHINES[machine]
    code = [
        (_LOAD, 0, 0, _MACHINE_AT),
        (_EQUAL, 1, 0, token),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER_AT),
        *([(_BITS, 0, 1, _X32), (_RETURN, 0, 0, _KILL_PROCESS)] if column == 0 else []),
        (_ABOVE, 0, 1, LAST),
        (_RETURN, 0, 0, _ERRNO | errno.ENOSYS),
    ]
    for rule in rules:
        number = NUMBERS[rule.call][column]
        if number is not None:
            block = _block(rule)
            code += [(_EQUAL, 0, len(block), number), *block]
    code.append((_RETURN, 0, 0, _ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def _block(rule: Rule) -> list[tuple[int, int, int, int]]:
    """What follows when the number is the rule's; it always ends in a verdict."""
    refuse = (_RETURN, 0, 0, _ERRNO | rule.error)
    if not rule.alternatives:
        return [refuse]
    block: list[tuple[int, int, int, int]] = []
    for tests in rule.alternatives:
        parts = [_test(test) for test in tests]
        left = sum(map(len, parts)) + 1  # instructions to the next alternative
        for part in parts:
            left -= len(part)
            code, value, wanted = part[-1][0], part[-1][3], part[-1][1]
            jump = (code, 0, left, value) if wanted else (code, left, 0, value)
            block += [*part[:-1], jump]
        block.append(refuse)
    return [*block, (_RETURN, 0, 0, _ALLOW)]


def _test(test: Condition) -> list[tuple[int, int, int, int]]:
    """Load, mask and compare; the comparison's second field says whether it must hold (1) or must not (0)."""
    code = [(_LOAD, 0, 0, _ARGUMENTS_AT + 8 * test.argument + 4 * test.high)]
    if test.mask:
        code.append((_AND, 0, 0, test.mask))
    kind, wanted, value = {
        "is": (_EQUAL, 1, test.value),
        "not": (_EQUAL, 0, test.value),
        "any": (_BITS, 1, test.value),
        "below": (_ABOVE, 0, test.value - 1),
    }[test.kind]
    return [*code, (kind, wanted, 0, value)]
