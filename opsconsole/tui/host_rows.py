"""What the host's screen says, as cells: anomalies, processes, runs, disks. Pure; everything in it is harmless."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.models import Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import Disk, Drive, ProcessSample, RunUsage, Sample
from opsconsole.tui.widgets.fact_line import Phrase
from opsconsole.tui.widgets.lines import Row
from opsconsole.tui.widgets.task_table import Cell
from opsconsole.tui.wording import FACES, age, duration, name_of, running_for, size

if TYPE_CHECKING:
    from opsconsole.monitoring.analysis import Health

GLYPHS = {Severity.CRITICAL: "▲", Severity.HIGH: "▲", Severity.MEDIUM: "◆", Severity.LOW: "◇", Severity.INFO: "·"}
TONES = {
    Severity.CRITICAL: "alarm", Severity.HIGH: "bad", Severity.MEDIUM: "warning", Severity.LOW: "plain",
    Severity.INFO: "muted",
}  # fmt: skip
_WORDS = {
    Severity.CRITICAL: "CRIT", Severity.HIGH: "HIGH", Severity.MEDIUM: "MED", Severity.LOW: "LOW",
    Severity.INFO: "info",
}  # fmt: skip
_HEALTH = {"ok": "good", "watch": "warning", "degraded": "bad", "critical": "alarm", "unknown": "muted"}
_PROCESS = re.compile(r"\[(\d+)\]\Z")
_SHOWN_DISKS = 3
_SHOWN_INTERFACES = 4
_NOISE_PERCENT = 5


# -- anomalies


def health_cell(health: Health) -> Cell:
    """The state of the host for the first line of the screen: the worst of it, and how much more there is."""
    if health.worst is None:
        return Cell(sanitise_name(f"{health.state}: {health.why}"), _HEALTH.get(health.state, "plain"))
    glyph = "?" if health.state == "unknown" else GLYPHS[health.worst.severity]
    return Cell(f"{glyph} {health.state}: {sanitise_name(health.why)}", _HEALTH.get(health.state, "plain"))


def anomaly_row(one: Anomaly, now: int) -> Row:
    """An open one says since when, one that is over how long ago and how long it was."""
    message = sanitise_name(one.message or f"{one.kind} {one.subject}")
    word = _WORDS[one.severity]
    if not one.state.is_open:
        ended = one.closed_at or one.last_at
        lasted = duration(max(0.0, (ended - one.began_at) / 1e6), ticking=True)
        return (
            (Cell("○", "faint"), 1), (Cell(word, "faint"), 4), (Cell(age(now - ended), "faint"), -4),
            (Cell(message if message.startswith("over after ") else f"{message} · over, after {lasted}", "faint"), 0),
        )  # fmt: skip
    words = [message]
    if one.state is AnomalyState.FLAPPING:
        words.append("comes and goes")
    if one.unknown_since is not None:
        words.append("no data since")
    if one.silenced_until is not None and one.silenced_until > now:
        words.append("silenced")
    if one.acknowledged_at is not None:
        words.append(f"seen by {sanitise_name(one.acknowledged_by or 'somebody', limit=30)}")
    tone = TONES[one.severity]
    return (
        (Cell(GLYPHS[one.severity], tone), 1), (Cell(word, tone), 4), (Cell(age(now - one.began_at), "muted"), -4),
        (Cell(" · ".join(words), {"alarm": "bad"}.get(tone, tone)), 0),
    )  # fmt: skip


def in_order(found: Iterable[Anomaly]) -> list[Anomaly]:
    """Open ones first, the worst and newest of them before the others; then what is over, the last one first."""
    return sorted(
        found,
        key=lambda one: (
            (0, -one.severity, -one.opened_at) if one.state.is_open else (1, 0, -(one.closed_at or one.last_at))
        ),
    )


def worst_mark(found: Iterable[Anomaly]) -> Cell | None:
    """The sign of the worst of them; None: there is none."""
    worst = max((one.severity for one in found), default=None)
    return None if worst is None else Cell(GLYPHS[worst], TONES[worst])


def guilty(found: Iterable[Anomaly]) -> dict[int, Severity]:
    """Process id → severity, of the processes that open anomalies are about."""
    severities: dict[int, Severity] = {}
    for one in found:
        if (match := _PROCESS.search(one.subject)) is not None:
            pid = int(match[1])
            severities[pid] = max(one.severity, severities.get(pid, Severity.INFO))
    return severities


# -- processes


def process_headings(*, by_memory: bool) -> Row:
    """The column they are sorted by has a sign."""
    cpu, memory = ("CPU%", "RSS▾") if by_memory else ("CPU%▾", "RSS")
    heads = (("PID", -7), ("USER", 9), (cpu, -6), (memory, -8), ("S", 1), ("COMMAND", 0))
    return tuple((Cell(text, "muted"), width) for text, width in heads)


def process_row(one: ProcessSample, command: str, severity: Severity | None) -> Row:
    """`command` is harmless. Severity's colours only for a process that an anomaly is about."""
    tone = "plain" if severity is None else {"alarm": "bad"}.get(TONES[severity], TONES[severity])
    waits = one.state in "DZ"  # neither dies by a signal
    return (
        (Cell(str(one.pid), "muted"), -7),
        (Cell(sanitise_name(one.user or str(one.uid)), "muted"), 9),
        (Cell(f"{one.cpu_percent:.1f}", "plain" if one.cpu_percent >= _NOISE_PERCENT else "muted"), -6),
        (Cell(size(one.rss_bytes), "plain"), -8),
        (Cell(one.state, "strong" if waits or one.state == "R" else "faint"), 1),
        (Cell(command, tone), 0),
    )


