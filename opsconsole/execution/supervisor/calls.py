"""System calls that Python has no names for, as containment needs them; each raises OSError or gives the raw result."""

from __future__ import annotations

import ctypes
import fcntl
import os

_PR_CAPBSET_DROP = 24
_PR_SET_NO_NEW_PRIVS = 38
_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL = 47, 4
_CAPABILITY_VERSION_3 = 0x20080522
_MOST_CAPABILITIES = 64
_SET_MODE_FILTER = 1
_SPEC_ALLOW = 4  # speculation controls stay as they are: turning them on would slow every run
_SECCOMP = {"x86_64": 317, "aarch64": 277}.get(os.uname().machine)
_INSTRUCTION_BYTES = 8
_F_ADD_SEALS = 1033
_ALL_SEALS = 1 | 2 | 4 | 8  # seal, shrink, grow, write

_libc = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.mount.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.c_char_p, ctypes.c_ulong, ctypes.c_char_p]


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


class Filter(ctypes.Structure):
    """struct sock_fprog of a BPF program, 8 bytes an instruction."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))

    def __init__(self, code: bytes) -> None:
        super().__init__(len(code) // _INSTRUCTION_BYTES, code)
        self._kept = code


def syscall(number: int, *arguments: int) -> int:
    """The raw result, -1 on failure (`checked` turns it into an OSError)."""
    return int(_libc.syscall(ctypes.c_long(number), *(ctypes.c_long(argument) for argument in arguments)))


def checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return result


def no_new_privs() -> None:
    checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def enter_filter(program: Filter) -> None:
    """Every system call of this process and its children goes through `program` from now on."""
    if _SECCOMP is None:
        raise OSError(38, f"no seccomp filter for {os.uname().machine}")
    checked(syscall(_SECCOMP, _SET_MODE_FILTER, _SPEC_ALLOW, ctypes.addressof(program)))


def empty_bounding_set() -> None:
    """No exec gives this process a capability again. As root only."""
    for capability in range(_MOST_CAPABILITIES):
        if _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0) != 0:
            return


def drop_capabilities() -> None:
    """Effective, permitted, inheritable and ambient ones."""
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = _Header(_CAPABILITY_VERSION_3, 0)
    checked(_libc.capset(ctypes.byref(header), ctypes.byref((ctypes.c_uint32 * 6)())))


def unshare(flags: int) -> None:
    checked(_libc.unshare(flags))


def mount(source: str, target: str, kind: str | None, flags: int, options: str = "") -> None:
    checked(
        _libc.mount(
            os.fsencode(source), os.fsencode(target), None if kind is None else kind.encode(), flags, options.encode()
        )
    )


def seal(fd: int) -> None:
    """A memory file that nobody can change any more."""
    fcntl.fcntl(fd, _F_ADD_SEALS, _ALL_SEALS)
