"""A part of a widget keeps its stand-in, and has the style that Textual gives it."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any, ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from textual.pilot import Pilot
from textual.widget import Widget

from opsconsole.tui import spare_styles
from opsconsole.tui.spare_styles import make_spare
from tests.tui import once

PARTS = ("word--good", "word--bad")
Process = Callable[[Stylesheet, DOMNode], None]


class Word(Widget):
    COMPONENT_CLASSES: ClassVar[set[str]] = set(PARTS)
    DEFAULT_CSS = "Word > .word--good { color: green; }"
    drawn = 0

    def refresh(self, *regions: Any, **how: Any) -> Word:
        self.drawn += 1
        return super().refresh(*regions, **how)


class Words(App[None]):
    CSS = """
    .loud > .word--bad { color: red; text-style: bold; }
    .loud > .word--good { text-style: underline; background: $surface; }
    """

    def compose(self) -> ComposeResult:
        yield Word()

    @property
    def word(self) -> Word:
        return self.query_one(Word)


@pytest.fixture(params=["alone", "with the memory of tests"])
def spare(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Stylesheet, "_process_component_classes", Stylesheet._process_component_classes)  # undone later
    if request.param == "alone":
        monkeypatch.setattr(Stylesheet, "apply", once._apply)
    else:
        assert Stylesheet.apply is once.apply_known
    make_spare()


def styles_of(app: Words) -> dict[str, dict[str, Any]]:
    return {part: dict(app.word._component_styles[part].get_rules()) for part in PARTS}


def styled(app: Words) -> None:
    app.stylesheet.update(app.screen, animate=False)


async def states(pilot: Pilot[None]) -> list[dict[str, dict[str, Any]]]:
    """The style of the parts in all states of the widget, there and back."""
    app: Any = pilot.app
    found = []
    for name, has in [("loud", True), ("loud", False), ("", True), ("loud", True), ("", True), ("loud", False)]:
        if name:
            app.word.set_class(has, name)
        else:
            app.theme = "textual-light" if app.theme == "textual-dark" else "textual-dark"
        await pilot.pause()
        styled(app)
        found.append(styles_of(app))
    return found


@pytest.mark.usefixtures("spare")
async def test_a_part_keeps_its_node_however_often_it_is_styled() -> None:
    async with Words().run_test() as pilot:
        app: Any = pilot.app
        styled(app)
        before = {part: app.word._component_styles[part].base.node for part in PARTS}
        gc.collect()
        gc.disable()
        try:
            nodes = sum(type(one) is DOMNode for one in gc.get_objects())
            for _ in range(20):
                styled(app)
            assert sum(type(one) is DOMNode for one in gc.get_objects()) == nodes
        finally:
            gc.enable()
        assert all(app.word._component_styles[part].base.node is before[part] for part in PARTS)


@pytest.mark.usefixtures("spare")
async def test_styles_are_another_object_each_time() -> None:
    """Who remembers what they looked like knows by that to look again."""
    async with Words().run_test() as pilot:
        app: Any = pilot.app
        styled(app)
        before = dict(app.word._component_styles)
        styled(app)
        assert all(app.word._component_styles[part] is not before[part] for part in PARTS)
        assert all(app.word._component_styles[part].node is before[part].node for part in PARTS)


@pytest.mark.usefixtures("spare")
async def test_a_part_has_the_style_that_textual_gives_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async with Words().run_test() as pilot:
        ours = await states(pilot)
    monkeypatch.setattr(Stylesheet, "_process_component_classes", spare_styles._textuals)
    async with Words().run_test() as pilot:
        assert ours == await states(pilot)
    assert ours[0]["word--bad"] and not ours[1]["word--bad"], "a rule that matches no longer leaves nothing behind"
    assert ours[0] != ours[3] != ours[1], "a state that makes no difference proves nothing"


@pytest.mark.usefixtures("spare")
async def test_a_widget_is_drawn_anew_only_if_a_part_looks_different() -> None:
    async with Words().run_test() as pilot:
        app: Any = pilot.app
        styled(app)
        before = app.word.drawn
        app.stylesheet._process_component_classes(app.word)
        assert app.word.drawn == before
        app.word.set_class(True, "loud")
        await pilot.pause()
        before = app.word.drawn
        app.word._classes.discard("loud")  # nobody is told
        app.stylesheet._process_component_classes(app.word)
        assert app.word.drawn == before + 1


async def test_rules_of_themes_that_were_looked_at_are_not_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_parse_rules", "apply", "update_nodes"):  # these tests remember rules, a console does not
        monkeypatch.setattr(Stylesheet, name, getattr(once, f"_{name.lstrip('_')}"))
    make_spare()
    async with Words().run_test() as pilot:
        app: Any = pilot.app
        app.theme = "textual-light"  # what was read before the first change is remembered until then
        await pilot.pause()
        gc.collect()
        gc.disable()
        try:
            rules = sum(isinstance(one, RuleSet) for one in gc.get_objects())
            for _ in range(5):
                app.refresh_css(animate=False)
            assert rules and sum(isinstance(one, RuleSet) for one in gc.get_objects()) == rules
        finally:
            gc.enable()
