"""All keys, read off the registry; it stands over the console and closes on nearly anything."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from opsconsole.tui.actions import ACTIONS, Danger, Where
from opsconsole.tui.wording import FACES

_COLUMNS = ((Where.CONSOLE, Where.TASKS), (Where.HOST, Where.OUTPUT, Where.MOTION))


class HelpScreen(ModalScreen[None]):
    """`keys` gives the keys of an action as they are bound now, for people."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark,f1,enter", "dismiss", "Close")]

    def __init__(self, keys: dict[str, str]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Keys"
            dialog.border_subtitle = "esc closes"
            with Horizontal(id="help-columns"):
                for places in _COLUMNS:
                    yield Static(self._column(places), classes="help-column")
            yield Static(self._legend(), id="help-legend")

    def _column(self, places: Iterable[Where]) -> Text:
        text = Text()
        for place in places:
            text.append(("\n" if text else "") + place.value + "\n", style="bold")
            for action in ACTIONS:
                if action.where is place:
                    text.append(f"  {self._keys.get(action.id) or action.keys.split(',')[0]:<10}", style="bold")
                    text.append(action.description + (" !" if action.danger is Danger.CONFIRM else "") + "\n")
        if Where.CONSOLE in places:
            return text
        text.append("\nAlso\n", style="bold")
        for key, what in (("tab", "Between the list and the output"), ("^p", "All commands, by name")):
            text.append(f"  {key:<10}", style="bold").append(what + "\n")
        return text

    def _legend(self) -> Text:
        faces = [f"{face.glyph} {face.word:<12}" for face in FACES.values()]
        half = (len(faces) + 1) // 2
        return Text("".join(faces[:half]) + "\n" + "".join(faces[half:]))
