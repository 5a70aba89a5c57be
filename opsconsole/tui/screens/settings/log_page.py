"""What the console told and what went wrong in it, newest last; that of earlier consoles too."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from opsconsole.errors import OpsError
from opsconsole.safety.sanitise import sanitise_name
from opsconsole.tui.journal import SEVERITIES, Entry, Severity, read_file
from opsconsole.tui.screens.settings.page import Page
from opsconsole.tui.screens.settings.prose import Paragraph, fact
from opsconsole.tui.screens.settings.row_list import Column, Row, heading
from opsconsole.tui.widgets.cells import Cell
from opsconsole.tui.wording import count_of, shortened

_FACES: dict[Severity, tuple[str, str]] = {
    "information": ("·", "muted"), "warning": ("!", "warning"), "error": ("✗", "bad"),
}  # fmt: skip


_OVER = ("✔", "good")
"""Of an alert that says it is over: it counts as a warning, and is nothing to worry about."""


def _face(one: Entry) -> tuple[str, str]:
    return _OVER if one.text.startswith("[RESOLVED]") and one.severity != "error" else _FACES[one.severity]


class LogPage(Page):
    """Follows while the cursor is on the last line. What was only told is shown on a key: it would crowd out what went
    wrong."""

    ID = "log"
    COLUMNS = (Column("", 1), Column("TIME", 8), Column("WHAT", 0), Column("×", 4, right=True, from_width=40))
    KEYS: ClassVar[tuple[str, ...]] = ("log_severity", "log_follow", "copy", "refresh_page")

    def __init__(self) -> None:
        super().__init__()
        self._earlier: list[Entry] = []
        self._least: Severity = "warning"
        self._follows = True
        self._read = False
        self._entries: dict[str, Entry] = {}
        self._less_grave = 0
        self._others_since: int | None = None
        """When the oldest of the other consoles began that are open now."""

    def look(self) -> None:
        self.app.journal.read()
        if not self._read:
            self.refresh_page()
        self._show()

    def refresh_page(self) -> None:
        """What other consoles wrote."""
        self._read = True
        file = self.app.journal.file or self.mode.engine.paths.journal
        began = self.app.journal.since
        try:
            others = [one.started_at for one in self.mode.engine.consoles() if one.pid != os.getpid()]
        except OpsError:  # the page about the host says so
            others = []
        self._others_since = min(others, default=None)
        self.in_background(lambda: [one for one in read_file(file) if one.time_us < began], self._take)

    def _take(self, earlier: list[Entry]) -> None:
        self._earlier = earlier
        self._show()

    def heard(self) -> None:
        """Something was told while the page is seen."""
        self.app.journal.read()
        self._show()

    def _show(self) -> None:
        least = SEVERITIES.index(self._least)
        numbered = [(f"-{at}", one) for at, one in enumerate(self._earlier)]
        numbered += [(f"+{at}", one) for at, one in self.app.journal.numbered]
        self._entries = {key: one for key, one in numbered if SEVERITIES.index(one.severity) >= least}
        self._less_grave = len(numbered) - len(self._entries)
        rows: list[Row] = []
        day = ""
        for key, one in self._entries.items():
            when = _local(one.time_us)
            if (now := f"{when:%A, %-d %B %Y}") != day:
                day = now
                rows.append(heading(day))
            rows.append(self._row(key, one, when))
        self.show_rows(rows)
        if self._follows and self.list.rows:
            self.list.select(self.list.rows[-1].id)

    def _row(self, key: str, one: Entry, when: datetime) -> Row:
        glyph, tone = _face(one)
        text = sanitise_name(one.text.split("\n")[0], limit=500)
        count = f"×{one.count}" if one.count > 1 else ""
        quiet = tone if tone in ("warning", "bad") else "plain"
        return Row(
            key, (Cell(glyph, tone), Cell(f"{when:%H:%M:%S}", "muted"), Cell(text, quiet), Cell(count, "muted")),
            f"{one.severity} {sanitise_name(one.text)}",
        )  # fmt: skip

    @property
    def progress(self) -> str:
        if not self._less_grave:
            return ""
        return f"{count_of(self._less_grave, 'line')} less grave: {self.key('log_severity')} shows more"

    def empty(self) -> Sequence[str]:
        if self._least != "information":
            grave = "an error" if self._least == "error" else "a warning"
            return (f"Nothing as grave as {grave}.", f"{self.key('log_severity')} shows more")
        return ("Nothing was told yet.", "What the console says is kept here.")

    def moved(self, row_id: str) -> None:
        self._follows = self.list.at_end
        super().moved(row_id)

    def title_of(self, row_id: str) -> Cell:
        one = self._entries[row_id]
        glyph, tone = _face(one)
        return Cell(f"{glyph} {'over' if (glyph, tone) == _OVER else one.severity}", tone)

    def describe(self, row_id: str) -> Sequence[Paragraph]:
        one = self._entries[row_id]
        said: list[Paragraph] = [(), *((Cell(sanitise_name(line), "plain"),) for line in one.text.splitlines()), ()]
        said.append(fact("at", f"{_local(one.time_us):%Y-%m-%d %H:%M:%S}", "muted"))
        if one.count > 1:
            said.append(fact("times", f"{one.count}, one after the other", "muted"))
        journal = self.app.journal
        where = shortened(journal.file) if journal.file else "nowhere yet"
        by = "" if row_id.startswith("+") else f", by {self._who(one)}"
        said.append(fact("kept in", where + by, "muted"))
        if journal.lost:
            why = sanitise_name(journal.trouble) or "it works again"
            said.append(fact("not kept", f"{journal.lost} lines: {why}", "warning"))
        return said

    def _who(self, one: Entry) -> str:
        """A line does not say whose it is: only what is older than every open console is of none of them."""
        if self._others_since is not None and one.time_us >= self._others_since:
            return "another console, which may be open still"
        return "an earlier console"

    @property
    def badge(self) -> Cell | None:
        unread = self.app.journal.unread_errors
        return self.badge_of(unread) if unread else None

    @staticmethod
    def badge_of(unread: int) -> Cell:
        """So many errors that nobody has seen."""
        return Cell(f"✗{unread}", "bad")

    def copied(self, row_id: str) -> str:
        one = self._entries[row_id]
        return f"{_local(one.time_us):%Y-%m-%d %H:%M:%S} {one.severity} {one.text}"

    def label_of(self, action_id: str) -> str | None:
        if action_id == "log_severity":
            return {"warning": "all", "information": "only errors", "error": "warnings, too"}[self._least]
        if action_id == "log_follow":
            return "stay here" if self._follows else "follow"
        return super().label_of(action_id)

    def next_severity(self) -> None:
        """More each time; after all of it only the gravest."""
        self._least = SEVERITIES[SEVERITIES.index(self._least) - 1]
        self._show()
        self.mode.show_keys()

    def toggle_follow(self) -> None:
        self._follows = not self._follows
        if self._follows and self.list.rows:
            self.list.select(self.list.rows[-1].id)
        self.mode.show_keys()


def _local(time_us: int) -> datetime:
    return datetime.fromtimestamp(time_us / 1e6).astimezone()
