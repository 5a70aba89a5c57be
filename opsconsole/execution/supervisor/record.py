"""What a run leaves behind: usage, outcome, result.json; and the command file it obeys."""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import sys
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .output import Stream
    from .run import Run

_KIB = 1024 if sys.platform != "darwin" else 1  # ru_maxrss is in KiB on Linux, in bytes on macOS
_BLOCK = 512  # ru_inblock and ru_oublock count these


class Usage:
    """Sum of wait4's rusage over the leader (with what it waited for) and every adopted orphan."""

    def __init__(self) -> None:
        self.user_s = self.system_s = 0.0
        self.max_rss = self.read = self.write = 0
        self.processes = 0
        self.reaped = 0

    def add(self, usage: resource.struct_rusage) -> None:
        self.user_s += usage.ru_utime
        self.system_s += usage.ru_stime
        self.max_rss = max(self.max_rss, usage.ru_maxrss * _KIB)
        self.read += usage.ru_inblock * _BLOCK
        self.write += usage.ru_oublock * _BLOCK
        self.reaped += 1

    def as_metrics(self, floor: int) -> dict[str, Any]:
        """A spawned child starts with its parent's peak as its own: at or below `floor` the figure is a bound."""
        return {
            "user_cpu_s": round(self.user_s, 6),
            "system_cpu_s": round(self.system_s, 6),
            "max_rss_bytes": self.max_rss,
            "max_rss_is_upper_bound": self.max_rss <= floor,
            "read_bytes": self.read,
            "write_bytes": self.write,
            "processes": max(self.processes, self.reaped),
        }


