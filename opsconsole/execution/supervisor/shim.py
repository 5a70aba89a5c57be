"""Fork, restrict, exec: what a contained run puts on between its slot and its program.

Everything that can be prepared is prepared before the fork. The child tells a failure (the step and its errno) over a
pipe that the exec closes, so that `spawn` either returns a pid whose restrictions are in force, or raises.
"""

from __future__ import annotations

import errno
import os
import resource
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

from . import calls, landlock, reach

DEFAULT_SIGNALS = (
    signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1,
    signal.SIGXFSZ, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Restrictions:
    """What the child lays down before its exec; the default restricts nothing.

    `rlimits`: soft and hard limit by `resource.RLIMIT_*`. `groups`: supplementary ones, None leaves them.
    `landlock`: descriptor of a ruleset. `seccomp`: a BPF program, 8 bytes an instruction. `reach`: folders that the
    uid must get to although their parents are closed to it; needs root.
    """

    rlimits: Mapping[int, int] = field(default_factory=dict)
    uid: int | None = None
    gid: int | None = None
    groups: tuple[int, ...] | None = None
    no_new_privs: bool = False
    landlock: int | None = None
    seccomp: bytes = b""
    reach: tuple[str, ...] = ()


def spawn(
    argv: Sequence[str],
    environment: Mapping[str, str],
    fds: tuple[int, int, int],
    restrictions: Restrictions,
    inherit: Sequence[int] = (),
    fork: Callable[[], int] | None = None,
) -> int:
    """Start `argv` (absolute program first) in a session of its own; returns the pid.

    `fds` become its descriptors 0, 1, 2; those of `inherit` it gets under their own numbers. Working directory and
    umask are the caller's. `fork` stands in for os.fork where the child must be born elsewhere. Raises OSError, with
    the program or "the containment (STEP)" as its file name.
    """
    child = _Child(argv, environment, fds, restrictions, inherit)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = (fork or os.fork)()
        if pid == 0:
            child.become()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(child.tell)
    with os.fdopen(child.told, "rb") as told:
        failure = told.read()
    if failure:
        os.waitpid(pid, 0)
        number, _, step = failure.decode("utf-8", "surrogateescape").partition(" ")
        raise OSError(int(number), os.strerror(int(number)), step)
    return pid


class _Child:
    """All that the child needs, ready before the fork."""

    def __init__(
        self,
        argv: Sequence[str],
        environment: Mapping[str, str],
        fds: tuple[int, int, int],
        restrictions: Restrictions,
        inherit: Sequence[int],
    ) -> None:
        self.argv = [os.fsencode(word) for word in argv]
        self.environment = {os.fsencode(key): os.fsencode(value) for key, value in environment.items()}
        self.fds, self.inherit = fds, inherit
        self.restrictions = restrictions
        self.filter = calls.Filter(restrictions.seccomp) if restrictions.seccomp else None
        self.covers = reach.covers(restrictions.reach, restrictions.uid) if restrictions.reach else []
        self.step = "fork"
        self.told, self.tell = os.pipe()

    def become(self) -> NoReturn:
        try:
            self._restrict_and_exec()
        except OSError as error:
            self._say(error.errno or errno.EINVAL)
        except BaseException:  # noqa: BLE001 - the end of this process, told to the slot
            self._say(errno.EINVAL)
        finally:
            os._exit(127)

    def _say(self, number: int) -> None:
        os.write(self.tell, f"{number} {self.step}".encode("utf-8", "surrogateescape"))

    def _restrict_and_exec(self) -> None:
        self._stand_alone()
        self._give_up_rights()
        self._enter_filters()
        self.step = os.fsdecode(self.argv[0])
        os.execve(self.argv[0], self.argv, self.environment)

    def _stand_alone(self) -> None:
        self._step("setsid")
        os.setsid()
        for number in DEFAULT_SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        self._step("descriptors")
        for target, fd in enumerate(self.fds):
            os.dup2(fd, target)
        if self.restrictions.no_new_privs:
            _close_at_exec()  # what the console was started with, say, is no gift to a contained run
        for fd in self.inherit:
            os.set_inheritable(fd, True)

    def _give_up_rights(self) -> None:
        wanted = self.restrictions
        if wanted.reach:
            self._step("mounts")
            reach.open_up(wanted.reach, self.covers)
        if wanted.uid is None:
            return
        if os.geteuid() == 0:
            self._step("capability bounding set")
            calls.empty_bounding_set()
        self._step("setgroups")
        if wanted.groups is not None:
            os.setgroups(wanted.groups)
        gid = os.getegid() if wanted.gid is None else wanted.gid
        os.setresgid(gid, gid, gid)
        self._step("setresuid")
        os.setresuid(wanted.uid, wanted.uid, wanted.uid)
        self._step("capset")
        calls.drop_capabilities()

    def _enter_filters(self) -> None:
        wanted = self.restrictions
        self._step("rlimits")
        for kind, value in wanted.rlimits.items():
            _limit(kind, value)
        if wanted.no_new_privs:
            self._step("no_new_privs")
            calls.no_new_privs()
        if wanted.landlock is not None:
            self._step("landlock_restrict_self")
            landlock.restrict_self(wanted.landlock)
        if self.filter is not None:
            self._step("seccomp")
            calls.enter_filter(self.filter)

    def _step(self, name: str) -> None:
        self.step = f"the containment ({name})"


def _limit(kind: int, value: int) -> None:
    """Never above the hard limit that is there: an ordinary user could not raise it."""
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))


def _close_at_exec() -> None:
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        try:
            if fd > 2:
                os.set_inheritable(fd, False)
        except OSError:
            continue  # the listing's own


def sealed(name: str, data: bytes) -> int:
    """`data` as a file without a place: nobody can write it, every uid that holds the descriptor can read it."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.fchmod(fd, 0o444)
        calls.seal(fd)
        os.lseek(fd, 0, os.SEEK_SET)
    except OSError:
        os.close(fd)
        raise
    return fd
