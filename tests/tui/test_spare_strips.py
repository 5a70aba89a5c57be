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
from opsconsole.tui.spare_strips import _cropped, _divided, make_spare

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


def reachable(one: object) -> list[object]:
    """What a line refers to, and what that refers to: lines, their caches, and what is in them."""
    found: list[object] = []
    todo = [one]
    while todo:
        for other in gc.get_referents(todo.pop()):
            if isinstance(other, Strip | FIFOCache | dict | list | tuple) and id(other) not in map(id, found):
                found.append(other)
                todo.append(other)
    return found


def test_a_line_goes_when_nobody_refers_to_it_whatever_it_was_asked_for() -> None:
    one = line()
    whole = [one.divide([9]), one.divide([9, 12]), [one.crop_extend(0, 9, None), one.crop_extend(-2, 9, BOLD)]]
    assert all(part is one for parts in whole for part in parts)
    for _ in range(2):
        one.crop(0, 9), one.crop(2, 7), one.divide([3, 9]), one.adjust_cell_length(9), one.adjust_cell_length(12)
        one.crop_extend(0, 12, None), one.crop_extend(4, 9, BOLD), one.apply_style(BOLD), one.apply_offsets(0, 0)
        one.apply_filter(Monochrome(), Color(0, 0, 0)), one.render(Console(force_terminal=True))
    assert len(caches_of(one)) > 4
    assert all(found is not one for found in reachable(one)), "only the collector of garbage could take it away"


def test_parts_of_a_line_are_what_textual_says() -> None:
    for cuts in ([], [9], [3], [3, 9], [9, 20], [3, 20], [20]):
        assert [part.text for part in line().divide(cuts)] == [part.text for part in _divided(line(), cuts)]
    for start in (-1, 0, 1, 9, 12):
        for end in (0, 4, 9, 10, 14):
            assert line().crop_extend(start, end, BOLD) == _cropped(line(), start, end, BOLD)
