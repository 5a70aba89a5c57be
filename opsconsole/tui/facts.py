"""What is known of a run, as lines for a person: the reason first, then when, who, how, and what it left behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from opsconsole.execution.outputs import bytes_not_kept
from opsconsole.models import ExecutionPolicy, ExecutionResult, Status, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.filters import FAILED
from opsconsole.tui.wording import FACES, duration, size, span, time_of_day
from opsconsole.wording import reason as in_words

_SHOWN_PROCESSES = 6


_ENDS = {
    "cgroup.kill+subreaper": "ends every process it started, at once",
    "subreaper": "ends every process it started, one after the other",
    "process group": "ends its process group; one that left it lives on",
}
_STANDS = {
    "cgroup.freeze": "every process of it stands still (cgroup.freeze)",
    "SIGSTOP": "its processes were told to stand still (SIGSTOP)",
}


class Fact(NamedTuple):
    """`text` is harmless."""

    label: str
    text: str
    tone: str = "plain"


def facts(task: Task, result: ExecutionResult | None, waiting: str | None, now: int) -> list[Fact]:
    """All that is worth a line. `waiting`: why a queued task does not run yet."""
    found = [*_state(task, waiting), _when(task, now)]
    if result is not None:
        found += _remains(result)
    found += [_who(task), _how(task, result)]
    if result is not None:
        if (kill := result.supervision.get("kill")) and result.status.is_active:
            how = _ENDS.get(str(kill), "ends its processes")
            found.append(Fact("cancel", f"{how} ({sanitise_name(str(kill))})", "muted"))
        found += _costs(result)
    if task.labels:
        labels = ", ".join(f"{key}={value}" if value else key for key, value in task.labels.items())
        found.append(Fact("labels", sanitise_name(labels), "muted"))
    return found


def _state(task: Task, waiting: str | None) -> Iterator[Fact]:
    """What the status alone does not tell."""
    face = FACES[task.status]
    words = []
    if task.cancel_requested and task.status is Status.PAUSED:
        pass  # how it stood still is over
    elif task.status is not Status.COMPLETED and (reason := sanitise_name(task.reason or "")):
        if reason != face.word:
            words.append(_STANDS.get(reason, reason) if task.status is Status.PAUSED else in_words(reason))
        if task.exit_code and in_words(reason) != reason:
            words.append(f"exit code {task.exit_code}")
    elif task.signal or task.exit_code:
        before = f"attempt {task.attempt - 1}: " if task.status.is_open and task.attempt > 1 else ""
        end = f"ended by {sanitise_name(task.signal)}" if task.signal else f"exit code {task.exit_code}"
        words.append(before + end)
    if waiting and task.status.is_open:
        words.append(sanitise_name(waiting))
    if task.cancel_requested and task.status.is_active:
        words.append("being cancelled")
    if words:
        yield Fact("state", " · ".join(words), face.tone if face.tone in ("bad", "warning") else "plain")
    if task.attempts > 1:
        yield Fact("attempt", f"{task.attempt} of {task.attempts}", "plain" if task.attempt > 1 else "muted")


def _when(task: Task, now: int) -> Fact:
    queued = time_of_day(task.queued_at, now)
    if task.started_at is None:
        ended = f", ended {time_of_day(task.finished_at, now)}" if task.finished_at else ""
        return Fact("queued", queued + ended, "muted")
    waited = max(0.0, (task.started_at - task.queued_at) / 1e6)
    parts = [time_of_day(task.started_at, now)]
    if waited >= 1 and task.attempt == 1:
        parts.append(f"after {duration(waited)} in the queue")
    if task.finished_at:
        parts.append(f"ended {time_of_day(task.finished_at, now)}")
    return Fact("started", ", ".join(parts), "muted")


def _who(task: Task) -> Fact:
    parts = [sanitise_name(task.actor), sanitise_name(task.door)]
    if task.ssh_client:
        parts.append(f"from {sanitise_name(task.ssh_client)}")
    if task.parent_id is not None:
        parts.append(f"{sanitise_name(task.parent_kind or 'follows')} of {task.parent_id}")
    return Fact("by", " · ".join(parts), "muted")


def _how(task: Task, result: ExecutionResult | None) -> Fact:
    parts = [task.policy.value, sanitise_name(task.interpreter)]
    provider = result.containment.get("provider") if result is not None else None
    if provider and provider != "none":
        parts.append(sanitise_name(str(provider)))
    timeout = result.containment.get("limits", {}).get("timeout_s") if result is not None else None
    if timeout:
        parts.append(f"timeout {span(float(timeout))}")
    return Fact("runs as", " · ".join(parts), "warning" if task.policy is ExecutionPolicy.ELEVATED else "muted")


def _remains(result: ExecutionResult) -> Iterator[Fact]:
    supervision = result.supervision
    if result.effects:
        from opsconsole.safety.review.model import describe_recorded

        yield Fact("effects", sanitise_name("; ".join(describe_recorded(result.effects)), limit=300), "muted")
    if survivors := supervision.get("survivors"):
        yield Fact("alive", f"could not be killed: {_processes(survivors)}", "bad")
    left = supervision.get("leftovers") or []
    if alive := [entry for entry in left if not entry.get("killed")]:
        yield Fact("left", f"still running: {_processes(alive)}", "warning")
    if killed := [entry for entry in left if entry.get("killed")]:
        yield Fact("left", f"killed at the end: {_processes(killed)}", "muted")
    if supervision.get("stopped_by"):
        yield Fact("stopped", f"by {sanitise_name(str(supervision['stopped_by']))}", "muted")
    for sentence in result.containment.get("limit_notes") or []:
        yield Fact("limit", sanitise_name(str(sentence)), "warning")
    for sentence in result.containment.get("degraded") or []:
        yield Fact("note", sanitise_name(str(sentence)), "warning")


def _processes(entries: list[Mapping[str, Any]]) -> str:
    named = [f"{sanitise_name(str(entry.get('name') or '?'))} ({entry.get('pid')})" for entry in entries]
    more = len(named) - _SHOWN_PROCESSES
    return ", ".join(named[:_SHOWN_PROCESSES]) + (f" and {more} more" if more > 0 else "")


def _costs(result: ExecutionResult) -> Iterator[Fact]:
    metrics, parts = result.metrics, []
    if metrics.get("user_cpu_s") is not None:
        parts.append(f"{duration(metrics['user_cpu_s'] + (metrics.get('system_cpu_s') or 0))} CPU")
    if tree := metrics.get("memory_peak_bytes"):  # as the table has it, and every report
        parts.append(f"{size(tree)} peak")
    elif metrics.get("max_rss_bytes"):
        bound = "≤ " if metrics.get("max_rss_is_upper_bound") else ""
        parts.append(f"{bound}{size(metrics['max_rss_bytes'])} peak")
    if metrics.get("processes"):
        count = int(metrics["processes"])
        parts.append("1 process" if count == 1 else f"{count} processes")
    if metrics.get("write_bytes"):
        parts.append(f"{size(metrics['write_bytes'])} written")
    if parts:
        yield Fact("used", " · ".join(parts), "muted")
    output = result.output
    if output.get("stdout_bytes") or output.get("stderr_bytes"):
        text = f"{size(output['stdout_bytes'])} stdout · {size(output['stderr_bytes'])} stderr"
        lost = bytes_not_kept(output)
        left = f" · {size(lost)} of it not kept" if lost else " · not all was kept" if output.get("truncated") else ""
        yield Fact("output", text + left, "warning" if left else "muted")


def limits_of(result: ExecutionResult) -> dict[str, float]:
    """The limits of a run by name; the record has beside most of them who bears it."""
    found = {
        name: each.get("value") if isinstance(each, Mapping) else each
        for name, each in (result.containment.get("limits") or {}).items()
    }
    return {name: value for name, value in found.items() if value is not None}


def summary_counts(counts: Mapping[Status, int]) -> tuple[int, int, int]:
    """Running, waiting, and failed in the last 24 hours."""
    running = sum(counts.get(status, 0) for status in (Status.PREPARING, Status.RUNNING, Status.PAUSED))
    waiting = counts.get(Status.QUEUED, 0) + counts.get(Status.WAITING, 0)
    failed = sum(counts.get(status, 0) for status in FAILED)
    return running, waiting, failed


def queue_words(queued: int, waiting: int) -> str:
    """`5 queued, 3 waiting`: what waits for its turn, and what waits for a time, another task or somebody."""
    words = [f"{number:,} {word}" for number, word in ((queued, "queued"), (waiting, "waiting")) if number]
    return ", ".join(words) or "0 queued"
