"""A task as a row of the list: what happened to it is the loudest, what is ordinary the quietest."""

from __future__ import annotations

from opsconsole.models import ExecutionPolicy, Priority, Status, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import RunUsage
from opsconsole.storage.costs import Cost
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.column_list import Column
from opsconsole.tui.wording import FACES, PRIORITIES, age, duration, name_of, outcome, running_for, short_size

COLUMNS = (
    Column("glyph", "", 1),
    Column("id", "ID", 5, right=True),
    Column("priority", "PRI", 4, from_width=46),
    Column("name", "NAME", 0),
    Column("policy", "POLICY", 10, from_width=80),
    Column("rule", "POL", 4, from_width=70),
    Column("user", "USER", 9, from_width=110),
    Column("door", "HOST/DOOR", 18, from_width=126),
    Column("attempt", "TRY", 3, right=True, from_width=96),
    Column("labels", "LABELS", 18, from_width=140),
    Column("age", "AGE", 4, right=True, from_width=64),
    Column("duration", "DUR", 6, right=True),
    Column("cpu", "CPU", 5, right=True, from_width=54),
    Column("rss", "RSS", 5, right=True, from_width=58),
    Column("result", "RESULT", 12, from_width=84),
    Column("ended", "RESULT", 10),
)
ABSENT = Cell("", "")
_IN_SHORT = {
    ExecutionPolicy.SAFE: "safe", ExecutionPolicy.RESTRICTED: "rest", ExecutionPolicy.STANDARD: "std",
    ExecutionPolicy.ELEVATED: "elev",
}  # fmt: skip
"""The policy where there is no room for the word."""


def cells(task: Task, now: int, usage: RunUsage | None, cost: Cost | None) -> dict[str, Cell]:
    """Every column's cell. `usage` of a running task, `cost` of an ended one."""
    face = FACES[task.status]
    ended = not task.status.is_open
    active = task.status.is_active
    quiet = task.priority in (Priority.NORMAL, Priority.LOW)
    elevated = task.policy is ExecutionPolicy.ELEVATED
    return {
        "glyph": Cell(face.glyph, face.tone),
        "id": Cell(str(task.id), "muted"),
        "priority": Cell(PRIORITIES[task.priority], "faint" if quiet or ended else "strong"),
        "name": Cell(name_of(task) + (" ★" if task.pinned else ""), _name_tone(task)),
        "policy": Cell(task.policy.value, "warning" if elevated else "faint"),
        "rule": Cell(_IN_SHORT[task.policy], "warning" if elevated else "faint"),
        "user": Cell(sanitise_name(task.actor), "faint"),
        "door": Cell(sanitise_name(f"{task.host}/{task.door}"), "faint"),
        "attempt": Cell(f"{task.attempt}/{task.attempts}" if task.attempts > 1 else "", "muted"),
        "labels": Cell(_labels(task), "faint"),
        "age": Cell(age(now - task.queued_at, ticking=True), "muted"),
        "duration": Cell(duration(running_for(task, now), ticking=active), "strong" if active else "muted"),
        **_used(task, usage if active else None, cost if ended else None),
        "result": Cell(outcome(task, now), _result_tone(task)),
        "ended": Cell(outcome(task, now, 10), _result_tone(task)),
    }


def _name_tone(task: Task) -> str:
    """What runs, then what went wrong, then the rest."""
    if task.status.is_active:
        return "strong"
    return "plain" if FACES[task.status].tone in ("bad", "warning") else "muted"


def _result_tone(task: Task) -> str:
    face = FACES[task.status]
    return face.tone if face.tone == "bad" or task.status.is_open or task.status is Status.REFUSED else "muted"


def _used(task: Task, usage: RunUsage | None, cost: Cost | None) -> dict[str, Cell]:
    """Now, for a running task; for one that has ended its mean and its peak."""
    cpu: float | None
    rss: int | None
    bound = ""
    if usage is not None:
        cpu, rss, tone = usage.cpu_percent, usage.rss_bytes, "plain"
    elif cost is not None:
        cpu = None if cost.cpu_s is None or not task.duration_s else cost.cpu_s / task.duration_s * 100
        rss, tone, bound = cost.rss_bytes, "faint", "≤" if cost.rss_is_upper_bound else ""
    else:
        return {"cpu": ABSENT, "rss": ABSENT}
    return {
        "cpu": Cell("" if cpu is None else f"{min(cpu, 99999):.0f}%", tone),
        "rss": Cell("" if rss is None else f"{bound}{short_size(rss)}", tone),
    }


def _labels(task: Task) -> str:
    return sanitise_name(" ".join(f"{key}={value}" if value else key for key, value in task.labels.items()))
