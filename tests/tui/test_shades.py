"""Graphs are darker towards their foot, where the terminal can show it and the theme wants it."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.style import Style
from textual.color import Color

from opsconsole.paths import shipped
from opsconsole.tui.theming import load_themes, read_theme
from opsconsole.tui.widgets.shades import SHADED, STEPS, contrast, foot_of, shade_of, shaded
from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import console
from tests.tui.waiting import started, until

FLAT = ("high-contrast", "high-contrast-light", "terminal-16", "monochrome")
SHADES = ("graph@0", "warning@0", "bad@0")
THEMES = load_themes([shipped("themes")]).read


async def drawn(engine: FakeEngine, theme: str) -> dict[str, Style]:
    """The styles of the tones and of their lowest shades."""
    async with console(engine, theme=theme).run_test(size=(80, 24)) as pilot:
        await started(pilot)
        await until(pilot, lambda: pilot.app.theme == theme)
        names = [name for shade in SHADES for name in (shade, shade.partition("@")[0])]
        return {name: pilot.app.tone(name) for name in names}


@pytest.mark.parametrize("theme", ["opsconsole", "opsconsole-light", "nord"])
async def test_the_foot_of_a_graph_is_nearer_the_ground_and_still_seen(engine: FakeEngine, theme: str) -> None:
    ground = Color.parse(THEMES[theme].theme.background or "")
    found = await drawn(engine, theme)
    for shade in SHADES:
        foot, whole = (Color.from_rich_color(found[name].color) for name in (shade, shade.partition("@")[0]))
        assert 3.0 <= contrast(foot, ground) < contrast(whole, ground), shade
        assert found[shade].bold == found[shade.partition("@")[0]].bold


@pytest.mark.parametrize("theme", FLAT)
async def test_a_theme_of_few_or_loud_colours_has_no_shades(engine: FakeEngine, theme: str) -> None:
    found = await drawn(engine, theme)
    for shade in SHADES:
        one, whole = found[shade], found[shade.partition("@")[0]]
        assert one.without_color == whole.without_color and one.color is not None and whole.color is not None
        assert one.color == whole.color or one.color.triplet == whole.color.triplet


async def test_where_colours_are_rounded_there_are_no_shades(
    engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLORTERM")
    found = await drawn(engine, "opsconsole")
    assert all(found[shade] == found[shade.partition("@")[0]] for shade in SHADES)


def test_rows_go_from_the_foot_to_the_whole_tone_one_way() -> None:
    for rows in range(2, 40):
        steps = [int(shade_of("graph", row, rows).partition("@")[2] or STEPS) for row in range(rows)]
        assert steps == sorted(steps, reverse=True) and steps[0] == STEPS
        assert steps[-1] == (0 if rows >= 5 else STEPS * (5 - rows) // 4), "few rows are no stripes"
    assert shade_of("graph", 0, 1) == "graph" and shade_of("faint", 3, 4) == "faint"
    tone, ground = Color.parse("#56b6e0"), Color.parse("#0f1419")
    lights = [contrast(shaded(tone, None, ground, step), ground) for step in range(STEPS + 1)]
    assert lights == sorted(lights) and shaded(tone, None, ground, STEPS) == tone
    assert foot_of(Color.parse("#223"), ground) == Color.parse("#223"), "what hardly stands out is left as it is"


def test_a_theme_gives_the_foot_itself(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    names = [name for name in SHADED.values() if name]
    file.write_text("[colours]\nprimary = 'red'\n[variables]\n" + "".join(f"{name} = '#123456'\n" for name in names))
    assert all(read_theme(file).theme.variables[name] == "#123456" for name in names)
    tone, ground = Color.parse("#56b6e0"), Color.parse("#0f1419")
    assert shaded(tone, Color.parse("#123456"), ground, 0) == Color.parse("#123456")
