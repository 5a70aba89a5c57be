"""Mode 7, settings and host: what this host can do, how the console behaves, what it told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.widget import AwaitMount
from textual.widgets import Input
from textual.worker import WorkType

from opsconsole.settings import Settings
from opsconsole.tui import reloading
from opsconsole.tui.actions import mode_bindings
from opsconsole.tui.keys import key_name
from opsconsole.tui.screens.mode import ModeScreen
from opsconsole.tui.screens.settings.about_page import AboutPage
from opsconsole.tui.screens.settings.actions import PAGES
from opsconsole.tui.screens.settings.host_page import HostPage
from opsconsole.tui.screens.settings.keys_page import KeysPage
from opsconsole.tui.screens.settings.log_page import LogPage
from opsconsole.tui.screens.settings.page import Page
from opsconsole.tui.screens.settings.page_tabs import PageTabs, Tab
from opsconsole.tui.screens.settings.settings_page import SettingsPage
from opsconsole.tui.screens.settings.themes_page import ThemesPage
from opsconsole.tui.widgets.filter_line import FilterLine

_CLASSES: tuple[type[Page], ...] = (HostPage, SettingsPage, KeysPage, ThemesPage, LogPage, AboutPage)


class PageFilterLine(FilterLine):
    """The line to type words in that a page's rows must have."""

    HINT = "words, in any order"


