"""What tasks were asked for and nobody has answered yet: where the database is held, each row says so until it is done
or has failed."""

from __future__ import annotations

from collections.abc import Callable

from textual.message_pump import MessagePump

from opsconsole.tui import held_database
from opsconsole.tui.widgets.cells import Cell


class Unanswered:
    """Task → words for what was asked of it, as soon as that takes long; `changed` is called with each change."""

    def __init__(self, screen: MessagePump, changed: Callable[[], object]) -> None:
        self._screen = screen
        self._changed = changed
        self._asked: dict[int, list[str]] = {}

    def ask(self, task_id: int, word: str) -> Callable[[], None]:
        """Call what it returns with the answer. `word` as the key's label has it: `cancel`, `hold`."""

        def show() -> None:
            self._asked.setdefault(task_id, []).append(word)
            shown.append(word)
            self._changed()

        def answered() -> None:
            timer.stop()
            if shown:
                self._asked[task_id].remove(shown.pop())
                self._changed()

        shown = list[str]()
        timer = self._screen.set_timer(held_database.PATIENCE_S, show)
        return answered

    def cell(self, task_id: int) -> Cell | None:
        """In place of what came of it: the last thing asked."""
        words = self._asked.get(task_id)
        return Cell(f"{words[-1]} …", "warning") if words else None

    def sentence(self, task_id: int) -> str:
        """All of it, or nothing."""
        words = ", ".join(dict.fromkeys(self._asked.get(task_id, ())))
        return f"asked for and not written down yet: {words}" if words else ""
