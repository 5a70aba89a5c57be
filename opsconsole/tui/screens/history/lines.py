"""The lines to type in: what the list is narrowed to, and what is searched for on a page."""

from __future__ import annotations

from opsconsole.tui.widgets.filter_line import FilterLine


class HistoryFilterLine(FilterLine):
    """Narrows the list."""

    HINT = "words of script, name, end of output; state:failed (any way) since:24h longer:10s by:deploy host: pinned"


class FindLine(FilterLine):
    """Searches on a page."""

    HINT = "search on this page"
