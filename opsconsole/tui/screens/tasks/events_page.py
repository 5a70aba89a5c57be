"""What happened to a task, in order, for all its attempts."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from opsconsole.models import ExecutionResult, Status, Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.tasks.page_view import Line
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import FACES, duration, time_of_day

_WORDS = {"allow": "allowed", "confirm": "runs with a confirmation", "refuse": "refused"}


class Noted(NamedTuple):
    """What the run's folder tells of an attempt: pauses and commands, each with who."""

    supervisor: int | None = None
    steps: tuple[tuple[str, str], ...] = ()
    commands: tuple[tuple[str, str], ...] = ()


def noted(folder: Path) -> Noted:
    """From the newest claim and the command file; empty where there is neither."""
    claims = sorted(folder.glob("claim.*"), key=lambda one: int(one.suffix[1:]) if one.suffix[1:].isdigit() else 0)
    entries = _entries(claims[-1]) if claims else []
    supervisor = next((one["supervisor"] for one in entries if isinstance(one.get("supervisor"), int)), None)
    steps = tuple((str(one["status"]), str(one.get("by") or "")) for one in entries if one.get("status"))
    commands = tuple((str(one.get("op")), str(one.get("by") or "")) for one in _entries(folder / "commands"))
    return Noted(supervisor, steps, commands)


def events_lines(
    task: Task, attempts: Sequence[ExecutionResult], notes: Mapping[str, Noted], shown: int, now: int
) -> Iterator[Line]:
    """`shown`: the attempt whose output is on the output page."""
    yield from _begin(task, now)
    for result in attempts:
        yield ()
        yield _heading(result, task, result.attempt == shown)
        yield from _attempt(result, notes.get(result.execution_id, Noted()), now)
    if task.status is Status.WAITING and task.due_at is not None:
        yield ()
        yield _event(task.due_at, "◌", "muted", f"attempt {task.attempt} is due", sanitise_name(task.reason or ""), now)
    if task.status.is_open and task.cancel_requested:
        yield _event(None, "■", "warning", "is being cancelled", "", now)
    if not attempts and not task.status.is_open:
        face = FACES[task.status]
        yield _event(task.finished_at, face.glyph, face.tone, face.word, sanitise_name(task.reason or ""), now)


def _begin(task: Task, now: int) -> Iterator[Line]:
    door = f"by {sanitise_name(task.actor)} on {sanitise_name(task.host)} through {sanitise_name(task.door)}"
    if task.ssh_client:
        door += f", from {sanitise_name(task.ssh_client)}"
    yield _event(task.queued_at, "◦", "muted", "queued", door, now)
    if task.parent_id is not None:
        kind = sanitise_name(task.parent_kind or "follows")
        yield _event(None, "↳", "muted", f"{kind} of #{task.parent_id}", "", now)
    if task.after_id is not None:
        yield _event(None, "◌", "muted", f"runs after #{task.after_id}", "when that has succeeded", now)
    if task.held:
        yield _event(None, "◌", "warning", "held", "until it is released", now)


def _heading(result: ExecutionResult, task: Task, shown: bool) -> Line:
    mark = Cell("› " if shown else "  ", "accent")
    said = "  its output is shown" if shown and task.attempts > 1 else ""
    return (
        mark,
        Cell(f"Attempt {result.attempt} of {max(result.attempts, task.attempts)}", "strong"),
        Cell(said, "faint"),
    )


def _attempt(result: ExecutionResult, notes: Noted, now: int) -> Iterator[Line]:
    if result.verdict:
        worst = len(result.findings)
        found = f"{worst} finding{'s' if worst != 1 else ''}" if worst else "nothing found"
        yield _event(None, "?", "muted", "reviewed", f"{_WORDS.get(result.verdict, result.verdict)}, {found}", now)
    if notes.supervisor or result.supervision.get("supervisor"):
        pid = notes.supervisor or result.supervision.get("supervisor")
        yield _event(None, "▷", "muted", "claimed", f"supervisor {pid}", now)
    if result.started_at is not None:
        leader = result.supervision.get("leader")
        yield _event(result.started_at, "▶", "good", "started", f"process {leader}" if leader else "", now)
    for status, by in notes.steps:
        paused = status == "paused"
        who = f"by {sanitise_name(by)}" if by else ""
        yield _event(
            None, "‖" if paused else "▶", "warning" if paused else "muted", "paused" if paused else "went on", who, now
        )
    for op, by in notes.commands:
        if op == "cancel":
            yield _event(None, "■", "warning", "told to end", f"TERM, then KILL; by {sanitise_name(by)}", now)
    yield from _ends(result, now)


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
    parts = [sanitise_name(result.reason or ""), f"after {duration(result.duration_s)}" if result.duration_s else ""]
    yield _event(result.finished_at, face.glyph, face.tone, face.word, ", ".join(filter(None, parts)), now)


def _event(at: int | None, glyph: str, tone: str, word: str, more: str, now: int) -> Line:
    time = "" if at is None else time_of_day(at, now)
    return (
        Cell(f"{time:>10}  " if len(time) < 10 else f"{time}  ", "muted"), Cell(f"{glyph} ", tone),
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
        except ValueError:
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found
