"""Runs a script without the console's containment, in a throw-away place, and tells what it tried to do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from opsconsole.safety.containment.environment import contained
from opsconsole.safety.review import Effect
from tests.effects.trace import CALLS, Attempt, attempts

_NOBODY = 65534
_WORK = "/tmp/work"
_TRACE = "/tmp/trace"
_RESOLVER = "/etc/resolv.conf"
# The first process of the place outlives its script as long as any other does.
_BESIDE_A_SLEEPER = """
sleep 900 >/dev/null 2>&1 &
until read -r name </proc/$!/comm && [ "$name" = sleep ]; do sleep 0.01; done
"$@"
status=$?
kill -9 $! 2>/dev/null
exit $status
"""

HARMLESS: tuple[tuple[str, str, str], ...] = (
    # kinds, targets, why
    ("write", r"/dev/(null|zero|full|tty|pts/\d+|console|stdout|stderr|fd/\d+)", "a terminal or a sink"),
    ("write", r"/proc/(self|thread-self|\d+)/(fd/\d+|task/\d+/attr/.*|attr/.*|comm)", "the process itself"),
    ("write", r"(pipe|socket|anon_inode|/memfd):.*", "no file"),
    ("write delete", r"/tmp/sh-(thd|np)[.\w-]+", "bash's own temporary file of a long here-document"),
    ("write delete", r"/tmp/sort\w{6}", "sort's own temporary file, deleted at once"),
    ("write", r"/tmp", "a temporary file of apt without a name"),
    ("write delete", r"/tmp/(apt-tmp-index|dpkg-deb)\.\w{6}", "the package tools' own temporary files"),
    ("write delete", r"/tmp/kernel-install\.staging\.\w+", "kernel-install's own temporary folder"),
    ("write delete", r"/tmp/tmux-\d+(/.*)?", "the folder of tmux's server, which it starts to be asked"),
    ("system", r"an empty RTM_NEWLINK", "ip asks whether the kernel knows this message; it sets with sendmsg"),
    ("network", r"127\.0\.0\.1:9[01]50", "gpg looks for Tor on this host"),
    ("write", r"/dev|/dev/mapper(/control)?", "device-mapper creates its control node where a host has none"),
    ("write", r"/nonexistent(/.*)?", "a program's own settings and logs, under a HOME that cannot be written"),
    ("write delete", r".*/\.git/index(\.lock)?", "git refreshes what it knows of the files' times"),
    ("service", r"/(var/)?run/nscd/socket", "the C library asks the cache of names"),
    ("service", r"/run/systemd/userdb/.*", "the C library asks for the names of users"),
    ("network", r"127\.0\.0\.\d+:53|::1:53", "the resolver on this host"),
)
_HARMLESS = [(frozenset(kinds.split()), re.compile(target)) for kinds, target, _ in HARMLESS]


class Watched(NamedTuple):
    """What came of one script: its attempts, its exit status (None: it was stopped) and what it wrote."""

    attempts: list[Attempt]
    status: int | None
    output: bytes


def missing() -> str:
    """What this host lacks, as a reason to skip; empty when it can be done."""
    for tool in ("strace", "bwrap"):
        if shutil.which(tool) is None:
            return f"{tool} is not installed"
    return ""


def watch(script: str, work: Path, *, timeout: float = 45.0, shell: str = "/bin/bash") -> Watched:
    """Run `script` in the folder `work`, all else read-only, without network and with processes of its own.

    A sleeping process of nobody's stands by, for signals to hit. Raises RuntimeError when nothing could be traced.
    """
    with tempfile.TemporaryDirectory(prefix="watch-") as folder:
        trace = Path(folder, "trace")
        trace.touch()
        names = Path(folder, "resolv.conf")  # the resolver is on this host, as HARMLESS has it, on every host
        names.write_text("nameserver 127.0.0.53\n")
        environ = contained(_NOBODY, {"LANG": "C.UTF-8"}, ())
        command = [
            "bwrap", "--unshare-user", "--uid", str(_NOBODY), "--gid", str(_NOBODY), "--unshare-net", "--unshare-pid",
            "--unshare-ipc", "--unshare-uts", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
            "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--ro-bind", "/proc/sys", "/proc/sys",
            "--size", str(256 << 20), "--tmpfs", "/tmp", "--bind", str(work), _WORK, "--bind", str(trace), _TRACE,
            *(("--ro-bind", str(names), real) if os.path.exists(real := os.path.realpath(_RESOLVER)) else ()),
            "--chdir", _WORK, "--clearenv", *(word for pair in environ.items() for word in ("--setenv", *pair)),
            "/bin/sh", "-c", _BESIDE_A_SLEEPER, "sh",
            "strace", "-f", "--seccomp-bpf", "-qq", "-y", "-s", "4096", "-e", f"trace={CALLS}", "-e", "signal=none",
            "-o", _TRACE, shell, "--norc", "--noprofile", "-c", script,
        ]  # fmt: skip
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env={}
        )
        try:
            output, _ = process.communicate(timeout=timeout)
            status: int | None = process.returncode
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            status = None
        lines = trace.read_text(errors="replace").splitlines()
    if not lines:
        raise RuntimeError(f"nothing was traced: {output[-500:]!r}")
    return Watched(attempts(lines[1:], is_harmless), status, output)


def is_harmless(attempt: Attempt) -> bool:
    return any(attempt.kind in kinds and target.fullmatch(attempt.target) for kinds, target in _HARMLESS)


def unlisted(found: Iterable[Attempt], effects: Iterable[Effect]) -> list[Attempt]:
    """The attempts of a kind that the review did not announce."""
    listed = {effect.kind for effect in effects}
    return [attempt for attempt in found if attempt.kind not in listed]
