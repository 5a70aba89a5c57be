"""How the room is shared out."""

from __future__ import annotations

import pytest

from opsconsole.tui.screens.overview.plan import Plan, Wants, plan

SIZES = [(80, 22), (109, 30), (110, 20), (120, 34), (160, 43), (300, 98), (80, 10), (60, 3), (200, 14)]
WANTS = [Wants(), Wants(1, 1, 1), Wants(5, 3, 8), Wants(500, 300, 500), Wants(0, 300, 0)]


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("wants", WANTS, ids=str)
def test_no_line_is_given_twice(size: tuple[int, int], wants: Wants) -> None:
    found = plan(*size, wants)
    side = found.running + found.since
    lists = side + found.processes if found.stacked else max(side, found.processes)
    assert found.trouble + found.graphs + lists <= size[1]
    assert all(lines >= 0 for lines in found[:5])
    assert found.trouble >= 1


@pytest.mark.parametrize("size", [(80, 22), (120, 34), (160, 43), (300, 98)], ids=str)
@pytest.mark.parametrize("wants", WANTS, ids=str)
def test_graphs_trouble_runs_and_what_happened_are_always_to_be_seen(size: tuple[int, int], wants: Wants) -> None:
    found = plan(*size, wants)
    assert found.graphs >= 4
    for lines, wanted in zip((found.trouble, found.running, found.since), wants, strict=True):
        assert lines >= 1 + min(wanted, 3)


def test_nothing_wrong_is_one_line_and_the_graphs_take_its_room() -> None:
    calm, sick = plan(160, 43, Wants()), plan(160, 43, Wants(trouble=9))
    assert calm.trouble == 1 and sick.trouble == 1 + 9 + 1  # and air below
    assert calm.graphs > sick.graphs


def test_narrow_is_two_by_two_and_wide_is_a_row() -> None:
    assert plan(80, 22, Wants()).per_row == 2
    assert plan(160, 43, Wants(), 4).per_row == 4
    assert plan(300, 98, Wants(), 5).per_row == 5


@pytest.mark.parametrize("size", [(110, 20), (160, 43), (300, 98)], ids=str)
def test_the_arrangement_follows_what_is_wrong_or_runs_and_no_count(size: tuple[int, int]) -> None:
    some = (0, 1, 2, 3, 4, 5, 9, 400)
    assert {plan(*size, Wants(0, 0, since)).stacked for since in some} == {True}
    for wants in (Wants(since=since, **{one: 1}) for since in some for one in ("trouble", "running")):
        assert not plan(*size, wants).stacked
    assert len({plan(*size, Wants(running=1, since=since))[:3] for since in some}) == 1  # panes stay where they are
    assert len({plan(*size, Wants(since=since)).graphs for since in some}) == 1


def test_where_there_is_hardly_room_the_lists_that_matter_stay() -> None:
    found = plan(80, 8, Wants(5, 5, 5))
    assert isinstance(found, Plan) and found.graphs == 0 and found.processes == 0
    assert found.trouble >= 4 and found.running >= 2
