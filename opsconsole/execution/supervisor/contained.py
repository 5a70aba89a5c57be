"""The `contain` part of a launch, carried out: what the console decided, without knowing why.

Keys: `provider`, `degraded` (for the record); `uid`, `gid`, `groups` (null: as they are); `environment`;
`prefix` (words before the command; a word `{fd:NAME}` becomes the number of that descriptor: `script`, `status`,
or a name of `blobs`, base64); `script_at` (index in `argv` of the script's path, or null) and `script` (the path that
stands there instead, or null for a descriptor's); `work` (folder to make for the run, or null); `chdir` (folder, or
null for the launch's); `landlock` (see there, or null); `seccomp` (base64); `reach` (see there).
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Mapping
from typing import Any

from . import landlock, shim, work

_STATUS_BYTES = 1 << 16


class Contained:
    """One contained start, prepared; `close` it when the run is over."""

    def __init__(self, launch: Mapping[str, Any], script: bytes) -> None:
        """Makes the work folder, the memory files and the ruleset. Raises OSError."""
        self.contain: dict[str, Any] = launch["contain"]
        self.uid: int | None = self.contain["uid"]
        self._inherit: dict[str, int] = {}
        self._status = -1
        try:
            if self.contain["work"]:
                work.make(self.contain["work"], self.uid, self.contain["gid"])
            self._ruleset = landlock.ruleset(self.contain["landlock"]) if self.contain["landlock"] else None
            self.argv = [*self._prefix(script), *self._command(launch["argv"], script)]
        except OSError as error:
            self.close()
            raise OSError(error.errno, error.strerror, error.filename or "the containment") from error
        self.cwd: str = self.contain["chdir"] or launch["cwd"]

    def _prefix(self, script: bytes) -> list[str]:
        return [
            str(self._descriptor(word[4:-1], script)) if word.startswith("{fd:") else word
            for word in self.contain["prefix"]
        ]

    def _command(self, argv: list[str], script: bytes) -> list[str]:
        place = self.contain["script_at"]
        if place is None:
            return argv
        path = self.contain["script"] or f"/proc/self/fd/{self._descriptor('script', script)}"
        return [*argv[:place], path, *argv[place + 1 :]]

    def _descriptor(self, name: str, script: bytes) -> int:
        if name not in self._inherit:
            if name == "status":
                self._status, self._inherit[name] = os.pipe()
                os.set_blocking(self._status, False)
            else:
                data = script if name == "script" else base64.b64decode(self.contain["blobs"][name])
                self._inherit[name] = shim.sealed(name, data)
        return self._inherit[name]

    def spawn(
        self,
        environment: Mapping[str, str],
        fds: tuple[int, int, int],
        rlimits: Mapping[int, int],
        fork: Callable[[], int] | None = None,
    ) -> int:
        """The leader's pid. `fork`: see `shim.spawn`. Raises OSError."""
        contain = self.contain
        if self.uid is not None:
            for fd in fds[1:]:
                os.fchown(fd, self.uid, -1)  # `echo > /dev/stderr` opens the pipe anew
        groups = contain["groups"]
        restrictions = shim.Restrictions(
            rlimits=rlimits,
            uid=self.uid,
            gid=contain["gid"],
            groups=None if groups is None else tuple(groups),
            no_new_privs=True,
            landlock=self._ruleset,
            seccomp=base64.b64decode(contain["seccomp"]),
            reach=tuple(contain["reach"]),
        )
        try:
            return shim.spawn(self.argv, environment, fds, restrictions, tuple(self._inherit.values()), fork)
        finally:
            self._close_inherited()

    @property
    def sandbox(self) -> str | None:
        """The name of the program around the run: its own processes are no leftovers, they end with it."""
        prefix = self.contain["prefix"]
        return os.path.basename(prefix[0]) if prefix else None

    def never_started(self, stderr: str) -> str | None:
        """After the end: why nothing of the script has run, if the sandbox program itself gave up."""
        if self._status < 0:
            return None
        try:
            if b'"exit-code"' in os.read(self._status, _STATUS_BYTES):
                return None
            with open(stderr, "rb") as file:
                lines = file.read(_STATUS_BYTES).decode("utf-8", "backslashreplace").splitlines()
        except OSError:
            return None
        return f"the sandbox did not start: {lines[-1] if lines else 'it said nothing'}"

    def facts(self) -> dict[str, Any]:
        """For the record."""
        told = {"provider": self.contain["provider"], "degraded": self.contain["degraded"]}
        if self.contain["work"]:
            try:
                told["work"] = work.listing(self.contain["work"])
            except OSError as error:
                told["work"] = {"path": self.contain["work"], "error": error.strerror}
        return told

    def _close_inherited(self) -> None:
        for fd in self._inherit.values():
            os.close(fd)
        self._inherit.clear()

    def close(self) -> None:
        self._close_inherited()
        if self._status >= 0:
            os.close(self._status)
            self._status = -1
