"""What mode 6 looks like. After a wanted change: `pytest tests/tui/history/test_snapshots.py --snapshot-update`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from opsconsole.errors import DatabaseLocked
from opsconsole.storage import archive
from tests.tui.history.record import RecordEngine, believable
from tests.tui.history.scene import at_rest, history, opened, screen_of
from tests.tui.waiting import settled, shown, until

Compare = Callable[..., bool]
HUGE, LARGE, MIDDLE, SMALL = (300, 100), (160, 45), (120, 36), (80, 24)
LIGHT = "opsconsole-light"
COMPARED = ("space", "slash", *"name:sync", "enter", "end", "equals_sign")


@pytest.fixture
def record(tmp_path: Path) -> Iterator[RecordEngine]:
    engine = believable(tmp_path / "state")
    yield engine
    engine.record.close()


def after(*keys: str) -> Callable[[Pilot[Any]], Any]:
    async def prepare(pilot: Pilot[Any]) -> None:
        screen = await opened(pilot)
        for key in keys:
            await pilot.press(key)
            await until(pilot, lambda: at_rest(screen))
        await settled(pilot)

    return prepare


@pytest.mark.parametrize(("size", "theme"), [(SMALL, None), (LARGE, None), (HUGE, None), (LARGE, LIGHT)])
def test_list(snap_compare: Compare, record: RecordEngine, size: tuple[int, int], theme: str | None) -> None:
    assert snap_compare(history(record, theme=theme), terminal_size=size, run_before=after("j"))


def test_search(snap_compare: Compare, record: RecordEngine) -> None:
    assert snap_compare(history(record), terminal_size=LARGE, run_before=after("slash", *"rsync", "enter"))


@pytest.mark.parametrize(("size", "theme"), [(SMALL, None), (LARGE, LIGHT)])
def test_run(snap_compare: Compare, record: RecordEngine, size: tuple[int, int], theme: str | None) -> None:
    assert snap_compare(history(record, theme=theme), terminal_size=size, run_before=after("enter"))


@pytest.mark.parametrize(("size", "theme"), [(SMALL, None), (LARGE, None), (LARGE, LIGHT)])
def test_comparison(snap_compare: Compare, record: RecordEngine, size: tuple[int, int], theme: str | None) -> None:
    assert snap_compare(history(record, theme=theme), terminal_size=size, run_before=after(*COMPARED))


@pytest.mark.parametrize(("size", "theme"), [(SMALL, None), (LARGE, None), (HUGE, None), (LARGE, LIGHT)])
def test_statistics(snap_compare: Compare, record: RecordEngine, size: tuple[int, int], theme: str | None) -> None:
    assert snap_compare(history(record, theme=theme), terminal_size=size, run_before=after("S"))


def test_export(snap_compare: Compare, record: RecordEngine) -> None:
    assert snap_compare(history(record), terminal_size=MIDDLE, run_before=after("e"))


def test_empty(snap_compare: Compare, tmp_path: Path) -> None:
    record = RecordEngine(tmp_path / "state")
    assert snap_compare(history(record), terminal_size=SMALL, run_before=after())


def test_a_record_that_cannot_be_read(
    snap_compare: Compare, record: RecordEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(self: archive.Archive, filter: Any, most: int) -> Any:
        raise DatabaseLocked("the database is locked by another program", hint="wait, or end that program")

    monkeypatch.setattr(archive.Archive, "beginning", locked)

    async def prepare(pilot: Pilot[Any]) -> None:
        await until(pilot, lambda: "The record cannot be read." in shown(pilot))
        screen_of(pilot.app).app.clear_notifications()  # type: ignore[arg-type]
        await settled(pilot)

    assert snap_compare(history(record), terminal_size=MIDDLE, run_before=prepare)
