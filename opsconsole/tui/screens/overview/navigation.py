"""Keys of the overview: from list to list, and from a line to where more is known about it."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, cast

from textual.binding import BindingType

from opsconsole.anomalies import Anomaly
from opsconsole.models import Task
from opsconsole.tui.actions import BY_ID, mode_bindings
from opsconsole.tui.keys import shown_keys
from opsconsole.tui.screens.overview import rows as say
from opsconsole.tui.screens.overview.filtering import OverviewFilter
from opsconsole.tui.screens.overview.pane import Pane
from opsconsole.tui.screens.overview.panes import ProcessPane, SincePane
from opsconsole.tui.screens.overview.since import Item

if TYPE_CHECKING:
    from opsconsole.samples import ProcessSample
    from opsconsole.tui.screens.anomalies.screen import AnomaliesScreen
    from opsconsole.tui.screens.processes.screen import ProcessesScreen
    from opsconsole.tui.screens.tasks.screen import TasksScreen

_FOR_LISTS = frozenset({"acknowledge", "cancel_run", "mark_seen", "sort_processes", "filter"})
_HINTS = {
    "trouble": (("look_at", "look"), ("acknowledge", "acknowledge")),
    "running": (("look_at", "follow"), ("cancel_run", "cancel")),
    "since": (("look_at", "look"), ("mark_seen", "all seen")),
    "processes": (("look_at", "look"), ("sort_processes", "sort")),
}
"""By list: what its first line says about how to act on it."""


class OverviewKeys(OverviewFilter):
    """The part of the overview that goes elsewhere."""

    MODE = "overview"
    KEYS = (
        "back", "look_at", "filter", "submit", "next_pane", "acknowledge", "cancel_run", "zoom_graph", "mark_seen",
        "sort_processes", "analysis", "graph_cores", "watch",
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = mode_bindings("overview")
    since: SincePane
    processes: ProcessPane

    @property
    def _panes(self) -> list[Pane[object]]:
        found = (self.trouble, self.running, self.since, self.processes)
        return [cast("Pane[object]", pane) for pane in found if pane.display]

    @property
    def selected(self) -> Task | None:
        """The run that is cancelled: the one under the cursor."""
        chosen = self.running.selected
        return None if chosen is None else chosen.task

    def label_of(self, action_id: str) -> str | None:
        if self._zoom:
            return self._zoomed_label(action_id)
        makes_sense = {
            "acknowledge": bool(self.unseen), "cancel_run": bool(self.running.items),
            "look_at": isinstance(self.focused, Pane) and self.focused.selected is not None,
            "back": bool(self.filter_line.text), "mark_seen": bool(self.since.items),
        }  # fmt: skip
        if not makes_sense.get(action_id, True):
            return None
        one = BY_ID[action_id]
        if action_id == "back":
            return "all lines"
        turned = {"watch": self.begun and self.engine.monitoring.alive, "graph_cores": self.graphs.cores.display}
        return one.opposite if turned.get(action_id) else one.label

    def _zoomed_label(self, action_id: str) -> str | None:
        labels = {"zoom_graph": BY_ID["zoom_graph"].opposite, "next_pane": "next graph"}
        if action_id == "graph_cores" and self._zoom == "cpu":
            return BY_ID[action_id].label
        return labels.get(action_id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is done to what is not seen."""
        if self._zoom and action in _FOR_LISTS:
            return False
        return super().check_action(action, parameters)

    def show_keys(self) -> None:
        super().show_keys()
        if not self.is_attached:
            return
        keys = {name: found[0] for name, found in shown_keys(self).items()}
        for pane in (self.trouble, self.running, self.since, self.processes):
            found = [(keys[name], label) for name, label in _HINTS[pane.id or ""] if name in keys]
            cast("Pane[object]", pane).hint(found)

    def action_next_pane(self) -> None:
        self._step(1)

    def action_previous_pane(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        if self._zoom:
            self._step_graph(by)
            return
        panes = self._panes
        at = next((at for at, pane in enumerate(panes) if pane is self.focused), -by)
        self.set_focus(panes[(at + by) % len(panes)])

    def action_back(self) -> None:
        if self._zoom:
            self._unzoom()
        else:
            self.filter_line.clear()

    def action_look_at(self) -> None:
        """Go to where more is known about what the cursor is on."""
        if self._zoom:
            self._unzoom()
            return
        pane = self.focused
        chosen = pane.selected if isinstance(pane, Pane) else None
        if isinstance(chosen, Anomaly):
            self._to_anomaly(chosen.id)
        elif isinstance(chosen, say.Running):
            self._to_task(chosen.task.id)
        elif isinstance(chosen, Item):
            self._to_item(chosen)
        elif pane is self.processes and chosen is not None:
            screen = self.app.go("processes")
            cast("ProcessesScreen", screen).go_to(cast("ProcessSample", chosen).pid)

    def _to_item(self, chosen: Item) -> None:
        kind, number = chosen.place
        if kind == "task":
            self._to_task(number)
        elif kind == "anomaly":
            self._to_anomaly(number)
        elif kind == "opened":
            self.app.go("anomalies")
        elif kind != "console":
            self.app.go("tasks")

    def _to_task(self, task_id: int) -> None:
        screen = self.app.go("tasks")
        cast("TasksScreen", screen).go_to(task_id)

    def _to_anomaly(self, episode_id: int) -> None:
        screen = self.app.go("anomalies")
        cast("AnomaliesScreen", screen).go_to(episode_id)
