"""A run that is only played: its folder is what a supervisor would have written, but no process was ever started.

The claim file and its lock, the streams and their timing, the command file and `result.json` are the real ones, so
that every console reads, follows, pauses and cancels it like any other run.
"""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from opsconsole.demo.trace import chance, wobble
from opsconsole.execution.supervisor import claim, record
from opsconsole.monitoring.sampling.runs import COLUMNS, SERIES_FILE
from opsconsole.samples import RunUsage

PAUSE = "played (demo)"
KILL = "cgroup.kill+subreaper"
_POINTS = 60
"""Lines of its usage that a stretch of the past gets, at the most."""
_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_UNKNOWN_S = 2.0

Said = tuple[float, str, str]
"""Seconds since its start, `o` or `e`, a line."""


class Role(NamedTuple):
    """What a run that is played looks like among the processes."""

    name: str
    pid: int
    began_us: int
    cpu: float
    megabytes: float


def script_of_nobody(lines: int) -> dict[str, Any]:
    """What a script that is not in the trace does: it says that nothing is run."""
    said = f"This is a demo: nothing runs on this host. A console without --demo would now run these {lines} lines."
    return {"takes": _UNKNOWN_S, "uses": [1, 4, 1], "says": [[0.4, "o", said], [1.6, "o", "End of the demo run."]]}


def said(script: Mapping[str, Any], began_us: int, until_s: float) -> list[Said]:
    """What it prints within its first seconds, in order."""
    return sorted(_lines(script, began_us, until_s), key=lambda line: line[0])


def _lines(script: Mapping[str, Any], began_us: int, until_s: float) -> Iterator[Said]:
    for at, stream, text in script.get("says", ()):
        if at <= until_s:
            yield at, stream, text
    for begin, every, end, stream, text in script.get("repeats", ()):
        for turn in range(int((min(end, until_s) - begin) / every) + 1 if until_s >= begin else 0):
            at = begin + turn * every
            clock = datetime.fromtimestamp(began_us / 1e6 + at).strftime("%H:%M:%S") if "{clock}" in text else ""
            number, part = 1000 + int(9000 * chance(turn, 7)), 1 + int(9 * chance(turn, 8))
            yield at, stream, text.format(n=turn + 1, clock=clock, k=number, x=part)


