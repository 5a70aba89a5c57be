"""The recorded host: samples, processes and their details of any moment, as the real samplers would give them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opsconsole.demo.moment import DemoClock
from opsconsole.demo.play import Role
from opsconsole.demo.trace import Program, Trace, chance, wobble
from opsconsole.monitoring.sampling.proc_sockets import Socket
from opsconsole.monitoring.sampling.selected import Limit, OpenFile, ProcessDetails
from opsconsole.samples import Cpu, Disk, Drive, Interface, Memory, Pressure, ProcessSample, Sample, Swap

_INTERVAL_S = 1.0
_LEAST_OF_A_CORE = 0.55
_SHARES = {"nvme0n1": 0.04, "nvme1n1": 0.66, "sdb": 0.30}
"""Of the reads, by drive; writes go the other way round."""
_PORTS = {
    "nginx": ("tcp", "0.0.0.0:443"), "java": ("tcp", "127.0.0.1:8080"), "postgres": ("tcp", "10.0.4.7:5432"),
    "redis-server": ("tcp", "127.0.0.1:6379"), "sshd": ("tcp", "0.0.0.0:22"), "haproxy": ("tcp", "10.0.4.3:3306"),
    "node_exporter": ("tcp6", "[::]:9100"),
}  # fmt: skip
_OF_RUNS = {"nightly-backup": (21406, 21411, 21412), "reindex-orders": (22015, 22019), "warm-cdn": (22107,)}
"""Processes of the trace that end with a run of second 0."""
_SERVICE = {
    "nginx": "/var/log/nginx/access.log",
    "java": "/srv/orders/log/orders.log",
    "vector": "/var/lib/vector/buffer.dat",
}

_LIMITS = (
    Limit("Max open files", 65_536, 524_288, "files"),
    Limit("Max processes", 127_654, 127_654, "processes"),
    Limit("Max core file size", 0, None, "bytes"),
)


class PlayedHost:
    """What the trace says of a moment of the clock."""

    def __init__(self, trace: Trace, clock: DemoClock, cast: Callable[[], Iterable[Role]] | None = None) -> None:
        """`cast`: the runs that are played; without it those of second 0 go on for ever."""
        self.trace = trace
        self._cast = cast
        self._clock = clock
        self._host: Mapping[str, Any] = trace.head["host"]

    # -- samples

    def sample(self, second: float | None = None) -> Sample:
        """The host at a second of the trace, now where none is given."""
        at = self._clock.second() if second is None else second
        values, host, programs = self.trace.values(at), self._host, self._programs(at)
        memory_used = round(host["memory_total"] * values["memory"] / 100)
        swap_used = round(host["swap_total"] * values["swap"] / 100)
        swap_out = values["swap_out"]
        return Sample(
            time_us=self._clock.at(at),
            monotonic_s=self._clock.monotonic(),
            interval_s=_INTERVAL_S,
            cpu=self._cpu(values, at),
            load=(round(values["load1"], 2), round(values["load5"], 2), round(values["load15"], 2)),
            memory=Memory(
                round(values["memory"], 1), host["memory_total"], memory_used, host["memory_total"] - memory_used,
                round(host["memory_total"] * max(0.02, 0.2 - values["memory"] / 600)),
            ),
            swap=Swap(round(values["swap"], 1), host["swap_total"], swap_used, swap_out * 0.3, swap_out),
            pressure=Pressure(
                values["psi_cpu"], values["psi_memory"], values["psi_memory"] * 0.45, values["psi_io"],
                values["psi_io"] * 0.4,
            ),
            disks=tuple(self._disk(values, *disk) for disk in host["disks"]),
            drives=tuple(self._drive(values, name, share) for name, share in _SHARES.items()),
            interfaces=self._interfaces(values, at),
            open_files=round(values["open_files"]),
            open_files_max=host["open_files_max"],
            forks_per_s=values["forks"],
            runnable=max(1, round(values["load1"])),
            blocked=round(values["iowait"] / 3),
            oom_kills=0,
            temperatures=(("coretemp", round(48 + values["cpu"] * 0.28, 1)),),
            uptime_s=host["uptime_s"] + at,
            processes=len(programs),
            threads=sum(one.threads for one in programs),
            zombies=sum(one.state == "Z" for one in programs),
            short_lived_percent=2.0 + 3 * values["iowait"] / 10,
        )  # fmt: skip

    def _cpu(self, values: Mapping[str, float], at: float) -> Cpu:
        busy, iowait = min(values["cpu"], 99.6), values["iowait"]
        cores = tuple(
            round(min(100.0, max(0.5, busy * (_LEAST_OF_A_CORE + 0.9 * chance(core, 3)) + 9 * wobble(core, at))), 1)
            for core in range(self._host["cores"])
        )
        return Cpu(round(busy, 1), cores, round(busy * 0.74, 1), round(busy * 0.26, 1), round(iowait, 1), 0.2,
                   float(self._host["cores"]))  # fmt: skip

    def _disk(self, values: Mapping[str, float], mount: str, device: str, kind: str, total: int, drive: str) -> Disk:
        percent = round(values.get(f"disk:{mount}", 22.4), 2)
        used = round(total * percent / 100)
        inodes = total // 65_536
        full = 4.0 + percent / 9
        return Disk(mount, device, kind, total, used, total - used, percent, inodes, round(inodes * full / 100),
                    round(full, 1), False, drive)  # fmt: skip

    def _drive(self, values: Mapping[str, float], name: str, share: float) -> Drive:
        read, write = values["read"] * share, values["write"] * (0.34 if share > 0.5 else 0.62 if share > 0.1 else 0.04)
        busy = min(98.0, (read + write) / 6e5)
        latency = values["latency"] * (0.3 + share)
        return Drive(name, round(read), round(write), read / 131_072, write / 65_536, round(busy, 1), round(latency, 2))

    def _interfaces(self, values: Mapping[str, float], at: float) -> tuple[Interface, ...]:
        rx, tx, up = values["rx"], values["tx"], self._host["uptime_s"] + at
        local = rx * 0.8
        return (
            Interface("lo", local, local, local / 900, local / 900, 0.0, 0.0, round(up * 9e5), round(up * 9e5)),
            Interface("eth0", rx, tx, rx / 700, tx / 1300, 0.0, 0.0, round(up * 1.6e6), round(up * 5.4e6)),
        )

    # -- processes

    def processes(self, second: float | None = None) -> tuple[ProcessSample, ...]:
        """All of them, busier or calmer as the host is."""
        at = self._clock.second() if second is None else second
        values = self.trace.values(at)
        return tuple(self._process(one, at, values["memory"]) for one in self._programs(at))

    def _programs(self, at: float) -> list[Program]:
        """Of the trace, without those of runs that have ended; and one for each run that began since."""
        if self._cast is None or at < 0:
            return self.trace.processes
        roles = list(self._cast())
        seeded = {one.name for one in roles if one.began_us <= self._clock.zero_us}
        gone = {pid for name, pids in _OF_RUNS.items() if name not in seeded for pid in pids}
        found = [one for one in self.trace.processes if one.pid not in gone]
        return found + [
            Program(
                one.pid, 1, "bash", "deploy", 1000, one.cpu, one.cpu / 5, one.megabytes, 0, 1, 0,
                "R" if one.cpu else "S", (self._clock.zero_us - one.began_us) / 1e6,
                f"/bin/bash /var/lib/opsconsole/runs/{one.name}/script",
            )
            for one in roles
            if one.began_us > self._clock.zero_us or one.name not in _OF_RUNS
        ]  # fmt: skip

    def _process(self, one: Program, at: float, memory: float) -> ProcessSample:
        cpu = max(0.0, one.cpu + one.swing * wobble(one.pid, at)) if one.state != "Z" else 0.0
        rss = one.rss_mb * 1e6
        if one.growth > 1:  # it is what fills the memory of this host, and goes with it
            rss *= max(0.12, (memory - 38.0) / (94.2 - 38.0))
        else:
            rss *= 1 + 0.01 * wobble(one.pid, at / 20)
        began = self._clock.zero_us / 1e6 - one.age
        return ProcessSample(
            one.pid, one.ppid, began, one.name, one.state, one.uid, round(cpu, 1), round(rss), one.threads,
            # No process of any host began before it did: whatever goes wrong, nobody real is meant.
            start_ticks=-one.pid, cpu_time_s=round(one.cpu / 100 * min(one.age + at, 400_000), 1), user=one.user,
            cmdline=one.cmdline, cgroup=_cgroup(one), nice=one.nice,
        )  # fmt: skip

    def details(self, pid: int, start_ticks: int) -> ProcessDetails | None:
        """Everything about one of them; None for any other."""
        second = self._clock.second()
        one = next((one for one in self._programs(second) if (one.pid, -one.pid) == (pid, start_ticks)), None)
        if one is None:
            return None
        seen = self._process(one, second, self.trace.values(second)["memory"])
        moved = round((one.age + max(second, 0.0)) * (one.cpu + 1) * 9_000)
        files = [
            OpenFile(0, "/dev/null"),
            OpenFile(1, _SERVICE.get(one.name, "pipe:[48120]")),
            OpenFile(2, "pipe:[48121]"),
        ]
        return ProcessDetails(
            pid, start_ticks, seen.start_time, self._clock.monotonic(), one.name, one.state, one.threads, one.nice,
            cmdline=tuple(one.cmdline.split()), exe=_exe(one), cwd="/" if one.uid != 1000 else "/home/deploy",
            cgroup=seen.cgroup, read_bytes=moved, written_bytes=moved // 4, open_files=len(files) + one.threads,
            files=tuple(files) if one.cmdline else (), sockets=_sockets(one), sockets_open=len(_sockets(one)),
            limits=_LIMITS,
            environment=_environment(one), oom_score=round(seen.rss_bytes / self._host["memory_total"] * 1000),
            peak_rss_bytes=round(seen.rss_bytes * 1.02), swap_bytes=round(seen.rss_bytes * 0.01),
        )  # fmt: skip


class PlayedProcesses:
    """As `ProcessSampler`, for the processes mode."""

    def __init__(self, host: PlayedHost) -> None:
        self._host = host
        self.interval_s: float | None = _INTERVAL_S

    def sample(self) -> list[ProcessSample]:
        return list(self._host.processes())

    def close(self) -> None:
        """Nothing is held."""


class PlayedSampler:
    """As `Sampler`, for the monitor's loop."""

    def __init__(self, host: PlayedHost) -> None:
        self._host = host

    def take(self, expected_s: float | None = None) -> tuple[Sample, tuple[ProcessSample, ...]]:
        return self._host.sample(), self._host.processes()

    def close(self) -> None:
        """Nothing is held."""


