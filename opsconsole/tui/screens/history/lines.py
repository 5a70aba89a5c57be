"""The lines to type in: what the list is narrowed to, and what is searched for on a page."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widgets import Static

from opsconsole.tui.widgets.filter_line import FilterLine
from opsconsole.tui.widgets.text_field import TextField


class _Line(FilterLine):
    HINT = ""
    _noted = "", False

    def compose(self) -> ComposeResult:
        yield Static("/", id="filter-sign", markup=False)
        yield TextField(placeholder=self.HINT, id="filter-text")
        yield Static("", id="filter-note", markup=False)

    def note(self, text: str, *, wrong: bool = False) -> None:
        """What is said already is not said again: the whole screen would be laid out for it."""
        if (text, wrong) != self._noted and self.query("#filter-note"):
            super().note(text, wrong=wrong)
            self._noted = text, wrong

    @property
    def typing(self) -> bool:
        return self.has_class("-typing")


class HistoryFilterLine(_Line):
    """Narrows the list."""

    HINT = "words of script, name, end of output; state:failed (any way) since:24h longer:10s by:deploy host: pinned"


class FindLine(_Line):
    """Searches on a page."""

    HINT = "search on this page"
