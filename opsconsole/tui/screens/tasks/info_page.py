"""How a run is contained, limited and called, and where its record lies."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from opsconsole.models import ExecutionResult, Task
from opsconsole.tui.facts import facts, limits_of
from opsconsole.tui.screens.tasks.page_view import Line
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import limit, span

if TYPE_CHECKING:
    from opsconsole.storage.asked import Asked

_WIDTH = 13


def info_lines(
    task: Task, result: ExecutionResult, asked: Asked, folder: str, waiting: str | None, now: int,
    harmless: Callable[[str], str],
) -> Iterator[Line]:  # fmt: skip
    """`harmless` takes secrets and controls out of what people wrote."""
    for fact in facts(task, result, waiting, now):
        yield _line(fact.label, fact.text, fact.tone)
    yield ()
    containment = result.containment
    tier = str(containment.get("provider") or "none")
    began = result.started_at is not None
    said = harmless(tier) if tier != "none" else "none" if began else "none yet"
    yield _line("contained by", said, "plain" if tier != "none" else "muted")
    for sentence in containment.get("degraded") or []:
        yield _line("degraded", harmless(str(sentence)), "warning")
    for sentence in containment.get("notes") or []:
        yield _line("note", harmless(str(sentence)), "muted")
    limits = [_limit(name, value) for name, value in limits_of(result).items()]
    yield _line("limits", ", ".join(limits) or "none", "plain")
    if work := containment.get("work"):
        yield _line("work folder", harmless(f"{work.get('path')}: {work.get('count', 0)} files"), "plain")
    yield ()
    yield _line("interpreter", harmless(task.interpreter), "plain")
    yield _line("arguments", shlex.join(map(harmless, asked.args)) or "none", "plain" if asked.args else "muted")
    yield _line("folder", harmless(asked.cwd) or "unknown", "plain" if asked.cwd else "muted")
    names = ", ".join(map(harmless, asked.environment_names))
    yield _line(
        "variables", f"{names} (values are not shown)" if names else "none of its own", "plain" if names else "muted"
    )
    if asked.stdin:
        yield _line("stdin", harmless(asked.stdin), "plain")
    if asked.reason:
        yield _line("asked for", harmless(asked.reason), "plain")
    if asked.allow:
        yield _line("allowed", ", ".join(map(harmless, asked.allow)), "warning")
    yield _line("sha256", harmless(task.script_sha256), "muted")
    yield _line("host", harmless(task.host), "muted")
    yield _line("record", harmless(folder), "muted")


def _line(label: str, text: str, tone: str) -> Line:
    return Cell(label.ljust(_WIDTH), "faint"), Cell(text, tone)


def _limit(name: str, value: float) -> str:
    word = name.removesuffix("_bps").removesuffix("_s").replace("_", " ")
    if name == "timeout_s":
        return f"{word} {span(float(value))}"
    return f"{word} all kept" if name == "output" and not value else f"{word} {limit(name, value)}"
