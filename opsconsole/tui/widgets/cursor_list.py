"""A list with a cursor: one line is the current one, and it is always in sight."""

from __future__ import annotations

from typing import Any

from textual import events
from textual.message import Message

from opsconsole.tui.widgets.line_view import LineView


class CursorList(LineView):
    """Line 0 is a heading, the others are what an heir holds: it says how many they are, redraws those that look
    different now, and makes the message that tells where the cursor is."""

    _cursor: int
    _drawn: dict[int, Any]

    @property
    def _count(self) -> int:
        raise NotImplementedError

    def _draw_changes(self) -> None:
        raise NotImplementedError

    def _moved_to(self) -> Message:
        raise NotImplementedError

    @property
    def cursor_text(self) -> str:
        """The current line as it is drawn; empty: there is none."""
        if not self._count:
            return ""
        strip = self.render_line(self._cursor - self.scroll_offset.y + 1)
        return "".join(segment.text for segment in strip).strip()

    def _go(self, line: int) -> None:
        line = max(0, min(line, self._count - 1))
        if line == self._cursor or not self._count:
            return
        self._cursor = line
        self._reveal()
        self._draw_changes()
        self.post_message(self._moved_to())

    def _reveal(self) -> None:
        body, top = max(1, self.size.height - 1), self.scroll_offset.y
        if self._cursor < top:
            self.jump(y=self._cursor)
        elif self._cursor >= top + body:
            self.jump(y=self._cursor - body + 1)

    def action_up(self) -> None:
        self._go(self._cursor - 1)

    def action_down(self) -> None:
        self._go(self._cursor + 1)

    def action_page_up(self) -> None:
        self._go(self._cursor - max(1, self.size.height - 2))

    def action_page_down(self) -> None:
        self._go(self._cursor + max(1, self.size.height - 2))

    def action_top(self) -> None:
        self._go(0)

    def action_bottom(self) -> None:
        self._go(self._count - 1)

    def on_click(self, event: events.Click) -> None:
        line = event.y - 1 + self.scroll_offset.y
        if event.y > 0 and line < self._count:
            self._go(line)

    def on_resize(self) -> None:
        self._reveal()
        self.refresh()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn.clear()
        self.refresh()
