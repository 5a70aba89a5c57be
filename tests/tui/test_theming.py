"""Themes: every shipped one can be read by its figures, a wrong one is named, and what suits the terminal is chosen."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.segment import Segment
from rich.style import Style
from textual.color import Color

from opsconsole.paths import shipped
from opsconsole.tui.appearance import Undimmed
from opsconsole.tui.theming import ReadTheme, load_themes, theme_for
from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import HOSTILE, console
from tests.tui.waiting import until

SHIPPED = load_themes([shipped("themes")])
COLOURED = [one for one in SHIPPED.read.values() if not one.theme.ansi]
GOOD = "[colours]\nprimary = 'red'\n"


def of(one: ReadTheme, name: str) -> Color:
    variables = one.theme.variables
    return Color.parse(variables.get(name) or str(getattr(one.theme, name)))


def contrast(one: Color, other: Color) -> float:
    """WCAG 2.2's contrast ratio."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def _linear(colour: Color) -> list[float]:
    shares = (part / 255 for part in colour.rgb)
    return [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]


def _luminance(colour: Color) -> float:
    red, green, blue = _linear(colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def distance(one: Color, other: Color) -> float:
    """As the eye has it: in Oklab (https://bottosson.github.io/posts/oklab/), where black and white are 1 apart."""
    return sum((a - b) ** 2 for a, b in zip(_oklab(one), _oklab(other), strict=True)) ** 0.5


def _oklab(colour: Color) -> tuple[float, float, float]:
    r, g, b = _linear(colour)
    long = (0.4122214708 * r + 0.5363325363 * g + 0.0514459929 * b) ** (1 / 3)
    middle = (0.2119034982 * r + 0.6806995451 * g + 0.1073969566 * b) ** (1 / 3)
    short = (0.0883024619 * r + 0.2817188376 * g + 0.6299787005 * b) ** (1 / 3)
    return (
        0.2104542553 * long + 0.7936177850 * middle - 0.0040720468 * short,
        1.9779984951 * long - 2.4285922050 * middle + 0.4505937099 * short,
        0.0259040371 * long + 0.7827717662 * middle - 0.8086757660 * short,
    )


@pytest.fixture(params=COLOURED, ids=lambda one: one.theme.name)
def shipped_theme(request: pytest.FixtureRequest) -> Iterator[ReadTheme]:
    yield request.param


def test_the_shipped_themes_load() -> None:
    assert SHIPPED.failures == SHIPPED.notes == []
    assert len(SHIPPED.themes) >= 10
    assert {"opsconsole", "opsconsole-light", "high-contrast", "high-contrast-light", "terminal-16", "monochrome"} <= {
        theme.name for theme in SHIPPED.themes
    }
    assert all(one.file.stem == name for name, one in SHIPPED.read.items())


def test_text_can_be_read_where_it_stands(shipped_theme: ReadTheme) -> None:
    cursor, severities = "block-cursor-background", ("success", "warning", "error", "accent")
    for ground in ("background", "surface", "panel", cursor):
        least = {"background": (7.0, 4.5, 3.0, 4.5), cursor: (4.5, 3.5, 2.4, 3.2)}.get(ground, (6.0, 4.0, 3.0, 3.9))
        for names, ratio in zip(
            (("foreground",), ("foreground-muted",), ("foreground-disabled",), severities), least, strict=True
        ):
            for name in names:
                found = contrast(of(shipped_theme, name), of(shipped_theme, ground))
                assert found >= ratio, f"{name} on {ground}: {found:.2f}"
    assert contrast(of(shipped_theme, "block-cursor-foreground"), of(shipped_theme, cursor)) >= 4.5


@pytest.mark.parametrize("name", ["high-contrast", "high-contrast-light"])
def test_high_contrast_is_seven_to_one_for_all_text_everywhere(name: str) -> None:
    one = SHIPPED.read[name]
    texts = ("foreground", "foreground-muted", "foreground-disabled", "success", "warning", "error", "accent")
    grounds = ("background", "surface", "panel", "block-cursor-background", "block-cursor-blurred-background")
    for text, ground in itertools.product(texts, grounds):
        assert contrast(of(one, text), of(one, ground)) >= 7.0, (text, ground)
    assert contrast(of(one, "border-blurred"), of(one, "background")) >= 3.0  # WCAG's 1.4.11, for lines


def test_severities_are_told_from_each_other_and_from_graphs_and_focus(shipped_theme: ReadTheme) -> None:
    for one, other in itertools.combinations(("warning", "error", "success", "accent"), 2):
        assert distance(of(shipped_theme, one), of(shipped_theme, other)) >= 0.09, (one, other)
    for name in ("warning", "error"):
        for quiet in ("foreground", "foreground-muted", "foreground-disabled"):
            assert distance(of(shipped_theme, name), of(shipped_theme, quiet)) >= 0.08, (name, quiet)


def test_themes_of_the_terminals_colours_name_no_other() -> None:
    for name in ("terminal-16", "monochrome"):
        theme = SHIPPED.read[name].theme
        values = [*theme.variables.values(), theme.primary, theme.error, theme.background]
        assert theme.ansi and all(str(value).startswith(("ansi_", "reverse")) for value in values)
    assert SHIPPED.colourless == {"monochrome"}


# -- files of others


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not toml", "line 1"),
        ("[colours]\nprimary = '#nonsense'", "line 2: colours.primary: '#nonsense' is not a colour"),
        ("[colours]\naccent = 'red'", "primary is missing"),
        ("\n\ncolour = 1\n[colours]\nprimary = 'red'", "line 3: unknown key 'colour'"),
        ("[colours]\nprimary = 'red'\npink = 'red'", "line 3: unknown colour 'pink'"),
        ("[colours]\nprimary = 3", "line 1: colours must be a section of texts"),
        ("dark = 'yes'\n" + GOOD, "line 1: dark must be true or false"),
        (GOOD + "[variables]\nborder = 'red; } * { display: none'", "line 4: variables.border"),
        (GOOD + "[variables]\nborder = 'no-colour'", "is not a colour"),
        (GOOD + "[variables]\nblock-cursor-text-style = 'loud'", "is not a text style"),
        (GOOD + "[variables]\nlink-style = 'bold not'", "is not a text style"),
        (GOOD + "[variables]\ninput-cursor-text-style = 'none bold'", "is not a text style"),
        (GOOD + "[variables]\nlink-style-hover = 'red'", "is not a text style"),
        (GOOD + "[variables]\nborder = 'auto'", "is not a colour"),
        (GOOD + "[variables]\nprimary-lighten-1 = 'red 50%'", "is not a colour"),
        (GOOD + "[variables]\n'} * {' = 'red'", "unknown variable"),
        (f"name = {'n' * 9000!r}\n" + GOOD, "is no name"),
        ("name = '[bold]<x>'\n" + GOOD, "line 1: '[bold]<x>' is no name"),
        ("name = 'a, b'\n" + GOOD, "is no name"),
        ("name = 7\n" + GOOD, "is no name"),
        ("#" * 70_000, "65536 bytes"),
        ("\xff", "decode"),
    ],
)
def test_a_bad_theme_is_named_with_its_line_and_skipped(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "a-bad.toml").write_bytes(text.encode("latin-1"))
    (tmp_path / "b-good.toml").write_text(GOOD)
    loaded = load_themes([tmp_path, tmp_path / "missing"])
    assert [theme.name for theme in loaded.themes] == ["b-good"]
    assert len(loaded.failures) == 1 and "a-bad.toml" in loaded.failures[0] and complaint in loaded.failures[0]
    assert len(loaded.failures[0]) < 500