def command_of(one: ProcessSample) -> str:
    """Its command line; a kernel's thread has none and stands in brackets. Not harmless yet."""
    return one.cmdline or f"[{one.name}]"


def process_note(sample: Sample, found: int) -> str:
    words = f"{sample.processes or found} processes"
    if sample.short_lived_percent is not None and sample.short_lived_percent >= _NOISE_PERCENT:
        words += f", short-lived ones {sample.short_lived_percent:.0f} %"
    return words


# -- runs

RUN_HEADINGS: Row = tuple(
    (Cell(text, tone), width)
    for text, tone, width in (
        ("RUNNING", "muted", 0), ("TIME", "muted", -6), ("CPU%", "muted", -6), ("RSS", "muted", -8),
        ("PROCS", "muted", -5),
    )
)  # fmt: skip


def run_row(task: Task, usage: RunUsage | None, now: int) -> Row:
    """A run of another console has no figures here."""
    face = FACES[task.status]
    cpu = None if usage is None else usage.cpu_percent
    return (
        (Cell(face.glyph, face.tone), 1),
        (Cell(name_of(task), "plain"), 0),
        (Cell(duration(running_for(task, now), ticking=True), "plain"), -6),
        (Cell("–" if cpu is None else f"{cpu:.1f}", "plain"), -6),
        (Cell("–" if usage is None else size(usage.rss_bytes), "plain"), -8),
        (Cell("–" if usage is None else str(usage.processes), "plain"), -5),
    )


# -- the rest


def facts(sample: Sample, found: Sequence[Anomaly]) -> list[Phrase]:
    """The fullest disks (and when they are full), swap, the busiest drive, how long the host is up."""
    phrases: list[Phrase] = []
    tones = {one.subject: TONES[one.severity] for one in reversed(in_order(found)) if one.kind.startswith("disk_")}
    etas = {one.subject: one.value for one in found if one.kind == "disk_fill_rate"}
    disks = sorted(sample.disks, key=lambda one: (one.mount in tones, one.percent), reverse=True)
    worth = [one for one in disks if one is disks[0] or one.mount in tones or one.percent >= _NOISE_PERCENT]
    phrases += [_disk(one, tones, etas) for one in worth[:_SHOWN_DISKS]]
    if sample.swap.total:
        phrases.append((Cell("swap", "muted"), Cell(percent(sample.swap.percent), "plain")))
    busy = max(sample.drives, key=lambda one: one.busy or 0, default=None)
    if busy is not None and busy.busy:
        phrases.append(_drive(busy))
    if sample.uptime_s is not None:
        phrases.append((Cell("up", "muted"), Cell(duration(sample.uptime_s, ticking=True), "plain")))
    return phrases


def _disk(one: Disk, tones: Mapping[str, str], etas: Mapping[str, float]) -> Phrase:
    tone = tones.get(one.mount, "plain")
    full = [Cell(f"full in {duration(etas[one.mount], ticking=True)}", tone)] if one.mount in etas else []
    return (Cell(sanitise_name(one.mount, limit=24), "muted"), Cell(percent(one.percent), tone), *full)


def _drive(one: Drive) -> Phrase:
    figures = f"{percent(one.busy)} busy, {rate(one.read_bps)} read, {rate(one.write_bps)} written"
    return (Cell(sanitise_name(one.name, limit=16), "muted"), Cell(figures, "plain"))


def percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f} %"


def rate(value: float | None) -> str:
    return "–" if value is None else f"{size(value)}/s"


def traffic(sample: Sample) -> tuple[float | None, float | None]:
    """Bytes per second down and up, of all interfaces but the loopback; None: not known yet."""
    real = [one for one in sample.interfaces if one.name != "lo" and one.rx_bps is not None]
    if not real:
        return None, None
    return sum(one.rx_bps or 0 for one in real), sum(one.tx_bps or 0 for one in real)


def busiest_interfaces(sample: Sample) -> list[str]:
    """The few that most has gone through; a host can have hundreds."""
    real = sorted(
        (one for one in sample.interfaces if one.name != "lo"), key=lambda one: -(one.rx_bytes + one.tx_bytes)
    )
    return [one.name for one in real[:_SHOWN_INTERFACES]]


def waits(sample: Sample) -> list[tuple[str, float]]:
    """What tasks waited for, in percent of the time, the worst first."""
    pressure = sample.pressure
    if pressure is None:
        return []
    named = (("CPU", pressure.cpu_some), ("memory", pressure.memory_some), ("I/O", pressure.io_some))
    return sorted(((name, value) for name, value in named if value is not None), key=lambda one: -one[1])
