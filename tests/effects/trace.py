"""From strace's lines to attempts: what a traced program tried to change, reach, signal or run, granted or not."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple


class Attempt(NamedTuple):
    """One system call that changes something. `kind` is the kind that the review's effect of it must have."""

    kind: str
    call: str
    target: str


_CREATES = "creat mkdir mkdirat link linkat symlink symlinkat mknod mknodat"
_CHANGES = """
    rename renameat renameat2 chmod fchmod fchmodat chown fchown lchown fchownat truncate utime utimes utimensat
    futimesat setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr
"""
_DELETES = "unlink unlinkat rmdir"
_SYSTEM = """
    mount umount2 pivot_root move_mount sethostname setdomainname settimeofday clock_settime reboot swapon swapoff
    init_module finit_module delete_module acct quotactl
"""
_ASKS_OR_SETS = "adjtimex clock_adjtime syslog ioctl msgget semget shmget msgctl semctl shmctl prlimit64"
_SIGNALS = "kill tkill tgkill rt_sigqueueinfo pidfd_send_signal"
_PRIORITIES = "setpriority ioprio_set sched_setscheduler sched_setaffinity"
_SENDS = "connect sendto sendmsg sendmmsg"
_OPENS = "open openat openat2"
_STARTS = "execve execveat clone clone3 fork vfork"
CALLS = ",".join(
    f"?{name}"
    for name in " ".join(
        (_OPENS, _CREATES, _CHANGES, _DELETES, _SYSTEM, _ASKS_OR_SETS, _SIGNALS, _PRIORITIES, _SENDS, _STARTS)
    ).split()
)

_LINE = re.compile(r"(\d+) +(\w+)\((.*)$")
_RESUMED = re.compile(r"(\d+) +<\.\.\. (?:clone|clone3|fork|vfork) resumed>.* = (\d+)")
_STRING = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, *)?"((?:[^"\\]|\\.)*)"')
_DESCRIPTOR = re.compile(r"\d+<([^>]*)>")
_WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND|O_TMPFILE")
_ADDRESS = re.compile(r"sin6?_port=htons\((\d+)\).*?\"([^\"]*)\"")
_LOCAL = re.compile(r'sun_path=@?"([^"]*)"')
_RESULT = re.compile(r"= (-?\d+)(?:<[^>]*>)?(?: ([A-Z]+) .*)?$")
_NETLINK_SETS = re.compile(r"(?:nlmsg_)?type=((?:RTM|NFT_MSG|XFRM_MSG)_(?:NEW|DEL|SET)\w+|SOCK_DESTROY)")
_IOCTL_SETS = re.compile(
    r", ((?:FS_IOC_SETFLAGS|FS_IOC_FSSETXATTR|FS_IOC32_SETFLAGS|FIFREEZE|FITHAW|FITRIM|TIOCSTI|SIOCS\w+|SIOCADDRT|"
    r"SIOCDELRT|BLKDISCARD|BLKROSET|BLKFLSBUF|BLKRRPART|LOOP_\w*(?:SET|CLR|ADD|REMOVE)\w*|CDROMEJECT|RTC_SET_TIME|"
    r"KDSETMODE|KDSKBMODE|VT_ACTIVATE))\b"
)
_SYSTEM_FOLDERS = ("/usr/", "/bin/", "/sbin/", "/lib/", "/lib64/")


def attempts(lines: Iterable[str], harmless: Callable[[Attempt], bool]) -> list[Attempt]:
    """Every attempt in the lines of `strace -f -y`, each once, without the harmless ones."""
    found: dict[Attempt, None] = {}
    parents: dict[str, str] = {}
    leaders: dict[str, str] = {}
    begins_thread: set[str] = set()
    for line in lines:
        if resumed := _RESUMED.match(line):
            parents[resumed[2]] = resumed[1]
            if resumed[1] in begins_thread:
                leaders[resumed[2]] = leaders.get(resumed[1], resumed[1])
            continue
        if (match := _LINE.match(line)) is None:
            continue
        pid, call, rest = match.groups()
        result = _RESULT.search(rest)
        if call in ("clone", "clone3", "fork", "vfork"):
            (begins_thread.add if "CLONE_THREAD" in rest else begins_thread.discard)(pid)
            if result is not None and result[1] != "-1":
                parents[result[1]] = pid
                if pid in begins_thread:
                    leaders[result[1]] = leaders.get(pid, pid)
            continue
        if call == "tgkill" and _number(rest, 0) == leaders.get(pid, pid):
            continue
        for attempt in _attempt(pid, call, rest, result[2] if result else None, parents):
            if not harmless(attempt):
                found[attempt] = None
    return list(found)


