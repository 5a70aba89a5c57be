"""The environment of a contained run: built from a list, never filtered from the caller's."""

from __future__ import annotations

import os
import pwd
import re
import stat
from collections.abc import Iterable, Mapping

_SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
_LOCAL_PATH = ("/usr/local/sbin", "/usr/local/bin")
_FIXED = {
    "SHELL": "/bin/sh", "PAGER": "cat", "MANPAGER": "cat", "GIT_PAGER": "cat", "SYSTEMD_PAGER": "cat",
    "SYSTEMD_LESS": "", "SYSTEMD_PAGERSECURE": "1", "LESSSECURE": "1", "LESSHISTFILE": "-",
    "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_OPTIONAL_LOCKS": "0",
    "GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_COUNT": "2", "GIT_CONFIG_KEY_0": "core.fsmonitor",
    "GIT_CONFIG_VALUE_0": "false", "GIT_CONFIG_KEY_1": "core.hooksPath", "GIT_CONFIG_VALUE_1": "/dev/null",
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONNOUSERSITE": "1", "DEBIAN_FRONTEND": "noninteractive",
}  # fmt: skip
_KEPT = re.compile(r"LANG|LANGUAGE|LC_[A-Z]+|TZ|TERM|NO_COLOR|COLUMNS|LINES")
_HARMLESS = re.compile(r"[\w.@:+,-]{0,100}", re.ASCII)
_ZONE = re.compile(r":?\w[\w+/-]{0,100}", re.ASCII)


def trusted_path() -> str:
    """The fixed PATH; the site's own folders come last, and only where none but root can put a program into them."""
    return ":".join([_SYSTEM_PATH, *filter(_is_roots_own, _LOCAL_PATH)])


def contained(
    uid: int, caller: Mapping[str, str], granted: Iterable[str], *, home: str | None = None
) -> dict[str, str]:
    """What a run under SAFE or RESTRICTED gets. `granted`: names given with the task itself (`--env`)."""
    name, own_home = _account(uid)
    values = {
        "PATH": trusted_path(),
        "HOME": home or own_home,
        "USER": name,
        "LOGNAME": name,
        "TERM": "dumb",
        **_FIXED,
        **{key: value for key, value in caller.items() if _KEPT.fullmatch(key) and _is_harmless(key, value)},
    }
    return values | {key: caller[key] for key in granted if key in caller}


def _is_harmless(key: str, value: str) -> bool:
    """No path: the C library would read a locale from it."""
    return bool((_ZONE if key == "TZ" else _HARMLESS).fullmatch(value))


def _account(uid: int) -> tuple[str, str]:
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return str(uid), "/"
    return entry.pw_name, entry.pw_dir


def _is_roots_own(folder: str) -> bool:
    try:
        info = os.stat(folder)
    except OSError:
        return False
    return info.st_uid == 0 and not info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
