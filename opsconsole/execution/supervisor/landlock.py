"""Landlock rulesets: what a process may still do with files, whatever the modes say. Cannot be taken off again.

A rule grants beneath a path and cannot take back, so `except` is cut out by granting to everything around it: the
folders on the way are listed, and the ruleset is made anew when one of them has changed. What a run could see of an
exception are names, not contents.
"""

from __future__ import annotations

import ctypes
import json
import os
import stat
import struct
from typing import Any

from . import calls, kernel

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_VERSION = 1
_FILE_RIGHTS = 0b1100_0000_0000_0111  # execute, write, read, truncate, device ioctl: a folder's rights are no file's
_KEPT = 4

_cache: dict[str, tuple[int, list[tuple[str, int]]]] = {}


def abi() -> int:
    """The kernel's Landlock version, 0 where there is none."""
    return max(0, calls.syscall(_CREATE_RULESET, 0, 0, _VERSION)) if kernel.LINUX else 0


def ruleset(spec: dict[str, Any]) -> int:
    """Descriptor of the ruleset, kept here for the next run; raises OSError.

    `spec`: `fs`, `net`, `scoped` (bits handled), `rules` ([path, rights, [exceptions]]; absolute, without symlinks;
    what is not there is passed over).
    """
    key = json.dumps(spec)
    known = _cache.get(key)
    if known is not None:
        if all(_changed_at(folder) == when for folder, when in known[1]):
            return known[0]
        os.close(_cache.pop(key)[0])
    while len(_cache) >= _KEPT:
        os.close(_cache.pop(next(iter(_cache)))[0])
    fd = _create(spec)
    listed: list[tuple[str, int]] = []
    try:
        for path, rights, exceptions in spec["rules"]:
            _grant(fd, path, rights, exceptions, listed)
    except OSError:
        os.close(fd)
        raise
    _cache[key] = fd, listed
    return fd


def restrict_self(ruleset_fd: int) -> None:
    """From now on, for this process and all it starts. Needs no_new_privs. Raises OSError."""
    calls.checked(calls.syscall(_RESTRICT_SELF, ruleset_fd, 0))


def _create(spec: dict[str, Any]) -> int:
    attributes = struct.pack("QQQ", spec["fs"], spec["net"], spec["scoped"])
    version = abi()
    size = 24 if version >= 6 else 16 if version >= 4 else 8
    buffer = ctypes.create_string_buffer(attributes[:size], size)
    fd = calls.checked(calls.syscall(_CREATE_RULESET, ctypes.addressof(buffer), size, 0))
    os.set_inheritable(fd, False)
    return fd


def _grant(fd: int, path: str, rights: int, exceptions: list[str], listed: list[tuple[str, int]]) -> None:
    """Grant beneath `path`, around the exceptions; the folders that had to be listed for it are noted."""
    if path in exceptions:
        return
    below = path.rstrip("/") + "/"
    inside = [entry for entry in exceptions if entry.startswith(below)]
    if not inside:
        _add(fd, path, rights)
        return
    listed.append((path, _changed_at(path)))
    try:
        names = os.listdir(path)
    except PermissionError:  # it can be walked through: only what lies on the way to an exception has a known name
        names = list({entry[len(below) :].split("/")[0] for entry in inside})
    except OSError:
        return
    for name in names:
        _grant(fd, below + name, rights, inside, listed)


def _add(fd: int, path: str, rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return  # gone, or closed to us as it will be to the run
    try:
        mode = os.fstat(target).st_mode
        if stat.S_ISLNK(mode):
            return  # what it points to has its own place
        allowed = rights if stat.S_ISDIR(mode) else rights & _FILE_RIGHTS
        if allowed:
            rule = ctypes.create_string_buffer(struct.pack("=Qi", allowed, target), 12)
            calls.checked(calls.syscall(_ADD_RULE, fd, _PATH_BENEATH, ctypes.addressof(rule), 0))
    finally:
        os.close(target)


def _changed_at(folder: str) -> int:
    try:
        return os.stat(folder, follow_symlinks=False).st_mtime_ns
    except OSError:
        return -1