def test_names_of_files_are_harmless_and_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.toml").mkdir()
    (tmp_path / f"{HOSTILE.replace('/', '_')}.toml").write_text(GOOD)
    loaded = load_themes([tmp_path])
    assert loaded.themes == [] and len(loaded.failures) == 3
    assert all(failure.isprintable() for failure in loaded.failures)


def test_the_operators_theme_stands_in_for_a_shipped_one_and_that_is_said(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text("name = 'nord'\n[colours]\nprimary = '#123456'\n")
    (tmp_path / "other.toml").write_text("name = 'nord'\n[colours]\nprimary = '#654321'\n")
    loaded = load_themes([shipped("themes"), tmp_path])
    assert loaded.read["nord"].theme.primary == "#123456"
    assert loaded.notes == ["your theme nord (mine.toml) stands in for the shipped one"]
    assert loaded.failures == ["theme other.toml was skipped: mine.toml is called nord too"]


# -- which one it begins with

NAMES = [theme.name for theme in SHIPPED.themes]


@pytest.mark.parametrize(
    ("environ", "setting", "theme"),
    [
        ({}, "", "opsconsole"),
        ({"TERM": "xterm-256color"}, "", "opsconsole"),
        ({"TERM": "xterm"}, "", "terminal-16"),
        ({"TERM": "linux"}, "", "terminal-16"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "", "opsconsole"),
        ({"TERM": "xterm-direct"}, "", "opsconsole"),
        ({"TERM": "linux"}, "nord", "nord"),
        ({"TEXTUAL_THEME": "gruvbox"}, "", "gruvbox"),
        ({"TEXTUAL_THEME": "gruvbox"}, "nord", "nord"),
        ({"NO_COLOR": "", "TEXTUAL_THEME": "gruvbox"}, "nord", "monochrome"),
        ({"SSH_CONNECTION": "1 2 3 4", "TERM": "xterm-256color"}, "", "opsconsole"),
    ],
)
def test_the_first_theme(environ: dict[str, str], setting: str, theme: str) -> None:
    assert theme_for(environ, setting, NAMES) == (theme, None)


def test_a_theme_that_is_not_there_is_said(tmp_path: Path) -> None:
    theme, problem = theme_for({"TERM": "xterm"}, "\x1b[31mnone", NAMES)
    assert theme == "terminal-16" and problem is not None and problem.isprintable()
    assert theme_for({}, "x", []) == ("textual-dark", "there is no theme called x; textual-dark is used")


async def test_every_theme_is_applied_while_the_console_runs_and_what_is_wrong_is_told(
    engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    (config / "themes").mkdir(parents=True)
    (config / "themes" / "bad.toml").write_text("x")
    mine = config / "themes" / "mine.toml"
    mine.write_text("name = 'mine'\n[colours]\nprimary = '#010203'\n")
    (config / "themes" / "bare.toml").write_text("ansi = true\n[colours]\nprimary = 'ansi_blue'\n")
    styled = "text = 'auto 80%'\nlink-style-hover = 'bold  not underline'\nborder = 'red 50%'\n"
    (config / "themes" / "styled.toml").write_text(f"[colours]\nprimary = 'red'\n[variables]\n{styled}")
    monkeypatch.setenv("OPSCONSOLE_CONFIG", str(config / "config.toml"))
    app = console(engine)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await until(pilot, lambda: any("bad.toml" in one.message for one in app._notifications))
        for name in [*NAMES, "bare", "styled", "mine"]:
            app.theme = name
            await pilot.pause()
        mine.write_text("name = 'mine'\n[colours]\nprimary = '#030201'\n")
        app.reload_themes()
        await until(pilot, lambda: app.theme_variables["primary"] == "#030201")


def test_quiet_words_under_a_reversed_cursor_are_not_dim() -> None:
    dim, under = Style(dim=True), Style(dim=True, reverse=True)
    segments = Undimmed().apply([Segment("a", dim), Segment("b", under), Segment("c", None)], Color(0, 0, 0))
    assert [bool(one.style and one.style.dim) for one in segments] == [True, False, False]
    assert segments[1].style is not None and segments[1].style.reverse
