"""The analysis: what is short now and lately, who causes it, since when, is that usual, what could be done."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from opsconsole.anomalies import Anomaly
from opsconsole.clock import SYSTEM, Clock
from opsconsole.monitoring.analysis import compare
from opsconsole.monitoring.analysis.causes import IoSeen, causes
from opsconsole.monitoring.analysis.compare import Past
from opsconsole.monitoring.analysis.evidence import Found
from opsconsole.monitoring.analysis.model import (
    RESOURCES,
    Analysis,
    Bottleneck,
    Cause,
    History,
    Reading,
    ResourceUse,
    Since,
    Span,
    State,
    Suggestion,
    clean,
)
from opsconsole.monitoring.analysis.suggestions import suggestions
from opsconsole.monitoring.analysis.use import host_of, readings
from opsconsole.monitoring.analysis.verdict import bottleneck, sentence, span_of
from opsconsole.monitoring.analysis.vital import Care, cared_for, pid_of
from opsconsole.samples import ProcessSample, RunUsage, Sample, series
from opsconsole.wording import long_duration

_BEGAN = {
    "cpu": ("cpu_pressure", "cpu_throttled", "cpu_high"),
    "steal": ("cpu_steal",),
    "memory": ("memory_pressure", "swap_thrash", "memory_high"),
    "io": ("io_pressure", "drive_latency", "drive_saturated"),
    "disk": ("disk_full", "inode_full"),
    "network": ("network_errors",),
    "processes": ("fd_exhaustion", "zombie_processes"),
}
"""The episodes whose begin is the begin of a shortage, those of waiting first."""
_Causes = Mapping[str, tuple[Cause, ...]]
_ORDER = (State.FAILING, State.SATURATED, State.BUSY)


def analyze(
    now: Sample | None,
    processes: Sequence[ProcessSample],
    store: History | None,
    anomalies: Sequence[Anomaly],
    *,
    minutes: float = 15,
    clock: Clock = SYSTEM,
    runs: Sequence[RunUsage] = (),
    io: IoSeen | None = None,
    own: int | None = None,
) -> Analysis:
    """Of a fresh sample, the history of the last `minutes`, and the episodes; each may be missing, which is said.

    `io`: who moved how much to and from the drives, where that was looked at. `own`: the pid that is opsconsole's, by
    default this process; what it runs under and has started is not suggested to be stopped."""
    time_us = now.time_us if now is not None else clock.now()
    open_now = [anomaly for anomaly in anomalies if anomaly.state.is_open]
    past = Past(store, time_us, minutes) if store is not None else None
    who = causes(now, processes, runs, io)
    care = _care(processes, who, open_now, os.getpid() if own is None else own)
    found_past = _past(now, past, open_now, processes, who, care, minutes)
    found_now = _now(now, open_now, processes, who, care)
    current = found_now.bottleneck if found_now is not None else None
    before = found_past.bottleneck if found_past is not None else None
    span = past.span() if past is not None and found_past is not None else None
    uses = tuple(_use(name, found_now, found_past, past) for name in RESOURCES)
    suggested: tuple[Suggestion, ...] = ()
    if found_now is not None:
        suggested = suggestions(found_now, found_past)
    elif found_past is not None:
        suggested = suggestions(found_past)
    if found_now is None and found_past is None:
        verdict = "Nothing can be said: there is neither a sample nor history"
    else:
        verdict = sentence(found_now.readings if found_now is not None else None, current, before, minutes)
    return Analysis(
        time_us=time_us,
        minutes=minutes,
        verdict=verdict,
        bottleneck=current,
        past_bottleneck=before,
        resources=uses,
        causes=_named(who, uses, current or before),
        since=_since(uses, current or before, past, open_now),
        suggestions=suggested,
        span=span,
        notes=_notes(now, uses, io, past, span, minutes),
    )


def _now(
    now: Sample | None,
    anomalies: Sequence[Anomaly],
    processes: Sequence[ProcessSample],
    who: _Causes,
    care: Mapping[int, Care],
) -> Found | None:
    if now is None:
        return None
    values, host = series(now), host_of(now, momentary=True, failing_drives=_failing(anomalies))
    seen = readings(values, host)
    over = "the time" if now.interval_s is None else f"the last {long_duration(now.interval_s)}"
    return Found(now, values, host, seen, bottleneck(seen, values, over), who, processes, anomalies, "now", care)


def _past(
    now: Sample | None,
    past: Past | None,
    anomalies: Sequence[Anomaly],
    processes: Sequence[ProcessSample],
    who: _Causes,
    care: Mapping[int, Care],
    minutes: float,
) -> Found | None:
    """None where nothing of the span is on record."""
    values = past.means() if past is not None else {}
    if not values:
        return None
    host = host_of(now, momentary=False, failing_drives=_failing(anomalies))
    seen = readings(values, host)
    over = span_of(minutes)
    first = bottleneck(seen, values, over)
    return Found(None, values, host, seen, first, who, processes, anomalies, f"over {over}", care)


def _care(
    processes: Sequence[ProcessSample], who: _Causes, anomalies: Sequence[Anomaly], own: int
) -> Mapping[int, Care]:
    """Of those that are named as causes, or in episodes."""
    named = {pid for causes in who.values() for cause in causes for pid in cause.pids}
    named.update(pid for each in anomalies if (pid := pid_of(each.subject)) is not None)
    return cared_for(processes, named, own)


def _failing(anomalies: Sequence[Anomaly]) -> list[str]:
    return sorted({each.subject for each in anomalies if each.kind == "disk_health"})


def _use(name: str, now: Found | None, before: Found | None, past: Past | None) -> ResourceUse:
    current = now.readings[name] if now is not None else None
    earlier = before.readings[name] if before is not None else None
    if past is None or earlier is None:
        return ResourceUse(name, current, earlier)
    looked_at = series_of(name, current or earlier)
    trends = [trend for each in looked_at if (trend := past.trend(each)) is not None]
    usual = [found for each in looked_at if (found := past.usual(each)) is not None]
    return ResourceUse(name, current, earlier, tuple(trends), tuple(usual))


def series_of(resource: str, reading: Reading) -> tuple[str, ...]:
    """The series that tell of a resource: how much it is used, then how much it is waited for."""
    subject = reading.subject
    if resource == "cpu":
        return ("cpu", "cpu_steal", "load1" if reading.basis == "run queue" else "pressure_cpu")
    if resource == "memory":
        waits = {"swap rate": ("swap_in", "swap_out"), "memory.some": ("pressure_memory",)}
        return ("memory", *waits.get(reading.basis, ("pressure_memory_full",)))
    if resource == "io":
        waits = {"iowait": ("cpu_iowait",), "io.some": ("pressure_io",), "blocked tasks": ("blocked",)}
        return (*((f"drive_busy:{subject}",) if subject else ()), *waits.get(reading.basis, ("pressure_io_full",)))
    if resource == "disk":
        return (f"{'inodes' if reading.basis == 'inodes' else 'disk'}:{subject}",)
    if resource == "network":
        return tuple(f"{prefix}:{subject}" for prefix in ("net_rx", "net_tx", "net_errors", "net_drops"))
    return ("open_files", "zombies")


def _since(
    uses: Sequence[ResourceUse], first: Bottleneck | None, past: Past | None, anomalies: Sequence[Anomaly]
) -> Since | None:
    """Of the bottleneck, else of the worst resource."""
    name = first.resource if first is not None else _worst(uses)
    if name is None:
        return None
    use = {each.resource: each for each in uses}["cpu" if name == "steal" else name]
    reading = use.now or use.past or Reading()
    for kind in _BEGAN[name]:
        matching = [each for each in anomalies if each.kind == kind and each.subject in ("", reading.subject)]
        if found := compare.of_anomaly(name, matching):
            return found
    if past is None:
        return None
    looked_at = ("cpu_steal",) if name == "steal" else reversed(series_of(name, reading))
    return next((found for each in looked_at if (found := past.crossed(name, each)) is not None), None)


def _worst(uses: Sequence[ResourceUse]) -> str | None:
    return next((use.resource for state in _ORDER for use in uses if use.state is state), None)


def _named(who: _Causes, uses: Sequence[ResourceUse], first: Bottleneck | None) -> tuple[Cause, ...]:
    """Those of the bottleneck first, then by how bad the resource's state is."""
    bad = {use.resource: _ORDER.index(use.state) if use.state in _ORDER else len(_ORDER) for use in uses}
    if first is not None:
        bad["cpu" if first.resource == "steal" else first.resource] = -1
    names = sorted(who, key=lambda name: bad[name])
    return tuple(cause for name in names for cause in who[name])


def _notes(
    now: Sample | None,
    uses: Sequence[ResourceUse],
    io: IoSeen | None,
    past: Past | None,
    span: Span | None,
    minutes: float,
) -> tuple[str, ...]:
    """What this analysis could not know."""
    said: list[str] = []
    over = span_of(minutes)
    if now is None:
        said.append("no fresh sample: nothing is said of this moment")
    else:
        if now.interval_s is None:
            said.append("only one look was taken: rates and waiting are not known yet")
        if now.pressure is None:
            said.append("no PSI on this host: waiting is estimated from run queue, iowait and swap rates")
        said += [clean(note, 200) for note in now.notes]
    if past is None:
        said.append("no history: run `opsconsole monitor` to have some")
    elif span is None:
        said.append(f"no history: nothing is on record of {over}")
    elif span.recorded < span.buckets:
        missing = span.buckets - span.recorded
        said.append(f"{missing} of {span.buckets} parts of {over} {'is' if missing == 1 else 'are'} not on record")
    if any(use.resource == "io" and use.state is not State.OK for use in uses):
        if io is None:
            said.append("who uses the drives was not looked at")
        elif io.unreadable:
            said.append(f"who uses the drives is known but of {io.unreadable} processes that may not be read")
    return tuple(said)
