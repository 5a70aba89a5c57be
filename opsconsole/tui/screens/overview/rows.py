"""What the overview's lists say, as rows of cells: trouble, runs, what happened, processes. Pure; all is harmless."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from opsconsole.anomalies import Anomaly, AnomalyState, Severity
from opsconsole.events import SampleTaken
from opsconsole.models import Priority, Status, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample, series
from opsconsole.tui.episodes import with_now
from opsconsole.tui.glyphs import GlyphSet
from opsconsole.tui.screens.overview.pane import Row, column
from opsconsole.tui.severities import GLYPHS, TONES, WORDS
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.spark import spark_cells
from opsconsole.tui.wording import FACES, PRIORITIES, age, duration, name_of, running_for, short_size, time_of_day

_PROCESS = re.compile(r"(.*)\[(\d+)\]\Z", re.DOTALL)
_NOISE_PERCENT = 5
_WHO, _SPARK, _PRINTED = 22, 8, 17
_WHOLE_CORE = 100.0
"""What uses less does not fill its graph: 4 % and 60 % are told apart without reading."""
_AIR = 4 / 3
"""Above the graph of memory: most runs hardly move, and blocks one under the other would be one block."""
_SILENT_S = 2
_SAME_START_S = 2.0
"""The start of a process is known no better: the host's clock may be set in between."""
_BY_MEMORY = frozenset({"memory", "swap"})
_OF_WHO_IS_GONE = frozenset({"oom_killed", "limit_killed"})
"""Those it is about were killed: nobody who is large since is to blame for that."""


# -- trouble


class Present(NamedTuple):
    """What the newest sample knows."""

    values: Mapping[str, float] | None = None
    """By the names of `samples.series`; None: nobody looks."""
    alive: Mapping[int, float] | None = None
    """Process id → when it began; None: not all processes are known."""


NOBODY_LOOKS = Present()


def present(taken: SampleTaken | None) -> Present:
    """The view of another console's monitor has its busiest processes only: of the others nothing is known."""
    if taken is None:
        return NOBODY_LOOKS
    whole = len(taken.processes) >= (taken.sample.processes or 1)
    return Present(series(taken.sample), {one.pid: one.start_time for one in taken.processes} if whole else None)


def trouble_row(one: Anomaly, now: int, width: int, now_is: Present = NOBODY_LOOKS) -> Row:
    """How grave, what, who causes it, since when. What finds no room: first whose it is, then what is said beside the
    value, but not the value of now."""
    tone = TONES[one.severity]
    before = [column(GLYPHS[one.severity], tone, 1), column(WORDS[one.severity], tone, 4)]
    after = [column(age(now - one.began_at), "muted", -4)]
    if width >= 64:
        since = "since " + time_of_day(one.began_at, now)[:-3]
        after.insert(0, column(since, "muted", -16 if width >= 100 else -11))
    if width >= 100:
        after.insert(0, column(culprit(one, now_is.alive), "plain", _WHO))
    room = width - 1 - sum(abs(size) + 1 for _, size in (*before, *after))
    said = [Cell(text, {"alarm": "bad"}.get(tone, tone)) for text in with_now(one, now_is.values, room) if text]
    said += [Cell(f" · {word}", "faint") for word in _standing(one, now)]
    return (*before, (tuple(said), 0), *after)


def _standing(one: Anomaly, now: int) -> list[str]:
    words = []
    if one.state is AnomalyState.FLAPPING:
        words.append("comes and goes")
    if one.unknown_since is not None:
        words.append("no data just now")
    if one.silenced_until is not None and one.silenced_until > now:
        words.append("silenced")
    if one.acknowledged_at is not None:
        who = sanitise_name(one.acknowledged_by or "somebody", limit=30)
        words.append(f"seen by {who}" if one.seen else f"worse since {who} saw it")
    return words


def culprit(one: Anomaly, alive: Mapping[int, float] | None = None) -> str:
    """The process it is about, or the one that used most at its peak, and whether that has ended; empty: nobody
    knows."""
    from opsconsole.monitoring.detection.kinds import KINDS

    if (match := _PROCESS.match(one.subject)) is not None:
        return _who(match[1], match[2], "", _has_ended(match[2], (one.details or {}).get("start_time"), alive))
    if one.kind in _OF_WHO_IS_GONE:
        return ""
    kind = KINDS.get(one.kind)
    category = kind.category if kind is not None else ""
    if category not in ("cpu", "memory", "swap", "process") or not one.processes:
        return ""
    measure = "rss_bytes" if category in _BY_MEMORY else "cpu_percent"
    top = max(one.processes, key=lambda each: _number(each.get(measure)))
    amount = _number(top.get(measure))
    used = short_size(amount) if category in _BY_MEMORY else f"{amount:.0f} %"
    ended = _has_ended(top.get("pid"), top.get("start_time"), alive)
    return _who(str(top.get("name") or "?"), str(top.get("pid")), used, ended)


def _who(name: str, pid: str, used: str, ended: bool) -> str:
    """In a column of its own: of one that has ended it does not matter what it used."""
    number = sanitise_name(pid, limit=8)
    more = "ended" if ended else used
    longest = 14 if not more else max(4, min(11, _WHO - len(f"() {more}") - len(number)))
    return f"{sanitise_name(name, limit=longest)}({number}) {more}".rstrip()


def _has_ended(pid: object, began: object, alive: Mapping[int, float] | None) -> bool:
    """Its number may belong to another one by now."""
    if alive is None or not str(pid).isdecimal():
        return False
    since = alive.get(int(str(pid)))
    return since is None or (isinstance(began, int | float) and abs(since - began) > _SAME_START_S)


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
        top = max(_WHOLE_CORE, *(one for one in used.cpu if one is not None)) if cpu else _WHOLE_CORE
        row.append((tuple(spark_cells(used.cpu, _SPARK, glyphs, top=top)), _SPARK))
    row.append(column("–" if cpu is None else f"{cpu:.0f} %", "plain" if used.cpu else "faint", -5))
    if width >= 84:
        top = max(used.rss, default=0.0) * _AIR
        row.append((tuple(spark_cells(used.rss, _SPARK, glyphs, top=top)), _SPARK))
    row.append(column(short_size(used.rss[-1]) if used.rss else "–", "plain" if used.rss else "faint", -5))
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
        column(short_size(one.rss_bytes) if one.rss_bytes else "–", "plain", -5),
        column(one.state, "strong" if waits or (one.state == "R" and busy) else "faint", 1),
        column(str(one.pid), "muted", -7),
    ]  # fmt: skip
    if width >= 56:
        row.append(column(sanitise_name(one.user or str(one.uid)), "muted", 9))
    return (*row, column(command, tone, 0))


def command_of(one: ProcessSample) -> str:
    """Its command line; a kernel's thread has none and stands in brackets. Not harmless yet."""
    return one.cmdline or f"[{one.name}]"


def by_use(processes: Iterable[ProcessSample], *, by_memory: bool) -> list[ProcessSample]:
    """Busy ones first; noise moves nobody."""
    found = [
        (-round(one.cpu_percent), -(one.rss_bytes >> 20), one.pid, at, one) for at, one in enumerate(processes)
    ]  # fmt: skip
    if by_memory:
        found = [(memory, cpu, *rest) for cpu, memory, *rest in found]  # type: ignore[misc]
    found.sort()
    return [one for *_, one in found]
