"""The half of the tasks' screen that looks at one run: its pages, its attempts, its output."""

from __future__ import annotations

import asyncio
import functools
import os
from collections.abc import Sequence
from pathlib import Path

from opsconsole.errors import ConsoleError, OpsError
from opsconsole.models import ExecutionResult, Status, Task
from opsconsole.safety.sanitise import sanitise
from opsconsole.samples import RunUsage
from opsconsole.tui.facts import limits_of
from opsconsole.tui.glyphs import BRAILLE, GlyphSet
from opsconsole.tui.screens.tasks import pager
from opsconsole.tui.screens.tasks.commands import TaskCommands
from opsconsole.tui.screens.tasks.events_page import Noted, events_lines, noted
from opsconsole.tui.screens.tasks.find_line import FindLine
from opsconsole.tui.screens.tasks.info_page import info_lines
from opsconsole.tui.screens.tasks.page_view import Lines
from opsconsole.tui.screens.tasks.review_page import review_lines
from opsconsole.tui.screens.tasks.run_detail import PAGES, RunDetail, Shown
from opsconsole.tui.screens.tasks.usage_page import usage_lines
from opsconsole.tui.widgets.output_view import OutputView
from opsconsole.tui.wording import shortened

_TABS = tuple(action for action, _ in PAGES)
_MOST_SCRIPT = 1_000_000


