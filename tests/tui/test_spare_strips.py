"""A drawn line has the caches that were asked for, and does what Textual's does."""

from __future__ import annotations

import gc

from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual.cache import FIFOCache
from textual.color import Color
from textual.filter import Monochrome
from textual.strip import Strip

import opsconsole.tui.appearance  # noqa: F401 - it makes lines spare
from opsconsole.tui.spare_strips import make_spare

BOLD = Style(bold=True)
PLAIN = Style()
CACHES = ("_divide_cache", "_crop_cache", "_style_cache", "_filter_cache", "_line_length_cache", "_crop_extend_cache",
          "_offsets_cache")  # fmt: skip


def line() -> Strip:
    return Strip([Segment("12345", BOLD), Segment("6789", PLAIN)])


def caches_of(strip: Strip) -> list[object]:
    """Those there are, without asking for one."""
    return [one for one in gc.get_referents(strip) if isinstance(one, FIFOCache)]


def test_a_new_line_has_no_cache() -> None:
    assert caches_of(line()) == []


def test_what_was_asked_for_once_is_remembered() -> None:
    one = line()
    assert one.crop(2, 7) is one.crop(2, 7)
    assert one.divide([3, 9]) is one.divide([3, 9])
    assert len(caches_of(one)) == 2


def test_every_cache_is_there_when_it_is_asked_for_and_stays() -> None:
    one = line()
    for name in CACHES:
        assert getattr(one, name) is getattr(one, name)
    assert len(caches_of(one)) == len(CACHES)


def test_a_line_does_all_that_lines_do() -> None:
    one = line()
    assert one.text == "123456789"
    assert one.cell_length == 9
    assert one.crop(2, 7).text == "34567"
    assert [part.text for part in one.divide([3, 9])] == ["123", "456789"]
    assert one.adjust_cell_length(12).text == "123456789   "
    assert one.crop_extend(4, 12, None).text == "56789   "
    assert one.apply_style(BOLD).text == one.apply_filter(Monochrome(), Color(0, 0, 0)).text == one.text
    assert one.apply_offsets(1, 2).text == one.text
    assert Strip.join([one, line()]).cell_length == 18
    assert one == line()
    assert one.link_ids == {""}  # as Textual says it of a text with a style
    assert "\x1b[1m12345" in one.render(Console(force_terminal=True, color_system="truecolor"))


def test_it_is_done_once() -> None:
    before = Strip.__dict__["_crop_cache"]
    make_spare()
    assert Strip.__dict__["_crop_cache"] is before
