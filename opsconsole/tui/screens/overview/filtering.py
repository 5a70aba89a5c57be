"""The filter of the overview: one list at a time, down to the lines that hold what was typed."""

from __future__ import annotations

from typing import cast

from textual.widgets import Input

from opsconsole.tui.screens.overview.pane import Pane
from opsconsole.tui.screens.overview.zooming import OverviewZoom
from opsconsole.tui.widgets.filter_line import FilterLine

_EXAMPLE = "part of a line of {}"


class OverviewFilter(OverviewZoom):
    """The part of the overview that narrows the list which had the focus; all else goes on as if it did not."""

    def __init__(self) -> None:
        super().__init__()
        self.filter_line = FilterLine()
        self._filtered: Pane[object] | None = None
        self._said = ""

    def share_out(self) -> None:
        """Share the room out anew."""
        raise NotImplementedError

    @property
    def filter_seen(self) -> bool:
        """It has a line of the screen."""
        return bool(self.filter_line.text) or self.filter_line.has_class("-typing")

    def action_filter(self) -> None:
        focused = self.focused if isinstance(self.focused, Pane) else self.trouble
        pane = cast("Pane[object]", focused)
        if self._filtered is not None and self._filtered is not pane:
            self._filtered.narrow("")
            self.filter_line.clear()
        self._filtered = pane
        self.filter_line.query_one(Input).placeholder = _EXAMPLE.format(pane.title)
        self.filter_line.begin(pane)
        self.share_out()
        self.show_keys()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        if self._filtered is not None:
            self._filtered.narrow(self.filter_line.text)
            self.say_found()
            self.share_out()
            self.show_keys()

    def on_filter_line_left(self) -> None:
        pane = self._filtered if self._filtered is not None and self._filtered.display else self.trouble
        self.set_focus(pane)
        self.share_out()

    def say_found(self) -> None:
        """How much of the list is left; it changes by itself."""
        pane, text = self._filtered, self.filter_line.text
        said = f"{pane.found:,} of {len(pane.items):,}" if pane is not None and text else ""
        if said != self._said:
            self._said = said
            self.filter_line.note(said)
