"""A console where nothing can be written, from its start on or for a while: it says so, and only looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsconsole.tui.actions import BY_ID, Where

if TYPE_CHECKING:
    from opsconsole.engine import Engine
    from opsconsole.errors import OpsError
    from opsconsole.tui.app import ConsoleApp

READ_ONLY = "This console is read-only."
READ_ONLY_MARK, _MARK, _UNREAD_MARK, _FULL_MARK = "READ-ONLY", "CANNOT WRITE", "NO RECORD", "DISK FULL"
_APART = frozenset({Where.PROCESSES, Where.EDITOR, Where.SETTINGS})
"""What is done there needs no record: processes are ended, and files are written, wherever they are."""
_RECORDED = frozenset({"run_script"})


class Unwritable:
    """Whether `app` can write, as its first line and its keys have it."""

    def __init__(self, app: ConsoleApp) -> None:
        self._app = app
        self._known: OpsError | None = None
        self._ceiling: str | None = None
        self.stalled = False
        """It could be written when this console began: what still runs cannot write down its output either."""
        self.why = READ_ONLY
        """Why there is no action that changes something; not harmless."""

    def lacks(self, action_id: str) -> bool:
        """Whether this action cannot work now."""
        action = BY_ID.get(action_id)
        if self._known is None or action is None or not action.changes:
            return False
        return action.where not in _APART or action_id in _RECORDED

    def begin(self, engine: Engine) -> None:
        """At the start: what cannot be written then stays so until the next one."""
        if (why := engine.unwritable) is None:
            return
        self._known, app = why, self._app
        app.read_only = True
        others = tuple(mark for mark in app.head.marks if mark not in (READ_ONLY_MARK, _MARK))
        now = (_MARK, *((_UNREAD_MARK,) if engine.unread is not None else ()))
        app.show_head(marks=(*others, *now), ceiling="")
        app.refresh_bindings()
        self.why = f"Nothing can be written: {why.message}."
        if engine.unread is not None:
            self.why += " Nor can the record be read."
        app.tell(f"{self.why}{_todo(why)} Then start again.", "error")

    def look(self, engine: Engine) -> None:
        """Each second: what cannot be written any more may be written again later."""
        self._look_for_room(engine)
        why, before = engine.unwritable, self._known
        if why is before:
            return
        self._known = why
        if why is None:
            self._end(engine)
        else:
            self.why = f"Nothing can be written: {why.message}."
            if before is None:
                self._stall()
            runs = " What runs goes on, and is recorded as soon as it can be."
            self._app.tell(f"{self.why}{_todo(why)}{runs}", "error")

    def _look_for_room(self, engine: Engine) -> None:
        """Actions stay on a full disk: what it needs may be the end of a run, and that may still be written down."""
        marks = tuple(mark for mark in self._app.head.marks if mark != _FULL_MARK)
        before = len(marks) < len(self._app.head.marks)
        if engine.cramped is before:
            return
        self._app.show_head(marks=(*marks, _FULL_MARK) if engine.cramped else marks)
        root = engine.paths.root
        if engine.cramped:
            more = "nothing is started until there is more, and changes may fail. What runs goes on."
            self._app.tell(f"There is no space left for {root}: {more}", "error")
            return
        self._app.tell(f"There is space again for {root}.")
        for screen in self._app.modes:
            screen.writable_again()

    def _stall(self) -> None:
        app = self._app
        self.stalled = True
        self._ceiling = app.head.ceiling
        app.show_head(marks=(*(mark for mark in app.head.marks if mark != READ_ONLY_MARK), _MARK), ceiling="")
        self._show_keys()

    def _end(self, engine: Engine) -> None:
        app = self._app
        self.stalled = False
        self.why = READ_ONLY
        marks = tuple(mark for mark in app.head.marks if mark != _MARK)
        app.show_head(marks=(*marks, *((READ_ONLY_MARK,) if app.read_only else ())), ceiling=self._ceiling)
        self._show_keys()
        app.tell(f"{engine.paths.root} can be written again: everything works as before.")
        for screen in app.modes:
            screen.writable_again()

    def _show_keys(self) -> None:
        self._app.refresh_bindings()
        for screen in self._app.modes:
            screen.rebound()
        self._app.modes.on_top.show_keys()


def marks_of(read_only: bool) -> tuple[str, ...]:
    """What the first line says of a console that may not change anything."""
    return (READ_ONLY_MARK,) if read_only else ()


def _todo(why: OpsError) -> str:
    return f" {why.hint[:1].upper()}{why.hint[1:]}." if why.hint else ""