class SettingsScreen(ModeScreen):
    """Pages are made when they are first seen; each keeps its cursor and its filter."""

    MODE = "settings"
    CSS_PATH = "screen.tcss"
    AUTO_FOCUS = ""  # while a page is being made, all that could have it is the line of the filter, with a note in it
    KEYS = (
        "change_row", "back", "reset_row", "graph_glyphs", "log_severity", "log_follow", "only_changed", "copy",
        "refresh_page", "filter", "page_after",
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = mode_bindings("settings")

    def __init__(self) -> None:
        super().__init__()
        self._tabs = PageTabs(id="settings-tabs")
        self._body = Container(id="settings-pages")
        self._filter = PageFilterLine()
        self._pages: dict[str, Page] = {}
        self._current = _CLASSES[0].ID
        self._unsubscribe: Callable[[], object] = lambda: None

    def compose_body(self) -> ComposeResult:
        with Container(id="settings-body"):
            yield self._tabs
            with Vertical(id="settings-right"):
                yield self._body
                yield self._filter

    def begin(self) -> None:
        self._go(self._current)
        self._unsubscribe = self.app.journal.subscribe(self._told)

    def on_unmount(self) -> None:
        self._unsubscribe()

    def _told(self) -> None:
        """The console has told something."""
        page = self.page
        if self.looks and isinstance(page, LogPage):
            page.heard()
        elif self.looks:
            self._show_tabs()

    def look(self) -> None:
        self.page.look()
        self._show_tabs()

    def leave(self) -> None:
        self.page.leave()

    # -- pages

    @property
    def page(self) -> Page:
        """The one that is seen."""
        return self._page(self._current)

    def _page(self, name: str) -> Page:
        if name not in self._pages:
            self._pages[name] = next(kind for kind in _CLASSES if name == kind.ID)()
            self._pages[name].display = False
            arrived: WorkType[None] = partial(self._arrived, self._pages[name], self._body.mount(self._pages[name]))
            self.run_worker(arrived, group="settings-page")  # no coroutine: a console that ends may never begin it
        return self._pages[name]

    def show_page(self, name: str) -> None:
        """Go to a page by its id: host, settings, keys, themes, log, about."""
        if not self.begun:
            self._current = name
        elif name != self._current:
            self.page.leave()
            self._go(name)
            self.page.look()

    def _go(self, name: str) -> None:
        self._current = name
        page = self._page(name)
        for one in self._pages.values():
            one.display = one is page
        if self._filter.text != page.filter:
            with self.prevent(Input.Changed):
                self._filter.query_one(Input).value = page.filter
            self._filter.set_class(bool(page.filter), "-filled")
        # What is not mounted has no ancestors: with the focus on it, the next key would find no binding at all.
        self.set_focus(page.list if page.list.is_attached else None)
        self.page_changed(page)

    async def _arrived(self, page: Page, mounted: AwaitMount) -> None:
        await mounted
        if self.focused is None and self._current == page.ID:
            self.set_focus(page.list)

    def page_changed(self, page: Page) -> None:
        """A page shows something else."""
        if not self.begun:
            return
        self._show_tabs()
        if self._current == page.ID:
            self._filter.note(f"{page.shown_count:,} shown" if page.filter else page.progress)
            self.show_keys()

    def _show_tabs(self) -> None:
        made = self._pages
        tabs = []
        for kind, (action, _, label, _) in zip(_CLASSES, PAGES, strict=True):
            key = key_name(self.app, self.app.keys_for(action).split(",")[0])
            badge = made[kind.ID].badge if kind.ID in made else None
            if kind is LogPage and kind.ID not in made and (unread := self.app.journal.unread_errors):
                badge = LogPage.badge_of(unread)
            tabs.append(Tab(kind.ID, key, label.capitalize(), badge))
        self._tabs.show(tabs, self._current)

    def on_page_tabs_picked(self, event: PageTabs.Picked) -> None:
        self.show_page(event.id)

    def _turn(self, by: int) -> None:
        names = [kind.ID for kind in _CLASSES]
        self.show_page(names[(names.index(self._current) + by) % len(names)])

    # -- settings

    def configured(self, settings: Settings) -> None:
        """The configuration was read again, and these are in force: the pages show it."""
        for page in self._pages.values():
            page.apply(settings)
        self._show_tabs()

    def rebound(self) -> None:
        for page in self._pages.values():
            page.rebound()
        if self.begun:
            self._show_tabs()

    @property
    def in_force(self) -> Settings:
        """The engine and the terminal have what was read at the start, the rest what was read last."""
        return reloading.in_force(self.engine.settings, self.app.settings)

    # -- keys

    def label_of(self, action_id: str) -> str | None:
        if not self.begun or action_id == "filter":
            return super().label_of(action_id)
        if action_id not in self.page.KEYS and action_id != "page_after":
            return None
        said = self.page.label_of(action_id)
        return super().label_of(action_id) if said == "" else said

    def action_change_row(self) -> None:
        if (row_id := self.page.list.selected) and self.begun:
            self.page.change(row_id)

    def action_reset_row(self) -> None:
        if row_id := self.page.list.selected:
            self.page.reset(row_id)

    def action_only_changed(self) -> None:
        if self.begun and "only_changed" in self.page.KEYS:
            self.page.only_changed = not self.page.only_changed
            self.page.toggled()

    def copied(self) -> str:
        row_id = self.page.list.selected if self.begun else ""
        return self.harmless(self.page.copied(row_id), 10_000) if row_id else ""

    def action_refresh_page(self) -> None:
        if self.begun:
            self.page.refresh_page()

    def action_graph_glyphs(self) -> None:
        page = self.page
        if isinstance(page, ThemesPage):
            page.graph_glyphs()

    def action_log_severity(self) -> None:
        page = self.page
        if isinstance(page, LogPage):
            page.next_severity()

    def action_log_follow(self) -> None:
        page = self.page
        if isinstance(page, LogPage):
            page.toggle_follow()

    def action_page_before(self) -> None:
        self._turn(-1)

    def action_page_after(self) -> None:
        self._turn(1)

    def action_page_host(self) -> None:
        self.show_page("host")

    def action_page_settings(self) -> None:
        self.show_page("settings")

    def action_page_keys(self) -> None:
        self.show_page("keys")

    def action_page_themes(self) -> None:
        self.show_page("themes")

    def action_page_log(self) -> None:
        self.show_page("log")

    def action_page_about(self) -> None:
        self.show_page("about")

    def action_back(self) -> None:
        """One step: what was tried, the filter, the list."""
        page = self.page
        if page.back():
            self.show_keys()
        elif self._filter.text:
            self._filter.clear()
        else:
            self.set_focus(page.list)

    def action_filter(self) -> None:
        self._filter.begin(self.page.list)
        self.show_keys()

    def on_filter_line_changed(self, event: FilterLine.Changed) -> None:
        page = self.page
        page.filter = event.text
        page.show_filtered()

    def on_filter_line_left(self) -> None:
        self.set_focus(self.page.list)