def own_peak_bytes() -> int:
    """Peak resident size of this process: the floor under a child's ru_maxrss."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB


def outcome(run: Run) -> dict[str, Any]:
    """The result of a run that was started."""
    code, sig = _exit(run.leader_status)
    limited = _limited(run, code, sig)
    status, reason = _status(run, code, sig, run.limits.reason if run.limits else None)
    if run.contained and code and status == "failed" and (why := run.contained.never_started(run.folder + "/stderr")):
        code, reason = None, why
    output = _output(run.streams)
    if run.limits:
        output["degraded"] = [*run.limits.degraded, *output["degraded"]]
    contained = run.contained.facts() if run.contained else {}
    if contained:
        output["degraded"] = [*contained.pop("degraded"), *output["degraded"]]
    return {
        **_head(run, status, reason),
        **limited,
        "exit_code": code,
        "signal": sig,
        "started_at": run.started_at,
        "duration_s": round((run.ended if run.leader_status is not None else time.monotonic()) - run.began, 6),
        "leader": run.leader,
        "metrics": {**run.usage.as_metrics(run.floor), **(run.limits.metrics() if run.limits else {})},
        **output,
        "leftovers": run.leftovers,
        "survivors": run.survivors,
        "paused_s": round(run.paused_s, 6),
        "pause": run.pause_how or None,
        **contained,
    }


def _limited(run: Run, code: int | None, sig: str | None) -> dict[str, Any]:
    """What the limits of the run saw; nothing where it had none."""
    if run.limits is None:
        return {}
    from . import blame

    ending = blame.Ending(
        exit_code=code,
        signal=sig,
        stopped=bool(run.stop_reason),
        ended_by_us=bool(run.leftovers) and all(entry["killed"] for entry in run.leftovers),
        max_rss=run.usage.max_rss,
        stderr=blame.tail(run.folder + "/stderr") if code or sig or run.leftovers else b"",
    )
    run.limits.observe(ending)
    return {
        "limits": run.limits.record(),
        "limits_tier": run.limits.tier,
        "limit_events": run.limits.events,
        "limit_notes": run.limits.notes,
    }


def unstarted(run: Run, status: str, code: int | None, reason: str) -> dict[str, Any]:
    """The result of a launch that claimed and did not spawn."""
    return {**_head(run, status, reason), "exit_code": code, "signal": None, "started_at": None, "duration_s": None}


def _head(run: Run, status: str, reason: str | None) -> dict[str, Any]:
    return {
        "op": "result",
        "id": run.launch["id"],
        "launch": run.launch["launch"],
        "status": status,
        "reason": reason,
        "finished_at": time.time_ns() // 1000,
        "supervisor": os.getpid(),
        "kill": run.tree.mechanism,
        "stopped_by": run.stopped_by.get("by") if run.stopped_by else None,
    }


def _exit(status: int | None) -> tuple[int | None, str | None]:
    if status is None:
        return None, None
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        try:
            return None, signal.Signals(number).name
        except ValueError:
            return None, f"SIGRT{number}"
    return os.WEXITSTATUS(status), None


def _status(run: Run, code: int | None, sig: str | None, limit: str | None = None) -> tuple[str, str | None]:
    if run.survivors:
        pids = ", ".join(str(entry["pid"]) for entry in run.survivors)
        return "abandoned", f"{run.stop_reason or 'leftovers'}: could not be killed, still alive: {pids}"
    if run.stop_reason == "cancelled":
        return "cancelled", "cancelled"
    if run.stop_reason == "timeout":
        return "timed_out", f"ran longer than {run.launch['timeout_s']:g} s"
    if run.stop_reason:
        return "abandoned", run.stop_reason
    if limit:
        return "failed", limit
    if code == 0:
        return "completed", None
    return "failed", f"exit code {code}" if sig is None else f"ended by {sig}"


def _output(streams: list[Stream]) -> dict[str, Any]:
    return {
        "output": {
            "stdout_bytes": streams[0].total,
            "stderr_bytes": streams[1].total,
            "truncated": any(stream.gap or stream.unkept for stream in streams),
            "stdout_gap": _gap(streams[0]),
            "stderr_gap": _gap(streams[1]),
        },
        "degraded": _degraded(streams),
    }


def _gap(stream: Stream) -> dict[str, int] | None:
    """Where bytes are missing from the file: `offset` in it, and how many."""
    if stream.gap:
        return {"offset": stream.head, "bytes": stream.gap, "lost_at_end": stream.unkept}
    if stream.unkept:
        return {"offset": stream.total - stream.unkept, "bytes": 0, "lost_at_end": stream.unkept}
    return None


def _degraded(streams: list[Stream]) -> list[str]:
    texts = {
        "ENOSPC": "the disk was full: {lost} bytes of {name} were not kept",
        "EDQUOT": "the disk quota was reached: {lost} bytes of {name} were not kept",
        "EOPNOTSUPP": "this file system cannot give blocks back: the last part of {name} was not kept",
    }
    return [
        texts.get(stream.error, "{name} could not be written ({error}): {lost} bytes were not kept").format(
            lost=stream.unkept, name="stdout" if stream.letter == b"o" else "stderr", error=stream.error
        )
        for stream in streams
        if stream.error
    ]


def write_result(folder: str, result: dict[str, Any], streams: list[Stream], owner: tuple[int, int] | None) -> bytes:
    """result.json by rename; returns its bytes.

    On a full disk the run's own output makes room; if even that fails, keep trying.

    Nothing else may happen before the result is down: without it the run would count as abandoned.
    """
    data = json.dumps(result).encode()
    temporary = folder + "/result.tmp"
    room = [stream for stream in streams if stream.total > stream.unkept]
    while True:
        try:
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                if owner:
                    os.fchown(fd, *owner)
                if os.write(fd, data) != len(data):
                    raise OSError(errno.ENOSPC, "short write")
            finally:
                os.close(fd)
            os.rename(temporary, folder + "/result.json")
            return data
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                return data  # the folder was removed under us: only the console can still be told
            if room:
                room.pop().give_back(256 << 10)
                result.update(_output(streams))
                data = json.dumps(result).encode()
            else:
                time.sleep(0.5)


def read_commands(path: str, start: int) -> tuple[list[dict[str, Any]], int]:
    """The whole lines appended since `start`, and where the next look starts."""
    try:
        with open(path, "rb") as file:
            file.seek(start)
            data = file.read()
    except OSError:
        return [], start
    whole = data[: data.rfind(b"\n") + 1]
    commands = []
    for line in whole.splitlines():
        try:
            commands.append(json.loads(line))
        except ValueError:
            continue  # not ours; the next line may be
    return commands, start + len(whole)
