"""What happened to a task, in order, for all its attempts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from opsconsole.models import ExecutionResult, Status, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.storage.course import Course, TaskEvent
from opsconsole.storage.task_events import What
from opsconsole.tui.screens.tasks.page_view import Line
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import FACES, age, count_of, duration, time_of_day
from opsconsole.wording import reason

MOST = 500
"""Of what was done to a task, so many last ones are shown."""
_LONGEST_REASON = 500
_VERDICTS = {"allow": "allowed", "confirm": "runs with a confirmation", "refuse": "refused"}
_FACES: dict[str, tuple[str, str, str]] = {
    What.CLAIMED: ("▷", "muted", "claimed"),
    What.UNCLAIMED: ("◦", "muted", "queued again"),
    What.TAKEN_OVER: ("▷", "muted", "taken over"),
    What.HELD: ("◌", "warning", "held"),
    What.RELEASED: ("◦", "muted", "released"),
    What.READY: ("◦", "muted", "ready"),
    What.RETRY_PAUSE: ("◌", "muted", "waits"),
    What.PRIORITY: ("±", "muted", "priority"),
    What.PAUSE_ASKED: ("‖", "muted", "asked to pause"),
    What.PAUSED: ("‖", "warning", "paused"),
    What.RESUME_ASKED: ("▶", "muted", "asked to go on"),
    What.RESUMED: ("▶", "muted", "went on"),
    What.CANCEL_ASKED: ("■", "warning", "told to end"),
    What.PINNED: ("★", "muted", "pinned"),
    What.UNPINNED: ("☆", "muted", "no longer pinned"),
}
"""Glyph, tone and word of what is done to a task."""
_BETWEEN = (What.READY, What.RETRY_PAUSE)
"""Comes after one attempt and before the next."""


class Noted(NamedTuple):
    """What the run's folder tells of an attempt: pauses and commands, each with who."""

    supervisor: int | None = None
    steps: tuple[tuple[str, str], ...] = ()
    commands: tuple[tuple[str, str], ...] = ()


def noted(folder: Path) -> Noted:
    """From the newest claim and the command file; empty where there is neither."""
    claims = sorted(folder.glob("claim.*"), key=lambda one: int(one.suffix[1:]) if one.suffix[1:].isdecimal() else 0)
    entries = _entries(claims[-1]) if claims else []
    supervisor = next((one["supervisor"] for one in entries if isinstance(one.get("supervisor"), int)), None)
    steps = tuple((str(one["status"]), str(one.get("by") or "")) for one in entries if one.get("status"))
    commands = tuple((str(one.get("op")), str(one.get("by") or "")) for one in _entries(folder / "commands"))
    return Noted(supervisor, steps, commands)


def events_lines(
    task: Task,
    attempts: Sequence[ExecutionResult],
    course: Course,
    notes: Mapping[str, Noted],
    shown: int,
    now: int,
) -> Iterator[Line]:
    """`shown`: the attempt whose output is on the output page."""
    before, parts = _parts(attempts, course.noted[-MOST:])
    yield from _begin(task, attempts[0] if attempts else None, course, now)
    yield from (_done(event, now) for event in before)
    for result, events in zip(attempts, parts, strict=True):
        yield ()
        yield _heading(result, task, result.attempt == shown)
        yield from _attempt(result, notes.get(result.execution_id, Noted()), events, course.complete, now)
    if task.status is Status.WAITING and task.due_at is not None:
        yield ()
        yield _event(task.due_at, "◌", "muted", f"attempt {task.attempt} is due", sanitise_name(task.reason or ""), now)
    if task.status.is_open and task.cancel_requested:
        yield _event(None, "■", "warning", "is being cancelled", "", now)
    if not task.status.is_open and (not attempts or attempts[-1].attempt < task.attempt):
        face = FACES[task.status]
        yield _event(task.finished_at, face.glyph, face.tone, face.word, sanitise_name(task.reason or ""), now)


def _parts(
    attempts: Sequence[ExecutionResult], events: Sequence[TaskEvent]
) -> tuple[list[TaskEvent], list[list[TaskEvent]]]:
    """What was done before the first attempt was claimed, and from then on until the next one was."""
    begins = [
        min(
            (event.at for event in events if (event.what, event.attempt) == (What.CLAIMED, result.attempt)),
            default=result.started_at or result.finished_at or 0,
        )
        for result in attempts
    ]
    before: list[TaskEvent] = []
    parts: list[list[TaskEvent]] = [[] for _ in attempts]
    for event in events:
        number = max((number for number, at in enumerate(begins) if at <= event.at), default=None)
        if event.what == What.READY:  # it may have one time with the claim that came of it
            number = next((at for at, one in reversed([*enumerate(attempts)]) if one.attempt < event.attempt), None)
        (before if number is None else parts[number]).append(event)
    return before, parts


