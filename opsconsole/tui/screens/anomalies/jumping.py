"""From an episode to the process or the run that it is about, or that was there then."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from opsconsole.anomalies import Anomaly
from opsconsole.errors import OpsError
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.screens.anomalies.commands import EpisodeCommands
from opsconsole.tui.widgets.answers import Answer
from opsconsole.tui.wording import size

if TYPE_CHECKING:
    from opsconsole.tui.screens.processes.screen import ProcessesScreen
    from opsconsole.tui.screens.tasks.screen import TasksScreen

_OFFERED = 8
_EXECUTION = re.compile(r"(\d{1,18})\.\d{1,9}", re.ASCII)
_WITH_PID = re.compile(r"\[(\d{1,10})\]\Z", re.ASCII)


class Culprit(NamedTuple):
    """A process; `start_time` in seconds since the epoch, where it is known. `words` are harmless."""

    pid: int
    start_time: float | None
    words: str


def culprits(one: Anomaly) -> list[Culprit]:
    """The process that the episode is about; else those that used the most at its peak, the first the most."""
    details = one.details or {}
    if (known := _process(details)) is not None:
        return [known]
    if named := _WITH_PID.search(one.subject):
        return [Culprit(int(named[1]), None, sanitise_name(one.subject, limit=60))]
    parents = details.get("parents")
    listed = parents if isinstance(parents, list | tuple) and parents else one.processes
    return [found for each in listed[:_OFFERED] if (found := _process(each)) is not None]


def _process(known: Any) -> Culprit | None:
    pid = known.get("pid") if isinstance(known, dict) else None
    if not isinstance(pid, int) or isinstance(pid, bool) or pid <= 0:
        return None
    began, cpu, rss = (known.get(name) for name in ("start_time", "cpu_percent", "rss_bytes"))
    words = f"{pid} {sanitise_name(str(known.get('name') or ''), limit=40)}"
    if isinstance(cpu, int | float) and isinstance(rss, int | float):
        words += f"  {cpu:.1f} % of a core, {size(rss)}"
    return Culprit(pid, float(began) if isinstance(began, int | float) else None, words)


def runs_of(one: Anomaly) -> list[int]:
    """The task that the episode is about; else those that were under way at its peak."""
    task = (one.details or {}).get("task_id")
    if isinstance(task, int) and not isinstance(task, bool) and task > 0:
        return [task]
    named = [_EXECUTION.fullmatch(text) for text in (one.subject, *one.runs) if isinstance(text, str)]
    return list(dict.fromkeys(int(found[1]) for found in named if found))[:_OFFERED]


class EpisodeJumps(EpisodeCommands):
    """The part of the mode that goes to other modes. Nothing is changed by it."""

    def action_go_to_process(self) -> None:
        """One that is known: there at once; several: asked which."""
        found = culprits(self.selected) if self.selected is not None else []
        if not found:
            self.app.tell("No process is on record with this episode." if self.selected else "No episode is selected.")
        elif len(found) == 1:
            self._go_to_process(found[0])
        else:
            self._ask("Which process?", [one.words for one in found], lambda at: self._go_to_process(found[at]))

    def _go_to_process(self, one: Culprit) -> None:
        cast("ProcessesScreen", self.app.go("processes")).go_to(one.pid, one.start_time)

    def action_go_to_its_run(self) -> None:
        found = runs_of(self.selected) if self.selected is not None else []
        if not found:
            self.app.tell("No run is on record with this episode." if self.selected else "No episode is selected.")
        elif len(found) == 1:
            self._go_to_task(found[0])
        else:
            self._ask("Which run?", [self._task_words(one) for one in found], lambda at: self._go_to_task(found[at]))

    def _go_to_task(self, task_id: int) -> None:
        cast("TasksScreen", self.app.go("tasks")).go_to(task_id)

    def _task_words(self, task_id: int) -> str:
        try:
            return f"#{task_id} {sanitise_name(self.engine.task(task_id).name, limit=60)}"
        except OpsError:
            return f"#{task_id}"

    def _ask(self, title: str, words: Sequence[str], go: Callable[[int], None]) -> None:
        from opsconsole.tui.screens.anomalies.dialogs import WhichScreen

        answers = [Answer(str(at), str(at + 1), text) for at, text in enumerate(words)]
        self.app.push_screen(WhichScreen(title, answers), lambda at: None if at is None else go(at))
