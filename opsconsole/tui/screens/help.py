"""All keys, read off the registry; it stands over the console and closes on nearly anything."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path
from textwrap import wrap
from typing import ClassVar, NamedTuple, cast

from rich.cells import cell_len
from rich.style import Style
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from opsconsole.tui.actions import ACTIONS, Action, Danger, Where
from opsconsole.tui.screens.modal import Modal
from opsconsole.tui.widgets.tones import TonedApp
from opsconsole.tui.wording import FACES, shortened

_WIDEST, _FRAME = 132, 5
"""The dialog's width, and what its border, its padding and the scrollbar take of it."""
_APART = 3
"""Between two columns."""
_MOST_KEYS, _KEYS_WIDTH = 2, 12
_LEAST = 46
"""A column that is narrower is none: they go below each other."""
_SELDOM = (Where.CONSOLE, Where.MOTION)
_TAB = ("tab", "Between the list and the output")


class Entry(NamedTuple):
    """The keys of an action, and what it does."""

    keys: str
    said: str


class Group(NamedTuple):
    """What works at one place."""

    title: str
    entries: tuple[Entry, ...]

    def lines(self, keys: int, width: int, accent: Style | str = "bold") -> list[Text]:
        """A title and its entries: keys in a column of their own, what they do beside it, also where it goes on."""
        found = [Text.assemble((self.title, "bold"))]
        for entry in self.entries:
            pieces = wrap(entry.said, max(8, width - keys - 3)) or [""]
            for at, piece in enumerate(pieces):
                found.append(Text.assemble((f"  {'' if at else entry.keys:<{keys}} ", accent), piece))
        return found


class HelpScreen(Modal[None]):
    """`keys` gives the keys of an action as they are bound now, for people; an action without is not to be had.

    `here` are the places of the mode that is seen, which come first; `first` is what is said at the first start.
    """

    BINDINGS: ClassVar[list[BindingType]] = [("escape,q,question_mark,f1,enter", "dismiss", "Close")]

    def __init__(self, keys: dict[str, list[str]], here: tuple[Where, ...], keymap_file: Path, first: str = "") -> None:
        super().__init__()
        self._keys = keys
        self._here = here
        self._keymap_file = keymap_file
        self._first = first
        self._width = 0

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Keys"
            dialog.border_subtitle = "esc closes"
            yield Static(id="help-keys")
            yield Static(id="help-legend")

    def on_mount(self) -> None:
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        """For the width there is: what is drawn is never wrapped again."""
        width = min(_WIDEST, self.app.size.width) - _FRAME
        if width != self._width:
            self._width = width
            accent = cast("TonedApp", self.app).tone("accent")
            self.query_one("#help-keys", Static).update(laid_out(self.groups(), width, accent))
            self.query_one("#help-legend", Static).update(self._legend(width))

    def groups(self) -> list[Group]:
        """The places of this mode, the console's, how one moves; then the other modes'."""
        order = [*self._here, *_SELDOM, *(place for place in Where if place not in self._here)]
        places = list(dict.fromkeys(order))
        return [group for place in places if (group := self._group(place)).entries]

    def _group(self, place: Where) -> Group:
        entries = [
            Entry(_shown(self._keys[action.id]), _said(action))
            for action in ACTIONS
            if action.where is place and action.id in self._keys
        ]
        if place is Where.MOTION and entries:
            entries.append(Entry(*_TAB))
        return Group(place.value, tuple(entries))

    def _legend(self, width: int) -> Text:
        faces = [f"{face.glyph} {face.word:<12}" for face in FACES.values()]
        each = max(1, width // len(faces[0]))
        rows = ["".join(faces[at : at + each]).rstrip() for at in range(0, len(faces), each)]
        file = shortened(self._keymap_file)
        own = f'Your own keys: {file}, [keys], lines such as pause = "z,f5".'
        more = "An action may have more keys than the two that stand here: Settings, Keys has all."
        said = [*rows, *wrap(f"!  asks first. {more} {own}", width)]
        begin = [line for sentence in self._first.splitlines() for line in wrap(sentence, width)]
        return Text("\n".join([*said, *([""] if begin else []), *begin]))


def _shown(keys: Sequence[str]) -> str:
    """Two of them, or one where two are long."""
    two = " ".join(keys[:_MOST_KEYS])
    return two if cell_len(two) <= _KEYS_WIDTH else keys[0]


def _said(action: Action) -> str:
    return action.description + (" !" if action.danger is Danger.CONFIRM else "")


def laid_out(groups: Sequence[Group], width: int, accent: Style | str = "bold") -> Text:
    """In two columns where both have room, about as long as each other; the first groups are at their tops. Keys have
    the style `accent`, as they have it everywhere."""
    count = 2 if (width - _APART) // 2 >= _LEAST else 1
    each = (width - _APART * (count - 1)) // count
    keys = max((cell_len(entry.keys) for group in groups for entry in group.entries), default=0)
    columns: list[list[Text]] = [[] for _ in range(count)]
    for group in groups:
        column = min(columns, key=len)
        column += [*([Text()] if column else []), *group.lines(keys, each, accent)]
    rows = []
    for line in zip_longest(*columns, fillvalue=Text()):
        row = line[0].copy()
        for at, cell in enumerate(line[1:], 1):
            if cell.plain:
                row.pad_right(at * (each + _APART) - row.cell_len)
                row.append_text(cell)
        rows.append(row)
    return Text("\n").join(rows)
