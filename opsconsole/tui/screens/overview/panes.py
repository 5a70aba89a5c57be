"""The four lists of the overview: trouble, what runs, what happened, who is busy."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opsconsole.anomalies import Anomaly, Severity
from opsconsole.events import SampleTaken
from opsconsole.models import Task
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.samples import ProcessSample, RunUsage
from opsconsole.tui.glyphs import BRAILLE, GlyphSet
from opsconsole.tui.head import LOOKING
from opsconsole.tui.screens.overview import rows as say
from opsconsole.tui.screens.overview import since
from opsconsole.tui.screens.overview.pane import Pane, Row
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import age, running_for

if TYPE_CHECKING:
    from opsconsole.storage.looks import Happened

Now = Callable[[], int]
_KEPT = 120
USED_SHOWN = 24
"""Figures of a run that its graphs have room for."""
_UNSEEN_S = 2
_MOST_FILLED = 20
"""Of more runs than can be seen at once nobody waits for the graphs."""
_REMEMBERED = 400
_STARTING = Cell("starting …", "faint")
_OLD_S = 7 * 86_400
_STARTS_NONE = Cell(", and a read-only console starts no monitor that was stopped", "muted")
_UNRECORDED = Cell("   seen here only, nothing is recorded", "muted")


class TroublePane(Pane[Anomaly]):
    """Open anomalies; a calm line when there is none."""

    def __init__(self, now: Now, *, id: str) -> None:
        self._clock = now
        super().__init__("Trouble", lambda one: one.id, self._row_of, id=id)
        self._calm = [_STARTING]
        self._taken: SampleTaken | None = None
        self._present: say.Present | None = None

    def sampled(self, taken: SampleTaken | None) -> None:
        """What is so now; None: nobody looks."""
        self._taken, self._present = taken, None

    def _row_of(self, one: Anomaly, width: int) -> Row:
        if self._present is None:
            self._present = say.present(self._taken)
        return say.trouble_row(one, self._clock(), width, self._present)

    def tell(
        self, found: Sequence[Anomaly], last: Anomaly | None, *, watched: bool, looked: bool, start_key: str | None,
        recorded: bool = True,
    ) -> None:  # fmt: skip
        """`last`: the one that was over last. Unwatched, or before the first look, nobody knows whether all is well.
        Not `recorded`: what is seen is gone with this console."""
        unseen = sum(not one.seen for one in found)
        seen = f", {len(found) - unseen} seen" if unseen != len(found) else ""
        note = Cell(f"{len(found)} open{seen}", "bad" if unseen else "muted")
        if found and not watched:
            note = Cell(f"nobody watches now: {len(found)} open when the monitor stopped", "warning")
        self.set_class(bool(found), "-open")
        alone = [] if recorded or not watched else [_UNRECORDED]
        calm = self._calm_line(last, watched, looked, start_key)
        self.show(found, note=[note, *alone] if found else [], calm=[*calm, *alone] if looked else calm)

    def _calm_line(self, last: Anomaly | None, watched: bool, looked: bool, start_key: str | None) -> list[Cell]:
        if not watched:
            how = Cell(f"  press {start_key} to start the monitor", "plain") if start_key else _STARTS_NONE
            return [Cell("unknown: nobody watches this host", "warning"), how]
        if not looked:
            return [LOOKING]
        cells = [Cell("✔ nothing is wrong", "good")]
        if last is not None and last.closed_at is not None:
            ago = age(self._clock() - last.closed_at)
            what = sanitise_name(last.sentence or last.kind)
            cells.append(Cell(f"   last: {what}, {'just now' if ago == 'now' else f'{ago} ago'}", "faint"))
        return cells


class RunningPane(Pane[say.Running]):
    """What runs, with small graphs of what it uses; the queue is its last line."""

    def __init__(self, now: Now, *, id: str) -> None:
        self._clock = now
        super().__init__("Running", lambda one: one.task.id if one.more is None else "queue", self._row_of, id=id)
        self._calm = [_STARTING]
        self._used: dict[str, tuple[deque[float | None], deque[float]]] = {}
        self._asked: set[str] = set()
        self.run_folder: Callable[[str], Path] | None = None

    def sampled(self, usage: RunUsage) -> None:
        """What a run uses now."""
        cpu, rss = self._used.setdefault(usage.execution_id, (deque(maxlen=_KEPT), deque(maxlen=_KEPT)))
        cpu.append(usage.cpu_percent)
        rss.append(float(usage.rss_bytes))

    def unmeasured(self) -> list[str]:
        """Executions that ran before they were seen here: what they used until now is on record. It is asked once."""
        now, fresh = self._clock(), [one.task for one in self.items if one.more is None]
        fresh = [task for task in fresh if task.execution_id not in self._asked]
        self._asked.update(task.execution_id for task in fresh)
        old = [task.execution_id for task in fresh if (running_for(task, now) or 0) >= _UNSEEN_S]
        return old[:_MOST_FILLED]

    def fill(self, recorded: Sequence[RunUsage]) -> None:
        """What a run has used so far, the oldest first; what was heard meanwhile comes after it."""
        for one in recorded[:1]:
            cpu, rss = self._used.pop(one.execution_id, ((), ()))
            for usage in recorded[: max(0, len(recorded) - len(rss))]:
                self.sampled(usage)
            live = self._used.setdefault(one.execution_id, (deque(maxlen=_KEPT), deque(maxlen=_KEPT)))
            live[0].extend(cpu)
            live[1].extend(rss)
        self.redraw()

    def ended(self, execution_id: str) -> None:
        self._used.pop(execution_id, None)
        self._asked.discard(execution_id)

    def tell(self, active: Sequence[Task], queue: say.Running | None, waits: str, new_key: str | None) -> None:
        """`queue`: what stands behind them; `waits`: how much that is, in words."""
        items = [say.Running(task) for task in active]
        if queue is not None:
            items.append(queue)
        how = [Cell(f"  {new_key}: run a script", "faint")] if new_key else []
        note = [Cell(f"{len(active)} running", "good")] if active else []
        if queue is not None and active:
            note.append(Cell(f", {waits}", "muted"))
        self.show(items, note=note, calm=[Cell("nothing runs, nothing waits", "muted"), *how])

    def _row_of(self, one: say.Running, width: int) -> Row:
        task, now = one.task, self._clock()
        used = self._used.get(task.execution_id)
        history = say.History() if used is None else say.History(list(used[0]), list(used[1]))
        output = "" if width < 50 or one.more is not None else say.printed(self._silent_for(task, now), width)
        found = getattr(self.app, "glyphs", BRAILLE)
        return say.running_row(one, history, output, now, width, found if isinstance(found, GlyphSet) else BRAILLE)

    def _silent_for(self, task: Task, now: int) -> float | None:
        """Seconds since it printed something; None: it has not, or nobody knows."""
        if self.run_folder is None:
            return None
        folder, last = self.run_folder(task.execution_id), 0.0
        for name in ("stdout", "stderr"):
            try:
                info = (folder / name).stat()
            except OSError:
                continue
            if info.st_size:
                last = max(last, info.st_mtime)
        seconds = now / 1e6 - last
        return seconds if last and seconds < _OLD_S else None


class SincePane(Pane[since.Item]):
    """What happened since the operator last looked."""

    def __init__(self, now: Now, *, id: str) -> None:
        self._clock = now
        super().__init__("Since you last looked", lambda one: one.place, self._row_of, id=id)
        self._calm = [_STARTING]

    def _row_of(self, one: since.Item, width: int) -> Row:
        return since.item_row(one, self._clock(), width)

    def tell(self, found: Happened, since_us: int | None) -> None:
        now = self._clock()
        self.show(
            since.items(found, now), note=since.summary(found), calm=[Cell("nothing happened", "muted")],
            title=since.title(since_us, now),
        )  # fmt: skip


class ProcessPane(Pane[ProcessSample]):
    """Who is busy, or large; those that an open anomaly is about have its colour."""

    HOLDS_FIRST = False

    def __init__(self, harmless: Callable[[str], str], *, id: str) -> None:
        """`harmless`: a command line as it may be shown; it should remember what it said."""
        super().__init__("Processes by CPU", lambda one: one.identity, self._row_of, id=id)
        self._calm = [_STARTING]
        self._harmless = harmless
        self._guilty: Mapping[int, Severity] = {}
        self._rows: dict[int, tuple[ProcessSample, int, Severity | None, Row]] = {}
        self.by_memory = False

    def _row_of(self, one: ProcessSample, width: int) -> Row:
        """The sampler gives the same object for as long as nothing about it has changed."""
        severity = self._guilty.get(one.pid)
        known = self._rows.get(one.pid)
        if known is not None and known[0] is one and known[1:3] == (width, severity):
            return known[3]
        row = say.process_row(one, self._harmless(say.command_of(one)), severity, width)
        if len(self._rows) >= _REMEMBERED:
            self._rows.clear()
        self._rows[one.pid] = one, width, severity, row
        return row

    def forget_rows(self) -> None:
        """Commands are to be made harmless anew."""
        self._rows.clear()
        self.redraw()

    def accuse(self, guilty: Mapping[int, Severity]) -> None:
        """Process id → severity."""
        if guilty != self._guilty:
            self._guilty = guilty
            self.redraw()

    def tell(self, processes: Sequence[ProcessSample], notes: Sequence[Cell], calm: Sequence[Cell]) -> None:
        """`calm`: what stands there while nobody has looked."""
        ordered = say.by_use(processes, by_memory=self.by_memory)
        title = f"Processes by {'memory' if self.by_memory else 'CPU'}"
        self.show(ordered, note=notes, calm=calm, title=title)
