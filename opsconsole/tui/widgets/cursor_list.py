"""A list with a cursor: one line is the current one, and it is always in sight."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, ClassVar

from textual import events
from textual.message import Message

from opsconsole.tui.widgets.line_view import LineView


class CursorList(LineView):
    """Line 0 is a heading, the others are what an heir holds: it says how many they are, redraws those that look
    different now, and makes the message that tells where the cursor is."""

    ALIKE: ClassVar[bool] = True
    """The cursor may be on every line: there are no headings that a step leaves out."""
    _cursor: int
    _drawn: dict[int, Any]
    _held: Hashable | None = None
    """Whose the line was that a filter began on, until somebody moves the cursor or keeps the filter."""
    _returns = False
    _lost: Hashable | None = None
    """The same, when nothing was left to be on."""

    @property
    def _count(self) -> int:
        raise NotImplementedError

    @property
    def _whose(self) -> Hashable | None:
        """Tells the current line from all others, wherever it stands; None: there is none."""
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

    # -- staying on a line by whose it is

    @property
    def holds(self) -> bool:
        """It would go back to the line that a filter began on."""
        return self._held is not None

    def hold(self) -> None:
        """A filter is typed from now on: whatever it leaves out, the cursor comes back to where it is now."""
        self._returns = False
        if self._whose is not None:
            self._held = self._whose

    def let_go(self) -> None:
        """The filter is kept: the cursor is meant to be where it is, if that is anywhere."""
        if self._count:
            self._held = None
        self._returns = True

    def give_back(self) -> None:
        """The filter is dropped: once the line is there again it is held no longer."""
        self._returns = True

    def _stay(self, before: Hashable | None, line_of: Callable[[Any], int | None]) -> bool:
        """Other lines are there: put the cursor where it has to be, else leave it; whether that is the held line that
        it comes back to."""
        wanted, self._lost = (self._held, before, self._lost), None if self._count else before or self._lost
        for one in wanted:
            line = None if one is None else line_of(one)
            if line is not None:
                self._cursor = line
                if came_back := one == self._held and self._returns:
                    self._held = None
                return came_back
        return False

    def _go(self, line: int) -> None:
        if self._count:
            self._held = None
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

    def run_through(self, action: str, times: int) -> bool:
        """Do so many of its steps up or down (`action`: `down`, `page_up`, …), drawn once; False: that is no step."""
        page = max(1, self.size.height - 2)
        by = {"down": 1, "up": -1, "page_down": page, "page_up": -page}.get(action)
        if by is None:
            return False
        if self.ALIKE:
            self._go(self._cursor + by * times)
        else:
            for _ in range(times):
                self._go(self._cursor + by)
        return True

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
