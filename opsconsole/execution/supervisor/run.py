"""One run from claim to result: spawn, move output, watch the clock and the commands, kill if told, report.

Phases: RUNNING → (asked to stop: STOPPING → KILLING) → DRAINING (the leader has ended) → over. Escalation watches
the tree, not the leader: STOPPING ends only when nothing of the run is left.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from . import claim, kernel, record
from .output import Stream, Timing
from .tree import Tree

if TYPE_CHECKING:
    from .contained import Contained
    from .limits import Limits

RUNNING, STOPPING, KILLING, DRAINING = range(4)

REPORT_AFTER_S = 0.005  # a run shorter than this is reported once, by its result
DRAIN_S = 0.3  # for `> >(tee log)`: what is left gets this long to finish its last lines
LEFTOVER_GRACE_S = 0.5
TIMING_FLUSH_S = 0.02
HELD_S = 0.002
KILL_AGAIN_S = 0.02
KILLS_AT_LEAST = 10  # on a starved host the time may be over before the dying had a turn
LOOK_AGAIN_S = 0.5  # an ordinary user's console cannot signal root's supervisor: it looks at its commands by itself
LAST_READS = 5  # what a pipe holds at the end; a leftover that floods it cannot keep the run open

_DEFAULT_SIGNALS = [
    signal.SIGPIPE, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGTERM, signal.SIGCHLD, signal.SIGUSR1,
    signal.SIGXFSZ, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU,
]  # fmt: skip


class Run:
    """One launch in one slot. `launch` is the console's message, see `execution/dispatch.py`."""

    def __init__(self, launch: dict[str, Any], tree: Tree, tell: Callable[[dict[str, Any]], None]) -> None:
        self.launch = launch
        self.tree = tree
        self.tell = tell
        self.folder: str = launch["folder"]
        self.owner: tuple[int, int] | None = tuple(launch["owner"]) if launch.get("owner") else None
        self.streams: list[Stream] = []
        self.timing = Timing(self.folder + "/timing", self.owner)
        self.phase = RUNNING
        self.leader = 0
        self.leader_status: int | None = None
        self.usage = record.Usage()
        self.stop_reason = ""
        self.stopped_by: dict[str, Any] | None = None
        self.paused_at: float | None = None
        self.paused_s = 0.0
        self.pause_how = ""
        self.pause_early: dict[str, Any] | None = None
        self.tree_empty = False
        self.kills = 0
        self.commands_read = 0
        self.leftovers: list[dict[str, Any]] = []
        self.survivors: list[dict[str, Any]] = []
        self.floor = 0
        self.result = b""
        self.limits: Limits | None = None
        self.contained: Contained | None = None

    # -- before

    def take_claim(self) -> dict[str, Any] | None:
        """None: this launch is ours; else what to report."""
        try:
            os.mkdir(self.folder, 0o700)
            if self.owner:
                os.chown(self.folder, *self.owner)
        except FileExistsError:
            pass
        except OSError as error:
            return self._not_started(f"the run's folder cannot be made: {error.strerror}")
        first = {"supervisor": os.getpid(), "start": self.launch["supervisor_start"], "parent": self.launch["parent"]}
        if self.tree.leaf:
            first["cgroup"] = self.tree.leaf.path
        try:
            won = claim.take(f"{self.folder}/claim.{self.launch['launch']}", self.owner, first)
        except OSError as error:
            return self._not_started(f"the claim cannot be written: {error.strerror}")
        if won is None:
            return {"op": "lost", "id": self.launch["id"]}
        self.claim = won
        return None

    def start(self, environment: dict[str, str], script: bytes, stdin: int | None) -> dict[str, Any] | None:
        """Write the script, spawn; `stdin` is closed. None: under way; else the outcome to report."""
        try:
            self.read_commands()
            if self.stop_reason:
                return self._ended_before_start()
            if self.launch.get("limits") and (refused := self._limit()):
                return refused
            self._write_script(script)
            for letter, name in ((b"o", "stdout"), (b"e", "stderr")):
                self.streams.append(Stream(letter, f"{self.folder}/{name}", self.launch["output_limit"], self.owner))
            if self.launch.get("contain"):
                from .contained import Contained

                self.contained = Contained(self.launch, script)
                environment = dict(self.contained.contain["environment"])
            self._spawn(environment, stdin)
        except OSError as error:
            return self._spawn_failed(error)
        finally:
            if stdin is not None:
                os.close(stdin)
        return None

    def _limit(self) -> dict[str, Any] | None:
        """Put the limits in force; None, or the outcome to report: one that was asked for cannot be held here."""
        from . import limits

        self.limits = limits.Limits(
            self.launch["limits"],
            self.launch["limits_asked"],
            run_uid=(self.launch.get("contain") or {}).get("uid"),
        )
        try:
            self.limits.prepare((self.folder, self.launch["cwd"]), self.tree.leaf)
        except limits.Unenforceable as error:
            return self._unstarted("refused", None, str(error))
        if path := self.limits.unified:
            self.tree.enclose(path)
            self.claim.write({"cgroup": path})
        return None

    def _write_script(self, script: bytes) -> None:
        path = self.folder + "/script"
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if self.owner:
                os.fchown(fd, *self.owner)
            view = memoryview(script)
            while view:
                view = view[os.write(fd, view) :]
        except OSError as error:
            os.ftruncate(fd, 0)  # on a full disk this is the room for the result
            raise OSError(error.errno, error.strerror, path) from error
        finally:
            os.close(fd)

    def _spawn(self, environment: dict[str, str], stdin: int | None) -> None:
        launch = self.launch
        path = launch["stdin"] or os.devnull
        opened = os.dup(stdin) if stdin is not None else os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        mask = os.umask(launch["umask"])
        try:
            os.chdir(self.contained.cwd if self.contained else launch["cwd"])
            environment["OPSCONSOLE_EXEC_ID"] = launch["id"]
            environment["OPSCONSOLE_RUN_FOLDER"] = self.folder
            self.floor = record.own_peak_bytes()
            self.started_at = time.time_ns() // 1000
            self.began = time.monotonic()
            if self.limits is None:
                self.leader = self._leader(environment, opened)
            else:
                with self.limits.inside():
                    self.leader = self._leader(environment, opened)
        finally:
            os.chdir("/")
            os.umask(mask)
            os.close(opened)
        for stream in self.streams:
            stream.close_write_end()

    def _leader(self, environment: dict[str, str], opened: int) -> int:
        """Spawn it, with `opened` as its standard input; its pid."""
        rlimits = self.limits.rlimits() if self.limits else {}
        fork = self.limits.fork if self.limits else None
        fds = (opened, self.streams[0].write_end, self.streams[1].write_end)
        if self.contained:
            return self.contained.spawn(environment, fds, rlimits, fork)
        if rlimits or fork:
            from . import shim

            return shim.spawn(self.launch["argv"], environment, fds, shim.Restrictions(rlimits), fork=fork)
        return os.posix_spawn(
            self.launch["argv"][0],
            self.launch["argv"],
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, fds[0], 0),
                (os.POSIX_SPAWN_DUP2, fds[1], 1),
                (os.POSIX_SPAWN_DUP2, fds[2], 2),
            ],
            setsid=True,
            setsigmask=(),
            setsigdef=_DEFAULT_SIGNALS,
        )

    # -- while it runs

    def watch(self, poller: select.poll, buffer: memoryview, on_ready: Callable[[int], None]) -> None:
        """Until the run is over. `on_ready` serves the slot's own descriptors (wake-up, console)."""
        by_fd = {stream.pipe: stream for stream in self.streams}
        for fd in by_fd:
            poller.register(fd, select.POLLIN)
        self.held: list[int] = []
        self.limit_at = self.began + self.launch["timeout_s"]
        self.report_at: float | None = self.began + REPORT_AFTER_S
        self.deadline = float("inf")
        self.reap()
        if self.pause_early is not None:
            self._pause(self.pause_early)
        while not self._over():
            for fd, _ in poller.poll(self._poll_ms()):
                stream = by_fd.get(fd)
                if stream is None:
                    on_ready(fd)
                    continue
                moved = self._empty(stream, buffer)
                if moved >= 0:
                    if stream.must_wait():
                        poller.unregister(fd)
                        self.held.append(fd)
                elif moved < 0:
                    poller.unregister(fd)
                    del by_fd[fd]
            self._clock()
            for fd in [fd for fd in self.held if not by_fd[fd].must_wait()]:
                self.held.remove(fd)
                poller.register(fd, select.POLLIN)
        for fd in by_fd.keys() - set(self.held):
            poller.unregister(fd)

    def _empty(self, stream: Stream, buffer: memoryview) -> int:
        """Take at most a whole pipe, so that what was written first is indexed first. What the last read moved."""
        moved = 0
        for _ in range(LAST_READS):
            moved = stream.pump(buffer)
            if moved > 0:
                self.timing.note(stream.letter, moved, time.monotonic() - self.began)
            if moved < len(buffer):
                break
        return moved

    def _poll_ms(self) -> int | None:
        nearest = self.deadline
        if self.phase == RUNNING and self.paused_at is None:
            nearest = min(nearest, self.limit_at)
        if self.report_at is not None:
            nearest = min(nearest, self.report_at)
        if self.phase == KILLING:
            nearest = self.kill_at
        if self.owner:
            nearest = min(nearest, time.monotonic() + LOOK_AGAIN_S)
        wait = nearest - time.monotonic()
        if self.timing.pending:
            wait = min(wait, TIMING_FLUSH_S)
        if self.held:
            wait = min(wait, HELD_S)
        return None if wait == float("inf") else max(0, int(wait * 1000) + 1)

    def _clock(self) -> None:
        now = time.monotonic()
        if self.timing.pending and now - self.began - self.timing.since >= TIMING_FLUSH_S:
            self.timing.flush()
        if self.owner:
            self.read_commands()
        if self.report_at is not None and now >= self.report_at:
            self.report_at = None
            self._report_started()
        if self.phase == RUNNING and self.paused_at is None and now >= self.limit_at:
            self.stop("timeout", None)
        elif self.phase == STOPPING and now >= self.deadline:
            self.phase = KILLING
            self.deadline = now + self.launch["kill_wait_s"]
            self._kill()
        elif self.phase == KILLING and now >= self.kill_at:
            self._kill()

    def _kill(self) -> None:
        self.kills += 1
        self.tree.kill(self.leader)
        self.reap()
        self.kill_at = time.monotonic() + KILL_AGAIN_S

    def _over(self) -> bool:
        if self.leader_status is not None and self.tree_empty:
            return self._drained()
        if self.phase == DRAINING:
            return time.monotonic() >= self.deadline and not self._runs_away()
        return self.phase == KILLING and self.kills > KILLS_AT_LEAST and time.monotonic() >= self.deadline

    def _runs_away(self) -> bool:
        """The leader has ended, but what it left was refused processes: that is killed, or it would breed for ever."""
        if self.tree_empty or self.limits is None or not self.limits.runaway(self.folder + "/stderr"):
            return False
        self._note_leftovers(self.tree.living(), killed=True)
        self.phase = KILLING
        self.deadline = time.monotonic() + self.launch["kill_wait_s"]
        self._kill()
        return True

    def _drained(self) -> bool:
        """Nothing of the tree lives; a pipe still open belongs to a stranger and gets a short while."""
        if not any(stream.open for stream in self.streams):
            return True
        if self.phase != DRAINING:
            self.phase = DRAINING
            self.deadline = time.monotonic() + DRAIN_S
        return time.monotonic() >= self.deadline

    def reap(self) -> None:
        """Take the true wait status of the leader and of whatever was adopted."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                self.tree_empty = True
                return
            if pid == 0:
                self.tree_empty = False
                return
            self.usage.add(usage)
            if pid == self.leader:
                self._leader_ended(status)

    def _leader_ended(self, status: int) -> None:
        self.leader_status = status
        self.ended = time.monotonic()
        if self.phase != RUNNING:
            return
        if self.launch["kill_leftovers"]:
            living = self.tree.living()
            if living:
                self._note_leftovers(living, killed=True)
                self.phase = STOPPING
                self.deadline = self.ended + LEFTOVER_GRACE_S
                self.tree.terminate(self.leader)
                return
        self.phase = DRAINING
        self.deadline = self.ended + DRAIN_S

    def _report_started(self) -> None:
        self.usage.processes = max(self.usage.processes, len(self.tree.members()))
        if self.leader_status is not None:
            return
        ticks = kernel.start_ticks(self.leader)
        self.claim.write({"leader": self.leader, "start": ticks, "at": self.started_at})
        self.tell(
            {
                "op": "started",
                "id": self.launch["id"],
                "leader": self.leader,
                "leader_start": ticks,
                "started_at": self.started_at,
            }
        )

    # -- commands

    def read_commands(self) -> None:
        """Obey what any console wrote into the run's command file since the last look."""
        commands, self.commands_read = record.read_commands(self.folder + "/commands", self.commands_read)
        for command in commands:
            kind = command.get("op")
            if kind == "cancel":
                self.stop("cancelled", command)
            elif kind == "pause":
                self._pause(command)
            elif kind == "resume":
                self._resume(command)

    def stop(self, reason: str, by: dict[str, Any] | None) -> None:
        """TERM to the tree now, KILL after the grace. The first reason stays."""
        if self.stop_reason or self.leader_status is not None:
            return  # the first reason stays; after the leader's end there is nothing to cancel
        self.stop_reason, self.stopped_by = reason, by
        if not self.leader:
            return
        self._count_pause()
        self.usage.processes = max(self.usage.processes, len(self.tree.members()))
        self.phase = STOPPING
        self.deadline = time.monotonic() + self.launch["grace_s"]
        self.tree.terminate(self.leader)

    def _pause(self, command: dict[str, Any]) -> None:
        if not self.leader:
            self.pause_early = command  # as soon as there is something to pause
            return
        if self.phase != RUNNING or self.paused_at is not None:
            return
        self.paused_at = time.monotonic()
        self.pause_how = self.tree.pause(self.leader)
        self._tell_pause("paused", command)

    def _resume(self, command: dict[str, Any]) -> None:
        self.pause_early = None
        if self.paused_at is None:
            return
        self._count_pause()
        self.tree.resume(self.leader)
        self._tell_pause("running", command)

    def _count_pause(self) -> None:
        if self.paused_at is not None:
            spent = time.monotonic() - self.paused_at
            self.paused_s += spent
            self.limit_at += spent
            self.paused_at = None

    def _tell_pause(self, status: str, command: dict[str, Any]) -> None:
        if self.report_at is not None:
            self.report_at = None
            self._report_started()
        now = time.time_ns() // 1000
        entry = {"status": status, "how": self.pause_how, "by": command.get("by"), "at": now}
        self.claim.write(entry)
        self.tell({"op": "status", "id": self.launch["id"], **entry})

    # -- after

    def finish(self, buffer: memoryview) -> dict[str, Any]:
        """Drain what is there, name what lives, write result.json, release the claim."""
        for stream in self.streams:
            for _ in range(LAST_READS):
                moved = stream.pump(buffer) if stream.open else 0
                if moved <= 0:
                    break
                self.timing.note(stream.letter, moved, time.monotonic() - self.began)
        self.timing.flush()
        living = [] if self.tree_empty else self.tree.living()
        if living and self.phase == KILLING:
            self.survivors = self._named(living)
        elif living:
            self._note_leftovers(living, killed=False)
        for stream in self.streams:
            if not stream.open or not self.has_left:
                stream.finish()
        outcome = record.outcome(self)
        self.result = record.write_result(self.folder, outcome, self.streams, self.owner)
        for stream in self.streams:
            stream.let_readers_in()
        self.claim.release()
        return outcome

    @property
    def has_left(self) -> bool:
        """Something of the run is alive after it: the slot cannot be used again."""
        return bool(self.survivors) or not self.tree_empty

    def _note_leftovers(self, pids: list[int], *, killed: bool) -> None:
        known = {entry["pid"] for entry in self.leftovers}
        sandbox = self.contained.sandbox if self.contained else None
        fresh = [entry for entry in self._named(pids) if entry["pid"] not in known and entry["name"] != sandbox]
        self.leftovers += [{**entry, "killed": killed} for entry in fresh]

    @staticmethod
    def _named(pids: list[int]) -> list[dict[str, Any]]:
        return [{"pid": pid, "start": kernel.start_ticks(pid), "name": kernel.process_name(pid)} for pid in pids]

    def release(self) -> None:
        if self.limits:
            self.limits.close()
        if self.contained:
            self.contained.close()
        self.timing.release()
        for stream in self.streams:
            stream.release()

    # -- never under way

    def _not_started(self, reason: str) -> dict[str, Any]:
        return {"op": "failed", "id": self.launch["id"], "reason": reason}

    def _ended_before_start(self) -> dict[str, Any]:
        return self._unstarted("cancelled", None, "cancelled before it started")

    def _spawn_failed(self, error: OSError) -> dict[str, Any]:
        for stream in self.streams:
            stream.release()
        missing = isinstance(error, FileNotFoundError | NotADirectoryError | PermissionError)
        where = error.filename or self.launch["argv"][0]
        code = 127 if missing and where == self.launch["argv"][0] else None
        return self._unstarted("failed", code, f"cannot start {where}: {error.strerror}")

    def _unstarted(self, status: str, code: int | None, reason: str) -> dict[str, Any]:
        if self.limits:
            self.limits.close()
            self.tree.settle()
        if self.contained:
            self.contained.close()
        outcome = record.unstarted(self, status, code, reason)
        record.write_result(self.folder, outcome, [], self.owner)
        self.claim.release()
        return outcome