def _cgroup(one: Program) -> str:
    if not one.cmdline and one.pid != 1:
        return "/"
    if one.uid == 1000:
        return "/user.slice/user-1000.slice/session-4.scope"
    return f"/system.slice/{one.name.rstrip('0123456789.')}.service" if one.pid > 1 else "/init.scope"


def _exe(one: Program) -> str | None:
    first = one.cmdline.partition(" ")[0].rstrip(":")
    return first if first.startswith("/") else f"/usr/sbin/{one.name}" if one.cmdline else None


def _sockets(one: Program) -> tuple[Socket, ...]:
    port = _PORTS.get(one.name)
    if port is None:
        return ()
    kind, local = port
    near = local.replace("0.0.0.0", "10.0.4.3")  # noqa: S104 - what a listening socket shows
    listening = Socket(kind, 40_000 + one.pid, local, "", "listen")
    peers = (
        Socket(kind, 50_000 + one.pid + turn, near, f"10.0.4.{7 + turn}:{51_000 + turn * 122}", "established")
        for turn in range(1 + one.pid % 4)
    )
    return (listening, *peers)


def _environment(one: Program) -> tuple[tuple[str, str], ...]:
    if not one.cmdline:
        return ()
    own = (("DB_PASSWORD", "0rders-4-ever!"), ("JAVA_HOME", "/usr/lib/jvm/java-21")) if one.name == "java" else ()
    return (("LANG", "C.UTF-8"), ("PATH", "/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"), ("USER", one.user), *own)
