"""The pages of this mode: beside them on a wide screen, over them on a narrow one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.tui.widgets.cells import Cell, fit
from opsconsole.tui.widgets.tones import Toned


class Tab(NamedTuple):
    """`badge` is what there is to be seen on the page, in a word."""

    id: str
    key: str
    label: str
    badge: Cell | None


class PageTabs(Toned, Widget):
    """Not a stop of the focus: the pages have keys of their own."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"tabs--chosen"}

    @dataclass
    class Picked(Message):
        """One was clicked."""

        id: str

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tabs: Sequence[Tab] = ()
        self._chosen = ""

    def show(self, tabs: Sequence[Tab], chosen: str) -> None:
        if (tabs, chosen) != (self._tabs, self._chosen):
            self._tabs, self._chosen = tabs, chosen
            self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    @property
    def _beside(self) -> bool:
        return self.size.height > 1

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1

    def render_line(self, y: int) -> Strip:
        width, base = self.size.width, self.rich_style
        if self._beside:
            at = y - 1
            segments = self._tab(self._tabs[at], width) if 0 <= at < len(self._tabs) else []
        else:
            segments = [piece for tab in self._tabs for piece in self._tab(tab, 0)]
        return Strip(segments).adjust_cell_length(width, base)

    def _tab(self, tab: Tab, width: int) -> list[Segment]:
        base = self.get_component_rich_style("tabs--chosen") if tab.id == self._chosen else self.rich_style
        tone = "strong" if tab.id == self._chosen else "plain"
        badge = tab.badge or Cell("", "plain")
        room = max(1, width - 5 - cell_len(badge.text)) if width else cell_len(tab.label)
        said = [
            Segment(" ", base), Segment(tab.key, base + self.tone("accent")), Segment(" ", base),
            Segment(fit(tab.label, room), base + self.tone(tone)),
        ]  # fmt: skip
        if badge.text:
            said.append(Segment(("" if width else " ") + badge.text, base + self.tone(badge.tone)))
        return [*said, Segment(" ", base)]

    def on_click(self, event: events.Click) -> None:
        if self._beside:
            found = self._tabs[event.y - 1 : event.y] if event.y > 0 else ()
        else:
            ends = [
                sum(s.cell_length for t in self._tabs[: at + 1] for s in self._tab(t, 0))
                for at in range(len(self._tabs))
            ]
            found = [tab for tab, end in zip(self._tabs, ends, strict=True) if event.x < end][:1]
        for tab in found:
            self.post_message(self.Picked(tab.id))
