"""Graphs, sparks and bars in what the terminal can show; and every character of ours has an ASCII look-alike."""

from __future__ import annotations

import ast
import random
import unicodedata
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.app import ComposeResult
from textual.color import Color

import opsconsole.tui
from opsconsole.tui.glyphs import ASCII, BLOCK, BRAILLE, HALF_BLOCK, GlyphSet, choose
from opsconsole.tui.look_alikes import LookAlikes, in_ascii, on_linux_console, wanted
from opsconsole.tui.severities import GLYPHS
from opsconsole.tui.widgets.bar import bar_cells
from opsconsole.tui.widgets.graph import Graph
from opsconsole.tui.widgets.plot import Columns, Limits, Stretch, columns_of, rows_of
from opsconsole.tui.widgets.spark import spark_cells
from opsconsole.tui.widgets.tones import TonedApp
from opsconsole.tui.wording import FACES
from tests.tui.fake_engine import FakeEngine
from tests.tui.scenes import console
from tests.tui.waiting import lines_of, shown, started, until

SECOND = 1_000_000
SETS = (BRAILLE, BLOCK, HALF_BLOCK, ASCII)
UTF8 = {"LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}


# -- which set


@pytest.mark.parametrize(
    ("setting", "environ", "encoding", "expected"),
    [
        ("auto", UTF8, "utf-8", BRAILLE),
        ("auto", {}, "UTF-8", BRAILLE),
        ("auto", {"LANG": "de_DE.UTF-8", "TERM": "linux"}, "utf-8", HALF_BLOCK),
        ("auto", {"LANG": "de_DE.utf8", "TERM": "vt220"}, "utf-8", ASCII),
        ("auto", {"LC_ALL": "C"}, "utf-8", ASCII),
        ("auto", {"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, "utf-8", ASCII),
        ("auto", {"LANG": "de_DE.ISO-8859-1"}, "iso8859-1", ASCII),
        ("auto", {"LC_CTYPE": "de_DE.ISO-8859-15@euro", "LANG": "en_GB.UTF-8"}, "utf-8", ASCII),
        ("auto", {"LANG": "de_DE@euro"}, "iso8859-15", ASCII),
        ("block", UTF8, "utf-8", BLOCK),
        ("ascii", UTF8, "utf-8", ASCII),
        ("braille", {"LC_ALL": "C"}, "utf-8", BRAILLE),
        ("braille", {"TERM": "linux"}, "utf-8", BRAILLE),
        ("braille", {"LC_ALL": "C"}, "ascii", ASCII),
        ("block", {"LC_ALL": "C"}, "latin-1", ASCII),
    ],
)
def test_what_is_drawn_with(setting: str, environ: dict[str, str], encoding: str, expected: GlyphSet) -> None:
    assert choose(setting, environ, encoding) is expected


def test_other_characters_are_replaced_where_the_terminal_cannot_show_them() -> None:
    assert wanted("auto", UTF8, "utf-8") is None
    assert wanted("auto", {"LC_ALL": "C"}, "utf-8") is not None
    assert wanted("ascii", UTF8, "utf-8") is not None
    assert wanted("braille", {"LC_ALL": "C"}, "utf-8") is None
    assert wanted("braille", UTF8, "latin-1") is not None
    on_console = wanted("auto", {"TERM": "linux", "LANG": "C.UTF-8"}, "utf-8")
    assert on_console is not None
    assert on_console.apply([Segment("▶ é 日…")], Color(0, 0, 0))[0].text == "► é 日."


# -- sparks and bars


def spark(values: Sequence[float | None], width: int, glyphs: GlyphSet, top: float = 0.0) -> str:
    return "".join(cell.text for cell in spark_cells(values, width, glyphs, top=top))


@pytest.mark.parametrize("glyphs", SETS, ids=lambda one: f"{one.name}-{one.levels}")
def test_a_spark_is_as_wide_as_it_should_be_and_shows_the_newest(glyphs: GlyphSet) -> None:
    values = [None, 0.0, 100.0, *(float(value) for value in range(50))]
    for width in (0, 1, 7, 40):
        text = spark(values, width, glyphs)
        assert cell_len(text) == width
    assert spark([], 5, glyphs) == spark([None], 5, glyphs) == " " * 5
    assert spark([0.0, 0.0], 1, glyphs) not in (" ", ""), "zero is not a gap"
    full = glyphs.cells[-1]
    assert spark([1.0] * 9, 3, glyphs) == full * 3 and spark([50.0] * 9, 1, glyphs, top=100.0) != full


def test_sparks_in_each_set() -> None:
    values = [0, 25, 50, 75, 100, 100]
    assert spark(values, 3, BRAILLE, 100.0) == "⣀⣴⣿"
    assert spark(values, 6, BLOCK, 100.0) == "▁▂▄▆██"
    assert spark(values, 6, ASCII, 100.0) == ".:=+##"


def test_a_spark_has_the_colours_of_what_is_too_much_in_few_pieces() -> None:
    cells = spark_cells([10, 10, 90, 90, None, None, 99, 99], 4, BRAILLE, warn=80, bad=95, top=100)
    assert [cell.tone for cell in cells] == ["graph", "warning", "bad"]
    assert [cell_len(cell.text) for cell in cells] == [1, 2, 1], "a gap goes with what stands before it"


def test_a_bar_is_neither_empty_when_there_is_something_nor_full_when_it_is_not_all() -> None:
    def drawn(fraction: float | None, width: int = 10, glyphs: GlyphSet = ASCII) -> str:
        return "".join(cell.text for cell in bar_cells(fraction, width, glyphs))

    assert [drawn(share) for share in (0.0, 0.001, 0.5, 0.55, 0.999, 1.0, 7.0, None, -1.0)] == [
        "----------", "+---------", "#####-----", "#####+----", "#########+", "##########", "##########", "----------",
        "----------",
    ]  # fmt: skip
    assert drawn(0.25, 4, BRAILLE) == "━───" and drawn(0.3, 5, BLOCK) == "█▌░░░" and drawn(0.5, 0) == ""
    assert [cell.tone for cell in bar_cells(0.5, 4, ASCII, "warning")] == ["warning", "faint"]


# -- graphs


def test_rows_have_few_pieces_a_rule_and_gaps() -> None:
    rows = list(rows_of([100.0, 10.0, None, 90.0], 2, 100.0, BLOCK, Limits(warn=80, bad=95, rule=60.0)))
    assert ["".join(cell.text for cell in row) for row in rows] == ["█┈┈▆", "█▂ █"]
    assert [(cell.text, cell.tone) for cell in rows[1]] == [("█", "bad@9"), ("▂ ", "graph@9"), ("█", "warning@9")]


class _Graphs(TonedApp):
    CSS = ".tone--faint { color: red; }"
    glyphs = BRAILLE

    def compose(self) -> ComposeResult:
        self.graph = Graph("CPU", top=0, scale=lambda value: f"{value:.0f} MB/s", threshold=5.0)
        yield self.graph


async def test_a_graph_changes_its_glyphs_while_it_is_shown_and_draws_only_changed_lines() -> None:
    app = _Graphs()
    async with app.run_test(size=(40, 5)) as pilot:
        for second in range(200):
            app.graph.add(second * SECOND, 1.0, second % 9, "now", ["words"])
        await pilot.pause()
        assert "CPU now  words" in shown(pilot) and "most 8 MB/s  5 min" in shown(pilot)
        assert "⣿" in shown(pilot) and "┈" in shown(pilot)
        for glyphs, char in ((BLOCK, "█"), (ASCII, "#")):
            app.glyphs = glyphs
            app.graph.refresh()
            await pilot.pause()
            assert char in shown(pilot) and "⣿" not in shown(pilot)
        drawn: list[int] = []
        render = app.graph.render_line
        app.graph.render_line = lambda y: drawn.append(y) or render(y)  # type: ignore[method-assign,func-returns-value]
        app.graph.add(199 * SECOND + 1, 1.0, 0.0, "later")
        await until(pilot, lambda: "CPU later" in shown(pilot))
        assert 0 in drawn and len(set(drawn)) < 5


@pytest.mark.parametrize("back_s", [30, 3600])
async def test_a_graph_goes_on_at_once_when_the_clock_was_set_back(back_s: int) -> None:
    app = _Graphs()
    async with app.run_test(size=(40, 5)) as pilot:
        graph, start = app.graph, 10_000
        for second in range(start, start + 100):
            graph.add(second * SECOND, 1.0, 7.0, "now")
        await pilot.pause()
        assert graph.values[-1] == 7.0
        now = start + 100 - back_s
        for second in range(now, now + 20):
            graph.add(second * SECOND, 1.0, 3.0, "now")
            assert graph.values[-1] is not None
        assert graph.values[-1] == 3.0
        graph.pass_time((now + 60) * SECOND)
        assert graph.values[-1] is None, "nothing came since"
        graph.pass_time((now + 40) * SECOND)
        graph.add((now + 41) * SECOND, 1.0, 4.0, "now")
        assert graph.values[-1] == 4.0 and len(graph.values) == BRAILLE.columns * graph.size.width


# -- look-alikes


def ours() -> set[str]:
    """Every sign beyond ASCII in a text of the code, not in what explains it, and not what stands for unknowns."""
    found: set[str] = set()
    for file in Path(opsconsole.tui.__file__).parent.rglob("*.py"):
        if file.name == "look_alikes.py":
            continue
        tree = ast.parse(file.read_text(encoding="utf-8"))
        said = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
        explained = {id(value) for value in said if isinstance(value, ast.Constant)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in explained:
                found |= {char for char in node.value if unicodedata.category(char)[0] in "SPZ" or char in "µμΔ"}
    return {char for char in found if not char.isascii() and cell_len(char)} - {"\ufffd", "␡"}


def test_every_character_of_ours_has_a_look_alike_of_its_width() -> None:
    assert len(ours()) > 30
    for char in ours() | set("".join(one for glyphs in SETS for one in (*glyphs.cells, *glyphs.bar))):
        assert in_ascii(char).isascii() and cell_len(in_ascii(char)) == cell_len(char), char
        assert in_ascii(char) != "?" * cell_len(char), f"{char} has no look-alike"


def test_what_means_different_things_looks_different() -> None:
    states, severities = [face.glyph for face in FACES.values()], sorted(GLYPHS.values())
    for family in (states, severities, states + severities):
        assert len({in_ascii(glyph) for glyph in family}) == len(family)
        assert len({on_linux_console(glyph) for glyph in family}) == len(family)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("╭─┬─╮ │ ├─┤ ╰─╯ ║ ═", "+-+-+ | +-+ +-+ | ="),
        ("naïve café", "naive cafe"),
        ("starting … ~/.local", "starting.. ~/.local"),
        ("日本 ελ", "???? ??"),
        ("e\u0301", "e"),
        ("\u00a0½ ﬁ", " ? ?"),
        ("⣿⣀ ", "#: "),
    ],
)
def test_other_scripts_become_question_marks_and_widths_stay(text: str, expected: str) -> None:
    assert in_ascii(text) == expected and cell_len(in_ascii(text)) == cell_len(text)


def test_lines_that_are_ascii_pass_untouched_and_styles_stay() -> None:
    style = Style(bold=True)
    plain = [Segment("abc", style)]
    assert LookAlikes().apply(plain, Color(0, 0, 0)) is plain
    assert LookAlikes().apply([Segment("a…", style), *plain], Color(0, 0, 0)) == [Segment("a.", style), *plain]


async def test_without_utf8_every_screen_is_ascii(engine: FakeEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "C")
    engine.put(name="größe 日本")
    async with console(engine).run_test(size=(120, 36), notifications=True) as pilot:
        await started(pilot)
        app = pilot.app
        await until(pilot, lambda: "gro?e ????" in shown(pilot))
        assert app.glyphs is ASCII  # type: ignore[attr-defined]
        for key in ("3", "4", "2", "question_mark", "escape", "ctrl+p", "escape", "n", "escape", "q"):
            await pilot.press(key)
            await pilot.pause()
            app.notify("… ▶ ✔", markup=False)
            await pilot.pause()
            assert all(line.isascii() for line in lines_of(pilot)), key
        app.use_graphs("braille")  # type: ignore[attr-defined]
        await pilot.pause()
        assert "größe 日本" in shown(pilot) and app.glyphs is BRAILLE  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(20))
def test_columns_that_go_on_are_those_made_anew(seed: int) -> None:
    of = random.Random(seed)
    step, count = of.choice([(1, 8), (3_000_000, 20), (7, 5)])
    recorded = [Stretch(at, at + of.randrange(1, 3 * step), of.random()) for at in range(0, 30 * step, step)]
    live: list[Stretch] = []
    newest = of.randrange(20)
    columns = Columns(recorded, live, newest, count, step)
    for _ in range(40):
        newest += of.choice([0, 0, 1, 1, 2, 2 * count])
        stretch = None
        if of.random() < 0.8:
            until = (newest + 1) * step - of.randrange(step)
            stretch = Stretch(max(0, until - of.randrange(1, 2 * step)), until, of.random())
            live.append(stretch)
        columns.put(stretch, newest)
        anew = zip(columns_of(recorded, newest, count, step), columns_of(live, newest, count, step), strict=True)
        assert columns.shown == [old if new is None else new for old, new in anew]


class _Narrow(TonedApp):
    def compose(self) -> ComposeResult:
        self.graph = Graph("Memory", short="Mem")
        yield self.graph


@pytest.mark.parametrize(
    ("width", "said"),
    [(40, "Memory 92.0 MiB  ↑ 17.5 MiB/s"), (25, "Memory 92.0M  ↑ 17.5M/s"), (12, "Mem 92.0M"), (9, "Mem 92.0M")],
)
async def test_a_narrow_heading_gives_up_words_before_figures(width: int, said: str) -> None:
    app = _Narrow()
    async with app.run_test(size=(width, 4)) as pilot:
        app.graph.add(SECOND, 1.0, 5.0, "92.0 MiB", ["↑ 17.5 MiB/s"])
        await until(pilot, lambda: lines_of(pilot)[0].startswith(said))
