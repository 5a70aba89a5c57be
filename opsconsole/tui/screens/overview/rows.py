"""What the overview's lists say, as rows of cells: trouble, runs, what happened, processes. Pure; all is harmless."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.models import Priority, Status, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample
from opsconsole.tui.glyphs import GlyphSet
from opsconsole.tui.screens.overview.figures import short
from opsconsole.tui.screens.overview.pane import Row, column
from opsconsole.tui.severities import GLYPHS, TONES, WORDS
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.spark import spark_cells
from opsconsole.tui.wording import FACES, PRIORITIES, age, duration, name_of, running_for, time_of_day

_PROCESS = re.compile(r"(.*)\[(\d+)\]\Z", re.DOTALL)
_NOISE_PERCENT = 5
_WHO, _SPARK, _PRINTED = 22, 8, 17
_SILENT_S = 2
_BY_MEMORY = frozenset({"memory", "swap"})


# -- trouble


def in_order(found: Iterable[Anomaly]) -> list[Anomaly]:
    """The worst first, of those the newest."""
    return sorted(found, key=lambda one: (-one.severity, -one.opened_at, -one.id))


def trouble_row(one: Anomaly, now: int, width: int) -> Row:
    """How grave, what, who causes it, since when."""
    tone = TONES[one.severity]
    message = sanitise_name(one.sentence or f"{one.kind} {one.subject}")
    said = [Cell(message, {"alarm": "bad"}.get(tone, tone))]
    said += [Cell(f" · {word}", "faint") for word in _standing(one, now)]
    row: list[tuple[tuple[Cell, ...], int]] = [
        column(GLYPHS[one.severity], tone, 1), column(WORDS[one.severity], tone, 4), (tuple(said), 0),
    ]  # fmt: skip
    if width >= 100:
        row.append(column(culprit(one), "plain", _WHO))
    if width >= 64:
        row.append(column("since " + time_of_day(one.began_at, now)[:-3], "muted", -16 if width >= 100 else -11))
    row.append(column(age(now - one.began_at), "muted", -4))
    return tuple(row)


def _standing(one: Anomaly, now: int) -> list[str]:
    words = []
    if one.state is AnomalyState.FLAPPING:
        words.append("comes and goes")
    if one.unknown_since is not None:
        words.append("no data just now")
    if one.silenced_until is not None and one.silenced_until > now:
        words.append("silenced")
    if one.acknowledged_at is not None:
        words.append(f"seen by {sanitise_name(one.acknowledged_by or 'somebody', limit=30)}")
    return words


def culprit(one: Anomaly) -> str:
    """The process it is about, or the one that used most at its peak; empty: nobody knows."""
    from opsconsole.monitoring.detection.kinds import KINDS

    if (match := _PROCESS.match(one.subject)) is not None:
        return f"{sanitise_name(match[1], limit=14)}({match[2]})"
    kind = KINDS.get(one.kind)
    category = kind.category if kind is not None else ""
    if category not in ("cpu", "memory", "swap", "process") or not one.processes:
        return ""
    measure = "rss_bytes" if category in _BY_MEMORY else "cpu_percent"
    top = max(one.processes, key=lambda each: _number(each.get(measure)))
    amount = _number(top.get(measure))
    used = short(amount) if category in _BY_MEMORY else f"{amount:.0f} %"
    return (
        f"{sanitise_name(str(top.get('name') or '?'), limit=11)}({sanitise_name(str(top.get('pid')), limit=8)}) {used}"
    )


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def guilty(found: Iterable[Anomaly]) -> dict[int, Severity]:
    """Process id → severity, of the processes that open anomalies are about."""
    severities: dict[int, Severity] = {}
    for one in found:
        if (match := _PROCESS.match(one.subject)) is not None:
            pid = int(match[2])
            severities[pid] = max(one.severity, severities.get(pid, Severity.INFO))
    return severities


# -- what runs


class History(NamedTuple):
    """What a run used, the newest last."""

    cpu: Sequence[float | None] = ()
    rss: Sequence[float] = ()


class Running(NamedTuple):
    """A run, or the queue behind them (`more`: how many others wait), of which `task` is the next."""

    task: Task
    more: int | None = None
    delayed: int = 0
    """Tasks that wait for a time, for another task or for somebody."""


def running_row(one: Running, used: History, output: str, now: int, width: int, glyphs: GlyphSet) -> Row:
    """`output`: when it last printed, for people. What finds no room: first when it printed, then the graphs."""
    if one.more is not None:
        return _queue_row(one)
    task = one.task
    face = FACES[task.status]
    row: list[tuple[tuple[Cell, ...], int]] = [column(face.glyph, face.tone, 1), column(name_of(task), "strong", 0)]
    if width >= 76:
        urgent = task.priority >= Priority.HIGH
        row.append(column(PRIORITIES[task.priority], "strong" if urgent else "faint", 4))
    if width >= 50:
        row.append(column(output, "faint", _PRINTED if width >= 66 else 8))
    row.append(column(duration(running_for(task, now), ticking=True), "plain", -6))
    cpu = used.cpu[-1] if used.cpu else None
    if width >= 68:
        row.append((tuple(spark_cells(used.cpu, _SPARK, glyphs)), _SPARK))
    row.append(column("–" if cpu is None else f"{cpu:.0f} %", "plain" if used.cpu else "faint", -5))
    if width >= 84:
        row.append((tuple(spark_cells(used.rss, _SPARK, glyphs)), _SPARK))
    row.append(column(short(used.rss[-1]) if used.rss else "–", "plain" if used.rss else "faint", -5))
    return tuple(row)


def _queue_row(one: Running) -> Row:
    words = []
    if one.task.status is Status.QUEUED:
        words.append(f"{1 + (one.more or 0):,} queued, next: {name_of(one.task)} ({one.task.priority.name})")
    if one.delayed:
        words.append(f"{one.delayed:,} waiting")
    return (column(FACES[one.task.status].glyph, "muted", 1), column(", ".join(words), "muted", 0))


def printed(seconds: float | None, width: int) -> str:
    """How long ago a run printed something."""
    if seconds is None:
        return ""
    if seconds < _SILENT_S:
        return "printing"
    said = duration(seconds, ticking=True)
    return f"output {said} ago" if width >= 66 else said


# -- processes


def process_row(one: ProcessSample, command: str, severity: Severity | None, width: int) -> Row:
    """`command` is harmless. Severity's colours only for a process that an anomaly is about."""
    tone = "plain" if severity is None else {"alarm": "bad"}.get(TONES[severity], TONES[severity])
    waits = one.state in "DZ"  # neither dies by a signal
    busy = one.cpu_percent >= _NOISE_PERCENT
    row: list[tuple[tuple[Cell, ...], int]] = [
        column("" if severity is None else GLYPHS[severity], tone, 1),
        column(f"{one.cpu_percent:.0f} %" if one.cpu_percent >= 0.5 else "–", "plain" if busy else "faint", -5),
        column(short(one.rss_bytes) if one.rss_bytes else "–", "plain", -5),
        column(one.state, "strong" if waits or (one.state == "R" and busy) else "faint", 1),
        column(str(one.pid), "muted", -7),
    ]  # fmt: skip
    if width >= 56:
        row.append(column(sanitise_name(one.user or str(one.uid)), "muted", 9))
    return (*row, column(command, tone, 0))


def command_of(one: ProcessSample) -> str:
    """Its command line; a kernel's thread has none and stands in brackets. Not harmless yet."""
    return one.cmdline or f"[{one.name}]"


def in_use(one: ProcessSample, *, by_memory: bool) -> tuple[float, float, int]:
    """Busy ones first; noise moves nobody."""
    cpu, memory = float(round(one.cpu_percent)), float(one.rss_bytes >> 20)
    return (-memory, -cpu, one.pid) if by_memory else (-cpu, -memory, one.pid)
