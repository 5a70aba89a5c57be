"""All keys, read off the registry; it stands over the console and closes on nearly anything."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from textwrap import wrap
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from opsconsole.tui.actions import ACTIONS, Action, Danger, Where
from opsconsole.tui.wording import FACES, shortened

_COLUMNS = 2
_WIDTH = 44
_ORDER = (Where.CONSOLE, Where.MOTION, Where.HOST, Where.TASKS, Where.OUTPUT, Where.PROCESSES, Where.ANOMALIES)


class HelpScreen(ModalScreen[None]):
    """`keys` gives the keys of an action as they are bound now, for people; an action without is not to be had.

    `here` are the places of the mode that is seen, which come first.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark,f1,enter", "dismiss", "Close")]

    def __init__(self, keys: dict[str, str], here: tuple[Where, ...], keymap_file: Path) -> None:
        super().__init__()
        self._keys = keys
        self._here = here
        self._keymap_file = keymap_file

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Keys"
            dialog.border_subtitle = "esc closes"
            with Horizontal(id="help-columns"):
                for places in self._columns():
                    yield Static(self._column(places), classes="help-column")
            yield Static(self._legend(), id="help-legend")

    def _actions(self, place: Where) -> list[Action]:
        return [action for action in ACTIONS if action.where is place and action.id in self._keys]

    def _columns(self) -> list[list[Where]]:
        """The places of this mode, the console's, then the others; columns are about as long as each other."""
        order = [*self._here, *(place for place in _ORDER if place not in self._here)]
        heights = {place: len(self._actions(place)) + 2 for place in order if self._actions(place)}
        columns: list[list[Where]] = [[] for _ in range(_COLUMNS)]
        for place in heights:
            min(columns, key=lambda column: sum(heights[one] for one in column)).append(place)
        return columns

    def _column(self, places: Iterable[Where]) -> Text:
        text = Text()
        for place in places:
            text.append(("\n" if text else "") + place.value + "\n", style="bold")
            for action in self._actions(place):
                text.append(f"  {self._keys[action.id] + ' ':<10}", style="bold")
                said = action.description + (" !" if action.danger is Danger.CONFIRM else "")
                text.append(f"\n{'':<12}".join(wrap(said, _WIDTH)) + "\n")
            if place is Where.MOTION:
                text.append(f"  {'tab':<10}", style="bold").append("Between the list and the output\n")
        return text

    def _legend(self) -> Text:
        faces = [f"{face.glyph} {face.word:<12}" for face in FACES.values()]
        half = (len(faces) + 1) // 2
        file = shortened(self._keymap_file)
        return Text(
            "".join(faces[:half]) + "\n" + "".join(faces[half:])
            + f'\n!  asks first. Your own keys: {file}, [keys], lines such as pause = "z,f5".'
        )  # fmt: skip