def _attempt(pid: str, call: str, rest: str, error: str | None, parents: dict[str, str]) -> Iterator[Attempt]:
    path = _path(rest)
    if call in _OPENS.split():
        if _WRITING.search(rest.rpartition('"')[2] if error else _flags(rest)):
            yield Attempt("write", call, path)
    elif call in _CREATES.split() or call in _CHANGES.split():
        yield Attempt("write", call, path)
    elif call in _DELETES.split():
        yield Attempt("delete", call, path)
    elif call in _SYSTEM.split():
        yield Attempt("system", call, path or rest)
    elif call in _ASKS_OR_SETS.split():
        if _sets(call, rest, pid):
            yield Attempt("system", call, rest)
    elif call in _SIGNALS.split():
        yield from _signal(pid, call, rest, parents)
    elif call in _PRIORITIES.split():
        if (target := _number(rest, 1 if call in ("setpriority", "ioprio_set") else 0)) not in ("0", pid):
            yield Attempt("kill", call, target)
    elif call in _SENDS.split():
        yield from _sent(call, rest)
    elif error is None and not path.startswith(_SYSTEM_FOLDERS):
        yield Attempt("execute", call, path)


def _flags(rest: str) -> str:
    match = _STRING.search(rest)
    return rest[match.end() :].partition(" = ")[0] if match else rest


def _path(rest: str) -> str:
    match = _STRING.search(rest)
    if match is None:
        descriptor = _DESCRIPTOR.search(rest)
        return descriptor[1] if descriptor else ""
    return posixpath.normpath(posixpath.join(match[1] or "", match[2])) if match[2] else match[1] or ""


def _number(rest: str, index: int) -> str:
    return re.sub(r"<.*?>| */\*.*?\*/", "", rest.split(", ")[index]).partition(")")[0] if rest.count(", ") else ""


def _sets(call: str, rest: str, pid: str) -> bool:
    if call == "ioctl":
        return _IOCTL_SETS.search(rest) is not None
    if call in ("adjtimex", "clock_adjtime"):
        return "modes=0," not in rest
    if call == "syslog":
        return "CLEAR" in rest or "CONSOLE" in rest
    if call.endswith("get"):
        return "IPC_CREAT" in rest
    if call.endswith("ctl"):
        return "IPC_RMID" in rest or "IPC_SET" in rest
    return _number(rest, 0) not in ("0", pid) and ", NULL, " not in rest


def _signal(pid: str, call: str, rest: str, parents: dict[str, str]) -> Iterator[Attempt]:
    """A signal to itself, its own group or its own children changes nothing outside."""
    target = _number(rest, 1 if call == "tgkill" else 0)
    if re.search(r", 0\b", rest) or target in ("0", pid):
        return
    above = target.lstrip("-") if target != "-1" else target
    while above in parents and above != pid:
        above = parents[above]
    if above != pid:
        yield Attempt("kill", call, target)


def _sent(call: str, rest: str) -> Iterator[Attempt]:
    if "sa_family=AF_INET" in rest or "sin_port" in rest or "sin6_port" in rest:
        address = _ADDRESS.search(rest)
        yield Attempt("network", call, f"{address[2]}:{address[1]}" if address else rest)
    elif local := _LOCAL.search(rest):
        yield Attempt("service", call, local[1])
    elif changed := _NETLINK_SETS.search(rest):
        probe = changed[1] == "RTM_NEWLINK" and call == "sendto"
        yield Attempt("system", call, "an empty RTM_NEWLINK" if probe else changed[1])
