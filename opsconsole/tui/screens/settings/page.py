"""A page of this mode: a list, and beside or below it what is to be said of the selected row."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from textual.app import ComposeResult
from textual.containers import Container
from textual.widget import Widget

from opsconsole.tui.keys import key_name
from opsconsole.tui.screens.settings.prose import Paragraph, Prose
from opsconsole.tui.screens.settings.row_list import Column, Row, RowList, filtered
from opsconsole.tui.widgets.cells import Cell

if TYPE_CHECKING:
    from opsconsole.settings import Settings
    from opsconsole.tui.app import ConsoleApp
    from opsconsole.tui.screens.settings.screen import SettingsScreen

T = TypeVar("T")


class Page(Container):
    """An heir says which rows there are, and what a key does to the selected one."""

    ID: ClassVar[str]
    """As its action `page_ID`."""
    COLUMNS: ClassVar[Sequence[Column]]
    KEYS: ClassVar[tuple[str, ...]] = ()
    """Its actions, for the footer."""
    app: ConsoleApp

    def __init__(self) -> None:
        super().__init__(id=f"page-{self.ID}", classes="settings-page")
        self.list = RowList(self.COLUMNS, id=f"{self.ID}-list")
        self.detail = Prose(id=f"{self.ID}-detail")
        self.only_changed = False
        self.filter = ""
        self._all: list[Row] = []
        self._jobs: deque[Callable[[], None]] = deque()
        """The first of them is being done."""
        self._lock = threading.Lock()

    def compose(self) -> ComposeResult:
        yield self.list
        yield self.beside()

    def beside(self) -> Widget:
        """What stands beside the list."""
        return self.detail

    @property
    def mode(self) -> SettingsScreen:
        return cast("SettingsScreen", self.screen)

    def harmless(self, text: str, limit: int = 2000) -> str:
        return self.mode.harmless(text, limit)

    def key(self, action_id: str) -> str:
        """The first key of an action, as it is now."""
        return key_name(self.app, self.app.keys_for(action_id).split(",")[0])

    # -- for heirs

    def look(self) -> None:
        """It came on top."""

    def leave(self) -> None:
        """Another page or mode did."""

    def apply(self, settings: Settings) -> None:
        """The settings were read again: these are in force now."""

    def rebound(self) -> None:
        """The operator's own keys were read again."""

    def empty(self) -> Sequence[str]:
        """What stands in place of no row where nothing is filtered."""
        return ()

    def title_of(self, row_id: str) -> Cell:
        return Cell(row_id, "strong")

    def describe(self, row_id: str) -> Sequence[Paragraph]:
        """What is to be said of a row."""
        return ()

    def label_of(self, action_id: str) -> str | None:
        """The footer's word, where the registry's does not do; None: it makes no sense now."""
        return {"only_changed": "all" if self.only_changed else "only changed"}.get(action_id, "")

    @property
    def badge(self) -> Cell | None:
        """What stands beside the page's name."""
        return None

    @property
    def progress(self) -> str:
        """What is to be said below the list while nothing is filtered; harmless."""
        return ""

    def change(self, row_id: str) -> None:
        """Enter."""

    def reset(self, row_id: str) -> None:
        """Back to the default."""

    def refresh_page(self) -> None:
        """Look again."""

    def toggled(self) -> None:
        """`only_changed` is another."""

    def copied(self, row_id: str) -> str:
        """What `copy` takes of a row."""
        return ""

    def back(self) -> bool:
        """Escape; whether it meant something here."""
        return False

    # -- showing

    def show_rows(self, rows: list[Row]) -> None:
        """All there are, before any filter."""
        self._all = rows
        self.show_filtered()

    def show_filtered(self) -> None:
        found = filtered(self._all, self.filter)
        nothing = (
            ("Nothing here passes the filter.", f"{self.key('back')} drops it")
            if self._all and self.filter
            else self.empty()
        )
        self.list.show(found, *nothing)
        self.show_detail()
        self.mode.page_changed(self)

    @property
    def shown_count(self) -> int:
        return sum(1 for row in self.list.rows if row.id)

    def show_detail(self) -> None:
        row_id = self.list.selected
        if row_id:
            self.detail.show(self.title_of(row_id), self.describe(row_id))
        else:
            self.detail.show(Cell("", "strong"), ())

    def on_row_list_moved(self, event: RowList.Moved) -> None:
        event.stop()
        self.moved(event.id)
        self.mode.show_keys()

    def moved(self, row_id: str) -> None:
        """The cursor is on another row."""
        self.show_detail()

    def in_background(self, work: Callable[[], T], done: Callable[[T], Any]) -> None:
        """Do it in a thread that keeps nobody from leaving, one after the other; `done` is called on the loop, if the
        page is still there. `work` raises no errors.
        """
        loop, context = asyncio.get_running_loop(), contextvars.copy_context()  # Textual looks its app up there

        def arrived(found: T) -> None:
            if self.is_attached:
                done(found)

        def job() -> None:
            found = work()
            try:
                loop.call_soon_threadsafe(arrived, found, context=context)
            except RuntimeError:
                pass  # the loop is closed: nobody looks any more

        with self._lock:
            self._jobs.append(job)
            if len(self._jobs) > 1:
                return
        threading.Thread(target=self._work, name=f"page {self.ID}", daemon=True).start()

    def _work(self) -> None:
        while True:
            self._jobs[0]()
            with self._lock:
                self._jobs.popleft()
                if not self._jobs:
                    return
