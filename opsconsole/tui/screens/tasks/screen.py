"""Mode 2, Tasks: queue and history on one side, the selected run on the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.timer import Timer

from opsconsole.errors import OpsError
from opsconsole.events import Event, RunSampled
from opsconsole.models import Status, Task
from opsconsole.safety.sanitise import sanitise
from opsconsole.storage.costs import Cost
from opsconsole.tui.action import Where
from opsconsole.tui.actions import BY_ID, mode_bindings
from opsconsole.tui.filters import FilterError, parse, suggestion
from opsconsole.tui.keys import keys_of, shown_keys
from opsconsole.tui.screens.mode import WIDE
from opsconsole.tui.screens.tasks.actions import ACTIONS
from opsconsole.tui.screens.tasks.board import PAGE, TaskBoard
from opsconsole.tui.screens.tasks.looking import RunLooking
from opsconsole.tui.screens.tasks.run_detail import PAGES
from opsconsole.tui.screens.tasks.table import TaskTable
from opsconsole.tui.screens.tasks.titles import TitleLine, counts_cells
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.widgets.filter_line import FilterLine
from opsconsole.tui.widgets.key_line import Key

if TYPE_CHECKING:
    from opsconsole.tui.app import ConsoleApp

_REFRESH_S = 0.1
_NO_COST = Cost(None, None)
_REST_S = 0.06
_COSTS_AT_ONCE = 100
_TALL = 40
"""From so many lines on, all that is known of a run has room above its output."""
_ROOMY = 130
"""From so many columns on the list has room for the policy, and a run for its lines."""
_ZOOMED = ("back", "follow", "find_output", "wrap")
_HITS = ("next_hit", "previous_hit")
_NOTHING_FOUND = "No task passes this filter."


class TasksScreen(RunLooking):
    """What the engine says, coalesced to ten redraws a second; keys become engine commands on the selected task."""

    MODE = "tasks"
    KEYS = (*_ZOOMED, *_HITS, "submit", *(one.id for one in ACTIONS if one.footer), "filter")
    BINDINGS: ClassVar[list[BindingType]] = mode_bindings("tasks")
    app: ConsoleApp

    def __init__(self) -> None:
        super().__init__()
        self._board = TaskBoard()
        self._title = TitleLine(id="title", keep_right=30)
        self._table = TaskTable(self.clock, id="tasks")
        self._table.usage = self.latest
        self._table.unanswered = self.detail.unanswered = self.unanswered
        self._filter = FilterLine()
        self._due = False
        self._counts: list[Cell] = []
        self._wanted: int | None = None
        self._looking: Timer | None = None

    def compose_body(self) -> ComposeResult:
        with Container(id="body"):
            with Vertical(id="list"):
                yield self._title
                yield self._table
                yield self._filter
            yield self.detail

    @property
    def selected(self) -> Task | None:
        return self._table.selected

    @property
    def tagged(self) -> list[int]:
        return sorted(self._table.tagged)

    def go_to(self, task_id: int) -> None:
        """Select a task, as soon as it is in the list; a filter that hides it is dropped."""
        self._wanted = task_id
        if self._board.filter and self.begun and self._board.get(task_id) is None:
            self._filter.clear()
        self._schedule()

    def on_mount(self) -> None:
        self.set_focus(self._table)

    def on_resize(self) -> None:
        roomy = self.size.width >= WIDE and self.size.height >= _TALL
        self.detail.set_brief(not roomy)
        self.set_class(self.size.width >= _ROOMY, "-roomy")

    # -- facts come up

    def begin(self) -> None:
        self.set_interval(1.0, self._tick)
        self._refresh()

    def hear(self, event: Event) -> None:
        """An engine event, on the loop's thread: noted now, drawn soon."""
        if isinstance(event, RunSampled):
            self.heard_usage(event.usage)
        elif self._board.hear(event):
            self._schedule()

    def _schedule(self) -> None:
        if not self._due:
            self._due = True
            self.set_timer(_REFRESH_S, self._refresh)

    def _refresh(self) -> None:
        self._due = False
        if not self.begun or not self.is_attached:
            return
        engine = self.engine
        try:
            rows = self._board.rows(engine)
            self._load_costs(rows)
            self._table.show(rows)
            if self._wanted is not None:
                self._seek(self._wanted)
            self._show_selected()
            self._show_title()
        except OpsError as error:
            self.app.report(error)
        self._show_emptiness(rows_shown=len(self._table.tasks))

    def _seek(self, wanted: int) -> None:
        """Put the cursor on it; what is older than all that the list has room for is looked up by its number. Raises
        OpsErrors."""
        if self._board.get(wanted) is not None:
            self._wanted = None
            self._table.select(wanted)
        elif self._board.more and not self._board.filter:
            try:
                older = self._board.has_no_room_for(self.engine.task(wanted))
            except OpsError:
                self._wanted = None
                raise
            if older:
                self._filter.fill(f"#{wanted}")

    def _load_costs(self, rows: list[Task]) -> None:
        """What ended tasks have used; of a long list a part at a time."""
        known = self._table.costs
        missing = [task.id for task in rows if not task.status.is_open and task.id not in known]
        if missing:
            found = self.engine.costs(missing[:_COSTS_AT_ONCE])
            known.update({task_id: found.get(task_id, _NO_COST) for task_id in missing[:_COSTS_AT_ONCE]})
        if len(missing) > _COSTS_AT_ONCE:
            self._schedule()

    def show_unanswered(self) -> None:
        if self.is_attached:
            self._table.tick()
            self.detail.tick()

    def _show_title(self) -> None:
        self._counts = counts_cells(dict(self.engine.counts()))
        self._draw_title()

    def _draw_title(self) -> None:
        cells = [Cell("Tasks  ", "strong"), *self._counts]
        tags, keys = len(self._table.tagged), shown_keys(self)
        right = []
        if tags:
            off = f", {keys['untag_tasks'][0]} drops them" if "untag_tasks" in keys else ""
            right.append(Cell(f"  ● {tags} tagged{off}", "accent"))
        for action in ("filter", "tag_task"):
            if action in keys and not (action == "filter" and self._on_run):
                right.append(Cell(f"  {keys[action][0]} {BY_ID[action].label}", "faint"))
        self._title.show(cells, right)

    def _show_emptiness(self, rows_shown: int) -> None:
        filtered = bool(self._board.filter)
        self.set_class(not rows_shown, "-empty")
        self._table.say_empty(*(self._nothing_found() if filtered else self._nothing_yet()))
        more = f"the first {PAGE}; filter to see others" if self._board.more and rows_shown >= PAGE else ""
        self._filter.note(f"{rows_shown:,} shown" if filtered and not more else more)

    def _nothing_found(self) -> tuple[str, ...]:
        text = self._filter.text
        hint = suggestion(text)
        if not hint and self._board.filter.words and not {":", "="} & set(text):
            hint = "try text:WORD (script and output), or state:failed"
        said = f"{hint[:1].upper()}{hint[1:]}, or press esc to see all." if hint else "Press esc to see all."
        return (_NOTHING_FOUND, "", said)

    def _nothing_yet(self) -> tuple[str, ...]:
        if self.begun and (unread := self.engine.unread) is not None:
            return ("The record cannot be read.", sanitise(unread.message))
        key = keys_of(self.app).get("submit")
        return ("No tasks yet.", "", f"Press {key[0]} to run a script.") if key else ("No tasks yet.",)

    def _show_selected(self) -> None:
        self.look_at(self._table.selected)
        self.show_keys()  # after it: what was looked for in the output of another run is looked for no longer

    def show_keys(self) -> None:
        super().show_keys()
        if self.begun and self.is_attached and not self.types:
            self._draw_title()
            names = {"follow", *(action for action, _ in PAGES)}
            self.detail.keys = {name: keys[0] for name, keys in shown_keys(self).items() if name in names}

    def _tick(self) -> None:
        self.forget_usage([task for task in self._table.tasks if task.status.is_active])
        self._table.tick()
        task = self._table.selected
        try:
            if task is not None and task.status is Status.QUEUED:
                self._show_selected()
        except OpsError as error:
            self.app.report(error)
        self.detail.tick()
        aging = self.detail.page == "show_events"
        if self.looks and task is not None and (task.status.is_open or aging):
            self.fill_page()

    def on_task_table_moved(self) -> None:
        """The cursor is seen at once; the run when it rests, for reading its output takes longer than a key may."""
        if self._looking is not None:
            self._looking.stop()
        self._looking = self.set_timer(_REST_S, self._look_again)

    def _look_again(self) -> None:
        if not self.is_attached or not self.begun:
            return
        try:
            self._show_selected()
        except OpsError as error:
            self.app.report(error)

    # -- keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the output, once something was looked for, its keys come before those of the list."""
        searched = self.focused is self.output and self.output.needle is not None
        if action in (*_HITS, "submit") and (action in _HITS) is not searched:
            return False
        return super().check_action(action, parameters)

    def typing_keys(self) -> list[Key]:
        if self.detail.find.has_focus_within:
            return [Key("enter", "search"), Key("esc", "leave it")]
        return super().typing_keys()

    def label_of(self, action_id: str) -> str | None:
        zoomed = self.has_class("-zoomed")
        if action_id in _ZOOMED:
            return BY_ID[action_id].label if zoomed or (action_id == "find_output" and self._on_run) else None
        return BY_ID[action_id].label_for(self._table.selected) if self._makes_sense(action_id) else None

    @property
    def _on_run(self) -> bool:
        """Keys are for the run, and not for the list."""
        return self.has_class("-zoomed") or (self._shown is not None and self.detail.has_focus_within)

    def _hints(self, keys: Mapping[str, str]) -> list[Key]:
        if self._on_run and "filter" in keys:
            keys = {name: key for name, key in {**keys, "find_output": keys["filter"]}.items() if name != "filter"}
        return super()._hints(keys)

    def _makes_sense(self, action_id: str) -> bool:
        action, task = BY_ID[action_id], self._table.selected
        if action.where is not Where.TASKS:
            return True
        if task is None or (action_id == "open" and self.has_class("-zoomed")):
            return False
        return bool(self._table.tagged) or action.refusal is None or action.refusal(task) is None

    # -- looking

    def action_open(self) -> None:
        if self._table.selected is not None:
            self._zoom(True)

    def action_back(self) -> None:
        if self.output.stop_seeking():
            return
        if self.has_class("-zoomed"):
            self._zoom(False)
        elif self.focused is self._table and self._filter.text:
            self._filter.clear()
        else:
            self.set_focus(self._table)

    def _zoom(self, zoomed: bool) -> None:
        self.set_class(zoomed, "-zoomed")
        self.on_resize()
        self.set_focus(self.detail.focus_target if zoomed else self._table)
        self.show_keys()

    def action_tag_task(self) -> None:
        """And on to the next one."""
        if (task := self._table.selected) is None:
            return
        self._table.tagged ^= {task.id}
        self._table.tick()
        self._table.action_down()
        self._show_tags()

    def action_untag_tasks(self) -> None:
        self._table.tagged.clear()
        self._table.tick()
        self._show_tags()

    def _show_tags(self) -> None:
        self.show_keys()
        try:
            self._show_title()
        except OpsError as error:
            self.app.report(error)

    def action_filter(self) -> None:
        """Of a run that has the focus or the whole screen the output is searched, as a pager does on this key."""
        if self._on_run:
            self.action_find_output()
            return
        self._filter.begin(self._table)

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        try:
            self._board.narrow(parse(event.text))
        except FilterError as error:
            self._filter.note(str(error), wrong=True)
            return
        self._schedule()

    def on_filter_line_left(self) -> None:
        if self._due:
            self._refresh()  # now: the next key may be here already, and moves in what passes the filter
        self.set_focus(self._table)
