"""What consoles of tests share is what each would have found out for itself."""

from __future__ import annotations

from functools import partial, wraps
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.css.styles import Styles
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.geometry import Size
from textual.message_pump import MessagePump
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input

from tests.tui import once
from tests.tui.scenes import console
from tests.tui.tasks.scene import busy
from tests.tui.waiting import started, until

MODES = "1234567"


def styles(pilot: Pilot[Any]) -> dict[DOMNode, tuple[Any, ...]]:
    """Of everything on the screen, and of the parts that have a style of their own."""
    nodes = pilot.app.screen.walk_children(Widget)
    return {node: (_rules(node.styles.base), _parts(node), _marks(node)) for node in nodes}


def _rules(styles: Styles) -> dict[str, Any]:
    """Each node has a layout of its own, known by its name."""
    return {name: getattr(rule, "name", rule) for name, rule in styles._rules.items()}


def _marks(node: Widget) -> list[bool]:
    return [getattr(node, name) for name in once._MARKS]


def _parts(node: Widget) -> dict[str, Any]:
    return {name: _rules(styles.base) for name, styles in node._component_styles.items()}


async def test_every_node_of_every_mode_has_the_style_that_textual_gives_it(tmp_path: Path) -> None:
    """Also with another theme, in another focus, and beneath a dialog."""
    async with console(busy(tmp_path / "state")).run_test(size=(120, 36)) as pilot:
        await started(pilot)
        for theme in ("opsconsole", "high-contrast-light"):
            pilot.app.theme = theme
            for key in (*MODES, "2", "tab"):
                await pilot.press(key)
                assert_own(pilot)
            await pilot.press("q")
            await until(pilot, lambda: isinstance(pilot.app.screen, ModalScreen))
            assert_own(pilot)
            await pilot.press("escape")
            await until(pilot, lambda: not isinstance(pilot.app.screen, ModalScreen))


def assert_own(pilot: Pilot[Any]) -> None:
    """Whatever was remembered, Textual alone comes to the same."""
    sheet, had = pilot.app.stylesheet, styles(pilot)
    assert had
    with pytest.MonkeyPatch.context() as textuals:
        textuals.setattr(Stylesheet, "apply", once._apply)
        textuals.setattr(Stylesheet, "replace_rules", classmethod(once._replace))
        for node in had:
            node.styles.base.reset()
            sheet.apply(node)
    assert styles(pilot) == had
    for node in had:
        assert_heard(node)


def assert_heard(node: MessagePump) -> None:
    """By those that Textual finds."""
    for message in (
        events.Key("j", "j"),
        events.Focus(),
        events.Resize(Size(1, 1), Size(1, 1)),
        Input.Blurred(Input(), ""),
    ):
        for name in (message.handler_name, "on_idle"):
            found = list(once.handlers_of(node, name, message))
            assert found == list(once._dispatched(node, name, message))
            for _, method in found:
                call = method.__func__  # type: ignore[attr-defined]
                assert once.parameters_of(call) == once._count_parameters(call)


def test_parameters_are_counted_as_textual_counts_them() -> None:
    def plain(one: int, *more: int, named: int = 1, **others: int) -> None: ...

    @wraps(plain)
    def wrapped() -> None: ...

    for call in (plain, wrapped, lambda: None, lambda a, /, b, *, c: None, partial(plain, 1), int.bit_length):
        assert once.parameters_of(call) == once._count_parameters(call)