class RunLooking(TaskCommands):
    """`detail` is the pane. What a page needs is read when it is seen."""

    def __init__(self) -> None:
        super().__init__()
        self.detail = RunDetail(self.clock, id="detail")
        self.latest: dict[str, RunUsage] = {}
        """What running executions use, as last heard."""
        self._chosen = "show_output"
        self._attempt: tuple[int, int] | None = None
        self._shown: Shown | None = None
        self._series: tuple[str, list[RunUsage]] = ("", [])
        self._script: tuple[int, list[str]] = (0, [])

    # -- which run

    def look_at(self, task: Task | None) -> None:
        """Show this task, in the attempt that was chosen of it. Raises OpsErrors."""
        if task is None:
            self._shown = None
            self.detail.show(None)
            self.detail.fill(lambda width, height: ())
            return
        if self._attempt is not None and self._attempt[0] != task.id:
            self._attempt = None
        engine = self.engine
        wanted = f"{task.id}.{self._attempt[1]}" if self._attempt else task.id
        result = engine.result(wanted)
        waiting = engine.waiting_reason(task.id) if task.status.is_open and not task.status.is_active else None
        ran = result.output.get("stdout_path") is not None
        folder = engine.paths.run_folder(result.execution_id) if ran else None
        hiding = functools.partial(engine.hiding_of, task.id, result.execution_id)
        self._shown = Shown(task, result, waiting, folder, hiding)
        self.detail.show(self._shown)
        self._turn(self._page_for(task))

    def _page_for(self, task: Task) -> str:
        """What was refused has no output: its findings are what one wants to see."""
        if task.status is Status.REFUSED and self._chosen == "show_output":
            return "show_review"
        return self._chosen

    def _turn(self, page: str) -> None:
        if page != self.detail.page:
            focused = self.detail.has_focus_within and not self.types
            self.detail.turn_to(page)
            if focused:
                self.set_focus(self.detail.focus_target)
            self.show_keys()
        self.fill_page()

    def _choose(self, page: str) -> None:
        self._chosen = page
        self._turn(page)

    def fill_page(self) -> None:
        """What the page says now."""
        shown = self._shown
        if shown is None or self.detail.page == "show_output":
            return
        try:
            self.detail.fill(self._lines(shown))
        except OpsError as error:
            self.app.report(error)

    def _lines(self, shown: Shown) -> Lines:
        task, result, now = shown.task, shown.result, self.clock()
        folder = self.engine.paths.run_folder(result.execution_id)
        if self.detail.page == "show_review":
            script = self._script_of(task)
            return lambda width, height: review_lines(result, script)
        if self.detail.page == "show_usage":
            return self._usage(shown, folder, now)
        if self.detail.page == "show_events":
            attempts, course = self.engine.attempts(task.id), self.engine.course(task.id)
            notes = {one.execution_id: self._noted(one) for one in attempts}
            return lambda width, height: events_lines(task, attempts, course, notes, result.attempt, now)
        asked = self.engine.asked(task.id)
        return lambda width, height: info_lines(
            task, result, asked, shortened(folder), shown.waiting, now, self.harmless
        )

    def _noted(self, result: ExecutionResult) -> Noted:
        return noted(self.engine.paths.run_folder(result.execution_id))

    def _script_of(self, task: Task) -> list[str]:
        """Harmless lines, read once."""
        if self._script[0] != task.id:
            body = self.engine.shown_script(task.id)[:_MOST_SCRIPT]
            text = sanitise(self.engine.redaction_of(task.id).data(body)).rstrip("\n")
            self._script = (task.id, [line.expandtabs() for line in text.split("\n")])
        return self._script[1]

    # -- what it uses

    def heard_usage(self, usage: RunUsage) -> None:
        """A run was measured."""
        self.latest[usage.execution_id] = usage
        name, series = self._series
        if name == usage.execution_id and (not series or series[-1].time_us < usage.time_us):
            series.append(usage)

    def forget_usage(self, running: Sequence[Task]) -> None:
        """Of those that run no more."""
        alive = {task.execution_id for task in running}
        for name in self.latest.keys() - alive:
            del self.latest[name]

    def _usage(self, shown: Shown, folder: Path, now: int) -> Lines:
        result = shown.result
        if self._series[0] != result.execution_id:
            self._series = (result.execution_id, [])
            self.run_worker(self._read_series(result.execution_id, folder), group="series", exclusive=True)
        series = list(self._series[1])
        live = result.status.is_active
        first = series[0].time_us - 1_000_000 if series else now
        since = min(first, result.started_at or first)
        until = now if live else max(result.finished_at or 0, series[-1].time_us if series else 0) or now
        limits = limits_of(result)
        glyphs = getattr(self.app, "glyphs", BRAILLE)
        glyphs = glyphs if isinstance(glyphs, GlyphSet) else BRAILLE
        ran_s = None if live else result.duration_s
        unbegun = self.detail.unbegun
        return lambda width, height: usage_lines(
            series, limits, (since, until), live, glyphs, width, height, ran_s, unbegun
        )

    async def _read_series(self, execution_id: str, folder: Path) -> None:
        from opsconsole.monitoring.sampling.runs import read_series

        found = await asyncio.to_thread(read_series, folder)
        if self._series[0] == execution_id:
            newer = [one for one in self._series[1] if not found or one.time_us > found[-1].time_us]
            self._series = (execution_id, [*found, *newer])
            self.fill_page()

    # -- pages and attempts on keys

    def action_show_output(self) -> None:
        self._choose("show_output")

    def action_show_review(self) -> None:
        self._choose("show_review")

    def action_show_usage(self) -> None:
        self._choose("show_usage")

    def action_show_events(self) -> None:
        self._choose("show_events")

    def action_show_info(self) -> None:
        self._choose("show_info")

    def action_next_page(self) -> None:
        self._choose(_TABS[(_TABS.index(self.detail.page) + 1) % len(_TABS)])

    def action_previous_page(self) -> None:
        self._choose(_TABS[(_TABS.index(self.detail.page) - 1) % len(_TABS)])

    def action_older_attempt(self) -> None:
        self._shift_attempt(-1)

    def action_newer_attempt(self) -> None:
        self._shift_attempt(1)

    def _shift_attempt(self, by: int) -> None:
        shown = self._shown
        if shown is None:
            return
        try:
            known = [one.attempt for one in self.engine.attempts(shown.task.id)]
            wanted = shown.result.attempt + by
            if wanted not in known:
                self.app.tell("There is no attempt before this one." if by < 0 else "This is the newest attempt.")
                return
            self._attempt = None if wanted == max(known) else (shown.task.id, wanted)
            self.look_at(shown.task)
        except OpsError as error:
            self.app.report(error)

    # -- its output on keys

    @property
    def output(self) -> OutputView:
        return self.detail.output

    def action_follow(self) -> None:
        self._choose("show_output")
        self.output.set_following(not self.output.following)

    def action_wrap(self) -> None:
        self.output.toggle_wrapping()

    def action_times(self) -> None:
        self.output.set_timed(not self.output.timed)

    def action_only_stderr(self) -> None:
        self.output.set_only(None if self.output.only else "stderr")
        self.detail.tick()

    def action_find_output(self) -> None:
        if self._shown is None:
            return
        self._choose("show_output")
        self.detail.find.begin()

    def on_find_line_asked(self, event: FindLine.Asked) -> None:
        self.set_focus(self.output)
        if event.text is not None:
            self.output.find(event.text)
        self.show_keys()

    def on_output_view_not_found(self, event: OutputView.NotFound) -> None:
        needle = self.output.needle
        where = "further down" if event.down else "further up"
        self.app.tell(f"There is no {needle.text if needle else ''!r} {where}.")

    def action_next_hit(self) -> None:
        self.output.go_to_hit(down=True)

    def action_previous_hit(self) -> None:
        self.output.go_to_hit(down=False)

    def action_open_pager(self) -> None:
        if self._shown is None or self._shown.folder is None:
            self.app.tell("It has printed nothing that a pager could show.")
            return
        try:
            confined = self.app.read_only or self.app.recorded is not None
            command, environ = pager.confined_pager_of(os.environ) if confined else (pager.pager_of(os.environ), None)
        except ConsoleError as error:
            self.app.report(error)
            return
        look = pager.Pager(command, pager.shown_bytes(self._shown.folder, self._shown.hiding()), environ)
        self.run_worker(self._page(look), group="pager", exclusive=True)

    async def _page(self, look: pager.Pager) -> None:
        from textual.app import SuspendNotSupported

        from opsconsole.tui.aside import step_aside

        try:
            await step_aside(self.app, look.run, look.stop)
        except SuspendNotSupported:
            self.app.tell("This terminal cannot be lent to a pager.", "warning")
        except ConsoleError as error:
            self.app.report(error)
        self.refresh(layout=True)
