"""The lines to type in: what the list is narrowed to, and what is searched for on a page."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from opsconsole.tui.widgets.filter_line import FilterLine
from opsconsole.tui.widgets.text_field import TextField


class _Line(FilterLine):
    HINT = ""

    def compose(self) -> ComposeResult:
        yield Static("/", id="filter-sign", markup=False)
        yield TextField(placeholder=self.HINT, id="filter-text")
        yield Static("", id="filter-note", markup=False)

    @property
    def typing(self) -> bool:
        return self.has_class("-typing")


class HistoryFilterLine(_Line):
    """Narrows the list."""

    HINT = "words of script, name, output; state:failed (any way) since:24h|today longer:10s by:deploy host: pinned"


class FindLine(_Line):
    """Searches on a page."""

    HINT = "search on this page"
