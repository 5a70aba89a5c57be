"""The way from another mode to a process, which the list may be too old to have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from opsconsole.samples import ProcessSample
from opsconsole.tui.screens.processes.filter import EVERYTHING
from opsconsole.tui.screens.processes.wishes import ProcessWishes
from opsconsole.tui.widgets.filter_line import FilterLine

Sought = tuple[int, float | None]
"""Process id, and when it began, in seconds since the epoch, where that is known."""
_SAME_START_S = 2.0


class ProcessSeeking(ProcessWishes):
    """The part of the screen that other modes call."""

    _filter: FilterLine
    _processes: Sequence[ProcessSample]
    _frozen: bool

    def __init__(self) -> None:
        super().__init__()
        self.sought: Sought | None = None

    def _zoom(self, zoomed: bool) -> None:
        raise NotImplementedError

    def action_freeze(self) -> None:
        raise NotImplementedError

    def go_to(self, pid: int, start_time: float | None = None) -> None:
        """Select a process, as soon as somebody has looked; a filter or a fold that hides it is dropped, and a frozen
        list that does not have it goes on.

        `start_time`: when the one that is meant began, in seconds since the epoch, where that is known.
        """
        self._zoom(False)
        self.sought = pid, start_time
        self.select_sought()
        if self.sought is not None and self._frozen:
            self.action_freeze()
            self.app.tell(f"Process {pid} is not in the frozen list: it goes on.")

    def select_sought(self, looked_for: Sought | None = None) -> None:
        """Put the cursor on it. It has ended only where it was `looked_for` and not found: the list may be older."""
        if self.sought is None:
            return
        pid, began = self.sought
        one = next((one for one in self._processes if one.pid == pid), None)
        if one is None or (began is not None and abs(one.start_time - began) > _SAME_START_S):
            if self.sought is looked_for:
                self.sought = None
                later = "" if one is None else "; its number belongs to a later one"
                self.app.tell(f"Process {pid} has ended{later}.")
            return
        self.sought = None
        if not self._table.select(pid):
            self._filter.clear()
            self._want(replace(self._wish, filter=EVERYTHING, folded=frozenset()))
            self._table.select(pid)
