"""Mode 2, Tasks: queue and history on one side, the selected run on the other."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widgets import Input

from opsconsole.errors import OpsError
from opsconsole.events import Event
from opsconsole.models import Status, Task
from opsconsole.tui.actions import ACTIONS, BY_ID, OF_APP, Where, bindings
from opsconsole.tui.board import PAGE, TaskBoard
from opsconsole.tui.filters import FilterError, parse
from opsconsole.tui.host_rows import health_cell
from opsconsole.tui.keys import keys_of, shown_keys
from opsconsole.tui.screens.task_commands import TaskCommands
from opsconsole.tui.widgets.filter_line import FilterLine
from opsconsole.tui.widgets.run_detail import RunDetail
from opsconsole.tui.widgets.status_line import HeaderLine, Key, KeyLine
from opsconsole.tui.widgets.task_table import TaskTable
from opsconsole.tui.wording import shortened

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.monitoring.analysis import Health
    from opsconsole.tui.app import ConsoleApp

_REFRESH_S = 0.1
_COUNT_S = 0.5
_ALWAYS = ("help", "quit")
_NOTHING_FOUND = ("No task passes this filter.", "", "Press esc to see all.")


class TasksScreen(TaskCommands):
    """What the engine says, coalesced to ten redraws a second; keys become engine commands on the selected task."""

    HORIZONTAL_BREAKPOINTS = [(110, "-wide")]  # noqa: RUF012 - as Textual has it
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings(Where.TASKS, Where.OUTPUT),
        *bindings(Where.CONSOLE, but=OF_APP),
    ]
    app: ConsoleApp

    def __init__(self, host: str, user: str, clock: Callable[[], int]) -> None:
        super().__init__()
        self.clock = clock
        self._engine: Engine | None = None
        self._board = TaskBoard()
        self._header = HeaderLine(host, user)
        self._table = TaskTable(clock, id="tasks")
        self._filter = FilterLine()
        self._detail = RunDetail(clock, id="detail")
        self._keys = KeyLine()
        self._due = False
        self._counts_due = False
        self._wanted: int | None = None

    def compose(self) -> ComposeResult:
        yield self._header
        with Container(id="body"):
            with Vertical(id="list"):
                yield self._table
                yield self._filter
            yield self._detail
        yield self._keys

    @property
    def selected(self) -> Task | None:
        return self._table.selected

    def go_to(self, task_id: int) -> None:
        self._wanted = task_id
        self._schedule()

    def on_mount(self) -> None:
        self.set_focus(self._table)
        self.set_interval(1.0, self._tick)
        self._show_keys()

    def on_resize(self) -> None:
        self._detail.set_brief(self.size.width < 110 and not self.has_class("-zoomed"))

    # -- facts come up

    def begin(self, engine: Engine) -> None:
        """The engine has started."""
        self._engine = engine
        self._header.show_state(shortened(engine.paths.root))
        self._refresh()

    def hear(self, event: Event) -> None:
        """An engine event, on the loop's thread: noted now, drawn soon."""
        if self._board.hear(event):
            self._schedule()

    def show_health(self, health: Health) -> None:
        """What is wrong with the host, where something is; nothing, where all is well."""
        self._header.show_alarm(None if health.worst is None else health_cell(health))

    def _schedule(self) -> None:
        if not self._due:
            self._due = True
            self.set_timer(_REFRESH_S, self._refresh)

    def _refresh(self) -> None:
        self._due = False
        engine = self._engine
        if engine is None or not self.is_attached:
            return
        try:
            rows = self._board.rows(engine)
            self._table.show(rows)
            if self._wanted is not None and self._board.get(self._wanted) is not None:
                self._table.select(self._wanted)
                self._wanted = None
            self._show_selected()
            if not self._counts_due:
                self._counts_due = True
                self._header.show_counts(engine.counts())
                self.set_timer(_COUNT_S, self._recount)
        except OpsError as error:
            self.app.report(error)
        self._show_emptiness(rows_shown=len(self._table.tasks))

    def _recount(self) -> None:
        self._counts_due = False
        if self._engine is not None and self.is_attached:
            self._header.show_counts(self._engine.counts())

    def _show_emptiness(self, rows_shown: int) -> None:
        filtered = bool(self._board.filter)
        self.set_class(not rows_shown, "-empty")
        self._table.say_empty(*(_NOTHING_FOUND if filtered else self._nothing_yet()))
        more = f"the first {PAGE}; filter to see others" if self._board.more and rows_shown >= PAGE else ""
        self._filter.note(f"{rows_shown:,} shown" if filtered and not more else more)

    def _nothing_yet(self) -> tuple[str, ...]:
        key = keys_of(self.app).get("submit")
        return ("No tasks yet.", "", f"Press {key[0]} to run a script.") if key else ("No tasks yet.",)

    def _show_selected(self) -> None:
        engine, task = self._engine, self._table.selected
        self._show_keys()
        if engine is None or task is None:
            self._detail.show(None, None, None, None)
            return
        result = engine.result(task.id)
        waiting = engine.waiting_reason(task.id) if task.status.is_open and not task.status.is_active else None
        ran = result.output.get("stdout_path") is not None
        folder = engine.paths.run_folder(result.execution_id) if ran else None
        hiding = functools.partial(engine.hiding_of, task.id, result.execution_id)
        self._detail.show(task, result, waiting, folder, hiding)

    def _tick(self) -> None:
        self._table.tick()
        task = self._table.selected
        if task is not None and task.status is Status.QUEUED and self._engine is not None:
            self._show_selected()
        self._detail.tick()

    def on_task_table_moved(self) -> None:
        try:
            self._show_selected()
        except OpsError as error:
            self.app.report(error)

    # -- keys

    def on_descendant_focus(self) -> None:
        self._show_keys()

    def _show_keys(self) -> None:
        if isinstance(self.focused, Input):
            self._keys.show([Key("enter", "keep the filter"), Key("esc", "drop it")], [])
            return
        task = self._table.selected
        keys = {action: names[0] for action, names in shown_keys(self).items()}
        hints = [
            Key(keys[action.id], action.label_for(task))
            for action in ACTIONS
            if action.footer and action.id in keys and action.id not in _ALWAYS and self._makes_sense(action.id, task)
        ]
        if self.has_class("-zoomed"):
            hints.insert(0, Key(keys.get("back", "esc"), "back"))
            hints += [Key(keys[name], BY_ID[name].label) for name in ("follow", "wrap") if name in keys]
        self._keys.show(hints, [Key(keys[name], BY_ID[name].label) for name in _ALWAYS if name in keys])

    def _makes_sense(self, action_id: str, task: Task | None) -> bool:
        action = BY_ID[action_id]
        if action.where is not Where.TASKS:
            return True
        if task is None or (action_id == "open" and self.has_class("-zoomed")):
            return False
        return action.refusal is None or action.refusal(task) is None

    # -- looking

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In a line of text all keys are text."""
        return not (isinstance(self.focused, Input) and action in BY_ID and BY_ID[action].opens_text)

    def action_open(self) -> None:
        if self._table.selected is not None:
            self._zoom(True)

    def action_back(self) -> None:
        if self.has_class("-zoomed"):
            self._zoom(False)
        elif self._filter.text:
            self._filter.clear()
        else:
            self.set_focus(self._table)

    def _zoom(self, zoomed: bool) -> None:
        self.set_class(zoomed, "-zoomed")
        self.on_resize()
        self.set_focus(self._detail.output if zoomed else self._table)
        self._show_keys()

    def action_follow(self) -> None:
        self._detail.output.set_following(not self._detail.output.following)

    def action_wrap(self) -> None:
        self._detail.output.toggle_wrapping()

    def action_filter(self) -> None:
        self._zoom(False)
        self._filter.begin()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        try:
            self._board.narrow(parse(event.text))
        except FilterError as error:
            self._filter.note(str(error), wrong=True)
            return
        self._schedule()

    def on_filter_line_left(self) -> None:
        self.set_focus(self._table)