def _begin(task: Task, first: ExecutionResult | None, course: Course, now: int) -> Iterator[Line]:
    door = f"by {sanitise_name(task.actor)} on {sanitise_name(task.host)} through {sanitise_name(task.door)}"
    if task.ssh_client:
        door += f", from {sanitise_name(task.ssh_client)}"
    if first is not None and first.verdict:  # before it is stored
        count = len(first.findings)
        said = (
            f"{_VERDICTS.get(first.verdict, first.verdict)}, {count_of(count, 'finding') if count else 'nothing found'}"
        )
        yield _event(task.queued_at, "§", "muted", "reviewed", said, now)
    yield _event(task.queued_at, "◦", "muted", "queued", door, now)
    if task.parent_id is not None:
        kind = sanitise_name(task.parent_kind or "follows")
        yield _event(None, "↳", "muted", f"{kind} of #{task.parent_id}", "", now)
    if task.after_id is not None:
        yield _event(None, "◌", "muted", f"runs after #{task.after_id}", "when that has succeeded", now)
    if task.held and not any(event.what == What.HELD for event in course.events):
        yield _event(None, "◌", "warning", "held", "until it is released", now)
    if not course.complete:
        yield _event(None, "?", "muted", "not recorded", "who did what to it: it is older than that record", now)
    if len(course.noted) > MOST:
        left = count_of(len(course.noted) - MOST, "earlier event")
        yield _event(None, "⋯", "muted", left, f"opsconsole show {task.id} --events", now)


def _heading(result: ExecutionResult, task: Task, shown: bool) -> Line:
    mark = Cell("› " if shown else "  ", "accent")
    said = "  its output is shown" if shown and task.attempts > 1 else ""
    return (
        mark,
        Cell(f"Attempt {result.attempt} of {max(result.attempts, task.attempts)}", "strong"),
        Cell(said, "faint"),
    )


def _attempt(
    result: ExecutionResult, notes: Noted, events: Sequence[TaskEvent], complete: bool, now: int
) -> Iterator[Line]:
    pid = notes.supervisor or result.supervision.get("supervisor")
    supervisor = f"supervisor {pid}" if pid else ""
    claims = [event for event in events if event.what == What.CLAIMED]
    if supervisor and not claims:
        yield _event(None, "▷", "muted", "claimed", supervisor, now)
    end = result.finished_at
    timed = [
        (event.what in _BETWEEN or (end is not None and event.at > end), event.at,
         _done(event, now, supervisor if event in claims[-1:] else ""))
        for event in events
    ]  # fmt: skip
    if result.started_at is not None:
        leader = result.supervision.get("leader")
        line = _event(result.started_at, "▶", "good", "started", f"process {leader}" if leader else "", now)
        timed.append((False, result.started_at, line))
    timed.sort(key=lambda one: one[:2])
    yield from (line for late, _, line in timed if not late)
    if not complete:
        yield from _untimed(notes, events, now)
    yield from _ends(result, now)
    yield from (line for late, _, line in timed if late)


def _untimed(notes: Noted, events: Sequence[TaskEvent], now: int) -> Iterator[Line]:
    """What the run's folder tells of a time when nobody wrote down when it was."""
    known = {event.what for event in events}
    for status, by in () if known & {What.PAUSED, What.RESUMED} else notes.steps:
        what = What.PAUSED if status == "paused" else What.RESUMED
        yield _event(None, *_FACES[what], f"by {sanitise_name(by)}" if by else "", now)
    for op, by in () if What.CANCEL_ASKED in known else notes.commands:
        if op == "cancel":
            yield _event(None, *_FACES[What.CANCEL_ASKED], f"by {sanitise_name(by)}", now)


def _done(event: TaskEvent, now: int, more: str = "") -> Line:
    """Something that was done to the task."""
    glyph, tone, word = _FACES.get(event.what, ("◦", "muted", sanitise_name(event.what)))
    who = f"by {sanitise_name(event.actor)}" if event.actor else ""
    parts = [sanitise_name(event.detail or ""), who]
    if event.what in (What.CLAIMED, What.TAKEN_OVER):
        parts.reverse()
    said = ", ".join(filter(None, [*parts, more]))
    if event.reason:  # also where nobody is known
        said = f"{said}: {sanitise_name(event.reason, limit=_LONGEST_REASON)}"
    return _event(event.at, glyph, tone, word, said, now)


def _ends(result: ExecutionResult, now: int) -> Iterator[Line]:
    supervision = result.supervision
    for entry in supervision.get("leftovers") or []:
        name = f"{sanitise_name(str(entry.get('name') or '?'))} ({entry.get('pid')})"
        if entry.get("killed"):
            yield _event(None, "†", "muted", "leftover killed", name, now)
        else:
            yield _event(None, "!", "warning", "left running", name, now)
    for entry in supervision.get("survivors") or []:
        name = f"{sanitise_name(str(entry.get('name') or '?'))} ({entry.get('pid')})"
        yield _event(None, "!", "bad", "could not be killed", name, now)
    if supervision.get("paused_s"):
        yield _event(None, "‖", "muted", "stood still", f"for {duration(float(supervision['paused_s']))} in all", now)
    if result.finished_at is None:
        return
    face = FACES[result.status]
    parts = [
        sanitise_name(reason(result.reason or "")),
        f"after {duration(result.duration_s)}" if result.duration_s else "",
    ]
    yield _event(result.finished_at, face.glyph, face.tone, face.word, ", ".join(filter(None, parts)), now)


def _event(at: int | None, glyph: str, tone: str, word: str, more: str, now: int) -> Line:
    time, since = ("", "") if at is None else (time_of_day(at, now), age(max(0, now - at), ticking=True))
    return (
        Cell(f"{time:>10}", "muted"), Cell(f"{since:>5}  ", "faint"), Cell(f"{glyph} ", tone),
        Cell(word + ("  " if more else ""), tone if tone in ("bad", "warning") else "plain"), Cell(more, "muted"),
    )  # fmt: skip


def _entries(file: Path) -> list[dict[str, Any]]:
    found = []
    try:
        lines = file.read_bytes().splitlines()
    except OSError:
        return []
    for line in lines:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):  # the run itself may have written it
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found