class Play:
    """One run. `began_us` may lie in the past: `advance` then catches up. `takes`, `exit` are the script's, unless a
    run of the trace has its own. With `later`, a run that is over is not written, but noted there: file, parts."""

    def __init__(
        self, folder: Path, script: Mapping[str, Any], *, launch: int, began_us: int, body: bytes,
        takes: float | None = None, exit: int | None = None, timeout_s: float = 3600.0, pid: int = 30_000,
        points: int = _POINTS,
        later: dict[Path, list[bytes]] | None = None,
        provider: str = "",
    ) -> None:  # fmt: skip
        self.folder = folder
        self.execution_id = folder.name
        self.launch = launch
        self.began_us = began_us
        self.ended = False
        self._points = points
        self._provider = provider
        self._script = script
        self._takes = float(script["takes"] if takes is None else takes)
        self._exit = int(script.get("exit", 0) if exit is None else exit)
        self._timeout_s = timeout_s
        self.pid = pid
        self._lines = said(script, began_us, self._takes)
        self._next = 0
        self._sizes = {"o": 0, "e": 0}
        self._sampled_s = -1.0
        self._paused_at: float | None = None
        self._paused_s = 0.0
        self._commands_read = 0
        self._stopped_by: str | None = None
        self._later = later
        self._claim: claim.Claim | None = None
        if later is None:
            folder.mkdir(mode=0o700, exist_ok=True)
        self._write("script", body)
        for name in ("stdout", "stderr"):
            self._write(name, b"")
        if later is not None:
            return
        # Without a start time the number names no process: nobody can mean a real one by it.
        first = {"supervisor": pid, "start": None, "parent": None}
        self._claim = claim.take(f"{folder}/claim.{launch}", None, first)
        if self._claim is not None:
            self._claim.write({"leader": pid + 1, "start": None, "at": began_us})

    # -- while it runs

    @property
    def role(self) -> Role:
        cpu, megabytes, _ = self._script.get("uses", (1, 4, 1))
        name = self._script.get("script", "script")
        return Role(name, self.pid + 1, self.began_us, 0.0 if self._paused_at is not None else cpu, megabytes)

    def advance(self, now_us: int) -> None:
        """Obey commands, print what is due, end when it is time."""
        if self.ended:
            return
        commands, self._commands_read = record.read_commands(str(self.folder / "commands"), self._commands_read)
        if any(self._obey(command, now_us) for command in commands):
            return
        elapsed = self.elapsed(now_us)
        ends = min(self._takes, self._timeout_s)
        self._print(min(elapsed, ends))
        if self._paused_at is None:
            self._sample(min(elapsed, ends))
        if elapsed < ends:
            return
        if self._timeout_s < self._takes:
            self.end(ends, "timed_out", reason=f"ran longer than {self._timeout_s:g} s", signal="SIGTERM")
        elif self._exit:
            self.end(ends, "failed", reason=f"exit code {self._exit}", exit_code=self._exit)
        else:
            self.end(ends, "completed", exit_code=0)

    def elapsed(self, now_us: int) -> float:
        """Seconds it has run, without its pauses."""
        until = now_us / 1e6 if self._paused_at is None else self._paused_at
        return until - self.began_us / 1e6 - self._paused_s

    def _obey(self, command: Mapping[str, Any], now_us: int) -> bool:
        """True: that was its end."""
        name, by = command.get("op"), command.get("by")
        if name == "cancel":
            self._print(self.elapsed(now_us))
            self._stopped_by = by
            self.end(self.elapsed(now_us), "cancelled", reason="cancelled", signal=signal.SIGTERM.name)
        elif name == "pause" and self._paused_at is None:
            self._paused_at = now_us / 1e6
            self._tell("paused", by)
        elif name == "resume" and self._paused_at is not None:
            self._paused_s += now_us / 1e6 - self._paused_at
            self._paused_at = None
            self._tell("running", by)
        return self.ended

    def _tell(self, status: str, by: object) -> None:
        if self._claim is not None:
            self._claim.write({"status": status, "how": PAUSE, "by": by})

    def _print(self, elapsed: float) -> None:
        texts: dict[str, list[bytes]] = {"o": [], "e": []}
        timing = []
        while self._next < len(self._lines) and self._lines[self._next][0] <= elapsed:
            at, stream, text = self._lines[self._next]
            data = f"{text}\n".encode()
            texts[stream].append(data)
            timing.append(f"{stream} {at:.6f} {len(data)}\n")
            self._sizes[stream] += len(data)
            self._next += 1
        for stream, name in (("o", "stdout"), ("e", "stderr")):
            if texts[stream]:
                self._write(name, b"".join(texts[stream]))
        if timing:
            self._write("timing", "".join(timing).encode())

    def usage(self, now_us: int) -> RunUsage:
        """What it seems to use now."""
        elapsed = min(max(self.elapsed(now_us), 0.0), self._takes)
        cpu, megabytes, processes = self._script.get("uses", (1, 4, 1))
        grown = megabytes * (0.35 + 0.65 * min(1.0, elapsed / (0.3 * self._takes + 1)))
        rss = round(grown * (0.97 + 0.06 * chance(self.pid, int(elapsed))) * 1e6)
        share = 0.0 if self._paused_at is not None else cpu * (0.7 + 0.6 * chance(self.pid, int(elapsed), 1))
        moved = round((elapsed + 2 + 2 * wobble(self.pid, elapsed / 4)) * 1e6 * (0.4 + cpu / 20))
        return RunUsage(
            self.execution_id, now_us, round(share, 1), rss, round(megabytes * 1.03e6), processes, processes + 2,
            moved, moved // 3, 1 if cpu > 30 else 0, round(cpu / 100 * elapsed, 2), "cgroup",
        )  # fmt: skip

    def _sample(self, elapsed: float) -> None:
        """The lines of its series that are due: one a second, fewer where much of the past is made up for."""
        step = max(1.0, (elapsed - max(self._sampled_s, 0.0)) / self._points)
        lines = []
        if self._sampled_s < 0:
            lines.append(json.dumps({"columns": COLUMNS, "source": "cgroup"}))
            self._sampled_s = 0.0
        while self._sampled_s + step <= elapsed:
            self._sampled_s += step
            usage = self.usage(self.began_us + round((self._sampled_s + self._paused_s) * 1e6))
            lines.append(json.dumps([getattr(usage, name) for name in COLUMNS]))
        if lines:
            self._write(SERIES_FILE, "".join(f"{line}\n" for line in lines).encode())

    # -- its end

    def end(
        self, took: float, status: str, *, reason: str | None = None, exit_code: int | None = None,
        signal: str | None = None,
    ) -> dict[str, Any]:  # fmt: skip
        """Write the result and let the claim go; the result as a supervisor tells it."""
        self._print(took)
        self._sample(took)
        cpu, megabytes, processes = self._script.get("uses", (1, 4, 1))
        result: dict[str, Any] = {
            "op": "result", "id": self.execution_id, "launch": self.launch, "status": status, "reason": reason,
            "finished_at": self.began_us + round((took + self._paused_s) * 1e6), "supervisor": self.pid,
            "kill": KILL, "stopped_by": self._stopped_by, "exit_code": exit_code, "signal": signal,
            "started_at": self.began_us, "duration_s": round(took, 6), "leader": self.pid + 1,
            "metrics": {
                "user_cpu_s": round(cpu / 100 * took * 0.8, 3), "system_cpu_s": round(cpu / 100 * took * 0.2, 3),
                "max_rss_bytes": round(megabytes * 1e6), "max_rss_is_upper_bound": False,
                "read_bytes": round(took * 1e6 * (0.4 + cpu / 20)), "write_bytes": round(took * 4e5),
                "processes": processes,
            },
            "output": {
                "stdout_bytes": self._sizes["o"], "stderr_bytes": self._sizes["e"], "truncated": False,
                "stdout_gap": None, "stderr_gap": None,
            },
            "provider": self._provider, "limits_tier": "cgroup2",
            "degraded": [], "leftovers": [], "survivors": [], "paused_s": round(self._paused_s, 6),
            "pause": PAUSE if self._paused_s else None,
        }  # fmt: skip
        if self._later is None:
            record.write_result(str(self.folder), result, [], None)
        else:
            self._write("result.json", json.dumps(result).encode())
        self.close()
        self.ended = True
        return result

    def printed(self) -> str:
        """All it has said so far, for the index."""
        return "\n".join(text for _, _, text in self._lines[: self._next])

    def close(self) -> None:
        """Let the claim go. Can be called twice."""
        if self._claim is not None:
            self._claim.release()
            self._claim = None

    def _write(self, name: str, data: bytes) -> None:
        if self._later is not None:
            self._later.setdefault(self.folder / name, []).append(data)
            return
        fd = os.open(self.folder / name, _FLAGS, 0o600)
        try:
            os.write(fd, data)
        finally:
            os.close(fd)
