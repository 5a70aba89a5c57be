"""How a run is contained, limited and called, and where its record lies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from opsconsole.models import ExecutionResult, Task
from opsconsole.tui.facts import facts
from opsconsole.tui.screens.tasks.page_view import Line
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import size, span

if TYPE_CHECKING:
    from opsconsole.storage.asked import Asked

_WIDTH = 13
_SIZES = ("output", "memory", "swap", "file_size")
_RATES = ("read_bps", "write_bps")


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
    limits = {name: value for name, value in (containment.get("limits") or {}).items() if value is not None}
    yield _line("limits", ", ".join(_limit(name, value) for name, value in limits.items()) or "none", "plain")
    if work := containment.get("work"):
        yield _line("work folder", harmless(f"{work.get('path')}: {work.get('count', 0)} files"), "plain")
    yield ()
    yield _line("interpreter", harmless(task.interpreter), "plain")
    yield _line("arguments", " ".join(map(harmless, asked.args)) or "none", "plain" if asked.args else "muted")
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
    word = name.replace("_bps", "").replace("_s", "").replace("_", " ")
    if name == "timeout_s":
        return f"{word} {span(float(value))}"
    if name in _SIZES:
        return f"{word} {size(value) if value else 'all kept'}"
    if name in _RATES:
        return f"{word} {size(value)}/s"
    return f"{word} {value:g} cores" if name == "cpu" else f"{word} {value:g}"
