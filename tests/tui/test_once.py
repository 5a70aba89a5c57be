"""What consoles of tests share is what each would have found out for itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from textual.dom import DOMNode
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widget import Widget

from tests.tui import once
from tests.tui.scenes import console
from tests.tui.tasks.scene import busy
from tests.tui.waiting import started, until

MODES = "1234567"


def styles(pilot: Pilot[Any]) -> dict[DOMNode, tuple[Any, ...]]:
    """Of everything on the screen, and of the parts that have a style of their own."""
    return {node: (dict(node.styles.base._rules), _parts(node)) for node in pilot.app.screen.walk_children(Widget)}


def _parts(node: Widget) -> dict[str, Any]:
    return {name: dict(styles.base._rules) for name, styles in node._component_styles.items()}


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
    sheet, had = pilot.app.stylesheet, styles(pilot)
    assert had
    for node in had:
        once._apply(sheet, node)
    assert styles(pilot) == had
