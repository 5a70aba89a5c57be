"""What is sent is little, and what the terminal shows is what was meant."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.drivers.headless_driver import HeadlessDriver
from textual.geometry import Region
from textual.strip import Strip

from opsconsole.tui.app import ConsoleApp
from opsconsole.tui.frame_changes import Frame
from tests.tui.emulated import Terminal
from tests.tui.fake_engine import NOW
from tests.tui.processes.fake_processes import closely, install, small_host
from tests.tui.scenes import trouble
from tests.tui.waiting import settled, started

WIDTH, HEIGHT = 30, 6
LOOKS = ("none", "#d7dde5 on #0f1419", "bold #f4716b on #0f1419", "reverse", "dim", "bold on red", "cyan")
QUIET = Style.parse(LOOKS[1])
TEXTS = ("ab", "  ", "日本", "⣿⣷", "…", "long words here", "▶ ")


def console(colours: str = "truecolor") -> Console:
    return Console(color_system=colours, force_terminal=True, file=io.StringIO(), _environ={})  # type: ignore[arg-type]


def whole(rows: Sequence[Strip]) -> LayoutUpdate:
    return LayoutUpdate([[row] for row in rows], Region(0, 0, WIDTH, len(rows)))


def part(rows: Sequence[Strip], spans: list[tuple[int, int, int]], cut: int = 12) -> ChopsUpdate:
    chops = [{0: row.crop(0, cut), cut: row.crop(cut, WIDTH)} for row in rows]
    return ChopsUpdate(chops, spans, [[cut, WIDTH] for _ in rows])


def line(*pieces: tuple[str, Style | None]) -> Strip:
    return Strip([Segment(text, style) for text, style in pieces]).adjust_cell_length(WIDTH)


def sent(frame: Frame, update: CompositorUpdate, colours: str = "truecolor") -> str:
    return frame.changes(update).render_segments(console(colours))


def test_whatever_changes_the_terminal_shows_it_as_a_whole_picture_would() -> None:
    chance = random.Random(20)  # the same pictures each time
    styles = [Style.parse(look) for look in LOOKS]
    frame, shown = Frame(), Terminal(WIDTH, HEIGHT)
    rows = [Strip.blank(WIDTH)] * HEIGHT
    shown.feed(sent(frame, whole(rows)))
    for _ in range(500):
        spans = []
        for y in sorted(chance.sample(range(HEIGHT), 3)):
            row = line(*((chance.choice(TEXTS), chance.choice(styles)) for _ in range(9)))
            rows[y] = row if chance.random() < 0.5 else Strip.join([rows[y].crop(0, 12), row.crop(12, WIDTH)])
            spans.append((y, 0, WIDTH))
        shown.feed(sent(frame, part(rows, spans)))
        expected = Terminal(WIDTH, HEIGHT)
        expected.feed(part(rows, [(y, 0, WIDTH) for y in range(HEIGHT)]).render_segments(console()))
        assert shown.seen == expected.seen


@pytest.mark.parametrize("update", [whole, lambda rows: part(rows, [(y, 0, WIDTH) for y in range(len(rows))])])
def test_what_is_forgotten_while_it_is_written_is_sent_again(update: Callable[[list[Strip]], CompositorUpdate]) -> None:
    """A signal can come between any two lines."""

    class Signalled(Strip):
        def __iter__(self) -> Iterator[Segment]:
            frame.forget()
            return super().__iter__()

        def crop(self, start: int, end: int | None = None) -> Strip:
            frame.forget()
            return super().crop(start, end)

    frame, shown = Frame(), Terminal(WIDTH, HEIGHT)
    rows = [line((f"line {y}", QUIET)) for y in range(HEIGHT)]
    shown.feed(sent(frame, whole([Strip.blank(WIDTH)] * HEIGHT)))
    signalled = Signalled(rows[1]._segments, WIDTH)
    shown.feed(sent(frame, update([rows[0], signalled, *rows[2:]])))
    expected = Terminal(WIDTH, HEIGHT)
    expected.feed(whole(rows).render_segments(console()))
    assert shown.seen == expected.seen
    assert "line 0" in sent(frame, whole(rows))


def test_colours_are_those_the_terminal_has() -> None:
    row = [line(("a", QUIET))]
    assert sent(Frame(), whole(row), "standard").startswith("\x1b[1;1H\x1b[97;40ma")
    assert "38;5;" in sent(Frame(), whole(row), "256")


def test_only_the_cells_that_changed_are_sent() -> None:
    frame, quiet = Frame(), QUIET
    before = [line(("CPU 12 % of four cores", quiet))] * 3
    sent(frame, whole(before))
    assert sent(frame, part(before, [(0, 0, WIDTH), (2, 0, WIDTH)])) == ""
    after = [before[0], line(("CPU 13 % of four cores", quiet)), before[2]]
    text = sent(frame, part(after, [(1, 0, WIDTH)]))
    assert text == "\x1b[2;6H\x1b[38;2;215;221;229;48;2;15;20;25m3\x1b[0m"


def test_a_colour_that_stays_is_not_said_again() -> None:
    frame, ground = Frame(), "on #0f1419"
    red, green = Style.parse(f"#ff0000 {ground}"), Style.parse(f"#00ff00 {ground}")
    text = sent(frame, whole([line(("a", red), ("b", green), ("c", green + Style(bold=True)), ("d", green))]))
    assert text.count("48;2;15;20;25") == 2  # once, and once more after bold, which only a reset ends
    assert "\x1b[38;2;0;255;0mb\x1b[1mc" in text


def test_what_was_never_written_is_sent_later_and_after_a_pager_everything_is() -> None:
    frame, rows = Frame(), [line(("hello", QUIET))]
    frame.changes(whole(rows))  # made, but there was nobody to write it
    assert "hello" in sent(frame, part(rows, [(0, 0, WIDTH)]))
    sent(frame, whole(rows))
    assert sent(frame, part(rows, [(0, 0, WIDTH)])) == ""
    frame.forget()
    assert "hello" in sent(frame, part(rows, [(0, 0, WIDTH)]))
    assert "hello" in sent(frame, whole(rows))


def test_a_picture_of_several_characters_is_sent_as_a_whole() -> None:
    frame, family = Frame(), "\U0001f469\u200d\U0001f469\u200d\U0001f467"
    sent(frame, whole([line(("ab", None))]))
    assert sent(frame, part([line(("e\u0301x", None))], [(0, 0, WIDTH)])).startswith("\x1b[1;1He\u0301x")
    assert family + "c" in sent(frame, part([line((family, None), ("c", None))], [(0, 0, WIDTH)]))


def test_a_link_is_closed() -> None:
    linked = Style(link="https://example.org")
    text = sent(Frame(), whole([line(("a", linked), ("b", None))]))
    assert text.count("\x1b]8;") == 2 and "\x1b]8;;\x1b\\" in text


SIZE = (120, 36)


class Emulating(HeadlessDriver):
    """A driver whose screen is emulated, and not left out as without a terminal."""

    terminal = Terminal(*SIZE)

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.terminal.feed(data)


async def test_the_console_shows_after_any_key_what_it_would_draw_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, small_host(), closely)  # nothing on it changes between a frame and the look at it
    engine = trouble(tmp_path / "state")
    app = ConsoleApp(
        lambda: engine, engine.settings, host="web-03", user="deploy", clock=lambda: NOW, start="processes",
        load=lambda: 0.4, driver=Emulating,
    )  # fmt: skip
    shown = Emulating.terminal = Terminal(*SIZE)
    async with app.run_test(size=SIZE, headless=False) as pilot:
        await started(pilot)
        for key in (
            "j",
            "enter",
            "escape",
            "3",
            "j",
            "t",
            "4",
            "j",
            "question_mark",
            "escape",
            "ctrl+p",
            "escape",
            "2",
        ):
            await pilot.press(key)
            await settled(pilot, quiet_s=0.05)
            meant = Terminal(*SIZE)
            meant.feed(str(app.screen._compositor.render_full_update().render_segments(app.console)))
            assert shown.lines == meant.lines, key
            assert shown.seen == meant.seen, key
