"""All processes through psutil: where there is no /proc. The same samples, at some twenty times the cost."""

from __future__ import annotations

import os
from typing import Any

from opsconsole.clock import Clock
from opsconsole.monitoring.sampling.proc_sockets import Socket
from opsconsole.monitoring.sampling.selected import LISTED, OpenFile, ProcessDetails
from opsconsole.samples import ProcessSample

_WANTED = (
    "ppid", "create_time", "name", "status", "uids", "cpu_times", "memory_info", "num_threads", "username", "cmdline",
    "nice",
)  # fmt: skip

_LETTERS = {
    "running": "R", "sleeping": "S", "disk-sleep": "D", "stopped": "T", "tracing-stop": "t", "zombie": "Z", "dead": "X",
    "wake-kill": "K", "waking": "W", "idle": "I", "parked": "P", "locked": "D", "waiting": "S", "suspended": "T",
}  # fmt: skip


class PortableTable:
    """The processes psutil shows. What it is refused is 0 or empty: macOS tells only root others' sizes and times."""

    def __init__(self) -> None:
        self.sees_all = False  # refused ones count as nothing, so what is left over is not short-lived
        self.threads = self.zombies = self.runnable = 0
        self.cpu_time_delta_s = 0.0
        self._known: dict[int, tuple[Any, float | None]] = {}
        self._ceiling = 100.0 * (os.cpu_count() or 1)

    def close(self) -> None:
        self._known = {}

    def take(self, now: float, interval_s: float | None) -> list[ProcessSample]:
        """All processes, in no particular order."""
        import psutil

        known, self._known = self._known, {}
        found: list[ProcessSample] = []
        self.cpu_time_delta_s = 0.0
        for pid in psutil.pids():
            try:
                process, before = known.get(pid) or (psutil.Process(pid), None)
                if before is not None and not process.is_running():  # the pid is another's by now
                    process, before = psutil.Process(pid), None
                told = process.as_dict(_WANTED)
            except psutil.Error:
                continue
            spent = None if told["cpu_times"] is None else told["cpu_times"].user + told["cpu_times"].system
            self._known[pid] = (process, spent)
            used = max(0.0, spent - before) if spent is not None and before is not None else 0.0
            self.cpu_time_delta_s += used
            share = min(used / interval_s * 100.0, self._ceiling) if interval_s else 0.0
            found.append(_sample(pid, told, share))
        self.threads = sum(one.threads for one in found)
        self.zombies = sum(one.state == "Z" for one in found)
        self.runnable = sum(one.state == "R" for one in found)
        return found


def _sample(pid: int, told: dict[str, Any], share: float) -> ProcessSample:
    times, memory, owners = told["cpu_times"], told["memory_info"], told["uids"]
    return ProcessSample(
        pid=pid,
        ppid=told["ppid"] or 0,
        start_time=told["create_time"] or 0.0,
        name=_text(told["name"]),
        state=_LETTERS.get(told["status"], "?"),
        uid=owners.real if owners else -1,
        cpu_percent=share,
        rss_bytes=memory.rss if memory else 0,
        threads=told["num_threads"] or 1,
        cpu_time_s=times.user + times.system if times else 0.0,
        user=_text(told["username"]),
        cmdline=" ".join(_text(word) for word in told["cmdline"] or ()),
        nice=told["nice"] or 0,
    )


def _text(told: str | None) -> str:
    """Without lone surrogates, which no encoder takes."""
    return (told or "").encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def details(pid: int, started: int, clock: Clock) -> ProcessDetails | None:
    """As `selected.details`, `started` in hundredths of a second since the epoch: what psutil has of it."""
    import psutil

    def identity(process: Any) -> int:
        return int(process.create_time() * 100)

    missing: dict[str, str] = {}

    def get(field: str, method: str) -> Any:
        try:
            return getattr(process, method)()
        except psutil.AccessDenied:
            missing[field] = "permission denied"
        except (AttributeError, NotImplementedError):
            missing[field] = "not known on this system"
        return None

    try:
        process = psutil.Process(pid)
        if identity(process) != started:
            return None
        files, sockets, io = (
            get("files", "open_files"),
            get("sockets", "net_connections"),
            get("read_bytes", "io_counters"),
        )
        found = ProcessDetails(
            pid=pid,
            start_ticks=started,
            start_time=process.create_time(),
            monotonic_s=clock.monotonic(),
            name=_text(get("name", "name")),
            state=_LETTERS.get(process.status(), "?"),
            threads=get("threads", "num_threads") or 1,
            nice=get("nice", "nice") or 0,
            cmdline=tuple(_text(word) for word in get("cmdline", "cmdline") or ()),
            exe=_text(get("exe", "exe")) or None,
            cwd=_text(get("cwd", "cwd")) or None,
            read_bytes=io.read_bytes if io else None,
            written_bytes=io.write_bytes if io else None,
            open_files=get("open_files", "num_fds"),
            files=tuple(OpenFile(one.fd, _text(one.path)) for one in (files or ())[:LISTED]),
            sockets_open=None if sockets is None else len(sockets),
            sockets=tuple(_socket(one) for one in (sockets or ())[:LISTED]),
            environment=tuple(
                (_text(name), _text(value)) for name, value in (get("environment", "environ") or {}).items()
            ),
            missing=missing,
        )
        return found if identity(psutil.Process(pid)) == started else None
    except psutil.NoSuchProcess:
        return None


def _socket(one: Any) -> Socket:
    ends = [f"{end.ip}:{end.port}" if hasattr(end, "port") else _text(end or "") for end in (one.laddr, one.raddr)]
    return Socket(one.type.name.removeprefix("SOCK_").lower(), 0, ends[0], ends[1], one.status.lower())
